/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be told of a recipient before the message is there, from the envelope alone: asked at RCPT by the LMTP server and, through the daemon's socket, by the milter. */
#ifndef LISTD_RCPT_H
#define LISTD_RCPT_H

#include "listd/daemon.h"
#include "listd/post/post.h"

/* The list behind an address: settings to be freed by list_settings_free; suffix in the arena. */
struct rcpt { struct list_settings *list; enum purpose purpose; const char *suffix; };

/* 1: it may go on, *rcpt_r is filled. 0: no list has such an address. -1: refused with the reply in why, or trouble of ours. */
int rcpt_judge(struct daemon *daemon, struct arena *a, const struct envelope *envelope, const char *address, struct rcpt *rcpt_r, struct fail *why);

#endif
