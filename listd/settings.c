/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/settings_int.h"
#include "mail/file.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Texts of one configuration, parsed rules included. */
#define ARENA_MAX_BYTES ((size_t)64 << 20)

static void finish_site(struct site_settings *settings, const char *file)
{
	char host[HOST_NAME_MAX + 1] = "";

	settings->file = file == NULL ? NULL : arena_text(settings->arena, span_of(file));
	if (settings->host_name[0] == '\0')
		settings->host_name = gethostname(host, sizeof(host) - 1) == 0 && host[0] != '\0' ? arena_text(settings->arena, span_of(host)) : "localhost";
	if (settings->authserv_id[0] == '\0')
		settings->authserv_id = settings->host_name;
}

int site_settings_parse(struct span text, const char *file, const char *const *overrides, struct site_settings **settings_r, struct fail *why)
{
	struct arena *a = arena_new(ARENA_MAX_BYTES);
	struct site_settings *settings = arena_alloc(a, sizeof(*settings));

	settings->arena = a;
	if (settings_read(site_setting_rows, site_setting_count, text, file, overrides, a, settings, why) != 0) {
		arena_free(a);
		return -1;
	}
	finish_site(settings, file);
	*settings_r = settings;
	return 0;
}

int site_settings_read(const char *path, struct site_settings **settings_r, struct fail *why)
{
	struct span text = { NULL, 0 };
	struct arena *a;
	int result;

	if (path == NULL)
		return site_settings_parse(text, NULL, NULL, settings_r, why);
	a = arena_new(4 * SETTINGS_MAX_BYTES);
	result = file_read(a, path, SETTINGS_MAX_BYTES, &text, why);
	if (result == 0)
		result = site_settings_parse(text, path, NULL, settings_r, why);
	arena_free(a);
	return result;
}

void site_settings_free(struct site_settings *settings)
{
	if (settings != NULL)
		arena_free(settings->arena);
}

static int finish_list(struct list_settings *settings, const char *address, struct fail *why)
{
	if (address != NULL)
		settings->address = arena_text(settings->arena, span_of(address));
	if (settings->address[0] == '\0')
		return fail_permanent(why, "address: a list needs one, such as birds@lists.example.org");
	settings->strategy = strategy_find(span_of(settings->strategy_name));
	return rules_parse(settings->arena, span_of(settings->rules_text), &settings->rules, why);
}

int list_settings_parse_with(struct span text, const char *file, const char *address, const char *const *overrides, struct list_settings **settings_r,
	struct fail *why)
{
	struct arena *a = arena_new(ARENA_MAX_BYTES);
	struct list_settings *settings = arena_alloc(a, sizeof(*settings));

	settings->arena = a;
	atomic_init(&settings->users, 1);
	if (settings_read(list_setting_rows, list_setting_count, text, file, overrides, a, settings, why) != 0 || finish_list(settings, address, why) != 0) {
		arena_free(a);
		return -1;
	}
	*settings_r = settings;
	return 0;
}

int list_settings_parse(struct span text, const char *file, const char *address, struct list_settings **settings_r, struct fail *why)
{
	return list_settings_parse_with(text, file, address, NULL, settings_r, why);
}

struct list_settings *list_settings_hold(struct list_settings *settings)
{
	atomic_fetch_add(&settings->users, 1);
	return settings;
}

void list_settings_free(struct list_settings *settings)
{
	if (settings != NULL && atomic_fetch_sub(&settings->users, 1) == 1)
		arena_free(settings->arena);
}

const char *list_local(const struct list_settings *list, struct arena *a)
{
	const char *at = strrchr(list->address, '@');

	return arena_text(a, at == NULL ? span_of(list->address) : (struct span){ list->address, (size_t)(at - list->address) });
}

const char *list_domain(const struct list_settings *list)
{
	const char *at = strrchr(list->address, '@');

	return at == NULL ? "" : at + 1;
}
