/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the comparison share. */
#ifndef MITIGATIONS_COMPARE_COMPARE_INT_H
#define MITIGATIONS_COMPARE_COMPARE_INT_H

#include "mitigations/compare/compare.h"

/* A copy as its receivers see it: parsed afresh, its facts for each set of trusted sealers. */
struct compare_copy {
	const struct made_form *made;
	struct message message;
	struct facts *facts;       /* one for each set, gathered when first asked for */
	bool *gathered;
	const char *unreadable;    /* in words, or NULL */
};

/* Whether a signature survives one edit: strategies share the list's edits, so that most need no second look. */
struct compare_tried { size_t at, cut_bytes; struct span put; const struct dkim_signature *signature; bool survives; };

struct comparing {
	const struct compare_input *input;
	const struct models *models;
	struct arena *arena;
	struct chooser chooser, careful; /* the second for auto, which is never unguarded */
	struct compare_copy *copies; /* by strategy; then those of careful */
	struct compare_tried *tried;
	size_t tried_count, tried_cap;
	struct compare_result *result;
};

/* The facts of a copy for receivers that trust this set of sealers. NULL: the copy cannot be read. */
const struct facts *compare_facts(struct comparing *c, struct compare_copy *copy, size_t sealer_set);
/* Fill a form from its copy. */
void compare_measure(struct comparing *c, struct compare_copy *copy, struct compare_form *form);
/* Does this signature speak for an author of the post? */
bool compare_is_authors(const struct comparing *c, const struct dkim_signature *signature);
/* The signature of the original as it is on the copy; NULL when it is gone. */
const struct dkim_signature *compare_same_signature(const struct dkim_result *dkim, const struct dkim_signature *signature);
/* Which edits of the form end signatures that were good on arrival: fills breaks. */
void compare_blame(struct comparing *c, const struct made_form *made, const struct dkim_result *on_copy, struct compare_form *form);

#endif
