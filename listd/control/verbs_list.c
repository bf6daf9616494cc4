/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_list.h"
#include "listd/control/verbs_site.h"

#include "archive/maildir.h"
#include "listd/event.h"
#include "listd/json_text.h"
#include "listd/post/post.h"

#include <string.h>

#define LIST_LOCAL_MAX_BYTES 40 /* leaves room for "-bounces+..." and "-author-..." within what MTAs take */
#define SETTINGS_MAX_BYTES ((size_t)1 << 20)

static const char *text_arg(const struct control_call *call, const char *name)
{
	return json_string_value(json_object_get(call->args, name));
}

const char *verbs_list_name(struct control_call *call, const char *arg, struct fail *why)
{
	const char *name = text_arg(call, arg);
	struct address address;

	if (name == NULL) {
		fail_permanent(why, "which list?");
		return NULL;
	}
	if (address_parse(call->arena, span_of(name), &address, why) != 0) {
		fail_prefix(why, "%s", name);
		return NULL;
	}
	return address_key(call->arena, &address);
}

static int no_such_list(struct fail *why, const char *list)
{
	return fail_permanent(why, "no list %s: see listctl lists", list);
}

/* A local part that a mail server passes unquoted, and that cannot be taken for a list with a suffix. */
static int check_new_name(struct control_call *call, const char *list, struct fail *why)
{
	struct span local = span_sub(span_of(list), 0, span_find_byte(span_of(list), '@'));
	const char *suffix;
	enum purpose purpose;

	if (local.len > LIST_LOCAL_MAX_BYTES)
		return fail_permanent(why, "%s: the part before the @ may have %d octets at most", list, LIST_LOCAL_MAX_BYTES);
	for (size_t i = 0; i < local.len; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", local.ptr[i]) == NULL)
			return fail_permanent(why, "%s: use letters, digits, \"-\", \"_\" and \".\" before the @", list);
	if (local.ptr[0] == '.' || local.ptr[0] == '-')
		return fail_permanent(why, "%s: begin with a letter or digit", list);
	if (post_is_suffixed(call->arena, list, &suffix, &purpose))
		return fail_permanent(why, "%s would be taken for the address \"%s\" of another list", list, suffix);
	return 0;
}

static int parse_and_check(const char *text, const char *list, struct fail *why)
{
	struct list_settings *settings;

	if (list_settings_parse(span_of(text), list, list, &settings, why) != 0)
		return -1;
	list_settings_free(settings);
	return 0;
}

static void note(const char *list, const char *what)
{
	event_log(EVENT_LIST_CHANGED, "list", list, "what", what, NULL);
}

int verb_list_create(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why), *owner = text_arg(call, "owner"), *text;
	struct address address;
	struct fail no_key;
	json_t *key = NULL;

	if (list == NULL || check_new_name(call, list, why) != 0)
		return -1;
	if (owner == NULL)
		return fail_permanent(why, "a list needs an owner, who gets mail to %.*s-owner: add --owner ADDRESS", (int)span_find_byte(span_of(list), '@'), list);
	if (address_parse(call->arena, span_of(owner), &address, why) != 0)
		return fail_prefix(why, "owner %s", owner);
	text = arena_printf(call->arena, "address = \"%s\"\nowners = { \"%.*s\" }\n", list, (int)address.spec.len, address.spec.ptr);
	if (parse_and_check(text, list, why) != 0 || store_list_create(call->daemon->store, list, text, clock_now(&call->daemon->clock), why) != 0)
		return -1;
	note(list, "created");
	*result_r = json_pack("{s:s}", "list", list);
	if (verbs_key_ensure(call, strchr(list, '@') + 1, &key, &no_key) != 0)
		json_object_set_new(*result_r, "warning", json_sprintf("no signing key could be made: %s", no_key.text));
	if (key != NULL)
		json_object_set_new(*result_r, "key", key);
	return 0;
}

int verb_list_delete(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why);

	(void)result_r;
	if (list == NULL || store_list_delete(call->daemon->store, list, why) != 0)
		return -1;
	note(list, "deleted");
	return 0;
}

