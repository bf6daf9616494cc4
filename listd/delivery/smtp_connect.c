/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/delivery/smtp_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* RFC 5321 has no timeout for connecting; a relay that is up answers in less. */
#define CONNECT_TIMEOUT_MS 30000
#define PORT_DEFAULT "25"

/* The end of a connect that is under way, or why it failed; looks at interrupts in between. */
static int finish_connect(struct smtp *s, int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	int error = 0, waited_ms = 0, ready = 0;
	socklen_t size = sizeof(error);

	for (; ready == 0 && waited_ms < CONNECT_TIMEOUT_MS && !atomic_load(&s->interrupted); waited_ms += 100)
		ready = poll(&poll_fd, 1, 100);
	if (ready <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
		errno = error;
		return -1;
	}
	return 0;
}

/* From here on the socket blocks; smtp_io.c says where that matters. */
static void set_options(const struct smtp *s, int fd)
{
	struct timeval timeout = { .tv_sec = s->options->timeout_secs };
	int on = 1;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	/* Without it the end of each group waits for an acknowledgement of the one before: 40 ms a transaction. */
	if (!s->is_unix)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int try_address(struct smtp *s, int family, const struct sockaddr *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, address, len) != 0 && (errno != EINPROGRESS || finish_connect(s, fd) != 0)) {
		int cause = errno;

		close(fd);
		errno = cause;
		return -1;
	}
	set_options(s, fd);
	atomic_store(&s->fd, fd);
	return 0;
}

static int dial_unix(struct smtp *s, const char *path, struct fail *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return fail_temporary(why, "the relay's path is too long: %s", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	s->is_unix = s->is_loopback = true;
	snprintf(s->host, sizeof(s->host), "localhost");
	if (try_address(s, AF_UNIX, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0)
		return fail_temporary(why, "cannot connect to the relay unix:%s: %s", path, strerror(errno));
	return 0;
}

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
	return address->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

/* "host:port", "host", "[::1]:25", "::1" */
static int split_host(const char *relay, char *host_r, size_t size, const char **port_r)
{
	const char *colon = strrchr(relay, ':'), *from = relay;
	size_t len = strlen(relay);

	*port_r = PORT_DEFAULT;
	if (relay[0] == '[') {
		const char *close = strchr(relay, ']');

		if (close == NULL || (close[1] != '\0' && close[1] != ':'))
			return -1;
		from = relay + 1;
		len = (size_t)(close - from);
		if (close[1] == ':')
			*port_r = close + 2;
	} else if (colon != NULL && strchr(relay, ':') == colon) {
		len = (size_t)(colon - relay);
		*port_r = colon + 1;
	}
	if (len == 0 || len >= size || **port_r == '\0')
		return -1;
	memcpy(host_r, from, len);
	host_r[len] = '\0';
	return 0;
}

int smtp_dial(struct smtp *s, struct fail *why)
{
	const char *relay = s->options->relay, *port;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found = NULL;
	int result = -1, error;

	if (strncmp(relay, "unix:", 5) == 0)
		return dial_unix(s, relay + 5, why);
	if (split_host(relay, s->host, sizeof(s->host), &port) != 0)
		return fail_temporary(why, "the setting relay is not host:port or unix:path: %s", relay);
	error = getaddrinfo(s->host, port, &hints, &found);
	if (error != 0)
		return fail_temporary(why, "cannot find the relay %s: %s", relay, gai_strerror(error));
	for (struct addrinfo *one = found; one != NULL && result != 0; one = one->ai_next) {
		result = try_address(s, one->ai_family, one->ai_addr, one->ai_addrlen);
		if (result == 0)
			s->is_loopback = is_loopback(one->ai_addr);
		else
			fail_temporary(why, "cannot connect to the relay %s: %s", relay, strerror(errno));
	}
	freeaddrinfo(found);
	return result;
}
