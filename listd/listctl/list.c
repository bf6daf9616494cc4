/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about lists that do more than send and show. */
#include "listd/control/control.h"
#include "listd/listctl/listctl.h"
#include "listd/settings.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define VALUE_MAX_BYTES ((size_t)2 << 20)

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

/* A new list, and the key that was made for its domain. */
int listctl_list_create(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	json_t *result = NULL, *key;
	int code = listctl_ask(ctl, command, request, NULL, NULL, &result);

	if (code != 0)
		return code;
	listctl_result(ctl, command, request->args, result);
	key = json_object_get(result, "key");
	if (key != NULL && !ctl->json) {
		printf("A signing key was made for %s. Publish this record in DNS:\n\n", text_of(key, "domain"));
		listctl_print(text_of(key, "record"), true);
		putchar('\n');
	}
	if (json_object_get(result, "warning") != NULL)
		fprintf(stderr, "listctl: %s\n", text_of(result, "warning"));
	json_decref(result);
	return 0;
}

int listctl_list_delete(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	const char *list = text_of(request->args, "list");
	char answer[400] = "";
	struct fail why;

	if (json_is_true(json_object_get(request->args, "yes")))
		return listctl_generic(ctl, command, request);
	if (!isatty(STDIN_FILENO)) {
		control_refuse(&why, EX_USAGE, "this deletes the list with its members and held posts; say so with --yes");
		return listctl_fail(ctl, &why);
	}
	fprintf(stderr, "This deletes the list %s with its members and held posts.\nType its name again to go on: ", list);
	if (fgets(answer, sizeof(answer), stdin) != NULL)
		answer[strcspn(answer, "\n")] = '\0';
	if (strcmp(answer, list) == 0)
		return listctl_generic(ctl, command, request);
	control_refuse(&why, EX_USAGE, "nothing was deleted");
	return listctl_fail(ctl, &why);
}

static bool is_default(const struct setting *row, const char *value, const struct list_settings *defaults)
{
	struct buf standard;
	bool is;

	buf_init(&standard, VALUE_MAX_BYTES);
	setting_value(row, defaults, &standard);
	is = strcmp(buf_text(&standard), value) == 0;
	buf_done(&standard);
	return is;
}

/* As in a file of settings: values that are the default are comments. */
static void show_settings(const json_t *values, const struct list_settings *defaults)
{
	const char *group = "";

	for (size_t i = 0; i < list_setting_count; i++) {
		const struct setting *row = &list_setting_rows[i];
		const char *value = text_of(values, row->name);

		if (strcmp(group, row->group) != 0)
			printf("%s# %s\n", i == 0 ? "" : "\n", row->group);
		group = row->group;
		printf("%s%s = ", is_default(row, value, defaults) ? "#" : "", row->name);
		listctl_print(value, true);
		putchar('\n');
	}
}

static int show_one(struct listctl *ctl, const json_t *values, const char *name)
{
	const char *value = json_string_value(json_object_get(values, name));
	struct fail why;

	if (value == NULL) {
		control_refuse(&why, EX_USAGE, "%s: no such setting; listctl settings shows those there are", name);
		return listctl_fail(ctl, &why);
	}
	if (ctl->json) {
		listctl_json(json_object_get(values, name));
	} else {
		listctl_print(value, true);
		putchar('\n');
	}
	return 0;
}

int listctl_list_show(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	const char *name = json_string_value(json_object_get(request->args, "name"));
	struct list_settings *defaults;
	json_t *result = NULL, *values;
	struct fail why;
	int code = listctl_ask(ctl, command, request, NULL, NULL, &result);

	if (code != 0)
		return code;
	values = json_object_get(result, "settings");
	if (name != NULL) {
		code = show_one(ctl, values, name);
	} else if (ctl->json) {
		listctl_json(result);
	} else if (list_settings_parse((struct span){ NULL, 0 }, NULL, "list@example.org", &defaults, &why) != 0) {
		code = listctl_fail(ctl, &why);
	} else {
		printf("# %lld members\n", (long long)json_integer_value(json_object_get(result, "members")));
		show_settings(values, defaults);
		list_settings_free(defaults);
	}
	json_decref(result);
	return code;
}
