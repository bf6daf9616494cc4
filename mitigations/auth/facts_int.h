/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the facts module share. */
#ifndef MITIGATIONS_AUTH_FACTS_INT_H
#define MITIGATIONS_AUTH_FACTS_INT_H

#include "mitigations/auth/facts.h"

/* Is name (ASCII case ignored) in a NULL-ended list? A NULL list is empty. */
bool facts_listed(const char *const *list, struct span name);
/* The domain of an address, or of a text that is a domain already, as A-labels; NULL when it is none. */
const char *facts_domain_of(struct arena *a, struct span text);
/* The passing results as evidence for DMARC, without signatures that leave a gap. dkim_r has room for DKIM_SIGNATURES_MAX. */
size_t facts_evidence(const struct facts *facts, struct dmarc_evidence *spf_r, struct dmarc_evidence *dkim_r);
/* SPF as the topmost Authentication-Results field of a trusted authserv-id has it; false when none says it. */
bool facts_spf_recorded(struct arena *a, const struct message *m, const struct facts_options *options, struct facts *facts);
/* Do the results that trusted sealers recorded say that DMARC passed for this author, or that an identifier passed which is aligned with it? Only
 * sets above which every seal is a trusted one's count: what is below was anybody's to write. */
bool facts_arc_says_pass(struct arena *a, struct resolver *dns, const struct facts_options *options, const struct facts *facts, const struct dmarc_verdict *author);

#endif
