/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/verdict_int.h"

#include "mail/address.h"
#include "mail/charset.h"
#include "mail/encword.h"
#include "mail/header.h"
#include "mail/transfer.h"

#include <stdint.h>
#include <string.h>

#define ORIGINAL_HEADER_MAX_BYTES ((size_t)64 << 10) /* of the returned message: what is looked for stands in the first few KB */

/* The readers, in the order in which they are asked. What has a form of its own comes first, words last; an answer of a program is what is no report. */
static report_reader *const readers[] = {
	verdict_read_feedback,
	verdict_read_notification,
	verdict_read_status,
	verdict_read_text,
	verdict_read_auto_reply,
};

const char *verdict_kind_name(enum verdict_kind kind)
{
	static const char *const names[VERDICT_KINDS] = {
		[VERDICT_NONE] = "none", [VERDICT_BOUNCE] = "bounce", [VERDICT_COMPLAINT] = "complaint", [VERDICT_AUTO_REPLY] = "auto-reply",
	};

	return names[kind];
}

/* Recipients. */

static bool is_same(const char *one, const char *other)
{
	return span_eq_nocase(span_of(one), span_of(other));
}

struct verdict_rcpt *report_add(struct report *report, const char *recipient)
{
	struct verdict *v = report->verdict;
	struct verdict_rcpt *rcpt;

	if (v->rcpts == NULL)
		v->rcpts = arena_array(report->arena, VERDICT_RCPTS_MAX, sizeof(*v->rcpts));
	for (size_t i = 0; i < v->rcpt_count; i++)
		if (is_same(v->rcpts[i].recipient, recipient))
			return &v->rcpts[i];
	if (v->rcpt_count == VERDICT_RCPTS_MAX) {
		v->is_cut = true;
		return NULL;
	}
	rcpt = &v->rcpts[v->rcpt_count++];
	*rcpt = (struct verdict_rcpt){ .recipient = recipient, .original = "", .action = "", .status = "", .reply = "", .host = "", .by = "", .class = BOUNCE_UNKNOWN };
	return rcpt;
}

/* The only address in To of the returned header, unless that is of a list: a list's copies do not name their reader. */
void report_add_header_to(struct report *report, struct span header)
{
	struct span line, address = { NULL, 0 };

	while (span_next(&header, '\n', &line) && span_trim(line).len > 0) {
		size_t at = 0;

		if (span_starts_nocase(line, "list-") || span_starts_nocase(line, "precedence: list"))
			return;
		if (!span_starts_nocase(line, "to:") || address.len > 0)
			continue;
		address = report_next_address(line, &at);
		if (report_next_address(line, &at).len > 0)
			return;
	}
	if (address.len > 0)
		report_add(report, arena_text(report->arena, address));
}

void report_add_returned_to(struct report *report)
{
	const struct mime_part *part = report->original_part;

	if (part != NULL)
		report_add_header_to(report, span_sub(report->bytes, part->body_offset, part->body_bytes < ORIGINAL_HEADER_MAX_BYTES ? part->body_bytes : ORIGINAL_HEADER_MAX_BYTES));
}

struct span report_value(const struct report *report, struct span value)
{
	struct span text = span_trim(header_unfold(report->arena, value)), converted;

	if (report->charset.len > 0 && (memchr(text.len > 0 ? text.ptr : "", 0x1b, text.len) != NULL) && charset_to_utf8(report->arena, report->charset, text, &converted))
		return converted;
	return encword_decode(report->arena, text);
}

const char *report_address(struct report *report, struct span value)
{
	size_t at = span_find_byte(value, ';'), end;
	struct span found, rest = value;

	if (at < value.len)
		rest = span_sub(value, at + 1, value.len);
	rest = span_trim(rest);
	/* A source route: "@relay.example:ann@example.org". */
	if (rest.len > 0 && rest.ptr[0] == '<')
		rest = span_sub(rest, 1, rest.len);
	if (rest.len > 0 && rest.ptr[0] == '@' && span_find_byte(rest, ':') < rest.len)
		rest = span_sub(rest, span_find_byte(rest, ':') + 1, rest.len);
	found = report_address_at(rest, 0, &end);
	at = 0;
	if (found.len == 0)
		found = report_next_address(rest, &at);
	return arena_text(report->arena, found);
}

/* The parts. */

static struct span decoded(struct arena *a, struct span body, enum mime_encoding encoding)
{
	if (encoding == MIME_BASE64)
		return transfer_base64_decode(a, body, false);
	return encoding == MIME_QUOTED_PRINTABLE ? transfer_qp_decode(a, body) : body;
}

