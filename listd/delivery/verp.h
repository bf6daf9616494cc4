/* SPDX-License-Identifier: BSD-2-Clause */
/* Envelope senders that tell who bounced (VERP), with a keyed code so that nobody can make them up.
 *   by transaction:  birds-bounces+CODE+ann=example.com@lists.example.org   CODE over list, post and recipient
 *   with XVERP=+=:   birds-bounces+CODE@..., from which the relay makes birds-bounces+CODE+ann=example.com@...   CODE over list and post: only a suspicion
 *   of a probe:      birds-bounces+CODE@lists.example.org   CODE over list and probe, whose recipient the store knows
 * CODE is: one letter for the kind (r recipient, p post, q probe), the post's id (20), and 16 characters of keyed code. */
#ifndef LISTD_VERP_H
#define LISTD_VERP_H

#include "mail/arena.h"
#include "mail/secret.h"

enum verp_kind { VERP_RECIPIENT, VERP_POST, VERP_PROBE };

/* Write the envelope sender. list_local/list_domain: of the list's address; post_id: 20 characters (longer ids are cut); recipient NULL for
 * VERP_POST and VERP_PROBE. A recipient with octets other than atoms and dots in its local part is written with "=XX" hexadecimal escapes. size 400 always
 * suffices. Returns false when the result would exceed 64 octets before the @ by more than MTAs take (RFC 5321 4.5.3.1.1 says 64; Postfix and Exim
 * take 255): then the recipient is left out and kind p is written. */
bool verp_write(const struct secret *secret, enum verp_kind kind, const char *list_local, const char *list_domain, const char *post_id,
	const char *recipient, char *sender_r, size_t size);

struct verp { enum verp_kind kind; bool valid; const char *post_id; const char *recipient; /* NULL when it names none */ };
/* Read the local part after "LIST-bounces+" (what classify found). false: not of this shape. valid: the code is right. */
bool verp_read(struct arena *a, const struct secret *secret, const char *list_local, struct span suffix, struct verp *verp_r);

#endif
