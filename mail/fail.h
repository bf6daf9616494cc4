/* SPDX-License-Identifier: BSD-2-Clause */
/* What went wrong, in words that a person can act on and in codes that an SMTP client understands.
 * A function that can fail in an expected way takes struct fail *why as its last parameter and returns 0 or -1; why is
 * written only on failure, and may be NULL when the caller does not care. */
#ifndef MAIL_FAIL_H
#define MAIL_FAIL_H

#include "mail/span.h"

#define FAIL_TEXT_MAX_BYTES 512

struct fail {
	bool temporary;     /* may go away by itself: 4xx */
	int code;           /* SMTP reply code, 0 when the failure has nothing to do with a reply */
	char enhanced[12];  /* RFC 3463 code as "5.7.1", or "" */
	char text[FAIL_TEXT_MAX_BYTES]; /* one line, no line ends, always NUL-ended; says what to do next */
};

/* Fill *why and return -1. code: SMTP reply (4xx is temporary) or 0; enhanced: "5.6.0" or NULL. The text is cut at its maximum;
 * control characters in it become '?', so that untrusted text is safe in replies and logs. */
int fail_set(struct fail *why, int code, const char *enhanced, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A failure without a reply code. */
int fail_permanent(struct fail *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
int fail_temporary(struct fail *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of a file that holds what was not expected there: "FILE:LINE: expected WHAT, not "FOUND"". */
int fail_expected(struct fail *why, const char *file, size_t line, const char *what, struct span found);
/* Put "prefix: " before why's text; returns -1. */
int fail_prefix(struct fail *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The environment is broken (no memory, dead disk): say so on stderr and end the process with EX_TEMPFAIL. */
_Noreturn void fail_environment(const char *what);
/* To be called first by fail_environment, on the thread that needs what there is not. Once, at start. */
void fail_last_words(void (*words)(void));

#endif
