/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/facts_int.h"
#include "mitigations/auth/gaps.h"
#include "mail/idna.h"

#include <string.h>

struct gathering {
	struct arena *arena;
	struct resolver *dns;
	const struct clock *clock;
	const struct message *message;
	const struct facts_options *options;
	struct facts *facts;
	bool too_many_authors;
};

bool facts_listed(const char *const *list, struct span name)
{
	for (; list != NULL && *list != NULL; list++)
		if (span_eq_text_nocase(name, *list))
			return true;
	return false;
}

const char *facts_domain_of(struct arena *a, struct span text)
{
	for (size_t i = text.len; i > 0; i--)
		if (text.ptr[i - 1] == '@') {
			text = span_sub(text, i, text.len);
			break;
		}
	return text.len == 0 ? NULL : idna_to_ascii(a, text);
}

/* The addresses of all From fields. With one field that is right, the list is the message's; with several, no reader can know
 * which one another reader shows, so that the domains of all are judged. */
static void read_from(const struct gathering *g, struct address_list *all_r)
{
	struct address_list all = { .damaged = false };
	size_t cap = 0;
	const struct field *field = message_field(g->message, "From");

	for (; field != NULL; field = message_field_from(g->message, "From", message_field_index(g->message, field) + 1)) {
		struct address_list list;

		address_list_parse(g->arena, field->value, &list);
		if (g->facts->from_fields++ == 0)
			g->facts->from = list;
		all.damaged |= list.damaged;
		for (size_t i = 0; i < list.count; i++, all.count++)
			*(struct address *)arena_grow(g->arena, &all.items, &cap, all.count, sizeof(*all.items)) = list.items[i];
	}
	if (g->facts->from_fields > 1) {
		g->facts->from = (struct address_list){ .damaged = true };
		all.damaged = true;
	}
	*all_r = all;
}

/* The author domains, each with its first question on the way. */
static void start_authors(struct gathering *g)
{
	struct facts *facts = g->facts;
	struct address_list all;
	const char **domains;
	size_t count;

	read_from(g, &all);
	address_author_domains(g->arena, &all, &domains, &count);
	g->too_many_authors = count > FACTS_AUTHORS_MAX || all.too_many;
	facts->from.damaged |= g->too_many_authors;
	facts->author_count = count > FACTS_AUTHORS_MAX ? FACTS_AUTHORS_MAX : count;
	facts->authors = arena_array(g->arena, facts->author_count, sizeof(*facts->authors));
	for (size_t i = 0; i < facts->author_count; i++)
		dmarc_discover_start(g->arena, g->dns, domains[i], &facts->authors[i]);
}

/* An Authentication-Results field of a trusted host comes first: where there is one, the client that the session names may be that host. */
static void gather_spf(const struct gathering *g)
{
	struct facts *facts = g->facts;
	const struct session *session = &facts->session;
	const struct spf_query query = { session->client_ip, session->helo, session->mail_from, g->options->receiver_name };

	facts->spf = (struct spf_result){ .result = AUTH_NONE, .domain = "", .reason = "the client is not known" };
	facts->spf_source = "none";
	if (facts_spf_recorded(g->arena, g->message, g->options, facts) || session->client_ip == NULL)
		return;
	spf_check(g->arena, g->dns, g->clock, &query, &facts->spf);
	facts->spf_source = "session";
}

static size_t gather_evidence(const struct facts *facts, bool with_gaps, struct dmarc_evidence *spf_r, struct dmarc_evidence *dkim_r)
{
	size_t count = 0;

	*spf_r = (struct dmarc_evidence){ facts->spf.domain, facts->spf.result };
	for (size_t i = 0; i < facts->dkim.count && count < DKIM_SIGNATURES_MAX; i++)
		if (with_gaps || facts->dkim.signatures[i].gap == NULL)
			dkim_r[count++] = (struct dmarc_evidence){ facts->dkim.signatures[i].domain, facts->dkim.signatures[i].result };
	return count;
}

size_t facts_evidence(const struct facts *facts, struct dmarc_evidence *spf_r, struct dmarc_evidence *dkim_r)
{
	return gather_evidence(facts, false, spf_r, dkim_r);
}

static void judge_authors(const struct gathering *g)
{
	struct facts *facts = g->facts;
	struct dmarc_evidence spf, dkim[DKIM_SIGNATURES_MAX];
	size_t count = gather_evidence(facts, true, &spf, dkim);

	for (size_t i = 0; i < facts->author_count; i++) {
		struct dmarc_verdict *author = &facts->authors[i];

		dmarc_discover_finish(author);
		dmarc_evaluate(g->arena, g->dns, author, &spf, dkim, count);
		facts->policy = dmarc_stricter(facts->policy, author->effective);
		if (facts->strictest == NULL || (author->effective == facts->policy && facts->strictest->effective != facts->policy))
			facts->strictest = author;
	}
	/* Those that were not looked at may ask for anything. */
	if (g->too_many_authors)
		facts->policy = dmarc_stricter(facts->policy, DMARC_UNKNOWN);
}

