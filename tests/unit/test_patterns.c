/* SPDX-License-Identifier: BSD-2-Clause */
/* patterns, codes; conf/bounce.patterns as it is shipped. */
#include "tests/unit/check.h"

#include "listd/bounce/codes.h"
#include "listd/bounce/patterns.h"
#include "listd/daemon.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct patterns *parsed(const char *text)
{
	struct patterns *patterns = patterns_new();
	struct span exact = test_exact(span_of(text));
	struct fail why;

	if (patterns_parse(exact, "/etc/listd/own.patterns", patterns, &why) != 0)
		fail_msg("%s", why.text);
	free((void *)(uintptr_t)exact.ptr);
	return patterns;
}

static void test_first_row_wins(void **state)
{
	struct patterns *patterns = parsed("# source: x\r\n  full /Quota/i  \r\n\r\nunknown\thost  *.example.net\t/gone/\ndead-mailbox /gone|a\\/b|c/d/\n[subject]\nauto-reply /away/\n[REPLY]\nrate /fast/\n");
	struct pattern_hit hit;

	(void)state;
	assert_int_equal(patterns_count(patterns), 5);
	assert_true(patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("over QUOTA, gone"), "", &hit));
	assert_int_equal(hit.class, BOUNCE_FULL);
	assert_string_equal(hit.where, "own.patterns:2");
	assert_true(patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("gone"), "mx.example.net", &hit));
	assert_int_equal(hit.class, BOUNCE_UNKNOWN);
	assert_true(patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("gone"), "mx.example.org", &hit));
	assert_int_equal(hit.class, BOUNCE_DEAD_MAILBOX);
	assert_false(patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("Gone"), "", &hit));
	assert_true(patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("xc/dx"), "", &hit));
	assert_true(patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("fast"), "", &hit));
	assert_false(patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("away"), "", &hit));
	assert_true(patterns_find(patterns, PATTERN_SUBJECT, SPAN_LIT("I am away"), "", &hit));
	assert_false(patterns_find(patterns, PATTERN_SUBJECT, SPAN_LIT(""), "", &hit));
	patterns_free(patterns);
	patterns_free(NULL);
}

/* Not only ASCII, and not only UTF-8. */
static void test_letters(void **state)
{
	struct patterns *patterns = parsed("dead-mailbox /empf\xc3\xa4nger unbekannt/i\n");
	struct pattern_hit hit;

	(void)state;
	assert_true(patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("550 EMPF\xc3\x84NGER UNBEKANNT"), "", &hit));
	assert_true(patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("\xff\xc3 Empf\xc3\xa4nger unbekannt \xe4"), "", &hit));
	assert_false(patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("Empf\xe4nger unbekannt"), "", &hit));
	patterns_free(patterns);
}

static void test_faults(void **state)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "dead /x/", "own.patterns:1: expected a class, such as dead-mailbox, not \"dead\"" },
		{ "\nfull x", "own.patterns:2: expected a pattern between slashes, not \"x\"" },
		{ "full", "own.patterns:1: expected a pattern between slashes, not \"\"" },
		{ "full /", "own.patterns:1: expected a pattern between slashes, not \"/\"" },
		{ "full //", "own.patterns:1: expected a pattern that is not empty, not \"//\"" },
		{ "full /x/g", "own.patterns:1: expected nothing or \"i\" behind the pattern, not \"g\"" },
		{ "full /x/ii", "own.patterns:1: expected nothing or \"i\" behind the pattern, not \"ii\"" },
		{ "full host /x/", "own.patterns:1: expected a glob for host names behind \"host\", not \"/x/\"" },
		{ "full /a(b/", "own.patterns:1: expected a pattern that PCRE2 takes: missing closing parenthesis" },
		{ "full /\xff/", "own.patterns:1: expected a pattern that PCRE2 takes: " },
		{ "[text]\n", "own.patterns:1: expected [reply] or [subject], not \"[text]\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct patterns *patterns = patterns_new();
		struct fail why = { .text = "" };

		assert_int_equal(patterns_parse(span_of(rows[i].text), "/etc/listd/own.patterns", patterns, &why), -1);
		if (strncmp(why.text, rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("%s: %s", rows[i].text, why.text);
		patterns_free(patterns);
	}
}

static void test_limits(void **state)
{
	struct patterns *patterns = patterns_new();
	static char line[PATTERN_LINE_MAX_BYTES + 2];
	struct fail why;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "full /", 6);
	line[sizeof(line) - 2] = '/';
	assert_int_equal(patterns_parse(span_of(line), "f", patterns, &why), -1);
	assert_string_equal(why.text, "f:1: longer than 2000 bytes");
	for (int i = 0; i < PATTERNS_MAX; i++)
		assert_int_equal(patterns_parse(SPAN_LIT("full /abc/\n"), "f", patterns, &why), 0);
	assert_int_equal(patterns_parse(SPAN_LIT("full /abc/\n"), "f", patterns, &why), -1);
	assert_string_equal(why.text, "f:1: more than 4000 rows");
	patterns_free(patterns);
}

