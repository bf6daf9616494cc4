/* SPDX-License-Identifier: BSD-2-Clause */
/* Work in several threads whose results come out in order, so that the number of threads changes nothing but the time. */
#ifndef LISTD_COMPARE_JOBS_H
#define LISTD_COMPARE_JOBS_H

#include "mail/arena.h"

#define JOBS_THREADS_MAX 256
/* Results that may wait for an earlier one, for each thread: what is done early costs memory. */
#define JOBS_AHEAD 8

struct jobs {
	void *context;
	size_t count, threads;
	size_t arena_max_bytes;
	/* In one of the threads: piece number i; the result lives in a, which is the piece's own. */
	void *(*work)(void *context, struct arena *a, size_t i);
	/* In the calling thread, in order. a is freed afterwards. */
	void (*emit)(void *context, size_t i, void *result);
};

/* Run all of it; returns when the last result was emitted. */
void jobs_run(const struct jobs *jobs);

#endif
