/* SPDX-License-Identifier: BSD-2-Clause */
/* Failures with exit codes: for verbs and for listctl, which links nothing else of the daemon. */
#include "listd/control/control.h"

#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

int control_refuse(struct fail *why, int exit_code, const char *format, ...)
{
	char text[FAIL_TEXT_MAX_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return fail_set(why, exit_code, NULL, "%s", text);
}

int control_exit(const struct fail *why)
{
	if (why->code >= EX_USAGE && why->code <= EX_CONFIG)
		return why->code;
	return why->temporary ? EX_TEMPFAIL : EX_DATAERR;
}
