/* SPDX-License-Identifier: BSD-2-Clause */
/* A real LMTP server on a Unix socket with a judge that does as recipients are named, and a client of plain sockets. */
#ifndef TESTS_UNIT_LMTP_HELP_H
#define TESTS_UNIT_LMTP_HELP_H

#include "tests/unit/spool_help.h"

#include "listd/intake/lmtp_int.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#define REPLY_WAIT_MS 10000

struct lmtp_box {
	struct spool_box *spool;
	struct lmtp *lmtp;
	char path[96], listen[112];
	struct lmtp_options options;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* What the judge has seen. */
	unsigned asked, judged, accepted;
	char accepted_id[SPOOL_NAME_MAX_CHARS + 1];
	char last[4096];          /* the last message, as far as it fits */
	size_t last_bytes, last_rcpts;
	bool is_held, is_waiting; /* a message for "slow" waits until it is let go */
};

static inline int judge_rcpt(void *context, struct arena *a, const struct envelope *envelope, const char *rcpt, struct fail *why)
{
	struct lmtp_box *box = context;

	(void)a;
	assert(envelope->mail_from != NULL && envelope->id != NULL);
	pthread_mutex_lock(&box->lock);
	box->asked++;
	pthread_mutex_unlock(&box->lock);
	return strncmp(rcpt, "none", 4) == 0 ? reply_fail(why, REPLY_NO_SUCH_LIST, rcpt) : 0;
}

static inline void *judge_message(void *context, struct arena *a, const struct envelope *envelope, struct span bytes, struct reply *replies, bool *keep)
{
	struct lmtp_box *box = context;

	pthread_mutex_lock(&box->lock);
	box->judged++;
	box->last_bytes = bytes.len;
	box->last_rcpts = envelope->rcpt_count;
	memcpy(box->last, bytes.ptr, bytes.len < sizeof(box->last) ? bytes.len : sizeof(box->last));
	for (size_t i = 0; i < envelope->rcpt_count; i++) {
		const char *rcpt = envelope->rcpts[i];

		if (strncmp(rcpt, "slow", 4) == 0) {
			box->is_waiting = true;
			pthread_cond_broadcast(&box->changed);
			while (box->is_held)
				pthread_cond_wait(&box->changed, &box->lock);
		}
		keep[i] = strncmp(rcpt, "late", 4) != 0 && strncmp(rcpt, "later", 5) != 0 && strncmp(rcpt, "mute", 4) != 0 && strncmp(rcpt, "drop", 4) != 0;
		if (strncmp(rcpt, "later", 5) == 0)
			replies[i] = reply_make(a, REPLY_STORE_TROUBLE, "the store is away");
		else if (strncmp(rcpt, "late", 4) == 0)
			replies[i] = reply_make(a, REPLY_RULE_REFUSED, "no birds");
		else if (strncmp(rcpt, "drop", 4) == 0)
			replies[i] = reply_make(a, REPLY_OK, "discarded");
		else if (strncmp(rcpt, "held", 4) == 0)
			replies[i] = reply_make(a, REPLY_HELD, "birds", envelope->id);
	}
	pthread_mutex_unlock(&box->lock);
	return strdup(envelope->id); /* must come back once */
}

/* What the tests look for are files. */
static inline void judge_accepted(void *context, const struct envelope *envelope, const struct spool_entry *entry, void *judged)
{
	struct lmtp_box *box = context;
	struct spool_entry mine = *entry;
	struct fail why;

	assert(strcmp(envelope->id, judged) == 0 && envelope->rcpt_count > 0);
	free(judged);
	if (spool_settle(box->spool->spool, envelope->id, &mine, &why) != 0)
		fail_msg("%s", why.text);
	pthread_mutex_lock(&box->lock);
	box->accepted++;
	snprintf(box->accepted_id, sizeof(box->accepted_id), "%s", envelope->id);
	pthread_mutex_unlock(&box->lock);
}

static inline void judge_dropped(void *context, void *judged)
{
	(void)context;
	free(judged);
}

static inline void lmtp_box_start(struct lmtp_box *box)
{
	struct lmtp_judge judge = { box, judge_rcpt, judge_message, judge_accepted, judge_dropped };
	struct fail why;

	if (lmtp_start(&box->options, box->spool->spool, &judge, &box->lmtp, &why) != 0)
		fail_msg("%s", why.text);
}

