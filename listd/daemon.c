/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/daemon.h"

#include "listd/event.h"
#include "listd/listd.h"
#include "listd/program.h"
#include "listd/shipped.h"

#include <stdlib.h>
#include <unistd.h>

/* It holds a number. */
#define CLOCK_FILE_MAX_BYTES 64

struct site *daemon_hold_site(struct daemon *daemon)
{
	struct site *site;

	pthread_mutex_lock(&daemon->site_lock);
	site = daemon->site;
	atomic_fetch_add(&site->users, 1);
	pthread_mutex_unlock(&daemon->site_lock);
	return site;
}

void daemon_release_site(struct site *site)
{
	if (site == NULL || atomic_fetch_sub(&site->users, 1) != 1)
		return;
	resolver_free(site->key_overlay);
	receivers_free(site->receivers);
	patterns_free(site->patterns);
	keyring_done(&site->keyring);
	site_settings_free(site->settings);
	free(site);
}

static int read_receivers_file(struct site *site, const char *file, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span text;
	int result = shipped_read(a, file, (size_t)4 << 20, &text, why);

	if (result == 0)
		result = receivers_parse(text, file, site->receivers, why);
	arena_free(a);
	return result;
}

/* The shipped table, then the site's own files, whose rows add to it. */
static int read_receivers(struct site *site, struct fail *why)
{
	site->receivers = receivers_new();
	if (read_receivers_file(site, LISTD_RECEIVERS, why) != 0)
		return -1;
	for (const char *const *file = site->settings->receivers_files; file != NULL && *file != NULL; file++)
		if (read_receivers_file(site, *file, why) != 0)
			return -1;
	return 0;
}

/* The site's own files, then the shipped rows: the first row that matches decides. */
static int read_patterns(struct site *site, struct fail *why)
{
	site->patterns = patterns_new();
	for (const char *const *file = site->settings->bounce_patterns_files; file != NULL && *file != NULL; file++)
		if (patterns_read(*file, site->patterns, why) != 0)
			return -1;
	return patterns_read(LISTD_PATTERNS, site->patterns, why);
}

int daemon_read_site(const char *path, const char *const *overrides, struct site **site_r, struct fail *why)
{
	struct site *site = calloc(1, sizeof(*site));
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span text = { "", 0 };
	int result = 0;

	if (site == NULL)
		fail_environment("out of memory");
	atomic_store(&site->users, 1);
	if (path != NULL)
		result = file_read(a, path, (size_t)1 << 20, &text, why);
	if (result == 0)
		result = site_settings_parse(text, path, overrides, &site->settings, why);
	if (result == 0)
		result = keyring_load(site->settings->keys_dir, &site->keyring, why);
	if (result == 0)
		result = read_receivers(site, why);
	if (result == 0)
		result = read_patterns(site, why);
	arena_free(a);
	if (result != 0) {
		daemon_release_site(site);
		return -1;
	}
	site->key_overlay = keyring_resolver(&site->keyring);
	*site_r = site;
	return 0;
}

static const char *read_password(const struct site_settings *s, struct fail *why)
{
	struct span text;

	if (*s->relay_password_file == '\0')
		return "";
	if (file_read(s->arena, s->relay_password_file, 1024, &text, why) != 0)
		return NULL;
	return arena_text(s->arena, span_trim(text));
}

int daemon_delivery_options(const struct daemon *daemon, const struct site *site, struct delivery_options *options_r, struct fail *why)
{
	const struct site_settings *s = site->settings;
	const char *password = read_password(s, why);

	if (password == NULL)
		return -1;
	*options_r = (struct delivery_options){
		.relay = s->relay, .helo = s->host_name, .sessions = (unsigned)s->relay_sessions, .rcpts_max = (unsigned)s->relay_rcpts_max,
		.timeout_secs = (unsigned)s->relay_timeout_secs, .tls = (enum relay_tls)s->relay_tls, .user = s->relay_user, .password = password,
		.verp = (enum verp_mode)s->verp, .retry_min_secs = s->retry_min_secs, .retry_max_secs = s->retry_max_secs,
		.queue_life_secs = s->queue_life_secs, .keeps = s->fallback_keep_secs > 0, .clock = &daemon->clock,
	};
	return 0;
}

