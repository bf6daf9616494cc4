/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/control.h"

#include "listd/event.h"
#include "mail/file.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define CALLS_MAX 16                /* at once: these are people and their scripts */
#define LINE_MAX_BYTES ((size_t)1 << 20) /* the longest are base64 lines of explain */
#define IO_TIMEOUT_SECS 120

struct control_stream {
	int fd;
	struct buf in, out;
	size_t line_end;  /* of the line handed out last, to be dropped before the next */
	bool is_gone;
};

struct control {
	struct daemon *daemon;
	int fd, wake[2];
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	unsigned calls;
};

struct call_start { struct control *control; int fd; };

static void flush(struct control_stream *s)
{
	struct iovec iov = { s->out.ptr, s->out.len };

	if (!s->is_gone && s->out.len > 0 && file_write_all(s->fd, &iov, 1) != 0)
		s->is_gone = true;
	buf_reset(&s->out);
}

static void put_json(struct control_stream *s, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	if (text == NULL)
		fail_environment("out of memory");
	buf_put_text(&s->out, text);
	buf_put_byte(&s->out, '\n');
	free(text);
	if (s->out.len > 65536)
		flush(s);
}

void control_row(struct control_call *call, json_t *row)
{
	put_json(call->stream, json_pack("{s:o}", "row", row));
}

void control_progress(struct control_call *call, size_t done, size_t of)
{
	put_json(call->stream, json_pack("{s:{s:I, s:I}}", "progress", "done", (json_int_t)done, "of", (json_int_t)of));
	flush(call->stream);
}

/* The next line without its end, or NULL when the peer is gone or the line too long. */
static const char *read_line(struct control_stream *s)
{
	buf_shift(&s->in, s->line_end);
	s->line_end = 0;
	for (size_t seen = 0;;) {
		char *end = s->in.len > seen ? memchr(s->in.ptr + seen, '\n', s->in.len - seen) : NULL;
		char *room;
		ssize_t got;

		if (end != NULL) {
			*end = '\0';
			s->line_end = (size_t)(end - s->in.ptr) + 1;
			if (end > s->in.ptr && end[-1] == '\r')
				end[-1] = '\0';
			return s->in.ptr;
		}
		seen = s->in.len;
		room = buf_room(&s->in, 65536);
		if (room == NULL)
			return NULL;
		got = read(s->fd, room, 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return NULL;
		s->in.len += (size_t)got;
	}
}

const char *control_line(struct control_call *call)
{
	const char *line = read_line(call->stream);

	return line == NULL || strcmp(line, ".") == 0 ? NULL : line;
}

static const struct control_verb *find_verb(const char *name)
{
	for (size_t i = 0; name != NULL && i < control_verb_count; i++)
		if (strcmp(control_verbs[i].name, name) == 0)
			return &control_verbs[i];
	return NULL;
}

static void answer(struct control_stream *s, bool ok, json_t *result, int code, const char *error)
{
	if (ok)
		put_json(s, json_pack("{s:b, s:o}", "ok", true, "result", result != NULL ? result : json_object()));
	else
		put_json(s, json_pack("{s:b, s:i, s:s}", "ok", false, "exit", code, "error", error));
	flush(s);
}

static void log_change(const struct control_call *call, const struct control_verb *verb)
{
	const char *list = json_string_value(json_object_get(call->args, "list"));

	if (verb->changes)
		event_log(EVENT_CONTROL, "command", verb->name, "list", list, "uid", event_number(call->peer_uid), NULL);
}

static void run_verb(struct control_call *call, const struct control_verb *verb)
{
	json_t *result = NULL;
	struct fail why;

	log_change(call, verb);
	if (verb->run(call, &result, &why) == 0)
		answer(call->stream, true, result, 0, NULL);
	else
		answer(call->stream, false, NULL, why.temporary ? EX_TEMPFAIL : EX_DATAERR, why.text);
}

static void serve(struct daemon *daemon, struct control_stream *s, unsigned uid)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES * 2);
	const char *line = read_line(s);
	json_t *request = line == NULL ? NULL : json_loads(line, 0, NULL);
	const struct control_verb *verb = find_verb(json_string_value(json_object_get(request, "verb")));
	json_t *args = json_object_get(request, "args");
	json_t *none = json_object();
	struct control_call call = { .daemon = daemon, .arena = a, .args = json_is_object(args) ? args : none, .peer_uid = uid, .stream = s };

	if (verb == NULL && line != NULL)
		answer(s, false, NULL, EX_USAGE, request == NULL ? "not a JSON request" : "the daemon does not know this command; are listctl and listd of the same version?");
	else if (verb != NULL)
		run_verb(&call, verb);
	json_decref(none);
	json_decref(request);
	arena_free(a);
}

