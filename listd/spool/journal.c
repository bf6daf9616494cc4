/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/spool/journal.h"

#include "listd/event.h"
#include "listd/spool/spool_int.h"
#include "mail/clock.h"
#include "mail/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGMENT_FORMAT "#listd-journal-1 %016" PRIx64 "\n"
#define ENTRY_FORMAT "#listd-journal %016" PRIx64 " %08zx %." STRING(SPOOL_ID_CHARS) "s %c\n"
#define STRING(x) STRING_OF(x)
#define STRING_OF(x) #x
#define STATE_AT (JOURNAL_HEAD_BYTES - 2)
#define ALIVE '.'
#define OVER 'x'
/* After trouble with a new segment: what it costs to try is not to be paid for each message. */
#define REST_MS 60000

struct segment {
	int fd;                    /* -1: not made yet */
	uint64_t nonce;
	size_t used_bytes;
	size_t alive;              /* entries, with those that are being written */
	uint64_t written, synced;  /* entries and their ends, ever */
	bool syncing, broken;
};

struct journal {
	struct spool *spool;
	int dir_fd;
	pthread_mutex_t lock;
	pthread_cond_t synced;
	struct segment segments[JOURNAL_SEGMENTS_MAX];
	unsigned current;
	int64_t rest_until_ms;     /* no segment is begun before */
};

struct journal *journal_new(struct spool *spool, int dir_fd)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (j == NULL)
		fail_environment("out of memory");
	j->spool = spool;
	j->dir_fd = dir_fd;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->synced, NULL);
	for (unsigned i = 0; i < JOURNAL_SEGMENTS_MAX; i++)
		j->segments[i].fd = -1;
	return j;
}

void journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	for (unsigned i = 0; i < JOURNAL_SEGMENTS_MAX; i++)
		if (j->segments[i].fd >= 0)
			close(j->segments[i].fd);
	pthread_cond_destroy(&j->synced);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

static void tell_trouble(const char *what)
{
	event_log(EVENT_FAULT, "file", "journal", "text", what, "reason", strerror(errno), NULL);
}

/* From its front, with a nonce that no entry in it has. */
static bool use_again(struct segment *s)
{
	char block[JOURNAL_BLOCK_BYTES] = "";
	uint64_t nonce;

	secret_random(&nonce, sizeof(nonce));
	snprintf(block, sizeof(block), SEGMENT_FORMAT, nonce);
	if (pwrite(s->fd, block, sizeof(block), 0) != (ssize_t)sizeof(block)) {
		tell_trouble("cannot use a segment again");
		return false; /* it stays full: an entry behind another nonce would be none */
	}
	s->nonce = nonce;
	s->used_bytes = JOURNAL_BLOCK_BYTES;
	return true;
}

/* Written once, so that nothing has to be found or noted when entries are. */
static bool fill(int fd)
{
	static const char zeros[64 << 10];

	for (size_t at = 0; at < JOURNAL_SEGMENT_BYTES; at += sizeof(zeros))
		if (pwrite(fd, zeros, sizeof(zeros), (off_t)at) != (ssize_t)sizeof(zeros))
			return false;
	return true;
}

