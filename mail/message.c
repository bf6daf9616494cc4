/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/idna.h"
#include "mail/message.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum line_kind { LINE_FIELD, LINE_CONTINUATION, LINE_EMPTY, LINE_JUNK };

/* The first line of bytes with its line end. */
static struct span first_line(struct span bytes)
{
	const char *end = bytes.len > 0 ? memchr(bytes.ptr, '\n', bytes.len) : NULL;

	return end == NULL ? bytes : (struct span){ bytes.ptr, (size_t)(end - bytes.ptr) + 1 };
}

/* Bytes of the line end that s ends with: 0, 1 or 2. */
static size_t line_end_bytes(struct span s)
{
	if (s.len == 0 || s.ptr[s.len - 1] != '\n')
		return 0;
	return s.len > 1 && s.ptr[s.len - 2] == '\r' ? 2 : 1;
}

/* Length of the field name that a line begins with, 0 when it is none. RFC 5322 2.2: printable ASCII without colon; 4.5.8: blanks
 * before the colon. A name that does not end within the longest allowed field is none, however long the line. */
static size_t name_bytes(struct span line, size_t *colon_r)
{
	size_t max = line.len < MESSAGE_FIELD_MAX_BYTES ? line.len : MESSAGE_FIELD_MAX_BYTES, name = 0, at;

	while (name < max && line.ptr[name] > 32 && line.ptr[name] < 127 && line.ptr[name] != ':')
		name++;
	for (at = name; at < max && (line.ptr[at] == ' ' || line.ptr[at] == '\t'); at++)
		;
	if (at == max || line.ptr[at] != ':')
		return 0;
	*colon_r = at;
	return name;
}

static enum line_kind line_kind(struct span line, bool after_field)
{
	size_t colon;

	if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
		return after_field ? LINE_CONTINUATION : LINE_JUNK;
	if (line_end_bytes(line) == line.len)
		return LINE_EMPTY;
	return name_bytes(line, &colon) > 0 ? LINE_FIELD : LINE_JUNK;
}

size_t message_mbox_bytes(struct span bytes)
{
	struct span line = first_line(bytes);
	size_t colon;

	if (line.len < 5 || memcmp(line.ptr, "From ", 5) != 0 || name_bytes(line, &colon) > 0)
		return 0;
	return line.len;
}

static void note_line_end(struct message *m, struct span line)
{
	static const enum line_ends seen[] = { LINE_ENDS_NONE, LINE_ENDS_LF, LINE_ENDS_CRLF };
	enum line_ends now = seen[line_end_bytes(line)];

	if (now == LINE_ENDS_NONE || now == m->line_ends)
		return;
	m->line_ends = m->line_ends == LINE_ENDS_NONE ? now : LINE_ENDS_MIXED;
}

static void field_start(struct field *f, struct span line, size_t offset)
{
	size_t colon = 0;

	f->raw = line;
	f->offset = offset;
	f->name = span_sub(line, 0, name_bytes(line, &colon));
	f->value = span_sub(line, colon + 1, line.len);
}

/* Take a line of the header in. -1: beyond a limit. */
static int add_line(struct arena *a, struct message *m, size_t *cap, struct span line, size_t offset, struct fail *why)
{
	struct field *f;

	if (offset + line.len > MESSAGE_HEADER_MAX_BYTES)
		return fail_set(why, 550, "5.6.0", "The message header has more than %zu bytes (in field %zu); send it with fewer or shorter fields",
			MESSAGE_HEADER_MAX_BYTES, m->field_count);
	if (line_kind(line, m->field_count > 0) == LINE_CONTINUATION) {
		f = &m->fields[m->field_count - 1];
		f->raw.len += line.len;
	} else if (m->field_count == MESSAGE_FIELDS_MAX) {
		return fail_set(why, 550, "5.6.0", "The message header has more than %d fields (at byte %zu); send it with fewer",
			MESSAGE_FIELDS_MAX, offset);
	} else {
		f = arena_grow(a, &m->fields, cap, m->field_count, sizeof(*f));
		m->field_count++;
		field_start(f, line, offset);
	}
	if (f->raw.len > MESSAGE_FIELD_MAX_BYTES)
		return fail_set(why, 550, "5.6.0", "The header field %.*s at byte %zu has more than %zu bytes; send it shorter",
			(int)(f->name.len < 80 ? f->name.len : 80), f->name.ptr, f->offset, MESSAGE_FIELD_MAX_BYTES);
	f->value.len = f->raw.len - (size_t)(f->value.ptr - f->raw.ptr) - line_end_bytes(f->raw);
	note_line_end(m, line);
	return 0;
}

