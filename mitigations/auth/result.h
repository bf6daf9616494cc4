/* SPDX-License-Identifier: BSD-2-Clause */
/* Results of authentication methods, named as in RFC 8601 2.7. */
#ifndef MITIGATIONS_AUTH_RESULT_H
#define MITIGATIONS_AUTH_RESULT_H

#include "mail/span.h"

enum auth_result {
	AUTH_NONE, AUTH_PASS, AUTH_FAIL, AUTH_SOFTFAIL, AUTH_NEUTRAL, AUTH_POLICY, AUTH_TEMPERROR, AUTH_PERMERROR
};
/* "none", "pass", ... */
const char *auth_result_name(enum auth_result result);
/* The result of that name (case ignored); false for an unknown name. */
bool auth_result_parse(struct span name, enum auth_result *result_r);

#endif
