/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/arena.h"
#include "mail/fail.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16 << 10)
#define ALIGN_BYTES _Alignof(max_align_t)

struct block {
	struct block *next;
	size_t cap, used;
	_Alignas(max_align_t) char bytes[];
};

struct arena {
	struct block *first, *last;
	size_t used, max;
};

static struct block *block_new(size_t cap)
{
	struct block *b = malloc(sizeof(*b) + cap);

	if (b == NULL)
		fail_environment("out of memory");
	b->next = NULL;
	b->cap = cap;
	b->used = 0;
	return b;
}

struct arena *arena_new(size_t max_bytes)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a == NULL)
		fail_environment("out of memory");
	a->max = max_bytes;
	a->first = a->last = block_new(BLOCK_BYTES);
	return a;
}

static void free_after(struct block *b)
{
	struct block *next;

	for (b = b->next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
}

void arena_reset(struct arena *a)
{
	free_after(a->first);
	a->first->next = NULL;
	a->first->used = 0;
	a->last = a->first;
	a->used = 0;
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	free_after(a->first);
	free(a->first);
	free(a);
}

/* A request of more than half a block gets a block of its own, placed before the current one's successor. */
static void *take(struct arena *a, size_t size)
{
	struct block *b = a->last;
	void *p;

	if (size > b->cap - b->used) {
		struct block *fresh = block_new(size > BLOCK_BYTES / 2 ? size : BLOCK_BYTES);

		b->next = fresh;
		a->last = b = fresh;
	}
	p = b->bytes + b->used;
	b->used += size;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p;

	if (size > a->max - a->used)
		fail_environment("a message needs more memory than its limit");
	a->used += size;
	size = (size + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
	p = take(a, size == 0 ? ALIGN_BYTES : size);
	return memset(p, 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	assert(size == 0 || count <= SIZE_MAX / size);
	return arena_alloc(a, count * size);
}

char *arena_text(struct arena *a, struct span s)
{
	char *copy = arena_alloc(a, s.len + 1);

	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

struct span arena_span(struct arena *a, struct span s)
{
	return (struct span){ arena_text(a, s), s.len };
}

char *arena_vprintf(struct arena *a, const char *format, va_list args)
{
	va_list again;
	char *text;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	assert(len >= 0);
	text = arena_alloc(a, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, args);
	return text;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(a, format, args);
	va_end(args);
	return text;
}

char *arena_lower(struct arena *a, struct span s)
{
	char *copy = arena_text(a, s);

	for (size_t i = 0; i < s.len; i++)
		copy[i] = ascii_lower(copy[i]);
	return copy;
}

void *arena_grow(struct arena *a, void *items, size_t *cap, size_t count, size_t size)
{
	char **array = items;

	if (count == *cap) {
		size_t more = *cap == 0 ? 8 : *cap * 2;
		char *bigger = arena_array(a, more, size);

		if (count > 0)
			memcpy(bigger, *array, count * size);
		*array = bigger;
		*cap = more;
	}
	return memset(*array + count * size, 0, size); /* it may have been in use before */
}

size_t arena_used_bytes(const struct arena *a)
{
	return a->used;
}
