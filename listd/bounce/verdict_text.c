/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports in words: Exim, qmail, old sendmail, Exchange, Google, and the many that wrote their own. No form of any one is asked for: what they share is that they come from
 * a mail system, say that something was not delivered, name addresses at the start of a line or in one of a few sentences, and put the reason beside them. */
#include "listd/bounce/report_blocks.h"

#include "mail/buf.h"

#include <stdio.h>
#include <string.h>

/* What is joined for one recipient: replies are cut at half of it anyway. */
#define REASON_MAX_BYTES 8192

/* Is it a report at all? Each sign counts; one alone (a vacation's empty return path, a person who quotes a report) is not enough. */

static const char *const daemon_names[] = {
	"mailer-daemon", "mailer_daemon", "mailerdaemon", "maildaemon", "mail-daemon", "mdaemon", "postmaster", "post_master", "poostmaster", "double-bounce", "mail delivery",
	"mail deliver system", "mail administrator", "system administrator", "microsoftexchange", "microsoft outlook", "mailsystem", "mail-system", "no-reply", "noreply",
};

static bool is_daemon(const struct report *report)
{
	for (size_t i = 0; i < sizeof(daemon_names) / sizeof(daemon_names[0]); i++)
		if (report_find(report->from, daemon_names[i]) < report->from.len)
			return true;
	return report_find(report->from, "<>") < report->from.len;
}

static bool has_null_path(const struct report *report)
{
	const struct field *field = message_field(report->message, "Return-Path");
	struct span path = field == NULL ? (struct span){ "?", 1 } : span_trim(field->value);

	return path.len == 0 || span_eq_text(path, "<>") || span_starts_nocase(path, "<mailer-daemon");
}

#define OPENING_MAX_BYTES 4096 /* a report says early on what it is */

/* An answer to a post that was about failures, by a person or by a program. */
static bool is_answer(const struct report *report)
{
	static const char *const answers[] = { "re:", "aw:", "sv:", "antw:" };
	const struct field *field = message_field(report->message, "Auto-Submitted");

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (span_starts_nocase(report->subject, answers[i]))
			return true;
	return field != NULL && span_starts_nocase(span_trim(field->value), "auto-replied");
}

static bool is_report(const struct report *report)
{
	bool by_daemon = is_daemon(report), no_path = has_null_path(report), has_field = message_field(report->message, "X-Failed-Recipients") != NULL;
	bool by_subject = report_says_failed(report->subject);
	struct pattern_hit hit;
	unsigned signs = by_daemon + no_path + (has_field ? 2 : 0);

	/* A vacation has an empty path too, and may speak of messages that are not delivered. */
	if ((!by_daemon || !by_subject) && patterns_find(report->patterns, PATTERN_SUBJECT, report->subject, "", &hit))
		return false;
	if (!by_daemon && !has_field && is_answer(report))
		return false;
	signs += by_subject ? 2 : report_says_delayed(report->subject);
	signs += report_says_failed(span_sub(report->text, 0, OPENING_MAX_BYTES));
	signs += message_field(report->message, "X-MLServer") != NULL ? 2 : 0; /* another list, which does not know us */
	signs += report->disposition_part == NULL && span_starts_nocase(span_of(report->mime.root->type), "multipart/report");
	return signs >= (by_daemon || no_path || has_field ? 2 : 3);
}

/* The reason. */

static struct span join(struct report *report, const struct report_lines *lines, size_t from, size_t to, size_t at)
{
	struct buf joined;
	struct span text;

	buf_init(&joined, REASON_MAX_BYTES);
	for (size_t i = from; i < to && i < lines->count; i++) {
		struct span line = i == from ? span_sub(lines->items[i], at, lines->items[i].len) : lines->items[i];

		if (joined.len + line.len + 1 > REASON_MAX_BYTES || joined.len + line.len + 1 > report->reasons_left_bytes)
			break;
		buf_put(&joined, line);
		buf_put_byte(&joined, '\n');
	}
	report->reasons_left_bytes -= joined.len;
	text = arena_span(report->arena, buf_span(&joined));
	buf_done(&joined);
	return text;
}

