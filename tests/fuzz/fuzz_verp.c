/* SPDX-License-Identifier: BSD-2-Clause */
/* The local part of a bounce: what is read and valid must be what would be written; and any recipient that is written reads back. */
#include "listd/delivery/verp.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct secret secret = { { 1 } };
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span input = { (const char *)data, size };
	char sender[400];
	struct verp v;

	if (verp_read(a, &secret, "birds", input, &v) && v.valid)
		assert(strlen(v.post_id) == 20 && (v.kind == VERP_POST || strchr(v.recipient, '@') != NULL));
	if (size < 300 && memchr(data, '\0', size) == NULL
		&& verp_write(&secret, VERP_RECIPIENT, "birds", "lists.example.org", "abcdefgh234567abcdef", arena_text(a, input), sender, sizeof(sender))) {
		const char *suffix = sender + strlen("birds-bounces+");
		bool read = verp_read(a, &secret, "birds", (struct span){ suffix, (size_t)(strrchr(sender, '@') - suffix) }, &v);

		/* an address with control characters is written, but taken by nobody */
		assert(!read || (v.valid && span_eq_text(input, v.recipient)));
	}
	arena_free(a);
	return 0;
}
