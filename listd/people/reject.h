/* SPDX-License-Identifier: BSD-2-Clause */
/* A moderator's no to a held post. Its author is told where that cannot hit anybody else (RFC 3834 2): one author, shown to be right now as a strict receiver would have it,
 * behind an envelope that takes answers, of a message that no program sent. */
#ifndef LISTD_REJECT_H
#define LISTD_REJECT_H

#include "listd/daemon.h"

struct rejection {
	const char *to;   /* who is told, or NULL */
	const char *told; /* the same in words: "ann@example.org is told", or why nobody is */
};

/* Drop a held post and tell its author; reason: for him, may be NULL or "". Texts of *rejection_r live in a. A crash leaves the post held, or all done but the dropping of its
 * file. -1: nothing was done; temporary where DNS does not tell now whose post it is. */
int reject_post(struct daemon *daemon, struct arena *a, const struct hold *hold, const char *reason, struct rejection *rejection_r, struct fail *why);

#endif
