/* SPDX-License-Identifier: BSD-2-Clause */
/* form: what edits make of a message, and that their inverse gives the received bytes back. */
#include "tests/unit/check.h"

#include "mail/form.h"

#include <ftw.h>

/* A row's edits, one letter each, in this order:
 *   t, b   add X-N at the top, at the bottom (N counts up)      f   fold and line end given
 *   r, R   replace the first field, again                       d   take the first field out
 *   l      replace the last field                               L   take the last field out
 *   n      take all fields named A out                          x   take all X-1 out
 *   m      replace the first field by one named X-1             F   footer at the end of the body
 *   H      put text at the start of the body                    C   cut the first byte of the body, put "*"
 *   Z      cut all of the body                                  1   drop the first edit */
static void do_edit(struct form *f, char letter, unsigned *number)
{
	const struct message *m = f->of;
	struct span text;

	*number += letter == 't' || letter == 'b' || letter == 'f';
	text = span_of(arena_printf(f->arena, "X-%u: y", *number));
	switch (letter) {
	case 't': form_field_top(f, EDIT_STRATEGY, "top", text); return;
	case 'b': form_field_bottom(f, EDIT_LIST_FIELD, "bottom", text); return;
	case 'f': form_field_top(f, EDIT_STRATEGY, "fold", span_of(arena_printf(f->arena, "X-%u: a\r\n b\r\n", *number))); return;
	case 'r': form_field_replace(f, EDIT_STRATEGY, "replace", m->fields, SPAN_LIT("R: 1")); return;
	case 'R': form_field_replace(f, EDIT_STRATEGY, "replace again", m->fields, SPAN_LIT("R: 2\n")); return;
	case 'd': form_field_remove(f, EDIT_REQUIRED, "remove", m->fields); return;
	case 'l': form_field_replace(f, EDIT_STRATEGY, "replace last", m->fields + m->field_count - 1, SPAN_LIT("L: 1")); return;
	case 'L': form_field_remove(f, EDIT_STRATEGY, "remove last", m->fields + m->field_count - 1); return;
	case 'n': form_fields_remove(f, EDIT_STRATEGY, "remove all", "a"); return;
	case 'x': form_fields_remove(f, EDIT_STRATEGY, "remove all", "x-1"); return;
	case 'm': form_field_replace(f, EDIT_STRATEGY, "rename", m->fields, SPAN_LIT("X-1: z")); return;
	case 'F': form_splice(f, EDIT_DECORATION, "footer", m->total_bytes, 0, SPAN_LIT("foot\n")); return;
	case 'H': form_splice(f, EDIT_DECORATION, "greeting", m->body_offset, 0, SPAN_LIT("hi\n")); return;
	case 'C': form_splice(f, EDIT_REQUIRED, "filter", m->body_offset, 1, SPAN_LIT("*")); return;
	case 'Z': form_splice(f, EDIT_REQUIRED, "filter all", m->body_offset, m->body_bytes, SPAN_LIT("")); return;
	case '1': form_drop(f, 0); return;
	default: fail_msg("no edit %c", letter);
	}
}

/* Apply edits to bytes, in the plainest way; independent of form_render. */
static struct span apply(struct arena *a, struct span bytes, const struct edit *edits, size_t count)
{
	struct span out = { arena_alloc(a, 0), 0 };
	size_t max = bytes.len, at = 0;
	char *to;

	for (size_t i = 0; i < count; i++)
		max += edits[i].put.len;
	out.ptr = to = arena_alloc(a, max);
	for (size_t i = 0; i < count; i++) {
		assert_true(edits[i].at >= at && edits[i].at + edits[i].cut_bytes <= bytes.len);
		while (at < edits[i].at)
			to[out.len++] = bytes.ptr[at++];
		for (size_t j = 0; j < edits[i].put.len; j++)
			to[out.len++] = edits[i].put.ptr[j];
		at += edits[i].cut_bytes;
	}
	while (at < bytes.len)
		to[out.len++] = bytes.ptr[at++];
	return out;
}

/* Render; the inverse over the rendered bytes gives the original, and all numbers agree. */
static struct span render(struct arena *a, const struct form *f)
{
	struct rendering r;
	struct edit *inverse = NULL;
	struct span bytes, back;
	struct fail why;
	size_t count = 0, cut = 0;

