/* SPDX-License-Identifier: BSD-2-Clause */
/* One relay session: transactions, each a group of commands (MAIL, RCPT..., DATA) and then the content. With PIPELINING (RFC 2920) the content of one
 * transaction and the group of the next go out in one write, so that a transaction costs one round trip, however many recipients it has:
 *
 *   -> MAIL RCPT RCPT DATA               <- 250 250 250 354
 *   -> content . MAIL RCPT RCPT DATA     <- 250 | 250 250 250 354
 *   -> content . ...
 *
 * While the relay works on that, the commands of the transaction after the next are built.
 *
 * The 250 of a content is recorded before anything else is done, so that a crash doubles no more than the content that is on its way. */
#include "listd/delivery/transaction.h"
#include "listd/event.h"
#include "mail/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GROUP_MAX_BYTES ((size_t)RCPTS_MAX * 600 + 4096)
#define IOV_MAX_COUNT 512
#define IDLE_SECS 5      /* a connection is kept this long for the next job */
#define SYNC_MS 200      /* states are on disk after this long: what a power failure may double */
#define COOL_MS INT64_C(4000) /* before a session that could not be had is tried again */

void config_release(struct config *config)
{
	if (atomic_fetch_sub(&config->users, 1) == 1)
		arena_free(config->arena);
}

bool session_is_wanted_to_end(struct run *r)
{
	struct delivery *d = r->d;

	return d->stopping || d->config != r->config || r->session->number >= d->config->options.sessions;
}

/* ---- its replies ---- */

/* 452 4.5.3 (RFC 5321 4.5.3.1.10): as many as were accepted, and the rest at once in another transaction. */
static bool is_too_many(const struct transaction *t, const struct verdict *verdict)
{
	bool by_code = (verdict->code == 452 || verdict->code == 552) && (verdict->enhanced[0] == '\0' || strcmp(verdict->enhanced + 1, ".5.3") == 0);

	return t->accepted > 0 && by_code;
}

static void on_rcpt(struct run *r, struct transaction *t, size_t number, const struct smtp_reply *reply)
{
	uint32_t index = t->rcpts[number];
	struct verdict verdict;

	t->has_rcpt = t->has_rcpt || reply->code / 100 == 2;
	if (!t->has_mail)
		return; /* the answer to MAIL governs */
	if (reply->code / 100 == 2) {
		t->rcpts[t->accepted++] = index;
		return;
	}
	transaction_read_verdict(reply, &verdict);
	if (is_too_many(t, &verdict)) {
		r->rcpts_limit = r->rcpts_limit == 0 || t->accepted < r->rcpts_limit ? t->accepted : r->rcpts_limit;
		pthread_mutex_lock(&r->d->lock);
		queue_give_back(r->d, t->chunk->queued, (struct range){ index, index + 1 });
		pthread_mutex_unlock(&r->d->lock);
		return;
	}
	transaction_settle(r, t->chunk, &index, 1, &verdict);
}

static void on_mail(struct transaction *t, const struct smtp_reply *reply)
{
	t->has_mail = reply->code / 100 == 2;
	if (t->has_mail)
		return;
	transaction_read_verdict(reply, &t->verdict);
	t->has_verdict = true;
}

/* 421: the relay is about to close (RFC 5321 3.8). */
static int read_reply(struct run *r, struct smtp_reply *reply_r, struct fail *why)
{
	char text[300];

	if (smtp_read(r->smtp, reply_r, why) != 0)
		return -1;
	if (reply_r->code != 421)
		return 0;
	smtp_reply_text(reply_r, text, sizeof(text));
	return fail_temporary(why, "the relay ends the session: %s", text);
}

static int send_text(struct run *r, const char *text, size_t len, struct fail *why)
{
	struct iovec iov = { (void *)(uintptr_t)text, len };

	return smtp_send(r->smtp, &iov, 1, why);
}

/* A transaction whose DATA the relay took although every recipient was refused (RFC 2920 3.1): nothing may be sent but the end. Where it took recipients without
 * a sender, even that could be delivered to them: then only closing is safe. */
static int send_nothing(struct run *r, struct transaction *t, struct fail *why)
{
	struct smtp_reply reply;

	r->needs_rset = true;
	if (t->has_rcpt) {
		transaction_end(r, t);
		return fail_temporary(why, "the relay takes recipients without a sender");
	}
	return send_text(r, ".\r\n", 3, why) == 0 ? read_reply(r, &reply, why) : -1;
}

