/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/spool/job_int.h"
#include "listd/spool/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* States that lie this close together are written in one go, with what is between them. */
#define MARK_GAP_BYTES 4096
/* Forms, and 2,000,000 recipients of 40 bytes with room for long addresses. */
#define FILE_MAX_BYTES (JOB_FORMS_MAX_BYTES + ((size_t)512 << 20))

void job_name(char name_r[JOB_NAME_MAX_BYTES], const char *id, const char *suffix)
{
	snprintf(name_r, JOB_NAME_MAX_BYTES, "%s%s", id, suffix);
}

/* It is moved to kept/ before the job is, and is the same file in both places. */
static int map_post(struct job *job, const struct spool *spool, struct fail *why)
{
	const int dirs[] = { spool->out_fd, spool->kept_fd };
	char name[JOB_NAME_MAX_BYTES];

	job_name(name, job->id, JOB_POST_SUFFIX);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		int fd = openat(dirs[i], name, O_RDONLY | O_CLOEXEC), result;

		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return fail_temporary(why, "cannot open %s: %s", name, strerror(errno));
		result = file_map_fd(fd, name, SIZE_MAX, &job->post, why);
		close(fd);
		return result;
	}
	return fail_permanent(why, "its post is not there");
}

int job_read(struct job *job, const struct spool *spool, int dir_fd, int flags, struct fail *why)
{
	struct job_head head;

	job->fd = openat(dir_fd, job->id, flags | O_CLOEXEC);
	if (job->fd < 0 && errno == ENOENT)
		return 1;
	if (job->fd < 0)
		return fail_temporary(why, "cannot open job %s: %s", job->id, strerror(errno));
	job->out_fd = spool->out_fd;
	if (file_map_fd(job->fd, job->id, FILE_MAX_BYTES, &job->view, why) != 0)
		return -1;
	if (!job_read_head(job->view.bytes, &head))
		return fail_permanent(why, "it has no head");
	if (head.post_bytes == 0 && map_post(job, spool, why) != 0)
		return -1;
	return job_parse(job, &head, why);
}

struct job *job_new(const char *id)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct job *job = arena_alloc(a, sizeof(*job));

	job->arena = a;
	job->id = arena_text(a, span_of(id));
	job->fd = -1;
	pthread_mutex_init(&job->lock, NULL);
	return job;
}

/* With what stands beside it. */
static void put_aside(struct spool *spool, const char *id, const char *reason)
{
	job_move_beside(spool->out_fd, spool->bad_fd, id);
	spool_put_aside(spool, spool->out_fd, id, reason);
}

int job_open(struct spool *spool, const char *id, struct job **job_r, struct fail *why)
{
	struct job *job;
	int result;

	if (!spool_name_is_safe(id))
		return fail_permanent(why, "not an id: %s", id);
	job = job_new(id);
	result = job_read(job, spool, spool->out_fd, O_RDWR, why);
	if (result == 0) {
		*job_r = job;
		return 0;
	}
	job_close(job);
	if (result > 0)
		return fail_permanent(why, "there is no job %s", id);
	if (why->temporary)
		return fail_prefix(why, "out/%s", id);
	put_aside(spool, id, why->text);
	return fail_prefix(why, "out/%s was put aside into bad/", id);
}

void job_close(struct job *job)
{
	if (job == NULL)
		return;
	file_unmap(&job->post);
	file_unmap(&job->view);
	free(job->lines);
	if (job->fd >= 0)
		close(job->fd);
	pthread_mutex_destroy(&job->lock);
	arena_free(job->arena);
}

static void set_state(struct job *job, struct job_rcpt *rcpt, enum job_state state)
{
	job->todo_count -= rcpt->state == JOB_TODO && state != JOB_TODO;
	rcpt->state = state;
	job->lines[rcpt->offset] = (char)state;
}

static bool write_bytes(const struct job *job, size_t from, size_t count)
{
	return pwrite(job->fd, job->lines + from, count, (off_t)(job->lines_at + from)) == (ssize_t)count;
}

/* Set states and write them, neighbours together. With the lock held: what lies between them may be others'. */
static bool write_states(struct job *job, const uint32_t *rcpts, size_t count, enum job_state state)
{
	size_t i = 0;

	while (i < count) {
		size_t from = job->rcpts[rcpts[i]].offset, to = from;

		for (; i < count && job->rcpts[rcpts[i]].offset - to <= MARK_GAP_BYTES; i++) {
			set_state(job, &job->rcpts[rcpts[i]], state);
			to = job->rcpts[rcpts[i]].offset;
		}
		if (!write_bytes(job, from, to - from + 1))
			return false;
	}
	return true;
}

int job_mark_all(struct job *job, const uint32_t *rcpts, size_t count, enum job_state state, struct fail *why)
{
	bool written = true;

	pthread_mutex_lock(&job->lock);
	if (count == 1)
		set_state(job, &job->rcpts[rcpts[0]], state);
	else
		written = write_states(job, rcpts, count, state);
	pthread_mutex_unlock(&job->lock);
	/* One alone is written without the lock, over which the sessions would meet for each recipient of a post by VERP. */
	if (count == 1)
		written = write_bytes(job, job->rcpts[rcpts[0]].offset, 1);
	return written ? 0 : spool_fail_errno(why, "cannot write the states of ", job->id);
}

