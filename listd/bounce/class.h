/* SPDX-License-Identifier: BSD-2-Clause */
/* What a refusal, or a report that came back by mail, is about. The rows say what follows from each class; nothing else in the program decides that. */
#ifndef LISTD_BOUNCE_CLASS_H
#define LISTD_BOUNCE_CLASS_H

#include "mail/span.h"

#include <stdbool.h>

/* kind, name, counts against the subscriber, help */
#define BOUNCE_CLASS_ROWS \
	ROW(POLICY_DMARC, "policy-dmarc", false, "the receiver refused the copy for the DMARC policy of the domain in its From") \
	ROW(POLICY_AUTH, "policy-auth", false, "SPF, DKIM, reverse DNS or another part of our own authentication is at fault") \
	ROW(DEAD_MAILBOX, "dead-mailbox", true, "there is no such user or host, or the mailbox is closed, moved or suspended") \
	ROW(FULL, "full", true, "the mailbox is over its quota") \
	ROW(SPAM, "spam-or-reputation", false, "taken for spam, or the server's address or domain is on a block list") \
	ROW(RATE, "rate", false, "too many messages or connections in too short a time") \
	ROW(CONTENT, "content", false, "the message is too large, of a type that is not taken, or needs SMTPUTF8") \
	ROW(NETWORK, "network", true, "the receiver could not be reached, or its server is out of order; counts when it persists over days") \
	ROW(RELAYED, "relayed", false, "passed on to a server that sends no reports") \
	ROW(DELAYED, "delayed", false, "not delivered yet; the mail server goes on trying") \
	ROW(DELIVERED, "delivered", false, "delivered") \
	ROW(AUTO_REPLY, "auto-reply", false, "an answer of a program: absence, challenge, receipt") \
	ROW(COMPLAINT, "complaint", false, "the reader marked the copy as spam (RFC 5965)") \
	ROW(UNKNOWN, "unknown", false, "a refusal that no pattern knows")

enum bounce_class {
#define ROW(kind, name, counts, help) BOUNCE_##kind,
	BOUNCE_CLASS_ROWS
#undef ROW
	BOUNCE_CLASSES
};

struct bounce_class_row { const char *name; bool counts; const char *help; };
extern const struct bounce_class_row bounce_class_rows[BOUNCE_CLASSES];

/* By name; false: there is none. */
bool bounce_class_find(struct span name, enum bounce_class *class_r);

#endif
