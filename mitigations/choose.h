/* SPDX-License-Identifier: BSD-2-Clause */
/* The choice: for each receiver class, the least invasive strategy whose proof holds. Forms are made once a post and strategy, however many classes
 * use them.
 *
 * The first rule that matches comes first (the list's, then the site's, then rules_default_text): exempt takes the author's policy as none, force as reject, a
 * strategy's name takes that strategy whatever the policy. Then the list's own fixed strategy: one that keeps the author's From is taken for every
 * post; one that replaces it, or refuses, only where the author's policy is strict or forced, since no other post needs it. Else, and where the
 * proof of the fixed one does not hold for a receiver that enforces, the strategies of auto in their order. What a receiver is known to refuse although its proof holds
 * (receiver.refuses) is passed over for authors whose policy is strict or forced, fixed or not.
 *
 * Nothing is laundered: a post that does not pass as its author's, though a strict policy says it should or the author is in our own name, gets no form. When a moderator has
 * vouched for it, it is wrapped: the list speaks in its own name and shows the original; it never gets a From that says "Ann via birds" in place of
 * a forged one. A domain without strict policy that is forced by rule, and publishes a record that the post fails, is not forced for that post: it
 * goes out under its own name, or, where no copy of it can, wrapped in the list's name alone. */
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
	const struct rules *site;     /* the site's rules, and those that experience has made: after the list's own; or NULL; set by the caller after chooser_init */
	const struct strategy *at_least; /* nothing less invasive than this one is taken (a copy before was refused), or NULL; set by the caller */
	bool vouched;                 /* a moderator released the post: set by the caller after chooser_init */
	struct rules default_rules;
	struct made_form *forms;      /* strategy_count of them */
};

/* Begin a post. in is copied; what it points to, rules, fixed and key_overlay must live as long as the chooser. */
void chooser_init(struct chooser *chooser, const struct strategy_input *in, const struct rules *rules, const struct strategy *fixed, struct resolver *key_overlay);
/* Choose for one class. to_domain: recipient domain for rules "to @domain", may be NULL. form is NULL, with the reason, where the post is refused, may not be sent on
 * (forged, and not vouched for), or where no strategy can be made to work. */
void choose(struct chooser *chooser, const struct receiver *receiver, const char *to_domain, struct choice *choice_r);
/* The form of one strategy, made when it is not yet; for render and compare. */
const struct made_form *chooser_form(struct chooser *chooser, const struct strategy *strategy);

#endif
