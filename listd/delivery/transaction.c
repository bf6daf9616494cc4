/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/delivery/transaction.h"
#include "listd/event.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t units(const struct run *r, bool verp)
{
	const struct delivery_options *o = &r->config->options;
	size_t most = o->rcpts_max < 1 ? 1 : o->rcpts_max > RCPTS_MAX ? RCPTS_MAX : o->rcpts_max;

	if (verp && (o->verp == VERP_TRANSACTION || (o->verp == VERP_AUTO && (r->features & SMTP_XVERP) == 0)))
		return 1;
	return r->rcpts_limit > 0 && r->rcpts_limit < most ? r->rcpts_limit : most;
}

static void unref_chunk(struct run *r, struct chunk *chunk)
{
	if (--chunk->users > 0)
		return;
	pthread_mutex_lock(&r->d->lock);
	queue_release(r->d, chunk);
	pthread_mutex_unlock(&r->d->lock);
}

void transaction_end(struct run *r, struct transaction *t)
{
	struct chunk *chunk = t->chunk;

	t->chunk = NULL;
	unref_chunk(r, chunk);
}

void transaction_fault(const struct chunk *chunk, const struct fail *why)
{
	event_log(EVENT_FAULT, "id", chunk->queued->id, "reason", why->text, NULL);
}

static void defer(struct run *r, struct chunk *chunk, size_t count, const char *text)
{
	chunk->deferred += count;
	snprintf(chunk->last_reply, sizeof(chunk->last_reply), "%s", text);
	atomic_fetch_add(&r->d->deferred, count);
}

/* A recipient is refused for good. The hook comes before the mark: a crash in between tells it twice, never not at all. */
static void refuse(struct run *r, struct chunk *chunk, uint32_t rcpt, int code, const char *text)
{
	struct fail why;

	if (r->d->hooks.refused(r->d->hooks.context, chunk->job, &chunk->job->rcpts[rcpt], code, text) != 0) {
		defer(r, chunk, 1, text);
		return;
	}
	if (job_mark(chunk->job, rcpt, JOB_FAILED, text, &why) != 0)
		transaction_fault(chunk, &why);
	atomic_fetch_add(&r->d->refused, 1);
}

void transaction_settle(struct run *r, struct chunk *chunk, const uint32_t *rcpts, size_t count, const struct verdict *verdict)
{
	if (verdict->code / 100 != 5) {
		defer(r, chunk, count, verdict->text);
		return;
	}
	for (size_t i = 0; i < count; i++)
		refuse(r, chunk, rcpts[i], verdict->code, verdict->text);
}

/* Refusals that are about us and our place at the relay, not about the mail: they go away when somebody mends the set-up. */
static bool is_about_setup(int code)
{
	static const int codes[] = { 500, 501, 502, 503, 504, 530, 534, 535, 538 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (code == codes[i])
			return true;
	return false;
}

void transaction_read_verdict(const struct smtp_reply *reply, struct verdict *verdict_r)
{
	verdict_r->code = reply->code / 100 == 2 || reply->code / 100 == 3 || is_about_setup(reply->code) ? 451 : reply->code;
	smtp_reply_enhanced(reply, verdict_r->enhanced);
	smtp_reply_text(reply, verdict_r->text, sizeof(verdict_r->text));
}

/* ---- building a transaction ---- */

static void put_line(struct transaction *t, struct span text)
{
	t->lines[t->line_count++] = t->group.len;
	buf_put(&t->group, text);
}

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* By hand: printf is a tenth of what a recipient costs here. */
static void put_size(struct buf *out, size_t bytes)
{
	char text[24];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + bytes % 10);
	while ((bytes /= 10) > 0);
	buf_put(out, SPAN_LIT(" SIZE="));
	buf_put(out, (struct span){ text + at, sizeof(text) - at });
}

/* The line of MAIL: RFC 5321, 1870 (SIZE), 6152 (BODY), 6531 (SMTPUTF8), and Postfix's XVERP. */
static void put_mail(struct run *r, struct transaction *t, bool utf8)
{
	const struct chunk *chunk = t->chunk;
	const struct job *job = chunk->job;
	bool verp = job->sender == JOB_SENDER_VERP, by_transaction = verp && units(r, true) == 1 && r->config->options.verp != VERP_OFF
		&& (r->config->options.verp == VERP_TRANSACTION || (r->features & SMTP_XVERP) == 0);
	char sender[512] = "";

	if (by_transaction)
		r->d->hooks.verp_sender(r->d->hooks.context, job, &job->rcpts[t->rcpts[0]], sender, sizeof(sender));
	else if (verp)
		r->d->hooks.plain_sender(r->d->hooks.context, job, sender, sizeof(sender));
	put_line(t, SPAN_LIT("MAIL FROM:<"));
	buf_put_text(&t->group, verp ? sender : job->fixed_sender);
	buf_put_byte(&t->group, '>');
	if ((r->features & SMTP_SIZE) != 0)
		put_size(&t->group, chunk->form->rendering.total_bytes);
	if (chunk->form->needs_8bit)
		buf_put_text(&t->group, " BODY=8BITMIME");
	if (utf8)
		buf_put_text(&t->group, " SMTPUTF8");
	if (verp && !by_transaction && r->config->options.verp == VERP_AUTO)
		buf_put_text(&t->group, " XVERP=+=");
	buf_put_text(&t->group, "\r\n");
}

