/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners, and a thread for each session. One thread accepts; it alone touches the table of sessions until it has ended. */
#include "listd/intake/lmtp_int.h"
#include "listd/event.h"
#include "listd/unix_socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTENERS_MAX 8
#define BACKLOG 128
/* Of a session: the judge's checks run on it. Only the pages that are used cost memory. */
#define STACK_BYTES ((size_t)512 << 10)
/* Pause when the process has no more descriptors or threads. */
#define TROUBLE_PAUSE_MS 200
#define OPTIONS_MAX_BYTES ((size_t)1 << 20)

struct listener {
	int fd;
	const char *path; /* Unix sockets */
	dev_t dev;
	ino_t ino;
};

enum slot_state { SLOT_FREE, SLOT_RUNNING, SLOT_ENDED /* its thread is to be joined */ };
struct slot {
	_Atomic enum slot_state state;
	struct lmtp *lmtp;
	pthread_t thread;
	int fd;
	char peer[64];
};

struct lmtp_threads {
	struct listener listeners[LISTENERS_MAX];
	size_t listener_count;
	bool is_running;
	pthread_t acceptor;
	struct slot slots[];
};

/* --- listeners --- */

static int fail_listen(struct fail *why, const char *where, const char *what)
{
	return fail_permanent(why, "cannot listen on %s: %s: %s", where, what, strerror(errno));
}

static int listen_unix(struct lmtp *lmtp, const char *path, struct listener *l, struct fail *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;

	if (strlen(path) == 0 || strlen(path) >= sizeof(address.sun_path))
		return fail_permanent(why, "cannot listen on unix:%s: the path must have 1 to %zu octets", path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (unix_socket_clear(path, why) != 0)
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return fail_listen(why, path, "bind");
	l->path = path;
	/* Nobody can connect before listen. */
	if (chmod(path, lmtp->options.mode) != 0 || lstat(path, &st) != 0 || listen(l->fd, BACKLOG) != 0)
		return fail_listen(why, path, "chmod, listen");
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	return 0;
}

union inet_address { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; };

/* "127.0.0.1" or "[::1]", and a port. Whoever may speak LMTP is believed what he says of senders: no address that others can reach. */
static int parse_inet(struct arena *a, const char *text, union inet_address *address, socklen_t *len_r, struct fail *why)
{
	const char *colon = strrchr(text, ':');
	struct span host = { text, colon == NULL ? 0 : (size_t)(colon - text) };
	unsigned long long port = 0;
	const char *name;

	if (colon == NULL || !span_number(span_of(colon + 1), 65535, &port) || port == 0)
		return fail_permanent(why, "cannot listen on inet:%s: write inet:127.0.0.1:PORT or inet:[::1]:PORT", text);
	if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = span_sub(host, 1, host.len - 2);
	name = arena_text(a, host);
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, name, &address->v4.sin_addr) == 1 && ntohl(address->v4.sin_addr.s_addr) >> 24 == 127) {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = htons((uint16_t)port);
		*len_r = sizeof(address->v4);
		return 0;
	}
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET6, name, &address->v6.sin6_addr) == 1 && IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr)) {
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons((uint16_t)port);
		*len_r = sizeof(address->v6);
		return 0;
	}
	return fail_permanent(why, "cannot listen on inet:%s: only the loopback addresses 127.0.0.0/8 and [::1] are allowed, since LMTP has no authentication and "
		"a client of it is believed; let an MTA on this machine take mail from others", text);
}

static int listen_inet(struct lmtp *lmtp, const char *text, struct listener *l, struct fail *why)
{
	union inet_address address;
	socklen_t len = 0;
	int on = 1;

	if (parse_inet(lmtp->arena, text, &address, &len, why) != 0)
		return -1;
	l->fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return fail_listen(why, text, "socket");
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(l->fd, &address.any, len) != 0 || listen(l->fd, BACKLOG) != 0)
		return fail_listen(why, text, "bind");
	return 0;
}

static const struct {
	const char *prefix;
	int (*listen)(struct lmtp *lmtp, const char *where, struct listener *l, struct fail *why);
} listen_rows[] = { { "unix:", listen_unix }, { "inet:", listen_inet } };

