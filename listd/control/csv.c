/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/csv.h"

#include <string.h>

char csv_separator(const char *line)
{
	size_t len = strcspn(line, ",;\t");

	return line[len] == '\0' ? ',' : line[len];
}

/* A quoted field; *at stands behind the opening quote. NULL when it is not closed. */
static const char *take_quoted(struct arena *a, const char **at)
{
	char *field = arena_alloc(a, strlen(*at) + 1);
	size_t len = 0;

	for (const char *p = *at; *p != '\0'; p++) {
		if (*p == '"' && p[1] != '"') {
			*at = p + 1;
			return field;
		}
		p += *p == '"';
		field[len++] = *p;
	}
	return NULL;
}

int csv_split(struct arena *a, const char *line, char separator, const char *fields_r[CSV_FIELDS_MAX])
{
	const char ends[] = { separator, '\0' }, *at = line;

	for (int count = 0; count < CSV_FIELDS_MAX; at++) {
		size_t len;

		at += strspn(at, " ");
		if (*at == '"') {
			at++;
			fields_r[count] = take_quoted(a, &at);
			at += strspn(at, " ");
			if (fields_r[count] == NULL || (*at != separator && *at != '\0'))
				return -1;
		} else {
			len = strcspn(at, ends);
			fields_r[count] = arena_text(a, span_trim((struct span){ at, len }));
			at += len;
		}
		count++;
		if (*at == '\0')
			return count;
	}
	return -1;
}
