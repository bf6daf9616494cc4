/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/compare/stored.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first half is a stored run, the second a post's lines now. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = { (const char *)data, size }, text = span_sub(all, 0, size / 2), now = span_sub(all, size / 2, size);
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct fail why = { .text = "" };
	struct stored *stored;

	if (stored_parse(text, "fuzz", &stored, &why) != 0) {
		assert(why.text[0] != '\0');
	} else {
		struct stored_difference *found;
		size_t count, at = 0;

		for (const char *name = stored_unseen(stored, &at); name != NULL; name = stored_unseen(stored, &at)) {
			stored_compare(stored, a, name, now, &found, &count);
			assert(count == 0 || found != NULL);
		}
		stored_free(stored);
	}
	arena_free(a);
	return 0;
}
