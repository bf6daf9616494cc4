/* SPDX-License-Identifier: BSD-2-Clause */
/* For people: what becomes of posts, and what their readers have. */
#include "listd/compare/output.h"

#include <string.h>

static const char *const colours[COMPARE_VERDICTS] = {
	[COMPARE_INBOX] = "\033[32m", [COMPARE_JUNK] = "\033[33m", [COMPARE_DEFERRED] = "\033[33m", [COMPARE_REFUSED] = "\033[31m", [COMPARE_NOT_SENT] = "\033[36m",
	[COMPARE_UNKNOWN] = "\033[2m", [COMPARE_LAUNDERED] = "\033[1;37;41m",
};

static void cell(struct output *out, const char *text, size_t width, enum compare_verdict verdict)
{
	if (out->coloured)
		fputs(colours[verdict], out->file);
	fputs(text, out->file);
	if (out->coloured)
		fputs("\033[0m", out->file);
	fprintf(out->file, "%*s", (int)(width - strlen(text)), "");
}

/* A name in so many columns. UTF-8 octets after the first of a character take no room. */
static void name(struct output *out, const char *text, size_t width)
{
	size_t columns = 0;

	output_clean(out->file, text);
	for (const char *p = text; *p != '\0'; p++)
		columns += ((unsigned char)*p & 0xc0) != 0x80;
	fprintf(out->file, "%*s", columns < width ? (int)(width - columns) : 0, "");
}

static const struct models *models_of(const struct output *out)
{
	return out->comparison->models;
}

static size_t model_width(const struct output *out)
{
	size_t width = 9;

	for (size_t i = 0; i < models_of(out)->count; i++)
		if (strlen(models_of(out)->items[i].name) > width)
			width = strlen(models_of(out)->items[i].name);
	return width + 2;
}

static void models_line(struct output *out, const char *title, size_t indent, size_t width)
{
	name(out, title, indent);
	for (size_t i = 0; i < models_of(out)->count; i++)
		fprintf(out->file, "%s%*s", models_of(out)->items[i].name, i + 1 < models_of(out)->count ? (int)(width - strlen(models_of(out)->items[i].name)) : 0, "");
	fputc('\n', out->file);
}

void output_table_begin(struct output *out)
{
	(void)out;
}

static void post_cells(struct output *out, const struct compared *c, size_t column, size_t width)
{
	for (size_t i = 0; i < models_of(out)->count; i++) {
		const struct compare_cell *at = compare_cell(&c->result, models_of(out), column, i);

		cell(out, compare_verdict_name(at->verdict), width, at->verdict);
	}
	fputc('\n', out->file);
}

void output_table_post(struct output *out, const struct compared *c)
{
	if (!out->wide)
		return;
	output_clean(out->file, c->name);
	fputs("\n  ", out->file);
	if (c->failure != NULL) {
		output_clean(out->file, c->failure);
		fputs("\n\n", out->file);
		return;
	}
	output_clean(out->file, c->from);
	fprintf(out->file, ": policy %s, ", dmarc_policy_name(c->policy));
	output_clean(out->file, c->authentic_by);
	if (c->recorded.state != RECORDED_NOTHING) {
		fputs("\n  dmarc=", out->file);
		output_clean(out->file, c->recorded.result);
		fputs(" was recorded by ", out->file);
		output_clean(out->file, c->recorded.by);
		fprintf(out->file, ", predicted is %s: ", c->recorded.predicted);
		output_clean(out->file, c->recorded.reason);
	}
	fputc('\n', out->file);
	models_line(out, "  strategy", 16, model_width(out));
	for (size_t column = 0; column < compare_column_count(); column++)
		if (output_has_column(out, column)) {
			fputs("  ", out->file);
			name(out, compare_column_name(column), 14);
			post_cells(out, c, column, model_width(out));
		}
	fputc('\n', out->file);
}

/* The worst that any post met decides the colour. */
static enum compare_verdict worst(const struct sums *sums, size_t column, size_t model)
{
	enum compare_verdict found = COMPARE_INBOX;

