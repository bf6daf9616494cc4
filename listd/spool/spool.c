/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/spool/spool_int.h"
#include "listd/event.h"
#include "listd/reply.h"
#include "listd/spool/job.h"
#include "listd/spool/journal.h"
#include "mail/secret.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Kept free beside what a message needs: room for forms, recipients and the store's log. */
#define RESERVE_BYTES ((uint64_t)32 << 20)
#define RESERVE_INODES 1000

static const struct { const char *name; size_t offset; } dir_rows[] = {
	{ "tmp", offsetof(struct spool, tmp_fd) }, { "journal", offsetof(struct spool, journal_fd) }, { "in", offsetof(struct spool, in_fd) },
	{ "held", offsetof(struct spool, held_fd) }, { "out", offsetof(struct spool, out_fd) },
	{ "kept", offsetof(struct spool, kept_fd) }, { "bad", offsetof(struct spool, bad_fd) },
};
#define DIR_COUNT (sizeof(dir_rows) / sizeof(dir_rows[0]))

static int *dir_fd_of(struct spool *spool, size_t row)
{
	return (int *)(void *)((char *)spool + dir_rows[row].offset);
}

int spool_fail_errno(struct fail *why, const char *what, const char *name)
{
	char text[PATH_MAX];
	int cause = errno;

	if (cause == ENOSPC || cause == EDQUOT)
		return reply_fail(why, REPLY_NO_SPACE);
	snprintf(text, sizeof(text), "%s%s: %s", what, name, strerror(cause));
	return reply_fail(why, REPLY_STORE_TROUBLE, text);
}

bool spool_name_is_safe(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= SPOOL_NAME_MAX_CHARS && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len && name[0] != '-';
}

int spool_place_fd(const struct spool *spool, enum spool_place place)
{
	return place == SPOOL_IN ? spool->in_fd : spool->held_fd;
}

static const char *place_name(enum spool_place place)
{
	return place == SPOOL_IN ? "in" : "held";
}

/* Whoever can write here can make the server send mail: nobody else may. */
static int check_owner(int fd, const char *dir, struct fail *why)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return spool_fail_errno(why, "cannot look at ", dir);
	if (st.st_uid != geteuid())
		return fail_permanent(why, "%s belongs to uid %u, not to uid %u that runs listd; chown it", dir, (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 022) != 0)
		return fail_permanent(why, "%s can be written by others than its owner; chmod 700 it", dir);
	return 0;
}

static int open_dir(int at, const char *path, const char *name, int *fd_r, struct fail *why)
{
	*fd_r = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd_r < 0)
		return spool_fail_errno(why, "cannot open ", name);
	return check_owner(*fd_r, name, why);
}

static int open_dirs(struct spool *spool, struct fail *why)
{
	char path[PATH_MAX];

	if (file_make_dir(spool->dir, 0700, why) != 0 || open_dir(AT_FDCWD, spool->dir, spool->dir, &spool->dir_fd, why) != 0)
		return -1;
	if (flock(spool->dir_fd, LOCK_EX | LOCK_NB) != 0)
		return fail_permanent(why, "%s is in use by another process", spool->dir);
	for (size_t i = 0; i < DIR_COUNT; i++) {
		snprintf(path, sizeof(path), "%s/%s", spool->dir, dir_rows[i].name);
		if (file_make_dir(path, 0700, why) != 0 || open_dir(spool->dir_fd, dir_rows[i].name, path, dir_fd_of(spool, i), why) != 0)
			return -1;
	}
	if (fsync(spool->dir_fd) != 0)
		return spool_fail_errno(why, "cannot sync ", spool->dir);
	return 0;
}

static bool is_any(const char *name)
{
	return name[0] != '.';
}

static int remove_leftovers(struct spool *spool, struct fail *why)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	const char **names;
	size_t count;
	int result = spool_list_names(spool->tmp_fd, "tmp", a, is_any, &names, &count, why);

	for (size_t i = 0; result == 0 && i < count; i++)
		unlinkat(spool->tmp_fd, names[i], 0);
	arena_free(a);
	return result == 0 ? job_sweep(spool, why) : -1;
}

