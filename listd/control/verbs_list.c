/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_list.h"
#include "listd/control/verbs_site.h"

#include "archive/maildir.h"
#include "listd/event.h"
#include "listd/json_text.h"
#include "listd/post/post.h"
#include "listd/settings_int.h"

#include <string.h>

#define LIST_LOCAL_MAX_BYTES 40 /* leaves room for "-bounces+..." and "-author-..." within what MTAs take */
#define SETTINGS_MAX_BYTES ((size_t)1 << 20)

static const char *text_arg(const struct control_call *call, const char *name)
{
	return json_string_value(json_object_get(call->args, name));
}

static int no_such_list(struct fail *why, const char *list)
{
	return fail_permanent(why, "no list %s: see listctl lists", list);
}

/* The one list whose address has this before the @, or NULL. */
static const char *find_by_local(struct control_call *call, const char *local, struct fail *why)
{
	const char *found = NULL;
	struct store_list *lists;
	size_t count;

	if (store_list_all(call->daemon->store, call->arena, &lists, &count, why) != 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct span address = span_of(lists[i].address);

		if (!span_eq_text_nocase(span_sub(address, 0, span_find_byte(address, '@')), local))
			continue;
		if (found != NULL) {
			fail_permanent(why, "%s may be %s or %s; give the whole address", local, found, lists[i].address);
			return NULL;
		}
		found = lists[i].address;
	}
	if (found == NULL)
		no_such_list(why, local);
	return found;
}

static const char *address_arg(struct control_call *call, const char *arg, struct fail *why)
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

const char *verbs_list_name(struct control_call *call, const char *arg, struct fail *why)
{
	const char *name = text_arg(call, arg);

	return name != NULL && name[0] != '\0' && strchr(name, '@') == NULL ? find_by_local(call, name, why) : address_arg(call, arg, why);
}

