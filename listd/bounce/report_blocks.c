/* SPDX-License-Identifier: BSD-2-Clause */
/* Who a report in words is about, and what it says of each: blocks of lines that begin with an address, or sentences that name one. */
#include "listd/bounce/report_blocks.h"

#include <string.h>

#define ADDRESS_GAP_MAX_BYTES 300 /* "<mailto:" and an address at its limit */

/* A line that begins a block may have these before the address. */
static size_t skip_marks(struct span line, bool *has_code_r)
{
	size_t i = 0;
	int status[3];

	*has_code_r = false;
	while (i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t'))
		i++;
	if (span_starts_nocase(span_sub(line, i, line.len), ">>> ") || span_starts_nocase(span_sub(line, i, line.len), "-- "))
		i += 3;
	else if (i + 1 < line.len && (line.ptr[i] == '*' || line.ptr[i] == '-' || line.ptr[i] == '>') && line.ptr[i + 1] == ' ')
		i++;
	else if (span_starts_nocase(span_sub(line, i, line.len), "\xe2\x80\xa2 ")) /* a bullet */
		i += 3;
	while (i < line.len && line.ptr[i] == ' ')
		i++;
	if (codes_at(line, i) != 0 && i + 4 < line.len && line.ptr[i + 3] == ' ') {
		*has_code_r = true;
		i += 4;
		if (codes_status(span_sub(line, i, line.len), status))
			i += span_find_byte(span_sub(line, i, line.len), ' ') + 1;
	}
	return i;
}

/* What may follow an address that begins a block: a mark, or words that do not go on with a sentence about something else. */
static bool is_block_rest(struct span rest)
{
	static const char *const sentence[] = { "and", "or", "to", "if", "for", "in", "with", "as", "will", "by", "at", "from", "you", "which", "who" };
	struct span words = rest, word;

	if (rest.len == 0 || strchr(":;,([<.-\"'", rest.ptr[0]) != NULL)
		return true;
	if (!span_word(&words, &word))
		return true;
	for (size_t i = 0; i < sizeof(sentence) / sizeof(sentence[0]); i++)
		if (span_eq_text(word, sentence[i]))
			return false;
	return rest.ptr[0] == ' ' || rest.ptr[0] == '\t';
}

static size_t skip_blanks(struct span line, size_t at)
{
	while (at < line.len && (line.ptr[at] == ' ' || line.ptr[at] == '\t'))
		at++;
	return at;
}

/* Behind the address once more, as a link or a name has it: "<mailto:ann@example.org>", "(ann@example.org)", "<ann@example.org>"; where it is not there, at. */
static size_t skip_repeated(struct span line, size_t at, struct span address)
{
	size_t i = skip_blanks(line, at), next = i;
	struct span again;

	if (i >= line.len || strchr("<([", line.ptr[i]) == NULL)
		return at;
	again = report_next_address(span_sub(line, 0, i + 1 + ADDRESS_GAP_MAX_BYTES + address.len), &next);
	if (again.len == 0 || next >= line.len || strchr(">)]", line.ptr[next]) == NULL)
		return at;
	return line.ptr[i] == '<' || span_eq_nocase(again, address) ? next + 1 : at;
}

/* The address that a line begins with, and where what is said of it begins. */
static struct span line_address(struct span line, size_t *rest_r, bool *has_code_r)
{
	size_t i = skip_marks(line, has_code_r), end;
	char open = i < line.len ? line.ptr[i] : '\0';
	struct span address;

	if (open == '<' || open == '\'')
		i++;
	if (open == '<' && span_starts_nocase(span_sub(line, i, line.len), "mailto:"))
		i += 7;
	address = report_address_at(line, i, &end);
	if (address.len == 0 && open == '"') /* a quoted address, not a quoted local part */
		address = report_address_at(line, i + 1, &end);
	if (address.len == 0)
		return address;
	/* In writing without blanks a bare address has no end that could be seen. */
	if (open != '<' && ((unsigned char)address.ptr[address.len - 1] >= 0x80 || (end < line.len && (unsigned char)line.ptr[end] >= 0x80)))
		return (struct span){ NULL, 0 };
	if (end < line.len && (line.ptr[end] == '>' || line.ptr[end] == '\'' || line.ptr[end] == '"'))
		end++;
	else if (open == '<')
		return (struct span){ NULL, 0 };
	for (int k = 0; k < 2; k++) /* Exchange has a name and a link */
		end = skip_repeated(line, end, address);
	if (!is_block_rest(span_sub(line, end, line.len)))
		return (struct span){ NULL, 0 };
	*rest_r = end;
	return address;
}

/* The line above says that the address is another's. */
static bool is_of_others(struct span above)
{
	static const char *const phrases[] = {
		"sent by", "contact", "please send mail", "assistance", "message from", "please reply", "write to", "to the address", "the sender", "von:", "from:",
	};
	struct span tail = above.len > 80 ? span_sub(above, above.len - 80, 80) : above;

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (report_find(tail, phrases[i]) < tail.len)
			return true;
	return false;
}

static bool is_rule(struct span line)
{
	size_t run = 0;

	for (size_t i = 0; i < line.len && run < 4; i++)
		run = (i > 0 && line.ptr[i] != line.ptr[i - 1]) || strchr("-=*", line.ptr[i]) == NULL ? strchr("-=*", line.ptr[i]) != NULL : run + 1;
	return run >= 4;
}

static size_t indent_of(struct span line)
{
	return skip_blanks(line, 0);
}

static struct block *add(struct report *report, struct blocks *blocks, struct span address, size_t line, size_t at)
{
	struct block *block;

	/* Twice as many as recipients are taken: most reports name each once or twice. */
	if (blocks->count == (size_t)VERDICT_RCPTS_MAX * 2)
		return NULL;
	block = arena_grow(report->arena, &blocks->items, &blocks->cap, blocks->count, sizeof(*block));
	blocks->count++;
	*block = (struct block){ .address = arena_text(report->arena, address), .line = line, .at = at, .end = line + 1, .before = line };
	return block;
}

/* sendmail: what was said by the other side, or by a program, stands above the line with the code. */
static size_t transcript_start(const struct report_lines *lines, size_t line)
{
	size_t i = line, rest;
	bool has_code;

	while (i > 0 && lines->items[i - 1].len > 0 && !is_rule(lines->items[i - 1]) && line_address(lines->items[i - 1], &rest, &has_code).len == 0)
		i--;
	return i;
}

static void find_by_line(struct report *report, const struct report_lines *lines, struct blocks *blocks)
{
	struct span above = { "", 0 };
	struct block *open = NULL;
	bool in_transcript = false;

	for (size_t i = 0; i < lines->count; i++) {
		struct span line = lines->items[i], address = { NULL, 0 };
		size_t at = 0;
		bool has_code = false, continues = open != NULL && open->end == i && indent_of(line) > indent_of(lines->items[open->line]);

		if (line.len > 0 && !continues)
			address = line_address(line, &at, &has_code);
		if (address.len > 0 && !is_of_others(above)) {
			open = add(report, blocks, address, i, at);
			if (open != NULL && has_code) {
				open->has_code = true;
				open->before = in_transcript ? transcript_start(lines, i) : i;
			}
		} else if (open != NULL && open->end == i && line.len > 0 && !is_rule(line) && (continues || !(in_transcript && open->has_code))) {
			open->end = i + 1; /* in a transcript, what follows unindented leads to the next */
		}
		if (is_rule(line))
			in_transcript = report_find(line, "transcript") < line.len;
		if (line.len > 0)
			above = line;
	}
}

/* Sentences that name a recipient. The longer of two that begin alike comes first. */
static const char *const sentences[] = {
	"recipient address:", "original address:", "original recipient:", "failed recipient:", "intended recipient:", "recipient: [smtp:", "recipient:",
	"rejected recipient", "recipient <", "error-for:", "addressed to:", "originally addressed to", "addressed to", "undeliverable address:",
	"undeliverable to", "unknown user:", "user unknown:", "invalid final delivery userid:", "delivery failed", "be delivered to:", "be delivered to",
	"unable to deliver message to", "unable to deliver your message to", "unable to deliver mail to", "unable to deliver to", "delivering your mail to",
	"deliver message to", "deliver your message to", "following recipient:", "following recipients:", "rcpt to:", "mailbox is full:", "your message to",
	"the mail to", "mail sent to", "message sent to", "delivery to", "delivery of email to", "send to", "dda:smtp=", "smtp:", "mailing list",
	"message-id in", "violation for", "quota for", "mailbox for", "was addressed,", "nachricht an", "votre message à",
};
#define SENTENCE_GAP_MAX_BYTES 60 /* words between the sentence and the address: "20 attempts: " */

static void find_in_line(struct report *report, const struct report_lines *lines, size_t i, struct blocks *blocks)
{
	struct span line = lines->items[i];

	for (size_t k = 0; k < sizeof(sentences) / sizeof(sentences[0]); k++) {
		size_t at = report_find(line, sentences[k]) + strlen(sentences[k]), from = at;
		struct span address;
		struct block *block;

		if (at > line.len)
			continue;
		address = report_next_address(line, &at);
		if (address.len == 0 || (size_t)(address.ptr - line.ptr) - from > SENTENCE_GAP_MAX_BYTES)
			continue;
		block = add(report, blocks, address, i, 0);
		while (block != NULL && block->end < lines->count && lines->items[block->end].len > 0)
			block->end++;
		return;
	}
}

static void find_by_sentence(struct report *report, const struct report_lines *lines, struct blocks *blocks)
{
	for (size_t i = 0; i < lines->count; i++)
		if (lines->items[i].len > 0 && !is_of_others(lines->items[i]))
			find_in_line(report, lines, i, blocks);
}

void report_blocks(struct report *report, const struct report_lines *lines, struct blocks *blocks_r)
{
	*blocks_r = (struct blocks){ 0 };
	find_by_line(report, lines, blocks_r);
	if (blocks_r->count == 0)
		find_by_sentence(report, lines, blocks_r);
}
