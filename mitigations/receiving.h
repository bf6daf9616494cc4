/* SPDX-License-Identifier: BSD-2-Clause */
/* What a receiving site does with a message: DMARC enforced, with exceptions for known lists and trusted ARC sealers. One function for the receivers that comparisons model and
 * for a milter that guards a real site. It looks at facts (auth/facts.h) and decides; it has no side effects. */
#ifndef MITIGATIONS_RECEIVING_H
#define MITIGATIONS_RECEIVING_H

#include "mail/message.h"
#include "mitigations/auth/facts.h"

enum receiving_reading { RECEIVING_RFC9989, RECEIVING_RFC7489, RECEIVING_STRICTER /* of both */, RECEIVING_NONE /* DMARC is not looked at */ };
#define RECEIVING_READINGS (RECEIVING_NONE + 1)
/* From the mildest to the hardest; of several author domains the hardest counts. MARK: accepted, with dmarc=fail noted; JUNK: accepted into the junk folder ("oreject"). */
enum receiving_action { RECEIVING_ACCEPT, RECEIVING_MARK, RECEIVING_JUNK, RECEIVING_REFUSE };
#define RECEIVING_ACTIONS (RECEIVING_REFUSE + 1)
/* "9989", "7489", "stricter", "none". */
const char *receiving_reading_name(enum receiving_reading reading);
/* The reading of that name; false when there is none. */
bool receiving_reading_find(struct span name, enum receiving_reading *reading_r);
/* "accept", "mark", "junk", "refuse". */
const char *receiving_action_name(enum receiving_action action);
/* The action of that name; false when there is none. */
bool receiving_action_find(struct span name, enum receiving_action *action_r);

/* A list server whose mail is taken although DMARC fails: each condition that is set must hold. */
struct receiving_known {
	const char *name;
	const char *dkim_domain;      /* a signature with this d= verifies and leaves no gap (auth/gaps.h), or NULL */
	const char *list_id;          /* glob for the identifier in the one List-Id field (RFC 2919), or NULL. It is anybody's to write: alone it admits nothing, and
	                                 where dkim_domain is set too, that signature has to cover the field */
	const char *network;          /* CIDR of the client, or NULL */
};

struct receiving_policy {
	const char *name;
	enum receiving_reading reading;
	enum receiving_action on_reject, on_quarantine; /* what a failure leads to, by the author domain's policy */
	enum receiving_action on_temporary;             /* policy or result hidden by DNS trouble: RECEIVING_REFUSE means 4xx here */
	bool obeys_t, obeys_pct;      /* t=y lowers by one level (RFC 9989 4.7); pct as RFC 7489 6.6.4 with sample (0-99) of the message */
	const struct receiving_known *known; size_t known_count;
	const char *const *trusted_sealers;             /* NULL-ended, or NULL */
};

struct receiving_verdict {
	enum receiving_action action;
	bool temporary;               /* RECEIVING_REFUSE as 451, since DNS could not tell */
	enum dmarc_policy policy;     /* that was applied, after t and pct; of the author domain whose outcome is the hardest */
	bool dmarc_pass;              /* an author domain asks for something, and each that does has aligned evidence */
	const char *author_domain;    /* whose outcome it is; NULL where there is none */
	const char *override_reason;  /* RFC 9990: "mailing_list", "trusted_forwarder", "policy_test_mode", "sampled_out" (of RFC 7489), "local_policy"; NULL: none */
	const char *override_by;      /* the known list's name or the sealer's domain, or NULL */
	const char *reason;           /* in words */
};

/* Decide about a message. facts: gathered with the policy's trusted_sealers. sample: 0 to 99, taken for pct. Texts live in a or in the policy and the facts. A message whose
 * author cannot be judged (no domain, one that is no name, more than FACTS_AUTHORS_MAX) counts as one that fails p=reject (RFC 7489 6.6.1). */
void receiving_decide(struct arena *a, const struct receiving_policy *policy, const struct message *message, const struct facts *facts, unsigned sample,
	struct receiving_verdict *verdict_r);

#endif
