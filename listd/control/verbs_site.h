/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about the site as a whole; rows of control_verbs. */
#ifndef LISTD_VERBS_SITE_H
#define LISTD_VERBS_SITE_H

#include "listd/control/control.h"

/* {} -> what runs, what waits, what is wrong. */
int verb_status(struct control_call *call, json_t **result_r, struct fail *why);
int verb_reload(struct control_call *call, json_t **result_r, struct fail *why);
/* Rows of jobs. */
int verb_queue_list(struct control_call *call, json_t **result_r, struct fail *why);
int verb_queue_flush(struct control_call *call, json_t **result_r, struct fail *why);
/* {"domain"} or {} -> rows of keys, with the records to publish and how DNS agrees. */
int verb_key_list(struct control_call *call, json_t **result_r, struct fail *why);
/* {"domain","selector","algorithm":"rsa"|"ed25519","bits"}; a new key, in use at once. */
int verb_key_make(struct control_call *call, json_t **result_r, struct fail *why);
/* {"domain","selector"} and PEM lines: an existing key. */
int verb_key_import(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list"} or {} -> rows of held posts. */
int verb_held_list(struct control_call *call, json_t **result_r, struct fail *why);
/* {"id"} -> the hold and the head of the message. */
int verb_held_show(struct control_call *call, json_t **result_r, struct fail *why);
/* {"id"}: it goes on its way, as a moderator's decision. */
int verb_held_accept(struct control_call *call, json_t **result_r, struct fail *why);
/* {"id"}, {"reason"} or not -> {"id", "list", "to", "told"}: dropped, and its author told where nothing speaks against it. */
int verb_held_reject(struct control_call *call, json_t **result_r, struct fail *why);
/* {"id"}: it is dropped. */
int verb_held_discard(struct control_call *call, json_t **result_r, struct fail *why);
/* {"mta":"postfix"|"exim"|"sendmail"} -> {"text"}: the lines and maps that send the lists' mail to listd. */
int verb_mta(struct control_call *call, json_t **result_r, struct fail *why);
/* {"list","ip","helo","mail_from","submission","smtputf8","for"} and the message in base64 lines -> {"explanation"} or {"message"} in base64. */
int verb_explain(struct control_call *call, json_t **result_r, struct fail *why);

/* Make a signing key (selector "listd1") for a list's domain where listd signs and has none; *key_r, untouched when there is one, tells what to publish. */
int verbs_key_ensure(struct control_call *call, const char *domain, json_t **key_r, struct fail *why);

/* {"name"} or {} -> rows of the site's settings in force. */
int verb_settings(struct control_call *call, json_t **result_r, struct fail *why);

/* The rows of all of them. */
#define VERBS_SITE_ROWS \
	{ "status", "what runs, what waits, what is wrong", false, verb_status }, \
	{ "settings", "the site's settings in force", false, verb_settings }, \
	{ "reload", "read settings, keys and receivers again", true, verb_reload }, \
	{ "queue list", "posts that are being sent", false, verb_queue_list }, \
	{ "queue flush", "try all of them now", true, verb_queue_flush }, \
	{ "key list", "signing keys, their records, and whether DNS has them", false, verb_key_list }, \
	{ "key make", "make a signing key", true, verb_key_make }, \
	{ "key import", "take over a signing key", true, verb_key_import }, \
	{ "held list", "posts that wait for a moderator", false, verb_held_list }, \
	{ "held show", "one of them", false, verb_held_show }, \
	{ "held accept", "let one go to the list", true, verb_held_accept }, \
	{ "held reject", "drop one, and tell its author", true, verb_held_reject }, \
	{ "held discard", "drop one", true, verb_held_discard }, \
	{ "mta", "configuration for the mail server beside listd", false, verb_mta }, \
	{ "explain", "the way of a message, or a subscriber's copy", false, verb_explain }

#endif
