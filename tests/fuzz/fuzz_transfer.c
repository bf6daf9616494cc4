/* SPDX-License-Identifier: BSD-2-Clause */
/* What is encoded comes back, but for line ends that quoted-printable makes one; and any bytes can be decoded. */
#include "mail/transfer.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { (const char *)data, size }, text, once;
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);

	transfer_base64_decode(a, in, false);
	transfer_qp_decode(a, in);
	text = transfer_base64_encode(a, in, "\r\n");
	assert(span_eq(transfer_base64_decode(a, text, true), in));
	assert(span_eq(transfer_base64_decode(a, transfer_base64_line(a, in), true), in));
	once = transfer_qp_decode(a, transfer_qp_encode(a, in, "\r\n"));
	assert(span_eq(transfer_qp_decode(a, transfer_qp_encode(a, once, "\r\n")), once));
	for (size_t i = 0, column = 0; i < text.len; i++) {
		column = text.ptr[i] == '\n' ? 0 : column + 1;
		assert(column <= 77);
	}
	arena_free(a);
	return 0;
}
