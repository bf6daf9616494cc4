/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/fallback_int.h"
#include "listd/bounce/sent.h"

#include "listd/event.h"
#include "mail/address.h"

#include <stdlib.h>

/* Refusals of one post come within seconds of each other: it must be quiet for so long, but nobody waits longer than the second. */
#define QUIET_MS 2000
#define GATHER_MAX_MS 15000
/* How long until trouble is tried again, and how often kept/ is looked through. */
#define RETRY_MS 60000
/* Rows outlive what is kept, so that a late report finds what was done, and figures can be told. */
#define ROW_LIFE_SECS (30 * 86400)

struct fallback {
	struct daemon *daemon;
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t thread;
	bool is_started, stopping;
	int64_t first_ms, last_ms; /* of the notes not looked at yet; 0: none */
};

struct fallback *fallback_new(struct daemon *daemon)
{
	struct fallback *f = calloc(1, sizeof(*f));
	pthread_condattr_t attr;

	if (f == NULL)
		fail_environment("out of memory");
	f->daemon = daemon;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&f->more, &attr);
	pthread_condattr_destroy(&attr);
	return f;
}

void fallback_free(struct fallback *f)
{
	if (f == NULL)
		return;
	pthread_cond_destroy(&f->more);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static void wake(struct fallback *f)
{
	int64_t now = clock_monotonic_ms();

	pthread_mutex_lock(&f->lock);
	if (f->first_ms == 0)
		f->first_ms = now;
	f->last_ms = now;
	pthread_cond_signal(&f->more);
	pthread_mutex_unlock(&f->lock);
}

static int note(struct daemon *daemon, struct arena *a, const struct bounce *bounce, int64_t keep_secs, struct fail *why)
{
	struct address address;
	struct second second = {
		.list = bounce->list, .post_id = sent_post_id(a, bounce->job), .job = bounce->job, .form = bounce->form == NULL ? "" : bounce->form,
		.reply = bounce->reply, .next_id = "", .outcome = "", .state = SECOND_WAITS, .refused_secs = bounce->at_secs,
		.expires_secs = bounce->at_secs + keep_secs + ROW_LIFE_SECS,
	};

	if (address_parse(a, span_of(bounce->recipient), &address, NULL) != 0)
		return 0;
	second.key = address_key(a, &address);
	return store_second_note(daemon->store, &second, why);
}

int fallback_note(struct daemon *daemon, const struct bounce *bounce, struct fail *why)
{
	struct site *site;
	struct arena *a;
	int64_t keep_secs;
	int noted;

	if (bounce->class != BOUNCE_POLICY_DMARC || (bounce->source != BOUNCE_BY_REPLY && bounce->source != BOUNCE_BY_RCPT_KEY))
		return 0;
	site = daemon_hold_site(daemon);
	keep_secs = site->settings->fallback_keep_secs;
	daemon_release_site(site);
	if (keep_secs == 0)
		return 0;
	a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	noted = note(daemon, a, bounce, keep_secs, why);
	arena_free(a);
	/* A list that is gone has no subscribers. */
	if (noted < 0)
		return why->temporary ? -1 : 0;
	if (noted == 1)
		wake(daemon->fallback);
	return 0;
}

static void sweep(struct daemon *daemon)
{
	struct site *site = daemon_hold_site(daemon);
	int64_t before_secs = clock_now(&daemon->clock) - site->settings->fallback_keep_secs;
	struct fail why;

	daemon_release_site(site);
	if (job_sweep_kept(daemon->spool, before_secs, &why) != 0)
		event_log(EVENT_FAULT, "text", why.text, NULL);
}

/* Until when to wait: for quiet, or for the next look. */
static int64_t next_ms(const struct fallback *f, int64_t retry_ms)
{
	int64_t quiet = f->last_ms + QUIET_MS, longest = f->first_ms + GATHER_MAX_MS;

	return f->first_ms == 0 ? retry_ms : quiet < longest ? quiet : longest;
}

/* With the lock held. False: the thread is to end. */
static bool wait_for_quiet(struct fallback *f, int64_t retry_ms)
{
	while (!f->stopping) {
		int64_t until_ms = next_ms(f, retry_ms);
		struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };

		if (clock_monotonic_ms() >= until_ms)
			break;
		pthread_cond_timedwait(&f->more, &f->lock, &until);
	}
	f->first_ms = f->last_ms = 0;
	return !f->stopping;
}

static void *fallback_thread(void *context)
{
	struct fallback *f = context;
	int64_t retry_ms = clock_monotonic_ms(); /* what an earlier process left is taken up at once */

	pthread_mutex_lock(&f->lock);
	while (wait_for_quiet(f, retry_ms)) {
		struct fail why;
		int result;

		pthread_mutex_unlock(&f->lock);
		result = fallback_make(f->daemon, &why);
		if (result < 0)
			event_log(EVENT_FAULT, "stage", "second form", "text", why.text, NULL);
		sweep(f->daemon);
		retry_ms = clock_monotonic_ms() + (result == 1 ? 0 : RETRY_MS);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

int fallback_start(struct fallback *f, struct fail *why)
{
	if (pthread_create(&f->thread, NULL, fallback_thread, f) != 0)
		return fail_temporary(why, "cannot start the thread of second forms");
	f->is_started = true;
	return 0;
}

void fallback_stop(struct fallback *f)
{
	if (f == NULL || !f->is_started)
		return;
	pthread_mutex_lock(&f->lock);
	f->stopping = true;
	pthread_cond_signal(&f->more);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	f->is_started = false;
}
