/* SPDX-License-Identifier: BSD-2-Clause */
/* DKIM verification (RFC 6376, 8301, 8463): by our own code, and by libopendkim for what that does not pass, with our DNS layer under both. Rules on top: rsa-sha1 and
 * RSA keys below 1024 bits do not pass (RFC 8301), v=1 is demanded, a failed look-up is temperror and never fail, l= signatures are told. */
#ifndef MITIGATIONS_AUTH_DKIM_H
#define MITIGATIONS_AUTH_DKIM_H

#include "mail/clock.h"
#include "mail/dns.h"
#include "mail/message.h"
#include "mitigations/auth/result.h"

/* More signatures than this are not looked at: a receiver's cost must not be the sender's choice. */
#define DKIM_SIGNATURES_MAX 16

struct dkim_signature {
	const struct field *field;  /* the DKIM-Signature field in the message */
	enum auth_result result;    /* pass, fail (body or header changed), neutral, policy (forbidden by RFC 8301), permerror (bad
	                               signature or key), temperror */
	const char *domain;         /* d=, A-labels lower case */
	const char *selector;       /* s= */
	const char *algorithm;      /* a= */
	const char *reason;         /* in words */
	struct span signed_fields;  /* h= value as written */
	struct span auid;           /* i= or empty */
	bool header_relaxed, body_relaxed;
	bool has_length;            /* l= is there and leaves body bytes unsigned or could */
	bool is_test_key;           /* t=y in the key record */
	bool body_hash_ok;          /* known only where the header hash was right */
	const char *gap;            /* of one that passes: what it leaves to others (gaps.h), or NULL; filled by facts_gather */
};

struct dkim_result {
	struct dkim_signature *signatures; /* in the order of the fields */
	size_t count;
};

/* (Names: libopendkim itself exports dkim_init and dkim_verify.) There is nothing to set up or to take down. */
/* Has the libopendkim that was loaded what is needed (SHA-256, ed25519)? For a check at start. -1: it has not. */
int dkim_library_check(struct fail *why);
/* Verify every signature of a message. Never fails: trouble is a result. Everything lives in a. Threads may call it at once. */
void dkim_evaluate(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, struct dkim_result *result_r);
/* The same by our own code alone, for copies that we made. */
void dkim_evaluate_own(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, struct dkim_result *result_r);
/* Does this signature cover a field of that name: named in h= (covered), and more often than the message has it (oversigned: another
 * one cannot be added)? */
void dkim_covers(const struct dkim_signature *signature, const struct message *m, const char *name, bool *covered_r, bool *oversigned_r);

#endif
