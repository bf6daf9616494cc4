/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps with a subscriber whose mail comes back: what tally_next says is done, in one transaction with the change of the member, the figures, and the token of the message that
 * tells of it (people/notice.h). So a crash repeats a step that was not done, and none that was. */
#ifndef LISTD_BOUNCE_STEPS_H
#define LISTD_BOUNCE_STEPS_H

#include "listd/bounce/bounce.h"
#include "listd/bounce/tally.h"

/* Subscribers of one list that are looked at in one round; the others wait for the next one. */
#define STEPS_ROUND_MAX 1000
/* Tokens by which a suspended subscriber comes back (the payload is list, blank, address key), and for how long. */
#define STEPS_TOKEN_BACK "back"
#define STEPS_BACK_SECS (90 * 86400)

/* Do what is due on a list. -1: the store or the disk; what is left is done in the next round. */
int steps_round(struct daemon *daemon, struct site *site, const struct list_settings *list, struct fail *why);
/* Which notes of a tally are held back by the burst brake: an array in a. NULL: the store. */
const bool *steps_held(struct daemon *daemon, struct arena *a, const char *list, const struct tally *tally, struct fail *why);

/* A probe came back. Repeated calls change nothing. -1: the store. */
int steps_probe_back(struct daemon *daemon, const struct bounce *bounce, struct fail *why);
/* A suspended subscriber wants posts again, as reason tells for the log and figures: delivery on, what was noted is forgotten. 1 done, 0 is not suspended, -1 the store. */
int steps_come_back(struct daemon *daemon, const char *list, const char *key, const char *reason, struct fail *why);

#endif
