/* SPDX-License-Identifier: BSD-2-Clause */
/* A second form. A copy that a receiver refuses for the DMARC policy of its author is followed, for that subscriber, by one in the next stronger form: what kept the author's
 * From by one that does not (rewrite, else wrap); and where even a second form is refused so, by a wrapped one. Nobody gets a post twice, since only those whose copy was
 * refused get another, and each refused copy is followed by one.
 *
 *   refusal      fallback_note: a row of the store (store_second_note), in one transaction; a repeated note finds it and does nothing
 *   gathering    refusals come in swarms: they are waited for until it is quiet for a moment, so that one job serves all
 *   choice       the rows get the id of a new post, in one transaction; a crash from here on makes the same job again, or finds it made
 *   job          the stages of the route marked "again", over the post that kept/ or out/ still has, with the members as they are now
 *   delivery     woken; a refusal of this copy is one of another post, so that the chain ends with the strongest form
 *
 * Only what is certain starts it: the relay's own reply, a report that the relay itself wrote, or one to the return address with the recipient's own key. */
#ifndef LISTD_BOUNCE_FALLBACK_H
#define LISTD_BOUNCE_FALLBACK_H

#include "listd/bounce/bounce.h"

struct fallback;

/* What notes are gathered in, before delivery starts; freed with fallback_free after delivery has ended. */
struct fallback *fallback_new(struct daemon *daemon);
void fallback_free(struct fallback *fallback);
/* Start the thread that makes second forms, and tends kept/. -1: it cannot be started. */
int fallback_start(struct fallback *fallback, struct fail *why);
/* End it; what is not done yet is taken up at the next start. NULL is allowed. */
void fallback_stop(struct fallback *fallback);

/* Take note of a refusal. Any class may be given; what asks for no second form is nothing. Any thread may call; may be repeated. -1: the store (temporary). */
int fallback_note(struct daemon *daemon, const struct bounce *bounce, struct fail *why);

#endif
