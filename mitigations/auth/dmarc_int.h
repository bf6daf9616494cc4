/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the DMARC module share: answers of _dmarc names, each asked once a verdict, and the tree walk over them. */
#ifndef MITIGATIONS_AUTH_DMARC_INT_H
#define MITIGATIONS_AUTH_DMARC_INT_H

#include "mitigations/auth/dmarc.h"

#include <libpsl.h>

struct dmarc_lookup {             /* what TXT at _dmarc.<domain> gave */
	const char *domain;
	const char *name;             /* the name asked, or NULL where it would be too long to exist */
	struct dns_question *question; /* on its way, or NULL */
	bool failed;                  /* DNS trouble */
	size_t record_count;          /* DMARC records there; other TXT records do not count */
	struct dmarc_record record;   /* when record_count is 1; of several, the strictest values */
	bool usable;                  /* what dmarc_record_parse said of it */
};

struct dmarc_seen {
	struct arena *arena;          /* of the answers: as long as the verdict lives, which may be asked again with memory that ends sooner */
	struct arena *scratch;        /* of the evaluation that goes on */
	struct resolver *dns;
	const psl_ctx_t *psl;
	struct dmarc_lookup **items;
	size_t count, cap;
	bool trouble;                 /* one of them failed */
	bool duplicates;              /* one of them holds a record with a tag twice */
	bool several;                 /* one of them holds several records */
};

struct dmarc_walk {
	const struct dmarc_lookup *steps[DMARC_QUERIES_MAX];
	size_t count;
	bool failed;                  /* ended early by DNS trouble: org_domain is NULL */
	const char *org_domain;
};

/* How a record with a tag twice is read: as void, or with its strictest values; and so several records at a name. */
enum dmarc_mode { DMARC_LITERAL, DMARC_LENIENT, DMARC_ANY };

/* An empty memory of answers. psl: NULL for the built-in list. */
struct dmarc_seen *dmarc_seen_new(struct arena *a, struct resolver *dns, const psl_ctx_t *psl);
/* Start the question for a domain unless it is there already; the answer is taken by dmarc_lookup. */
struct dmarc_lookup *dmarc_lookup_start(struct dmarc_seen *seen, const char *domain);
/* The answer for a domain, asked for now or earlier. */
const struct dmarc_lookup *dmarc_lookup(struct dmarc_seen *seen, const char *domain);
/* Is there one record at the name that counts in that mode? */
bool dmarc_lookup_has(const struct dmarc_lookup *look, enum dmarc_mode mode);
/* The tree walk of RFC 9989 4.10 and the Organizational Domain by it (4.10.2). */
void dmarc_walk(struct dmarc_seen *seen, const char *start, enum dmarc_mode mode, struct dmarc_walk *walk_r);
/* Organizational domain by a given list. */
const char *dmarc_psl_org_domain_by(struct arena *a, const psl_ctx_t *psl, const char *domain);
/* dmarc_discover_start with a list other than the built-in one. */
void dmarc_discover_start_by(struct arena *a, struct resolver *dns, const psl_ctx_t *psl, const char *domain, struct dmarc_verdict *verdict_r);
/* Is name the domain itself or below it? */
bool dmarc_is_below(const char *name, const char *domain);

#endif