/* The reply to DATA: go on with the content (1), or the transaction is over (0). */
static int on_data(struct run *r, struct transaction *t, const struct smtp_reply *reply, struct fail *why)
{
	r->needs_rset = reply->code != 354;
	if (reply->code == 354 && t->accepted > 0)
		return 1;
	if (t->has_verdict) {
		transaction_settle(r, t->chunk, t->rcpts, t->count, &t->verdict);
	} else if (t->accepted > 0) {
		transaction_read_verdict(reply, &t->verdict);
		transaction_settle(r, t->chunk, t->rcpts, t->accepted, &t->verdict);
	}
	return reply->code == 354 ? send_nothing(r, t, why) : 0;
}

static int send_line(struct run *r, const struct transaction *t, size_t number, struct fail *why)
{
	size_t from = t->lines[number], to = number + 1 < t->line_count ? t->lines[number + 1] : t->group.len;

	return send_text(r, t->group.ptr + from, to - from, why);
}

/* Replies to the group, and before each the command where there is no pipelining. 1: the content is wanted; 0: the transaction is over; -1: lost. */
static int finish_group(struct run *r, struct transaction *t, struct fail *why)
{
	struct smtp_reply reply;

	for (size_t i = 0; i < t->line_count; i++) {
		if ((r->features & SMTP_PIPELINING) == 0 && send_line(r, t, i, why) != 0)
			return -1;
		if (read_reply(r, &reply, why) != 0)
			return -1;
		if (i == 0)
			on_mail(t, &reply);
		else if (i < t->line_count - 1)
			on_rcpt(r, t, i - 1, &reply);
	}
	return on_data(r, t, &reply, why);
}

/* A transaction ended before its content: the relay still holds its sender (RFC 5321 4.1.4). Seldom, so it may cost a round trip. */
static int reset_relay(struct run *r, struct fail *why)
{
	struct smtp_reply reply;

	if (!r->needs_rset)
		return 0;
	r->needs_rset = false;
	return send_text(r, "RSET\r\n", 6, why) == 0 ? read_reply(r, &reply, why) : -1;
}

static void sync_states(struct chunk *chunk)
{
	struct queued *q = chunk->queued;
	int64_t now_ms = clock_monotonic_ms(), last_ms = atomic_load(&q->synced_ms);
	struct fail why;

	if (now_ms - last_ms >= SYNC_MS && atomic_compare_exchange_strong(&q->synced_ms, &last_ms, now_ms) && job_sync(chunk->job, &why) != 0)
		transaction_fault(chunk, &why);
}

static void settle_content(struct run *r, struct transaction *t, const struct smtp_reply *reply)
{
	struct chunk *chunk = t->chunk;
	struct fail why;

	if (reply->code / 100 == 2) {
		if (job_mark_all(chunk->job, t->rcpts, t->accepted, JOB_DONE, &why) != 0)
			transaction_fault(chunk, &why);
		chunk->done += t->accepted;
		atomic_fetch_add(&r->d->delivered, t->accepted);
		sync_states(chunk);
	} else {
		transaction_read_verdict(reply, &t->verdict);
		transaction_settle(r, chunk, t->rcpts, t->accepted, &t->verdict);
	}
	r->settled++;
}

/* ---- one step: the content of one transaction, the group of the next ---- */

static int send_window(struct run *r, struct iovec *iov, size_t count, bool is_large, struct fail *why)
{
	struct iovec sent[IOV_MAX_COUNT];

	if (is_large)
		memcpy(sent, iov, count * sizeof(iov[0]));
	if (smtp_send(r->smtp, iov, count, why) != 0)
		return -1;
	if (is_large)
		wire_drop_pages(sent, count);
	return 0;
}

/* The content, and the group of next (NULL: none) behind it. *whole_r: all of the content is with the relay, even where -1 is returned. */
static int send_content(struct run *r, const struct wire *wire, const struct transaction *next, bool *whole_r, struct fail *why)
{
	struct iovec iov[IOV_MAX_COUNT];
	struct wire_cursor cursor;

	*whole_r = false;
	wire_start(&cursor, wire);
	for (;;) {
		size_t count = wire_next(&cursor, iov, IOV_MAX_COUNT - 1), content = count;
		bool is_last = wire_is_done(&cursor);
		int result;

		if (is_last && next != NULL)
			iov[count++] = (struct iovec){ next->group.ptr, next->group.len };
		result = send_window(r, iov, count, wire_is_large(wire), why);
		*whole_r = is_last && (result == 0 || iov[content - 1].iov_len == 0);
		if (result != 0 || is_last)
			return result;
	}
}

