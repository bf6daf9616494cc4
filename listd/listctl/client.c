/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/control.h"
#include "listd/control/control_client.h"
#include "listd/control/control_stream.h"
#include "listd/listctl/listctl.h"
#include "listd/listd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)32 << 10)
/* A verb may look up names or walk over a large list before it answers. */
#define PATIENCE_MS 600000

int listctl_socket(struct listctl *ctl, const char **path_r, struct fail *why)
{
	const char *config = ctl->config != NULL ? ctl->config : access(LISTD_CONFIG, R_OK) == 0 ? LISTD_CONFIG : NULL;
	struct site_settings *settings;

	if (ctl->socket != NULL) {
		*path_r = ctl->socket;
		return 0;
	}
	if (site_settings_read(config, &settings, why) != 0)
		return control_refuse(why, EX_CONFIG, "%s", arena_text(ctl->arena, span_of(why->text)));
	*path_r = arena_text(ctl->arena, span_of(settings->control_socket));
	site_settings_free(settings);
	return 0;
}

/* One line of the answer. 1: it was the last. */
static int take_line(json_t *line, const struct listctl_answer *answer, json_t **result_r, struct fail *why)
{
	json_t *row = json_object_get(line, "row"), *progress = json_object_get(line, "progress");

	if (row != NULL) {
		answer->row(answer->context, row);
		return 0;
	}
	if (progress != NULL) {
		if (answer->progress != NULL)
			answer->progress(answer->context, json_integer_value(json_object_get(progress, "done")), json_integer_value(json_object_get(progress, "of")));
		return 0;
	}
	if (json_is_true(json_object_get(line, "ok"))) {
		*result_r = json_incref(json_object_get(line, "result"));
		return 1;
	}
	if (json_string_value(json_object_get(line, "error")) == NULL)
		return control_refuse(why, EX_UNAVAILABLE, "the daemon's answer is not understood");
	return control_refuse(why, (int)json_integer_value(json_object_get(line, "exit")), "%s", json_string_value(json_object_get(line, "error")));
}

static int take_answer(struct control_stream *stream, const struct listctl_answer *answer, json_t **result_r, struct fail *why)
{
	const char *text;
	int result = 0;

	while (result == 0 && (text = control_stream_read(stream)) != NULL) {
		json_t *line = json_loads(text, 0, NULL);

		result = line == NULL ? control_refuse(why, EX_UNAVAILABLE, "the daemon's answer is not understood") : take_line(line, answer, result_r, why);
		json_decref(line);
	}
	if (result == 0)
		return control_refuse(why, EX_TEMPFAIL, "the daemon gave no answer to the end; its log says why");
	return result > 0 ? 0 : -1;
}

/* Data goes in pieces, so that a terminal sees how far it is. What a daemon says meanwhile is a few lines, which the socket keeps. */
static void send_data(struct control_stream *stream, const struct buf *data)
{
	static const char end[] = ".\n";

	for (size_t done = 0; done < data->len && !stream->gone; done += PIECE_BYTES) {
		struct span piece = span_sub(buf_span(data), done, PIECE_BYTES);

		buf_put(&stream->out, piece);
		control_stream_flush(stream);
		if (data->len > 16 * PIECE_BYTES && isatty(STDERR_FILENO))
			fprintf(stderr, "\rsent %zu %%", (done + piece.len) * 100 / data->len);
	}
	if (data->len > 16 * PIECE_BYTES && isatty(STDERR_FILENO))
		fputc('\n', stderr);
	buf_put_text(&stream->out, end);
	control_stream_flush(stream);
}

int listctl_call(struct listctl *ctl, const char *verb, const struct listctl_request *request, const struct listctl_answer *answer, json_t **result_r, struct fail *why)
{
	json_t *json = json_pack("{s:s,s:O}", "verb", verb, "args", request->args);
	char *text = json_dumps(json, JSON_COMPACT);
	struct control_stream stream;
	const char *path;
	int fd = -1, result = -1;

	if (text == NULL)
		fail_environment("out of memory");
	if (listctl_socket(ctl, &path, why) == 0 && control_connect(path, PATIENCE_MS, &fd, why) == 0) {
		control_stream_init(&stream, fd, CONTROL_ANSWER_MAX_BYTES);
		control_stream_patience(fd, PATIENCE_MS);
		control_stream_write(&stream, text);
		control_stream_flush(&stream);
		/* A daemon that refuses may answer before it has read all: its answer counts, not our failure to send. */
		if (request->has_data)
			send_data(&stream, &request->data);
		stream.gone = false;
		result = take_answer(&stream, answer, result_r, why);
		stream.gone = true;
		control_stream_done(&stream);
	}
	free(text);
	json_decref(json);
	return result;
}
