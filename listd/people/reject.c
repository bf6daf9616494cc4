/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/people/reject.h"

#include "listd/event.h"
#include "listd/people/notice.h"
#include "listd/post/daemon_world.h"
#include "listd/post/route.h"
#include "listd/workers.h"
#include "mail/encword.h"

#include <string.h>

#define TOKEN_LIFE_SECS (30LL * 86400)

struct rejecting {
	struct daemon *daemon;
	struct site *site;
	struct arena *arena;     /* of the look at the message */
	struct arena *told;      /* of what the caller is told */
	const struct hold *hold;
	const char *reason;
	struct list_settings *list;
	struct rejection *rejection;
};

/* Addresses behind which there are programs (RFC 3834 2), as patterns of a local part. */
static const struct { const char *text; enum { IS, BEGINS, ENDS, HOLDS } where; } program_rows[] = {
	{ "mailer-daemon", IS }, { "postmaster", IS }, { "owner-", BEGINS }, { "-owner", ENDS }, { "-request", ENDS }, { "-bounces", ENDS }, { "-bounces+", HOLDS },
	{ "bounce+", BEGINS }, { "no-reply", IS }, { "noreply", IS },
};

static bool is_program(struct arena *a, const char *address)
{
	const char *at = strrchr(address, '@');
	struct span local = span_of(arena_lower(a, (struct span){ address, at == NULL ? strlen(address) : (size_t)(at - address) }));

	for (size_t i = 0; i < sizeof(program_rows) / sizeof(program_rows[0]); i++) {
		struct span text = span_of(program_rows[i].text);
		bool begins = local.len >= text.len && span_eq(span_sub(local, 0, text.len), text);
		bool ends = local.len >= text.len && span_eq(span_sub(local, local.len - text.len, text.len), text);

		if ((program_rows[i].where == IS && span_eq(local, text)) || (program_rows[i].where == BEGINS && begins) || (program_rows[i].where == ENDS && ends)
			|| (program_rows[i].where == HOLDS && strstr(local.ptr, text.ptr) != NULL))
			return true;
	}
	return false;
}

/* Why nobody is told, or NULL: then *to_r is the author. */
static const char *find_author(struct rejecting *r, struct post *post, const char **to_r)
{
	const struct facts *facts = &post->facts;

	if (post_is_by_program(post) || message_field(&post->message, "List-Id") != NULL)
		return "a program sent it";
	if (is_program(r->arena, post->envelope->mail_from))
		return "its envelope takes no answers";
	if (facts->from_fields != 1 || facts->from.damaged || facts->from.count != 1 || facts->from.items[0].domain.len == 0)
		return "it has no single author";
	if (!facts->shown || facts->forged != NULL)
		return "nothing shows that it comes from the author it names";
	*to_r = arena_text(r->arena, facts->from.items[0].spec);
	return is_program(r->arena, *to_r) ? "its author is a program" : NULL;
}

/* As when it came in: what the session knew lies with the message. */
static int look(struct rejecting *r, const struct spooled *spooled, struct fail *why)
{
	struct post *post = arena_alloc(r->arena, sizeof(*post));
	struct resolver *dns = resolver_limited(r->daemon->dns, POST_DNS_BUDGET_MS);
	const char *to = NULL, *why_not = NULL;
	struct world world;
	int result;

	daemon_world(r->daemon, r->site, &world);
	world.dns = dns;
	result = post_begin(post, r->arena, &world, &spooled->envelope, r->list->address, r->list, spooled->message, why);
	if (result == 0) {
		authenticate_gather(&world, r->arena, &post->message, &post->session, &post->facts);
		why_not = find_author(r, post, &to);
		if (why_not != NULL && post->facts.has_temporary)
			result = fail_temporary(why, "DNS does not tell now whether the post comes from its author, who is to be told: try again later, or use held discard");
	}
	resolver_free(dns);
	if (result != 0)
		return -1;
	r->rejection->to = why_not == NULL ? arena_text(r->told, span_of(to)) : NULL;
	r->rejection->told = why_not == NULL ? arena_printf(r->told, "%s is told", to) : arena_printf(r->told, "nobody is told: %s", why_not);
	return 0;
}

static int write_notice(struct rejecting *r, const char *id, struct fail *why)
{
	const char *local = list_local(r->list, r->arena), *subject = arena_text(r->arena, encword_decode(r->arena, span_of(r->hold->subject)));
	const struct template_value values[] = {
		{ "list", *r->list->display_name == '\0' ? local : r->list->display_name }, { "list-address", r->list->address }, { "subject", subject },
		{ "reason", r->reason }, { "owner", arena_printf(r->arena, "%s-owner@%s", local, list_domain(r->list)) },
	};
	struct notice notice = { .to = r->rejection->to, .template = r->reason == NULL || *r->reason == '\0' ? "rejected" : "rejected-reason", .values = values,
		.value_count = sizeof(values) / sizeof(values[0]), .sender = "" };

	return notice_write(r->daemon, r->site, r->arena, r->list, id, &notice, why);
}

/* Notice and hold in one transaction; then the held file, which nothing needs any more. */
static int decide(struct rejecting *r, struct fail *why)
{
	char id[SPOOL_ID_CHARS + 1];
	struct store_token token = { id, NOTICE_TOKEN, "", clock_now(&r->daemon->clock) + TOKEN_LIFE_SECS };
	bool tells = r->rejection->to != NULL;

	spool_id(clock_now(&r->daemon->clock), id);
	if (tells && write_notice(r, id, why) != 0)
		return -1;
	if (store_hold_remove(r->daemon->store, r->hold->id, tells ? &token : NULL, why) != 0) {
		if (tells)
			notice_drop(r->daemon, id);
		return -1;
	}
	daemon_count_holds(r->daemon);
	event_log(EVENT_REJECTED, "id", r->hold->id, "list", r->hold->list, "to", r->rejection->to, "reason", r->reason, NULL);
	if (tells)
		workers_push(r->daemon->workers, id);
	return spool_remove(r->daemon->spool, SPOOL_HELD, r->hold->id, why);
}

int reject_post(struct daemon *daemon, struct arena *a, const struct hold *hold, const char *reason, struct rejection *rejection_r, struct fail *why)
{
	struct rejecting r = { .daemon = daemon, .told = a, .hold = hold, .reason = reason, .rejection = rejection_r };
	struct spooled spooled;
	int result = daemon_list(daemon, hold->list, &r.list, why);

	if (result <= 0)
		return result < 0 ? -1 : fail_permanent(why, "the list %s is gone", hold->list);
	if (spool_read(daemon->spool, a, SPOOL_HELD, hold->id, &spooled, why) != 0) {
		list_settings_free(r.list);
		return -1;
	}
	r.arena = arena_new(POST_ARENA_MAX_BYTES(spooled.message.len));
	r.site = daemon_hold_site(daemon);
	result = look(&r, &spooled, why);
	if (result == 0)
		result = decide(&r, why);
	daemon_release_site(r.site);
	arena_free(r.arena);
	spool_unread(&spooled);
	list_settings_free(r.list);
	return result;
}
