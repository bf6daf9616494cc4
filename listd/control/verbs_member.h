/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about members; rows of control_verbs. */
#ifndef LISTD_VERBS_MEMBER_H
#define LISTD_VERBS_MEMBER_H

#include "listd/control/control.h"

/* {"list"} and lines, each an address or Name <address>; -> {"added","existing","bad":[{"line","text","reason"}]}. */
int verb_members_add(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list"} and lines of addresses -> {"removed"}. */
int verb_members_remove(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list"} -> rows of members. */
int verb_members_list(struct control_call *call, json_t **result_r, struct fail *why);
/* {"address"} -> rows, one for each list it is on. */
int verb_member_show(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list","address","name","value"}. */
int verb_member_set(struct control_call *call, json_t **result_r, struct fail *why);

/* The rows of all of them. */
#define VERBS_MEMBER_ROWS \
	{ "members add", "add members", true, verb_members_add }, \
	{ "members remove", "remove members", true, verb_members_remove }, \
	{ "members list", "members of a list", false, verb_members_list }, \
	{ "member show", "the lists an address is on", false, verb_member_show }, \
	{ "member set", "delivery and options of a member", true, verb_member_set }

#endif
