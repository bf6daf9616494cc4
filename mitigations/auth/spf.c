/* SPDX-License-Identifier: BSD-2-Clause */
/* check_host() of RFC 7208 4: which identity, which domain, and what to say about the result. */
#include "mitigations/auth/spf_int.h"

#include "mail/idna.h"

#include <string.h>

static void give(struct spf_result *result, enum auth_result value, const char *reason)
{
	result->result = value;
	result->reason = reason;
}

/* The parts of the identity; NULL when it may be checked, else why not. */
static const char *read_identity(struct arena *a, struct spf_guard *g, const struct spf_query *query, struct spf_result *result)
{
	const char *from = query->mail_from == NULL ? "" : query->mail_from, *helo = query->helo == NULL ? "" : query->helo, *at;
	char *domain;

	if (strlen(from) > SPF_INPUT_MAX_BYTES || strlen(helo) > SPF_INPUT_MAX_BYTES)
		return "the sender or HELO name is too long to be one";
	result->is_helo = *from == '\0';
	if (result->is_helo)
		from = helo;
	at = result->is_helo ? NULL : strrchr(from, '@');
	g->local = at == NULL || at == from ? "postmaster" : arena_text(a, (struct span){ from, (size_t)(at - from) });
	domain = idna_to_ascii(a, span_of(at == NULL ? from : at + 1));
	g->helo = *helo == '\0' ? "unknown" : helo;
	g->receiver = query->receiver == NULL || *query->receiver == '\0' ? "unknown" : query->receiver;
	if (domain == NULL || strchr(domain, '.') == NULL)
		return result->is_helo ? "the HELO name is no domain name" : "the sender has no domain name";
	g->sender_domain = result->domain = domain;
	return spf_client_read(query->ip, &g->client) ? NULL : "the client's IP address is not known";
}

/* The record that decided: where redirects led. */
static const struct spf_loaded *deciding_record(const struct spf_loaded *top)
{
	while (top->is_through && top->terminal == NULL && top->asked == &top->record.redirect && top->next != NULL)
		top = top->next;
	return top;
}

static const struct spf_term *deciding_term(const struct spf_loaded *loaded)
{
	return loaded->is_through ? loaded->terminal : loaded->asked;
}

static int shown(const struct spf_term *term)
{
	return (int)(term->text.len > 120 ? 120 : term->text.len);
}

static char *describe(struct arena *a, const struct spf_loaded *by)
{
	const struct spf_term *term = deciding_term(by), *inner;
	const struct spf_loaded *included;

	if (term == NULL)
		return arena_printf(a, "no term in the record of %s matches", by->domain);
	if (term->kind != SPF_KIND_INCLUDE || by->next == NULL)
		return arena_printf(a, "%.*s in the record of %s matches", shown(term), term->text.ptr, by->domain);
	included = deciding_record(by->next);
	inner = deciding_term(included);
	if (inner == NULL)
		return arena_printf(a, "%.*s in the record of %s matches", shown(term), term->text.ptr, by->domain);
	return arena_printf(a, "%.*s in the record of %s matches, by %.*s in the record of %s", shown(term), term->text.ptr, by->domain,
		shown(inner), inner->text.ptr, included->domain);
}

static void check(struct arena *a, struct spf_guard *g, struct spf_result *result)
{
	struct spf_loaded *top = spf_guard_load(g, g->sender_domain);
	const struct spf_loaded *by;
	char *reason;

	if (top == NULL && !g->is_decided)
		give(result, AUTH_NONE, arena_printf(a, "%s has no SPF record", g->sender_domain));
	else if (top == NULL)
		give(result, g->verdict, arena_text(a, span_of(g->reason)));
	if (top == NULL)
		return;
	give(result, spf_eval_run(g, top), NULL);
	by = deciding_record(top);
	reason = g->is_decided ? arena_text(a, span_of(g->reason)) : describe(a, by);
	spf_guard_printable(reason);
	result->reason = reason;
	if (result->result == AUTH_FAIL && !g->is_decided)
		result->explanation = spf_guard_explain(g, a, by);
}

void spf_check(struct arena *a, struct resolver *dns, const struct clock *clock, const struct spf_query *query, struct spf_result *result_r)
{
	struct spf_result result = { .domain = "" };
	struct arena *scratch = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct spf_guard *g = arena_alloc(scratch, sizeof(*g));
	const char *obstacle;

	g->scratch = scratch;
	g->dns = dns;
	g->clock = clock;
	g->began_ms = clock_monotonic_ms();
	obstacle = read_identity(a, g, query, &result);
	if (obstacle != NULL)
		give(&result, AUTH_NONE, obstacle);
	else
		check(a, g, &result);
	arena_free(scratch);
	*result_r = result;
}
