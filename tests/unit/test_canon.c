/* SPDX-License-Identifier: BSD-2-Clause */
/* Canonicalization (RFC 6376 3.4) and tag lists (3.2). */
#include "tests/unit/check.h"

#include "mitigations/auth/canon.h"

static void put_text(struct buf *b, const char *text)
{
	buf_put_text(b, text);
}

/* 3.4.3 and 3.4.4 written as simply as they can be, as the reference. */
static void reference_body(struct buf *out, struct span body, bool relaxed)
{
	size_t kept = 0;

	while (body.len > 0) {
		size_t end = span_find_byte(body, '\n');
		struct span line = span_sub(body, 0, end);

		if (end < body.len && end > 0 && line.ptr[end - 1] == '\r')
			line.len--;
		while (relaxed && line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
			line.len--;
		for (size_t i = 0; i < line.len; i++) {
			bool blank = line.ptr[i] == ' ' || line.ptr[i] == '\t';

			if (!relaxed || !blank)
				buf_put_byte(out, line.ptr[i]);
			else if (i == 0 || (line.ptr[i - 1] != ' ' && line.ptr[i - 1] != '\t'))
				buf_put_byte(out, ' ');
		}
		put_text(out, "\r\n");
		if (line.len > 0)
			kept = out->len;
		body = span_sub(body, end + 1, body.len);
	}
	out->len = kept;
	if (kept == 0 && !relaxed)
		put_text(out, "\r\n");
}

static void expect_hash(struct span canonical, uint64_t limit, const uint8_t md[32], uint64_t hashed)
{
	uint8_t want[32];
	size_t len = canonical.len < limit ? canonical.len : (size_t)limit;

	assert_int_equal(EVP_Digest(canonical.len == 0 ? "" : canonical.ptr, len, want, NULL, EVP_sha256(), NULL), 1);
	assert_int_equal(hashed, len);
	assert_memory_equal(md, want, 32);
}

static void hash_one(struct span body, enum canon canon, const char *want)
{
	struct span exact = test_exact(body);
	struct iovec slice = { (void *)(uintptr_t)exact.ptr, exact.len };
	uint64_t hashed;
	uint8_t md[32];

	canon_body_sha256(&slice, 1, canon, UINT64_MAX, md, &hashed);
	expect_hash(span_of(want), UINT64_MAX, md, hashed);
	free((void *)(uintptr_t)exact.ptr);
}

static void test_bodies(void **state)
{
	static const struct { const char *in, *simple, *relaxed; } rows[] = {
		{ "", "\r\n", "" },
		{ "\r\n", "\r\n", "" },
		{ "\r\n\r\n\r\n", "\r\n", "" },
		{ " \r\n", " \r\n", "" },
		{ " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n" }, /* 3.4.5 */
		{ "no line end", "no line end\r\n", "no line end\r\n" },
		{ "a\n\nb\n\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n" },
		{ "a \t\n \t\nb\t\n", "a \t\r\n \t\r\nb\t\r\n", "a\r\n\r\nb\r\n" },
		{ "a\rb\r\n", "a\rb\r\n", "a\rb\r\n" },
		{ "a\r", "a\r\r\n", "a\r\r\n" },
		{ "\r\n\r\na", "\r\n\r\na\r\n", "\r\n\r\na\r\n" },
		{ "\tx", "\tx\r\n", " x\r\n" },
		{ "x  ", "x  \r\n", "x\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		hash_one(span_of(rows[i].in), CANON_SIMPLE, rows[i].simple);
		hash_one(span_of(rows[i].in), CANON_RELAXED, rows[i].relaxed);
	}
}

/* Bodies of a few awkward octets, cut into slices anywhere, held against the reference. */
static void test_random_bodies_and_slices(void **state)
{
	static const char octets[] = "ab  \t\r\n\n";
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char text[64];
		struct iovec slices[8];
		size_t len = (size_t)rand_r(&seed) % sizeof(text), count = 0, at = 0;
		uint64_t limit = rand_r(&seed) % 4 == 0 ? (uint64_t)rand_r(&seed) % 40 : UINT64_MAX, hashed;
		enum canon canon = round % 2 == 0 ? CANON_SIMPLE : CANON_RELAXED;
		uint8_t md[32];
		struct buf want;

		for (size_t i = 0; i < len; i++)
			text[i] = octets[(size_t)rand_r(&seed) % (sizeof(octets) - 1)];
		while (at < len) {
			size_t step = count == 7 ? len - at : (size_t)rand_r(&seed) % (len - at + 1);
			struct span exact = test_exact((struct span){ text + at, step });

			slices[count++] = (struct iovec){ (void *)(uintptr_t)exact.ptr, step };
			at += step;
		}
		buf_init(&want, 1024);
		reference_body(&want, (struct span){ text, len }, canon == CANON_RELAXED);
		canon_body_sha256(slices, count, canon, limit, md, &hashed);
		expect_hash(buf_span(&want), limit, md, hashed);
		buf_done(&want);
		for (size_t i = 0; i < count; i++)
			free(slices[i].iov_base);
	}
}

static void test_long_body(void **state)
{
	struct buf body, want;
	struct iovec slice;
	uint64_t hashed;
	uint8_t md[32];

	(void)state;
	buf_init(&body, 1 << 20);
	buf_init(&want, 1 << 20);
	for (int i = 0; i < 5000; i++)
		buf_printf(&body, "%*s line %d %s\n", i % 7, "", i, i % 3 == 0 ? " \t" : "x");
	slice = (struct iovec){ body.ptr, body.len };
	for (int relaxed = 0; relaxed < 2; relaxed++) {
		buf_reset(&want);
		reference_body(&want, buf_span(&body), relaxed == 1);
		canon_body_sha256(&slice, 1, relaxed == 1 ? CANON_RELAXED : CANON_SIMPLE, UINT64_MAX, md, &hashed);
		expect_hash(buf_span(&want), UINT64_MAX, md, hashed);
	}
	buf_done(&body);
	buf_done(&want);
}

static void test_fields(void **state)
{
	static const struct { const char *name, *value, *simple, *relaxed; } rows[] = {
		{ "A", " X", "A: X\r\n", "a:X\r\n" }, /* 3.4.5 */
		{ "B ", " Y\t\r\n\tZ  ", "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n" },
		{ "Subject", "", "Subject:\r\n", "subject:\r\n" },
		{ "Subject", " \n ", "Subject: \r\n \r\n", "subject:\r\n" },
		{ "X-Y", "a\n b", "X-Y:a\r\n b\r\n", "x-y:a b\r\n" },
		{ "X", " a\xc3\xa4  b", "X: a\xc3\xa4  b\r\n", "x:a\xc3\xa4 b\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span value = test_exact(span_of(rows[i].value));
		struct buf out;

		buf_init(&out, 1024);
		canon_field(&out, span_of(rows[i].name), value, CANON_SIMPLE);
		assert_string_equal(buf_text(&out), rows[i].simple);
		buf_reset(&out);
		canon_field(&out, span_of(rows[i].name), value, CANON_RELAXED);
		assert_string_equal(buf_text(&out), rows[i].relaxed);
		buf_done(&out);
		free((void *)(uintptr_t)value.ptr);
	}
}

static void test_fields_by_name(void **state)
{
	static const char text[] = "To: one\r\nFrom: a\r\nto : two\r\nTO: three\r\n\r\n";
	static const struct { const char *names, *want; } rows[] = {
		{ "to", "to:three\r\n" },
		{ "To : to", "to:three\r\nto:two\r\n" },
		{ "to:to:to:to:to", "to:three\r\nto:two\r\nto:one\r\n" }, /* 5.4.2; oversigned ones give nothing */
		{ "from::subject:from:to", "from:a\r\nto:three\r\n" },
		{ "", "" },
	};
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct message m;
	struct fail why;
	struct buf out;

	(void)state;
	assert_int_equal(message_parse(a, span_of(text), &m, &why), 0);
	buf_init(&out, 1024);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&out);
		canon_fields(&out, &m, span_of(rows[i].names), CANON_RELAXED);
		assert_string_equal(buf_text(&out), rows[i].want);
	}
	buf_reset(&out);
	canon_fields(&out, &m, SPAN_LIT("to:to"), CANON_SIMPLE);
	assert_string_equal(buf_text(&out), "TO: three\r\nto : two\r\n"); /* blanks before the colon stay */
	buf_done(&out);
	arena_free(a);
}

