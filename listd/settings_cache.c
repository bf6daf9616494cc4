/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/settings_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct entry {
	TAILQ_ENTRY(entry) link;
	struct list_settings *settings;
	const char *text; /* that they were parsed from, in their arena */
};

struct settings_cache {
	pthread_mutex_t lock;
	TAILQ_HEAD(entries, entry) entries; /* the one used last comes first */
	size_t count;
};

struct settings_cache *settings_cache_new(void)
{
	struct settings_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		fail_environment("out of memory");
	pthread_mutex_init(&cache->lock, NULL);
	TAILQ_INIT(&cache->entries);
	return cache;
}

static void drop(struct settings_cache *cache, struct entry *entry)
{
	TAILQ_REMOVE(&cache->entries, entry, link);
	cache->count--;
	list_settings_free(entry->settings);
	free(entry);
}

void settings_cache_free(struct settings_cache *cache)
{
	if (cache == NULL)
		return;
	while (!TAILQ_EMPTY(&cache->entries))
		drop(cache, TAILQ_FIRST(&cache->entries));
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* With the lock held. */
static struct entry *find(struct settings_cache *cache, const char *address)
{
	struct entry *entry;

	TAILQ_FOREACH(entry, &cache->entries, link)
		if (strcmp(entry->settings->address, address) == 0)
			return entry;
	return NULL;
}

static struct list_settings *hold_found(struct settings_cache *cache, const char *address, const char *text)
{
	struct list_settings *settings = NULL;
	struct entry *entry;

	pthread_mutex_lock(&cache->lock);
	entry = find(cache, address);
	if (entry != NULL && strcmp(entry->text, text) == 0) {
		TAILQ_REMOVE(&cache->entries, entry, link);
		TAILQ_INSERT_HEAD(&cache->entries, entry, link);
		settings = list_settings_hold(entry->settings);
	}
	pthread_mutex_unlock(&cache->lock);
	return settings;
}

/* In place of what was parsed of an older text; two threads that parsed at once leave the later one's. */
static void keep(struct settings_cache *cache, struct list_settings *settings, const char *text)
{
	struct entry *entry = calloc(1, sizeof(*entry)), *old;

	if (entry == NULL)
		fail_environment("out of memory");
	entry->settings = list_settings_hold(settings);
	entry->text = arena_text(settings->arena, span_of(text));
	pthread_mutex_lock(&cache->lock);
	old = find(cache, settings->address);
	if (old == NULL && cache->count == SETTINGS_CACHE_MAX_LISTS)
		old = TAILQ_LAST(&cache->entries, entries);
	if (old != NULL)
		drop(cache, old);
	TAILQ_INSERT_HEAD(&cache->entries, entry, link);
	cache->count++;
	pthread_mutex_unlock(&cache->lock);
}

int settings_cache_get(struct settings_cache *cache, const char *address, const char *text, struct list_settings **settings_r, struct fail *why)
{
	struct list_settings *settings = hold_found(cache, address, text);

	if (settings == NULL) {
		if (list_settings_parse(span_of(text), address, address, &settings, why) != 0)
			return -1;
		keep(cache, settings, text);
	}
	*settings_r = settings;
	return 0;
}