/* A line of a transcript that the other side did not write. */
static bool is_ours(struct span line)
{
	return span_starts_nocase(line, ">>>") || span_starts_nocase(line, "...") || span_starts_nocase(line, "while talking");
}

static struct span without_arrow(struct span line)
{
	return span_starts_nocase(line, "<<<") ? span_trim(span_sub(line, 3, line.len)) : line;
}

/* What sendmail says above "550 5.1.1 <address>... User unknown". Where that is the other side's reply, it is the reason, since sendmail's own line is only what it made of
 * it; what a program said comes behind that line. */
static struct span transcript(struct report *report, const struct report_lines *lines, const struct block *block)
{
	struct span own = join(report, lines, block->line, block->end, 0);
	struct buf joined;
	bool is_replied = false;

	buf_init(&joined, REASON_MAX_BYTES);
	for (size_t i = block->before; i < block->line; i++)
		is_replied |= span_starts_nocase(lines->items[i], "<<<");
	if (!is_replied)
		buf_put(&joined, own);
	for (size_t i = block->before; i < block->line && joined.len + lines->items[i].len + own.len < REASON_MAX_BYTES - 1; i++)
		if (!is_ours(lines->items[i])) {
			buf_put(&joined, without_arrow(lines->items[i]));
			buf_put_byte(&joined, '\n');
		}
	if (is_replied && report_find(own, "user unknown") == own.len && report_find(own, "service unavailable") == own.len)
		buf_put(&joined, own);
	own = arena_span(report->arena, buf_span(&joined));
	buf_done(&joined);
	return own;
}

/* What stands behind a reply and is the reporter's own. */
static const char *const trailers[] = {
	"(in reply to", "giving up on", "i'm not going to try again", "i am not going to try again", "[rcpt_to]", "[mail_from]", "[data]", "--- mail system",
	"reporting-mta:", "(delivery attempts", "-------smtp command", "message headers follow", "diagnostic information for admin",
};

static struct span without_trailer(struct span text)
{
	for (size_t i = 0; i < sizeof(trailers) / sizeof(trailers[0]); i++) {
		size_t at = report_find(text, trailers[i]);

		if (at > 0)
			text = span_sub(text, 0, at);
	}
	return span_trim(text);
}

/* "host mx.example.net[192.0.2.1] said:" */
static const char *host_in(struct report *report, struct span text)
{
	size_t at = report_find(text, "host "), end;

	if (at == text.len)
		return "";
	at += 5;
	for (end = at; end < text.len && strchr(" \t\n[:(,", text.ptr[end]) == NULL; end++)
		;
	if (end == text.len || span_find_byte(span_sub(text, at, end - at), '.') == end - at)
		return "";
	return arena_lower(report->arena, span_sub(text, at, end - at));
}

/* The reply in a reason: from its code on; the whole, without what says how the address came to be, where there is none. */
static struct span reply_in(struct span text)
{
	static const char *const prefixes[] = { "(ultimately generated from", "(generated from", "(expanded from", "generated by" };
	struct reply_codes codes;

	text = without_trailer(text);
	codes_find(text, &codes);
	if (codes.code != 0) {
		bool in_parens = codes.code_at > 8 && report_find(span_sub(text, 0, codes.code_at), "(reason:") < codes.code_at;

		text = span_sub(text, codes.code_at, text.len);
		/* "(reason: 550 ...)" */
		if (in_parens)
			text = span_sub(text, 0, span_find(text, SPAN_LIT(")\n")) < text.len ? span_find(text, SPAN_LIT(")\n")) : text.len - (text.ptr[text.len - 1] == ')'));
		return text;
	}
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (span_starts_nocase(text, prefixes[i]))
			text = span_trim(span_sub(text, span_find_byte(text, '\n'), text.len));
	while (text.len > 0 && strchr(":;,-.>\"' \t\n", text.ptr[0]) != NULL)
		text = span_sub(text, 1, text.len);
	return span_starts_nocase(text, "(reason: )") ? (struct span){ "", 0 } : text;
}

