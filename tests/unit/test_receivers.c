/* SPDX-License-Identifier: BSD-2-Clause */
/* receivers, glob; conf/receivers.conf as it is shipped. */
#include "tests/unit/check.h"

#include "mail/glob.h"
#include "mitigations/receivers.h"

#include <pthread.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_glob(void **state)
{
	static const struct { const char *glob, *text; bool want; } rows[] = {
		{ "", "", true }, { "", "a", false }, { "*", "", true }, { "*", "abc", true }, { "**", "a", true }, { "a*", "abc", true },
		{ "a*", "ba", false }, { "*c", "abc", true }, { "*c", "abcd", false }, { "a*c", "ac", true }, { "a*c", "abcbc", true },
		{ "*.google.com", "aspmx.l.google.com", true }, { "*.google.com", "google.com", false }, { "*.google.com", "a.google.com.evil.example", false },
		{ "A*B", "axxb", true }, { "*a*b*c*", "xaybzc", true }, { "*a*b*c*", "xcybza", false }, { "mx?.com", "mx1.com", false },
		{ "a.b", "axb", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span glob = test_exact(span_of(rows[i].glob)), text = test_exact(span_of(rows[i].text));

		if (glob_match(glob, text) != rows[i].want)
			fail_msg("%s against %s", rows[i].glob, rows[i].text);
		free((void *)(uintptr_t)glob.ptr);
		free((void *)(uintptr_t)text.ptr);
	}
}

/* Many stars against a text that fails at its end: would take forever with backtracking over all of them. */
static void test_glob_takes_no_time(void **state)
{
	static char glob[253], text[65536];

	(void)state;
	for (size_t i = 0; i < sizeof(glob); i++)
		glob[i] = i % 2 == 0 ? '*' : 'a';
	glob[sizeof(glob) - 1] = 'b';
	memset(text, 'a', sizeof(text));
	assert_false(glob_match((struct span){ glob, sizeof(glob) }, (struct span){ text, sizeof(text) }));
}

static const char table_text[] =
	"# comment\r\n"
	"operator google # here too\n"
	"  mx *.google.com ASPMX*.GoogleMail.com\n"
	"\tdomain gmail.com B\xc3\xbc" "cher.example\n"
	"  enforces yes\n"
	"\n"
	"operator small\n"
	"  mx mx.small.example direct.example\n"
	"  domain small.example\n"
	"  enforces no\n"
	"  smtputf8 yes\n";

static struct receivers *table(const char *more)
{
	struct receivers *receivers = receivers_new();
	struct fail why;

	if (receivers_parse(span_of(table_text), "/etc/listd/receivers.conf", receivers, &why) != 0)
		fail_msg("%s", why.text);
	if (more != NULL && receivers_parse(span_of(more), "more.conf", receivers, &why) != 0)
		fail_msg("%s", why.text);
	return receivers;
}

static const char zone_text[] =
	"hosted.example MX 10 aspmx.l.google.com\n"
	"mixed.example MX 20 aspmx.l.google.com\n"
	"mixed.example MX 10 filter.example\n"
	"mixed.example MX 30 mx.small.example\n"
	"order.example MX 20 aspmx.l.google.com\n"
	"order.example MX 5 MX.small.example\n"
	"other.example MX 10 mx.other.example\n"
	"null.example MX 0 .\n"
	"direct.example A 192.0.2.1\n"
	"plain.example A 192.0.2.1\n"
	"broken.example MX ! SERVFAIL\n"
	"xn--mnchen-3ya.example MX 10 aspmx.l.google.com\n";

static struct resolver *zone(void)
{
	struct resolver *resolver;
	struct fail why;

	if (resolver_zone(span_of(zone_text), &resolver, &why) != 0)
		fail_msg("%s", why.text);
	return resolver;
}

static void test_find(void **state)
{
	static const struct { const char *domain, *want; } rows[] = {
		{ "gmail.com", "google" }, { "GMail.COM.", "google" }, { "b\xc3\xbc" "cher.example", "google" }, { "xn--bcher-kva.example", "google" },
		{ "small.example", "small" }, { "hosted.example", "google" }, { "mixed.example", "google" }, { "order.example", "small" },
		{ "other.example", "unknown" }, { "null.example", "unknown" }, { "direct.example", "small" }, { "plain.example", "unknown" },
		{ "broken.example", "unknown" }, { "nx.example", "unknown" }, { "no domain", "unknown" }, { "", "unknown" }, { "[192.0.2.1]", "unknown" },
		{ "m\xc3\xbcnchen.example", "google" },
	};
	struct receivers *receivers = table(NULL);
	struct resolver *dns = zone();
	struct clock clock = { .is_fixed = true };

	(void)state;
	for (size_t round = 0; round < 2; round++)
		for (size_t i = 0; i < COUNT(rows); i++) {
			const struct receiver *found = receivers_find(receivers, dns, &clock, rows[i].domain);

			if (strcmp(found->name, rows[i].want) != 0)
				fail_msg("%s is at %s", rows[i].domain, found->name);
			assert_ptr_equal(found, receivers_by_name(receivers, rows[i].want));
		}
	receivers_free(receivers);
	resolver_free(dns);
}

static void test_settings(void **state)
{
	struct receivers *receivers = table("operator GOOGLE\n trusts-arc yes\n domain small.example\noperator unknown\nenforces no\noperator fresh\n");
	const struct receiver *google = receivers_by_name(receivers, "google"), *small = receivers_by_name(receivers, "Small");
	const struct receiver *unknown = receivers_by_name(receivers, "unknown"), *fresh = receivers_by_name(receivers, "fresh");
	struct resolver *dns = zone();
	struct clock clock = { .is_fixed = true };

	(void)state;
	assert_int_equal(receivers_count(receivers), 4);
	assert_ptr_equal(receivers_at(receivers, 0), google);
	assert_ptr_equal(receivers_at(receivers, 3), unknown);
	assert_null(receivers_by_name(receivers, "nobody"));
	assert_true(google->enforces && google->trusts_arc && !google->allowlists_us && !google->takes_smtputf8);
	assert_string_equal(google->source, "more.conf:1");
	assert_true(!small->enforces && !small->trusts_arc && small->takes_smtputf8);
	assert_string_equal(small->source, "receivers.conf:7");
	assert_false(unknown->enforces);
	assert_true(fresh->enforces);
	assert_string_equal(receivers_find(receivers, dns, &clock, "small.example")->name, "google");
	receivers_free(receivers);
	resolver_free(dns);
}

/* Who is an operator's altogether: one foreign server among the MX, and the domain may say what it likes. */
static void test_wholly(void **state)
{
	static const struct { const char *domain, *operator; bool want; } rows[] = {
		{ "gmail.com", "google", true }, { "hosted.example", "google", true }, { "mixed.example", "google", false }, { "order.example", "small", false },
		{ "small.example", "small", true }, { "direct.example", "small", true }, { "other.example", "google", false }, { "broken.example", "google", false },
		{ "plain.example", "small", false }, { "null.example", "google", false }, { "hosted.example", "small", false }, { "", "google", false },
		{ "M\xc3\xbcnchen.example", "google", true },
	};
	struct receivers *receivers = table("operator small\n learns no\n");
	struct resolver *dns = zone();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (receivers_is_wholly(receivers, dns, rows[i].domain, receivers_by_name(receivers, rows[i].operator)) != rows[i].want)
			fail_msg("%s and %s", rows[i].domain, rows[i].operator);
	assert_true(receivers_by_name(receivers, "small")->is_fixed && !receivers_by_name(receivers, "google")->is_fixed);
	receivers_free(receivers);
	resolver_free(dns);
}

static void test_faults(void **state)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "mx *.example.com\n", "f.conf:1: expected \"operator NAME\" first" },
		{ "\n\noperator\n", "f.conf:3: expected an operator's name" },
		{ "operator a b\n", "f.conf:1: expected one name" },
		{ "operator a/b\n", "f.conf:1: expected an operator's name" },
		{ "operator a\nenforces\n", "f.conf:2: expected yes or no" },
		{ "operator a\nenforces maybe\n", "f.conf:2: expected yes or no, not \"maybe\"" },
		{ "operator a\nenforces yes no\n", "f.conf:2: expected one word" },
		{ "operator a\nmx\n", "f.conf:2: expected a glob" },
		{ "operator a\nmx a/b\n", "f.conf:2: expected a glob" },
		{ "operator a\ndomain\n", "f.conf:2: expected a domain" },
		{ "operator a\ndomain a..b\n", "f.conf:2: expected a domain, not \"a..b\"" },
		{ "operator a\ntrust yes\n", "f.conf:2: expected operator, mx" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct receivers *receivers = receivers_new();
		struct span text = test_exact(span_of(rows[i].text));
		struct fail why;

		assert_int_equal(receivers_parse(text, "f.conf", receivers, &why), -1);
		if (strncmp(why.text, rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("%s", why.text);
		free((void *)(uintptr_t)text.ptr);
		receivers_free(receivers);
	}
}

static void test_cache(void **state)
{
	struct receivers *receivers = table(NULL);
	struct resolver *dns = zone();
	struct clock clock = { .is_fixed = true, .fixed_secs = 1000000 };
	static const struct { const char *domain; int64_t after_secs; unsigned long want; } rows[] = {
		{ "gmail.com", 0, 0 },                                    /* by its row: no question */
		{ "hosted.example", 0, 1 }, { "hosted.example", 3599, 1 }, /* an hour */
		{ "hosted.example", 1, 2 },
		{ "broken.example", 0, 3 }, { "broken.example", 59, 3 }, { "broken.example", 1, 4 }, /* a failure: a minute */
		{ "nx.example", 0, 5 }, { "nx.example", 3599, 5 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		clock.fixed_secs += rows[i].after_secs;
		receivers_find(receivers, dns, &clock, rows[i].domain);
		assert_int_equal(resolver_question_count(dns), rows[i].want);
	}
	receivers_free(receivers);
	resolver_free(dns);
}

/* More domains than are asked for at the same time, known ones and impossible ones among them: the same as one by one. */
static void test_find_all(void **state)
{
	static const char *const some[] = { "gmail.com", "hosted.example", "broken.example", "nx.example", "bad domain", "" };
	struct receivers *receivers = table(NULL), *other = table(NULL);
	struct resolver *dns = zone();
	struct clock clock = { .is_fixed = true };
	const char *domains[600];
	const struct receiver *found[COUNT(domains)];

	(void)state;
	for (size_t i = 0; i < COUNT(domains); i++)
		domains[i] = some[i % COUNT(some)];
	receivers_find_all(receivers, dns, &clock, domains, COUNT(domains), found);
	for (size_t i = 0; i < COUNT(domains); i++)
		assert_string_equal(found[i]->name, receivers_find(other, dns, &clock, domains[i])->name);
	receivers_find_all(receivers, dns, &clock, domains, 0, found);
	receivers_free(receivers);
	receivers_free(other);
	resolver_free(dns);
}

static void test_cache_is_bounded(void **state)
{
	struct receivers *receivers = table(NULL);
	struct resolver *dns = zone();
	struct clock clock = { .is_fixed = true };
	unsigned long asked;
	char domain[32];

	(void)state;
	for (int i = 0; i < 3 * RECEIVERS_CACHE_MAX; i++) {
		snprintf(domain, sizeof(domain), "d%d.example.net", i);
		receivers_find(receivers, dns, &clock, domain);
	}
	/* The last ones are still there, the first ones were put out. */
	asked = resolver_question_count(dns);
	receivers_find(receivers, dns, &clock, domain);
	assert_int_equal(resolver_question_count(dns), asked);
	for (int i = 0; i < 100; i++) {
		snprintf(domain, sizeof(domain), "d%d.example.net", i);
		receivers_find(receivers, dns, &clock, domain);
	}
	assert_true(resolver_question_count(dns) > asked);
	receivers_free(receivers);
	resolver_free(dns);
}

struct many { struct receivers *receivers; struct resolver *dns; };

static void *find_many(void *context)
{
	const struct many *many = context;
	struct clock clock = { .is_fixed = true };
	size_t wrong = 0;
	char domain[32];

	for (int i = 0; i < 2000; i++) {
		snprintf(domain, sizeof(domain), "d%d.example.net", i % 500);
		wrong += strcmp(receivers_find(many->receivers, many->dns, &clock, domain)->name, "unknown") != 0;
		wrong += strcmp(receivers_find(many->receivers, many->dns, &clock, "hosted.example")->name, "google") != 0;
	}
	return wrong == 0 ? context : NULL;
}

static void test_threads(void **state)
{
	struct many many = { table(NULL), zone() };
	pthread_t threads[4];
	void *result;

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, find_many, &many), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_non_null(result);
	}
	receivers_free(many.receivers);
	resolver_free(many.dns);
}

