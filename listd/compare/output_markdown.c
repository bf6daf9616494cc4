/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables for a page of documentation: shares, since the posts that they are of are the page's own. */
#include "listd/compare/output.h"

void output_markdown_begin(struct output *out)
{
	(void)out;
}

void output_markdown_post(struct output *out, const struct compared *compared)
{
	(void)out;
	(void)compared;
}

static void share(struct output *out, const char *percent)
{
	fprintf(out->file, " %s%s |", *percent == '\0' ? "-" : percent, *percent == '\0' ? "" : " %");
}

static void rule(struct output *out, size_t columns)
{
	for (size_t i = 0; i < columns; i++)
		fputs(i == 0 ? "|---|" : "---|", out->file);
	fputc('\n', out->file);
}

/* How many of so many posts met that verdict, at each kind of receiver. */
static void by_receiver(struct output *out, const struct sums *sums, enum compare_verdict verdict, size_t whole)
{
	char text[24];

	fputs("| strategy |", out->file);
	for (size_t i = 0; i < sums->models; i++)
		fprintf(out->file, " %s |", out->comparison->models->items[i].name);
	fputc('\n', out->file);
	rule(out, sums->models + 1);
	for (size_t column = 0; column < sums->columns; column++) {
		if (!output_has_column(out, column))
			continue;
		fprintf(out->file, "| %s |", compare_column_name(column));
		for (size_t i = 0; i < sums->models; i++)
			share(out, output_percent(sums_count(sums, column, i, verdict), whole, text));
		fputc('\n', out->file);
	}
}

static void readers(struct output *out, const struct sums *sums)
{
	fputs("\nWhat readers have of the copies that are sent, and what the refusals would do to subscribers:\n\n"
		"| strategy | From is the author | his name is shown | reply reaches him | his DKIM lives | list's DKIM | ARC | List-* | tag | footer | octets added | refusals | "
		"counted by listd | by a manager that counts any 5xx |\n", out->file);
	rule(out, 14);
	for (size_t column = 0; column < sums->columns; column++) {
		const struct sums_column *c = &sums->by_column[column];
		char text[24];

		if (!output_has_column(out, column))
			continue;
		fprintf(out->file, "| %s |", compare_column_name(column));
		for (size_t i = 0; i < OUTPUT_SHARES; i++)
			share(out, output_share(c, i, text));
		fprintf(out->file, " %lld | %zu | %zu | %zu |\n", c->forms == 0 ? 0 : c->bytes_added / (long long)c->forms, c->replies, c->counted_here, c->counted_elsewhere);
	}
}

void output_markdown_end(struct output *out, const struct sums *sums)
{
	if (out->comparison->unguarded) {
		fprintf(out->file, "%zu posts that fail their author's policy on arrival: how many are laundered where the list does not look, at each kind of receiver:\n\n", sums->forged);
		by_receiver(out, sums, COMPARE_LAUNDERED, sums->forged);
		return;
	}
	fprintf(out->file, "%zu posts that pass their author's policy on arrival: how many reach the inbox, at each kind of receiver:\n\n", sums->posts - sums->forged);
	by_receiver(out, sums, COMPARE_INBOX, sums->posts - sums->forged);
	readers(out, sums);
}
