/* SPDX-License-Identifier: BSD-2-Clause */
/* A signature field being written (DKIM-Signature, ARC-Message-Signature, ARC-Seal): tags folded to lines below 78 columns, signed at the
 * end. Text and canonical bytes live in an arena. */
#ifndef MITIGATIONS_AUTH_DRAFT_H
#define MITIGATIONS_AUTH_DRAFT_H

#include "mail/clock.h"
#include "mitigations/auth/signature.h"

struct draft {
	struct arena *arena;
	struct span name;   /* of the field */
	struct buf text;    /* "Name: a=...; ..." */
	enum canon canon;   /* of the header; relaxed unless the caller sets it */
	size_t column;
};

/* Begin a field; draft_done frees what the draft holds. */
void draft_init(struct draft *d, struct arena *a, const char *name);
void draft_done(struct draft *d);
/* "tag=value", kept in one line. */
void draft_tag(struct draft *d, const char *tag, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "tag=one:two:three", broken at colons. */
void draft_names(struct draft *d, const char *tag, struct span names);
/* "tag=base64" of a SHA-256 hash. */
void draft_hash(struct draft *d, const char *tag, const uint8_t md[32]);
/* Add b= over canonical (fields with their CRLF, in canonical form) and this field itself. *field_r: the whole field, with CRLF, in the arena. -1: OpenSSL failed. */
int draft_sign(struct draft *d, const struct key *key, struct buf *canonical, struct span *field_r, struct fail *why);
/* The largest size of the canonical bytes of a header. */
#define DRAFT_CANONICAL_MAX_BYTES (4 * MESSAGE_HEADER_MAX_BYTES)

#endif
