/* SPDX-License-Identifier: BSD-2-Clause */
/* Authors in our own name. What a list sends carries its signature, and SPF passes for its envelope: under a From that is aligned with either it passes
 * DMARC whoever wrote it. Elsewhere a lenient policy leaves the judgement to receivers; here we would pass it ourselves. */
#include "mitigations/auth/facts_int.h"

#include <string.h>

struct guarding {
	struct arena *arena;
	struct resolver *dns;
	const struct facts *facts;
};

/* Would a copy under this author's name pass by the domain, by either reading? */
static bool lends_pass(const struct guarding *g, const struct dmarc_verdict *author, const char *domain)
{
	struct dmarc_evidence evidence = { domain, AUTH_PASS };
	struct dmarc_verdict verdict = *author;

	if (strcmp(domain, author->author_domain) == 0)
		return true;
	if (author->effective == DMARC_ABSENT)
		return false;
	dmarc_evaluate(g->arena, g->dns, &verdict, &evidence, &evidence, 1);
	return verdict.rfc9989.spf_aligned || verdict.rfc9989.dkim_aligned || verdict.rfc7489.spf_aligned || verdict.rfc7489.dkim_aligned;
}

static const char *lending_domain(const struct guarding *g, const struct dmarc_verdict *author, const char *const *domains)
{
	for (; *domains != NULL; domains++)
		if (lends_pass(g, author, *domains))
			return *domains;
	return NULL;
}

/* Is the evidence of the author's organization? Without a record the Public Suffix List says who belongs together. */
static bool is_kin(const struct guarding *g, const struct dmarc_verdict *author, const struct dmarc_evidence *evidence)
{
	return evidence->domain != NULL && evidence->domain[0] != '\0'
		&& strcmp(dmarc_psl_org_domain(g->arena, evidence->domain), dmarc_psl_org_domain(g->arena, author->author_domain)) == 0;
}

/* Does the author's organization have a result of that kind? */
static bool has_kin(const struct guarding *g, const struct dmarc_verdict *author, enum auth_result result)
{
	struct dmarc_evidence spf, dkim[DKIM_SIGNATURES_MAX];
	size_t count = facts_evidence(g->facts, &spf, dkim);
	bool found = spf.result == result && is_kin(g, author, &spf);

	for (size_t i = 0; i < count && !found; i++)
		found = dkim[i].result == result && is_kin(g, author, &dkim[i]);
	return found;
}

static bool is_shown(const struct guarding *g, size_t i)
{
	return g->facts->proofs[i] != NULL || (g->facts->authors[i].effective == DMARC_ABSENT && has_kin(g, &g->facts->authors[i], AUTH_PASS));
}

void facts_guard_own(struct arena *a, struct resolver *dns, const char *const *domains, struct facts *facts)
{
	const struct guarding g = { a, dns, facts };

	for (size_t i = 0; i < facts->author_count; i++) {
		const struct dmarc_verdict *author = &facts->authors[i];
		const char *domain = is_shown(&g, i) ? NULL : lending_domain(&g, author, domains);

		if (domain == NULL)
			continue;
		facts->has_temporary |= has_kin(&g, author, AUTH_TEMPERROR);
		facts->forges_us = true;
		facts->forged = facts->forged == NULL ? author : facts->forged;
		if (facts->authentic)
			facts->authentic_by = arena_printf(a, "nothing shows that it comes from %s, in whose name the signature of %s would let it pass", author->author_domain, domain);
		facts->authentic = false;
	}
}
