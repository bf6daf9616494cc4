/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be done about a post so that receivers take it. A strategy is one file with one const struct, listed in
 * mitigations/strategies/table.c from the least to the most invasive. It proposes edits and does nothing else: it chooses
 * nothing, sends nothing, proves nothing. */
#ifndef MITIGATIONS_STRATEGY_H
#define MITIGATIONS_STRATEGY_H

#include "mail/form.h"
#include "mitigations/auth/facts.h"
#include "mitigations/key.h"
#include "mitigations/receivers.h"
#include "mitigations/rules.h"

enum reply_policy { REPLY_AUTHOR, REPLY_LIST };        /* where "reply" goes, by the list's setting */
enum alias_kind { ALIAS_LIST, ALIAS_KEYED, ALIAS_READABLE }; /* From of a rewritten copy: list address, keyed author alias, local=40domain form */
enum dead_signatures { DEAD_REMOVE, DEAD_RENAME, DEAD_KEEP };
enum decorate { DECORATE_WHEN_POSSIBLE, DECORATE_ALWAYS };

/* What strategies know of the list. Texts are UTF-8; addresses ASCII. */
struct list_identity {
	const char *address;       /* birds@lists.example.org */
	const char *domain;        /* lists.example.org, A-labels lower case: d= of our signatures */
	const char *name;          /* birds: the display name in "via birds" */
	const char *list_id;       /* birds.lists.example.org */
	const char *bounce_domain; /* domain of the envelope sender */
	const char *authserv_id;
	const char *via_template;  /* "{name} via {list}" in the list's language */
	const char *wrap_text;     /* first part of a wrapped post, UTF-8 text with "\n" line ends; may be "" */
	enum reply_policy reply;
	enum alias_kind alias;
	enum decorate decorate;
	enum dead_signatures dead_signatures;
	bool signs;                /* false: the site's MTA signs for the domain */
	bool only_7bit;            /* the relay takes no 8-bit octets, and a copy with any is no valid message */
	bool smtputf8;             /* the post came with SMTPUTF8: with 8-bit octets in its header it goes on to servers alone that offer it (RFC 6531 3.2) */
	/* The alias of an author at the list's domain, in a; called only for ALIAS_KEYED and ALIAS_READABLE. */
	const char *(*make_alias)(struct arena *a, const void *context, const struct address *author);
	const void *alias_context;
	/* A member's name for an author without a display name, or NULL. */
	const char *(*member_name)(struct arena *a, const void *context, const struct address *author);
	const void *member_context;
};

struct strategy_input {
	struct arena *arena;
	const struct message *message;     /* as received, one run of bytes */
	const struct facts *facts;
	const struct form *shaped;         /* the list's normal copy: required, list-field and decoration edits, unsigned */
	const struct list_identity *list;
	const struct keyring *keyring;
	struct resolver *dns;
	const struct clock *clock;
	const char *id;                    /* of the post, [a-z0-9]: seed of boundaries and Message-IDs, so that a run repeats */
	const uint8_t *own_body_hash;      /* SHA-256 of the relaxed body as received, or NULL */
	struct reencoded **reencoded;      /* what reencode.c has made for this post so far, for all its forms (*reencoded NULL at first); NULL: each form makes its own */
};

/* What the proof (prove.h) must show before a form goes to a receiver that enforces DMARC. To any other a valid message is enough. */
enum strategy_proof {
	PROOF_STRICT, /* a strict receiver accepts it */
	PROOF_SEAL,   /* a valid message, whose ARC chain with our seal validates */
	PROOF_VALID   /* a valid message: the receiver has agreed to take it */
};

/* What a strategy may do to the list's normal copy; a test holds every one to it. Signing comes on top and is not theirs. */
enum strategy_touch {
	TOUCH_SHAPE = 1,       /* leaves out edits of the list's normal copy */
	TOUCH_FROM = 2,        /* From, Sender, Reply-To, Cc, Author, X-Original-From */
	TOUCH_REPAIR = 4,      /* what keeps it from being valid: no Date, no Message-ID, second instances of fields that stand once, lines over 998 octets */
	TOUCH_SIGNATURES = 8,  /* signatures that the copy breaks are removed or renamed, as the list's setting says */
	TOUCH_SEAL = 16,       /* an ARC set on top */
	TOUCH_OUTER = 32       /* a new message around the original */
};

struct strategy {
	const char *name;
	const char *summary;       /* one line for people */
	const char *source;        /* where the literature has it */
	bool keeps_author_from;    /* From of the copy is the author's own */
	bool refuses;              /* no copy at all */
	bool in_auto;              /* a candidate of auto */
	enum strategy_proof proof;
	unsigned touches;          /* enum strategy_touch, or'ed */
	/* May it be tried for this receiver? false with the reason in words. */
	bool (*suits)(const struct strategy_input *in, const struct receiver *receiver, bool is_forced, const char **reason_r);
	/* Make the form, unsigned: form_r is initialised by the strategy (as a copy of in->shaped or anew). -1: cannot be done with this message, why says so. */
	int (*propose)(const struct strategy_input *in, struct form *form_r, struct fail *why);
	/* After signing: a seal on top. NULL for most. */
	int (*finish)(const struct strategy_input *in, struct form *form, struct fail *why);
};

extern const struct strategy *const strategies[]; /* from least to most invasive */
extern const size_t strategy_count;
/* By name, or NULL. "auto" is no strategy but the ordered choice (choose.h). */
const struct strategy *strategy_find(struct span name);

#endif
