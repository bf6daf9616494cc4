/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of receivers: their file, what a list server takes them for, what they reply; conf/compare.receivers as it is shipped. */
#include "tests/unit/check.h"

#include "mitigations/compare/models.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(ARENA_MESSAGE_MAX_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static int parse(const char *text, struct models *models, struct fail *why)
{
	struct span exact = test_exact(span_of(text));
	int result;

	*models = (struct models){ .arena = arena };
	result = models_parse(exact, "/some/where/kinds", models, why);
	free((void *)(uintptr_t)exact.ptr);
	return result;
}

static void test_errors(void **state)
{
	static const struct { const char *text, *why; } rows[] = {
		{ "about x\n", "kinds:1: expected \"receiver NAME\" first, not \"about\"" },
		{ "receiver\n", "kinds:1: expected a receiver's name, not \"\"" },
		{ "receiver a b\n", "kinds:1: expected one word, not \"b\"" },
		{ "receiver a/b\n", "kinds:1: expected a name of letters" },
		{ "receiver a\n\n# x\nreceiver A\n", "kinds:4: expected a name that no other receiver has, not \"A\"" },
		{ "receiver a\n  reads 822\n", "kinds:2: expected 9989, 7489, stricter or none, not \"822\"" },
		{ "receiver a\n  on-reject bounce\n", "kinds:2: expected refuse, junk, mark or accept, not \"bounce\"" },
		{ "receiver a\n  obeys t pct x\n", "kinds:2: expected t or pct, not \"x\"" },
		{ "receiver a\n  trusts-seals-of\n", "kinds:2: expected a domain, not \"\"" },
		{ "receiver a\n  trusts-seals-of a..b\n", "kinds:2: expected a domain, not \"a..b\"" },
		{ "receiver a\n  trusts-seals-of 1.x 2.x 3.x 4.x 5.x 6.x 7.x 8.x 9.x\n", "kinds:2: expected eight domains at most" },
		{ "receiver a\n  takes\n", "kinds:2: expected (list), or a name" },
		{ "receiver a\n  takes x list-id *\n", "kinds:2: expected dkim or network: a List-Id proves nothing" },
		{ "receiver a\n  takes x dkim\n", "kinds:2: expected a value, not \"dkim\"" },
		{ "receiver a\n  takes x spf a.example\n", "kinds:2: expected dkim, list-id or network, not \"spf\"" },
		{ "receiver a\n  told enforces maybe\n", "kinds:2: expected yes or no, not \"maybe\"" },
		{ "receiver a\n  told everything yes\n", "kinds:2: expected enforces, trusts-arc or allowlists-us, not \"everything\"" },
		{ "receiver a\n  reply 250 fine\n", "kinds:2: expected a reply that begins with 5xx" },
		{ "receiver a\n  reply 5500 no\n", "kinds:2: expected a reply that begins with 5xx" },
		{ "receiver a\n  temporary-reply 550 no\n", "kinds:2: expected a reply that begins with 4xx" },
		{ "receiver a\n  mx -\xff\n", "kinds:2: expected a host name" },
		{ "receiver a\n  likes spam\n", "kinds:2: expected receiver, about, reads" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct models models;
		struct fail why = { .text = "" };

		assert_int_equal(parse(rows[i].text, &models, &why), -1);
		if (strstr(why.text, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].text, why.text);
	}
}

static void test_defaults_and_words(void **state)
{
	struct models models;
	const struct model *m;
	struct fail why;

	(void)state;
	assert_int_equal(parse("receiver plain\nreceiver all\r\n  about several  words # not a comment\n reads 7489\n on-reject junk\n on-quarantine mark\n on-temporary accept\n"
		" obeys pct t\n trusts-seals-of (list) Other.Example\n takes (list)\n takes friends dkim friends.example list-id *.friends.example network 192.0.2.0/24\n"
		" mx mx.all.example\n domain B\xc3\xbc" "cher.example\n told enforces no\n reply 554 5.7.9 go away, {domain}\n temporary-reply 451 later\n", &models, &why), 0);
	assert_int_equal(models.count, 2);
	m = models_find(&models, SPAN_LIT("PLAIN"));
	assert_true(m->policy.reading == RECEIVING_STRICTER && m->policy.on_reject == RECEIVING_REFUSE && m->policy.on_quarantine == RECEIVING_JUNK);
	assert_true(m->policy.known_count == 0 && m->policy.trusted_sealers == NULL && !m->policy.obeys_t);
	m = models_find(&models, SPAN_LIT("all"));
	assert_string_equal(m->about, "several  words # not a comment");
	assert_true(m->policy.reading == RECEIVING_RFC7489 && m->policy.on_reject == RECEIVING_JUNK && m->policy.on_quarantine == RECEIVING_MARK);
	assert_true(m->policy.on_temporary == RECEIVING_ACCEPT && m->policy.obeys_t && m->policy.obeys_pct && m->policy.known_count == 2);
	assert_string_equal(m->policy.known[1].list_id, "*.friends.example");
	assert_string_equal(m->domain, "xn--bcher-kva.example");
	assert_int_equal(m->enforces, MODELS_NO);
	assert_null(models_find(&models, SPAN_LIT("other")));
}

/* What depends on the list server: its own domain, and what it knows of each. */
static void test_bind(void **state)
{
	static const char table[] = "operator google\n  mx *.google.com\n  trusts-arc yes\noperator own\n  domain own.example\n  enforces no\n";
	const struct clock clock = { .is_fixed = true };
	struct receivers *receivers = receivers_new();
	struct models models;
	struct fail why;

	(void)state;
	assert_int_equal(receivers_parse(span_of(table), "table", receivers, &why), 0);
	assert_int_equal(parse("receiver by-mx\n mx a.l.google.com\n told allowlists-us yes\nreceiver by-domain\n domain own.example\n mx a.l.google.com\nreceiver nobody\n"
		"receiver sealed\n trusts-seals-of (list)\n told enforces yes\nreceiver sealed-too\n trusts-seals-of lists.example\n takes (list)\n", &models, &why), 0);
	assert_int_equal(models_bind(&models, "lists.example", receivers, &clock, &why), 0);
	assert_string_equal(models.items[0].believed.name, "google");
	assert_true(models.items[0].believed.enforces && models.items[0].believed.trusts_arc && models.items[0].believed.allowlists_us);
	assert_string_equal(models.items[1].believed.name, "own");
	assert_false(models.items[1].believed.enforces);
	assert_string_equal(models.items[2].believed.name, "unknown");
	assert_string_equal(models.items[3].policy.trusted_sealers[0], "lists.example");
	assert_string_equal(models.items[4].policy.known[0].dkim_domain, "lists.example");
	/* receivers that see the same share a set */
	assert_int_equal(models.sealer_set_count, 2);
	assert_true(models.items[0].sealer_set == models.items[2].sealer_set && models.items[3].sealer_set == models.items[4].sealer_set);
	assert_true(models.items[0].sealer_set != models.items[3].sealer_set);
	receivers_free(receivers);
}

static void test_replies(void **state)
{
	const struct receiving_verdict verdict = { .policy = DMARC_P_REJECT, .author_domain = "bank.example" }, unknown = { .temporary = true, .policy = DMARC_UNKNOWN };
	const struct model model = { .reply = "550 {domain} says {policy}, {other} {", .temporary_reply = "451 {domain}{domain}" };

	(void)state;
	assert_string_equal(models_reply(arena, &model, &verdict), "550 bank.example says reject, {other} {");
	assert_string_equal(models_reply(arena, &model, &unknown), "451 the authorthe author");
}

/* The file that is installed can be read, and has the kinds that its users reckon with. */
static void test_shipped(void **state)
{
	static const char *const wanted[] = { "strict", "google", "yahoo", "microsoft", "oreject", "opendmarc", "trusting", "allowlisting", "lenient" };
	const char *path = test_data(arena, "../../conf/compare.receivers");
	struct models models = { .arena = arena };
	struct span text;
	struct fail why;

	(void)state;
	if (file_read(arena, path, 1 << 20, &text, &why) != 0 || models_parse(text, path, &models, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(models.count, sizeof(wanted) / sizeof(wanted[0]));
	for (size_t i = 0; i < models.count; i++) {
		assert_non_null(models_find(&models, span_of(wanted[i])));
		assert_true(models.items[i].about[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors), cmocka_unit_test(test_defaults_and_words), cmocka_unit_test(test_bind), cmocka_unit_test(test_replies), cmocka_unit_test(test_shipped),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