/* CRLF becomes LF, so that nothing behind this depends on it. */
static struct span with_lf(struct arena *a, struct span text)
{
	char *out = arena_alloc(a, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != '\r' || i + 1 == text.len || text.ptr[i + 1] != '\n')
			out[len++] = text.ptr[i];
	return (struct span){ out, len };
}

/* Text of HTML: tags become a line end where they stand for one, else nothing; the few entities that addresses and replies need. */
static struct span without_tags(struct arena *a, struct span html)
{
	static const struct { const char *entity, *text; } entities[] = { { "&lt;", "<" }, { "&gt;", ">" }, { "&amp;", "&" }, { "&quot;", "\"" }, { "&nbsp;", " " }, { "&#64;", "@" } };
	static const char *const breaks[] = { "<br", "<p", "</p", "<div", "</div", "<tr", "</tr", "<li", "<h", "</h", "<td" };
	char *out = arena_alloc(a, html.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < html.len; i++) {
		struct span rest = span_sub(html, i, 8);

		if (html.ptr[i] == '<') {
			bool is_script = span_starts_nocase(rest, "<style") || span_starts_nocase(rest, "<script");
			struct span left = span_sub(html, i, html.len);

			for (size_t k = 0; k < sizeof(breaks) / sizeof(breaks[0]); k++)
				if (span_starts_nocase(rest, breaks[k])) {
					out[len++] = '\n';
					break;
				}
			if (is_script)
				i += report_find(left, "</s");
			i += span_find_byte(span_sub(html, i, html.len), '>');
			continue;
		}
		out[len] = html.ptr[i];
		for (size_t k = 0; html.ptr[i] == '&' && k < sizeof(entities) / sizeof(entities[0]); k++)
			if (span_starts_nocase(rest, entities[k].entity)) {
				out[len] = entities[k].text[0];
				i += strlen(entities[k].entity) - 1;
				break;
			}
		len++;
	}
	return (struct span){ out, len };
}

static struct span part_body(const struct report *report, const struct mime_part *part, size_t max)
{
	return span_sub(report->bytes, part->body_offset, part->body_bytes < max ? part->body_bytes : max);
}

static bool is_type(const struct mime_part *part, const char *type)
{
	return strcmp(part->type, type) == 0;
}

static bool is_text(const struct mime_part *part)
{
	/* A multipart without a boundary that could be read is text in disguise. */
	return is_type(part, "text/plain") || is_type(part, "text/html") || (strncmp(part->type, "multipart/", 10) == 0 && part->first_child == NULL);
}

static bool is_original(const struct mime_part *part)
{
	return is_type(part, "message/rfc822") || is_type(part, "message/global") || is_type(part, "text/rfc822-headers") || is_type(part, "message/global-headers") ||
		is_type(part, "message/rfc822-headers") || is_type(part, "message/partial");
}

/* Which parts there are, outside of what is returned. */
static void find_parts(struct report *report)
{
	const struct mime_part *part = report->mime.root;

	while (part != NULL) {
		const struct mime_part *next = mime_next(part);

		if (is_original(part)) {
			if (report->original_part == NULL)
				report->original_part = part;
			for (next = part; next != NULL && next->next == NULL; next = next->parent)
				;
			next = next == NULL ? NULL : next->next;
		} else if (report->status_part == NULL && (is_type(part, "message/delivery-status") || is_type(part, "message/global-delivery-status"))) {
			report->status_part = part;
		} else if (report->feedback_part == NULL && is_type(part, "message/feedback-report")) {
			report->feedback_part = part;
		} else if (report->disposition_part == NULL && (is_type(part, "message/disposition-notification") || is_type(part, "message/global-disposition-notification"))) {
			report->disposition_part = part;
		} else if (report->text_part == NULL && is_text(part) && report->original_part == NULL && span_trim(part_body(report, part, REPORT_TEXT_MAX_BYTES)).len > 0) {
			report->text_part = part;
		}
		part = next;
	}
}

/* A person passed the report on: its lines are quoted. */
static struct span without_quotes(struct arena *a, struct span text)
{
	char *out = arena_alloc(a, text.len + 1);
	struct span line;
	size_t len = 0;

	while (span_next(&text, '\n', &line)) {
		if (line.len > 0 && line.ptr[0] == '>')
			line = span_sub(line, line.len > 1 && line.ptr[1] == ' ' ? 2 : 1, line.len);
		if (line.len > 0)
			memcpy(out + len, line.ptr, line.len);
		len += line.len;
		if (text.ptr != NULL)
			out[len++] = '\n';
	}
	return (struct span){ out, len };
}

