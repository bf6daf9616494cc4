/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways in which a run is written down. A kind of output is a row of output_kinds and a file of its own; each gets the run's head, every post in order, and the sums. */
#ifndef LISTD_COMPARE_OUTPUT_H
#define LISTD_COMPARE_OUTPUT_H

#include "listd/compare/stored.h"
#include "listd/compare/sums.h"

#include <stdio.h>

struct output_kind;

struct output {
	const struct output_kind *kind;
	const struct comparison *comparison;
	FILE *file;
	bool wide;       /* table: a line for each post, too */
	bool coloured;
	bool is_held;    /* against a stored run */
	size_t written;  /* posts so far */
	size_t tests, faults;         /* junit, tap */
	FILE *whole; char *held; size_t held_bytes; /* junit: its head tells how many tests there are, so the rest waits in memory */
};

struct output_kind {
	const char *name;
	void (*begin)(struct output *out);
	void (*post)(struct output *out, const struct compared *compared);
	void (*end)(struct output *out, const struct sums *sums);
};

/* "table", "json", "html", "junit", "tap", "markdown", "stored". */
extern const struct output_kind output_kinds[];
extern const size_t output_kind_count;
const struct output_kind *output_kind_find(const char *name);

/* The format of the JSON document, docs/compare.md; it rises when a key changes its meaning or goes. */
#define OUTPUT_JSON_VERSION 1
/* Posts that the HTML page shows one by one; the tables are of all. A page of more is no page. */
#define OUTPUT_HTML_POSTS_MAX 500

/* Is this column in the run? */
bool output_has_column(const struct output *out, size_t column);
/* What part of a column's copies has what readers want: nine shares, in the order in which all tables show them. text has 24 octets: "97", or "" where nothing could have it. */
#define OUTPUT_SHARES 9
const char *output_share(const struct sums_column *column, size_t share, char text[24]);
/* part of whole in percent, likewise. */
const char *output_percent(size_t part, size_t whole, char text[24]);
/* "12 j3 r1": counts of a cell, inbox first and without a letter. text has 160 octets. */
const char *output_counts(const struct sums *sums, size_t column, size_t model, char text[160]);
/* What is wrong with a post in one column, as a test suite sees it: another result than the stored run has; without one, laundering, or a copy of auto's that a receiver
 * refuses. Lines of text in the post's arena, or NULL: nothing. */
const char *output_fault(const struct output *out, const struct compared *compared, size_t column);
/* Text of unknown origin for a line of a terminal or a file of lines: control characters become "?". */
void output_clean(FILE *file, const char *text);

/* One file each. */
void output_table_begin(struct output *out);
void output_table_post(struct output *out, const struct compared *compared);
void output_table_end(struct output *out, const struct sums *sums);
void output_json_begin(struct output *out);
void output_json_post(struct output *out, const struct compared *compared);
void output_json_end(struct output *out, const struct sums *sums);
void output_html_begin(struct output *out);
void output_html_post(struct output *out, const struct compared *compared);
void output_html_end(struct output *out, const struct sums *sums);
void output_junit_begin(struct output *out);
void output_junit_post(struct output *out, const struct compared *compared);
void output_junit_end(struct output *out, const struct sums *sums);
void output_tap_begin(struct output *out);
void output_tap_post(struct output *out, const struct compared *compared);
void output_tap_end(struct output *out, const struct sums *sums);
void output_markdown_begin(struct output *out);
void output_markdown_post(struct output *out, const struct compared *compared);
void output_markdown_end(struct output *out, const struct sums *sums);
void output_stored_begin(struct output *out);
void output_stored_post(struct output *out, const struct compared *compared);
void output_stored_end(struct output *out, const struct sums *sums);

#endif
