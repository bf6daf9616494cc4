/* SPDX-License-Identifier: BSD-2-Clause */
/* Jobs that have been sent, kept whole for as long as a receiver may still refuse one of their copies: forms and recipients tell who got what, the post is there to be
 * sent in another form. A job gets there by renames, its own the last; its time then tells since when it is there. */
#include "listd/spool/job_int.h"
#include "listd/spool/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is kept gives way to mail that wants to come in, well before that would be refused. */
#define ROOM_BYTES ((uint64_t)64 << 20)

int job_open_sent(struct spool *spool, const char *id, struct job **job_r, struct fail *why)
{
	/* A job moves this way only, so that one that is not there at first is found behind. */
	const int dirs[] = { spool->out_fd, spool->kept_fd };

	if (!spool_name_is_safe(id))
		return fail_permanent(why, "not an id: %s", id);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		struct job *job = job_new(id);
		int result = job_read(job, spool, dirs[i], O_RDONLY, why);

		if (result == 0) {
			*job_r = job;
			return 0;
		}
		job_close(job);
		if (result < 0 && why->temporary)
			return -1;
	}
	return fail_permanent(why, "there is no job %s any more, neither in out/ nor in kept/", id);
}

int job_post(const struct job *job, struct arena *a, struct envelope *envelope_r, struct span *message_r, struct fail *why)
{
	return spool_trailer_parse(a, job->post.bytes, envelope_r, message_r, why);
}

static bool is_in(int dir_fd, const char *id)
{
	return faccessat(dir_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool job_is_made(struct spool *spool, const char *id)
{
	return spool_name_is_safe(id) && (is_in(spool->out_fd, id) || is_in(spool->kept_fd, id));
}

int job_find_sent(struct spool *spool, const char *post_id, const char *list, struct job **job_r, struct fail *why)
{
	/* The number is that of the recipient within the envelope. */
	for (unsigned i = 0; i < SPOOL_RCPTS_MAX && spool_name_is_safe(post_id); i++) {
		char id[SPOOL_NAME_MAX_CHARS + 8];
		struct job *job;

		snprintf(id, sizeof(id), "%.40s-%u", post_id, i);
		if (!job_is_made(spool, id) || job_open_sent(spool, id, &job, why) != 0)
			continue;
		if (strcmp(job->list, list) == 0) {
			*job_r = job;
			return 0;
		}
		job_close(job);
	}
	return fail_permanent(why, "no job of post %.40s for %s is there any more", post_id, list);
}

int job_keep(struct spool *spool, const char *id, int64_t now_secs, struct fail *why)
{
	struct timespec times[2] = { { .tv_sec = now_secs }, { .tv_sec = now_secs } };

	if (!spool_name_is_safe(id))
		return fail_permanent(why, "not an id: %s", id);
	if (!spool_has_space(spool, ROOM_BYTES))
		return job_remove(spool, id, why);
	if (utimensat(spool->out_fd, id, times, 0) != 0 || job_move_beside(spool->out_fd, spool->kept_fd, id) != 0 || renameat(spool->out_fd, id, spool->kept_fd, id) != 0)
		return errno == ENOENT ? 0 : spool_fail_errno(why, "cannot rename to kept/", id);
	return 0;
}

int job_sweep_kept(struct spool *spool, int64_t before_secs, struct fail *why)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	const char **names;
	size_t count;
	int result = spool_list_names(spool->kept_fd, "kept", a, spool_name_is_safe, &names, &count, why);

	journal_sync(spool->journal);
	/* Names sort by the time of the post. */
	for (size_t i = 0; result == 0 && i < count; i++) {
		struct stat st;

		if (fstatat(spool->kept_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) != 0 || (st.st_mtim.tv_sec >= before_secs && spool_has_space(spool, ROOM_BYTES)))
			continue;
		/* while the route may run again it says that the job has been sent */
		if (job_post_is_there(spool, names[i]))
			continue;
		unlinkat(spool->kept_fd, names[i], 0);
		job_unlink_beside(spool->kept_fd, names[i]);
	}
	arena_free(a);
	return result;
}
