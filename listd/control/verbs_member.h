/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about members; rows of control_verbs. */
#ifndef LISTD_VERBS_MEMBER_H
#define LISTD_VERBS_MEMBER_H

#include "listd/control/control.h"

/* verbs_import.c. {"list"} and lines, each an address or Name <address>; or, for the import, CSV whose first line names the columns;
 * -> {"list","added","existing","bad_count","bad":[{"line","text","reason"}]}, of the bad lines the first 100. */
int verb_members_add(struct control_call *call, json_t **result_r, struct fail *why);
int verb_members_import(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list"} and lines of addresses -> {"removed","absent"}. */
int verb_members_remove(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list","delivery","match"} -> rows of members: all, or those in that state of delivery ("on", "off", "off-by-bounces"), or that match a glob. */
int verb_members_list(struct control_call *call, json_t **result_r, struct fail *why);
/* {"address"} -> rows, one for each list it is on. */
int verb_member_show(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list","address","name","value"} or {"list","address","settings":{name:value}}. */
int verb_member_set(struct control_call *call, json_t **result_r, struct fail *why);

/* One option of a member, by name. value must live as long as the member. */
int verbs_member_change(struct member *member, const char *name, const char *value, int64_t now, struct fail *why);
/* May this be a member's name? */
bool verbs_member_is_name(struct span name);

/* The rows of all of them. */
#define VERBS_MEMBER_ROWS \
	{ "members add", "add members", true, verb_members_add }, \
	{ "members import", "add members from a file", true, verb_members_import }, \
	{ "members remove", "remove members", true, verb_members_remove }, \
	{ "members list", "members of a list", false, verb_members_list }, \
	{ "member show", "the lists an address is on", false, verb_member_show }, \
	{ "member set", "delivery and options of a member", true, verb_member_set }

#endif
