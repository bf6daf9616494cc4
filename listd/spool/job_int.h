/* SPDX-License-Identifier: BSD-2-Clause */
/* The layout of a job's files, for job.c, job_writer.c and tests alone. */
#ifndef LISTD_JOB_INT_H
#define LISTD_JOB_INT_H

#include "listd/spool/job.h"
#include "listd/spool/spool_int.h"

/* "listd-job-1 <8 hex: bytes of JSON> <16 hex: sum over JSON and own bytes>\n" */
#define JOB_FORMS_HEAD_BYTES 38
/* "#<10 digits: recipients> <16 hex: sum over the lines without their states>\n" */
#define JOB_RCPTS_END_BYTES 29

/* Take the files of a job apart, with every length and offset checked; into job, whose arena and views are set. */
int job_read_forms(struct job *job, struct fail *why);
int job_read_rcpts(struct job *job, struct fail *why);
/* Read the files of a job, whose id, arena and dir_fd are set, below this directory of the spool. */
int job_read_files(struct job *job, struct spool *spool, const char *place, struct fail *why);
/* A job to be filled in, with its lock and arena; job_close ends it. */
struct job *job_new(const char *id);
/* May the route run again for this job's post? name: "ID-N", perhaps with ".done". */
bool job_post_is_there(struct spool *spool, const char *name);
/* Unlink what a job's directory may hold. */
void job_empty_dir(int dir_fd);

#endif
