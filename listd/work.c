/* SPDX-License-Identifier: BSD-2-Clause */
/* One message of spool/in on its way through the route, for each of its recipients. */
#include "listd/workers_int.h"

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
/* Jobs of one message that wait to be synced with others, each with an open file; further ones are made lasting at once. */
#define TICKETS_OPEN_MAX 16

struct task {
	struct daemon *daemon;
	struct site *site;
	struct arena *arena;     /* of the message */
	struct arena *post;      /* of one recipient's post at a time: each has forms of its own */
	struct arrival arrival;
	struct world world;
	struct spooled spooled;
	struct work *work;       /* gets the jobs */
	size_t open_count;       /* those among them that are not on disk yet */
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

static struct ticket *add_ticket(struct task *task)
{
	struct work *work = task->work;

	if (work->jobs == NULL)
		work->jobs = calloc(task->spooled.envelope.rcpt_count, sizeof(*work->jobs));
	if (work->jobs == NULL)
		fail_environment("out of memory");
	return &work->jobs[work->job_count++];
}

/* A job that is written and sealed, or NULL and the id of one that is on disk; "" is none. */
static int add_job(struct task *task, struct job_writer *writer, const char *id, struct fail *why)
{
	struct ticket *ticket;

	if (*id == '\0')
		return 0;
	ticket = add_ticket(task);
	snprintf(ticket->id, sizeof(ticket->id), "%s", id);
	if (writer != NULL && task->open_count == TICKETS_OPEN_MAX)
		return job_publish(task->daemon->spool, &writer, 1, why);
	task->open_count += writer != NULL;
	ticket->writer = writer;
	return 0;
}

/* What waits for a moderator is a file. */
static int hold(struct task *task, struct post *post, unsigned number, struct fail *why)
{
	if (spool_settle(task->daemon->spool, task->work->id, &task->work->entry, why) != 0)
		return -1;
	return commit_hold(task->daemon, post, number, why);
}

/* 0: done, 1: look at it again later, -1: trouble. */
static int finish(struct task *task, struct post *post, unsigned number, struct fail *why)
{
	const struct envelope *e = post->envelope;
	struct job_writer *writer;
	const char *job;

	if (post->outcome == OUTCOME_LATER && clock_now(&task->daemon->clock) < e->received_secs + LATER_MAX_SECS)
		return 1;
	switch (post->outcome) {
	case OUTCOME_SEND:
		if (commit_send(task->daemon, post, number, &writer, &job, why) != 0)
			return -1;
		return add_job(task, writer, job, why);
	case OUTCOME_LATER:
	case OUTCOME_HOLD:
		return hold(task, post, number, why);
	case OUTCOME_REFUSE:
		/* It was answered 250: what is refused on the second look (DNS or the list has changed since) goes to a person, not into the void. */
		post->reason = arena_printf(post->arena, "accepted, but refused on a second look: %s", post->why.text);
		return hold(task, post, number, why);
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
		result = add_job(task, NULL, job, why);
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

static void drop_jobs(struct work *work)
{
	for (size_t i = 0; i < work->job_count; i++)
		job_abort(work->jobs[i].writer);
	free(work->jobs);
	work->jobs = NULL;
	work->job_count = 0;
}

void work_free(struct work *work)
{
	drop_jobs(work);
	judged_free(work->judged);
	free(work);
}

/* With what was found out when it came in. */
static int work_on_judged(struct task *task, struct fail *why)
{
	struct judged *judged = task->work->judged;

	task->spooled.envelope = judged->envelope;
	task->spooled.message = judged->bytes;
	task->world.arrival = &judged->arrival;
	return work_on_all(task, why);
}

/* What this thread works on, for work_blame. */
static _Thread_local const struct spool_try *suspect;

void work_blame(void)
{
	if (suspect != NULL)
		spool_blame_try(suspect);
}

static int read_and_work(struct task *task, struct fail *why)
{
	struct spool *spool = task->daemon->spool;
	const char *id = task->work->id;
	int result;

	if (spool_read(spool, task->arena, SPOOL_IN, id, &task->spooled, why) != 0) {
		event_log(EVENT_SPOOL_DAMAGED, "file", id, "reason", why->text, NULL);
		return why->temporary;
	}
	task->arrival.arena = arena_new(POST_ARENA_MAX_BYTES(task->spooled.message.len));
	task->world.arrival = &task->arrival;
	result = work_on_all(task, why);
	spool_unread(&task->spooled);
	return result;
}

/* As it stands on disk. */
static int work_on_file(struct task *task, struct fail *why)
{
	struct spool_try try;
	bool abandoned;
	int result;

	if (spool_settle(task->daemon->spool, task->work->id, &task->work->entry, why) != 0)
		return -1;
	if (spool_begin_try(task->daemon->spool, task->work->id, &try, &abandoned, why) != 0)
		return -1;
	if (abandoned)
		return 0;
	suspect = &try;
	result = read_and_work(task, why);
	suspect = NULL;
	spool_end_try(&try);
	return result;
}

int work_let_go(struct daemon *daemon, struct work *work)
{
	struct fail why;

	if (spool_let_go(daemon->spool, work->id, &work->entry, &why) != 0) {
		event_log(EVENT_FAULT, "id", work->id, "text", why.text, NULL);
		return -1;
	}
	for (size_t i = 0; i < work->job_count; i++)
		delivery_wake(daemon->delivery, work->jobs[i].id);
	return 0;
}

void work_put_back(struct daemon *daemon, struct work *work)
{
	struct fail why;

	drop_jobs(work);
	if (work->entry.bytes == 0)
		spool_clear_tries(daemon->spool, work->id, &why);
	else if (spool_settle(daemon->spool, work->id, &work->entry, &why) != 0)
		event_log(EVENT_FAULT, "id", work->id, "text", why.text, NULL);
}

int work_on(struct daemon *daemon, struct work *work)
{
	struct task task = { .daemon = daemon, .work = work };
	struct resolver *dns = resolver_limited(daemon->dns, POST_DNS_BUDGET_MS);
	struct site *site = daemon_hold_site(daemon);
	struct fail why;
	int result;

	task.site = site;
	task.arena = arena_new(ARENA_MESSAGE_MAX_BYTES);
	daemon_world(daemon, site, &task.world);
	task.world.dns = dns;
	result = work->judged != NULL ? work_on_judged(&task, &why) : work_on_file(&task, &why);
	if (result < 0)
		event_log(EVENT_FAULT, "id", work->id, "text", why.text, NULL);
	if (result != 0)
		work_put_back(daemon, work);
	/* what it told may be another thing the next time */
	judged_free(work->judged);
	work->judged = NULL;
	arena_free(task.post);
	arena_free(task.arrival.arena);
	arena_free(task.arena);
	resolver_free(dns);
	daemon_release_site(site);
	return result == 0 ? 0 : -1;
}