	if (form_render(f, a, &r, &why) != 0 || form_inverse(f, a, &inverse, &count, &why) != 0)
		fail_msg("%s", why.text);
	bytes = rendering_bytes(a, &r);
	assert_int_equal(bytes.len, r.total_bytes);
	back = apply(a, bytes, inverse, count);
	assert_true(span_eq(back, f->of->bytes));
	for (size_t i = 0; i < count; i++)
		cut += inverse[i].cut_bytes;
	assert_int_equal(cut, r.added_bytes);
	for (size_t i = 0; i < r.count; i++)
		assert_true(r.slices[i].iov_len > 0);
	return bytes;
}

static void test_edits(void **state)
{
	static const struct { const char *in, *edits, *want; } rows[] = {
		{ "A: 1\nB: 2\n\nbody\n", "", "A: 1\nB: 2\n\nbody\n" },
		/* later above earlier at the top, below at the bottom */
		{ "A: 1\nB: 2\n\nbody\n", "ttbb", "X-2: y\nX-1: y\nA: 1\nB: 2\nX-3: y\nX-4: y\n\nbody\n" },
		/* the header's line ends */
		{ "A: 1\n\nbody\r\n", "f", "X-1: a\n b\nA: 1\n\nbody\r\n" },
		{ "A: 1\r\n\r\nbody\n", "tf", "X-2: a\r\n b\r\nX-1: y\r\nA: 1\r\n\r\nbody\n" },
		{ "A: 1\r\n\r\nbody\n", "R", "R: 2\r\n\r\nbody\n" },
		{ "", "t", "X-1: y\r\n" },
		{ "From x\nA: 1\n\n", "tb", "From x\nX-1: y\nA: 1\nX-2: y\n\n" },
		/* a field twice */
		{ "A: 1\nB: 2\n\nbody\n", "rR", "R: 2\nB: 2\n\nbody\n" },
		{ "A: 1\nB: 2\n\nbody\n", "rd", "B: 2\n\nbody\n" },
		{ "A: 1\nB: 2\n\nbody\n", "dr", "R: 1\nB: 2\n\nbody\n" },
		{ "A: 1\nB: 2\n\nbody\n", "tdbr", "X-1: y\nR: 1\nB: 2\nX-2: y\n\nbody\n" },
		{ "A: 1\nB: 2\n\nbody\n", "rt", "X-1: y\nR: 1\nB: 2\n\nbody\n" },
		/* neighbours */
		{ "A: 1\nB: 2\n\nbody\n", "dLtb", "X-1: y\nX-2: y\n\nbody\n" },
		{ "A: 1\nB: 2\n\nbody\n", "lr", "R: 1\nL: 1\n\nbody\n" },
		/* all of a name, put in ones too */
		{ "A: 1\nB: 2\na: 3\n\n", "n", "B: 2\n\n" },
		{ "A: 1\n\n", "tbtx", "X-3: y\nA: 1\nX-2: y\n\n" },
		{ "A: 1\nX-1: 2\n\n", "tbx", "A: 1\nX-2: y\n\n" },
		{ "A: 1\nB: 2\n\n", "mx", "B: 2\n\n" },
		{ "A: 1\nB: 2\n\n", "rn", "B: 2\n\n" },
		{ "A: 1\n\n", "xt", "X-1: y\nA: 1\n\n" },
		/* dropping */
		{ "A: 1\n\n", "tb1", "A: 1\nX-2: y\n\n" },
		{ "A: 1\n\n", "tt1t", "X-3: y\nX-2: y\nA: 1\n\n" },
		/* body */
		{ "A: 1\n\nbody\n", "FH", "A: 1\n\nhi\nbody\nfoot\n" },
		{ "A: 1\n\nbody\n", "FF", "A: 1\n\nbody\nfoot\nfoot\n" },
		{ "A: 1\n\nbody\n", "CH", "A: 1\n\n*hi\nody\n" },
		{ "A: 1\n\nbody\n", "HC", "A: 1\n\nhi\n*ody\n" },
		{ "A: 1\n\nbody\n", "ZF", "A: 1\n\nfoot\n" },
		{ "A: 1\n\nbody\n", "HFtZb", "X-1: y\nA: 1\nX-2: y\n\nhi\nfoot\n" },
		{ "A: 1\n\n", "F", "A: 1\n\nfoot\n" },
		/* a header without its empty line */
		{ "A: 1\n", "Fb", "A: 1\nX-1: y\n\nfoot\n" },
		{ "A: 1\n", "tb", "X-1: y\nA: 1\nX-2: y\n" },
		{ "A: 1\n", "Z", "A: 1\n" },
		{ "A: 1\n", "t1F", "A: 1\n\nfoot\n" },
		{ "A: 1\n", "txF", "A: 1\n\nfoot\n" },
		{ "A: 1", "bb", "A: 1\r\nX-1: y\r\nX-2: y\r\n" },
		{ "A: 1", "t", "X-1: y\r\nA: 1" },
		{ "A: 1", "F", "A: 1\r\n\r\nfoot\n" },
		{ "A: 1", "tbF", "X-1: y\r\nA: 1\r\nX-2: y\r\n\r\nfoot\n" },
		{ "A: 1", "db", "X-1: y\r\n" },
		{ "A: 1", "bd", "X-1: y\r\n" },
		{ "A: 1", "rb", "R: 1\r\nX-1: y\r\n" },
		{ "A: 1", "bdF1", "\r\nfoot\n" },
		{ "A: 1\nB: 2", "Lb", "A: 1\nX-1: y\n" },
		{ "A: 1\nB: 2", "bL1", "A: 1\n" },
		{ "From x", "b", "From x\r\nX-1: y\r\n" },
		{ "", "F", "\r\nfoot\n" },
		{ "\n", "tF", "X-1: y\n\nfoot\n" },
		/* a body that could be read as header */
		{ "A: 1\njunk\nB: 2\n\n", "F", "A: 1\njunk\nB: 2\n\nfoot\n" },
		{ "A: 1\njunk\nB: 2\n\n", "t", "X-1: y\nA: 1\n\njunk\nB: 2\n\n" },
		{ "A: 1\njunk\nB: 2\n\n", "C", "A: 1\n\n*unk\nB: 2\n\n" },
		{ "A: 1\nFrom x\nB: 2\n\n", "d", "\nFrom x\nB: 2\n\n" },
		{ " folded\nB: 2\n\n", "t", "X-1: y\r\n\r\n folded\nB: 2\n\n" },
		{ "junk", "F", "\r\njunkfoot\n" },
		{ "junk\n", "H", "\r\nhi\njunk\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *a = arena_new(1 << 20);
		struct span in = test_exact(span_of(rows[i].in)), got;
		struct message m, again;
		unsigned number = 0;
		struct form f;

		assert_int_equal(message_parse(a, in, &m, NULL), 0);
		form_init(&f, a, &m);
		for (const char *e = rows[i].edits; *e != '\0'; e++)
			do_edit(&f, *e, &number);
		got = render(a, &f);
		if (!span_eq_text(got, rows[i].want))
			fail_msg("%s with %s: got %.*s", rows[i].in, rows[i].edits, (int)got.len, got.ptr);
		assert_int_equal(message_parse(a, got, &again, NULL), 0);
		free((char *)in.ptr);
		arena_free(a);
	}
}

static void test_copy_is_independent(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct form one, two;
	struct message m;

	(void)state;
	assert_int_equal(message_parse(a, SPAN_LIT("A: 1\n\nbody"), &m, NULL), 0);
	form_init(&one, a, &m);
	form_field_top(&one, EDIT_STRATEGY, "x", SPAN_LIT("X: 1"));
	form_copy(&two, &one);
	form_field_top(&one, EDIT_STRATEGY, "x", SPAN_LIT("X: 2"));
	form_fields_remove(&two, EDIT_STRATEGY, "x", "A");
	assert_true(span_eq_text(render(a, &one), "X: 2\nX: 1\nA: 1\n\nbody"));
	assert_true(span_eq_text(render(a, &two), "X: 1\n\nbody"));
	assert_true(form_has_field_edit(&two, &m.fields[0]));
	assert_false(form_has_field_edit(&one, &m.fields[0]));
	arena_free(a);
}

static void test_overlaps_are_refused(void **state)
{
	static const struct { size_t at, count, at2, count2; int want; } rows[] = {
		{ 0, 3, 3, 3, 0 }, { 0, 3, 2, 1, -1 }, { 2, 1, 0, 3, -1 }, { 0, 3, 1, 0, -1 }, { 0, 3, 0, 0, 0 }, { 0, 3, 3, 0, 0 },
		{ 0, 3, 0, 3, -1 }, { 0, 6, 2, 2, -1 }, { 2, 2, 2, 1, -1 }, { 6, 0, 6, 0, 0 }, { 3, 0, 2, 2, -1 },
	};
	struct arena *a = arena_new(1 << 20);
	struct message m;

	(void)state;
	assert_int_equal(message_parse(a, SPAN_LIT("A: 1\n\n123456"), &m, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rendering r;
		struct fail why;
		struct form f;

		form_init(&f, a, &m);
		form_splice(&f, EDIT_REQUIRED, "Ann", m.body_offset + rows[i].at, rows[i].count, SPAN_LIT("x"));
		form_splice(&f, EDIT_REQUIRED, "Bob", m.body_offset + rows[i].at2, rows[i].count2, SPAN_LIT("y"));
		assert_int_equal(form_render(&f, a, &r, &why), rows[i].want);
		if (rows[i].want == 0)
			render(a, &f);
		else
			assert_true(strstr(why.text, "Ann") != NULL && strstr(why.text, "Bob") != NULL);
	}
	arena_free(a);
}

static void test_an_overlap_behind_a_put_is_seen(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct rendering r;
	struct message m;
	struct fail why;
	struct form f;

	(void)state;
	assert_int_equal(message_parse(a, SPAN_LIT("A: 1\n\n123456"), &m, NULL), 0);
	form_init(&f, a, &m);
	form_splice(&f, EDIT_REQUIRED, "Ann", m.body_offset, 4, SPAN_LIT(""));
	form_splice(&f, EDIT_REQUIRED, "put", m.body_offset, 0, SPAN_LIT("y"));
	form_splice(&f, EDIT_REQUIRED, "Bob", m.body_offset + 2, 4, SPAN_LIT(""));
	assert_int_equal(form_render(&f, a, &r, &why), -1);
	arena_free(a);
}

static void test_too_many_edits_are_refused(void **state)
{
	struct arena *a = arena_new(1 << 26);
	struct rendering r;
	struct message m;
	struct fail why;
	struct form f;

	(void)state;
	assert_int_equal(message_parse(a, SPAN_LIT("A: 1\n\n"), &m, NULL), 0);
	form_init(&f, a, &m);
	for (int i = 0; i < FORM_EDITS_MAX; i++)
		form_field_top(&f, EDIT_STRATEGY, "x", SPAN_LIT("X: 1\n"));
	assert_int_equal(form_render(&f, a, &r, &why), 0);
	form_field_top(&f, EDIT_STRATEGY, "x", SPAN_LIT("X: 1\n"));
	assert_int_equal(form_render(&f, a, &r, &why), -1);
	arena_free(a);
}

static void test_describe(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct message m;
	struct span text;
	struct form f;

	(void)state;
	assert_int_equal(message_parse(a, SPAN_LIT("A: 1\r\n 2\r\nB: \x1b[2J \xc3\xa4 \xc2\x9b \xff\r\n\r\nbody\r\n"), &m, NULL), 0);
	form_init(&f, a, &m);
	form_field_replace(&f, EDIT_STRATEGY, "rewrite", &m.fields[0], SPAN_LIT("A: 3"));
	form_field_remove(&f, EDIT_REQUIRED, "shape", &m.fields[1]);
	form_splice(&f, EDIT_DECORATION, "footer", m.total_bytes, 0, SPAN_LIT("-- \r\nfoot\r\n"));
	form_describe(&f, a, &text);
	assert_string_equal(text.ptr, "@@ header @@ rewrite (strategy)\n-A: 1\n- 2\n+A: 3\n"
		"@@ header @@ shape (required)\n-B: \\x1B[2J \xc3\xa4 \\xC2\\x9B \\xFF\n"
		"@@ body, byte 6 @@ footer (decoration)\n+-- \n+foot\n");
	arena_free(a);
}

static void test_describe_is_short(void **state)
{
	static char lines[100000];
	struct arena *a = arena_new(1 << 22);
	struct message m;
	struct span text;
	struct form f;

	(void)state;
	memset(lines, 'x', sizeof(lines));
	for (size_t i = 1000; i < sizeof(lines); i += 1000)
		lines[i] = '\n';
	assert_int_equal(message_parse(a, SPAN_LIT("A: 1\n\n"), &m, NULL), 0);
	form_init(&f, a, &m);
	form_splice(&f, EDIT_DECORATION, "footer", m.total_bytes, 0, (struct span){ lines, sizeof(lines) });
	form_describe(&f, a, &text);
	assert_true(text.len < 10000);
	assert_non_null(strstr(text.ptr, "+... (79999 bytes more)\n"));
	arena_free(a);
}

/* Every message of the data, under sets of edits. */
static unsigned seen_files;

static void try_message(struct arena *a, struct span bytes)
{
	static const char *const sets[] = {
		"t", "b", "ttbb", "r", "rR", "d", "dLb", "lLl", "F", "H", "FHF", "C", "CHF", "Z", "ZF", "tbrlFHC", "tF1", "nt", "mx", "dbZFt",
	};
	struct message m;

	assert_int_equal(message_parse(a, bytes, &m, NULL), 0);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		unsigned number = 0;
		struct form f;

		form_init(&f, a, &m);
		for (const char *e = sets[i]; *e != '\0'; e++)
			if ((m.field_count > 0 || strchr("rRdlLm", *e) == NULL) && (m.body_bytes > 0 || *e != 'C'))
				do_edit(&f, *e, &number);
		render(a, &f);
	}
	for (size_t i = 0; i < m.field_count; i++) {
		struct form f;

		form_init(&f, a, &m);
		form_fields_remove(&f, EDIT_REQUIRED, "x", arena_text(a, m.fields[i].name));
		form_splice(&f, EDIT_REQUIRED, "x", m.body_offset + m.body_bytes / 2, m.body_bytes / 4, SPAN_LIT("in the middle"));
		form_field_top(&f, EDIT_STRATEGY, "x", m.fields[i].raw);
		render(a, &f);
	}
}

/* The rendered header has the fields that the edits say, and the body is the original's. */
static void try_reading(struct arena *a, struct span bytes)
{
	struct message m, again;
	struct rendering r;
	struct form f;

	assert_int_equal(message_parse(a, bytes, &m, NULL), 0);
	form_init(&f, a, &m);
	form_field_top(&f, EDIT_STRATEGY, "x", SPAN_LIT("X-Top: 1\r\n 2"));
	form_field_bottom(&f, EDIT_STRATEGY, "x", SPAN_LIT("X-Bottom: 1\n"));
	assert_int_equal(form_render(&f, a, &r, NULL), 0);
	assert_int_equal(message_parse_slices(a, r.slices, r.count, &again, NULL), 0);
	assert_int_equal(again.field_count, m.field_count + 2);
	assert_true(span_eq_text(again.fields[0].name, "X-Top"));
	assert_true(span_eq_text(again.fields[again.field_count - 1].name, "X-Bottom"));
	assert_int_equal(again.body_bytes, m.body_bytes);
	assert_true(m.line_ends == LINE_ENDS_NONE || m.line_ends == again.line_ends);
	if (m.body_bytes > 0)
		assert_memory_equal(again.body[0].iov_base, m.body[0].iov_base, m.body_bytes);
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *place)
{
	struct arena *a = arena_new((size_t)256 << 20);
	const char *dot = strrchr(path, '.');
	struct span bytes;

	(void)status;
	(void)place;
	if (type == FTW_F && dot != NULL && strstr(".eml .mail .msg .message .txt", dot) != NULL
		&& file_read(a, path, (size_t)16 << 20, &bytes, NULL) == 0) {
		struct span copy = test_exact(bytes);

		try_message(a, copy);
		try_reading(a, copy);
		seen_files++;
		free((char *)copy.ptr);
	}
	arena_free(a);
	return 0;
}

static void test_inverse_of_every_message(void **state)
{
	struct arena *a = arena_new(1 << 16);

	(void)state;
	assert_int_equal(nftw(test_data(a, ""), visit, 8, FTW_PHYS), 0);
	print_message("%u messages\n", seen_files);
	assert_true(seen_files > 90);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits), cmocka_unit_test(test_copy_is_independent), cmocka_unit_test(test_overlaps_are_refused),
		cmocka_unit_test(test_an_overlap_behind_a_put_is_seen), cmocka_unit_test(test_too_many_edits_are_refused),
		cmocka_unit_test(test_describe), cmocka_unit_test(test_describe_is_short), cmocka_unit_test(test_inverse_of_every_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
