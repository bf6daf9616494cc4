/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail to LIST-bounces+KEY: what comes back of our own mail. The key (delivery/verp.h) says whose copy it was, or, of a probe, which; without a good one a message counts for
 * nothing. Nothing of it is ever answered, refused or passed on, so that no loop can begin; what is accepted is read once by a worker and gone. */
#ifndef LISTD_BOUNCE_RETURNED_H
#define LISTD_BOUNCE_RETURNED_H

#include "listd/daemon.h"
#include "listd/post/post.h"

/* Reports taken in an hour about one copy (or one post, where only that has a key), and without any key for one list (feedback reports, whose key is in the returned copy): a
 * mailbox that returns everything, again and again, costs that much work, and no disk. */
#define RETURNED_PER_COPY_PER_HOUR 5
#define RETURNED_PER_POST_PER_HOUR 10000
#define RETURNED_PER_LIST_PER_HOUR 200

/* The stage's part, without side effect: reads the key into post->verp, and ends the route with OUTCOME_REPORT, or OUTCOME_DISCARD and the reason. */
int returned_classify(struct post *post);
/* Is there room for it in this hour? */
bool returned_is_allowed(struct daemon *daemon, const struct post *post);
/* A worker's part: read it, and take what it tells (bounce.h). -1: the store (temporary). */
int returned_take(struct daemon *daemon, struct site *site, struct post *post, struct fail *why);

#endif
