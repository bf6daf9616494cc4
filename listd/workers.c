/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/workers.h"

#include "listd/bounce/returned.h"
#include "listd/bounce/steps.h"
#include "listd/event.h"
#include "listd/people/notice.h"
#include "listd/post/commit.h"
#include "listd/post/daemon_world.h"
#include "listd/post/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long DNS may hide where a post comes from before a moderator is asked. */
#define LATER_MAX_SECS 3600
/* Messages noted as slow between their verdict and their being on disk: no more than there are LMTP sessions, in ordinary configurations. */
#define SLOW_MAX 256
/* Waits after trouble: short at first, since most of it is over soon. */
static const int64_t waits_ms[] = { 5000, 30000, 60000, 300000 };

struct work {
	struct work *next;
	char id[SPOOL_ID_CHARS + 1];
	unsigned waits; /* how often it was put off */
	int64_t due_ms;
};

struct workers {
	struct daemon *daemon;
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

void workers_push(struct workers *w, const char *id)
{
	struct work *work;

	if (w == NULL)
		return;
	work = calloc(1, sizeof(*work));
	if (work == NULL)
		fail_environment("out of memory");
	memcpy(work->id, id, strnlen(id, SPOOL_ID_CHARS));
	if (is_slow(w, id))
		put_off(work);
	put(w, work);
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

struct task {
	struct daemon *daemon;
	struct site *site;
	struct arena *arena;     /* of the message */
	struct arena *post;      /* of one recipient's post at a time: each has forms of its own */
	struct arrival arrival;
	struct world world;
	struct spooled spooled;
	const char **jobs;
	size_t job_count;
};

static void log_facts(const struct post *post)
{
	const struct facts *facts = &post->facts;
	enum auth_result dkim = AUTH_NONE;

	for (size_t i = 0; i < facts->dkim.count; i++)
		if (i == 0 || facts->dkim.signatures[i].result == AUTH_PASS)
			dkim = facts->dkim.signatures[i].result;
	event_log(EVENT_FACTS, "id", post->id, "list", post->list->address, "author", post->author_key, "spf", auth_result_name(facts->spf.result),
		"dkim", auth_result_name(dkim), "arc", auth_result_name(facts->arc.result), "policy", dmarc_policy_name(facts->policy),
		"authentic", facts->authentic ? "yes" : "no", "by", facts->authentic_by, NULL);
}

static int take_report(struct task *task, struct post *post, struct fail *why)
{
	if (post->purpose == PURPOSE_BOUNCES)
		return returned_take(task->daemon, task->site, post, why);
	return steps_come_back(task->daemon, post->list->address, post->confirm_key, "answered the list's message", why) < 0 ? -1 : 0;
}

/* 0: done, 1: look at it again later, -1: trouble. */
static int finish(struct task *task, struct post *post, unsigned number, struct fail *why)
{
	const struct envelope *e = post->envelope;
	const char *job = "";

	switch (post->outcome) {
	case OUTCOME_SEND:
		if (commit_send(task->daemon, post, number, &job, why) != 0)
			return -1;
		task->jobs[task->job_count++] = arena_text(task->arena, span_of(job));
		return 0;
	case OUTCOME_LATER:
		if (clock_now(&task->daemon->clock) < e->received_secs + LATER_MAX_SECS)
			return 1;
		return commit_hold(task->daemon, post, number, why);
	case OUTCOME_HOLD:
		return commit_hold(task->daemon, post, number, why);
	case OUTCOME_REFUSE:
		/* It was answered 250: what is refused on the second look (DNS or the list has changed since) goes to a person, not into the void. */
		post->reason = arena_printf(post->arena, "accepted, but refused on a second look: %s", post->why.text);
		return commit_hold(task->daemon, post, number, why);
	case OUTCOME_REPORT:
		return take_report(task, post, why);
	case OUTCOME_DISCARD:
		event_log(EVENT_DISCARDED, "id", post->id, "list", post->list->address, "reason", post->reason, NULL);
		return 0;
	}
	return 0;
}

static int work_on_list(struct task *task, struct list_settings *list, const char *suffix, enum purpose purpose, const char *rcpt, unsigned number, struct fail *why)
{
	struct post *post = arena_alloc(task->post, sizeof(*post));

	if (post_begin(post, task->post, &task->world, &task->spooled.envelope, rcpt, list, task->spooled.message, why) != 0)
		return -1;
	post->purpose = purpose;
	post->suffix = suffix;
	if (route_run(post, false, NULL, NULL, why) != 0)
		return -1;
	if (post->outcome != OUTCOME_REPORT)
		log_facts(post);
	return finish(task, post, number, why);
}

/* A message that the list itself has written. */
static int work_on_notice(struct task *task, struct fail *why)
{
	const struct envelope *envelope = &task->spooled.envelope;
	struct post *post = arena_alloc(task->post, sizeof(*post));
	struct list_settings *list;
	const char *job = "";
	int result = daemon_list(task->daemon, envelope->notice_of, &list, why);

	if (result <= 0 || envelope->rcpt_count != 1)
		return result < 0 ? -1 : 0;
	result = post_begin(post, task->post, &task->world, envelope, envelope->rcpts[0], list, task->spooled.message, why);
	if (result == 0)
		result = notice_commit(task->daemon, post, &job, why);
	if (result == 0)
		task->jobs[task->job_count++] = arena_text(task->arena, span_of(job));
	list_settings_free(list);
	return result;
}

static int work_on_rcpt(struct task *task, unsigned number, struct fail *why)
{
	const char *rcpt = task->spooled.envelope.rcpts[number];
	struct list_settings *list;
	enum purpose purpose;
	const char *suffix;
	int result = daemon_find_list(task->daemon, task->post, rcpt, &list, &suffix, &purpose, why);

	if (result == 0)
		event_log(EVENT_DISCARDED, "id", task->spooled.envelope.id, "to", rcpt, "reason", "the list was deleted after the message was accepted", NULL);
	if (result <= 0)
		return result;
	result = work_on_list(task, list, suffix, purpose, rcpt, number, why);
	list_settings_free(list);
	return result;
}

static int work_on_all(struct task *task, struct fail *why)
{
	int later = 0;

	task->post = arena_new(POST_ARENA_MAX_BYTES(task->spooled.message.len));
	task->arrival.arena = arena_new(POST_ARENA_MAX_BYTES(task->spooled.message.len));
	task->world.arrival = &task->arrival;
	task->jobs = arena_array(task->arena, task->spooled.envelope.rcpt_count, sizeof(*task->jobs));
	if (task->spooled.envelope.notice_of != NULL)
		return work_on_notice(task, why);
	for (unsigned i = 0; i < task->spooled.envelope.rcpt_count; i++) {
		int result = work_on_rcpt(task, i, why);

		arena_reset(task->post);
		if (result < 0)
			return -1;
		later |= result;
	}
	return later;
}

/* Jobs are handed to delivery only when the message is gone from in/: a run that is repeated after a crash then finds them and makes no second ones. */
static int let_go(struct task *task, struct fail *why)
{
	if (spool_remove(task->daemon->spool, SPOOL_IN, task->spooled.envelope.id, why) != 0)
		return -1;
	for (size_t i = 0; i < task->job_count; i++)
		if (*task->jobs[i] != '\0')
			delivery_wake(task->daemon->delivery, task->jobs[i]);
	return 0;
}

/* 0: done with; 1: again later. */
static int work_on(struct daemon *daemon, const char *id)
{
	struct task task = { .daemon = daemon };
	struct resolver *dns;
	struct site *site;
	struct fail why;
	bool abandoned = false;
	int result = 1;

	if (spool_note_try(daemon->spool, id, &abandoned, &why) != 0 || abandoned) {
		if (abandoned)
			event_log(EVENT_WORK_ABANDONED, "file", id, NULL);
		return abandoned ? 0 : 1;
	}
	site = daemon_hold_site(daemon);
	task.site = site;
	task.arena = arena_new(ARENA_MESSAGE_MAX_BYTES);
	dns = resolver_limited(daemon->dns, POST_DNS_BUDGET_MS);
	daemon_world(daemon, site, &task.world);
	task.world.dns = dns;
	task.world.is_second_look = true;
	if (spool_read(daemon->spool, task.arena, SPOOL_IN, id, &task.spooled, &why) != 0) {
		event_log(EVENT_SPOOL_DAMAGED, "file", id, "reason", why.text, NULL);
		result = why.temporary;
	} else {
		result = work_on_all(&task, &why);
		if (result == 0)
			result = let_go(&task, &why);
		if (result < 0)
			event_log(EVENT_FAULT, "id", id, "text", why.text, NULL);
		spool_unread(&task.spooled);
	}
	if (result != 0)
		spool_clear_tries(daemon->spool, id, NULL);
	arena_free(task.post);
	arena_free(task.arrival.arena);
	arena_free(task.arena);
	resolver_free(dns);
	daemon_release_site(site);
	return result != 0;
}

static void *work_thread(void *context)
{
	struct workers *w = context;
	struct work *work;

	while ((work = take(w)) != NULL) {
		bool again = work_on(w->daemon, work->id) != 0;

		pthread_mutex_lock(&w->lock);
		w->pending--;
		w->retrying -= work->waits > 0;
		pthread_cond_signal(&w->more);
		pthread_mutex_unlock(&w->lock);
		if (!again) {
			free(work);
			continue;
		}
		put_off(work);
		put(w, work);
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
	if (queue_spooled(w, why) != 0)
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
	for (struct work *work = w->first, *next; work != NULL; work = next) {
		next = work->next;
		free(work);
	}
	free(w->threads);
	free(w);
}
