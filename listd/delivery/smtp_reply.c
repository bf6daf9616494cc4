/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/delivery/smtp.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Code of a line "250 text", "250-text" or "250"; 0: none. more_r: another line follows. */
static int line_code(const char *line, size_t len, bool *more_r)
{
	if (len < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) || !is_digit(line[2]))
		return 0;
	if (len > 3 && line[3] != ' ' && line[3] != '-' && line[3] != '\t')
		return 0;
	*more_r = len > 3 && line[3] == '-';
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
}

int smtp_reply_take(struct span input, struct smtp_reply *reply_r, size_t *used_r, struct fail *why)
{
	size_t at = 0;

	for (unsigned lines = 1;; lines++) {
		size_t room = input.len - at < SMTP_LINE_MAX_BYTES ? input.len - at : SMTP_LINE_MAX_BYTES;
		const char *line = input.ptr + at, *end = room > 0 ? memchr(line, '\n', room) : NULL;
		bool more = false;
		size_t len;
		int code;

		if (end == NULL && room < SMTP_LINE_MAX_BYTES)
			return 0;
		len = end == NULL ? 0 : (size_t)(end - line);
		at += len + 1;
		if (len > 0 && line[len - 1] == '\r')
			len--;
		code = line_code(line, len, &more);
		if (code == 0 || lines > SMTP_REPLY_MAX_LINES || at > SMTP_REPLY_MAX_BYTES)
			return fail_temporary(why, "the relay does not speak SMTP: %.*s", (int)(room < 80 ? room : 80), line);
		if (!more) {
			*reply_r = (struct smtp_reply){ code, { input.ptr, at } };
			*used_r = at;
			return 1;
		}
	}
}

/* Take a line off a reply, without code and line end. */
static bool next_line(struct span *rest, struct span *text_r)
{
	struct span line;

	if (rest->len == 0 || !span_next(rest, '\n', &line))
		return false;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	*text_r = span_sub(line, 4, line.len);
	return true;
}

/* Length of an enhanced code "5.7.26" at the front, RFC 3463 2; 0: there is none. */
static size_t enhanced_length(struct span text)
{
	size_t i = 0;

	for (unsigned part = 0; part < 3; part++) {
		size_t from = i;

		while (i < text.len && i - from < 3 && is_digit(text.ptr[i]))
			i++;
		if (i == from || (part == 0 && (i != 1 || memchr("245", text.ptr[0], 3) == NULL)))
			return 0;
		if (part < 2 && (i == text.len || text.ptr[i++] != '.'))
			return 0;
	}
	return i == text.len || text.ptr[i] == ' ' ? i : 0;
}

void smtp_reply_enhanced(const struct smtp_reply *reply, char enhanced_r[12])
{
	struct span rest = reply->raw, line = { NULL, 0 };
	size_t len;

	next_line(&rest, &line);
	len = enhanced_length(line);
	if (len > 0)
		memcpy(enhanced_r, line.ptr, len);
	enhanced_r[len] = '\0';
}

void smtp_reply_text(const struct smtp_reply *reply, char *text_r, size_t size)
{
	struct span rest = reply->raw, line, first_enhanced = { NULL, 0 };
	size_t at;
	bool is_first = true;

	at = (size_t)snprintf(text_r, size, "%03d", reply->code);
	for (; next_line(&rest, &line); is_first = false) {
		struct span enhanced = span_sub(line, 0, enhanced_length(line));

		if (is_first)
			first_enhanced = enhanced;
		else if (enhanced.len > 0 && span_eq(enhanced, first_enhanced))
			line = span_sub(line, enhanced.len, line.len);
		line = span_trim(line);
		if (line.len > 0 && at + 1 < size)
			text_r[at++] = ' ';
		for (size_t i = 0; i < line.len && at + 1 < size; i++)
			text_r[at++] = (unsigned char)line.ptr[i] >= 0x20 && (unsigned char)line.ptr[i] < 0x7f ? line.ptr[i] : '?';
	}
	text_r[at < size ? at : size - 1] = '\0';
}

static bool has_word(struct span words, const char *word)
{
	struct span part;

	while (span_next(&words, ' ', &part))
		if (span_eq_text_nocase(part, word))
			return true;
	return false;
}

static const struct { const char *keyword; unsigned feature; } feature_rows[] = {
	{ "PIPELINING", SMTP_PIPELINING }, { "8BITMIME", SMTP_8BITMIME }, { "SMTPUTF8", SMTP_SMTPUTF8 }, { "SIZE", SMTP_SIZE }, { "XVERP", SMTP_XVERP },
	{ "STARTTLS", SMTP_STARTTLS },
};

unsigned smtp_features_parse(const struct smtp_reply *reply, uint64_t *size_r)
{
	struct span rest = reply->raw, line;
	unsigned features = 0;
	unsigned long long size = 0;

	next_line(&rest, &line); /* the relay's name */
	while (next_line(&rest, &line)) {
		struct span keyword = { NULL, 0 }, params = span_trim(line);

		span_next(&params, ' ', &keyword);
		for (size_t i = 0; i < sizeof(feature_rows) / sizeof(feature_rows[0]); i++)
			if (span_eq_text_nocase(keyword, feature_rows[i].keyword))
				features |= feature_rows[i].feature;
		if (span_eq_text_nocase(keyword, "SIZE") && !span_number(span_trim(params), UINT64_MAX, &size))
			size = 0;
		/* "AUTH=PLAIN" is what old servers write for old clients. */
		if (span_starts_nocase(keyword, "AUTH") && (keyword.len == 4 || keyword.ptr[4] == '=')) {
			features |= has_word(params, "PLAIN") || span_eq_text_nocase(keyword, "AUTH=PLAIN") ? SMTP_AUTH_PLAIN : 0;
			features |= has_word(params, "LOGIN") || span_eq_text_nocase(keyword, "AUTH=LOGIN") ? SMTP_AUTH_LOGIN : 0;
		}
	}
	*size_r = size;
	return features;
}
