/* SPDX-License-Identifier: BSD-2-Clause */
/* What a signature that verifies leaves to anybody: a whole message can be taken elsewhere and sent on with more in it than was signed (RFC 6376 8.2, 8.15).
 * Receivers let it pass; a list that would put its own name on the result may not. */
#ifndef MITIGATIONS_AUTH_GAPS_H
#define MITIGATIONS_AUTH_GAPS_H

#include "mail/message.h"

/* What the signature does not cover though it covers its like: body bytes behind l=, or a second instance of a field that readers show or that says how the body is read.
 * signature: a DKIM-Signature or ARC-Message-Signature field of m. In words (static), or NULL: no such gap. */
const char *gaps_find(const struct message *m, const struct field *signature);

#endif
