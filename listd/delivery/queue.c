/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/delivery/delivery_int.h"
#include "listd/event.h"
#include "mail/clock.h"

#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Transactions in a chunk: enough that taking one costs nothing, few enough that jobs get their turn and a stop is quick. */
#define CHUNK_TRANSACTIONS 64
/* Fewer than this are not worth a connection of their own. */
#define CHUNK_MIN_RCPTS 16
/* Connections lost over a job with nothing settled, before it waits and others come first: it may be what ends them. */
#define LOSSES_MAX 3

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct queued *)a)->id, ((const struct queued *)b)->id);
}

static void *allocate(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL)
		fail_environment("out of memory");
	return p;
}

static char *copy_text(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(allocate(size, 1), text, size);
}

static void make_ready(struct delivery *d, struct queued *q, bool first)
{
	q->state = QUEUED_READY;
	if (first)
		TAILQ_INSERT_HEAD(&d->ready, q, ready_link);
	else
		TAILQ_INSERT_TAIL(&d->ready, q, ready_link);
	delivery_wake_session(d);
}

static void make_busy(struct delivery *d, struct queued *q)
{
	assert(q->state == QUEUED_READY);
	TAILQ_REMOVE(&d->ready, q, ready_link);
	q->state = QUEUED_BUSY;
}

void queue_add(struct delivery *d, const char *id)
{
	struct queued key = { .id = (char *)(uintptr_t)id }, *q;
	void *slot = tfind(&key, &d->by_id, compare_ids);

	if (slot != NULL)
		return;
	q = allocate(1, sizeof(*q));
	q->id = copy_text(id);
	q->list = copy_text("");
	if (tsearch(q, &d->by_id, compare_ids) == NULL)
		fail_environment("out of memory");
	TAILQ_INSERT_TAIL(&d->all, q, all_link);
	make_ready(d, q, false);
}

/* End what belongs to one pass. */
static void close_job(struct queued *q)
{
	job_close(q->job);
	free(q->form_done);
	q->job = NULL;
	q->wires = NULL;
	q->form_done = NULL;
}

static void forget(struct delivery *d, struct queued *q)
{
	tdelete(q, &d->by_id, compare_ids);
	TAILQ_REMOVE(&d->all, q, all_link);
	close_job(q);
	free(q->back);
	free(q->id);
	free(q->list);
	free(q);
}

void queue_free(struct delivery *d)
{
	struct fail why;

	while (!TAILQ_EMPTY(&d->all)) {
		struct queued *q = TAILQ_FIRST(&d->all);

		if (q->job != NULL && job_sync(q->job, &why) != 0)
			event_log(EVENT_FAULT, "id", q->id, "reason", why.text, NULL);
		forget(d, q);
	}
}

/* retry-min, doubled for each try, up to retry-max. */
static int64_t next_time(const struct delivery *d, unsigned tries)
{
	const struct delivery_options *o = &d->config->options;
	int64_t wait_secs = o->retry_min_secs;

	for (unsigned i = 1; i < tries && wait_secs < o->retry_max_secs; i++)
		wait_secs *= 2;
	return delivery_now(d) + (wait_secs < o->retry_max_secs ? wait_secs : o->retry_max_secs);
}

static void make_waiting(struct delivery *d, struct queued *q)
{
	close_job(q);
	q->tries++;
	q->next_secs = next_time(d, q->tries);
	q->cursor = 0;
	q->back_count = 0;
	q->losses = 0;
	q->deferred = 0;
	q->state = QUEUED_WAITING;
}

/* Read a job's files, with the lock let go. */
static struct job *open_unlocked(struct delivery *d, struct queued *q, struct fail *why)
{
	struct job *job = NULL;

	pthread_mutex_unlock(&d->lock);
	if (job_open(d->spool, q->id, &job, why) == 0) {
		q->wires = arena_array(job->arena, job->form_count, sizeof(q->wires[0]));
		for (size_t i = 0; i < job->form_count; i++)
			wire_prepare(job->arena, &job->forms[i].rendering, true, &q->wires[i]);
		if (d->hooks.opened != NULL)
			d->hooks.opened(d->hooks.context, job);
	}
	pthread_mutex_lock(&d->lock);
	return job;
}

