/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

const struct strategy strategy_reseal = {
	.name = "reseal",
	.summary = "the list's normal copy with an ARC set on top, to receivers that honour our seals",
	.source = "RFC 8617; RFC 7960 4.2",
	.keeps_author_from = true,
	.in_auto = true,
};
