/* SPDX-License-Identifier: BSD-2-Clause */
/* From the journal to in/: messages that cannot be dealt with at once, and those that a crash has left. */
#include "listd/spool/journal.h"
#include "listd/spool/spool_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not synced yet. fd_r: of the file. */
static int write_file(struct spool *spool, const char *id, struct span file, int *fd_r, struct fail *why)
{
	struct iovec iov = { (void *)(uintptr_t)file.ptr, file.len };
	int fd = openat(spool->tmp_fd, id, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0 && file_write_all(fd, &iov, 1) == 0 && renameat(spool->tmp_fd, id, spool->in_fd, id) == 0) {
		*fd_r = fd;
		return 0;
	}
	spool_fail_errno(why, "cannot write in/", id);
	if (fd >= 0)
		close(fd);
	unlinkat(spool->tmp_fd, id, 0);
	return -1;
}

/* The rename comes first, as in spool_writer.c. */
static int write_durable(struct spool *spool, const char *id, struct span file, struct fail *why)
{
	int fd, result;

	if (write_file(spool, id, file, &fd, why) != 0)
		return -1;
	result = fdatasync(fd) == 0 && fsync(spool->in_fd) == 0 ? 0 : spool_fail_errno(why, "cannot sync in/", id);
	close(fd);
	return result;
}

int spool_settle(struct spool *spool, const char *id, struct spool_entry *entry, struct fail *why)
{
	char *file;
	int result;

	if (entry->bytes == 0)
		return 0;
	file = malloc(entry->bytes);
	if (file == NULL)
		fail_environment("out of memory");
	result = journal_get(spool->journal, entry, file, why);
	if (result == 0)
		result = write_durable(spool, id, (struct span){ file, entry->bytes }, why);
	free(file);
	if (result != 0)
		return -1;
	journal_end(spool->journal, entry);
	journal_sync(spool->journal); /* nothing but the file will tell that it has been dealt with */
	entry->bytes = 0;
	return 0;
}

int spool_let_go(struct spool *spool, const char *id, struct spool_entry *entry, struct fail *why)
{
	if (entry->bytes == 0)
		return spool_remove(spool, SPOOL_IN, id, why);
	journal_end(spool->journal, entry);
	entry->bytes = 0;
	return 0;
}

static int recover_entry(void *context, const char *id, struct span file, struct fail *why)
{
	int fd;

	if (write_file(context, id, file, &fd, why) != 0)
		return -1;
	close(fd);
	return 0;
}

/* 1: it is no segment. */
static int recover_entries(struct spool *spool, const char *name, struct fail *why)
{
	struct file_view view = { 0 };
	int fd = openat(spool->journal_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC), result;

	if (fd < 0)
		return spool_fail_errno(why, "cannot open journal/", name);
	result = file_map_fd(fd, name, JOURNAL_SEGMENT_BYTES, &view, why);
	close(fd);
	if (result == 0)
		result = journal_scan(view.bytes, recover_entry, spool, why);
	file_unmap(&view);
	return result < 0 ? fail_prefix(why, "journal/%s", name) : result;
}

/* One at a time: a spool that has filled its disk has room for the files of one, and its removal makes room for the next. */
static int recover_segment(struct spool *spool, const char *name, struct fail *why)
{
	int result = recover_entries(spool, name, why);

	if (result > 0) {
		spool_put_aside(spool, spool->journal_fd, name, "it stands in journal/, and is no segment");
		return 0;
	}
	if (result < 0)
		return -1;
	/* of all files at once */
	if (syncfs(spool->in_fd) != 0)
		return spool_fail_errno(why, "cannot sync ", "in");
	return unlinkat(spool->journal_fd, name, 0) == 0 ? 0 : spool_fail_errno(why, "cannot remove journal/", name);
}

static bool is_segment(const char *name)
{
	return name[0] != '.' && strspn(name, "0123456789") == strlen(name);
}

int spool_recover(struct spool *spool, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	const char **names;
	size_t count;
	int result = spool_list_names(spool->journal_fd, "journal", a, is_segment, &names, &count, why);

	for (size_t i = 0; result == 0 && i < count; i++)
		result = recover_segment(spool, names[i], why);
	if (result == 0 && count > 0 && fsync(spool->journal_fd) != 0)
		result = spool_fail_errno(why, "cannot sync ", "journal");
	arena_free(a);
	return result;
}
