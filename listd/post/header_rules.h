/* SPDX-License-Identifier: BSD-2-Clause */
/* Header rules of a list, one a line, the first that matches decides:
 *   hold|refuse|discard FIELD /REGULAR EXPRESSION/[i]
 * FIELD is a field's name, or "*" for every field; the expression (PCRE2) is held against the field's value, unfolded. Matching is bounded, so that no
 * message can make it slow; a field that exceeds the bound counts as a match of a hold. */
#ifndef LISTD_HEADER_RULES_H
#define LISTD_HEADER_RULES_H

#include "mail/message.h"

enum header_action { HEADER_PASS, HEADER_HOLD, HEADER_REFUSE, HEADER_DISCARD };

#define HEADER_RULES_MAX 200
#define HEADER_RULE_MATCH_LIMIT 100000 /* about a millisecond without JIT */

/* -1: line and what is wrong with it. */
int header_rules_check(const char *rules, struct fail *why);
/* The action of the first rule that matches, with the rule's text in *rule_r (in a). Rules that do not compile are skipped: they were checked when set. */
enum header_action header_rules_match(struct arena *a, const char *rules, const struct message *m, const char **rule_r);

#endif
