/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/buf.h"
#include "mail/charset.h"
#include "mail/encword.h"
#include "mail/idna.h"
#include "mail/transfer.h"

/* One word "=?charset*language?encoding?text?=" (RFC 2047 2, RFC 2231 5). */
struct word {
	struct span charset;
	char encoding; /* 'b' or 'q' */
	struct span text;
	size_t len;    /* of the whole word */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Take the part of *s up to c; false when c is not there, or anything that no such part can hold stands before it. */
static bool take_until(struct span *s, char c, bool blank_allowed, struct span *part_r)
{
	for (size_t i = 0; i < s->len; i++) {
		if (s->ptr[i] == c) {
			*part_r = span_sub(*s, 0, i);
			*s = span_sub(*s, i + 1, s->len);
			return true;
		}
		if (s->ptr[i] == '\r' || s->ptr[i] == '\n' || (!blank_allowed && is_blank(s->ptr[i])))
			return false;
	}
	return false;
}

/* The longest charset name with a language tag that is believed; it also bounds the look ahead for a word that never ends. */
#define WORD_CHARSET_MAX_BYTES 80
/* RFC 2047 says 75 for the whole word; senders exceed it, some put a whole Subject into one. */
#define WORD_TEXT_MAX_BYTES 8192

/* s begins with "=?". Blanks inside of the encoded text are wrong but common in Q. */
static bool word_parse(struct span s, struct word *word_r)
{
	struct span rest = span_sub(s, 2, WORD_CHARSET_MAX_BYTES), encoding, charset;

	if (!take_until(&rest, '?', false, &charset) || charset.len == 0)
		return false;
	rest = span_sub(s, 2 + charset.len + 1, 2);
	if (!take_until(&rest, '?', false, &encoding) || encoding.len != 1)
		return false;
	word_r->encoding = ascii_lower(encoding.ptr[0]);
	if (word_r->encoding != 'b' && word_r->encoding != 'q')
		return false;
	rest = span_sub(s, 2 + charset.len + 3, WORD_TEXT_MAX_BYTES);
	if (!take_until(&rest, '?', true, &word_r->text) || rest.len == 0 || rest.ptr[0] != '=')
		return false;
	word_r->charset = span_sub(charset, 0, span_find_byte(charset, '*'));
	word_r->len = 2 + charset.len + 3 + word_r->text.len + 2;
	return true;
}

size_t encword_bytes(struct span text)
{
	struct word word;

	return text.len > 2 && text.ptr[0] == '=' && text.ptr[1] == '?' && word_parse(text, &word) ? word.len : 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t decode_q(struct span text, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < text.len; i++) {
		int high = -1, low = -1;

		if (text.ptr[i] == '=' && text.len - i > 2) {
			high = hex(text.ptr[i + 1]);
			low = hex(text.ptr[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			out[used++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[used++] = text.ptr[i] == '_' ? ' ' : text.ptr[i];
		}
	}
	return used;
}

static void put_word_bytes(struct arena *a, struct buf *bytes, const struct word *w)
{
	char *room;

	if (w->encoding == 'b')
		buf_put(bytes, transfer_base64_decode(a, w->text, false));
	else if ((room = buf_room(bytes, w->text.len)) != NULL)
		bytes->len += decode_q(w->text, room);
}

/* Offset of the next encoded word at or after from, or text.len. */
static size_t next_word(struct span text, size_t from, struct word *word_r)
{
	for (size_t i = from; i + 1 < text.len; i++)
		if (text.ptr[i] == '=' && text.ptr[i + 1] == '?' && word_parse(span_sub(text, i, text.len), word_r))
			return i;
	return text.len;
}

static size_t skip_blanks(struct span text, size_t from)
{
	while (from < text.len && is_blank(text.ptr[from]))
		from++;
	return from;
}

/* Octets of the word and of those that follow it in the same charset with nothing but blanks between: senders split
 * characters between words, against RFC 2047 5. Returns where the last of them ends. */
static size_t join_words(struct arena *a, struct span text, size_t at, struct word w, struct buf *bytes)
{
	bool joins = !charset_is_stateful(w.charset);
	size_t end = at + w.len, next;
	struct word follower;

	put_word_bytes(a, bytes, &w);
	while (joins && (next = skip_blanks(text, end)) + 1 < text.len && text.ptr[next] == '=' && text.ptr[next + 1] == '?' &&
	       word_parse(span_sub(text, next, text.len), &follower) && span_eq_nocase(follower.charset, w.charset)) {
		put_word_bytes(a, bytes, &follower);
		end = next + follower.len;
	}
	return end;
}

static void put_shown(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		buf_put_byte(out, c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
	}
}

/* Conversion gives at most this many octets of UTF-8 for one of the input. */
#define GROWTH_MAX 4

struct span encword_decode(struct arena *a, struct span text)
{
	struct buf out, bytes;
	struct word w;
	struct span result;
	bool after_word = false;

	buf_init(&out, GROWTH_MAX * text.len);
	buf_init(&bytes, text.len);
	for (size_t at = 0, from = 0; from < text.len; ) {
		struct span gap, shown;
		size_t end;
		bool converted;

		at = next_word(text, from, &w);
		gap = span_sub(text, from, at - from);
		if (at == text.len) {
			buf_put(&out, utf8_from_8bit(a, gap));
			break;
		}
		buf_reset(&bytes);
		end = join_words(a, text, at, w, &bytes);
		converted = charset_to_utf8(a, w.charset, buf_span(&bytes), &shown);
		if (!converted || !after_word || span_trim(gap).len > 0)
			buf_put(&out, utf8_from_8bit(a, gap));
		if (converted)
			put_shown(&out, shown);
		else
			buf_put(&out, utf8_from_8bit(a, span_sub(text, at, end - at)));
		after_word = converted;
		from = end;
	}
	result = arena_span(a, buf_span(&out));
	buf_done(&bytes);
	buf_done(&out);
	return result;
}

/* What an encoded word in a phrase may hold as it is (RFC 2047 5 (3)); the narrowest of the three places, so that it fits all. */
static bool is_q_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ' ' ||
	       c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

static size_t q_bytes(struct span text)
{
	size_t sum = 0;

	for (size_t i = 0; i < text.len; i++)
		sum += is_q_plain(text.ptr[i]) ? 1 : 3;
	return sum;
}

static size_t b_bytes(struct span text)
{
	return (text.len + 2) / 3 * 4;
}

static void put_q(struct arena *a, struct buf *out, struct span text)
{
	(void)a;
	for (size_t i = 0; i < text.len; i++) {
		if (is_q_plain(text.ptr[i]))
			buf_put_byte(out, text.ptr[i] == ' ' ? '_' : text.ptr[i]);
		else
			buf_printf(out, "=%02X", (unsigned)(unsigned char)text.ptr[i]);
	}
}

static void put_b(struct arena *a, struct buf *out, struct span text)
{
	buf_put(out, transfer_base64_line(a, text));
}

static const struct way {
	char name;
	size_t (*bytes)(struct span text);
	void (*put)(struct arena *a, struct buf *out, struct span text);
} ways[] = { { 'q', q_bytes, put_q }, { 'b', b_bytes, put_b } };

#define WORD_FRAME_BYTES 12 /* "=?utf-8?q?" and "?=" */

/* How much of text fits into one word, in whole characters. */
static size_t word_fits(const struct way *way, struct span text)
{
	size_t len = 0, more;

	while ((more = utf8_char(span_sub(text, len, text.len))) > 0 &&
	       way->bytes(span_sub(text, 0, len + more)) <= ENCWORD_MAX_BYTES - WORD_FRAME_BYTES)
		len += more;
	return len;
}

struct span encword_encode(struct arena *a, struct span text)
{
	const struct way *way;
	struct span result;
	struct buf out;
	size_t len;

	text = utf8_from_8bit(a, text);
	way = q_bytes(text) <= b_bytes(text) ? &ways[0] : &ways[1];
	/* The shortest full word holds 15 octets (UTF-8 of four octets in Q) and takes 76 with its space. */
	buf_init(&out, 6 * text.len + 80);
	for (; text.len > 0; text = span_sub(text, len, text.len)) {
		len = word_fits(way, text);
		buf_printf(&out, "%s=?utf-8?%c?", out.len == 0 ? "" : " ", way->name);
		way->put(a, &out, span_sub(text, 0, len));
		buf_put_text(&out, "?=");
	}
	result = arena_span(a, buf_span(&out));
	buf_done(&out);
	return result;
}
