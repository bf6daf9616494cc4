/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/tally.h"

#include "mail/date.h"

#include <string.h>

#define DAY_SECS 86400

static bool is_class(const char *name, enum bounce_class class)
{
	return strcmp(name, bounce_class_rows[class].name) == 0;
}

/* Has the day of note i a note before it that was counted in the same way? */
static bool is_counted(const struct tally *tally, const bool *is_held, int64_t from_day, size_t i, bool dead, bool certain)
{
	for (size_t k = 0; k < i; k++) {
		const struct tally_note *note = &tally->notes[k];

		if (note->day == tally->notes[i].day && note->counts && !is_held[k] && note->day >= from_day && (!certain || note->is_certain)
				&& is_class(note->class, BOUNCE_DEAD_MAILBOX) == dead)
			return true;
	}
	return false;
}

static unsigned count_days(const struct tally *tally, const bool *is_held, int64_t from_day, bool dead, bool certain)
{
	unsigned days = 0;

	for (size_t i = 0; i < tally->note_count; i++) {
		const struct tally_note *note = &tally->notes[i];

		if (note->counts && !is_held[i] && note->day >= from_day && (!certain || note->is_certain) && is_class(note->class, BOUNCE_DEAD_MAILBOX) == dead
				&& !is_counted(tally, is_held, from_day, i, dead, certain))
			days++;
	}
	return days;
}

void tally_score(const struct tally *tally, const bool *is_held, const struct list_settings *list, int64_t now_secs, struct tally_score *score_r)
{
	int64_t from_day = (now_secs - list->bounce_life_secs) / DAY_SECS;

	*score_r = (struct tally_score){
		.dead_days = count_days(tally, is_held, from_day, true, false), .soft_days = count_days(tally, is_held, from_day, false, false),
		.certain_dead_days = count_days(tally, is_held, from_day, true, true), .certain_soft_days = count_days(tally, is_held, from_day, false, true),
	};
	for (size_t i = 0; i < tally->note_count; i++)
		if (tally->notes[i].counts && !is_held[i])
			score_r->last = &tally->notes[i];
}

const char *tally_step_name(enum tally_step step)
{
	static const char *const names[] = {
		[TALLY_STEP_NONE] = "none", [TALLY_STEP_PROBE] = "probe", [TALLY_STEP_SUSPEND] = "suspend", [TALLY_STEP_WARN] = "warn", [TALLY_STEP_REMOVE] = "remove",
		[TALLY_STEP_RESTORE] = "restore", [TALLY_STEP_FORGET] = "forget",
	};

	return names[step];
}

static bool is_reached(const struct list_settings *list, unsigned dead_days, unsigned soft_days)
{
	return dead_days >= list->bounce_days || dead_days + soft_days >= list->bounce_days_soft;
}

static enum tally_step next_counting(const struct tally_score *score, const struct list_settings *list)
{
	if (!list->bounces || !is_reached(list, score->dead_days, score->soft_days))
		return TALLY_STEP_NONE;
	if (!list->bounce_probe && is_reached(list, score->certain_dead_days, score->certain_soft_days))
		return TALLY_STEP_SUSPEND;
	return TALLY_STEP_PROBE;
}

static bool came_back(const struct tally *tally)
{
	return *tally->probe_class != '\0';
}

/* Did it come back for a reason that says something of the mailbox? */
static bool came_back_against(const struct tally *tally)
{
	enum bounce_class class;

	return bounce_class_find(span_of(tally->probe_class), &class) && bounce_class_rows[class].counts;
}

/* NONE with the time until which to wait, or what follows when that has passed. */
static enum tally_step after(int64_t due_secs, int64_t now_secs, enum tally_step step, int64_t *due_secs_r)
{
	if (now_secs >= due_secs)
		return step;
	*due_secs_r = due_secs;
	return TALLY_STEP_NONE;
}

static enum tally_step next_probed(const struct tally *tally, const struct list_settings *list, int64_t now_secs, int64_t *due_secs_r)
{
	if (came_back_against(tally))
		return TALLY_STEP_SUSPEND;
	return came_back(tally) ? TALLY_STEP_FORGET : after(tally->probe_secs + list->bounce_probe_wait_secs, now_secs, TALLY_STEP_FORGET, due_secs_r);
}

static enum tally_step next_suspended(const struct tally *tally, const struct list_settings *list, int64_t now_secs, int64_t *due_secs_r)
{
	int64_t next_secs = tally->probe_secs + list->bounce_warn_secs;

	if (!came_back(tally))
		return after(tally->probe_secs + list->bounce_probe_wait_secs, now_secs, TALLY_STEP_RESTORE, due_secs_r);
	if (tally->warnings < list->bounce_warnings)
		return after(next_secs, now_secs, TALLY_STEP_WARN, due_secs_r);
	if (!list->bounce_remove || !is_class(tally->probe_class, BOUNCE_DEAD_MAILBOX))
		return TALLY_STEP_NONE;
	return after(next_secs, now_secs, TALLY_STEP_REMOVE, due_secs_r);
}

enum tally_step tally_next(const struct tally *tally, const struct tally_score *score, const struct list_settings *list, int64_t now_secs, int64_t *due_secs_r)
{
	*due_secs_r = INT64_MAX;
	switch (tally->state) {
	case TALLY_COUNTING:
		return next_counting(score, list);
	case TALLY_PROBED:
		return next_probed(tally, list, now_secs, due_secs_r);
	case TALLY_SUSPENDED:
		return next_suspended(tally, list, now_secs, due_secs_r);
	}
	return TALLY_STEP_NONE;
}

const char *tally_reason(struct arena *a, const struct tally *tally, const struct tally_score *score)
{
	unsigned days = score->dead_days + score->soft_days;

	if (came_back(tally))
		return arena_printf(a, "a probe of %s came back (%s): %s", date_day(a, tally->probe_secs), tally->probe_class, tally->probe_reply);
	if (score->last == NULL)
		return "nothing that counts";
	return arena_printf(a, "copies came back on %u %s, last for the post of %s (%s): %s", days, days == 1 ? "day" : "days",
		date_day(a, score->last->day * DAY_SECS), score->last->class, score->last->reply);
}
