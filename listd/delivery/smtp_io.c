/* SPDX-License-Identifier: BSD-2-Clause */
/* Octets in and out. A plain socket blocks: recv waits up to SO_RCVTIMEO, one system call for waiting and reading, and sending asks not to block. Under TLS
 * the socket does not block, and poll waits, since either direction may need the other. */
#include "listd/delivery/smtp_int.h"
#include "mail/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_FIRST_BYTES ((size_t)64 << 10)
/* One TLS record. */
#define RECORD_BYTES 16384

int smtp_wait(struct smtp *s, short events, struct fail *why)
{
	struct pollfd poll_fd = { .fd = atomic_load(&s->fd), .events = events };
	int ready;

	do
		ready = poll(&poll_fd, 1, (int)s->options->timeout_secs * 1000);
	while (ready < 0 && errno == EINTR);
	if (ready > 0 && !atomic_load(&s->interrupted))
		return poll_fd.revents;
	return fail_temporary(why, ready > 0 ? "the session was ended" : "the relay %s does not answer for %u s", s->options->relay, s->options->timeout_secs);
}

static ssize_t plain_read(struct smtp *s, void *room, size_t size, bool wait)
{
	ssize_t got;

	do
		got = recv(atomic_load(&s->fd), room, size, wait ? 0 : MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got >= 0)
		return got;
	return errno == EAGAIN || errno == EWOULDBLOCK ? IO_WANT_READ : IO_FAILED;
}

static ssize_t plain_write(struct smtp *s, struct iovec *iov, size_t count)
{
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = count > IOV_MAX ? IOV_MAX : count };
	ssize_t put;

	do
		put = sendmsg(atomic_load(&s->fd), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	if (put >= 0)
		return put;
	return errno == EAGAIN || errno == EWOULDBLOCK ? IO_WANT_WRITE : IO_FAILED;
}

static int tls_result(struct smtp *s, int result)
{
	int kind = SSL_get_error(s->tls, result);

	if (kind == SSL_ERROR_WANT_READ)
		return IO_WANT_READ;
	if (kind == SSL_ERROR_WANT_WRITE)
		return IO_WANT_WRITE;
	if (kind == SSL_ERROR_ZERO_RETURN)
		return IO_END;
	ERR_error_string_n(ERR_get_error(), s->error, sizeof(s->error));
	errno = ECONNRESET;
	return IO_FAILED;
}

static ssize_t tls_read(struct smtp *s, void *room, size_t size)
{
	int got;

	ERR_clear_error();
	got = SSL_read(s->tls, room, size > INT_MAX ? INT_MAX : (int)size);
	return got > 0 ? got : tls_result(s, got);
}

/* One record: small slices are gathered, so that a group of commands is not a record each. */
static ssize_t tls_write(struct smtp *s, struct iovec *iov, size_t count)
{
	char record[RECORD_BYTES];
	size_t len = 0;
	int put;

	for (size_t i = 0; i < count && len < sizeof(record); i++) {
		size_t some = iov[i].iov_len < sizeof(record) - len ? iov[i].iov_len : sizeof(record) - len;

		memcpy(record + len, iov[i].iov_base, some);
		len += some;
	}
	ERR_clear_error();
	put = SSL_write(s->tls, record, (int)len);
	return put > 0 ? put : tls_result(s, put);
}

static char *make_room(struct smtp *s, size_t *size_r)
{
	if (s->in_from == s->in_len)
		s->in_from = s->in_len = 0;
	if (s->in_from > 0 && s->in_len == s->in_cap) {
		memmove(s->in, s->in + s->in_from, s->in_len - s->in_from);
		s->in_len -= s->in_from;
		s->in_from = 0;
	}
	if (s->in_len == s->in_cap) {
		size_t cap = s->in_cap == 0 ? IN_FIRST_BYTES : 2 * s->in_cap;

		if (cap > SMTP_INPUT_MAX_BYTES)
			return NULL;
		s->in = realloc(s->in, cap);
		if (s->in == NULL)
			fail_environment("out of memory");
		s->in_cap = cap;
	}
	*size_r = s->in_cap - s->in_len;
	return s->in + s->in_len;
}

static int fail_closed(const struct smtp *s, ssize_t result, struct fail *why)
{
	if (atomic_load(&s->interrupted))
		return fail_temporary(why, "the session was ended");
	return fail_temporary(why, "the relay %s closed the connection%s%s", s->options->relay, result == IO_END ? "" : ": ", result == IO_END ? "" : strerror(errno));
}

int smtp_fill(struct smtp *s, bool wait, struct fail *why)
{
	size_t size;
	char *room = make_room(s, &size);

	if (room == NULL)
		return fail_temporary(why, "the relay %s sends replies without end", s->options->relay);
	for (;;) {
		ssize_t got = s->tls == NULL ? plain_read(s, room, size, wait) : tls_read(s, room, size);

		if (got > 0) {
			s->in_len += (size_t)got;
			return 1;
		}
		if (got == IO_END || got == IO_FAILED)
			return fail_closed(s, got, why);
		if (!wait)
			return 0;
		if (s->tls == NULL)
			return fail_temporary(why, "the relay %s does not answer for %u s", s->options->relay, s->options->timeout_secs);
		if (smtp_wait(s, got == IO_WANT_READ ? POLLIN : POLLOUT, why) < 0)
			return -1;
	}
}

