/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/header.h"
#include "mail/buf.h"
#include "mail/encword.h"
#include "mail/idna.h"

#include <string.h>

/* Deeper comments than this are an attack on recursive readers; what is inside counts as comment to the end. */
#define COMMENT_DEPTH_MAX 32

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

bool header_is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f || name.ptr[i] == ':')
			return false;
	return name.len > 0;
}

struct span header_unfold(struct arena *a, struct span value)
{
	char *out = arena_alloc(a, value.len + 1);
	size_t used = 0;

	for (size_t i = 0; i < value.len; i++) {
		bool ends_line = value.ptr[i] == '\n' || (value.ptr[i] == '\r' && i + 1 < value.len && value.ptr[i + 1] == '\n');

		if (!ends_line)
			out[used++] = value.ptr[i];
	}
	return span_trim((struct span){ out, used });
}

/* Length of the comment at the front of s, which begins with "(". */
static size_t comment_bytes(struct span s)
{
	unsigned depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '(' && ++depth > COMMENT_DEPTH_MAX)
			return s.len;
		else if (s.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.len;
}

/* Length of the quoted-string at the front of s, which begins with a quote; an unclosed one reaches to the end. */
static size_t quoted_bytes(struct span s)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '"')
			return i + 1;
	}
	return s.len;
}

struct span header_without_comments(struct arena *a, struct span value)
{
	struct span in = header_unfold(a, value);
	char *out = arena_alloc(a, in.len + 1);
	size_t used = 0, len;

	for (; in.len > 0; in = span_sub(in, len, in.len)) {
		len = 1;
		if (in.ptr[0] == '(' || is_blank(in.ptr[0])) {
			len = in.ptr[0] == '(' ? comment_bytes(in) : 1;
			if (used > 0 && out[used - 1] != ' ')
				out[used++] = ' ';
			continue;
		}
		if (in.ptr[0] == '"')
			len = quoted_bytes(in);
		memcpy(out + used, in.ptr, len);
		used += len;
	}
	return span_trim((struct span){ out, used });
}

/* The value without the line ends of its folds, other CR, LF and NUL as spaces. */
static struct span one_line(struct arena *a, struct span value)
{
	char *out = arena_alloc(a, value.len + 1);
	size_t used = 0;

	for (size_t i = 0; i < value.len; i++) {
		struct span rest = span_sub(value, i, value.len);
		char c = value.ptr[i];
		size_t end = c == '\r' && rest.len > 1 && rest.ptr[1] == '\n' ? 2 : c == '\n' ? 1 : 0;

		if (end > 0 && rest.len > end && (rest.ptr[end] == ' ' || rest.ptr[end] == '\t'))
			i += end - 1;
		else
			out[used++] = c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
	}
	return span_trim((struct span){ out, used });
}

/* The longest part of word that fits into room octets and splits no UTF-8 character; at least one octet. */
static size_t forced_bytes(struct span word, size_t room)
{
	size_t len = word.len < room ? word.len : room;
	size_t back = len;

	if (len == word.len)
		return len;
	while (back > 1 && len - back < 3 && ((unsigned char)word.ptr[back] & 0xc0) == 0x80)
		back--;
	return back;
}

/* Blanks before a word that begins a line: a line of blanks alone would end the header for some readers. */
static size_t put_word(struct buf *out, struct span blanks, struct span word, size_t column, const char *line_end)
{
	bool first = blanks.len == 0;
	size_t len;

	if (blanks.len + word.len > HEADER_LINE_MAX_BYTES)
		blanks = span_sub(blanks, 0, 1);
	if (!first && column + blanks.len + word.len > HEADER_LINE_WANTED_BYTES) {
		buf_put_text(out, line_end);
		column = 0;
	}
	buf_put(out, blanks);
	column += blanks.len;
	while (column + word.len > HEADER_LINE_MAX_BYTES) {
		len = forced_bytes(word, HEADER_LINE_MAX_BYTES - column);
		buf_put(out, span_sub(word, 0, len));
		buf_put_text(out, line_end);
		buf_put_byte(out, ' ');
		word = span_sub(word, len, word.len);
		column = 1;
	}
	buf_put(out, word);
	return column + word.len;
}

