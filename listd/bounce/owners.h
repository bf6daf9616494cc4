/* SPDX-License-Identifier: BSD-2-Clause */
/* What the owners of a list are told, each thing once: at once, that a receiver refuses our mail for our own authentication (once a day for each), and that a post's
 * bounces are held back; once a day, who was suspended, removed, has come back or has complained; once a week, the report. */
#ifndef LISTD_BOUNCE_OWNERS_H
#define LISTD_BOUNCE_OWNERS_H

#include "listd/daemon.h"

/* Tell what has not been told yet. new_day: what is told of days and weeks, too, which need not be looked at more often. -1: the store or the disk; what is left is told in the
 * next round. */
int owners_round(struct daemon *daemon, struct site *site, const struct list_settings *list, bool new_day, struct fail *why);

#endif
