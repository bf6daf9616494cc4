/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/commit.h"
#include "listd/post/identity.h"
#include "listd/post/notes.h"

#include "archive/maildir.h"
#include "listd/bounce/figures.h"
#include "listd/bounce/learn.h"
#include "listd/event.h"
#include "listd/spool/job.h"
#include "mail/header.h"

#include <string.h>

/* The made forms that some class gets, as the job's forms. */
struct form_set {
	const struct made_form **made;
	struct job_form *forms;
	size_t count;
};

static size_t form_index(const struct form_set *set, const struct made_form *made)
{
	size_t i = 0;

	while (i < set->count && set->made[i] != made)
		i++;
	return i;
}

static void collect_forms(struct post *post, struct form_set *set)
{
	set->made = arena_array(post->arena, strategy_count, sizeof(*set->made));
	set->forms = arena_array(post->arena, strategy_count, sizeof(*set->forms));
	for (size_t i = 0; i < post->class_count; i++) {
		const struct made_form *made = post->classes[i].choice.form;

		if (made == NULL || form_index(set, made) < set->count)
			continue;
		set->made[set->count] = made;
		set->forms[set->count] = (struct job_form){
			.name = made->strategy->name, .rendering = made->rendering, .needs_8bit = made->proof.needs_8bit, .needs_utf8 = made->proof.needs_utf8,
		};
		set->count++;
	}
}

static void log_choices(const struct post *post)
{
	for (size_t i = 0; i < post->class_count; i++) {
		const struct post_class *class = &post->classes[i];
		const struct choice *choice = &class->choice;

		event_log(EVENT_CHOSEN, "id", post->id, "list", post->list->address, "receiver", class->receiver->name, "strategy",
			choice->form == NULL ? "none-works" : choice->form->strategy->name, "recipients", event_number((long long)class->rcpt_count),
			"author_domain", post->facts.strictest == NULL ? NULL : post->facts.strictest->author_domain, "dmarc", dmarc_policy_name(post->facts.policy),
			"reason", choice->reason, NULL);
	}
}

/* What is tried is begun before the copy is out: a crash in between costs the trial, not a second one. */
static int begin_trials(struct daemon *daemon, struct post *post, struct fail *why)
{
	for (size_t i = 0; i < post->class_count; i++) {
		const struct post_class *class = &post->classes[i];

		if (!class->tries)
			continue;
		if (learn_begin_trial(daemon, post, class, why) != 0)
			return -1;
		event_log(EVENT_TRIAL, "id", post->id, "list", post->list->address, "receiver", class->receiver->name, "strategy", class->choice.form->strategy->name,
			"to", class->trial_address, NULL);
	}
	return 0;
}

struct adding {
	const struct post *post;
	const struct form_set *set;
	struct job_writer *writer;
	size_t count;
	struct fail *why;
};

static int add_address(struct adding *adding, const char *address)
{
	const struct post_class *class = post_class_of(adding->post, address);

	if (class == NULL || class->choice.form == NULL)
		return 0;
	adding->count++;
	return job_add(adding->writer, (unsigned)form_index(adding->set, class->choice.form), address, adding->why);
}

static int add_member(void *context, const struct member *member)
{
	struct adding *adding = context;

	return post_wants(adding->post, member) ? add_address(adding, member->address) : 0;
}

static int add_recipients(struct post *post, struct adding *adding)
{
	if (post->purpose == PURPOSE_POST)
		return post_each_member(post, add_member, adding, adding->why);
	for (size_t i = 0; i < post->target_count; i++)
		if (add_address(adding, post->targets[i]) != 0)
			return -1;
	return 0;
}

/* The alias in the From of a copy must lead to the author before the first copy is out. */
static int keep_aliases(struct daemon *daemon, struct post *post, struct fail *why)
{
	const struct address_list *from = &post->facts.from;

	if (post->list->alias != ALIAS_KEYED && post->list->alias != ALIAS_READABLE)
		return 0;
	for (size_t i = 0; i < from->count && i < FACTS_AUTHORS_MAX; i++)
		if (from->items[i].domain.len > 0 && store_alias_put(daemon->store, post->list->address, identity_alias_code(post, &from->items[i]),
				arena_text(post->arena, from->items[i].spec), clock_now(&daemon->clock), why) != 0)
			return -1;
	return 0;
}

