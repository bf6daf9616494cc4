/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_bounces.h"
#include "listd/control/verbs_site.h"

#include "listd/json_text.h"
#include "listd/workers.h"

#include <string.h>
#include <unistd.h>

static json_t *key_warnings(struct daemon *daemon)
{
	struct site *site = daemon_hold_site(daemon);
	json_t *warnings = json_array();

	for (size_t i = 0; site->settings->sign && i < site->keyring.count; i++) {
		const struct key *key = &site->keyring.items[i];
		enum key_published published = key_check_dns(key, daemon->dns);

		if (published != KEY_PUBLISHED)
			json_array_append_new(warnings, json_sprintf("key %s of %s: %s; see listctl key list", key->selector, key->domain,
				published == KEY_DIFFERS ? "DNS shows another key than the one in use, so receivers will not accept our signatures" :
				published == KEY_MISSING ? "is not published in DNS" : "DNS does not answer, so it is not known whether it is published"));
	}
	daemon_release_site(site);
	return warnings;
}

int verb_status(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct daemon *daemon = call->daemon;
	struct delivery_status delivery;
	struct lmtp_status lmtp = { 0 };
	struct store_list *lists;
	uint64_t members = 0;
	json_t *warnings;
	size_t list_count;

	if (store_list_all(daemon->store, call->arena, &lists, &list_count, why) != 0)
		return -1;
	for (size_t i = 0; i < list_count; i++)
		members += lists[i].member_count;
	delivery_status(daemon->delivery, call->arena, &delivery);
	if (daemon->lmtp != NULL)
		lmtp_status(daemon->lmtp, &lmtp);
	warnings = key_warnings(daemon);
	if (verbs_bounces_alarms(call, warnings, why) != 0) {
		json_decref(warnings);
		return -1;
	}
	*result_r = json_pack("{s:s, s:i, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I, s:I, s:I, s:b, s:o}, s:o}",
		"version", PACKAGE_VERSION, "pid", (int)getpid(), "up_secs", (json_int_t)(clock_now(NULL) - daemon->started_secs), "lists", (json_int_t)list_count,
		"members", (json_int_t)members,
		"intake", "sessions", (json_int_t)lmtp.sessions, "accepted", (json_int_t)lmtp.messages, "refused", (json_int_t)lmtp.refused,
		"delivery", "working_on", (json_int_t)workers_pending(daemon->workers), "queued_posts", (json_int_t)delivery.job_count, "delivered", (json_int_t)delivery.delivered,
		"refused", (json_int_t)delivery.refused, "deferred", (json_int_t)delivery.deferred, "relay_away", delivery.relay_away, "relay_reply", json_optional(delivery.relay_reply),
		"warnings", warnings);
	return 0;
}

int verb_reload(struct control_call *call, json_t **result_r, struct fail *why)
{
	(void)result_r;
	return daemon_reload(call->daemon, why);
}

int verb_queue_list(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct delivery_status status;

	(void)why;
	(void)result_r;
	delivery_status(call->daemon->delivery, call->arena, &status);
	for (size_t i = 0; i < status.job_count; i++) {
		const struct delivery_job_status *job = &status.jobs[i];

		control_row(call, json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:i, s:o}", "id", job->id, "list", json_optional(job->list), "recipients", (json_int_t)job->rcpts,
			"todo", (json_int_t)job->todo, "since", (json_int_t)job->created_secs, "next", (json_int_t)job->next_secs, "tries", (int)job->tries,
			"last_reply", json_optional(job->last_reply)));
	}
	return 0;
}

int verb_queue_flush(struct control_call *call, json_t **result_r, struct fail *why)
{
	(void)result_r;
	(void)why;
	delivery_flush(call->daemon->delivery);
	return 0;
}

int verb_settings(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *name = json_string_value(json_object_get(call->args, "name"));
	struct site *site = daemon_hold_site(call->daemon);
	size_t count = 0;

	(void)result_r;
	for (size_t i = 0; i < site_setting_count; i++) {
		const struct setting *row = &site_setting_rows[i];
		struct buf value;

		if (name != NULL && strcmp(name, row->name) != 0)
			continue;
		count++;
		buf_init(&value, (size_t)2 << 20);
		setting_value(row, site->settings, &value);
		control_row(call, json_pack("{s:s, s:o, s:s}", "name", row->name, "value", json_text(buf_span(&value)), "group", row->group));
		buf_done(&value);
	}
	daemon_release_site(site);
	return count > 0 ? 0 : fail_permanent(why, "%s: no such setting; listctl settings shows those there are", name);
}
