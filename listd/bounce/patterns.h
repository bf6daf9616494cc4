/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts by which refusals are known: rows of conf/bounce.patterns and of the site's own files, which are read first, so that their rows win. A row: "CLASS [host GLOB]
 * /PCRE2/[i]", with "# source:" comments above it; "[reply]" and "[subject]" say what the rows below them are held against. The first row of a section that matches
 * decides. Matching is bounded: a row that takes too long on a text does not match it. */
#ifndef LISTD_BOUNCE_PATTERNS_H
#define LISTD_BOUNCE_PATTERNS_H

#include "listd/bounce/class.h"
#include "mail/fail.h"

/* 4000 rows: ten times as many as are shipped, and more would make each reply slow. 2000 octets in a line: a long alternative of sentences. 10000 steps for a row and a text: the
 * shipped ones take some hundred; a row that needs more backtracks without end, which must not hold up a delivery. */
#define PATTERNS_MAX 4000
#define PATTERN_LINE_MAX_BYTES 2000
#define PATTERN_MATCH_LIMIT 10000
#define PATTERNS_FILE_MAX_BYTES ((size_t)4 << 20)

enum pattern_section {
	PATTERN_REPLY,   /* what a receiver said: where a file names no section */
	PATTERN_SUBJECT, /* the Subject of mail that comes back and is no report: decides whether a program wrote it */
	PATTERN_SECTIONS
};

struct patterns;

/* An empty table; the caller frees it with patterns_free (NULL is nothing). Any number of threads may match at once. */
struct patterns *patterns_new(void);
/* Add the rows of a file, which file names in messages. -1: file, line, what was expected. */
int patterns_parse(struct span text, const char *file, struct patterns *patterns, struct fail *why);
/* The same for a file by its path, or the shipped rows (shipped.h). */
int patterns_read(const char *path, struct patterns *patterns, struct fail *why);
void patterns_free(struct patterns *patterns);
/* How many rows there are. */
size_t patterns_count(const struct patterns *patterns);

struct pattern_hit {
	enum bounce_class class;
	const char *where; /* "bounce.patterns:12"; lives as long as the table */
};
/* The first row that matches text. host: of the receiver, or "": rows with a host glob then do not match. false: none does. */
bool patterns_find(const struct patterns *patterns, enum pattern_section section, struct span text, const char *host, struct pattern_hit *hit_r);

#endif
