/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory with one lifetime: a message, a configuration, a stage. Everything taken from an arena ends with it.
 * Allocation never returns NULL: without memory, or beyond the arena's maximum, the process ends with EX_TEMPFAIL
 * (fail_environment), since the spool is the truth and a supervisor restarts. Parsers have limits of their own that stop
 * hostile input long before an arena does. Not shared between threads. */
#ifndef MAIL_ARENA_H
#define MAIL_ARENA_H

#include "mail/span.h"

#include <stdarg.h>

struct arena;

/* Largest sum of allocations for the ordinary purposes, in bytes. */
#define ARENA_MESSAGE_MAX_BYTES ((size_t)256 << 20)
#define ARENA_SCRATCH_MAX_BYTES ((size_t)64 << 20)

/* A new arena that may hand out max_bytes in all. The caller frees it with arena_free. */
struct arena *arena_new(size_t max_bytes);
/* Forget everything that was handed out; keeps the first block for the next use. */
void arena_reset(struct arena *a);
/* Free the arena and all that it handed out. NULL is allowed. */
void arena_free(struct arena *a);
/* size bytes, zeroed, aligned for any type. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t size);
/* count * size bytes, zeroed; an overflow of the product is a bug and aborts. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A NUL-ended copy of s. Bytes after an embedded NUL are kept in memory but not part of the text. */
char *arena_text(struct arena *a, struct span s);
/* A copy of s, as a span (also NUL-ended in memory). */
struct span arena_span(struct arena *a, struct span s);
/* printf into the arena, NUL-ended. */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* A copy of s in ASCII lower case, NUL-ended. */
char *arena_lower(struct arena *a, struct span s);
/* Make room for one more element in an array that grows in the arena. items: address of the array pointer (NULL at first);
 * *cap: its elements (0 at first); count
 * in use, size bytes each. Returns the address of element number count, zeroed. */
void *arena_grow(struct arena *a, void *items, size_t *cap, size_t count, size_t size);
/* Bytes handed out since the last reset. */
size_t arena_used_bytes(const struct arena *a);

#endif
