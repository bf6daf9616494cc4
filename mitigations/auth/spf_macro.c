/* SPDX-License-Identifier: BSD-2-Clause */
/* Macros (RFC 7208 7). libspf2's own expansion mangles blanks and is not asked. */
#include "mitigations/auth/spf_int.h"

#include <string.h>

#define KEEP_MAX 1000 /* more parts than any value has: %{d9999} keeps all */

static bool is_literal(char c, enum spf_macro_use use)
{
	return (c >= 0x21 && c <= 0x7e && c != '%') || (use == SPF_MACRO_EXPLANATION && c == ' ');
}

static int take_literal(struct span *rest, enum spf_macro_use use, struct spf_piece *piece_r)
{
	size_t len = 0;

	while (len < rest->len && is_literal(rest->ptr[len], use))
		len++;
	piece_r->literal = span_sub(*rest, 0, len);
	*rest = span_sub(*rest, len, rest->len);
	return len > 0 ? 1 : -1;
}

/* "%%", "%_", "%-" */
static int take_escape(struct span *rest, struct spf_piece *piece_r)
{
	static const struct { char c; struct span text; } rows[] = { { '%', { "%", 1 } }, { '_', { " ", 1 } }, { '-', { "%20", 3 } } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rest->len >= 2 && rest->ptr[1] == rows[i].c) {
			piece_r->literal = rows[i].text;
			*rest = span_sub(*rest, 2, rest->len);
			return 1;
		}
	return -1;
}

/* What stands between "%{" and "}". */
static int read_macro(struct span inside, enum spf_macro_use use, struct spf_piece *piece_r)
{
	const char *letters = use == SPF_MACRO_EXPLANATION ? "slodiphvcrt" : "slodiphv";
	size_t at = 1;

	if (inside.len == 0)
		return -1;
	piece_r->letter = ascii_lower(inside.ptr[0]);
	piece_r->is_url = piece_r->letter != inside.ptr[0];
	if (piece_r->letter == '\0' || strchr(letters, piece_r->letter) == NULL)
		return -1;
	for (; at < inside.len && inside.ptr[at] >= '0' && inside.ptr[at] <= '9'; at++)
		if (piece_r->keep < KEEP_MAX)
			piece_r->keep = piece_r->keep * 10 + (unsigned)(inside.ptr[at] - '0');
	if (at > 1 && piece_r->keep == 0)
		return -1;
	if (at < inside.len && ascii_lower(inside.ptr[at]) == 'r') {
		piece_r->is_reversed = true;
		at++;
	}
	piece_r->delimiters = span_sub(inside, at, inside.len);
	for (; at < inside.len; at++)
		if (strchr(".-+,/_=", inside.ptr[at]) == NULL || inside.ptr[at] == '\0')
			return -1;
	return 1;
}

int spf_macro_next(struct span *rest, enum spf_macro_use use, struct spf_piece *piece_r)
{
	size_t end;
	int got;

	*piece_r = (struct spf_piece){ .letter = '\0' };
	if (rest->len == 0)
		return 0;
	if (rest->ptr[0] != '%')
		return take_literal(rest, use, piece_r);
	if (rest->len < 2 || rest->ptr[1] != '{')
		return take_escape(rest, piece_r);
	end = span_find_byte(*rest, '}');
	if (end == rest->len)
		return -1;
	got = read_macro(span_sub(*rest, 2, end - 2), use, piece_r);
	*rest = span_sub(*rest, end + 1, rest->len);
	return got;
}

static size_t split(struct span value, struct span delimiters, struct span *parts)
{
	size_t count = 0, from = 0;

	if (delimiters.len == 0)
		delimiters = SPAN_LIT(".");
	for (size_t i = 0; i <= value.len; i++)
		if (i == value.len || memchr(delimiters.ptr, value.ptr[i], delimiters.len) != NULL) {
			parts[count++] = span_sub(value, from, i - from);
			from = i + 1;
		}
	return count;
}

static void put_part(struct buf *out, struct span part, bool is_url)
{
	for (size_t i = 0; i < part.len; i++) {
		char c = part.ptr[i], low = ascii_lower(c);
		bool is_unreserved = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';

		if (is_url && !is_unreserved)
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
		else
			buf_put_byte(out, c);
	}
}

static void put_macro(struct buf *out, const struct spf_piece *piece, struct span value)
{
	struct span parts[SPF_INPUT_MAX_BYTES + 1];
	size_t count = split(span_sub(value, 0, SPF_INPUT_MAX_BYTES), piece->delimiters, parts);
	size_t skip = piece->keep > 0 && piece->keep < count ? count - piece->keep : 0;

	/* Reversed first, then the right-most are kept (7.3). */
	for (size_t i = skip; i < count; i++) {
		if (i > skip)
			buf_put_byte(out, '.');
		put_part(out, parts[piece->is_reversed ? count - 1 - i : i], piece->is_url);
	}
}

int spf_macro_expand(struct span text, enum spf_macro_use use, const char *(*value)(void *context, char letter), void *context, struct buf *out)
{
	struct spf_piece piece;
	int got;

	while ((got = spf_macro_next(&text, use, &piece)) > 0 && !buf_overflowed(out)) {
		if (piece.letter == '\0')
			buf_put(out, piece.literal);
		else
			put_macro(out, &piece, span_of(value(context, piece.letter)));
	}
	return got != 0 || buf_overflowed(out) ? -1 : 0;
}
