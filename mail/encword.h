/* SPDX-License-Identifier: BSD-2-Clause */
/* Encoded words (RFC 2047, with RFC 2231 5 language tags). Decoding is for showing and for names; nothing received is
 * ever rewritten because of it. */
#ifndef MAIL_ENCWORD_H
#define MAIL_ENCWORD_H

#include "mail/arena.h"

#define ENCWORD_MAX_BYTES 75

/* The length of the encoded word that text begins with; 0 when it begins with none. */
size_t encword_bytes(struct span text);
/* text with its encoded words decoded to UTF-8 (iconv for other charsets; unknown ones and bad encodings stay as they are). White
 * space between two encoded words is dropped. Undeclared 8-bit octets that are no UTF-8 are taken as Windows-1252. CR, LF and NUL
 * that come out of the decoding become a space. */
struct span encword_decode(struct arena *a, struct span text);
/* text (UTF-8) as encoded words (B or Q, whichever is shorter), separated by single spaces, never splitting a character. */
struct span encword_encode(struct arena *a, struct span text);

#endif
