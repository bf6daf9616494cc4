/* SPDX-License-Identifier: BSD-2-Clause */
/* mime: structure, offsets, defects; and the messages of tests/data/mime. */
#include "tests/unit/tsv.h"

#include "mail/mime.h"

/* type(child,child) as expected.tsv writes it. */
static const char *structure(struct arena *a, const struct mime_part *part)
{
	const char *text = part->type;

	for (const struct mime_part *child = part->first_child; child != NULL; child = child->next)
		text = arena_printf(a, "%s%c%s", text, child == part->first_child ? '(' : ',', structure(a, child));
	return part->first_child == NULL ? text : arena_printf(a, "%s)", text);
}

static struct mime read_mime(struct arena *a, struct span bytes)
{
	struct mime mime = { .root = NULL };
	struct message m;
	struct fail why;

	if (message_parse(a, bytes, &m, &why) != 0 || mime_parse(a, &m, &mime, &why) != 0)
		fail_msg("%s", why.text);
	return mime;
}

/* What holds for every message, damaged or not: parts lie within their parents and behind each other. (A part without a body may end
 * with the line end that the boundary line of a parent claims.) */
static void check_offsets(const struct mime *mime, struct span bytes)
{
	size_t count = 0;

	for (struct mime_part *part = mime->root; part != NULL; part = mime_next(part)) {
		size_t end = part->body_offset + part->body_bytes;

		assert_int_equal(part->number, count++);
		assert_true(part->header_offset <= part->body_offset && end <= bytes.len);
		for (size_t i = 0; i < part->field_count; i++)
			assert_ptr_equal(part->fields[i].raw.ptr, bytes.ptr + part->fields[i].offset);
		if (part->close_offset != SIZE_MAX)
			assert_memory_equal(bytes.ptr + part->close_offset, "--", 2);
		if (part->parent == NULL)
			continue;
		assert_true(part->header_offset >= part->parent->body_offset);
		assert_true(end <= part->parent->body_offset + part->parent->body_bytes + (part->body_bytes == 0 ? 2 : 0));
		if (part->next != NULL)
			assert_true(end < part->next->header_offset);
	}
	assert_int_equal(count, mime->part_count);
}

static void test_structures(void **state)
{
	static const struct { const char *in, *want; bool defects; } rows[] = {
		{ "", "text/plain", false },
		{ "Content-Type: Text/HTML; charset=x\n\n", "text/html", false },
		{ "Content-Type: text\n\n", "text/plain", false },
		{ "Content-Type: a/b/c\n\n", "text/plain", false },
		{ "Content-Type:\n\n", "text/plain", false },
		{ "Content-Type: text/html (as ever); x=y\n\n", "text/html", false },
		{ "Content-Type: text/html charset=x\n\n", "text/html", false },
		{ "Content-Type: image/png\nContent-Type: text/html\n\n", "image/png", false },
		/* a multipart, its neighbours */
		{ "Content-Type: multipart/mixed; boundary=b\n\npre\n--b\n\none\n--b\nContent-Type: image/png\n\ntwo\n--b--\npost\n",
			"multipart/mixed(text/plain,image/png)", false },
		{ "Content-Type: multipart/mixed; boundary=\"b c \"\n\n--b c\n\none\n--b c--", "multipart/mixed(text/plain)", false },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b \t\n\none\n--bb\n--b-\n --b\n-b\n--b-- \n", "multipart/mixed(text/plain)", false },
		{ "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
			"multipart/mixed(text/plain,text/plain)", false },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n--b\n\none\n--b--\n", "multipart/mixed(text/plain)", false },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: image/png\n--b\n--b--\n", "multipart/mixed(image/png)", false },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n\n--b--\n\n--b\n\nnot a part", "multipart/mixed(text/plain)", false },
		/* within each other */
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb\n\ntwo\n--bb--\n"
			"--b\n\nthree\n--b--\n", "multipart/mixed(multipart/alternative(text/plain,text/plain),text/plain)", false },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--b\n\ntwo\n--b--\n",
			"multipart/mixed(multipart/alternative(text/plain),text/plain)", true },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n",
			"multipart/mixed(multipart/mixed,text/plain)", true },
		/* messages */
		{ "Content-Type: message/rfc822\n\nContent-Type: image/png\n\nx", "message/rfc822(image/png)", false },
		{ "Content-Type: message/rfc822\n\nFrom ann Mon\nContent-Type: image/png\n\nx", "message/rfc822(image/png)", false },
		{ "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\none\n--b\nContent-Type: text/html\n\n--b--\n",
			"multipart/digest(message/rfc822(text/plain),text/html)", false },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\n1"
			"\n--c--\n--b\n\n2\n--b--\n", "multipart/mixed(message/rfc822(multipart/mixed(text/plain)),text/plain)", false },
		{ "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed\n", "message/delivery-status", false },
		/* damaged */
		{ "Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n", "multipart/mixed", true },
		{ "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\none\n----\n", "multipart/mixed", true },
		{ "Content-Type: multipart/mixed; boundary=b\n\nno parts\n", "multipart/mixed", true },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b--\n--b\n", "multipart/mixed", true },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n", "multipart/mixed(text/plain)", true },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b", "multipart/mixed(text/plain)", true },
		{ "Content-Type: multipart/mixed; boundary=b\n\n--b\nno header\n--b--\n", "multipart/mixed(text/plain)", true },
		{ "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\none\n--b--\n", "multipart/mixed(text/plain)", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *a = arena_new(1 << 20);
		struct span in = test_exact(span_of(rows[i].in));
		struct mime mime = read_mime(a, in);

		check_offsets(&mime, in);
		if (strcmp(structure(a, mime.root), rows[i].want) != 0 || mime.defects != rows[i].defects)
			fail_msg("%s\ngot %s, %s defects", rows[i].in, structure(a, mime.root), mime.defects ? "with" : "without");
		free((char *)in.ptr);
		arena_free(a);
	}
}

