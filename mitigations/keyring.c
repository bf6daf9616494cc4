/* SPDX-License-Identifier: BSD-2-Clause */
/* The ring of key.h: all keys below a directory. */
#include "mail/fail.h"
#include "mitigations/key.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define KEY_SUFFIX ".pem"
/* An RSA-8192 key has some 6,500 octets of PEM; comments may stand before it. */
#define KEY_FILE_MAX_BYTES 32768

static int fail_path(struct fail *why, const char *what, const char *path)
{
	return fail_permanent(why, "cannot %s %s: %s", what, path, strerror(errno));
}

static void add_key(struct keyring *ring, const struct key *key)
{
	struct key *items = realloc(ring->items, (ring->count + 1) * sizeof(*items));

	if (items == NULL)
		fail_environment("out of memory");
	ring->items = items;
	items[ring->count++] = *key;
}

/* The file's mode is looked at on the descriptor that is read. */
static int read_key_file(int fd, const char *path, char text[KEY_FILE_MAX_BYTES], size_t *len_r, struct fail *why)
{
	struct stat st;
	size_t len = 0;
	ssize_t got;

	if (fstat(fd, &st) != 0)
		return fail_path(why, "look at", path);
	if (!S_ISREG(st.st_mode))
		return fail_permanent(why, "%s is not a regular file", path);
	if ((st.st_mode & S_IRWXO) != 0)
		return fail_permanent(why, "%s has mode %04o: a private key is for its owner and group alone (chmod 640)", path, (unsigned)st.st_mode & 07777u);
	while (len < KEY_FILE_MAX_BYTES && (got = read(fd, text + len, KEY_FILE_MAX_BYTES - len)) != 0) {
		if (got < 0 && errno != EINTR)
			return fail_path(why, "read", path);
		len += got < 0 ? 0 : (size_t)got;
	}
	if (len == KEY_FILE_MAX_BYTES)
		return fail_permanent(why, "%s is too large for a key", path);
	*len_r = len;
	return 0;
}

static int load_file(struct keyring *ring, const char *path, const char *domain, const char *selector, struct fail *why)
{
	char text[KEY_FILE_MAX_BYTES];
	size_t len = 0;
	struct key key;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int result;

	if (fd < 0)
		return fail_path(why, "open", path);
	result = read_key_file(fd, path, text, &len, why);
	close(fd);
	if (result != 0)
		return -1;
	result = key_from_pem((struct span){ text, len }, domain, selector, &key, why);
	OPENSSL_cleanse(text, sizeof(text));
	if (result != 0)
		return fail_prefix(why, "%s", path);
	add_key(ring, &key);
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void free_list(struct dirent **list, int count)
{
	for (int i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

/* Files with another suffix (the record for DNS, notes) may lie beside the keys. */
static int load_domain(struct keyring *ring, const char *dir, const char *domain, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	const char *path = arena_printf(a, "%s/%s", dir, domain);
	struct dirent **list = NULL;
	int count = scandir(path, &list, is_visible, by_name), result = 0;

	if (count < 0 && errno != ENOTDIR)
		result = fail_path(why, "read the directory", path);
	for (int i = 0; result == 0 && i < count; i++) {
		struct span name = span_of(list[i]->d_name), suffix = SPAN_LIT(KEY_SUFFIX);

		if (name.len <= suffix.len || !span_eq(span_sub(name, name.len - suffix.len, suffix.len), suffix))
			continue;
		result = load_file(ring, arena_printf(a, "%s/%s", path, name.ptr), domain, arena_text(a, span_sub(name, 0, name.len - suffix.len)), why);
	}
	free_list(list, count);
	arena_free(a);
	return result;
}

int keyring_load(const char *dir, struct keyring *ring_r, struct fail *why)
{
	struct keyring ring = { NULL, 0 };
	struct dirent **list = NULL;
	int count = scandir(dir, &list, is_visible, by_name), result = 0;

	if (count < 0 && errno != ENOENT)
		return fail_path(why, "read the directory", dir);
	for (int i = 0; result == 0 && i < count; i++)
		result = load_domain(&ring, dir, list[i]->d_name, why);
	free_list(list, count);
	if (result != 0)
		keyring_done(&ring);
	else
		*ring_r = ring;
	return result;
}

void keyring_done(struct keyring *ring)
{
	for (size_t i = 0; i < ring->count; i++)
		key_done(&ring->items[i]);
	free(ring->items);
	*ring = (struct keyring){ NULL, 0 };
}

const struct key *keyring_find(const struct keyring *ring, const char *domain, enum key_algorithm algorithm)
{
	const struct key *found = NULL;

	for (size_t i = 0; i < ring->count; i++) {
		const struct key *key = &ring->items[i];

		if (key->algorithm == algorithm && strcasecmp(key->domain, domain) == 0
			&& (found == NULL || strcmp(key->selector, found->selector) >= 0))
			found = key;
	}
	return found;
}

struct resolver *keyring_resolver(const struct keyring *ring)
{
	struct resolver *zone = resolver_zone_new();
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);

	for (size_t i = 0; i < ring->count; i++) {
		struct fail why;

		if (resolver_zone_add(zone, span_of(key_record(a, &ring->items[i])), &why) != 0)
			fail_environment(why.text); /* a record that we wrote ourselves */
		arena_reset(a);
	}
	arena_free(a);
	return zone;
}
