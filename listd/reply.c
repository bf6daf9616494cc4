/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/reply.h"
#include "mail/buf.h"

#include <stdarg.h>
#include <stdint.h>

/* A value comes from a stranger: the longest useful one is an address (254 octets), and a reply is for reading. */
#define VALUE_MAX_CHARS 300
/* RFC 5321 4.5.3.1.5: a line of at most 512 octets; some room is left for gateways that put something in. */
#define WIRE_LINE_MAX_BYTES 500
/* Three values at their longest, and the row's own words. */
#define TEXT_MAX_BYTES 4096

static const struct { int code; const char *enhanced, *text; } rows[REPLY_KINDS] = {
#define ROW(kind, number, status, words) [REPLY_##kind] = { .code = number, .enhanced = status, .text = words },
	REPLY_ROWS
#undef ROW
};

/* Octets of a reply are printable ASCII (RFC 5321 4.2); each character beyond it, of however many octets, becomes one "?". */
static void put_value(struct buf *out, const char *value, size_t max_chars)
{
	size_t count = 0;

	for (const char *p = value == NULL ? "(unknown)" : value; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c >= 0x80 && c < 0xc0)
			continue;
		if (++count > max_chars) {
			buf_put_text(out, "...");
			return;
		}
		buf_put_byte(out, c >= 0x20 && c < 0x7f ? (char)c : '?');
	}
}

/* The only conversion in the rows is %s, so the table needs no format checking at run time. */
static void expand(struct buf *out, const char *text, va_list args)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (p[0] != '%' || p[1] != 's') {
			buf_put_byte(out, *p);
			continue;
		}
		put_value(out, va_arg(args, const char *), VALUE_MAX_CHARS);
		p++;
	}
}

struct reply reply_make(struct arena *a, enum reply_kind kind, ...)
{
	struct reply reply = { .code = rows[kind].code, .enhanced = rows[kind].enhanced };
	struct buf text;
	va_list args;

	buf_init(&text, TEXT_MAX_BYTES);
	va_start(args, kind);
	expand(&text, rows[kind].text, args);
	va_end(args);
	reply.text = arena_text(a, buf_span(&text));
	buf_done(&text);
	return reply;
}

struct reply reply_of_fail(struct arena *a, const struct fail *why)
{
	struct reply reply = { .code = why->code, .enhanced = arena_text(a, span_of(why->enhanced)) };
	struct buf text;

	if (why->code < 400 || why->code > 599)
		return reply_make(a, REPLY_STORE_TROUBLE, why->text);
	buf_init(&text, TEXT_MAX_BYTES);
	put_value(&text, why->text, SIZE_MAX);
	reply.text = arena_text(a, buf_span(&text));
	buf_done(&text);
	return reply;
}

int reply_fail(struct fail *why, enum reply_kind kind, ...)
{
	struct buf text;
	va_list args;

	buf_init(&text, TEXT_MAX_BYTES);
	va_start(args, kind);
	expand(&text, rows[kind].text, args);
	va_end(args);
	fail_set(why, rows[kind].code, rows[kind].enhanced, "%s", buf_text(&text));
	buf_done(&text);
	return -1;
}

/* How much of rest fits into a line of room octets: up to the last blank that does, or a hard cut in a word that is longer. */
static size_t line_length(struct span rest, size_t room)
{
	if (rest.len <= room)
		return rest.len;
	for (size_t n = room; n > 0; n--)
		if (rest.ptr[n] == ' ')
			return n;
	return room;
}

bool reply_line(struct span *rest, size_t room, struct span *line_r)
{
	size_t len = line_length(*rest, room);

	*line_r = span_sub(*rest, 0, len);
	*rest = span_sub(*rest, len, rest->len);
	if (rest->len > 0 && rest->ptr[0] == ' ')
		*rest = span_sub(*rest, 1, rest->len);
	return rest->len > 0;
}

const char *reply_wire(struct arena *a, const struct reply *reply)
{
	struct span rest = span_of(reply->text), line;
	struct buf out;
	const char *wire;
	bool goes_on;

	buf_init(&out, 4 * TEXT_MAX_BYTES);
	do {
		goes_on = reply_line(&rest, WIRE_LINE_MAX_BYTES - sizeof("550-5.7.1000 \r\n"), &line);
		buf_printf(&out, "%d%c%s%s", reply->code, goes_on ? '-' : ' ', reply->enhanced, reply->enhanced[0] == '\0' ? "" : " ");
		buf_put(&out, line);
		buf_put_text(&out, "\r\n");
	} while (goes_on);
	wire = arena_text(a, buf_span(&out));
	buf_done(&out);
	return wire;
}