static unsigned peer_uid(int fd)
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	return cred.uid;
}

static void *call_thread(void *context)
{
	struct call_start start = *(struct call_start *)context;
	struct control *c = start.control;
	struct control_stream s = { .fd = start.fd };
	struct timeval timeout = { .tv_sec = IO_TIMEOUT_SECS };

	free(context);
	setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(s.fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	buf_init(&s.in, LINE_MAX_BYTES);
	buf_init(&s.out, LINE_MAX_BYTES * 100); /* the largest result is an explanation */
	serve(c->daemon, &s, peer_uid(s.fd));
	buf_done(&s.in);
	buf_done(&s.out);
	close(s.fd);
	pthread_mutex_lock(&c->lock);
	c->calls--;
	pthread_cond_broadcast(&c->ended);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static void start_call(struct control *c, int fd)
{
	struct call_start *start = malloc(sizeof(*start));
	pthread_attr_t attr;
	pthread_t thread;
	bool full;

	pthread_mutex_lock(&c->lock);
	full = c->calls >= CALLS_MAX;
	c->calls += !full;
	pthread_mutex_unlock(&c->lock);
	if (start == NULL)
		fail_environment("out of memory");
	*start = (struct call_start){ c, fd };
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (full || pthread_create(&thread, &attr, call_thread, start) != 0) {
		static const char busy[] = "{\"ok\":false,\"exit\":75,\"error\":\"too many commands at once; try again\"}\n";
		ssize_t put = write(fd, busy, sizeof(busy) - 1);

		(void)put;
		close(fd);
		free(start);
		if (!full) {
			pthread_mutex_lock(&c->lock);
			c->calls--;
			pthread_mutex_unlock(&c->lock);
		}
	}
	pthread_attr_destroy(&attr);
}

static void *accept_thread(void *context)
{
	struct control *c = context;
	struct pollfd polled[2] = { { .fd = c->fd, .events = POLLIN }, { .fd = c->wake[0], .events = POLLIN } };

	for (;;) {
		int fd;

		if (poll(polled, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if ((polled[1].revents & POLLIN) != 0)
			return NULL;
		fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			start_call(c, fd);
		else if (errno == EMFILE || errno == ENFILE)
			usleep(100000);
	}
}

/* A socket that nobody listens on is left over from a daemon that was killed. */
static int listen_on(struct control *c, unsigned mode, struct fail *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t old;
	int bound;

	memcpy(address.sun_path, c->path, sizeof(address.sun_path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return fail_permanent(why, "cannot make a socket: %s", strerror(errno));
	if (connect(c->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fail_permanent(why, "another listd answers on %s", c->path);
	unlink(c->path);
	old = umask(0777);
	bound = bind(c->fd, (struct sockaddr *)&address, sizeof(address));
	umask(old);
	if (bound != 0 || chmod(c->path, (mode_t)mode) != 0 || listen(c->fd, CALLS_MAX) != 0)
		return fail_permanent(why, "cannot listen on %s: %s", c->path, strerror(errno));
	return 0;
}

int control_start(struct daemon *daemon, const char *socket_path, unsigned mode, struct control **control_r, struct fail *why)
{
	struct control *c = calloc(1, sizeof(*c));

	if (c == NULL)
		fail_environment("out of memory");
	c->daemon = daemon;
	c->fd = c->wake[0] = c->wake[1] = -1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->ended, NULL);
	if (strlen(socket_path) >= sizeof(c->path)) {
		free(c);
		return fail_permanent(why, "control-socket: the path %s is too long for a socket", socket_path);
	}
	strncpy(c->path, socket_path, sizeof(c->path) - 1);
	if (listen_on(c, mode, why) != 0 || pipe(c->wake) != 0 || pthread_create(&c->thread, NULL, accept_thread, c) != 0) {
		close(c->fd);
		free(c);
		return -1;
	}
	*control_r = c;
	return 0;
}

void control_stop(struct control *c)
{
	struct timespec until;
	ssize_t put = write(c->wake[1], "", 1);

	(void)put;
	pthread_join(c->thread, NULL);
	close(c->fd);
	unlink(c->path);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&c->lock);
	while (c->calls > 0 && pthread_cond_timedwait(&c->ended, &c->lock, &until) == 0)
		;
	/* A call that still runs keeps the structure: it is a handful of bytes at the end of a process. */
	if (c->calls > 0) {
		pthread_mutex_unlock(&c->lock);
		return;
	}
	pthread_mutex_unlock(&c->lock);
	close(c->wake[0]);
	close(c->wake[1]);
	free(c);
}
