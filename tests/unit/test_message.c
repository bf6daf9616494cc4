/* SPDX-License-Identifier: BSD-2-Clause */
/* message: header, body, slices, limits, scan. */
#include "tests/unit/check.h"

#include "mail/message.h"

#include <time.h>

/* A message as text: names in brackets, the body's offset, the line ends, "!" for a junk line. */
static const char *shape(struct arena *a, const struct message *m)
{
	static const char *const ends[] = { "none", "crlf", "lf", "mixed" };
	const char *names = "";

	for (size_t i = 0; i < m->field_count; i++)
		names = arena_printf(a, "%s[%.*s=%.*s]", names, (int)m->fields[i].name.len, m->fields[i].name.ptr, (int)m->fields[i].value.len,
			m->fields[i].value.ptr);
	return arena_printf(a, "%s %zu %s%s", names, m->body_offset, ends[m->line_ends], m->has_junk_line ? " !" : "");
}

static const struct { const char *name, *in, *want; } rows[] = {
	{ "nothing", "", " 0 none" },
	{ "one field", "A: 1\r\n\r\nbody", "[A= 1] 8 crlf" },
	{ "LF", "A: 1\n\nbody", "[A= 1] 6 lf" },
	{ "mixed", "A: 1\nB:2\r\n\r\nbody", "[A= 1][B=2] 12 mixed" },
	{ "empty line of the other kind", "A: 1\r\n\nbody", "[A= 1] 7 mixed" },
	{ "no body", "A: 1\r\n", "[A= 1] 6 crlf" },
	{ "no line end at all", "A: 1", "[A= 1] 4 none" },
	{ "no header", "\r\nbody", " 2 crlf" },
	{ "fold", "A: 1\r\n 2\r\n\t3\r\nB:\r\n\r\n", "[A= 1\r\n 2\r\n\t3][B=] 20 crlf" },
	{ "fold of blanks only", "A: 1\r\n \r\nB: 2\r\n\r\n", "[A= 1\r\n ][B= 2] 17 crlf" },
	{ "blanks before the colon", "Subject \t: x\n\n", "[Subject= x] 14 lf" },
	{ "mbox line", "From ann@example.com Mon Jan  1 10:00:00 2024\nA: 1\n\n", "[A= 1] 52 lf" },
	{ "mbox line alone", "From ann", " 8 none" },
	{ "a From field with a blank", "From : ann\n\n", "[From= ann] 12 lf" },
	{ "From line below", "A: 1\nFrom ann@example.com 10:00\nB: 2\n\n", "[A= 1] 5 lf !" },
	{ "junk line", "A: 1\r\njunk\r\nB: 2\r\n\r\n", "[A= 1] 6 crlf !" },
	{ "blank first", " A: 1\r\nB: 2\r\n\r\n", " 0 none !" },
	{ "no name", ": x\r\n\r\n", " 0 none !" },
	{ "8-bit name", "A: 1\nB\xc3\xa4: 2\n\n", "[A= 1] 5 lf !" },
	{ "words before a colon", "A: 1\nsome text: 2\n\n", "[A= 1] 5 lf !" },
	{ "bare CR is no line end", "A: 1\rB: 2\r\n\r\n", "[A= 1\rB: 2] 13 crlf" },
	{ "CR without LF at the end", "A: 1\r\n\r", "[A= 1] 6 crlf !" },
};

static void test_parse(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span in = test_exact(span_of(rows[i].in));
		struct message m;

		assert_int_equal(message_parse(a, in, &m, NULL), 0);
		if (strcmp(shape(a, &m), rows[i].want) != 0)
			fail_msg("%s: got %s, want %s", rows[i].name, shape(a, &m), rows[i].want);
		assert_int_equal(m.body_offset + m.body_bytes, in.len);
		assert_int_equal(m.body_count, m.body_bytes > 0);
		free((char *)in.ptr);
	}
	arena_free(a);
}

