/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF (RFC 7208) by libspf2, which evaluates, behind our own DNS layer, which guards: strict syntax check of each record, counters of
 * terms and void look-ups for the whole check (4.6.4), records rewritten so that libspf2 sees nothing a stranger wrote and no
 * construct it gets wrong, macros and explanations expanded by us, length and time limits (20 s a check), temporary and permanent errors
 * told apart. A loopback client is checked like any other. */
#ifndef MITIGATIONS_AUTH_SPF_H
#define MITIGATIONS_AUTH_SPF_H

#include "mail/clock.h"
#include "mail/dns.h"
#include "mitigations/auth/result.h"

struct spf_query {
	const char *ip;        /* IPv4 or IPv6 in text */
	const char *helo;      /* as given by the client, or NULL */
	const char *mail_from; /* envelope sender without <>; "" or NULL is the null sender: postmaster@helo is checked (2.4) */
	const char *receiver;  /* our host name for %{r}, or NULL */
};

struct spf_result {
	enum auth_result result;
	const char *domain;  /* the domain that was checked, A-labels lower case; "" when there was none */
	const char *reason;  /* in words (printable ASCII): which term decided or what is wrong with the record */
	bool is_helo;        /* the HELO identity was checked, since the sender was null */
	const char *explanation; /* exp= text expanded (6.2), printable ASCII, only for fail; NULL when there is none */
};

/* Check one identity. Never fails: trouble is AUTH_TEMPERROR or AUTH_PERMERROR. result_r's texts live in a. clock: for %{t}. */
void spf_check(struct arena *a, struct resolver *dns, const struct clock *clock, const struct spf_query *query, struct spf_result *result_r);

#endif