	for (unsigned i = 0; i < COMPARE_VERDICTS; i++)
		if (sums_count(sums, column, model, (enum compare_verdict)i) > 0 && compare_badness((enum compare_verdict)i, false) > compare_badness(found, false))
			found = (enum compare_verdict)i;
	return found;
}

static size_t counts_width(const struct output *out, const struct sums *sums)
{
	size_t width = model_width(out);
	char text[160];

	for (size_t column = 0; column < sums->columns; column++)
		for (size_t i = 0; i < sums->models; i++)
			if (output_has_column(out, column) && strlen(output_counts(sums, column, i, text)) + 2 > width)
				width = strlen(output_counts(sums, column, i, text)) + 2;
	return width;
}

static void verdicts(struct output *out, const struct sums *sums)
{
	size_t width = counts_width(out, sums);
	char text[160];

	fputs("\nWhat becomes of the posts: inbox, and j junk, d deferred, r refused, n not sent, ? unknown, L laundered\n\n", out->file);
	models_line(out, "strategy", 14, width);
	for (size_t column = 0; column < sums->columns; column++) {
		if (!output_has_column(out, column))
			continue;
		name(out, compare_column_name(column), 14);
		for (size_t i = 0; i < sums->models; i++)
			cell(out, output_counts(sums, column, i, text), i + 1 < sums->models ? width : strlen(text), worst(sums, column, i));
		fputc('\n', out->file);
	}
}

static void share(struct output *out, const char *percent)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%%", percent);
	fprintf(out->file, "%-13s", *percent == '\0' ? "-" : text);
}

static void readers(struct output *out, const struct sums *sums)
{
	fputs("\nWhat readers have of the copies that were sent, and what refusals did to subscribers\n\n", out->file);
	fprintf(out->file, "%-14s%-8s%-13s%-13s%-13s%-13s%-13s%-13s%-13s%-13s%-13s%-9s%-10s%-9s%s\n", "strategy", "copies", "From=author", "name shown", "to author", "author DKIM",
		"list DKIM", "ARC", "List-*", "tag", "footer", "+bytes", "refusals", "counted", "elsewhere");
	for (size_t column = 0; column < sums->columns; column++) {
		const struct sums_column *c = &sums->by_column[column];
		char text[24];

		if (!output_has_column(out, column))
			continue;
		fprintf(out->file, "%-14s%-8zu", compare_column_name(column), c->forms);
		for (size_t i = 0; i < OUTPUT_SHARES; i++)
			share(out, output_share(c, i, text));
		fprintf(out->file, "%-9lld%-10zu%-9zu%zu\n", c->forms == 0 ? 0 : c->bytes_added / (long long)c->forms, c->replies, c->counted_here, c->counted_elsewhere);
	}
}

void output_table_end(struct output *out, const struct sums *sums)
{
	fprintf(out->file, "%zu posts to %s: %zu from authors with a strict policy, %zu that failed it on arrival", sums->posts, out->comparison->list->address, sums->strict,
		sums->forged);
	if (sums->unknown > 0)
		fprintf(out->file, ", %zu of which it is not known", sums->unknown);
	if (sums->failed > 0)
		fprintf(out->file, ", %zu that could not be compared", sums->failed);
	fputc('\n', out->file);
	if (sums->recorded[RECORDED_NOTHING] < sums->posts - sums->failed)
		fprintf(out->file, "DMARC as it was recorded, and as it is predicted: %zu equal, %zu different, %zu unknown\n", sums->recorded[RECORDED_EQUAL],
			sums->recorded[RECORDED_DIFFERENT], sums->recorded[RECORDED_UNKNOWN]);
	verdicts(out, sums);
	readers(out, sums);
	if (sums->by_verdict[COMPARE_LAUNDERED] > 0)
		fprintf(out->file, "\nLAUNDERED: %zu copies of posts that failed their author's policy on arrival reach readers under a name that passes.\n",
			sums->by_verdict[COMPARE_LAUNDERED]);
}