/* Sockets and directories stay as they were at start: to change those a restart is needed, and the manual says so. */
int daemon_reload(struct daemon *daemon, struct fail *why)
{
	struct delivery_options options;
	struct site *fresh, *old;
	size_t keys;

	if (daemon_read_site(daemon->config_path, daemon->overrides, &fresh, why) != 0) {
		event_log(EVENT_RELOAD_FAILED, "text", why->text, NULL);
		return -1;
	}
	if (daemon_delivery_options(daemon, fresh, &options, why) != 0 || program_log(fresh->settings, why) != 0
		|| delivery_reload(daemon->delivery, &options, why) != 0) {
		program_log(daemon->site->settings, NULL); /* back to where the settings want it that stay */
		event_log(EVENT_RELOAD_FAILED, "text", why->text, NULL);
		daemon_release_site(fresh);
		return -1;
	}
	keys = fresh->keyring.count;
	pthread_mutex_lock(&daemon->site_lock);
	old = daemon->site;
	daemon->site = fresh;
	pthread_mutex_unlock(&daemon->site_lock);
	daemon_release_site(old);
	daemon_check_keys(daemon);
	event_log(EVENT_RELOADED, "keys", event_number((long long)keys), NULL);
	return 0;
}

int daemon_list(struct daemon *daemon, const char *address, struct list_settings **list_r, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct store_list row;
	int found = store_list_get(daemon->store, a, address, &row, why);

	if (found == 1 && settings_cache_get(daemon->lists, address, row.text, list_r, why) != 0)
		found = -1;
	arena_free(a);
	return found;
}

void daemon_count_holds(struct daemon *daemon)
{
	struct fail why;
	size_t count;

	if (store_hold_count(daemon->store, &count, &why) != 0)
		event_log(EVENT_STORE_FAULT, "operation", "hold count", "reason", why.text, NULL);
	else
		atomic_store(&daemon->held_count, count);
}

/* A number of seconds, perhaps negative. */
static bool read_offset(const char *path, int64_t *offset_r)
{
	struct arena *a = arena_new(1 << 16);
	struct span text;
	bool is_read = file_read(a, path, CLOCK_FILE_MAX_BYTES, &text, NULL) == 0;

	if (is_read)
		*offset_r = strtoll(arena_text(a, span_trim(text)), NULL, 10);
	arena_free(a);
	return is_read;
}

bool daemon_set_clock(struct daemon *daemon)
{
	struct site *site = daemon_hold_site(daemon);
	int64_t offset = 0;
	bool moved = *site->settings->clock_file != '\0' && read_offset(site->settings->clock_file, &offset) && offset != daemon->clock.offset_secs;

	if (moved)
		daemon->clock.offset_secs = offset;
	daemon_release_site(site);
	return moved;
}

void daemon_check_keys(struct daemon *daemon)
{
	struct site *site = daemon_hold_site(daemon);

	for (size_t i = 0; i < site->keyring.count; i++) {
		const struct key *key = &site->keyring.items[i];
		enum key_published published = key_check_dns(key, daemon->dns);

		if (published == KEY_MISSING)
			event_log(EVENT_KEY_NOT_PUBLISHED, "domain", key->domain, "selector", key->selector, "do", "publish what listctl key show prints", NULL);
		else if (published == KEY_DIFFERS)
			event_log(EVENT_KEY_DIFFERS, "domain", key->domain, "selector", key->selector, "do", "publish what listctl key show prints, or put the old key back", NULL);
	}
	daemon_release_site(site);
}
