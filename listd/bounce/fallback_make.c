/* SPDX-License-Identifier: BSD-2-Clause */
/* From rows of refused copies to jobs: rows of one post together, those that get the same form in one job. */
#include "listd/bounce/fallback_int.h"
#include "listd/bounce/sent.h"

#include "listd/event.h"
#include "listd/post/commit.h"
#include "listd/post/daemon_world.h"
#include "listd/post/route.h"

#include <stdlib.h>
#include <string.h>

/* The refused copies of one post on one list. */
struct refused {
	struct daemon *daemon;
	struct arena *arena;
	struct second *rows;
	const struct strategy **next; /* of each row; NULL: done with */
	size_t count;
	struct job *job;
	struct notes notes;
	struct list_settings *list;
};

/* Those of them that are served by one job. */
struct batch {
	struct refused *refused;
	struct second **rows;
	size_t count;
	const struct strategy *at_least;
	const char *next_id, *job_id;
	const char *reason;           /* why nobody gets anything, or NULL */
};

const struct strategy *fallback_next(const char *form, bool of_second)
{
	const struct strategy *strategy = strategy_find(span_of(form)), *wrap = strategy_find(SPAN_LIT("wrap"));

	if (strategy == NULL || strategy == wrap)
		return NULL;
	if (strategy->keeps_author_from)
		return strategy_find(SPAN_LIT("rewrite"));
	return of_second ? wrap : NULL;
}

static void end_row(struct second *row, const char *reason)
{
	row->state = SECOND_NONE;
	row->outcome = reason;
	event_log(EVENT_SECOND_NONE, "of", row->post_id, "list", row->list, "to", row->key, "refused", row->form, "reason", reason, NULL);
}

static int put_rows(const struct batch *batch, struct fail *why)
{
	struct second *rows = arena_array(batch->refused->arena, batch->count, sizeof(*rows));

	for (size_t i = 0; i < batch->count; i++)
		rows[i] = *batch->rows[i];
	return store_second_put(batch->refused->daemon->store, rows, batch->count, why);
}

/* What comes after each row's copy, or its end. */
static void decide(struct refused *r, size_t i)
{
	struct second *row = &r->rows[i];
	struct sent sent;

	r->next[i] = NULL;
	if (r->job == NULL || sent_find_in(r->arena, r->job, row->key, &sent) != 1) {
		end_row(row, r->job == NULL ? "the post is not kept any more" : "no such copy was sent");
		return;
	}
	row->form = sent.form;
	if (r->list == NULL)
		end_row(row, "the list is gone");
	else if (!r->list->fallback)
		end_row(row, "the list sends no second forms (setting fallback)");
	else if ((r->next[i] = fallback_next(sent.form, *r->notes.of != '\0')) == NULL)
		end_row(row, "the copy was in the list's own name already");
}

/* The members' copies, by the route, into the job. 0: it is made, or batch->reason says why not. */
static int run_route(struct batch *batch, struct arena *a, struct world *world, struct fail *why)
{
	struct refused *r = batch->refused;
	struct post *post = arena_alloc(a, sizeof(*post));
	struct envelope envelope;
	struct span message;
	size_t count = 0;

	if (job_post(r->job, a, &envelope, &message, why) != 0)
		return -1;
	envelope.id = batch->next_id;
	world->again = &(struct again){
		.at_least = batch->at_least, .arrived = { .is_fixed = true, .fixed_secs = envelope.received_secs }, .vouched = r->notes.vouched,
		.disowned = r->notes.disowned, .named = r->notes.named, .keys = arena_array(a, batch->count, sizeof(const char *)), .key_count = batch->count,
	};
	for (size_t i = 0; i < batch->count; i++)
		((const char **)(uintptr_t)world->again->keys)[i] = batch->rows[i]->key;
	if (post_begin(post, a, world, &envelope, r->list->address, r->list, message, why) != 0)
		return -1;
	post->purpose = PURPOSE_POST;
	post->source_job = r->job->id;
	if (route_run_again(post, why) != 0)
		return -1;
	if (post->outcome != OUTCOME_SEND) {
		batch->reason = arena_text(r->arena, span_of(post->reason));
		return 0;
	}
	if (commit_again(r->daemon, post, batch->job_id, &count, why) != 0)
		return -1;
	if (count == 0)
		batch->reason = post->class_count == 0 ? "not a member with delivery on any more" : arena_text(r->arena, span_of(post->classes[0].choice.reason));
	return 0;
}

