/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about what is known of receivers, and the site's allowlist; rows of control_verbs. */
#ifndef LISTD_VERBS_RECEIVERS_H
#define LISTD_VERBS_RECEIVERS_H

#include "listd/control/control.h"

/* {} -> rows {"kind":"receiver","name","enforces","trusts_arc","allowlists_us","learns","source","experience","forms":[...]}: as they are taken now, and
 * {"kind":"author","name","source","experience","forms":[...]}: domains that are forced or suspected. forms: {"what","state","refused_count","refused",
 * "sent_count","sent","reply"}. */
int verb_receivers(struct control_call *call, json_t **result_r, struct fail *why);
/* {"name"}: what was learnt of it. -> {"count"} */
int verb_receivers_forget(struct control_call *call, json_t **result_r, struct fail *why);
/* {} -> rows {"kind","name","since","note"} */
int verb_allowlist_list(struct control_call *call, json_t **result_r, struct fail *why);
/* {"kind":"receiver"|"sender","name","note"} -> {"kind","name"} */
int verb_allowlist_add(struct control_call *call, json_t **result_r, struct fail *why);
/* {"kind","name"} */
int verb_allowlist_remove(struct control_call *call, json_t **result_r, struct fail *why);
/* {"software","list","domain","address":[...]}, all optional -> {"text"}: what a receiver's postmaster needs to take this server's mail. */
int verb_allowlist_kit(struct control_call *call, json_t **result_r, struct fail *why);

/* The rows of all of them. */
#define VERBS_RECEIVERS_ROWS \
	{ "receivers", "what is known of receivers, and from where", false, verb_receivers }, \
	{ "receivers forget", "forget what was learnt of one", true, verb_receivers_forget }, \
	{ "allowlist list", "receivers that accept this server's copies, and exempt senders", false, verb_allowlist_list }, \
	{ "allowlist add", "add one", true, verb_allowlist_add }, \
	{ "allowlist remove", "remove one", true, verb_allowlist_remove }, \
	{ "allowlist kit", "what a receiver's postmaster needs to trust this server", false, verb_allowlist_kit }

#endif
