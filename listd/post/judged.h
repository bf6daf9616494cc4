/* SPDX-License-Identifier: BSD-2-Clause */
/* What was found out of a message while it came in, for the worker that takes it up next: its bytes, its envelope and the facts, so that nothing has to be read and no
 * signature be checked a second time. In memory alone: after a restart, or where there is too much of it, the worker reads the file and judges anew. */
#ifndef LISTD_JUDGED_H
#define LISTD_JUDGED_H

#include "listd/daemon.h"
#include "listd/post/post.h"

/* Messages up to this size; a larger one is rarer and costs more to keep than to judge again. */
#define JUDGED_MESSAGE_MAX_BYTES SPOOL_SMALL_BYTES
/* Of all that wait: some hundred messages, the work of a second. */
#define JUDGED_ALL_MAX_BYTES ((size_t)32 << 20)

struct judged {
	struct arena *arena;       /* of the arrival */
	struct daemon *daemon;
	struct site *site;         /* whose settings the facts point to */
	struct envelope envelope;
	struct span bytes;
	struct arrival arrival;
	size_t counted_bytes;      /* of the daemon's judged_bytes */
};

/* To judge with: envelope and bytes are copied where they are to be kept, else used as they are; arrival is empty. */
struct judged *judged_new(struct daemon *daemon, const struct envelope *envelope, struct span bytes);
/* The message has been accepted for these: true when it may be kept. */
bool judged_keep(struct judged *judged, const struct envelope *accepted);
/* NULL is allowed. */
void judged_free(struct judged *judged);

#endif
