/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/spool/job_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* States that lie this close together are written in one go, with what is between them. */
#define MARK_GAP_BYTES 4096
/* 2,000,000 recipients of 40 bytes, with room for long addresses. */
#define RCPTS_MAX_BYTES ((size_t)512 << 20)

/* The recipients in a copy of our own: a state is set there and then written from there. */
static int map_rcpts(struct job *job, struct fail *why)
{
	job->rcpts_fd = openat(job->dir_fd, "rcpts", O_RDWR | O_CLOEXEC);
	if (job->rcpts_fd < 0)
		return fail_permanent(why, "rcpts: %s", strerror(errno));
	if (file_map_copy(job->rcpts_fd, "rcpts", RCPTS_MAX_BYTES, &job->rcpts_view, why) != 0)
		return -1;
	return job->rcpts_view.bytes.len < JOB_RCPTS_END_BYTES ? fail_permanent(why, "rcpts has %zu bytes", job->rcpts_view.bytes.len) : 0;
}

int job_read_files(struct job *job, struct spool *spool, const char *place, struct fail *why)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/%s/post", spool->dir, place, job->id);
	if (file_map(path, SIZE_MAX, &job->post, why) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%s/%s/forms", spool->dir, place, job->id);
	if (file_map(path, JOB_FORMS_MAX_BYTES, &job->forms_view, why) != 0 || job_read_forms(job, why) != 0)
		return -1;
	return map_rcpts(job, why) != 0 ? -1 : job_read_rcpts(job, why);
}

struct job *job_new(const char *id)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct job *job = arena_alloc(a, sizeof(*job));

	job->arena = a;
	job->id = arena_text(a, span_of(id));
	job->rcpts_fd = job->dir_fd = -1;
	pthread_mutex_init(&job->lock, NULL);
	return job;
}

int job_open(struct spool *spool, const char *id, struct job **job_r, struct fail *why)
{
	struct job *job;

	if (!spool_name_is_safe(id))
		return fail_permanent(why, "not an id: %s", id);
	job = job_new(id);
	job->dir_fd = openat(spool->out_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (job->dir_fd < 0) {
		bool is_gone = errno == ENOENT;

		fail_temporary(why, "cannot open out/%s: %s", id, strerror(errno));
		job_close(job);
		if (is_gone)
			fail_permanent(why, "there is no job %s", id);
		return -1;
	}
	if (job_read_files(job, spool, "out", why) == 0) {
		*job_r = job;
		return 0;
	}
	job_close(job);
	if (why->temporary)
		return fail_prefix(why, "out/%s", id);
	spool_put_aside(spool, spool->out_fd, id, why->text);
	return fail_prefix(why, "out/%s was put aside into bad/", id);
}

void job_close(struct job *job)
{
	if (job == NULL)
		return;
	file_unmap(&job->post);
	file_unmap(&job->forms_view);
	file_unmap(&job->rcpts_view);
	if (job->rcpts_fd >= 0)
		close(job->rcpts_fd);
	if (job->dir_fd >= 0)
		close(job->dir_fd);
	pthread_mutex_destroy(&job->lock);
	arena_free(job->arena);
}

static void set_state(struct job *job, struct job_rcpt *rcpt, enum job_state state)
{
	job->todo_count -= rcpt->state == JOB_TODO && state != JOB_TODO;
	rcpt->state = state;
	((char *)job->rcpts_view.map)[rcpt->offset] = (char)state;
}

static bool write_bytes(const struct job *job, size_t from, size_t count)
{
	return pwrite(job->rcpts_fd, job->rcpts_view.bytes.ptr + from, count, (off_t)from) == (ssize_t)count;
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
	int fd = openat(job->dir_fd, "failures", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	struct buf line;
	ssize_t put;

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
	return fdatasync(job->rcpts_fd) == 0 ? 0 : spool_fail_errno(why, "cannot sync the states of ", job->id);
}

void job_empty_dir(int dir_fd)
{
	static const char *const names[] = { "post", "forms", "rcpts", "failures" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(dir_fd, names[i], 0);
}

static void empty_and_remove(struct spool *spool, const char *name, bool remove)
{
	int fd = openat(spool->out_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	job_empty_dir(fd);
	close(fd);
	if (remove)
		unlinkat(spool->out_fd, name, AT_REMOVEDIR);
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
	char done[SPOOL_NAME_MAX_CHARS + 8];

	if (!spool_name_is_safe(id))
		return fail_permanent(why, "not an id: %s", id);
	snprintf(done, sizeof(done), "%s.done", id);
	if (renameat(spool->out_fd, id, spool->out_fd, done) != 0)
		return errno == ENOENT ? 0 : spool_fail_errno(why, "cannot remove out/", id);
	empty_and_remove(spool, done, !job_post_is_there(spool, done));
	return 0;
}

int job_ids(struct spool *spool, struct arena *a, const char ***ids_r, size_t *count_r, struct fail *why)
{
	return spool_list_names(spool->out_fd, "out", a, spool_name_is_safe, ids_r, count_r, why);
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return len > suffix_len && len <= SPOOL_NAME_MAX_CHARS + 5 && strcmp(name + len - suffix_len, suffix) == 0;
}

static bool is_done(const char *name)
{
	return has_suffix(name, ".done");
}

static bool is_leftover(const char *name)
{
	return has_suffix(name, ".tmp");
}

int job_sweep_done(struct spool *spool, struct fail *why)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	const char **names;
	size_t count;
	int result = spool_list_names(spool->out_fd, "out", a, is_done, &names, &count, why);

	for (size_t i = 0; result == 0 && i < count; i++)
		empty_and_remove(spool, names[i], !job_post_is_there(spool, names[i]));
	arena_free(a);
	return result;
}

int job_sweep(struct spool *spool, struct fail *why)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	const char **names;
	size_t count;
	int result = spool_list_names(spool->out_fd, "out", a, is_leftover, &names, &count, why);

	for (size_t i = 0; result == 0 && i < count; i++)
		empty_and_remove(spool, names[i], true);
	arena_free(a);
	return result == 0 ? job_sweep_done(spool, why) : -1;
}
