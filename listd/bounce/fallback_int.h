/* SPDX-License-Identifier: BSD-2-Clause */
/* For fallback.c, fallback_make.c and tests alone. */
#ifndef LISTD_BOUNCE_FALLBACK_INT_H
#define LISTD_BOUNCE_FALLBACK_INT_H

#include "listd/bounce/fallback.h"

/* Rows taken from the store at once: each holds an address and a reply. */
#define FALLBACK_ROWS_MAX 1000
/* Process ends that the making of one second form may cause before it is given up. */
#define FALLBACK_TRIES_MAX 3

/* What is to be sent after a copy of that form, which was in a first or a second job: the least invasive strategy that may be taken, or NULL where nothing is sent. */
const struct strategy *fallback_next(const char *form, bool of_second);
/* Make the jobs for the rows that wait. 0: nothing is left, or what is left waits for a retry; 1: there are more rows; -1: trouble, try again later. */
int fallback_make(struct daemon *daemon, struct fail *why);

#endif