/* One line "address TAB reply" for people and for listctl. */
static int note_failure(struct job *job, const char *address, const char *reply)
{
	char name[JOB_NAME_MAX_BYTES];
	struct buf line;
	ssize_t put;
	int fd;

	job_name(name, job->id, JOB_FAILURES_SUFFIX);
	fd = openat(job->out_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	buf_init(&line, 8192);
	buf_printf(&line, "%.600s\t%.4000s", address, reply);
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.ptr[i] < 0x20 && line.ptr[i] != '\t')
			line.ptr[i] = ' ';
	buf_put_byte(&line, '\n');
	put = write(fd, line.ptr, line.len);
	close(fd);
	buf_done(&line);
	return put > 0 ? 0 : -1;
}

int job_mark(struct job *job, size_t rcpt, enum job_state state, const char *reply, struct fail *why)
{
	uint32_t index = (uint32_t)rcpt;
	int noted = 0, marked;

	if (reply != NULL) {
		noted = note_failure(job, job->rcpts[rcpt].address, reply);
		if (noted != 0)
			spool_fail_errno(why, "cannot write the failures of ", job->id);
	}
	/* The state matters more than the note. */
	marked = job_mark_all(job, &index, 1, state, why);
	return noted == 0 && marked == 0 ? 0 : -1;
}

size_t job_todo_count(struct job *job)
{
	size_t count;

	pthread_mutex_lock(&job->lock);
	count = job->todo_count;
	pthread_mutex_unlock(&job->lock);
	return count;
}

int job_sync(struct job *job, struct fail *why)
{
	return fdatasync(job->fd) == 0 ? 0 : spool_fail_errno(why, "cannot sync the states of ", job->id);
}

static const char *const beside[] = { JOB_POST_SUFFIX, JOB_FAILURES_SUFFIX };
#define BESIDE_COUNT (sizeof(beside) / sizeof(beside[0]))

void job_unlink_beside(int dir_fd, const char *id)
{
	char name[JOB_NAME_MAX_BYTES];

	for (size_t i = 0; i < BESIDE_COUNT; i++) {
		job_name(name, id, beside[i]);
		unlinkat(dir_fd, name, 0);
	}
}

int job_move_beside(int from_fd, int to_fd, const char *id)
{
	char name[JOB_NAME_MAX_BYTES];

	for (size_t i = 0; i < BESIDE_COUNT; i++) {
		job_name(name, id, beside[i]);
		if (renameat(from_fd, name, to_fd, name) != 0 && errno != ENOENT)
			return -1;
	}
	return 0;
}

bool job_post_is_there(struct spool *spool, const char *name)
{
	char post[SPOOL_NAME_MAX_CHARS + 8];
	char *dash;

	snprintf(post, sizeof(post), "%s", name);
	dash = strrchr(post, '-');
	if (dash == NULL)
		return false;
	*dash = '\0';
	return faccessat(spool->in_fd, post, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || faccessat(spool->held_fd, post, F_OK, AT_SYMLINK_NOFOLLOW) == 0
		|| faccessat(spool->out_fd, post, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int job_remove(struct spool *spool, const char *id, struct fail *why)
{
	char done[JOB_NAME_MAX_BYTES];

	if (!spool_name_is_safe(id))
		return fail_permanent(why, "not an id: %s", id);
	job_name(done, id, ".done");
	if (renameat(spool->out_fd, id, spool->out_fd, done) != 0)
		return errno == ENOENT ? 0 : spool_fail_errno(why, "cannot remove out/", id);
	job_unlink_beside(spool->out_fd, id);
	if (job_post_is_there(spool, done))
		return 0;
	journal_sync(spool->journal);
	unlinkat(spool->out_fd, done, 0);
	return 0;
}

int job_ids(struct spool *spool, struct arena *a, const char ***ids_r, size_t *count_r, struct fail *why)
{
	return spool_list_names(spool->out_fd, "out", a, spool_name_is_safe, ids_r, count_r, why);
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return len > suffix_len && len < JOB_NAME_MAX_BYTES && strcmp(name + len - suffix_len, suffix) == 0;
}

static bool is_done(const char *name)
{
	return has_suffix(name, ".done");
}

static bool is_tmp(const char *name)
{
	return has_suffix(name, ".tmp");
}

static bool is_beside(const char *name)
{
	return has_suffix(name, JOB_POST_SUFFIX) || has_suffix(name, JOB_FAILURES_SUFFIX);
}

/* Call each for every such name of out/. */
static int sweep(struct spool *spool, bool (*keep)(const char *name), void (*each)(struct spool *spool, const char *name), struct fail *why)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	const char **names;
	size_t count;
	int result = spool_list_names(spool->out_fd, "out", a, keep, &names, &count, why);

	for (size_t i = 0; result == 0 && i < count; i++)
		each(spool, names[i]);
	arena_free(a);
	return result;
}

static void remove_tmp(struct spool *spool, const char *name)
{
	unlinkat(spool->out_fd, name, 0);
}

static void remove_done(struct spool *spool, const char *name)
{
	if (!job_post_is_there(spool, name))
		unlinkat(spool->out_fd, name, 0);
}

/* Of a job that was cut off while it was made, removed or moved to kept/. */
static void remove_stray(struct spool *spool, const char *name)
{
	char id[JOB_NAME_MAX_BYTES];

	snprintf(id, sizeof(id), "%.*s", (int)strcspn(name, "."), name);
	if (faccessat(spool->out_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	if (faccessat(spool->kept_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		renameat(spool->out_fd, name, spool->kept_fd, name);
	else
		unlinkat(spool->out_fd, name, 0);
}

int job_sweep_done(struct spool *spool, struct fail *why)
{
	return sweep(spool, is_done, remove_done, why);
}

int job_sweep(struct spool *spool, struct fail *why)
{
	if (sweep(spool, is_tmp, remove_tmp, why) != 0 || sweep(spool, is_beside, remove_stray, why) != 0)
		return -1;
	return job_sweep_done(spool, why);
}