/* Begin a pass. -1: the job is gone from the ready ones. */
static int open_job(struct delivery *d, struct queued *q)
{
	struct fail why;

	make_busy(d, q);
	q->job = open_unlocked(d, q, &why);
	if (q->job == NULL && !why.temporary) {
		forget(d, q); /* damaged: it is in bad/ and the log has said so */
		return -1;
	}
	if (q->job == NULL) {
		snprintf(q->last_reply, sizeof(q->last_reply), "%s", why.text);
		event_log(EVENT_DEFERRED, "id", q->id, "reply", why.text, NULL);
		make_waiting(d, q);
		return -1;
	}
	q->form_done = allocate(q->job->form_count, sizeof(q->form_done[0]));
	free(q->list);
	q->list = copy_text(q->job->list);
	q->created_secs = q->job->created_secs;
	q->rcpt_count = q->job->rcpt_count;
	q->pass_ms = clock_monotonic_ms();
	atomic_store(&q->synced_ms, q->pass_ms); /* small jobs are over and removed before a sync is due */
	make_ready(d, q, true);
	return 0;
}

/* Skip what has been settled. */
static uint32_t skip_settled(const struct job *job, uint32_t at, uint32_t end)
{
	while (at < end && job->rcpts[at].state != JOB_TODO)
		at++;
	return at;
}

/* The next recipients that are to do, as one range over which nobody else sits; false: all are given out. */
static bool next_range(struct queued *q, struct range *range_r)
{
	while (q->back_count > 0) {
		struct range *range = &q->back[q->back_count - 1];

		range->at = skip_settled(q->job, range->at, range->end);
		if (range->at < range->end) {
			*range_r = *range;
			return true;
		}
		q->back_count--;
	}
	q->cursor = skip_settled(q->job, q->cursor, (uint32_t)q->job->rcpt_count);
	*range_r = (struct range){ q->cursor, (uint32_t)q->job->rcpt_count };
	return range_r->at < range_r->end;
}

static void take_from(struct queued *q, uint32_t end)
{
	if (q->back_count > 0)
		q->back[q->back_count - 1].at = end;
	else
		q->cursor = end;
}

/* How many of the recipients that are left one session gets. */
static uint32_t chunk_size(const struct delivery *d, const struct range *range, size_t unit)
{
	size_t share = (range->end - range->at + d->config->options.sessions - 1) / d->config->options.sessions;
	size_t least = unit > CHUNK_MIN_RCPTS ? unit : CHUNK_MIN_RCPTS, most = CHUNK_TRANSACTIONS * unit;

	share = share < least ? least : share > most ? most : share;
	return (uint32_t)(share < range->end - range->at ? share : range->end - range->at);
}

static struct chunk *make_chunk(struct delivery *d, struct queued *q, struct range range, size_t unit)
{
	struct chunk *chunk = allocate(1, sizeof(*chunk));
	uint32_t end = range.at + chunk_size(d, &range, unit);

	chunk->queued = q;
	chunk->job = q->job;
	chunk->form_number = q->job->rcpts[range.at].form;
	chunk->form = &q->job->forms[chunk->form_number];
	chunk->wire = &q->wires[chunk->form_number];
	/* recipients stand in order of forms */
	while (q->job->rcpts[end - 1].form != chunk->form_number)
		end--;
	chunk->at = range.at;
	chunk->end = chunk->back_from = end;
	chunk->users = 1;
	take_from(q, end);
	q->outstanding++;
	return chunk;
}

/* With the lock let go: tell what this pass has done, expire what is too old. true: nothing is left to do. */
static bool end_pass_unlocked(struct delivery *d, struct queued *q, bool expire)
{
	struct job *job = q->job;
	char text[DELIVERY_REPLY_MAX_BYTES + 100];
	size_t left = job_todo_count(job);
	struct fail why;

	for (size_t i = 0; i < job->form_count; i++) {
		if (q->form_done[i] == 0)
			continue;
		event_log(EVENT_DELIVERED, "id", q->id, "list", q->list, "form", job->forms[i].name, "recipients", event_number((long long)q->form_done[i]),
			"ms", event_number(clock_monotonic_ms() - q->pass_ms), NULL);
		if (d->hooks.delivered != NULL)
			d->hooks.delivered(d->hooks.context, job, job->forms[i].name, q->form_done[i]);
	}
	if (left > 0 && expire) {
		event_log(EVENT_EXPIRED, "id", q->id, "list", q->list, "recipients", event_number((long long)left), "reply", q->last_reply, NULL);
		snprintf(text, sizeof(text), "451 4.4.7 given up after queue-life; last: %s", q->last_reply);
		for (size_t i = 0; i < job->rcpt_count; i++) {
			if (job->rcpts[i].state != JOB_TODO)
				continue;
			if (d->hooks.refused(d->hooks.context, job, &job->rcpts[i], 451, text) != 0)
				continue;
			if (job_mark(job, i, JOB_FAILED, text, &why) != 0)
				event_log(EVENT_FAULT, "id", q->id, "reason", why.text, NULL);
			atomic_fetch_add(&d->refused, 1);
		}
		left = job_todo_count(job);
	}
	q->todo_count = left;
	if (left > 0 && job_sync(job, &why) != 0)
		event_log(EVENT_FAULT, "id", q->id, "reason", why.text, NULL);
	return left == 0;
}

