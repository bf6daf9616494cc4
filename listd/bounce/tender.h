/* SPDX-License-Identifier: BSD-2-Clause */
/* What is due with subscribers whose mail comes back, and what owners are to be told: a thread that looks once a minute, and when it is woken. All steps
 * (steps.h) are taken here, so that no two threads decide about one subscriber. */
#ifndef LISTD_BOUNCE_TENDER_H
#define LISTD_BOUNCE_TENDER_H

#include "listd/daemon.h"

struct tender;
/* Start the thread. daemon must live until tender_stop has ended it. */
int tender_start(struct daemon *daemon, struct tender **tender_r, struct fail *why);
/* End the thread. NULL is allowed. */
void tender_stop(struct tender *tender);
/* When nobody can wake it any more. NULL is allowed. */
void tender_free(struct tender *tender);
/* Something has changed: look soon. After a stop it does nothing. NULL is allowed. */
void tender_wake(struct tender *tender);

/* One round, as the thread does it. told_day: the day on which all owners were told of days and weeks before; updated. */
void tender_round(struct daemon *daemon, int64_t *told_day);

#endif
