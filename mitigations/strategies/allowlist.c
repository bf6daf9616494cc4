/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

static bool suits(const struct strategy_input *in, const struct receiver *receiver, bool is_forced, const char **reason_r)
{
	(void)is_forced;
	if (receiver->allowlists_us)
		return true;
	*reason_r = arena_printf(in->arena, "%s is not known to accept this server's copies as they are", receiver->name);
	return false;
}

static int propose(const struct strategy_input *in, struct form *form_r, struct fail *why)
{
	return none_propose(in, "allowlist", form_r, why);
}

const struct strategy strategy_allowlist = {
	.name = "allowlist",
	.summary = "the list's normal copy, to receivers that have agreed to take it",
	.source = "RFC 7960 4.1.2; ASRG wiki: whitelist of known lists",
	.keeps_author_from = true,
	.in_auto = true,
	.proof = PROOF_VALID,
	.touches = TOUCH_REPAIR | TOUCH_SIGNATURES,
	.suits = suits,
	.propose = propose,
};