struct span header_fold(struct arena *a, const char *name, struct span value, const char *line_end)
{
	struct span rest = one_line(a, value), blanks = { NULL, 0 }, result;
	size_t column = strlen(name) + 2;
	struct buf out;

	/* At most a line end for each blank, and one with a blank for each forced split. */
	buf_init(&out, column + (rest.len + 1) * (strlen(line_end) + 2));
	buf_printf(&out, "%s: ", name);
	while (rest.len > 0) {
		size_t len = 0;

		while (len < rest.len && rest.ptr[len] != ' ' && rest.ptr[len] != '\t')
			len++;
		column = put_word(&out, blanks, span_sub(rest, 0, len), column, line_end);
		rest = span_sub(rest, len, rest.len);
		for (len = 0; len < rest.len && (rest.ptr[len] == ' ' || rest.ptr[len] == '\t'); )
			len++;
		blanks = span_sub(rest, 0, len);
		rest = span_sub(rest, len, rest.len);
	}
	result = arena_span(a, buf_span(&out));
	buf_done(&out);
	return result;
}

/* atext of RFC 5322 3.2.3 that is a token of RFC 2045 5.1 too, so that the result serves in both places. */
static bool is_word_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("!#$%&'*+-^_`{|}~", c) != NULL);
}

static bool is_word(struct span word)
{
	for (size_t i = 0; i < word.len; i++)
		if (!is_word_octet(word.ptr[i]))
			return false;
	return word.len > 0;
}

static struct span put_in_quotes(struct arena *a, struct span text)
{
	char *out = arena_alloc(a, 2 * text.len + 2);
	size_t used = 0;

	out[used++] = '"';
	for (size_t i = 0; i < text.len; i++) {
		if (is_control(text.ptr[i]))
			continue;
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			out[used++] = '\\';
		out[used++] = text.ptr[i];
	}
	out[used++] = '"';
	return (struct span){ out, used };
}

struct span header_quote(struct arena *a, struct span word)
{
	return is_word(word) ? arena_span(a, word) : put_in_quotes(a, word);
}

