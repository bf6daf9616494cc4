/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/buf.h"
#include "mail/fail.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max_bytes)
{
	*b = (struct buf){ .max = max_bytes };
}

void buf_done(struct buf *b)
{
	free(b->ptr);
	*b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
}

char *buf_room(struct buf *b, size_t count)
{
	if (b->overflow || count > b->max - b->len) {
		b->overflow = true;
		return NULL;
	}
	if (count + 1 > b->cap - b->len) {
		size_t cap = b->cap == 0 ? 256 : b->cap;

		while (cap - b->len < count + 1)
			cap *= 2;
		b->ptr = realloc(b->ptr, cap);
		if (b->ptr == NULL)
			fail_environment("out of memory");
		b->cap = cap;
	}
	return b->ptr + b->len;
}

void buf_put(struct buf *b, struct span s)
{
	char *room;

	if (s.len > 0 && (room = buf_room(b, s.len)) != NULL) {
		memcpy(room, s.ptr, s.len);
		b->len += s.len;
	}
}

void buf_put_text(struct buf *b, const char *text)
{
	buf_put(b, span_of(text));
}

void buf_put_byte(struct buf *b, char c)
{
	buf_put(b, (struct span){ &c, 1 });
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;
	char *room;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	assert(len >= 0);
	room = buf_room(b, (size_t)len);
	if (room != NULL) {
		vsnprintf(room, (size_t)len + 1, format, args);
		b->len += (size_t)len;
	}
	va_end(args);
}

void buf_shift(struct buf *b, size_t count)
{
	assert(count <= b->len);
	if (count > 0 && count < b->len)
		memmove(b->ptr, b->ptr + count, b->len - count);
	b->len -= count;
}

struct span buf_span(const struct buf *b)
{
	return (struct span){ b->ptr, b->len };
}

const char *buf_text(struct buf *b)
{
	if (b->cap == 0)
		return "";
	b->ptr[b->len] = '\0';
	return b->ptr;
}

bool buf_overflowed(const struct buf *b)
{
	return b->overflow;
}
