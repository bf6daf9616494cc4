/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/check.h"

#include "mitigations/alias.h"

static const struct secret secret = { { 1, 2, 3 } };
static const struct secret other_secret = { { 1, 2, 4 } };

static struct address author(struct arena *a, const char *text)
{
	struct address address;
	struct fail why;

	if (address_parse(a, span_of(text), &address, &why) != 0)
		fail_msg("%s: %s", text, why.text);
	return address;
}

static struct span local_of(const char *address)
{
	return span_sub(span_of(address), 0, span_find_byte(span_of(address), '@'));
}

/* Name, author, what the readable local part begins with (NULL: too long, so keyed), the author that is read back. */
static const struct { const char *name, *author, *prefix, *key; } rows[] = {
	{ "plain", "ann@example.com", "birds-author-ann=40example.com-", "ann@example.com" },
	{ "case", "Ann@Example.COM", "birds-author-ann=40example.com-", "ann@example.com" },
	{ "plus and dots", "a.b+c@example.com", "birds-author-a.b+c=40example.com-", "a.b+c@example.com" },
	{ "equals sign", "a=b@example.com", "birds-author-a=3db=40example.com-", "a=b@example.com" },
	{ "quoted", "\"a b\"@example.com", "birds-author-=22a=20b=22=40example.com-", "\"a b\"@example.com" },
	{ "slash and percent", "a/b%c@example.com", "birds-author-a=2fb=25c=40example.com-", "a/b%c@example.com" },
	{ "dash", "x-author-y@ex-ample.com", "birds-author-x-author-y=40ex-ample.com-", "x-author-y@ex-ample.com" },
	{ "utf-8", "\xc3\xa9@example.com", "birds-author-=c3=a9=40example.com-", "\xc3\xa9@example.com" },
	{ "idn", "ann@b\xc3\xbc" "cher.example", "birds-author-ann=40xn--bcher-kva.example-", "ann@xn--bcher-kva.example" },
	{ "too long", "a.very.long.local.part.of.an.author@subdomain.example.com", NULL, NULL },
	{ "just fits", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com", "birds-author-aaaaaaaaaaaaaaaaaaaaaaaaaaaa=40example.com-", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com" },
	{ "one too many", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com", NULL, NULL },
};

static void test_readable(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address address = author(a, rows[i].author), again;
		const char *made = alias_make(a, &secret, "birds", "lists.example.org", &address, true);
		struct span local = test_exact(local_of(made));
		struct alias alias = { NULL, NULL };

		if (address_parse(a, span_of(made), &again, NULL) != 0 || local.len > ADDRESS_LOCAL_MAX_BYTES)
			fail_msg("%s: %s is no address", rows[i].name, made);
		assert_true(alias_read(a, &secret, "birds", local, &alias));
		if (rows[i].prefix == NULL) {
			assert_null(alias.author);
			assert_string_equal(alias.code, alias_code(a, &secret, "birds", &address));
		} else {
			if (!span_starts_nocase(local, rows[i].prefix) || strcmp(alias.author, rows[i].key) != 0)
				fail_msg("%s: %s reads %s", rows[i].name, made, alias.author);
		}
		/* of another list, and of another server */
		assert_false(alias_read(a, &secret, "trees", local, &alias));
		if (rows[i].prefix != NULL)
			assert_false(alias_read(a, &other_secret, "birds", local, &alias));
		free((void *)(uintptr_t)local.ptr);
	}
	arena_free(a);
}

static void test_keyed(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct address ann = author(a, "Ann@example.com"), lower = author(a, "ann@EXAMPLE.com"), bob = author(a, "bob@example.com");
	const char *made = alias_make(a, &secret, "birds", "lists.example.org", &ann, false);
	struct alias alias;

	(void)state;
	assert_string_equal(made, alias_make(a, &secret, "birds", "lists.example.org", &lower, false));
	assert_string_not_equal(made, alias_make(a, &secret, "birds", "lists.example.org", &bob, false));
	assert_string_not_equal(alias_code(a, &secret, "birds", &ann), alias_code(a, &secret, "trees", &ann));
	assert_string_not_equal(alias_code(a, &secret, "birds", &ann), alias_code(a, &other_secret, "birds", &ann));
	assert_int_equal(strlen(alias_code(a, &secret, "birds", &ann)), ALIAS_CODE_CHARS);
	assert_true(span_starts_nocase(span_of(made), "birds-author-"));
	assert_null(strstr(made, "example.com"));
	assert_true(alias_read(a, &secret, "BIRDS", span_of("Birds-Author-ABCDEFGHIJKLMNOPQ234"), &alias));
	assert_string_equal(alias.code, "abcdefghijklmnopq234");
	assert_null(alias.author);
	arena_free(a);
}

/* Lists with long names get shorter codes, so that the local part stays within 64 octets. */
static void test_long_list(void **state)
{
	static const struct { size_t list_bytes, code_chars; } lengths[] = { { 1, 20 }, { 36, 20 }, { 37, 19 }, { 40, 16 }, { 41, 16 }, { 64, 16 } };
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct address ann = author(a, "ann@example.com");
	struct alias alias;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char list[65] = "";
		const char *made;

		memset(list, 'b', lengths[i].list_bytes);
		assert_int_equal(strlen(alias_code(a, &secret, list, &ann)), lengths[i].code_chars);
		made = alias_make(a, &secret, list, "lists.example.org", &ann, false);
		assert_true(lengths[i].list_bytes > 40 || local_of(made).len <= ADDRESS_LOCAL_MAX_BYTES);
		assert_true(alias_read(a, &secret, list, local_of(made), &alias));
		assert_string_equal(alias.code, alias_code(a, &secret, list, &ann));
	}
	arena_free(a);
}

static void test_not_an_alias(void **state)
{
	static const char *const locals[] = {
		"", "birds", "birds-author", "birds-author-", "birds-author-abc", "birds-author-abcdefghijklmnopq23!", "birds-author-abcdefghijklmnopq2345",
		"birds-author-abcdefghijklmnopq231", "trees-author-abcdefghijklmnopq234", "birds-bounces", "birds-request", "=", "=40", "-", "a=40b", "a=4-abcdefgh",
		"ann=40example.com-aaaaaaaa", "birds-author-ann=40example.com", "birds-author-ann=40example.com-", "birds-author-ann=40example.com-aaaaaaaa", "birds-author-ann=zz-aaaaaaaa",
		"birds-author-=-aaaaaaaa", "birds-author-=00=40b-aaaaaaaa", "birds-author-a=3d-aaaaaaaa",
	};
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct alias alias;

	(void)state;
	for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++) {
		struct span local = test_exact(span_of(locals[i]));

		if (alias_read(a, &secret, "birds", local, &alias))
			fail_msg("%s is taken for an alias", locals[i]);
		free((void *)(uintptr_t)local.ptr);
	}
	arena_free(a);
}

/* Every change of a readable alias makes it one that nobody made. */
static void test_forged(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct address ann = author(a, "ann@example.com");
	struct span local = local_of(alias_make(a, &secret, "birds", "lists.example.org", &ann, true));
	struct alias alias;

	(void)state;
	for (size_t i = 0; i < local.len; i++) {
		char *changed = arena_text(a, local);

		changed[i] = changed[i] == 'x' ? 'y' : 'x';
		assert_false(alias_read(a, &secret, "birds", span_of(changed), &alias));
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readable), cmocka_unit_test(test_keyed), cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_not_an_alias), cmocka_unit_test(test_forged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
