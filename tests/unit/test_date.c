/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/check.h"

#include "mail/date.h"

static void test_parse(void **state)
{
	static const struct { const char *in; bool ok; int64_t want; } rows[] = {
		{ "Sun, 22 Nov 2026 00:11:59 +0000", true, 1795306319 }, { "Fri, 21 Nov 1997 09:55:06 -0600", true, 880127706 },
		{ "21 Nov 97 09:55:06 GMT", true, 880106106 }, { "Thu, 01 Jan 1970 00:00:00 +0000", true, 0 },
		{ "1 Jan 1970 00:00 -0100", true, 3600 }, { "1 Jan 1970 01:00:00 +0100", true, 0 }, { "31 Dec 1969 23:59:59 +0000", true, -1 },
		/* RFC 5322 A.5, A.6.2, A.6.3. */
		{ "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)", true, -27723480 },
		{ "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", true, 880127706 },
		{ "(x(y)) Sun (a) , (b) 22 Nov (c) 2026 (d) 00:11:59 (e) +0000 (UTC)", true, 1795306319 },
		{ "22 Nov 2026 00:11:59 EST", true, 1795324319 }, { "22 Nov 2026 00:11:59 pdt", true, 1795331519 },
		{ "22 Nov 2026 00:11:59 Z", true, 1795306319 }, { "22 Nov 2026 00:11:59 XYZ", true, 1795306319 },
		{ "22 Nov 2026 00:11:59", true, 1795306319 }, { "22-Nov-2026 00:11:59 +0000", true, 1795306319 },
		{ "Sunday, 22 November 2026 00:11:59 +0000", true, 1795306319 }, { "Sun 22 nov 2026 0:11:59 +0000", true, 1795306319 },
		{ "22 Nov 126 00:11:59 +0000", true, 1795306319 }, { "22 Nov 26 00:11:59 +0000", true, 1795306319 },
		{ "29 Feb 2024 00:00:00 +0000", true, 1709164800 }, { "31 Dec 2016 23:59:60 +0000", true, 1483228800 },
		{ "22 Nov 2026 00:11:59 +9999", true, 1795306319 },
		{ "", false, 0 }, { "(", false, 0 }, { "now", false, 0 }, { "Sun, 22 Nov 2026", false, 0 }, { "29 Feb 2023 00:00 +0000", false, 0 },
		{ "0 Nov 2026 00:00 +0000", false, 0 }, { "31 Nov 2026 00:00 +0000", false, 0 }, { "22 Foo 2026 00:00 +0000", false, 0 },
		{ "22 Nov 20260 00:00 +0000", false, 0 }, { "22 Nov 2026 24:00 +0000", false, 0 }, { "22 Nov 2026 00:60 +0000", false, 0 },
		{ "22 Nov 2026 00:00:61 +0000", false, 0 }, { "222 Nov 2026 00:00 +0000", false, 0 }, { "22 Nov 1899 00:00 +0000", false, 0 },
		{ "22 Nov 2026 00:1 +0000", false, 0 }, { "2026-11-22T00:11:59Z", false, 0 }, { "22 Nov 2 00:00 +0000", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span exact = test_exact(span_of(rows[i].in));
		int64_t got = 0;

		if (date_parse(exact, &got) != rows[i].ok || got != rows[i].want)
			fail_msg("%s: got %lld", rows[i].in, (long long)got);
		free((void *)(uintptr_t)exact.ptr);
	}
}

static void test_format(void **state)
{
	static const struct { int64_t in; const char *want, *iso; } rows[] = {
		{ 1795306319, "Sun, 22 Nov 2026 00:11:59 +0000", "2026-11-22" }, { 0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01" },
		{ -1, "Wed, 31 Dec 1969 23:59:59 +0000", "1969-12-31" }, { 951782400, "Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29" },
		{ 4107542400, "Mon, 1 Mar 2100 00:00:00 +0000", "2100-03-01" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(date_format(a, rows[i].in), rows[i].want);
		assert_string_equal(date_iso(a, rows[i].in), rows[i].iso);
	}
	assert_non_null(date_format(a, INT64_MAX));
	assert_non_null(date_format(a, INT64_MIN));
	arena_free(a);
}

/* What is written is read back, over two centuries in steps that meet every hour and day of the year. */
static void test_round_trip(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (int64_t secs = -2000000000; secs < 5000000000; secs += 9999991) {
		int64_t back = 0;

		assert_true(date_parse(span_of(date_format(a, secs)), &back));
		assert_int_equal(back, secs);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_format), cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
