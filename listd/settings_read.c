/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading through libconfuse, with option tables made from our rows. All options are texts to it; types, ranges and checks are ours, and called while
 * the line number is at hand. */
#include "listd/settings_int.h"

#include <confuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	const struct setting *rows;
	size_t count;
	const char *file; /* in messages; NULL: no file and line in them */
	cfg_t *cfg;
	struct fail *why;
	bool told;        /* why is filled */
};

/* libconfuse's reader keeps its place in globals and hands no context to its callbacks, so one thread at a time reads. */
static struct { pthread_mutex_t lock; struct reading *reading; } reader = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void tell(struct reading *reading, const char *text)
{
	if (reading->told)
		return;
	reading->told = true;
	if (reading->file == NULL)
		fail_permanent(reading->why, "%s", text);
	else
		fail_permanent(reading->why, "%s:%d: %s", reading->file, reading->cfg->line, text);
}

static void tell_unknown(struct reading *reading, const char *name)
{
	const struct setting *nearest = setting_nearest(reading->rows, reading->count, name);
	char text[300];

	if (nearest != NULL)
		snprintf(text, sizeof(text), "%.80s: no such setting; did you mean %s?", name, nearest->name);
	else
		snprintf(text, sizeof(text), "%.80s: no such setting", name);
	tell(reading, text);
}

/* libconfuse's own errors. */
static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	static const char unknown[] = "no such option '";
	char text[300];

	(void)cfg;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	vsnprintf(text, sizeof(text), format, args);
#pragma GCC diagnostic pop
	if (strncmp(text, unknown, sizeof(unknown) - 1) != 0) {
		tell(reader.reading, text);
		return;
	}
	text[strcspn(text + sizeof(unknown) - 1, "'") + sizeof(unknown) - 1] = '\0';
	tell_unknown(reader.reading, text + sizeof(unknown) - 1);
}

/* Called after each value of an option was set. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	struct reading *reading = reader.reading;
	const struct setting *row = setting_find(reading->rows, reading->count, cfg_opt_name(opt));
	unsigned size = cfg_opt_size(opt);
	const char *text = size == 0 ? NULL : cfg_opt_getnstr(opt, size - 1);
	struct fail why;
	long long unused;

	(void)cfg;
	if (text == NULL || setting_convert(row, text, &unused, &why) == 0)
		return 0;
	fail_prefix(&why, "%s", row->name);
	tell(reading, why.text);
	return -1;
}

static cfg_opt_t *make_options(const struct setting *rows, size_t count)
{
	cfg_opt_t *options = calloc(count + 1, sizeof(*options));

	if (options == NULL)
		fail_environment("out of memory");
	for (size_t i = 0; i < count; i++) {
		options[i] = rows[i].type == SETTING_TEXTS ? (cfg_opt_t)CFG_STR_LIST(rows[i].name, NULL, CFGF_NONE)
			: (cfg_opt_t)CFG_STR(rows[i].name, NULL, CFGF_NONE);
		options[i].validcb = on_value;
	}
	options[count] = (cfg_opt_t)CFG_END();
	return options;
}

static int parse(struct reading *reading, struct span text, const char *file, struct fail *why)
{
	struct buf scanned;
	FILE *stream = NULL;
	int result;

	reading->file = file;
	buf_init(&scanned, SETTINGS_MAX_BYTES + 1);
	result = settings_scan(text, file, &scanned, why);
	if (result == 0 && scanned.len > 0) {
		stream = fmemopen(scanned.ptr, scanned.len, "r");
		if (stream == NULL)
			fail_environment("out of memory");
		result = cfg_parse_fp(reading->cfg, stream) == CFG_SUCCESS ? 0 : -1;
		fclose(stream);
		if (result != 0 && !reading->told)
			tell(reading, "cannot be read");
	}
	buf_done(&scanned);
	return result;
}

static int parse_defaults(struct reading *reading, struct fail *why)
{
	struct buf text;
	int result;

	buf_init(&text, SETTINGS_MAX_BYTES);
	for (size_t i = 0; i < reading->count; i++)
		buf_printf(&text, "%s = %s\n", reading->rows[i].name, reading->rows[i].fallback);
	result = parse(reading, buf_span(&text), "(defaults)", why);
	buf_done(&text);
	return result;
}

/* "name=value", as a person gives it. */
static int parse_override(struct reading *reading, const char *override, struct fail *why)
{
	const struct setting *row;
	char name[64];
	struct buf text;
	int result;

	reading->file = NULL;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(override, " ="), override);
	override += strcspn(override, "=");
	if (*override != '=')
		return fail_permanent(why, "%s: expected name=value", name);
	row = setting_find(reading->rows, reading->count, name);
	if (row == NULL) {
		tell_unknown(reading, name);
		return -1;
	}
	buf_init(&text, SETTINGS_MAX_BYTES + 100);
	setting_assignment(row, override + 1, &text);
	result = parse(reading, buf_span(&text), NULL, why);
	buf_done(&text);
	return result;
}

static const char **texts_of(struct arena *a, cfg_opt_t *opt)
{
	unsigned size = cfg_opt_size(opt);
	const char **texts = arena_array(a, size + 1, sizeof(*texts));
	size_t count = 0;

	for (unsigned i = 0; i < size; i++)
		if (cfg_opt_getnstr(opt, i)[0] != '\0')
			texts[count++] = arena_text(a, span_of(cfg_opt_getnstr(opt, i)));
	return texts;
}

static void fill(const struct setting *row, cfg_opt_t *opt, struct arena *a, void *settings)
{
	const char *text = row->type == SETTING_TEXTS ? "" : cfg_opt_getnstr(opt, 0);
	void *place = setting_place(row, settings);
	long long number = 0;

	/* It was checked when it was set. */
	if (row->type != SETTING_TEXTS)
		setting_convert(row, text, &number, NULL);
	switch (row->type) {
	case SETTING_TEXT:
		*(const char **)place = arena_text(a, span_of(text));
		break;
	case SETTING_TEXTS:
		*(const char *const **)place = texts_of(a, opt);
		break;
	case SETTING_BOOL:
		*(bool *)place = number != 0;
		break;
	case SETTING_ENUM:
		*(int *)place = (int)number;
		break;
	case SETTING_NUMBER:
	case SETTING_SECS:
	case SETTING_BYTES:
		*(long long *)place = number;
		break;
	}
}

static int read_locked(struct reading *reading, struct span text, const char *file, const char *const *overrides, struct fail *why)
{
	if (parse_defaults(reading, why) != 0 || parse(reading, text, file, why) != 0)
		return -1;
	for (; overrides != NULL && *overrides != NULL; overrides++)
		if (parse_override(reading, *overrides, why) != 0)
			return -1;
	return 0;
}

int settings_read(const struct setting *rows, size_t count, struct span text, const char *file, const char *const *overrides, struct arena *a, void *settings,
	struct fail *why)
{
	struct reading reading = { .rows = rows, .count = count, .why = why };
	cfg_opt_t *options = make_options(rows, count);
	int result;

	pthread_mutex_lock(&reader.lock);
	reader.reading = &reading;
	reading.cfg = cfg_init(options, CFGF_NONE);
	if (reading.cfg == NULL)
		fail_environment("out of memory");
	cfg_set_error_function(reading.cfg, on_error);
	result = read_locked(&reading, text, file, overrides, why);
	for (size_t i = 0; result == 0 && i < count; i++)
		fill(&rows[i], cfg_getopt(reading.cfg, rows[i].name), a, settings);
	cfg_free(reading.cfg);
	reader.reading = NULL;
	pthread_mutex_unlock(&reader.lock);
	free(options);
	return result;
}
