/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/steps.h"

#include "listd/bounce/figures.h"
#include "listd/delivery/verp.h"
#include "listd/event.h"
#include "listd/people/notice.h"
#include "listd/workers.h"
#include "mail/date.h"
#include "mail/secret.h"

#include <string.h>

#define DAY_SECS 86400
/* Longer than any probe is waited for, and than mail servers try to deliver. */
#define PROBE_TOKEN_SECS (60LL * DAY_SECS)
#define TOKEN_BYTES 16 /* 128 bits */
#define TOKEN_CHARS ((TOKEN_BYTES * 8 + 4) / 5)
/* A tally that others write to is read again so often. */
#define TRIES_MAX 20

/* One subscriber at one step. */
struct stepping {
	struct daemon *daemon;
	struct site *site;
	const struct list_settings *list;
	struct arena *arena;
	struct tally tally;
	struct tally_score score;
	struct member member;
	const char *reason;
	int64_t now_secs;
	/* what the step makes */
	char id[SPOOL_ID_CHARS + 1], back[TOKEN_CHARS + 1];
	const char *template;
	struct store_token tokens[2];
	size_t token_count;
	struct store_figure figure;
	struct store_delivery delivery;
	struct tally_change change;
};

const bool *steps_held(struct daemon *daemon, struct arena *a, const char *list, const struct tally *tally, struct fail *why)
{
	bool *held = arena_array(a, tally->note_count, sizeof(*held));

	for (size_t i = 0; i < tally->note_count; i++) {
		const struct tally_note *note = &tally->notes[i];
		int is_held = note->counts ? store_burst_is_held(daemon->store, list, note->post_id, note->receiver, why) : 0;

		if (is_held < 0)
			return NULL;
		held[i] = is_held == 1;
	}
	return held;
}

static struct secret verp_secret(const struct stepping *s)
{
	return secret_derive(&s->daemon->master, arena_printf(s->arena, "verp %s", s->list->address));
}

static void make_back_token(struct stepping *s)
{
	uint8_t chance[TOKEN_BYTES];

	secret_random(chance, sizeof(chance));
	secret_base32(chance, sizeof(chance), s->back);
}

static const char *payload(const struct stepping *s)
{
	return arena_printf(s->arena, "%s %s", s->list->address, s->tally.key);
}

/* The message of a step: a probe that tells, or one of which nothing is to come back. */
static int write_message(struct stepping *s, bool is_probe, struct fail *why)
{
	const char *local = list_local(s->list, s->arena), *domain = list_domain(s->list);
	const struct template_value values[] = {
		{ "list", *s->list->display_name == '\0' ? local : s->list->display_name }, { "list-address", s->list->address }, { "address", s->member.address },
		{ "reason", s->reason }, { "reply", *s->tally.probe_reply != '\0' ? s->tally.probe_reply : s->score.last != NULL ? s->score.last->reply : "" },
		{ "owner", arena_printf(s->arena, "%s-owner@%s", local, domain) }, { "leave", arena_printf(s->arena, "%s-leave@%s", local, domain) },
		{ "left", arena_printf(s->arena, "%lld", s->list->bounce_warnings - s->tally.warnings) },
	};
	struct secret secret = verp_secret(s);
	char sender[400] = "";
	struct notice notice = {
		.to = s->member.address, .template = s->template, .values = values, .value_count = sizeof(values) / sizeof(values[0]), .sender = sender,
		.reply_to = s->back[0] == '\0' ? NULL : arena_printf(s->arena, "%s-confirm+%s@%s", local, s->back, domain),
	};

	if (is_probe)
		verp_write(&secret, VERP_PROBE, local, domain, s->id, NULL, sender, sizeof(sender));
	return notice_write(s->daemon, s->site, s->arena, s->list, s->id, &notice, why);
}

