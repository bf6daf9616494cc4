/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings as text: dumps, samples, the manual. */
#include "listd/settings_int.h"

#include <string.h>

#define SAMPLE_COLUMNS 78
/* One value: no longer than a file of settings. */
#define VALUE_MAX_BYTES (2 * SETTINGS_MAX_BYTES)

static const struct list_settings *default_list(void)
{
	struct list_settings *settings;
	struct fail why;

	if (list_settings_parse((struct span){ NULL, 0 }, NULL, "list@example.org", &settings, &why) != 0)
		fail_environment(why.text);
	return settings;
}

static bool is_default(const struct setting *row, const struct list_settings *settings, const struct list_settings *defaults)
{
	struct buf have, want;
	bool is_same;

	buf_init(&have, VALUE_MAX_BYTES);
	buf_init(&want, VALUE_MAX_BYTES);
	setting_value(row, settings, &have);
	setting_value(row, defaults, &want);
	is_same = span_eq(buf_span(&have), buf_span(&want));
	buf_done(&have);
	buf_done(&want);
	return is_same;
}

void list_settings_dump(const struct list_settings *settings, bool all, struct buf *out)
{
	const struct list_settings *defaults = default_list();

	for (size_t i = 0; i < list_setting_count; i++) {
		const struct setting *row = &list_setting_rows[i];

		if (!all && row->offset != offsetof(struct list_settings, address) && is_default(row, settings, defaults))
			continue;
		buf_printf(out, "%s = ", row->name);
		setting_value(row, settings, out);
		buf_put_byte(out, '\n');
	}
	arena_free(defaults->arena);
}

static size_t value_size(const struct setting *row)
{
	switch (row->type) {
	case SETTING_TEXT:
	case SETTING_TEXTS:
		return sizeof(const char *);
	case SETTING_NUMBER:
	case SETTING_SECS:
	case SETTING_BYTES:
		return sizeof(long long);
	case SETTING_BOOL:
		return sizeof(bool);
	case SETTING_ENUM:
		return sizeof(int);
	}
	return 0;
}

int list_settings_set(const char *text, const char *address, const char *name, const char *value, struct buf *out, struct fail *why)
{
	const struct setting *row = setting_find(list_setting_rows, list_setting_count, name);
	struct arena *a = arena_new(4 * SETTINGS_MAX_BYTES);
	const char *overrides[2] = { NULL, NULL };
	const struct list_settings *defaults;
	struct list_settings *settings;
	int result;

	if (row != NULL && row->offset == offsetof(struct list_settings, address)) {
		arena_free(a);
		return fail_permanent(why, "address: a list gets another address by listctl list rename");
	}
	if (value != NULL || row == NULL)
		overrides[0] = arena_printf(a, "%s=%s", name, value == NULL ? "" : value);
	result = list_settings_parse_with(span_of(text), NULL, address, overrides, &settings, why);
	if (result == 0) {
		defaults = default_list();
		if (value == NULL && row != NULL)
			memcpy(setting_place(row, settings), (const char *)defaults + row->offset, value_size(row));
		list_settings_dump(settings, false, out);
		arena_free(defaults->arena);
		list_settings_free(settings);
	}
	arena_free(a);
	return result;
}

/* Words of text in lines of at most SAMPLE_COLUMNS, each after "# ". */
static void put_comment(const char *text, struct buf *out)
{
	size_t column = 0;

	for (const char *p = text; *p != '\0';) {
		size_t len = strcspn(p, " ");

		if (column == 0 || column + 1 + len > SAMPLE_COLUMNS) {
			buf_put_text(out, column == 0 ? "#" : "\n#");
			column = 1;
		}
		buf_put_byte(out, ' ');
		buf_put(out, (struct span){ p, len });
		column += 1 + len;
		p += len + strspn(p + len, " ");
	}
	buf_put_byte(out, '\n');
}

static const char *kind_text(enum setting_type type)
{
	switch (type) {
	case SETTING_TEXT:
		return "";
	case SETTING_NUMBER:
		return "Number.";
	case SETTING_BOOL:
		return "yes or no.";
	case SETTING_ENUM:
		return "One of";
	case SETTING_TEXTS:
		return "List of texts.";
	case SETTING_SECS:
		return "Time, with s, m, h, d or w.";
	case SETTING_BYTES:
		return "Size, with K, M or G.";
	}
	return "";
}

void setting_kind(const struct setting *row, struct buf *out)
{
	buf_put_text(out, kind_text(row->type));
	if (row->type != SETTING_ENUM)
		return;
	for (int i = 0; row->choices[i] != NULL; i++)
		buf_printf(out, "%s%s", i == 0 ? " " : row->choices[i + 1] == NULL ? " or " : ", ", row->choices[i]);
	buf_put_byte(out, '.');
}

void settings_sample(const struct setting *rows, size_t count, struct buf *out)
{
	const char *group = "";
	struct buf help;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(group, rows[i].group) != 0)
			buf_printf(out, "%s#%s\n# %s\n#%s\n", i == 0 ? "" : "\n", "----------------------------------------", rows[i].group,
				"----------------------------------------");
		group = rows[i].group;
		buf_init(&help, 4096);
		buf_printf(&help, "%s ", rows[i].help);
		setting_kind(&rows[i], &help);
		buf_put_byte(out, '\n');
		put_comment(buf_text(&help), out);
		buf_printf(out, "#%s = %s\n", rows[i].name, rows[i].fallback);
		buf_done(&help);
	}
}

/* Text for roff: no escapes, no line that begins as a request. */
static void put_roff(const char *text, struct buf *out)
{
	if (*text == '.' || *text == '\'')
		buf_put_text(out, "\\&");
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			buf_put_text(out, "\\e");
		else if (*text == '-')
			buf_put_text(out, "\\-");
		else
			buf_put_byte(out, *text);
	}
}

void settings_manual(const struct setting *rows, size_t count, struct buf *out)
{
	const char *group = "";
	struct buf kind;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(group, rows[i].group) != 0)
			buf_printf(out, ".SS %s\n", rows[i].group);
		group = rows[i].group;
		buf_put_text(out, ".TP\n\\fB");
		put_roff(rows[i].name, out);
		buf_put_text(out, "\\fR = ");
		put_roff(rows[i].fallback, out);
		buf_put_byte(out, '\n');
		put_roff(rows[i].help, out);
		buf_put_byte(out, '\n');
		buf_init(&kind, 400);
		setting_kind(&rows[i], &kind);
		if (kind.len > 0) {
			put_roff(buf_text(&kind), out);
			buf_put_byte(out, '\n');
		}
		buf_done(&kind);
	}
}
