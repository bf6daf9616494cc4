/* SPDX-License-Identifier: BSD-2-Clause */
/* listctl compare and whatif: what they share. compare.c reads the command line, compare_load.c what it names, compare_go.c runs it and writes the results. */
#ifndef LISTD_LISTCTL_COMPARE_H
#define LISTD_LISTCTL_COMPARE_H

#include "listd/compare/jobs.h"
#include "listd/compare/output.h"
#include "listd/listctl/offline.h"

struct compare_request {
	struct offline o;
	const char *list, *list_file, *site, *keys, *models_file, *receivers_file, *record, *jobs_text, *html, *junit, *expect, *server_ip, *recorded_by, *patterns_file;
	const char *strategies[OFFLINE_VALUES_MAX], *kinds[OFFLINE_VALUES_MAX], *policies[OFFLINE_VALUES_MAX];
	size_t strategy_count, kind_count, policy_count;
	bool matrix, shapes, unguarded, wide, tap, markdown, update;
	struct session session;
	unsigned long long jobs;
	/* loaded */
	struct resolver *recording;
	struct comparison comparison;
	struct models models;
	struct corpus corpus;
	struct patterns *patterns;
	bool wants_policy[DMARC_UNKNOWN + 1];
};

/* How many threads: --jobs, else one for each processor. -1 = go on; else the exit code. */
int compare_jobs(struct compare_request *r);
/* Read the list, the models, the receivers table and the names of the posts. -1 = go on; else the exit code. compare_unload must follow in any case. */
int compare_load(struct compare_request *r);
/* The same in parts: all but the posts; then, when they are there, what follows from all. */
int compare_load_tables(struct compare_request *r);
int compare_load_open(struct compare_request *r);
void compare_unload(struct compare_request *r);
/* Compare, and write what is wanted. An exit code. */
int compare_go(struct compare_request *r);
/* The built-in posts, as a file of descriptions. */
void compare_matrix(struct buf *out);

#endif
