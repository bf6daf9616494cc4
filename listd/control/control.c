/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/control.h"
#include "listd/control/control_stream.h"
#include "listd/event.h"
#include "mail/file.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define BACKLOG 128
/* An exchange that goes on when the daemon is stopped has this long to send its answer. */
#define GRACE_SECS 3
/* Of one exchange; the largest is the explanation of a message. */
#define CALL_ARENA_MAX_BYTES (2 * ARENA_MESSAGE_MAX_BYTES)

struct control {
	struct daemon *daemon;
	struct sockaddr_un address;
	int listen_fd, stop_fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	const struct control_verb *verbs;
	size_t verb_count;
	unsigned sessions_max, session_count;
	int fds[]; /* -1: free */
};

struct control_session {
	struct control *control;
	unsigned slot;
	unsigned uid;
	struct control_stream stream;
};

static void write_json(struct control_stream *stream, json_t *json)
{
	char *text = stream->gone ? NULL : json_dumps(json, JSON_COMPACT);

	if (text != NULL)
		control_stream_write(stream, text);
	free(text);
	json_decref(json);
}

void control_row(struct control_call *call, json_t *row)
{
	write_json(call->stream, json_pack("{s:o}", "row", row));
}

void control_progress(struct control_call *call, size_t done, size_t of)
{
	write_json(call->stream, json_pack("{s:{s:I,s:I}}", "progress", "done", (json_int_t)done, "of", (json_int_t)of));
	control_stream_flush(call->stream);
}

const char *control_line(struct control_call *call)
{
	return control_stream_data(call->stream);
}

bool control_data_complete(const struct control_call *call)
{
	return call->stream->data_complete;
}

int control_need_complete(const struct control_call *call, struct fail *why)
{
	return control_data_complete(call) ? 0 : control_refuse(why, EX_TEMPFAIL, "the lines broke off before their end; nothing was changed by them");
}

static void answer_failure(struct control_stream *stream, const struct fail *why)
{
	json_t *text = json_string(why->text);

	/* A text that quotes bytes which are no UTF-8. */
	if (text == NULL)
		text = json_string("failed; the reason holds octets that are not UTF-8");
	write_json(stream, json_pack("{s:b,s:i,s:o}", "ok", 0, "exit", control_exit(why), "error", text));
}

static const struct control_verb *find_verb(const struct control *control, const char *name)
{
	for (size_t i = 0; i < control->verb_count; i++)
		if (strcmp(control->verbs[i].name, name) == 0)
			return &control->verbs[i];
	return NULL;
}

static void run_verb(struct control_session *session, const struct control_verb *verb, json_t *args)
{
	struct control_call call = { .daemon = session->control->daemon, .args = args, .peer_uid = session->uid, .stream = &session->stream };
	json_t *result = NULL;
	struct fail why;
	int code;

	call.arena = arena_new(CALL_ARENA_MAX_BYTES);
	code = verb->run(&call, &result, &why);
	if (verb->changes)
		event_log(EVENT_CONTROL, "command", verb->name, "list", json_string_value(json_object_get(args, "list")), "user", event_number(session->uid),
			"failed", code == 0 ? NULL : why.text, NULL);
	if (code == 0)
		write_json(&session->stream, json_pack("{s:b,s:o}", "ok", 1, "result", result == NULL ? json_object() : result));
	else
		answer_failure(&session->stream, &why);
	arena_free(call.arena);
}

static int read_request(struct control_session *session, const struct control_verb **verb_r, json_t **request_r, struct fail *why)
{
	const char *line = control_stream_read(&session->stream), *name;
	json_error_t error;

	if (line == NULL)
		return control_refuse(why, EX_USAGE, "no request came, or one longer than %zu bytes", CONTROL_LINE_MAX_BYTES);
	*request_r = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	if (*request_r == NULL)
		return control_refuse(why, EX_USAGE, "the request is not JSON: %s", error.text);
	name = json_string_value(json_object_get(*request_r, "verb"));
	if (name == NULL)
		return control_refuse(why, EX_USAGE, "the request names no verb");
	*verb_r = find_verb(session->control, name);
	if (*verb_r == NULL)
		return control_refuse(why, EX_USAGE, "this daemon knows no verb \"%.80s\"; are daemon and listctl of one version?", name);
	return 0;
}

static void *serve(void *context)
{
	struct control_session *session = context;
	struct control *control = session->control;
	const struct control_verb *verb = NULL;
	json_t *request = NULL, *args, *none = json_object();
	struct fail why;

	if (read_request(session, &verb, &request, &why) != 0) {
		answer_failure(&session->stream, &why);
	} else {
		args = json_object_get(request, "args");
		run_verb(session, verb, json_is_object(args) ? args : none);
	}
	json_decref(request);
	json_decref(none);
	pthread_mutex_lock(&control->lock);
	control->fds[session->slot] = -1;
	pthread_mutex_unlock(&control->lock);
	control_stream_done(&session->stream);
	free(session);
	pthread_mutex_lock(&control->lock);
	control->session_count--;
	pthread_cond_signal(&control->ended);
	pthread_mutex_unlock(&control->lock);
	return NULL;
}

