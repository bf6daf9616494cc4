/* SPDX-License-Identifier: BSD-2-Clause */
/* Domain names: U-labels to A-labels and back (RFC 5891, UTS 46 mapping as browsers do, through libidn2). */
#ifndef MAIL_IDNA_H
#define MAIL_IDNA_H

#include "mail/arena.h"

/* RFC 1035 2.3.4. */
#define DOMAIN_MAX_BYTES 253
#define DOMAIN_LABEL_MAX_BYTES 63

/* The domain in A-labels, lower case, without a final dot, NUL-ended; NULL when it is no domain name (empty label, too long, bad
 * UTF-8, a literal, an octet that no label may hold; "_" is allowed). */
char *idna_to_ascii(struct arena *a, struct span domain);
/* For display; the input where it cannot be converted. */
struct span idna_to_unicode(struct arena *a, struct span domain);
/* Is text valid UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool utf8_is_valid(struct span text);
/* Does text hold an octet above 127? */
bool has_8bit(struct span text);
/* Length in bytes of the valid UTF-8 character at the front of text; 0 when there is none (or text is empty). */
size_t utf8_char(struct span text);
/* Code point of a valid UTF-8 character of that length. */
unsigned utf8_code(struct span text, size_t len);
/* text as valid UTF-8: octets that are no UTF-8 are taken as Windows-1252, which is what undeclared 8-bit mail mostly is. */
struct span utf8_from_8bit(struct arena *a, struct span text);

#endif
