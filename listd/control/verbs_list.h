/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about lists; rows of control_verbs. */
#ifndef LISTD_VERBS_LIST_H
#define LISTD_VERBS_LIST_H

#include "listd/control/control.h"

/* {"list","owners","settings":{name:text}}: a new list. With "file", a name for messages, lines of settings follow, as for list load; owners and settings go before them. */
int verb_list_create(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list"}: the list, its members, held posts and aliases; its archive stays. */
int verb_list_delete(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list","to"}. */
int verb_list_rename(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list"} -> {"settings":{name:text},"changed":[names],"members"}. */
int verb_list_show(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list","name","value"}. */
int verb_list_set(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list"} -> {"text"} in the syntax of list load. */
int verb_list_dump(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list"} and lines of settings: they replace the list's. */
int verb_list_load(struct control_call *call, json_t **result_r, struct fail *why);
/* {} -> rows {"list","members","description","strategy"}. */
int verb_list_all(struct control_call *call, json_t **result_r, struct fail *why);

/* {"list","since"} -> rows {"id","stored","message"}: posts of the archive that were stored at that time or later, in base64. */
int verb_archive_read(struct control_call *call, json_t **result_r, struct fail *why);

/* The list that args name, in lower case and A-labels, or NULL with why. */
const char *verbs_list_name(struct control_call *call, const char *arg, struct fail *why);

/* The rows of all of them. */
#define VERBS_LIST_ROWS \
	{ "list create", "make a list", true, verb_list_create }, \
	{ "list delete", "delete a list with its members", true, verb_list_delete }, \
	{ "list rename", "give a list another address", true, verb_list_rename }, \
	{ "list show", "settings of a list", false, verb_list_show }, \
	{ "list set", "change a setting", true, verb_list_set }, \
	{ "list dump", "settings as text", false, verb_list_dump }, \
	{ "list load", "replace the settings", true, verb_list_load }, \
	{ "list all", "all lists", false, verb_list_all }, \
	{ "archive read", "posts of the archive", false, verb_archive_read }

#endif
