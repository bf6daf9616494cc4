/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/delivery/delivery_int.h"
#include "listd/event.h"
#include "mail/clock.h"

#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SESSIONS_MAX 1000
#define TICK_MS 250          /* how exact times of retries are */
#define SWEEP_MS 60000

int64_t delivery_now(const struct delivery *d)
{
	return clock_now(d->config->options.clock);
}

void delivery_wake_session(struct delivery *d)
{
	struct session *chosen = NULL;

	for (size_t i = 0; i < d->session_count; i++) {
		struct session *s = d->sessions[i];

		if (s->is_waiting && (chosen == NULL || (s->smtp != NULL && chosen->smtp == NULL)))
			chosen = s;
	}
	if (chosen == NULL)
		return;
	chosen->is_waiting = false; /* the next call chooses another */
	pthread_cond_signal(&chosen->wake);
}

static const char *copy_or_null(struct arena *a, const char *text)
{
	return text == NULL ? NULL : arena_text(a, span_of(text));
}

static int make_config(const struct delivery_options *from, struct config **config_r, struct fail *why)
{
	struct arena *a;
	struct config *config;
	struct delivery_options *o;

	if (from->relay == NULL || from->helo == NULL || from->sessions < 1 || from->sessions > SESSIONS_MAX)
		return fail_permanent(why, "delivery needs a relay, a host name and 1 to %d sessions", SESSIONS_MAX);
	a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	config = arena_alloc(a, sizeof(*config));
	config->arena = a;
	config->options = *from;
	o = &config->options;
	o->relay = copy_or_null(a, from->relay);
	o->helo = copy_or_null(a, from->helo);
	o->tls_ca_file = copy_or_null(a, from->tls_ca_file);
	o->user = copy_or_null(a, from->user);
	o->password = copy_or_null(a, from->password);
	o->timeout_secs = from->timeout_secs < 1 ? 1 : from->timeout_secs;
	o->retry_min_secs = from->retry_min_secs < 1 ? 1 : from->retry_min_secs;
	o->retry_max_secs = from->retry_max_secs < o->retry_min_secs ? o->retry_min_secs : from->retry_max_secs;
	atomic_init(&config->users, 1);
	*config_r = config;
	return 0;
}

/* Threads of the pump take no signals: they are for the main thread, and SIGPIPE is for nobody. */
static int start_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(thread, NULL, run, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

static void init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* As many threads as there are sessions; those that a reload makes superfluous wait. With the lock held. */
static int start_sessions(struct delivery *d, struct fail *why)
{
	size_t wanted = d->config->options.sessions;

	if (wanted > d->session_cap) {
		d->sessions = reallocarray(d->sessions, wanted, sizeof(d->sessions[0]));
		if (d->sessions == NULL)
			fail_environment("out of memory");
		d->session_cap = wanted;
	}
	while (d->session_count < wanted) {
		struct session *s = calloc(1, sizeof(*s));

		if (s == NULL)
			fail_environment("out of memory");
		s->delivery = d;
		s->number = (unsigned)d->session_count;
		init_cond(&s->wake);
		d->sessions[d->session_count] = s;
		if (start_thread(&s->thread, session_main, s) != 0) {
			pthread_cond_destroy(&s->wake);
			free(s);
			return fail_temporary(why, "cannot start relay session %zu", d->session_count + 1);
		}
		d->session_count++;
	}
	return 0;
}

/* Retries whose time has come; done marks that nothing needs. */
static void tend(struct delivery *d)
{
	int64_t now_ms = clock_monotonic_ms();
	struct fail why;

	queue_wake_due(d, false);
	if (!TAILQ_EMPTY(&d->ready))
		delivery_wake_session(d);
	if (now_ms - d->swept_ms < SWEEP_MS)
		return;
	d->swept_ms = now_ms;
	pthread_mutex_unlock(&d->lock);
	if (job_sweep_done(d->spool, &why) != 0)
		event_log(EVENT_FAULT, "reason", why.text, NULL);
	pthread_mutex_lock(&d->lock);
}

static void *tender_main(void *argument)
{
	struct delivery *d = argument;

	pthread_mutex_lock(&d->lock);
	while (!atomic_load(&d->stopping)) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += TICK_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&d->tick, &d->lock, &until);
		tend(d);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

static int take_up_jobs(struct delivery *d, struct fail *why)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	const char **ids;
	size_t count;
	int result = job_ids(d->spool, a, &ids, &count, why);

	for (size_t i = 0; result == 0 && i < count; i++)
		queue_add(d, ids[i]);
	arena_free(a);
	return result;
}

static int start_threads(struct delivery *d, struct fail *why)
{
	int result;

	pthread_mutex_lock(&d->lock);
	result = take_up_jobs(d, why);
	if (result == 0)
		result = start_sessions(d, why);
	pthread_mutex_unlock(&d->lock);
	if (result == 0 && start_thread(&d->tender, tender_main, d) != 0)
		result = fail_temporary(why, "cannot start a thread");
	return result;
}

static void end_sessions(struct delivery *d, unsigned grace_ms);

/* With all threads ended: until then each may wake any session. */
static void free_delivery(struct delivery *d)
{
	for (size_t i = 0; i < d->session_count; i++) {
		pthread_cond_destroy(&d->sessions[i]->wake);
		free(d->sessions[i]);
	}
	queue_free(d);
	config_release(d->config);
	pthread_cond_destroy(&d->tick);
	pthread_cond_destroy(&d->session_ended);
	pthread_mutex_destroy(&d->lock);
	free(d->sessions);
	free(d);
}

