/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_list.h"
#include "listd/control/verbs_member.h"

#include "listd/event.h"
#include "listd/json_text.h"
#include "mail/address.h"
#include "mail/idna.h"

#include <string.h>

#define BATCH_COUNT 5000 /* of members in memory at once while they come in */
#define BAD_SHOWN_MAX 100

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
	return json_pack("{s:o, s:o, s:s, s:o, s:I, s:o, s:o}", "address", json_optional(m->address), "name", json_optional(m->name), "delivery", member_delivery_name(m->delivery),
		"since", m->off_since_secs == 0 ? json_null() : json_integer(m->off_since_secs), "joined", (json_int_t)m->joined_secs, "reason", json_optional(m->reason), "flags", flags_json(m->flags));
}

/* Members that came in, until they are stored together. */
struct batch {
	struct control_call *call;
	const char *list;
	struct arena *arena;
	struct member *members;
	size_t count, lines, added, stored, bad_count;
	unsigned flags;
	json_t *bad;
};

static int store_batch(struct batch *b, struct fail *why)
{
	size_t added = 0;

	if (b->count > 0 && store_members_add(b->call->daemon->store, b->list, b->members, b->count, &added, NULL, NULL, why) != 0)
		return -1;
	b->added += added;
	b->stored += b->count;
	b->count = 0;
	arena_reset(b->arena);
	b->members = arena_array(b->arena, BATCH_COUNT, sizeof(*b->members));
	control_progress(b->call, b->stored, 0);
	return 0;
}

static void note_bad(struct batch *b, const char *line, const char *reason)
{
	if (b->bad_count++ < BAD_SHOWN_MAX)
		json_array_append_new(b->bad, json_pack("{s:I, s:o, s:s}", "line", (json_int_t)b->lines, "text", json_optional(line), "reason", reason));
}

/* "ann@example.com" or "Ann Author <ann@example.com>". */
static bool read_member(struct batch *b, const char *line, struct member *member_r, struct fail *why)
{
	struct span text = span_trim(span_of(line)), name = { "", 0 };
	size_t open = span_find_byte(text, '<');
	struct address address;

	if (open < text.len && text.ptr[text.len - 1] == '>') {
		name = span_trim(span_sub(text, 0, open));
		if (name.len >= 2 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"')
			name = span_sub(name, 1, name.len - 2);
		text = span_sub(text, open + 1, text.len - open - 2);
	}
	if (!utf8_is_valid(name) || address_parse(b->arena, text, &address, why) != 0)
		return utf8_is_valid(name) ? false : (fail_permanent(why, "the name is not UTF-8"), false);
	*member_r = (struct member){ .key = address_key(b->arena, &address), .address = arena_text(b->arena, text), .name = arena_text(b->arena, name), .flags = b->flags,
		.joined_secs = clock_now(&b->call->daemon->clock), .reason = "" };
	return true;
}

static int add_line(struct batch *b, const char *line, struct fail *why)
{
	struct fail bad;

	b->lines++;
	if (span_trim(span_of(line)).len == 0 || line[0] == '#')
		return 0;
	if (read_member(b, line, &b->members[b->count], &bad))
		b->count++;
	else
		note_bad(b, line, bad.text);
	return b->count == BATCH_COUNT ? store_batch(b, why) : 0;
}

int verb_members_add(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct batch b = { .call = call, .list = verbs_list_name(call, "list", why) };
	struct list_settings *list = NULL;
	const char *line;
	int result = b.list == NULL ? -1 : daemon_list(call->daemon, b.list, &list, why);

	if (result == 0)
		result = fail_permanent(why, "no list %s: see listctl lists", b.list);
	b.arena = arena_new(ARENA_SCRATCH_MAX_BYTES);
	b.members = arena_array(b.arena, BATCH_COUNT, sizeof(*b.members));
	b.bad = json_array();
	b.flags = list != NULL && list->skip_addressed ? MEMBER_SKIP_ADDRESSED : 0;
	if (list != NULL)
		list_settings_free(list);
	if (result > 0)
		result = 0;
	while ((line = control_line(call)) != NULL)
		if (result == 0)
			result = add_line(&b, line, why);
	if (result == 0)
		result = store_batch(&b, why);
	arena_free(b.arena);
	if (result != 0) {
		json_decref(b.bad);
		return -1;
	}
	event_log(EVENT_MEMBER_CHANGED, "list", b.list, "what", "added", "count", event_number((long long)b.added), NULL);
	*result_r = json_pack("{s:I, s:I, s:I, s:o}", "added", (json_int_t)b.added, "existing", (json_int_t)(b.stored - b.added), "bad_count", (json_int_t)b.bad_count, "bad", b.bad);
	return 0;
}

int verb_members_remove(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why), *line;
	const char **keys = NULL;
	size_t count = 0, cap = 0, removed = 0;
	struct address address;

	while ((line = control_line(call)) != NULL) {
		const char **slot;

		if (address_parse(call->arena, span_trim(span_of(line)), &address, NULL) != 0)
			continue;
		slot = arena_grow(call->arena, &keys, &cap, count, sizeof(*keys));
		*slot = address_key(call->arena, &address);
		count++;
	}
	if (list == NULL || store_members_remove(call->daemon->store, list, keys, count, &removed, why) != 0)
		return -1;
	event_log(EVENT_MEMBER_CHANGED, "list", list, "what", "removed", "count", event_number((long long)removed), NULL);
	*result_r = json_pack("{s:I}", "removed", (json_int_t)removed);
	return 0;
}

