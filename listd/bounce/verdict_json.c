/* SPDX-License-Identifier: BSD-2-Clause */
/* Notifications of Amazon SES: JSON in the text of a mail, by itself or as a string within an SNS envelope (docs.aws.amazon.com, "Amazon SNS notification contents"). */
#include "listd/bounce/verdict_int.h"

#include <jansson.h>

/* Line ends that mail put into long lines are taken out: JSON has none inside of its strings, and needs none outside. */
static json_t *load(struct report *report, struct span text)
{
	char *out = arena_alloc(report->arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '\n')
			out[len++] = text.ptr[i];
		else if (i + 1 < text.len && text.ptr[i + 1] == ' ')
			i++;
	}
	return json_loadb(out, len, JSON_DISABLE_EOF_CHECK, NULL);
}

static const char *text_of(struct report *report, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : arena_text(report->arena, verdict_one_line(report->arena, span_of(text)));
}

static void take_recipients(struct report *report, const json_t *recipients, bool is_bounce)
{
	const json_t *item;
	size_t i;

	json_array_foreach(recipients, i, item) {
		struct verdict_rcpt *rcpt = report_add(report, text_of(report, item, "emailAddress"));
		struct span reply = span_of(text_of(report, item, "diagnosticCode"));

		if (rcpt == NULL || !is_bounce)
			continue;
		rcpt->action = span_eq_text(span_of(text_of(report, item, "action")), "delayed") ? "delayed" : "failed";
		rcpt->status = text_of(report, item, "status");
		rcpt->reply = span_starts_nocase(reply, "smtp;") ? arena_text(report->arena, span_trim(span_sub(reply, 5, reply.len))) : reply.ptr;
	}
}

static bool take_notification(struct report *report, const json_t *json)
{
	const char *type = text_of(report, json, "notificationType");
	const json_t *bounce = json_object_get(json, "bounce"), *complaint = json_object_get(json, "complaint"), *mail = json_object_get(json, "mail");
	struct verdict *v = report->verdict;

	if (*type == '\0')
		type = text_of(report, json, "eventType");
	if (span_eq_text(span_of(type), "Bounce") && bounce != NULL) {
		take_recipients(report, json_object_get(bounce, "bouncedRecipients"), true);
		v->kind = VERDICT_BOUNCE;
	} else if (span_eq_text(span_of(type), "Complaint") && complaint != NULL) {
		take_recipients(report, json_object_get(complaint, "complainedRecipients"), false);
		v->feedback_type = text_of(report, complaint, "complaintFeedbackType");
		v->kind = VERDICT_COMPLAINT;
	}
	v->original_sender = text_of(report, mail, "source");
	return v->kind != VERDICT_NONE;
}

bool verdict_read_notification(struct report *report)
{
	struct span text = span_trim(report->text);
	json_t *json, *inner = NULL;
	const char *within;
	bool found;

	if (text.len == 0 || text.ptr[0] != '{' || report_find(text, "notificationType") + report_find(text, "eventType") == 2 * text.len)
		return false;
	json = load(report, text);
	within = json_string_value(json_object_get(json, "Message"));
	if (within != NULL)
		inner = json_loads(within, 0, NULL);
	found = take_notification(report, inner == NULL ? json : inner);
	json_decref(inner);
	json_decref(json);
	return found;
}
