/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/compare/output.h"

#include <string.h>

const struct output_kind output_kinds[] = {
	{ "table", output_table_begin, output_table_post, output_table_end },
	{ "json", output_json_begin, output_json_post, output_json_end },
	{ "html", output_html_begin, output_html_post, output_html_end },
	{ "junit", output_junit_begin, output_junit_post, output_junit_end },
	{ "tap", output_tap_begin, output_tap_post, output_tap_end },
	{ "markdown", output_markdown_begin, output_markdown_post, output_markdown_end },
	{ "stored", output_stored_begin, output_stored_post, output_stored_end },
};
const size_t output_kind_count = sizeof(output_kinds) / sizeof(output_kinds[0]);

const struct output_kind *output_kind_find(const char *name)
{
	for (size_t i = 0; i < output_kind_count; i++)
		if (strcmp(name, output_kinds[i].name) == 0)
			return &output_kinds[i];
	return NULL;
}

bool output_has_column(const struct output *out, size_t column)
{
	return out->comparison->columns == NULL || out->comparison->columns[column];
}

const char *output_percent(size_t part, size_t whole, char text[24])
{
	text[0] = '\0';
	if (whole > 0)
		snprintf(text, 24, "%zu", (part * 100 + whole / 2) / whole);
	return text;
}

const char *output_share(const struct sums_column *c, size_t share, char text[24])
{
	const size_t shares[OUTPUT_SHARES][2] = {
		{ c->from_author, c->forms }, { c->name_visible, c->forms }, { c->reply_author, c->forms }, { c->signatures_alive, c->signed_posts }, { c->list_dkim, c->forms },
		{ c->sealed, c->forms }, { c->list_fields, c->list_fields_wanted }, { c->tag, c->tag_wanted }, { c->footer, c->footer_wanted },
	};

	return output_percent(shares[share][0], shares[share][1], text);
}

const char *output_counts(const struct sums *sums, size_t column, size_t model, char text[160])
{
	static const char marks[COMPARE_VERDICTS] = {
		[COMPARE_JUNK] = 'j', [COMPARE_DEFERRED] = 'd', [COMPARE_REFUSED] = 'r', [COMPARE_NOT_SENT] = 'n', [COMPARE_UNKNOWN] = '?', [COMPARE_LAUNDERED] = 'L',
	};
	size_t used = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < COMPARE_VERDICTS; i++) {
		size_t count = sums_count(sums, column, model, (enum compare_verdict)i);

		if (count > 0 && i == COMPARE_INBOX)
			used += (size_t)snprintf(text + used, 160 - used, "%zu", count);
		else if (count > 0)
			used += (size_t)snprintf(text + used, 160 - used, "%s%c%zu", used == 0 ? "" : " ", marks[i], count);
	}
	return used == 0 ? "-" : text;
}

static const char *more(struct arena *a, const char *text, const char *line)
{
	return text == NULL ? line : arena_printf(a, "%s\n%s", text, line);
}

static const char *differences_in(const struct compared *c, const char *column)
{
	const char *text = NULL;

	for (size_t i = 0; i < c->difference_count; i++) {
		const struct stored_difference *d = &c->differences[i];

		if (d->column == NULL || strcmp(d->column, column) == 0)
			text = more(c->arena, text, arena_printf(c->arena, "%s: %s", stored_change_name(d->change), d->text));
	}
	return text;
}

const char *output_fault(const struct output *out, const struct compared *c, size_t column)
{
	const struct models *models = out->comparison->models;
	const char *text = NULL;

	if (out->is_held)
		return differences_in(c, compare_column_name(column));
	if (c->failure != NULL)
		return c->failure;
	for (size_t i = 0; i < models->count; i++) {
		const struct compare_cell *cell = compare_cell(&c->result, models, column, i);

		if (cell->verdict == COMPARE_LAUNDERED || (cell->verdict == COMPARE_REFUSED && compare_column_strategy(column) == NULL))
			text = more(c->arena, text, arena_printf(c->arena, "%s at %s: %s", compare_verdict_name(cell->verdict), models->items[i].name, cell->reason));
	}
	return text;
}

void output_clean(FILE *file, const char *text)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, file);
}