static void test_parts(void **state)
{
	struct span in = SPAN_LIT("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\npre\r\n--=_b\r\n"
		"Content-Type: text/plain; charset=\"UTF-8\"; name=a.txt\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\none\r\n\r\n--=_b\r\n"
		"Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: ATTACHMENT; filename=\"b c.pdf\"\r\n"
		"Content-Transfer-Encoding: x-uuencode\r\n\r\n--=_b--\r\npost\r\n");
	struct arena *a = arena_new(1 << 20);
	struct mime mime = read_mime(a, in);
	struct mime_part *one = mime_next(mime.root), *two = mime_next(one);

	(void)state;
	assert_int_equal(mime.part_count, 3);
	assert_false(mime.defects || mime.is_signed_or_encrypted);
	assert_true(span_eq_text(mime.root->boundary, "=_b"));
	assert_int_equal(mime.root->close_offset, span_find(in, SPAN_LIT("--=_b--")));
	assert_int_equal(mime.root->body_offset + mime.root->body_bytes, in.len);
	assert_true(span_eq_text(span_sub(in, one->body_offset, one->body_bytes), "one\r\n"));
	assert_int_equal(one->header_offset, span_find(in, SPAN_LIT("Content-Type: text/plain")));
	assert_int_equal(one->encoding, MIME_QUOTED_PRINTABLE);
	assert_true(span_eq_text(one->charset, "UTF-8"));
	assert_true(span_eq_text(one->file_name, "a.txt"));
	assert_false(one->has_disposition_attachment);
	assert_true(span_eq_text(mime_field(one, "content-transfer-encoding")->value, " Quoted-Printable"));
	assert_null(mime_field(one, "Subject"));
	assert_int_equal(two->body_bytes, 0);
	assert_int_equal(two->encoding, MIME_OTHER);
	assert_true(span_eq_text(two->encoding_text, "x-uuencode"));
	assert_true(two->has_disposition_attachment);
	assert_true(span_eq_text(two->file_name, "b c.pdf"));
	assert_ptr_equal(two->parent, mime.root);
	assert_null(mime_next(two));
	assert_string_equal(mime_encoding_name(MIME_QUOTED_PRINTABLE), "quoted-printable");
	arena_free(a);
}