/* Fill in everything but the body. bytes: the message, or its beginning with the whole header. */
static int read_head(struct arena *a, struct span bytes, struct message *m, struct fail *why)
{
	size_t at = message_mbox_bytes(bytes), start = at, cap = 0;

	note_line_end(m, span_sub(bytes, 0, at));
	while (at < bytes.len) {
		struct span line = first_line(span_sub(bytes, at, bytes.len));
		enum line_kind kind = line_kind(line, m->field_count > 0);

		m->has_junk_line = kind == LINE_JUNK;
		if (kind == LINE_EMPTY) {
			note_line_end(m, line);
			m->body_offset = at + line.len;
		}
		if (kind == LINE_EMPTY || kind == LINE_JUNK)
			break;
		if (add_line(a, m, &cap, line, at, why) != 0)
			return -1;
		at += line.len;
	}
	if (at > MESSAGE_HEADER_MAX_BYTES) /* an endless mbox line */
		return fail_set(why, 550, "5.6.0", "The first line of the message has more than %zu bytes", MESSAGE_HEADER_MAX_BYTES);
	m->head = span_sub(bytes, start, at - start);
	if (m->body_offset == 0)
		m->body_offset = at;
	return 0;
}

int message_parse(struct arena *a, struct span bytes, struct message *message_r, struct fail *why)
{
	struct message m = { .bytes = bytes, .total_bytes = bytes.len };

	if (read_head(a, bytes, &m, why) != 0)
		return -1;
	m.body_bytes = bytes.len - m.body_offset;
	if (m.body_bytes > 0) {
		m.body = arena_array(a, 1, sizeof(*m.body));
		m.body[0] = (struct iovec){ (char *)(uintptr_t)bytes.ptr + m.body_offset, m.body_bytes };
		m.body_count = 1;
	}
	*message_r = m;
	return 0;
}

/* Does the header end inside of this slice? *line_bytes and *line_first: length and first byte of the line that is being
 * read, kept from slice to slice. Returns the bytes of the slice up to and with the first empty line, or 0. */
static size_t empty_line_end(struct span slice, size_t *line_bytes, char *line_first)
{
	size_t at = 0;

	while (at < slice.len) {
		size_t step = span_find_byte(span_sub(slice, at, slice.len), '\n');

		if (*line_bytes == 0)
			*line_first = slice.ptr[at];
		*line_bytes += step;
		at += step;
		if (at == slice.len)
			return 0;
		at++;
		if (*line_bytes == 0 || (*line_bytes == 1 && *line_first == '\r'))
			return at;
		*line_bytes = 0;
	}
	return 0;
}

/* Bytes from the start that hold the whole header, if it is within the limits: to the first empty line, and no more than lets
 * read_head see that it is too long. */
static size_t head_prefix_bytes(const struct iovec *slices, size_t count)
{
	size_t max = MESSAGE_HEADER_MAX_BYTES + 2 * MESSAGE_FIELD_MAX_BYTES, bytes = 0, line_bytes = 0;
	char line_first = 0;

	for (size_t i = 0; i < count && bytes < max; i++) {
		struct span slice = span_sub((struct span){ slices[i].iov_base, slices[i].iov_len }, 0, max - bytes);
		size_t end = empty_line_end(slice, &line_bytes, &line_first);

		if (end > 0)
			return bytes + end;
		bytes += slice.len;
	}
	return bytes;
}

static struct span copy_prefix(struct arena *a, const struct iovec *slices, size_t bytes)
{
	char *copy = arena_alloc(a, bytes);
	size_t at = 0;

	for (size_t i = 0; at < bytes; i++) {
		size_t n = slices[i].iov_len < bytes - at ? slices[i].iov_len : bytes - at;

		if (n > 0)
			memcpy(copy + at, slices[i].iov_base, n);
		at += n;
	}
	return (struct span){ copy, bytes };
}

