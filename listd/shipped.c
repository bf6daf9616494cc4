/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/shipped.h"

#include "listd/listd.h"
#include "mail/file.h"

#include <string.h>
#include <unistd.h>

static const struct { const char *path, *text; } rows[] = {
	{ LISTD_RECEIVERS, shipped_receivers }, { LISTD_PATTERNS, shipped_patterns }, { LISTD_MODELS, shipped_models },
};

int shipped_read(struct arena *a, const char *path, size_t max_bytes, struct span *text_r, struct fail *why)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(path, rows[i].path) == 0 && access(path, F_OK) != 0) {
			*text_r = span_of(rows[i].text);
			return 0;
		}
	return file_read(a, path, max_bytes, text_r, why);
}
