/* SPDX-License-Identifier: BSD-2-Clause */
/* Canonicalization of RFC 6376 3.4 into a hash, over slices, without copying the message. Used for signing (DKIM and ARC) and
 * for ARC verification; DKIM verification is libopendkim's. Bodies with LF line ends are hashed as if they had CRLF. */
#ifndef MITIGATIONS_AUTH_CANON_H
#define MITIGATIONS_AUTH_CANON_H

#include "mail/buf.h"
#include "mail/message.h"

#include <openssl/evp.h>

enum canon { CANON_SIMPLE, CANON_RELAXED };

/* Hash of the body. limit_bytes: the l= value, or UINT64_MAX. md_r receives 32 bytes (SHA-256); *hashed_r the canonical length. */
void canon_body_sha256(const struct iovec *body, size_t count, enum canon canon, uint64_t limit_bytes, uint8_t md_r[32], uint64_t *hashed_r);
/* Add one field in canonical form, with its CRLF, to out. */
void canon_field(struct buf *out, struct span name, struct span value, enum canon canon);
/* Add the fields that h= names (colon separated), bottom-most instance first for each repetition (5.4.2), in canonical form to out. */
void canon_fields(struct buf *out, const struct message *m, struct span names, enum canon canon);
/* A signature field's own canonical form with b= emptied and without the final CRLF (3.7). value as received. */
void canon_signature(struct buf *out, struct span name, struct span value, enum canon canon);

/* Tag list of RFC 6376 3.2: "a=b; c=d". */
struct tag { struct span name, value; };
#define TAGS_MAX 64
struct tags { struct tag items[TAGS_MAX]; size_t count; };
/* false when not by the grammar: an empty name, a duplicate, too many. */
bool tags_parse(struct span text, struct tags *tags_r);
/* The value (outer blanks trimmed, folds kept), or {NULL,0}. Names are case-sensitive. */
struct span tags_find(const struct tags *tags, const char *name);

#endif
