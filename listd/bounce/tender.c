/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/tender.h"

#include "listd/bounce/owners.h"
#include "listd/bounce/steps.h"
#include "listd/event.h"

#include <stdlib.h>
#include <string.h>

#define DAY_SECS 86400
#define ROUND_SECS 60
/* A swarm of refusals is one round. */
#define SETTLE_MS 300
/* With a clock that tests set, the file is looked at so often. */
#define CLOCK_MS 200

struct tender {
	struct daemon *daemon;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping, woken;
	int64_t told_day;
};

/* false: something is left for the next round. */
static bool round_of_list(struct daemon *daemon, struct site *site, const char *address, bool new_day)
{
	struct list_settings *list;
	struct fail why;
	int found = daemon_list(daemon, address, &list, &why);
	bool done = found >= 0;

	if (found == 1 && (steps_round(daemon, site, list, &why) != 0 || owners_round(daemon, site, list, new_day, &why) != 0))
		done = false;
	if (!done)
		event_log(EVENT_FAULT, "part", "tender", "list", address, "text", why.text, NULL);
	if (found == 1)
		list_settings_free(list);
	return done;
}

void tender_round(struct daemon *daemon, int64_t *told_day)
{
	int64_t today = clock_now(&daemon->clock) / DAY_SECS;
	bool done = true;
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct site *site = daemon_hold_site(daemon);
	struct store_list *lists;
	struct fail why;
	size_t count;

	if (store_list_all(daemon->store, a, &lists, &count, &why) != 0) {
		event_log(EVENT_FAULT, "part", "tender", "text", why.text, NULL);
		count = 0;
		done = false;
	}
	for (size_t i = 0; i < count; i++)
		done &= round_of_list(daemon, site, lists[i].address, today != *told_day);
	if (done)
		*told_day = today;
	daemon_release_site(site);
	arena_free(a);
}

static void wait_ms(struct tender *tender, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&tender->wake, &tender->lock, &until);
}

static bool has_clock_file(struct daemon *daemon)
{
	struct site *site = daemon_hold_site(daemon);
	bool has = *site->settings->clock_file != '\0';

	daemon_release_site(site);
	return has;
}

/* Until there is something to do; false: the end. */
static bool wait_for_work(struct tender *tender)
{
	int64_t end_ms = clock_monotonic_ms() + ROUND_SECS * 1000;
	bool moved = false, go;

	pthread_mutex_lock(&tender->lock);
	while (!tender->stopping && !tender->woken && !moved && clock_monotonic_ms() < end_ms) {
		wait_ms(tender, has_clock_file(tender->daemon) ? CLOCK_MS : end_ms - clock_monotonic_ms());
		moved = daemon_set_clock(tender->daemon);
	}
	if (tender->woken && !tender->stopping)
		wait_ms(tender, SETTLE_MS);
	tender->woken = false;
	go = !tender->stopping;
	pthread_mutex_unlock(&tender->lock);
	return go;
}

static void *tend(void *context)
{
	struct tender *tender = context;

	do
		tender_round(tender->daemon, &tender->told_day);
	while (wait_for_work(tender));
	return NULL;
}

int tender_start(struct daemon *daemon, struct tender **tender_r, struct fail *why)
{
	struct tender *tender = calloc(1, sizeof(*tender));
	pthread_condattr_t attr;

	if (tender == NULL)
		fail_environment("out of memory");
	tender->daemon = daemon;
	pthread_mutex_init(&tender->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&tender->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&tender->thread, NULL, tend, tender) != 0) {
		free(tender);
		return fail_temporary(why, "cannot start the tender's thread");
	}
	*tender_r = tender;
	return 0;
}

void tender_stop(struct tender *tender)
{
	if (tender == NULL)
		return;
	pthread_mutex_lock(&tender->lock);
	tender->stopping = true;
	pthread_cond_signal(&tender->wake);
	pthread_mutex_unlock(&tender->lock);
	pthread_join(tender->thread, NULL);
}

void tender_free(struct tender *tender)
{
	if (tender == NULL)
		return;
	pthread_cond_destroy(&tender->wake);
	pthread_mutex_destroy(&tender->lock);
	free(tender);
}

void tender_wake(struct tender *tender)
{
	if (tender == NULL)
		return;
	pthread_mutex_lock(&tender->lock);
	tender->woken = true;
	pthread_cond_signal(&tender->wake);
	pthread_mutex_unlock(&tender->lock);
}
