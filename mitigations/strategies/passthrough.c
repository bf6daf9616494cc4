/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

const struct strategy strategy_passthrough = {
	.name = "passthrough",
	.summary = "the post as it came, with only such fields added as break no signature of its author",
	.source = "RFC 7960 4.1.3.2; RFC 6377 5.1; ASRG wiki: turn off all modifications",
	.keeps_author_from = true,
	.in_auto = true,
};
