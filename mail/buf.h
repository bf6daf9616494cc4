/* SPDX-License-Identifier: BSD-2-Clause */
/* A text that grows, with a maximum. Beyond the maximum it stops growing and says so by buf_overflowed; what it holds then
 * is a prefix and must not be used as if it were whole. Memory is the heap's; no memory ends the process (fail.h). */
#ifndef MAIL_BUF_H
#define MAIL_BUF_H

#include "mail/span.h"

#include <stdarg.h>

struct buf {
	char *ptr;
	size_t len, cap, max;
	bool overflow;
};

/* An empty buffer that holds at most max_bytes. */
void buf_init(struct buf *b, size_t max_bytes);
/* Free the contents; safe on a zeroed and on a finished buffer. */
void buf_done(struct buf *b);
/* Empty it, keep the memory. */
void buf_reset(struct buf *b);
void buf_put(struct buf *b, struct span s);
void buf_put_text(struct buf *b, const char *text);
void buf_put_byte(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Room for count more bytes at the end, which the caller writes and then adds to b->len. NULL beyond the maximum. */
char *buf_room(struct buf *b, size_t count);
/* Drop the first count bytes. */
void buf_shift(struct buf *b, size_t count);
/* View of the contents, valid until the next change. */
struct span buf_span(const struct buf *b);
/* The contents, NUL-ended, valid until the next change. */
const char *buf_text(struct buf *b);
/* Was anything left out since init or reset? */
bool buf_overflowed(const struct buf *b);

#endif