/* A local part that a mail server passes unquoted, and that cannot be taken for a list with a suffix. */
static int check_new_name(struct control_call *call, const char *list, struct fail *why)
{
	struct span local = span_sub(span_of(list), 0, span_find_byte(span_of(list), '@'));
	const char *suffix;
	enum purpose purpose;

	if (strchr(list, '[') != NULL || strchr(list + local.len, '.') == NULL)
		return fail_permanent(why, "%s: a list needs a domain whose mail comes to this server", list);
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

/* Settings as the store keeps them: what was understood, and the address that the list goes by. */
static const char *kept_text(struct control_call *call, const struct list_settings *settings)
{
	const char *text;
	struct buf out;

	buf_init(&out, 2 * SETTINGS_MAX_BYTES);
	list_settings_dump(settings, false, &out);
	text = arena_text(call->arena, buf_span(&out));
	buf_done(&out);
	return text;
}

/* The lines of settings behind a request. NULL with why. */
static const char *read_settings(struct control_call *call, struct fail *why)
{
	const char *line, *text = NULL;
	struct buf lines;

	buf_init(&lines, SETTINGS_MAX_BYTES);
	while ((line = control_line(call)) != NULL)
		buf_printf(&lines, "%s\n", line);
	if (control_need_complete(call, why) == 0) {
		if (buf_overflowed(&lines))
			fail_permanent(why, "more than %zu bytes of settings", SETTINGS_MAX_BYTES);
		else
			text = arena_text(call->arena, buf_span(&lines));
	}
	buf_done(&lines);
	return text;
}

/* The owners that args name ("owners", or one "owner"), NULL-ended; empty without any. NULL with why. */
static const char *const *owners_arg(struct control_call *call, struct fail *why)
{
	json_t *owners = json_object_get(call->args, "owners"), *one = json_object_get(call->args, "owner");
	size_t count = json_is_array(owners) ? json_array_size(owners) : one != NULL;
	const char **all = arena_array(call->arena, count + 1, sizeof(all[0]));

	for (size_t i = 0; i < count; i++) {
		const char *owner = json_string_value(json_is_array(owners) ? json_array_get(owners, i) : one);
		struct address address;

		if (owner == NULL) {
			fail_permanent(why, "owners: expected addresses");
			return NULL;
		}
		if (address_parse(call->arena, span_of(owner), &address, why) != 0) {
			fail_prefix(why, "owner %s", owner);
			return NULL;
		}
		all[i] = arena_text(call->arena, address.spec);
	}
	return all;
}

/* The beginning of a new list's settings: those of a file, where one is given, with the owners that args name in place of its own. NULL with why. */
static const char *first_settings(struct control_call *call, const char *list, struct fail *why)
{
	const char *file = text_arg(call, "file"), *lines = file == NULL ? "" : read_settings(call, why), *text = NULL;
	const char *const *owners = lines == NULL ? NULL : owners_arg(call, why);
	struct list_settings *settings;

	if (owners == NULL || list_settings_parse(span_of(lines), file, list, &settings, why) != 0)
		return NULL;
	if (owners[0] != NULL)
		settings->owners = owners;
	if (settings->owners[0] != NULL)
		text = kept_text(call, settings);
	else
		fail_permanent(why, "a list needs an owner, who gets mail to %.*s-owner: add --owner ADDRESS", (int)span_find_byte(span_of(list), '@'), list);
	list_settings_free(settings);
	return text;
}

/* Settings {"name":"value"} put into a text one by one; null is the default. NULL with why. */
static const char *apply(struct control_call *call, const char *list, const char *text, json_t *settings, struct fail *why)
{
	const char *name;
	json_t *value;

	json_object_foreach(settings, name, value) {
		struct buf out;
		int result = 0;

		if (!json_is_string(value) && !json_is_null(value))
			result = fail_permanent(why, "%s: expected a text", name);
		buf_init(&out, SETTINGS_MAX_BYTES);
		if (result == 0 && strcmp(name, "address") == 0)
			result = fail_permanent(why, "the address of a list is changed by listctl list rename");
		if (result == 0)
			result = list_settings_set(text, list, name, json_string_value(value), &out, why);
		text = arena_text(call->arena, buf_span(&out));
		buf_done(&out);
		if (result != 0)
			return NULL;
	}
	return text;
}

int verb_list_create(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = address_arg(call, "list", why), *text;
	struct fail no_key;
	json_t *key = NULL;

	if (list == NULL || check_new_name(call, list, why) != 0 || (text = first_settings(call, list, why)) == NULL
			|| (text = apply(call, list, text, json_object_get(call->args, "settings"), why)) == NULL || parse_and_check(text, list, why) != 0
			|| store_list_create(call->daemon->store, list, text, clock_now(&call->daemon->clock), why) != 0)
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
	struct hold *holds;
	size_t count;

	if (list == NULL || store_hold_all(call->daemon->store, call->arena, list, &holds, &count, why) != 0 || store_list_delete(call->daemon->store, list, why) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (spool_remove(call->daemon->spool, SPOOL_HELD, holds[i].id, why) != 0)
			event_log(EVENT_FAULT, "id", holds[i].id, "text", why->text, NULL);
	daemon_count_holds(call->daemon);
	note(list, "deleted");
	*result_r = json_pack("{s:s}", "list", list);
	return 0;
}

/* The settings of a list under another address. NULL with why. */
static const char *text_for(struct control_call *call, const struct store_list *row, const char *to, struct fail *why)
{
	struct list_settings *settings;
	const char *text;

	if (list_settings_parse(span_of(row->text), NULL, to, &settings, why) != 0)
		return NULL;
	text = kept_text(call, settings);
	list_settings_free(settings);
	return text;
}

int verb_list_rename(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why), *to = list == NULL ? NULL : address_arg(call, "to", why), *text;
	struct store_list row;
	struct fail archive;
	struct site *site;
	int found;

	if (to == NULL || check_new_name(call, to, why) != 0)
		return -1;
	found = store_list_get(call->daemon->store, call->arena, list, &row, why);
	if (found <= 0)
		return found < 0 ? -1 : no_such_list(why, list);
	if ((text = text_for(call, &row, to, why)) == NULL || store_list_rename(call->daemon->store, list, to, text, why) != 0)
		return -1;
	note(to, "renamed");
	*result_r = json_pack("{s:s}", "list", to);
	site = daemon_hold_site(call->daemon);
	if (maildir_rename(site->settings->archive_dir, list, to, &archive) != 0)
		json_object_set_new(*result_r, "warning", json_sprintf("the archive keeps its old name: %s", archive.text));
	daemon_release_site(site);
	return 0;
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

/* What a request asks to change, as {"name":"value" or null}: "settings", "defaults" (names), or one "name" and "value". */
static json_t *wanted_settings(struct control_call *call)
{
	json_t *wanted = json_object(), *name;
	size_t i;

	json_object_update(wanted, json_object_get(call->args, "settings"));
	if (text_arg(call, "name") != NULL)
		json_object_set(wanted, text_arg(call, "name"), json_object_get(call->args, "value"));
	json_array_foreach(json_object_get(call->args, "defaults"), i, name)
		if (json_is_string(name))
			json_object_set_new(wanted, json_string_value(name), json_null());
	return wanted;
}

int verb_list_set(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *list = verbs_list_name(call, "list", why), *text = NULL;
	json_t *wanted = wanted_settings(call);
	struct store_list row;
	int found = list == NULL ? -1 : store_list_get(call->daemon->store, call->arena, list, &row, why);

	if (found == 0)
		no_such_list(why, list);
	else if (found > 0 && json_object_size(wanted) == 0)
		fail_permanent(why, "expected a setting and its value; listctl settings tells them");
	else if (found > 0)
		text = apply(call, list, row.text, wanted, why);
	json_decref(wanted);
	if (text == NULL || put(call, list, text, why) != 0)
		return -1;
	*result_r = json_pack("{s:s}", "list", list);
	return 0;
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
	const char *list = verbs_list_name(call, "list", why), *file = text_arg(call, "file"), *text = list == NULL ? NULL : read_settings(call, why);
	struct list_settings *settings;
	int result;

	if (text == NULL || list_settings_parse(span_of(text), file == NULL ? list : file, list, &settings, why) != 0)
		return -1;
	result = settings->owners[0] == NULL ? fail_permanent(why, "owners: a list needs one; add a line such as: owners = { \"ann@example.org\" }")
		: put(call, list, kept_text(call, settings), why);
	list_settings_free(settings);
	if (result == 0)
		*result_r = json_pack("{s:s}", "list", list);
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
