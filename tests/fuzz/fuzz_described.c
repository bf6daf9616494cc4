/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/message.h"
#include "mitigations/compare/described.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What can be read can be made, or it is said why not; what is made is a message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct described *posts;
	struct fail why = { .text = "" };
	size_t count = 0;

	if (described_parse(a, (struct span){ (const char *)data, size }, "fuzz", &posts, &count, &why) != 0)
		assert(why.text[0] != '\0');
	for (size_t i = 0; i < count && i < 4; i++) {
		struct described_post made;
		struct message m;

		why.text[0] = '\0';
		if (described_make(a, &posts[i], &made, &why) != 0) {
			assert(why.text[0] != '\0');
			continue;
		}
		assert(message_parse(a, made.bytes, &m, &why) == 0 || why.text[0] != '\0');
		resolver_free(made.dns);
	}
	arena_free(a);
	return 0;
}