/* A slot for the connection, or -1. */
static int take_slot(struct control *control, int fd)
{
	int slot = -1;

	pthread_mutex_lock(&control->lock);
	for (unsigned i = 0; i < control->sessions_max && slot < 0 && control->session_count < control->sessions_max; i++)
		if (control->fds[i] < 0)
			slot = (int)i;
	if (slot >= 0) {
		control->fds[slot] = fd;
		control->session_count++;
	}
	pthread_mutex_unlock(&control->lock);
	return slot;
}

static void turn_away(int fd, const char *text)
{
	struct control_stream stream;
	struct fail why;

	control_refuse(&why, EX_TEMPFAIL, "%s", text);
	control_stream_init(&stream, fd, CONTROL_LINE_MAX_BYTES);
	answer_failure(&stream, &why);
	control_stream_done(&stream);
}

static void start_session(struct control *control, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);
	struct control_session *session;
	pthread_attr_t detached;
	pthread_t thread;
	int slot = take_slot(control, fd), code;

	if (slot < 0) {
		turn_away(fd, "too many commands at once; try again soon");
		return;
	}
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	session = calloc(1, sizeof(*session));
	if (session == NULL)
		fail_environment("out of memory");
	*session = (struct control_session){ .control = control, .slot = (unsigned)slot, .uid = peer.uid };
	control_stream_init(&session->stream, fd, CONTROL_LINE_MAX_BYTES);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	code = pthread_create(&thread, &detached, serve, session);
	pthread_attr_destroy(&detached);
	if (code != 0)
		fail_environment("cannot start a thread");
}

static void *accept_loop(void *context)
{
	struct control *control = context;
	struct pollfd fds[2] = { { .fd = control->listen_fd, .events = POLLIN }, { .fd = control->stop_fd, .events = POLLIN } };

	for (;;) {
		int fd;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			fail_environment("poll");
		if (fds[1].revents != 0)
			return NULL;
		if ((fds[0].revents & POLLIN) == 0)
			continue;
		fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			start_session(control, fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
			/* Till some other thread closes one. */
			usleep(100000);
	}
}

static bool is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return is;
}

static int listen_at(struct control *control, const char *path, unsigned mode, struct fail *why)
{
	control->address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (snprintf(control->address.sun_path, sizeof(control->address.sun_path), "%s", path) >= (int)sizeof(control->address.sun_path))
		return fail_permanent(why, "the path of a socket has at most 107 octets: %s", path);
	if (is_served(&control->address))
		return fail_temporary(why, "a daemon is listening on %s already", path);
	unlink(path);
	control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The mode before bind keeps others out from the first moment; the one after undoes the umask. */
	if (control->listen_fd < 0 || fchmod(control->listen_fd, (mode_t)mode) != 0
			|| bind(control->listen_fd, (const struct sockaddr *)&control->address, sizeof(control->address)) != 0
			|| chmod(path, (mode_t)mode) != 0 || listen(control->listen_fd, BACKLOG) != 0)
		return fail_permanent(why, "cannot listen on %s: %s", path, strerror(errno));
	return 0;
}

static void control_free(struct control *control)
{
	if (control->listen_fd >= 0)
		close(control->listen_fd);
	if (control->stop_fd >= 0)
		close(control->stop_fd);
	pthread_cond_destroy(&control->ended);
	pthread_mutex_destroy(&control->lock);
	free(control);
}

int control_start(struct daemon *daemon, const struct control_options *options, struct control **control_r, struct fail *why)
{
	struct control *control = calloc(1, sizeof(*control) + options->sessions_max * sizeof(control->fds[0]));

	if (control == NULL)
		fail_environment("out of memory");
	control->daemon = daemon;
	control->verbs = options->verbs;
	control->verb_count = options->verb_count;
	control->sessions_max = options->sessions_max;
	control->listen_fd = -1;
	control->stop_fd = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&control->lock, NULL);
	pthread_cond_init(&control->ended, NULL);
	for (size_t i = 0; i < control->sessions_max; i++)
		control->fds[i] = -1;
	if (listen_at(control, options->path, options->mode, why) != 0) {
		control_free(control);
		return -1;
	}
	if (control->stop_fd < 0 || pthread_create(&control->thread, NULL, accept_loop, control) != 0)
		fail_environment("cannot start a thread");
	*control_r = control;
	return 0;
}

/* Let the exchanges in progress come to their end, for some seconds. The lock is held. */
static void end_sessions(struct control *control, int how)
{
	struct timespec until;

	for (size_t i = 0; i < control->sessions_max; i++)
		if (control->fds[i] >= 0)
			shutdown(control->fds[i], how);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += GRACE_SECS;
	while (control->session_count > 0 && pthread_cond_timedwait(&control->ended, &control->lock, &until) == 0)
		;
}

void control_stop(struct control *control)
{
	uint64_t one = 1;

	if (control == NULL)
		return;
	if (write(control->stop_fd, &one, sizeof(one)) != sizeof(one))
		fail_environment("eventfd");
	pthread_join(control->thread, NULL);
	unlink(control->address.sun_path);
	pthread_mutex_lock(&control->lock);
	end_sessions(control, SHUT_RD);
	end_sessions(control, SHUT_RDWR);
	while (control->session_count > 0)
		pthread_cond_wait(&control->ended, &control->lock);
	pthread_mutex_unlock(&control->lock);
	control_free(control);
}
