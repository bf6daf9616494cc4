/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/control_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define READ_BYTES ((size_t)64 << 10)
#define WRITE_BYTES ((size_t)32 << 10)

void control_stream_patience(int fd, unsigned timeout_ms)
{
	struct timeval patience = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

void control_stream_init(struct control_stream *stream, int fd, size_t line_max_bytes)
{
	*stream = (struct control_stream){ .fd = fd, .line_max_bytes = line_max_bytes };
	buf_init(&stream->in, line_max_bytes + 2 * READ_BYTES);
	buf_init(&stream->out, CONTROL_ANSWER_MAX_BYTES);
	control_stream_patience(fd, CONTROL_PATIENCE_SECS * 1000);
}

void control_stream_done(struct control_stream *stream)
{
	control_stream_flush(stream);
	close(stream->fd);
	buf_done(&stream->in);
	buf_done(&stream->out);
}

static bool read_more(struct control_stream *stream)
{
	char *room;
	ssize_t got;

	/* Moving what is left only when much was read keeps this linear. */
	if (stream->start >= READ_BYTES || stream->start == stream->in.len) {
		buf_shift(&stream->in, stream->start);
		stream->start = 0;
	}
	room = buf_room(&stream->in, READ_BYTES);
	if (room == NULL)
		return false;
	do {
		got = recv(stream->fd, room, READ_BYTES, 0);
	} while (got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	stream->in.len += (size_t)got;
	return true;
}

const char *control_stream_read(struct control_stream *stream)
{
	size_t scanned = stream->start;

	while (!stream->ended) {
		char *end = scanned == stream->in.len ? NULL : memchr(stream->in.ptr + scanned, '\n', stream->in.len - scanned);

		if (end != NULL) {
			char *line = stream->in.ptr + stream->start;

			stream->start = (size_t)(end - stream->in.ptr) + 1;
			*end = '\0';
			if (end > line && end[-1] == '\r')
				end[-1] = '\0';
			return line;
		}
		/* Counted from the line's beginning, which reading may move to the front. */
		scanned = stream->in.len - stream->start;
		if (scanned > stream->line_max_bytes || !read_more(stream))
			stream->ended = true;
		scanned += stream->start;
	}
	return NULL;
}

const char *control_stream_data(struct control_stream *stream)
{
	const char *line = stream->data_complete ? NULL : control_stream_read(stream);

	if (line == NULL || line[0] != '.')
		return line;
	if (line[1] != '\0')
		return line + 1;
	stream->data_complete = true;
	return NULL;
}

void control_stream_flush(struct control_stream *stream)
{
	size_t done = 0;

	while (!stream->gone && done < stream->out.len) {
		ssize_t put = send(stream->fd, stream->out.ptr + done, stream->out.len - done, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			stream->gone = true;
		else
			done += (size_t)put;
	}
	buf_reset(&stream->out);
}

void control_stream_write(struct control_stream *stream, const char *line)
{
	if (stream->gone)
		return;
	buf_put_text(&stream->out, line);
	buf_put_byte(&stream->out, '\n');
	if (buf_overflowed(&stream->out))
		stream->gone = true;
	else if (stream->out.len >= WRITE_BYTES)
		control_stream_flush(stream);
}
