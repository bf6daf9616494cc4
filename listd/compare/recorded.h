/* SPDX-License-Identifier: BSD-2-Clause */
/* What the server that received a recorded message wrote down about DMARC (RFC 8601), held against what is found today in the same bytes. For a copy that nobody has changed
 * since, and keys that are still known, both must agree; where they are not known the answer is "unknown", never a guess. */
#ifndef LISTD_COMPARE_RECORDED_H
#define LISTD_COMPARE_RECORDED_H

#include "mitigations/auth/facts.h"

enum recorded_state { RECORDED_NOTHING, RECORDED_EQUAL, RECORDED_DIFFERENT, RECORDED_UNKNOWN };
/* "nothing", "equal", "different", "unknown". */
const char *recorded_state_name(enum recorded_state state);

struct recorded {
	enum recorded_state state;
	const char *by;            /* the authserv-id, or NULL: no field says anything of DMARC */
	const char *result;        /* that was recorded: "pass", "fail", "none", ... */
	const char *predicted;     /* "pass", "fail", "none"; "unknown" */
	const char *reason;        /* in words */
};

/* Look for the topmost field that has a dmarc result; by: of this authserv-id alone, or NULL. All lives in a. */
void recorded_check(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, const char *by, struct recorded *recorded_r);

#endif
