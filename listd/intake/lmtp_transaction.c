/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a transaction. A message is answered 250 only when spool_accept has made it durable; in any other case the file is gone before
 * the refusals are sent. */
#include "listd/intake/lmtp_int.h"
#include "listd/event.h"

#include <string.h>

/* A client is on this machine; one that is slower keeps others out. */
#define CONTENT_BYTES_PER_SEC 8192

/* The content while it is read. writer NULL: it is not kept any more. */
struct content {
	struct lmtp_session *session;
	struct spool_writer *writer;
	struct lmtp_data data;
	bool has_trouble;
	struct fail trouble;
};

static bool is_no_space(const struct fail *why)
{
	return strcmp(why->enhanced, "4.3.1") == 0;
}

static void note_full(struct lmtp *lmtp)
{
	if (!atomic_exchange(&lmtp->disk_full, true))
		event_log(EVENT_DISK_FULL, "spool", spool_dir(lmtp->spool), NULL);
}

/* Only a message that is on disk shows that there is space again: a quota does not show in the numbers of the file system. */
static void note_space(struct lmtp *lmtp)
{
	if (atomic_load(&lmtp->disk_full) && atomic_exchange(&lmtp->disk_full, false))
		event_log(EVENT_DISK_BACK, "spool", spool_dir(lmtp->spool), NULL);
}

int lmtp_transaction_check_space(struct lmtp *lmtp, uint64_t wanted_bytes, struct fail *why)
{
	if (spool_has_space(lmtp->spool, wanted_bytes))
		return 0;
	note_full(lmtp);
	return reply_fail(why, REPLY_NO_SPACE);
}

static void drop(struct content *content)
{
	spool_abort(content->writer);
	content->writer = NULL;
}

/* Keep a piece, unless there is a reason to keep nothing more. */
static void keep(struct content *content, struct span piece)
{
	struct lmtp *lmtp = content->session->lmtp;

	if (content->writer == NULL)
		return;
	if (content->data.fault != MESSAGE_OK || content->data.bytes > lmtp->options.max_bytes) {
		drop(content);
		return;
	}
	if (piece.len == 0 || spool_add(content->writer, piece, &content->trouble) == 0)
		return;
	content->has_trouble = true;
	if (is_no_space(&content->trouble))
		note_full(lmtp);
	drop(content);
}

/* What may be taken earns its client time; what goes on beyond that, or trickles in, has an end. */
static int64_t due_of_content(const struct content *content, int64_t began_ms)
{
	const struct lmtp_options *options = &content->session->lmtp->options;
	uint64_t bytes = content->data.bytes < options->max_bytes ? content->data.bytes : options->max_bytes;

	return began_ms + options->idle_ms + (int64_t)(bytes * 1000 / CONTENT_BYTES_PER_SEC);
}

/* Read to the true end, whatever is wrong with the message: what follows it are commands again. */
static enum lmtp_event read_content(struct content *content)
{
	struct lmtp_channel *c = &content->session->channel;
	int64_t began_ms = clock_monotonic_ms();

	while (content->data.state != LMTP_DATA_DONE) {
		enum lmtp_event event;
		struct span piece;

		c->due_ms = due_of_content(content, began_ms);
		event = lmtp_channel_fill(c, true);
		if (event != LMTP_READY)
			return event;
		c->at += lmtp_data_next(&content->data, (struct span){ c->in + c->at, c->end - c->at }, &piece);
		keep(content, piece);
	}
	return LMTP_READY;
}

/* What the server itself has against the message. -1: why. */
static int check_content(struct content *content, struct arena *a, struct fail *why)
{
	const struct lmtp_options *options = &content->session->lmtp->options;

	if (content->data.fault != MESSAGE_OK)
		return reply_fail(why, REPLY_BAD_BYTES, message_fault_name(content->data.fault), arena_printf(a, "%llu", (unsigned long long)content->data.fault_offset));
	if (content->data.bytes > options->max_bytes)
		return reply_fail(why, REPLY_TOO_BIG, arena_printf(a, "%llu", (unsigned long long)options->max_bytes), options->host_name);
	if (content->has_trouble) {
		*why = content->trouble;
		return -1;
	}
	return 0;
}

struct verdicts { struct reply *replies; bool *keep; };

static void refuse_all(struct lmtp_session *s, struct verdicts *v, const struct fail *why)
{
	struct reply reply = reply_of_fail(s->arena, why);

	for (size_t i = 0; i < s->envelope.rcpt_count; i++) {
		v->replies[i] = reply;
		v->keep[i] = false;
	}
	event_log(EVENT_REFUSED, "id", s->id, "stage", "intake", "from", s->envelope.mail_from, "to", event_number((long long)s->envelope.rcpt_count),
		"peer", s->envelope.peer, "code", event_number(why->code), "text", why->text, NULL);
}

/* Whoever is not judged is refused. Returns how many are kept. A 250 for a recipient that is not kept drops the message for him. */
static size_t settle_verdicts(struct lmtp_session *s, struct verdicts *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->envelope.rcpt_count; i++) {
		int code = v->replies[i].code;

		if (v->keep[i] && code / 100 != 2)
			v->replies[i] = reply_make(s->arena, REPLY_QUEUED, s->id);
		else if (code / 100 != 2 && code / 100 != 4 && code / 100 != 5)
			v->replies[i] = reply_make(s->arena, REPLY_STORE_TROUBLE, "no verdict");
		kept += v->keep[i];
	}
	return kept;
}

