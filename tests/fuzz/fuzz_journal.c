/* SPDX-License-Identifier: BSD-2-Clause */
/* A segment of the journal as a disk may give it back: as it is, and behind a head that is right, where the input's first octets say how its blocks begin. */
#include "listd/spool/journal.h"
#include "listd/spool/spool_int.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONCE "00000000000000ff"

static int check_entry(void *context, const char *id, struct span file, struct fail *why)
{
	const struct span *segment = context;

	(void)why;
	assert(strlen(id) == SPOOL_ID_CHARS && spool_name_is_safe(id));
	assert(file.ptr >= segment->ptr && file.len <= segment->len && file.ptr + file.len <= segment->ptr + segment->len);
	return 0;
}

static void scan(struct span segment)
{
	journal_scan(segment, check_entry, &segment, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each octet is a block: an entry of that many times 100 octets, or what is between entries. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t blocks = size < 64 ? size : 64, bytes = (blocks + 1) * JOURNAL_BLOCK_BYTES;
	char *segment = calloc(1, bytes + 1);

	scan((struct span){ (const char *)data, size });
	assert(segment != NULL);
	snprintf(segment, JOURNAL_BLOCK_BYTES, "#listd-journal-1 " NONCE "\n");
	for (size_t i = 0; i < blocks; i++) {
		char *block = segment + (i + 1) * JOURNAL_BLOCK_BYTES;

		memcpy(block, data + i, size - i < JOURNAL_BLOCK_BYTES ? size - i : JOURNAL_BLOCK_BYTES);
		if (data[i] % 4 != 0)
			snprintf(block, JOURNAL_BLOCK_BYTES, "#listd-journal " NONCE " %08x 2222222222222222222%c %c\n", data[i] * 100u, data[i] / 2, ".x.x"[data[i] % 4]);
	}
	scan((struct span){ segment, bytes });
	free(segment);
	return 0;
}