static bool make_segment(struct journal *j, unsigned number)
{
	struct segment *s = &j->segments[number];
	char name[16];

	if (!spool_has_space(j->spool, JOURNAL_SEGMENT_BYTES))
		return false;
	snprintf(name, sizeof(name), "%u", number);
	s->fd = openat(j->dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (s->fd >= 0 && fill(s->fd) && use_again(s) && fsync(s->fd) == 0 && fsync(j->dir_fd) == 0)
		return true;
	tell_trouble("cannot make a segment");
	if (s->fd >= 0) {
		close(s->fd);
		unlinkat(j->dir_fd, name, 0);
	}
	s->fd = -1;
	return false;
}

static bool has_room(const struct segment *s, size_t bytes)
{
	return s->fd >= 0 && !s->broken && JOURNAL_SEGMENT_BYTES - s->used_bytes >= bytes;
}

/* With the lock held. NULL: there is none. */
static struct segment *find_room(struct journal *j, size_t bytes)
{
	if (has_room(&j->segments[j->current], bytes))
		return &j->segments[j->current];
	for (unsigned i = 0; i < JOURNAL_SEGMENTS_MAX && clock_monotonic_ms() >= j->rest_until_ms; i++) {
		struct segment *s = &j->segments[i];

		if (s->broken || (s->fd >= 0 && s->alive > 0))
			continue;
		if (s->fd < 0 ? make_segment(j, i) : use_again(s)) {
			j->current = i;
			return s;
		}
		j->rest_until_ms = clock_monotonic_ms() + REST_MS;
	}
	return NULL;
}

static bool write_entry(const struct segment *s, const struct spool_entry *entry, const char *id, const struct iovec *slices, size_t count)
{
	char head[JOURNAL_HEAD_BYTES + 1];
	struct iovec iov[1 + JOURNAL_SLICES_MAX] = { { head, JOURNAL_HEAD_BYTES } };
	size_t bytes = JOURNAL_HEAD_BYTES + entry->bytes;
	int len = snprintf(head, sizeof(head), ENTRY_FORMAT, s->nonce, entry->bytes, id, ALIVE);

	assert(len == JOURNAL_HEAD_BYTES && count <= JOURNAL_SLICES_MAX);
	memcpy(iov + 1, slices, count * sizeof(*slices));
	return pwritev(s->fd, iov, (int)count + 1, (off_t)entry->at) == (ssize_t)bytes;
}

static void leave_alone(struct segment *s)
{
	s->broken = true;
	tell_trouble("cannot write a segment, which is used no more");
}

/* Wait until what was written up to then is on disk: whoever comes while nobody syncs does it for all who wait. With the lock held. */
static bool sync_up_to(struct journal *j, struct segment *s, uint64_t ticket)
{
	while (s->synced < ticket && !s->broken) {
		uint64_t written = s->written;
		bool done;

		if (s->syncing) {
			pthread_cond_wait(&j->synced, &j->lock);
			continue;
		}
		s->syncing = true;
		pthread_mutex_unlock(&j->lock);
		done = fdatasync(s->fd) == 0;
		pthread_mutex_lock(&j->lock);
		s->syncing = false;
		if (done)
			s->synced = written;
		else
			leave_alone(s); /* what a failed sync has left behind nobody knows */
		pthread_cond_broadcast(&j->synced);
	}
	return s->synced >= ticket;
}

static size_t whole_blocks(size_t bytes)
{
	return (bytes + JOURNAL_BLOCK_BYTES - 1) / JOURNAL_BLOCK_BYTES * JOURNAL_BLOCK_BYTES;
}

static struct segment *reserve(struct journal *j, struct spool_entry *entry)
{
	size_t bytes = whole_blocks(JOURNAL_HEAD_BYTES + entry->bytes);
	struct segment *s;

	pthread_mutex_lock(&j->lock);
	s = find_room(j, bytes);
	if (s != NULL) {
		entry->segment = (unsigned)(s - j->segments);
		entry->at = s->used_bytes;
		s->used_bytes += bytes;
		s->alive++;
	}
	pthread_mutex_unlock(&j->lock);
	return s;
}

static bool sync_entry(struct journal *j, struct segment *s, bool written)
{
	bool synced = false;

	pthread_mutex_lock(&j->lock);
	if (written)
		synced = sync_up_to(j, s, ++s->written);
	else
		leave_alone(s);
	pthread_mutex_unlock(&j->lock);
	return synced;
}

int journal_put(struct journal *j, const char *id, const struct iovec *slices, size_t count, struct spool_entry *entry_r)
{
	struct spool_entry entry = { 0 };
	struct segment *s;

	for (size_t i = 0; i < count; i++)
		entry.bytes += slices[i].iov_len;
	s = reserve(j, &entry);
	if (s == NULL)
		return 1;
	if (sync_entry(j, s, write_entry(s, &entry, id, slices, count))) {
		*entry_r = entry;
		return 0;
	}
	journal_end(j, &entry);
	return 1;
}

int journal_get(struct journal *j, const struct spool_entry *entry, char *out, struct fail *why)
{
	if (file_read_at(j->segments[entry->segment].fd, out, entry->bytes, entry->at + JOURNAL_HEAD_BYTES) == 0)
		return 0;
	return spool_fail_errno(why, "cannot read ", "the journal");
}

void journal_end(struct journal *j, const struct spool_entry *entry)
{
	struct segment *s = &j->segments[entry->segment];
	const char over = OVER;

	/* before the segment can be used again */
	if (pwrite(s->fd, &over, 1, (off_t)(entry->at + STATE_AT)) != 1)
		tell_trouble("cannot write that an entry is over; the message is looked at again after the next start");
	pthread_mutex_lock(&j->lock);
	s->alive--;
	s->written++;
	pthread_mutex_unlock(&j->lock);
}

void journal_sync(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	for (unsigned i = 0; i < JOURNAL_SEGMENTS_MAX; i++)
		sync_up_to(j, &j->segments[i], j->segments[i].written);
	pthread_mutex_unlock(&j->lock);
}

/* The id and the file of an entry at the front of rest. */
static bool read_entry(struct span rest, uint64_t nonce, char id_r[SPOOL_ID_CHARS + 1], struct span *file_r, bool *alive_r)
{
	char head[JOURNAL_HEAD_BYTES + 1] = "", again[JOURNAL_HEAD_BYTES + 1], state;
	size_t bytes;

	memcpy(head, rest.ptr, JOURNAL_HEAD_BYTES);
	state = head[STATE_AT];
	/* sscanf is lenient, so what was read must also print as it stands */
	if (sscanf(head, "#listd-journal %*16x %8zx %" STRING(SPOOL_ID_CHARS) "s", &bytes, id_r) != 2 || bytes > rest.len - JOURNAL_HEAD_BYTES)
		return false;
	*file_r = span_sub(rest, JOURNAL_HEAD_BYTES, bytes);
	*alive_r = state == ALIVE;
	return (state == ALIVE || state == OVER) && spool_name_is_safe(id_r) && snprintf(again, sizeof(again), ENTRY_FORMAT, nonce, bytes, id_r, state) == JOURNAL_HEAD_BYTES
		&& memcmp(head, again, JOURNAL_HEAD_BYTES) == 0;
}

/* An entry that was being written when the machine stopped may lack its head, while the next one is whole: each block is looked at. */
int journal_scan(struct span segment, int (*each)(void *context, const char *id, struct span file, struct fail *why), void *context, struct fail *why)
{
	char head[JOURNAL_HEAD_BYTES + 1] = "", id[SPOOL_ID_CHARS + 1];
	size_t next;
	uint64_t nonce;

	if (segment.len < JOURNAL_BLOCK_BYTES || segment.ptr[0] == '\0')
		return 0; /* it was being made */
	memcpy(head, segment.ptr, JOURNAL_HEAD_BYTES);
	if (sscanf(head, "#listd-journal-1 %16" SCNx64, &nonce) != 1)
		return 1;
	for (size_t at = JOURNAL_BLOCK_BYTES; at + JOURNAL_HEAD_BYTES <= segment.len; at = next) {
		struct span file;
		bool alive;

		next = at + JOURNAL_BLOCK_BYTES;
		if (!read_entry(span_sub(segment, at, SIZE_MAX), nonce, id, &file, &alive))
			continue;
		if (alive && each(context, id, file, why) != 0)
			return -1;
		next = at + whole_blocks(JOURNAL_HEAD_BYTES + file.len);
	}
	return 0;
}
