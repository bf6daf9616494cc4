/* SPDX-License-Identifier: BSD-2-Clause */
/* span, arena, buf, fail, secret, file. */
#include "tests/unit/check.h"

#include "mail/arena.h"
#include "mail/buf.h"
#include "mail/fail.h"
#include "mail/file.h"
#include "mail/secret.h"

#include <string.h>
#include <unistd.h>

static void test_span_number(void **state)
{
	static const struct { const char *in; bool ok; unsigned long long want; } rows[] = {
		{ "0", true, 0 }, { "100", true, 100 }, { "101", false, 0 }, { "", false, 0 }, { "-1", false, 0 },
		{ " 1", false, 0 }, { "99999999999999999999999", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned long long number = 0;

		assert_int_equal(span_number(span_of(rows[i].in), 100, &number), rows[i].ok);
		assert_int_equal(number, rows[i].want);
	}
}

static void test_span_next(void **state)
{
	struct span rest = SPAN_LIT("a::b"), part;
	char seen[16] = "";

	(void)state;
	while (span_next(&rest, ':', &part)) {
		strncat(seen, part.ptr, part.len);
		strcat(seen, "|");
	}
	assert_string_equal(seen, "a||b|");
}

static void test_arena_keeps_what_it_gave(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char *texts[2000];

	(void)state;
	for (int i = 0; i < 2000; i++)
		texts[i] = arena_printf(a, "text number %d", i);
	for (int i = 0; i < 2000; i++) {
		char want[40];

		snprintf(want, sizeof(want), "text number %d", i);
		assert_string_equal(texts[i], want);
	}
	arena_reset(a);
	assert_int_equal(arena_used_bytes(a), 0);
	arena_free(a);
}

static void test_arena_grow_zeroes(void **state)
{
	struct arena *a = arena_new(1 << 20);
	size_t cap = 0;
	int *items = NULL, *item;

	(void)state;
	for (size_t round = 0; round < 2; round++) /* the second one over what the first has left */
		for (size_t i = 0; i < 20; i++) {
			item = arena_grow(a, &items, &cap, i, sizeof(*item));
			assert_int_equal(*item, 0);
			*item = 7;
		}
	assert_int_equal(items[0], 7);
	arena_free(a);
}

static void test_buf_stops_at_its_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	buf_put_text(&b, "1234");
	assert_false(buf_overflowed(&b));
	buf_put_text(&b, "56");
	assert_true(buf_overflowed(&b));
	assert_string_equal(buf_text(&b), "1234");
	buf_put_text(&b, "5");
	assert_string_equal(buf_text(&b), "1234");
	buf_done(&b);
}

static void test_fail_has_no_line_ends(void **state)
{
	struct fail why;

	(void)state;
	assert_int_equal(fail_set(&why, 451, "4.3.0", "a\r\nb"), -1);
	assert_true(why.temporary);
	assert_string_equal(why.text, "a??b");
	fail_prefix(&why, "%s", "file:3");
	assert_string_equal(why.text, "file:3: a??b");
}

static void test_secret_codes(void **state)
{
	struct secret one = { { 1 } }, two = { { 2 } };
	char code[52];
	uint8_t bytes[40], back[40];
	char text[65];

	(void)state;
	secret_code(&one, span_of("ann@example.com"), 16, code);
	assert_int_equal(strlen(code), 16);
	assert_true(secret_verify(&one, span_of("ann@example.com"), span_of(code), 16));
	assert_false(secret_verify(&two, span_of("ann@example.com"), span_of(code), 16));
	assert_false(secret_verify(&one, span_of("ann@example.net"), span_of(code), 16));
	assert_false(secret_verify(&one, span_of("ann@example.com"), span_sub(span_of(code), 0, 8), 16));
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		secret_random(bytes, n);
		secret_base32(bytes, n, text);
		assert_int_equal(strlen(text), (n * 8 + 4) / 5);
		assert_int_equal(secret_unbase32(span_of(text), back, sizeof(back)), n);
		assert_memory_equal(bytes, back, n);
	}
}

static void test_secret_codes_are_hmac_sha256(void **state)
{
	/* RFC 4231 case 1, its key filled up with zeros as HMAC does: b0344c61d8db38535ca8 */
	static const uint8_t want[10] = { 0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8 };
	struct secret secret = { { 0 } };
	char code[17], text[17];

	(void)state;
	memset(secret.key, 0x0b, 20);
	secret_code(&secret, span_of("Hi There"), 16, code);
	secret_base32(want, sizeof(want), text);
	assert_string_equal(code, text);
	memset(&secret, 0, sizeof(secret));
	secret_code(&secret, (struct span){ NULL, 0 }, 16, code);
	assert_int_equal(strlen(code), 16);
}

static void test_file_replace_and_read(void **state)
{
	char dir[] = "/tmp/listd-test-XXXXXX";
	struct arena *a = arena_new(1 << 20);
	struct file_view view;
	struct fail why;
	struct span bytes;
	char *path;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = arena_printf(a, "%s/a/b", dir);
	assert_int_equal(file_make_dir(path, 0700, &why), 0);
	path = arena_printf(a, "%s/a/b/c", dir);
	assert_int_equal(file_replace(path, SPAN_LIT("x\0y"), 0600, &why), 0);
	assert_int_equal(file_read(a, path, 3, &bytes, &why), 0);
	assert_true(span_eq(bytes, SPAN_LIT("x\0y")));
	assert_int_equal(file_read(a, path, 2, &bytes, &why), -1);
	assert_int_equal(file_map(path, 3, &view, &why), 0);
	assert_true(span_eq(view.bytes, SPAN_LIT("x\0y")));
	file_unmap(&view);
	assert_int_equal(file_map(arena_printf(a, "%s/none", dir), 3, &view, &why), -1);
	assert_non_null(strstr(why.text, "No such file"));
	unlink(path);
	rmdir(arena_printf(a, "%s/a/b", dir));
	rmdir(arena_printf(a, "%s/a", dir));
	rmdir(dir);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span_number), cmocka_unit_test(test_span_next), cmocka_unit_test(test_arena_keeps_what_it_gave),
		cmocka_unit_test(test_arena_grow_zeroes),
		cmocka_unit_test(test_buf_stops_at_its_maximum), cmocka_unit_test(test_fail_has_no_line_ends),
		cmocka_unit_test(test_secret_codes), cmocka_unit_test(test_secret_codes_are_hmac_sha256), cmocka_unit_test(test_file_replace_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
