/* SPDX-License-Identifier: BSD-2-Clause */
/* How a message becomes durable, in as few system calls as there can be. A small one that is dealt with at once goes to the journal; for any other:
 *
 *   tmp/ID  written (message, envelope, footer: one writev for a message up to BUFFER_BYTES)
 *   rename  to in/ID
 *   fdatasync of the file, fsync of in/
 *
 * The rename comes before the syncs, so that journalling file systems (ext4, xfs, btrfs) commit once for both. The price: after a
 * power failure in between, in/ may hold a torn file. It has no whole footer, was never acknowledged and is put aside when it is read. */
#include "listd/spool/journal.h"
#include "listd/spool/spool_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Nearly all posts fit; twenty sessions at once cost 5 MB. */
#define BUFFER_BYTES ((size_t)256 << 10)

struct spool_writer {
	struct spool *spool;
	char id[SPOOL_NAME_MAX_CHARS + 1];
	int fd;                /* -1 until the message outgrows the buffer, or is committed */
	struct buf pending;    /* not yet in the file */
	uint64_t file_bytes;   /* in the file */
	struct spool_sum sum;  /* of what is in the file */
	void *map;
	size_t map_len;
};

int spool_begin(struct spool *spool, const char *id, struct spool_writer **writer_r, struct fail *why)
{
	struct spool_writer *w;

	if (!spool_name_is_safe(id))
		return fail_permanent(why, "not an id: %s", id);
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		fail_environment("out of memory");
	w->spool = spool;
	w->fd = -1;
	snprintf(w->id, sizeof(w->id), "%s", id);
	buf_init(&w->pending, BUFFER_BYTES);
	spool_sum_init(&w->sum);
	*writer_r = w;
	return 0;
}

static int open_file(struct spool_writer *w, struct fail *why)
{
	if (w->fd < 0)
		w->fd = openat(w->spool->tmp_fd, w->id, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return w->fd < 0 ? spool_fail_errno(why, "cannot create tmp/", w->id) : 0;
}

static int write_slices(struct spool_writer *w, struct iovec *iov, size_t count, struct fail *why)
{
	if (open_file(w, why) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		spool_sum_add(&w->sum, (struct span){ iov[i].iov_base, iov[i].iov_len });
		w->file_bytes += iov[i].iov_len;
	}
	return file_write_all(w->fd, iov, count) == 0 ? 0 : spool_fail_errno(why, "cannot write tmp/", w->id);
}

static struct iovec as_iovec(struct span s)
{
	return (struct iovec){ (void *)(uintptr_t)s.ptr, s.len };
}

int spool_add(struct spool_writer *w, struct span bytes, struct fail *why)
{
	struct iovec iov[2];
	int result;

	if (bytes.len <= BUFFER_BYTES - w->pending.len) {
		buf_put(&w->pending, bytes);
		return 0;
	}
	iov[0] = as_iovec(buf_span(&w->pending));
	iov[1] = as_iovec(bytes);
	result = write_slices(w, iov, 2, why);
	buf_reset(&w->pending);
	return result;
}

static void drop_map(struct spool_writer *w)
{
	if (w->map != NULL)
		munmap(w->map, w->map_len);
	w->map = NULL;
}

int spool_view(struct spool_writer *w, struct span *bytes_r, struct fail *why)
{
	struct iovec iov = as_iovec(buf_span(&w->pending));

	drop_map(w);
	if (w->fd < 0) {
		*bytes_r = (struct span){ w->pending.len == 0 ? "" : w->pending.ptr, w->pending.len };
		return 0;
	}
	if (write_slices(w, &iov, 1, why) != 0)
		return -1;
	buf_reset(&w->pending);
	w->map_len = (size_t)w->file_bytes;
	w->map = mmap(NULL, w->map_len, PROT_READ, MAP_SHARED, w->fd, 0);
	if (w->map == MAP_FAILED) {
		w->map = NULL;
		return spool_fail_errno(why, "cannot map tmp/", w->id);
	}
	*bytes_r = (struct span){ w->map, w->map_len };
	return 0;
}

/* What is pending, the envelope and the footer, in one write. */
static int write_end(struct spool_writer *w, const struct envelope *envelope, struct fail *why)
{
	struct buf trailer;
	struct iovec iov[2];
	struct spool_sum sum = w->sum;
	int result;

	buf_init(&trailer, SPOOL_ENVELOPE_MAX_BYTES + SPOOL_FOOTER_BYTES);
	spool_sum_add(&sum, buf_span(&w->pending));
	result = spool_trailer_put(w->file_bytes + w->pending.len, &sum, envelope, &trailer, why);
	if (result == 0) {
		iov[0] = as_iovec(buf_span(&w->pending));
		iov[1] = as_iovec(buf_span(&trailer));
		result = open_file(w, why);
		if (result == 0 && file_write_all(w->fd, iov, 2) != 0)
			result = spool_fail_errno(why, "cannot write tmp/", w->id);
	}
	buf_done(&trailer);
	return result;
}

static int publish(struct spool_writer *w, struct fail *why)
{
	if (renameat(w->spool->tmp_fd, w->id, w->spool->in_fd, w->id) != 0)
		return spool_fail_errno(why, "cannot rename to in/", w->id);
	if (fdatasync(w->fd) == 0 && fsync(w->spool->in_fd) == 0)
		return 0;
	spool_fail_errno(why, "cannot sync in/", w->id);
	unlinkat(w->spool->in_fd, w->id, 0);
	return -1;
}

static void free_writer(struct spool_writer *w)
{
	drop_map(w);
	if (w->fd >= 0)
		close(w->fd);
	buf_done(&w->pending);
	free(w);
}

int spool_commit(struct spool_writer *w, const struct envelope *envelope, struct fail *why)
{
	int result = write_end(w, envelope, why);

	if (result == 0)
		result = publish(w, why);
	if (result != 0) {
		spool_abort(w);
		return -1;
	}
	free_writer(w);
	return 0;
}

/* As it would stand in its file. 1: no room. */
static int put_into_journal(struct spool_writer *w, const struct envelope *envelope, struct spool_entry *entry_r, struct fail *why)
{
	struct span message = buf_span(&w->pending);
	struct buf trailer;
	int result;

	buf_init(&trailer, SPOOL_ENVELOPE_MAX_BYTES + SPOOL_FOOTER_BYTES);
	result = spool_trailer_make(message, envelope, &trailer, why);
	if (result == 0) {
		struct iovec slices[] = { as_iovec(message), as_iovec(buf_span(&trailer)) };

		result = trailer.len > SPOOL_SMALL_BYTES ? 1 : journal_put(w->spool->journal, w->id, slices, 2, entry_r);
	}
	buf_done(&trailer);
	return result;
}

int spool_accept(struct spool_writer *w, const struct envelope *envelope, struct spool_entry *entry_r, struct fail *why)
{
	bool is_small = w->fd < 0 && w->pending.len <= SPOOL_SMALL_BYTES && strlen(w->id) == SPOOL_ID_CHARS;
	int result = is_small ? put_into_journal(w, envelope, entry_r, why) : 1;

	if (result > 0) {
		*entry_r = (struct spool_entry){ 0 };
		return spool_commit(w, envelope, why);
	}
	if (result < 0) {
		spool_abort(w);
		return -1;
	}
	free_writer(w);
	return 0;
}

void spool_abort(struct spool_writer *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0)
		unlinkat(w->spool->tmp_fd, w->id, 0);
	free_writer(w);
}
