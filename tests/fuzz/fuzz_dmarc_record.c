/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/dmarc.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct dmarc_record record;
	bool usable = dmarc_record_parse(text, &record);

	/* What is used is a record, has a policy, and no tag twice. */
	assert(!usable || (dmarc_is_record(text) && record.p != DMARC_ABSENT && !record.has_duplicate));
	assert(record.p <= DMARC_P_REJECT && record.sp <= DMARC_P_REJECT && record.np <= DMARC_P_REJECT && record.pct <= 100);
	assert(record.psd == 'y' || record.psd == 'n' || record.psd == 'u');
	return 0;
}
