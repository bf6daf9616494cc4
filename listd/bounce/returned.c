/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/returned.h"

#include "listd/bounce/bounce.h"
#include "listd/bounce/verdict.h"
#include "listd/delivery/verp.h"
#include "listd/event.h"
#include "listd/people/notice.h"
#include "listd/post/rate.h"
#include "listd/post/route.h"
#include "mail/address.h"
#include "mail/header.h"

#include <string.h>

static const char before[] = "-bounces+";

bool returned_read_key(struct arena *a, const struct secret *master, const char *rcpt, const char *suffix, struct verp *verp_r)
{
	const char *address = arena_lower(a, span_of(rcpt)), *at = strrchr(address, '@');
	struct span local;
	struct secret secret;

	if (at == NULL || (size_t)(at - address) < strlen(suffix) || !span_starts_nocase(span_of(suffix), before))
		return false;
	local = (struct span){ address, (size_t)(at - address) - strlen(suffix) };
	secret = secret_derive(master, arena_printf(a, "verp %.*s%s", (int)local.len, local.ptr, at));
	return verp_read(a, &secret, arena_text(a, local), span_sub(span_of(suffix), strlen(before), strlen(suffix)), verp_r);
}

/* The key of an address, or NULL, with what is wrong with it. */
static const struct verp *read_key(struct post *post, const char *rcpt, const char *suffix, const char **wrong_r)
{
	struct verp *verp = arena_alloc(post->arena, sizeof(*verp));
	int64_t post_secs;

	*wrong_r = "it has no key";
	if (!returned_read_key(post->arena, post->world->master, rcpt, suffix, verp))
		return NULL;
	*wrong_r = "its key is not one of ours";
	post_secs = verp->valid ? spool_id_secs(verp->post_id) : -1;
	if (post_secs < 0)
		return NULL;
	*wrong_r = "its key is too old (verp-life)";
	return clock_now(post->world->clock) - post_secs > post->world->site->verp_life_secs ? NULL : verp;
}

/* Feedback reports (RFC 5965) go to an address that was agreed upon; the key stands in them. */
static bool is_feedback(struct post *post)
{
	const struct field *type = message_field(&post->message, "Content-Type");
	struct header_params params;

	if (type == NULL)
		return false;
	header_params(post->arena, type->value, &params);
	return span_eq_text_nocase(params.first, "multipart/report") && span_eq_text_nocase(header_param(&params, "report-type"), "feedback-report");
}

int returned_classify(struct post *post)
{
	const char *wrong;

	/* the milter has no keys: it lets it pass */
	if (post->world->master == NULL) {
		post->outcome = OUTCOME_REPORT;
		return STAGE_END;
	}
	post->verp = read_key(post, post->rcpt, post->suffix, &wrong);
	if (post->verp == NULL && !is_feedback(post))
		return post_discard(post, "mail to a bounce address: %s", wrong);
	post->outcome = OUTCOME_REPORT;
	return STAGE_END;
}

static bool allow(struct daemon *daemon, const struct post *post, const char *what, const char *who, unsigned max)
{
	return rate_allow(daemon->rates, arena_printf(post->arena, "%s %s %s", what, post->list->address, who), max, clock_now(&daemon->clock));
}

/* Made by the MTA that speaks to us: it has no client, and Postfix says so (XFORWARD SOURCE=LOCAL). */
static bool is_by_relay(const struct envelope *envelope)
{
	return envelope->is_submission && envelope->client_ip == NULL && envelope->mail_from != NULL && *envelope->mail_from == '\0';
}

static bool was_taken(struct daemon *daemon, const struct post *post, bool as_certain)
{
	struct address address;

	return address_parse(post->arena, span_of(post->verp->recipient), &address, NULL) == 0
		&& store_bounce_is_taken(daemon->store, post->list->address, post->verp->post_id, address_key(post->arena, &address), as_certain, NULL) == 1;
}

