/* SPDX-License-Identifier: BSD-2-Clause */
/* address: fields by the grammar, fields against it, bare addresses, keys, names that look like addresses. */
#include "tests/unit/check.h"
#include "tests/unit/tsv.h"

#include "mail/address.h"
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

static void add(char *out, size_t size, struct span s)
{
	size_t used = strlen(out);

	snprintf(out + used, size - used, "%s%.*s", used == 0 ? "" : "|", (int)s.len, s.ptr);
}

static const char *specs_text(const struct address_list *list)
{
	char out[4000] = "";

	for (size_t i = 0; i < list->count; i++)
		add(out, sizeof(out), list->items[i].spec);
	return arena_text(arena, span_of(out));
}

static const char *domains_text(const struct address_list *list)
{
	char out[4000] = "";
	const char **domains;
	size_t count;

	address_author_domains(arena, list, &domains, &count);
	for (size_t i = 0; i < count; i++)
		add(out, sizeof(out), span_of(domains[i]));
	return arena_text(arena, span_of(out));
}

static void parse(struct span value, struct address_list *list)
{
	struct span exact = test_exact(value);

	/* Nothing of the list may point into the value: it is freed before the list is looked at. */
	address_list_parse(arena, exact, list);
	free((void *)(uintptr_t)exact.ptr);
}

static void expect(const char *id, const char *what, struct span want, const char *got)
{
	if (span_eq_text(want, "any"))
		return;
	if (span_eq_text(want, "-"))
		want = (struct span){ NULL, 0 };
	if (!span_eq_text(want, got))
		fail_msg("%s: %s: want \"%.*s\", got \"%s\"", id, what, (int)want.len, want.ptr, got);
}

static void test_from_headers(void **state)
{
	struct span rest = test_read(arena, "from/from-headers.tsv"), cells[TSV_CELLS_MAX];
	size_t rows = 0;

	(void)state;
	for (; tsv_next(&rest, cells); rows++) {
		const char *id = arena_text(arena, cells[0]);
		struct address_list list;

		parse(tsv_text(arena, cells[2]), &list);
		expect(id, "authors", cells[3], specs_text(&list));
		expect(id, "domains", cells[4], domains_text(&list));
		expect(id, "display", cells[5], arena_text(arena, list.first_display));
	}
	assert_true(rows >= 31);
}

