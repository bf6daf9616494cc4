/* SPDX-License-Identifier: BSD-2-Clause */
/* Reversible author aliases at a list's domain.
 * Keyed: LIST-author-CODE@domain. CODE is a keyed code (100 bits, base32) over the author's address: one author has one alias on a list, it can be neither guessed
 *   nor read. The caller keeps CODE -> author in its store when a copy with the alias is sent (alias_make is deterministic, so a repeated run writes the same row).
 * Readable: LIST-author-ann=40example.com-CODE8@domain: it can be read, and its short code (40 bits) keeps it from being made up.
 *   No table is needed. Where it would exceed a local part of 64 octets, the keyed form is taken. */
#ifndef MITIGATIONS_ALIAS_H
#define MITIGATIONS_ALIAS_H

#include "mail/address.h"
#include "mail/secret.h"

/* Of a keyed alias. A list's local part over 36 octets leaves room for fewer, at 40 octets for 16 (80 bits), within the 64 octets of a local part. */
#define ALIAS_CODE_CHARS 20
#define ALIAS_SHORT_CODE_CHARS 8
#define ALIAS_CODE_MIN_CHARS 16

/* The alias's whole address. list_local: local part of the list's address; over 40 octets a keyed alias is longer than the 64
 * of RFC 5321 4.5.3.1.1, which some sites refuse. Authors who differ only in letter case share one. */
const char *alias_make(struct arena *a, const struct secret *secret, const char *list_local, const char *list_domain, const struct address *author, bool readable);
/* The code under which the caller's store keeps a keyed alias of this author. */
const char *alias_code(struct arena *a, const struct secret *secret, const char *list_local, const struct address *author);

struct alias {
	const char *author; /* readable form: the author's address; NULL for a keyed one, whose code the caller looks up */
	const char *code;   /* keyed form, lower case */
};
/* Read the local part of an address at the list's domain. false when it is no alias of this list (or its readable code is wrong). */
bool alias_read(struct arena *a, const struct secret *secret, const char *list_local, struct span local, struct alias *alias_r);

#endif
