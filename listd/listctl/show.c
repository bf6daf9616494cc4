/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers for people, aligned, or as one JSON document. */
#include "listd/control/control.h"
#include "listd/listctl/listctl.h"
#include "mail/idna.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Widths of columns are those of the first rows; so many are kept until they are known. */
#define ROWS_KEPT 200
#define WIDTH_MAX 60
/* Room for a number, a date, or the options of a member. */
#define SCRATCH_BYTES 160

struct table {
	const struct listctl_command *command;
	json_t *kept;
	size_t widths[LISTCTL_COLUMNS_MAX];
	bool begun;
	size_t count;
};

struct showing {
	struct listctl *ctl;
	struct table table;
	void (*row)(void *context, json_t *row);
	void *context;
};

void listctl_print(const char *text, bool lines)
{
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		/* C1 control characters, as UTF-8: some terminals obey them. */
		bool is_c1 = c == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0;

		if (lines && c == '\r' && p[1] == '\n') /* the line end of mail */
			continue;

		if ((c < 0x20 && !(lines && (c == '\n' || c == '\t'))) || c == 0x7f || is_c1)
			putchar('?');
		else
			putchar(c);
		p += is_c1;
	}
}

void listctl_json_row(struct listctl *ctl, const json_t *row)
{
	fputs(ctl->json_rows++ == 0 ? "[\n" : ",\n", stdout);
	json_dumpf(row, stdout, JSON_COMPACT);
}

void listctl_json_end(struct listctl *ctl)
{
	puts(ctl->json_rows == 0 ? "[]" : "\n]");
}

void listctl_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}

int listctl_fail(struct listctl *ctl, const struct fail *why)
{
	fflush(stdout);
	fprintf(stderr, "listctl: %s\n", why->text);
	if (ctl->json && ctl->json_rows > 0)
		listctl_json_end(ctl);
	if (ctl->json && ctl->json_rows == 0) {
		json_t *json = json_pack("{s:s%,s:i}", "error", why->text, strlen(why->text), "exit", control_exit(why));

		if (json != NULL)
			listctl_json(json);
		json_decref(json);
	}
	return control_exit(why);
}

static const char *as_date(json_int_t secs, char text[SCRATCH_BYTES])
{
	time_t at = (time_t)secs;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL || strftime(text, SCRATCH_BYTES, "%Y-%m-%d %H:%M", &tm) == 0)
		snprintf(text, SCRATCH_BYTES, "-");
	return text;
}

static const char *as_bytes(json_int_t bytes, char text[SCRATCH_BYTES])
{
	static const char units[] = "BKMGT";
	double size = (double)bytes;
	size_t unit = 0;

	while (size >= 1024 && unit + 2 < sizeof(units)) {
		size /= 1024;
		unit++;
	}
	snprintf(text, SCRATCH_BYTES, unit == 0 ? "%.0f%c" : "%.1f%c", size, units[unit]);
	return text;
}

/* "moderated digest" */
static const char *as_words(const json_t *array, char text[SCRATCH_BYTES])
{
	size_t i, used = 0;
	json_t *item;

	text[0] = '\0';
	json_array_foreach(array, i, item)
		if (json_is_string(item) && used < SCRATCH_BYTES)
			used += (size_t)snprintf(text + used, SCRATCH_BYTES - used, "%s%s", used == 0 ? "" : " ", json_string_value(item));
	return used == 0 ? "-" : text;
}

/* A value in words; scratch serves what is no text. */
static const char *value_text(const json_t *value, enum listctl_kind kind, char scratch[SCRATCH_BYTES])
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (json_is_real(value)) {
		snprintf(scratch, SCRATCH_BYTES, "%.3g", json_real_value(value));
		return scratch;
	}
	if (json_is_array(value))
		return as_words(value, scratch);
	if (!json_is_integer(value))
		return "-";
	if (kind == SHOW_DATE)
		return json_integer_value(value) == 0 ? "-" : as_date(json_integer_value(value), scratch);
	if (kind == SHOW_BYTES)
		return as_bytes(json_integer_value(value), scratch);
	snprintf(scratch, SCRATCH_BYTES, "%lld", (long long)json_integer_value(value));
	return scratch;
}

