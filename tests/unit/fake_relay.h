/* SPDX-License-Identifier: BSD-2-Clause */
/* A relay for tests: speaks SMTP on loopback as its plan says, drops connections where told, and remembers what it took. It checks the client's manners:
 * nothing may come behind DATA before its reply, and without PIPELINING nothing behind any command. */
#ifndef TESTS_UNIT_FAKE_RELAY_H
#define TESTS_UNIT_FAKE_RELAY_H

#include "tests/unit/check.h"

#include "mail/buf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RELAY_TAKEN_MAX 20000

/* The answer to a line that begins with prefix (ASCII case ignored), for the first times of them. */
struct relay_rule { const char *prefix, *reply; int times; };

struct relay_plan {
	const char *ehlo;                /* lines of the reply to EHLO, without the first; NULL: the usual */
	struct relay_rule rules[16];     /* "content" is the end of data, "banner" the greeting */
	long drop_in, drop_out;          /* close the first connection after so many octets read or written; -1: never */
	unsigned rcpts_max;              /* 452 4.5.3 beyond it; 0: any */
	unsigned delay_us;               /* before each reply to a content */
	bool is_unix;
	const char *unix_path;
	SSL_CTX *tls;
};

struct relay_taken { char *sender, *rcpt, *content; size_t content_len; };

struct relay {
	struct relay_plan plan;
	int listener, port;
	pthread_t thread;
	pthread_mutex_t lock;
	struct relay_taken *taken;
	size_t taken_count;
	unsigned connections, running, violations;
	unsigned long messages;
	char last_auth[300], last_mail[600];
	atomic_bool ended;
};

struct relay_session {
	struct relay *relay;
	int fd;
	SSL *tls;
	bool is_first, pipelining;
	long read_bytes, written_bytes;
	char in[65536];
	size_t in_len;
	char sender[600], (*rcpts)[300];
	unsigned rcpt_count;
};

static inline bool relay_write(struct relay_session *s, const char *text)
{
	size_t len = strlen(text);
	bool drop = false;

	if (s->is_first && s->relay->plan.drop_out >= 0 && s->written_bytes + (long)len > s->relay->plan.drop_out) {
		len = (size_t)(s->relay->plan.drop_out - s->written_bytes);
		drop = true;
	}
	s->written_bytes += (long)len;
	if (s->tls != NULL ? (len > 0 && SSL_write(s->tls, text, (int)len) <= 0) : send(s->fd, text, len, MSG_NOSIGNAL) < 0)
		return false;
	return !drop;
}

static inline bool relay_fill(struct relay_session *s)
{
	size_t room = sizeof(s->in) - s->in_len;
	ssize_t got;

	if (s->is_first && s->relay->plan.drop_in >= 0) {
		if (s->read_bytes >= s->relay->plan.drop_in)
			return false;
		if ((long)room > s->relay->plan.drop_in - s->read_bytes)
			room = (size_t)(s->relay->plan.drop_in - s->read_bytes);
	}
	got = s->tls != NULL ? SSL_read(s->tls, s->in + s->in_len, (int)room) : recv(s->fd, s->in + s->in_len, room, 0);
	if (got <= 0)
		return false;
	s->read_bytes += got;
	s->in_len += (size_t)got;
	return true;
}

static inline bool relay_line(struct relay_session *s, char *line, size_t size)
{
	for (;;) {
		char *end = memmem(s->in, s->in_len, "\r\n", 2);

		if (end != NULL) {
			size_t len = (size_t)(end - s->in);

			snprintf(line, size, "%.*s", (int)len, s->in);
			s->in_len -= len + 2;
			memmove(s->in, end + 2, s->in_len);
			return true;
		}
		if (s->in_len == sizeof(s->in) || !relay_fill(s))
			return false;
	}
}

/* The reply that a rule gives, or NULL. */
static inline const char *relay_rule(struct relay *relay, const char *line)
{
	const char *reply = NULL;

	pthread_mutex_lock(&relay->lock);
	for (size_t i = 0; i < 16 && reply == NULL; i++) {
		struct relay_rule *rule = &relay->plan.rules[i];

		if (rule->prefix != NULL && rule->times > 0 && strncasecmp(line, rule->prefix, strlen(rule->prefix)) == 0) {
			rule->times--;
			reply = rule->reply;
		}
	}
	pthread_mutex_unlock(&relay->lock);
	return reply;
}

static inline void relay_take(struct relay_session *s, const struct buf *content)
{
	struct relay *relay = s->relay;

	pthread_mutex_lock(&relay->lock);
	relay->messages++;
	for (unsigned i = 0; i < s->rcpt_count && relay->taken_count < RELAY_TAKEN_MAX; i++) {
		struct relay_taken *taken = &relay->taken[relay->taken_count++];

		taken->sender = strdup(s->sender);
		taken->rcpt = strdup(s->rcpts[i]);
		taken->content = malloc(content->len + 1);
		if (content->len > 0)
			memcpy(taken->content, content->ptr, content->len);
		taken->content_len = content->len;
	}
	pthread_mutex_unlock(&relay->lock);
}

