/* SPDX-License-Identifier: BSD-2-Clause */
/* What follows from a verdict: the one place where refusals at the relay, reports by mail, probes and complaints come together. By the class's row and the source it goes to
 * the tally (tally.h), to a second form (fallback.h), to what is learnt of receivers (learn.h), to the figures for reports (figures.h), or nowhere. */
#ifndef LISTD_BOUNCE_BOUNCE_H
#define LISTD_BOUNCE_BOUNCE_H

#include "listd/bounce/class.h"
#include "listd/daemon.h"

/* How far it is to be believed. */
enum bounce_source {
	BOUNCE_BY_REPLY,    /* the relay's own reply to this very copy, or its own report about it: certain */
	BOUNCE_BY_RCPT_KEY, /* a report to an address with this recipient's own key */
	BOUNCE_BY_POST_KEY, /* ... with the post's key only (XVERP): every subscriber knows it; a suspicion, which only a probe turns into anything */
	BOUNCE_BY_PROBE     /* a report to the address of a probe */
};

struct bounce {
	const char *list;         /* address */
	const char *job;          /* "ID-N" of the job; "ID" where it came by mail (a return address has room for no more); of a probe its id */
	const char *recipient;    /* address as the job had it */
	const char *form;         /* strategy's name of the copy, or NULL where it is not known */
	enum bounce_source source;
	enum bounce_class class;
	bool is_passed_on;        /* the mail had gone on to another address, which this is about: it tells nothing of the recipient's own receiver */
	const char *status, *reply; /* "" where unknown */
	int64_t at_secs;
};

/* Take note of one. Repeated calls with the same job and recipient change nothing more: what is certain is taken once, and what is a suspicion once. A recipient who is no
 * member (any more) changes nothing. -1: the store (temporary); nothing is half done that a repetition would not mend. */
int bounce_take(struct daemon *daemon, const struct bounce *bounce, struct fail *why);
/* "reply", "key", "post-key", "probe". */
const char *bounce_source_name(enum bounce_source source);

#endif
