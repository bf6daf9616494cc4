/* SPDX-License-Identifier: BSD-2-Clause */
/* From an SMTP reply, or a message that came back, to verdicts. One classifier serves both: text before codes, all lines of a reply joined, in this order: (1) DMARC
 * named, (2) codes of authentication refusals, (3) what is said of the mailbox, (4) the enhanced code (RFC 3463, 7372), (5) the basic code. The texts are rows of a file
 * (patterns.h). Pure: no clock, no store, no network. docs/bounces.md tells it at length. */
#ifndef LISTD_BOUNCE_VERDICT_H
#define LISTD_BOUNCE_VERDICT_H

#include "listd/bounce/class.h"
#include "listd/bounce/patterns.h"
#include "mail/message.h"

/* What happened to one recipient. Texts live in the arena given; unknown ones are "". */
struct verdict_rcpt {
	const char *recipient;   /* address as reported; "" where the report names none */
	const char *original;    /* the Original-Recipient (RFC 3464 2.3.1) where it is told and differs from recipient: mail was passed on before it failed; else "" */
	const char *action;      /* RFC 3464 2.3.3: failed, delayed, delivered, relayed, expanded; "" where it is none of these (complaint, auto-reply) */
	const char *status;      /* "5.1.1", or "" */
	const char *reply;       /* the receiver's reply in full, lines joined by a blank; else what the report says in its place */
	const char *host;        /* the host that replied, as the report names it, or "" */
	const char *by;          /* what decided: "bounce.patterns:12", "5.1.1", "550", or "" */
	enum bounce_class class;
	bool counts;             /* of the class's row, and the action is one that ends the delivery, and the report names the recipient */
};

/* What the message is. */
enum verdict_kind {
	VERDICT_NONE,       /* an ordinary message: nothing about our mail could be read in it */
	VERDICT_BOUNCE,     /* RFC 3464 or one of the others: failed, delayed, ... as each recipient's action says */
	VERDICT_COMPLAINT,  /* RFC 5965; feedback_type tells which: "abuse" is a reader's, "auth-failure" (RFC 6591) is not, "opt-out" wants to leave */
	VERDICT_AUTO_REPLY, /* RFC 3834, challenges, receipts */
	VERDICT_KINDS
};
/* "none", "bounce", "complaint", "auto-reply". */
const char *verdict_kind_name(enum verdict_kind kind);

#define VERDICT_RCPTS_MAX 1000    /* one report is about one transaction: as many as SPOOL_RCPTS_MAX */
#define VERDICT_REPLY_MAX_BYTES 4000

struct verdict {
	enum verdict_kind kind;
	const char *feedback_type;        /* of a complaint: "abuse", ...; else "" */
	const char *original_message_id;  /* of the copy that is reported on, with <>, or "" */
	const char *original_sender;      /* its envelope sender where the report or its Return-Path tells, or "" */
	struct span original;             /* returned message or header, a view into the message, as it stands there (encoded, if it is); or empty */
	struct verdict_rcpt *rcpts;
	size_t rcpt_count;
	bool is_cut;                      /* there were more than VERDICT_RCPTS_MAX */
};

/* Read a message that came back: RFC 3464 reports (also message/global-*, RFC 6533), those of Exim, qmail, sendmail, Exchange and others that do not keep to it, delays,
 * auto-replies, challenges, feedback reports. message must be one run of bytes; line ends may be CRLF, LF or CR, with the same result. Never fails: what
 * cannot be read is VERDICT_NONE. */
void verdict_of_message(struct arena *a, const struct patterns *patterns, const struct message *message, struct verdict *verdict_r);
/* The same from the bytes of a message, whatever their line ends: message_parse sees no fields in one whose lines end with CR alone. */
void verdict_of_bytes(struct arena *a, const struct patterns *patterns, struct span bytes, struct verdict *verdict_r);
/* Read one SMTP reply: code (0 = only what the text says) and text with or without its codes, continuation lines joined by blanks or line ends. host: of the receiver, or
 * "". Gives class, counts, status and reply; the recipient is "". The action is "failed" or, for a reply that begins with 4, "delayed"; counts is of the class alone, as if the
 * reply had ended the delivery, since only the caller knows whether it did. */
void verdict_of_reply(struct arena *a, const struct patterns *patterns, int code, const char *text, const char *host, struct verdict_rcpt *rcpt_r);

#endif
