/* SPDX-License-Identifier: BSD-2-Clause */
/* Random bytes and keyed codes: for tokens, VERP addresses, author aliases, boundaries and ids.
 * Codes are HMAC-SHA256 cut to the wanted length and written in base32 (a-z2-7, without padding), which survives address
 * case folding. Comparisons take constant time. */
#ifndef MAIL_SECRET_H
#define MAIL_SECRET_H

#include "mail/span.h"

#include <stdint.h>

#define SECRET_KEY_BYTES 32

struct secret {
	uint8_t key[SECRET_KEY_BYTES];
};

/* Fill with random bytes from the kernel. */
void secret_random(void *bytes, size_t count);
/* A key of its own for a purpose ("verp", "alias", "token"), derived from a master secret. */
struct secret secret_derive(const struct secret *master, const char *purpose);
/* Keyed code over text, chars base32 characters (1..51) and a NUL into code_r. */
void secret_code(const struct secret *secret, struct span text, unsigned chars, char *code_r);
/* Is code (any letter case) the keyed code over text? It must have at least min_chars characters. Constant time. */
bool secret_verify(const struct secret *secret, struct span text, struct span code, unsigned min_chars);
/* base32 of bytes: (count * 8 + 4) / 5 characters and a NUL into text_r. */
void secret_base32(const uint8_t *bytes, size_t count, char *text_r);
/* Bytes from base32; the count of bytes, or -1 on a foreign character or where more than max_bytes are needed. */
int secret_unbase32(struct span text, uint8_t *bytes_r, size_t max_bytes);

#endif
