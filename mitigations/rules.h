/* SPDX-License-Identifier: BSD-2-Clause */
/* Ordered rules of a list: by author domain or address and by receiver, the first that matches decides.
 *   exempt|force|STRATEGY  [from PATTERN] [to RECEIVER]
 * exempt: the author's policy counts as none; force: it counts as reject; a strategy's name fixes that strategy ("rewrite from *@example.com to google").
 * PATTERN: a domain ("example.com"), a domain and all below it (".example.com"), an address, or a glob with "*" (over the address where it
 * holds an "@", else over the domain); RECEIVER: an operator's name or "@domain". No pattern matches everything. Letter case does not matter;
 * domains may be written in U-labels, but for those of a glob. */
#ifndef MITIGATIONS_RULES_H
#define MITIGATIONS_RULES_H

#include "mail/address.h"
#include "mitigations/receivers.h"

enum rule_action { RULE_EXEMPT, RULE_FORCE, RULE_STRATEGY };
struct rule {
	enum rule_action action;
	const char *strategy;  /* for RULE_STRATEGY */
	const char *from, *to; /* lower case, or NULL */
	const char *text;      /* as written */
};
struct rules { struct rule *items; size_t count; };
#define RULES_MAX 1000 /* each is held against each author and receiver; kept by hand, lists stay far below */
#define RULE_MAX_BYTES 1000 /* three words with two addresses at their longest */

/* Read rules, one a line (or separated by ";"), "#" comments. -1: line and what was expected. Strategy names are checked. */
int rules_parse(struct arena *a, struct span text, struct rules *rules_r, struct fail *why);
/* The first rule that matches any of the authors (exempt: all of them, since what one of them is let off another one is not) and
 * this receiver (to_domain: of the recipients looked at, may be NULL), or NULL. Without an author, a rule with "from" never matches. */
const struct rule *rules_match(const struct rules *rules, const struct address_list *authors, const struct receiver *receiver, const char *to_domain);
/* Does a PATTERN as above match the address? What is no pattern matches nothing. */
bool rules_pattern_matches(struct arena *a, const char *pattern, const struct address *address);
/* For every list, after its own rules, so that the list can exempt: gmail.com and googlemail.com are forced, though they publish p=none. */
extern const char rules_default_text[];

#endif
