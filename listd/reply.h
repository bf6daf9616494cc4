/* SPDX-License-Identifier: BSD-2-Clause */
/* Every SMTP reply and refusal, as rows: kind, code, enhanced code, text. No other module writes a reply text. */
#ifndef LISTD_REPLY_H
#define LISTD_REPLY_H

#include "mail/arena.h"
#include "mail/fail.h"

#define REPLY_ROWS \
	/* kind, code, enhanced, text with %s for the values its callers give, in order */ \
	ROW(GREETING, 220, "", "%s LMTP listd") \
	ROW(GO_AHEAD, 354, "", "send the message; a line of one dot ends it") \
	ROW(OK, 250, "2.0.0", "%s") \
	ROW(BYE, 221, "2.0.0", "%s closes the connection") \
	ROW(HELP, 214, "2.0.0", "%s") \
	ROW(CANNOT_VERIFY, 252, "2.0.0", "send it mail and see") \
	ROW(QUEUED, 250, "2.6.0", "accepted as %s") \
	ROW(HELD, 250, "2.6.0", "held for a moderator of %s as %s") \
	ROW(NO_SUCH_LIST, 550, "5.1.1", "no list %s here; check the address") \
	ROW(NO_SUCH_ALIAS, 550, "5.1.1", "%s is not an address of a list here") \
	ROW(TOO_BIG, 552, "5.3.4", "the message is larger than the %s bytes that %s takes; send a link to the large part") \
	ROW(BAD_BYTES, 550, "5.6.0", "%s at octet %s of the message; send it again from a mail program that keeps to RFC 5322") \
	ROW(BAD_HEADER, 550, "5.6.0", "%s") \
	ROW(BAD_FROM, 550, "5.6.0", "the From field %s; a list needs exactly one that names its author") \
	ROW(LOOP, 554, "5.4.6", "mail loop: %s") \
	ROW(NOT_MEMBER, 550, "5.7.2", "only members may post to %s, and %s is not one; subscribe first or ask %s") \
	ROW(NOT_ALLOWED, 550, "5.7.2", "%s may not post to %s; ask %s") \
	ROW(RULE_REFUSED, 550, "5.7.1", "a rule of the list refuses the message: %s") \
	ROW(UNAUTHENTIC, 550, "5.7.1", "Email rejected per DMARC policy for %s (%s); 5.7.26: neither SPF nor DKIM shows that it comes from there; " \
		"send it through the servers of that domain") \
	ROW(RECEIVER_REFUSES, 550, "5.7.26", "Email rejected per DMARC policy for %s (%s): neither SPF nor DKIM shows that it comes from there; send it through the servers of " \
		"that domain, or ask the postmaster here to list your list server") \
	ROW(STRATEGY_REFUSES, 550, "5.7.1", "DMARC: %s takes no posts from domains with a strict policy such as %s (%s); post from another address") \
	ROW(RATE, 451, "4.7.1", "too many messages from %s; try again later") \
	ROW(NO_SPACE, 452, "4.3.1", "no space left for mail; try again later") \
	ROW(STORE_TROUBLE, 451, "4.3.0", "%s; try again later") \
	ROW(LISTD_AWAY, 451, "4.3.2", "%s: the list server is not there now; try again later") \
	ROW(FILTER_BUSY, 451, "4.3.2", "too many sessions; try again later") \
	ROW(FILTER_STOPS, 451, "4.3.2", "the mail filter is being stopped; try again soon") \
	ROW(DNS_TROUBLE, 451, "4.7.0", "the policy of %s cannot be looked up now; try again later") \
	ROW(BUSY, 421, "4.3.2", "%s too many sessions; try again later") \
	ROW(CLOSING, 421, "4.3.2", "%s is being stopped; try again soon") \
	ROW(TOO_MANY_FAULTS, 421, "4.7.0", "%s too many faults in one session") \
	ROW(NOT_LMTP, 421, "4.7.0", "%s speaks LMTP, not HTTP") \
	ROW(TIMED_OUT, 421, "4.4.2", "%s no command for too long") \
	ROW(SYNTAX, 500, "5.5.2", "command not understood: %s") \
	ROW(USE_LHLO, 500, "5.5.1", "this is LMTP (RFC 2033): say LHLO, not %s") \
	ROW(UNKNOWN_PARAMETER, 555, "5.5.4", "the parameter %s is not known here") \
	ROW(NOT_PERMITTED, 550, "5.7.0", "%s") \
	ROW(PARAMETERS, 501, "5.5.4", "%s") \
	ROW(NOT_IMPLEMENTED, 502, "5.5.1", "%s is not implemented") \
	ROW(SEQUENCE, 503, "5.5.1", "%s") \
	ROW(TOO_MANY_RCPTS, 452, "4.5.3", "more than %s recipients; send the rest in another transaction") \
	ROW(BAD_ADDRESS, 501, "5.1.3", "not an address: %s") \
	ROW(UTF8_NEEDED, 553, "5.6.7", "%s needs SMTPUTF8")

enum reply_kind {
#define ROW(kind, code, enhanced, text) REPLY_##kind,
	REPLY_ROWS
#undef ROW
	REPLY_KINDS
};

struct reply {
	int code;
	const char *enhanced;
	const char *text; /* one line, printable ASCII: what is not in a value, and any character beyond ASCII, is written as "?" */
};
/* The reply of a kind with its values filled in; in a. */
struct reply reply_make(struct arena *a, enum reply_kind kind, ...);
/* The reply that a failure asks for; in a. One without a code, or with a code that is no refusal, becomes 451 4.3.0: nothing is ever accepted by mistake. */
struct reply reply_of_fail(struct arena *a, const struct fail *why);
/* The same as reply_make into a fail, returning -1. */
int reply_fail(struct fail *why, enum reply_kind kind, ...);
/* Take the next line of at most room octets off *rest, broken at a blank where there is one; false: it was the last. */
bool reply_line(struct span *rest, size_t room, struct span *line_r);
/* A reply as the wire wants it, folded into several lines "550-5.7.1 ..." where it exceeds 500 octets, with CRLF. */
const char *reply_wire(struct arena *a, const struct reply *reply);

#endif
