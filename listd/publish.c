/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/workers_int.h"

#include "listd/event.h"

#include <stdlib.h>
#include <unistd.h>

/* From the beginning of one group to that of the next, at least: nobody waits for the reply any more, while every sync delays those of the messages that come in. */
#define GROUP_MS 10
/* Messages that wait, each with its jobs' open files. */
#define QUEUE_MAX 128

struct publisher {
	struct daemon *daemon;
	void (*ended)(void *context, struct work *work, bool done);
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct work *first, **last;
	size_t count;
	bool stopping;
	pthread_t thread;
};

static size_t count_open(const struct work *group)
{
	size_t count = 0;

	for (; group != NULL; group = group->next)
		for (size_t i = 0; i < group->job_count; i++)
			count += group->jobs[i].writer != NULL;
	return count;
}

/* The writers of all, which publishing uses up. */
static struct job_writer **take_writers(struct work *group, size_t count)
{
	struct job_writer **writers = calloc(count + 1, sizeof(struct job_writer *));
	size_t at = 0;

	if (writers == NULL)
		fail_environment("out of memory");
	for (; group != NULL; group = group->next)
		for (size_t i = 0; i < group->job_count; i++) {
			if (group->jobs[i].writer != NULL)
				writers[at++] = group->jobs[i].writer;
			group->jobs[i].writer = NULL;
		}
	return writers;
}

static void publish(struct publisher *p, struct work *group)
{
	size_t count = count_open(group);
	struct job_writer **writers = take_writers(group, count);
	struct fail why;
	bool published = job_publish(p->daemon->spool, writers, count, &why) == 0;

	free(writers);
	if (!published)
		event_log(EVENT_FAULT, "id", group->id, "text", why.text, NULL);
	for (struct work *next; group != NULL; group = next) {
		bool done = published && work_let_go(p->daemon, group) == 0;

		next = group->next;
		if (!done)
			work_put_back(p->daemon, group);
		p->ended(p->context, group, done);
	}
}

/* All that has come; NULL: it is to end. */
static struct work *take_group(struct publisher *p)
{
	struct work *group;

	pthread_mutex_lock(&p->lock);
	while (p->first == NULL && !p->stopping)
		pthread_cond_wait(&p->changed, &p->lock);
	group = p->first;
	p->first = NULL;
	p->last = &p->first;
	p->count = 0;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	return group;
}

static void *publish_thread(void *context)
{
	struct publisher *p = context;
	struct work *group;

	while ((group = take_group(p)) != NULL) {
		int64_t rest = clock_monotonic_ms() + GROUP_MS;

		publish(p, group);
		rest -= clock_monotonic_ms();
		if (rest > 0)
			usleep((useconds_t)rest * 1000);
	}
	return NULL;
}

int publisher_start(struct daemon *daemon, void (*ended)(void *context, struct work *work, bool done), void *context, struct publisher **publisher_r, struct fail *why)
{
	struct publisher *p = calloc(1, sizeof(*p));

	if (p == NULL)
		fail_environment("out of memory");
	*p = (struct publisher){ .daemon = daemon, .ended = ended, .context = context };
	p->last = &p->first;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	if (pthread_create(&p->thread, NULL, publish_thread, p) != 0) {
		free(p);
		return fail_temporary(why, "cannot start the thread that syncs jobs");
	}
	*publisher_r = p;
	return 0;
}

void publisher_put(struct publisher *p, struct work *work)
{
	pthread_mutex_lock(&p->lock);
	while (p->count >= QUEUE_MAX)
		pthread_cond_wait(&p->changed, &p->lock);
	work->next = NULL;
	*p->last = work;
	p->last = &work->next;
	p->count++;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

void publisher_stop(struct publisher *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
