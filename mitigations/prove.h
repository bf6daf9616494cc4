/* SPDX-License-Identifier: BSD-2-Clause */
/* The proof: rendered bytes are parsed afresh and judged as a strict receiver would judge them, by both DMARC readings, with our own key as published
 * or as it will be. It shares no state with what made the form; of its code, what reads and canonicalises a message, which tests hold against OpenDKIM,
 * dkimpy and Mail::DKIM. */
#ifndef MITIGATIONS_PROVE_H
#define MITIGATIONS_PROVE_H

#include "mitigations/strategy.h"

struct proof {
	bool holds;              /* a strict receiver accepts it; what only SPF would carry does not count, since the next forwarder ends it */
	bool valid_message;      /* one From with one mailbox, one Date, lines of 998 octets at most, no octets that the relay does not take, header parses */
	bool dmarc_pass;         /* a signature aligned with the copy's From domain verifies, whichever way DMARC is read; also told where no policy asks for it */
	bool author_signature_alive; /* one that is not the list's does */
	bool list_signature_ok;  /* ours verifies, or signing is the MTA's task */
	bool sealed;             /* the newest ARC set is the list's */
	bool arc_ok;             /* not sealed by us, or the chain with our seal validates */
	struct dmarc_verdict dmarc; /* of the copy's From domain */
	const char *assumes;     /* what was taken for granted ("the MTA signs for lists.example.org", "key not published yet"), or NULL */
	const char *reason;      /* in words */
	size_t longest_line_bytes;
	bool needs_8bit, needs_utf8; /* 8BITMIME, SMTPUTF8 needed of the next hop */
};

/* Judge rendered bytes for a receiver that enforces. keys: our public keys (keyring_resolver) laid over dns, or NULL for dns alone. */
void prove(struct arena *a, struct resolver *dns, struct resolver *keys, const struct clock *clock, const struct list_identity *list,
	const struct rendering *rendering, struct proof *proof_r);

#endif
