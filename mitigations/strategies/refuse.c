/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

/* No form and no look at the receiver: the poster is told before the post is taken. */
const struct strategy strategy_refuse = {
	.name = "refuse",
	.summary = "posts from domains with a strict policy are not accepted",
	.source = "RFC 7960 4.1.3.3; ASRG wiki: exclude domains",
	.keeps_author_from = true,
	.refuses = true,
	.proof = PROOF_VALID,
};
