/* SPDX-License-Identifier: BSD-2-Clause */
/* What teaches: a refusal, a form that was taken, a trial that begins. */
#include "listd/bounce/learn_int.h"
#include "listd/bounce/sent.h"

#include "listd/event.h"
#include "mail/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A reply is kept as people see it. */
#define REPLY_MAX_BYTES 500
/* Counts are written so seldom; what changes a choice is written at once. */
#define WRITE_SECS 60
#define WITNESS_CHARS 10

/* One refusal, with all that is known of its copy. */
struct lesson {
	const struct bounce *bounce;
	const char *key;          /* of the recipient */
	const char *receiver;     /* operator, or "@domain" */
	const char *form;
	struct notes notes;
};

/* Notes of a job: those that were asked for last are remembered. */
static const char *remembered(struct learn *learn, struct arena *a, const char *job)
{
	const char *text = NULL;

	pthread_mutex_lock(&learn->lock);
	if (learn->notes_job != NULL && strcmp(learn->notes_job, job) == 0)
		text = arena_text(a, span_of(learn->notes_text));
	pthread_mutex_unlock(&learn->lock);
	return text;
}

static void remember(struct learn *learn, const char *job, const char *text)
{
	pthread_mutex_lock(&learn->lock);
	learn_set_text(&learn->notes_job, job);
	learn_set_text(&learn->notes_text, text);
	pthread_mutex_unlock(&learn->lock);
}

bool learn_notes(struct daemon *daemon, struct arena *a, const char *job_id, struct notes *notes_r)
{
	const char *text = remembered(daemon->learn, a, job_id);
	struct job *job;
	struct fail why;

	if (text == NULL) {
		if (job_open_sent(daemon->spool, job_id, &job, &why) != 0)
			return false;
		text = arena_text(a, span_of(job->notes));
		job_close(job);
		remember(daemon->learn, job_id, text);
	}
	return notes_read(a, text, notes_r);
}

/* The form of the copy, and how its post was judged. False: it is not known (any more). */
static bool find_copy(struct daemon *daemon, struct arena *a, struct lesson *lesson)
{
	const struct bounce *b = lesson->bounce;
	struct sent sent;

	lesson->form = b->form;
	if (b->form != NULL && strchr(b->job, '-') != NULL)
		return learn_notes(daemon, a, b->job, &lesson->notes);
	if (sent_find(daemon, a, b->job, b->list, b->recipient, &sent) != 1)
		return false;
	lesson->form = sent.form;
	lesson->notes = sent.notes;
	return sent.notes.class_count > 0;
}

static const char *find_receiver(struct daemon *daemon, struct arena *a, const char *domain)
{
	struct site *site = daemon_hold_site(daemon);
	const struct receiver *receiver = receivers_find(site->receivers, daemon->dns, &daemon->clock, domain);
	bool is_known = receiver != receivers_by_name(site->receivers, "unknown") && receivers_is_wholly(site->receivers, daemon->dns, domain, receiver);
	const char *name = is_known ? arena_text(a, span_of(receiver->name)) : arena_printf(a, "@%s", domain);

	daemon_release_site(site);
	return name;
}

/* Nothing is learnt from copies in the list's own name, nor from posts for which nobody answers: those are refused with right. */
static bool teaches(struct daemon *daemon, struct arena *a, struct lesson *lesson)
{
	const struct strategy *strategy;
	struct address address;

	if (address_parse(a, span_of(lesson->bounce->recipient), &address, NULL) != 0 || !find_copy(daemon, a, lesson))
		return false;
	strategy = strategy_find(span_of(lesson->form));
	if (strategy == NULL || !strategy->keeps_author_from || lesson->notes.disowned || lesson->notes.vouched)
		return false;
	lesson->key = address_key(a, &address);
	lesson->receiver = find_receiver(daemon, a, strrchr(lesson->key, '@') + 1);
	return true;
}

/* Who says so, without his name: rows are shown to people. */
static void witness_code(const char *key, char code_r[WITNESS_CHARS + 1])
{
	static const struct secret fixed;

	secret_code(&fixed, span_of(key), WITNESS_CHARS, code_r);
}

/* Add a witness, drop old ones; how many there are now. */
static size_t add_witness(struct learnt *l, const char *key, int64_t now_secs)
{
	char code[WITNESS_CHARS + 1], text[LEARN_WITNESSES * 40] = "";
	struct span rest = span_of(l->witnesses), word;
	size_t count = 0, used = 0;

	witness_code(key, code);
	while (span_word(&rest, &word) && count + 1 < LEARN_WITNESSES) {
		int64_t at = word.len > WITNESS_CHARS + 1 ? strtoll(word.ptr + WITNESS_CHARS + 1, NULL, 10) : 0;

		if (span_starts_nocase(word, code) || at < now_secs - LEARN_WITNESS_SECS)
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%.*s ", (int)word.len, word.ptr);
		count++;
	}
	snprintf(text + used, sizeof(text) - used, "%s:%lld", code, (long long)now_secs);
	learn_set_text(&l->witnesses, text);
	return count + 1;
}

static void set_reply(struct arena *a, struct learnt *l, const char *reply)
{
	learn_set_text(&l->reply, arena_text(a, span_sub(span_of(reply), 0, REPLY_MAX_BYTES)));
}