static void read_text(struct report *report)
{
	const struct mime_part *part = report->text_part;
	struct span text, converted;

	report->text = (struct span){ "", 0 };
	if (part == NULL)
		return;
	report->charset = part->charset;
	text = with_lf(report->arena, decoded(report->arena, part_body(report, part, REPORT_TEXT_MAX_BYTES), part->encoding));
	if (part->charset.len > 0 && charset_to_utf8(report->arena, part->charset, text, &converted))
		text = converted;
	report->text = is_type(part, "text/html") ? without_tags(report->arena, text) : text;
	if (span_starts_nocase(report->subject, "fwd:") || span_starts_nocase(report->subject, "fw:"))
		report->text = without_quotes(report->arena, report->text);
}

static struct span field_text(const struct report *report, const char *name)
{
	const struct field *field = message_field(report->message, name);

	return field == NULL ? (struct span){ "", 0 } : encword_decode(report->arena, span_trim(header_unfold(report->arena, field->value)));
}

/* The message that is reported on. */

static void take_original_field(struct report *report, struct span line)
{
	struct verdict *v = report->verdict;
	size_t at = 0;

	if (*v->original_message_id == '\0' && span_starts_nocase(line, "message-id:")) {
		size_t open = span_find_byte(line, '<'), close = span_find_byte(line, '>');

		if (open < close && close < line.len)
			v->original_message_id = arena_text(report->arena, span_sub(line, open, close - open + 1));
	} else if (*v->original_sender == '\0' && span_starts_nocase(line, "return-path:")) {
		v->original_sender = arena_text(report->arena, report_next_address(line, &at));
	}
}

static void read_original(struct report *report)
{
	struct verdict *v = report->verdict;
	struct span rest, line;

	if (report->original_part != NULL)
		v->original = span_sub(report->message->bytes, report->original_part->body_offset, report->original_part->body_bytes);
	if (v->original.len == 0)
		return;
	rest = span_sub(report->bytes, (size_t)(v->original.ptr - report->message->bytes.ptr), v->original.len < ORIGINAL_HEADER_MAX_BYTES ? v->original.len : ORIGINAL_HEADER_MAX_BYTES);
	if (report->original_part != NULL)
		rest = decoded(report->arena, rest, report->original_part->encoding);
	/* A blank line ends the header; "Message-ID:" alone has its value in the next line. */
	rest = with_lf(report->arena, rest);
	rest = span_sub(rest, 0, report_find(rest, "\n\n"));
	while (span_next(&rest, '\n', &line)) {
		if (span_starts_nocase(line, "message-id:") && span_find_byte(line, '<') == line.len && rest.len > 0)
			line.len += 1 + span_find_byte(rest, '\n');
		take_original_field(report, line);
	}
}