/* Does it pass DMARC by what leaves no gap, too? */
static bool passes_whole(const struct gathering *g, const struct dmarc_verdict *author)
{
	struct dmarc_evidence spf, dkim[DKIM_SIGNATURES_MAX];
	size_t count = facts_evidence(g->facts, &spf, dkim);
	struct dmarc_verdict verdict = *author;

	if (!author->pass || count == g->facts->dkim.count)
		return author->pass;
	dmarc_evaluate(g->arena, g->dns, &verdict, &spf, dkim, count);
	return verdict.pass;
}

static bool is_whole(const struct dkim_signature *signature)
{
	return signature->result == AUTH_PASS && signature->domain != NULL && signature->gap == NULL;
}

/* The passing signature to name as the reason: of the author's own name, else one that is aligned, else of the pair that did it together. */
static const char *passing_signer(struct dmarc_verdict *author, const struct dkim_result *dkim)
{
	const char *aligned = NULL, *any = NULL;

	for (size_t i = 0; i < dkim->count; i++) {
		const struct dkim_signature *signature = &dkim->signatures[i];

		if (!is_whole(signature))
			continue;
		if (strcmp(signature->domain, author->author_domain) == 0)
			return signature->domain;
		if (aligned == NULL && dmarc_is_aligned(author, signature->domain))
			aligned = signature->domain;
		any = signature->domain;
	}
	return aligned != NULL ? aligned : any;
}

/* A user of ours posts as somebody of the domain that the envelope or the login has. That the envelope is the login's own is for the MTA to see to. */
static bool is_own_submission(const struct gathering *g, struct dmarc_verdict *author)
{
	const struct session *session = &g->facts->session;
	const char *names[2];

	if (!session->is_submission)
		return false;
	names[0] = session->mail_from == NULL ? NULL : facts_domain_of(g->arena, span_of(session->mail_from));
	names[1] = session->auth_user == NULL || strchr(session->auth_user, '@') == NULL ? NULL : facts_domain_of(g->arena, span_of(session->auth_user));
	for (size_t i = 0; i < 2; i++)
		if (names[i] != NULL && dmarc_is_aligned(author, names[i]))
			return true;
	return false;
}

/* For an author who asks for nothing, only what can be said without further questions of strangers' domains. */
static const char *proof_by_name(const struct gathering *g, struct dmarc_verdict *author)
{
	const struct facts *facts = g->facts;

	for (size_t i = 0; i < facts->dkim.count; i++)
		if (is_whole(&facts->dkim.signatures[i]) && strcmp(facts->dkim.signatures[i].domain, author->author_domain) == 0)
			return arena_printf(g->arena, "dkim=%s", author->author_domain);
	if (facts->spf.result == AUTH_PASS && strcmp(facts->spf.domain, author->author_domain) == 0)
		return arena_printf(g->arena, "spf=%s", author->author_domain);
	return is_own_submission(g, author) ? "submission" : NULL;
}

/* By what is this author known to be right? NULL: by nothing. */
static const char *proof_of(const struct gathering *g, struct dmarc_verdict *author)
{
	const struct facts *facts = g->facts;
	const char *signer;

	if (passes_whole(g, author)) {
		signer = author->rfc9989.dkim_aligned || author->rfc7489.dkim_aligned ? passing_signer(author, &facts->dkim) : NULL;
		return signer != NULL ? arena_printf(g->arena, "dkim=%s", signer) : arena_printf(g->arena, "spf=%s", facts->spf.domain);
	}
	if (author->effective == DMARC_ABSENT)
		return proof_by_name(g, author);
	if (is_own_submission(g, author))
		return "submission";
	if (facts_arc_says_pass(g->arena, g->dns, g->options, facts, author))
		return arena_printf(g->arena, "arc=%s", facts->arc_trusted_sealer);
	return NULL;
}

static const char *why_not(const struct gathering *g, const struct dmarc_verdict *author)
{
	const struct facts *facts = g->facts;
	const char *dkim = facts->dkim.count == 0 ? "none" : "";

	for (size_t i = 0; i < facts->dkim.count; i++)
		dkim = arena_printf(g->arena, "%s%s%s by %s%s%s", dkim, i == 0 ? "" : ", ", auth_result_name(facts->dkim.signatures[i].result),
			facts->dkim.signatures[i].domain == NULL ? "an unknown domain" : facts->dkim.signatures[i].domain,
			facts->dkim.signatures[i].gap == NULL ? "" : ", but ", facts->dkim.signatures[i].gap == NULL ? "" : facts->dkim.signatures[i].gap);
	return arena_printf(g->arena, "nothing that passes is aligned with %s (policy %s; dkim: %s; spf: %s for %s)", author->author_domain,
		dmarc_policy_name(author->effective), dkim, auth_result_name(facts->spf.result), facts->spf.domain[0] == '\0' ? "no domain" : facts->spf.domain);
}

