/* SPDX-License-Identifier: BSD-2-Clause */
/* Many members from lines: "address", "Name <address>", or CSV with a header. Members go to the store in batches, so that any number may come; a line that cannot be
 * read is told and left out. */
#include "listd/control/csv.h"
#include "listd/control/verbs_list.h"
#include "listd/control/verbs_member.h"
#include "listd/event.h"
#include "listd/json_text.h"
#include "mail/address.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define BATCH_MEMBERS 5000
/* A line of a file of members: an address, a name, some options. */
#define LINE_MAX_BYTES 4096
/* Bad lines that are told one by one; the rest is counted. */
#define BAD_ROWS_MAX 100

enum column { COLUMN_OTHER, COLUMN_ADDRESS, COLUMN_NAME, COLUMN_JOINED, COLUMN_OPTION };

struct import {
	struct control_call *call;
	const char *list;
	struct arena *batch;
	struct member *members;
	size_t count, line, done, added, bad_count;
	json_t *bad;
	unsigned flags;
	int64_t now_secs;
	bool may_be_csv, is_csv;
	char separator;
	int column_count;
	enum column columns[CSV_FIELDS_MAX];
	const char *options[CSV_FIELDS_MAX];
};

static const struct { const char *title; enum column column; } titles[] = {
	{ "address", COLUMN_ADDRESS }, { "email", COLUMN_ADDRESS }, { "e-mail", COLUMN_ADDRESS }, { "mail", COLUMN_ADDRESS },
	{ "email-address", COLUMN_ADDRESS }, { "e-mail-address", COLUMN_ADDRESS }, { "name", COLUMN_NAME }, { "display-name", COLUMN_NAME },
	{ "real-name", COLUMN_NAME }, { "full-name", COLUMN_NAME }, { "joined", COLUMN_JOINED }, { "delivery", COLUMN_OPTION }, { "reason", COLUMN_OPTION },
	{ "skip-addressed", COLUMN_OPTION }, { "moderated", COLUMN_OPTION }, { "not-own-posts", COLUMN_OPTION }, { "digest", COLUMN_OPTION },
};

/* "Display Name" and "display_name" are "display-name". */
static const char *normal_title(struct arena *a, const char *text)
{
	char *title = arena_lower(a, span_of(text));

	for (char *p = title; *p != '\0'; p++)
		if (*p == ' ' || *p == '_')
			*p = '-';
	return title;
}

/* Takes "address" fast, since imports are long, and "Name <address>" by the reader of header fields. */
static int take_text(struct import *import, const char *text, struct member *member_r, struct fail *why)
{
	struct span trimmed = span_trim(span_of(text)), name = { "", 0 }, spec = trimmed;
	struct address_list list;
	struct address address;

	if (span_find_byte(trimmed, '<') < trimmed.len) {
		address_list_parse(import->batch, trimmed, &list);
		if (list.count != 1 || list.damaged || list.group_count != 0)
			return fail_permanent(why, "\"%.100s\": expected one address, or Name <address>", text);
		name = list.items[0].display;
		spec = list.items[0].spec;
	}
	if (address_parse(import->batch, spec, &address, why) != 0)
		return fail_prefix(why, "\"%.100s\"", text);
	*member_r = (struct member){ .flags = import->flags, .joined_secs = import->now_secs, .reason = "", .name = arena_text(import->batch, name),
		.key = address_key(import->batch, &address), .address = arena_text(import->batch, address.spec) };
	return verbs_member_is_name(name) ? 0 : verbs_member_change(member_r, "name", member_r->name, import->now_secs, why);
}

/* Is this line the header of a table? Its columns are noted. */
static bool take_header(struct import *import, const char *line)
{
	const char *fields[CSV_FIELDS_MAX];
	bool has_address = false;

	import->separator = csv_separator(line);
	import->column_count = csv_split(import->batch, line, import->separator, fields);
	for (int i = 0; i < import->column_count; i++) {
		const char *title = normal_title(import->batch, fields[i]);

		for (size_t j = 0; j < sizeof(titles) / sizeof(titles[0]); j++) {
			if (strcmp(title, titles[j].title) != 0)
				continue;
			import->columns[i] = titles[j].column;
			import->options[i] = titles[j].title;
			has_address = has_address || titles[j].column == COLUMN_ADDRESS;
		}
	}
	return has_address;
}

static int take_field(struct import *import, struct member *member, int column, const char *field, struct fail *why)
{
	unsigned long long number;

	if (field[0] == '\0')
		return 0;
	switch (import->columns[column]) {
	case COLUMN_JOINED:
		/* Seconds, as an export writes them; a date in other words is not worth refusing a member. */
		if (span_number(span_of(field), INT64_MAX, &number))
			member->joined_secs = (int64_t)number;
		return 0;
	case COLUMN_NAME:
		return verbs_member_change(member, "name", field, import->now_secs, why);
	case COLUMN_OPTION:
		return verbs_member_change(member, import->options[column], field, import->now_secs, why);
	case COLUMN_ADDRESS:
	case COLUMN_OTHER:
		return 0;
	}
	return 0;
}