/* Characters, not octets. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static bool is_right(enum listctl_kind kind)
{
	return kind == SHOW_NUMBER || kind == SHOW_BYTES;
}

static void print_cell(const char *text, size_t width, bool right, bool is_last)
{
	int pad = (int)(width > width_of(text) ? width - width_of(text) : 0);

	if (right)
		printf("%*s", pad, "");
	listctl_print(text, false);
	if (!is_last)
		printf("%*s", (right ? 0 : pad) + 2, "");
}

static bool is_last_column(const struct listctl_command *command, size_t i)
{
	return i + 1 == LISTCTL_COLUMNS_MAX || command->columns[i + 1].title == NULL;
}

static void print_row(const struct table *table, json_t *row)
{
	const struct listctl_column *columns = table->command->columns;

	for (size_t i = 0; i < LISTCTL_COLUMNS_MAX && columns[i].title != NULL; i++) {
		char scratch[SCRATCH_BYTES];
		const char *text = row == NULL ? columns[i].title : value_text(json_object_get(row, columns[i].key), columns[i].kind, scratch);

		print_cell(text, table->widths[i], is_right(columns[i].kind), is_last_column(table->command, i));
	}
	putchar('\n');
}

static void widen(struct table *table, json_t *row)
{
	const struct listctl_column *columns = table->command->columns;

	for (size_t i = 0; i < LISTCTL_COLUMNS_MAX && columns[i].title != NULL; i++) {
		char scratch[SCRATCH_BYTES];
		size_t width = width_of(value_text(json_object_get(row, columns[i].key), columns[i].kind, scratch));

		if (width_of(columns[i].title) > table->widths[i])
			table->widths[i] = width_of(columns[i].title);
		if (width > table->widths[i])
			table->widths[i] = width > WIDTH_MAX ? WIDTH_MAX : width;
	}
}

static void begin_table(struct table *table)
{
	json_t *row;
	size_t i;

	table->begun = true;
	if (json_array_size(table->kept) > 0)
		print_row(table, NULL);
	json_array_foreach(table->kept, i, row)
		print_row(table, row);
	json_array_clear(table->kept);
}

void listctl_table(const struct listctl_column columns[LISTCTL_COLUMNS_MAX], const json_t *rows)
{
	struct listctl_command command = { .name = "" };
	struct table table = { .command = &command, .kept = json_copy((json_t *)(uintptr_t)rows) };
	json_t *row;
	size_t i;

	memcpy(command.columns, columns, sizeof(command.columns));
	json_array_foreach(table.kept, i, row)
		widen(&table, row);
	begin_table(&table);
	json_decref(table.kept);
}

static void print_pairs(const json_t *object, int indent);

/* As the columns of rows show what has that name. */
static enum listctl_kind kind_of(const char *key)
{
	for (size_t i = 0; i < listctl_command_count; i++)
		for (size_t k = 0; k < LISTCTL_COLUMNS_MAX && listctl_commands[i].columns[k].title != NULL; k++)
			if (strcmp(listctl_commands[i].columns[k].key, key) == 0)
				return listctl_commands[i].columns[k].kind;
	return SHOW_TEXT;
}

/* Texts of an array one below the other, members of an object indented. */
static void print_value(const json_t *value, enum listctl_kind kind, int indent)
{
	char scratch[SCRATCH_BYTES];
	json_t *item;
	size_t i;

	if (json_is_object(value)) {
		putchar('\n');
		print_pairs(value, indent + 2);
		return;
	}
	if (!json_is_array(value)) {
		if (json_is_string(value) && strchr(json_string_value(value), '\n') != NULL)
			putchar('\n'); /* a text of lines begins on one of its own */
		listctl_print(value_text(value, kind, scratch), true);
		putchar('\n');
		return;
	}
	if (json_array_size(value) == 0)
		puts("-");
	json_array_foreach(value, i, item) {
		printf("%*s", i == 0 ? 0 : indent + 2, "");
		if (json_is_object(item))
			print_pairs(item, indent + 2);
		else
			print_value(item, SHOW_TEXT, indent);
	}
}

static void print_pairs(const json_t *object, int indent)
{
	const char *key;
	json_t *value;
	size_t width = 0;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		if (width_of(key) > width)
			width = width_of(key);
	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		printf("%*s%s:%*s", indent, "", key, json_is_object(value) ? 0 : (int)(width - width_of(key)) + 1, "");
		print_value(value, kind_of(key), indent);
	}
}

static void show_row(void *context, json_t *row)
{
	struct showing *showing = context;
	struct table *table = &showing->table;

	if (showing->ctl->json) {
		listctl_json_row(showing->ctl, row);
	} else if (showing->row != NULL) {
		showing->row(showing->context, row);
	} else if (table->command->columns[0].title == NULL) {
		if (table->count++ > 0)
			putchar('\n');
		print_pairs(row, 0);
	} else if (table->begun) {
		print_row(table, row);
	} else {
		widen(table, row);
		json_array_append(table->kept, row);
		if (json_array_size(table->kept) == ROWS_KEPT)
			begin_table(table);
	}
}

/* "{key}" is a value of the result, or of the arguments. */
static void print_done(const char *template, const json_t *args, const json_t *result)
{
	for (const char *p = template; *p != '\0'; p++) {
		size_t len = strcspn(p, "}");
		char key[40], scratch[SCRATCH_BYTES];
		const json_t *value;

		if (*p != '{' || p[len] == '\0' || len > sizeof(key)) {
			putchar(*p);
			continue;
		}
		snprintf(key, sizeof(key), "%.*s", (int)len - 1, p + 1);
		value = json_object_get(result, key);
		listctl_print(value_text(value == NULL ? json_object_get(args, key) : value, SHOW_TEXT, scratch), false);
		p += len;
	}
	putchar('\n');
}

void listctl_result(struct listctl *ctl, const struct listctl_command *command, const json_t *args, json_t *result)
{
	const char *text = json_string_value(json_object_get(result, "text"));

	if (ctl->json)
		listctl_json(result);
	else if (command->done != NULL)
		print_done(command->done, args, result);
	else if (text != NULL)
		listctl_print(text, true);
	else
		print_pairs(result, 0);
}

int listctl_ask(struct listctl *ctl, const struct listctl_command *command, const struct listctl_request *request, void (*row)(void *context, json_t *row), void *context,
	json_t **result_r)
{
	struct showing showing = { .ctl = ctl, .table = { .command = command, .kept = json_array() }, .row = row, .context = context };
	struct listctl_answer answer = { .context = &showing, .row = show_row };
	struct fail why;
	int code = listctl_call(ctl, command->verb, request, &answer, result_r, &why);

	if (!showing.table.begun)
		begin_table(&showing.table);
	json_decref(showing.table.kept);
	return code == 0 ? 0 : listctl_fail(ctl, &why);
}

int listctl_generic(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request)
{
	json_t *result = NULL;
	int code = listctl_ask(ctl, command, request, NULL, NULL, &result);

	if (code != 0)
		return code;
	if (command->columns[0].title == NULL)
		listctl_result(ctl, command, request->args, result);
	else if (ctl->json)
		listctl_json_end(ctl);
	json_decref(result);
	return 0;
}
