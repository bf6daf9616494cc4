/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/check.h"

#include "mail/authres.h"

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

static void add(char *out, size_t size, const char *before, struct span s)
{
	size_t used = strlen(out);

	snprintf(out + used, size - used, "%s%.*s", before, (int)s.len, s.ptr);
}

/* "id; method=result reason=... ptype.property=value; ..." with every value in brackets. */
static const char *told(const struct authres *authres)
{
	char out[4000] = "";

	add(out, sizeof(out), "", authres->authserv_id);
	for (size_t i = 0; i < authres->count; i++) {
		const struct authres_result *result = &authres->results[i];

		add(out, sizeof(out), "; ", result->method);
		add(out, sizeof(out), "=", result->result);
		if (result->reason.len > 0)
			add(out, sizeof(out), " reason=", result->reason);
		for (size_t n = 0; n < result->prop_count; n++) {
			add(out, sizeof(out), " ", result->props[n].ptype);
			add(out, sizeof(out), ".", result->props[n].property);
			add(out, sizeof(out), "=[", result->props[n].value);
			add(out, sizeof(out), "]", SPAN_LIT(""));
		}
	}
	return arena_text(arena, span_of(out));
}

static int parse(struct span value, struct authres *authres, struct fail *why)
{
	struct span exact = test_exact(value);
	int got = authres_parse(arena, exact, authres, why);

	free((void *)(uintptr_t)exact.ptr);
	return got;
}

