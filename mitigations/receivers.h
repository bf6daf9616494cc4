/* SPDX-License-Identifier: BSD-2-Clause */
/* Who runs a mailbox, and what that operator is known to do. A recipient's domain is mapped to its operator through its MX; rows of
 * conf/receivers.conf say what the operator does. Unknown receivers are taken to enforce DMARC and to trust nobody. */
#ifndef MITIGATIONS_RECEIVERS_H
#define MITIGATIONS_RECEIVERS_H

#include "mail/clock.h"
#include "mail/dns.h"

struct receiver {
	const char *name;        /* operator ("google"), or the domain itself for an unknown one in its own class */
	bool enforces;           /* acts on DMARC failures of quarantine and reject domains */
	bool trusts_arc;         /* honours ARC seals of our domain */
	bool allowlists_us;      /* has agreed to accept this list server's copies as they are */
	bool takes_smtputf8;     /* informational */
	const char *source;      /* "receivers.conf:12", "configured", "default" */
};

/* The table, made from one or more files in this syntax (line by line, "#" comments):
 *   operator google
 *     mx *.google.com *.googlemail.com      (globs against MX host names, "*" matches any characters)
 *     domain gmail.com googlemail.com       (recipient domains, before any MX look-up)
 *     enforces yes|no
 *     trusts-arc yes|no
 *     allowlists-us yes|no
 * A later row for the same operator overrides single settings of an earlier one. -1: file, line, what was expected. */
struct receivers;
int receivers_parse(struct span text, const char *file, struct receivers *receivers, struct fail *why);
struct receivers *receivers_new(void);
void receivers_free(struct receivers *receivers);

/* The operator of a recipient domain: by domain row, else by the MX of lowest preference that a row names, else the default receiver under
 * the name "unknown". A failed MX look-up gives the default too. Answers are cached in the table for an hour (DNS TTL does not
 * matter here: an operator changes seldom); threads may call at once. The row is valid until receivers_free. */
const struct receiver *receivers_find(struct receivers *receivers, struct resolver *dns, const struct clock *clock, const char *domain);
/* Operator by name ("unknown" is the default row), or NULL. */
const struct receiver *receivers_by_name(const struct receivers *receivers, const char *name);
/* All rows in order of the files, the default last. */
size_t receivers_count(const struct receivers *receivers);
const struct receiver *receivers_at(const struct receivers *receivers, size_t i);

#endif
