/* SPDX-License-Identifier: BSD-2-Clause */
/* What settings there are: from the tables, so that no daemon is needed. */
#include "listd/control/control.h"
#include "listd/listctl/listctl.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const struct table { const char *name, *title; const struct setting *rows; const size_t *count; } tables[] = {
	{ "site", "Settings of the site (listd.conf)", site_setting_rows, &site_setting_count },
	{ "list", "Settings of each list (listctl list set)", list_setting_rows, &list_setting_count },
};

static json_t *json_of(const struct table *table, const struct setting *row)
{
	struct buf kind;
	json_t *json;

	buf_init(&kind, 1024);
	setting_kind(row, &kind);
	json = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "table", table->name, "name", row->name, "default", row->fallback, "group", row->group,
		"kind", buf_text(&kind), "help", row->help);
	buf_done(&kind);
	return json;
}

static void show_one(const struct table *table, const struct setting *row)
{
	struct buf kind;

	buf_init(&kind, 1024);
	setting_kind(row, &kind);
	printf("%s (of %s; default: %s)\n%s %s\n", row->name, strcmp(table->name, "site") == 0 ? "the site" : "each list", row->fallback, row->help, buf_text(&kind));
	buf_done(&kind);
}

/* One line of each: its help up to the first stop. */
static void show_line(const struct setting *row)
{
	size_t len = 0;

	while (row->help[len] != '\0' && !(strchr(".:;", row->help[len]) != NULL && strchr(" ", row->help[len + 1]) != NULL))
		len++;
	printf("  %-22s %.*s\n", row->name, (int)len, row->help);
}

static size_t show(struct listctl *ctl, const struct table *table, const char *name)
{
	const char *group = "";
	size_t shown = 0;

	for (size_t i = 0; i < *table->count; i++) {
		const struct setting *row = &table->rows[i];

		if (name != NULL && strcmp(name, row->name) != 0)
			continue;
		if (ctl->json) {
			json_t *json = json_of(table, row);

			listctl_json_row(ctl, json);
			json_decref(json);
		} else if (name != NULL) {
			show_one(table, row);
		} else {
			if (strcmp(group, row->group) != 0)
				printf("%s%s%s\n", i == 0 ? table->title : "", i == 0 ? "\n\n" : "\n", row->group);
			group = row->group;
			show_line(row);
		}
		shown++;
	}
	return shown;
}

static const struct table *find_table(const char *name)
{
	for (size_t i = 0; i < 2; i++)
		if (name != NULL && strcmp(tables[i].name, name) == 0)
			return &tables[i];
	return NULL;
}

/* --sample: the table as a commented file. */
static int print_sample(struct listctl *ctl, const char *name)
{
	const struct table *table = find_table(name);
	struct buf out;
	struct fail why;

	if (table == NULL) {
		control_refuse(&why, EX_USAGE, "%s: there are the tables site and list", name);
		return listctl_fail(ctl, &why);
	}
	buf_init(&out, (size_t)1 << 20);
	settings_sample(table->rows, *table->count, &out);
	fputs(buf_text(&out), stdout);
	buf_done(&out);
	return 0;
}

int listctl_settings(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	const char *name = json_string_value(json_object_get(request->args, "name"));
	const char *sample = json_string_value(json_object_get(request->args, "sample"));
	size_t shown = 0;
	struct fail why;

	(void)command;
	if (sample != NULL)
		return print_sample(ctl, sample);
	for (size_t i = 0; i < 2; i++) {
		if (shown > 0 && !ctl->json)
			putchar('\n');
		shown += show(ctl, &tables[i], name);
	}
	if (shown == 0) {
		control_refuse(&why, EX_USAGE, "%s: no such setting; listctl settings shows all", name);
		return listctl_fail(ctl, &why);
	}
	if (ctl->json)
		listctl_json_end(ctl);
	return 0;
}