static void add_token(struct stepping *s, const char *token, const char *kind, int64_t life_secs)
{
	s->tokens[s->token_count++] = (struct store_token){ token, kind, payload(s), s->now_secs + life_secs };
}

static void set_figure(struct stepping *s, const char *kind)
{
	s->figure = (struct store_figure){ kind, arena_printf(s->arena, "%s %s", s->tally.key, s->reason), 1 };
	s->change.figures = &s->figure;
	s->change.figure_count = 1;
}

/* A new probe is out; what came of the last one is in the reason. */
static void begin_probe(struct stepping *s, enum tally_state state, int64_t due_secs)
{
	if (s->tally.state != state)
		s->tally.since_secs = s->now_secs;
	s->tally.state = state;
	s->tally.probe_id = s->id;
	s->tally.probe_secs = s->now_secs;
	s->tally.due_secs = due_secs;
	add_token(s, s->id, NOTICE_TOKEN_PROBE, PROBE_TOKEN_SECS);
}

static void step_probe(struct stepping *s)
{
	s->template = "probe";
	begin_probe(s, TALLY_PROBED, s->now_secs + s->list->bounce_probe_wait_secs);
}

static void step_warn(struct stepping *s)
{
	s->template = s->tally.state == TALLY_SUSPENDED ? "warning" : "suspended";
	s->tally.warnings++;
	make_back_token(s);
	add_token(s, s->back, STEPS_TOKEN_BACK, STEPS_BACK_SECS);
	begin_probe(s, TALLY_SUSPENDED, s->now_secs + s->list->bounce_warn_secs);
}

static void step_suspend(struct stepping *s)
{
	s->tally.warnings = 0;
	step_warn(s);
	s->delivery = (struct store_delivery){ MEMBER_DELIVERY_OFF_BY_BOUNCES, s->now_secs, s->reason };
	s->change.delivery = &s->delivery;
	set_figure(s, FIGURE_SUSPENDED);
}

static void step_remove(struct stepping *s)
{
	s->change.remove_member = s->change.forget = true;
	set_figure(s, FIGURE_REMOVED);
}

static void step_restore(struct stepping *s)
{
	s->template = "restored";
	s->delivery = (struct store_delivery){ MEMBER_DELIVERY_ON, 0, "" };
	s->change.delivery = &s->delivery;
	s->change.forget = true;
	s->reason = "a warning arrived: the mailbox takes mail again";
	add_token(s, s->id, NOTICE_TOKEN, PROBE_TOKEN_SECS);
	set_figure(s, FIGURE_RESTORED);
}

static void step_forget(struct stepping *s)
{
	s->change.forget = true;
}

static void (*const steps[])(struct stepping *s) = {
	[TALLY_STEP_NONE] = NULL, [TALLY_STEP_PROBE] = step_probe, [TALLY_STEP_SUSPEND] = step_suspend, [TALLY_STEP_WARN] = step_warn, [TALLY_STEP_REMOVE] = step_remove,
	[TALLY_STEP_RESTORE] = step_restore, [TALLY_STEP_FORGET] = step_forget,
};

/* 1 done, 0 changed meanwhile, -1. */
static int commit(struct stepping *s, enum tally_step step, struct fail *why)
{
	int done;

	spool_id(s->now_secs, s->id);
	s->change = (struct tally_change){ .tokens = s->tokens, .day = s->now_secs / DAY_SECS, .expires_secs = INT64_MAX };
	steps[step](s);
	s->change.token_count = s->token_count;
	if (s->template != NULL && write_message(s, step != TALLY_STEP_RESTORE, why) != 0)
		return -1;
	s->tally.probe_class = s->tally.probe_reply = "";
	done = store_tally_put(s->daemon->store, s->list->address, &s->tally, &s->change, why);
	if (s->template != NULL && done == 1)
		workers_push(s->daemon->workers, s->id);
	else if (s->template != NULL && done == 0)
		notice_drop(s->daemon, s->id);
	if (done == 1)
		event_log(EVENT_TALLY, "list", s->list->address, "member", s->tally.key, "step", tally_step_name(step), "reason", s->reason, NULL);
	return done;
}

