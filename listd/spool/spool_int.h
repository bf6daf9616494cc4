/* SPDX-License-Identifier: BSD-2-Clause */
/* For the files of the spool and their tests alone.
 *
 * A spooled file is the message's bytes, an envelope as one JSON object, and a footer of fixed size in text, so that an operator can look at it:
 *   "\n#listd-spool-1 tries=0 message=<16 hex> envelope=<8 hex> sum=<16 hex>\n"
 * The sum is over the message and the envelope. The digit of tries is outside of it and is overwritten in place. */
#ifndef LISTD_SPOOL_INT_H
#define LISTD_SPOOL_INT_H

#include "listd/spool/spool.h"
#include "mail/buf.h"

#include <pthread.h>

#define SPOOL_NAME_MAX_CHARS 64          /* an id with its "-N" parts */
#define SPOOL_ENVELOPE_MAX_BYTES ((size_t)4 << 20) /* SPOOL_RCPTS_MAX addresses of 254 octets, each octet escaped as \u00XX, and the rest */
#define SPOOL_FOOTER_BYTES 88
#define SPOOL_FOOTER_TRIES_AT 22

struct spool {
	char *dir;
	int dir_fd, tmp_fd, journal_fd, in_fd, held_fd, out_fd, kept_fd, bad_fd; /* of the directories; dir_fd holds the lock */
	struct journal *journal;
};

/* A checksum against damage (not against malice) that takes 8 bytes a step. */
struct spool_sum {
	uint64_t state;
	unsigned char rest[8];
	unsigned rest_count;
};
void spool_sum_init(struct spool_sum *sum);
void spool_sum_add(struct spool_sum *sum, struct span bytes);
uint64_t spool_sum_end(struct spool_sum *sum);

/* Append the footer. */
void spool_trailer_footer(uint64_t message_bytes, size_t envelope_bytes, uint64_t sum, struct buf *out);
/* Append both. sum: over the message; it is used up. -1: a text is not UTF-8, or beyond SPOOL_ENVELOPE_MAX_BYTES. */
int spool_trailer_put(uint64_t message_bytes, struct spool_sum *sum, const struct envelope *envelope, struct buf *out, struct fail *why);
/* The same for a message that is at hand. */
int spool_trailer_make(struct span message, const struct envelope *envelope, struct buf *out, struct fail *why);
/* Take a whole file apart. envelope texts live in a. -1 permanent: not whole, or damaged. */
int spool_trailer_parse(struct arena *a, struct span file, struct envelope *envelope_r, struct span *message_r, struct fail *why);
/* The footer alone: lengths and sum; tries as a digit. */
struct spool_footer { uint64_t message_bytes, envelope_bytes, sum; unsigned tries; };
bool spool_trailer_read_footer(struct span footer, struct spool_footer *footer_r);

/* Is it a name that may stand in a path of the spool: lower-case letters, digits and "-", not empty? */
bool spool_name_is_safe(const char *name);
/* What the journal holds becomes files of in/, and its segments go. At start, and at the end. */
int spool_recover(struct spool *spool, struct fail *why);
int spool_place_fd(const struct spool *spool, enum spool_place place);
/* Fill why for a failed system call: 452 4.3.1 for a full disk, else 451 4.3.0. */
int spool_fail_errno(struct fail *why, const char *what, const char *name);
/* Names of a directory that pass keep, in order, in a. */
int spool_list_names(int dir_fd, const char *what, struct arena *a, bool (*keep)(const char *name), const char ***names_r, size_t *count_r, struct fail *why);
/* Put a damaged file or directory aside into bad/ and say so in the log. */
void spool_put_aside(struct spool *spool, int from_fd, const char *name, const char *reason);

#endif
