/* SPDX-License-Identifier: BSD-2-Clause */
/* libopendkim, with its faults fenced off. Its own names begin with dkim_ too, so this is the only pair of files that includes its header. */
#ifndef MITIGATIONS_AUTH_DKIM_LIBRARY_H
#define MITIGATIONS_AUTH_DKIM_LIBRARY_H

#include "mail/message.h"
#include "mitigations/auth/pubkey.h"

/* One DKIM-Signature field. passes_r: the library found header hash, body hash and key right. It judges times by the system's clock. */
struct library_signature {
	const struct field *field;
	bool passes_r;
};
/* Verify signatures, given in the order of their fields; DKIM-Signature fields that are not among them are not shown to the library (it works for every one
 * that it sees, also for those that are to be ignored). Keys come from queries. Trouble of any kind means that nothing passes. */
void library_verify(const struct message *m, struct pubkey_queries *queries, struct library_signature *signatures, size_t count);

#endif
