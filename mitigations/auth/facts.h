/* SPDX-License-Identifier: BSD-2-Clause */
/* All that is known of one message on arrival: who sent it by the session, SPF, DKIM, ARC, and DMARC for each author domain. Facts have no side
 * effects and decide nothing. */
#ifndef MITIGATIONS_AUTH_FACTS_H
#define MITIGATIONS_AUTH_FACTS_H

#include "mail/address.h"
#include "mail/authres.h"
#include "mitigations/auth/arc.h"
#include "mitigations/auth/dkim.h"
#include "mitigations/auth/dmarc.h"
#include "mitigations/auth/spf.h"

/* What the SMTP session knew. Unknown values are NULL. */
struct session {
	const char *client_ip;   /* of the host that handed the message to our MTA; NULL: SPF cannot be evaluated */
	const char *helo;
	const char *mail_from;   /* envelope sender without <>; "" is the null sender */
	const char *auth_user;   /* SASL login, or NULL */
	bool is_submission;      /* authenticated, or from our own networks: the envelope's own domain counts as passing */
	bool smtputf8;           /* it was handed in with SMTPUTF8 (RFC 6531); no fact depends on it */
};

struct facts_options {
	const char *const *trusted_authserv_ids; /* NULL-ended: the topmost Authentication-Results field of theirs that says spf stands in for SPF here, even where
	                                            the client is known. The MTA in front must remove such fields from strangers' mail (RFC 8601 5). */
	const char *own_authserv_id;
	const char *const *trusted_sealers;      /* NULL-ended: ARC chains whose newest seal has one of these d= are believed, down to the first seal that has not */
	const char *receiver_name;               /* our host name */
};

#define FACTS_AUTHORS_MAX 20 /* author domains judged; with more the message is damaged */

struct facts {
	struct session session;
	struct address_list from;       /* of the one From field; empty and damaged with several */
	unsigned from_fields;           /* how many From fields there are; 1 is right */
	struct spf_result spf;
	const char *spf_source;         /* "session", "authserv-id mx.example.org", "none" */
	struct dkim_result dkim;
	struct arc_result arc;
	const char *arc_trusted_sealer; /* d= of the trusted sealer whose chain passes, or NULL */
	bool arc_says_pass;             /* ... and what trusted sealers recorded (with no other seal above) says dmarc=pass, or an aligned pass where it judged no DMARC, for
	                                   each author domain with a strict policy (for each one, when none has) */
	struct dmarc_verdict *authors;  /* one for each author domain of all From fields, in order of address_author_domains */
	size_t author_count;
	enum dmarc_policy policy;       /* the strictest effective policy among authors; ABSENT without authors */
	const struct dmarc_verdict *strictest; /* the author domain it comes from, NULL without authors */
	const char **proofs;            /* for each of authors: by what he is shown to be right, whatever his policy ("dkim=example.com"); NULL: by nothing */
	bool shown;                     /* every author is; false without any */
	const struct dmarc_verdict *forged; /* an author who has to be shown to be right and is not: of a strict policy, or in our own name (facts_guard_own); NULL: none */
	bool forges_us;                 /* ... in our own name, which our signature and envelope would make pass */
	bool contested;                 /* an author domain has several records, one of them strict, and every such author is shown to be right */
	bool disowned;                  /* an author domain publishes a record that the post fails, be it p=none */
	bool authentic;                 /* every author domain with a strict policy passes DMARC (aligned SPF or DKIM), or a trusted ARC chain says it did, or it
	                                   was submitted here by its own domain's user; false without any author domain, and with more than FACTS_AUTHORS_MAX. A signature or chain that
	                                   leaves a gap (gaps.h) passes DMARC but does not make authentic */
	const char *authentic_by;       /* in words: "dkim=example.com", "spf=example.com", "arc=forwarder.example", "submission", or why not */
	bool has_temporary;             /* DNS trouble could have changed policy or authentic: trying again may give another answer */
};

/* Gather the facts. m must be one run of bytes; everything lives in a. session and options must live as long. */
void facts_gather(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, const struct session *session,
	const struct facts_options *options, struct facts *facts_r);
/* Our own name is not for strangers: mail that the list sends passes DMARC for what is aligned with its signing domain or its envelope's, so that an author there has to be
 * shown to be right whatever his domain's policy; without any record, one of the very domain. domains: NULL-ended. May change authentic, authentic_by, forged, forges_us
 * and has_temporary; what facts points to stays as it is, so that a copy of the struct can be held against other domains. */
void facts_guard_own(struct arena *a, struct resolver *dns, const char *const *domains, struct facts *facts);
/* May a list show the author's name in its own From, which passes DMARC? Only where there is a domain that could object, and the post fails nobody's record. */
bool facts_may_name_author(const struct facts *facts);
/* The results as payload of an Authentication-Results field (after the authserv-id and ";"), without a fold:
 * "spf=pass smtp.mailfrom=...; dkim=pass header.d=...; arc=none; dmarc=pass header.from=... policy.dmarc=reject".
 * Printable ASCII, every value quoted where it needs to be. spf is left out where it could not be evaluated; policy.dmarc is the effective policy. */
struct span facts_authres(struct arena *a, const struct facts *facts);

#endif
