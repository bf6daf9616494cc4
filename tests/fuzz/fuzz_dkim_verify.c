/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole message through DKIM verification, libopendkim included. */
#include "mitigations/auth/dkim.h"
#include "tests/fuzz/fuzz_zone_fixed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct clock clock = { .is_fixed = true, .fixed_secs = 1528637909 };
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct dkim_result result;
	struct message m;
	bool covered, oversigned;

	if (message_parse(a, (struct span){ (const char *)data, size }, &m, NULL) == 0) {
		dkim_evaluate(a, fixed_zone(), &clock, &m, &result);
		for (size_t i = 0; i < result.count; i++)
			dkim_covers(&result.signatures[i], &m, "From", &covered, &oversigned);
	}
	arena_free(a);
	return 0;
}
