/* SPDX-License-Identifier: BSD-2-Clause */
/* The one writer of log lines: "event=... key=value ...", one line an event. Libraries (mail/, mitigations/) are silent; the
 * server's threads log, with events that are rows of a table (listd/event.h). Values are escaped here: a value with
 * blanks, quotes, control or non-ASCII octets is written in double quotes with \xHH, so that no sender can forge a line. */
#ifndef MAIL_LOG_H
#define MAIL_LOG_H

#include "mail/buf.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

/* Where lines go. stderr with "<N>" priorities (what systemd reads) or plain, or a file that is opened for appending. */
enum log_sink { LOG_SINK_STDERR, LOG_SINK_JOURNAL, LOG_SINK_FILE, LOG_SINK_NONE };

struct log_line {
	struct buf text;
	enum log_level level;
};

/* Choose the sink, or another one, or open the same file again after it was rotated; path only for LOG_SINK_FILE. Lines below the level are dropped. -1 with errno: it
 * cannot be opened, and lines go on to where they went. */
int log_open(enum log_sink sink, const char *path, enum log_level level);
/* A line about an event; every log_begin needs its log_end. */
void log_begin(struct log_line *line, enum log_level level, const char *event);
void log_span(struct log_line *line, const char *key, struct span value);
void log_text(struct log_line *line, const char *key, const char *value);
void log_number(struct log_line *line, const char *key, long long value);
/* Write the line (atomically, whole) and free it. */
void log_end(struct log_line *line);

#endif
