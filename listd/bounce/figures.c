/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/figures.h"

#include "listd/json_text.h"
#include "mitigations/auth/dmarc.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_SECS 86400
#define DATE_BYTES 32

/* What reports show, and under which name. */
static const struct { const char *kind, *name; } shown[] = {
	{ FIGURE_POSTS, "posts" }, { FIGURE_STRATEGY, "strategies" }, { FIGURE_REFUSED, "refusals" }, { FIGURE_SECOND, "second_forms" }, { FIGURE_SUSPENDED, "suspended" },
	{ FIGURE_REMOVED, "removed" }, { FIGURE_RESTORED, "restored" }, { FIGURE_COMPLAINT, "complaints" }, { FIGURE_BURST, "bursts" }, { FIGURE_ALARM, "own_authentication" },
};

struct noting {
	const struct post *post;
	struct store_share *shares;
	struct store_figure *figures;
	size_t share_count, figure_count, figure_cap;
};

static void add_figure(struct noting *n, const char *kind, const char *key, uint64_t count)
{
	*(struct store_figure *)arena_grow(n->post->arena, &n->figures, &n->figure_cap, n->figure_count, sizeof(*n->figures)) = (struct store_figure){ kind, key, count };
	n->figure_count++;
}

/* One receiver may have several classes, by rules for single domains. */
static void add_share(struct noting *n, const char *receiver, uint64_t subscribers)
{
	size_t i = 0;

	while (i < n->share_count && strcmp(n->shares[i].receiver, receiver) != 0)
		i++;
	n->share_count += i == n->share_count;
	n->shares[i].receiver = receiver;
	n->shares[i].subscribers += subscribers;
}

static void add_classes(struct noting *n)
{
	const struct post *post = n->post;

	n->shares = arena_array(post->arena, post->class_count, sizeof(*n->shares));
	for (size_t i = 0; i < post->class_count; i++) {
		const struct post_class *class = &post->classes[i];
		const char *strategy = class->choice.form == NULL ? NULL : class->choice.form->strategy->name;

		if (strategy == NULL || class->rcpt_count == 0)
			continue;
		add_share(n, class->receiver->name, class->rcpt_count);
		if (post->source_job != NULL)
			add_figure(n, FIGURE_SECOND, arena_printf(post->arena, "%s sent", strategy), class->rcpt_count);
		else
			add_figure(n, FIGURE_STRATEGY, arena_printf(post->arena, "%s %s", class->receiver->name, strategy), class->rcpt_count);
	}
}

static void add_authors(struct noting *n)
{
	const struct facts *facts = &n->post->facts;

	add_figure(n, FIGURE_POSTS, dmarc_policy_name(facts->policy), 1);
	for (size_t i = 0; i < facts->author_count && i < FACTS_AUTHORS_MAX; i++)
		if (facts->authors[i].effective != DMARC_UNKNOWN)
			add_figure(n, FIGURE_AUTHOR, arena_printf(n->post->arena, "%s %s", facts->authors[i].author_domain, dmarc_policy_name(facts->authors[i].effective)), 1);
}

int figures_note_post(struct daemon *daemon, const struct post *post, struct fail *why)
{
	struct noting n = { .post = post };
	int64_t now_secs = clock_now(&daemon->clock);

	if (post->purpose != PURPOSE_POST)
		return 0;
	add_classes(&n);
	if (post->source_job == NULL)
		add_authors(&n);
	return store_post_note(daemon->store, post->list->address, post->id, now_secs, now_secs + post->list->bounce_life_secs + post->world->site->verp_life_secs,
		n.shares, n.share_count, n.figures, n.figure_count, why);
}

int figures_add(struct daemon *daemon, const char *list, const char *kind, const char *key, uint64_t count, struct fail *why)
{
	struct store_figure figure = { kind, key, count };

	return store_figures_add(daemon->store, list, clock_now(&daemon->clock) / DAY_SECS, &figure, 1, why);
}

