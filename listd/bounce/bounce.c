/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/bounce.h"

#include "listd/bounce/fallback.h"
#include "listd/bounce/figures.h"
#include "listd/bounce/learn.h"
#include "listd/bounce/sent.h"
#include "listd/bounce/steps.h"
#include "listd/bounce/tender.h"
#include "listd/event.h"
#include "mail/address.h"

#include <string.h>

#define DAY_SECS 86400
/* A burst that lasts so long is none: who has bounced before it began to be one is counted as before. */
#define BURST_DAYS 7

/* What is known while one is taken. */
struct taking {
	struct daemon *daemon;
	const struct bounce *bounce;
	struct arena *arena;
	struct list_settings *list;
	struct member member;
	const char *receiver;              /* operator's name */
	char post_id[SPOOL_ID_CHARS + 1];
	bool is_certain;
};

/* What follows from each class, besides that it counts against the subscriber or does not, which its row says. */
enum {
	NOTE = 1,     /* kept for people, and in the figures */
	ALARM = 2,    /* the owners are told */
	COMPLAIN = 4, /* the subscription ends, or as the list's setting says */
	SECOND = 8    /* the post again, in a stronger form; and the receiver is remembered */
};
static const unsigned consequences[BOUNCE_CLASSES] = {
	[BOUNCE_POLICY_DMARC] = NOTE | SECOND, [BOUNCE_POLICY_AUTH] = NOTE | ALARM,
	[BOUNCE_DEAD_MAILBOX] = NOTE, [BOUNCE_FULL] = NOTE, [BOUNCE_NETWORK] = NOTE,
	[BOUNCE_SPAM] = NOTE, [BOUNCE_RATE] = NOTE, [BOUNCE_CONTENT] = NOTE, [BOUNCE_UNKNOWN] = NOTE,
	[BOUNCE_COMPLAINT] = COMPLAIN,
};

const char *bounce_source_name(enum bounce_source source)
{
	static const char *const names[] = {
		[BOUNCE_BY_REPLY] = "reply", [BOUNCE_BY_RCPT_KEY] = "key", [BOUNCE_BY_POST_KEY] = "post-key", [BOUNCE_BY_PROBE] = "probe",
	};

	return names[source];
}

static const char *find_receiver(struct taking *t, const char *domain)
{
	struct site *site = daemon_hold_site(t->daemon);
	const char *name = arena_text(t->arena, span_of(receivers_find(site->receivers, t->daemon->dns, &t->daemon->clock, domain)->name));

	daemon_release_site(site);
	return name;
}

/* 1: a member of a list that is there. */
static int begin(struct taking *t, struct fail *why)
{
	struct address address;
	const char *key;
	int found;

	if (address_parse(t->arena, span_of(t->bounce->recipient), &address, NULL) != 0)
		return 0;
	key = address_key(t->arena, &address);
	found = daemon_list(t->daemon, t->bounce->list, &t->list, why);
	if (found <= 0)
		return found;
	found = store_member_get(t->daemon->store, t->arena, t->bounce->list, key, &t->member, why);
	if (found == 1)
		t->receiver = find_receiver(t, strrchr(key, '@') + 1);
	return found;
}

/* "Forgets" after the list's bounce-life; what is older counts for nothing anyway. */
static void fill(const struct taking *t, struct store_bounce *bounce_r)
{
	const struct bounce *b = t->bounce;
	const struct list_settings *list = t->list;
	int64_t now_secs = clock_now(&t->daemon->clock), post_secs = spool_id_secs(t->post_id);
	struct site *site = daemon_hold_site(t->daemon);

	*bounce_r = (struct store_bounce){
		.list = b->list, .post_id = t->post_id, .key = t->member.key,
		.note = {
			.day = (post_secs < 0 ? now_secs : post_secs) / DAY_SECS, .post_id = t->post_id, .class = bounce_class_rows[b->class].name, .is_certain = t->is_certain,
			.at_secs = b->at_secs, .receiver = t->receiver, .reply = b->reply,
		},
		.keep_from_day = (now_secs - list->bounce_life_secs) / DAY_SECS, .tally_expires_secs = now_secs + list->bounce_life_secs,
		.expires_secs = now_secs + site->settings->verp_life_secs + DAY_SECS,
		.burst_share = (unsigned)list->bounce_burst_share, .burst_min = (unsigned)list->bounce_burst_min,
	};
	bounce_r->burst_before_day = bounce_r->note.day - BURST_DAYS;
	daemon_release_site(site);
}

static void log_burst(const struct taking *t, const struct store_burst *burst)
{
	event_log(EVENT_BURST, "list", t->bounce->list, "post", t->post_id, "receiver", t->receiver, "bounced", event_number((long long)burst->bounced),
		"subscribers", event_number((long long)burst->subscribers), NULL);
}

/* The form of a copy that took the place of a refused one, or NULL where it was none or is not known any more. */
static const char *second_form(const struct taking *t)
{
	struct notes notes;

	if ((consequences[t->bounce->class] & SECOND) == 0 || t->bounce->form == NULL || !learn_notes(t->daemon, t->arena, t->bounce->job, &notes))
		return NULL;
	return *notes.of == '\0' ? NULL : t->bounce->form;
}

