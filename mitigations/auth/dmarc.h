/* SPDX-License-Identifier: BSD-2-Clause */
/* DMARC: records, discovery by RFC 9989 (tree walk) and by RFC 7489 (Public Suffix List), evaluation. Both readings are deployed, so both
 * are computed; what counts for a list is the stricter. */
#ifndef MITIGATIONS_AUTH_DMARC_H
#define MITIGATIONS_AUTH_DMARC_H

#include "mail/dns.h"
#include "mitigations/auth/result.h"

enum dmarc_policy {
	DMARC_ABSENT,     /* no record, or none that can be used: nothing is asked for */
	DMARC_P_NONE, DMARC_P_QUARANTINE, DMARC_P_REJECT,
	DMARC_UNKNOWN     /* DNS failed: counts as strict */
};
/* "absent", "none", "quarantine", "reject", "unknown". */
const char *dmarc_policy_name(enum dmarc_policy policy);
/* Does a list have to act: quarantine, reject or unknown? */
bool dmarc_is_strict(enum dmarc_policy policy);

#define DMARC_QUERIES_MAX 8

struct dmarc_record {
	struct span text;                /* as published */
	enum dmarc_policy p, sp, np;     /* DMARC_ABSENT where not given; after the rules for bad values (9989 4.7, 4.10.1) */
	bool strict_dkim, strict_spf;    /* adkim=s, aspf=s */
	char psd;                        /* 'y', 'n', 'u' */
	bool testing;                    /* t=y */
	unsigned pct;                    /* 0..100; used by the RFC 7489 reading for display only */
	bool has_rua;                    /* at least one valid reporting URI */
	bool has_duplicate;              /* a tag stands twice: the whole record is void (RFC 6376 3.2), yet not every reader knows */
};
/* Is text a DMARC record at all (v=DMARC1 first)? */
bool dmarc_is_record(struct span text);
/* Read a record. false when it must be treated as absent: it is no record, has a tag twice, or has no usable policy and no rua (9989 4.10.1).
 * record_r is filled even then, as a lenient reader would see it: of a tag that stands twice it holds the strictest value. */
bool dmarc_record_parse(struct span text, struct dmarc_record *record_r);

/* One domain's SPF or DKIM outcome, as evidence for alignment. */
struct dmarc_evidence { const char *domain; enum auth_result result; };

struct dmarc_reading {
	enum dmarc_policy policy;   /* p, sp or np value that applies to this author; ABSENT, UNKNOWN */
	enum dmarc_policy applied;  /* after t=y (9989); equals policy under 7489 */
	const char *policy_domain;  /* where the record was found, or NULL */
	const char *org_domain;     /* Organizational Domain of the author, or NULL when unknown */
	const char *record;         /* the text, or NULL */
	bool testing;
	const char *queries[DMARC_QUERIES_MAX]; /* _dmarc names asked when looking up the author, in order */
	size_t query_count;
	bool strict_dkim, strict_spf;
	/* evaluation; meaningful after dmarc_evaluate */
	enum auth_result result;    /* pass, fail, none (no policy), temperror */
	bool spf_aligned, dkim_aligned;
};

struct dmarc_seen;              /* DNS answers so far, dmarc_int.h */

struct dmarc_verdict {
	const char *author_domain;  /* A-labels, lower case; as given where it is no domain name */
	struct dmarc_reading rfc9989, rfc7489;
	enum dmarc_policy effective; /* the stricter of the two policies, before t= and pct=; UNKNOWN where a failure hides whether there is a stricter one.
	                                A record with a tag twice is void in both readings, but counts here with its strictest values: some receivers do use it. */
	enum dmarc_policy of_any;    /* what a receiver may ask for that takes one of several records at a name, which are none by both RFCs (OpenDMARC 1.4 does);
	                                effective where there are not several */
	bool pass;                  /* every reading that asks for something has aligned evidence; false where nothing is asked for */
	bool dns_trouble;           /* a question that was needed failed */
	struct dmarc_seen *seen;    /* between discover and evaluate; lives in the arena */
};

/* Find what an author domain asks for, by both ways. domain: any form; it is turned into A-labels. verdict_r's texts live in a. DNS trouble is a
 * value, not a failure. What is no domain name cannot be asked for: UNKNOWN, without dns_trouble. */
void dmarc_discover(struct arena *a, struct resolver *dns, const char *domain, struct dmarc_verdict *verdict_r);
/* The same in two steps, so that the first question is on its way while other things are done: every start is ended by one finish. */
void dmarc_discover_start(struct arena *a, struct resolver *dns, const char *domain, struct dmarc_verdict *verdict_r);
void dmarc_discover_finish(struct dmarc_verdict *verdict);
/* Hold evidence against a discovered verdict: fills result and alignment of both readings, and pass. spf may be NULL. Of dkim, the first
 * DKIM_SIGNATURES_MAX are looked at. DNS is asked only for domains below the author's Organizational Domain that are not the author's own. */
void dmarc_evaluate(struct arena *a, struct resolver *dns, struct dmarc_verdict *verdict, const struct dmarc_evidence *spf, const struct dmarc_evidence *dkim, size_t dkim_count);
/* Does a domain align with the author's in relaxed mode, whichever way it is read? For identities that are known otherwise than by SPF or
 * DKIM, as a login. DNS trouble counts as no. */
bool dmarc_is_aligned(struct dmarc_verdict *verdict, const char *domain);
/* The stricter of two: reject, then unknown (it may hide a reject), quarantine, none, absent. */
enum dmarc_policy dmarc_stricter(enum dmarc_policy one, enum dmarc_policy other);
/* Organizational domain by the Public Suffix List; domain itself when it is a suffix. Lower-case A-labels in, text in a out. */
const char *dmarc_psl_org_domain(struct arena *a, const char *domain);
/* Organizational domain by tree walk (9989 4.10.2); NULL on DNS trouble. */
const char *dmarc_walk_org_domain(struct arena *a, struct resolver *dns, const char *domain);

#endif
