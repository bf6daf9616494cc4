/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has a score, and what refusals were for; the history of one address; reports. */
#include "listd/listctl/listctl.h"

#include <stdio.h>

static void show(const char *title, const char *none, const struct listctl_column columns[LISTCTL_COLUMNS_MAX], const json_t *rows)
{
	if (json_array_size(rows) == 0) {
		puts(none);
		return;
	}
	puts(title);
	putchar('\n');
	listctl_table(columns, rows);
}

int listctl_bounces(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	static const struct listctl_column members[LISTCTL_COLUMNS_MAX] = {
		{ "ADDRESS", "address", SHOW_TEXT }, { "STATE", "state", SHOW_TEXT }, { "SINCE", "since", SHOW_DATE }, { "DEAD", "dead_days", SHOW_NUMBER },
		{ "OTHER", "other_days", SHOW_NUMBER }, { "LAST", "class", SHOW_TEXT }, { "RECEIVER", "receiver", SHOW_TEXT }, { "NEXT", "due", SHOW_DATE }, { "REPLY", "reply", SHOW_TEXT },
	};
	static const struct listctl_column refusals[LISTCTL_COLUMNS_MAX] = {
		{ "CLASS", "class", SHOW_TEXT }, { "RECEIVER", "receiver", SHOW_TEXT }, { "COUNT", "count", SHOW_NUMBER }, { "LAST REPLY", "reply", SHOW_TEXT },
	};
	json_t *result = NULL;
	int code = listctl_ask(ctl, command, request, NULL, NULL, &result);

	if (code != 0)
		return code;
	if (ctl->json) {
		listctl_json(result);
	} else {
		show("Subscribers whose mail comes back, with the days on which it did:", "No mail comes back from subscribers.", members, json_object_get(result, "members"));
		putchar('\n');
		show("What refusals of the last 30 days were for:", "Nothing was refused in the last 30 days.", refusals, json_object_get(result, "refusals"));
	}
	json_decref(result);
	return 0;
}

static void keep(void *context, json_t *row)
{
	json_array_append(context, row);
}

/* What is noted of an address on one list, in words. */
static void show_history(const json_t *row)
{
	const char *words = json_string_value(json_object_get(row, "bounces")), *list = json_string_value(json_object_get(row, "list"));
	json_t *note;
	size_t i;

	if (words == NULL || list == NULL)
		return;
	printf("\n%s: ", list);
	listctl_print(words, false);
	putchar('\n');
	json_array_foreach(json_object_get(row, "history"), i, note) {
		printf("  ");
		listctl_print(json_string_value(note), false);
		putchar('\n');
	}
}

int listctl_member_show(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	json_t *rows = json_array(), *result = NULL, *row;
	int code = listctl_ask(ctl, command, request, keep, rows, &result);
	size_t i;

	if (code == 0 && ctl->json) {
		listctl_json_end(ctl);
	} else if (code == 0) {
		listctl_table(command->columns, rows);
		json_array_foreach(rows, i, row)
			show_history(row);
	}
	json_decref(result);
	json_decref(rows);
	return code;
}

int listctl_report(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	json_t *result = NULL;
	int code = listctl_ask(ctl, command, request, NULL, NULL, &result);

	if (code == 0 && ctl->json)
		listctl_json_end(ctl);
	json_decref(result);
	return code;
}