static size_t fill_figures(const struct taking *t, struct store_figure figures[3])
{
	const char *class = bounce_class_rows[t->bounce->class].name, *second = second_form(t);
	size_t count = 0;

	figures[count++] = (struct store_figure){ FIGURE_REFUSED, arena_printf(t->arena, "%s %s", class, t->receiver), 1 };
	if ((consequences[t->bounce->class] & ALARM) != 0)
		figures[count++] = (struct store_figure){ FIGURE_ALARM, t->receiver, 1 };
	if (second != NULL)
		figures[count++] = (struct store_figure){ FIGURE_SECOND, arena_printf(t->arena, "%s refused", second), 1 };
	return count;
}

static int note(struct taking *t, struct fail *why)
{
	struct store_figure figures[3];
	struct store_burst burst = { 0 };
	struct store_bounce row;
	int taken;

	fill(t, &row);
	row.figures = figures;
	row.figure_count = fill_figures(t, figures);
	row.note.counts = bounce_class_rows[t->bounce->class].counts && t->list->bounces && t->member.delivery == MEMBER_DELIVERY_ON;
	taken = store_bounce_put(t->daemon->store, &row, &burst, why);
	if (taken == 1 && burst.is_new)
		log_burst(t, &burst);
	return taken;
}

/* A complaint that anybody could have made up is told to the owners, and changes nothing. */
static int complain(struct taking *t, struct fail *why)
{
	static const char *const done[] = { [COMPLAINTS_UNSUBSCRIBE] = "unsubscribed", [COMPLAINTS_SUSPEND] = "suspended", [COMPLAINTS_NOTE] = "noted" };
	enum complaints wanted = t->is_certain ? (enum complaints)t->list->complaints : COMPLAINTS_NOTE;
	struct store_figure figure = { FIGURE_COMPLAINT, arena_printf(t->arena, "%s %s", t->member.key, done[wanted]), 1 };
	struct store_delivery off = {
		MEMBER_DELIVERY_OFF_BY_MEMBER, clock_now(&t->daemon->clock), arena_printf(t->arena, "a copy was marked as spam, says %s", t->receiver),
	};
	struct store_bounce row;
	int taken;

	fill(t, &row);
	row.note.class = NULL;
	row.figures = &figure;
	row.figure_count = 1;
	row.remove_member = wanted == COMPLAINTS_UNSUBSCRIBE;
	row.delivery = wanted == COMPLAINTS_SUSPEND ? &off : NULL;
	taken = store_bounce_put(t->daemon->store, &row, NULL, why);
	if (taken == 1)
		event_log(EVENT_COMPLAINT, "list", t->bounce->list, "member", t->member.key, "done", done[wanted], NULL);
	return taken;
}

/* Which copy it was: the relay's reply tells, of a report by mail the job does. To look for a recipient costs as much as the job is long, so it is done once. */
static void find_copy(struct taking *t)
{
	struct bounce *found;
	struct sent sent;

	if (t->bounce->form != NULL || sent_find(t->daemon, t->arena, t->bounce->job, t->bounce->list, t->bounce->recipient, &sent) != 1)
		return;
	found = arena_alloc(t->arena, sizeof(*found));
	*found = *t->bounce;
	found->job = sent.job;
	found->form = sent.form;
	t->bounce = found;
}

static int take(struct taking *t, struct fail *why)
{
	unsigned what = consequences[t->bounce->class];
	int taken = store_bounce_is_taken(t->daemon->store, t->bounce->list, t->post_id, t->member.key, t->is_certain, why);

	if (taken != 0 || what == 0)
		return taken < 0 ? -1 : 0;
	if ((what & SECOND) != 0)
		find_copy(t);
	/* before it is marked as taken: a crash in between repeats it, which does nothing more */
	if ((what & SECOND) != 0 && (fallback_note(t->daemon, t->bounce, why) != 0 || learn_note(t->daemon, t->bounce, why) != 0))
		return -1;
	taken = (what & COMPLAIN) != 0 ? complain(t, why) : note(t, why);
	if (taken == 1) {
		event_log(EVENT_BOUNCE, "list", t->bounce->list, "to", t->member.key, "post", t->post_id, "source", bounce_source_name(t->bounce->source), "class",
			bounce_class_rows[t->bounce->class].name, "receiver", t->receiver, "status", t->bounce->status, "reply", t->bounce->reply, NULL);
		if (bounce_class_rows[t->bounce->class].counts || (what & ALARM) != 0)
			tender_wake(t->daemon->tender);
	}
	return taken < 0 ? -1 : 0;
}

int bounce_take(struct daemon *daemon, const struct bounce *bounce, struct fail *why)
{
	struct taking t = { .daemon = daemon, .bounce = bounce, .arena = arena_new(ARENA_SCRATCH_MAX_BYTES), .is_certain = bounce->source != BOUNCE_BY_POST_KEY };
	int result;

	memcpy(t.post_id, bounce->job, strnlen(bounce->job, SPOOL_ID_CHARS));
	if (bounce->source == BOUNCE_BY_PROBE) {
		result = steps_probe_back(daemon, bounce, why);
	} else {
		result = begin(&t, why);
		if (result == 1)
			result = take(&t, why);
	}
	list_settings_free(t.list);
	arena_free(t.arena);
	return result < 0 ? -1 : 0;
}
