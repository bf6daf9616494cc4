/* SPDX-License-Identifier: BSD-2-Clause */
/* The layout of a job's files, for job.c, job_writer.c and tests alone. */
#ifndef LISTD_JOB_INT_H
#define LISTD_JOB_INT_H

#include "listd/spool/job.h"
#include "listd/spool/spool_int.h"

#include <inttypes.h>

/* "listd-job-1 <8 hex: bytes of JSON> <16 hex: own bytes> <8 hex: bytes of the post's file, 0: beside it> <16 hex: sum over all three>\n" */
#define JOB_HEAD_BYTES 64
#define JOB_HEAD_FORMAT "listd-job-1 %08zx %016zx %08zx %016" PRIx64 "\n"
struct job_head { size_t json_bytes, own_bytes, post_bytes; uint64_t sum; };
/* False: there is none, or what it tells is not there. */
bool job_read_head(struct span file, struct job_head *head_r);
/* "#<10 digits: recipients> <16 hex: sum over the lines without their states>\n" */
#define JOB_RCPTS_END_BYTES 29

/* What stands beside a job: its post where it is large, and the failures where there are any. */
#define JOB_POST_SUFFIX ".post"
#define JOB_FAILURES_SUFFIX ".failures"
#define JOB_NAME_MAX_BYTES (SPOOL_NAME_MAX_CHARS + 16)
/* name_r: id and suffix. */
void job_name(char name_r[JOB_NAME_MAX_BYTES], const char *id, const char *suffix);

/* Take the file of a job apart, with every length and offset checked; into job, whose arena, view and fd are set, and post where it stands beside. */
int job_parse(struct job *job, const struct job_head *head, struct fail *why);
/* Read a job, whose id and arena are set, from that directory of the spool. 1: there is none. */
int job_read(struct job *job, const struct spool *spool, int dir_fd, int flags, struct fail *why);
/* A job to be filled in, with its lock and arena; job_close ends it. */
struct job *job_new(const char *id);
/* May the route run again for this job's post? name: "ID-N", perhaps with ".done". */
bool job_post_is_there(struct spool *spool, const char *name);
/* Remove what stands beside a job in that directory. */
void job_unlink_beside(int dir_fd, const char *id);
/* The same, but take it to another directory: a name that is not there is none that was lost. */
int job_move_beside(int from_fd, int to_fd, const char *id);

#endif
