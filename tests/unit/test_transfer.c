/* SPDX-License-Identifier: BSD-2-Clause */
/* transfer: base64 and quoted-printable, there and back. */
#include "tests/unit/check.h"

#include "mail/secret.h"
#include "mail/transfer.h"

static void test_base64_encode(void **state)
{
	/* RFC 4648 10 */
	static const struct { const char *in, *want; } rows[] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd", "//79" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span in = test_exact(span_of(rows[i].in));
		struct span line = transfer_base64_line(a, in), lines = transfer_base64_encode(a, in, "\r\n");

		assert_true(span_eq_text(line, rows[i].want));
		assert_true(span_eq_text(lines, in.len == 0 ? "" : arena_printf(a, "%s\r\n", rows[i].want)));
		free((char *)in.ptr);
	}
	arena_free(a);
}

static void test_base64_lines(void **state)
{
	static const char zeros[115];
	struct arena *a = arena_new(1 << 20);
	struct span text;

	(void)state;
	/* 57 octets fill a line */
	text = transfer_base64_encode(a, (struct span){ zeros, 57 }, "\n");
	assert_int_equal(text.len, 77);
	assert_int_equal(span_find_byte(text, '\n'), 76);
	text = transfer_base64_encode(a, (struct span){ zeros, 115 }, "\r\n");
	assert_int_equal(text.len, 78 + 78 + 6);
	assert_true(span_eq_text(span_sub(text, 154, 8), "\r\nAA==\r\n"));
	assert_int_equal(transfer_base64_line(a, (struct span){ zeros, 115 }).len, 156);
	arena_free(a);
}

static void test_base64_decode(void **state)
{
	static const struct { const char *in, *want; bool strict; } rows[] = {
		{ "", "", true }, { "Zg==", "f", true }, { "Zm8=", "fo", true }, { "Zm9v", "foo", true }, { "Zm9v\r\nYmFy\r\n", "foobar", true },
		{ "Z g\t=\n=\n", "f", true }, { "  ", "", true },
		{ "Zg", "f", false }, { "Zm8", "fo", false }, { "Zm9vY", "foo", false }, { "Zg=", "f", false }, { "Zg===", "f", false },
		{ "Zm9v=", "foo", false }, { "=Zm9v", "foo", false }, { "=", "", false }, { "Zm9v-_", "foo", false }, { "Zm!9v", "foo", false },
		{ "Zg==Zm9v", "f", false }, { "Zm=9v", "foo", false }, { "Zg==!", "f", false }, { "Zm9v\xff", "foo", false },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span in = test_exact(span_of(rows[i].in));
		struct span lenient = transfer_base64_decode(a, in, false), strict = transfer_base64_decode(a, in, true);

		if (!span_eq_text(lenient, rows[i].want) || lenient.ptr == NULL)
			fail_msg("%s: got %.*s", rows[i].in, (int)lenient.len, lenient.ptr);
		if ((strict.ptr != NULL) != rows[i].strict || (strict.ptr != NULL && !span_eq(strict, lenient)))
			fail_msg("%s: strict", rows[i].in);
		free((char *)in.ptr);
	}
	arena_free(a);
}

#define X10 "xxxxxxxxxx"
#define X70 X10 X10 X10 X10 X10 X10 X10