int spool_open(const char *dir, struct spool **spool_r, struct fail *why)
{
	struct spool *spool = calloc(1, sizeof(*spool));

	if (spool == NULL || (spool->dir = strdup(dir)) == NULL)
		fail_environment("out of memory");
	spool->dir_fd = -1;
	for (size_t i = 0; i < DIR_COUNT; i++)
		*dir_fd_of(spool, i) = -1;
	if (strlen(dir) > PATH_MAX - 2 * SPOOL_NAME_MAX_CHARS)
		fail_permanent(why, "the path of the spool is too long");
	else if (open_dirs(spool, why) == 0 && spool_recover(spool, why) == 0 && remove_leftovers(spool, why) == 0) {
		spool->journal = journal_new(spool, spool->journal_fd);
		*spool_r = spool;
		return 0;
	}
	spool_close(spool);
	return -1;
}

/* What is stopped in good order is a spool of files; what cannot be written now is at the next start. */
static void close_journal(struct spool *spool)
{
	struct fail why;

	if (spool->journal != NULL && spool_recover(spool, &why) != 0)
		event_log(EVENT_FAULT, "file", "journal", "text", why.text, NULL);
	journal_free(spool->journal);
}

void spool_close(struct spool *spool)
{
	if (spool == NULL)
		return;
	close_journal(spool);
	for (size_t i = 0; i < DIR_COUNT; i++)
		if (*dir_fd_of(spool, i) >= 0)
			close(*dir_fd_of(spool, i));
	if (spool->dir_fd >= 0)
		close(spool->dir_fd);
	free(spool->dir);
	free(spool);
}

const char *spool_dir(const struct spool *spool)
{
	return spool->dir;
}

/* They stand in the order of ASCII, unlike those of RFC 4648, so that names sort as numbers do. */
static const char digits[] = "234567abcdefghijklmnopqrstuvwxyz";

/* Base32 of value in count characters. */
static char *put_base32(char *at, uint64_t value, unsigned count)
{
	for (unsigned i = count; i-- > 0;)
		*at++ = digits[value >> (5 * i) & 31];
	return at;
}

/* 7 characters of seconds, 4 of microseconds, 9 (45 bits) of chance. */
void spool_id(int64_t now_secs, char id_r[SPOOL_ID_CHARS + 1])
{
	struct timespec now;
	uint64_t chance;
	char *at = id_r;

	clock_gettime(CLOCK_REALTIME, &now);
	secret_random(&chance, sizeof(chance));
	at = put_base32(at, (uint64_t)now_secs, 7);
	at = put_base32(at, (uint64_t)(now.tv_sec > now_secs ? 999999 : now.tv_nsec / 1000), 4);
	at = put_base32(at, chance, 9);
	*at = '\0';
}

int64_t spool_id_secs(const char *id)
{
	int64_t secs = 0;

	if (strlen(id) < SPOOL_ID_CHARS)
		return -1;
	for (int i = 0; i < 7; i++) {
		const char *digit = strchr(digits, id[i]);

		if (digit == NULL)
			return -1;
		secs = secs << 5 | (digit - digits);
	}
	return secs;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int spool_list_names(int dir_fd, const char *what, struct arena *a, bool (*keep)(const char *name), const char ***names_r, size_t *count_r, struct fail *why)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const char **names = NULL;
	size_t count = 0, cap = 0;
	struct dirent *entry;

	if (dir == NULL) {
		spool_fail_errno(why, "cannot list ", what);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL)
		if (keep(entry->d_name)) {
			const char **slot = arena_grow(a, &names, &cap, count, sizeof(names[0]));

			*slot = arena_text(a, span_of(entry->d_name));
			count++;
		}
	closedir(dir);
	if (count > 0)
		qsort(names, count, sizeof(names[0]), compare_names);
	*names_r = names;
	*count_r = count;
	return 0;
}

int spool_ids(struct spool *spool, struct arena *a, enum spool_place place, const char ***ids_r, size_t *count_r, struct fail *why)
{
	return spool_list_names(spool_place_fd(spool, place), place_name(place), a, spool_name_is_safe, ids_r, count_r, why);
}

void spool_put_aside(struct spool *spool, int from_fd, const char *name, const char *reason)
{
	if (renameat(from_fd, name, spool->bad_fd, name) == 0) {
		fsync(spool->bad_fd);
		fsync(from_fd);
	} else if (errno == ENOENT) {
		return; /* it was removed while it was being read: in good order */
	}
	event_log(EVENT_SPOOL_DAMAGED, "file", name, "reason", reason, NULL);
}

