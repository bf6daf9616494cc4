/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

const struct strategy strategy_allowlist = {
	.name = "allowlist",
	.summary = "the list's normal copy, to receivers that have agreed to take it",
	.source = "RFC 7960 4.1.2; ASRG wiki: whitelist of known lists",
	.keeps_author_from = true,
	.in_auto = true,
};
