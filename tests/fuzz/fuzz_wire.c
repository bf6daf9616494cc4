/* SPDX-License-Identifier: BSD-2-Clause */
/* Dot-stuffing over slices: undone it gives the input, and the end of data stands nowhere but at the end. */
#include "listd/delivery/wire.h"
#include "mail/buf.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static void undo(struct span wire, struct buf *out)
{
	for (size_t at = 0; at < wire.len;) {
		size_t end = span_find(span_sub(wire, at, wire.len), SPAN_LIT("\r\n")) + 2;
		struct span line = span_sub(wire, at, end);

		assert(line.len >= 2);
		at += line.len;
		if (span_eq(line, SPAN_LIT(".\r\n"))) {
			assert(at == wire.len);
			return;
		}
		buf_put(out, line.ptr[0] == '.' ? span_sub(line, 1, line.len) : line);
	}
	assert(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	size_t cut = size > 0 ? data[0] % size : 0;
	char *bytes = (char *)(uintptr_t)data;
	struct iovec slices[2] = { { bytes, cut }, { bytes + cut, size - cut } }, iov[4];
	struct rendering rendering = { slices, 2, size, 0 };
	struct wire_cursor cursor;
	struct buf out, back;
	struct wire wire;
	size_t count;

	wire_prepare(a, &rendering, false, &wire);
	if (wire.fault == NULL) {
		buf_init(&out, 8 * size + 100);
		buf_init(&back, 8 * size + 100);
		wire_start(&cursor, &wire);
		while ((count = wire_next(&cursor, iov, 4)) > 0)
			for (size_t i = 0; i < count; i++)
				buf_put(&out, (struct span){ iov[i].iov_base, iov[i].iov_len });
		undo(buf_span(&out), &back);
		assert(back.len >= size && back.len <= size + 2 && (size == 0 || memcmp(back.ptr, data, size) == 0));
		buf_done(&out);
		buf_done(&back);
	}
	arena_free(a);
	return 0;
}
