/* SPDX-License-Identifier: BSD-2-Clause */
/* What every unit test includes: cmocka, the place of the test data, and inputs copied to their exact size. */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/arena.h"
#include "mail/file.h"

/* tests/data, or what LISTD_TEST_DATA names. */
static inline const char *test_data(struct arena *a, const char *name)
{
	const char *dir = getenv("LISTD_TEST_DATA");

	return arena_printf(a, "%s/%s", dir == NULL ? "tests/data" : dir, name);
}

/* A whole file of the test data. */
static inline struct span test_read(struct arena *a, const char *name)
{
	struct span bytes = { NULL, 0 };
	struct fail why;

	if (file_read(a, test_data(a, name), (size_t)64 << 20, &bytes, &why) != 0)
		fail_msg("%s", why.text);
	return bytes;
}

/* A heap copy of exactly the text's size, without NUL, so that an overrun shows under ASan. The caller frees ptr. */
static inline struct span test_exact(struct span s)
{
	char *copy = malloc(s.len == 0 ? 1 : s.len);

	assert_non_null(copy);
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	return (struct span){ copy, s.len };
}

#endif
