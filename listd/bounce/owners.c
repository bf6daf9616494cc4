/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/owners.h"

#include "listd/bounce/figures.h"
#include "listd/event.h"
#include "listd/people/notice.h"
#include "listd/workers.h"
#include "mail/date.h"

#include <string.h>

#define DAY_SECS 86400
/* A summary that could not be told on its day is told so many days later at most. */
#define SUMMARY_DAYS 7
#define TOKEN_SECS (30LL * DAY_SECS)
/* Lines of a summary; the whole stands in the report. */
#define LINES_MAX_BYTES ((size_t)40000)

struct telling {
	struct daemon *daemon;
	struct site *site;
	const struct list_settings *list;
	struct arena *arena;
	int64_t today;
	struct fail *why;
};

/* One message to one owner, unless that was told before. 1 told, 0 not again, -1. */
static int tell_one(struct telling *t, int64_t day, const char *what, const char *owner, const char *template, const struct template_value *values, size_t count)
{
	struct notice notice = { .to = owner, .template = template, .values = values, .value_count = count, .sender = "" };
	char id[SPOOL_ID_CHARS + 1];
	struct store_token token = { id, NOTICE_TOKEN, "", (t->today + 1) * DAY_SECS + TOKEN_SECS };
	int told;

	spool_id(clock_now(&t->daemon->clock), id);
	if (notice_write(t->daemon, t->site, t->arena, t->list, id, &notice, t->why) != 0)
		return -1;
	told = store_told_put(t->daemon->store, t->list->address, day, arena_printf(t->arena, "%s %s", what, owner), &token, t->why);
	if (told == 1)
		workers_push(t->daemon->workers, id);
	else
		notice_drop(t->daemon, id);
	return told;
}

/* To every owner, then the mark that nobody need be asked again. */
static int tell(struct telling *t, int64_t day, const char *what, const char *template, const struct template_value *values, size_t count)
{
	for (const char *const *owner = t->list->owners; template != NULL && owner != NULL && *owner != NULL; owner++)
		if (tell_one(t, day, what, *owner, template, values, count) < 0)
			return -1;
	return store_told_put(t->daemon->store, t->list->address, day, what, NULL, t->why) < 0 ? -1 : 0;
}

static bool was_told(const json_t *figures, const char *what)
{
	return json_object_get(json_object_get(figures, "told"), what) != NULL;
}

static const char *list_name(const struct telling *t)
{
	return *t->list->display_name == '\0' ? list_local(t->list, t->arena) : t->list->display_name;
}

static const char *date(const struct telling *t, int64_t day)
{
	return date_day(t->arena, day * DAY_SECS);
}

/* ---- at once ---- */

/* The last words of a receiver about our authentication, from the subscribers' notes. */
struct words { const char *receiver, *class; const char *reply; struct arena *arena; int64_t at_secs; };

static int find_words(void *context, const struct tally *tally)
{
	struct words *words = context;

	for (size_t i = 0; i < tally->note_count; i++) {
		const struct tally_note *note = &tally->notes[i];

		if (note->at_secs < words->at_secs || strcmp(note->receiver, words->receiver) != 0 || strcmp(note->class, words->class) != 0)
			continue;
		words->at_secs = note->at_secs;
		words->reply = arena_text(words->arena, span_of(note->reply));
	}
	return 0;
}

static int tell_alarm(struct telling *t, int64_t day, const char *receiver)
{
	struct words words = { .receiver = receiver, .class = "policy-auth", .reply = "", .arena = t->arena };

	if (store_tallies_each(t->daemon->store, t->list->address, find_words, &words, t->why) < 0)
		return -1;
	event_log(EVENT_AUTH_ALARM, "receiver", receiver, "list", t->list->address, "reply", words.reply, "do",
		"check SPF, DKIM keys and reverse DNS of this server: listctl status, listctl key list", NULL);
	return tell(t, day, arena_printf(t->arena, "alarm %s", receiver), "alarm", (struct template_value[]){ { "list", list_name(t) }, { "list-address", t->list->address },
		{ "receiver", receiver }, { "reply", words.reply }, { "host", t->site->settings->host_name } }, 5);
}

/* In "RECEIVER", "POST RECEIVER". */
static const char *receiver_in(const char *key)
{
	const char *blank = strchr(key, ' ');

	return blank == NULL ? key : blank + 1;
}

/* "POST RECEIVER" */
static int tell_burst(struct telling *t, int64_t day, const char *key)
{
	size_t at = span_find_byte(span_of(key), ' ');
	const char *post = arena_text(t->arena, span_sub(span_of(key), 0, at)), *receiver = receiver_in(key);

	return tell(t, day, arena_printf(t->arena, "burst %s", receiver), "burst", (struct template_value[]){ { "list", list_name(t) }, { "list-address", t->list->address },
		{ "receiver", receiver }, { "post", post }, { "share", arena_printf(t->arena, "%lld", t->list->bounce_burst_share) } }, 5);
}

/* Once a day for each receiver, however many posts it befell: a list of many posts, or a subscriber who makes reports up, is not to fill its owners' mailboxes. */
static int tell_each(struct telling *t, int64_t day, const json_t *figures, const char *kind, const char *told_as,
	int (*tell_this)(struct telling *t, int64_t day, const char *key))
{
	json_t *count, *told = json_object();
	const char *key;
	int result = 0;

	json_object_foreach(json_object_get(figures, kind), key, count) {
		const char *what = arena_printf(t->arena, "%s %s", told_as, receiver_in(key));

		if (result != 0 || was_told(figures, what) || json_object_get(told, what) != NULL)
			continue;
		result = tell_this(t, day, arena_text(t->arena, span_of(key)));
		json_object_set_new(told, what, json_true());
	}
	json_decref(told);
	return result;
}

