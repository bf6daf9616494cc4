/* SPDX-License-Identifier: BSD-2-Clause */
/* What happened on a list, as counts by day: for "listctl report", the weekly mail to owners, and status. They are kept for STORE_FIGURE_DAYS. */
#ifndef LISTD_BOUNCE_FIGURES_H
#define LISTD_BOUNCE_FIGURES_H

#include "listd/daemon.h"
#include "listd/post/post.h"

#include <jansson.h>

/* Kinds, and what the key is. */
#define FIGURE_POSTS "posts"           /* "POLICY": of the author's domain */
#define FIGURE_AUTHOR "author"         /* "DOMAIN POLICY" */
#define FIGURE_STRATEGY "strategy"     /* "RECEIVER STRATEGY": copies */
#define FIGURE_REFUSED "refused"       /* "CLASS RECEIVER" */
#define FIGURE_SECOND "second-form"    /* "FORM sent", "FORM refused" */
#define FIGURE_SUSPENDED "suspended"   /* "ADDRESS REASON" */
#define FIGURE_REMOVED "removed"       /* "ADDRESS REASON" */
#define FIGURE_RESTORED "restored"     /* "ADDRESS REASON" */
#define FIGURE_COMPLAINT "complaint"   /* "ADDRESS DONE" */
#define FIGURE_BURST "burst"           /* "POST RECEIVER" */
#define FIGURE_ALARM "alarm"           /* "RECEIVER": refused for our own authentication */

/* Note a post whose forms are chosen, once: its author's policy, what was done for which receiver, and how many subscribers each receiver has (for the burst brake). */
int figures_note_post(struct daemon *daemon, const struct post *post, struct fail *why);
/* Count now. list: address. -1: the store. */
int figures_add(struct daemon *daemon, const char *list, const char *kind, const char *key, uint64_t count, struct fail *why);
/* Figures of a list from one day to another, both included: {"KIND":{"KEY":N}}, for kinds that had any. NULL: the store. The caller releases it. */
json_t *figures_sum(struct daemon *daemon, const char *list, int64_t from_day, int64_t until_day, struct fail *why);
/* Author domains with a strict policy in these days that had none before, as an array of "DOMAIN POLICY". */
json_t *figures_turned_strict(struct daemon *daemon, const char *list, int64_t from_day, int64_t until_day, struct fail *why);
/* The report of a list: {"list","from":"2026-11-22","until","posts",...}, all kinds there are. NULL: the store. The caller releases it. */
json_t *figures_report(struct daemon *daemon, const char *list, int64_t from_day, int64_t until_day, struct fail *why);

#endif
