/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/check.h"

#include "mail/encword.h"
#include "mail/header.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(ARENA_SCRATCH_MAX_BYTES);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

struct row { const char *in, *want; };

static void run(const struct row *rows, size_t count, struct span (*f)(struct arena *a, struct span s))
{
	for (size_t i = 0; i < count; i++) {
		struct span exact = test_exact(span_of(rows[i].in));
		struct span got = f(arena, exact);

		if (!span_eq_text(got, rows[i].want))
			fail_msg("%s: got \"%.*s\"", rows[i].in, (int)got.len, got.ptr);
		free((void *)(uintptr_t)exact.ptr);
	}
}

#define RUN(rows, f) run(rows, sizeof(rows) / sizeof((rows)[0]), f)

static void test_reading(void **state)
{
	static const struct row unfold[] = {
		{ " a\r\n b", "a b" }, { "a\n\tb\r\n", "a\tb" }, { "", "" }, { " \r\n ", "" }, { "a\rb", "a\rb" },
	};
	static const struct row plain[] = {
		{ "a (b) c", "a c" }, { "a(b(c)d)e", "a e" }, { "\"a (b)  c\" d", "\"a (b)  c\" d" }, { "a (b", "a" }, { "(a\\)b) c", "c" },
		{ "a \r\n  b", "a b" }, { "\"open (x", "\"open (x" }, { "a)b", "a)b" }, { "", "" }, { "(", "" }, { "(\\", "" }, { "\"\\", "\"\\" },
	};

	(void)state;
	RUN(unfold, header_unfold);
	RUN(plain, header_without_comments);
}

static void test_writing(void **state)
{
	static const struct row quote[] = {
		{ "abc", "abc" }, { "a b", "\"a b\"" }, { "", "\"\"" }, { "a\"b\\c", "\"a\\\"b\\\\c\"" }, { "a\r\nb\x01", "\"ab\"" }, { "a/b", "\"a/b\"" },
		{ "a.b", "\"a.b\"" },
	};
	static const struct row phrase[] = {
		{ "Ann Person", "Ann Person" }, { "Person, Ann", "\"Person, Ann\"" }, { "  Ann \t Person ", "Ann Person" }, { "", "" }, { " ", "" },
		{ "Joe Q. Public", "\"Joe Q. Public\"" }, { "J\xc3\xb6rgen", "=?utf-8?q?J=C3=B6rgen?=" }, { "Ann\r\nBcc: x", "\"Ann Bcc: x\"" },
		{ "=?utf-8?q?=0D=0A?=", "=?utf-8?b?PT91dGYtOD9xPz0wRD0wQT89?=" }, { "a\xe2\x80\xaf" "b", "=?utf-8?b?YeKAr2I=?=" },
		{ "a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xc2\x85" "d\xe2\x80\xa8" "e", "abcde" }, { "a\x01\x7f" "b", "ab" }, { "\xfc", "=?utf-8?b?w7w=?=" },
	};
	static const struct row text[] = {
		{ "Hello, (world): \"x\"", "Hello, (world): \"x\"" }, { "[ant] Gr\xc3\xbc\xc3\x9f" "e an alle", "[ant] =?utf-8?b?R3LDvMOfZQ==?= an alle" },
		{ "\xc3\xbc and \xc3\xbc", "=?utf-8?b?w7wgYW5kIMO8?=" }, { "a\r\nBcc: x", "a  Bcc: x" }, { "", "" },
		{ "see =?utf-8?q?x?= there", "see =?utf-8?b?PT91dGYtOD9xP3g/PQ==?= there" },
	};

	(void)state;
	RUN(quote, header_quote);
	RUN(phrase, header_phrase);
	RUN(text, header_text);
}

#define W10 "aaaaaaaaa "
#define W60 W10 W10 W10 W10 W10 W10