static int send_member(void *context, const struct member *member)
{
	control_row(context, member_json(member));
	return 0;
}

int verb_members_list(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why);
	struct store_list row;
	int found;

	(void)result_r;
	if (list == NULL)
		return -1;
	found = store_list_get(call->daemon->store, call->arena, list, &row, why);
	if (found <= 0)
		return found < 0 ? -1 : fail_permanent(why, "no list %s: see listctl lists", list);
	return store_members_each(call->daemon->store, list, send_member, call, why);
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
		control_row(call, row);
	}
	return 0;
}

static int set_delivery(struct member *member, const char *value, int64_t now, struct fail *why)
{
	if (strcmp(value, "on") == 0) {
		member->delivery = MEMBER_DELIVERY_ON;
		member->off_since_secs = 0;
		member->reason = "";
	} else if (strcmp(value, "off") == 0) {
		member->delivery = MEMBER_DELIVERY_OFF_BY_ADMIN;
		member->off_since_secs = now;
		member->reason = "switched off by an administrator";
	} else {
		return fail_permanent(why, "delivery: expected on or off");
	}
	return 0;
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
	return fail_permanent(why, "unknown: %s; expected delivery, name, skip-addressed, not-own-posts, moderated or digest", name);
}

static int change(struct member *member, const char *name, const char *value, int64_t now, struct fail *why)
{
	if (strcmp(name, "delivery") == 0)
		return set_delivery(member, value, now, why);
	if (strcmp(name, "name") == 0) {
		member->name = value;
		return utf8_is_valid(span_of(value)) ? 0 : fail_permanent(why, "the name is not UTF-8");
	}
	return set_flag(member, name, value, why);
}

int verb_member_set(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why), *key = list == NULL ? NULL : key_arg(call, why);
	const char *name = json_string_value(json_object_get(call->args, "name")), *value = json_string_value(json_object_get(call->args, "value"));
	struct member member;
	int found;

	if (key == NULL)
		return -1;
	if (name == NULL || value == NULL)
		return fail_permanent(why, "expected what to set, and its value");
	found = store_member_get(call->daemon->store, call->arena, list, key, &member, why);
	if (found <= 0)
		return found < 0 ? -1 : fail_permanent(why, "%s is not on %s", key, list);
	if (change(&member, name, value, clock_now(&call->daemon->clock), why) != 0 || store_member_put(call->daemon->store, list, &member, why) != 0)
		return -1;
	event_log(EVENT_MEMBER_CHANGED, "list", list, "what", name, "count", "1", NULL);
	*result_r = member_json(&member);
	return 0;
}
