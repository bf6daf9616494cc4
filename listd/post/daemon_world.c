/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/daemon_world.h"
#include "listd/post/judged.h"
#include "listd/post/rate.h"
#include "listd/post/rcpt.h"
#include "listd/post/route.h"

#include "listd/bounce/learn.h"
#include "listd/bounce/returned.h"
#include "listd/event.h"
#include "listd/workers.h"

#include <limits.h>
#include <string.h>

static int find_member(void *context, struct arena *a, const char *list, const char *key, struct member *member_r, struct fail *why)
{
	struct daemon *daemon = context;

	return store_member_get(daemon->store, a, list, key, member_r, why);
}

static int is_duplicate(void *context, const char *list, const char *message_id, const char *post_id, struct fail *why)
{
	struct daemon *daemon = context;

	return store_seen_check(daemon->store, list, message_id, post_id, why);
}

static int find_alias(void *context, struct arena *a, const char *list, const char *code, const char **author_r, struct fail *why)
{
	struct daemon *daemon = context;

	return store_alias_get(daemon->store, a, list, code, author_r, why);
}

static int each_member(void *context, const char *list, int (*each)(void *, const struct member *), void *each_context, struct fail *why)
{
	struct daemon *daemon = context;

	return store_members_each(daemon->store, list, each, each_context, why);
}

static void experience(void *context, struct arena *a, const char *name, struct experience *e)
{
	learn_experience(context, a, name, e);
}

static void site_rules(void *context, struct arena *a, const struct facts *facts, struct site_rules *rules_r)
{
	learn_site_rules(context, a, facts, rules_r);
}

static int find_token(void *context, struct arena *a, const char *token, const char *kind, const char **payload_r, struct fail *why)
{
	struct daemon *daemon = context;
	const char *its_kind;
	int found = store_token_get(daemon->store, a, token, &its_kind, payload_r, why);

	return found == 1 ? strcmp(its_kind, kind) == 0 : found;
}

void daemon_world(struct daemon *daemon, struct site *site, struct world *world_r)
{
	*world_r = (struct world){
		.context = daemon, .dns = daemon->dns, .clock = &daemon->clock, .site = site->settings, .keyring = &site->keyring,
		.key_overlay = site->key_overlay, .receivers = site->receivers, .master = &daemon->master, .field_key = &daemon->field_key,
		.find_member = find_member, .is_duplicate = is_duplicate, .find_alias = find_alias, .find_token = find_token, .each_member = each_member,
		.experience = daemon->learn == NULL ? NULL : experience, .site_rules = daemon->learn == NULL ? NULL : site_rules,
	};
}

/* Of a list that was renamed also by the addresses it had: copies with its aliases are in mailboxes, and mail waits in queues. */
static int find_list(void *context, const char *address, struct list_settings **list_r, struct fail *why)
{
	struct daemon *daemon = context;
	struct arena *a;
	const char *now;
	int found = daemon_list(daemon, address, list_r, why);

	if (found != 0)
		return found;
	a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	found = store_list_former(daemon->store, a, address, &now, why);
	if (found > 0)
		found = daemon_list(daemon, now, list_r, why);
	arena_free(a);
	return found;
}

int daemon_find_list(struct daemon *daemon, struct arena *a, const char *rcpt, struct list_settings **list_r, const char **suffix_r, enum purpose *purpose_r, struct fail *why)
{
	return post_find_list(a, rcpt, find_list, daemon, list_r, suffix_r, purpose_r, why);
}

static int judge_rcpt(void *context, struct arena *a, const struct envelope *envelope, const char *rcpt, struct fail *why)
{
	struct rcpt judged;
	int found = rcpt_judge(context, a, envelope, rcpt, &judged, why);

	if (found == 0)
		return reply_fail(why, REPLY_NO_SUCH_LIST, rcpt);
	if (found < 0)
		return -1;
	list_settings_free(judged.list);
	return 0;
}

