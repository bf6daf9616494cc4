/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the tab-separated test data: lines that begin with # are comment; cells have C escapes. */
#ifndef TESTS_UNIT_TSV_H
#define TESTS_UNIT_TSV_H

#include "tests/unit/check.h"

#define TSV_CELLS_MAX 16

/* The next row's cells, missing ones empty; false at the end. */
static inline bool tsv_next(struct span *rest, struct span cells[TSV_CELLS_MAX])
{
	struct span line;

	while (span_next(rest, '\n', &line)) {
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		for (size_t i = 0; i < TSV_CELLS_MAX; i++)
			if (!span_next(&line, '\t', &cells[i]))
				cells[i] = (struct span){ NULL, 0 };
		return true;
	}
	return false;
}

static inline char tsv_escape(struct span s, size_t *i)
{
	static const char names[] = "rntb", values[] = "\r\n\t\b";
	const char *hit;
	char hex[3] = "";

	if (s.ptr[*i] == 'x' && s.len - *i > 2) {
		memcpy(hex, s.ptr + *i + 1, 2);
		*i += 2;
		return (char)strtoul(hex, NULL, 16);
	}
	hit = strchr(names, s.ptr[*i]);
	return hit == NULL ? s.ptr[*i] : values[hit - names];
}

/* A cell with its escapes (\r \n \t \" \\ \xHH) undone. */
static inline struct span tsv_text(struct arena *a, struct span cell)
{
	char *out = arena_alloc(a, cell.len + 1);
	size_t used = 0;

	for (size_t i = 0; i < cell.len; i++) {
		bool escape = cell.ptr[i] == '\\' && i + 1 < cell.len;

		i += escape;
		out[used++] = escape ? tsv_escape(cell, &i) : cell.ptr[i];
	}
	return (struct span){ out, used };
}

#endif