/* The copy in a report in words: from the line that announces it to the end of the part. */
static void find_text_original(struct report *report)
{
	struct span body, rest, line;

	if (report->original_part != NULL || report->text_part == NULL)
		return;
	body = part_body(report, report->text_part, SIZE_MAX);
	rest = span_sub(body, 0, REPORT_TEXT_MAX_BYTES);
	while (span_next(&rest, '\n', &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (!report_is_end(line))
			continue;
		line = span_starts_nocase(line, "received:") || span_starts_nocase(line, "return-path:") ? line : rest;
		report->verdict->original = span_sub(report->message->bytes, (size_t)(line.ptr == NULL ? 0 : line.ptr - report->bytes.ptr),
			line.ptr == NULL ? 0 : (size_t)(body.ptr + body.len - line.ptr));
		while (report->verdict->original.len > 0 && strchr("\r\n", report->verdict->original.ptr[0]) != NULL)
			report->verdict->original = span_sub(report->verdict->original, 1, report->verdict->original.len);
		return;
	}
}

/* Why it failed: by the reply; where that tells nothing, by what the report says to all. */
static void judge(struct report *report, struct verdict_rcpt *rcpt)
{
	struct judging judging = { .text = span_of(rcpt->reply), .status = rcpt->status, .host = rcpt->host };
	const char *by;

	/* A reader's own filter that rejects is no mail system that gives up. */
	judging.is_report = report->disposition_part == NULL;

	rcpt->class = verdict_judge(report->arena, report->patterns, &judging, &rcpt->by);
	if (strcmp(rcpt->by, VERDICT_BY_REPORT) == 0 && report->common.len > 0) {
		enum bounce_class class;

		judging.text = report->common;
		class = verdict_judge(report->arena, report->patterns, &judging, &by);
		if (class != BOUNCE_UNKNOWN) {
			rcpt->class = class;
			rcpt->by = by;
		}
	}
}

/* The end: class and count of each recipient follow from its action. */
static void finish(struct report *report)
{
	struct verdict *v = report->verdict;

	for (size_t i = 0; i < v->rcpt_count; i++) {
		struct verdict_rcpt *rcpt = &v->rcpts[i];
		struct reply_codes codes;

		codes_find(span_of(rcpt->reply), &codes);
		if (*rcpt->status == '\0' && codes.status[0] != 0 && *rcpt->action != '\0')
			rcpt->status = arena_printf(report->arena, "%d.%d.%d", codes.status[0], codes.status[1], codes.status[2]);
		if (v->kind == VERDICT_COMPLAINT || v->kind == VERDICT_AUTO_REPLY)
			rcpt->class = v->kind == VERDICT_COMPLAINT ? BOUNCE_COMPLAINT : BOUNCE_AUTO_REPLY;
		else if (is_same(rcpt->action, "failed"))
			judge(report, rcpt);
		else
			rcpt->class = is_same(rcpt->action, "delayed") ? BOUNCE_DELAYED : is_same(rcpt->action, "delivered") ? BOUNCE_DELIVERED : BOUNCE_RELAYED;
		rcpt->counts = bounce_class_rows[rcpt->class].counts && *rcpt->recipient != '\0';
	}
}

static void read_message(struct arena *a, const struct patterns *patterns, struct span bytes, struct span as_it_came, unsigned depth, struct verdict *verdict_r);

/* A message whose only content is a report: that of the report. */
static bool read_nested(struct report *report, struct span as_it_came, unsigned depth)
{
	const struct mime_part *part = report->original_part;

	if (depth == 0 || part == NULL || part->first_child == NULL || report->text_part != NULL || report->status_part != NULL || part->encoding > MIME_BINARY)
		return false;
	read_message(report->arena, report->patterns, span_sub(report->bytes, part->body_offset, part->body_bytes), span_sub(as_it_came, part->body_offset, part->body_bytes), depth - 1,
		report->verdict);
	return report->verdict->kind != VERDICT_NONE;
}

static void read_message(struct arena *a, const struct patterns *patterns, struct span bytes, struct span as_it_came, unsigned depth, struct verdict *verdict_r)
{
	struct message message, came;
	struct report report = { .arena = a, .patterns = patterns, .message = &message, .bytes = bytes, .reasons_left_bytes = REPORT_REASONS_MAX_BYTES, .verdict = verdict_r };
	struct address_list from;

	*verdict_r = (struct verdict){ .kind = VERDICT_NONE, .feedback_type = "", .original_message_id = "", .original_sender = "" };
	if (message_parse(a, bytes, &message, NULL) != 0 || mime_parse(a, &message, &report.mime, NULL) != 0)
		return;
	report.from = field_text(&report, "From");
	report.subject = field_text(&report, "Subject");
	address_list_parse(a, message_field(&message, "From") == NULL ? (struct span){ "", 0 } : message_field(&message, "From")->value, &from);
	report.from_address = from.count == 0 ? "" : arena_lower(a, from.items[0].spec);
	find_parts(&report);
	read_text(&report);
	came = message;
	came.bytes = as_it_came;
	report.message = &came;
	for (size_t i = 0; verdict_r->kind == VERDICT_NONE && i < sizeof(readers) / sizeof(readers[0]); i++)
		if (!readers[i](&report))
			verdict_r->rcpt_count = 0;
	if (verdict_r->kind == VERDICT_NONE) {
		read_nested(&report, as_it_came, depth);
		return;
	}
	find_text_original(&report);
	read_original(&report);
	finish(&report);
}

/* Bare CRs as LF, and the first of "CR CR LF" as a blank; the length stays. */
static struct span without_bare_cr(struct arena *a, struct span bytes)
{
	char *out = NULL;

	for (size_t i = 0; i < bytes.len; i++) {
		bool next_is_cr = i + 1 < bytes.len && bytes.ptr[i + 1] == '\r', next_is_lf = i + 1 < bytes.len && bytes.ptr[i + 1] == '\n';

		if (bytes.ptr[i] != '\r' || next_is_lf)
			continue;
		if (out == NULL) {
			out = arena_alloc(a, bytes.len + 1);
			memcpy(out, bytes.ptr, bytes.len);
		}
		out[i] = next_is_cr && i + 2 < bytes.len && bytes.ptr[i + 2] == '\n' ? ' ' : '\n';
	}
	return out == NULL ? bytes : (struct span){ out, bytes.len };
}

void verdict_of_bytes(struct arena *a, const struct patterns *patterns, struct span bytes, struct verdict *verdict_r)
{
	read_message(a, patterns, without_bare_cr(a, bytes), bytes, REPORT_NESTING_MAX, verdict_r);
}

void verdict_of_message(struct arena *a, const struct patterns *patterns, const struct message *message, struct verdict *verdict_r)
{
	verdict_of_bytes(a, patterns, message->bytes, verdict_r);
}
