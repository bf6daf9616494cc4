/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_milter.h"

#include "listd/json_text.h"
#include "listd/post/daemon_world.h"
#include "listd/post/identity.h"
#include "listd/post/rate.h"
#include "listd/post/rcpt.h"

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>

/* A file of settings at its longest. */
#define SETTINGS_TEXT_MAX_BYTES ((size_t)1 << 20)

const struct control_verb milter_verbs[] = {
	{ "milter hello", "the key of the milter's fields, and the addresses of all lists", false, verb_milter_hello },
	{ "milter rcpt", "what is known of a recipient from the envelope", false, verb_milter_rcpt },
	{ "milter member", "is somebody a member?", false, verb_milter_member },
	{ "milter alias", "whose alias is it?", false, verb_milter_alias },
	{ "milter author", "may an author send one more post?", false, verb_milter_author },
};
const size_t milter_verb_count = sizeof(milter_verbs) / sizeof(milter_verbs[0]);

static const char *text_arg(const struct control_call *call, const char *name)
{
	return json_string_value(json_object_get(call->args, name));
}

static int need(const struct control_call *call, const char *name, const char **value_r, struct fail *why)
{
	*value_r = text_arg(call, name);
	return *value_r != NULL ? 0 : fail_permanent(why, "%s is missing", name);
}

/* --- hello --- */

/* A name for a set of addresses. */
static void version_of(struct control_call *call, const struct store_list *lists, size_t count, char version_r[SPOOL_ID_CHARS + 1])
{
	struct buf all;

	buf_init(&all, SIZE_MAX);
	for (size_t i = 0; i < count; i++)
		buf_printf(&all, "%s\n", lists[i].address);
	secret_code(&call->daemon->field_key, buf_span(&all), SPOOL_ID_CHARS, version_r);
	buf_done(&all);
}

int verb_milter_hello(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *known = text_arg(call, "version");
	char key[(SECRET_KEY_BYTES * 8 + 4) / 5 + 1], version[SPOOL_ID_CHARS + 1];
	struct store_list *lists;
	json_t *addresses;
	size_t count;

	if (store_list_all(call->daemon->store, call->arena, &lists, &count, why) != 0)
		return -1;
	version_of(call, lists, count, version);
	secret_base32(call->daemon->field_key.key, SECRET_KEY_BYTES, key);
	*result_r = json_pack("{s:s,s:s}", "key", key, "version", version);
	if (known != NULL && strcmp(known, version) == 0)
		return 0;
	addresses = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(addresses, json_text(span_of(lists[i].address)));
	json_object_set_new(*result_r, "addresses", addresses);
	return 0;
}

/* --- counts --- */

static bool allow(const struct control_call *call, const char *what, const char *who, long long max)
{
	return max == 0 || rate_allow(call->daemon->rates, arena_printf(call->arena, "%s %s", what, who), max > UINT_MAX ? UINT_MAX : (unsigned)max,
		clock_now(&call->daemon->clock));
}

/* Whoever has one IPv6 address has a /64 of them. */
static const char *network_of(struct arena *a, const char *ip)
{
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN];

	if (strchr(ip, ':') == NULL || inet_pton(AF_INET6, ip, bytes) != 1)
		return ip;
	memset(bytes + 8, 0, 8);
	return arena_printf(a, "%s/64", inet_ntop(AF_INET6, bytes, text, sizeof(text)));
}

/* An envelope sender is counted for each network that uses it, since nothing shows yet whose it is: else a stranger could use up another's hour. */
static bool allow_sender(const struct control_call *call, const struct envelope *e, const char *client, long long max)
{
	return e->mail_from == NULL || *e->mail_from == '\0' || allow(call, "sender", client == NULL ? e->mail_from : arena_printf(call->arena, "%s %s", client, e->mail_from), max);
}

