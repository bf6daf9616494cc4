/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/receivers.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct resolver *zone;
	struct receivers *receivers = receivers_new();
	struct clock clock = { .is_fixed = true };
	struct fail why = { .text = "" };

	if (zone == NULL)
		zone = resolver_zone_new();
	if (receivers_parse((struct span){ (const char *)data, size }, "fuzz", receivers, &why) != 0)
		assert(why.text[0] != '\0');
	/* Whatever was read: every row has a name by which it is found, and the default is the last. */
	for (size_t i = 0; i < receivers_count(receivers); i++)
		assert(receivers_by_name(receivers, receivers_at(receivers, i)->name) == receivers_at(receivers, i));
	assert(strcmp(receivers_at(receivers, receivers_count(receivers) - 1)->name, "unknown") == 0);
	assert(receivers_find(receivers, zone, &clock, "gmail.com") != NULL);
	receivers_free(receivers);
	return 0;
}