int delivery_start(const struct delivery_options *options, struct spool *spool, const struct delivery_hooks *hooks, struct delivery **delivery_r, struct fail *why)
{
	struct config *config;
	struct delivery *d;

	if (make_config(options, &config, why) != 0)
		return -1;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		fail_environment("out of memory");
	d->spool = spool;
	d->hooks = *hooks;
	d->config = config;
	d->swept_ms = clock_monotonic_ms();
	TAILQ_INIT(&d->all);
	TAILQ_INIT(&d->ready);
	pthread_mutex_init(&d->lock, NULL);
	init_cond(&d->tick);
	init_cond(&d->session_ended);
	if (start_threads(d, why) != 0) {
		end_sessions(d, 0);
		free_delivery(d);
		return -1;
	}
	*delivery_r = d;
	return 0;
}

void delivery_wake(struct delivery *d, const char *job_id)
{
	pthread_mutex_lock(&d->lock);
	queue_add(d, job_id);
	pthread_mutex_unlock(&d->lock);
}

void delivery_flush(struct delivery *d)
{
	pthread_mutex_lock(&d->lock);
	d->relay.next_try_ms = 0;
	d->relay.failures = 0;
	for (size_t i = 0; i < d->session_count; i++) {
		d->sessions[i]->cool_until_ms = 0;
		d->sessions[i]->losses = 0;
	}
	queue_wake_due(d, true);
	delivery_wake_session(d);
	pthread_mutex_unlock(&d->lock);
}

int delivery_reload(struct delivery *d, const struct delivery_options *options, struct fail *why)
{
	struct config *config, *before;
	int result;

	if (make_config(options, &config, why) != 0)
		return -1;
	pthread_mutex_lock(&d->lock);
	before = d->config;
	d->config = config;
	d->relay.next_try_ms = 0;
	result = start_sessions(d, why);
	for (size_t i = 0; i < d->session_count; i++)
		pthread_cond_signal(&d->sessions[i]->wake);
	pthread_mutex_unlock(&d->lock);
	config_release(before);
	return result;
}

/* Transactions under way get until the deadline, then their connections are closed. */
static void join_session(struct delivery *d, struct session *s, const struct timespec *deadline)
{
	int result = 0;

	pthread_mutex_lock(&d->lock);
	while (!s->has_ended && result == 0)
		result = pthread_cond_timedwait(&d->session_ended, &d->lock, deadline);
	if (s->smtp != NULL)
		smtp_interrupt(s->smtp);
	pthread_mutex_unlock(&d->lock);
	pthread_join(s->thread, NULL);
}

static void end_sessions(struct delivery *d, unsigned grace_ms)
{
	struct timespec deadline;

	pthread_mutex_lock(&d->lock);
	atomic_store(&d->stopping, true);
	pthread_cond_signal(&d->tick);
	for (size_t i = 0; i < d->session_count; i++)
		pthread_cond_signal(&d->sessions[i]->wake);
	pthread_mutex_unlock(&d->lock);
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += grace_ms / 1000;
	deadline.tv_nsec += (long)(grace_ms % 1000) * 1000000;
	deadline.tv_sec += deadline.tv_nsec / 1000000000;
	deadline.tv_nsec %= 1000000000;
	for (size_t i = 0; i < d->session_count; i++)
		join_session(d, d->sessions[i], &deadline);
}

void delivery_stop(struct delivery *d, unsigned grace_ms)
{
	if (d == NULL)
		return;
	end_sessions(d, grace_ms);
	pthread_join(d->tender, NULL);
	free_delivery(d);
}

static void job_status(struct delivery *d, const struct queued *q, struct arena *a, struct delivery_job_status *status_r)
{
	*status_r = (struct delivery_job_status){ .id = arena_text(a, span_of(q->id)), .list = arena_text(a, span_of(q->list)), .rcpts = q->rcpt_count,
		.todo = q->job != NULL ? job_todo_count(q->job) : q->todo_count, .created_secs = q->created_secs,
		.next_secs = q->state == QUEUED_WAITING ? q->next_secs : delivery_now(d), .tries = q->tries, .last_reply = arena_text(a, span_of(q->last_reply)) };
}

/* A job that has not been opened yet (the relay is away) is looked into. */
static void look_into(struct delivery *d, struct arena *a, struct delivery_job_status *status)
{
	struct job *job;
	struct fail why;

	if (status->rcpts > 0 || job_open(d->spool, status->id, &job, &why) != 0)
		return;
	status->list = arena_text(a, span_of(job->list));
	status->rcpts = job->rcpt_count;
	status->todo = job_todo_count(job);
	status->created_secs = job->created_secs;
	job_close(job);
}

void delivery_status(struct delivery *d, struct arena *a, struct delivery_status *status_r)
{
	struct queued *q;
	size_t cap = 0;

	pthread_mutex_lock(&d->lock);
	*status_r = (struct delivery_status){ .relay_away = d->relay.away, .relay_reply = arena_text(a, span_of(d->relay.reply)), .sessions = d->relay.connected,
		.delivered = atomic_load(&d->delivered), .refused = atomic_load(&d->refused), .deferred = atomic_load(&d->deferred) };
	TAILQ_FOREACH(q, &d->all, all_link) {
		struct delivery_job_status *slot = arena_grow(a, &status_r->jobs, &cap, status_r->job_count, sizeof(*slot));

		job_status(d, q, a, slot);
		status_r->job_count++;
	}
	pthread_mutex_unlock(&d->lock);
	for (size_t i = 0; i < status_r->job_count; i++)
		look_into(d, a, &status_r->jobs[i]);
}
