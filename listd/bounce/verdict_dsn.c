/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 3464 (and 6533): groups of fields, one about the message, then one for each recipient. Read leniently: fields without a group of their own, other case, comments behind
 * values, addresses without a type are all in use. */
#include "listd/bounce/verdict_int.h"

#include "mail/transfer.h"

#include <string.h>

/* Fields of one group, as they stand. */
struct group {
	struct span final, original, actual, action, status, diagnostic, remote;
};

static const struct { const char *name; size_t offset; } group_fields[] = {
	{ "final-recipient", offsetof(struct group, final) },
	{ "original-recipient", offsetof(struct group, original) },
	{ "x-actual-recipient", offsetof(struct group, actual) },
	{ "action", offsetof(struct group, action) },
	{ "status", offsetof(struct group, status) },
	{ "diagnostic-code", offsetof(struct group, diagnostic) },
	{ "remote-mta", offsetof(struct group, remote) },
};

struct dsn {
	struct report *report;
	struct group group;
	bool in_text; /* fields are looked for among words */
	size_t found;
};

static const char *take_status(struct dsn *dsn, struct span value)
{
	int status[3];

	return codes_status(value, status) ? arena_printf(dsn->report->arena, "%d.%d.%d", status[0], status[1], status[2]) : "";
}

/* "failed (Bad destination mailbox address)", "Delayed"; without one, by the status. */
static const char *take_action(struct span value, const char *status)
{
	static const char *const actions[] = { "failed", "delayed", "delivered", "relayed", "expanded" };

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (span_starts_nocase(value, actions[i]))
			return actions[i];
	if (span_starts_nocase(value, "fail"))
		return "failed";
	return *status == '2' ? "delivered" : *status == '4' ? "delayed" : "failed";
}

/* "smtp; 550 5.1.1 ..." without its type; one that is no reply and no text (X-Unix; 71) is nothing. */
static struct span take_diagnostic(struct dsn *dsn, struct span value)
{
	struct span text = verdict_one_line(dsn->report->arena, report_value(dsn->report, value));
	size_t semicolon = span_find_byte(text, ';'), blank = span_find_byte(text, ' ');
	unsigned long long number;

	if (semicolon < text.len && semicolon < 40 && (blank > semicolon || blank == semicolon - 1))
		text = span_trim(span_sub(text, semicolon + 1, text.len));
	return text.len < 3 || (span_number(text, 299, &number) && text.len < 3) ? (struct span){ "", 0 } : text;
}

/* "dns; mail.example.net (TCP|...)" */
static const char *take_host(struct dsn *dsn, struct span value)
{
	size_t semicolon = span_find_byte(value, ';');
	struct span rest = semicolon < value.len ? span_sub(value, semicolon + 1, value.len) : value, word;

	return span_word(&rest, &word) ? arena_lower(dsn->report->arena, word) : "";
}

static struct span domain_of(const char *address)
{
	const char *sign = strrchr(address, '@');

	return span_of(sign == NULL ? "" : sign + 1);
}

/* Is an address one that mail can be sent to from outside? */
static bool is_outside(const char *address)
{
	struct span domain = domain_of(address);

	return domain.len > 0 && span_find_byte(domain, '.') < domain.len;
}

static bool is_within(struct span domain, struct span parent)
{
	return domain.len > parent.len ? domain.ptr[domain.len - parent.len - 1] == '.' && span_eq_nocase(span_sub(domain, domain.len - parent.len, parent.len), parent) :
		span_eq_nocase(domain, parent);
}

/* Which address the report is about. The final one is what failed. But one that is of no use outside ("ann@sims-daemon"), or was only rewritten inside of the original's
 * house, is the receiver's own business: then it is the original one. */
static const char *choose_recipient(const char *final, const char *original)
{
	if (*original == '\0')
		return final;
	if (*final == '\0' || (!is_outside(final) && is_outside(original)))
		return original;
	/* "a..b"@example.org was given as a..b@example.org. */
	if (*final == '"' && *original != '"')
		return final;
	return is_within(domain_of(final), domain_of(original)) ? original : final;
}

/* The address from elsewhere when the fields hold none ("|/usr/bin/filter"): what Exim puts into a field of the header. */
static const char *failed_recipient_field(struct report *report)
{
	const struct field *field = message_field(report->message, "X-Failed-Recipients");
	size_t at = 0;

	return field == NULL ? "" : arena_text(report->arena, report_next_address(field->value, &at));
}

static bool is_program(struct span value)
{
	size_t semicolon = span_find_byte(value, ';');
	struct span rest = span_trim(semicolon < value.len ? span_sub(value, semicolon + 1, value.len) : value);

	return rest.len > 0 && (rest.ptr[0] == '|' || rest.ptr[0] == '/');
}