static int keep_post(struct daemon *daemon, struct post *post, struct fail *why)
{
	const struct field *id = message_field(&post->message, "Message-ID");
	int64_t expires = clock_now(&daemon->clock) + post->world->site->seen_life_secs;
	struct span value;

	if (post->purpose != PURPOSE_POST)
		return 0;
	if (post->list->archive && maildir_store(post->world->site->archive_dir, post->list->address, post->id, post->message.bytes, why) != 0)
		return -1;
	if (id == NULL)
		return 0;
	value = span_trim(header_unfold(post->arena, id->value));
	if (value.len == 0 || value.len > HEADER_LINE_MAX_BYTES)
		return 0;
	return store_seen_put(daemon->store, post->list->address, arena_text(post->arena, value), post->id, expires, why);
}

/* writer_r: the job, sealed; NULL when there is such a job already, or nobody who would get it. */
static int write_job(struct daemon *daemon, struct post *post, const char *job_id, const struct form_set *set, struct job_writer **writer_r, size_t *count_r, struct fail *why)
{
	const char *sender = arena_printf(post->arena, "%s-bounces@%s", list_local(post->list, post->arena), list_domain(post->list));
	struct job_request request = {
		.id = job_id, .post_id = post->id, .created_secs = clock_now(&daemon->clock), .list = post->list->address,
		.sender = post->purpose == PURPOSE_POST ? JOB_SENDER_VERP : JOB_SENDER_FIXED,
		.fixed_sender = sender, .forms = set->forms, .form_count = set->count, .source_id = post->source_job, .envelope = post->envelope,
		.notes = notes_write(post),
	};
	struct adding adding = { .post = post, .set = set, .why = why };
	int begun = job_begin(daemon->spool, &request, post->message.bytes, &adding.writer, why), sealed;

	*writer_r = NULL;
	if (begun != 0)
		return begun < 0 ? -1 : 0;
	if (add_recipients(post, &adding) != 0) {
		job_abort(adding.writer);
		return -1;
	}
	*count_r = adding.count;
	sealed = job_seal(adding.writer, why);
	if (sealed == 0)
		*writer_r = adding.writer;
	return sealed < 0 ? -1 : 0;
}

int commit_send(struct daemon *daemon, struct post *post, unsigned number, struct job_writer **writer_r, const char **job_id_r, struct fail *why)
{
	const char *job_id = arena_printf(post->arena, "%s-%u", post->id, number);
	int64_t began = clock_monotonic_ms();
	struct form_set set = { 0 };
	size_t count = 0;

	*writer_r = NULL;
	collect_forms(post, &set);
	log_choices(post);
	if (keep_aliases(daemon, post, why) != 0 || begin_trials(daemon, post, why) != 0)
		return -1;
	if (set.count > 0 && write_job(daemon, post, job_id, &set, writer_r, &count, why) != 0)
		return -1;
	if (keep_post(daemon, post, why) != 0 || figures_note_post(daemon, post, why) != 0) {
		job_abort(*writer_r);
		return -1;
	}
	*job_id_r = set.count > 0 ? job_id : "";
	event_log(post->purpose == PURPOSE_POST ? EVENT_COMMITTED : EVENT_FORWARDED, "id", post->id, "list", post->list->address, "purpose", purpose_name(post->purpose),
		"forms", event_number((long long)set.count), "recipients", event_number((long long)count), "ms", event_number(clock_monotonic_ms() - began), NULL);
	return 0;
}

int commit_again(struct daemon *daemon, struct post *post, const char *job_id, size_t *count_r, struct fail *why)
{
	struct form_set set = { 0 };
	struct job_writer *writer;

	*count_r = 0;
	collect_forms(post, &set);
	log_choices(post);
	if (set.count == 0)
		return 0;
	if (keep_aliases(daemon, post, why) != 0 || write_job(daemon, post, job_id, &set, &writer, count_r, why) != 0)
		return -1;
	if (writer != NULL && job_publish(daemon->spool, &writer, 1, why) != 0)
		return -1;
	return figures_note_post(daemon, post, why);
}

int commit_hold(struct daemon *daemon, struct post *post, unsigned number, struct fail *why)
{
	const char *held_id = arena_printf(post->arena, "%s-%u", post->id, number);
	const struct field *subject = message_field(&post->message, "Subject");
	struct hold hold = {
		.id = held_id, .list = post->list->address, .from = post->author_key == NULL ? "" : post->author_key,
		.subject = subject == NULL ? "" : arena_text(post->arena, span_sub(header_unfold(post->arena, subject->value), 0, 500)),
		.reason = post->reason, .since_secs = clock_now(&daemon->clock), .bytes = post->message.total_bytes,
	};

	if (spool_hold(daemon->spool, post->id, held_id, why) != 0 || store_hold_put(daemon->store, &hold, why) != 0)
		return -1;
	atomic_fetch_add(&daemon->held_count, 1);
	event_log(EVENT_HELD, "id", held_id, "list", post->list->address, "from", post->author_key, "stage", post->stage, "reason", post->reason, NULL);
	return 0;
}