/* Content up to the final dot, dots taken out. */
static inline bool relay_content(struct relay_session *s)
{
	struct buf content;
	const char *reply;
	bool at_line_start = true, good = false;
	size_t i = 0;

	buf_init(&content, (size_t)64 << 20);
	for (;;) {
		size_t used = 0;

		while (s->in_len - used > 2) {
			const char *p = s->in + used, *end;

			if (at_line_start && memcmp(p, ".\r\n", 3) == 0) {
				used += 3;
				good = true;
				break;
			}
			if (at_line_start && *p == '.')
				p++;
			end = memmem(p, s->in_len - (size_t)(p - s->in), "\r\n", 2);
			at_line_start = end != NULL;
			end = end != NULL ? end + 2 : s->in + s->in_len - 1;
			buf_put(&content, (struct span){ p, (size_t)(end - p) });
			used = (size_t)(end - s->in);
		}
		s->in_len -= used;
		memmove(s->in, s->in + used, s->in_len);
		if (good || !relay_fill(s))
			break;
		i++;
	}
	if (good) {
		reply = relay_rule(s->relay, "content");
		if (s->relay->plan.delay_us > 0)
			usleep(s->relay->plan.delay_us);
		if (reply == NULL || reply[0] == '2')
			relay_take(s, &content);
		good = relay_write(s, reply != NULL ? reply : "250 2.0.0 Ok: queued\r\n") && (reply == NULL || strncmp(reply, "421", 3) != 0);
	}
	buf_done(&content);
	return good;
}

static inline void relay_path(const char *line, char *path, size_t size)
{
	const char *from = strchr(line, '<'), *to = from == NULL ? NULL : strchr(from, '>');

	snprintf(path, size, "%.*s", to == NULL ? 0 : (int)(to - from - 1), from == NULL ? "" : from + 1);
}

static inline bool relay_starttls(struct relay_session *s)
{
	if (!relay_write(s, "220 go\r\n"))
		return false;
	s->tls = SSL_new(s->relay->plan.tls);
	SSL_set_fd(s->tls, s->fd);
	return SSL_accept(s->tls) == 1;
}

