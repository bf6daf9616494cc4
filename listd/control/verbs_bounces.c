/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_bounces.h"
#include "listd/control/verbs_list.h"

#include "listd/bounce/figures.h"
#include "listd/bounce/steps.h"
#include "listd/json_text.h"
#include "mail/date.h"

#include <string.h>

#define DAY_SECS 86400
#define REFUSAL_DAYS 30
#define REPORT_DAYS 7

/* How it stands with one subscriber. */
struct standing {
	struct tally_score score;
	const char *words;
	int64_t due_secs;
};

static const char *state_name(enum tally_state state)
{
	static const char *const names[] = { [TALLY_COUNTING] = "counting", [TALLY_PROBED] = "probed", [TALLY_SUSPENDED] = "suspended" };

	return names[state];
}

/* "suspended since Sun, 22 Nov 2026 (2 of 3 warnings): a probe of ... came back ..." */
static int stand(struct control_call *call, const struct list_settings *list, const struct tally *tally, struct standing *s, struct fail *why)
{
	const bool *held = steps_held(call->daemon, call->arena, list->address, tally, why);
	struct arena *a = call->arena;

	if (held == NULL)
		return -1;
	tally_score(tally, held, list, clock_now(&call->daemon->clock), &s->score);
	tally_next(tally, &s->score, list, clock_now(&call->daemon->clock), &s->due_secs);
	switch (tally->state) {
	case TALLY_COUNTING:
		s->words = tally_reason(a, tally, &s->score);
		break;
	case TALLY_PROBED:
		s->words = arena_printf(a, "a probe was sent on %s; if it does not come back, all is forgotten: %s", date_day(a, tally->probe_secs), tally_reason(a, tally, &s->score));
		break;
	case TALLY_SUSPENDED:
		s->words = arena_printf(a, "suspended since %s (%u of %lld warnings, the last on %s, which %s)", date_day(a, tally->since_secs), tally->warnings, list->bounce_warnings,
			date_day(a, tally->probe_secs), *tally->probe_class == '\0' ? "has not come back yet" : arena_printf(a, "came back: %s", tally->probe_reply));
		break;
	}
	return 0;
}

static const char *note_text(struct arena *a, const struct tally_note *note)
{
	return arena_printf(a, "%s %s at %s: %s%s%s", date_day(a, note->at_secs), note->class, note->receiver, note->reply, note->counts ? "" : " (does not count)",
		note->counts && !note->is_certain ? " (a suspicion: anybody who got the post could have sent the report)" : "");
}

int verbs_bounces_of(struct control_call *call, const char *list, const char *key, json_t *row, struct fail *why)
{
	struct list_settings *settings;
	struct standing standing;
	struct tally tally;
	json_t *history;
	int found = store_tally_get(call->daemon->store, call->arena, list, key, &tally, why);

	if (found != 1)
		return found;
	found = daemon_list(call->daemon, list, &settings, why);
	if (found != 1)
		return found;
	found = stand(call, settings, &tally, &standing, why);
	list_settings_free(settings);
	if (found != 0)
		return -1;
	history = json_array();
	for (size_t i = 0; i < tally.note_count; i++)
		json_array_append_new(history, json_text(span_of(note_text(call->arena, &tally.notes[i]))));
	json_object_set_new(row, "bounces", json_text(span_of(standing.words)));
	json_object_set_new(row, "history", history);
	return 0;
}

struct listing {
	struct control_call *call;
	const struct list_settings *list;
	json_t *members, *words; /* "CLASS RECEIVER" -> {"at","reply"}: the receiver's last words about it */
	struct fail *why;
};

static void note_words(json_t *words, struct arena *a, const struct tally_note *note)
{
	const char *key = arena_printf(a, "%s %s", note->class, note->receiver);

	if (json_integer_value(json_object_get(json_object_get(words, key), "at")) <= note->at_secs)
		json_object_set_new(words, key, json_pack("{s:I, s:o}", "at", (json_int_t)note->at_secs, "reply", json_text(span_of(note->reply))));
}

static json_t *member_json(const struct tally *tally, const struct standing *s)
{
	const struct tally_note *last = s->score.last;

	return json_pack("{s:s, s:s, s:I, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "address", tally->key, "state", state_name(tally->state), "since",
		(json_int_t)(tally->state == TALLY_COUNTING ? tally->note_count == 0 ? 0 : tally->notes[0].at_secs : tally->since_secs),
		"dead_days", (int)s->score.dead_days, "other_days", (int)s->score.soft_days, "class", json_optional(last == NULL ? NULL : last->class),
		"receiver", json_optional(last == NULL ? NULL : last->receiver), "reply", last == NULL ? json_null() : json_text(span_of(last->reply)),
		"due", s->due_secs == INT64_MAX ? json_null() : json_integer(s->due_secs), "words", json_text(span_of(s->words)));
}

