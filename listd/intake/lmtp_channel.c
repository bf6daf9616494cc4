/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/intake/lmtp_int.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client that pipelines without reading must not make us keep more than this. */
#define OUT_FLUSH_BYTES ((size_t)16 << 10)
/* What a client may have sent beyond the end of the session that is read, so that the last reply is not lost to a reset. */
#define DRAIN_MAX_BYTES ((size_t)256 << 10)

/* How long may we wait? 0: not at all, since the server is being stopped. */
static int64_t time_left(const struct lmtp_channel *c, int64_t idle_end_ms, bool in_transaction, bool *is_stopping_r)
{
	int64_t deadline = atomic_load(c->deadline_ms), now = clock_monotonic_ms();

	*is_stopping_r = deadline != LMTP_NOT_STOPPING;
	if (!*is_stopping_r)
		return idle_end_ms - now;
	if (!in_transaction)
		return 0;
	return (deadline < idle_end_ms ? deadline : idle_end_ms) - now;
}

static enum lmtp_event wait_for(struct lmtp_channel *c, short events, bool in_transaction)
{
	int64_t idle_end_ms = clock_monotonic_ms() + c->idle_ms;

	idle_end_ms = c->due_ms < idle_end_ms ? c->due_ms : idle_end_ms;
	for (;;) {
		bool is_stopping;
		int64_t left_ms = time_left(c, idle_end_ms, in_transaction, &is_stopping);
		struct pollfd fds[] = { { .fd = c->fd, .events = events }, { .fd = c->stop_fd, .events = POLLIN } };

		if (left_ms <= 0)
			return is_stopping ? LMTP_STOPPED : LMTP_TIMED_OUT;
		/* The stop is told once: from then on only the client and the deadline count. */
		if (poll(fds, is_stopping ? 1 : 2, (int)left_ms) < 0 && errno != EINTR)
			return LMTP_CLOSED;
		if (fds[0].revents != 0)
			return LMTP_READY;
	}
}

void lmtp_channel_flush(struct lmtp_channel *c)
{
	size_t sent = 0;

	while (sent < c->out.len && !c->is_broken) {
		ssize_t n = send(c->fd, c->out.ptr + sent, c->out.len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			c->is_broken = wait_for(c, POLLOUT, true) != LMTP_READY;
		else if (errno != EINTR)
			c->is_broken = true;
	}
	buf_reset(&c->out);
}

void lmtp_channel_put(struct lmtp_channel *c, const char *text)
{
	if (c->out.len > OUT_FLUSH_BYTES)
		lmtp_channel_flush(c);
	buf_put_text(&c->out, text);
}

/* Read more behind what is there. The caller has seen to it that there is room. */
static enum lmtp_event read_more(struct lmtp_channel *c, bool in_transaction)
{
	lmtp_channel_flush(c);
	if (c->at > 0) {
		memmove(c->in, c->in + c->at, c->end - c->at);
		c->end -= c->at;
		c->at = 0;
	}
	while (!c->is_broken) {
		bool is_stopping;
		enum lmtp_event event;
		ssize_t n;

		/* Also where the client never lets us wait. */
		if (time_left(c, c->due_ms, in_transaction, &is_stopping) <= 0)
			return is_stopping ? LMTP_STOPPED : LMTP_TIMED_OUT;
		n = recv(c->fd, c->in + c->end, sizeof(c->in) - c->end, MSG_DONTWAIT);
		if (n > 0) {
			c->end += (size_t)n;
			return LMTP_READY;
		}
		if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			break;
		event = wait_for(c, POLLIN, in_transaction);
		if (event != LMTP_READY)
			return event;
	}
	return LMTP_CLOSED;
}

enum lmtp_event lmtp_channel_fill(struct lmtp_channel *c, bool in_transaction)
{
	return c->at < c->end ? LMTP_READY : read_more(c, in_transaction);
}

/* Take a whole line, or drop the part of a too long one that is there. */
static bool take_line(struct lmtp_channel *c, struct span *line_r, enum lmtp_event *event_r)
{
	const char *from = c->in + c->at;
	size_t len = c->end - c->at;
	const char *lf = memchr(from, '\n', len);

	if (lf == NULL) {
		c->is_skipping = c->is_skipping || len > LMTP_LINE_MAX_BYTES;
		if (c->is_skipping)
			c->at = c->end;
		return false;
	}
	len = (size_t)(lf + 1 - from);
	*line_r = (struct span){ from, len };
	*event_r = c->is_skipping || len > LMTP_LINE_MAX_BYTES ? LMTP_LINE_TOO_LONG : LMTP_READY;
	c->is_skipping = false;
	c->at += len;
	return true;
}

enum lmtp_event lmtp_channel_line(struct lmtp_channel *c, bool in_transaction, struct span *line_r)
{
	enum lmtp_event event = LMTP_READY;

	while (!take_line(c, line_r, &event)) {
		event = read_more(c, in_transaction);
		if (event != LMTP_READY)
			return event;
	}
	return event;
}

void lmtp_channel_close(struct lmtp_channel *c)
{
	size_t drained = 0;
	ssize_t n = 1;

	lmtp_channel_flush(c);
	/* A close with unread octets would be a reset, which may overtake the last reply. */
	shutdown(c->fd, SHUT_WR);
	while (n > 0 && drained < DRAIN_MAX_BYTES) {
		n = recv(c->fd, c->in, sizeof(c->in), MSG_DONTWAIT);
		drained += n > 0 ? (size_t)n : 0;
	}
	close(c->fd);
	buf_done(&c->out);
}
