/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail that is not for lists, at a site that enforces DMARC: the decision is mitigations/receiving.c's; here is what comes of it. */
#include "listd/intake/milter_int.h"

#include "listd/event.h"
#include "listd/known_lists.h"
#include "mail/authres.h"

int milter_receiver_policy(struct arena *a, const struct site_settings *settings, struct receiving_policy *policy_r, struct fail *why)
{
	struct receiving_known *known;
	size_t count;

	if (known_lists_parse(a, span_of(settings->receiver_known), &known, &count, why) != 0)
		return fail_prefix(why, "receiver-known-lists");
	*policy_r = (struct receiving_policy){
		.name = settings->host_name, .reading = (enum receiving_reading)settings->receiver_reading,
		.on_reject = (enum receiving_action)settings->receiver_on_reject, .on_quarantine = (enum receiving_action)settings->receiver_on_quarantine,
		.on_temporary = (enum receiving_action)settings->receiver_on_temporary, .obeys_t = settings->receiver_obeys_t, .obeys_pct = settings->receiver_obeys_pct,
		.known = known, .known_count = count, .trusted_sealers = settings->trusted_sealers,
	};
	return 0;
}

/* The action, and why the author domain's policy was not carried out, as a result of its own (RFC 8601 2.7.6: unknown methods are ignored by who does not know them). */
const char *milter_receiver_results(struct arena *a, const struct receiving_verdict *verdict)
{
	struct span by = verdict->override_by == NULL ? (struct span){ NULL, 0 } : authres_quote(a, span_of(verdict->override_by));

	if (verdict->action == RECEIVING_ACCEPT && verdict->override_reason == NULL)
		return "";
	return arena_printf(a, "; x-listd-action=%s%s%s%s%.*s", receiving_action_name(verdict->action), verdict->override_reason == NULL ? "" : " policy.override=",
		verdict->override_reason == NULL ? "" : verdict->override_reason, by.len == 0 ? "" : " policy.by=", (int)by.len, by.ptr);
}

static const char *record_of(const struct facts *facts, const char *domain)
{
	for (size_t i = 0; domain != NULL && i < facts->author_count; i++) {
		const struct dmarc_verdict *author = &facts->authors[i];

		if (span_eq_text(span_of(author->author_domain), domain))
			return author->rfc9989.record != NULL ? author->rfc9989.record : author->rfc7489.record != NULL ? author->rfc7489.record : "no record";
	}
	return "no record";
}

struct reply milter_receiver_reply(struct arena *a, const struct facts *facts, const struct receiving_verdict *verdict)
{
	const char *domain = verdict->author_domain == NULL ? "its author" : verdict->author_domain;

	if (verdict->temporary)
		return reply_make(a, REPLY_DNS_TROUBLE, domain);
	return reply_make(a, REPLY_RECEIVER_REFUSES, domain, record_of(facts, verdict->author_domain));
}

void milter_receiver_log(const char *id, const struct milter_session *session, const struct receiving_verdict *verdict)
{
	if (verdict->action == RECEIVING_ACCEPT && verdict->override_reason == NULL)
		return;
	event_log(EVENT_RECEIVED, "id", id, "from", session->envelope.mail_from, "client", session->envelope.client_ip, "author", verdict->author_domain,
		"action", receiving_action_name(verdict->action), "override", verdict->override_reason, "by", verdict->override_by, "reason", verdict->reason, NULL);
}