/* Nothing to do now: note when to look again, and how long the row is needed. */
static int put_off(struct stepping *s, int64_t due_secs, struct fail *why)
{
	struct tally_change change = { .expires_secs = s->tally.state == TALLY_COUNTING ? s->now_secs + s->list->bounce_life_secs : INT64_MAX };

	if (s->tally.due_secs == due_secs)
		return 1;
	s->tally.due_secs = due_secs;
	return store_tally_put(s->daemon->store, s->list->address, &s->tally, &change, why);
}

/* Was delivery switched by somebody since? Then the matter is settled. */
static bool is_settled(const struct stepping *s)
{
	return s->tally.state == TALLY_SUSPENDED ? s->member.delivery != MEMBER_DELIVERY_OFF_BY_BOUNCES : s->member.delivery != MEMBER_DELIVERY_ON;
}

static int forget(struct stepping *s, struct fail *why)
{
	struct tally_change change = { .forget = true };

	return store_tally_put(s->daemon->store, s->list->address, &s->tally, &change, why);
}

/* One look. 1 done, 0 changed meanwhile, -1. */
static int look(struct stepping *s, const char *key, struct fail *why)
{
	const bool *held;
	int64_t due_secs;
	enum tally_step step;
	int found = store_tally_get(s->daemon->store, s->arena, s->list->address, key, &s->tally, why);

	if (found != 1)
		return found < 0 ? -1 : 1;
	found = store_member_get(s->daemon->store, s->arena, s->list->address, key, &s->member, why);
	if (found < 0)
		return -1;
	if (found == 0 || is_settled(s))
		return forget(s, why);
	held = steps_held(s->daemon, s->arena, s->list->address, &s->tally, why);
	if (held == NULL)
		return -1;
	tally_score(&s->tally, held, s->list, s->now_secs, &s->score);
	s->reason = tally_reason(s->arena, &s->tally, &s->score);
	step = tally_next(&s->tally, &s->score, s->list, s->now_secs, &due_secs);
	return steps[step] == NULL ? put_off(s, due_secs, why) : commit(s, step, why);
}

static int step_one(struct daemon *daemon, struct site *site, const struct list_settings *list, const char *key, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	int done = 0;

	for (int tries = 0; done == 0 && tries < TRIES_MAX; tries++) {
		struct stepping s = { .daemon = daemon, .site = site, .list = list, .arena = a, .now_secs = clock_now(&daemon->clock) };

		done = look(&s, key, why);
	}
	arena_free(a);
	return done < 0 ? -1 : 0;
}

struct dues { struct arena *arena; int64_t now_secs; const char **keys; size_t count, cap; };

static int note_due(void *context, const struct tally *tally)
{
	struct dues *dues = context;

	if (tally->due_secs > dues->now_secs)
		return 0;
	*(const char **)arena_grow(dues->arena, &dues->keys, &dues->cap, dues->count, sizeof(*dues->keys)) = arena_text(dues->arena, span_of(tally->key));
	return ++dues->count == STEPS_ROUND_MAX;
}

int steps_round(struct daemon *daemon, struct site *site, const struct list_settings *list, struct fail *why)
{
	struct dues dues = { .arena = arena_new(ARENA_SCRATCH_MAX_BYTES), .now_secs = clock_now(&daemon->clock) };
	int result = store_tallies_each(daemon->store, list->address, note_due, &dues, why) < 0 ? -1 : 0;

	for (size_t i = 0; result == 0 && i < dues.count; i++)
		result = step_one(daemon, site, list, dues.keys[i], why);
	arena_free(dues.arena);
	return result;
}

/* ---- what others tell ---- */

