/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/maildir.h"

#include "mail/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int path_of(char path_r[PATH_MAX], const char *dir, const char *list, const char *part, const char *id, struct fail *why)
{
	if (strchr(list, '/') != NULL || strchr(id, '/') != NULL || list[0] == '.' || id[0] == '.')
		return fail_permanent(why, "not a name for an archive: %s", list);
	if (snprintf(path_r, PATH_MAX, "%s/%s/%s%s%s", dir, list, part, *id == '\0' ? "" : "/", id) >= PATH_MAX)
		return fail_permanent(why, "path too long below %s", dir);
	return 0;
}

static int make_dirs(const char *dir, const char *list, struct fail *why)
{
	static const char *const parts[] = { "tmp", "cur", "new" };
	char path[PATH_MAX];

	for (size_t i = 0; i < 3; i++)
		if (path_of(path, dir, list, parts[i], "", why) != 0 || file_make_dir(path, 0750, why) != 0)
			return -1;
	return 0;
}

static int write_file(const char *path, struct span bytes, struct fail *why)
{
	struct iovec iov = { (void *)(uintptr_t)bytes.ptr, bytes.len };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	if (fd < 0)
		return fail_temporary(why, "cannot create %s: %s", path, strerror(errno));
	if (file_write_all(fd, &iov, 1) != 0 || fdatasync(fd) != 0) {
		fail_temporary(why, "cannot write %s: %s", path, strerror(errno));
		close(fd);
		unlink(path);
		return -1;
	}
	close(fd);
	return 0;
}

int maildir_store(const char *dir, const char *list, const char *id, struct span bytes, struct fail *why)
{
	char tmp[PATH_MAX], new[PATH_MAX], parent[PATH_MAX];
	struct stat st;

	if (path_of(tmp, dir, list, "tmp", id, why) != 0 || path_of(new, dir, list, "new", id, why) != 0 || path_of(parent, dir, list, "new", "", why) != 0)
		return -1;
	if (stat(new, &st) == 0 && (uintmax_t)st.st_size == bytes.len)
		return 0;
	if (stat(parent, &st) != 0 && make_dirs(dir, list, why) != 0)
		return -1;
	if (write_file(tmp, bytes, why) != 0)
		return -1;
	if (rename(tmp, new) != 0)
		return fail_temporary(why, "cannot rename to %s: %s", new, strerror(errno));
	return file_sync_dir(parent, why);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

struct visit { const char *dir, *list; int64_t since_secs; int (*each)(void *context, const char *id, int64_t stored_secs, const char *path); void *context; };

static int visit_file(const struct visit *v, const char *part, const char *id, struct fail *why)
{
	char path[PATH_MAX];
	struct stat st;

	if (path_of(path, v->dir, v->list, part, id, why) != 0)
		return -1;
	return stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_mtime < v->since_secs ? 0 : v->each(v->context, id, st.st_mtime, path);
}

static int visit_part(const struct visit *v, const char *part, struct fail *why)
{
	char path[PATH_MAX];
	struct dirent **list = NULL;
	int count, result = 0;

	if (path_of(path, v->dir, v->list, part, "", why) != 0)
		return -1;
	count = scandir(path, &list, is_visible, by_name);
	if (count < 0 && errno != ENOENT)
		return fail_permanent(why, "cannot read the archive %s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (result == 0)
			result = visit_file(v, part, list[i]->d_name, why);
		free(list[i]);
	}
	free(list);
	return result;
}

int maildir_each(const char *dir, const char *list, int64_t since_secs, int (*each)(void *context, const char *id, int64_t stored_secs, const char *path), void *context,
	struct fail *why)
{
	const struct visit v = { dir, list, since_secs, each, context };
	int result = visit_part(&v, "cur", why);

	return result != 0 ? result : visit_part(&v, "new", why);
}

int maildir_rename(const char *dir, const char *from, const char *to, struct fail *why)
{
	char old[PATH_MAX], new[PATH_MAX];

	if (path_of(old, dir, from, "", "", why) != 0 || path_of(new, dir, to, "", "", why) != 0)
		return -1;
	if (rename(old, new) != 0 && errno != ENOENT)
		return fail_permanent(why, "cannot rename the archive %s to %s: %s", old, new, strerror(errno));
	return 0;
}