static void log_refusal(const struct post *post, const struct fail *why)
{
	event_log(EVENT_REFUSED, "id", post->id, "list", post->list->address, "from", post->envelope->mail_from, "author", post->author_key, "stage", post->stage,
		"code", event_number(why->code), "text", why->text, NULL);
}

/* How many times alias-per-hour one author may get, whatever names senders give themselves. */
#define ALIAS_AUTHOR_FACTOR 5
/* Posts that are put before the moderators of one list in an hour, and that wait on all lists together: every stranger can make them, and each takes disk. */
#define HOLDS_PER_HOUR 200
#define HOLDS_MAX 10000

static bool allow(struct daemon *daemon, const struct post *post, const char *what, const char *who, long long max)
{
	return rate_allow(daemon->rates, arena_printf(post->arena, "%s %s %s", what, post->list->address, who), max > UINT_MAX ? UINT_MAX : (unsigned)max, clock_now(&daemon->clock));
}

/* One sender may have only so many messages forwarded in an hour. */
static bool is_too_fast(struct daemon *daemon, const struct post *post)
{
	const char *sender = post->envelope->mail_from == NULL ? "" : post->envelope->mail_from;
	long long max = post->list->alias_per_hour;

	return post->purpose == PURPOSE_ALIAS
		&& (!allow(daemon, post, "alias from", sender, max) || !allow(daemon, post, "alias to", post->targets[0], max * ALIAS_AUTHOR_FACTOR));
}

static bool may_hold(struct daemon *daemon, const struct post *post)
{
	return atomic_load(&daemon->held_count) < HOLDS_MAX && allow(daemon, post, "hold", "", HOLDS_PER_HOUR);
}

static void refuse_for_now(struct post *post, const char *who, struct reply *reply_r)
{
	struct fail why;

	reply_fail(&why, REPLY_RATE, who);
	log_refusal(post, &why);
	*reply_r = reply_of_fail(post->arena, &why);
}

static void drop(struct post *post, const char *reason, struct reply *reply_r)
{
	event_log(EVENT_DISCARDED, "id", post->id, "list", post->list->address, "reason", reason, NULL);
	*reply_r = reply_make(post->arena, REPLY_OK, arena_printf(post->arena, "discarded: %s", reason));
}

static void answer(struct daemon *daemon, struct post *post, struct reply *reply_r, bool *keep_r)
{
	const char *needless;

	switch (post->outcome) {
	case OUTCOME_SEND:
		if (is_too_fast(daemon, post)) {
			refuse_for_now(post, post->envelope->mail_from, reply_r);
			return;
		}
		*keep_r = true;
		*reply_r = reply_make(post->arena, REPLY_QUEUED, post->id);
		return;
	case OUTCOME_LATER:
		/* it ends with the moderators when DNS never tells */
		if (!may_hold(daemon, post)) {
			refuse_for_now(post, post->envelope->mail_from, reply_r);
			return;
		}
		workers_note_slow(daemon->workers, post->id);
		*keep_r = true;
		*reply_r = reply_make(post->arena, REPLY_QUEUED, post->id);
		return;
	case OUTCOME_HOLD:
		if (!may_hold(daemon, post)) {
			refuse_for_now(post, post->envelope->mail_from, reply_r);
			return;
		}
		*keep_r = true;
		*reply_r = reply_make(post->arena, REPLY_HELD, post->list->address, post->id);
		return;
	case OUTCOME_REFUSE:
		atomic_fetch_add(&daemon->refused_count, 1);
		log_refusal(post, &post->why);
		*reply_r = reply_of_fail(post->arena, &post->why);
		return;
	case OUTCOME_REPORT:
		needless = post->purpose == PURPOSE_BOUNCES ? returned_is_needless(daemon, post) : NULL;
		if (needless != NULL) {
			drop(post, needless, reply_r);
			return;
		}
		*keep_r = true;
		*reply_r = reply_make(post->arena, REPLY_QUEUED, post->id);
		return;
	case OUTCOME_DISCARD:
		drop(post, post->reason, reply_r);
		return;
	}
}

