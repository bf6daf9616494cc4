/* SPDX-License-Identifier: BSD-2-Clause */
/* ARC (RFC 8617): validation of a chain and sealing, on OpenSSL. */
#ifndef MITIGATIONS_AUTH_ARC_H
#define MITIGATIONS_AUTH_ARC_H

#include "mail/clock.h"
#include "mail/dns.h"
#include "mail/form.h"
#include "mitigations/auth/result.h"
#include "mitigations/key.h"

#define ARC_INSTANCES_MAX 50 /* RFC 8617 4.2.1 */

struct arc_set {
	const struct field *results, *message_signature, *seal; /* AAR, AMS, AS */
	const char *seal_domain, *seal_selector;                /* d=, s= of the AS */
	const char *message_domain;                             /* d= of the AMS; each is NULL where it is missing or no domain */
};

struct arc_result {
	enum auth_result result;  /* none, pass, fail; with DNS trouble fail too (5.2.1) and dns_trouble set */
	bool dns_trouble;
	unsigned instances;       /* highest i= */
	unsigned oldest_pass;     /* 10.2: 0 when every AMS still verifies, else the lowest instance from which on all do. Only computed on pass. */
	struct arc_set *sets;     /* by instance, [0] is i=1; NULL unless the structure is right */
	const char *reason;
};

/* Validate (5.2). Never fails: trouble is a result. Texts live in a. */
void arc_validate(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, struct arc_result *result_r);

struct arc_seal_request {
	const struct key *key;
	const char *authserv_id;
	struct span results;     /* payload for the AAR, "spf=pass ...; dkim=..." */
	enum auth_result chain;  /* result of arc_validate on the message as received */
	const char *headers;     /* colon separated h= for the AMS, or NULL for the default set; what is no name is left out, From is always there */
	bool chain_is_ended;     /* the newest AS says cv=fail: no set may be added */
};
/* Has the chain ended: does the newest ARC-Seal say cv=fail (5.1 step 2)? Whatever else is wrong with the chain. */
bool arc_is_ended(const struct message *m);
/* Add one ARC set on top of a form, over its bytes as they are now: nothing may change afterwards but fields added on top. *sealed_r is false when no set
 * may be added (chain ended, 50 instances, ARC fields without an instance, no results). -1: OpenSSL failed or the form cannot be rendered. */
int arc_seal(struct form *form, const struct clock *clock, const struct arc_seal_request *request, bool *sealed_r, struct fail *why);

#endif