/* domains: A-labels in order, joined by |; display: the first one's name; damaged: '!' or ' '. */
static const struct field_row { char damaged; const char *value, *specs, *domains, *display; } field_rows[] = {
	/* By the grammar: the examples of RFC 5322 appendix A, RFC 6854, RFC 6532. */
	{ ' ', "John Doe <jdoe@machine.example>", "jdoe@machine.example", "machine.example", "John Doe" },
	{ ' ', "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>", "mary@x.test|jdoe@example.org|one@y.test",
	  "x.test|example.org|y.test", "Mary Smith" },
	{ ' ', "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>", "boss@nil.test|sysservices@example.net",
	  "nil.test|example.net", "" },
	{ ' ', "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;", "c@a.test|joe@where.test|jdoe@one.test",
	  "a.test|where.test|one.test", "A Group" },
	{ ' ', "Undisclosed recipients:;", "", "", "Undisclosed recipients" },
	{ ' ', "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "", "", "Hidden recipients" },
	{ ' ', "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "pete@silly.test", "silly.test", "Pete" },
	{ ' ', "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n"
	  "  John <jdoe@one.test> (my dear friend); (the end of the group)", "c@public.example|joe@example.org|jdoe@one.test",
	  "public.example|example.org|one.test", "A Group" },
	{ ' ', "Joe Q. Public <john.q.public@example.com>", "john.q.public@example.com", "example.com", "Joe Q. Public" },
	{ ' ', "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example", "mary@example.net|jdoe@test.example",
	  "example.net|test.example", "Mary Smith" },
	{ ' ', "John Doe <jdoe@machine(comment).  example>", "jdoe@machine.example", "machine.example", "John Doe" },
	{ ' ', ",,ann@example.com,,", "ann@example.com", "example.com", "" },
	{ ' ', "jdoe@[IPv6:2001:db8::1]", "jdoe@[IPv6:2001:db8::1]", "", "" },
	{ ' ', "\"Joe <joe@other.example>\" <list@example.com>", "list@example.com", "example.com", "Joe <joe@other.example>" },
	{ ' ', "\"a, b\" <a@example.com>", "a@example.com", "example.com", "a, b" },
	{ ' ', "=?utf-8?b?SsO2cmdlbg==?= \"the\" =?utf-8?q?Gro=C3=9Fe?= <j@example.com>", "j@example.com", "example.com",
	  "J\xc3\xb6rgen the Gro\xc3\x9f" "e" },
	{ ' ', "\"=?utf-8?q?J=C3=B6rg?=\" <j@example.com>", "j@example.com", "example.com", "J\xc3\xb6rg" },
	{ ' ', "=?utf-8?q?Ann_=3Cann=40other=2Eexample=3E?= <list@example.com>", "list@example.com", "example.com",
	  "Ann <ann@other.example>" },
	{ ' ', "Ann <ann@EXAMPLE.Com>", "ann@EXAMPLE.Com", "example.com", "Ann" },
	/* RFC 5322 3.4: the name in its old place. */
	{ ' ', "ann@example.com (Ann Author)", "ann@example.com", "example.com", "Ann Author" },
	{ ' ', "(one) ann (two) @ (three) example.com (A. \\(x\\) =?utf-8?q?M=C3=BCller?=\r\n\t (b)) (five), b@example.com", "ann@example.com|b@example.com", "example.com",
	  "A. (x) M\xc3\xbcller (b)" },
	{ ' ', "ann@[192.0.2.1] (Ann)", "ann@[192.0.2.1]", "", "Ann" },
	{ ' ', "(one) ann@example.com", "ann@example.com", "example.com", "" },
	/* Against the grammar, but with one reading. */
	{ ' ', "=?utf-8?q?Author,_Ann?= <ann@example.com>", "ann@example.com", "example.com", "Author, Ann" },
	{ ' ', "=?utf-8?q?Ann:_a;b?= =?utf-8?q?_(her_[own])?= X <ann@example.com>", "ann@example.com", "example.com", "Ann: a;b (her [own]) X" },
	{ ' ', "ann@example.com <ann@example.com>", "ann@example.com", "example.com", "ann@example.com" },
	{ ' ', "[Bot] Ann <ann@example.com>", "ann@example.com", "example.com", "[Bot] Ann" },
	{ ' ', "ann..b.@docomo.example", "ann..b.@docomo.example", "docomo.example", "" },
	/* Two readings: every address that any reader might see. */
	{ '!', "Bank <ceo@bank.example> <joe@mail.example>", "ceo@bank.example|joe@mail.example", "bank.example|mail.example", "Bank" },
	{ '!', "ceo@bank.example <joe@mail.example>", "ceo@bank.example|joe@mail.example", "bank.example|mail.example", "" },
	{ '!', "ceo@bank.example joe@mail.example", "ceo@bank.example|joe@mail.example", "bank.example|mail.example", "" },
	{ '!', "joe@mail.example; ceo@bank.example", "joe@mail.example|ceo@bank.example", "mail.example|bank.example", "" },
	{ '!', "Joe <joe@mail.example> ceo@bank.example", "joe@mail.example|ceo@bank.example", "mail.example|bank.example", "Joe" },
	{ '!', "Joe <ceo@bank.example", "ceo@bank.example", "bank.example", "Joe" },
	{ '!', "Joe <ceo@bank.example, joe@mail.example>", "ceo@bank.example|joe@mail.example", "bank.example|mail.example", "Joe" },
	{ '!', "joe@mail.example (<ceo@bank.example>)", "joe@mail.example|ceo@bank.example", "mail.example|bank.example", "" },
	{ '!', "joe@mail.example (open <ceo@bank.example>", "joe@mail.example|ceo@bank.example", "mail.example|bank.example", "" },
	{ '!', "\"open <ceo@bank.example>", "ceo@bank.example", "bank.example", "open <ceo@bank.example>" },
	{ '!', "<@mail.example,@any.example:ceo@bank.example>", "ceo@bank.example|@mail.example|@any.example",
	  "bank.example|mail.example|any.example", "" },
	{ '!', "<joe@mail.example@bank.example>", "joe@mail.example|mail.example@bank.example", "mail.example|bank.example", "" },
	{ '!', "<ceo@bank.example>\\,<joe@mail.example>", "ceo@bank.example|joe@mail.example", "bank.example|mail.example", "" },
	{ '!', "ceo@bank.example .mail.example", "ceo@bank.example.mail.example|ceo@bank.example",
	  "bank.example.mail.example|bank.example", "" },
	{ '!', "ceo@bank.example(x).mail.example", "ceo@bank.example.mail.example|ceo@bank.example",
	  "bank.example.mail.example|bank.example", "" },
	{ '!', "ceo@bank.example. mail.example", "ceo@bank.example.mail.example|ceo@bank.example",
	  "bank.example.mail.example|bank.example", "" },
	{ '!', "=?utf-8?q?a(b?= <ann@example.com>", "ann@example.com", "example.com", "a(b" },
	{ '!', "=?utf-8?q?<ceo@bank.example>,?= <joe@mail.example>", "joe@mail.example|ceo@bank.example", "mail.example|bank.example", "<ceo@bank.example>," },
	{ '!', "=?utf-8?q?ceo=40bank=2Eexample?=", "ceo@bank.example", "bank.example", "ceo@bank.example" },
	{ '!', "<=?utf-8?q?ceo=40bank=2Eexample?=>", "ceo@bank.example", "bank.example", "" },
	{ '!', "=?utf-8?b?Y2VvQGJhbmsuZXhhbXBsZQ==?==?utf-8?q?=00?=@mail.example",
	  "=?utf-8?b?Y2VvQGJhbmsuZXhhbXBsZQ==?==?utf-8?q?=00?=@mail.example|ceo@bank.example|bank.example@mail.example",
	  "mail.example|bank.example", "" },
	{ '!', "joe@=?utf-8?q?bank=2Eexample?=", "joe@=?utf-8?q?bank=2Eexample?=|joe@bank.example", "bank.example", "" },
	{ '!', "ceo@bank.example\rjoe@mail.example", "ceo@bank.example|joe@mail.example", "bank.example|mail.example", "" },
	{ '!', "ceo@bank.example\njoe@mail.example", "ceo@bank.example|joe@mail.example", "bank.example|mail.example", "" },
	{ '!', "Team: Ann <ann@example.com>", "ann@example.com", "example.com", "Team" },
	{ '!', "Team: Sub: ann@example.com;;", "ann@example.com", "example.com", "Team" },
	{ '!', "Person, Anne <anne@example.com>", "anne@example.com", "example.com", "Person" },
	{ '!', "First Last ann@example.com", "ann@example.com", "example.com", "" },
	{ '!', "ann", "", "", "ann" },
	{ '!', "Mailer <>", "", "", "Mailer" },
	{ '!', "Mailer <mailer>", "", "", "Mailer" },
	{ '!', "ann@m\xfcnchen.example", "ann@m\xc3\xbcnchen.example", "xn--mnchen-3ya.example", "" },
	/* U+00A0, U+FF20, U+200B. */
	{ '!', "ceo@bank.example\xc2\xa0<joe@mail.example>", "ceo@bank.example\xc2\xa0|joe@mail.example|ceo@bank.example",
	  "mail.example|bank.example", "" },
	{ '!', "ceo\xef\xbc\xa0" "bank.example", "ceo@bank.example", "bank.example", "ceo\xef\xbc\xa0" "bank.example" },
	{ '!', "ceo@ban\xe2\x80\x8bk.example", "ceo@ban\xe2\x80\x8bk.example|ceo@ban", "bank.example|ban", "" },
	{ '!', "ann@[IPv6:2001:d;b:1]", "ann@[IPv6:2001:d;b:1]", "", "" },
	{ '!', "ann@[not an address]", "ann@[not]", "", "" },
	{ '!', "ann@exa mple.com", "ann@exa", "exa", "" },
	{ '!', "ann@exa_mple..com", "ann@exa_mple..com", "", "" },
	{ '!', "\"a b\"@bank.example <x@mail.example>", "\"a b\"@bank.example|x@mail.example", "bank.example|mail.example", "" },
	{ ' ', "", "", "", "" },
	{ ' ', " \r\n ", "", "", "" },
	{ '!', "<", "", "", "" }, { '!', "@", "", "", "" }, { '!', ":", "", "", "" }, { '!', ";", "", "", "" }, { '!', ")", "", "", ")" },
	{ '!', "(", "", "", "" }, { '!', "\"", "", "", "" }, { '!', "\\", "", "", "\\" }, { '!', "a@[", "a@[]", "", "" },
};

static void test_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(field_rows) / sizeof(field_rows[0]); i++) {
		const struct field_row *row = &field_rows[i];
		struct address_list list;

		parse(span_of(row->value), &list);
		if (list.damaged != (row->damaged == '!'))
			fail_msg("%s: damaged is %d", row->value, list.damaged);
		expect(row->value, "specs", span_of(row->specs), specs_text(&list));
		expect(row->value, "domains", span_of(row->domains), domains_text(&list));
		expect(row->value, "display", span_of(row->display), arena_text(arena, list.first_display));
	}
}