static void remove_job(struct delivery *d, struct queued *q, bool keeps)
{
	struct fail why;

	if ((keeps ? job_keep(d->spool, q->id, clock_now(d->config->options.clock), &why) : job_remove(d->spool, q->id, &why)) != 0)
		event_log(EVENT_FAULT, "id", q->id, "reason", why.text, NULL);
}

/* All chunks of a pass are back. */
static void end_pass(struct delivery *d, struct queued *q)
{
	bool is_over, expire = q->deferred > 0 && delivery_now(d) - q->created_secs >= d->config->options.queue_life_secs;
	bool keeps = d->config->options.keeps && q->job->sender == JOB_SENDER_VERP;

	assert(q->state == QUEUED_BUSY && q->outstanding == 0);
	pthread_mutex_unlock(&d->lock);
	is_over = end_pass_unlocked(d, q, expire);
	if (is_over)
		remove_job(d, q, keeps);
	pthread_mutex_lock(&d->lock);
	if (is_over) {
		forget(d, q);
		return;
	}
	make_waiting(d, q);
	event_log(EVENT_DEFERRED, "id", q->id, "list", q->list, "recipients", event_number((long long)q->todo_count), "reply", q->last_reply,
		"next", event_number(q->next_secs), NULL);
}

struct chunk *queue_take(struct delivery *d, size_t verp_unit, size_t fixed_unit)
{
	struct queued *q;

	while (!d->stopping && (q = TAILQ_FIRST(&d->ready)) != NULL) {
		struct range range;
		struct chunk *chunk;

		if (q->job == NULL && open_job(d, q) != 0)
			continue;
		if (q != TAILQ_FIRST(&d->ready))
			continue; /* others came first while it was being opened */
		make_busy(d, q);
		if (!next_range(q, &range)) {
			if (q->outstanding == 0)
				end_pass(d, q);
			continue;
		}
		chunk = make_chunk(d, q, range, q->job->sender == JOB_SENDER_VERP ? verp_unit : fixed_unit);
		/* to the end: every job gets its turn */
		if (next_range(q, &range))
			make_ready(d, q, false);
		return chunk;
	}
	return NULL;
}

void queue_give_back(struct delivery *d, struct queued *q, struct range range)
{
	if (q->back_count == q->back_cap) {
		q->back_cap = q->back_cap == 0 ? 8 : 2 * q->back_cap;
		q->back = reallocarray(q->back, q->back_cap, sizeof(q->back[0]));
		if (q->back == NULL)
			fail_environment("out of memory");
	}
	q->back[q->back_count++] = range;
	if (q->state == QUEUED_BUSY)
		make_ready(d, q, true);
}

/* The rest of the pass is left out. */
static void cut_pass(struct queued *q)
{
	q->cursor = (uint32_t)q->job->rcpt_count;
	q->back_count = 0;
	q->deferred++;
}

void queue_release(struct delivery *d, struct chunk *chunk)
{
	struct queued *q = chunk->queued;

	q->form_done[chunk->form_number] += chunk->done;
	q->deferred += chunk->deferred;
	q->losses = chunk->done > 0 ? 0 : q->losses + chunk->lost;
	if (chunk->last_reply[0] != '\0')
		memcpy(q->last_reply, chunk->last_reply, sizeof(q->last_reply));
	if (q->losses >= LOSSES_MAX)
		cut_pass(q);
	else if (chunk->back_from < chunk->end)
		queue_give_back(d, q, (struct range){ chunk->back_from, chunk->end });
	q->outstanding--;
	if (q->outstanding == 0) {
		struct range range;

		if (q->state == QUEUED_READY && !next_range(q, &range))
			make_busy(d, q);
		if (q->state == QUEUED_BUSY)
			end_pass(d, q);
	}
	free(chunk);
}

void queue_wake_due(struct delivery *d, bool all)
{
	int64_t now = delivery_now(d);
	struct queued *q;

	TAILQ_FOREACH(q, &d->all, all_link)
		if (q->state == QUEUED_WAITING && (all || q->next_secs <= now))
			make_ready(d, q, false);
}
