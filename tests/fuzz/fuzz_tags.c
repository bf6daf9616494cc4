/* SPDX-License-Identifier: BSD-2-Clause */
/* Tag lists, signature fields of all kinds, key records, and a signature's canonical form. */
#include "mitigations/auth/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum signature_kind kinds[] = { SIGNATURE_DKIM, SIGNATURE_ARC_MESSAGE, SIGNATURE_ARC_SEAL };
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span text = { (const char *)data, size };
	struct signature signature;
	struct tags tags;
	const char *reason;
	struct buf out;

	if (tags_parse(text, &tags))
		pubkey_bytes(a, &tags);
	for (size_t i = 0; i < 3; i++)
		signature_parse(a, text, kinds[i], &signature, &reason);
	buf_init(&out, 2 * size + 64);
	canon_signature(&out, SPAN_LIT("X"), text, CANON_RELAXED);
	canon_signature(&out, SPAN_LIT("X"), text, CANON_SIMPLE);
	buf_done(&out);
	arena_free(a);
	return 0;
}
