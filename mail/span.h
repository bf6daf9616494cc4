/* SPDX-License-Identifier: BSD-2-Clause */
/* A view of bytes that somebody else owns. It is not NUL-ended and may hold any octet.
 * A span lives no longer than the memory it points into. {NULL, 0} is the empty span. */
#ifndef MAIL_SPAN_H
#define MAIL_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct span {
	const char *ptr;
	size_t len;
};

#define SPAN_LIT(s) ((struct span){ (s), sizeof(s) - 1 })

/* View of a NUL-ended text; NULL gives the empty span. */
struct span span_of(const char *text);
/* Same bytes? */
bool span_eq(struct span a, struct span b);
/* Same but for ASCII letter case? */
bool span_eq_nocase(struct span a, struct span b);
bool span_eq_text(struct span a, const char *text);
bool span_eq_text_nocase(struct span a, const char *text);
/* Does a begin with the given prefix (ASCII case ignored)? */
bool span_starts_nocase(struct span a, const char *prefix);
/* Offset of the first c in a, or a.len when there is none. */
size_t span_find_byte(struct span a, char c);
/* Offset of the first occurrence of what in a, or a.len. An empty what is found at 0. */
size_t span_find(struct span a, struct span what);
/* The part of a from offset from on, count bytes at most; both are clamped to a. */
struct span span_sub(struct span a, size_t from, size_t count);
/* a without leading and trailing space, tab, CR and LF. */
struct span span_trim(struct span a);
/* Take the part of *rest before the first sep (or all of it) off its front; false when *rest is exhausted (ptr NULL). */
bool span_next(struct span *rest, char sep, struct span *part_r);
/* Take the next word (what stands between spaces, tabs, CR and LF) off the front of *rest; false when there is none. */
bool span_word(struct span *rest, struct span *word_r);
/* Decimal number 0..max without sign or blanks; false when a is anything else. */
bool span_number(struct span a, unsigned long long max, unsigned long long *number_r);

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

#endif
