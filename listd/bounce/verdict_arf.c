/* SPDX-License-Identifier: BSD-2-Clause */
/* Complaints: feedback reports (RFC 5965, 6591), and the loops that send the copy back without one. */
#include "listd/bounce/verdict_int.h"

#include "mail/transfer.h"

#include <string.h>

#define FEEDBACK_MAX_BYTES ((size_t)64 << 10) /* a report has some twenty short fields */

static void take_recipient(struct report *report, struct span value)
{
	size_t at = 0;
	struct span address;

	while ((address = report_next_address(value, &at)).len > 0)
		report_add(report, arena_text(report->arena, address));
}

static void take_feedback_field(struct report *report, struct span name, struct span value)
{
	struct verdict *v = report->verdict;
	size_t at = 0;

	if (span_eq_text_nocase(name, "feedback-type") && *v->feedback_type == '\0')
		v->feedback_type = arena_lower(report->arena, value);
	else if (span_eq_text_nocase(name, "original-rcpt-to") || span_eq_text_nocase(name, "removal-recipient"))
		take_recipient(report, value);
	else if (span_eq_text_nocase(name, "original-mail-from") && *v->original_sender == '\0')
		v->original_sender = arena_text(report->arena, report_next_address(value, &at));
	else if (span_eq_text_nocase(name, "message-id") && *v->original_message_id == '\0')
		v->original_message_id = arena_text(report->arena, value);
}

static bool read_report(struct report *report)
{
	const struct mime_part *part = report->feedback_part;
	struct span rest, line;

	if (part == NULL)
		return false;
	rest = span_sub(report->bytes, part->body_offset, part->body_bytes < FEEDBACK_MAX_BYTES ? part->body_bytes : FEEDBACK_MAX_BYTES);
	if (part->encoding == MIME_BASE64)
		rest = transfer_base64_decode(report->arena, rest, false);
	else if (part->encoding == MIME_QUOTED_PRINTABLE)
		rest = transfer_qp_decode(report->arena, rest);
	while (span_next(&rest, '\n', &line)) {
		size_t colon = span_find_byte(line, ':');

		if (colon < line.len)
			take_feedback_field(report, span_trim(span_sub(line, 0, colon)), span_trim(span_sub(line, colon + 1, line.len)));
	}
	if (*report->verdict->feedback_type == '\0')
		report->verdict->feedback_type = "abuse";
	return true;
}

/* A field of the returned message, from its first 64 KB. */
static struct span returned_field(const struct report *report, const char *name)
{
	const struct mime_part *part = report->original_part;
	struct span rest, line;

	if (part == NULL)
		return (struct span){ "", 0 };
	rest = span_sub(report->bytes, part->body_offset, part->body_bytes < FEEDBACK_MAX_BYTES ? part->body_bytes : FEEDBACK_MAX_BYTES);
	while (span_next(&rest, '\n', &line) && span_trim(line).len > 0)
		if (span_starts_nocase(line, name))
			return span_trim(span_sub(line, strlen(name), line.len));
	return (struct span){ "", 0 };
}

/* Microsoft's loop: the copy alone, with a field that names the reader. */
static bool read_copy_alone(struct report *report)
{
	struct span reader = returned_field(report, "X-HmXmrOriginalRecipient:");

	if (reader.len == 0 || report_find(report->subject, "complaint about message") == report->subject.len)
		return false;
	take_recipient(report, reader);
	report->verdict->feedback_type = "abuse";
	return true;
}

/* Apple's mail reader leaves lists by mail of its own. */
static bool read_opt_out(struct report *report)
{
	if (!span_eq_text_nocase(span_trim(report->subject), "unsubscribe") || report_find(report->text, "sent this email to unsubscribe") == report->text.len)
		return false;
	report_add(report, report->from_address);
	report->verdict->feedback_type = "opt-out";
	return true;
}

bool verdict_read_feedback(struct report *report)
{
	if (!read_report(report) && !read_copy_alone(report) && !read_opt_out(report))
		return false;
	report->verdict->kind = VERDICT_COMPLAINT;
	if (report->verdict->rcpt_count == 0)
		report_add_returned_to(report);
	/* A report that hides the reader is still one: the address it was sent to knows. */
	if (report->verdict->rcpt_count == 0)
		report_add(report, "");
	return true;
}