/* The connection broke while the content was being sent. What the relay said before that stands: a refusal, or that it has the whole. */
static void look_for_reply(struct run *r, struct transaction *cur, bool whole)
{
	struct smtp_reply reply;
	struct fail why;

	if (smtp_read(r->smtp, &reply, &why) != 0 || reply.code == 421 || (reply.code / 100 < 4 && !whole))
		return;
	settle_content(r, cur, &reply);
	transaction_end(r, cur);
}

static int content_and_reply(struct run *r, struct transaction *cur, const struct transaction *next, struct fail *why)
{
	struct smtp_reply reply;
	bool whole;

	if (send_content(r, cur->chunk->wire, next, &whole, why) != 0) {
		look_for_reply(r, cur, whole);
		return -1;
	}
	transaction_build_ahead(r);
	if (read_reply(r, &reply, why) != 0)
		return -1;
	settle_content(r, cur, &reply);
	transaction_end(r, cur);
	return 0;
}

/* cur, next: NULL for none. 1: next waits for its content; 0: none does; -1: the connection is lost. */
static int step(struct run *r, struct transaction *cur, struct transaction *next, struct fail *why)
{
	bool together = (r->features & SMTP_PIPELINING) != 0;
	int result;

	if (cur != NULL && content_and_reply(r, cur, together ? next : NULL, why) != 0)
		return -1;
	if (next == NULL)
		return 0;
	if (cur == NULL) {
		if (reset_relay(r, why) != 0 || (together && send_text(r, next->group.ptr, next->group.len, why) != 0))
			return -1;
		transaction_build_ahead(r);
	}
	result = finish_group(r, next, why);
	if (result == 0) {
		r->settled++;
		transaction_end(r, next);
	}
	return result;
}

/* What was under way goes back, from its first recipient on. */
static void give_up(struct run *r)
{
	r->ahead = NULL;
	for (size_t i = 0; i < 3; i++) {
		struct transaction *t = &r->transactions[i];

		if (t->chunk == NULL)
			continue;
		if (t->from < t->chunk->back_from)
			t->chunk->back_from = t->from;
		t->chunk->lost = r->settled == 0;
	}
	for (size_t i = 0; i < 3; i++)
		if (r->transactions[i].chunk != NULL) {
			snprintf(r->transactions[i].chunk->last_reply, DELIVERY_REPLY_MAX_BYTES, "%s", "the connection to the relay was lost");
			transaction_end(r, &r->transactions[i]);
		}
	transaction_drop_chunk(r);
}

/* Transactions until there is nothing to do. -1: the connection is lost. */
static int pump(struct run *r, struct fail *why)
{
	struct transaction *cur = NULL;

	for (;;) {
		struct transaction *next;
		int result;

		transaction_build_ahead(r);
		next = r->ahead;
		r->ahead = NULL;
		if (cur == NULL && next == NULL)
			return 0;
		result = step(r, cur, next, why);
		if (result < 0) {
			give_up(r);
			return -1;
		}
		cur = result > 0 ? next : NULL;
	}
}

/* ---- the thread ---- */

static void note_away(struct delivery *d, const struct fail *why)
{
	struct relay_state *relay = &d->relay;
	unsigned shift = relay->failures < 6 ? relay->failures : 6;

	relay->failures++;
	relay->next_try_ms = clock_monotonic_ms() + (INT64_C(1000) << shift);
	snprintf(relay->reply, sizeof(relay->reply), "%s", why->text);
	if (!relay->away)
		event_log(EVENT_RELAY_AWAY, "reply", why->text, NULL);
	relay->away = true;
}

static void disconnect(struct run *r, bool polite)
{
	struct delivery *d = r->d;

	pthread_mutex_lock(&d->lock);
	r->session->smtp = NULL;
	d->relay.connected -= r->is_connected;
	pthread_mutex_unlock(&d->lock);
	smtp_free(r->smtp, polite);
	r->smtp = NULL;
	r->is_connected = false;
	r->features = 0;
	config_release(r->config);
	r->config = NULL;
}

/* The relay greets: whatever waited may go. */
static void note_connected(struct run *r)
{
	struct delivery *d = r->d;

	pthread_mutex_lock(&d->lock);
	if (d->relay.away) {
		event_log(EVENT_RELAY_BACK, NULL);
		delivery_wake_session(d);
	}
	d->relay.away = d->relay.probing = false;
	d->relay.failures = 0;
	d->relay.reply[0] = '\0';
	d->relay.connected++;
	pthread_mutex_unlock(&d->lock);
	r->is_connected = true;
	r->features = smtp_features(r->smtp);
	r->needs_rset = false;
	r->rcpts_limit = 0;
	r->settled = 0;
}

