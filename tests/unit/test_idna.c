/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/check.h"

#include "mail/idna.h"

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static void test_to_ascii(void **state)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "example.com", "example.com" }, { "EXAMPLE.Com.", "example.com" }, { "m\xc3\xbcnchen.example", "xn--mnchen-3ya.example" },
		{ "M\xc3\x9cNCHEN.Example.", "xn--mnchen-3ya.example" }, { "fa\xc3\x9f.de", "xn--fa-hia.de" },
		{ "_dmarc.m\xc3\xbcnchen.example", "_dmarc.xn--mnchen-3ya.example" }, { "xn--mnchen-3ya.example", "xn--mnchen-3ya.example" },
		{ "\xe6\x97\xa5\xe6\x9c\xac\xe3\x80\x82jp", "xn--wgv71a.jp" }, { "ban\xe2\x80\x8bk.example", "bank.example" },
		{ "a_b.test", "a_b.test" }, { "localhost", "localhost" }, { L63 ".test", L63 ".test" },
		{ "", NULL }, { ".", NULL }, { "a..b", NULL }, { ".a", NULL }, { "a b.test", NULL }, { "[192.0.2.1]", NULL }, { "a@b", NULL },
		{ L63 "4.test", NULL }, { L63 "." L63 "." L63 "." L63, NULL }, { "m\xfcnchen.example", NULL }, { "x\xe2\x80\x83y.test", NULL },
		{ "\xc3\xbc..de", NULL }, { "a,b", NULL }, { "a\r\n", NULL }, { "-\xc3\xbc.de", NULL },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span exact = test_exact(span_of(rows[i].in));
		const char *got = idna_to_ascii(a, exact);

		free((void *)(uintptr_t)exact.ptr);
		if ((got == NULL) != (rows[i].want == NULL) || (got != NULL && strcmp(got, rows[i].want) != 0))
			fail_msg("%s: got %s", rows[i].in, got == NULL ? "nothing" : got);
	}
	assert_null(idna_to_ascii(a, SPAN_LIT("example.com\0.net")));
	assert_null(idna_to_ascii(a, SPAN_LIT("\xc3\xbc.com\0.net")));
	assert_null(idna_to_ascii(a, (struct span){ arena_alloc(a, 5000), 5000 }));
	arena_free(a);
}

static void test_to_unicode(void **state)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "xn--mnchen-3ya.example", "m\xc3\xbcnchen.example" }, { "example.com", "example.com" }, { "xn--zzzzzz.de", "xn--zzzzzz.de" },
		{ "", "" }, { "[192.0.2.1]", "[192.0.2.1]" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(arena_text(a, idna_to_unicode(a, span_of(rows[i].in))), rows[i].want);
	arena_free(a);
}

static void test_utf8(void **state)
{
	static const struct { const char *in; bool valid; const char *fixed; } rows[] = {
		{ "", true, "" }, { "abc", true, "abc" }, { "\xc3\xbc", true, "\xc3\xbc" }, { "\xf0\x9f\x98\x80", true, "\xf0\x9f\x98\x80" },
		{ "\xf4\x8f\xbf\xbf", true, "\xf4\x8f\xbf\xbf" }, { "\xed\x9f\xbf", true, "\xed\x9f\xbf" },
		{ "\xfc", false, "\xc3\xbc" }, { "a\xe9" "b\xc3\xa9", false, "a\xc3\xa9" "b\xc3\xa9" }, { "\x80\x81", false, "\xe2\x82\xac\xef\xbf\xbd" },
		{ "\xc0\xaf", false, "\xc3\x80\xc2\xaf" }, { "\xed\xa0\x80", false, "\xc3\xad\xc2\xa0\xe2\x82\xac" },
		{ "\xf4\x90\x80\x80", false, "\xc3\xb4\xef\xbf\xbd\xe2\x82\xac\xe2\x82\xac" }, { "\xe2\x82", false, "\xc3\xa2\xe2\x80\x9a" },
		{ "\xe0\x80\x80", false, "\xc3\xa0\xe2\x82\xac\xe2\x82\xac" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span exact = test_exact(span_of(rows[i].in));

		if (utf8_is_valid(exact) != rows[i].valid)
			fail_msg("row %zu", i);
		assert_string_equal(arena_text(a, utf8_from_8bit(a, exact)), rows[i].fixed);
		free((void *)(uintptr_t)exact.ptr);
	}
	assert_int_equal(utf8_code(SPAN_LIT("\xf0\x9f\x98\x80"), 4), 0x1f600);
	assert_false(has_8bit(SPAN_LIT("abc")));
	assert_true(has_8bit(SPAN_LIT("ab\xc3\xbc")));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_ascii), cmocka_unit_test(test_to_unicode), cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