/* Cut every message into two and into single bytes: the reading is the same. */
static void check_slices(struct arena *a, struct span in, const char *want, size_t cut)
{
	struct iovec slices[80];
	size_t count = 0;
	struct message m;

	for (size_t at = 0; at < in.len; count++) {
		size_t step = cut == 0 ? 1 : at == 0 ? cut : in.len - at;

		slices[count] = (struct iovec){ (char *)in.ptr + at, step };
		at += step;
	}
	slices[count++] = (struct iovec){ NULL, 0 };
	assert_int_equal(message_parse_slices(a, slices, count, &m, NULL), 0);
	assert_string_equal(shape(a, &m), want);
	assert_int_equal(m.total_bytes, in.len);
	for (size_t i = 0, at = m.body_offset; i < m.body_count; at += m.body[i++].iov_len)
		assert_ptr_equal(m.body[i].iov_base, in.ptr + at);
	assert_int_equal(m.body_bytes, in.len - m.body_offset);
}

static void test_slices(void **state)
{
	struct arena *a = arena_new(1 << 24);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t cut = 0; cut < strlen(rows[i].in); cut++)
			check_slices(a, span_of(rows[i].in), rows[i].want, cut);
	arena_free(a);
}

static void test_fields(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct message m;

	(void)state;
	assert_int_equal(message_parse(a, SPAN_LIT("Received: 1\nTo: x\nRECEIVED: 2\n\n"), &m, NULL), 0);
	assert_int_equal(message_field_count(&m, "received"), 2);
	assert_int_equal(message_field_count(&m, "From"), 0);
	assert_int_equal(message_field_index(&m, message_field(&m, "To")), 1);
	assert_true(span_eq_text(message_field_from(&m, "Received", 1)->raw, "RECEIVED: 2\n"));
	assert_int_equal(message_field_from(&m, "Received", 1)->offset, 18);
	assert_null(message_field_from(&m, "Received", 3));
	assert_string_equal(message_line_end(&m), "\n");
	arena_free(a);
}

static char *repeat(const char *what, size_t count)
{
	size_t len = strlen(what);
	char *text = malloc(len * count + 1);

	assert_non_null(text);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * len, what, len);
	text[len * count] = '\0';
	return text;
}

static void test_limits(void **state)
{
	static const struct { const char *name, *first, *again; size_t count; int want; const char *why; } limits[] = {
		{ "1000 fields", "", "A: b\n", 1000, 0, "" },
		{ "1001 fields", "", "A: b\n", 1001, -1, "more than 1000 fields (at byte 5000)" },
		{ "a field of 64 KB", "Abc:", "\n123", 16383, 0, "" },
		{ "a longer field", "Abc:", " 234", 16384, -1, "field Abc at byte 0 has more than 65536 bytes" },
		{ "a long header", "", "A: 5678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
			"1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
			"1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\n",
			720, -1, "more than 262144 bytes" },
		{ "a long mbox line", "From ", "x", 300000, -1, "first line" },
		{ "a line without a colon for too long", "A: b\n", "y", 300000, 0, "" },
	};
	struct arena *a = arena_new(1 << 26);

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		char *again = repeat(limits[i].again, limits[i].count);
		struct span in = span_of(arena_printf(a, "%s%s", limits[i].first, again));
		struct iovec two[2] = { { (char *)in.ptr, 1 }, { (char *)in.ptr + 1, in.len - 1 } };
		struct message m = { .total_bytes = 0 };
		struct fail why = { .text = "" };

		if (message_parse(a, in, &m, &why) != limits[i].want || strstr(why.text, limits[i].why) == NULL)
			fail_msg("%s: %s", limits[i].name, why.text);
		if (limits[i].want != 0)
			assert_string_equal(why.enhanced, "5.6.0");
		why = (struct fail){ .text = "" };
		if (message_parse_slices(a, two, 2, &m, &why) != limits[i].want || strstr(why.text, limits[i].why) == NULL)
			fail_msg("%s, in slices: %s", limits[i].name, why.text);
		free(again);
	}
	arena_free(a);
}

