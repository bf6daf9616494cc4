/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs of the milter's socket: questions about lists and members, and counts of who sends how much. They change nothing else. */
#ifndef LISTD_VERBS_MILTER_H
#define LISTD_VERBS_MILTER_H

#include "listd/control/control.h"

/* Calls at the same time; a milter has as many sessions as it likes and asks in turn. */
#define MILTER_CALLS_MAX 256

extern const struct control_verb milter_verbs[];
extern const size_t milter_verb_count;

/* {"version"} -> {"key","version","addresses"}: key of the fields, addresses of all lists; without addresses when they are those of that version. */
int verb_milter_hello(struct control_call *call, json_t **result_r, struct fail *why);
/* {"rcpt","from","ip","helo","login","submission","first"} -> {"list","settings","purpose","suffix"}, or {"none":true}, or the refusal {"list","code","enhanced","text"}.
 * first: the first recipient of the message, which counts for the client and the sender. */
int verb_milter_rcpt(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list","key"} -> {"flags"}, or {} for one who is no member. */
int verb_milter_member(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list","local"} -> {"author"}, or {} for what is no alias. */
int verb_milter_alias(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list","author"} -> {"allowed"}: counts a post. */
int verb_milter_author(struct control_call *call, json_t **result_r, struct fail *why);

#endif