static int tell_of_day(struct telling *t, int64_t day)
{
	json_t *figures = figures_sum(t->daemon, t->list->address, day, day, t->why);
	int result = figures == NULL ? -1 : tell_each(t, day, figures, FIGURE_ALARM, "alarm", tell_alarm);

	if (result == 0)
		result = tell_each(t, day, figures, FIGURE_BURST, "burst", tell_burst);
	json_decref(figures);
	return result;
}

/* Yesterday's, too: what came shortly before midnight. */
static int tell_at_once(struct telling *t)
{
	return tell_of_day(t, t->today - 1) == 0 ? tell_of_day(t, t->today) : -1;
}

/* ---- once a day, once a week ---- */

static const char *lines_of(struct telling *t, const json_t *figures, const char *kind, bool counts)
{
	struct buf out;
	const char *key, *text;
	json_t *count;

	buf_init(&out, LINES_MAX_BYTES);
	json_object_foreach(json_object_get(figures, kind), key, count) {
		if (counts)
			buf_printf(&out, "  %6lld  %s\n", (long long)json_integer_value(count), key);
		else
			buf_printf(&out, "  %s\n", key);
	}
	text = out.len == 0 ? "  -\n" : arena_text(t->arena, buf_span(&out));
	buf_done(&out);
	return text;
}

static bool has_any(const json_t *figures, const char *const *kinds)
{
	for (; *kinds != NULL; kinds++)
		if (json_object_size(json_object_get(figures, *kinds)) > 0)
			return true;
	return false;
}

static int tell_day(struct telling *t, int64_t day, const json_t *figures)
{
	static const char *const kinds[] = { FIGURE_SUSPENDED, FIGURE_REMOVED, FIGURE_RESTORED, FIGURE_COMPLAINT, NULL };
	bool wanted = t->list->daily_summary && has_any(figures, kinds);

	return tell(t, day, "summary", wanted ? "summary" : NULL, (struct template_value[]){ { "list", list_name(t) }, { "list-address", t->list->address }, { "date", date(t, day) },
		{ "suspended", lines_of(t, figures, FIGURE_SUSPENDED, false) }, { "removed", lines_of(t, figures, FIGURE_REMOVED, false) },
		{ "restored", lines_of(t, figures, FIGURE_RESTORED, false) }, { "complaints", lines_of(t, figures, FIGURE_COMPLAINT, false) } }, 7);
}

static int tell_days(struct telling *t)
{
	for (int64_t day = t->today - SUMMARY_DAYS; day < t->today; day++) {
		json_t *figures = figures_sum(t->daemon, t->list->address, day, day, t->why);
		int result = figures == NULL ? -1 : was_told(figures, "summary") ? 0 : tell_day(t, day, figures);

		json_decref(figures);
		if (result != 0)
			return -1;
	}
	return 0;
}

static const char *texts_of(struct telling *t, const json_t *array)
{
	struct buf out;
	const char *text;
	json_t *item;
	size_t i;

	buf_init(&out, LINES_MAX_BYTES);
	json_array_foreach(array, i, item)
		buf_printf(&out, "  %s\n", json_string_value(item));
	text = out.len == 0 ? "  -\n" : arena_text(t->arena, buf_span(&out));
	buf_done(&out);
	return text;
}

static int tell_report(struct telling *t, int64_t monday, const json_t *report)
{
	bool wanted = t->list->weekly_report && (json_object_size(json_object_get(report, "posts")) > 0 || json_object_size(json_object_get(report, "refusals")) > 0
		|| json_object_size(json_object_get(report, "removed")) > 0);

	return tell(t, monday, "report", wanted ? "report" : NULL, (struct template_value[]){ { "list", list_name(t) }, { "list-address", t->list->address },
		{ "from", date(t, monday - 7) }, { "until", date(t, monday - 1) }, { "posts", lines_of(t, report, "posts", true) },
		{ "strategies", lines_of(t, report, "strategies", true) }, { "refusals", lines_of(t, report, "refusals", true) },
		{ "second-forms", lines_of(t, report, "second_forms", true) }, { "suspended", lines_of(t, report, "suspended", false) },
		{ "removed", lines_of(t, report, "removed", false) }, { "restored", lines_of(t, report, "restored", false) },
		{ "complaints", lines_of(t, report, "complaints", false) }, { "turned-strict", texts_of(t, json_object_get(report, "turned_strict")) } }, 13);
}

/* Of the week before the last Monday (the first day of 1970 was a Thursday). */
static int tell_week(struct telling *t)
{
	int64_t monday = t->today - (t->today + 3) % 7;
	json_t *figures = figures_sum(t->daemon, t->list->address, monday, monday, t->why), *report;
	int result;

	if (figures == NULL || was_told(figures, "report")) {
		json_decref(figures);
		return figures == NULL ? -1 : 0;
	}
	report = figures_report(t->daemon, t->list->address, monday - 7, monday - 1, t->why);
	result = report == NULL ? -1 : tell_report(t, monday, report);
	json_decref(report);
	json_decref(figures);
	return result;
}

int owners_round(struct daemon *daemon, struct site *site, const struct list_settings *list, bool new_day, struct fail *why)
{
	struct telling t = { .daemon = daemon, .site = site, .list = list, .arena = arena_new(ARENA_SCRATCH_MAX_BYTES), .today = clock_now(&daemon->clock) / DAY_SECS, .why = why };
	int result = tell_at_once(&t);

	if (result == 0 && new_day)
		result = tell_days(&t);
	if (result == 0 && new_day)
		result = tell_week(&t);
	arena_free(t.arena);
	return result;
}