static void test_fold(void **state)
{
	static const struct row rows[] = {
		{ "abc", "Subject: abc" }, { "", "Subject: " }, { "a\r\n b", "Subject: a b" }, { "a\r\nBcc: b", "Subject: a  Bcc: b" },
		{ "a\nb\rc", "Subject: a b c" }, { W60 "bbbbbbbbb", "Subject: " W60 "bbbbbbbbb" },
		{ W60 "bbbbbbbbbb", "Subject: aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa aaaaaaaaa\r\n bbbbbbbbbb" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(arena_text(arena, header_fold(arena, "Subject", span_of(rows[i].in), "\r\n")), rows[i].want);
	assert_string_equal(arena_text(arena, header_fold(arena, "X", SPAN_LIT("a\0b"), "\n")), "X: a b");
}

/* Any mix of long words and long blanks: no line over 998 octets, none empty or blank, nothing lost but the blanks of a forced split. */
static void test_fold_limits(void **state)
{
	static const struct { const char *unit; size_t count; } rows[] = {
		{ "a", 5000 }, { " ", 5000 }, { "\xc3\xbc", 5000 }, { "a ", 5000 }, { "\t", 3000 }, { "abcdefghij", 1000 }, { "\xe5\xb1\xb1", 3001 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *value = arena_alloc(arena, strlen(rows[i].unit) * rows[i].count + 8);
		struct span folded, line;

		strcpy(value, "x ");
		for (size_t n = 0; n < rows[i].count; n++)
			memcpy(value + 2 + n * strlen(rows[i].unit), rows[i].unit, strlen(rows[i].unit));
		strcat(value, " y");
		folded = header_fold(arena, "Subject", span_of(value), "\r\n");
		assert_true(folded.len >= 11);
		while (span_next(&folded, '\n', &line)) {
			assert_true(line.len <= HEADER_LINE_MAX_BYTES + 1);
			assert_true(span_trim(line).len > 0);
			/* A forced split falls between characters. */
			assert_true(((unsigned char)span_trim(line).ptr[0] & 0xc0) != 0x80);
		}
	}
}

static void test_params(void **state)
{
	static const struct { const char *in, *first, *name, *value; size_t count; } rows[] = {
		{ "text/plain", "text/plain", "charset", "", 0 },
		{ " text/plain; charset=utf-8", "text/plain", "charset", "utf-8", 1 },
		{ "text/plain; CharSet=\"utf-8\" (x)", "text/plain", "charset", "utf-8", 1 },
		{ "multipart/mixed;\r\n boundary=\"a;b\\\"c\"", "multipart/mixed", "boundary", "a;b\"c", 1 },
		{ "multipart/mixed (a;b) ; boundary = abc ;", "multipart/mixed", "boundary", "abc", 1 },
		{ "text/plain; charset=us-ascii (Plain text)", "text/plain", "charset", "us-ascii", 1 },
		{ "text/plain; charset=utf-8 format=flowed", "text/plain", "charset", "utf-8", 1 },
		{ "attachment; filename=my file.pdf", "attachment", "filename", "my file.pdf", 1 },
		{ "a; b=1; b=2", "a", "b", "1", 1 },
		{ "a; b=", "a", "b", "", 1 },
		{ "a; b", "a", "b", "", 0 },
		{ "a; =b", "a", "b", "", 0 },
		{ "", "", "b", "", 0 },
		{ ";", "", "b", "", 0 },
		{ "a; b=\"open", "a", "b", "open", 1 },
		{ "a; b=\"x\\", "a", "b", "x\\", 1 },
		/* RFC 2231 3, 4, 4.1. */
		{ "message/external-body; URL*0=\"ftp://\"; URL*1=\"cs.utk.edu/pub\"", "message/external-body", "url", "ftp://cs.utk.edu/pub", 1 },
		{ "message/external-body; URL*1=\"cs.utk.edu/pub\"; URL*0=\"ftp://\"", "message/external-body", "url", "ftp://cs.utk.edu/pub", 1 },
		{ "application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "application/x-stuff", "title", "This is ***fun***", 1 },
		{ "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
		  "application/x-stuff", "title", "This is even more ***fun*** isn't it!", 1 },
		{ "attachment; filename=x.txt; filename*=utf-8''%C3%BC.txt", "attachment", "filename", "\xc3\xbc.txt", 1 },
		{ "attachment; filename*=iso-8859-1''%FC.txt; filename=x.txt", "attachment", "filename", "\xc3\xbc.txt", 1 },
		{ "attachment; filename*=klingon''%FC", "attachment", "filename", "\xc3\xbc", 1 },
		{ "attachment; filename*=abc", "attachment", "filename", "abc", 1 },
		{ "attachment; filename*1=abc", "attachment", "filename", "", 0 },
		{ "attachment; filename*x=abc; *=a; *0=b", "attachment", "filename", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span exact = test_exact(span_of(rows[i].in));
		struct header_params params;
		struct span value;

		header_params(arena, exact, &params);
		free((void *)(uintptr_t)exact.ptr);
		value = header_param(&params, rows[i].name);
		if (!span_eq_text(params.first, rows[i].first) || params.count != rows[i].count || !span_eq_text(value, rows[i].value))
			fail_msg("%s: got \"%.*s\", %zu, \"%.*s\"", rows[i].in, (int)params.first.len, params.first.ptr, params.count, (int)value.len, value.ptr);
	}
}

static void test_params_limit(void **state)
{
	struct header_params params;
	char *value = arena_alloc(arena, 65536);

	(void)state;
	strcpy(value, "a");
	for (size_t i = 0; i < 2000; i++)
		sprintf(value + strlen(value), "; p%zu*0=x", i);
	header_params(arena, span_of(value), &params);
	assert_int_equal(params.count, HEADER_PARAMS_MAX);
}

static void test_flags(void **state)
{
	(void)state;
	assert_int_equal(header_flags(SPAN_LIT("list-ID")), HEADER_LIST);
	assert_int_equal(header_flags(SPAN_LIT("From")), HEADER_ONCE | HEADER_ADDRESSES);
	assert_int_equal(header_flags(SPAN_LIT("Subject")), HEADER_ONCE);
	assert_int_equal(header_flags(SPAN_LIT("X-Other")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fold_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_params, setup, teardown),
		cmocka_unit_test_setup_teardown(test_params_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flags, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
