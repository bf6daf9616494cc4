/* SPDX-License-Identifier: BSD-2-Clause */
/* The structure of any bytes: parts lie within the message and in order. */
#include "mail/mime.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	size_t count = 0, before = 0;
	struct message m;
	struct mime mime;

	if (message_parse(a, (struct span){ (const char *)data, size }, &m, NULL) == 0 && mime_parse(a, &m, &mime, NULL) == 0) {
		for (struct mime_part *part = mime.root; part != NULL; part = mime_next(part)) {
			assert(part->number == count++);
			assert(part->header_offset >= before && part->header_offset <= part->body_offset);
			assert(part->body_offset + part->body_bytes <= size);
			before = part->header_offset;
		}
		assert(count == mime.part_count && count <= MIME_PARTS_MAX);
	}
	arena_free(a);
	return 0;
}
