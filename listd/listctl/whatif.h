/* SPDX-License-Identifier: BSD-2-Clause */
/* listctl whatif: a list's own posts, its own members, and what each strategy would have cost. whatif_load.c gets them from the daemon or from files, whatif.c counts,
 * whatif_show.c shows. */
#ifndef LISTD_LISTCTL_WHATIF_H
#define LISTD_LISTCTL_WHATIF_H

#include "listd/listctl/compare.h"

#define WHATIF_JSON_VERSION 1

/* Who runs mailboxes of members; its model has the same place in request.models. */
struct whatif_operator { const struct receiver *receiver; size_t members; };

/* An author domain of these posts. */
struct whatif_author { const char *domain; enum dmarc_policy policy; size_t posts; };

/* What a strategy would have done: copies are posts times members. */
struct whatif_cost {
	size_t by_verdict[COMPARE_VERDICTS];
	size_t from_author, name_visible, signatures_alive, decorated; /* of the copies that were sent */
	size_t sent, counted_here, counted_elsewhere;
};

struct whatif {
	struct compare_request request;
	const char *archive_dir, *members_file, *days_text;
	unsigned long long days;
	int64_t since_secs;
	const char **members;          /* addresses with delivery on */
	size_t member_count, member_cap;
	struct whatif_operator *operators;
	size_t operator_count, operator_cap;
	struct whatif_author *authors;
	size_t author_count, author_cap;
	struct whatif_cost *costs;     /* by column */
	size_t posts, failed, unknown;
};

/* Posts and members. -1 = go on; else the exit code. */
int whatif_load(struct whatif *w);
/* What was counted, as text or as JSON; an exit code. */
int whatif_show(const struct whatif *w);

#endif
