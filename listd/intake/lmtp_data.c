/* SPDX-License-Identifier: BSD-2-Clause */
/* The content of a message on its way in (RFC 5321 4.5.2). Lines end in CR LF and in nothing else: a server that takes "LF . LF" or "CR . CR" for the
 * end where another does not lets a stranger put a second message, with an envelope of his own, into a first one (SMTP smuggling). */
#include "listd/intake/lmtp_int.h"

static void note_fault(struct lmtp_data *d, enum message_fault fault, uint64_t offset)
{
	if (d->fault == MESSAGE_OK) {
		d->fault = fault;
		d->fault_offset = offset;
	}
}

/* count octets of text of the present line. */
static void add_text(struct lmtp_data *d, size_t count)
{
	if (d->line_bytes + count > MESSAGE_LINE_MAX_BYTES && d->line_bytes <= MESSAGE_LINE_MAX_BYTES)
		note_fault(d, MESSAGE_LINE_TOO_LONG, d->bytes + (MESSAGE_LINE_MAX_BYTES - d->line_bytes));
	d->line_bytes += count;
	d->bytes += count;
}

static size_t plain_run(struct span in, size_t from)
{
	size_t i = from;

	while (i < in.len && in.ptr[i] != '\r' && in.ptr[i] != '\n' && in.ptr[i] != '\0')
		i++;
	return i - from;
}

/* Octets of text up to the next one that matters, or that one. Returns how many. */
static size_t take_text(struct lmtp_data *d, struct span in, size_t from)
{
	size_t run = plain_run(in, from);

	if (run > 0) {
		add_text(d, run);
		return run;
	}
	switch (in.ptr[from]) {
	case '\r': /* counted when it is known what it is */
		d->state = LMTP_DATA_CR;
		break;
	case '\n':
		note_fault(d, MESSAGE_BARE_LF, d->bytes++);
		d->line_bytes = 0;
		break;
	default:
		note_fault(d, MESSAGE_NUL, d->bytes);
		add_text(d, 1);
	}
	return 1;
}

/* What follows a CR: the end of a line, or the CR was bare and c is not used up. */
static size_t take_after_cr(struct lmtp_data *d, char c)
{
	if (c == '\n') {
		d->bytes += 2;
		d->line_bytes = 0;
		d->state = LMTP_DATA_LINE_START;
		return 1;
	}
	note_fault(d, MESSAGE_BARE_CR, d->bytes);
	add_text(d, 1);
	d->state = LMTP_DATA_TEXT;
	return 0;
}

/* A line that began with a dot, which is none of the content. Returns how many octets are used up without being content. */
static size_t take_after_dot(struct lmtp_data *d, char c)
{
	if (d->state == LMTP_DATA_DOT_CR && c == '\n') {
		d->state = LMTP_DATA_DONE;
		return 1;
	}
	if (d->state == LMTP_DATA_DOT_CR)
		return take_after_cr(d, c);
	d->state = c == '\r' ? LMTP_DATA_DOT_CR : LMTP_DATA_TEXT;
	return c == '\r';
}

size_t lmtp_data_next(struct lmtp_data *d, struct span in, struct span *content_r)
{
	size_t i = 0;

	*content_r = (struct span){ in.ptr, 0 };
	if (d->state == LMTP_DATA_DOT || d->state == LMTP_DATA_DOT_CR) {
		i = take_after_dot(d, in.ptr[0]);
		if (i > 0)
			return i;
	}
	while (i < in.len) {
		if (d->state == LMTP_DATA_CR) {
			i += take_after_cr(d, in.ptr[i]);
			continue;
		}
		if (d->state == LMTP_DATA_LINE_START && in.ptr[i] == '.') {
			d->state = LMTP_DATA_DOT;
			content_r->len = i;
			return i + 1;
		}
		d->state = LMTP_DATA_TEXT;
		i += take_text(d, in, i);
	}
	content_r->len = i;
	return i;
}
