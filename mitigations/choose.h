/* SPDX-License-Identifier: BSD-2-Clause */
/* The choice: for each receiver class, the least invasive strategy whose proof holds. Forms are made once a post and strategy, however many classes
 * use them. */
#ifndef MITIGATIONS_CHOOSE_H
#define MITIGATIONS_CHOOSE_H

#include "mitigations/prove.h"

struct made_form {             /* a strategy's form of this post, made once */
	const struct strategy *strategy;
	bool made;                 /* propose, sign and render worked */
	struct form form;
	struct rendering rendering;
	struct proof proof;
	const char *failure;       /* why it was not made, or NULL */
};

struct attempt { const struct strategy *strategy; bool taken; const char *reason; };
#define ATTEMPTS_MAX 16

struct choice {
	const struct receiver *receiver;
	const struct made_form *form; /* what the class gets; NULL: refused or nothing works, see reason */
	bool refused;                 /* the list's strategy for such posts is refuse */
	const struct rule *rule;      /* that decided, or NULL */
	struct attempt attempts[ATTEMPTS_MAX];
	size_t attempt_count;
	const char *reason;           /* in words */
};

struct chooser {                  /* one for each post */
	struct strategy_input in;
	const struct rules *rules;
	const struct strategy *fixed; /* the list's own fixed strategy, or NULL for auto */
	struct resolver *key_overlay; /* our public keys, or NULL */
	struct made_form *forms;      /* strategy_count of them */
};

void chooser_init(struct chooser *chooser, const struct strategy_input *in, const struct rules *rules, const struct strategy *fixed, struct resolver *key_overlay);
/* Choose for one class. to_domain: recipient domain for rules "to @domain", may be NULL. A post that is not authentic (facts->authentic false) while an author's policy is
 * strict gets no form that would pass in its author's stead: the caller must not come here with one; it is asserted. */
void choose(struct chooser *chooser, const struct receiver *receiver, const char *to_domain, struct choice *choice_r);
/* The form of one strategy, made when it is not yet; for render and compare. */
const struct made_form *chooser_form(struct chooser *chooser, const struct strategy *strategy);

#endif
