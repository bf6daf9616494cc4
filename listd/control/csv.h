/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of comma-separated values (RFC 4180), as spreadsheets and other list servers write them; also with semicolons or tabs. */
#ifndef LISTD_CONTROL_CSV_H
#define LISTD_CONTROL_CSV_H

#include "mail/arena.h"

/* A line with more is no table of members. */
#define CSV_FIELDS_MAX 64

/* The separator of a header line: the first of comma, semicolon and tab in it; comma when there is none. */
char csv_separator(const char *line);
/* Split a line; texts in a, quotes undone, blanks around them dropped. The number of fields, or -1: more than CSV_FIELDS_MAX, or a quote that is not closed. */
int csv_split(struct arena *a, const char *line, char separator, const char *fields_r[CSV_FIELDS_MAX]);

#endif