/* One session that cannot be had beside others may be a limit of the relay; with none at all the relay is away. */
static void note_failure(struct run *r, const struct fail *why)
{
	struct delivery *d = r->d;

	pthread_mutex_lock(&d->lock);
	if (d->relay.connected == 0)
		note_away(d, why);
	else
		r->session->cool_until_ms = clock_monotonic_ms() + COOL_MS;
	d->relay.probing = false;
	pthread_mutex_unlock(&d->lock);
}

static int open_session(struct run *r)
{
	struct delivery *d = r->d;
	struct fail why;

	pthread_mutex_lock(&d->lock);
	r->config = d->config;
	atomic_fetch_add(&r->config->users, 1);
	r->smtp = r->session->smtp = smtp_new(&r->config->options);
	pthread_mutex_unlock(&d->lock);
	if (smtp_connect(r->smtp, &why) == 0) {
		note_connected(r);
		return 0;
	}
	disconnect(r, false);
	note_failure(r, &why);
	return -1;
}

/* Lost in mid-session. Where something was settled, the next connection is made at once: many relays limit the mails of one connection. */
static void note_loss(struct run *r, const struct fail *why)
{
	struct session *s = r->session;
	unsigned shift;

	pthread_mutex_lock(&r->d->lock);
	s->losses = r->settled > 0 ? 0 : s->losses + 1;
	shift = s->losses < 7 ? s->losses : 7;
	s->cool_until_ms = s->losses == 0 ? 0 : clock_monotonic_ms() + (COOL_MS << shift >> 2);
	snprintf(r->d->relay.reply, sizeof(r->d->relay.reply), "%s", why->text);
	pthread_mutex_unlock(&r->d->lock);
}

static bool is_outdated(struct run *r)
{
	bool outdated;

	pthread_mutex_lock(&r->d->lock);
	outdated = session_is_wanted_to_end(r);
	pthread_mutex_unlock(&r->d->lock);
	return outdated;
}

static void work(struct run *r)
{
	struct fail why;

	if (r->smtp != NULL && (is_outdated(r) || smtp_is_stale(r->smtp)))
		disconnect(r, true);
	if (r->smtp == NULL && open_session(r) != 0)
		return;
	if (pump(r, &why) == 0)
		return;
	disconnect(r, false);
	note_loss(r, &why);
}

/* May this session begin something now? Of a relay that is away only one tries whether it is back. */
static bool may_work(struct session *s)
{
	struct delivery *d = s->delivery;
	int64_t now_ms = clock_monotonic_ms();

	if (s->number >= d->config->options.sessions || TAILQ_EMPTY(&d->ready) || now_ms < s->cool_until_ms)
		return false;
	if (!d->relay.away)
		return true;
	if (d->relay.probing || now_ms < d->relay.next_try_ms)
		return false;
	d->relay.probing = true;
	return true;
}

/* Wait for work, with the lock held. false: look again. */
static bool wait_for_work(struct run *r)
{
	struct session *s = r->session;
	struct delivery *d = r->d;
	struct timespec until;
	int result = 0;

	if (may_work(s))
		return true;
	s->is_waiting = true;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_SECS;
	if (r->smtp == NULL)
		pthread_cond_wait(&s->wake, &d->lock);
	else
		result = pthread_cond_timedwait(&s->wake, &d->lock, &until);
	s->is_waiting = false;
	if (r->smtp != NULL && (result == ETIMEDOUT || session_is_wanted_to_end(r))) {
		pthread_mutex_unlock(&d->lock);
		disconnect(r, true);
		pthread_mutex_lock(&d->lock);
	}
	return false;
}

void *session_main(void *argument)
{
	struct session *s = argument;
	struct delivery *d = s->delivery;
	struct run *r = calloc(1, sizeof(*r));

	if (r == NULL)
		fail_environment("out of memory");
	r->session = s;
	r->d = d;
	for (size_t i = 0; i < 3; i++)
		buf_init(&r->transactions[i].group, GROUP_MAX_BYTES);
	pthread_mutex_lock(&d->lock);
	while (!atomic_load(&d->stopping))
		if (wait_for_work(r)) {
			pthread_mutex_unlock(&d->lock);
			work(r);
			pthread_mutex_lock(&d->lock);
		}
	pthread_mutex_unlock(&d->lock);
	if (r->smtp != NULL)
		disconnect(r, true);
	pthread_mutex_lock(&d->lock);
	s->has_ended = true;
	pthread_cond_signal(&d->session_ended);
	pthread_mutex_unlock(&d->lock);
	for (size_t i = 0; i < 3; i++)
		buf_done(&r->transactions[i].group);
	free(r);
	return NULL;
}
