/* SPDX-License-Identifier: BSD-2-Clause */
/* Authentication-Results: a payload that was read can stand behind another id and reads the same. */
#include "mail/authres.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct span value = { (const char *)data, size };
	struct authres authres, again;
	char *text;

	if (authres_parse(a, value, &authres, NULL) == 0) {
		text = arena_printf(a, "x.test; %s", arena_text(a, authres.payload));
		if (authres_parse(a, span_of(text), &again, NULL) != 0 || again.count != authres.count)
			abort();
	}
	authres_claims(a, value, "mx.example.org");
	text = arena_printf(a, "x.test; a=b c.d=%s", arena_text(a, authres_quote(a, span_of(arena_text(a, value)))));
	if (authres_parse(a, span_of(text), &again, NULL) != 0 || again.count != 1)
		abort();
	arena_free(a);
	return 0;
}
