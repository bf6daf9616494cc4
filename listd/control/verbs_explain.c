/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_list.h"
#include "listd/control/verbs_site.h"

#include "listd/json_text.h"
#include "listd/post/daemon_world.h"
#include "listd/post/explain_call.h"
#include "mail/transfer.h"

#include <string.h>

#define EXPLAIN_MAX_BYTES ((size_t)64 << 20)

static const char *text_arg(const struct control_call *call, const char *name)
{
	return json_string_value(json_object_get(call->args, name));
}

static int read_message(struct control_call *call, struct span *bytes_r, struct fail *why)
{
	struct buf text;
	const char *line;

	buf_init(&text, EXPLAIN_MAX_BYTES * 3 / 2);
	while ((line = control_line(call)) != NULL)
		buf_put_text(&text, line);
	*bytes_r = transfer_base64_decode(call->arena, buf_span(&text), true);
	if (buf_overflowed(&text) || (bytes_r->ptr == NULL && text.len > 0)) {
		buf_done(&text);
		return fail_permanent(why, "the message did not arrive whole, or is larger than %zu bytes", EXPLAIN_MAX_BYTES);
	}
	buf_done(&text);
	return 0;
}

static int find_list(void *context, const char *address, struct list_settings **list_r, struct fail *why)
{
	return daemon_list(context, address, list_r, why);
}

int verb_explain(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct explain_request request = {
		.rcpt = text_arg(call, "list"), .for_address = text_arg(call, "for"),
		.session = { .client_ip = text_arg(call, "ip"), .helo = text_arg(call, "helo"), .mail_from = text_arg(call, "mail_from"),
			.is_submission = json_is_true(json_object_get(call->args, "submission")), .smtputf8 = json_is_true(json_object_get(call->args, "smtputf8")) },
	};
	struct rendering rendering = { 0 };
	json_t *explanation = NULL;
	struct world world;
	struct site *site;
	int result;

	if (read_message(call, &request.bytes, why) != 0 || control_need_complete(call, why) != 0)
		return -1;
	if (request.rcpt == NULL || strchr(request.rcpt, '@') == NULL)
		request.rcpt = verbs_list_name(call, "list", why);
	if (request.rcpt == NULL)
		return -1;
	site = daemon_hold_site(call->daemon);
	daemon_world(call->daemon, site, &world);
	world.is_duplicate = NULL;
	/* what is asked for goes before what a field of the milter tells */
	if (request.session.client_ip != NULL || request.session.mail_from != NULL || request.session.is_submission)
		world.field_key = NULL;
	result = explain_call(call->arena, &world, &request, find_list, call->daemon, &explanation, &rendering, why);
	if (result == 0 && explanation != NULL)
		*result_r = json_pack("{s:o}", "explanation", explanation);
	else if (result == 0)
		*result_r = json_pack("{s:o}", "message", json_text(transfer_base64_line(call->arena, rendering_bytes(call->arena, &rendering))));
	daemon_release_site(site);
	return result;
}
