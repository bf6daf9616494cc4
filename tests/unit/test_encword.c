/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/check.h"

#include "mail/charset.h"
#include "mail/encword.h"
#include "mail/idna.h"

static void test_decode(void **state)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "", "" }, { "plain text", "plain text" }, { "=?", "=?" }, { "=?utf-8", "=?utf-8" }, { "=?utf-8?q?", "=?utf-8?q?" },
		{ "=?utf-8?q?abc?", "=?utf-8?q?abc?" }, { "=?utf-8?x?abc?=", "=?utf-8?x?abc?=" }, { "=??q?abc?=", "=??q?abc?=" },
		/* RFC 2047 8. */
		{ "=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>" },
		{ "=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xc3\xa9 Pirard" },
		{ "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
		  "If you can read this you understand the example." },
		{ "(=?ISO-8859-1?Q?a?=)", "(a)" }, { "(=?ISO-8859-1?Q?a?= b)", "(a b)" }, { "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)" },
		{ "(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)" }, { "(=?ISO-8859-1?Q?a_b?=)", "(a b)" },
		{ "(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)" }, { "=?utf-8?q?a?==?utf-8?q?b?=", "ab" },
		/* RFC 2231 5. */
		{ "=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore" },
		/* A character split between words, and other things that senders do. */
		{ "=?utf-8?b?w7w=?= =?utf-8?b?w7w=?=", "\xc3\xbc\xc3\xbc" }, { "=?UTF-8?Q?=C3?= =?utf-8?q?=BC?=", "\xc3\xbc" },
		{ "=?utf-8?b?ww==?= =?utf-8?q?=BC?=", "\xc3\xbc" }, { "=?utf-8?q?a b?=", "a b" }, { "x=?utf-8?q?y?=z", "xyz" },
		{ "=?utf-8?b?dsO8?= and =?utf-8?b?dsO8?=", "v\xc3\xbc and v\xc3\xbc" }, { "=?utf-8?q?=zz=4?=", "=zz=4" },
		{ "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac" }, { "=?gb2312?b?1tDOxA==?=", "\xe4\xb8\xad\xe6\x96\x87" },
		{ "=?koi8-r?b?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" }, { "=?windows-1252?q?=80?=", "\xe2\x82\xac" },
		{ "=?ks_c_5601-1987?b?x9GxuQ==?=", "\xed\x95\x9c\xea\xb5\xad" }, { "=?shift_jis?b?k/qWew==?=", "\xe6\x97\xa5\xe6\x9c\xac" },
		/* Unknown charset, bad octets: as they are. */
		{ "=?klingon?q?abc?= =?utf-8?q?d?=", "=?klingon?q?abc?= d" }, { "=?utf-8?q?=FF?=", "=?utf-8?q?=FF?=" },
		{ "=?../../x?q?abc?=", "=?../../x?q?abc?=" }, { "=?utf-8//IGNORE?q?abc?=", "=?utf-8//IGNORE?q?abc?=" },
		/* Nothing that ends a line or a text comes out. */
		{ "=?utf-8?q?a=0D=0Ab=00c?=", "a  b c" }, { "=?utf-7?q?+AA0-?=", " " },
		/* Undeclared octets. */
		{ "Ann\xe9", "Ann\xc3\xa9" }, { "Ann\xc3\xa9", "Ann\xc3\xa9" }, { "\xe9 =?utf-8?q?x?= \xe9", "\xc3\xa9 x \xc3\xa9" },
	};
	struct arena *a = arena_new(1 << 24);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span exact = test_exact(span_of(rows[i].in));
		struct span got = encword_decode(a, exact);

		free((void *)(uintptr_t)exact.ptr);
		if (!span_eq_text(got, rows[i].want))
			fail_msg("%s: got \"%.*s\"", rows[i].in, (int)got.len, got.ptr);
	}
	arena_free(a);
}

static void check_words(struct span words)
{
	struct span word;

	while (span_next(&words, ' ', &word)) {
		struct arena *a = arena_new(1 << 20);

		assert_true(word.len <= ENCWORD_MAX_BYTES);
		assert_true(word.len > 12);
		/* Each word alone is whole characters. */
		assert_true(utf8_is_valid(encword_decode(a, word)));
		assert_int_equal(span_find(encword_decode(a, word), SPAN_LIT("=?")), encword_decode(a, word).len);
		arena_free(a);
	}
}

static void test_encode(void **state)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "", "" }, { "J\xc3\xb6rg", "=?utf-8?b?SsO2cmc=?=" }, { "J\xc3\xb6rgen", "=?utf-8?q?J=C3=B6rgen?=" }, { "a_b=?", "=?utf-8?b?YV9iPT8=?=" },
		{ "\xe5\xb1\xb1\xe7\x94\xb0\xe5\xa4\xaa\xe9\x83\x8e", "=?utf-8?b?5bGx55Sw5aSq6YOO?=" }, { "\xfc", "=?utf-8?b?w7w=?=" },
	};
	struct arena *a = arena_new(1 << 24);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(arena_text(a, encword_encode(a, span_of(rows[i].in))), rows[i].want);
	arena_free(a);
}

/* Every length around the limits, of characters of one to four octets: what goes in comes out. */
static void test_round_trip(void **state)
{
	static const char *const characters[] = { "a", " ", "=", "\xc3\xbc", "\xe5\xb1\xb1", "\xf0\x9f\x98\x80", "?b\xc3\xbc" };

	(void)state;
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++) {
		for (size_t count = 1; count < 130; count++) {
			struct arena *a = arena_new(1 << 24);
			char text[600] = "";
			struct span words;

			for (size_t n = 0; n < count; n++)
				strcat(text, characters[i]);
			words = encword_encode(a, span_of(text));
			check_words(words);
			assert_true(span_eq_text(encword_decode(a, words), text));
			arena_free(a);
		}
	}
}

static void test_charset(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct span text;

	(void)state;
	assert_true(charset_to_utf8(a, SPAN_LIT("ISO-8859-15"), SPAN_LIT("\xa4"), &text));
	assert_true(span_eq_text(text, "\xe2\x82\xac"));
	assert_true(charset_to_utf8(a, SPAN_LIT("UTF8"), SPAN_LIT("\xc3\xbc"), &text));
	assert_false(charset_to_utf8(a, SPAN_LIT("UTF-8"), SPAN_LIT("\xfc"), &text));
	assert_false(charset_to_utf8(a, SPAN_LIT(""), SPAN_LIT("a"), &text));
	assert_false(charset_to_utf8(a, SPAN_LIT("a name that is longer than any in the table"), SPAN_LIT("a"), &text));
	assert_true(charset_is_stateful(SPAN_LIT("ISO-2022-JP")));
	assert_false(charset_is_stateful(SPAN_LIT("utf-8")));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode), cmocka_unit_test(test_encode), cmocka_unit_test(test_round_trip), cmocka_unit_test(test_charset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
