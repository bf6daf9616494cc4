/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/transfer.h"

#include <stdint.h>
#include <string.h>

/* RFC 2045 6.7 (5) and 6.8: no encoded line is longer, the "=" of a soft line break included. */
#define LINE_COLUMNS 76

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Four characters for one to three octets. */
static void encode_group(const unsigned char *in, size_t count, char *out)
{
	uint32_t bits = (uint32_t)in[0] << 16 | (count > 1 ? (uint32_t)in[1] << 8 : 0) | (count > 2 ? in[2] : 0);

	for (size_t i = 0; i < 4; i++)
		out[i] = i <= count ? alphabet[bits >> (18 - 6 * i) & 63] : '=';
}

/* columns: characters in a line, a multiple of 4. */
static struct span encode_lines(struct arena *a, struct span bytes, size_t columns, struct span line_end)
{
	size_t chars = (bytes.len + 2) / 3 * 4, lines = (chars + columns - 1) / columns, column = 0;
	char *out = arena_alloc(a, chars + lines * line_end.len), *to = out;

	for (size_t at = 0; at < bytes.len; at += 3) {
		encode_group((const unsigned char *)bytes.ptr + at, bytes.len - at, to);
		to += 4;
		column += 4;
		if (line_end.len > 0 && (column == columns || bytes.len - at <= 3)) {
			memcpy(to, line_end.ptr, line_end.len);
			to += line_end.len;
			column = 0;
		}
	}
	return (struct span){ out, (size_t)(to - out) };
}

struct span transfer_base64_encode(struct arena *a, struct span bytes, const char *line_end)
{
	return encode_lines(a, bytes, LINE_COLUMNS, span_of(line_end));
}

struct span transfer_base64_line(struct arena *a, struct span bytes)
{
	return encode_lines(a, bytes, LINE_COLUMNS, (struct span){ NULL, 0 });
}

enum { BASE64_PAD = 64, BASE64_BLANK = 65, BASE64_OTHER = 66 };

static unsigned char base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned char)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned char)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (unsigned char)(c - '0' + 52);
	if (c == '+' || c == '/')
		return c == '+' ? 62 : 63;
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return BASE64_BLANK;
	return c == '=' ? BASE64_PAD : BASE64_OTHER;
}

/* A group of four in the making. */
struct base64 {
	char *out;
	size_t out_bytes;
	uint32_t bits;
	unsigned digits, pads;
};

/* Write the octets that the digits so far make; a lone digit makes none. */
static void end_group(struct base64 *b)
{
	for (unsigned i = 0; i + 1 < b->digits; i++)
		b->out[b->out_bytes++] = (char)(b->bits << (24 - 6 * b->digits) >> (16 - 8 * i) & 0xff);
	b->bits = 0;
	b->digits = 0;
}

/* Padding that fills a group is the end of the data (RFC 2045 6.8). */
static bool is_finished(const struct base64 *b)
{
	return b->pads > 0 && b->digits + b->pads >= 4;
}

/* Take in one character of the text; false for one that is none of base64, or at the wrong place. */
static bool take(struct base64 *b, unsigned char value)
{
	bool is_good = value != BASE64_OTHER && !(value < BASE64_PAD && b->pads > 0) && !(value == BASE64_PAD && b->digits < 2);

	if (value == BASE64_PAD)
		b->pads += b->digits >= 2;
	if (value >= BASE64_PAD)
		return is_good;
	b->pads = 0;
	b->bits = b->bits << 6 | value;
	if (++b->digits == 4)
		end_group(b);
	return is_good;
}

struct span transfer_base64_decode(struct arena *a, struct span text, bool strict)
{
	struct base64 b = { .out = arena_alloc(a, text.len / 4 * 3 + 3) };
	bool is_good = true;
	size_t at = 0;

	for (; at < text.len && !is_finished(&b); at++)
		is_good = take(&b, base64_value(text.ptr[at])) && is_good;
	for (; at < text.len; at++)
		is_good = base64_value(text.ptr[at]) == BASE64_BLANK && is_good;
	if (b.digits > 0 && b.digits + b.pads != 4)
		is_good = false;
	end_group(&b);
	return strict && !is_good ? (struct span){ NULL, 0 } : (struct span){ b.out, b.out_bytes };
}

