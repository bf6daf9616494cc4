/* SPDX-License-Identifier: BSD-2-Clause */
/* A run that was stored, and what is different now. The file is made to be read in a review: a post is a few lines, and what changes in one cell changes one word.
 *
 *   # listctl compare 1
 *   post NAME
 *     arrival policy=reject authentic=yes forged=no taken=yes known=yes
 *     at none strict=refused google=refused ... lenient=inbox
 *     at rewrite *=inbox
 *     form rewrite from=list name=yes reply=author reply-all=author+list author-dkim=0/1 list-dkim=yes arc=no list=9/9 tag=yes footer=yes
 */
#ifndef LISTD_COMPARE_STORED_H
#define LISTD_COMPARE_STORED_H

#include "listd/compare/compared.h"

#include <stdio.h>

#define STORED_VERSION 1
/* 2 GB: a million posts with some lines each. */
#define STORED_MAX_BYTES ((size_t)2 << 30)

struct stored;

enum stored_change { STORED_BETTER, STORED_WORSE, STORED_CHANGED };
#define STORED_CHANGES (STORED_CHANGED + 1)
/* "better", "worse", "changed". */
const char *stored_change_name(enum stored_change change);

struct stored_difference {
	enum stored_change change;
	const char *column;   /* strategy, or NULL: about the post as a whole */
	const char *text;     /* "at google: refused -> inbox" */
};

/* Read a stored run; free it with stored_free. -1: it cannot be read, or is of another version. */
int stored_read(const char *path, struct stored **stored_r, struct fail *why);
/* The same from text, which must live as long; file names it in messages. */
int stored_parse(struct span text, const char *file, struct stored **stored_r, struct fail *why);
void stored_free(struct stored *stored);

/* The head of a file, and a post's lines. */
void stored_write_head(FILE *file);
void stored_write(FILE *file, const struct comparison *comparison, const struct compared *compared);
/* What is different with this post, in its arena. text: its lines as stored_write gives them. Only what is in text is looked for: a run may be of some strategies alone. */
void stored_compare(struct stored *stored, struct arena *a, const char *name, struct span text, struct stored_difference **differences_r, size_t *count_r);
/* The names of stored posts that stored_compare was not asked about, one after the other: NULL when there are no more. *at begins with 0. */
const char *stored_unseen(const struct stored *stored, size_t *at);

#endif