/* Keys may hold what strangers wrote: as JSON keys they must be UTF-8. */
static void add(json_t *sums, const char *key, uint64_t count)
{
	json_t *text = json_text(span_of(key));
	const char *name = json_string_value(text);
	json_int_t before = json_integer_value(json_object_get(sums, name));

	json_object_set_new(sums, name, json_integer(before + (json_int_t)count));
	json_decref(text);
}

static int sum_one(void *context, int64_t day, const struct store_figure *figure)
{
	json_t *all = context, *sums = json_object_get(all, figure->kind);

	(void)day;
	if (sums == NULL) {
		sums = json_object();
		json_object_set_new(all, figure->kind, sums);
	}
	add(sums, figure->key, figure->count);
	return 0;
}

json_t *figures_sum(struct daemon *daemon, const char *list, int64_t from_day, int64_t until_day, struct fail *why)
{
	json_t *all = json_object();

	if (store_figures_each(daemon->store, list, from_day, until_day, sum_one, all, why) != 0) {
		json_decref(all);
		return NULL;
	}
	return all;
}

static bool is_strict(struct span policy)
{
	return span_eq_text(policy, dmarc_policy_name(DMARC_P_QUARANTINE)) || span_eq_text(policy, dmarc_policy_name(DMARC_P_REJECT));
}

/* "DOMAIN POLICY" in two. */
static void split(const char *key, struct span *domain_r, struct span *policy_r)
{
	size_t at = span_find_byte(span_of(key), ' ');

	*domain_r = span_sub(span_of(key), 0, at);
	*policy_r = span_sub(span_of(key), at + 1, strlen(key));
}

/* Was the domain seen among these authors with a policy that is strict, or with one that is not? */
static bool was(json_t *authors, struct span domain, bool strict)
{
	const char *key;
	json_t *count;

	json_object_foreach(authors, key, count) {
		struct span other, policy;

		split(key, &other, &policy);
		if (span_eq(other, domain) && is_strict(policy) == strict)
			return true;
	}
	return false;
}

json_t *figures_turned_strict(struct daemon *daemon, const char *list, int64_t from_day, int64_t until_day, struct fail *why)
{
	json_t *now = figures_sum(daemon, list, from_day, until_day, why);
	json_t *before = now == NULL ? NULL : figures_sum(daemon, list, from_day - STORE_FIGURE_DAYS, from_day - 1, why);
	json_t *turned = before == NULL ? NULL : json_array(), *count;
	const char *key;

	json_object_foreach(turned == NULL ? NULL : json_object_get(now, FIGURE_AUTHOR), key, count) {
		json_t *authors = json_object_get(before, FIGURE_AUTHOR);
		struct span domain, policy;

		split(key, &domain, &policy);
		if (is_strict(policy) && !was(authors, domain, true) && (was(authors, domain, false) || was(json_object_get(now, FIGURE_AUTHOR), domain, false)))
			json_array_append_new(turned, json_string(key));
	}
	json_decref(before);
	json_decref(now);
	return turned;
}

/* "2026-11-22" */
static void date(int64_t day, char text_r[DATE_BYTES])
{
	time_t secs = (time_t)(day * DAY_SECS);
	struct tm tm;

	if (gmtime_r(&secs, &tm) == NULL || strftime(text_r, DATE_BYTES, "%Y-%m-%d", &tm) == 0)
		snprintf(text_r, DATE_BYTES, "-");
}

json_t *figures_report(struct daemon *daemon, const char *list, int64_t from_day, int64_t until_day, struct fail *why)
{
	json_t *sums = figures_sum(daemon, list, from_day, until_day, why);
	json_t *turned = sums == NULL ? NULL : figures_turned_strict(daemon, list, from_day, until_day, why);
	char from[DATE_BYTES], until[DATE_BYTES];
	json_t *report;

	if (turned == NULL) {
		json_decref(sums);
		return NULL;
	}
	date(from_day, from);
	date(until_day, until);
	report = json_pack("{s:s, s:s, s:s}", "list", list, "from", from, "until", until);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		json_t *of_kind = json_object_get(sums, shown[i].kind);

		json_object_set_new(report, shown[i].name, of_kind == NULL ? json_object() : json_incref(of_kind));
	}
	json_object_set_new(report, "turned_strict", turned);
	json_decref(sums);
	return report;
}
