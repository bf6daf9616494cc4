/* SPDX-License-Identifier: BSD-2-Clause */
/* Identifier alignment and the result (RFC 9989 4.4, 5.3; RFC 7489 3.1, 6.6.2). */
#include "mitigations/auth/dkim.h"
#include "mitigations/auth/dmarc_int.h"
#include "mail/idna.h"

#include <string.h>

enum aligned { ALIGNED_NO, ALIGNED_UNKNOWN, ALIGNED_YES };

struct judgement {
	struct dmarc_verdict *verdict;
	const struct dmarc_reading *reading;
	/* How a domain relates to the author's, by this reading, when names differ and the mode is relaxed. */
	enum aligned (*relaxed)(struct dmarc_verdict *verdict, const char *domain);
};

static bool same_last_label(const char *one, const char *other)
{
	const char *dot = strrchr(one, '.');

	return dmarc_is_below(other, dot == NULL ? one : dot + 1);
}

/* The Organizational Domain of a name is the name or above it, so one that is not below the author's cannot share it: no question is
 * asked for a stranger's domain. */
static enum aligned relaxed_by_walk(struct dmarc_verdict *verdict, const char *domain)
{
	const char *org = verdict->rfc9989.org_domain;
	struct dmarc_walk walk;

	if (org == NULL)
		return same_last_label(domain, verdict->author_domain) ? ALIGNED_UNKNOWN : ALIGNED_NO;
	if (!dmarc_is_below(domain, org))
		return ALIGNED_NO;
	dmarc_walk(verdict->seen, domain, DMARC_LITERAL, &walk);
	if (walk.failed)
		return ALIGNED_UNKNOWN;
	return strcmp(walk.org_domain, org) == 0 ? ALIGNED_YES : ALIGNED_NO;
}

static enum aligned relaxed_by_psl(struct dmarc_verdict *verdict, const char *domain)
{
	const char *org = verdict->rfc7489.org_domain;

	if (!dmarc_is_below(domain, org))
		return ALIGNED_NO;
	return strcmp(dmarc_psl_org_domain_by(verdict->seen->scratch, verdict->seen->psl, domain), org) == 0 ? ALIGNED_YES : ALIGNED_NO;
}

static enum aligned align(const struct judgement *j, const char *domain, bool is_strict)
{
	const char *name = domain == NULL ? NULL : idna_to_ascii(j->verdict->seen->scratch, span_of(domain));
	enum aligned aligned;

	if (name == NULL)
		return ALIGNED_NO;
	if (strcmp(name, j->verdict->author_domain) == 0)
		return ALIGNED_YES;
	if (is_strict)
		return ALIGNED_NO;
	aligned = j->relaxed(j->verdict, name);
	/* Without the policy the mode is not known either. */
	return j->reading->policy == DMARC_UNKNOWN && aligned == ALIGNED_YES ? ALIGNED_UNKNOWN : aligned;
}

/* The best alignment among evidence of one result; the first that is aligned ends the search. */
static enum aligned best(const struct judgement *j, const struct dmarc_evidence *evidence, size_t count, enum auth_result result, bool is_strict)
{
	enum aligned best_so_far = ALIGNED_NO;

	for (size_t i = 0; i < count && best_so_far != ALIGNED_YES; i++) {
		enum aligned aligned = evidence[i].result == result ? align(j, evidence[i].domain, is_strict) : ALIGNED_NO;

		if (aligned > best_so_far)
			best_so_far = aligned;
	}
	return best_so_far;
}

static void judge(const struct judgement *j, struct dmarc_reading *reading, const struct dmarc_evidence *spf, const struct dmarc_evidence *dkim, size_t dkim_count)
{
	size_t spf_count = spf == NULL ? 0 : 1;
	enum aligned by_spf = best(j, spf, spf_count, AUTH_PASS, reading->strict_spf);
	enum aligned by_dkim = best(j, dkim, dkim_count, AUTH_PASS, reading->strict_dkim);

	reading->spf_aligned = by_spf == ALIGNED_YES;
	reading->dkim_aligned = by_dkim == ALIGNED_YES;
	if (reading->policy == DMARC_UNKNOWN)
		reading->result = AUTH_TEMPERROR;
	else if (reading->spf_aligned || reading->dkim_aligned)
		reading->result = AUTH_PASS;
	else if (by_spf == ALIGNED_UNKNOWN || by_dkim == ALIGNED_UNKNOWN)
		reading->result = AUTH_TEMPERROR;
	else if (best(j, spf, spf_count, AUTH_TEMPERROR, reading->strict_spf) != ALIGNED_NO
		|| best(j, dkim, dkim_count, AUTH_TEMPERROR, reading->strict_dkim) != ALIGNED_NO)
		reading->result = AUTH_TEMPERROR; /* what failed for now could have passed */
	else
		reading->result = AUTH_FAIL;
}

/* Does a reading that asks for something have what it asks for? An unknown policy is met by the author's very own name. */
static bool is_met(const struct dmarc_reading *reading)
{
	return reading->policy == DMARC_ABSENT || reading->spf_aligned || reading->dkim_aligned;
}

void dmarc_evaluate(struct arena *a, struct resolver *dns, struct dmarc_verdict *verdict, const struct dmarc_evidence *spf, const struct dmarc_evidence *dkim, size_t dkim_count)
{
	const struct judgement judgements[2] = {
		{ verdict, &verdict->rfc9989, relaxed_by_walk }, { verdict, &verdict->rfc7489, relaxed_by_psl },
	};
	struct dmarc_reading *readings[2] = { &verdict->rfc9989, &verdict->rfc7489 };
	/* Both void but for a reader that takes a record with a tag twice: then the evidence has to be there whichever way it is read. */
	bool only_lenient = readings[0]->policy == DMARC_ABSENT && readings[1]->policy == DMARC_ABSENT && verdict->effective != DMARC_ABSENT;

	verdict->pass = verdict->effective != DMARC_ABSENT && verdict->seen != NULL;
	if (verdict->seen == NULL) {
		readings[0]->result = readings[1]->result = AUTH_PERMERROR;
		return;
	}
	verdict->seen->scratch = a;
	verdict->seen->dns = dns;
	if (dkim_count > DKIM_SIGNATURES_MAX)
		dkim_count = DKIM_SIGNATURES_MAX;
	for (size_t i = 0; i < 2; i++) {
		readings[i]->result = AUTH_NONE;
		if (readings[i]->policy != DMARC_ABSENT || only_lenient)
			judge(&judgements[i], readings[i], spf, dkim, dkim_count);
		if (only_lenient)
			readings[i]->result = AUTH_NONE;
		verdict->pass &= only_lenient ? readings[i]->spf_aligned || readings[i]->dkim_aligned : is_met(readings[i]);
	}
	verdict->dns_trouble |= verdict->seen->trouble;
}

bool dmarc_is_aligned(struct dmarc_verdict *verdict, const char *domain)
{
	const struct judgement by_walk = { verdict, &verdict->rfc9989, relaxed_by_walk }, by_psl = { verdict, &verdict->rfc7489, relaxed_by_psl };

	return verdict->seen != NULL && align(&by_walk, domain, false) == ALIGNED_YES && align(&by_psl, domain, false) == ALIGNED_YES;
}