/* Is delivery off for nothing but bounces? What the member or an administrator has set since is theirs to change. */
static int is_suspended(struct daemon *daemon, struct arena *a, const char *list, const struct tally *tally, struct fail *why)
{
	struct member member;
	int found = tally->state != TALLY_SUSPENDED ? 0 : store_member_get(daemon->store, a, list, tally->key, &member, why);

	return found == 1 ? member.delivery == MEMBER_DELIVERY_OFF_BY_BOUNCES : found;
}

/* "LIST KEY", as tokens hold it. */
static bool split_payload(struct arena *a, const char *text, const char **list_r, const char **key_r)
{
	size_t at = span_find_byte(span_of(text), ' ');

	*list_r = arena_text(a, span_sub(span_of(text), 0, at));
	*key_r = text + at + (text[at] != '\0');
	return **key_r != '\0';
}

static int note_back(struct daemon *daemon, struct arena *a, const struct bounce *bounce, const char *key, struct fail *why)
{
	struct tally_change change = { .expires_secs = INT64_MAX };
	struct tally tally;
	int found = store_tally_get(daemon->store, a, bounce->list, key, &tally, why);

	if (found < 0)
		return -1;
	/* an old probe, or this one again */
	if (found == 0 || strcmp(tally.probe_id, bounce->job) != 0 || *tally.probe_class != '\0')
		return 1;
	tally.probe_class = bounce_class_rows[bounce->class].name;
	tally.probe_reply = bounce->reply;
	tally.due_secs = 0;
	found = store_tally_put(daemon->store, bounce->list, &tally, &change, why);
	if (found == 1)
		event_log(EVENT_BOUNCE, "list", bounce->list, "to", key, "post", bounce->job, "source", bounce_source_name(bounce->source), "class", tally.probe_class,
			"status", bounce->status, "reply", bounce->reply, NULL);
	return found;
}

/* An answer of a program, a delay, a copy passed on: the probe has arrived, or may still. */
static bool says_nothing(enum bounce_class class)
{
	return class == BOUNCE_AUTO_REPLY || class == BOUNCE_DELAYED || class == BOUNCE_RELAYED || class == BOUNCE_DELIVERED || class == BOUNCE_COMPLAINT;
}

int steps_probe_back(struct daemon *daemon, const struct bounce *bounce, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	const char *kind, *text, *list, *key;
	int result = says_nothing(bounce->class) ? 0 : store_token_get(daemon->store, a, bounce->job, &kind, &text, why);

	if (result == 1 && (strcmp(kind, NOTICE_TOKEN_PROBE) != 0 || !split_payload(a, text, &list, &key) || strcmp(list, bounce->list) != 0))
		result = 0;
	if (result == 1) {
		result = 0;
		for (int tries = 0; result == 0 && tries < TRIES_MAX; tries++)
			result = note_back(daemon, a, bounce, key, why);
	}
	arena_free(a);
	return result < 0 ? -1 : 0;
}

int steps_come_back(struct daemon *daemon, const char *list, const char *key, const char *reason, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct store_delivery on = { MEMBER_DELIVERY_ON, 0, "" };
	struct store_figure figure = { FIGURE_RESTORED, arena_printf(a, "%s %s", key, reason), 1 };
	struct tally_change change = { .delivery = &on, .forget = true, .figures = &figure, .figure_count = 1, .day = clock_now(&daemon->clock) / DAY_SECS };
	struct tally tally;
	int result = 0, found = 1;

	for (int tries = 0; result == 0 && found == 1 && tries < TRIES_MAX; tries++) {
		found = store_tally_get(daemon->store, a, list, key, &tally, why);
		if (found == 1)
			found = is_suspended(daemon, a, list, &tally, why);
		if (found == 1)
			result = store_tally_put(daemon->store, list, &tally, &change, why);
	}
	if (result == 1)
		event_log(EVENT_COMES_BACK, "list", list, "member", key, "reason", reason, NULL);
	arena_free(a);
	return found < 0 ? -1 : result;
}
