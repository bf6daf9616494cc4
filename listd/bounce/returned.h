/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail to LIST-bounces+KEY: what comes back of our own mail. The key (delivery/verp.h) says whose copy it was, or, of a probe, which; without a good one a message counts for
 * nothing. Nothing of it is ever answered, refused or passed on, so that no loop can begin; what is accepted is read once by a worker and gone. */
#ifndef LISTD_BOUNCE_RETURNED_H
#define LISTD_BOUNCE_RETURNED_H

#include "listd/daemon.h"
#include "listd/delivery/verp.h"
#include "listd/post/post.h"

/* Reports read in an hour: about one copy (what ends no delivery may come first), of the relay's own more, since counts share slots (rate.h) and one that others have filled is not
 * to hide them; about all copies of a post, where its key is all there is (a list of a hundred thousand has some thousand dead mailboxes before they are gone); about a probe; and
 * without any key for one list (feedback reports, whose key is in the returned copy). What was reported before is not read again at all: a mailbox that returns everything, again
 * and again, costs a look into the store each time, and no disk. */
#define RETURNED_PER_COPY_PER_HOUR 5
#define RETURNED_BY_RELAY_PER_HOUR 50
#define RETURNED_PER_POST_PER_HOUR 20000
#define RETURNED_PER_PROBE_PER_HOUR 5
#define RETURNED_PER_LIST_PER_HOUR 200

/* The stage's part, without side effect: reads the key into post->verp, and ends the route with OUTCOME_REPORT, or OUTCOME_DISCARD and the reason. */
int returned_classify(struct post *post);
/* Is it to be read? NULL, or why not. */
const char *returned_is_needless(struct daemon *daemon, const struct post *post);
/* The key in an address "LIST-bounces+KEY@...", suffix: what stands after the list. With the name that the list had then. false: there is none; see verp_r->valid. */
bool returned_read_key(struct arena *a, const struct secret *master, const char *rcpt, const char *suffix, struct verp *verp_r);
/* A worker's part: read it, and take what it tells (bounce.h). -1: the store (temporary). */
int returned_take(struct daemon *daemon, struct site *site, struct post *post, struct fail *why);

#endif