/* Characters that can make a line end, or make a name be shown in another order than it is written in. */
static bool is_unsafe(unsigned code)
{
	static const struct { unsigned from, to; } ranges[] = {
		{ 0x80, 0x9f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code >= ranges[i].from && code <= ranges[i].to)
			return true;
	return false;
}

/* Valid UTF-8 on one line: blanks and line ends folded to single spaces, other control characters left out; with names, unsafe
 * characters too. */
static struct span clean(struct arena *a, struct span text, bool is_name)
{
	struct span in = utf8_from_8bit(a, text);
	char *out = arena_alloc(a, in.len + 1);
	size_t used = 0, len;

	for (; in.len > 0; in = span_sub(in, len, in.len)) {
		len = utf8_char(in);
		if (is_blank(in.ptr[0])) {
			if (used > 0 && (!is_name || out[used - 1] != ' '))
				out[used++] = ' ';
		} else if (!is_control(in.ptr[0]) && !(is_name && is_unsafe(utf8_code(in, len)))) {
			memcpy(out + used, in.ptr, len);
			used += len;
		}
	}
	return span_trim((struct span){ out, used });
}

/* A word of this length in quotes could not be folded; encoded words can. */
#define PHRASE_WORD_MAX_BYTES 200

static size_t longest_word(struct span text)
{
	size_t longest = 0;
	struct span word;

	while (span_next(&text, ' ', &word))
		if (word.len > longest)
			longest = word.len;
	return longest;
}

/* Plain text that looks like an encoded word would be decoded by the reader: it is encoded itself. */
static bool needs_encoding(struct span text)
{
	return has_8bit(text) || span_find(text, SPAN_LIT("=?")) < text.len;
}

static bool is_words(struct span text)
{
	struct span word;

	while (span_next(&text, ' ', &word))
		if (!is_word(word))
			return false;
	return true;
}

struct span header_phrase(struct arena *a, struct span name)
{
	struct span text = clean(a, name, true);

	if (needs_encoding(text) || longest_word(text) > PHRASE_WORD_MAX_BYTES)
		return encword_encode(a, text);
	if (text.len == 0 || is_words(text))
		return text;
	return put_in_quotes(a, text);
}

/* The part of text from its first word that needs encoding to the last one; len 0 when there is none. */
static struct span encoded_part(struct span text)
{
	struct span rest = text, word;
	size_t from = text.len, to = 0;

	while (span_next(&rest, ' ', &word)) {
		size_t at = (size_t)(word.ptr - text.ptr);

		if (!needs_encoding(word))
			continue;
		if (from == text.len)
			from = at;
		to = at + word.len;
	}
	return from < to ? span_sub(text, from, to - from) : (struct span){ NULL, 0 };
}

struct span header_text(struct arena *a, struct span text)
{
	struct span plain = clean(a, text, false), part = encoded_part(plain), word;
	size_t before, after;
	char *out;

	if (part.len == 0)
		return plain;
	before = (size_t)(part.ptr - plain.ptr);
	after = plain.len - before - part.len;
	word = encword_encode(a, part);
	out = arena_alloc(a, before + word.len + after + 1);
	memcpy(out, plain.ptr, before);
	memcpy(out + before, word.ptr, word.len);
	memcpy(out + before + word.len, part.ptr + part.len, after);
	return (struct span){ out, before + word.len + after };
}

struct span header_param(const struct header_params *params, const char *name)
{
	for (size_t i = 0; i < params->count; i++)
		if (span_eq_text_nocase(params->items[i].name, name))
			return params->items[i].value;
	return (struct span){ NULL, 0 };
}

static const struct { const char *name; unsigned flags; } known_fields[] = {
	{ "Author", HEADER_ONCE | HEADER_ADDRESSES },
	{ "Bcc", HEADER_ONCE | HEADER_ADDRESSES },
	{ "Cc", HEADER_ONCE | HEADER_ADDRESSES },
	{ "Date", HEADER_ONCE },
	{ "Disposition-Notification-To", HEADER_ADDRESSES },
	{ "From", HEADER_ONCE | HEADER_ADDRESSES },
	{ "In-Reply-To", HEADER_ONCE },
	{ "List-Archive", HEADER_LIST },
	{ "List-Help", HEADER_LIST },
	{ "List-Id", HEADER_LIST },
	{ "List-Owner", HEADER_LIST },
	{ "List-Post", HEADER_LIST },
	{ "List-Subscribe", HEADER_LIST },
	{ "List-Unsubscribe", HEADER_LIST },
	{ "List-Unsubscribe-Post", HEADER_LIST },
	{ "Mail-Followup-To", HEADER_ADDRESSES },
	{ "Mail-Reply-To", HEADER_ADDRESSES },
	{ "Message-ID", HEADER_ONCE },
	{ "References", HEADER_ONCE },
	{ "Reply-To", HEADER_ONCE | HEADER_ADDRESSES },
	{ "Resent-Bcc", HEADER_ADDRESSES },
	{ "Resent-Cc", HEADER_ADDRESSES },
	{ "Resent-From", HEADER_ADDRESSES },
	{ "Resent-Sender", HEADER_ADDRESSES },
	{ "Resent-To", HEADER_ADDRESSES },
	{ "Sender", HEADER_ONCE | HEADER_ADDRESSES },
	{ "Subject", HEADER_ONCE },
	{ "To", HEADER_ONCE | HEADER_ADDRESSES },
};

unsigned header_flags(struct span name)
{
	for (size_t i = 0; i < sizeof(known_fields) / sizeof(known_fields[0]); i++)
		if (span_eq_text_nocase(name, known_fields[i].name))
			return known_fields[i].flags;
	return 0;
}
