/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

const struct strategy strategy_none = {
	.name = "none",
	.summary = "the list's normal copy, under the author's name",
	.source = "\"do nothing\"",
	.keeps_author_from = true,
	.in_auto = true,
};
