/* SPDX-License-Identifier: BSD-2-Clause */
/* A member's row of any octets: within bounds, and what is read is written as a row that reads the same. */
#include "listd/store/store_int.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span key = { "\0\0\0\1ann@example.com", 20 };
	struct member member, back;
	struct fail why;
	struct buf row;

	if (!store_member_decode(key, (struct span){ (const char *)data, size }, &member))
		return 0;
	buf_init(&row, STORE_ROW_MAX_BYTES);
	if (store_member_encode(&member, &row, &why) == 0) {
		assert(store_member_decode(key, buf_span(&row), &back));
		assert(strcmp(member.address, back.address) == 0 && strcmp(member.name, back.name) == 0 && strcmp(member.reason, back.reason) == 0);
		assert(member.delivery == back.delivery && member.flags == back.flags && member.joined_secs == back.joined_secs);
	}
	buf_done(&row);
	return 0;
}
