/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/verdict_int.h"

#include <stdio.h>
#include <string.h>

/* Where text was cut in the middle of a character of UTF-8, the piece of it goes. */
static size_t without_half_character(const char *text, size_t len)
{
	while (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
		len--;
	return len > 0 && (unsigned char)text[len - 1] >= 0xc0 ? len - 1 : len;
}

struct span verdict_one_line(struct arena *a, struct span text)
{
	size_t max = text.len < VERDICT_REPLY_MAX_BYTES ? text.len : VERDICT_REPLY_MAX_BYTES, len = 0, i;
	char *out = arena_alloc(a, max + 2);
	bool blank = false;

	for (i = 0; i < text.len && len + blank < max; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c <= ' ' || c == 0x7f) {
			blank = len > 0;
			continue;
		}
		if (blank)
			out[len++] = ' ';
		blank = false;
		out[len++] = (char)c;
	}
	if (i < text.len)
		len = without_half_character(out, len);
	out[len] = '\0';
	return (struct span){ out, len };
}

/* Is the word a code that a continuation line began with: "550", "550-", "550-5.7.26", "550-Text" (then text_r is what is left of it)? */
static bool is_repeated_code(struct span word, const char *code, struct span *text_r)
{
	int status[3];

	if (word.len < 3 || memcmp(word.ptr, code, 3) != 0 || (word.len > 3 && word.ptr[3] != '-'))
		return false;
	*text_r = span_sub(word, 4, word.len);
	if (text_r->len > 0 && codes_status(*text_r, status))
		*text_r = (struct span){ "", 0 };
	return true;
}

/* The text as rows see it: one line, the codes of continuation lines left out, since they would stand in the middle of sentences; a code and a status that are known from elsewhere
 * put in front. */
static struct span joined(struct arena *a, struct span text, const struct reply_codes *codes, int code, const char *status)
{
	char first[4] = "", *out = arena_alloc(a, text.len + 32);
	struct span word, rest, left = text;
	bool skip_status = false;
	int found[3];
	size_t len = 0;

	if (codes->code == 0 && code != 0)
		len += (size_t)snprintf(out, 8, "%d ", code);
	if (codes->status[0] == 0 && *status != '\0' && strlen(status) < 16)
		len += (size_t)snprintf(out + len, 20, "%s ", status);
	if (codes->code != 0)
		memcpy(first, text.ptr + codes->code_at, 3);
	while (span_word(&left, &word)) {
		size_t at = (size_t)(word.ptr - text.ptr);

		if (first[0] != '\0' && at > codes->code_at && is_repeated_code(word, first, &rest)) {
			skip_status = rest.len == 0 && word.len <= 4;
			word = rest;
		} else if (skip_status && codes_status(word, found)) {
			word.len = 0;
			skip_status = false;
		} else {
			skip_status = false;
		}
		if (word.len == 0)
			continue;
		memcpy(out + len, word.ptr, word.len);
		len += word.len;
		out[len++] = ' ';
	}
	return (struct span){ out, len > 0 ? len - 1 : 0 };
}

static const char *status_text(struct arena *a, const int status[3])
{
	return arena_printf(a, "%d.%d.%d", status[0], status[1], status[2]);
}

/* By the codes alone; false: they say nothing. */
static bool by_codes(struct arena *a, const int status[3], const int field[3], enum bounce_class *class_r, const char **by_r)
{
	const int *one = codes_class_of_status(status, class_r) ? status : codes_class_of_status(field, class_r) ? field : NULL;

	if (one != NULL)
		*by_r = status_text(a, one);
	return one != NULL;
}

enum bounce_class verdict_judge(struct arena *a, const struct patterns *patterns, const struct judging *judging, const char **by_r)
{
	struct span line = verdict_one_line(a, judging->text), text;
	enum bounce_class class = BOUNCE_UNKNOWN;
	struct pattern_hit hit = { BOUNCE_UNKNOWN, "" };
	struct reply_codes codes;
	int field[3] = { 0, 0, 0 };
	bool is_known;

	codes_find(line, &codes);
	codes_status(span_of(judging->status), field);
	text = joined(a, line, &codes, judging->code, judging->status);
	if (codes.code == 0)
		codes.code = judging->code;
	is_known = patterns_find(patterns, PATTERN_REPLY, text, judging->host, &hit);
	*by_r = arena_text(a, span_of(hit.where));
	if (is_known && hit.class != BOUNCE_UNKNOWN)
		return hit.class;
	if (by_codes(a, codes.status, field, &class, by_r) || is_known)
		return class;
	/* What is left is general. A matter of policy, however it is put, is not one of the mailbox; and without rows (an installation that lacks its file) nobody could tell that
	 * a "550" is about DMARC. */
	if (codes.status[1] == 7 || field[1] == 7 || patterns_count(patterns) == 0)
		return BOUNCE_UNKNOWN;
	if (codes_class_of_code(codes.code, &class)) {
		*by_r = arena_printf(a, "%d", codes.code);
		return class;
	}
	if (codes.code != 0 || !judging->is_report)
		return BOUNCE_UNKNOWN;
	*by_r = VERDICT_BY_REPORT;
	return codes.status[0] == 4 || field[0] == 4 ? BOUNCE_NETWORK : BOUNCE_DEAD_MAILBOX;
}

void verdict_of_reply(struct arena *a, const struct patterns *patterns, int code, const char *text, const char *host, struct verdict_rcpt *rcpt_r)
{
	struct span line = verdict_one_line(a, span_of(text));
	struct judging judging = { .text = line, .code = code, .status = "", .host = host };
	struct reply_codes codes;

	unsigned long long number;

	codes_find(line, &codes);
	if (code == 0 && line.len >= 3 && span_number(span_sub(line, 0, 3), 299, &number) && number >= 200)
		code = (int)number;
	if (code == 0)
		code = codes.code;
	*rcpt_r = (struct verdict_rcpt){ .recipient = "", .original = "", .action = code / 100 == 4 ? "delayed" : code / 100 == 2 ? "delivered" : "failed", .host = host, .by = "",
		.status = codes.status[0] == 0 ? "" : status_text(a, codes.status) };
	rcpt_r->reply = code != 0 && codes.code == 0 ? arena_printf(a, "%d %s", code, line.ptr) : line.ptr;
	rcpt_r->class = code / 100 == 2 ? BOUNCE_DELIVERED : verdict_judge(a, patterns, &judging, &rcpt_r->by);
	rcpt_r->counts = bounce_class_rows[rcpt_r->class].counts;
}