const char *returned_is_needless(struct daemon *daemon, const struct post *post)
{
	static const char too_many[] = "more reports in an hour than are read";
	const struct verp *verp = post->verp;
	bool by_relay;

	if (verp == NULL)
		return allow(daemon, post, "feedback", "", RETURNED_PER_LIST_PER_HOUR) ? NULL : too_many;
	if (verp->kind == VERP_PROBE)
		return allow(daemon, post, "returned of", verp->post_id, RETURNED_PER_PROBE_PER_HOUR) ? NULL : too_many;
	by_relay = is_by_relay(post->envelope);
	if (verp->recipient != NULL) {
		if (was_taken(daemon, post, true) || (verp->kind == VERP_POST && !by_relay && was_taken(daemon, post, false)))
			return "it was reported before";
		if (!allow(daemon, post, by_relay ? "reported" : "returned", arena_printf(post->arena, "%s %s", verp->post_id, verp->recipient),
				by_relay ? RETURNED_BY_RELAY_PER_HOUR : RETURNED_PER_COPY_PER_HOUR))
			return too_many;
	}
	/* Nobody uses up what others need: neither with a key of his own, nor what the relay has to report with the key that every subscriber knows. */
	return verp->kind == VERP_RECIPIENT || (by_relay && verp->recipient != NULL) || allow(daemon, post, "returned of", verp->post_id, RETURNED_PER_POST_PER_HOUR) ? NULL : too_many;
}

struct taking {
	struct daemon *daemon;
	struct post *post;
	const struct verp *verp;
	const struct verdict *verdict;
	size_t taken;
};

static bool names(const struct verdict_rcpt *rcpt, const char *recipient)
{
	return recipient != NULL && (span_eq_text_nocase(span_of(rcpt->recipient), recipient) || span_eq_text_nocase(span_of(rcpt->original), recipient));
}

/* What our own relay reports, with a key that it got from us, about the recipient whom it put in there, is its reply, only later. */
static enum bounce_source source_of(const struct taking *t, const struct verdict_rcpt *rcpt)
{
	static const enum bounce_source sources[] = { [VERP_RECIPIENT] = BOUNCE_BY_RCPT_KEY, [VERP_POST] = BOUNCE_BY_POST_KEY, [VERP_PROBE] = BOUNCE_BY_PROBE };

	if (t->verp->kind != VERP_PROBE && is_by_relay(t->post->envelope) && names(rcpt, t->verp->recipient))
		return BOUNCE_BY_REPLY;
	return sources[t->verp->kind];
}

static int take(struct taking *t, const char *recipient, const struct verdict_rcpt *rcpt, struct fail *why)
{
	bool is_other = *rcpt->recipient != '\0' && !span_eq_text_nocase(span_of(rcpt->recipient), recipient);
	struct bounce bounce = {
		.list = t->post->list->address, .job = t->verp->post_id, .recipient = recipient, .source = source_of(t, rcpt), .class = rcpt->class, .status = rcpt->status,
		.reply = rcpt->reply, .is_passed_on = is_other, .at_secs = t->post->envelope->received_secs,
	};

	t->taken++;
	return bounce_take(t->daemon, &bounce, why);
}

static bool is_final(const struct verdict_rcpt *rcpt)
{
	return strcmp(rcpt->action, "failed") == 0;
}

/* The recipient that the report is about, where the key says whose copy it was: the one of that name, else the first that failed (mail that was passed on fails elsewhere). */
static const struct verdict_rcpt *pick(const struct verdict *verdict, const char *recipient)
{
	const struct verdict_rcpt *first = NULL;

	for (size_t i = 0; i < verdict->rcpt_count; i++) {
		const struct verdict_rcpt *rcpt = &verdict->rcpts[i];

		if (!is_final(rcpt))
			continue;
		if (names(rcpt, recipient))
			return rcpt;
		if (first == NULL)
			first = rcpt;
	}
	return first;
}

