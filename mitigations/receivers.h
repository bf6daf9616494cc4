/* SPDX-License-Identifier: BSD-2-Clause */
/* Who runs a mailbox, and what that operator is known to do. A recipient's domain is mapped to its operator through its MX; rows of
 * conf/receivers.conf say what the operator does. Unknown receivers are taken to enforce DMARC and to trust nobody. */
#ifndef MITIGATIONS_RECEIVERS_H
#define MITIGATIONS_RECEIVERS_H

#include "mail/clock.h"
#include "mail/dns.h"

struct receiver {
	const char *name;        /* operator ("google"), "unknown" for everybody who is not named */
	bool enforces;           /* acts on DMARC failures of quarantine and reject domains */
	bool trusts_arc;         /* honours ARC seals of our domain */
	bool allowlists_us;      /* has agreed to accept this list server's copies as they are */
	bool takes_smtputf8;     /* informational */
	bool is_fixed;           /* the site's own row says so: experience does not change it */
	unsigned refuses;        /* by experience, never from the table. Bit i: of authors whose policy is strict, it refuses copies of strategies[i] though their proof holds */
	const char *source;      /* "receivers.conf:12" (the last row about it), "default", or what experience says */
};

/* The table, made from one or more files in this syntax (line by line, "#" comments):
 *   operator google
 *     mx *.google.com *.googlemail.com      (globs against MX host names, "*" matches any characters)
 *     domain gmail.com googlemail.com       (recipient domains, before any MX look-up)
 *     enforces yes|no
 *     trusts-arc yes|no
 *     allowlists-us yes|no
 *     smtputf8 yes|no
 *     learns yes|no                         (yes, unless a row says no: what receivers refuse and take changes what is known of them)
 * A later row for the same operator overrides single settings of an earlier one and adds to its globs and domains; a domain that an earlier row has
 * moves to the later one. The operator "unknown" is everybody who is not named. -1: file, line, what was expected. To be read before threads ask. */
struct receivers;

/* 10,000 operators, and 100,000 globs and domains together: far beyond what anybody keeps by hand; each MX that is looked up is held against
 * every glob. */
#define RECEIVERS_MAX 10000
#define RECEIVERS_PATTERNS_MAX 100000
#define RECEIVERS_CACHE_MAX 16384       /* domains remembered */
#define RECEIVERS_CACHE_SECS 3600
#define RECEIVERS_CACHE_FAILED_SECS 60  /* a look-up that failed is tried again sooner */

/* Add the rows of one file; file names it in messages and in source. */
int receivers_parse(struct span text, const char *file, struct receivers *receivers, struct fail *why);
/* An empty table, in which nobody is named; the caller frees it with receivers_free. */
struct receivers *receivers_new(void);
/* Free a table and all its rows; NULL is nothing. */
void receivers_free(struct receivers *receivers);

/* The operator of a recipient domain (any form; A-labels are made of it): by domain row, else by the MX of lowest preference that a row names (a domain
 * without MX is its own, RFC 5321 5.1), else the default receiver under
 * the name "unknown". A failed MX look-up gives the default too. Answers are cached in the table for an hour (DNS TTL does not
 * matter here: an operator changes seldom); threads may call at once, and none waits for another one's question. The row is valid until receivers_free. */
const struct receiver *receivers_find(struct receivers *receivers, struct resolver *dns, const struct clock *clock, const char *domain);
/* The same for many domains, whose questions are on their way at the same time: found_r has room for count. */
void receivers_find_all(struct receivers *receivers, struct resolver *dns, const struct clock *clock, const char *const *domains, size_t count,
	const struct receiver **found_r);
/* Do all mail servers of a recipient domain belong to this operator, or is the domain in its rows? Where one of them does not, what the domain answers need not be
 * the operator's word. A failed look-up is no. */
bool receivers_is_wholly(struct receivers *receivers, struct resolver *dns, const char *domain, const struct receiver *receiver);
/* Operator by name ("unknown" is the default row), or NULL. */
const struct receiver *receivers_by_name(const struct receivers *receivers, const char *name);
/* All rows in order of the files, the default last. */
size_t receivers_count(const struct receivers *receivers);
const struct receiver *receivers_at(const struct receivers *receivers, size_t i);

#endif