static int list_one(void *context, const struct tally *tally)
{
	struct listing *listing = context;
	struct standing standing;

	for (size_t i = 0; i < tally->note_count; i++)
		note_words(listing->words, listing->call->arena, &tally->notes[i]);
	if (stand(listing->call, listing->list, tally, &standing, listing->why) != 0)
		return -1;
	if (tally->state != TALLY_COUNTING || standing.score.last != NULL)
		json_array_append_new(listing->members, member_json(tally, &standing));
	return 0;
}

static json_t *refusals(const json_t *figures, const json_t *words)
{
	json_t *rows = json_array(), *count;
	const char *key;

	json_object_foreach(json_object_get(figures, FIGURE_REFUSED), key, count) {
		size_t blank = strcspn(key, " ");
		json_t *reply = json_object_get(json_object_get(words, key), "reply");

		json_array_append_new(rows, json_pack("{s:s%, s:s, s:I, s:o}", "class", key, blank, "receiver", key + blank + (key[blank] != '\0'),
			"count", json_integer_value(count), "reply", reply == NULL ? json_null() : json_incref(reply)));
	}
	return rows;
}

int verb_bounces(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why);
	int64_t today = clock_now(&call->daemon->clock) / DAY_SECS;
	struct listing listing = { .call = call, .why = why };
	struct list_settings *settings;
	json_t *figures;
	int found = list == NULL ? -1 : daemon_list(call->daemon, list, &settings, why);

	if (found != 1)
		return found < 0 ? -1 : fail_permanent(why, "no list %s: see listctl lists", list);
	listing.list = settings;
	listing.members = json_array();
	listing.words = json_object();
	figures = figures_sum(call->daemon, list, today - REFUSAL_DAYS, today, why);
	if (figures != NULL && store_tallies_each(call->daemon->store, list, list_one, &listing, why) == 0)
		*result_r = json_pack("{s:s, s:O, s:o}", "list", list, "members", listing.members, "refusals", refusals(figures, listing.words));
	else
		found = -1;
	json_decref(figures);
	json_decref(listing.words);
	json_decref(listing.members);
	list_settings_free(settings);
	return found < 0 ? -1 : 0;
}

static int report_one(struct control_call *call, const char *list, int64_t from_day, int64_t until_day, struct fail *why)
{
	json_t *report = figures_report(call->daemon, list, from_day, until_day, why);

	if (report == NULL)
		return -1;
	control_row(call, report);
	return 0;
}

int verb_report(struct control_call *call, json_t **result_r, struct fail *why)
{
	int64_t today = clock_now(&call->daemon->clock) / DAY_SECS, days = json_integer_value(json_object_get(call->args, "days"));
	struct store_list *lists;
	size_t count;

	(void)result_r;
	if (days < 0 || days > STORE_FIGURE_DAYS)
		return fail_permanent(why, "days: expected 1 to %d, for which figures are kept", STORE_FIGURE_DAYS);
	if (days == 0)
		days = REPORT_DAYS;
	if (json_object_get(call->args, "list") != NULL) {
		const char *list = verbs_list_name(call, "list", why);

		return list == NULL ? -1 : report_one(call, list, today - days + 1, today, why);
	}
	if (store_list_all(call->daemon->store, call->arena, &lists, &count, why) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (report_one(call, lists[i].address, today - days + 1, today, why) != 0)
			return -1;
	return 0;
}

int verbs_bounces_alarms(struct control_call *call, json_t *warnings, struct fail *why)
{
	int64_t today = clock_now(&call->daemon->clock) / DAY_SECS;
	struct store_list *lists;
	size_t count;

	if (store_list_all(call->daemon->store, call->arena, &lists, &count, why) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		json_t *figures = figures_sum(call->daemon, lists[i].address, today - 1, today, why), *number;
		const char *receiver;

		if (figures == NULL)
			return -1;
		json_object_foreach(json_object_get(figures, FIGURE_ALARM), receiver, number)
			json_array_append_new(warnings, json_sprintf("%s refuses copies of %s for our own authentication; see listctl bounces %s", receiver, lists[i].address, lists[i].address));
		json_decref(figures);
	}
	return 0;
}