/* The options stand and may be changed before lmtp_box_start. */
static inline struct lmtp_box *lmtp_box_new(void)
{
	struct lmtp_box *box = calloc(1, sizeof(*box));
	void *spool;

	box_setup(&spool);
	box->spool = spool;
	pthread_mutex_init(&box->lock, NULL);
	pthread_cond_init(&box->changed, NULL);
	snprintf(box->path, sizeof(box->path), "%s/lmtp", box->spool->dir);
	snprintf(box->listen, sizeof(box->listen), "unix:%s", box->path);
	box->options = (struct lmtp_options){ .listen = box->listen, .mode = 0600, .sessions_max = 30, .max_bytes = 1 << 20, .host_name = "lists.example.org" };
	return box;
}

static inline void lmtp_box_free(struct lmtp_box *box)
{
	void *spool = box->spool;

	lmtp_stop(box->lmtp, 0);
	assert_int_equal(box_count(box->spool, "tmp"), 0);
	box_teardown(&spool);
	pthread_cond_destroy(&box->changed);
	pthread_mutex_destroy(&box->lock);
	free(box);
}

static inline void lmtp_box_let_go(struct lmtp_box *box)
{
	pthread_mutex_lock(&box->lock);
	box->is_held = false;
	pthread_cond_broadcast(&box->changed);
	pthread_mutex_unlock(&box->lock);
}

static inline void lmtp_box_await_slow(struct lmtp_box *box)
{
	pthread_mutex_lock(&box->lock);
	while (!box->is_waiting)
		pthread_cond_wait(&box->changed, &box->lock);
	pthread_mutex_unlock(&box->lock);
}

/* --- the client --- */

struct client {
	int fd;
	size_t at, end;
	char in[1 << 16];
};

static inline void client_connect(struct client *c, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	c->at = c->end = 0;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(connect(c->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static inline void client_send(struct client *c, struct span bytes)
{
	for (size_t sent = 0; sent < bytes.len;) {
		ssize_t n = send(c->fd, bytes.ptr + sent, bytes.len - sent, MSG_NOSIGNAL);

		if (n <= 0)
			return; /* the server has closed; what it said can still be read */
		sent += (size_t)n;
	}
}

static inline void client_say(struct client *c, const char *text)
{
	client_send(c, span_of(text));
}

/* The next line of a reply without its end, NUL-ended; NULL: closed. Nothing for ten seconds fails the test. */
static inline char *client_line(struct client *c)
{
	for (;;) {
		char *line = c->in + c->at, *lf = memchr(line, '\n', c->end - c->at);
		struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
		ssize_t n;

		if (lf != NULL) {
			assert(lf > line && lf[-1] == '\r');
			lf[-1] = '\0';
			c->at = (size_t)(lf + 1 - c->in);
			return line;
		}
		memmove(c->in, line, c->end - c->at);
		c->end -= c->at;
		c->at = 0;
		assert(c->end < sizeof(c->in));
		if (poll(&pfd, 1, REPLY_WAIT_MS) != 1)
			return strcpy(c->in + c->end, "(no reply)");
		n = recv(c->fd, c->in + c->end, sizeof(c->in) - c->end, 0);
		if (n <= 0)
			return NULL;
		c->end += (size_t)n;
	}
}

/* The last line of the next reply, or "closed". */
static inline const char *client_reply(struct client *c)
{
	const char *line;

	do
		line = client_line(c);
	while (line != NULL && strlen(line) > 3 && line[3] == '-');
	return line == NULL ? "closed" : line;
}

/* The codes of count replies as "250 2.0.0,354,". */
static inline const char *client_codes(struct client *c, size_t count, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	while (count-- > 0) {
		const char *line = client_reply(c);
		size_t len = strncmp(line, "closed", 6) == 0 ? 6 : 3;

		if (len == 3 && strlen(line) > 6 && line[5] == '.')
			len = 4 + strcspn(line + 4, " ");
		used += (size_t)snprintf(out + used, size - used, "%s%.*s", used == 0 ? "" : ",", (int)len, line);
	}
	return out;
}

/* How many entries a list with commas has. */
static inline size_t count_codes(const char *want)
{
	size_t count = 1;

	for (; *want != '\0'; want++)
		count += *want == ',';
	return count;
}

static inline void client_expect(struct client *c, const char *name, const char *want)
{
	char got[4096];

	client_codes(c, count_codes(want), got, sizeof(got));
	if (strcmp(got, want) != 0)
		fail_msg("%s: got %s, want %s", name, got, want);
}

static inline void client_close(struct client *c)
{
	close(c->fd);
}

/* Past the greeting and LHLO. */
static inline void client_start(struct client *c, const char *path)
{
	client_connect(c, path);
	client_say(c, "LHLO mx.example.net\r\n");
	client_expect(c, "start", "220,250");
}

#endif
