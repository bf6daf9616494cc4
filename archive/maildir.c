/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/maildir.h"

#include "mail/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
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

int maildir_rename(const char *dir, const char *from, const char *to, struct fail *why)
{
	char old[PATH_MAX], new[PATH_MAX];

	if (path_of(old, dir, from, "", "", why) != 0 || path_of(new, dir, to, "", "", why) != 0)
		return -1;
	if (rename(old, new) != 0 && errno != ENOENT)
		return fail_permanent(why, "cannot rename the archive %s to %s: %s", old, new, strerror(errno));
	return 0;
}
