/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/patterns.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX_BYTES 2048 /* what PCRE2 does with longer patterns is its own affair */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const texts[] = { "550 5.1.1 <ann@example.net>... User unknown", "\xff\xfe \xe2\x82", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab" };
	struct patterns *patterns = patterns_new();
	struct fail why = { .text = "" };
	struct pattern_hit hit;

	if (size > FILE_MAX_BYTES)
		size = FILE_MAX_BYTES;
	if (patterns_parse((struct span){ (const char *)data, size }, "fuzz", patterns, &why) != 0)
		assert(why.text[0] != '\0');
	assert(patterns_count(patterns) <= PATTERNS_MAX);
	for (int section = 0; section < PATTERN_SECTIONS; section++)
		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
			if (patterns_find(patterns, (enum pattern_section)section, span_of(texts[i]), "mx.example.net", &hit))
				assert(hit.class < BOUNCE_CLASSES && hit.where != NULL);
	patterns_free(patterns);
	return 0;
}