/* A pattern that backtracks without end on a text is cut short, and the next row decides. */
static void test_bounded(void **state)
{
	struct patterns *patterns = parsed("full /^(a+)+$/\nrate /b$/\n");
	static char text[4000];
	struct pattern_hit hit;
	struct timespec from, to;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 'b';
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	assert_true(patterns_find(patterns, PATTERN_REPLY, (struct span){ text, sizeof(text) }, "", &hit));
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	assert_int_equal(hit.class, BOUNCE_RATE);
	assert_true((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9 < 0.5);
	patterns_free(patterns);
}

/* Many threads on one table. */

static void *match_often(void *context)
{
	const struct patterns *patterns = context;
	struct pattern_hit hit;
	size_t wrong = 0;

	for (int i = 0; i < 2000; i++) {
		wrong += !patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("550 5.1.1 user unknown"), "", &hit) || hit.class != BOUNCE_DEAD_MAILBOX;
		wrong += patterns_find(patterns, PATTERN_REPLY, SPAN_LIT("550 nothing of it"), "", &hit);
	}
	return (void *)wrong;
}

static void test_threads(void **state)
{
	struct patterns *patterns = parsed("full /quota/i\ndead-mailbox /user[ -]?unknown/i\n");
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, match_often, patterns), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		assert_ptr_equal(wrong, NULL);
	}
	patterns_free(patterns);
}

/* Each shipped row has its source above it, in the same paragraph. */
static void test_shipped(void **state)
{
	const char *dir = getenv("srcdir");
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct patterns *patterns = patterns_new();
	struct span text, line;
	size_t number = 0, found = 0;
	bool sourced = false;
	struct fail why;

	(void)state;
	if (file_read(a, arena_printf(a, "%s/conf/bounce.patterns", dir == NULL ? "." : dir), PATTERNS_FILE_MAX_BYTES, &text, &why) != 0 ||
		patterns_parse(text, "bounce.patterns", patterns, &why) != 0)
		fail_msg("%s", why.text);
	while (span_next(&text, '\n', &line)) {
		number++;
		if (line.len == 0)
			sourced = false;
		else if (span_starts_nocase(line, "# source: "))
			sourced = true;
		else if (line.ptr[0] != '#' && line.ptr[0] != '[') {
			found++;
			if (!sourced)
				fail_msg("bounce.patterns:%zu: no source above it", number);
		}
	}
	assert_int_equal(found, patterns_count(patterns));
	assert_true(found > 80);
	patterns_free(patterns);
	arena_free(a);
}

static void write_file(const char *path, const char *text)
{
	struct fail why;

	if (file_replace(path, span_of(text), 0600, &why) != 0)
		fail_msg("%s", why.text);
}