static int make_job(struct batch *batch, struct fail *why)
{
	struct daemon *daemon = batch->refused->daemon;
	struct site *site = daemon_hold_site(daemon);
	struct resolver *dns = resolver_limited(daemon->dns, POST_DNS_BUDGET_MS);
	struct arena *a = arena_new(POST_ARENA_MAX_BYTES(batch->refused->job->post.bytes.len));
	struct world world;
	int result;

	daemon_world(daemon, site, &world);
	world.dns = dns;
	result = run_route(batch, a, &world, why);
	arena_free(a);
	resolver_free(dns);
	daemon_release_site(site);
	return result;
}

/* Who got what is read from the job itself: it may be one that was made before a crash. */
static void settle_rows(struct batch *batch)
{
	struct refused *r = batch->refused;
	struct job *job = NULL;
	size_t sent_count = 0;
	struct fail why;

	if (batch->reason == NULL && job_open_sent(r->daemon->spool, batch->job_id, &job, &why) != 0)
		batch->reason = "the job could not be read";
	for (size_t i = 0; i < batch->count; i++) {
		struct second *row = batch->rows[i];
		struct sent sent;

		if (batch->reason != NULL || sent_find_in(r->arena, job, row->key, &sent) != 1) {
			end_row(row, batch->reason != NULL ? batch->reason : "not a member with delivery on any more");
			continue;
		}
		row->state = SECOND_SENT;
		row->outcome = sent.form;
		sent_count++;
	}
	job_close(job);
	if (sent_count > 0)
		event_log(EVENT_SECOND_FORM, "id", batch->next_id, "of", batch->rows[0]->post_id, "list", r->list->address, "refused", batch->rows[0]->form,
			"recipients", event_number((long long)sent_count), "reply", batch->rows[0]->reply, NULL);
}

/* An id for the new post, and the count of attempts that the process did not survive. */
static int choose_id(struct batch *batch, bool *give_up_r, struct fail *why)
{
	const struct second *first = batch->rows[0];
	unsigned long tries = first->state == SECOND_CHOSEN ? strtoul(first->outcome, NULL, 10) : 0;
	char id[SPOOL_ID_CHARS + 1];

	*give_up_r = tries >= FALLBACK_TRIES_MAX;
	batch->next_id = first->next_id;
	if (*batch->next_id == '\0') {
		spool_id(clock_now(&batch->refused->daemon->clock), id);
		batch->next_id = arena_text(batch->refused->arena, span_of(id));
	}
	batch->job_id = arena_printf(batch->refused->arena, "%s-0", batch->next_id);
	for (size_t i = 0; i < batch->count; i++) {
		batch->rows[i]->state = SECOND_CHOSEN;
		batch->rows[i]->next_id = batch->next_id;
		batch->rows[i]->outcome = arena_printf(batch->refused->arena, "%lu", tries + 1);
	}
	return *give_up_r ? 0 : put_rows(batch, why);
}

static int make_batch(struct batch *batch, struct fail *why)
{
	struct daemon *daemon = batch->refused->daemon;
	bool give_up;

	if (choose_id(batch, &give_up, why) != 0)
		return -1;
	if (!job_is_made(daemon->spool, batch->job_id)) {
		if (give_up) {
			batch->reason = "the process ended three times while it was being made";
		} else if (make_job(batch, why) != 0) {
			for (size_t i = 0; i < batch->count; i++)
				batch->rows[i]->state = SECOND_WAITS; /* under the same id: it may have been made for all that */
			put_rows(batch, NULL);
			return -1;
		}
	}
	settle_rows(batch);
	if (put_rows(batch, why) != 0)
		return -1;
	if (batch->reason == NULL)
		delivery_wake(daemon->delivery, batch->job_id);
	return 0;
}

