/* SPDX-License-Identifier: BSD-2-Clause */
/* Every strategy over one post, at every modelled receiver. Forms, choice and proof are those of production (choose.h); each form is then taken apart as its receivers would:
 * parsed afresh, its facts gathered by what they see (the list server's address and envelope sender, its published key), and decided about by receiving_decide.
 * No I/O but the resolvers that are handed in; no clock but the one in the strategy_input. */
#ifndef MITIGATIONS_COMPARE_COMPARE_H
#define MITIGATIONS_COMPARE_COMPARE_H

#include "mitigations/choose.h"
#include "mitigations/compare/models.h"

/* What becomes of one post at one receiver. */
enum compare_verdict {
	COMPARE_INBOX, COMPARE_JUNK,
	COMPARE_DEFERRED,  /* refused for now, since DNS did not tell */
	COMPARE_REFUSED,
	COMPARE_NOT_SENT,  /* the list sends no copy */
	COMPARE_UNKNOWN,   /* what the records hold does not tell: never a guess */
	COMPARE_LAUNDERED  /* a post that failed its author's policy on arrival reaches a reader under a name that passes: the worst that a list can do */
};
#define COMPARE_VERDICTS (COMPARE_LAUNDERED + 1)
/* "inbox", "junk", "deferred", "refused", "not-sent", "unknown", "laundered". */
const char *compare_verdict_name(enum compare_verdict verdict);
/* The verdict of that name; false when there is none. */
bool compare_verdict_find(struct span name, enum compare_verdict *verdict_r);
/* How bad a verdict is, 0 the best, for a post that came from its author, and for one that failed its author's policy. */
unsigned compare_badness(enum compare_verdict verdict, bool is_forged);

/* The columns: each strategy as if fixed for the list and sent whatever its proof says, then "auto", the production choice for each receiver. */
size_t compare_column_count(void);
/* A strategy's name, or "auto". */
const char *compare_column_name(size_t column);
/* Its strategy; NULL for auto. */
const struct strategy *compare_column_strategy(size_t column);
/* The column of that name; compare_column_count() when there is none. */
size_t compare_column_find(struct span name);

/* A decoration of the list on a copy. */
enum compare_part { COMPARE_PART_NONE /* the list has none, or the post needs none */, COMPARE_PART_THERE, COMPARE_PART_MISSING };
/* "-", "yes", "no". */
const char *compare_part_name(enum compare_part part);

/* An edit that ends a signature which was good on arrival. */
struct compare_break {
	const char *signature;     /* "d=bank.example s=s1" */
	const char *edit;          /* "Subject", "body"; "all of them together" where no single one does it */
	const char *by;            /* stage or strategy */
};

/* One strategy's form of the post. */
struct compare_form {
	const struct strategy *strategy;
	const char *failure;       /* why it was not made; the rest is empty then. NULL: made */
	const char *from;          /* the copy's From, decoded */
	bool from_is_author;       /* ... is the author's address */
	bool name_visible;         /* the author's name can be read there */
	const char *reply, *reply_all; /* where they go: "author", "list", "alias" (leads to the author), an address; joined by "+" */
	unsigned signatures, signatures_alive; /* author-aligned DKIM signatures that verified on arrival, and those that still do */
	bool list_dkim;            /* the list's own signature verifies */
	bool sealed;               /* the newest ARC set is the list's, and the chain validates */
	unsigned list_fields, list_fields_wanted; /* List-* fields there, of those on the list's normal copy */
	enum compare_part tag, footer;
	size_t bytes;
	long long bytes_added;
	bool proof_holds;
	const char *proof;         /* in words */
	struct compare_break *breaks;
	size_t break_count;
	struct span diff;          /* edits, for people; empty unless wanted */
};

struct compare_cell {
	enum compare_verdict verdict;
	const struct compare_form *form; /* that was sent; another strategy's where the column's own is not for such posts; NULL: none */
	bool marked;               /* accepted, but noted as failing */
	bool dmarc_pass;
	enum dmarc_policy policy;  /* that was applied */
	const char *reply;         /* of a refusal, or NULL */
	const char *reason;        /* in words */
};

struct compare_input {
	const struct strategy_input *in; /* as for chooser_init; its arena is the result's too */
	const struct rules *rules;       /* the list's, for auto; may be NULL */
	const struct strategy *fixed;    /* the list's own, for auto; may be NULL */
	const char *not_taken;           /* why the list takes no such post ("refuse: ..."), or NULL */
	struct resolver *keys;           /* our public keys, for the proof */
	struct resolver *outside;        /* what receivers ask: in->dns with the list's key and SPF record as they are or will be */
	struct session sender;           /* of the list server at receivers: address, HELO, envelope sender */
	bool records_are_complete;       /* DNS is what it was when the post came; else a key that is missing may have been there, and what fails may have worked */
	bool session_is_known;           /* where the post came from is known, so SPF was evaluated; else it may have passed */
	bool unguarded;                  /* as a list manager would that takes every post for its author's: nothing is refused, and each strategy's form is sent */
	bool with_diff;
	const bool *columns;             /* which are wanted, compare_column_count() of them; NULL: all */
};

struct compare_result {
	const char *unknown;         /* what is not known of the post's arrival, or NULL: every cell is "unknown" then */
	const char *not_taken;
	bool is_forged;              /* failed its author's policy on arrival: reaching a reader is what must not be */
	struct compare_form *forms;  /* strategy_count; strategy is NULL where it was not made (behind them those of auto alone, of an unguarded run) */
	struct compare_cell *cells;  /* column after column, models->count each */
};

/* Compare one post. Never fails: what cannot be made says so. All lives in input->in->arena. Threads may compare different posts at once with the same models. */
void compare_run(const struct compare_input *input, const struct models *models, struct compare_result *result_r);
/* A cell of a result. */
const struct compare_cell *compare_cell(const struct compare_result *result, const struct models *models, size_t column, size_t model);

#endif