static void test_encodings(void **state)
{
	static const struct { const char *in; enum mime_encoding want; } rows[] = {
		{ "X: y\n\n", MIME_7BIT }, { "Content-Transfer-Encoding: 8BIT\n\n", MIME_8BIT }, { "Content-Transfer-Encoding:binary\n\n", MIME_BINARY },
		{ "Content-Transfer-Encoding: base64 (all of it)\n\n", MIME_BASE64 }, { "Content-Transfer-Encoding: 7bit;\n\n", MIME_7BIT },
		{ "Content-Transfer-Encoding: 7-bit\n\n", MIME_7BIT }, { "Content-Transfer-Encoding: other\n\n", MIME_OTHER },
		{ "Content-Transfer-Encoding:\n\n", MIME_OTHER }, { "Content-Transfer-Encoding: plain\n\n", MIME_OTHER },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(read_mime(a, span_of(rows[i].in)).root->encoding, rows[i].want);
	assert_true(read_mime(a, SPAN_LIT("Content-Type: multipart/signed; boundary=b\n\n")).is_signed_or_encrypted);
	assert_true(read_mime(a, SPAN_LIT("Content-Type: application/pkcs7-mime\n\n")).is_signed_or_encrypted);
	arena_free(a);
}

static void test_message_within(void **state)
{
	struct span in = SPAN_LIT("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: in\n\ninner\n--b--\n");
	struct arena *a = arena_new(1 << 20);
	struct mime mime = read_mime(a, in);
	struct mime_part *part = mime.root->first_child, *inner = part->first_child;

	(void)state;
	assert_true(span_eq_text(span_sub(in, part->body_offset, part->body_bytes), "Subject: in\n\ninner"));
	assert_int_equal(inner->header_offset, part->body_offset);
	assert_true(span_eq_text(span_sub(in, inner->body_offset, inner->body_bytes), "inner"));
	assert_true(span_eq_text(mime_field(inner, "Subject")->value, " in"));
	assert_null(inner->next);
	arena_free(a);
}

/* first, then count times again (with the number in place of %zu), as a message. */
static struct span grow(struct arena *a, const char *first, const char *again, size_t count)
{
	struct span text = span_of(first), more;
	size_t max = text.len + count * (strlen(again) + 32), len = text.len;
	char *bytes = arena_alloc(a, max);

	memcpy(bytes, text.ptr, text.len);
	for (size_t i = 0; i < count; i++) {
		const char *mark = strchr(again, '%');
		char number[32];

		more = span_of(again);
		snprintf(number, sizeof(number), "%zu", i);
		for (size_t j = 0; j < more.len; j++) {
			if (&again[j] == mark || (mark != NULL && strncmp(&again[j], "%n", 2) == 0)) {
				memcpy(bytes + len, number, strlen(number));
				len += strlen(number);
				j++;
			} else {
				bytes[len++] = again[j];
			}
		}
	}
	return (struct span){ bytes, len };
}

static void test_limits(void **state)
{
	static const struct { const char *name, *first, *again; size_t count, parts; } rows[] = {
		{ "parts", "Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n", 5000, MIME_PARTS_MAX },
		{ "levels of multiparts", "X: y\n", "Content-Type: multipart/mixed; boundary=b%n\n\n--b%n\n", 5000, MIME_DEPTH_MAX },
		{ "levels of messages", "X: y\n", "Content-Type: message/rfc822\n\n", 5000, MIME_DEPTH_MAX },
		{ "fields of parts", "Content-Type: multipart/mixed; boundary=b\n\n",
			"--b\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\n"
			"a:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\na:\n", 1500, 836 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *a = arena_new(1 << 28);
		struct span in = grow(a, rows[i].first, rows[i].again, rows[i].count);
		struct mime mime = read_mime(a, in);

		check_offsets(&mime, in);
		if (mime.part_count != rows[i].parts || !mime.defects)
			fail_msg("%s: %zu parts", rows[i].name, mime.part_count);
		arena_free(a);
	}
}

/* Beyond the limit of parts nothing goes unseen: the last part takes all the rest. */
static void test_last_part_is_opaque(void **state)
{
	struct arena *a = arena_new(1 << 24);
	struct span in = grow(a, "Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n", 3000);
	struct mime mime = read_mime(a, in);
	struct mime_part *last = mime.root->first_child;

	(void)state;
	while (last->next != NULL)
		last = last->next;
	assert_string_equal(last->type, "application/octet-stream");
	assert_int_equal(last->body_offset + last->body_bytes, in.len);
	arena_free(a);
}

static void test_part_header_beyond_its_limit(void **state)
{
	struct arena *a = arena_new(1 << 24);
	struct span in = grow(a, "Content-Type: multipart/mixed; boundary=b\n\n--b\n", "a: b\n", 1001);
	struct message m;
	struct mime mime;
	struct fail why;

	(void)state;
	assert_int_equal(message_parse(a, in, &m, &why), 0);
	assert_int_equal(mime_parse(a, &m, &mime, &why), -1);
	assert_non_null(strstr(why.text, "MIME part 1 at byte 47: "));
	assert_string_equal(why.enhanced, "5.6.0");
	arena_free(a);
}

/* A row of expected.tsv: the file, its size, its structure, whether that is binding. */
static void try_row(struct arena *a, const struct span *cells, unsigned *strict, unsigned *robust)
{
	struct span file = cells[0], want = cells[2], level = cells[3], text;
	struct mime mime;

	text = test_exact(test_read(a, arena_printf(a, "mime/%.*s", (int)file.len, file.ptr)));
	mime = read_mime(a, text);
	check_offsets(&mime, text);
	if (span_eq_text(level, "strict")) {
		(*strict)++;
		if (!span_eq_text(want, structure(a, mime.root)))
			fail_msg("%.*s: got %s", (int)file.len, file.ptr, structure(a, mime.root));
	} else {
		(*robust)++;
		if (!span_eq_text(want, structure(a, mime.root)))
			print_message("%.*s: read as %s, not as %.*s\n", (int)file.len, file.ptr, structure(a, mime.root), (int)want.len, want.ptr);
	}
	free((char *)text.ptr);
}

static void test_expected_structures(void **state)
{
	struct arena *a = arena_new(1 << 26), *scratch = arena_new(1 << 26);
	struct span rows = test_read(a, "mime/expected.tsv"), cells[TSV_CELLS_MAX];
	unsigned strict = 0, robust = 0;

	(void)state;
	while (tsv_next(&rows, cells)) {
		try_row(scratch, cells, &strict, &robust);
		arena_reset(scratch);
	}
	print_message("%u binding structures, %u damaged messages\n", strict, robust);
	assert_true(strict >= 60 && robust >= 15);
	arena_free(scratch);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structures), cmocka_unit_test(test_parts), cmocka_unit_test(test_encodings), cmocka_unit_test(test_message_within),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_last_part_is_opaque), cmocka_unit_test(test_part_header_beyond_its_limit),
		cmocka_unit_test(test_expected_structures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