/* Rows that are served together have the same id already, or none, and the same strategy. */
static bool is_of_batch(const struct batch *batch, const struct second *row, const struct strategy *next)
{
	return next == batch->at_least && strcmp(row->next_id, batch->rows[0]->next_id) == 0 && row->state == batch->rows[0]->state;
}

static int make_batches(struct refused *r, struct fail *why)
{
	int result = 0;

	for (size_t i = 0; i < r->count; i++) {
		struct batch batch = { .refused = r, .rows = arena_array(r->arena, r->count, sizeof(struct second *)), .at_least = r->next[i], .count = 1 };

		if (r->next[i] == NULL)
			continue;
		batch.rows[0] = &r->rows[i];
		for (size_t j = i + 1; j < r->count; j++)
			if (r->next[j] != NULL && is_of_batch(&batch, &r->rows[j], r->next[j])) {
				batch.rows[batch.count++] = &r->rows[j];
				r->next[j] = NULL;
			}
		if (make_batch(&batch, why) != 0)
			result = -1;
	}
	return result;
}

static int end_rows(struct refused *r, struct fail *why)
{
	struct batch ended = { .refused = r, .rows = arena_array(r->arena, r->count, sizeof(struct second *)) };

	for (size_t i = 0; i < r->count; i++) {
		decide(r, i);
		if (r->next[i] == NULL)
			ended.rows[ended.count++] = &r->rows[i];
	}
	return ended.count == 0 ? 0 : put_rows(&ended, why);
}

static int open_refused_job(struct refused *r, struct fail *why)
{
	const char *id = r->rows[0].job;
	struct spool *spool = r->daemon->spool;
	int result = strchr(id, '-') != NULL ? job_open_sent(spool, id, &r->job, why) : job_find_sent(spool, r->rows[0].post_id, r->rows[0].list, &r->job, why);

	if (result != 0) {
		r->job = NULL;
		return why->temporary ? -1 : 0;
	}
	notes_read(r->arena, r->job->notes, &r->notes);
	return 0;
}

static int make_for_post(struct daemon *daemon, struct second *rows, size_t count, struct fail *why)
{
	struct refused r = { .daemon = daemon, .arena = arena_new(ARENA_MESSAGE_MAX_BYTES), .rows = rows, .count = count };
	int result = open_refused_job(&r, why);

	r.next = arena_array(r.arena, count, sizeof(*r.next));
	if (result == 0 && daemon_list(daemon, rows[0].list, &r.list, why) < 0)
		result = -1;
	if (result == 0)
		result = end_rows(&r, why);
	if (result == 0)
		result = make_batches(&r, why);
	list_settings_free(r.list);
	job_close(r.job);
	arena_free(r.arena);
	return result;
}

static bool is_same_post(const struct second *one, const struct second *other)
{
	return strcmp(one->post_id, other->post_id) == 0 && strcmp(one->list, other->list) == 0;
}

int fallback_make(struct daemon *daemon, struct fail *why)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct second *rows;
	size_t count, next;
	bool trouble = false;

	if (store_second_todo(daemon->store, a, FALLBACK_ROWS_MAX, &rows, &count, why) != 0) {
		arena_free(a);
		return -1;
	}
	for (size_t i = 0; i < count; i = next) {
		for (next = i + 1; next < count && is_same_post(&rows[i], &rows[next]);)
			next++;
		/* Trouble with one post keeps no other from its turn. */
		if (make_for_post(daemon, &rows[i], next - i, why) != 0)
			trouble = true;
	}
	arena_free(a);
	return trouble ? -1 : count == FALLBACK_ROWS_MAX;
}