/* want NULL: against the grammar. */
static const struct { const char *in, *want; } rows[] = {
	/* RFC 8601 appendix B. */
	{ " example.org 1; none", "example.org" },
	{ " example.com;\r\n          spf=pass smtp.mailfrom=example.net", "example.com; spf=pass smtp.mailfrom=[example.net]" },
	{ " example.com;\r\n auth=pass (cram-md5) smtp.auth=sender@example.net;\r\n spf=pass smtp.mailfrom=example.net",
	  "example.com; auth=pass smtp.auth=[sender@example.net]; spf=pass smtp.mailfrom=[example.net]" },
	{ " example.com;\r\n dkim=pass reason=\"good signature\"\r\n  header.i=@mail-router.example.net;\r\n dkim=fail reason=\"bad signature\"\r\n"
	  "  header.i=@newyork.example.com",
	  "example.com; dkim=pass reason=good signature header.i=[@mail-router.example.net]; dkim=fail reason=bad signature header.i=[@newyork.example.com]" },
	{ " foo.example.net (foobar) 1 (baz);\r\n dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n"
	  " policy (A dot can go here) . (like that) expired\r\n (this surprised me) = (as I wasn't expecting it) 1362471462",
	  "foo.example.net; dkim=fail policy.expired=[1362471462]" },
	/* Gmail, Fastmail, Yahoo. */
	{ " mx.google.com;\r\n       dkim=pass header.i=@example.com header.s=s1 header.b=\"AbC/+12=\";\r\n"
	  "       spf=pass (google.com: domain of b+x@example.com designates 192.0.2.1 as permitted sender) smtp.mailfrom=\"b+x=y@example.com\";\r\n"
	  "       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=example.com",
	  "mx.google.com; dkim=pass header.i=[@example.com] header.s=[s1] header.b=[AbC/+12=]; spf=pass smtp.mailfrom=[b+x=y@example.com]; "
	  "dmarc=pass header.from=[example.com]" },
	{ "mx1.messagingengine.com; arc=none (no signatures found);\n dkim=pass (2048-bit rsa key sha256) header.d=example.com header.b=Q+/w==\n x-bits=2048;\n"
	  " x-tls=pass smtp.version=TLSv1.3 smtp.bits=256/256; x-vs=clean score=0 state=0;",
	  "mx1.messagingengine.com; arc=none; dkim=pass header.d=[example.com] header.b=[Q+/w==] .x-bits=[2048]; "
	  "x-tls=pass smtp.version=[TLSv1.3] smtp.bits=[256/256]; x-vs=clean .score=[0] .state=[0]" },
	{ "atlas.example.com;\n dkim=pass header.i=@yahoo.com header.s=s2048;\n spf=pass smtp.mailfrom=yahoo.com;\n dmarc=pass(p=REJECT) header.from=yahoo.com;\n",
	  "atlas.example.com; dkim=pass header.i=[@yahoo.com] header.s=[s2048]; spf=pass smtp.mailfrom=[yahoo.com]; dmarc=pass header.from=[yahoo.com]" },
	/* Amazon: properties between semicolons. */
	{ "amazonses.com;\r\n spf=pass (spfCheck: domain of b.test designates 192.0.2.1) client-ip=192.0.2.1; envelope-from=a@b.test; helo=h.b.test;\r\n"
	  " dkim=pass header.i=@b.test;", "amazonses.com; spf=pass .client-ip=[192.0.2.1]; dkim=pass header.i=[@b.test]" },
	{ "a.test; dkim=pass\"x;\" (;) y; spf=fail", "a.test; spf=fail" },
	/* Old Yahoo: a property where the version should be. */
	{ "mta.example.com  from=yahoo.test; domainkeys=neutral (no sig);  from=yahoo.test; dkim=pass (ok)", NULL },
	/* Microsoft, with an authserv-id; and without, as it also sends it. */
	{ "mx.microsoft.com 1; spf=pass smtp.mailfrom=a.example; dmarc=pass action=none header.from=a.example; dkim=pass header.d=a.example; arc=none",
	  "mx.microsoft.com; spf=pass smtp.mailfrom=[a.example]; dmarc=pass .action=[none] header.from=[a.example]; dkim=pass header.d=[a.example]; arc=none" },
	{ "spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=a.example; dkim=pass (signature was verified)\r\n header.d=a.example;dmarc=pass action=none\r\n"
	  " header.from=a.example;compauth=pass reason=100", NULL },
	/* Quoting, empty values, quoted local parts, addresses of IPv6. */
	{ "\"mx \\\"1\\\".example\"; none", "mx \"1\".example" },
	{ "a.test; spf=none smtp.mailfrom= smtp.helo=b.test", "a.test; spf=none smtp.mailfrom=[] smtp.helo=[b.test]" },
	{ "a.test; spf=none smtp.mailfrom=\"\"", "a.test; spf=none smtp.mailfrom=[]" },
	{ "a.test; spf=none smtp.mailfrom=; dkim=none", "a.test; spf=none smtp.mailfrom=[]; dkim=none" },
	{ "a.test; spf=none smtp.mailfrom=<>", "a.test; spf=none smtp.mailfrom=[<>]" },
	{ "a.test; spf=pass smtp.mailfrom=\"joe doe\"@b.test", "a.test; spf=pass smtp.mailfrom=[\"joe doe\"@b.test]" },
	{ "a.test; iprev=pass policy.iprev=2001:db8::1", "a.test; iprev=pass policy.iprev=[2001:db8::1]" },
	{ "a.test; dkim=pass header.d=\"b;c.test\"", "a.test; dkim=pass header.d=[b;c.test]" },
	{ "a.test; (x;y) dkim=pass", "a.test; dkim=pass" },
	/* none in other places, methods of another version, empty results. */
	{ "a.test; none;", "a.test" }, { "a.test; none (nothing was done)", "a.test" }, { "a.test;", "a.test" }, { "a.test;;;dkim=pass;;", "a.test; dkim=pass" },
	{ "a.test; dkim/2=pass header.d=b.test; spf/1=fail", "a.test; spf=fail" },
	{ "m\xc3\xbcnchen.example; spf=pass", "m\xc3\xbcnchen.example; spf=pass" },
	/* Against the grammar. */
	{ "", NULL }, { ";", NULL }, { "a.test", NULL }, { "a.test 1", NULL }, { "a.test 2; none", NULL }, { "a.test 11; none", NULL }, { "a.test x; none", NULL },
	{ "a.test; dkim", NULL }, { "a.test; dkim=", NULL }, { "a.test; =pass", NULL }, { "a.test; dkim=pass header.", NULL }, { "a.test; dkim=pass header.d", NULL },
	{ "a.test; dkim=pass @", NULL }, { "a.test; dkim=pass (open", NULL }, { "a.test; dkim=pass header.d=\"open", NULL }, { "(", NULL }, { "\"", NULL },
	{ "(((((((((((((((((((((((((((((((((x))))))))))))))))))))))))))))))))) a.test; none", NULL }, { "a.test; none of it", NULL },
	{ "a.test; dkim=pass \x01", NULL }, { "none", NULL },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fail why = { .text = "" };
		struct authres authres;
		int got = parse(span_of(rows[i].in), &authres, &why);

		if (got != (rows[i].want == NULL ? -1 : 0))
			fail_msg("%s: got %d %s", rows[i].in, got, why.text);
		if (got == 0)
			assert_string_equal(told(&authres), rows[i].want);
		else
			assert_true(strlen(why.text) > 0);
	}
	assert_int_equal(parse(SPAN_LIT("a.test; dkim=pass\0"), &(struct authres){ 0 }, NULL), -1);
}

