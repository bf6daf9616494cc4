/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

/* Can the copy pass in its author's name: by a signature of the author's that these edits leave whole, or because list and author are one
 * organization, whose signature is ours? The proof has the last word; this spares making forms that cannot hold. */
static bool may_hold(const struct strategy_input *in)
{
	struct dkim_signature ours = { .domain = in->list->domain };
	size_t count;
	const struct dkim_signature **aligned = survive_aligned(in, &count);

	for (size_t i = 0; i < count; i++)
		if (survive_form(in->shaped, aligned[i]))
			return true;
	return survive_is_aligned(in, &ours);
}

static bool suits(const struct strategy_input *in, const struct receiver *receiver, bool is_forced, const char **reason_r)
{
	if (!receiver->enforces || (!is_forced && !dmarc_is_strict(in->facts->policy)) || may_hold(in))
		return true;
	*reason_r = arena_printf(in->arena, "the author's domain asks for %s, and no signature of it outlives the list's changes",
		in->facts->contested ? "a strict policy in one of several records" : is_forced ? "reject (by rule)" : dmarc_policy_name(in->facts->policy));
	return false;
}

int none_propose(const struct strategy_input *in, const char *by, struct form *form_r, struct fail *why)
{
	form_copy(form_r, in->shaped);
	if (repair_form(in, form_r, by, why) != 0)
		return -1;
	survive_settle(in, form_r, by);
	return 0;
}

static int propose(const struct strategy_input *in, struct form *form_r, struct fail *why)
{
	return none_propose(in, "none", form_r, why);
}

const struct strategy strategy_none = {
	.name = "none",
	.summary = "the list's normal copy, under the author's name",
	.source = "\"do nothing\"; RFC 9989 7.4 for domains without a strict policy",
	.keeps_author_from = true,
	.in_auto = true,
	.proof = PROOF_STRICT,
	.touches = TOUCH_REPAIR | TOUCH_SIGNATURES,
	.suits = suits,
	.propose = propose,
};
