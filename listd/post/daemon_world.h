/* SPDX-License-Identifier: BSD-2-Clause */
/* The world of posts (post.h) as the daemon's store and site answer it, and what the LMTP server asks. */
#ifndef LISTD_DAEMON_WORLD_H
#define LISTD_DAEMON_WORLD_H

#include "listd/daemon.h"
#include "listd/post/post.h"

/* world_r points into daemon and site, which must be held as long. */
void daemon_world(struct daemon *daemon, struct site *site, struct world *world_r);
/* The list, suffix and purpose of an address; as post_find_list. */
int daemon_find_list(struct daemon *daemon, struct arena *a, const char *rcpt, struct list_settings **list_r, const char **suffix_r, enum purpose *purpose_r, struct fail *why);
/* The judge for lmtp_start. */
struct lmtp_judge daemon_judge(struct daemon *daemon);

#endif
