/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the store as bytes: a version octet, then numbers (LEB128, signed ones zigzag) and texts (length, octets, NUL). Compact, since a site
 * has many members; a later version of a kind of row appends fields or raises its version. Readers check every bound and trust no length. */
#ifndef LISTD_STORE_RECORD_H
#define LISTD_STORE_RECORD_H

#include "mail/buf.h"

#include <stdint.h>

/* Begin a record in an emptied buffer. */
void record_begin(struct buf *out, uint8_t version);
void record_put_number(struct buf *out, uint64_t number);
void record_put_signed(struct buf *out, int64_t number);
/* text may be NULL, which is kept as "". */
void record_put_text(struct buf *out, const char *text);
/* The same for what a stranger wrote: no more than max octets, whole UTF-8 characters. */
void record_put_cut(struct buf *out, const char *text, size_t max);
/* Four octets, most significant first, as keys have them. */
void record_put_id(struct buf *out, uint32_t id);

/* A record being read. After the first fault everything reads as 0 or "" and bad stays set, so that a reader checks once, at the end. */
struct record {
	const uint8_t *at, *end;
	uint8_t version; /* 0 = bad */
	bool bad;
};
/* version_max: the highest version that the reader knows. */
struct record record_open(struct span bytes, uint8_t version_max);
uint64_t record_number(struct record *record);
int64_t record_signed(struct record *record);
/* A NUL-ended view into the record's bytes. */
const char *record_text(struct record *record);
uint32_t record_id(struct record *record);

#endif