#define PARAGRAPH_LINES_MAX 60

/* Does a reply go on behind a blank line (a gateway that doubled line ends)? */
static bool goes_on(const struct report_lines *lines, size_t blank)
{
	struct span before = blank > 0 ? lines->items[blank - 1] : (struct span){ "", 0 }, after = blank + 1 < lines->count ? lines->items[blank + 1] : (struct span){ "", 0 };

	return before.len > 3 && after.len > 3 && codes_at(before, 0) != 0 && before.ptr[3] == '-' && codes_at(after, 0) == codes_at(before, 0);
}

/* What the report says to all: the first paragraph with a code; else everything outside of the blocks. */
static struct span common_reason(struct report *report, const struct report_lines *lines, const struct blocks *blocks)
{
	struct report_lines outside = { .items = arena_array(report->arena, lines->count + 1, sizeof(struct span)) };
	size_t b = 0;
	struct reply_codes codes;

	for (size_t i = 0; i < lines->count; i++) {
		while (b < blocks->count && blocks->items[b].end <= i)
			b++;
		if (b < blocks->count && i >= blocks->items[b].line)
			continue;
		if (!is_ours(lines->items[i]))
			outside.items[outside.count++] = without_arrow(lines->items[i]);
	}
	for (size_t i = 0; i < outside.count; i++) {
		size_t end = i;

		codes_find(outside.items[i], &codes);
		if (codes.code == 0)
			continue;
		while (end < outside.count && end - i < PARAGRAPH_LINES_MAX && (outside.items[end].len > 0 || goes_on(&outside, end)))
			end++;
		return join(report, &outside, i, end, 0);
	}
	return join(report, &outside, 0, outside.count, 0);
}

static bool is_better(struct span reply, const char *old)
{
	struct reply_codes one, other;

	codes_find(reply, &one);
	codes_find(span_of(old), &other);
	return *old == '\0' || (other.code == 0 && one.code != 0);
}

static void take_reason(struct report *report, struct verdict_rcpt *rcpt, struct span reason)
{
	struct span reply = verdict_one_line(report->arena, reply_in(reason));

	if (reply.len > 0 && is_better(reply, rcpt->reply))
		rcpt->reply = reply.ptr;
	if (*rcpt->host == '\0')
		rcpt->host = host_in(report, reason);
}

static struct span block_reason(struct report *report, const struct report_lines *lines, const struct block *block)
{
	return block->has_code ? transcript(report, lines, block) : join(report, lines, block->line, block->end, block->at);
}

/* Recipients. */

static bool add_failed_recipients(struct report *report)
{
	const struct field *field = message_field(report->message, "X-Failed-Recipients");
	struct span address;
	size_t at = 0;

	while (field != NULL && (address = report_next_address(field->value, &at)).len > 0)
		report_add(report, arena_text(report->arena, address));
	return report->verdict->rcpt_count > 0;
}

/* "(expanded from: <ann@example.org>)": the address that mail was sent to, beside the one it was for in the end. */
static void add_expanded(struct report *report, const struct report_lines *lines, const struct block *block)
{
	for (size_t i = block->line + 1; i < block->end; i++) {
		size_t at = report_find(lines->items[i], "(expanded from:");
		struct verdict_rcpt *rcpt;

		if (at == lines->items[i].len)
			continue;
		rcpt = report_add(report, arena_text(report->arena, report_next_address(lines->items[i], &at)));
		if (rcpt != NULL && *rcpt->reply == '\0')
			take_reason(report, rcpt, block_reason(report, lines, block));
	}
}

static struct verdict_rcpt *find_recipient(struct report *report, const char *address)
{
	for (size_t i = 0; i < report->verdict->rcpt_count; i++)
		if (span_eq_nocase(span_of(report->verdict->rcpts[i].recipient), span_of(address)))
			return &report->verdict->rcpts[i];
	return NULL;
}

