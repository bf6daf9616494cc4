/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/explain_call.h"
#include "listd/post/route.h"

#include "mail/secret.h"

const char *explain_id(struct arena *a, struct span bytes)
{
	static const struct secret fixed;
	char code[SPOOL_ID_CHARS + 1];

	secret_code(&fixed, bytes, SPOOL_ID_CHARS, code);
	return arena_text(a, span_of(code));
}

static int run(struct post *post, const struct explain_request *request, json_t **explanation_r, struct rendering *rendering_r, struct fail *why)
{
	if (request->for_address == NULL)
		return explain_run(post, explanation_r, why);
	if (route_run(post, false, NULL, NULL, why) != 0)
		return -1;
	return explain_render(post, request->for_address, rendering_r, why);
}

int explain_call(struct arena *a, const struct world *world, const struct explain_request *request,
	int (*find)(void *context, const char *address, struct list_settings **list_r, struct fail *why), void *find_context,
	json_t **explanation_r, struct rendering *rendering_r, struct fail *why)
{
	struct envelope *envelope = arena_alloc(a, sizeof(*envelope));
	struct post *post = arena_alloc(a, sizeof(*post));
	const char **rcpts = arena_array(a, 1, sizeof(*rcpts));
	struct list_settings *list = NULL;
	enum purpose purpose;
	const char *suffix;
	int result = post_find_list(a, request->rcpt, find, find_context, &list, &suffix, &purpose, why);

	if (result <= 0)
		return result < 0 ? -1 : fail_permanent(why, "no list %s: see listctl lists", request->rcpt);
	rcpts[0] = request->rcpt;
	*envelope = (struct envelope){
		.id = explain_id(a, request->bytes), .received_secs = clock_now(world->clock), .mail_from = request->session.mail_from, .rcpts = rcpts, .rcpt_count = 1,
		.client_ip = request->session.client_ip, .helo = request->session.helo, .auth_user = request->session.auth_user, .is_submission = request->session.is_submission,
		.smtputf8 = request->session.smtputf8,
	};
	result = post_begin(post, a, world, envelope, request->rcpt, list, request->bytes, why);
	if (result == 0) {
		post->purpose = purpose;
		post->suffix = suffix;
		result = run(post, request, explanation_r, rendering_r, why);
	}
	list_settings_free(list);
	return result;
}
