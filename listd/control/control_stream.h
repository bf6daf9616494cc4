/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines in and out of one connection, with a limit of size and of patience. After its end or a fault reads give nothing; after
 * a fault of writing, writes do nothing. */
#ifndef LISTD_CONTROL_CONTROL_STREAM_H
#define LISTD_CONTROL_CONTROL_STREAM_H

#include "mail/buf.h"

/* A line to the daemon: a request, a member, a piece of a message in base64. */
#define CONTROL_LINE_MAX_BYTES ((size_t)1 << 20)
/* A line from it: the longest holds a rendered message in base64. */
#define CONTROL_ANSWER_MAX_BYTES ((size_t)256 << 20)
/* How long a peer may take to send or to read something. */
#define CONTROL_PATIENCE_SECS 60

struct control_stream {
	int fd;
	bool ended;         /* nothing more to read */
	bool gone;          /* nobody to write to */
	bool data_complete; /* the final dot was read */
	size_t line_max_bytes;
	size_t start;       /* of what is unread in `in` */
	struct buf in, out;
};

/* Takes over fd and sets its time limits. line_max_bytes: of a line that is read. */
void control_stream_init(struct control_stream *stream, int fd, size_t line_max_bytes);
/* Another patience for a connection: of each step. */
void control_stream_patience(int fd, unsigned timeout_ms);
/* Flushes, closes. */
void control_stream_done(struct control_stream *stream);
/* The next line, NUL-ended, without LF or CRLF, valid until the next call; NULL at the end, after a fault, and for a line that is too long. */
const char *control_stream_read(struct control_stream *stream);
/* The next line of data up to the final dot, with the dot that was put before it taken off. */
const char *control_stream_data(struct control_stream *stream);
/* A line; it is sent when some have come together, or by flush. */
void control_stream_write(struct control_stream *stream, const char *line);
void control_stream_flush(struct control_stream *stream);

#endif