static void test_signature(void **state)
{
	static const struct { const char *value, *want; } rows[] = {
		{ " v=1; b=abc; d=x", "dkim-signature:v=1; b=; d=x" },
		{ " v=1; b = a\r\n\tb c ;d=x", "dkim-signature:v=1; b =;d=x" },
		{ " bh=abc; b=def==", "dkim-signature:bh=abc; b=" },
		{ " xb=1; bh=2;\r\n b=3;", "dkim-signature:xb=1; bh=2; b=;" },
		{ " v=1", "dkim-signature:v=1" },
		{ "", "dkim-signature:" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1024);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span value = test_exact(span_of(rows[i].value));

		buf_reset(&out);
		canon_signature(&out, SPAN_LIT("DKIM-Signature"), value, CANON_RELAXED);
		assert_string_equal(buf_text(&out), rows[i].want);
		free((void *)(uintptr_t)value.ptr);
	}
	buf_reset(&out);
	canon_signature(&out, SPAN_LIT("DKIM-Signature"), SPAN_LIT(" v=1;\n b=x\n y; d=z"), CANON_SIMPLE);
	assert_string_equal(buf_text(&out), "DKIM-Signature: v=1;\r\n b=; d=z");
	buf_done(&out);
}

static void test_tags(void **state)
{
	static const struct { const char *in; bool ok; const char *a; } rows[] = {
		{ "a=b", true, "b" },
		{ " a = b c\r\n\td ; x=", true, "b c\r\n\td" },
		{ "x=1; a=2;", true, "2" },
		{ "x=1; a=2; \r\n ", true, "2" },
		{ "a=", true, "" },
		{ "A=1; a=2", true, "2" },
		{ "a=b=c", true, "b=c" },
		{ "x1_y=; a=\xc3\xa4", true, "\xc3\xa4" },
		{ "", false, NULL }, { ";", false, NULL }, { "a=1;;", false, NULL }, { "a=1;;b=2", false, NULL }, { ";a=1", false, NULL },
		{ "a", false, NULL }, { "a=1; b", false, NULL }, { "=1", false, NULL }, { "a=1; a=2", false, NULL }, { "1a=2", false, NULL },
		{ "a b=1", false, NULL }, { "a=\x01", false, NULL }, { "a=\x7f", false, NULL },
	};
	struct buf many;
	struct tags tags;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span text = test_exact(span_of(rows[i].in));

		assert_int_equal(tags_parse(text, &tags), rows[i].ok);
		if (rows[i].ok)
			assert_true(span_eq_text(tags_find(&tags, "a"), rows[i].a));
		if (rows[i].ok)
			assert_null(tags_find(&tags, "zz").ptr);
		free((void *)(uintptr_t)text.ptr);
	}
	buf_init(&many, 4096);
	for (int i = 0; i < TAGS_MAX; i++)
		buf_printf(&many, "t%d=1;", i);
	assert_true(tags_parse(buf_span(&many), &tags));
	buf_put_text(&many, "more=1");
	assert_false(tags_parse(buf_span(&many), &tags));
	buf_done(&many);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies), cmocka_unit_test(test_random_bodies_and_slices), cmocka_unit_test(test_long_body),
		cmocka_unit_test(test_fields), cmocka_unit_test(test_fields_by_name), cmocka_unit_test(test_signature), cmocka_unit_test(test_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
