/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/span.h"

#include <string.h>

struct span span_of(const char *text)
{
	return (struct span){ text, text == NULL ? 0 : strlen(text) };
}

bool span_eq(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool span_eq_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	return true;
}

bool span_eq_text(struct span a, const char *text)
{
	return span_eq(a, span_of(text));
}

bool span_eq_text_nocase(struct span a, const char *text)
{
	return span_eq_nocase(a, span_of(text));
}

bool span_starts_nocase(struct span a, const char *prefix)
{
	struct span p = span_of(prefix);

	return a.len >= p.len && span_eq_nocase(span_sub(a, 0, p.len), p);
}

size_t span_find_byte(struct span a, char c)
{
	const char *hit = a.len > 0 ? memchr(a.ptr, c, a.len) : NULL;

	return hit == NULL ? a.len : (size_t)(hit - a.ptr);
}

size_t span_find(struct span a, struct span what)
{
	const char *hit = NULL;

	if (what.len == 0)
		return 0;
	if (a.len >= what.len)
		hit = memmem(a.ptr, a.len, what.ptr, what.len);
	return hit == NULL ? a.len : (size_t)(hit - a.ptr);
}

struct span span_sub(struct span a, size_t from, size_t count)
{
	if (from > a.len)
		from = a.len;
	if (count > a.len - from)
		count = a.len - from;
	return (struct span){ a.ptr == NULL ? NULL : a.ptr + from, count };
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span a)
{
	while (a.len > 0 && is_blank(a.ptr[0])) {
		a.ptr++;
		a.len--;
	}
	while (a.len > 0 && is_blank(a.ptr[a.len - 1]))
		a.len--;
	return a;
}

bool span_next(struct span *rest, char sep, struct span *part_r)
{
	size_t at;

	if (rest->ptr == NULL)
		return false;
	at = span_find_byte(*rest, sep);
	*part_r = span_sub(*rest, 0, at);
	if (at == rest->len)
		*rest = (struct span){ NULL, 0 };
	else
		*rest = span_sub(*rest, at + 1, rest->len);
	return true;
}

bool span_word(struct span *rest, struct span *word_r)
{
	size_t len = 0;

	*rest = span_trim(*rest);
	while (len < rest->len && !is_blank(rest->ptr[len]))
		len++;
	*word_r = span_sub(*rest, 0, len);
	*rest = span_sub(*rest, len, rest->len);
	return len > 0;
}

bool span_number(struct span a, unsigned long long max, unsigned long long *number_r)
{
	unsigned long long number = 0;

	if (a.len == 0 || a.len > 20)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		unsigned digit = (unsigned)(unsigned char)a.ptr[i] - '0';

		if (digit > 9 || number > max / 10 || number * 10 > max - digit)
			return false;
		number = number * 10 + digit;
	}
	*number_r = number;
	return true;
}