static void test_groups(void **state)
{
	struct address_list list;

	(void)state;
	parse(SPAN_LIT("A:b@x.test;, c@x.test, D: ;"), &list);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.group_count, 2);
	assert_true(span_eq_text(list.items[0].group, "A"));
	assert_int_equal(list.items[1].group.len, 0);
	assert_false(list.damaged);
}

static void test_nul_hides_nothing(void **state)
{
	struct address_list list;

	(void)state;
	parse(SPAN_LIT("joe@bank.example\0 <x@mail.example>"), &list);
	assert_true(list.damaged);
	assert_string_equal(domains_text(&list), "bank.example|mail.example");
	parse(SPAN_LIT("Joe <joe@bank.example\0.mail.example>"), &list);
	assert_true(list.damaged);
	assert_string_equal(domains_text(&list), "bank.example");
}

/* The longest field that a message may have, of the worst kinds: linear time, and the cut is told. */
static void test_limits(void **state)
{
	static const char *const units[] = { "a@b.example,", "@[", "@", "a@b ", "(", "\"", "<", "=?utf-8?q?a?=", "=?", "a:", "\"\"@x.test ", "\xc3\xbc@\xc3\xbc ",
		"((((", "a<b@c.d>" };
	enum { LONG = 64 << 10 };

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		char *value = arena_alloc(arena, LONG);
		struct address_list list;

		for (size_t at = 0; at < LONG; at++)
			value[at] = units[i][at % strlen(units[i])];
		parse((struct span){ value, LONG }, &list);
		assert_true(list.count <= ADDRESS_LIST_MAX);
		assert_true(list.damaged);
		arena_reset(arena);
	}
}