static void test_qp_encode(void **state)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "", "" }, { "plain\n", "plain\r\n" }, { "plain", "plain" }, { "a=b\r\n", "a=3Db\r\n" }, { "\xc3\xa4\n", "=C3=A4\r\n" },
		{ "blank \nblank\t\nblank  ", "blank=20\r\nblank=09\r\nblank =20" }, { " \n", "=20\r\n" }, { "\n\n", "\r\n\r\n" },
		{ "From me\nFrom: me\nx From me\n", "=46rom me\r\nFrom: me\r\nx From me\r\n" }, { ".\n..\na.\n", "=2E\r\n=2E.\r\na.\r\n" },
		{ "a\rb\x01\x7f\n", "a=0Db=01=7F\r\n" }, { "a\r\r\n", "a=0D\r\n" },
		/* 76 columns fit when the line ends there */
		{ X70 "123456\n", X70 "123456\r\n" }, { X70 "1234567\n", X70 "12345=\r\n67\r\n" }, { X70 "123456", X70 "123456" },
		{ X70 "123\xff\n", X70 "123=FF\r\n" }, { X70 "1234\xff\n", X70 "1234=\r\n=FF\r\n" }, { X70 "123\xffx\n", X70 "123=\r\n=FFx\r\n" },
		{ X70 "12\xffx\n", X70 "12=FFx\r\n" }, { X70 "12\xffxx\n", X70 "12=FF=\r\nxx\r\n" },
		/* a soft line break makes a line begin */
		{ X70 "12345.6\n", X70 "12345=\r\n=2E6\r\n" }, { X70 "12345From x\n", X70 "12345=\r\n=46rom x\r\n" },
		{ X70 "1234.56\n", X70 "1234.=\r\n56\r\n" }, { X70 "12345 6\n", X70 "12345=\r\n 6\r\n" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span in = test_exact(span_of(rows[i].in));
		struct span got = transfer_qp_encode(a, in, "\r\n");

		if (!span_eq_text(got, rows[i].want))
			fail_msg("%s: got %.*s", rows[i].in, (int)got.len, got.ptr);
		free((char *)in.ptr);
	}
	assert_true(span_eq_text(transfer_qp_encode(a, SPAN_LIT("a\r\nb\n"), "\n"), "a\nb\n"));
	arena_free(a);
}

static void test_qp_decode(void **state)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "", "" }, { "plain\r\n", "plain\r\n" }, { "plain\n", "plain\n" }, { "=C3=a4", "\xc3\xa4" }, { "a=\r\nb", "ab" }, { "a=\nb", "ab" },
		{ "a= \t\r\nb", "ab" }, { "blanks  \t\r\nx", "blanks\r\nx" }, { "=20\r\n", " \r\n" }, { "a=", "a" }, { "a==", "a=" },
		{ "a=4", "a=4" }, { "a=4G=", "a=4G" }, { "=3D=\r\n=3D", "==" }, { "100=%", "100=%" }, { "=\r\n", "" }, { "a=\r", "a=\r" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span in = test_exact(span_of(rows[i].in));
		struct span got = transfer_qp_decode(a, in);

		if (!span_eq_text(got, rows[i].want))
			fail_msg("%s: got %.*s", rows[i].in, (int)got.len, got.ptr);
		free((char *)in.ptr);
	}
	arena_free(a);
}

/* Every length and any octets come back; no line is too long; nothing but plain ASCII is written. */
static void test_round_trips(void **state)
{
	static const char few[] = "From. =\t\nx\xe4";
	struct arena *a = arena_new(1 << 24);
	uint8_t bytes[400];

	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++) {
		struct span in = { (char *)bytes, n }, b64, qp;
		size_t column = 0;

		secret_random(bytes, n);
		b64 = transfer_base64_encode(a, in, "\r\n");
		assert_true(span_eq(transfer_base64_decode(a, b64, true), in));
		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)few[bytes[i] % (sizeof(few) - 1)];
		qp = transfer_qp_encode(a, in, "\n");
		assert_true(span_eq(transfer_qp_decode(a, qp), in));
		for (size_t i = 0; i < qp.len; i++) {
			column = qp.ptr[i] == '\n' ? 0 : column + 1;
			assert_true(column <= 76);
			assert_true(qp.ptr[i] == '\t' || qp.ptr[i] == '\n' || (qp.ptr[i] >= ' ' && qp.ptr[i] < 127));
			assert_false(column == 1 && (qp.ptr[i] == '.' || span_eq_text(span_sub(qp, i, 5), "From ")));
		}
		arena_reset(a);
	}
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64_encode), cmocka_unit_test(test_base64_lines), cmocka_unit_test(test_base64_decode),
		cmocka_unit_test(test_qp_encode), cmocka_unit_test(test_qp_decode), cmocka_unit_test(test_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
