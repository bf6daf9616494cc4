/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

__attribute__((format(printf, 2, 0)))
static void write_text(char *text, const char *format, va_list args)
{
	vsnprintf(text, FAIL_TEXT_MAX_BYTES, format, args);
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

__attribute__((format(printf, 5, 0)))
static int fill(struct fail *why, bool temporary, int code, const char *enhanced, const char *format, va_list args)
{
	if (why == NULL)
		return -1;
	memset(why, 0, sizeof(*why));
	why->temporary = temporary;
	why->code = code;
	snprintf(why->enhanced, sizeof(why->enhanced), "%s", enhanced == NULL ? "" : enhanced);
	write_text(why->text, format, args);
	return -1;
}

int fail_set(struct fail *why, int code, const char *enhanced, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(why, code / 100 == 4, code, enhanced, format, args);
	va_end(args);
	return -1;
}

int fail_permanent(struct fail *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(why, false, 0, NULL, format, args);
	va_end(args);
	return -1;
}

int fail_expected(struct fail *why, const char *file, size_t line, const char *what, struct span found)
{
	return fail_permanent(why, "%s:%zu: expected %s, not \"%.*s\"", file, line, what, (int)(found.len > 80 ? 80 : found.len), found.len == 0 ? "" : found.ptr);
}

int fail_temporary(struct fail *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(why, true, 0, NULL, format, args);
	va_end(args);
	return -1;
}

int fail_prefix(struct fail *why, const char *format, ...)
{
	char before[FAIL_TEXT_MAX_BYTES], old[FAIL_TEXT_MAX_BYTES];
	va_list args;

	if (why == NULL)
		return -1;
	va_start(args, format);
	write_text(before, format, args);
	va_end(args);
	memcpy(old, why->text, sizeof(old));
	if (snprintf(why->text, sizeof(why->text), "%s: %s", before, old) >= (int)sizeof(why->text))
		why->text[sizeof(why->text) - 1] = '\0';
	return -1;
}

static void (*last_words)(void);

void fail_last_words(void (*words)(void))
{
	last_words = words;
}

void fail_environment(const char *what)
{
	if (last_words != NULL)
		last_words();
	fprintf(stderr, "listd: %s; ending, to be started again\n", what);
	exit(EX_TEMPFAIL);
}
