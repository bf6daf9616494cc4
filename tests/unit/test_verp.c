/* SPDX-License-Identifier: BSD-2-Clause */
/* verp: what is written is read again, nobody can make it up, and odd recipients survive the way back. */
#include "tests/unit/check.h"

#include "listd/delivery/verp.h"

#define ID "abcdefgh234567abcdef"

static const struct secret secret = { { 7 } }, other = { { 8 } };

/* The part between "birds-bounces+" and the last @. */
static struct span suffix_of(const char *sender)
{
	const char *from = sender + strlen("birds-bounces+");

	assert_memory_equal(sender, "birds-bounces+", strlen("birds-bounces+"));
	return (struct span){ from, (size_t)(strrchr(sender, '@') - from) };
}

static void test_recipients_come_back(void **state)
{
	static const struct { const char *recipient, *tail; } rows[] = {
		{ "ann@example.com", "+ann=example.com@lists.example.org" },
		{ "ann+lists@example.com", "+ann+lists=example.com@lists.example.org" },
		{ "a=b@example.com", "+a=3Db=example.com@lists.example.org" },
		{ "\"a b\"@example.com", "+=22a=20b=22=example.com@lists.example.org" },
		{ "j\xc3\xb6rg@xn--bcher-kva.example", "+j=C3=B6rg=xn--bcher-kva.example@lists.example.org" },
		{ "a!b%c@example.com", "+a=21b=25c=example.com@lists.example.org" },
		{ "\"a@b\"@example.com", "+=22a=40b=22=example.com@lists.example.org" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char sender[400];
		struct verp v;
		struct span suffix;

		assert_true(verp_write(&secret, VERP_RECIPIENT, "birds", "lists.example.org", ID "-12", rows[i].recipient, sender, sizeof(sender)));
		assert_string_equal(sender + strlen("birds-bounces+") + 37, rows[i].tail);
		suffix = test_exact(suffix_of(sender));
		assert_true(verp_read(a, &secret, "birds", suffix, &v));
		assert_true(v.valid);
		assert_int_equal(v.kind, VERP_RECIPIENT);
		assert_string_equal(v.post_id, ID);
		assert_string_equal(v.recipient, rows[i].recipient);
		assert_true(verp_read(a, &other, "birds", suffix, &v));
		assert_false(v.valid);
		assert_true(verp_read(a, &secret, "bees", suffix, &v));
		assert_false(v.valid);
		free((void *)(uintptr_t)suffix.ptr);
	}
	arena_free(a);
}

static void test_case_is_folded_on_the_way(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char sender[400];
	struct verp v;

	(void)state;
	verp_write(&secret, VERP_RECIPIENT, "birds", "lists.example.org", ID, "Ann=x@Example.com", sender, sizeof(sender));
	for (char *p = sender + strlen("birds-bounces+"); *p != '\0'; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
	assert_true(verp_read(a, &secret, "birds", suffix_of(sender), &v));
	assert_true(v.valid);
	assert_string_equal(v.post_id, ID);
	assert_string_equal(v.recipient, "ANN=X@EXAMPLE.COM");
	arena_free(a);
}

/* XVERP: the relay puts the recipient in; the code vouches for the post alone. */
static void test_a_relay_completes_kind_p(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char sender[400], text[500];
	struct verp v;

	(void)state;
	assert_true(verp_write(&secret, VERP_POST, "birds", "lists.example.org", ID, NULL, sender, sizeof(sender)));
	assert_int_equal(suffix_of(sender).len, 37);
	assert_true(verp_read(a, &secret, "birds", suffix_of(sender), &v));
	assert_true(v.valid);
	assert_null(v.recipient);
	snprintf(text, sizeof(text), "%.*s+a=b=example.com", 37, suffix_of(sender).ptr);
	assert_true(verp_read(a, &secret, "birds", span_of(text), &v));
	assert_true(v.valid);
	assert_int_equal(v.kind, VERP_POST);
	assert_string_equal(v.recipient, "a=b@example.com");
	arena_free(a);
}

static void test_long_and_odd_recipients_fall_to_kind_p(void **state)
{
	char local[300], recipient[400], sender[400];

	(void)state;
	memset(local, 'a', sizeof(local));
	snprintf(recipient, sizeof(recipient), "%.64s@%.60s.%.60s.example", local, local, local);
	assert_false(verp_write(&secret, VERP_RECIPIENT, "birds", "lists.example.org", ID, recipient, sender, sizeof(sender)));
	assert_int_equal(suffix_of(sender).len, 37);
	assert_int_equal(suffix_of(sender).ptr[0], 'p');
	assert_false(verp_write(&secret, VERP_RECIPIENT, "birds", "lists.example.org", ID, "ann@[192.0.2.1]", sender, sizeof(sender)));
	assert_int_equal(suffix_of(sender).ptr[0], 'p');
	snprintf(recipient, sizeof(recipient), "%.100s@example.com", local);
	assert_true(verp_write(&secret, VERP_RECIPIENT, "birds", "lists.example.org", ID, recipient, sender, sizeof(sender)));
	assert_true(strlen(sender) <= 254);
}

static void test_probes(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char sender[400];
	struct verp v;

	(void)state;
	assert_true(verp_write(&secret, VERP_PROBE, "birds", "lists.example.org", ID, NULL, sender, sizeof(sender)));
	assert_true(verp_read(a, &secret, "birds", suffix_of(sender), &v));
	assert_true(v.valid);
	assert_int_equal(v.kind, VERP_PROBE);
	assert_null(v.recipient);
	assert_true(verp_read(a, &secret, "bees", suffix_of(sender), &v));
	assert_false(v.valid);
	/* the code of one kind is none of another */
	sender[strlen("birds-bounces+")] = 'p';
	assert_true(verp_read(a, &secret, "birds", suffix_of(sender), &v));
	assert_false(v.valid);
	arena_free(a);
}

static void test_strangers_are_not_read(void **state)
{
	static const char *const rows[] = {
		"", "x", "r" ID "aaaabbbbccccddd", "r" ID "aaaabbbbccccdddd", "r" ID "aaaabbbbccccdddd+", "r" ID "aaaabbbbccccdddd+ann", "r" ID "aaaabbbbccccdddd+ann=",
		"r" ID "aaaabbbbccccdddd+=example.com", "r" ID "aaaabbbbccccdddd-ann=example.com", "q" ID "aaaabbbbccccdddd+ann=example.com",
		"r" ID "aaaabbbbccccdddd+a=4=example.com", "r" ID "aaaabbbbccccdddd+a=0D=example.com", "r" ID "aaaabbbbccccdddd+a=00=example.com",
		"r" ID "aaaabbbb/cccdddd+ann=example.com", "r" ID "aaaabbbbccccdddd+ann=exa mple.com",
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span exact = test_exact(span_of(rows[i]));
		struct verp v;

		if (verp_read(a, &secret, "birds", exact, &v))
			fail_msg("row %zu was read", i);
		free((void *)(uintptr_t)exact.ptr);
	}
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recipients_come_back), cmocka_unit_test(test_case_is_folded_on_the_way), cmocka_unit_test(test_a_relay_completes_kind_p),
		cmocka_unit_test(test_long_and_odd_recipients_fall_to_kind_p), cmocka_unit_test(test_probes), cmocka_unit_test(test_strangers_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
