/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

/* What goes under the seal is what we found. Who trusts it looks for a pass there: a login with us, or a forwarder's word, is none. */
static bool tells_a_pass(const struct facts *facts)
{
	for (size_t i = 0; i < facts->author_count; i++)
		if (dmarc_is_strict(facts->authors[i].effective) && !facts->authors[i].pass)
			return false;
	return true;
}

static bool suits(const struct strategy_input *in, const struct receiver *receiver, bool is_forced, const char **reason_r)
{
	(void)is_forced;
	if (!receiver->trusts_arc)
		*reason_r = arena_printf(in->arena, "%s is not known to honour our ARC seals", receiver->name);
	else if (in->facts->arc.result == AUTH_FAIL)
		*reason_r = "the ARC chain was broken on arrival, and cannot be mended by a seal";
	else if (!tells_a_pass(in->facts))
		*reason_r = "what a seal could tell of the post's arrival is no DMARC pass";
	return receiver->trusts_arc && in->facts->arc.result != AUTH_FAIL && tells_a_pass(in->facts);
}

static int propose(const struct strategy_input *in, struct form *form_r, struct fail *why)
{
	return none_propose(in, "reseal", form_r, why);
}

/* RFC 8617 5.1: after all changes and after the DKIM signature, what we found on arrival is put under seal. */
static int finish(const struct strategy_input *in, struct form *form, struct fail *why)
{
	struct arc_seal_request request = {
		.key = keyring_find(in->keyring, in->list->domain, KEY_RSA),
		.authserv_id = in->list->authserv_id,
		.results = facts_authres(in->arena, in->facts),
		.chain = in->facts->arc.result,
		.chain_is_ended = in->facts->arc.result == AUTH_FAIL,
	};
	bool sealed = false;

	if (request.key == NULL)
		return fail_permanent(why, "there is no key to seal with for %s: make one with \"listctl key\"", in->list->domain);
	if (arc_seal(form, in->clock, &request, &sealed, why) != 0)
		return -1;
	if (!sealed)
		return fail_permanent(why, "no ARC set may be added: the chain has ended, or has %d sets already", ARC_INSTANCES_MAX);
	return 0;
}

const struct strategy strategy_reseal = {
	.name = "reseal",
	.summary = "the list's normal copy with an ARC set on top, to receivers that honour our seals",
	.source = "RFC 8617; RFC 7960 4.2",
	.keeps_author_from = true,
	.in_auto = true,
	.proof = PROOF_SEAL,
	.touches = TOUCH_REPAIR | TOUCH_SIGNATURES | TOUCH_SEAL,
	.suits = suits,
	.propose = propose,
	.finish = finish,
};