static int take_csv(struct import *import, const char *line, struct member *member_r, struct fail *why)
{
	const char *fields[CSV_FIELDS_MAX], *address = "";
	int count = csv_split(import->batch, line, import->separator, fields);

	if (count < 0)
		return fail_permanent(why, "not a line of CSV: a quote is not closed, or there are too many fields");
	for (int i = 0; i < count && i < import->column_count; i++)
		if (import->columns[i] == COLUMN_ADDRESS && address[0] == '\0')
			address = fields[i];
	if (address[0] == '\0')
		return fail_permanent(why, "no address in this line");
	if (take_text(import, address, member_r, why) != 0)
		return -1;
	for (int i = 0; i < count && i < import->column_count; i++)
		if (take_field(import, member_r, i, fields[i], why) != 0)
			return -1;
	return 0;
}

static void tell_bad(struct import *import, const char *line, const struct fail *why)
{
	char start[120];

	if (++import->bad_count > BAD_ROWS_MAX)
		return;
	snprintf(start, sizeof(start), "%s", line);
	json_array_append_new(import->bad, json_pack("{s:I, s:o, s:o}", "line", (json_int_t)import->line, "text", json_optional(start), "reason", json_optional(why->text)));
}

static int flush(struct import *import, struct fail *why)
{
	size_t added = 0;
	int result = import->count == 0 ? 0
		: store_members_add(import->call->daemon->store, import->list, import->members, import->count, &added, NULL, NULL, why);

	import->added += added;
	if (result == 0)
		import->done += import->count;
	import->count = 0;
	arena_reset(import->batch);
	control_progress(import->call, import->done + import->bad_count, 0);
	return result;
}

static int take_line(struct import *import, const char *line, struct fail *why)
{
	struct member *member = &import->members[import->count];
	struct fail bad;
	int result;

	/* The mark with which some editors begin a file of UTF-8. */
	if (++import->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	if (line[strspn(line, " \t")] == '\0' || (line[0] == '#' && !import->is_csv))
		return 0;
	if (import->line == 1 && import->may_be_csv && take_header(import, line)) {
		import->is_csv = true;
		return 0;
	}
	if (strlen(line) > LINE_MAX_BYTES)
		result = fail_permanent(&bad, "longer than %d octets", LINE_MAX_BYTES);
	else
		result = import->is_csv ? take_csv(import, line, member, &bad)
			: take_text(import, line, member, &bad);
	if (result != 0)
		tell_bad(import, line, &bad);
	else if (++import->count == BATCH_MEMBERS)
		return flush(import, why);
	return 0;
}

static int take_all(struct import *import, struct fail *why)
{
	const char *line;

	while ((line = control_line(import->call)) != NULL)
		if (take_line(import, line, why) != 0)
			return -1;
	if (flush(import, why) != 0)
		return -1;
	if (!control_data_complete(import->call))
		return control_refuse(why, EX_TEMPFAIL, "the lines broke off; %zu members were added before that; send the whole file again", import->added);
	return 0;
}

static int read_defaults(struct import *import, struct fail *why)
{
	struct list_settings *settings;
	int found = import->list == NULL ? -1 : daemon_list(import->call->daemon, import->list, &settings, why);

	if (found == 0)
		return fail_permanent(why, "no list %s: see listctl lists", import->list);
	if (found < 0)
		return -1;
	import->flags = settings->skip_addressed ? MEMBER_SKIP_ADDRESSED : 0;
	list_settings_free(settings);
	return 0;
}

static int take_members(struct control_call *call, bool may_be_csv, json_t **result_r, struct fail *why)
{
	struct import import = { .call = call, .now_secs = clock_now(&call->daemon->clock), .may_be_csv = may_be_csv, .list = verbs_list_name(call, "list", why) };
	int result = read_defaults(&import, why);

	if (result != 0)
		return -1;
	import.members = arena_array(call->arena, BATCH_MEMBERS, sizeof(*import.members));
	import.batch = arena_new(ARENA_SCRATCH_MAX_BYTES);
	import.bad = json_array();
	result = take_all(&import, why);
	arena_free(import.batch);
	if (import.added > 0)
		event_log(EVENT_MEMBER_CHANGED, "list", import.list, "what", "added", "count", event_number((long long)import.added), NULL);
	if (result == 0)
		*result_r = json_pack("{s:s, s:I, s:I, s:I, s:O}", "list", import.list, "added", (json_int_t)import.added, "existing", (json_int_t)(import.done - import.added),
			"bad_count", (json_int_t)import.bad_count, "bad", import.bad);
	json_decref(import.bad);
	return result;
}

int verb_members_add(struct control_call *call, json_t **result_r, struct fail *why)
{
	return take_members(call, false, result_r, why);
}

int verb_members_import(struct control_call *call, json_t **result_r, struct fail *why)
{
	return take_members(call, true, result_r, why);
}
