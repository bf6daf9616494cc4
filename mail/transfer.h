/* SPDX-License-Identifier: BSD-2-Clause */
/* Content transfer encodings, RFC 2045 6.7 and 6.8: base64 and quoted-printable. */
#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

#include "mail/arena.h"

/* Lines of 76 characters with the given line end after each. */
struct span transfer_base64_encode(struct arena *a, struct span bytes, const char *line_end);
/* One line without any line end. */
struct span transfer_base64_line(struct arena *a, struct span bytes);
/* Octets outside of the alphabet are skipped (RFC 2045 6.8), padding that fills a group of four ends the data; strict refuses
 * anything but the alphabet, padding and white space, and wrong padding: {NULL,0}. */
struct span transfer_base64_decode(struct arena *a, struct span text, bool strict);
/* Text lines (their line ends kept as line_end), soft line breaks at 76; trailing blanks and "From " and "." at the start of
 * a line encoded. Input line ends CRLF or LF count as line ends. */
struct span transfer_qp_encode(struct arena *a, struct span text, const char *line_end);
/* Blanks at the end of a line are dropped, as they were added on the way; "=" that begins no code is kept. Line ends stay. */
struct span transfer_qp_decode(struct arena *a, struct span text);

#endif
