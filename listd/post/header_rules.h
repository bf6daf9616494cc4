/* SPDX-License-Identifier: BSD-2-Clause */
/* Header rules of a list (their syntax: settings.h) held against a message: the first that matches decides. Matching is bounded, so that no message can make it slow; a field
 * that exceeds the bound counts as a match of a hold. */
#ifndef LISTD_HEADER_RULES_H
#define LISTD_HEADER_RULES_H

#include "listd/settings.h"
#include "mail/message.h"

#define HEADER_RULE_MATCH_LIMIT 100000 /* about a millisecond without JIT */

/* true when a rule matches: its action, and its text for people (in a). Rules that cannot be read are passed over: they were checked when they were set. */
bool header_rules_match(struct arena *a, const char *rules, const struct message *m, enum header_rule_action *action_r, const char **rule_r);

#endif
