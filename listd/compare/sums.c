/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/compare/sums.h"

#include <string.h>

void sums_init(struct sums *sums, struct arena *a, const struct models *models)
{
	*sums = (struct sums){ .columns = compare_column_count(), .models = models->count };
	sums->cells = arena_array(a, sums->columns * sums->models * COMPARE_VERDICTS, sizeof(*sums->cells));
	sums->by_column = arena_array(a, sums->columns, sizeof(*sums->by_column));
}

static size_t *cell_of(const struct sums *sums, size_t column, size_t model, enum compare_verdict verdict)
{
	return &sums->cells[(column * sums->models + model) * COMPARE_VERDICTS + verdict];
}

size_t sums_count(const struct sums *sums, size_t column, size_t model, enum compare_verdict verdict)
{
	return *cell_of(sums, column, model, verdict);
}

static void add_part(enum compare_part part, size_t *there, size_t *wanted)
{
	*there += part == COMPARE_PART_THERE;
	*wanted += part != COMPARE_PART_NONE;
}

/* Does an answer reach the author himself? */
static bool reaches_author(const char *reply)
{
	struct span rest = span_of(reply), word;

	while (span_next(&rest, '+', &word))
		if (span_eq_text(word, "author") || span_eq_text(word, "alias"))
			return true;
	return false;
}

static void add_form(struct sums_column *c, const struct compare_form *form)
{
	c->forms++;
	c->from_author += form->from_is_author;
	c->name_visible += form->name_visible;
	c->reply_author += reaches_author(form->reply);
	c->list_dkim += form->list_dkim;
	c->sealed += form->sealed;
	c->signed_posts += form->signatures > 0;
	c->signatures_alive += form->signatures_alive > 0;
	c->list_fields += form->list_fields;
	c->list_fields_wanted += form->list_fields_wanted;
	add_part(form->tag, &c->tag, &c->tag_wanted);
	add_part(form->footer, &c->footer, &c->footer_wanted);
	c->bytes_added += form->bytes_added;
}

static bool was_counted(const struct compare_cell *cells, size_t count, const struct compare_form *form)
{
	for (size_t i = 0; i < count; i++)
		if (cells[i].form == form)
			return true;
	return false;
}

static void add_column(struct sums *sums, size_t column, const struct compared *compared)
{
	const struct compare_cell *cells = &compared->result.cells[column * sums->models];
	const struct compared_bounce *bounces = &compared->bounces[column * sums->models];
	struct sums_column *c = &sums->by_column[column];

	for (size_t i = 0; i < sums->models; i++) {
		++*cell_of(sums, column, i, cells[i].verdict);
		sums->by_verdict[cells[i].verdict]++;
		c->replies += cells[i].reply != NULL;
		c->counted_here += bounces[i].counts;
		c->counted_elsewhere += bounces[i].counts_elsewhere;
		if (cells[i].form != NULL && !was_counted(cells, i, cells[i].form))
			add_form(c, cells[i].form);
	}
}

void sums_add(struct sums *sums, const struct comparison *comparison, const struct compared *compared)
{
	sums->posts++;
	sums->failed += compared->failure != NULL;
	if (compared->failure != NULL)
		return;
	sums->strict += dmarc_is_strict(compared->policy);
	sums->forged += compared->result.is_forged;
	sums->unknown += compared->result.unknown != NULL;
	sums->recorded[compared->recorded.state]++;
	for (size_t column = 0; column < sums->columns; column++)
		if (comparison->columns == NULL || comparison->columns[column])
			add_column(sums, column, compared);
}
