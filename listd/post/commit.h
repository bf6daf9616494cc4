/* SPDX-License-Identifier: BSD-2-Clause */
/* The one step of the route with side effects: what was decided becomes lasting. Each is safe to be repeated after a crash at any instant, since names are
 * derived from the post's id. */
#ifndef LISTD_COMMIT_H
#define LISTD_COMMIT_H

#include "listd/daemon.h"
#include "listd/post/post.h"
#include "listd/spool/job.h"

/* Forms and recipients to out/, the original to the archive, alias and Message-ID to the store. job_id_r receives the name of the job, or "" when there was nobody to send
 * to; writer_r the job, sealed, for the caller to publish, or NULL when it is on disk already or there is none. number: of the recipient within the envelope, so that a post
 * to several lists has several jobs. */
int commit_send(struct daemon *daemon, struct post *post, unsigned number, struct job_writer **writer_r, const char **job_id_r, struct fail *why);
/* The same for a second form, whose job is job_id: the archive and the store have the post already. */
int commit_again(struct daemon *daemon, struct post *post, const char *job_id, size_t *count_r, struct fail *why);
/* To held/, with a row in the store and a line to the log. */
int commit_hold(struct daemon *daemon, struct post *post, unsigned number, struct fail *why);

#endif
