/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/file.h"
#include "mail/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_errno(struct fail *why, const char *what, const char *path)
{
	/* What the name or the file itself brings. Anything else, such as want of memory, says nothing of the file. */
	static const int lasting[] = { ENOENT, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG, EACCES, EPERM, EROFS, EEXIST, EFBIG, EINVAL, ENXIO };
	bool permanent = false;

	for (size_t i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++)
		permanent |= errno == lasting[i];
	return permanent ? fail_permanent(why, "%s %s: %s", what, path, strerror(errno))
		: fail_temporary(why, "%s %s: %s", what, path, strerror(errno));
}

int file_read_at(int fd, char *out, size_t size, size_t offset)
{
	size_t at = 0;

	while (at < size) {
		ssize_t got = pread(fd, out + at, size - at, (off_t)(offset + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			errno = got == 0 ? EIO : errno; /* it shrank */
			return -1;
		}
		at += (size_t)got;
	}
	return 0;
}

static int view_small(int fd, size_t size, struct file_view *view)
{
	if (size == 0)
		return 0;
	view->map = malloc(size);
	if (view->map == NULL)
		fail_environment("out of memory");
	view->bytes = (struct span){ view->map, size };
	return file_read_at(fd, view->map, size, 0);
}

static int view_large(int fd, size_t size, struct file_view *view)
{
	void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

	if (map == MAP_FAILED)
		return -1;
	*view = (struct file_view){ .map = map, .map_len = size, .bytes = { map, size } };
	return 0;
}

int file_map_fd(int fd, const char *path, size_t max_bytes, struct file_view *view_r, struct fail *why)
{
	struct file_view view = { 0 };
	struct stat st;
	int result;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return fail_permanent(why, "%s is not a regular file", path);
	if ((uintmax_t)st.st_size > max_bytes)
		return fail_permanent(why, "%s is larger than %zu bytes", path, max_bytes);
	result = (size_t)st.st_size <= FILE_COPY_MAX_BYTES ? view_small(fd, (size_t)st.st_size, &view) : view_large(fd, (size_t)st.st_size, &view);
	if (result != 0) {
		fail_errno(why, "cannot read", path);
		file_unmap(&view);
		return -1;
	}
	*view_r = view;
	return 0;
}

int file_map(const char *path, size_t max_bytes, struct file_view *view_r, struct fail *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), result;

	if (fd < 0)
		return fail_errno(why, "cannot open", path);
	result = file_map_fd(fd, path, max_bytes, view_r, why);
	close(fd);
	return result;
}

void file_unmap(struct file_view *view)
{
	if (view->map_len > 0)
		munmap(view->map, view->map_len);
	else
		free(view->map);
	*view = (struct file_view){ 0 };
}

static int read_fd(struct buf *b, int fd)
{
	for (;;) {
		char *room = buf_room(b, 65536);
		ssize_t got;

		if (room == NULL) {
			errno = EFBIG;
			return -1;
		}
		got = read(fd, room, 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (int)got;
		b->len += (size_t)got;
	}
}

int file_read(struct arena *a, const char *path, size_t max_bytes, struct span *bytes_r, struct fail *why)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct buf b;
	int result;

	if (fd < 0)
		return fail_errno(why, "cannot open", path);
	buf_init(&b, max_bytes + 65536);
	result = read_fd(&b, fd);
	if (result == 0 && b.len > max_bytes) {
		errno = EFBIG;
		result = -1;
	}
	if (result == 0)
		*bytes_r = arena_span(a, buf_span(&b));
	else
		fail_errno(why, "cannot read", is_stdin ? "standard input" : path);
	buf_done(&b);
	if (!is_stdin)
		close(fd);
	return result;
}

int file_write_all(int fd, struct iovec *iov, size_t count)
{
	while (count > 0) {
		ssize_t put = writev(fd, iov, count > IOV_MAX ? IOV_MAX : (int)count);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		while (count > 0 && (size_t)put >= iov->iov_len) {
			put -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count > 0) {
			iov->iov_base = (char *)iov->iov_base + put;
			iov->iov_len -= (size_t)put;
		}
	}
	return 0;
}

static void parent_dir(const char *path, char *dir_r, size_t size)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		snprintf(dir_r, size, ".");
	else
		snprintf(dir_r, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

int file_sync_dir(const char *dir, struct fail *why)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (fd < 0)
		return fail_errno(why, "cannot open", dir);
	result = fsync(fd);
	if (result != 0)
		fail_errno(why, "cannot sync", dir);
	close(fd);
	return result;
}

int file_replace(const char *path, struct span bytes, unsigned mode, struct fail *why)
{
	char beside[PATH_MAX], dir[PATH_MAX];
	struct iovec iov = { (void *)(uintptr_t)bytes.ptr, bytes.len };
	int fd;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return fail_permanent(why, "path too long: %s", path);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return fail_errno(why, "cannot create", beside);
	if (file_write_all(fd, &iov, 1) != 0 || fsync(fd) != 0) {
		fail_errno(why, "cannot write", beside);
		close(fd);
		unlink(beside);
		return -1;
	}
	close(fd);
	if (rename(beside, path) != 0) {
		fail_errno(why, "cannot rename to", path);
		unlink(beside);
		return -1;
	}
	parent_dir(path, dir, sizeof(dir));
	return file_sync_dir(dir, why);
}

int file_make_dir(const char *dir, unsigned mode, struct fail *why)
{
	char part[PATH_MAX];

	if (snprintf(part, sizeof(part), "%s", dir) >= (int)sizeof(part))
		return fail_permanent(why, "path too long: %s", dir);
	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, (mode_t)mode) != 0 && errno != EEXIST)
			return fail_errno(why, "cannot make directory", part);
		*p = c;
		if (c == '\0')
			return 0;
	}
}