/* The slices from byte skip on. */
static void take_body(struct arena *a, struct message *m, const struct iovec *slices, size_t count)
{
	size_t skip = m->body_offset;

	m->body = arena_array(a, count, sizeof(*m->body));
	for (size_t i = 0; i < count; i++) {
		size_t n = slices[i].iov_len < skip ? slices[i].iov_len : skip;

		skip -= n;
		if (slices[i].iov_len > n)
			m->body[m->body_count++] = (struct iovec){ (char *)slices[i].iov_base + n, slices[i].iov_len - n };
	}
	m->body_bytes = m->total_bytes - m->body_offset;
}

int message_parse_slices(struct arena *a, const struct iovec *slices, size_t count, struct message *message_r, struct fail *why)
{
	struct message m = { .bytes = { NULL, 0 } };

	if (count == 1)
		return message_parse(a, (struct span){ slices[0].iov_base, slices[0].iov_len }, message_r, why);
	for (size_t i = 0; i < count; i++)
		m.total_bytes += slices[i].iov_len;
	if (read_head(a, copy_prefix(a, slices, head_prefix_bytes(slices, count)), &m, why) != 0)
		return -1;
	take_body(a, &m, slices, count);
	*message_r = m;
	return 0;
}

const struct field *message_field_from(const struct message *m, const char *name, size_t from)
{
	for (size_t i = from; i < m->field_count; i++)
		if (span_eq_text_nocase(m->fields[i].name, name))
			return &m->fields[i];
	return NULL;
}

size_t message_field_count(const struct message *m, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < m->field_count; i++)
		count += span_eq_text_nocase(m->fields[i].name, name);
	return count;
}

const char *message_line_end(const struct message *m)
{
	return m->line_ends == LINE_ENDS_LF ? "\n" : "\r\n";
}

static void note_fault(struct message_scan *scan, enum message_fault fault, size_t offset)
{
	if (scan->fault != MESSAGE_OK && scan->fault_offset <= offset)
		return;
	scan->fault = fault;
	scan->fault_offset = offset;
}

/* The faults of one line with its line end. */
static void scan_line(struct message_scan *scan, struct span line, size_t offset)
{
	size_t end = line_end_bytes(line);
	struct span text = span_sub(line, 0, line.len - end);
	size_t cr = span_find_byte(text, '\r'), nul = span_find_byte(text, '\0');

	if (text.len > scan->longest_line_bytes)
		scan->longest_line_bytes = text.len;
	if (cr < text.len)
		note_fault(scan, MESSAGE_BARE_CR, offset + cr);
	if (nul < text.len)
		note_fault(scan, MESSAGE_NUL, offset + nul);
	if (text.len > MESSAGE_LINE_MAX_BYTES)
		note_fault(scan, MESSAGE_LINE_TOO_LONG, offset + MESSAGE_LINE_MAX_BYTES);
	if (end == 1)
		note_fault(scan, MESSAGE_BARE_LF, offset + text.len);
}

void message_scan(struct span bytes, struct message_scan *scan_r)
{
	struct message_scan scan = { .fault = MESSAGE_OK };
	size_t at = message_mbox_bytes(bytes);
	bool in_header = true, after_field = false;

	scan_line(&scan, span_sub(bytes, 0, at), 0);
	scan.has_8bit_header = has_8bit(span_sub(bytes, 0, at));
	while (at < bytes.len) {
		struct span line = first_line(span_sub(bytes, at, bytes.len));

		if (in_header) {
			enum line_kind kind = line_kind(line, after_field);

			in_header = kind == LINE_FIELD || kind == LINE_CONTINUATION;
			after_field = true;
		}
		scan_line(&scan, line, at);
		if (in_header)
			scan.has_8bit_header = scan.has_8bit_header || has_8bit(line);
		else
			scan.has_8bit_body = scan.has_8bit_body || has_8bit(line);
		at += line.len;
	}
	*scan_r = scan;
}

const char *message_fault_name(enum message_fault fault)
{
	static const char *const names[] = {
		[MESSAGE_OK] = "no fault", [MESSAGE_BARE_CR] = "bare CR", [MESSAGE_BARE_LF] = "bare LF", [MESSAGE_NUL] = "NUL octet",
		[MESSAGE_LINE_TOO_LONG] = "line too long", [MESSAGE_8BIT_HEADER] = "8-bit header",
	};

	assert((size_t)fault < sizeof(names) / sizeof(names[0]));
	return names[fault];
}
