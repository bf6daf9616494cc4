/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts by which refusals are known: rows of conf/bounce.patterns and of the site's own files, which come first. A row: "CLASS [host GLOB] /PCRE2/[i]", with "# source:"
 * comments above it; the first row of a section that matches decides. */
#ifndef LISTD_BOUNCE_PATTERNS_H
#define LISTD_BOUNCE_PATTERNS_H

#include "listd/bounce/class.h"
#include "mail/fail.h"

struct patterns;

/* An empty table; the caller frees it with patterns_free (NULL is nothing). Any number of threads may match at once. */
struct patterns *patterns_new(void);
/* Add the rows of a file, which file names in messages. -1: file, line, what was expected. */
int patterns_parse(struct span text, const char *file, struct patterns *patterns, struct fail *why);
void patterns_free(struct patterns *patterns);

#endif
