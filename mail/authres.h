/* SPDX-License-Identifier: BSD-2-Clause */
/* Authentication-Results (RFC 8601) and its payload in ARC-Authentication-Results (RFC 8617 4.1.1): read and write. */
#ifndef MAIL_AUTHRES_H
#define MAIL_AUTHRES_H

#include "mail/message.h"

#define AUTHRES_RESULTS_MAX 100 /* more in one field is an attack; real ones hold fewer than ten */
#define AUTHRES_PROPS_MAX 32

struct authres_prop { struct span ptype, property, value; }; /* header.d=example.com; value with quotes undone */

struct authres_result {
	struct span method;  /* "dkim" */
	struct span result;  /* "pass" */
	struct span reason;  /* or empty */
	struct authres_prop *props;
	size_t prop_count;
};

struct authres {
	struct span authserv_id; /* quotes undone */
	unsigned version;        /* 1 when not given */
	struct authres_result *results;
	size_t count;            /* 0 for "none" */
	struct span payload;     /* everything after "authserv-id [version];" as written: what an AAR takes over */
};

/* Read a field's value. -1: not by the grammar (an unknown version is one such case). Comments are allowed everywhere they may stand. */
int authres_parse(struct arena *a, struct span value, struct authres *authres_r, struct fail *why);
/* The property's value ("header", "d"), or {NULL,0}. */
struct span authres_prop(const struct authres_result *result, const char *ptype, const char *property);
/* Does a payload (what follows "authserv-id;") hold this result of this method? False for one that cannot be read. */
bool authres_says(struct arena *a, struct span payload, const char *method, const char *result);
/* Does this field claim the given authserv-id (case ignored, EAI as U-label)? A field that cannot be parsed counts as claiming it when
 * its text begins with that id: on intake it is better gone. */
bool authres_claims(struct arena *a, struct span value, const char *authserv_id);
/* Write helpers: the value as comments-free text. s must be quoted when not a token: this does it. */
struct span authres_quote(struct arena *a, struct span value);
/* All results of the fields of that authserv-id, joined by "; " in order of the fields, runs of white space folded to one space, comments kept: the payload for
 * an ARC-Authentication-Results field. "none" when they say no more than that; an empty span when there is no such field. Names of the fields looked at:
 * Authentication-Results. */
struct span authres_collect(struct arena *a, const struct message *m, const char *authserv_id);

#endif
