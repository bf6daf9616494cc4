/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_bounces.h"
#include "listd/control/verbs_list.h"
#include "listd/control/verbs_member.h"

#include "listd/event.h"
#include "listd/json_text.h"
#include "mail/address.h"
#include "mail/glob.h"
#include "mail/idna.h"

#include <string.h>

/* A name for people; longer ones are an attempt at something else. */
#define NAME_MAX_BYTES 200

static const struct { const char *name; unsigned flag; } flags[] = {
	{ "skip-addressed", MEMBER_SKIP_ADDRESSED }, { "moderated", MEMBER_MODERATED }, { "not-own-posts", MEMBER_NOT_OWN_POSTS }, { "digest", MEMBER_DIGEST },
};

static json_t *flags_json(unsigned set)
{
	json_t *names = json_array();

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if ((set & flags[i].flag) != 0)
			json_array_append_new(names, json_string(flags[i].name));
	return names;
}

static json_t *member_json(const struct member *m)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:I, s:o, s:o}", "address", json_optional(m->address), "name", json_optional(m->name), "delivery",
		member_delivery_name(m->delivery), "since", m->off_since_secs == 0 ? json_null() : json_integer(m->off_since_secs), "joined", (json_int_t)m->joined_secs,
		"reason", json_optional(m->reason), "flags", flags_json(m->flags));
}

int verb_members_remove(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why), *line;
	const char **keys = NULL;
	size_t count = 0, cap = 0, removed = 0;
	struct address address;

	while ((line = control_line(call)) != NULL) {
		const char **slot;

		if (address_parse(call->arena, span_trim(span_of(line)), &address, why) != 0)
			return fail_prefix(why, "%.100s", line);
		slot = arena_grow(call->arena, &keys, &cap, count, sizeof(*keys));
		*slot = address_key(call->arena, &address);
		count++;
	}
	if (list == NULL || control_need_complete(call, why) != 0 || store_members_remove(call->daemon->store, list, keys, count, &removed, why) != 0)
		return -1;
	event_log(EVENT_MEMBER_CHANGED, "list", list, "what", "removed", "count", event_number((long long)removed), NULL);
	*result_r = json_pack("{s:s, s:I, s:I}", "list", list, "removed", (json_int_t)removed, "absent", (json_int_t)(count - removed));
	return 0;
}

struct listing { struct control_call *call; const char *delivery, *match; };

static int send_member(void *context, const struct member *member)
{
	const struct listing *listing = context;
	const char *off_or_on = member->delivery == MEMBER_DELIVERY_ON ? "on" : "off";

	if (listing->delivery != NULL && strcmp(listing->delivery, off_or_on) != 0 && strcmp(listing->delivery, member_delivery_name(member->delivery)) != 0)
		return 0;
	if (listing->match == NULL || glob_match(span_of(listing->match), span_of(member->key)))
		control_row(listing->call, member_json(member));
	return 0;
}

static bool is_delivery(const char *text)
{
	bool found = strcmp(text, "on") == 0 || strcmp(text, "off") == 0;

	for (int i = MEMBER_DELIVERY_ON; i <= MEMBER_DELIVERY_OFF_BY_BOUNCES; i++)
		found = found || strcmp(text, member_delivery_name((enum member_delivery)i)) == 0;
	return found;
}

int verb_members_list(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct listing listing = { call, json_string_value(json_object_get(call->args, "delivery")), json_string_value(json_object_get(call->args, "match")) };
	const char *list = verbs_list_name(call, "list", why);

	(void)result_r;
	if (listing.delivery != NULL && !is_delivery(listing.delivery))
		return fail_permanent(why, "--delivery: expected on, off, off-by-member, off-by-admin or off-by-bounces, not \"%.80s\"", listing.delivery);
	return list == NULL ? -1 : store_members_each(call->daemon->store, list, send_member, &listing, why);
}

static const char *key_arg(struct control_call *call, struct fail *why)
{
	const char *text = json_string_value(json_object_get(call->args, "address"));
	struct address address;

	if (text == NULL || address_parse(call->arena, span_of(text), &address, why) != 0) {
		fail_permanent(why, "not an address: %s", text == NULL ? "(none)" : text);
		return NULL;
	}
	return address_key(call->arena, &address);
}

int verb_member_show(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *key = key_arg(call, why);
	const char **lists;
	size_t count;

	(void)result_r;
	if (key == NULL || store_member_lists(call->daemon->store, call->arena, key, &lists, &count, why) != 0)
		return -1;
	if (count == 0)
		return fail_permanent(why, "%s is on no list", key);
	for (size_t i = 0; i < count; i++) {
		struct member member;
		json_t *row;

		if (store_member_get(call->daemon->store, call->arena, lists[i], key, &member, why) != 1)
			continue;
		row = member_json(&member);
		json_object_set_new(row, "list", json_string(lists[i]));
		if (verbs_bounces_of(call, lists[i], key, row, why) != 0) {
			json_decref(row);
			return -1;
		}
		control_row(call, row);
	}
	return 0;
}

