/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/result.h"

static const char *const names[] = {
	[AUTH_NONE] = "none", [AUTH_PASS] = "pass", [AUTH_FAIL] = "fail", [AUTH_SOFTFAIL] = "softfail",
	[AUTH_NEUTRAL] = "neutral", [AUTH_POLICY] = "policy", [AUTH_TEMPERROR] = "temperror", [AUTH_PERMERROR] = "permerror",
};

const char *auth_result_name(enum auth_result result)
{
	return names[result];
}

bool auth_result_parse(struct span name, enum auth_result *result_r)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_eq_text_nocase(name, names[i])) {
			*result_r = (enum auth_result)i;
			return true;
		}
	return false;
}