static int listen_on(struct lmtp *lmtp, const char *where, struct fail *why)
{
	struct lmtp_threads *t = lmtp->threads;

	if (t->listener_count == LISTENERS_MAX)
		return fail_permanent(why, "cannot listen on more than %d sockets", LISTENERS_MAX);
	for (size_t i = 0; i < sizeof(listen_rows) / sizeof(listen_rows[0]); i++) {
		size_t prefix_len = strlen(listen_rows[i].prefix);
		struct listener *l = &t->listeners[t->listener_count];

		if (strncmp(where, listen_rows[i].prefix, prefix_len) != 0)
			continue;
		l->fd = -1;
		t->listener_count++;
		if (listen_rows[i].listen(lmtp, where + prefix_len, l, why) != 0)
			return -1;
		/* Several listeners are polled by one thread, and a client may be gone before it is accepted. */
		return fcntl(l->fd, F_SETFL, O_NONBLOCK) == 0 ? 0 : fail_listen(why, where, "fcntl");
	}
	return fail_permanent(why, "cannot listen on %s: write unix:PATH or inet:ADDRESS:PORT", where);
}

static int listen_all(struct lmtp *lmtp, struct fail *why)
{
	struct span rest = span_of(lmtp->options.listen), word;

	while (span_word(&rest, &word))
		if (listen_on(lmtp, arena_text(lmtp->arena, word), why) != 0)
			return -1;
	return lmtp->threads->listener_count > 0 ? 0 : fail_permanent(why, "nothing to listen on: name a socket for LMTP, as unix:PATH or inet:127.0.0.1:PORT");
}

