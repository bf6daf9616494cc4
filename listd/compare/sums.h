/* SPDX-License-Identifier: BSD-2-Clause */
/* A run in figures: what became of posts for each strategy at each receiver, and what readers have of the copies. */
#ifndef LISTD_COMPARE_SUMS_H
#define LISTD_COMPARE_SUMS_H

#include "listd/compare/compared.h"

/* Of the forms that a strategy's column sent, each counted once for each post however many receivers got it. */
struct sums_column {
	size_t forms, from_author, name_visible, reply_author, list_dkim, sealed;
	size_t signed_posts, signatures_alive; /* posts with an author's signature on arrival; those whose copies still have one */
	size_t list_fields, list_fields_wanted, tag, tag_wanted, footer, footer_wanted;
	long long bytes_added;
	size_t replies, counted_here, counted_elsewhere; /* refusals; by how many a subscriber's bounce count rises, here and with a manager that counts any 5xx */
};

struct sums {
	size_t posts, failed, strict, forged, unknown;
	size_t columns, models;
	size_t *cells;               /* [column][model][verdict] */
	struct sums_column *by_column;
	size_t by_verdict[COMPARE_VERDICTS];
	size_t recorded[RECORDED_UNKNOWN + 1]; /* by recorded_state */
};

/* Nothing yet; in a. */
void sums_init(struct sums *sums, struct arena *a, const struct models *models);
/* Count one post. */
void sums_add(struct sums *sums, const struct comparison *comparison, const struct compared *compared);
/* How many posts had that verdict. */
size_t sums_count(const struct sums *sums, size_t column, size_t model, enum compare_verdict verdict);

#endif
