/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/control_client.h"
#include "listd/control/control.h"
#include "listd/control/control_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

static int fail_connect(const char *path, struct fail *why)
{
	switch (errno) {
	case EACCES:
	case EPERM:
		return control_refuse(why, EX_NOPERM, "you may not use %s; be root, or of the group that the daemon runs with", path);
	case ENOENT:
	case ECONNREFUSED:
		return control_refuse(why, EX_UNAVAILABLE, "no daemon listens on %s; start it with: systemctl start listd (or: listd -c FILE); another socket is given with --socket", path);
	default:
		return control_refuse(why, EX_UNAVAILABLE, "cannot reach the daemon on %s: %s", path, strerror(errno));
	}
}

int control_connect(const char *path, unsigned timeout_ms, int *fd_r, struct fail *why)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >= (int)sizeof(address.sun_path))
		return control_refuse(why, EX_USAGE, "the path of a socket has at most 107 octets: %s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* to connect may take long too, when a daemon that hangs has many who wait */
	if (fd >= 0)
		control_stream_patience(fd, timeout_ms);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		fail_connect(path, why);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*fd_r = fd;
	return 0;
}

static int take_result(const char *line, json_t **result_r, struct fail *why)
{
	json_t *answer = line == NULL ? NULL : json_loads(line, 0, NULL);
	const char *error = json_string_value(json_object_get(answer, "error"));
	int result = 0;

	if (json_is_true(json_object_get(answer, "ok")))
		*result_r = json_incref(json_object_get(answer, "result"));
	else if (error != NULL)
		result = control_refuse(why, (int)json_integer_value(json_object_get(answer, "exit")), "%s", error);
	else
		result = control_refuse(why, EX_TEMPFAIL, "the daemon gave no answer");
	json_decref(answer);
	return result;
}

int control_ask(const char *path, const char *verb, json_t *args, unsigned timeout_ms, json_t **result_r, struct fail *why)
{
	json_t *request = json_pack("{s:s,s:o}", "verb", verb, "args", args);
	char *text = json_dumps(request, JSON_COMPACT);
	struct control_stream stream;
	int fd, result = -1;

	if (text == NULL)
		fail_environment("out of memory");
	if (control_connect(path, timeout_ms, &fd, why) == 0) {
		control_stream_init(&stream, fd, CONTROL_ANSWER_MAX_BYTES);
		control_stream_patience(fd, timeout_ms);
		control_stream_write(&stream, text);
		control_stream_flush(&stream);
		result = take_result(control_stream_read(&stream), result_r, why);
		control_stream_done(&stream);
	}
	free(text);
	json_decref(request);
	return result;
}
