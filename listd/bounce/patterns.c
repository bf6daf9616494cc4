/* SPDX-License-Identifier: BSD-2-Clause */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "listd/bounce/patterns.h"

#include "listd/shipped.h"
#include "mail/glob.h"

#include <pcre2.h>

#include <stdlib.h>
#include <string.h>

#define ROWS_ARENA_MAX_BYTES ((size_t)16 << 20) /* rows and their places at the limits */
#define OPTIONS (PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_MATCH_INVALID_UTF | PCRE2_NO_AUTO_CAPTURE)

struct row {
	enum bounce_class class;
	struct span host; /* glob, or empty */
	pcre2_code *code;
	const char *where;
};

struct patterns {
	struct arena *arena;
	struct rows { struct row *items; size_t count, cap; } sections[PATTERN_SECTIONS];
	pcre2_match_context *limits; /* only read while matching */
};

static const char *const section_names[PATTERN_SECTIONS] = { [PATTERN_REPLY] = "[reply]", [PATTERN_SUBJECT] = "[subject]" };

struct patterns *patterns_new(void)
{
	struct patterns *p = calloc(1, sizeof(*p));

	if (p == NULL || (p->limits = pcre2_match_context_create(NULL)) == NULL)
		fail_environment("out of memory");
	pcre2_set_match_limit(p->limits, PATTERN_MATCH_LIMIT);
	pcre2_set_depth_limit(p->limits, PATTERN_MATCH_LIMIT);
	p->arena = arena_new(ROWS_ARENA_MAX_BYTES);
	return p;
}

void patterns_free(struct patterns *patterns)
{
	if (patterns == NULL)
		return;
	for (int i = 0; i < PATTERN_SECTIONS; i++)
		for (size_t j = 0; j < patterns->sections[i].count; j++)
			pcre2_code_free(patterns->sections[i].items[j].code);
	pcre2_match_context_free(patterns->limits);
	arena_free(patterns->arena);
	free(patterns);
}

size_t patterns_count(const struct patterns *patterns)
{
	size_t count = 0;

	for (int i = 0; i < PATTERN_SECTIONS; i++)
		count += patterns->sections[i].count;
	return count;
}

/* Reading. */

struct reading {
	struct patterns *patterns;
	enum pattern_section section;
	const char *file;
	size_t line;
	struct fail *why;
};

static int expected(const struct reading *reading, const char *what, struct span found)
{
	return fail_expected(reading->why, reading->file, reading->line, what, found);
}

static int take_section(struct reading *reading, struct span line)
{
	for (int i = 0; i < PATTERN_SECTIONS; i++)
		if (span_eq_text_nocase(line, section_names[i])) {
			reading->section = (enum pattern_section)i;
			return 0;
		}
	return expected(reading, "[reply] or [subject]", line);
}

/* "/PATTERN/" or "/PATTERN/i": the last "/" of the line ends it, so that one inside needs no escape. */
static int take_pattern(const struct reading *reading, struct span text, struct row *row)
{
	size_t end = text.len;
	uint32_t options = OPTIONS;
	int error;

	while (end > 0 && text.ptr[end - 1] != '/')
		end--;
	if (end < 2 || text.ptr[0] != '/')
		return expected(reading, "a pattern between slashes", text);
	if (text.len - end == 1 && text.ptr[end] == 'i')
		options |= PCRE2_CASELESS;
	else if (text.len > end)
		return expected(reading, "nothing or \"i\" behind the pattern", span_sub(text, end, text.len));
	if (end == 2)
		return expected(reading, "a pattern that is not empty", text);
	row->code = pcre2_compile((PCRE2_SPTR)text.ptr + 1, end - 2, options, &error, &(size_t){ 0 }, NULL);
	if (row->code == NULL) {
		char problem[120] = "";

		pcre2_get_error_message(error, (PCRE2_UCHAR *)problem, sizeof(problem));
		return fail_permanent(reading->why, "%s:%zu: expected a pattern that PCRE2 takes: %s", reading->file, reading->line, problem);
	}
	/* Without JIT (an architecture that has none, memory that may not be executed) the same rows are interpreted. */
	pcre2_jit_compile(row->code, PCRE2_JIT_COMPLETE);
	return 0;
}

static int take_row(struct reading *reading, struct span line)
{
	struct patterns *p = reading->patterns;
	struct rows *rows = &p->sections[reading->section];
	struct row row = { .where = arena_printf(p->arena, "%s:%zu", reading->file, reading->line) };
	struct span word, rest = line;

	if (!span_word(&rest, &word) || !bounce_class_find(word, &row.class))
		return expected(reading, "a class, such as dead-mailbox", word);
	line = span_trim(rest);
	if (span_starts_nocase(line, "host ") || span_starts_nocase(line, "host\t")) {
		rest = span_sub(line, 5, line.len);
		if (!span_word(&rest, &word) || word.ptr[0] == '/')
			return expected(reading, "a glob for host names behind \"host\"", word);
		row.host = arena_span(p->arena, word);
		line = span_trim(rest);
	}
	if (patterns_count(p) == PATTERNS_MAX)
		return fail_permanent(reading->why, "%s:%zu: more than %d rows", reading->file, reading->line, PATTERNS_MAX);
	if (take_pattern(reading, line, &row) != 0)
		return -1;
	*(struct row *)arena_grow(p->arena, &rows->items, &rows->cap, rows->count, sizeof(row)) = row;
	rows->count++;
	return 0;
}

int patterns_parse(struct span text, const char *file, struct patterns *patterns, struct fail *why)
{
	const char *slash = strrchr(file, '/');
	struct reading reading = { .patterns = patterns, .section = PATTERN_REPLY, .file = slash == NULL ? file : slash + 1, .why = why };
	struct span line;

	while (span_next(&text, '\n', &line)) {
		int result = 0;

		reading.line++;
		if (line.len > PATTERN_LINE_MAX_BYTES)
			return fail_permanent(why, "%s:%zu: longer than %d bytes", reading.file, reading.line, PATTERN_LINE_MAX_BYTES);
		line = span_trim(line);
		if (line.len > 0 && line.ptr[0] == '[')
			result = take_section(&reading, line);
		else if (line.len > 0 && line.ptr[0] != '#')
			result = take_row(&reading, line);
		if (result != 0)
			return -1;
	}
	return 0;
}

int patterns_read(const char *path, struct patterns *patterns, struct fail *why)
{
	struct arena *a = arena_new(PATTERNS_FILE_MAX_BYTES * 2);
	struct span text;
	int result = shipped_read(a, path, PATTERNS_FILE_MAX_BYTES, &text, why);

	if (result == 0)
		result = patterns_parse(text, path, patterns, why);
	arena_free(a);
	return result;
}

/* Matching. */

bool patterns_find(const struct patterns *patterns, enum pattern_section section, struct span text, const char *host, struct pattern_hit *hit_r)
{
	const struct rows *rows = &patterns->sections[section];
	struct span on = span_of(host);
	pcre2_match_data *data;
	bool found = false;

	if (text.len == 0 || rows->count == 0)
		return false;
	data = pcre2_match_data_create(1, NULL);
	if (data == NULL)
		fail_environment("out of memory");
	for (size_t i = 0; !found && i < rows->count; i++) {
		const struct row *row = &rows->items[i];

		if (row->host.len > 0 && !glob_match(row->host, on))
			continue;
		found = pcre2_match(row->code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, data, patterns->limits) >= 0;
		if (found)
			*hit_r = (struct pattern_hit){ row->class, row->where };
	}
	pcre2_match_data_free(data);
	return found;
}
