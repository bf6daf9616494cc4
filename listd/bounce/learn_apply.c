/* SPDX-License-Identifier: BSD-2-Clause */
/* From rows to what is chosen: receivers as they are taken, and rules. */
#include "listd/bounce/learn_int.h"

#include "mail/date.h"

#include <stdio.h>
#include <string.h>

/* Of a reply, as much as fits in a line that people read. */
#define REPLY_SHOWN_BYTES 160

const char *learn_state_name(enum learn_state state)
{
	static const char *const names[] = { "sent", "suspected", "holds", "due", "trying", "over" };

	return names[state];
}

enum learn_state learn_state(const struct learnt *l, int64_t now_secs, int64_t relearn_secs)
{
	if (l->refused_secs == 0)
		return *l->witnesses == '\0' ? LEARN_SENT : LEARN_SUSPECTED;
	if (l->trial_secs >= l->refused_secs)
		return now_secs < l->trial_secs + LEARN_TRIAL_SECS ? LEARN_TRYING : LEARN_OVER;
	return now_secs < l->refused_secs + relearn_secs ? LEARN_HOLDS : LEARN_DUE;
}

bool learn_is_in_force(enum learn_state state)
{
	return state == LEARN_HOLDS || state == LEARN_DUE || state == LEARN_TRYING;
}

static const char *source(struct arena *a, const struct learnt *l)
{
	return arena_printf(a, "learnt %s from %.*s", date_iso(a, l->refused_secs), REPLY_SHOWN_BYTES, l->reply);
}

/* A receiver that refused such a copy enforces, whatever was said of it. */
static void apply(const struct learnt *l, struct receiver *receiver)
{
	for (size_t i = 0; i < strategy_count; i++)
		if (strcmp(strategies[i]->name, l->what) == 0 && l->proved)
			receiver->refuses |= 1u << i;
	receiver->enforces = true;
	if (strcmp(l->what, "reseal") == 0)
		receiver->trusts_arc = false;
	if (strcmp(l->what, "allowlist") == 0)
		receiver->allowlists_us = false;
}

/* What one name adds: heavy with all of it, light without what is due to be tried again. */
struct adding {
	struct receiver heavy, light;
	const struct learnt *newest;
	bool changes, is_due;
};

static void add_rows(const struct learn *learn, const char *name, int64_t allowed_secs, int64_t now_secs, int64_t relearn_secs, struct adding *adding)
{
	for (size_t i = learn_place(learn, LEARNT_RECEIVER, name, ""); learn_is_about(learn, i, LEARNT_RECEIVER, name); i++) {
		const struct learnt *l = &learn->rows[i]->learnt;
		enum learn_state state = learn_state(l, now_secs, relearn_secs);

		/* Who has agreed since then is taken at his word. */
		if (!learn_is_in_force(state) || (l->refused_secs < allowed_secs && strcmp(l->what, "allowlist") == 0))
			continue;
		apply(l, &adding->heavy);
		if (state == LEARN_DUE)
			adding->is_due = true;
		else
			apply(l, &adding->light);
		if (adding->newest == NULL || adding->newest->refused_secs < l->refused_secs)
			adding->newest = l;
	}
	adding->changes |= adding->newest != NULL;
}

static const struct receiver *copy(struct arena *a, const struct receiver *from)
{
	struct receiver *to = arena_alloc(a, sizeof(*to));

	*to = *from;
	return to;
}

void learn_experience(struct daemon *daemon, struct arena *a, const char *name, struct experience *e)
{
	struct learn *learn = daemon->learn;
	struct adding adding = { .heavy = *e->receiver, .light = e->trial == NULL ? *e->receiver : *e->trial };
	int64_t relearn_secs = learn_relearn_secs(daemon);
	const struct allowed *allowed;

	pthread_mutex_lock(&learn->lock);
	allowed = learn_find_allowed(learn, ALLOWED_RECEIVER, name);
	if (allowed != NULL) {
		adding.changes = adding.heavy.allowlists_us = adding.light.allowlists_us = true;
		adding.heavy.source = adding.light.source = arena_printf(a, "allowlist of the site, since %s", date_iso(a, allowed->since_secs));
	}
	if (!e->receiver->is_fixed)
		add_rows(learn, name, allowed == NULL ? 0 : allowed->since_secs, clock_now(&daemon->clock), relearn_secs, &adding);
	if (adding.newest != NULL)
		adding.heavy.source = adding.light.source = source(a, adding.newest);
	pthread_mutex_unlock(&learn->lock);
	if (!adding.changes)
		return;
	e->receiver = copy(a, &adding.heavy);
	if (adding.is_due || e->trial != NULL)
		e->trial = copy(a, &adding.light);
}

static struct rule *add_rule(struct arena *a, struct rules *rules, size_t *cap)
{
	return arena_grow(a, &rules->items, cap, rules->count++, sizeof(*rules->items));
}

/* Where an author domain is forced by experience. */
static void add_forced(const struct learn *learn, struct arena *a, const char *domain, int64_t now_secs, int64_t relearn_secs, struct site_rules *rules, size_t caps[2])
{
	size_t first = learn_place(learn, LEARNT_AUTHOR, domain, ""), in_force = 0;

	for (size_t i = first; learn_is_about(learn, i, LEARNT_AUTHOR, domain); i++)
		in_force += learn_is_in_force(learn_state(&learn->rows[i]->learnt, now_secs, relearn_secs));
	for (size_t i = first; learn_is_about(learn, i, LEARNT_AUTHOR, domain); i++) {
		const struct learnt *l = &learn->rows[i]->learnt;
		enum learn_state state = learn_state(l, now_secs, relearn_secs);
		struct rule rule = { .action = RULE_FORCE, .from = arena_text(a, span_of(domain)) };

		if (!learn_is_in_force(state))
			continue;
		if (in_force < LEARN_RECEIVERS)
			rule.to = arena_text(a, span_of(l->what));
		rule.text = arena_printf(a, "force from %s%s%s (%s)", domain, rule.to == NULL ? "" : " to ", rule.to == NULL ? "" : rule.to, source(a, l));
		*add_rule(a, &rules->rules, &caps[0]) = rule;
		if (state == LEARN_DUE)
			rules->is_due = true;
		else
			*add_rule(a, &rules->trial, &caps[1]) = rule;
	}
}

void learn_site_rules(struct daemon *daemon, struct arena *a, const struct facts *facts, struct site_rules *rules_r)
{
	struct learn *learn = daemon->learn;
	int64_t relearn_secs = learn_relearn_secs(daemon), now_secs = clock_now(&daemon->clock);
	size_t caps[2] = { 0, 0 };

	*rules_r = (struct site_rules){ .is_due = false };
	pthread_mutex_lock(&learn->lock);
	for (size_t i = 0; i < learn->allowed_count; i++) {
		const struct allowed *allowed = &learn->allowed[i];
		struct rule rule = { .action = RULE_EXEMPT };

		if (allowed->kind != ALLOWED_SENDER)
			continue;
		rule.from = arena_text(a, span_of(allowed->name));
		rule.text = arena_printf(a, "exempt from %s (allowlist of the site, since %s)", allowed->name, date_iso(a, allowed->since_secs));
		*add_rule(a, &rules_r->rules, &caps[0]) = *add_rule(a, &rules_r->trial, &caps[1]) = rule;
	}
	for (size_t i = 0; i < facts->author_count; i++)
		add_forced(learn, a, facts->authors[i].author_domain, now_secs, relearn_secs, rules_r, caps);
	pthread_mutex_unlock(&learn->lock);
}
