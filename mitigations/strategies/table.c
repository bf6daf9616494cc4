/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

/* From least to most invasive: the order of auto, and of the page docs/strategies.md. */
const struct strategy *const strategies[] = {
	&strategy_none,
	&strategy_allowlist,
	&strategy_reseal,
	&strategy_passthrough,
	&strategy_rewrite,
	&strategy_wrap,
	&strategy_refuse,
};
const size_t strategy_count = sizeof strategies / sizeof strategies[0];

const struct strategy *strategy_find(struct span name)
{
	for (size_t i = 0; i < strategy_count; i++)
		if (span_eq_text_nocase(name, strategies[i]->name))
			return strategies[i];
	return NULL;
}