/* The table as it is shipped: MX names that these operators publish. */
static void test_shipped_table(void **state)
{
	static const struct { const char *mx, *want; } rows[] = {
		{ "gmail-smtp-in.l.google.com", "google" }, { "smtp.google.com", "google" }, { "aspmx2.googlemail.com", "google" },
		{ "mta5.am0.yahoodns.net", "yahoo" }, { "mx-aol.mail.gm0.yahoodns.net", "yahoo" }, { "mx1.mail.yahoo.co.jp", "yahoo-japan" },
		{ "hotmail-com.olc.protection.outlook.com", "microsoft" }, { "contoso-com.mail.protection.outlook.com", "microsoft365" },
		{ "contoso-com.g-v1.mx.microsoft", "microsoft365" }, { "mx01.mail.icloud.com", "apple" }, { "mx1a1.comcast.net", "comcast" },
		{ "mx00.gmx.net", "gmx" }, { "mx-ha02.web.de", "gmx" }, { "mx00.kundenserver.de", "ionos" }, { "emx.mail.ru", "mail.ru" },
		{ "mx.yandex.net", "yandex" }, { "mx.zoho.eu", "zoho" }, { "mxa-00000001.gslb.pphosted.com", "proofpoint" },
		{ "eu-smtp-inbound-1.mimecast.com", "mimecast" }, { "mx1.emailsrvr.com", "rackspace" }, { "mxbiz1.qq.com", "qq" },
		{ "163mx01.mxmail.netease.com", "netease" }, { "smtp-in.orange.fr", "orange" }, { "smtpz4.laposte.net", "laposte" },
		{ "in1-smtp.messagingengine.com", "fastmail" }, { "mailsec.protonmail.ch", "proton" }, { "mx1.hc1.iphmx.com", "cisco" },
		{ "mx.example.org", "unknown" }, { "google.com.example.org", "unknown" },
	};
	struct arena *a = arena_new(1 << 20);
	struct receivers *receivers = receivers_new();
	struct resolver *dns = resolver_zone_new();
	struct clock clock = { .is_fixed = true };
	struct span text;
	struct fail why;

	(void)state;
	if (file_read(a, test_data(a, "../../conf/receivers.conf"), 1 << 20, &text, &why) != 0
		|| receivers_parse(text, "receivers.conf", receivers, &why) != 0)
		fail_msg("%s", why.text);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *domain = arena_printf(a, "d%zu.example", i);

		resolver_zone_add(dns, span_of(arena_printf(a, "%s MX 10 %s", domain, rows[i].mx)), &why);
		if (strcmp(receivers_find(receivers, dns, &clock, domain)->name, rows[i].want) != 0)
			fail_msg("%s is at %s", rows[i].mx, receivers_find(receivers, dns, &clock, domain)->name);
	}
	for (size_t i = 0; i < receivers_count(receivers); i++) {
		const struct receiver *row = receivers_at(receivers, i);

		assert_true(row->enforces && !row->trusts_arc && !row->allowlists_us);
	}
	receivers_free(receivers);
	resolver_free(dns);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_glob), cmocka_unit_test(test_glob_takes_no_time), cmocka_unit_test(test_find), cmocka_unit_test(test_settings), cmocka_unit_test(test_wholly),
		cmocka_unit_test(test_faults), cmocka_unit_test(test_cache), cmocka_unit_test(test_find_all), cmocka_unit_test(test_cache_is_bounded), cmocka_unit_test(test_threads),
		cmocka_unit_test(test_shipped_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
