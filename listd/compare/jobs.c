/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/compare/jobs.h"

#include "mail/fail.h"

#include <pthread.h>
#include <stdlib.h>

struct piece { struct arena *arena; void *result; bool done; };

struct running {
	const struct jobs *jobs;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct piece *pieces;   /* a ring: number i stands at i % ahead */
	size_t ahead;
	size_t next, emitted;   /* the next to be taken up; how many are out */
};

static bool take(struct running *r, size_t *i_r)
{
	bool taken;

	pthread_mutex_lock(&r->lock);
	while (r->next < r->jobs->count && r->next >= r->emitted + r->ahead)
		pthread_cond_wait(&r->changed, &r->lock);
	taken = r->next < r->jobs->count;
	if (taken)
		*i_r = r->next++;
	pthread_mutex_unlock(&r->lock);
	return taken;
}

static void *work(void *context)
{
	struct running *r = context;
	size_t i;

	while (take(r, &i)) {
		struct arena *a = arena_new(r->jobs->arena_max_bytes);
		void *result = r->jobs->work(r->jobs->context, a, i);

		pthread_mutex_lock(&r->lock);
		r->pieces[i % r->ahead] = (struct piece){ a, result, true };
		pthread_cond_broadcast(&r->changed);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

static void emit_all(struct running *r)
{
	for (size_t i = 0; i < r->jobs->count; i++) {
		struct piece *piece = &r->pieces[i % r->ahead], taken;

		pthread_mutex_lock(&r->lock);
		while (!piece->done)
			pthread_cond_wait(&r->changed, &r->lock);
		taken = *piece;
		pthread_mutex_unlock(&r->lock);
		r->jobs->emit(r->jobs->context, i, taken.result);
		arena_free(taken.arena);
		pthread_mutex_lock(&r->lock);
		piece->done = false;
		r->emitted++;
		pthread_cond_broadcast(&r->changed);
		pthread_mutex_unlock(&r->lock);
	}
}

void jobs_run(const struct jobs *jobs)
{
	size_t threads = jobs->threads == 0 ? 1 : jobs->threads > JOBS_THREADS_MAX ? JOBS_THREADS_MAX : jobs->threads;
	struct running r = { .jobs = jobs, .ahead = threads * JOBS_AHEAD };
	pthread_t ids[JOBS_THREADS_MAX];

	r.pieces = calloc(r.ahead, sizeof(*r.pieces));
	if (r.pieces == NULL)
		fail_environment("out of memory");
	pthread_mutex_init(&r.lock, NULL);
	pthread_cond_init(&r.changed, NULL);
	for (size_t i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, work, &r) != 0)
			fail_environment("cannot start a thread");
	emit_all(&r);
	for (size_t i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	pthread_cond_destroy(&r.changed);
	pthread_mutex_destroy(&r.lock);
	free(r.pieces);
}