static void test_prop(void **state)
{
	struct authres authres;

	(void)state;
	assert_int_equal(parse(SPAN_LIT("a.test; dkim=pass header.D=b.test header.d=c.test x-bits=1"), &authres, NULL), 0);
	assert_true(span_eq_text(authres_prop(&authres.results[0], "header", "d"), "b.test"));
	assert_true(span_eq_text(authres_prop(&authres.results[0], "", "x-bits"), "1"));
	assert_null(authres_prop(&authres.results[0], "smtp", "d").ptr);
	assert_true(span_eq_text(authres.payload, "dkim=pass header.D=b.test header.d=c.test x-bits=1"));
	assert_int_equal(parse(SPAN_LIT("a.test 1 ; (c;d) dkim=pass (e)\r\n "), &authres, NULL), 0);
	assert_true(span_eq_text(authres.payload, "(c;d) dkim=pass (e)"));
}

static char *repeated(const char *head, const char *unit, size_t count)
{
	char *text = arena_alloc(arena, strlen(head) + strlen(unit) * count + 1);
	size_t used = strlen(head);

	strcpy(text, head);
	for (size_t i = 0; i < count; i++, used += strlen(unit))
		strcpy(text + used, unit);
	return text;
}

static void test_limits(void **state)
{
	static const struct { const char *head, *unit; size_t count; int want; } limits[] = {
		{ "a.test", "; dkim=pass", AUTHRES_RESULTS_MAX, 0 }, { "a.test", "; dkim=pass", AUTHRES_RESULTS_MAX + 1, -1 },
		{ "a.test; dkim=pass", " header.d=x", AUTHRES_PROPS_MAX, 0 }, { "a.test; dkim=pass", " header.d=x", AUTHRES_PROPS_MAX + 1, -1 },
		{ "a.test; dkim/9=pass", "; dkim/9=pass", AUTHRES_RESULTS_MAX, -1 }, { "a.test; ", "(", 60000, -1 }, { "a.test; ", "()", 30000, 0 },
		{ "a.test; dkim=pass header.d=", "\\", 60000, 0 }, { "a.test;", ";", 60000, 0 }, { "a.test; dkim=pass x=", "\"\"", 30000, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const char *text = repeated(limits[i].head, limits[i].unit, limits[i].count);
		struct authres authres;

		if (parse(span_of(text), &authres, NULL) != limits[i].want)
			fail_msg("row %zu", i);
	}
}

static void test_claims(void **state)
{
	static const struct { const char *value, *id; bool want; } claims[] = {
		{ "mx.example.org; none", "mx.example.org", true }, { " MX.Example.ORG 1; spf=pass", "mx.example.org", true },
		{ "(hm) \"mx.example.org\"; none", "mx.example.org", true }, { "mx.example.org.; none", "mx.example.org", true },
		{ "m\xc3\xbcnchen.example; none", "xn--mnchen-3ya.example", true }, { "xn--mnchen-3ya.example; none", "m\xc3\xbcnchen.example", true },
		{ "mx.example.net; none", "mx.example.org", false }, { "mx.example.org.evil.example; none", "mx.example.org", false },
		{ "example.org; none", "mx.example.org", false }, { "mail gate; none", "mail", true }, { "", "mx.example.org", false },
		/* Cannot be parsed. */
		{ "mx.example.org", "mx.example.org", true }, { "mx.example.org 9; x", "mx.example.org", true }, { "(x) \"mx.example.org; none", "mx.example.org", true },
		{ "mx.example.org=pass", "mx.example.org", true }, { "mx.example.orgx; (", "mx.example.org", true }, { "x mx.example.org; (", "mx.example.org", false },
		{ "spf=pass smtp.mailfrom=mx.example.org", "mx.example.org", false }, { "m\xc3\xbcnchen.example; (", "xn--mnchen-3ya.example", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		struct span exact = test_exact(span_of(claims[i].value));

		if (authres_claims(arena, exact, claims[i].id) != claims[i].want)
			fail_msg("%s", claims[i].value);
		free((void *)(uintptr_t)exact.ptr);
	}
}

/* What is quoted is one value that reads back the same. */
static void test_quote(void **state)
{
	static const struct { const char *in, *want; } quotes[] = {
		{ "example.com", "example.com" }, { "joe@example.com", "joe@example.com" }, { "@example.com", "@example.com" }, { "", "\"\"" },
		{ "a b", "\"a b\"" }, { "2001:db8::1", "\"2001:db8::1\"" }, { "a\"b\\c", "\"a\\\"b\\\\c\"" }, { "x; dkim=pass", "\"x; dkim=pass\"" },
		{ "a\r\nb", "\"ab\"" }, { "abc=", "\"abc=\"" }, { "j\xc3\xb6@x.test", "\"j\xc3\xb6@x.test\"" }, { "a@b@c", "\"a@b@c\"" }, { "(x)", "\"(x)\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
		const char *quoted = arena_text(arena, authres_quote(arena, span_of(quotes[i].in)));
		struct authres authres;

		assert_string_equal(quoted, quotes[i].want);
		assert_int_equal(parse(span_of(arena_printf(arena, "a.test; x=pass y.z=%s; w=fail", quoted)), &authres, NULL), 0);
		assert_int_equal(authres.count, 2);
		if (strpbrk(quotes[i].in, "\r\n") == NULL)
			assert_true(span_eq_text(authres_prop(&authres.results[0], "y", "z"), quotes[i].in));
	}
}

static void test_collect(void **state)
{
	static const char message[] =
		"Authentication-Results: mx.example.org;\r\n\tspf=pass (a\r\n b)  smtp.mailfrom=a.test;\r\n"
		"authentication-results: other.example; spf=fail\r\n"
		"Subject: x\r\n"
		"Authentication-Results: MX.example.org 1; none\r\n"
		"Authentication-Results: mx.example.org; dkim=broken (\r\n"
		"Authentication-Results: mx.example.org; dkim=pass header.d=a.test; dmarc=pass\r\n"
		"\r\n";
	struct message m;

	(void)state;
	assert_int_equal(message_parse(arena, SPAN_LIT(message), &m, NULL), 0);
	assert_true(span_eq_text(authres_collect(arena, &m, "mx.example.org"),
		"spf=pass (a b) smtp.mailfrom=a.test; dkim=pass header.d=a.test; dmarc=pass"));
	assert_true(span_eq_text(authres_collect(arena, &m, "OTHER.example"), "spf=fail"));
	assert_int_equal(authres_collect(arena, &m, "third.example").len, 0);
	assert_int_equal(message_parse(arena, SPAN_LIT("Authentication-Results: mx.example.org; none\r\n\r\n"), &m, NULL), 0);
	assert_true(span_eq_text(authres_collect(arena, &m, "mx.example.org"), "none"));
}

static void test_says(void **state)
{
	(void)state;
	assert_true(authres_says(arena, SPAN_LIT("spf=pass; ARC=Fail (body changed)"), "arc", "fail"));
	assert_false(authres_says(arena, SPAN_LIT("spf=fail; arc=pass (arc=fail)"), "arc", "fail"));
	assert_false(authres_says(arena, SPAN_LIT("arc=fail ("), "arc", "fail"));
	assert_false(authres_says(arena, SPAN_LIT("none"), "arc", "fail"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_claims, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quote, setup, teardown),
		cmocka_unit_test_setup_teardown(test_collect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_says, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
