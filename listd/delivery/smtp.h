/* SPDX-License-Identifier: BSD-2-Clause */
/* One client session of SMTP (RFC 5321) with a relay: connecting, EHLO, STARTTLS (RFC 3207), AUTH PLAIN and LOGIN (RFC 4954), and then commands out and
 * replies in, as the caller orders them. Written for pipelining (RFC 2920): any amount may be sent before replies are read; smtp_send takes in replies
 * while the relay cannot take more, so that the two never wait for each other. One thread uses a session; smtp_interrupt may come from any. */
#ifndef LISTD_SMTP_H
#define LISTD_SMTP_H

#include "listd/delivery/delivery.h"
#include "mail/fail.h"

#include <stdint.h>
#include <sys/uio.h>

/* Limits of replies: RFC 5321 4.5.3.1.5 says 512 octets a line; real ones of several hundred with links exist. 100 lines, 16 KB: a long EHLO has 20. */
#define SMTP_LINE_MAX_BYTES 2048
#define SMTP_REPLY_MAX_LINES 100
#define SMTP_REPLY_MAX_BYTES 16384
/* What may be waiting to be read: replies to the largest group of commands. */
#define SMTP_INPUT_MAX_BYTES ((size_t)4 << 20)

enum smtp_feature {
	SMTP_PIPELINING = 1, SMTP_8BITMIME = 2, SMTP_SMTPUTF8 = 4, SMTP_SIZE = 8, SMTP_XVERP = 16, SMTP_STARTTLS = 32, SMTP_AUTH_PLAIN = 64, SMTP_AUTH_LOGIN = 128
};

struct smtp_reply {
	int code;        /* 200..599, of the last line */
	struct span raw; /* all its lines; valid until more is read */
};

/* Take one reply off the front of input. 1: taken, *used_r octets long; 0: not all there yet; -1: not a reply. */
int smtp_reply_take(struct span input, struct smtp_reply *reply_r, size_t *used_r, struct fail *why);
/* The reply in one line: code, enhanced code, and the text of all lines joined by " "; octets that are not printable become "?". Cut at size. */
void smtp_reply_text(const struct smtp_reply *reply, char *text_r, size_t size);
/* The enhanced code (RFC 2034) of the first line, "" where there is none. */
void smtp_reply_enhanced(const struct smtp_reply *reply, char enhanced_r[12]);
/* Features of a reply to EHLO. size_r: limit of SIZE, 0 = none. */
unsigned smtp_features_parse(const struct smtp_reply *reply, uint64_t *size_r);

struct smtp;
/* A session that is not yet connected. options and its texts must outlive it. */
struct smtp *smtp_new(const struct delivery_options *options);
/* Connect, greet, secure and authenticate. -1: temporary, with what the relay said. */
int smtp_connect(struct smtp *s, struct fail *why);
/* What the relay offers, as bits of enum smtp_feature. */
unsigned smtp_features(const struct smtp *s);
/* Send all; iov is changed. -1: the connection is gone; replies that came before that can still be read. */
int smtp_send(struct smtp *s, struct iovec *iov, size_t count, struct fail *why);
/* The next reply. -1: the connection is gone, too slow, or does not speak SMTP. */
int smtp_read(struct smtp *s, struct smtp_reply *reply_r, struct fail *why);
/* Is there anything to read (a relay that closes an idle session does so with a 421)? */
bool smtp_is_stale(struct smtp *s);
/* Make all waiting of the session's thread end with a failure. */
void smtp_interrupt(struct smtp *s);
/* Close; polite: with QUIT, without waiting for its reply. NULL is allowed. */
void smtp_free(struct smtp *s, bool polite);

#endif