/* Addresses of the field that stand nowhere in the text are not what the text is about. */
static bool has_known(struct report *report, const struct blocks *blocks)
{
	for (size_t i = 0; i < blocks->count; i++)
		if (find_recipient(report, blocks->items[i].address) != NULL)
			return true;
	return false;
}

/* The address that the report was sent to stands in some as the sender's. */
static bool is_own_address(const struct report *report, const char *address)
{
	const struct field *to = message_field(report->message, "To");
	struct span own;
	size_t at = 0;

	return to != NULL && (own = report_next_address(to->value, &at)).len > 0 && span_eq_nocase(own, span_of(address));
}

static bool has_others(const struct report *report, const struct blocks *blocks)
{
	for (size_t i = 0; i < blocks->count; i++)
		if (!is_own_address(report, blocks->items[i].address))
			return true;
	return false;
}

static void add_from_blocks(struct report *report, const struct report_lines *lines, const struct blocks *blocks, bool known_only)
{
	bool others = has_others(report, blocks);

	for (size_t i = 0; i < blocks->count; i++) {
		const struct block *block = &blocks->items[i];
		struct verdict_rcpt *rcpt;

		if (others && is_own_address(report, block->address))
			continue;
		rcpt = known_only ? find_recipient(report, block->address) : report_add(report, block->address);
		if (rcpt != NULL)
			take_reason(report, rcpt, block_reason(report, lines, block));
		if (!known_only)
			add_expanded(report, lines, block);
	}
}

/* AOL and Yale give local parts alone, set in; they are of the domain that writes. */
static void add_local_parts(struct report *report, const struct report_lines *lines)
{
	const char *domain = strrchr(report->from_address, '@');
	bool announced = false;

	for (size_t i = 0; i < lines->count && domain != NULL; i++) {
		struct span line = span_trim(lines->items[i]), words = line, word;

		if (report_find(line, "following recipient") < line.len || report_find(line, "delivered to the following") < line.len)
			announced = true;
		else if (announced && span_word(&words, &word) && (lines->items[i].ptr == line.ptr || word.len > 64 || strchr("-=*(<", word.ptr[0]) != NULL))
			announced = false;
		else if (announced && line.len > 0)
			report_add(report, arena_printf(report->arena, "%.*s%s", (int)word.len, word.ptr, domain));
	}
}

/* "  To: bob@example.net" among the details. */
static struct span detailed_to(const struct report_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		size_t at = 0;

		if (span_starts_nocase(span_trim(lines->items[i]), "to:"))
			return report_next_address(lines->items[i], &at);
	}
	return (struct span){ NULL, 0 };
}

/* Where the report names nobody: its subject, its details, then what it returns. */
static void add_from_elsewhere(struct report *report, const struct report_lines *lines)
{
	size_t at = 0;
	struct span address = report_next_address(report->subject, &at), rest = report->text, line;

	if (address.len == 0)
		address = detailed_to(lines);
	if (address.len > 0) {
		report_add(report, arena_text(report->arena, address));
		return;
	}
	if (report->original_part != NULL) {
		report_add_returned_to(report);
		return;
	}
	while (span_next(&rest, '\n', &line))
		if (report_is_end(line))
			break;
	while (rest.len > 0 && rest.ptr[0] == '\n')
		rest = span_sub(rest, 1, rest.len);
	report_add_header_to(report, rest);
}

#define CUT_REPLIES_MAX 20 /* each costs a look at all lines; sendmail's reports are about one session */

/* A reply of several lines of which only the first is there: sendmail's Diagnostic-Code. */
static bool is_cut(struct span reply)
{
	char last[6] = "";

	if (reply.len < 4 || codes_at(reply, 0) == 0 || reply.ptr[3] != '-')
		return false;
	snprintf(last, sizeof(last), " %.3s ", reply.ptr);
	return span_find(reply, span_of(last)) == reply.len;
}

