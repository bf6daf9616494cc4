/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/compare/recorded.h"

#include "mail/authres.h"
#include "mail/idna.h"

#include <string.h>

const char *recorded_state_name(enum recorded_state state)
{
	static const char *const names[] = {
		[RECORDED_NOTHING] = "nothing", [RECORDED_EQUAL] = "equal", [RECORDED_DIFFERENT] = "different", [RECORDED_UNKNOWN] = "unknown",
	};

	return names[state];
}

struct checking {
	struct arena *arena;
	struct resolver *dns;
	const struct message *message;
	struct authres authres;
	struct facts facts;
	struct recorded *recorded;
};

static const struct authres_result *result_of(const struct authres *authres, const char *method)
{
	for (size_t i = 0; i < authres->count; i++)
		if (span_eq_text_nocase(authres->results[i].method, method))
			return &authres->results[i];
	return NULL;
}

static const struct authres_result *find_field(struct checking *c, const char *by)
{
	static const char name[] = "Authentication-Results";

	for (const struct field *f = message_field(c->message, name); f != NULL; f = message_field_from(c->message, name, message_field_index(c->message, f) + 1)) {
		const struct authres_result *dmarc;

		if (authres_parse(c->arena, f->value, &c->authres, NULL) != 0 || (by != NULL && !span_eq_text_nocase(c->authres.authserv_id, by)))
			continue;
		dmarc = result_of(&c->authres, "dmarc");
		if (dmarc != NULL)
			return dmarc;
	}
	return NULL;
}

static bool unknown(struct checking *c, const char *reason)
{
	c->recorded->state = RECORDED_UNKNOWN;
	c->recorded->predicted = "unknown";
	c->recorded->reason = reason;
	return false;
}

static bool key_is_known(const struct checking *c, const struct dkim_signature *signature)
{
	struct dns_answer answer;

	resolver_ask(c->dns, c->arena, arena_printf(c->arena, "%s._domainkey.%s", signature->selector, signature->domain), DNS_TXT, &answer);
	return answer.status == DNS_OK;
}

/* "header.d=x", or the domain of "header.i=@x". */
static const char *signer_of(const struct checking *c, const struct authres_result *result)
{
	struct span d = authres_prop(result, "header", "d"), i = authres_prop(result, "header", "i");

	if (d.len > 0)
		return idna_to_ascii(c->arena, d);
	return i.len == 0 ? NULL : idna_to_ascii(c->arena, span_sub(i, span_find_byte(i, '@') + 1, i.len));
}

/* Did the server see a signature of this domain pass that does not pass now? */
static bool passed_then(const struct checking *c, const char *domain)
{
	for (size_t i = 0; i < c->authres.count; i++) {
		const char *signer = span_eq_text_nocase(c->authres.results[i].method, "dkim") && span_eq_text_nocase(c->authres.results[i].result, "pass")
			? signer_of(c, &c->authres.results[i]) : NULL;

		if (signer != NULL && strcmp(signer, domain) == 0)
			return true;
	}
	return false;
}

/* A failure is known to be one only where all that could have passed is known. */
static bool failure_is_known(struct checking *c, struct dmarc_verdict *author)
{
	for (size_t i = 0; i < c->facts.dkim.count; i++) {
		const struct dkim_signature *s = &c->facts.dkim.signatures[i];

		if (s->domain == NULL || s->selector == NULL || s->result == AUTH_PASS || !dmarc_is_aligned(author, s->domain))
			continue;
		if (!key_is_known(c, s))
			return unknown(c, arena_printf(c->arena, "the key %s._domainkey.%s is not there any more", s->selector, s->domain));
		if (passed_then(c, s->domain))
			return unknown(c, arena_printf(c->arena, "the signature of %s verified then: the copy or the key was changed since", s->domain));
	}
	if (strcmp(c->facts.spf_source, "none") == 0)
		return unknown(c, "what SPF said is not recorded");
	return true;
}

static bool predict(struct checking *c)
{
	struct dmarc_verdict *author = c->facts.author_count == 1 ? &c->facts.authors[0] : NULL;
	bool was_none = strcmp(c->recorded->result, "none") == 0;

	if (author == NULL)
		return unknown(c, "there is not one author domain");
	if (author->dns_trouble || c->facts.has_temporary || author->effective == DMARC_UNKNOWN)
		return unknown(c, "DNS does not tell");
	c->recorded->reason = c->facts.authentic_by;
	if (author->effective == DMARC_ABSENT) {
		c->recorded->predicted = "none";
		return was_none ? true : unknown(c, arena_printf(c->arena, "the record of %s is not known", author->author_domain));
	}
	if (was_none)
		return unknown(c, arena_printf(c->arena, "%s had no record then", author->author_domain));
	c->recorded->predicted = author->pass ? "pass" : "fail";
	return author->pass || failure_is_known(c, author);
}

void recorded_check(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, const char *by, struct recorded *recorded_r)
{
	struct checking *c = arena_alloc(a, sizeof(*c));
	const struct authres_result *dmarc;
	const struct session session = { .client_ip = NULL };
	const char **ids = arena_array(a, 2, sizeof(*ids));
	struct facts_options *options = arena_alloc(a, sizeof(*options));

	*recorded_r = (struct recorded){ .state = RECORDED_NOTHING };
	*c = (struct checking){ .arena = a, .dns = dns, .message = m, .recorded = recorded_r };
	dmarc = find_field(c, by);
	if (dmarc == NULL)
		return;
	recorded_r->by = ids[0] = arena_text(a, c->authres.authserv_id);
	recorded_r->result = arena_lower(a, dmarc->result);
	*options = (struct facts_options){ .trusted_authserv_ids = ids, .receiver_name = ids[0] };
	facts_gather(a, dns, clock, m, &session, options, &c->facts);
	if (predict(c))
		recorded_r->state = strcmp(recorded_r->predicted, recorded_r->result) == 0 ? RECORDED_EQUAL : RECORDED_DIFFERENT;
}