/* The envelope as it goes to disk: with the kept recipients only. */
static struct envelope kept_envelope(struct lmtp_session *s, const struct verdicts *v, size_t kept)
{
	struct envelope envelope = s->envelope;

	envelope.rcpts = arena_array(s->arena, kept, sizeof(envelope.rcpts[0]));
	envelope.rcpt_count = 0;
	for (size_t i = 0; i < s->envelope.rcpt_count; i++)
		if (v->keep[i])
			envelope.rcpts[envelope.rcpt_count++] = s->envelope.rcpts[i];
	return envelope;
}

static void note_accepted(struct lmtp_session *s, const struct envelope *envelope, uint64_t bytes)
{
	struct lmtp *lmtp = s->lmtp;

	note_space(lmtp);
	s->messages++;
	s->faults = 0;
	s->progress_ms = clock_monotonic_ms();
	atomic_fetch_add(&lmtp->messages, 1);
	event_log(EVENT_ACCEPTED, "id", s->id, "from", envelope->mail_from, "to", event_number((long long)envelope->rcpt_count), "size", event_number((long long)bytes),
		"ms", event_number(clock_monotonic_ms() - s->started_ms), "peer", envelope->peer, "client", envelope->client_ip,
		"ident", s->xforward.ident[0] == '\0' ? NULL : s->xforward.ident, NULL);
}

/* Those that the judge keeps fall with a commit that fails; the others have their refusals. */
static void commit(struct content *content, struct verdicts *v, size_t kept, void *judged)
{
	struct lmtp_session *s = content->session;
	const struct lmtp_judge *judge = &s->lmtp->judge;
	struct envelope envelope = kept_envelope(s, v, kept);
	struct spool_entry entry;
	struct fail why;

	if (spool_accept(content->writer, &envelope, &entry, &why) == 0) {
		content->writer = NULL;
		note_accepted(s, &envelope, content->data.bytes);
		judge->accepted(judge->context, &envelope, &entry, judged);
		return;
	}
	content->writer = NULL;
	judge->dropped(judge->context, judged);
	if (is_no_space(&why))
		note_full(s->lmtp);
	for (size_t i = 0; i < s->envelope.rcpt_count; i++) {
		if (v->keep[i])
			v->replies[i] = reply_of_fail(s->arena, &why);
		v->keep[i] = false;
	}
	event_log(EVENT_REFUSED, "id", s->id, "stage", "intake", "to", event_number((long long)kept), "peer", envelope.peer, "code", event_number(why.code), "text", why.text, NULL);
}

static void judge_and_commit(struct content *content, struct verdicts *v)
{
	struct lmtp_session *s = content->session;
	const struct lmtp_judge *judge = &s->lmtp->judge;
	struct span bytes;
	struct fail why;
	size_t kept;
	void *judged;

	if (check_content(content, s->arena, &why) != 0 || spool_view(content->writer, &bytes, &why) != 0) {
		if (is_no_space(&why))
			note_full(s->lmtp);
		drop(content);
		refuse_all(s, v, &why);
		return;
	}
	judged = judge->message(judge->context, s->arena, &s->envelope, bytes, v->replies, v->keep);
	kept = settle_verdicts(s, v);
	if (kept > 0)
		commit(content, v, kept, judged);
	else
		judge->dropped(judge->context, judged);
	drop(content);
}

/* RFC 2033 4.2: a reply for each RCPT that was taken, in their order. */
static void answer(struct lmtp_session *s, const struct verdicts *v)
{
	for (size_t i = 0; i < s->answer_count; i++) {
		const struct reply *reply = &v->replies[s->answers[i]];

		lmtp_session_reply(s, *reply);
		arena_reset(s->scratch);
		if (reply->code / 100 == 2)
			continue;
		s->refused++;
		atomic_fetch_add(&s->lmtp->refused, 1);
	}
}

void lmtp_transaction_data(struct lmtp_session *s)
{
	struct content content = { .session = s };
	struct verdicts v = {
		.replies = arena_array(s->arena, s->envelope.rcpt_count, sizeof(v.replies[0])),
		.keep = arena_array(s->arena, s->envelope.rcpt_count, sizeof(v.keep[0])),
	};
	enum lmtp_event event;
	struct fail why;

	if (spool_begin(s->lmtp->spool, s->id, &content.writer, &why) != 0) {
		lmtp_session_refuse(s, &why);
		lmtp_session_reset(s);
		return;
	}
	lmtp_session_reply(s, reply_make(s->scratch, REPLY_GO_AHEAD));
	event = read_content(&content);
	s->channel.due_ms = INT64_MAX; /* how long the judge takes is not the client's fault */
	if (event == LMTP_READY) {
		/* Of a client that has not waited for 354: it shall not wait for the judge and the disk to read it. */
		lmtp_channel_flush(&s->channel);
		judge_and_commit(&content, &v);
		answer(s, &v);
	} else {
		drop(&content);
		lmtp_session_lost(s, event);
	}
	lmtp_session_reset(s);
}