static int set_delivery(struct member *member, const char *value, int64_t now, struct fail *why)
{
	int wanted = strcmp(value, "off") == 0 ? MEMBER_DELIVERY_OFF_BY_ADMIN : MEMBER_DELIVERY_ON;

	while (strcmp(value, "off") != 0 && wanted <= MEMBER_DELIVERY_OFF_BY_BOUNCES && strcmp(value, member_delivery_name((enum member_delivery)wanted)) != 0)
		wanted++;
	if (wanted > MEMBER_DELIVERY_OFF_BY_BOUNCES)
		return fail_permanent(why, "delivery: expected on, off, off-by-member, off-by-admin or off-by-bounces, not \"%.80s\"", value);
	if (wanted == MEMBER_DELIVERY_ON) {
		member->off_since_secs = 0;
		member->reason = "";
	} else if ((int)member->delivery != wanted) {
		member->off_since_secs = now;
		member->reason = wanted == MEMBER_DELIVERY_OFF_BY_ADMIN ? "switched off by an administrator" : "";
	}
	member->delivery = (enum member_delivery)wanted;
	return 0;
}

bool verbs_member_is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f)
			return false;
	return name.len <= NAME_MAX_BYTES && utf8_is_valid(name);
}

static int set_flag(struct member *member, const char *name, const char *value, struct fail *why)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(name, flags[i].name) != 0)
			continue;
		if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
			return fail_permanent(why, "%s: expected yes or no", name);
		member->flags = strcmp(value, "yes") == 0 ? member->flags | flags[i].flag : member->flags & ~flags[i].flag;
		return 0;
	}
	return fail_permanent(why, "unknown: %s; expected delivery, name, reason, skip-addressed, not-own-posts, moderated or digest", name);
}

int verbs_member_change(struct member *member, const char *name, const char *value, int64_t now, struct fail *why)
{
	if (strcmp(name, "delivery") == 0)
		return set_delivery(member, value, now, why);
	if (strcmp(name, "name") == 0) {
		member->name = value;
		return verbs_member_is_name(span_of(value)) ? 0 : fail_permanent(why, "the name is longer than %d octets, not UTF-8, or holds control characters", NAME_MAX_BYTES);
	}
	if (strcmp(name, "reason") == 0) {
		member->reason = value;
		return verbs_member_is_name(span_of(value)) ? 0 : fail_permanent(why, "reason: longer than %d octets, not UTF-8, or with control characters", NAME_MAX_BYTES);
	}
	return set_flag(member, name, value, why);
}

/* "settings" {"name":"value"}, or one "name" and "value". */
static int change_all(struct control_call *call, struct member *member, struct fail *why)
{
	json_t *wanted = json_object(), *value;
	const char *name = json_string_value(json_object_get(call->args, "name"));
	int64_t now = clock_now(&call->daemon->clock);
	int result;

	json_object_update(wanted, json_object_get(call->args, "settings"));
	if (name != NULL)
		json_object_set(wanted, name, json_object_get(call->args, "value"));
	result = json_object_size(wanted) == 0 ? fail_permanent(why, "expected what to set, and its value") : 0;
	json_object_foreach(wanted, name, value) {
		const char *text = json_string_value(value);

		if (result == 0)
			result = text == NULL ? fail_permanent(why, "%s: expected a text", name) : verbs_member_change(member, name, arena_text(call->arena, span_of(text)), now, why);
	}
	json_decref(wanted);
	return result;
}

int verb_member_set(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why), *key = list == NULL ? NULL : key_arg(call, why);
	enum member_delivery was;
	struct member member;
	int found;

	if (key == NULL)
		return -1;
	found = store_member_get(call->daemon->store, call->arena, list, key, &member, why);
	if (found <= 0)
		return found < 0 ? -1 : fail_permanent(why, "%s is not on %s", key, list);
	was = member.delivery;
	if (change_all(call, &member, why) != 0 || store_member_put(call->daemon->store, list, &member, why) != 0)
		return -1;
	/* whoever is to get posts again begins with a clean sheet */
	if (member.delivery == MEMBER_DELIVERY_ON && was != MEMBER_DELIVERY_ON && store_tally_remove(call->daemon->store, list, key, why) != 0)
		return -1;
	event_log(EVENT_MEMBER_CHANGED, "list", list, "what", "options", "count", "1", NULL);
	*result_r = member_json(&member);
	return 0;
}