static int check_name(const char *id, struct fail *why)
{
	return spool_name_is_safe(id) ? 0 : fail_permanent(why, "not an id: %s", id);
}

int spool_read(struct spool *spool, struct arena *a, enum spool_place place, const char *id, struct spooled *spooled_r, struct fail *why)
{
	struct spooled s = { 0 };
	char path[PATH_MAX];

	if (check_name(id, why) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%s/%s", spool->dir, place_name(place), id);
	if (file_map(path, SIZE_MAX, &s.view, why) != 0)
		return -1;
	if (spool_trailer_parse(a, s.view.bytes, &s.envelope, &s.message, why) != 0) {
		file_unmap(&s.view);
		spool_put_aside(spool, spool_place_fd(spool, place), id, why->text);
		return fail_prefix(why, "%s/%s was put aside into bad/", place_name(place), id);
	}
	s.envelope.id = arena_text(a, span_of(id)); /* a held copy has a name of its own */
	*spooled_r = s;
	return 0;
}

void spool_unread(struct spooled *spooled)
{
	file_unmap(&spooled->view);
	spooled->message = (struct span){ NULL, 0 };
}

int spool_remove(struct spool *spool, enum spool_place place, const char *id, struct fail *why)
{
	if (check_name(id, why) != 0)
		return -1;
	if (unlinkat(spool_place_fd(spool, place), id, 0) != 0 && errno != ENOENT)
		return spool_fail_errno(why, "cannot remove ", id);
	return 0;
}

int spool_hold(struct spool *spool, const char *id, const char *held_id, struct fail *why)
{
	if (check_name(id, why) != 0 || check_name(held_id, why) != 0)
		return -1;
	if (linkat(spool->in_fd, id, spool->held_fd, held_id, 0) != 0 && errno != EEXIST)
		return spool_fail_errno(why, "cannot link to held/", held_id);
	return fsync(spool->held_fd) == 0 ? 0 : spool_fail_errno(why, "cannot sync ", "held");
}

/* Write in/new_id with the message of a held post and an envelope of its own. */
static int copy_held(struct spool *spool, const struct spooled *held, const char *new_id, const char *only_rcpt, const char *released_by, struct fail *why)
{
	struct envelope envelope = held->envelope;
	struct spool_writer *writer;
	const char *rcpts[] = { only_rcpt };

	envelope.id = new_id;
	envelope.released_by = released_by;
	if (only_rcpt != NULL) {
		envelope.rcpts = rcpts;
		envelope.rcpt_count = 1;
	}
	if (spool_begin(spool, new_id, &writer, why) != 0)
		return -1;
	if (spool_add(writer, held->message, why) != 0) {
		spool_abort(writer);
		return -1;
	}
	return spool_commit(writer, &envelope, why);
}

int spool_release(struct spool *spool, const char *held_id, const char *new_id, const char *only_rcpt, const char *released_by, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct spooled held = { 0 };
	int result = check_name(new_id, why);

	if (result == 0)
		result = spool_read(spool, a, SPOOL_HELD, held_id, &held, why);
	/* A release that was cut off after its commit is gone on with. */
	if (result == 0 && faccessat(spool->in_fd, new_id, F_OK, 0) != 0)
		result = copy_held(spool, &held, new_id, only_rcpt, released_by, why);
	if (result == 0)
		result = spool_remove(spool, SPOOL_HELD, held_id, why);
	if (result == 0 && fsync(spool->held_fd) != 0)
		result = spool_fail_errno(why, "cannot sync ", "held");
	spool_unread(&held);
	arena_free(a);
	return result;
}

bool spool_has_space(struct spool *spool, uint64_t wanted_bytes)
{
	struct statvfs st;
	uint64_t free_bytes;

	if (fstatvfs(spool->dir_fd, &st) != 0)
		return false;
	free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	/* Some file systems make inodes as they go and count none. */
	return free_bytes >= RESERVE_BYTES && free_bytes - RESERVE_BYTES >= wanted_bytes && (st.f_files == 0 || st.f_favail >= RESERVE_INODES);
}
