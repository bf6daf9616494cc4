/* SPDX-License-Identifier: BSD-2-Clause */
/* LMTP server (RFC 2033): PIPELINING, 8BITMIME, SMTPUTF8, SIZE, ENHANCEDSTATUSCODES, XFORWARD (NAME ADDR PORT PROTO HELO IDENT SOURCE; xtext,
 * [UNAVAILABLE]). Unix sockets and TCP on loopback addresses only. A thread for each session, at most sessions_max; beyond it 421. Smuggling-safe:
 * only CR LF . CR LF ends data; a bare CR or LF anywhere in data refuses the message (after reading it to its end). Limits: command line 2048
 * octets, idle 300 s, 20 faults. */
#ifndef LISTD_LMTP_H
#define LISTD_LMTP_H

#include "listd/reply.h"
#include "listd/spool/spool.h"
#include "mail/clock.h"

/* What the server asks of the rest. Called from session threads; a is the transaction's arena. */
struct lmtp_judge { /* it logs its own refusals, with list and stage; the server logs those of its own (stage=intake) */
	void *context;
	/* At RCPT: 0 = take it, -1 = refuse with the reply in why. */
	int (*rcpt)(void *context, struct arena *a, const struct envelope *envelope, const char *rcpt, struct fail *why);
	/* At the end of data, before it is durable: a verdict for each of envelope->rcpts, which are different addresses. keep[i]: to be accepted; else replies[i] is the
	 * refusal, or 250 for a message that is dropped on purpose; without any reply it is 451. A kept one's reply is sent after the message
	 * is on disk. bytes and envelope are valid during the call. Returns what the judge wants to have back for this message, with accepted or with dropped; or NULL. */
	void *(*message)(void *context, struct arena *a, const struct envelope *envelope, struct span bytes, struct reply *replies, bool *keep);
	/* It is on disk for these recipients and acknowledged next: hand it to the workers, which end the entry. */
	void (*accepted)(void *context, const struct envelope *envelope, const struct spool_entry *entry, void *judged);
	/* It is not. */
	void (*dropped)(void *context, void *judged);
};

struct lmtp_options {
	const char *listen;        /* "unix:PATH" or "inet:ADDR:PORT", several by blanks */
	unsigned mode;             /* of Unix sockets */
	unsigned sessions_max;
	uint64_t max_bytes;        /* SIZE; larger: 552 at MAIL or at the end of data (read, not kept) */
	const char *host_name;
	const char *const *xforward_peers; /* addresses, "unix" for Unix sockets; NULL: all peers (they are local by construction) */
	const struct clock *clock; /* for received_secs; NULL: the system's */
	unsigned idle_ms;          /* 0: LMTP_IDLE_MS */
	unsigned faults_max;       /* 0: LMTP_FAULTS_MAX */
};

/* RFC 5321 4.5.3.2.7: at least 5 minutes. */
#define LMTP_IDLE_MS 300000
/* Commands that are wrong in syntax or sequence since the last accepted message; refused recipients do not count: they are not the client's fault. */
#define LMTP_FAULTS_MAX 20

struct lmtp;
/* Listen and serve sessions in threads of its own until lmtp_stop. options and judge are copied; spool, the clock and the context of judge must
 * live as long; the caller frees *lmtp_r with lmtp_stop. -1: an address that cannot be listened on. */
int lmtp_start(const struct lmtp_options *options, struct spool *spool, const struct lmtp_judge *judge, struct lmtp **lmtp_r, struct fail *why);
/* Stop listening, let transactions in progress end (grace_ms at most; sessions waiting for a command get 421), free. */
void lmtp_stop(struct lmtp *lmtp, unsigned grace_ms);
/* messages: accepted; refused: recipients refused, by RCPT or at the end of the data. */
struct lmtp_status { unsigned sessions; unsigned long messages, refused; };
void lmtp_status(struct lmtp *lmtp, struct lmtp_status *status_r);

#endif
