/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/rules.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is a From value, the rest are rules. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct receiver receiver = { .name = "google" };
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span text = { size == 0 ? NULL : (const char *)data, size }, from = { NULL, 0 };
	struct address_list authors;
	struct fail why = { .text = "" };
	const struct rule *rule;
	struct rules rules;

	span_next(&text, '\n', &from);
	address_list_parse(a, from, &authors);
	if (rules_parse(a, text, &rules, &why) == 0) {
		rule = rules_match(&rules, &authors, &receiver, "example.com");
		assert(rule == NULL || (rule >= rules.items && rule < rules.items + rules.count));
	} else {
		assert(why.text[0] != '\0');
	}
	arena_free(a);
	return 0;
}