static void close_listener(struct listener *l)
{
	struct stat st;

	/* Not the socket of a successor that has taken the path. */
	if (l->path != NULL && l->ino != 0 && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
}

/* --- sessions --- */

static void *session_main(void *arg)
{
	struct slot *slot = arg;

	lmtp_session_run(slot->lmtp, slot->fd, slot->peer);
	atomic_fetch_sub(&slot->lmtp->sessions, 1);
	atomic_store(&slot->state, SLOT_ENDED);
	return NULL;
}

/* A thread that leaves all signals to the main one. */
static int start_thread(pthread_t *thread, size_t stack_bytes, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int result;

	sigfillset(&all);
	pthread_attr_init(&attr);
	if (stack_bytes > 0)
		pthread_attr_setstacksize(&attr, stack_bytes);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return result;
}

/* A slot without a session, or NULL. Threads that have ended are joined on the way. */
static struct slot *find_slot(struct lmtp *lmtp)
{
	struct slot *found = NULL;

	for (unsigned i = 0; i < lmtp->options.sessions_max; i++) {
		struct slot *slot = &lmtp->threads->slots[i];

		if (atomic_load(&slot->state) == SLOT_ENDED) {
			pthread_join(slot->thread, NULL);
			atomic_store(&slot->state, SLOT_FREE);
		}
		if (found == NULL && atomic_load(&slot->state) == SLOT_FREE)
			found = slot;
	}
	return found;
}

static void turn_away(struct lmtp *lmtp, int fd)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct reply reply = reply_make(a, REPLY_BUSY, lmtp->options.host_name);
	const char *wire = reply_wire(a, &reply);

	/* It fits into any socket's buffer; a client that is gone already does not matter. */
	if (send(fd, wire, strlen(wire), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0;
	close(fd);
	arena_free(a);
}

static void name_peer(const union inet_address *address, char *peer, size_t size)
{
	if (address->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &address->v4.sin_addr, peer, (socklen_t)size);
	else if (address->any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &address->v6.sin6_addr, peer, (socklen_t)size);
	else
		memcpy(peer, "unix", sizeof("unix"));
}

static void start_session(struct lmtp *lmtp, int fd, const union inet_address *address)
{
	struct slot *slot = find_slot(lmtp);
	int on = 1;

	if (slot == NULL) {
		turn_away(lmtp, fd);
		return;
	}
	if (address->any.sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	slot->lmtp = lmtp;
	slot->fd = fd;
	name_peer(address, slot->peer, sizeof(slot->peer));
	atomic_store(&slot->state, SLOT_RUNNING);
	atomic_fetch_add(&lmtp->sessions, 1);
	if (start_thread(&slot->thread, STACK_BYTES, session_main, slot) == 0)
		return;
	atomic_fetch_sub(&lmtp->sessions, 1);
	atomic_store(&slot->state, SLOT_FREE);
	turn_away(lmtp, fd);
}

/* All that waits on one listener. -1: out of something that will come back. */
static int accept_some(struct lmtp *lmtp, int listen_fd)
{
	for (;;) {
		union inet_address address = { .any.sa_family = AF_UNIX };
		socklen_t len = sizeof(address);
		int fd = accept4(listen_fd, &address.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			start_session(lmtp, fd, &address);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			return -1;
		else if (errno != ECONNABORTED && errno != EINTR)
			return 0;
	}
}

static void *acceptor_main(void *arg)
{
	struct lmtp *lmtp = arg;
	struct lmtp_threads *t = lmtp->threads;
	struct pollfd fds[LISTENERS_MAX + 1];
	bool is_in_trouble = false;

	for (size_t i = 0; i < t->listener_count; i++)
		fds[i] = (struct pollfd){ .fd = t->listeners[i].fd, .events = POLLIN };
	fds[t->listener_count] = (struct pollfd){ .fd = lmtp->stop_fd, .events = POLLIN };
	while (atomic_load(&lmtp->deadline_ms) == LMTP_NOT_STOPPING) {
		bool was_in_trouble = is_in_trouble;

		if (poll(fds, t->listener_count + 1, -1) <= 0)
			continue;
		is_in_trouble = false;
		for (size_t i = 0; i < t->listener_count; i++)
			if (fds[i].revents != 0 && accept_some(lmtp, fds[i].fd) != 0)
				is_in_trouble = true;
		if (is_in_trouble && !was_in_trouble)
			event_log(EVENT_FAULT, "text", "LMTP connections wait: no more file descriptors or memory; raise the limit (LimitNOFILE=) or lower the number of sessions", NULL);
		if (is_in_trouble)
			poll(&fds[t->listener_count], 1, TROUBLE_PAUSE_MS);
	}
	return NULL;
}

/* --- start and stop --- */

static const char *copy_text(struct arena *a, const char *text)
{
	return text == NULL ? NULL : arena_text(a, span_of(text));
}

static void copy_options(struct lmtp *lmtp, const struct lmtp_options *options)
{
	struct arena *a = lmtp->arena;
	const char **peers;
	size_t count = 0;

	lmtp->options = *options;
	lmtp->options.listen = copy_text(a, options->listen);
	lmtp->options.host_name = copy_text(a, options->host_name);
	if (options->idle_ms == 0)
		lmtp->options.idle_ms = LMTP_IDLE_MS;
	if (options->faults_max == 0)
		lmtp->options.faults_max = LMTP_FAULTS_MAX;
	if (options->xforward_peers == NULL)
		return;
	while (options->xforward_peers[count] != NULL)
		count++;
	peers = arena_array(a, count + 1, sizeof(peers[0]));
	for (size_t i = 0; i < count; i++)
		peers[i] = copy_text(a, options->xforward_peers[i]);
	lmtp->options.xforward_peers = peers;
}

int lmtp_start(const struct lmtp_options *options, struct spool *spool, const struct lmtp_judge *judge, struct lmtp **lmtp_r, struct fail *why)
{
	struct lmtp *lmtp = calloc(1, sizeof(*lmtp));

	assert(options->sessions_max > 0);
	if (lmtp == NULL || (lmtp->threads = calloc(1, sizeof(*lmtp->threads) + options->sessions_max * sizeof(struct slot))) == NULL)
		fail_environment("out of memory");
	lmtp->arena = arena_new(OPTIONS_MAX_BYTES);
	copy_options(lmtp, options);
	lmtp->spool = spool;
	lmtp->judge = *judge;
	atomic_store(&lmtp->deadline_ms, LMTP_NOT_STOPPING);
	lmtp->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (lmtp->stop_fd < 0)
		fail_permanent(why, "cannot make an eventfd: %s", strerror(errno));
	else if (listen_all(lmtp, why) == 0) {
		lmtp->threads->is_running = start_thread(&lmtp->threads->acceptor, 0, acceptor_main, lmtp) == 0;
		if (lmtp->threads->is_running) {
			*lmtp_r = lmtp;
			return 0;
		}
		fail_permanent(why, "cannot start a thread: %s", strerror(errno));
	}
	lmtp_stop(lmtp, 0);
	return -1;
}

void lmtp_stop(struct lmtp *lmtp, unsigned grace_ms)
{
	struct lmtp_threads *t;

	if (lmtp == NULL)
		return;
	t = lmtp->threads;
	atomic_store(&lmtp->deadline_ms, clock_monotonic_ms() + grace_ms);
	if (lmtp->stop_fd >= 0 && eventfd_write(lmtp->stop_fd, 1) != 0)
		fail_environment("cannot write to an eventfd");
	if (t->is_running)
		pthread_join(t->acceptor, NULL);
	for (size_t i = 0; i < t->listener_count; i++)
		close_listener(&t->listeners[i]);
	for (unsigned i = 0; i < lmtp->options.sessions_max; i++)
		if (atomic_load(&t->slots[i].state) != SLOT_FREE)
			pthread_join(t->slots[i].thread, NULL);
	if (lmtp->stop_fd >= 0)
		close(lmtp->stop_fd);
	arena_free(lmtp->arena);
	free(t);
	free(lmtp);
}

void lmtp_status(struct lmtp *lmtp, struct lmtp_status *status_r)
{
	status_r->sessions = atomic_load(&lmtp->sessions);
	status_r->messages = atomic_load(&lmtp->messages);
	status_r->refused = atomic_load(&lmtp->refused);
}