/* The text with the line of one setting put anew; a rename is nothing else. */
int verb_list_rename(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why), *to = verbs_list_name(call, "to", why);
	struct site *site;
	struct store_list row;
	struct buf text;
	int found, result = -1;

	if (list == NULL || to == NULL || check_new_name(call, to, why) != 0)
		return -1;
	found = store_list_get(call->daemon->store, call->arena, list, &row, why);
	if (found <= 0)
		return found < 0 ? -1 : no_such_list(why, list);
	buf_init(&text, SETTINGS_MAX_BYTES);
	if (list_settings_set(row.text, list, "address", to, &text, why) == 0)
		result = store_list_rename(call->daemon->store, list, to, buf_text(&text), why);
	buf_done(&text);
	if (result != 0)
		return -1;
	site = daemon_hold_site(call->daemon);
	result = maildir_rename(site->settings->archive_dir, list, to, why);
	daemon_release_site(site);
	note(to, "renamed");
	*result_r = json_pack("{s:s}", "list", to);
	return result;
}

int verb_list_show(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why);
	json_t *values = json_object();
	struct list_settings *settings = NULL;
	struct store_list row;
	struct buf value;
	int found = list == NULL ? -1 : daemon_list(call->daemon, list, &settings, why);

	if (found > 0)
		found = store_list_get(call->daemon->store, call->arena, list, &row, why);
	buf_init(&value, SETTINGS_MAX_BYTES);
	for (size_t i = 0; found > 0 && i < list_setting_count; i++) {
		buf_reset(&value);
		setting_value(&list_setting_rows[i], settings, &value);
		json_object_set_new(values, list_setting_rows[i].name, json_text(buf_span(&value)));
	}
	buf_done(&value);
	if (settings != NULL)
		list_settings_free(settings);
	if (found <= 0) {
		json_decref(values);
		return found < 0 ? -1 : no_such_list(why, list);
	}
	*result_r = json_pack("{s:s, s:o, s:I, s:I}", "list", list, "settings", values, "members", (json_int_t)row.member_count, "created", (json_int_t)row.created_secs);
	return 0;
}

static int put(struct control_call *call, const char *list, const char *text, struct fail *why)
{
	if (parse_and_check(text, list, why) != 0 || store_list_put(call->daemon->store, list, text, why) != 0)
		return -1;
	note(list, "settings");
	return 0;
}

int verb_list_set(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why), *name = text_arg(call, "name"), *value = text_arg(call, "value");
	struct store_list row;
	struct buf text;
	int found, result;

	(void)result_r;
	if (list == NULL)
		return -1;
	if (name == NULL || value == NULL)
		return fail_permanent(why, "expected a setting and its value; listctl settings tells them");
	if (strcmp(name, "address") == 0)
		return fail_permanent(why, "the address of a list is changed by listctl list rename");
	found = store_list_get(call->daemon->store, call->arena, list, &row, why);
	if (found <= 0)
		return found < 0 ? -1 : no_such_list(why, list);
	buf_init(&text, SETTINGS_MAX_BYTES);
	result = list_settings_set(row.text, list, name, value, &text, why);
	if (result == 0)
		result = put(call, list, buf_text(&text), why);
	buf_done(&text);
	return result;
}

int verb_list_dump(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why);
	struct list_settings *settings;
	struct buf text;
	int found = list == NULL ? -1 : daemon_list(call->daemon, list, &settings, why);

	if (found <= 0)
		return found < 0 ? -1 : no_such_list(why, list);
	buf_init(&text, SETTINGS_MAX_BYTES);
	list_settings_dump(settings, json_is_true(json_object_get(call->args, "all")), &text);
	*result_r = json_pack("{s:o}", "text", json_text(buf_span(&text)));
	buf_done(&text);
	list_settings_free(settings);
	return 0;
}

int verb_list_load(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why), *line;
	struct buf text;
	int result = list == NULL ? -1 : 0;

	(void)result_r;
	buf_init(&text, SETTINGS_MAX_BYTES);
	while ((line = control_line(call)) != NULL)
		buf_printf(&text, "%s\n", line);
	if (result == 0)
		result = buf_overflowed(&text) ? fail_permanent(why, "more than %zu bytes of settings", SETTINGS_MAX_BYTES) : put(call, list, buf_text(&text), why);
	buf_done(&text);
	return result;
}

int verb_list_all(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct store_list *lists;
	size_t count;

	(void)result_r;
	if (store_list_all(call->daemon->store, call->arena, &lists, &count, why) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct list_settings *settings;

		if (list_settings_parse(span_of(lists[i].text), lists[i].address, lists[i].address, &settings, why) != 0)
			return -1;
		control_row(call, json_pack("{s:s, s:I, s:s, s:o}", "list", lists[i].address, "members", (json_int_t)lists[i].member_count, "strategy", settings->strategy_name,
			"description", json_optional(settings->description)));
		list_settings_free(settings);
	}
	return 0;
}
