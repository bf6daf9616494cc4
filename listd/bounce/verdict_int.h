/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of reports share. A reader looks at a message and fills in the verdict, or says that it is not for it; the table of them stands in verdict.c. */
#ifndef LISTD_BOUNCE_VERDICT_INT_H
#define LISTD_BOUNCE_VERDICT_INT_H

#include "listd/bounce/codes.h"
#include "listd/bounce/verdict.h"
#include "mail/mime.h"

/* Beyond these the rest is not looked at. 256 KB of text: what a report says stands before what it returns; the longest known ones (Exchange with its HTML) have 70 KB.
 * 256 KB of delivery status: 1000 recipients with long replies. */
#define REPORT_TEXT_MAX_BYTES ((size_t)256 << 10)
#define REPORT_STATUS_MAX_BYTES ((size_t)256 << 10)
#define REPORT_REASONS_MAX_BYTES ((size_t)1 << 20) /* all reasons together; sentences can share one */
#define REPORT_NESTING_MAX 3 /* a report inside of a message that holds nothing else, as gateways and virus scanners make them */

/* What is known of a report before a reader looks. */
struct report {
	struct arena *arena;
	const struct patterns *patterns;
	const struct message *message;
	struct mime mime;
	struct span bytes;        /* of the message, with bare CRs turned to LF: offsets are those of the message as it came */
	struct span from;         /* unfolded, decoded */
	struct span subject;      /* unfolded, decoded */
	const char *from_address; /* first address of From, lower case, or "" */
	struct span text;         /* UTF-8 with LF: the human part, whole */
	struct span charset;      /* of the human part */
	const struct mime_part *text_part, *status_part, *feedback_part, *disposition_part, *original_part; /* or NULL */
	size_t reasons_left_bytes;
	struct span common;       /* what a report in words says to all its recipients, or empty */
	struct verdict *verdict;
};

typedef bool report_reader(struct report *report);

/* verdict_arf.c: RFC 5965, and the feedback loops that are older. */
report_reader verdict_read_feedback;
/* verdict_json.c: notifications of Amazon SES as JSON. */
report_reader verdict_read_notification;
/* verdict_dsn.c: RFC 3464 and 6533, in a part of their own or (gateways take MIME apart) in plain text. */
report_reader verdict_read_status;
/* verdict_text.c: reports in words. */
report_reader verdict_read_text;
/* What a report of RFC 3464 leaves out of its fields, from its human part: replies, the lines of replies that are cut after the first. */
void verdict_complete_from_text(struct report *report);
/* verdict_auto.c: RFC 3834, receipts (RFC 8098), challenges. */
report_reader verdict_read_auto_reply;

/* verdict.c. Add a recipient; the same one again is merged: what is known more is added. NULL when there are too many. All texts must live in the arena. */
struct verdict_rcpt *report_add(struct report *report, const char *recipient);
/* The only address in To of the returned message, or of a header, as recipient; not where List-* fields show a list's copy, which does not name its reader. */
void report_add_returned_to(struct report *report);
void report_add_header_to(struct report *report, struct span header);
/* The value of a field as UTF-8 text: unfolded, encoded words decoded, other charsets guessed as that of the human part. */
struct span report_value(const struct report *report, struct span value);
/* An address out of what a field holds: "rfc822; <ann@example.org>", "ann@example.org (Ann)"; "" where there is none. */
const char *report_address(struct report *report, struct span value);

/* verdict_reply.c. Class of a text by rows and codes, and what decided. code and status: what is known beside the text (0, ""). is_report: the text is of a report
 * that says that an address failed; then a refusal of which nothing is known is put down to the address. */
#define VERDICT_BY_REPORT "report" /* decided by that alone */
struct judging {
	struct span text;
	int code;
	const char *status, *host;
	bool is_report;
};
enum bounce_class verdict_judge(struct arena *a, const struct patterns *patterns, const struct judging *judging, const char **by_r);
/* Runs of blanks and line ends as one blank, control characters left out, at most VERDICT_REPLY_MAX_BYTES (cut at a character of UTF-8). */
struct span verdict_one_line(struct arena *a, struct span text);

/* report_lines.c: the human part line by line. */
struct report_lines { struct span *items; size_t count; };
/* Lines before what is returned, trailing blanks removed. */
void report_lines(struct report *report, struct report_lines *lines_r);
/* Is this the line where a copy of the message begins? */
bool report_is_end(struct span line);
/* Does a text hold a phrase of the table that says so: not given up yet; given up; a program wrote it about a failure. */
bool report_says_delayed(struct span text);
bool report_says_final(struct span text);
bool report_says_failed(struct span text);
/* Does text hold what (ASCII case ignored)? Offset, or text.len. */
size_t report_find(struct span text, const char *what);
/* The address that begins at an offset, "<" and quotes aside; end_r: behind it. Empty: there is none. */
struct span report_address_at(struct span line, size_t at, size_t *end_r);
/* The next address at or after *at; *at: behind it. Empty: no more. */
struct span report_next_address(struct span line, size_t *at);

#endif