/* Reports are no posts: their number is that of the receivers who refuse. */
static int count_message(const struct control_call *call, const struct envelope *e, enum purpose purpose, struct fail *why)
{
	struct site *site = daemon_hold_site(call->daemon);
	const char *client = e->client_ip == NULL ? NULL : network_of(call->arena, e->client_ip), *fast = NULL;
	bool counts = purpose != PURPOSE_BOUNCES && json_is_true(json_object_get(call->args, "first"));

	if (counts && client != NULL && !e->is_submission && e->auth_user == NULL && !allow(call, "client", client, site->settings->client_per_hour))
		fast = client;
	else if (counts && !allow_sender(call, e, client, site->settings->author_per_hour))
		fast = e->mail_from;
	daemon_release_site(site);
	return fast == NULL ? 0 : reply_fail(why, REPLY_RATE, fast);
}

/* --- recipients --- */

static json_t *refusal(const struct fail *why)
{
	return json_pack("{s:i,s:s,s:o}", "code", why->code, "enhanced", why->enhanced, "text", json_text(span_of(why->text)));
}

static json_t *describe(const struct rcpt *rcpt)
{
	struct buf text;
	json_t *json;

	buf_init(&text, SETTINGS_TEXT_MAX_BYTES);
	list_settings_dump(rcpt->list, false, &text);
	json = json_pack("{s:o,s:o,s:s,s:o}", "list", json_text(span_of(rcpt->list->address)), "settings", json_text(buf_span(&text)), "purpose", purpose_name(rcpt->purpose),
		"suffix", json_text(span_of(rcpt->suffix)));
	buf_done(&text);
	return json;
}

int verb_milter_rcpt(struct control_call *call, json_t **result_r, struct fail *why)
{
	const struct envelope envelope = {
		.mail_from = text_arg(call, "from"), .client_ip = text_arg(call, "ip"), .helo = text_arg(call, "helo"), .auth_user = text_arg(call, "login"),
		.is_submission = json_is_true(json_object_get(call->args, "submission")),
	};
	const char *address;
	struct fail refused;
	struct rcpt rcpt;
	int found;

	if (need(call, "rcpt", &address, why) != 0)
		return -1;
	found = rcpt_judge(call->daemon, call->arena, &envelope, address, &rcpt, &refused);
	if (found == 0) {
		*result_r = json_pack("{s:b}", "none", 1);
	} else if (found < 0) {
		*result_r = refusal(&refused);
	} else {
		*result_r = count_message(call, &envelope, rcpt.purpose, &refused) == 0 ? describe(&rcpt) : refusal(&refused);
		list_settings_free(rcpt.list);
	}
	return 0;
}

/* --- the message --- */

int verb_milter_member(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list, *key;
	struct member member;
	int found;

	if (need(call, "list", &list, why) != 0 || need(call, "key", &key, why) != 0)
		return -1;
	found = store_member_get(call->daemon->store, call->arena, list, key, &member, why);
	if (found == 1)
		*result_r = json_pack("{s:I}", "flags", (json_int_t)member.flags);
	return found < 0 ? -1 : 0;
}

int verb_milter_alias(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *address, *local, *author;
	struct list_settings *list;
	struct world world;
	struct site *site;
	int found;

	if (need(call, "list", &address, why) != 0 || need(call, "local", &local, why) != 0)
		return -1;
	found = daemon_list(call->daemon, address, &list, why);
	if (found <= 0)
		return found;
	site = daemon_hold_site(call->daemon);
	daemon_world(call->daemon, site, &world);
	found = identity_read_alias(call->arena, &world, list, span_of(local), &author, why);
	if (found == 1)
		*result_r = json_pack("{s:o}", "author", json_text(span_of(author)));
	daemon_release_site(site);
	list_settings_free(list);
	return found < 0 ? -1 : 0;
}

/* Those in his name that nothing shows to be his have a count of their own: strangers do not use up his. */
int verb_milter_author(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *author;
	struct site *site;

	if (need(call, "author", &author, why) != 0)
		return -1;
	site = daemon_hold_site(call->daemon);
	*result_r = json_pack("{s:b}", "allowed", allow(call, json_is_true(json_object_get(call->args, "shown")) ? "shown author" : "author", author,
		site->settings->author_per_hour));
	daemon_release_site(site);
	return 0;
}
