/* SPDX-License-Identifier: BSD-2-Clause */
/* A message as bytes: where its header fields stand and where its body begins (RFC 5322 2.1). Nothing is copied or changed:
 * every span points into the bytes that were given. Line ends are taken as they are, CRLF or LF; a bare CR is an ordinary octet.
 *
 * A message that was received is one run of bytes. One that was rendered from a form (form.h) has its header in one run
 * and its body in several slices; both are read by the same functions, and only code that needs the body as one run (MIME
 * structure) asks for bytes. */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include "mail/arena.h"
#include "mail/fail.h"

#include <sys/uio.h>

/* Limits, checked by message_parse; beyond them the message is refused with 550 5.6.0.
 * 1000 fields: real mail stays below 200 even after ten hops with ARC; more serves only to slow down h= look-ups.
 * 256 KB of header: Postfix keeps 100 KB, Exim 1 MB; libopendkim and receivers cope with this much.
 * 64 KB a field: a long To of 1,000 addresses fits. */
#define MESSAGE_FIELDS_MAX 1000
#define MESSAGE_HEADER_MAX_BYTES ((size_t)256 << 10)
#define MESSAGE_FIELD_MAX_BYTES ((size_t)64 << 10)

struct field {
	struct span raw;   /* the whole field with its folds and final line end */
	struct span name;  /* before the colon, blanks before the colon left out (RFC 5322 4.5.8) */
	struct span value; /* after the colon: with leading blank and folds, without the final line end */
	size_t offset;     /* of raw in the message, in bytes */
};

enum line_ends { LINE_ENDS_NONE, LINE_ENDS_CRLF, LINE_ENDS_LF, LINE_ENDS_MIXED };

struct message {
	struct span bytes;        /* the whole message when it is one run, else {NULL,0} */
	struct span head;         /* all fields, without the empty line */
	struct field *fields;     /* in order of appearance */
	size_t field_count;
	size_t body_offset;       /* of the first body byte; equals the length where there is no body. Where an empty line closes the
	                             header it is beyond the end of head, else it is the end of head */
	struct iovec *body;       /* the body's slices; body_count may be 0 */
	size_t body_count;
	size_t body_bytes;
	size_t total_bytes;
	enum line_ends line_ends; /* of the header */
	bool has_junk_line;       /* the header was ended by a line that is no field (treated as the body's first line) */
};

/* Length of the mbox line that bytes begin with, or 0. "From : ann@example.com" is a field. */
size_t message_mbox_bytes(struct span bytes);
/* Read a message that is one run of bytes; they must outlive the message. A line that is neither a field nor a continuation
 * ends the header, and the body begins with it; a first line "From " (mbox) is skipped over as junk that stays in the bytes.
 * -1: beyond a limit (550 5.6.0), with the place in the text. */
int message_parse(struct arena *a, struct span bytes, struct message *message_r, struct fail *why);
/* The same for slices, as a form renders them: header bytes are copied into the arena, body slices are not. */
int message_parse_slices(struct arena *a, const struct iovec *slices, size_t count, struct message *message_r, struct fail *why);

/* The first field of that name (ASCII case ignored) at or after index from, or NULL. */
const struct field *message_field_from(const struct message *m, const char *name, size_t from);
static inline const struct field *message_field(const struct message *m, const char *name)
{
	return message_field_from(m, name, 0);
}
/* How many fields have that name. */
size_t message_field_count(const struct message *m, const char *name);
/* Index of a field in m->fields. */
static inline size_t message_field_index(const struct message *m, const struct field *f)
{
	return (size_t)(f - m->fields);
}

/* The line end for what is added to a message: "\n" where its header has only LF, else "\r\n". */
const char *message_line_end(const struct message *m);

/* What a check of raw bytes found; offset is in bytes from the start. */
enum message_fault {
	MESSAGE_OK, MESSAGE_BARE_CR, MESSAGE_BARE_LF, MESSAGE_NUL, MESSAGE_LINE_TOO_LONG, MESSAGE_8BIT_HEADER
};
/* Facts of a scan over the whole message, one pass. */
struct message_scan {
	enum message_fault fault; /* the first of BARE_CR, BARE_LF, NUL, LINE_TOO_LONG, or MESSAGE_OK */
	size_t fault_offset;
	size_t longest_line_bytes; /* without the line end */
	bool has_8bit_body, has_8bit_header;
};
/* Lines over 64 KB are refused: no MTA passes them. (999 octets and more are legal here, RFC 5321 4.5.3.1.6 notwithstanding.) */
#define MESSAGE_LINE_MAX_BYTES ((size_t)64 << 10)
void message_scan(struct span bytes, struct message_scan *scan_r);
/* "bare CR", ... for replies and logs. */
const char *message_fault_name(enum message_fault fault);

#endif
