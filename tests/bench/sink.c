/* SPDX-License-Identifier: BSD-2-Clause */
/* sink PORT [RCPTS]: an SMTP server on loopback that takes everything and keeps nothing, on any number of connections, with as little work as can be.
 * After RCPTS accepted recipients (0: never) it prints what it counted and ends; on SIGTERM too. Who asks XCOUNT is told the counts, with the times (CLOCK_MONOTONIC) of the
 * first MAIL and of the last content; XRESET sets them to nothing. */
#include "tests/bench/bench.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>

#define IN_BYTES (256 << 10)
#define OUT_BYTES (256 << 10)

struct connection {
	int fd;
	bool in_data;
	unsigned rcpts;
	size_t in_len, out_len;
	char in[IN_BYTES], out[OUT_BYTES];
};

static struct { unsigned long rcpts, messages, bytes, connections, wanted; double first, last; } total;
static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void say(struct connection *c, const char *text)
{
	size_t len = strlen(text);

	if (c->out_len + len > OUT_BYTES)
		bench_die("a client that reads no replies");
	memcpy(c->out + c->out_len, text, len);
	c->out_len += len;
}

static void say_counts(struct connection *c)
{
	char text[300];

	snprintf(text, sizeof(text), "250 {\"rcpts\":%lu,\"messages\":%lu,\"bytes\":%lu,\"first\":%.6f,\"last\":%.6f}\r\n", total.rcpts, total.messages, total.bytes,
		total.first, total.last);
	say(c, text);
}

static void reset_counts(void)
{
	total.rcpts = total.messages = total.bytes = 0;
	total.first = total.last = 0;
}

static void on_command(struct connection *c, const char *line)
{
	switch (line[0] & ~32) {
	case 'M':
		if (total.first == 0)
			total.first = bench_seconds();
		c->rcpts = 0;
		say(c, "250 2.1.0 Ok\r\n");
		break;
	case 'R':
		if ((line[1] & ~32) == 'C')
			c->rcpts++;
		say(c, "250 2.1.5 Ok\r\n");
		break;
	case 'D':
		c->in_data = true;
		say(c, "354 go\r\n");
		break;
	case 'E':
		say(c, "250-sink\r\n250-PIPELINING\r\n250-SIZE 100000000\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-XVERP\r\n250 SMTPUTF8\r\n");
		break;
	case 'Q':
		say(c, "221 bye\r\n");
		break;
	case 'X':
		if ((line[1] & ~32) == 'C') {
			say_counts(c);
			break;
		}
		reset_counts();
		say(c, "250 Ok\r\n");
		break;
	default:
		say(c, "250 Ok\r\n");
	}
}

static void on_content(struct connection *c)
{
	total.rcpts += c->rcpts;
	total.messages++;
	total.last = bench_seconds();
	c->in_data = false;
	say(c, "250 2.0.0 Ok: queued\r\n");
}

/* Take what is whole off the input; the number of bytes used. */
static size_t take(struct connection *c)
{
	size_t at = 0;

	while (at < c->in_len) {
		const char *from = c->in + at, *end;
		size_t rest = c->in_len - at;

		if (c->in_data) {
			end = memmem(from, rest, "\r\n.\r\n", 5);
			if (end == NULL)
				return rest > 4 ? c->in_len - 4 : at;
			on_content(c);
			at += (size_t)(end - from) + 5;
			continue;
		}
		end = memchr(from, '\n', rest);
		if (end == NULL)
			return at;
		on_command(c, from);
		at += (size_t)(end - from) + 1;
	}
	return at;
}

static bool serve(struct connection *c)
{
	ssize_t got = recv(c->fd, c->in + c->in_len, IN_BYTES - c->in_len, 0);
	size_t used;

	if (got <= 0)
		return false;
	total.bytes += (unsigned long)got;
	c->in_len += (size_t)got;
	used = take(c);
	memmove(c->in, c->in + used, c->in_len - used);
	c->in_len -= used;
	if (c->out_len > 0 && send(c->fd, c->out, c->out_len, MSG_NOSIGNAL) != (ssize_t)c->out_len)
		return false;
	c->out_len = 0;
	return true;
}

static void accept_one(int listener, int events_fd)
{
	struct connection *c = malloc(sizeof(*c));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	int on = 1;

	if (c == NULL)
		bench_die("malloc");
	c->fd = accept(listener, NULL, NULL);
	c->in_data = false;
	c->in_len = c->out_len = 0;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	epoll_ctl(events_fd, EPOLL_CTL_ADD, c->fd, &event);
	total.connections++;
	if (send(c->fd, "220 sink ESMTP\r\n", 16, MSG_NOSIGNAL) != 16)
		bench_die("send");
}

static int open_listener(int port)
{
	struct sockaddr_in address = bench_address(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1000) != 0)
		bench_die("listen");
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL }, events[64];
	int listener, events_fd = epoll_create1(0);
	double seconds;

	if (argc < 2)
		return 64;
	total.wanted = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	listener = open_listener(atoi(argv[1]));
	signal(SIGTERM, on_signal);
	epoll_ctl(events_fd, EPOLL_CTL_ADD, listener, &event);
	while (!ended && (total.wanted == 0 || total.rcpts < total.wanted)) {
		int count = epoll_wait(events_fd, events, 64, -1);

		for (int i = 0; i < count; i++) {
			struct connection *c = events[i].data.ptr;

			if (c == NULL)
				accept_one(listener, events_fd);
			else if (!serve(c)) {
				close(c->fd);
				free(c);
			}
		}
	}
	seconds = total.last - total.first;
	printf("{\"bench\":\"sink\",\"rcpts\":%lu,\"messages\":%lu,\"bytes\":%lu,\"connections\":%lu,\"seconds\":%.3f,\"rcpts_per_s\":%.0f}\n",
		total.rcpts, total.messages, total.bytes, total.connections, seconds, seconds > 0 ? (double)total.rcpts / seconds : 0);
	return 0;
}
