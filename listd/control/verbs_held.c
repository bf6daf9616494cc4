/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_site.h"

#include "listd/event.h"
#include "listd/json_text.h"
#include "listd/people/reject.h"
#include "listd/workers.h"
#include "mail/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *hold_json(const struct hold *hold)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:I}", "id", hold->id, "list", hold->list, "from", json_optional(hold->from), "subject", json_optional(hold->subject),
		"reason", json_optional(hold->reason), "since", (json_int_t)hold->since_secs, "bytes", (json_int_t)hold->bytes);
}

int verb_held_list(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct hold *holds;
	size_t count;

	(void)result_r;
	if (store_hold_all(call->daemon->store, call->arena, json_string_value(json_object_get(call->args, "list")), &holds, &count, why) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		control_row(call, hold_json(&holds[i]));
	return 0;
}

static int find(struct control_call *call, struct hold *hold_r, struct fail *why)
{
	const char *id = json_string_value(json_object_get(call->args, "id"));
	int found = id == NULL ? 0 : store_hold_get(call->daemon->store, call->arena, id, hold_r, why);

	if (found == 0)
		return fail_permanent(why, "no held post %s: see listctl held list", id == NULL ? "(no id)" : id);
	return found < 0 ? -1 : 0;
}

int verb_held_show(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct spooled spooled;
	struct message m;
	struct hold hold;

	if (find(call, &hold, why) != 0 || spool_read(call->daemon->spool, call->arena, SPOOL_HELD, hold.id, &spooled, why) != 0)
		return -1;
	*result_r = hold_json(&hold);
	json_object_set_new(*result_r, "envelope_from", json_optional(spooled.envelope.mail_from));
	if (message_parse(call->arena, spooled.message, &m, NULL) == 0)
		json_object_set_new(*result_r, "head", json_text(m.head));
	json_object_set_new(*result_r, "body", json_text(span_sub(spooled.message, message_parse(call->arena, spooled.message, &m, NULL) == 0 ? m.body_offset : 0, 4000)));
	spool_unread(&spooled);
	return 0;
}

/* The held file becomes a message of in/ again under a new id; a crash in between leaves it held or accepted, never neither. */
int verb_held_accept(struct control_call *call, json_t **result_r, struct fail *why)
{
	char new_id[SPOOL_ID_CHARS + 1], who[32];
	struct spooled spooled;
	const char *only = NULL;
	struct hold hold;

	if (find(call, &hold, why) != 0 || spool_read(call->daemon->spool, call->arena, SPOOL_HELD, hold.id, &spooled, why) != 0)
		return -1;
	for (size_t i = 0; i < spooled.envelope.rcpt_count; i++)
		if (only == NULL || (size_t)strtoul(strrchr(hold.id, '-') == NULL ? "0" : strrchr(hold.id, '-') + 1, NULL, 10) == i)
			only = spooled.envelope.rcpts[i];
	spool_unread(&spooled);
	spool_id(clock_now(&call->daemon->clock), new_id);
	snprintf(who, sizeof(who), "uid %u", call->peer_uid);
	if (spool_release(call->daemon->spool, hold.id, new_id, only, who, why) != 0)
		return -1;
	workers_push(call->daemon->workers, new_id); /* whatever becomes of the row */
	if (store_hold_remove(call->daemon->store, hold.id, NULL, why) != 0)
		return -1;
	daemon_count_holds(call->daemon);
	*result_r = json_pack("{s:s, s:s}", "id", new_id, "list", hold.list);
	return 0;
}

int verb_held_discard(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct hold hold;

	(void)result_r;
	if (find(call, &hold, why) != 0 || store_hold_remove(call->daemon->store, hold.id, NULL, why) != 0)
		return -1;
	daemon_count_holds(call->daemon);
	event_log(EVENT_DISCARDED, "id", hold.id, "list", hold.list, "reason", "by a moderator", NULL);
	return spool_remove(call->daemon->spool, SPOOL_HELD, hold.id, why);
}

int verb_held_reject(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct rejection rejection;
	struct hold hold;

	if (find(call, &hold, why) != 0 || reject_post(call->daemon, call->arena, &hold, json_string_value(json_object_get(call->args, "reason")), &rejection, why) != 0)
		return -1;
	*result_r = json_pack("{s:s, s:s, s:s?, s:o}", "id", hold.id, "list", hold.list, "to", rejection.to, "told", json_optional(rejection.told));
	return 0;
}