static inline bool relay_command(struct relay_session *s, const char *line)
{
	struct relay *relay = s->relay;
	const char *reply = relay_rule(relay, line);
	char ehlo[600];

	if ((strncasecmp(line, "DATA", 4) == 0 || !s->pipelining) && s->in_len > 0)
		relay->violations++;
	if (reply != NULL) {
		if (strncasecmp(line, "MAIL", 4) == 0 && reply[0] == '2')
			relay_path(line, s->sender, sizeof(s->sender));
		return relay_write(s, reply) && strncmp(reply, "421", 3) != 0;
	}
	if (strncasecmp(line, "EHLO", 4) == 0) {
		snprintf(ehlo, sizeof(ehlo), "250-relay\r\n%s", relay->plan.ehlo != NULL ? relay->plan.ehlo : "250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
		s->pipelining = strstr(ehlo, "PIPELINING") != NULL;
		return relay_write(s, ehlo);
	}
	if (strncasecmp(line, "STARTTLS", 8) == 0 && relay->plan.tls != NULL)
		return relay_starttls(s);
	if (strncasecmp(line, "AUTH", 4) == 0) {
		snprintf(relay->last_auth, sizeof(relay->last_auth), "%s", line);
		return relay_write(s, "235 2.7.0 ok\r\n");
	}
	if (strncasecmp(line, "MAIL", 4) == 0) {
		if (s->sender[0] != '\0')
			return relay_write(s, "503 5.5.1 nested MAIL\r\n");
		relay_path(line, s->sender, sizeof(s->sender));
		if (s->sender[0] == '\0')
			strcpy(s->sender, "<>");
		pthread_mutex_lock(&relay->lock);
		snprintf(relay->last_mail, sizeof(relay->last_mail), "%s", line);
		pthread_mutex_unlock(&relay->lock);
		s->rcpt_count = 0;
		return relay_write(s, "250 2.1.0 Ok\r\n");
	}
	if (strncasecmp(line, "RCPT", 4) == 0) {
		if (s->sender[0] == '\0')
			return relay_write(s, "503 5.5.1 need MAIL\r\n");
		if (relay->plan.rcpts_max > 0 && s->rcpt_count >= relay->plan.rcpts_max)
			return relay_write(s, "452 4.5.3 too many recipients\r\n");
		relay_path(line, s->rcpts[s->rcpt_count++], 300);
		return relay_write(s, "250 2.1.5 Ok\r\n");
	}
	if (strncasecmp(line, "DATA", 4) == 0) {
		bool good;

		if (s->rcpt_count == 0)
			return relay_write(s, "554 5.5.1 no valid recipients\r\n");
		good = relay_write(s, "354 go\r\n") && relay_content(s);
		s->sender[0] = '\0';
		s->rcpt_count = 0;
		return good;
	}
	if (strncasecmp(line, "RSET", 4) == 0) {
		s->sender[0] = '\0';
		s->rcpt_count = 0;
	}
	if (strncasecmp(line, "QUIT", 4) == 0) {
		relay_write(s, "221 bye\r\n");
		return false;
	}
	return relay_write(s, "250 Ok\r\n");
}

static inline void *relay_session_main(void *argument)
{
	struct relay_session *s = argument;
	const char *banner = relay_rule(s->relay, "banner");
	struct linger linger = { 0, 0 };
	char line[2048];
	int on = 1;

	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	if (relay_write(s, banner != NULL ? banner : "220 relay ESMTP\r\n"))
		while (!atomic_load(&s->relay->ended) && relay_line(s, line, sizeof(line)) && relay_command(s, line))
			;
	SSL_free(s->tls);
	close(s->fd);
	pthread_mutex_lock(&s->relay->lock);
	s->relay->running--;
	pthread_mutex_unlock(&s->relay->lock);
	free(s->rcpts);
	free(s);
	return NULL;
}

static inline void *relay_main(void *argument)
{
	struct relay *relay = argument;
	pthread_t thread;

	for (;;) {
		int fd = accept(relay->listener, NULL, NULL);
		struct relay_session *s;

		if (fd < 0 || atomic_load(&relay->ended)) {
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		s = calloc(1, sizeof(*s));
		s->relay = relay;
		s->fd = fd;
		s->rcpts = calloc(1200, sizeof(s->rcpts[0]));
		pthread_mutex_lock(&relay->lock);
		s->is_first = relay->connections++ == 0;
		relay->running++;
		pthread_mutex_unlock(&relay->lock);
		if (pthread_create(&thread, NULL, relay_session_main, s) != 0)
			abort();
		pthread_detach(thread);
	}
}

static inline void relay_listen(struct relay *relay)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)relay->port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(address);
	int on = 1;

	relay->listener = socket(relay->plan.is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(relay->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (relay->plan.is_unix) {
		snprintf(path.sun_path, sizeof(path.sun_path), "%s", relay->plan.unix_path);
		assert_int_equal(bind(relay->listener, (struct sockaddr *)(void *)&path, sizeof(path)), 0);
	} else {
		assert_int_equal(bind(relay->listener, (struct sockaddr *)(void *)&address, sizeof(address)), 0);
		getsockname(relay->listener, (struct sockaddr *)(void *)&address, &len);
		relay->port = ntohs(address.sin_port);
	}
	assert_int_equal(listen(relay->listener, 100), 0);
}

/* port 0: any. */
static inline struct relay *relay_start(const struct relay_plan *plan, int port)
{
	struct relay *relay = calloc(1, sizeof(*relay));

	relay->plan = *plan;
	relay->port = port;
	relay->taken = calloc(RELAY_TAKEN_MAX, sizeof(relay->taken[0]));
	pthread_mutex_init(&relay->lock, NULL);
	relay_listen(relay);
	assert_int_equal(pthread_create(&relay->thread, NULL, relay_main, relay), 0);
	return relay;
}

static inline size_t relay_taken_count(struct relay *relay)
{
	size_t count;

	pthread_mutex_lock(&relay->lock);
	count = relay->taken_count;
	pthread_mutex_unlock(&relay->lock);
	return count;
}

static inline size_t relay_count(struct relay *relay, const char *rcpt)
{
	size_t count = 0;

	pthread_mutex_lock(&relay->lock);
	for (size_t i = 0; i < relay->taken_count; i++)
		count += strcmp(relay->taken[i].rcpt, rcpt) == 0;
	pthread_mutex_unlock(&relay->lock);
	return count;
}

static inline void relay_stop(struct relay *relay)
{
	bool over = false;

	atomic_store(&relay->ended, true);
	shutdown(relay->listener, SHUT_RDWR);
	pthread_join(relay->thread, NULL);
	close(relay->listener);
	while (!over) {
		pthread_mutex_lock(&relay->lock);
		over = relay->running == 0;
		pthread_mutex_unlock(&relay->lock);
		usleep(200);
	}
	for (size_t i = 0; i < relay->taken_count; i++) {
		free(relay->taken[i].sender);
		free(relay->taken[i].rcpt);
		free(relay->taken[i].content);
	}
	pthread_mutex_destroy(&relay->lock);
	free(relay->taken);
	free(relay);
}

#endif
