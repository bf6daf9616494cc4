/* SPDX-License-Identifier: BSD-2-Clause */
/* What a receiving site does with a message: DMARC enforced, with exceptions for known lists and trusted ARC sealers. One function for the receivers that comparisons model and
 * for a milter that guards a real site. It looks at facts (auth/facts.h) and decides; it has no side effects. */
#ifndef MITIGATIONS_RECEIVING_H
#define MITIGATIONS_RECEIVING_H

#include "mail/message.h"
#include "mitigations/auth/facts.h"

enum receiving_reading { RECEIVING_RFC9989, RECEIVING_RFC7489, RECEIVING_STRICTER /* of both */, RECEIVING_NONE /* DMARC is not looked at */ };
enum receiving_action { RECEIVING_ACCEPT, RECEIVING_MARK /* accepted, with dmarc=fail noted */, RECEIVING_JUNK /* accepted into the junk folder ("oreject") */, RECEIVING_REFUSE };

/* A list server whose mail is taken although DMARC fails: each condition that is set must hold. */
struct receiving_known {
	const char *name;
	const char *dkim_domain;      /* a signature with this d= verifies, or NULL */
	const char *list_id;          /* List-Id (RFC 2919), glob, or NULL; alone it proves nothing, so one of the others must be set too */
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
	enum dmarc_policy policy;     /* that was applied, after t and pct */
	bool dmarc_pass;
	const char *override_reason;  /* RFC 9990: "mailing_list", "trusted_forwarder", "local_policy", "policy_test_mode"; NULL: none */
	const char *override_by;      /* the known list's name or the sealer's domain, or NULL */
	const char *reason;           /* in words */
};

/* Decide about a message. facts: gathered with the policy's trusted_sealers. sample: 0 to 99, taken for pct. Texts live in a. */
void receiving_decide(struct arena *a, const struct receiving_policy *policy, const struct message *message, const struct facts *facts, unsigned sample,
	struct receiving_verdict *verdict_r);

#endif
