/* SPDX-License-Identifier: BSD-2-Clause */
/* A job of out/: one post for one list, as forms over the post's own file and the recipients of each form. Names of files cost more than what is in them, so it has as
 * few as can be:
 *
 *   ID-N           a line with lengths and checksum; JSON with the list, the sender and for each form its name, needs (8bit, smtputf8) and slices, each three numbers
 *                  (0 post | 1 own bytes, offset, length); the own bytes; the post as it stands in the spool, if it has up to SPOOL_SMALL_BYTES; then a line for each
 *                  recipient: state octet, blank, form number, blank, address, NUL, LF; the state is overwritten in place: "." to do, "D" done, "F" failed for good.
 *                  The last line has count and checksum (states left out).
 *   ID-N.post      hard link to the spooled file of a larger post: a form's slices point into it, so that no large body is copied
 *   ID-N.failures  where there are any: a line for each, the address, TAB, the reply
 */
#ifndef LISTD_JOB_H
#define LISTD_JOB_H

#include "listd/spool/spool.h"
#include "mail/form.h"

#include <pthread.h>
#include <stdint.h>

/* Limits of what is read back. 2,000,000 recipients take some 120 MB of memory while they are sent to. */
#define JOB_RCPTS_MAX 2000000
#define JOB_FORMS_MAX 1000 /* receiver classes are a handful; one form per recipient comes as many jobs */
#define JOB_FORMS_MAX_BYTES ((size_t)256 << 20)

struct job_form {
	const char *name;      /* strategy's name */
	struct rendering rendering; /* slices must point into the post's bytes or elsewhere; those elsewhere are copied to the job's file */
	bool needs_8bit, needs_utf8;
};
enum job_sender { JOB_SENDER_VERP /* list-bounces+... per recipient */, JOB_SENDER_FIXED };

struct job_request {
	const char *id;        /* "ID-N": post_id and a number */
	const char *post_id;   /* of in/ (or held/, or another job of the same post) */
	const char *source_id; /* a job of out/ or kept/ that has the post; NULL: it is found by post_id */
	const struct envelope *envelope; /* of the post; may be NULL for a large one */
	int64_t created_secs;  /* 0 = the system's time */
	const char *list;      /* address */
	enum job_sender sender; const char *fixed_sender; /* JOB_SENDER_FIXED: the envelope sender, "" = null */
	const struct job_form *forms; size_t form_count;
	const char *notes;     /* what the maker wants to know of it later, UTF-8; NULL: nothing */
	/* Fills recipients by calling job_add for each, in a second phase so that 100,000 need no memory here. */
};

struct job_writer;
/* Start out/ID.tmp. 1 = the job exists already (a repeated run): nothing to do. */
int job_begin(struct spool *spool, const struct job_request *request, struct span post_bytes, struct job_writer **writer_r, struct fail *why);
/* In any order of forms; job_open sorts. */
int job_add(struct job_writer *writer, unsigned form, const char *address, struct fail *why);
/* All recipients are added; nothing is on disk for good yet. 1: there are none, and no job is made. But for 0 the writer is freed. */
int job_seal(struct job_writer *writer, struct fail *why);
const char *job_writer_id(const struct job_writer *writer);
/* Sealed jobs: sync each and rename it to out/ID, then sync out/ once for all. Frees the writers in any case. -1: none is to be taken for made. */
int job_publish(struct spool *spool, struct job_writer *const *writers, size_t count, struct fail *why);
/* Both for one. */
int job_commit(struct job_writer *writer, struct fail *why);
void job_abort(struct job_writer *writer);

enum job_state { JOB_TODO = '.', JOB_DONE = 'D', JOB_FAILED = 'F' };
struct job_rcpt { const char *address; unsigned form; enum job_state state; size_t offset; /* of the state, in lines */ };
struct job {
	const char *id, *list, *notes; /* notes: "" where there are none */
	int64_t created_secs;
	enum job_sender sender; const char *fixed_sender;
	struct job_form *forms; size_t form_count;
	struct job_rcpt *rcpts; size_t rcpt_count;  /* in order of forms */
	size_t todo_count;
	struct file_view post, view;                /* post may point into view. view: of its file, whose recipients stand in lines as a copy: states are set there first */
	char *lines;
	size_t lines_at, lines_bytes;               /* where they begin in the file */
	int fd, out_fd;                             /* out_fd is the spool's */
	pthread_mutex_t lock;                       /* of states, todo_count */
	struct arena *arena;
	void *kept;                                 /* the opener's own, in arena; NULL at first */
};
/* Open for sending: maps files, reads states. -1 permanent: damaged, moved to bad/. */
int job_open(struct spool *spool, const char *id, struct job **job_r, struct fail *why);
void job_close(struct job *job);
/* The same for looking at a job that is being sent or has been sent (out/ or kept/): nothing is moved, and states must not be marked. */
int job_open_sent(struct spool *spool, const char *id, struct job **job_r, struct fail *why);
/* The same for the job of a post for one list, whatever its number. */
int job_find_sent(struct spool *spool, const char *post_id, const char *list, struct job **job_r, struct fail *why);
/* The post of a job, as it was accepted; envelope texts live in a. -1 permanent: damaged. */
int job_post(const struct job *job, struct arena *a, struct envelope *envelope_r, struct span *message_r, struct fail *why);
/* Has such a job been made, be it that it is being sent or kept? */
bool job_is_made(struct spool *spool, const char *id);
/* Record states (written at once; synced to disk by job_sync, grouped), by any thread. rcpts: indexes in ascending order. */
int job_mark_all(struct job *job, const uint32_t *rcpts, size_t count, enum job_state state, struct fail *why);
/* One; reply: for failures, kept in ID-N.failures; else NULL. */
int job_mark(struct job *job, size_t rcpt, enum job_state state, const char *reply, struct fail *why);
size_t job_todo_count(struct job *job);
int job_sync(struct job *job, struct fail *why);
/* Remove a finished job. While its post is in in/, out/ID.done stays behind: the route might run again after a crash. */
int job_remove(struct spool *spool, const char *id, struct fail *why);
/* The same, but the job goes to kept/, unless disk space is short. */
int job_keep(struct spool *spool, const char *id, int64_t now_secs, struct fail *why);
/* Remove what was kept before before_secs, and, oldest first, what disk space is short for. */
int job_sweep_kept(struct spool *spool, int64_t before_secs, struct fail *why);
int job_ids(struct spool *spool, struct arena *a, const char ***ids_r, size_t *count_r, struct fail *why);
/* Remove out/ *.done that nothing needs any more; to be called now and then. */
int job_sweep_done(struct spool *spool, struct fail *why);
/* The same and leftovers (out/ *.tmp, what belongs to no job); at start only: spool_open does it. */
int job_sweep(struct spool *spool, struct fail *why);

#endif
