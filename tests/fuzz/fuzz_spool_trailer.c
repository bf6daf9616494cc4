/* SPDX-License-Identifier: BSD-2-Clause */
/* A spooled file as a disk may give it back. The checksum would keep most inputs out, so it is also made to fit: message and envelope from the input, then
 * a footer that is right. */
#include "listd/spool/spool_int.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static void parse(struct arena *a, struct span file)
{
	struct envelope envelope;
	struct span message;

	if (spool_trailer_parse(a, file, &envelope, &message, NULL) == 0)
		assert(message.len <= file.len && envelope.rcpt_count >= 1 && envelope.rcpts[0] != NULL && envelope.mail_from != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span input = { (const char *)data, size };
	struct spool_sum sum;
	struct buf file;

	parse(a, input);
	buf_init(&file, 1 << 20);
	buf_put_text(&file, "hello");
	buf_put(&file, input);
	spool_sum_init(&sum);
	spool_sum_add(&sum, buf_span(&file));
	spool_trailer_footer(5, size, spool_sum_end(&sum), &file);
	parse(a, buf_span(&file));
	buf_done(&file);
	arena_free(a);
	return 0;
}