static void end_group(struct dsn *dsn)
{
	struct report *report = dsn->report;
	struct group group = dsn->group;
	const char *final, *original, *recipient, *status;
	struct verdict_rcpt *rcpt;
	struct span diagnostic;

	dsn->group = (struct group){ 0 };
	if (group.final.len == 0 && (group.original.len == 0 || group.action.len == 0))
		return;
	final = is_program(group.final) ? failed_recipient_field(report) : report_address(report, group.final);
	original = report_address(report, group.original);
	recipient = choose_recipient(final, original);
	if (*recipient == '\0' && group.actual.len > 0)
		recipient = report_address(report, group.actual);
	rcpt = report_add(report, recipient);
	if (rcpt == NULL)
		return;
	dsn->found++;
	status = take_status(dsn, group.status);
	if (*rcpt->action != '\0' && strcmp(rcpt->action, "failed") != 0 && span_starts_nocase(group.action, "failed"))
		rcpt->action = "failed";
	else if (*rcpt->action == '\0')
		rcpt->action = take_action(group.action, status);
	if (*original != '\0' && !span_eq_nocase(span_of(original), span_of(recipient)))
		rcpt->original = original;
	if (*rcpt->status == '\0')
		rcpt->status = status;
	diagnostic = take_diagnostic(dsn, group.diagnostic);
	if (*rcpt->reply == '\0' && diagnostic.len > 0)
		rcpt->reply = arena_text(report->arena, diagnostic);
	if (*rcpt->host == '\0')
		rcpt->host = take_host(dsn, group.remote);
}

/* Fields about the message. */
static void take_message_field(struct dsn *dsn, struct span name, struct span value)
{
	struct verdict *v = dsn->report->verdict;

	if (span_eq_text_nocase(name, "x-original-message-id") && *v->original_message_id == '\0')
		v->original_message_id = arena_text(dsn->report->arena, span_trim(value));
	/* X-Postfix-Sender, X-SendGrid-Sender, ... */
	if (*v->original_sender == '\0' && span_starts_nocase(name, "x-") && name.len > 9 && span_eq_text_nocase(span_sub(name, name.len - 7, 7), "-sender"))
		v->original_sender = report_address(dsn->report, value);
}

static void take_field(struct dsn *dsn, struct span name, struct span value)
{
	for (size_t i = 0; i < sizeof(group_fields) / sizeof(group_fields[0]); i++) {
		struct span *place = (struct span *)((char *)&dsn->group + group_fields[i].offset);

		if (!span_eq_text_nocase(name, group_fields[i].name))
			continue;
		/* No blank line stood between two recipients. */
		if (place == &dsn->group.final && place->len > 0)
			end_group(dsn);
		if (place->len == 0)
			*place = span_trim(value);
		return;
	}
	take_message_field(dsn, name, value);
}

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = ascii_lower(name.ptr[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return name.len > 0 && name.len < 80;
}

/* All fields of a text; in words, those that stand at the start of a line. */
static void read_fields(struct dsn *dsn, struct span text)
{
	struct span rest = text, line, name;

	while (span_next(&rest, '\n', &line)) {
		size_t colon = span_find_byte(line, ':');

		if (dsn->in_text && report_is_end(line))
			break;
		if (span_trim(line).len == 0) {
			end_group(dsn);
			continue;
		}
		name = span_sub(line, 0, colon);
		if (colon == line.len || !is_name(name))
			continue;
		line = span_sub(line, colon + 1, line.len);
		/* With its continuation lines. */
		while (rest.len > 0 && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t')) {
			struct span more;

			span_next(&rest, '\n', &more);
			if (span_trim(more).len == 0)
				break;
			line.len = (size_t)(more.ptr + more.len - line.ptr);
		}
		take_field(dsn, name, line);
	}
	end_group(dsn);
}

static struct span status_text(struct report *report)
{
	const struct mime_part *part = report->status_part;
	struct span body = span_sub(report->bytes, part->body_offset, part->body_bytes < REPORT_STATUS_MAX_BYTES ? part->body_bytes : REPORT_STATUS_MAX_BYTES);

	if (part->encoding == MIME_BASE64)
		return transfer_base64_decode(report->arena, body, false);
	return part->encoding == MIME_QUOTED_PRINTABLE ? transfer_qp_decode(report->arena, body) : body;
}

bool verdict_read_status(struct report *report)
{
	struct dsn dsn = { .report = report };
	struct verdict *v = report->verdict;

	if (report->status_part != NULL)
		read_fields(&dsn, status_text(report));
	if (dsn.found == 0 && report->text.len > 0) {
		dsn.in_text = true;
		read_fields(&dsn, report->text);
	}
	if (dsn.found == 0)
		return false;
	v->kind = VERDICT_BOUNCE;
	verdict_complete_from_text(report);
	return true;
}
