/* SPDX-License-Identifier: BSD-2-Clause */
/* rules. */
#include "tests/unit/check.h"

#include "mitigations/rules.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *action_name(const struct rule *rule)
{
	return rule == NULL ? "-" : rule->action == RULE_EXEMPT ? "exempt" : rule->action == RULE_FORCE ? "force" : rule->strategy;
}

static void test_match(void **state)
{
	static const struct { const char *rules, *from, *receiver, *domain, *want; } rows[] = {
		{ "", "ann@example.com", "google", NULL, "-" },
		{ "# nothing\n\n ; ;\n", "ann@example.com", "google", NULL, "-" },
		{ "force", "ann@example.com", "google", NULL, "force" },
		{ "REWRITE", "ann@example.com", "google", NULL, "rewrite" },
		/* domain */
		{ "force from example.com", "Ann <ann@EXAMPLE.com>", "google", NULL, "force" },
		{ "force from example.com", "ann@mail.example.com", "google", NULL, "-" },
		{ "force from example.com", "ann@badexample.com", "google", NULL, "-" },
		{ "force from B\xc3\xbc" "cher.example", "ann@xn--bcher-kva.example", "google", NULL, "force" },
		/* domain and below */
		{ "force from .example.com", "ann@example.com", "google", NULL, "force" },
		{ "force from .example.com", "ann@a.mail.example.com", "google", NULL, "force" },
		{ "force from .example.com", "ann@badexample.com", "google", NULL, "-" },
		{ "force from .example.com", "ann@com", "google", NULL, "-" },
		/* address */
		{ "force from Ann@Example.com", "ann@example.com", "google", NULL, "force" },
		{ "force from ann@example.com", "joann@example.com", "google", NULL, "-" },
		/* globs */
		{ "wrap from *@example.com", "ann@example.com", "google", NULL, "wrap" },
		{ "wrap from *@example.com", "ann@mail.example.com", "google", NULL, "-" },
		{ "wrap from *.edu", "ann@cs.uni.EDU", "google", NULL, "wrap" },
		{ "wrap from *.edu", "ann@uni.edu.example", "google", NULL, "-" },
		{ "wrap from ann+*@*", "ann+tag@anything.example", "google", NULL, "wrap" },
		/* receivers */
		{ "none to google", "ann@example.com", "google", NULL, "none" },
		{ "none to GOOGLE", "ann@example.com", "google", "gmail.com", "none" },
		{ "none to google", "ann@example.com", "yahoo", "gmail.com", "-" },
		{ "none to @gmail.com", "ann@example.com", "google", "GMail.com", "none" },
		{ "none to @gmail.com", "ann@example.com", "google", NULL, "-" },
		{ "none to @gmail.com", "ann@example.com", "google", "a.gmail.com", "-" },
		{ "rewrite from *@example.com to google", "ann@example.com", "google", NULL, "rewrite" },
		{ "rewrite to google from *@example.com", "ann@example.com", "yahoo", NULL, "-" },
		/* order */
		{ "exempt from ann@example.com; force from example.com\nwrap", "ann@example.com", "google", NULL, "exempt" },
		{ "exempt from ann@example.com; force from example.com\nwrap", "bob@example.com", "google", NULL, "force" },
		{ "exempt from ann@example.com; force from example.com\nwrap", "bob@example.net", "google", NULL, "wrap" },
		/* several authors: force for any of them, exempt for all */
		{ "force from example.com", "a@example.net, b@example.com", "google", NULL, "force" },
		{ "exempt from example.com", "a@example.net, b@example.com", "google", NULL, "-" },
		{ "exempt from .com", "a@example.com, b@b.example.com", "google", NULL, "exempt" },
		/* no author */
		{ "exempt from *", "", "google", NULL, "-" },
		{ "force from *", "", "google", NULL, "-" },
		{ "exempt", "", "google", NULL, "exempt" },
		{ "force from example.com # why\r\n", "a@example.com", "google", NULL, "force" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct span text = test_exact(span_of(rows[i].rules));
		struct receiver receiver = { .name = rows[i].receiver };
		struct address_list authors;
		struct rules rules;
		struct fail why;

		if (rules_parse(a, text, &rules, &why) != 0)
			fail_msg("%s: %s", rows[i].rules, why.text);
		free((void *)(uintptr_t)text.ptr); /* nothing points into it */
		address_list_parse(a, span_of(rows[i].from), &authors);
		if (strcmp(action_name(rules_match(&rules, &authors, &receiver, rows[i].domain)), rows[i].want) != 0)
			fail_msg("%s for %s: %s", rows[i].rules, rows[i].from, action_name(rules_match(&rules, &authors, &receiver, rows[i].domain)));
		arena_free(a);
	}
}

static void test_faults(void **state)
{
	static const struct { const char *rules, *want; } rows[] = {
		{ "auto", "line 1: expected exempt, force or the name of a strategy, not \"auto\"" },
		{ "force\nexcempt from a.example", "line 2: expected exempt, force or the name of a strategy, not \"excempt\"" },
		{ "force from", "line 1: \"from\" stands without a pattern" },
		{ "force from a.example to", "line 1: \"to\" stands without a pattern" },
		{ "force from a.example from b.example", "line 1: expected \"from\" once" },
		{ "force to a to b", "line 1: expected \"to\" once" },
		{ "force a.example", "line 1: expected \"from PATTERN\"" },
		{ "force from a..b", "line 1: expected a domain, .domain, address or glob" },
		{ "force from @a.example", "line 1: expected a domain, .domain, address or glob" },
		{ "force from .", "line 1: expected a domain, .domain, address or glob" },
		{ "force to @", "line 1: expected an operator's name or @domain" },
		{ "force to a/b", "line 1: expected an operator's name or @domain" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct rules rules;
		struct fail why;

		if (rules_parse(a, span_of(rows[i].rules), &rules, &why) == 0 || strncmp(why.text, rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("%s: %s", rows[i].rules, why.text);
		arena_free(a);
	}
}

static void test_limits(void **state)
{
	struct arena *a = arena_new(16 << 20);
	char *text = arena_alloc(a, (RULES_MAX + 1) * 6 + RULE_MAX_BYTES + 20);
	struct rules rules;
	struct fail why;

	(void)state;
	for (int i = 0; i < RULES_MAX; i++)
		strcpy(text + i * 6, "force\n");
	assert_int_equal(rules_parse(a, span_of(text), &rules, &why), 0);
	assert_int_equal(rules.count, RULES_MAX);
	strcat(text, "force");
	assert_int_equal(rules_parse(a, span_of(text), &rules, &why), -1);
	assert_non_null(strstr(why.text, "line 1001: more than 1000 rules"));
	memset(text, 'x', RULE_MAX_BYTES + 1);
	text[RULE_MAX_BYTES + 1] = '\0';
	assert_int_equal(rules_parse(a, span_of(text), &rules, &why), -1);
	assert_non_null(strstr(why.text, "longer than"));
	arena_free(a);
}

static void test_defaults(void **state)
{
	static const struct { const char *from, *want; } rows[] = {
		{ "ann@gmail.com", "force" }, { "ann@GoogleMail.com", "force" }, { "ann@example.com", "-" }, { "ann@gmail.com.example", "-" },
	};
	struct arena *a = arena_new(1 << 20);
	struct address_list authors;
	struct rules rules;
	struct fail why;

	(void)state;
	assert_int_equal(rules_parse(a, span_of(rules_default_text), &rules, &why), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		address_list_parse(a, span_of(rows[i].from), &authors);
		assert_string_equal(action_name(rules_match(&rules, &authors, NULL, NULL)), rows[i].want);
	}
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match), cmocka_unit_test(test_faults), cmocka_unit_test(test_limits), cmocka_unit_test(test_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
