/* SPDX-License-Identifier: BSD-2-Clause */
/* The addresses of all lists, so that the milter knows whose mail is the lists' while listd is away. They are asked for again and again, and kept in a file for the next start:
 *
 *   # version VERSION
 *   birds@lists.example.org
 *   ... */
#include "listd/intake/milter_int.h"

#include "listd/event.h"
#include "listd/json_text.h"

#include <stdlib.h>
#include <string.h>

static const char FILE_NAME[] = "addresses";
/* 100,000 lists. */
#define FILE_MAX_BYTES ((size_t)26 << 20)

/* A set of addresses, sorted; replaced whole. */
struct address_set {
	struct arena *arena;
	const char *version;
	const char **items;
	size_t count, cap;
};

struct milter_known {
	pthread_rwlock_t lock;
	pthread_mutex_t refresh; /* one at a time: only who has it replaces the set */
	const char *path;
	struct arena *arena;
	struct address_set set;
	bool has_key;
	struct secret key;
};

static int compare(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

static struct address_set set_new(const char *version)
{
	struct address_set set = { .arena = arena_new(4 * FILE_MAX_BYTES) };

	set.version = arena_text(set.arena, span_of(version));
	return set;
}

static void set_add(struct address_set *set, struct span address)
{
	*(const char **)arena_grow(set->arena, &set->items, &set->cap, set->count, sizeof(*set->items)) = arena_text(set->arena, address);
	set->count++;
}

static void set_sort(struct address_set *set)
{
	if (set->count > 0)
		qsort(set->items, set->count, sizeof(*set->items), compare);
}

static bool set_has(const struct address_set *set, const char *address)
{
	return set->count > 0 && bsearch(&address, set->items, set->count, sizeof(*set->items), compare) != NULL;
}

/* A file that cannot be read is as good as none: listd will tell. */
static void read_file(struct milter_known *known)
{
	static const char head[] = "# version ";
	struct arena *a = arena_new(2 * FILE_MAX_BYTES);
	struct span text, line;

	if (file_read(a, known->path, FILE_MAX_BYTES, &text, NULL) == 0 && span_next(&text, '\n', &line) && span_starts_nocase(line, head)) {
		arena_free(known->set.arena);
		known->set = set_new(arena_text(a, span_sub(line, sizeof(head) - 1, line.len)));
		while (span_next(&text, '\n', &line))
			if (line.len > 0)
				set_add(&known->set, line);
		set_sort(&known->set);
	}
	arena_free(a);
}

struct milter_known *milter_known_new(const char *dir)
{
	struct milter_known *known = calloc(1, sizeof(*known));

	if (known == NULL)
		fail_environment("out of memory");
	pthread_rwlock_init(&known->lock, NULL);
	pthread_mutex_init(&known->refresh, NULL);
	known->arena = arena_new(ARENA_SCRATCH_MAX_BYTES);
	known->path = arena_printf(known->arena, "%s/%s", dir, FILE_NAME);
	known->set = set_new("");
	read_file(known);
	return known;
}

void milter_known_free(struct milter_known *known)
{
	if (known == NULL)
		return;
	arena_free(known->set.arena);
	arena_free(known->arena);
	pthread_mutex_destroy(&known->refresh);
	pthread_rwlock_destroy(&known->lock);
	free(known);
}

static void write_file(const struct milter_known *known, const struct address_set *set)
{
	struct buf text;
	struct fail why;

	buf_init(&text, FILE_MAX_BYTES);
	buf_printf(&text, "# version %s\n", set->version);
	for (size_t i = 0; i < set->count; i++)
		buf_printf(&text, "%s\n", set->items[i]);
	if (file_replace(known->path, buf_span(&text), 0640, &why) != 0)
		event_log(EVENT_FAULT, "text", why.text, "do", "give milter-dir to the user that listd-milter runs as", NULL);
	buf_done(&text);
}

static void take_addresses(struct milter_known *known, const char *version, const json_t *addresses)
{
	struct address_set fresh = set_new(version), old;
	size_t index;
	json_t *address;

	json_array_foreach(addresses, index, address)
		if (json_is_string(address))
			set_add(&fresh, span_of(json_string_value(address)));
	set_sort(&fresh);
	write_file(known, &fresh);
	pthread_rwlock_wrlock(&known->lock);
	old = known->set;
	known->set = fresh;
	pthread_rwlock_unlock(&known->lock);
	arena_free(old.arena);
}

static void take_key(struct milter_known *known, const char *text)
{
	struct secret key;

	if (text == NULL || secret_unbase32(span_of(text), key.key, SECRET_KEY_BYTES) != SECRET_KEY_BYTES)
		return;
	pthread_rwlock_wrlock(&known->lock);
	known->key = key;
	known->has_key = true;
	pthread_rwlock_unlock(&known->lock);
}

static int ask_and_take(struct milter *milter, struct milter_known *known, const struct site_settings *site)
{
	json_t *answer, *addresses;
	const char *version;
	struct fail why;

	if (milter_ask(milter, site, "milter hello", json_pack("{s:o}", "version", json_text(span_of(known->set.version))), MILTER_REFRESH_MS, &answer, &why) != 0)
		return -1;
	take_key(known, json_string_value(json_object_get(answer, "key")));
	addresses = json_object_get(answer, "addresses");
	version = json_string_value(json_object_get(answer, "version"));
	if (json_is_array(addresses) && version != NULL)
		take_addresses(known, version, addresses);
	json_decref(answer);
	return 0;
}

int milter_known_refresh(struct milter *milter, struct milter_known *known, const struct site_settings *site)
{
	int result;

	pthread_mutex_lock(&known->refresh);
	result = ask_and_take(milter, known, site);
	pthread_mutex_unlock(&known->refresh);
	return result;
}

static int find(void *context, const char *address, struct list_settings **list_r, struct fail *why)
{
	(void)why;
	*list_r = NULL;
	return set_has(context, address);
}

bool milter_known_find(struct milter_known *known, struct arena *a, const char *address, enum purpose *purpose_r)
{
	struct list_settings *none;
	const char *suffix;
	bool has;

	pthread_rwlock_rdlock(&known->lock);
	has = post_find_list(a, address, find, &known->set, &none, &suffix, purpose_r, NULL) == 1;
	pthread_rwlock_unlock(&known->lock);
	return has;
}

bool milter_known_key(struct milter_known *known, struct secret *key_r)
{
	bool has;

	pthread_rwlock_rdlock(&known->lock);
	has = known->has_key;
	*key_r = known->key;
	pthread_rwlock_unlock(&known->lock);
	return has;
}