/* With the lock held. */
static int put_lesson(struct learn *learn, struct arena *a, const struct lesson *lesson, int64_t relearn_secs, struct fail *why)
{
	const struct bounce *b = lesson->bounce;
	bool of_author = !lesson->notes.is_strict && !notes_is_forced(&lesson->notes, lesson->form), proved = notes_is_proved(&lesson->notes, lesson->form);
	struct learn_row *row = of_author ? learn_row(learn, LEARNT_AUTHOR, lesson->notes.author_domain, lesson->receiver)
		: learn_row(learn, LEARNT_RECEIVER, lesson->receiver, lesson->form);
	struct learnt *l;
	bool is_news, is_certain;

	if (row == NULL || (of_author && *lesson->notes.author_domain == '\0'))
		return 0;
	l = &row->learnt;
	set_reply(a, l, b->reply);
	is_certain = b->source == BOUNCE_BY_REPLY || add_witness(l, lesson->key, b->at_secs) >= LEARN_WITNESSES;
	if (!is_certain)
		return learn_write(learn, row, why);
	is_news = !learn_is_in_force(learn_state(l, b->at_secs, relearn_secs)) || l->trial_secs >= l->refused_secs || l->proved != proved;
	if (is_news)
		event_log(EVENT_LEARNT, "kind", learnt_kind_name(l->kind), "name", l->name, "what", l->what, "reply", l->reply, NULL);
	is_news |= b->at_secs - l->refused_secs >= WRITE_SECS;
	l->refused_secs = b->at_secs;
	l->refused_count++;
	l->proved = proved;
	row->is_dirty = true;
	return is_news ? learn_write(learn, row, why) : 0;
}

int learn_note(struct daemon *daemon, const struct bounce *bounce, struct fail *why)
{
	struct lesson lesson = { .bounce = bounce };
	struct learn *learn = daemon->learn;
	struct arena *a;
	int result = 0;

	if (bounce->class != BOUNCE_POLICY_DMARC || bounce->is_passed_on || (bounce->source != BOUNCE_BY_REPLY && bounce->source != BOUNCE_BY_RCPT_KEY))
		return 0;
	a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	if (teaches(daemon, a, &lesson)) {
		int64_t relearn_secs = learn_relearn_secs(daemon);

		pthread_mutex_lock(&learn->lock);
		result = put_lesson(learn, a, &lesson, relearn_secs, why);
		pthread_mutex_unlock(&learn->lock);
	}
	arena_free(a);
	return result;
}

/* A post whose author asks for nothing shows nothing when it is taken. Several receivers may have the same form: each gets its share of the count. */
void learn_sent(struct daemon *daemon, const struct job *job, const char *form, size_t count)
{
	struct learn *learn = daemon->learn;
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	int64_t now_secs = clock_now(&daemon->clock);
	struct notes notes;
	size_t of = 0;

	if (notes_read(a, job->notes, &notes) && notes.is_strict && *notes.of == '\0') {
		for (size_t i = 0; i < notes.class_count; i++)
			of += strcmp(notes.classes[i].form, form) == 0 ? notes.classes[i].rcpt_count : 0;
		pthread_mutex_lock(&learn->lock);
		for (size_t i = 0; i < notes.class_count; i++) {
			const struct notes_class *class = &notes.classes[i];
			struct learn_row *row = strcmp(class->form, form) == 0 ? learn_row(learn, LEARNT_RECEIVER, class->receiver, form) : NULL;

			if (row == NULL || of == 0)
				continue;
			row->learnt.sent_secs = now_secs;
			row->learnt.sent_count += count * class->rcpt_count / of;
			row->is_dirty = true;
		}
		pthread_mutex_unlock(&learn->lock);
	}
	arena_free(a);
}

/* With the lock held: rows of that name that are due are being tried from now on. */
static int begin_rows(struct learn *learn, enum learnt_kind kind, const char *name, int64_t now_secs, int64_t relearn_secs, struct fail *why)
{
	for (size_t i = learn_place(learn, kind, name, ""); learn_is_about(learn, i, kind, name); i++) {
		struct learn_row *row = learn->rows[i];

		if (learn_state(&row->learnt, now_secs, relearn_secs) != LEARN_DUE)
			continue;
		row->learnt.trial_secs = now_secs;
		if (learn_write(learn, row, why) != 0)
			return -1;
	}
	return 0;
}

int learn_begin_trial(struct daemon *daemon, const struct post *post, const struct post_class *class, struct fail *why)
{
	struct learn *learn = daemon->learn;
	int64_t now_secs = clock_now(&daemon->clock), relearn_secs = learn_relearn_secs(daemon);
	const char *domain = arena_printf(post->arena, "@%s", strrchr(class->trial_address, '@') + 1);
	int result;

	pthread_mutex_lock(&learn->lock);
	result = begin_rows(learn, LEARNT_RECEIVER, class->receiver->name, now_secs, relearn_secs, why);
	if (result == 0)
		result = begin_rows(learn, LEARNT_RECEIVER, arena_lower(post->arena, span_of(domain)), now_secs, relearn_secs, why);
	for (size_t i = 0; result == 0 && i < post->facts.author_count; i++)
		result = begin_rows(learn, LEARNT_AUTHOR, post->facts.authors[i].author_domain, now_secs, relearn_secs, why);
	pthread_mutex_unlock(&learn->lock);
	return result;
}