/* Quoted-printable in the making; out NULL only counts. */
struct quoted {
	char *out;
	size_t bytes, column;
	struct span line_end;
};

static void put(struct quoted *q, struct span s)
{
	if (q->out != NULL && s.len > 0)
		memcpy(q->out + q->bytes, s.ptr, s.len);
	q->bytes += s.len;
	q->column += s.len;
}

static void put_line_end(struct quoted *q)
{
	put(q, q->line_end);
	q->column = 0;
}

/* One octet; is_last: a line end follows, so no room for a soft line break is needed. */
static void put_octet(struct quoted *q, const char *octet, bool is_coded, bool is_last)
{
	static const char hex[] = "0123456789ABCDEF";
	char code[3] = { '=', hex[(unsigned char)*octet >> 4], hex[*octet & 15] };

	if (q->column + (is_coded ? 3 : 1) > LINE_COLUMNS - (is_last ? 0 : 1)) {
		put(q, SPAN_LIT("="));
		put_line_end(q);
	}
	put(q, is_coded ? (struct span){ code, 3 } : (struct span){ octet, 1 });
}

/* Must this octet of a line be encoded? Also what MTAs change: "From " and "." where the encoded line begins, and blanks
 * at the end. */
static bool is_coded(struct span line, size_t i, size_t column)
{
	char c = line.ptr[i];

	if (c == ' ' || c == '\t')
		return i + 1 == line.len;
	if (c <= ' ' || c >= 127 || c == '=')
		return true;
	/* an octet that does not fit any more begins the next line */
	if (column != 0 && column < LINE_COLUMNS - 1)
		return false;
	return c == '.' || (c == 'F' && span_starts_nocase(span_sub(line, i, 5), "From "));
}

static void put_text(struct quoted *q, struct span text)
{
	while (text.len > 0) {
		size_t end = span_find_byte(text, '\n'), step = end < text.len ? end + 1 : end;
		size_t len = end < text.len && end > 0 && text.ptr[end - 1] == '\r' ? end - 1 : end;
		struct span line = span_sub(text, 0, len);

		for (size_t i = 0; i < line.len; i++)
			put_octet(q, &line.ptr[i], is_coded(line, i, q->column), i + 1 == line.len);
		if (end < text.len)
			put_line_end(q);
		text = span_sub(text, step, text.len);
	}
}

struct span transfer_qp_encode(struct arena *a, struct span text, const char *line_end)
{
	struct quoted q = { .line_end = span_of(line_end) };

	put_text(&q, text);
	q = (struct quoted){ .out = arena_alloc(a, q.bytes), .line_end = q.line_end };
	put_text(&q, text);
	return (struct span){ q.out, q.bytes };
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One line without its line end. Returns the bytes written; *is_soft: the line end is not part of the text. A "=" that
 * begins no code is kept, as RFC 2045 6.7 suggests. */
static size_t decode_line(struct span line, char *out, bool *is_soft)
{
	size_t bytes = 0;

	while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
		line.len--; /* 6.7 (3): added on the way */
	*is_soft = line.len > 0 && line.ptr[line.len - 1] == '=';
	line.len -= *is_soft;
	for (size_t i = 0; i < line.len; i++) {
		bool fits = line.ptr[i] == '=' && line.len - i > 2;
		int high = fits ? hex_value(line.ptr[i + 1]) : -1, low = fits ? hex_value(line.ptr[i + 2]) : -1;

		if (high >= 0 && low >= 0) {
			out[bytes++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[bytes++] = line.ptr[i];
		}
	}
	return bytes;
}

struct span transfer_qp_decode(struct arena *a, struct span text)
{
	char *out = arena_alloc(a, text.len);
	size_t bytes = 0;

	while (text.len > 0) {
		size_t end = span_find_byte(text, '\n'), step = end < text.len ? end + 1 : end;
		size_t len = end < text.len && end > 0 && text.ptr[end - 1] == '\r' ? end - 1 : end;
		bool is_soft;

		bytes += decode_line(span_sub(text, 0, len), out + bytes, &is_soft);
		for (size_t i = len; i < step && !is_soft; i++)
			out[bytes++] = text.ptr[i];
		text = span_sub(text, step, text.len);
	}
	return (struct span){ out, bytes };
}