static int take_bounce(struct taking *t, struct fail *why)
{
	const struct verdict *verdict = t->verdict;

	if (t->verp->kind != VERP_POST || t->verp->recipient != NULL) {
		const struct verdict_rcpt *rcpt = pick(verdict, t->verp->recipient);

		return rcpt == NULL ? 0 : take(t, t->verp->recipient == NULL ? "" : t->verp->recipient, rcpt, why);
	}
	for (size_t i = 0; i < verdict->rcpt_count; i++) {
		const struct verdict_rcpt *rcpt = &verdict->rcpts[i];

		if (is_final(rcpt) && take(t, *rcpt->original != '\0' ? rcpt->original : rcpt->recipient, rcpt, why) != 0)
			return -1;
	}
	return 0;
}

/* The key of the copy that is complained about: that of the address, else that of the envelope sender which the report tells. */
static const struct verp *complained_key(struct post *post, const struct verdict *verdict)
{
	const char *sender = verdict->original_sender, *at = strrchr(sender, '@'), *wrong;
	size_t suffix = span_find(span_of(sender), span_of(before));

	if (post->verp != NULL)
		return post->verp;
	if (at == NULL || sender + suffix >= at || !span_eq_text_nocase(span_sub(span_of(sender), 0, suffix), list_local(post->list, post->arena))
			|| !span_eq_text_nocase(span_of(at + 1), list_domain(post->list)))
		return NULL;
	return read_key(post, sender, arena_text(post->arena, (struct span){ sender + suffix, (size_t)(at - sender) - suffix }), &wrong);
}

static bool is_complaint(const struct verdict *verdict)
{
	static const char *const others[] = { "not-spam", "auth-failure", "virus" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (span_eq_text_nocase(span_of(verdict->feedback_type), others[i]))
			return false;
	return true;
}

/* Of a probe the store knows the recipient. */
static int complained_address(struct taking *t, const char **address_r, struct fail *why)
{
	const char *kind, *payload, *blank;
	int found;

	*address_r = t->verp->recipient;
	if (t->verp->kind != VERP_PROBE)
		return *address_r != NULL;
	found = store_token_get(t->daemon->store, t->post->arena, t->verp->post_id, &kind, &payload, why);
	if (found != 1)
		return found;
	blank = strchr(payload, ' ');
	*address_r = blank == NULL ? NULL : blank + 1;
	return strcmp(kind, NOTICE_TOKEN_PROBE) == 0 && blank != NULL;
}

static int take_complaint(struct taking *t, struct fail *why)
{
	struct bounce bounce = {
		.list = t->post->list->address, .class = BOUNCE_COMPLAINT, .status = "", .reply = t->verdict->feedback_type, .at_secs = t->post->envelope->received_secs,
	};
	int found;

	t->verp = complained_key(t->post, t->verdict);
	if (t->verp == NULL || !is_complaint(t->verdict))
		return 0;
	found = complained_address(t, &bounce.recipient, why);
	if (found != 1)
		return found;
	bounce.job = t->verp->post_id;
	bounce.source = t->verp->kind == VERP_POST ? BOUNCE_BY_POST_KEY : BOUNCE_BY_RCPT_KEY;
	t->taken++;
	return bounce_take(t->daemon, &bounce, why);
}

int returned_take(struct daemon *daemon, struct site *site, struct post *post, struct fail *why)
{
	struct verdict verdict;
	struct taking t = { .daemon = daemon, .post = post, .verp = post->verp, .verdict = &verdict };
	int result = 0;

	verdict_of_bytes(post->arena, site->patterns, post->message.bytes, &verdict);
	if (verdict.kind == VERDICT_COMPLAINT)
		result = take_complaint(&t, why);
	else if (verdict.kind == VERDICT_BOUNCE && t.verp != NULL)
		result = take_bounce(&t, why);
	if (result == 0 && t.taken == 0)
		event_log(EVENT_BOUNCE_IGNORED, "id", post->id, "list", post->list->address, "to", post->rcpt, "kind", verdict_kind_name(verdict.kind),
			"reason", "nothing in it ends a delivery of ours", NULL);
	return result;
}