/* All suffixes but those of bounces and aliases lead to the owners: a message for several of them is one message. */
static bool have_owners(struct arrival *arrival, const struct list_settings *list)
{
	for (size_t i = 0; i < arrival->owners_count; i++)
		if (strcmp(arrival->owners_of[i], list->address) == 0)
			return true;
	*(const char **)arena_grow(arrival->arena, &arrival->owners_of, &arrival->owners_cap, arrival->owners_count, sizeof(*arrival->owners_of)) =
		arena_text(arrival->arena, span_of(list->address));
	arrival->owners_count++;
	return false;
}

static void judge_one(struct daemon *daemon, const struct world *world, struct arena *a, const struct envelope *envelope, const char *rcpt, struct span bytes,
	struct reply *reply_r, bool *keep_r)
{
	struct post *post = arena_alloc(a, sizeof(*post));
	struct list_settings *list;
	enum purpose purpose;
	const char *suffix;
	struct fail why;
	int found = daemon_find_list(daemon, a, rcpt, &list, &suffix, &purpose, &why);

	*keep_r = false;
	if (found <= 0) {
		*reply_r = found < 0 ? reply_make(a, REPLY_STORE_TROUBLE, "the store does not answer") : reply_make(a, REPLY_NO_SUCH_LIST, rcpt);
		return;
	}
	if (purpose == PURPOSE_OWNER && have_owners(world->arrival, list)) {
		*reply_r = reply_make(a, REPLY_OK, "the owners get it already");
	} else if (post_begin(post, a, world, envelope, rcpt, list, bytes, &why) != 0) {
		event_log(EVENT_REFUSED, "id", envelope->id, "list", list->address, "from", envelope->mail_from, "stage", "parse", "text", why.text, NULL);
		/* what comes back is never refused: that would be another report */
		*reply_r = purpose == PURPOSE_BOUNCES ? reply_make(a, REPLY_OK, "discarded") : reply_of_fail(a, &why);
	} else {
		post->purpose = purpose;
		post->suffix = suffix;
		if (route_run(post, true, NULL, NULL, &why) != 0)
			*reply_r = reply_make(a, REPLY_STORE_TROUBLE, why.text);
		else
			answer(daemon, post, reply_r, keep_r);
	}
	list_settings_free(list);
}

static void *judge_message(void *context, struct arena *a, const struct envelope *envelope, struct span bytes, struct reply *replies, bool *keep)
{
	struct daemon *daemon = context;
	struct judged *judged = judged_new(daemon, envelope, bytes);
	/* One for each recipient in turn: a message may name a thousand, and a hostile header takes some megabytes to judge. */
	struct arena *one = arena_new(POST_ARENA_MAX_BYTES(bytes.len));
	struct resolver *dns = resolver_limited(daemon->dns, POST_DNS_BUDGET_MS);
	struct world world;

	daemon_world(daemon, judged->site, &world);
	world.dns = dns;
	world.arrival = &judged->arrival;
	for (size_t i = 0; i < envelope->rcpt_count; i++) {
		judge_one(daemon, &world, one, &judged->envelope, judged->envelope.rcpts[i], judged->bytes, &replies[i], &keep[i]);
		replies[i].enhanced = arena_text(a, span_of(replies[i].enhanced));
		replies[i].text = arena_text(a, span_of(replies[i].text));
		arena_reset(one);
	}
	arena_free(one);
	resolver_free(dns);
	return judged;
}

static void accepted(void *context, const struct envelope *envelope, const struct spool_entry *entry, void *judged)
{
	struct daemon *daemon = context;

	atomic_fetch_add(&daemon->posts_count, 1);
	if (!judged_keep(judged, envelope)) {
		judged_free(judged);
		judged = NULL;
	}
	workers_push_judged(daemon->workers, envelope->id, entry, judged);
}

static void dropped(void *context, void *judged)
{
	(void)context;
	judged_free(judged);
}

struct lmtp_judge daemon_judge(struct daemon *daemon)
{
	return (struct lmtp_judge){ .context = daemon, .rcpt = judge_rcpt, .message = judge_message, .accepted = accepted, .dropped = dropped };
}