/* The relay takes no more now: wait until it does, and take in what it says meanwhile. */
static int wait_to_send(struct smtp *s, ssize_t want, struct fail *why)
{
	int ready = smtp_wait(s, want == IO_WANT_WRITE ? POLLIN | POLLOUT : POLLIN, why);

	if (ready < 0)
		return -1;
	if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0 && smtp_fill(s, false, why) < 0)
		return -1;
	return 0;
}

int smtp_send(struct smtp *s, struct iovec *iov, size_t count, struct fail *why)
{
	for (;;) {
		ssize_t put;

		while (count > 0 && iov->iov_len == 0) {
			iov++;
			count--;
		}
		if (count == 0)
			return 0;
		put = s->tls == NULL ? plain_write(s, iov, count) : tls_write(s, iov, count);
		if (put == IO_END || put == IO_FAILED)
			return fail_closed(s, put, why);
		if (put < 0 && wait_to_send(s, put, why) != 0)
			return -1;
		for (; put > 0; iov++, count--) {
			size_t some = (size_t)put < iov->iov_len ? (size_t)put : iov->iov_len;

			iov->iov_base = (char *)iov->iov_base + some;
			iov->iov_len -= some;
			put -= (ssize_t)some;
			if (iov->iov_len > 0)
				break;
		}
	}
}

void smtp_try_send(struct smtp *s, const char *text)
{
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	ssize_t put = s->tls == NULL ? plain_write(s, &iov, 1) : tls_write(s, &iov, 1);

	(void)put;
}

int smtp_read(struct smtp *s, struct smtp_reply *reply_r, struct fail *why)
{
	int64_t deadline_ms = 0;

	for (;;) {
		size_t used = 0;
		int taken = smtp_reply_take((struct span){ s->in + s->in_from, s->in_len - s->in_from }, reply_r, &used, why);

		if (taken < 0)
			return -1;
		s->in_from += used;
		if (taken > 0)
			return 0;
		/* An octet a minute must not hold a session for ever. */
		if (deadline_ms == 0)
			deadline_ms = clock_monotonic_ms() + (int64_t)s->options->timeout_secs * 1000;
		else if (clock_monotonic_ms() > deadline_ms)
			return fail_temporary(why, "the relay %s is too slow with a reply", s->options->relay);
		if (smtp_fill(s, true, why) < 0)
			return -1;
	}
}

bool smtp_is_stale(struct smtp *s)
{
	struct fail why;

	return s->in_from < s->in_len || smtp_fill(s, false, &why) != 0;
}

static int check_peer(struct smtp *s, struct fail *why)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(s->tls);
	const char *ca_file = s->options->tls_ca_file;

	if (ca_file != NULL ? SSL_CTX_load_verify_locations(s->tls_context, ca_file, NULL) != 1 : SSL_CTX_set_default_verify_paths(s->tls_context) != 1)
		return fail_temporary(why, "cannot read the certificates of %s", ca_file == NULL ? "the system" : ca_file);
	SSL_set_verify(s->tls, SSL_VERIFY_PEER, NULL);
	if (X509_VERIFY_PARAM_set1_ip_asc(param, s->host) != 1) {
		SSL_set_hostflags(s->tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		if (SSL_set1_host(s->tls, s->host) != 1)
			return fail_temporary(why, "not a host name: %s", s->host);
		SSL_set_tlsext_host_name(s->tls, s->host);
	}
	return 0;
}

static int shake_hands(struct smtp *s, struct fail *why)
{
	for (;;) {
		int done, want;

		ERR_clear_error();
		done = SSL_connect(s->tls);
		if (done == 1)
			return 0;
		want = tls_result(s, done);
		if (want == IO_FAILED || want == IO_END) {
			long verdict = SSL_get_verify_result(s->tls);

			return fail_temporary(why, "no TLS with the relay %s: %s", s->options->relay, verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : s->error);
		}
		if (smtp_wait(s, want == IO_WANT_READ ? POLLIN : POLLOUT, why) < 0)
			return -1;
	}
}

int smtp_start_tls(struct smtp *s, struct fail *why)
{
	int fd = atomic_load(&s->fd);

	/* What came in plain text behind the 220 was put there by somebody else (CVE-2011-0411). */
	if (s->in_from < s->in_len)
		return fail_temporary(why, "the relay %s sent plain text after STARTTLS", s->options->relay);
	s->tls_context = SSL_CTX_new(TLS_client_method());
	s->tls = s->tls_context == NULL ? NULL : SSL_new(s->tls_context);
	if (s->tls == NULL)
		fail_environment("the TLS library cannot be used");
	SSL_set_min_proto_version(s->tls, TLS1_2_VERSION);
	SSL_set_mode(s->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (s->options->tls == RELAY_TLS_MUST && check_peer(s, why) != 0)
		return -1;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	SSL_set_fd(s->tls, fd);
	return shake_hands(s, why);
}
