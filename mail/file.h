/* SPDX-License-Identifier: BSD-2-Clause */
/* Files: whole reads, views by mmap, and writes that are on disk when they return. Paths are used as given. */
#ifndef MAIL_FILE_H
#define MAIL_FILE_H

#include "mail/arena.h"
#include "mail/fail.h"

#include <sys/uio.h>

/* A file of up to so many bytes is read where it could be mapped: to end a mapping, all threads of a process have to be stopped. */
#define FILE_COPY_MAX_BYTES ((size_t)32 << 10)

/* A file seen as bytes in memory. */
struct file_view {
	struct span bytes;
	void *map; /* NULL for an empty file */
	size_t map_len; /* 0: not mapped, but copied to the heap */
};

/* Map a file read-only (a small one is read, which is cheaper). Undo with file_unmap. -1: it does not exist, is not a regular file or is larger than max_bytes. */
int file_map(const char *path, size_t max_bytes, struct file_view *view_r, struct fail *why);
/* The same of an open file; path: for messages. */
int file_map_fd(int fd, const char *path, size_t max_bytes, struct file_view *view_r, struct fail *why);
/* Read size bytes from offset, through short reads and EINTR. -1 with errno; EIO: the file ends before. */
int file_read_at(int fd, char *out, size_t size, size_t offset);
/* End a view; safe on a zeroed one. */
void file_unmap(struct file_view *view);
/* Read a whole file ("-" is standard input) into the arena. -1 beyond max_bytes or on an error. */
int file_read(struct arena *a, const char *path, size_t max_bytes, struct span *bytes_r, struct fail *why);
/* Write all slices to fd, through short writes and EINTR. iov is changed. -1 with errno. */
int file_write_all(int fd, struct iovec *iov, size_t count);
/* Make path hold exactly bytes: written beside it, fsync'd, renamed, directory fsync'd. mode as for open. */
int file_replace(const char *path, struct span bytes, unsigned mode, struct fail *why);
/* fsync the directory, so that names made or removed in it last. */
int file_sync_dir(const char *dir, struct fail *why);
/* Make a directory and those above it; an existing one is no error. */
int file_make_dir(const char *dir, unsigned mode, struct fail *why);

#endif
