/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about bounces and reports; rows of control_verbs. */
#ifndef LISTD_VERBS_BOUNCES_H
#define LISTD_VERBS_BOUNCES_H

#include "listd/control/control.h"

/* {"list"} -> {"list","members":[those with a score, or suspended],"refusals":[by class and receiver, of the last 30 days]}. */
int verb_bounces(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list","days"} -> rows, a report for each list, or for the one. */
int verb_report(struct control_call *call, json_t **result_r, struct fail *why);

/* Add to a member's row what is noted of its bounces: "bounces", in words, and "history", a text for each note. */
int verbs_bounces_of(struct control_call *call, const char *list, const char *key, json_t *row, struct fail *why);
/* Alarms of the last two days, as texts added to an array. */
int verbs_bounces_alarms(struct control_call *call, json_t *warnings, struct fail *why);

/* The rows of all of them. */
#define VERBS_BOUNCES_ROWS \
	{ "bounces", "who has a score, and what refusals were for", false, verb_bounces }, \
	{ "report", "posts, strategies, refusals, second forms, suspensions", false, verb_report }

#endif