/* Its other lines stand in the transcript. */
static void complete_reply(struct report *report, const struct report_lines *lines, struct verdict_rcpt *rcpt)
{
	struct span reply = span_of(rcpt->reply);
	struct buf joined;

	buf_init(&joined, REASON_MAX_BYTES);
	for (size_t i = 0; i < lines->count; i++) {
		struct span line = without_arrow(lines->items[i]);

		if (line.len == lines->items[i].len || line.len < 4 || memcmp(line.ptr, reply.ptr, 3) != 0)
			continue;
		if (joined.len == 0 && !span_eq(span_sub(line, 0, 40), span_sub(reply, 0, 40)))
			continue;
		if (joined.len + line.len >= REASON_MAX_BYTES)
			break;
		buf_put(&joined, line);
		buf_put_byte(&joined, ' ');
		if (line.ptr[3] == ' ')
			break;
	}
	if (joined.len > reply.len)
		rcpt->reply = verdict_one_line(report->arena, buf_span(&joined)).ptr;
	buf_done(&joined);
}

/* Does the report, in its own words, say that delivery goes on? What is said of an address is the receiver's. */
static bool says_delayed(const struct report_lines *lines, const struct blocks *blocks)
{
	bool delayed = false;
	size_t b = 0;

	for (size_t i = 0; i < lines->count; i++) {
		while (b < blocks->count && blocks->items[b].end <= i)
			b++;
		if (b < blocks->count && i >= blocks->items[b].line && blocks->items[b].at > 0)
			continue;
		if (report_says_final(lines->items[i]))
			return false;
		delayed |= report_says_delayed(lines->items[i]);
	}
	return delayed;
}

void verdict_complete_from_text(struct report *report)
{
	struct report_lines lines;
	struct blocks blocks;
	struct verdict *v = report->verdict;
	size_t without = 0;

	for (size_t i = 0; i < v->rcpt_count; i++)
		without += *v->rcpts[i].reply == '\0' || is_cut(span_of(v->rcpts[i].reply));
	if (without == 0 || report->text.len == 0)
		return;
	report_lines(report, &lines);
	report_blocks(report, &lines, &blocks);
	for (size_t i = 0; i < v->rcpt_count && i < CUT_REPLIES_MAX; i++)
		if (is_cut(span_of(v->rcpts[i].reply)))
			complete_reply(report, &lines, &v->rcpts[i]);
	add_from_blocks(report, &lines, &blocks, true);
	report->common = common_reason(report, &lines, &blocks);
	if (v->rcpt_count == 1 && *v->rcpts[0].reply == '\0')
		take_reason(report, &v->rcpts[0], report->common);
}

bool verdict_read_text(struct report *report)
{
	struct report_lines lines;
	struct blocks blocks;
	struct verdict *v = report->verdict;
	bool is_delayed;

	if (report->text.len == 0 || !is_report(report))
		return false;
	report_lines(report, &lines);
	report_blocks(report, &lines, &blocks);
	if (add_failed_recipients(report) && blocks.count > 0 && !has_known(report, &blocks))
		v->rcpt_count = 0;
	add_from_blocks(report, &lines, &blocks, v->rcpt_count > 0);
	if (v->rcpt_count == 0)
		add_local_parts(report, &lines);
	if (v->rcpt_count == 0)
		add_from_elsewhere(report, &lines);
	if (v->rcpt_count == 0)
		report_add(report, "");
	is_delayed = report_says_delayed(report->subject) || says_delayed(&lines, &blocks);
	report->common = common_reason(report, &lines, &blocks);
	for (size_t i = 0; i < v->rcpt_count; i++) {
		if (*v->rcpts[i].reply == '\0' || v->rcpt_count == 1)
			take_reason(report, &v->rcpts[i], report->common);
		v->rcpts[i].action = is_delayed ? "delayed" : "failed";
	}
	v->kind = VERDICT_BOUNCE;
	return true;
}
