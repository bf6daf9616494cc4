/* SPDX-License-Identifier: BSD-2-Clause */
/* What an SMTP session knew, handed on inside the message: an Authentication-Results field with our own authserv-id, whose last result carries the session and a keyed code.
 *
 *   Authentication-Results: lists.example.org; spf=pass smtp.mailfrom=ann@example.com; dkim=pass ...; dmarc=pass header.from=example.com ...;
 *     x-listd=pass policy.time=1795305600 policy.submission=no policy.ip=192.0.2.1 policy.helo=mail.example.com policy.mailfrom=ann@example.com policy.code=...
 *
 * The code (HMAC-SHA256) is over the whole text before it, blanks folded, and over what of the message stays as it is on the way: the values of From, Sender, To, Subject, Date and
 * Message-ID, and the body (DKIM's simple form). A field that somebody made up, or took from another message, is worth nothing. */
#ifndef MITIGATIONS_AUTH_KEYED_H
#define MITIGATIONS_AUTH_KEYED_H

#include "mail/secret.h"
#include "mitigations/auth/facts.h"

/* A message may wait in the MTA's queue between the two (5 days by default), and no longer. */
#define KEYED_AGE_MAX_SECS (6 * 86400)
/* Two clocks of one site. */
#define KEYED_AHEAD_MAX_SECS 300

/* The field's value, without fold, in a. results: a payload of an Authentication-Results field (facts_authres). Of a login that is an address only the domain is told: the field
 * may reach other recipients of the message. */
struct span keyed_write(struct arena *a, const struct secret *secret, const char *authserv_id, struct span results, const struct session *session, const struct message *m,
	int64_t now_secs);
/* The session of the first such field of m that is right; texts in a. now_secs: when the message was taken over from the MTA. false: there is none. */
bool keyed_read(struct arena *a, const struct secret *secret, const char *authserv_id, const struct message *m, int64_t now_secs, struct session *session_r);

#endif
