/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that take accepted messages through the route. The queue is in memory, the truth is the spool: at start all that is there is queued. */
#ifndef LISTD_WORKERS_H
#define LISTD_WORKERS_H

#include "listd/daemon.h"

struct workers;

/* Start count threads and queue what is in spool/in. */
int workers_start(struct daemon *daemon, unsigned count, struct workers **workers_r, struct fail *why);
/* A message that is going to be pushed has to wait for DNS: it begins where those stand that are looked at again, and does not keep others waiting. */
void workers_note_slow(struct workers *workers, const char *id);
/* An accepted message. Without workers it waits in the spool. */
void workers_push(struct workers *workers, const char *id);
/* The same with its entry in the journal, and what was found out of it, which is taken over; NULL: nothing. Without workers it waits in the journal. */
struct judged;
void workers_push_judged(struct workers *workers, const char *id, const struct spool_entry *entry, struct judged *judged);
/* Messages that wait or are being worked on. */
size_t workers_pending(struct workers *workers);
/* The process is about to end for a fault of the calling thread: what that works on has to be blamed. May be called from a signal handler. */
void work_blame(void);
/* Let the messages being worked on end, then stop; the rest stays in the spool. */
void workers_stop(struct workers *workers);

#endif
