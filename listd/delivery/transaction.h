/* SPDX-License-Identifier: BSD-2-Clause */
/* What a relay session (session.c) holds, and the transactions that it makes of the chunks it is given: transaction.c builds their commands and settles
 * recipients. All belongs to the session's thread. */
#ifndef LISTD_TRANSACTION_H
#define LISTD_TRANSACTION_H

#include "listd/delivery/delivery_int.h"
#include "mail/buf.h"

/* RFC 5321 4.5.3.1.8: a server takes at least 100; more than this gains nothing. */
#define RCPTS_MAX 1000

/* What becomes of a recipient or a transaction. */
struct verdict {
	int code;
	char enhanced[12];
	char text[DELIVERY_REPLY_MAX_BYTES];
};

struct transaction {
	struct chunk *chunk;         /* NULL: none */
	uint32_t from;               /* first recipient: where to go on when the connection is lost */
	uint32_t rcpts[RCPTS_MAX];   /* after the replies: the accepted ones */
	size_t count, accepted;
	bool has_mail, has_verdict;  /* MAIL was accepted; else its verdict governs all */
	bool has_rcpt;               /* a RCPT was accepted, whatever came of MAIL */
	struct verdict verdict;
	struct buf group;            /* its commands */
	size_t lines[RCPTS_MAX + 2], line_count; /* their offsets */
};

/* A session at work. */
struct run {
	struct session *session;
	struct delivery *d;
	struct config *config;
	struct smtp *smtp;
	unsigned features;
	struct chunk *chunk;         /* to draw from, or NULL */
	struct transaction transactions[3]; /* content wanted, group sent, group built */
	struct transaction *ahead;   /* built, to be sent next; NULL: none */
	bool is_connected, needs_rset;
	size_t rcpts_limit;          /* the relay takes no more in one transaction */
	unsigned settled;            /* transactions that had their end on this connection */
};

/* Build the group of commands of the next transaction into r->ahead, unless that is done; r->ahead stays NULL when there is nothing to do now. */
void transaction_build_ahead(struct run *r);
/* The transaction is over: let its chunk go. */
void transaction_end(struct run *r, struct transaction *t);
/* Draw no more from the present chunk; what it has left goes back to the queue. */
void transaction_drop_chunk(struct run *r);
/* What a reply that is no consent means for recipients: its code (451 for faults of our set-up, which are not theirs) and texts. */
void transaction_read_verdict(const struct smtp_reply *reply, struct verdict *verdict_r);
/* Recipients of a chunk get a verdict: refused for good with 5xx, else to be tried again later. */
void transaction_settle(struct run *r, struct chunk *chunk, const uint32_t *rcpts, size_t count, const struct verdict *verdict);
/* The job's states could not be written: to the log. */
void transaction_fault(const struct chunk *chunk, const struct fail *why);

/* session.c; with the lock held. Is this session one too many, out of date, or to stop? */
bool session_is_wanted_to_end(struct run *r);

#endif
