/* SPDX-License-Identifier: BSD-2-Clause */
/* What a relay may say: replies taken one after the other stay inside the input, and their text is one printable line. */
#include "listd/delivery/smtp.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size };
	struct smtp_reply reply;
	struct fail why;
	size_t used = 0;

	while (smtp_reply_take(rest, &reply, &used, &why) == 1) {
		char text[200], enhanced[12];
		uint64_t limit;

		assert(used > 0 && used <= rest.len && reply.code >= 200 && reply.code < 600);
		smtp_reply_text(&reply, text, sizeof(text));
		assert(strlen(text) < sizeof(text));
		for (const char *p = text; *p != '\0'; p++)
			assert(*p >= 0x20 && *p < 0x7f);
		smtp_reply_enhanced(&reply, enhanced);
		assert(strlen(enhanced) < sizeof(enhanced));
		smtp_features_parse(&reply, &limit);
		rest = span_sub(rest, used, rest.len);
	}
	return 0;
}
