/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/receiving.h"

#include "mail/glob.h"
#include "mail/header.h"
#include "mail/network.h"

#include <string.h>

static const char *const reading_names[RECEIVING_READINGS] = {
	[RECEIVING_RFC9989] = "9989", [RECEIVING_RFC7489] = "7489", [RECEIVING_STRICTER] = "stricter", [RECEIVING_NONE] = "none",
};

static const char *const action_names[RECEIVING_ACTIONS] = {
	[RECEIVING_ACCEPT] = "accept", [RECEIVING_MARK] = "mark", [RECEIVING_JUNK] = "junk", [RECEIVING_REFUSE] = "refuse",
};

static bool name_find(const char *const *names, unsigned count, struct span name, unsigned *found_r)
{
	for (unsigned i = 0; i < count; i++)
		if (span_eq_text(name, names[i])) {
			*found_r = i;
			return true;
		}
	return false;
}

const char *receiving_reading_name(enum receiving_reading reading)
{
	return reading_names[reading];
}

bool receiving_reading_find(struct span name, enum receiving_reading *reading_r)
{
	unsigned found;

	if (!name_find(reading_names, RECEIVING_READINGS, name, &found))
		return false;
	*reading_r = (enum receiving_reading)found;
	return true;
}

const char *receiving_action_name(enum receiving_action action)
{
	return action_names[action];
}

bool receiving_action_find(struct span name, enum receiving_action *action_r)
{
	unsigned found;

	if (!name_find(action_names, RECEIVING_ACTIONS, name, &found))
		return false;
	*action_r = (enum receiving_action)found;
	return true;
}

struct deciding {
	struct arena *arena;
	const struct receiving_policy *policy;
	const struct message *message;
	const struct facts *facts;
	unsigned sample;
};

/* What one author domain comes to. */
struct outcome {
	enum dmarc_policy policy;
	bool asks, passes, temporary;
	const char *lowered_by; /* RFC 9990 reason for a policy that is not applied in full, or NULL */
	enum receiving_action action;
};

static enum dmarc_policy one_level_below(enum dmarc_policy policy)
{
	return policy == DMARC_P_REJECT ? DMARC_P_QUARANTINE : policy == DMARC_P_QUARANTINE ? DMARC_P_NONE : policy;
}

static unsigned pct_of(const struct dmarc_reading *reading)
{
	struct dmarc_record record;

	if (reading->record == NULL)
		return 100;
	dmarc_record_parse(span_of(reading->record), &record);
	return record.pct;
}

/* One reading's policy as this site applies it. */
static enum dmarc_policy applied(const struct deciding *d, const struct dmarc_reading *reading, const char **lowered_by)
{
	enum dmarc_policy policy = reading->policy;

	if (policy != DMARC_P_REJECT && policy != DMARC_P_QUARANTINE)
		return policy;
	if (d->policy->obeys_t && reading->testing) {
		*lowered_by = "policy_test_mode";
		policy = one_level_below(policy);
	}
	if (d->policy->obeys_pct && d->sample >= pct_of(reading)) {
		*lowered_by = "sampled_out";
		policy = one_level_below(policy);
	}
	return policy;
}

static struct outcome judge_by_one(const struct deciding *d, const struct dmarc_reading *reading)
{
	struct outcome outcome = { .asks = reading->policy != DMARC_ABSENT, .passes = reading->result == AUTH_PASS, .temporary = reading->result == AUTH_TEMPERROR };

	outcome.policy = applied(d, reading, &outcome.lowered_by);
	return outcome;
}

/* The reading that asks for more and is not met stands for both. A record that is void in both for a tag that stands twice is used by some receivers all the same. */
static struct outcome judge_by_both(const struct deciding *d, const struct dmarc_verdict *author)
{
	struct outcome walk = judge_by_one(d, &author->rfc9989), psl = judge_by_one(d, &author->rfc7489), outcome;
	bool walk_is_met = walk.passes || !walk.asks, psl_is_met = psl.passes || !psl.asks;

