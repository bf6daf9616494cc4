/* SPDX-License-Identifier: BSD-2-Clause */
/* Parameters of MIME fields: RFC 2045 5.1, with the continuations and charsets of RFC 2231. */
#include "mail/buf.h"
#include "mail/charset.h"
#include "mail/header.h"
#include "mail/idna.h"

#include <string.h>

/* One "name=value" as it stands: name*2*= has section 2 and is extended. */
struct piece {
	struct span name, value;
	unsigned section;
	bool has_section, extended;
};

/* RFC 2231 numbers from 0; more pieces than parameters are not read. */
#define SECTION_MAX (HEADER_PARAMS_MAX - 1)

/* Take the text before the next ";" that stands in no quotes. Comments are out already. */
static bool take_part(struct span *rest, struct span *part_r)
{
	bool quoted = false;
	size_t i;

	if (rest->ptr == NULL)
		return false;
	for (i = 0; i < rest->len && (quoted || rest->ptr[i] != ';'); i++) {
		if (rest->ptr[i] == '\\' && quoted)
			i++;
		else if (rest->ptr[i] == '"')
			quoted = !quoted;
	}
	*part_r = span_trim(span_sub(*rest, 0, i));
	*rest = i < rest->len ? span_sub(*rest, i + 1, rest->len) : (struct span){ NULL, 0 };
	return true;
}

static struct span unquote(struct arena *a, struct span s)
{
	char *out = arena_alloc(a, s.len + 1);
	size_t used = 0;

	for (size_t i = 1; i < s.len && s.ptr[i] != '"'; i++) {
		if (s.ptr[i] == '\\' && i + 1 < s.len)
			i++;
		out[used++] = s.ptr[i];
	}
	return (struct span){ out, used };
}

/* Unquoted values may hold blanks (file names, against the grammar), unless what follows looks like a parameter whose ";" is missing. */
static struct span bare_value(struct span s)
{
	size_t blank = span_find_byte(s, ' ');

	return span_find_byte(span_sub(s, blank, s.len), '=') < s.len - blank ? span_sub(s, 0, blank) : s;
}

/* "name", "name*", "name*2", "name*2*" */
static bool read_name(struct span text, struct piece *piece_r)
{
	size_t star = span_find_byte(text, '*');
	struct span tail = span_sub(text, star + 1, text.len);
	unsigned long long number;

	*piece_r = (struct piece){ .name = span_sub(text, 0, star) };
	if (star == text.len)
		return text.len > 0;
	if (tail.len == 0 || tail.ptr[tail.len - 1] == '*') {
		piece_r->extended = true;
		tail = span_sub(tail, 0, tail.len - (tail.len > 0));
	}
	if (tail.len > 0) {
		if (!span_number(tail, SECTION_MAX, &number))
			return false;
		piece_r->section = (unsigned)number;
		piece_r->has_section = true;
	}
	return piece_r->name.len > 0;
}

static bool read_piece(struct arena *a, struct span part, struct piece *piece_r)
{
	size_t equals = span_find_byte(part, '=');
	struct span value;

	if (equals == part.len || !read_name(span_trim(span_sub(part, 0, equals)), piece_r))
		return false;
	value = span_trim(span_sub(part, equals + 1, part.len));
	piece_r->value = value.len > 0 && value.ptr[0] == '"' ? unquote(a, value) : bare_value(value);
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_percent(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		int high = text.ptr[i] == '%' && text.len - i > 2 ? hex(text.ptr[i + 1]) : -1;
		int low = high >= 0 ? hex(text.ptr[i + 2]) : -1;

		buf_put_byte(out, low >= 0 ? (char)(high << 4 | low) : text.ptr[i]);
		if (low >= 0)
			i += 2;
	}
}

/* charset'language'text: the charset, and *text_r without both. A value without the two quotes is all text. */
static struct span take_charset(struct span *text)
{
	size_t first = span_find_byte(*text, '\''), second;
	struct span charset = span_sub(*text, 0, first);
	struct span tail = span_sub(*text, first + 1, text->len);

	second = span_find_byte(tail, '\'');
	if (first == text->len || second == tail.len)
		return (struct span){ NULL, 0 };
	*text = span_sub(tail, second + 1, tail.len);
	return charset;
}

static const struct piece *find_piece(const struct piece *pieces, size_t count, struct span name, unsigned section)
{
	for (size_t i = 0; i < count; i++)
		if (pieces[i].has_section && pieces[i].section == section && span_eq_nocase(pieces[i].name, name))
			return &pieces[i];
	return NULL;
}

static void put_piece(struct buf *out, const struct piece *p, struct span text)
{
	if (p->extended)
		put_percent(out, text);
	else
		buf_put(out, text);
}

/* The value that begins with piece p, its continuations in order of their numbers (RFC 2231 3), as UTF-8. */
static struct span join_value(struct arena *a, const struct piece *pieces, size_t count, const struct piece *p)
{
	struct span text = p->value, charset = { NULL, 0 }, result;
	const struct piece *next;
	struct buf out;

	if (!p->extended && !p->has_section)
		return p->value;
	buf_init(&out, 256 << 10);
	if (p->extended)
		charset = take_charset(&text);
	put_piece(&out, p, text);
	for (unsigned n = 1; p->has_section && (next = find_piece(pieces, count, p->name, n)) != NULL; n++)
		put_piece(&out, next, next->value);
	result = arena_span(a, buf_span(&out));
	buf_done(&out);
	if (charset.len == 0 || !charset_to_utf8(a, charset, result, &result))
		result = utf8_from_8bit(a, result);
	return result;
}

/* name*= and name*0= are what a reader of RFC 2231 takes where a plain name= stands beside them for old ones. */
static void add_value(struct arena *a, struct header_params *params, const struct piece *pieces, size_t count, const struct piece *p)
{
	struct header_param *item = NULL;

	if (p->has_section && p->section != 0)
		return;
	for (size_t i = 0; i < params->count; i++)
		if (span_eq_nocase(params->items[i].name, p->name))
			item = &params->items[i];
	if (item != NULL && !p->extended && !p->has_section)
		return;
	if (item == NULL)
		item = &params->items[params->count++];
	item->name = p->name;
	item->value = join_value(a, pieces, count, p);
}

void header_params(struct arena *a, struct span value, struct header_params *params_r)
{
	struct span rest = header_without_comments(a, value), part;
	struct piece *pieces = arena_array(a, HEADER_PARAMS_MAX, sizeof(*pieces));
	size_t count = 0;

	*params_r = (struct header_params){ .items = arena_array(a, HEADER_PARAMS_MAX, sizeof(*params_r->items)) };
	if (rest.ptr == NULL || !take_part(&rest, &params_r->first))
		return;
	while (count < HEADER_PARAMS_MAX && take_part(&rest, &part))
		if (read_piece(a, part, &pieces[count]))
			count++;
	for (size_t i = 0; i < count; i++)
		add_value(a, params_r, pieces, count, &pieces[i]);
}