/* Could a question that failed have given this author the proof that is missing? */
static bool proof_may_come(const struct gathering *g, const struct dmarc_verdict *author)
{
	const struct arc_result *arc = &g->facts->arc;

	if (author->rfc9989.result == AUTH_TEMPERROR || author->rfc7489.result == AUTH_TEMPERROR)
		return true;
	return arc->dns_trouble && arc->sets != NULL && arc->instances > 0
		&& facts_listed(g->options->trusted_sealers, span_of(arc->sets[arc->instances - 1].seal_domain));
}

static void settle_authenticity(const struct gathering *g)
{
	struct facts *facts = g->facts;
	const char *proof = NULL;
	bool is_contested = false, is_shown = true;

	facts->authentic_by = "no author domain asks for it";
	facts->authentic = facts->shown = facts->author_count > 0;
	facts->proofs = arena_array(g->arena, facts->author_count, sizeof(*facts->proofs));
	for (size_t i = 0; i < facts->author_count; i++) {
		struct dmarc_verdict *author = &facts->authors[i];
		const char *found = facts->proofs[i] = proof_of(g, author);

		facts->shown &= found != NULL;
		facts->disowned |= found == NULL && author->effective != DMARC_ABSENT;
		is_contested |= dmarc_is_strict(author->of_any) && !dmarc_is_strict(author->effective);
		is_shown &= found != NULL || !dmarc_is_strict(author->of_any);
		if (author->dns_trouble && author->effective == DMARC_UNKNOWN)
			facts->has_temporary = true;
		if (found != NULL && (proof == NULL || author == facts->strictest))
			proof = found;
		if (found != NULL || !dmarc_is_strict(author->effective))
			continue;
		facts->has_temporary |= proof_may_come(g, author);
		if (facts->authentic)
			facts->authentic_by = why_not(g, author);
		if (facts->forged == NULL || author == facts->strictest)
			facts->forged = author;
		facts->authentic = false;
	}
	facts->contested = is_contested && is_shown;
	if (facts->authentic && proof != NULL)
		facts->authentic_by = proof;
	if (facts->author_count == 0)
		facts->authentic_by = "there is no author domain";
	if (g->too_many_authors) {
		facts->authentic = facts->shown = false;
		facts->forged = facts->strictest;
		facts->authentic_by = "there are more author domains than are looked at";
	}
}

/* For every author that has to pass; for every author where none has to. */
static bool arc_says_pass_for_all(const struct gathering *g)
{
	const struct facts *facts = g->facts;
	bool only_strict = dmarc_is_strict(facts->policy), says = facts->author_count > 0 && !g->too_many_authors;

	for (size_t i = 0; i < facts->author_count && says; i++)
		if (!only_strict || dmarc_is_strict(facts->authors[i].effective))
			says = facts_arc_says_pass(g->arena, g->dns, g->options, facts, &facts->authors[i]);
	return says;
}

static void find_gaps(const struct gathering *g)
{
	struct dkim_result *dkim = &g->facts->dkim;

	for (size_t i = 0; i < dkim->count; i++)
		if (dkim->signatures[i].result == AUTH_PASS)
			dkim->signatures[i].gap = gaps_find(g->message, dkim->signatures[i].field);
}

static void gather_arc(const struct gathering *g)
{
	struct arc_result *arc = &g->facts->arc;
	const char *sealer;

	arc_validate(g->arena, g->dns, g->clock, g->message, arc);
	if (arc->result != AUTH_PASS || arc->sets == NULL || arc->instances == 0)
		return;
	sealer = arc->sets[arc->instances - 1].seal_domain;
	if (sealer != NULL && facts_listed(g->options->trusted_sealers, span_of(sealer)) && gaps_find(g->message, arc->sets[arc->instances - 1].message_signature) == NULL)
		g->facts->arc_trusted_sealer = sealer;
}

bool facts_may_name_author(const struct facts *facts)
{
	return facts->author_count > 0 && facts->forged == NULL && !facts->disowned;
}

void facts_gather(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, const struct session *session,
	const struct facts_options *options, struct facts *facts_r)
{
	struct gathering g = { .arena = a, .dns = dns, .clock = clock, .message = m, .options = options, .facts = facts_r };

	*facts_r = (struct facts){ .session = *session };
	start_authors(&g);
	gather_spf(&g);
	dkim_evaluate(a, dns, clock, m, &facts_r->dkim);
	find_gaps(&g);
	gather_arc(&g);
	judge_authors(&g);
	facts_r->arc_says_pass = arc_says_pass_for_all(&g);
	settle_authenticity(&g);
}
