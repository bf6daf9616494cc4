/* SPDX-License-Identifier: BSD-2-Clause */
/* The facts as an Authentication-Results payload (RFC 8601 2.2). Every value here is some stranger's text. */
#include "mail/buf.h"
#include "mitigations/auth/facts_int.h"

#include <string.h>

#define PAYLOAD_MAX_BYTES 65536 /* 16 signatures and 20 authors with every value at its longest stay below */
#define VALUE_MAX_BYTES 320     /* an address or a name at its longest; longer ones are neither and are left out */
#define REASON_MAX_BYTES 120

struct writing {
	struct arena *arena;
	struct buf out;
};

static void put_method(struct writing *w, const char *method, enum auth_result result)
{
	if (w->out.len > 0)
		buf_put_text(&w->out, "; ");
	buf_printf(&w->out, "%s=%s", method, auth_result_name(result));
}

/* A copy in printable ASCII: others become "?", so that nothing can end the line or the quotes. */
static struct span cleaned(struct arena *a, struct span text)
{
	char *copy = arena_text(a, text);

	for (size_t i = 0; i < text.len; i++)
		if (copy[i] < ' ' || copy[i] > '~')
			copy[i] = '?';
	return (struct span){ copy, text.len };
}

static void put_value(struct writing *w, const char *name, struct span value)
{
	buf_printf(&w->out, " %s=", name);
	buf_put(&w->out, authres_quote(w->arena, cleaned(w->arena, value)));
}

static void put_prop(struct writing *w, const char *name, const char *value)
{
	struct span text = span_of(value);

	if (text.len > 0 && text.len <= VALUE_MAX_BYTES)
		put_value(w, name, text);
}

/* Why it did not pass; RFC 8601 puts it before the properties. */
static void put_reason(struct writing *w, enum auth_result result, const char *reason)
{
	if (result != AUTH_PASS && result != AUTH_NONE && reason != NULL && reason[0] != '\0')
		put_value(w, "reason", span_sub(span_of(reason), 0, REASON_MAX_BYTES));
}

static bool is_printable(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			return false;
	return true;
}

/* An unusual local part is left out: the domain is what was checked. */
static void put_mail_from(struct writing *w, const struct facts *facts)
{
	struct span mail_from = span_of(facts->session.mail_from), local;
	const char *at = mail_from.len == 0 ? NULL : strrchr(mail_from.ptr, '@');
	const char *domain = at == NULL ? NULL : facts_domain_of(w->arena, mail_from);

	local = span_sub(mail_from, 0, at == NULL ? 0 : (size_t)(at - mail_from.ptr));
	if (domain == NULL || strcmp(domain, facts->spf.domain) != 0 || !is_printable(local) || local.len > ADDRESS_LOCAL_MAX_BYTES)
		put_prop(w, "smtp.mailfrom", facts->spf.domain);
	else
		put_prop(w, "smtp.mailfrom", arena_printf(w->arena, "%.*s@%s", (int)local.len, local.ptr, domain));
}

static void put_spf(struct writing *w, const struct facts *facts)
{
	if (strcmp(facts->spf_source, "none") == 0)
		return;
	put_method(w, "spf", facts->spf.result);
	put_reason(w, facts->spf.result, facts->spf.reason);
	if (facts->spf.is_helo)
		put_prop(w, "smtp.helo", facts->spf.domain);
	else
		put_mail_from(w, facts);
}

static void put_dkim(struct writing *w, const struct facts *facts)
{
	if (facts->dkim.count == 0)
		put_method(w, "dkim", AUTH_NONE);
	for (size_t i = 0; i < facts->dkim.count; i++) {
		const struct dkim_signature *signature = &facts->dkim.signatures[i];

		put_method(w, "dkim", signature->result);
		put_reason(w, signature->result, signature->reason);
		put_prop(w, "header.d", signature->domain);
		put_prop(w, "header.s", signature->selector);
		put_prop(w, "header.a", signature->algorithm);
	}
}

/* RFC 8617 10.2 */
static void put_arc(struct writing *w, const struct facts *facts)
{
	put_method(w, "arc", facts->arc.result);
	if (facts->arc.result == AUTH_NONE)
		return;
	put_reason(w, facts->arc.result, facts->arc.reason);
	if (facts->arc.result == AUTH_PASS)
		buf_printf(&w->out, " header.oldest-pass=%u", facts->arc.oldest_pass);
	put_prop(w, "smtp.remote-ip", facts->session.client_ip);
}

static enum auth_result dmarc_result(const struct dmarc_verdict *author)
{
	enum auth_result one = author->rfc9989.result, other = author->rfc7489.result;

	if (author->effective == DMARC_ABSENT)
		return AUTH_NONE;
	if (author->effective == DMARC_UNKNOWN)
		return author->seen == NULL ? AUTH_PERMERROR : AUTH_TEMPERROR;
	if (author->pass)
		return AUTH_PASS;
	return one == AUTH_FAIL || other == AUTH_FAIL || (one != AUTH_TEMPERROR && other != AUTH_TEMPERROR) ? AUTH_FAIL : AUTH_TEMPERROR;
}

static void put_dmarc(struct writing *w, const struct dmarc_verdict *author)
{
	put_method(w, "dmarc", dmarc_result(author));
	put_prop(w, "header.from", author->author_domain);
	if (author->effective != DMARC_ABSENT && author->effective != DMARC_UNKNOWN)
		put_prop(w, "policy.dmarc", dmarc_policy_name(author->effective));
}

struct span facts_authres(struct arena *a, const struct facts *facts)
{
	struct writing w = { .arena = a };
	struct span payload;

	buf_init(&w.out, PAYLOAD_MAX_BYTES);
	put_spf(&w, facts);
	put_dkim(&w, facts);
	put_arc(&w, facts);
	for (size_t i = 0; i < facts->author_count; i++)
		put_dmarc(&w, &facts->authors[i]);
	payload = arena_span(a, buf_span(&w.out));
	buf_done(&w.out);
	return payload;
}
