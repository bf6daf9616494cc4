/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole message through ARC validation, and one set sealed on top of whatever is there. */
#include "mitigations/auth/arc.h"
#include "tests/fuzz/fuzz_zone_fixed.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct clock clock = { .is_fixed = true, .fixed_secs = 1528637909 };
	static struct key key;
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct arc_seal_request request = { .key = &key, .authserv_id = "x.example", .results = SPAN_LIT("arc=none") };
	struct arc_result result;
	struct form form;
	struct message m;
	bool sealed;

	if (key.pkey == NULL && key_generate(KEY_ED25519, 0, "d", "s", &key, NULL) != 0)
		return 0;
	if (message_parse(a, (struct span){ (const char *)data, size }, &m, NULL) == 0) {
		arc_validate(a, fixed_zone(), &clock, &m, &result);
		assert(result.result != AUTH_PASS || result.sets != NULL);
		request.chain = result.result;
		form_init(&form, a, &m);
		arc_seal(&form, &clock, &request, &sealed, NULL);
	}
	arena_free(a);
	return 0;
}