	if (!walk.asks && !psl.asks && author->effective != DMARC_ABSENT)
		return (struct outcome){ .policy = author->effective, .asks = true, .passes = author->pass };
	if (walk_is_met != psl_is_met)
		outcome = walk_is_met ? psl : walk;
	else
		outcome = dmarc_stricter(walk.policy, psl.policy) == walk.policy ? walk : psl;
	outcome.asks = walk.asks || psl.asks;
	outcome.passes = outcome.asks && walk_is_met && psl_is_met;
	return outcome;
}

static enum receiving_action action_for(const struct receiving_policy *policy, const struct outcome *outcome)
{
	if (!outcome->asks || outcome->passes || outcome->policy == DMARC_P_NONE || outcome->policy == DMARC_ABSENT)
		return RECEIVING_ACCEPT;
	if (outcome->temporary)
		return policy->on_temporary;
	return outcome->policy == DMARC_P_QUARANTINE ? policy->on_quarantine : policy->on_reject;
}

static struct outcome judge(const struct deciding *d, const struct dmarc_verdict *author)
{
	struct outcome outcome;

	if (author->seen == NULL)
		outcome = (struct outcome){ .policy = DMARC_UNKNOWN, .asks = true };
	else if (d->policy->reading == RECEIVING_STRICTER)
		outcome = judge_by_both(d, author);
	else
		outcome = judge_by_one(d, d->policy->reading == RECEIVING_RFC9989 ? &author->rfc9989 : &author->rfc7489);
	outcome.action = action_for(d->policy, &outcome);
	return outcome;
}

/* Is one outcome harder for the message than another? For good is harder than for now, a failure without consequences harder than a pass. */
static bool is_harder(const struct outcome *one, const struct outcome *other)
{
	if (one->action != other->action)
		return one->action > other->action;
	if (one->temporary != other->temporary)
		return other->temporary;
	if ((one->asks && !one->passes) != (other->asks && !other->passes))
		return one->asks && !one->passes;
	return one->asks && !other->asks;
}

/* The text between the last "<" and ">" (RFC 2919 2), of a field that stands there once. */
static bool list_id_matches(const struct deciding *d, const char *glob)
{
	const struct field *field = message_field(d->message, "List-Id");
	struct span value;
	size_t open;

	if (field == NULL || message_field_count(d->message, "List-Id") != 1)
		return false;
	value = header_without_comments(d->arena, field->value);
	open = span_find_byte(value, '<');
	if (open == value.len || value.ptr[value.len - 1] != '>' || span_find_byte(span_sub(value, open + 1, value.len), '<') < value.len - open - 1)
		return false;
	return glob_match(span_of(glob), span_sub(value, open + 1, value.len - open - 2));
}

static bool covers(const struct dkim_signature *signature, const char *name)
{
	struct span rest = signature->signed_fields, part;

	while (span_next(&rest, ':', &part))
		if (span_eq_text_nocase(span_trim(part), name))
			return true;
	return false;
}

static bool is_signed_by(const struct facts *facts, const struct receiving_known *known)
{
	for (size_t i = 0; i < facts->dkim.count; i++) {
		const struct dkim_signature *signature = &facts->dkim.signatures[i];

		if (signature->result == AUTH_PASS && signature->gap == NULL && span_eq_text_nocase(span_of(known->dkim_domain), signature->domain)
			&& (known->list_id == NULL || covers(signature, "List-Id")))
			return true;
	}
	return false;
}

static bool is_known(const struct deciding *d, const struct receiving_known *known)
{
	const char *const networks[] = { known->network, NULL };

	if (known->dkim_domain == NULL && known->network == NULL)
		return false;
	return (known->network == NULL || network_has(networks, d->facts->session.client_ip)) && (known->dkim_domain == NULL || is_signed_by(d->facts, known))
		&& (known->list_id == NULL || list_id_matches(d, known->list_id));
}

static void let_pass(struct receiving_verdict *verdict, const char *reason, const char *by)
{
	verdict->action = RECEIVING_ACCEPT;
	verdict->temporary = false;
	verdict->override_reason = reason;
	verdict->override_by = by;
}

