/* SPDX-License-Identifier: BSD-2-Clause */
/* Results that others recorded and that may be believed: Authentication-Results of trusted hosts, and of trusted sealers in an ARC chain. */
#include "mitigations/auth/facts_int.h"

#include <string.h>

static const char *trusted_id(struct arena *a, const struct field *field, const struct facts_options *options)
{
	const char *const *id = options->trusted_authserv_ids;

	for (; id != NULL && *id != NULL; id++)
		if (authres_claims(a, field->value, *id))
			return *id;
	return NULL;
}

/* The domain that a recorded SPF result is about. The HELO identity counts only for a null sender (RFC 7489 3.1.2). */
static const char *spf_domain(struct arena *a, const struct authres_result *result, const struct session *session, bool *is_helo_r)
{
	struct span mail_from = authres_prop(result, "smtp", "mailfrom"), helo = authres_prop(result, "smtp", "helo");
	bool null_sender = session->mail_from == NULL || session->mail_from[0] == '\0';

	*is_helo_r = false;
	if (mail_from.len == 0 && helo.len == 0 && !null_sender)
		mail_from = span_of(session->mail_from);
	if (mail_from.len > 0)
		return facts_domain_of(a, mail_from);
	*is_helo_r = true;
	return helo.len > 0 && null_sender ? facts_domain_of(a, helo) : NULL;
}

static bool take_spf(struct arena *a, const struct authres *authres, const char *id, struct facts *facts)
{
	for (size_t i = 0; i < authres->count; i++) {
		const struct authres_result *result = &authres->results[i];
		struct spf_result spf = { .reason = arena_printf(a, "as %s has recorded", id) };

		if (!span_eq_text_nocase(result->method, "spf") || !auth_result_parse(result->result, &spf.result))
			continue;
		spf.domain = spf_domain(a, result, &facts->session, &spf.is_helo);
		if (spf.domain == NULL)
			continue;
		facts->spf = spf;
		facts->spf_source = arena_printf(a, "authserv-id %s", id);
		return true;
	}
	return false;
}

bool facts_spf_recorded(struct arena *a, const struct message *m, const struct facts_options *options, struct facts *facts)
{
	const char *name = "Authentication-Results";
	const struct field *field = message_field(m, name);
	struct authres authres;

	for (; field != NULL; field = message_field_from(m, name, message_field_index(m, field) + 1)) {
		const char *id = trusted_id(a, field, options);

		if (id != NULL && authres_parse(a, field->value, &authres, NULL) == 0 && take_spf(a, &authres, id, facts))
			return true;
	}
	return false;
}

/* "i=2; authserv-id; results": what follows the instance is an Authentication-Results value (RFC 8617 4.1.1). */
static bool parse_aar(struct arena *a, struct span value, struct authres *authres_r)
{
	size_t end = span_find_byte(value, ';');

	return end < value.len && authres_parse(a, span_sub(value, end + 1, value.len), authres_r, NULL) == 0;
}

/* What the sealer says of DMARC for this author: pass, AUTH_NONE for nothing, else that it did not pass. */
static enum auth_result recorded_dmarc(struct arena *a, const struct authres *authres, const char *author)
{
	enum auth_result found = AUTH_NONE;

	for (size_t i = 0; i < authres->count; i++) {
		const struct authres_result *result = &authres->results[i];
		const char *from = facts_domain_of(a, authres_prop(result, "header", "from"));

		if (!span_eq_text_nocase(result->method, "dmarc") || from == NULL || strcmp(from, author) != 0)
			continue;
		if (!auth_result_parse(result->result, &found))
			found = AUTH_FAIL;
		if (found == AUTH_PASS)
			break;
	}
	return found;
}

static const char *recorded_signer(struct arena *a, const struct authres_result *result)
{
	struct span domain = authres_prop(result, "header", "d");

	return facts_domain_of(a, domain.len > 0 ? domain : authres_prop(result, "header", "i"));
}

/* The identifiers that passed for the sealer, held against the author as our own would be. */
static bool recorded_evidence_passes(struct arena *a, struct resolver *dns, const struct authres *authres, const struct dmarc_verdict *author)
{
	struct dmarc_evidence spf = { NULL, AUTH_NONE }, dkim[DKIM_SIGNATURES_MAX];
	struct dmarc_verdict verdict = *author;
	size_t count = 0;

	for (size_t i = 0; i < authres->count; i++) {
		const struct authres_result *result = &authres->results[i];

		if (!span_eq_text_nocase(result->result, "pass"))
			continue;
		if (span_eq_text_nocase(result->method, "spf"))
			spf = (struct dmarc_evidence){ facts_domain_of(a, authres_prop(result, "smtp", "mailfrom")), AUTH_PASS };
		else if (span_eq_text_nocase(result->method, "dkim") && count < DKIM_SIGNATURES_MAX)
			dkim[count++] = (struct dmarc_evidence){ recorded_signer(a, result), AUTH_PASS };
	}
	dmarc_evaluate(a, dns, &verdict, &spf, dkim, count);
	return verdict.pass;
}

static bool set_says_pass(struct arena *a, struct resolver *dns, const struct arc_set *set, const struct dmarc_verdict *author)
{
	struct authres authres;
	enum auth_result dmarc;

	if (!parse_aar(a, set->results->value, &authres))
		return false;
	dmarc = recorded_dmarc(a, &authres, author->author_domain);
	/* A sealer that judged DMARC has weighed its own evidence; only one that did not, or saw no policy, is read further. */
	if (dmarc != AUTH_NONE)
		return dmarc == AUTH_PASS;
	return recorded_evidence_passes(a, dns, &authres, author);
}

bool facts_arc_says_pass(struct arena *a, struct resolver *dns, const struct facts_options *options, const struct facts *facts, const struct dmarc_verdict *author)
{
	if (facts->arc_trusted_sealer == NULL)
		return false;
	for (size_t i = facts->arc.instances; i > 0; i--) {
		const struct arc_set *set = &facts->arc.sets[i - 1];

		if (set->seal_domain == NULL || !facts_listed(options->trusted_sealers, span_of(set->seal_domain)))
			return false;
		if (set_says_pass(a, dns, set, author))
			return true;
	}
	return false;
}
