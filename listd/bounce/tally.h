/* SPDX-License-Identifier: BSD-2-Clause */
/* What the bounces noted of a subscriber (struct tally, store.h) amount to, and what is to be done next:
 *
 *   counting --days reached--> probed --came back--> suspended --came back, warned out--> removed
 *                                |  not come back: forgotten     |  not come back: gets posts again
 *
 * A day counts once; it is the day of the post. Nobody is suspended for what anybody could have made up, and nobody is removed but by a probe that came back from a dead
 * mailbox. Pure arithmetic: the tender (tender.h) does what it says. */
#ifndef LISTD_BOUNCE_TALLY_H
#define LISTD_BOUNCE_TALLY_H

#include "listd/bounce/class.h"
#include "listd/settings.h"
#include "listd/store/store.h"

struct tally_score {
	unsigned dead_days, soft_days;  /* with a dead mailbox; with a full one or trouble of the network, and no dead one */
	unsigned certain_dead_days, certain_soft_days; /* those of them that reports with a key of the subscriber's own vouch for */
	const struct tally_note *last;  /* the last note that counts, or NULL */
};

/* Days that count. is_held: for each note, whether it is held back by the burst brake. */
void tally_score(const struct tally *tally, const bool *is_held, const struct list_settings *list, int64_t now_secs, struct tally_score *score_r);

enum tally_step {
	TALLY_STEP_NONE,    /* nothing until something happens, or until *due_secs_r */
	TALLY_STEP_PROBE,   /* send a probe */
	TALLY_STEP_SUSPEND, /* delivery off; tell the subscriber, which is a probe */
	TALLY_STEP_WARN,    /* tell once more */
	TALLY_STEP_REMOVE,  /* end the subscription */
	TALLY_STEP_RESTORE, /* the mailbox takes mail again: delivery on */
	TALLY_STEP_FORGET   /* the probe arrived: what was noted is void */
};
/* "none", "probe", "suspend", ... */
const char *tally_step_name(enum tally_step step);

/* What is due now. due_secs_r: when to look again; INT64_MAX: not before something happens. */
enum tally_step tally_next(const struct tally *tally, const struct tally_score *score, const struct list_settings *list, int64_t now_secs, int64_t *due_secs_r);

/* Why, in words: "no such user on 3 days, last on 2026-11-20: 550 5.1.1 ..."; in a. */
const char *tally_reason(struct arena *a, const struct tally *tally, const struct tally_score *score);

#endif
