/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the workers, for their own files:
 *
 *   workers.c  the queue and the threads
 *   work.c     one message through the route
 *   publish.c  what the route has made becomes lasting, for many messages at once */
#ifndef LISTD_WORKERS_INT_H
#define LISTD_WORKERS_INT_H

#include "listd/post/judged.h"
#include "listd/spool/job.h"
#include "listd/spool/spool_int.h"
#include "listd/workers.h"

/* A job that a message has become. */
struct ticket {
	char id[SPOOL_NAME_MAX_CHARS + 1];
	struct job_writer *writer; /* sealed; NULL: it is on disk */
};

struct work {
	struct work *next;
	char id[SPOOL_ID_CHARS + 1];
	unsigned waits;        /* how often it was put off */
	int64_t due_ms;
	struct spool_entry entry; /* in the journal, if it has no file */
	struct judged *judged; /* NULL: it is read from disk and judged anew */
	struct ticket *jobs;   /* when it is done with */
	size_t job_count;
};

/* Take it through the route. 0: done with, and let go when its jobs, if there are any, have been published. -1: again later; nothing is left but what a repeated run
 * finds. judged is used up. */
int work_on(struct daemon *daemon, struct work *work);
/* Its jobs are on disk: out of in/, and on to delivery. A run that is repeated after a crash before this finds the jobs and makes no second ones. -1: again later. */
int work_let_go(struct daemon *daemon, struct work *work);
/* It ended in good order, but not with what it should: its jobs are dropped. */
void work_put_back(struct daemon *daemon, struct work *work);
void work_free(struct work *work);

/* A thread that syncs jobs: all that have come since the last time together, so that a disk that is slow to sync makes groups larger and not the queue longer. */
struct publisher;
/* ended is called for each with whether it was let go; else it is to be worked on again. */
int publisher_start(struct daemon *daemon, void (*ended)(void *context, struct work *work, bool done), void *context, struct publisher **publisher_r, struct fail *why);
/* Takes work over; waits while there are many. */
void publisher_put(struct publisher *publisher, struct work *work);
/* Publish what is left, then end. NULL is allowed. */
void publisher_stop(struct publisher *publisher);

#endif
