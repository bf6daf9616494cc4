/* SPDX-License-Identifier: BSD-2-Clause */
/* Members in large numbers: from a file or standard input, and out again. */
#include "listd/control/control.h"
#include "listd/listctl/listctl.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* Lines that were left out, and the counts. */
int listctl_members_add(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	json_t *result = NULL, *bad;
	size_t i;
	int code = listctl_ask(ctl, command, request, NULL, NULL, &result);
	long long count;

	if (code != 0)
		return code;
	json_array_foreach(json_object_get(result, "bad"), i, bad)
		fprintf(stderr, "listctl: line %lld: %s\n", (long long)json_integer_value(json_object_get(bad, "line")), json_string_value(json_object_get(bad, "reason")));
	listctl_result(ctl, command, request->args, result);
	count = json_integer_value(json_object_get(result, "bad_count"));
	json_decref(result);
	return count == 0 ? 0 : EX_DATAERR;
}

static const char *text_of(json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text == NULL ? "" : text;
}

static void put_address(void *context, json_t *row)
{
	(void)context;
	listctl_print(text_of(row, "address"), false);
	putchar('\n');
}

static void put_named(void *context, json_t *row)
{
	const char *name = text_of(row, "name");

	(void)context;
	if (name[0] != '\0') {
		putchar('"');
		for (; *name != '\0'; name++) {
			if (*name == '"' || *name == '\\')
				putchar('\\');
			putchar(*name);
		}
		fputs("\" <", stdout);
	}
	listctl_print(text_of(row, "address"), false);
	puts(text_of(row, "name")[0] != '\0' ? ">" : "");
}

static void put_field(const char *text)
{
	if (strpbrk(text, ",\"\n") == NULL && text[0] != ' ') {
		listctl_print(text, false);
		return;
	}
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

/* What the import reads: the same names. */
static const char *const csv_columns[] = { "address", "name", "delivery", "joined", "reason" };
static const char *const csv_flags[] = { "skip-addressed", "moderated", "not-own-posts", "digest" };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool has_flag(json_t *row, const char *flag)
{
	json_t *flags = json_object_get(row, "flags"), *item;
	size_t i;

	json_array_foreach(flags, i, item)
		if (json_string_value(item) != NULL && strcmp(json_string_value(item), flag) == 0)
			return true;
	return false;
}

static void put_csv(void *context, json_t *row)
{
	(void)context;
	for (size_t i = 0; i < COUNT(csv_columns); i++) {
		json_t *value = json_object_get(row, csv_columns[i]);

		if (i > 0)
			putchar(',');
		if (json_is_integer(value))
			printf("%lld", (long long)json_integer_value(value));
		else
			put_field(text_of(row, csv_columns[i]));
	}
	for (size_t i = 0; i < COUNT(csv_flags); i++)
		fputs(has_flag(row, csv_flags[i]) ? ",yes" : ",no", stdout);
	putchar('\n');
}

static void put_csv_head(void)
{
	for (size_t i = 0; i < COUNT(csv_columns); i++)
		printf("%s%s", i == 0 ? "" : ",", csv_columns[i]);
	for (size_t i = 0; i < COUNT(csv_flags); i++)
		printf(",%s", csv_flags[i]);
	putchar('\n');
}

int listctl_members_export(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	static const struct { const char *name; void (*row)(void *, json_t *); } formats[] = {
		{ "addresses", put_address }, { "names", put_named }, { "csv", put_csv },
	};
	const char *format = json_string_value(json_object_get(request->args, "format"));
	json_t *result = NULL;
	struct fail why;
	size_t i = 0;
	int code;

	while (i < COUNT(formats) && format != NULL && strcmp(format, formats[i].name) != 0)
		i++;
	if (i == COUNT(formats)) {
		control_refuse(&why, EX_USAGE, "--format is addresses, names or csv");
		return listctl_fail(ctl, &why);
	}
	if (formats[i].row == put_csv && !ctl->json)
		put_csv_head();
	code = listctl_ask(ctl, command, request, formats[i].row, NULL, &result);
	if (code == 0 && ctl->json)
		listctl_json_end(ctl);
	json_decref(result);
	return code;
}