static void put_rcpts(struct transaction *t)
{
	const struct job *job = t->chunk->job;

	for (size_t i = 0; i < t->count; i++) {
		put_line(t, SPAN_LIT("RCPT TO:<"));
		buf_put_text(&t->group, job->rcpts[t->rcpts[i]].address);
		buf_put(&t->group, SPAN_LIT(">\r\n"));
	}
}

/* Why this relay cannot be given the form, or the recipient: 5.6.0, 5.6.7 (RFC 6531 3.5). That it takes 7 bits only is for the administrator to mend: nobody is to
 * lose a post over it, and 8-bit octets would arrive changed, under signatures that fail (RFC 6152 3). */
static const char *cannot_send(const struct run *r, const struct chunk *chunk, bool needs_utf8)
{
	if (chunk->wire->fault != NULL)
		return "554 5.6.0 the message has line ends that no mail server may pass on";
	if (needs_utf8 && (r->features & SMTP_SMTPUTF8) == 0)
		return "553 5.6.7 the relay does not offer SMTPUTF8, which the address or the message needs";
	if (chunk->form->needs_8bit && (r->features & SMTP_8BITMIME) == 0)
		return "451 4.6.3 the relay does not offer 8BITMIME, which the message needs; set relay-8bit = no, or turn it on there";
	return NULL;
}

/* Draw recipients for one transaction from the chunk. false: none were left. */
static bool draw(struct run *r, struct chunk *chunk, struct transaction *t, bool *utf8_r)
{
	size_t most = units(r, chunk->job->sender == JOB_SENDER_VERP);

	t->from = chunk->at;
	t->count = 0;
	*utf8_r = false;
	while (chunk->at < chunk->end && t->count < most) {
		const struct job_rcpt *rcpt = &chunk->job->rcpts[chunk->at];
		uint32_t index = chunk->at++;
		bool utf8 = chunk->form->needs_utf8 || !is_ascii(rcpt->address);
		const char *cannot;

		if (rcpt->state != JOB_TODO)
			continue;
		cannot = cannot_send(r, chunk, utf8);
		if (cannot != NULL) {
			struct verdict verdict = { .code = (int)strtol(cannot, NULL, 10) };

			snprintf(verdict.text, sizeof(verdict.text), "%s", cannot);
			transaction_settle(r, chunk, &index, 1, &verdict);
			continue;
		}
		*utf8_r = *utf8_r || utf8;
		t->rcpts[t->count++] = index;
	}
	return t->count > 0;
}

/* A chunk to draw from, without waiting. */
static bool take_chunk(struct run *r)
{
	struct delivery *d = r->d;

	pthread_mutex_lock(&d->lock);
	if (session_is_wanted_to_end(r))
		r->chunk = NULL;
	else
		r->chunk = queue_take(d, units(r, true), units(r, false));
	if (r->chunk != NULL && !TAILQ_EMPTY(&d->ready))
		delivery_wake_session(d);
	pthread_mutex_unlock(&d->lock);
	return r->chunk != NULL;
}

void transaction_drop_chunk(struct run *r)
{
	struct chunk *chunk = r->chunk;

	r->chunk = NULL;
	if (chunk == NULL)
		return;
	if (chunk->at < chunk->back_from)
		chunk->back_from = chunk->at;
	unref_chunk(r, chunk);
}

/* The next transaction and its group of commands. NULL: there is nothing to do now. */
static struct transaction *build(struct run *r)
{
	struct transaction *t = r->transactions;
	bool utf8;

	while (t->chunk != NULL)
		t++;
	for (;;) {
		if (atomic_load(&r->d->stopping))
			transaction_drop_chunk(r);
		if (r->chunk == NULL && !take_chunk(r))
			return NULL;
		if (draw(r, r->chunk, t, &utf8))
			break;
		transaction_drop_chunk(r);
	}
	t->chunk = r->chunk;
	t->chunk->users++;
	t->accepted = 0;
	t->has_mail = t->has_verdict = t->has_rcpt = false;
	buf_reset(&t->group);
	t->line_count = 0;
	put_mail(r, t, utf8);
	put_rcpts(t);
	put_line(t, SPAN_LIT("DATA\r\n"));
	assert(!buf_overflowed(&t->group));
	return t;
}

/* Build the next one now, unless that is done. */
void transaction_build_ahead(struct run *r)
{
	if (r->ahead == NULL)
		r->ahead = build(r);
}