static void test_parse(void **state)
{
	static const struct { const char *in; bool ok; const char *key; } rows[] = {
		{ "ann@example.com", true, "ann@example.com" },
		{ "Ann@EXAMPLE.com", true, "ann@example.com" },
		{ "\"ann\"@example.com", true, "ann@example.com" },
		{ "\"a\\nn\"@example.com", true, "ann@example.com" },
		{ "\"ann b\"@example.com", true, "\"ann b\"@example.com" },
		{ "\"a@b\"@example.com", true, "\"a@b\"@example.com" },
		{ "\"a\\\"b\"@example.com", true, "\"a\\\"b\"@example.com" },
		{ "ann+tag=x@example.com", true, "ann+tag=x@example.com" },
		{ "j\xc3\xb6ran@m\xc3\xbcnchen.example", true, "j\xc3\xb6ran@xn--mnchen-3ya.example" },
		{ "ann@[192.0.2.1]", true, "ann@[192.0.2.1]" },
		{ "ann@[IPv6:2001:DB8::1]", true, "ann@[ipv6:2001:db8::1]" },
		{ "ann@localhost", true, "ann@localhost" },
		{ "ann..b@example.com", true, "ann..b@example.com" },
		{ "", false, "" }, { "ann", false, "" }, { "@example.com", false, "" }, { "ann@", false, "" }, { "<ann@example.com>", false, "" },
		{ "Ann <ann@example.com>", false, "" }, { "ann @example.com", false, "" }, { " ann@example.com", false, "" },
		{ "ann@example.com ", false, "" }, { "ann@exam ple.com", false, "" }, { "ann@example.com.", false, "" },
		{ "ann@example..com", false, "" }, { "ann@192.0.2.1", false, "" }, { "ann@[192.0.2]", false, "" }, { "ann@[", false, "" },
		{ "a@b@example.com", false, "" }, { "a,b@example.com", false, "" }, { "\"a@example.com", false, "" },
		{ "\"\"@example.com", false, "" }, { "\"a\"b@example.com", false, "" }, { "\"a\rb\"@example.com", false, "" },
		{ "ann\r\n@example.com", false, "" }, { "ann@example.com\r\nRCPT TO:<x@y>", false, "" }, { "j\xf6ran@example.com", false, "" },
		{ "ann\xc2\xa0@example.com", false, "" }, { "ann@ex\xe2\x80\x8b" "ample.com", false, "" },
		{ "a23456789012345678901234567890123456789012345678901234567890abcd@example.com", true,
		  "a23456789012345678901234567890123456789012345678901234567890abcd@example.com" },
		{ "a23456789012345678901234567890123456789012345678901234567890abcde@example.com", false, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span exact = test_exact(span_of(rows[i].in));
		struct address address;
		struct fail why = { .text = "" };
		int got = address_parse(arena, exact, &address, &why);

		free((void *)(uintptr_t)exact.ptr);
		if (got != (rows[i].ok ? 0 : -1))
			fail_msg("%s: got %d %s", rows[i].in, got, why.text);
		if (rows[i].ok)
			assert_string_equal(address_key(arena, &address), rows[i].key);
		else
			assert_true(strlen(why.text) > 0);
	}
	assert_int_equal(address_parse(arena, SPAN_LIT("ann@example.com\0.net"), &(struct address){ 0 }, NULL), -1);
	assert_int_equal(address_parse(arena, SPAN_LIT("an\0n@example.com"), &(struct address){ 0 }, NULL), -1);
}

static void test_in_text(void **state)
{
	static const struct { const char *in; bool want; } rows[] = {
		{ "Ann Person", false }, { "Joe Q. Public", false }, { "J.R.R. Tolkien", false }, { "Q.Public", false }, { "St.John", false },
		{ "Ann @ Home", false }, { "Version 1.2", false }, { "Verein e.V.", false }, { "", false }, { "...", false }, { "@", false },
		{ "\xd0\x94.\xd0\x9c\xd0\xb5\xd0\xb4\xd0\xb2\xd0\xb5\xd0\xb4\xd0\xb5\xd0\xb2", false },
		{ "ann@example.com", true }, { "Ann (ann@example)", true }, { "ceo\xef\xbc\xa0" "bank.example", true }, { "www.bank.example", true },
		{ "Bank.COM", true }, { "Bank.Com", true }, { "via lists.example.org", true }, { "x.com", true }, { "xn--bcher-kva.xn--p1ai", true },
		{ "a@[192.0.2.1]", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span exact = test_exact(span_of(rows[i].in));

		if (address_in_text(exact) != rows[i].want)
			fail_msg("%s", rows[i].in);
		free((void *)(uintptr_t)exact.ptr);
	}
}

/* Whatever the name: one mailbox, with that address, read by our own reader; nothing that could make a line. */
static void check_format(struct span display, struct span spec)
{
	struct span text = address_format(arena, display, spec), folded = header_fold(arena, "From", text, "\r\n"), line;
	struct address_list list;

	for (size_t i = 0; i < text.len; i++)
		assert_true((unsigned char)text.ptr[i] >= ' ' && (unsigned char)text.ptr[i] < 0x7f);
	parse(text, &list);
	assert_false(list.damaged);
	assert_int_equal(list.count, 1);
	assert_true(span_eq(list.items[0].spec, spec));
	parse(span_sub(folded, 5, folded.len), &list);
	assert_int_equal(list.count, 1);
	while (span_next(&folded, '\n', &line)) {
		assert_true(line.len <= HEADER_LINE_MAX_BYTES);
		for (size_t at; (at = span_find(line, SPAN_LIT("=?utf-8?"))) < line.len; line = span_sub(line, at + 8, line.len)) {
			struct span word = span_sub(line, at, line.len);

			assert_true(span_find_byte(word, ' ') <= ENCWORD_MAX_BYTES + 2);
		}
	}
}

/* This table has no escapes: a backslash is one. */
static void test_rewrite_names(void **state)
{
	struct span rest = test_read(arena, "from/rewrite.tsv"), cells[TSV_CELLS_MAX];
	size_t rows = 0;

	(void)state;
	for (; tsv_next(&rest, cells); rows++) {
		struct address_list from, again;
		struct span want = cells[8], display, text;

		parse(cells[2], &from);
		display = span_of(arena_printf(arena, "%.*s via %s", (int)from.first_display.len, from.first_display.ptr,
			arena_text(arena, cells[3])));
		check_format(from.first_display, cells[7]);
		check_format(display, cells[7]);
		text = address_format(arena, display, cells[7]);
		parse(text, &again);
		if (!span_eq_text(want, "any") && span_find(again.first_display, want) == again.first_display.len)
			fail_msg("%.*s: \"%.*s\" does not show the name", (int)cells[0].len, cells[0].ptr, (int)text.len, text.ptr);
		assert_int_equal(span_find(again.first_display, SPAN_LIT("\xe2\x80\xae")), again.first_display.len);
	}
	assert_true(rows >= 9);
}

static void test_format(void **state)
{
	static const struct { const char *display, *spec, *want; } rows[] = {
		{ "", "a@x.test", "a@x.test" },
		{ "Ann Person", "a@x.test", "Ann Person <a@x.test>" },
		{ "Person, Ann", "a@x.test", "\"Person, Ann\" <a@x.test>" },
		{ "Ann \"Ace\" \\", "a@x.test", "\"Ann \\\"Ace\\\" \\\\\" <a@x.test>" },
		{ "Ann\r\nBcc: x@y", "a@x.test", "\"Ann Bcc: x@y\" <a@x.test>" },
		{ "J\xc3\xb6rgen", "a@x.test", "=?utf-8?q?J=C3=B6rgen?= <a@x.test>" },
		{ "=?utf-8?q?x?=", "a@x.test", "=?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <a@x.test>" },
		{ "\xe2\x80\xae" "abc", "a@x.test", "abc <a@x.test>" },
		{ "Ann", "a@x.test>, <b@y.test", "Ann <a@x.testb@y.test>" },
		{ "Ann", "a@x.test\r\nBcc: b", "Ann <a@x.testBccb>" },
		{ "Ann", "\"a>,b\"@x.test", "Ann <\"a>,b\"@x.test>" },
		{ "Ann", "a@[IPv6:2001:db8::1]", "Ann <a@[IPv6:2001:db8::1]>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span got = address_format(arena, span_of(rows[i].display), span_of(rows[i].spec));

		assert_string_equal(arena_text(arena, got), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_from_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nul_hides_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rewrite_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_format, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
