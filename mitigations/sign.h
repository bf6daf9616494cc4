/* SPDX-License-Identifier: BSD-2-Clause */
/* DKIM signing (RFC 6376 5) of a form, relaxed/relaxed, on OpenSSL with keys held parsed. */
#ifndef MITIGATIONS_SIGN_H
#define MITIGATIONS_SIGN_H

#include "mail/clock.h"
#include "mail/form.h"
#include "mitigations/key.h"

/* Fields signed when present; those with oversign are named once more than they occur, so that none can be added (5.4, 8.15). */
struct sign_field { const char *name; bool oversign; };
extern const struct sign_field sign_fields[];
extern const size_t sign_field_count;

/* Add DKIM-Signature fields for the domain (an RSA one, and an ed25519 one when the ring has such a key) on top of the form. body_hash: the
 * SHA-256 of the relaxed body when the caller has it, else NULL. -1: no key for the domain, or OpenSSL failed. */
int sign_form(struct form *form, const struct keyring *ring, const char *domain, const struct clock *clock, const uint8_t *body_hash, struct fail *why);

#endif
