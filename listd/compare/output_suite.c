/* SPDX-License-Identifier: BSD-2-Clause */
/* For test suites: JUnit's XML, TAP, and the stored form. A test is one post with one strategy. */
#include "listd/compare/output.h"

#include <stdlib.h>
#include <string.h>

/* XML 1.0 2.2: no control characters, not even as references. */
static void put_xml(FILE *file, const char *text)
{
	static const struct { char c; const char *as; } rows[] = {
		{ '<', "&lt;" }, { '>', "&gt;" }, { '&', "&amp;" }, { '"', "&quot;" }, { '\'', "&#39;" }, { '\n', "&#10;" },
	};

	for (; *text != '\0'; text++) {
		size_t i = 0;

		while (i < sizeof(rows) / sizeof(rows[0]) && rows[i].c != *text)
			i++;
		if (i < sizeof(rows) / sizeof(rows[0]))
			fputs(rows[i].as, file);
		else
			fputc((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f ? '?' : *text, file);
	}
}

void output_junit_begin(struct output *out)
{
	out->whole = out->file;
	out->file = open_memstream(&out->held, &out->held_bytes);
	if (out->file == NULL)
		fail_environment("out of memory");
}

void output_junit_post(struct output *out, const struct compared *c)
{
	for (size_t column = 0; column < compare_column_count(); column++) {
		const char *fault;

		if (!output_has_column(out, column))
			continue;
		fault = output_fault(out, c, column);
		fputs("<testcase classname=\"compare.", out->file);
		put_xml(out->file, compare_column_name(column));
		fputs("\" name=\"", out->file);
		put_xml(out->file, c->name);
		out->tests++;
		if (fault == NULL) {
			fputs("\"/>\n", out->file);
			continue;
		}
		out->faults++;
		fputs("\"><failure message=\"", out->file);
		put_xml(out->file, fault);
		fputs("\"/></testcase>\n", out->file);
	}
}

void output_junit_end(struct output *out, const struct sums *sums)
{
	(void)sums;
	if (fclose(out->file) != 0)
		fail_environment("out of memory");
	out->file = out->whole;
	fprintf(out->file, "<?xml version=\"1.0\" encoding=\"US-ASCII\"?>\n<testsuites>\n<testsuite name=\"listctl compare\" tests=\"%zu\" failures=\"%zu\" errors=\"0\">\n",
		out->tests, out->faults);
	fwrite(out->held, 1, out->held_bytes, out->file);
	fputs("</testsuite>\n</testsuites>\n", out->file);
	free(out->held);
}

void output_tap_begin(struct output *out)
{
	fputs("TAP version 13\n", out->file);
}

/* "#" begins a directive in a description. */
static void put_description(FILE *file, const char *text)
{
	for (; *text != '\0'; text++)
		fputc(*text == '#' ? ':' : *text, file);
}

static void put_comment(FILE *file, const char *text)
{
	struct span rest = span_of(text), line;

	while (span_next(&rest, '\n', &line)) {
		fputs("# ", file);
		for (size_t i = 0; i < line.len; i++)
			fputc((unsigned char)line.ptr[i] < ' ' ? '?' : line.ptr[i], file);
		fputc('\n', file);
	}
}

void output_tap_post(struct output *out, const struct compared *c)
{
	for (size_t column = 0; column < compare_column_count(); column++) {
		const char *fault;

		if (!output_has_column(out, column))
			continue;
		fault = output_fault(out, c, column);
		fprintf(out->file, "%s %zu - %s: ", fault == NULL ? "ok" : "not ok", ++out->tests, compare_column_name(column));
		put_description(out->file, c->name);
		fputc('\n', out->file);
		if (fault != NULL)
			put_comment(out->file, fault);
	}
}

void output_tap_end(struct output *out, const struct sums *sums)
{
	(void)sums;
	fprintf(out->file, "1..%zu\n", out->tests);
}

void output_stored_begin(struct output *out)
{
	stored_write_head(out->file);
}

void output_stored_post(struct output *out, const struct compared *c)
{
	stored_write(out->file, out->comparison, c);
}

void output_stored_end(struct output *out, const struct sums *sums)
{
	(void)out;
	(void)sums;
}
