/* SPDX-License-Identifier: BSD-2-Clause */
/* A message in one run and in three slices: both readings agree. */
#include "mail/message.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	size_t cut = size > 0 ? data[0] * size / 256 : 0, cut2 = cut + (size - cut) / 2;
	char *text = (char *)(uintptr_t)data;
	struct iovec slices[3] = { { text, cut }, { text + cut, cut2 - cut }, { text + cut2, size - cut2 } };
	struct message one, three;
	struct message_scan scan;
	int result = message_parse(a, (struct span){ text, size }, &one, NULL);

	message_scan((struct span){ text, size }, &scan);
	assert(scan.fault == MESSAGE_OK || scan.fault_offset < size);
	assert(message_parse_slices(a, slices, 3, &three, NULL) == result);
	if (result == 0) {
		assert(one.field_count == three.field_count && one.body_offset == three.body_offset);
		assert(one.body_bytes == three.body_bytes && one.line_ends == three.line_ends);
		assert(span_eq(one.head, three.head) && one.has_junk_line == three.has_junk_line);
		for (size_t i = 0; i < one.field_count; i++)
			assert(span_eq(one.fields[i].value, three.fields[i].value) && one.fields[i].offset == three.fields[i].offset);
	}
	arena_free(a);
	return 0;
}