/* What the policy says is not all that a site knows: lists and forwarders that it takes mail from. */
static void find_exception(const struct deciding *d, struct receiving_verdict *verdict)
{
	for (size_t i = 0; i < d->policy->known_count; i++)
		if (is_known(d, &d->policy->known[i])) {
			let_pass(verdict, "mailing_list", d->policy->known[i].name);
			verdict->reason = arena_printf(d->arena, "%s, but it comes from a list server that is known as %s", verdict->reason, d->policy->known[i].name);
			return;
		}
	if (d->policy->trusted_sealers != NULL && d->facts->arc_trusted_sealer != NULL && d->facts->arc_says_pass) {
		let_pass(verdict, "trusted_forwarder", d->facts->arc_trusted_sealer);
		verdict->reason = arena_printf(d->arena, "%s, but %s, whose ARC seals are trusted, saw it pass", verdict->reason, d->facts->arc_trusted_sealer);
	}
}

static const char *describe(const struct deciding *d, const struct outcome *outcome, const char *domain)
{
	if (outcome->policy == DMARC_UNKNOWN && !outcome->temporary && !outcome->passes)
		return arena_printf(d->arena, "%s is no domain that could be asked for its policy", domain);
	if (!outcome->asks)
		return arena_printf(d->arena, "%s asks for nothing", domain);
	if (outcome->passes)
		return arena_printf(d->arena, "passes DMARC for %s", domain);
	if (outcome->temporary)
		return arena_printf(d->arena, "DNS could not tell whether it passes DMARC for %s (policy %s)", domain, dmarc_policy_name(outcome->policy));
	return arena_printf(d->arena, "fails DMARC for %s (policy %s%s%s)", domain, dmarc_policy_name(outcome->policy), outcome->lowered_by == NULL ? "" : " after ",
		outcome->lowered_by == NULL ? "" : outcome->lowered_by);
}

static void conclude(const struct deciding *d, const struct outcome *worst, const char *domain, bool all_pass, struct receiving_verdict *verdict)
{
	bool fails = worst->asks && !worst->passes;

	*verdict = (struct receiving_verdict){ .action = worst->action, .temporary = worst->temporary && worst->action == RECEIVING_REFUSE, .policy = worst->policy,
		.dmarc_pass = all_pass, .author_domain = domain, .override_reason = fails ? worst->lowered_by : NULL, .reason = describe(d, worst, domain) };
	if (verdict->action > RECEIVING_ACCEPT)
		find_exception(d, verdict);
}

static void decide_unjudgeable(const struct deciding *d, const char *reason, struct receiving_verdict *verdict)
{
	*verdict = (struct receiving_verdict){ .action = d->policy->on_reject, .policy = DMARC_UNKNOWN, .reason = reason };
	if (verdict->action > RECEIVING_ACCEPT)
		find_exception(d, verdict);
}

void receiving_decide(struct arena *a, const struct receiving_policy *policy, const struct message *message, const struct facts *facts, unsigned sample,
	struct receiving_verdict *verdict_r)
{
	const struct deciding d = { .arena = a, .policy = policy, .message = message, .facts = facts, .sample = sample };
	struct outcome worst = { .action = RECEIVING_ACCEPT };
	const char *domain = NULL;
	bool all_met = true, any_asks = false;

	if (policy->reading == RECEIVING_NONE) {
		*verdict_r = (struct receiving_verdict){ .action = RECEIVING_ACCEPT, .reason = "DMARC is not looked at" };
		return;
	}
	if (facts->author_count == 0) {
		decide_unjudgeable(&d, "there is no author domain", verdict_r);
		return;
	}
	if (facts->from.too_many || (facts->from.damaged && facts->author_count == FACTS_AUTHORS_MAX)) {
		decide_unjudgeable(&d, "there are more author domains than are looked at", verdict_r);
		return;
	}
	for (size_t i = 0; i < facts->author_count; i++) {
		struct outcome outcome = judge(&d, &facts->authors[i]);

		any_asks |= outcome.asks;
		all_met &= outcome.passes || !outcome.asks;
		if (domain == NULL || is_harder(&outcome, &worst)) {
			worst = outcome;
			domain = facts->authors[i].author_domain;
		}
	}
	conclude(&d, &worst, domain, any_asks && all_met, verdict_r);
}