static void test_scan(void **state)
{
	static const struct { struct span in; enum message_fault fault; size_t offset, longest; bool head8, body8; } scans[] = {
		{ SPAN_LIT(""), MESSAGE_OK, 0, 0, false, false },
		{ SPAN_LIT("A: b\r\n\r\nbody of it\r\n"), MESSAGE_OK, 0, 10, false, false },
		{ SPAN_LIT("A: b\r\n\r\nbody\nx\r\n"), MESSAGE_BARE_LF, 12, 4, false, false },
		{ SPAN_LIT("A: b\r\n\r\nbody\rx\r\n"), MESSAGE_BARE_CR, 12, 6, false, false },
		{ SPAN_LIT("A: b\r\r\n\r\n"), MESSAGE_BARE_CR, 4, 5, false, false },
		{ SPAN_LIT("A: b\r\n\r"), MESSAGE_BARE_CR, 6, 4, false, false },
		{ SPAN_LIT("A: b\r\n\r\nb\0dy\n"), MESSAGE_NUL, 9, 4, false, false },
		{ SPAN_LIT("A: b\r\n\r\nb\0d\ry\n"), MESSAGE_NUL, 9, 5, false, false },
		{ SPAN_LIT("A: \xc3\xa4\r\n\r\nbody"), MESSAGE_OK, 0, 5, true, false },
		{ SPAN_LIT("A: b\r\n\r\nbody is long \xc3\xa4 and more of it"), MESSAGE_OK, 0, 30, false, true },
		{ SPAN_LIT("A: b\r\njunk\r\nB: \xff\r\n\r\n"), MESSAGE_OK, 0, 4, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scans) / sizeof(scans[0]); i++) {
		struct span in = test_exact(scans[i].in);
		struct message_scan scan;

		message_scan(in, &scan);
		assert_int_equal(scan.fault, scans[i].fault);
		assert_int_equal(scan.fault_offset, scans[i].offset);
		assert_int_equal(scan.longest_line_bytes, scans[i].longest);
		assert_int_equal(scan.has_8bit_header, scans[i].head8);
		assert_int_equal(scan.has_8bit_body, scans[i].body8);
		free((char *)in.ptr);
	}
	assert_string_equal(message_fault_name(MESSAGE_BARE_LF), "bare LF");
}

static void test_scan_long_line(void **state)
{
	char *line = repeat("x", MESSAGE_LINE_MAX_BYTES + 1);
	struct message_scan scan;

	(void)state;
	message_scan((struct span){ line, MESSAGE_LINE_MAX_BYTES }, &scan);
	assert_int_equal(scan.fault, MESSAGE_OK);
	message_scan((struct span){ line, MESSAGE_LINE_MAX_BYTES + 1 }, &scan);
	assert_int_equal(scan.fault, MESSAGE_LINE_TOO_LONG);
	assert_int_equal(scan.fault_offset, MESSAGE_LINE_MAX_BYTES);
	free(line);
}

/* 50 MB of short lines; the bound is wide for a machine under load and a build with sanitizers. */
static void test_scan_speed(void **state)
{
	char *text = repeat("A line of some seventy octets as base64 makes them by the thousand ABCDEF\r\n", 700000);
	struct span in = span_of(text);
	clock_t start = clock();
	struct message_scan scan;

	(void)state;
	message_scan(in, &scan);
	assert_int_equal(scan.fault, MESSAGE_OK);
	print_message("scanned %zu MB in %ld ms\n", in.len >> 20, (long)((clock() - start) * 1000 / CLOCKS_PER_SEC));
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_slices), cmocka_unit_test(test_fields), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_scan), cmocka_unit_test(test_scan_long_line), cmocka_unit_test(test_scan_speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
