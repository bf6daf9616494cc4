/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX_BYTES 16384 /* a line longer than this is cut; it never holds a message */
#define LOG_VALUE_MAX_BYTES 2048

static struct {
	pthread_mutex_t lock; /* of fd */
	atomic_int sink, level;
	int fd;
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER, .sink = LOG_SINK_STDERR, .level = LOG_LEVEL_INFO, .fd = STDERR_FILENO };

int log_open(enum log_sink kind, const char *path, enum log_level level)
{
	int fd = kind == LOG_SINK_FILE ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) : STDERR_FILENO;

	if (fd < 0)
		return -1;
	pthread_mutex_lock(&sink.lock);
	if (sink.fd != STDERR_FILENO)
		close(sink.fd);
	sink.fd = fd;
	atomic_store(&sink.sink, kind);
	atomic_store(&sink.level, level);
	pthread_mutex_unlock(&sink.lock);
	return 0;
}

static void put_time(struct buf *b)
{
	struct timespec now;
	struct tm tm;
	char text[40];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(b, "%s.%03ldZ ", text, now.tv_nsec / 1000000);
}

void log_begin(struct log_line *line, enum log_level level, const char *event)
{
	static const int priority[] = { 7, 6, 4, 3 };

	buf_init(&line->text, LOG_LINE_MAX_BYTES);
	line->level = level;
	if (atomic_load(&sink.sink) == LOG_SINK_JOURNAL)
		buf_printf(&line->text, "<%d>", priority[level]);
	else
		put_time(&line->text);
	buf_printf(&line->text, "event=%s", event);
}

static bool is_plain(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if (c <= 0x20 || c >= 0x7f || c == '"' || c == '\\')
			return false;
	}
	return value.len > 0;
}

void log_span(struct log_line *line, const char *key, struct span value)
{
	struct buf *b = &line->text;

	value = span_sub(value, 0, LOG_VALUE_MAX_BYTES);
	buf_printf(b, " %s=", key);
	if (is_plain(value)) {
		buf_put(b, value);
		return;
	}
	buf_put_byte(b, '"');
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			buf_printf(b, "\\x%02x", c);
		else
			buf_put_byte(b, (char)c);
	}
	buf_put_byte(b, '"');
}

void log_text(struct log_line *line, const char *key, const char *value)
{
	log_span(line, key, span_of(value));
}

void log_number(struct log_line *line, const char *key, long long value)
{
	buf_printf(&line->text, " %s=%lld", key, value);
}

void log_end(struct log_line *line)
{
	if (atomic_load(&sink.sink) != LOG_SINK_NONE && (int)line->level >= atomic_load(&sink.level)) {
		struct span text;
		ssize_t put;

		line->text.max += 1;
		line->text.overflow = false;
		buf_put_byte(&line->text, '\n');
		text = buf_span(&line->text);
		pthread_mutex_lock(&sink.lock);
		put = write(sink.fd, text.ptr, text.len);
		(void)put; /* a log that cannot be written must not stop the mail */
		pthread_mutex_unlock(&sink.lock);
	}
	buf_done(&line->text);
}