/* A site reads its own files, and one with a fault is refused, as at a reload. */
static void test_site(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	char dir[] = "/tmp/patterns.XXXXXX", *path;
	const char *overrides[3] = { 0 };
	struct pattern_hit hit;
	struct site *site;
	struct fail why;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = arena_printf(a, "%s/own.patterns", dir);
	overrides[0] = arena_printf(a, "keys-dir=%s", dir);
	overrides[1] = arena_printf(a, "bounce-patterns-files={%s}", path);
	write_file(path, "rate /user unknown to Eve/\n");
	if (daemon_read_site(NULL, overrides, &site, &why) != 0)
		fail_msg("%s", why.text);
	assert_true(patterns_find(site->patterns, PATTERN_REPLY, SPAN_LIT("550 5.1.1 user unknown to Eve"), "", &hit));
	assert_int_equal(hit.class, BOUNCE_RATE);
	daemon_release_site(site);
	write_file(path, "rate /a/\nrates /b/\n");
	assert_int_equal(daemon_read_site(NULL, overrides, &site, &why), -1);
	assert_string_equal(why.text, "own.patterns:2: expected a class, such as dead-mailbox, not \"rates\"");
	unlink(path);
	assert_int_equal(daemon_read_site(NULL, overrides, &site, &why), -1);
	rmdir(dir);
	arena_free(a);
}

static void test_codes(void **state)
{
	static const struct { const char *text; int code, status[3]; } rows[] = {
		{ "550 5.1.1 no", 550, { 5, 1, 1 } }, { "550-5.7.26 no", 550, { 5, 7, 26 } }, { "550-'5.7.1 no", 550, { 5, 7, 1 } }, { "550: 5.1.1 no", 550, { 5, 1, 1 } },
		{ "smtp;550 5.4.316 x", 550, { 5, 4, 316 } }, { "#550 5.2.2 x", 550, { 5, 2, 2 } }, { "451 #4.7.1 x", 451, { 4, 7, 1 } }, { "no (#5.1.1)", 0, { 5, 1, 1 } },
		{ "no (#5.1.1 - chkusr)", 0, { 5, 1, 1 } }, { "host mx[192.0.2.1] said: 550 x", 550, { 0 } }, { "554", 554, { 0 } }, { "550\tx", 550, { 0 } },
		{ "connect to mx[192.0.2.1]:587: no", 0, { 0 } }, { "sendmail 5.65.1.2", 0, { 0 } }, { "5.1.1.9", 0, { 0 } }, { "10.5.1.1", 0, { 0 } }, { "version 4.550", 0, { 0 } },
		{ "a550 b", 0, { 0 } }, { "5500 x", 0, { 0 } }, { "id=550", 0, { 0 } }, { "ann550@example.net", 0, { 0 } }, { "550@example.net", 0, { 0 } }, { "+1 555-123-4567", 0, { 0 } },
		{ "250 ok", 0, { 0 } }, { "600 x", 0, { 0 } }, { "5.9.1", 0, { 0 } }, { "3.1.1", 0, { 0 } }, { "5.1", 0, { 0 } }, { "5.1.", 0, { 0 } }, { "", 0, { 0 } }, { "5", 0, { 0 } },
		{ "5.0.0 (x)", 0, { 5, 0, 0 } }, { "2.1.5", 0, { 2, 1, 5 } }, { "(550 x)", 550, { 0 } }, { "ERROR_CODE :550, ERROR_CODE :5.1.1 x", 550, { 5, 1, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span text = test_exact(span_of(rows[i].text));
		struct reply_codes codes;

		codes_find(text, &codes);
		if (codes.code != rows[i].code || memcmp(codes.status, rows[i].status, sizeof(codes.status)) != 0)
			fail_msg("%s: %d, %d.%d.%d", rows[i].text, codes.code, codes.status[0], codes.status[1], codes.status[2]);
		free((void *)(uintptr_t)text.ptr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_row_wins), cmocka_unit_test(test_letters), cmocka_unit_test(test_faults), cmocka_unit_test(test_limits), cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_threads), cmocka_unit_test(test_shipped), cmocka_unit_test(test_site), cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
