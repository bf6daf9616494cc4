/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/workers_int.h"

#include "listd/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Messages noted as slow between their verdict and their being on disk: no more than there are LMTP sessions, in ordinary configurations. */
#define SLOW_MAX 256
#define NICENESS 10
/* Waits after trouble: short at first, since most of it is over soon. */
static const int64_t waits_ms[] = { 5000, 30000, 60000, 300000 };

struct workers {
	struct daemon *daemon;
	struct publisher *publisher;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct work *first, **last;   /* in order of arrival; those not yet due are passed over */
	size_t pending;
	bool stopping;
	unsigned retrying, retrying_max; /* threads with a message that is looked at again: never more than half of them */
	char slow[SLOW_MAX][SPOOL_ID_CHARS + 1];
	size_t slow_at;
	pthread_t *threads;
	unsigned count;
};

static void put(struct workers *w, struct work *work)
{
	pthread_mutex_lock(&w->lock);
	work->next = NULL;
	*w->last = work;
	w->last = &work->next;
	w->pending++;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

void workers_note_slow(struct workers *w, const char *id)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	snprintf(w->slow[w->slow_at++ % SLOW_MAX], SPOOL_ID_CHARS + 1, "%s", id);
	pthread_mutex_unlock(&w->lock);
}

/* Was it noted? The note is taken away. */
static bool is_slow(struct workers *w, const char *id)
{
	bool found = false;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < SLOW_MAX && !found; i++) {
		found = strcmp(w->slow[i], id) == 0;
		if (found)
			w->slow[i][0] = '\0';
	}
	pthread_mutex_unlock(&w->lock);
	return found;
}

/* When it is to be looked at again. */
static void put_off(struct work *work)
{
	work->due_ms = clock_monotonic_ms() + waits_ms[work->waits];
	if (work->waits + 1 < sizeof(waits_ms) / sizeof(waits_ms[0]))
		work->waits++;
}

/* It will wait for long: not in the journal, whose segments are to be free again soon. */
static void put_slow_off(struct workers *w, struct work *work)
{
	struct fail why;

	judged_free(work->judged);
	work->judged = NULL;
	put_off(work);
	if (spool_settle(w->daemon->spool, work->id, &work->entry, &why) != 0)
		event_log(EVENT_FAULT, "id", work->id, "text", why.text, NULL);
}

void workers_push_judged(struct workers *w, const char *id, const struct spool_entry *entry, struct judged *judged)
{
	struct work *work;

	if (w == NULL) {
		judged_free(judged);
		return;
	}
	work = calloc(1, sizeof(*work));
	if (work == NULL)
		fail_environment("out of memory");
	memcpy(work->id, id, strnlen(id, SPOOL_ID_CHARS));
	work->entry = *entry;
	work->judged = judged;
	if (is_slow(w, id))
		put_slow_off(w, work);
	put(w, work);
}

void workers_push(struct workers *w, const char *id)
{
	workers_push_judged(w, id, &(struct spool_entry){ 0 }, NULL);
}

/* A sender whose names are answered slowly can make many messages that wait for DNS: there is always a thread for the others. */
static bool may_take(const struct workers *w, const struct work *work)
{
	return work->waits == 0 || w->retrying < w->retrying_max;
}

static struct work *take_due(struct workers *w, int64_t now_ms, int64_t *next_ms_r)
{
	*next_ms_r = INT64_MAX;
	for (struct work **p = &w->first; *p != NULL; p = &(*p)->next) {
		struct work *work = *p;

		if (work->due_ms <= now_ms && !may_take(w, work))
			continue; /* the thread that ends such work wakes others */
		if (work->due_ms <= now_ms) {
			w->retrying += work->waits > 0;
			*p = work->next;
			if (w->last == &work->next)
				w->last = p;
			return work;
		}
		if (work->due_ms < *next_ms_r)
			*next_ms_r = work->due_ms;
	}
	return NULL;
}

/* The next message that is due, or NULL when the threads are to end. */
static struct work *take(struct workers *w)
{
	struct work *work = NULL;

	pthread_mutex_lock(&w->lock);
	while (!w->stopping) {
		int64_t now = clock_monotonic_ms(), next;
		struct timespec until;

		work = take_due(w, now, &next);
		if (work != NULL)
			break;
		if (next == INT64_MAX) {
			pthread_cond_wait(&w->more, &w->lock);
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += (next - now) / 1000 + 1;
		pthread_cond_timedwait(&w->more, &w->lock, &until);
	}
	pthread_mutex_unlock(&w->lock);
	return work;
}

/* From a worker, or from the publisher. */
static void end_work(void *context, struct work *work, bool done)
{
	struct workers *w = context;

	pthread_mutex_lock(&w->lock);
	w->pending--;
	pthread_mutex_unlock(&w->lock);
	if (done) {
		work_free(work);
		return;
	}
	put_off(work);
	put(w, work);
}

/* Clients wait for what intake does, nobody for this: of a processor that both want it gets a third. */
static void step_back(void)
{
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICENESS);
}

static void *work_thread(void *context)
{
	struct workers *w = context;
	struct work *work;

	step_back();
	while ((work = take(w)) != NULL) {
		bool was_retried = work->waits > 0, done = work_on(w->daemon, work) == 0;

		if (done && work->job_count > 0)
			publisher_put(w->publisher, work);
		else
			end_work(w, work, done && work_let_go(w->daemon, work) == 0);
		pthread_mutex_lock(&w->lock);
		w->retrying -= was_retried;
		pthread_cond_signal(&w->more);
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

static int queue_spooled(struct workers *w, struct fail *why)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	const char **ids;
	size_t count;
	int result = spool_ids(w->daemon->spool, a, SPOOL_IN, &ids, &count, why);

	for (size_t i = 0; result == 0 && i < count; i++)
		workers_push(w, ids[i]);
	arena_free(a);
	return result;
}

int workers_start(struct daemon *daemon, unsigned count, struct workers **workers_r, struct fail *why)
{
	struct workers *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;

	if (w == NULL)
		fail_environment("out of memory");
	w->daemon = daemon;
	w->retrying_max = count > 1 ? count / 2 : 1;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->more, &attr);
	w->threads = calloc(count, sizeof(*w->threads));
	if (w->threads == NULL)
		fail_environment("out of memory");
	*workers_r = w;
	if (publisher_start(w->daemon, end_work, w, &w->publisher, why) != 0 || queue_spooled(w, why) != 0)
		return -1;
	for (; w->count < count; w->count++)
		if (pthread_create(&w->threads[w->count], NULL, work_thread, w) != 0)
			return fail_temporary(why, "cannot start a worker thread");
	return 0;
}

size_t workers_pending(struct workers *w)
{
	size_t pending;

	pthread_mutex_lock(&w->lock);
	pending = w->pending;
	pthread_mutex_unlock(&w->lock);
	return pending;
}

void workers_stop(struct workers *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->count; i++)
		pthread_join(w->threads[i], NULL);
	publisher_stop(w->publisher);
	for (struct work *work = w->first, *next; work != NULL; work = next) {
		next = work->next;
		work_free(work);
	}
	free(w->threads);
	free(w);
}
