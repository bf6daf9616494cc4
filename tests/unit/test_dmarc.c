/* SPDX-License-Identifier: BSD-2-Clause */
/* dmarc_record, dmarc_org, dmarc_discover, dmarc_evaluate. */
#include "tests/unit/check.h"

#include "mitigations/auth/dmarc_int.h"

#include <jansson.h>

#define R "v=DMARC1; p=reject"
#define D "_dmarc."
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Parts separated by " | ": NAME=TXT value, or "NAME TYPE VALUE", or "NAME TIMEOUT|SERVFAIL" (the form of tests/data/from). */
static struct resolver *zone_of(struct arena *a, const char *text)
{
	struct resolver *zone = resolver_zone_new();
	struct span rest = span_of(text), part;
	struct fail why;

	while (rest.len > 0) {
		size_t end = span_find(rest, SPAN_LIT(" | ")), equals;
		const char *line;

		part = span_trim(span_sub(rest, 0, end));
		rest = span_sub(rest, end + 3, rest.len);
		equals = span_find_byte(part, '=');
		line = arena_text(a, part);
		if (equals < span_find_byte(part, ' '))
			line = arena_printf(a, "%.*s TXT \"%s\"", (int)equals, line, line + equals + 1);
		else if (strstr(line, " TIMEOUT") != NULL || strstr(line, " SERVFAIL") != NULL)
			line = arena_printf(a, "%.*s ! %s", (int)span_find_byte(part, ' '), line, line + span_find_byte(part, ' ') + 1);
		if (resolver_zone_add(zone, span_of(line), &why) != 0)
			fail_msg("%s: %s", line, why.text);
	}
	return zone;
}

static void test_records(void **state)
{
	static const struct {
		const char *text;
		bool is_record, usable;
		enum dmarc_policy p, sp, np;
		bool strict_dkim, strict_spf, testing;
		char psd;
	} rows[] = {
		{ R, true, true, DMARC_P_REJECT, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1;p=reject;", true, true, DMARC_P_REJECT, 0, 0, false, false, false, 'u' },
		{ "V = DMARC1 ;p = Reject ;", true, true, DMARC_P_REJECT, 0, 0, false, false, false, 'u' },
		{ "v\t=\tDMARC1\t;\tsp=NONE;np=Quarantine;p=none", true, true, DMARC_P_NONE, DMARC_P_NONE, DMARC_P_QUARANTINE, false, false, false, 'u' },
		{ "v=dmarc1; p=reject", false, false, 0, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1 p=reject", false, false, 0, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1", true, false, 0, 0, 0, false, false, false, 'u' },
		{ "v=DMARC12; p=reject", false, false, 0, 0, 0, false, false, false, 'u' },
		{ "vv=DMARC1; p=reject", false, false, 0, 0, 0, false, false, false, 'u' },
		{ " v=DMARC1; p=reject", false, false, 0, 0, 0, false, false, false, 'u' },
		{ "v", false, false, 0, 0, 0, false, false, false, 'u' },
		{ "", false, false, 0, 0, 0, false, false, false, 'u' },
		{ "p=reject; v=DMARC1", false, false, 0, 0, 0, false, false, false, 'u' },
		{ "v=spf1 -all", false, false, 0, 0, 0, false, false, false, 'u' },
		{ R "; adkim=S; aspf=s; t=Y; psd=N", true, true, DMARC_P_REJECT, 0, 0, true, true, true, 'n' },
		{ R "; adkim=q; aspf=; t=yes; psd=x; fo=zz; x-foo=bar;;; junk; =; ", true, true, DMARC_P_REJECT, 0, 0, false, false, false, 'u' },
		{ R "; rua=mailto:a@example.com!10m", true, true, DMARC_P_REJECT, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1; rua=mailto:a@example.com", true, true, DMARC_P_NONE, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1; rua=a@example.com, https://r.example/x", true, true, DMARC_P_NONE, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1; rua=a@example.com,mailto:,mailto:b c@d,:x", true, false, 0, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1; p=rejct", true, false, 0, 0, 0, false, false, false, 'u' },
		{ R "; sp=bogus", true, false, 0, 0, 0, false, false, false, 'u' },
		{ R "; np=; rua=mailto:a@b.example", true, true, DMARC_P_NONE, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1; sp=quarantine", true, false, 0, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1; p=none; p=reject", true, false, DMARC_P_REJECT, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1; P=quarantine; x=1; X=2", true, false, DMARC_P_QUARANTINE, 0, 0, false, false, false, 'u' },
		{ "v=DMARC1; v=DMARC1; p=none", true, false, DMARC_P_NONE, 0, 0, false, false, false, 'u' },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span text = test_exact(span_of(rows[i].text));
		struct dmarc_record record;

		assert_int_equal(dmarc_is_record(text), rows[i].is_record);
		if (dmarc_record_parse(text, &record) != rows[i].usable)
			fail_msg("%s: usable is wrong", rows[i].text);
		if (record.p != rows[i].p || record.sp != rows[i].sp || record.np != rows[i].np)
			fail_msg("%s: p=%s sp=%s np=%s", rows[i].text, dmarc_policy_name(record.p), dmarc_policy_name(record.sp), dmarc_policy_name(record.np));
		assert_int_equal(record.strict_dkim, rows[i].strict_dkim);
		assert_int_equal(record.strict_spf, rows[i].strict_spf);
		assert_int_equal(record.testing, rows[i].testing);
		assert_int_equal(record.psd, rows[i].psd);
		free((void *)(uintptr_t)text.ptr);
	}
}

/* A record of many tags costs no more than its length. */
static void test_record_of_many_tags(void **state)
{
	static char text[DNS_TXT_MAX_BYTES];
	struct dmarc_record record;
	size_t len = (size_t)sprintf(text, R);

	(void)state;
	for (unsigned i = 0; len + 8 < sizeof(text); i++)
		len += (size_t)sprintf(text + len, ";%c%c%c%c=", 'a' + i % 26, 'a' + i / 26 % 26, 'a' + i / 676 % 26, 'z');
	assert_true(dmarc_record_parse((struct span){ text, len }, &record));
	assert_int_equal(record.p, DMARC_P_REJECT);
}

static void test_strictness(void **state)
{
	static const enum dmarc_policy order[] = { DMARC_ABSENT, DMARC_P_NONE, DMARC_P_QUARANTINE, DMARC_UNKNOWN, DMARC_P_REJECT };

	(void)state;
	for (size_t i = 0; i < COUNT(order); i++)
		for (size_t j = 0; j <= i; j++) {
			assert_int_equal(dmarc_stricter(order[i], order[j]), order[i]);
			assert_int_equal(dmarc_stricter(order[j], order[i]), order[i]);
			assert_int_equal(dmarc_is_strict(order[i]), i >= 2);
		}
}

static void test_psl_org_domain(void **state)
{
	static const struct { const char *domain, *want; } rows[] = {
		{ "example.com", "example.com" }, { "a.b.example.com", "example.com" }, { "com", "com" }, { "co.uk", "co.uk" },
		{ "a.example.co.uk", "example.co.uk" }, { "user.github.io", "user.github.io" }, { "a.user.github.io", "user.github.io" },
		{ "x.y.nonexistenttld", "y.nonexistenttld" }, { "localhost", "localhost" },
		{ "www.city.kobe.jp", "city.kobe.jp" }, { "a.b.c.kobe.jp", "b.c.kobe.jp" },
		{ "www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(dmarc_psl_org_domain(a, rows[i].domain), rows[i].want);
	arena_free(a);
}

/* The suffixes that the rows below assume, whatever list the machine has. */
static psl_ctx_t *assumed_psl(void)
{
	static char list[] = "com\norg\nnet\nuk\nco.uk\nio\ngithub.io\nexample\nbank.example\n";
	FILE *file = fmemopen(list, strlen(list), "r");
	psl_ctx_t *psl = psl_load_fp(file);

	fclose(file);
	assert_non_null(psl);
	return psl;
}

#define BANK D "bank.example=" R "; psd=y"
#define BANK_SP_NP BANK "; sp=none; np=reject"

/* policy 9: RFC 9989, 7: RFC 7489 (before pct=); org: by the walk; queries: of the full walk, 0 where it does not matter. */
static const struct discovery_row {
	int number;
	const char *author, *zone;
	size_t queries;
	const char *org, *found_at;
	enum dmarc_policy policy9, policy7;
} discovery_rows[] = {
	{ 1, "example.com", D "example.com=" R, 2, "example.com", "example.com", DMARC_P_REJECT, DMARC_P_REJECT },
	{ 2, "mail.example.com", D "example.com=" R, 3, "example.com", "example.com", DMARC_P_REJECT, DMARC_P_REJECT },
	{ 3, "mail.example.com", D "example.com=" R "; sp=none", 3, "example.com", "example.com", DMARC_P_NONE, DMARC_P_NONE },
	{ 4, "mail.example.com", D "example.com=v=DMARC1; p=none; sp=quarantine; np=reject | mail.example.com A 192.0.2.1", 0, "example.com", "example.com",
		DMARC_P_QUARANTINE, DMARC_P_QUARANTINE },
	{ 5, "nx.example.com", D "example.com=v=DMARC1; p=none; sp=quarantine; np=reject", 0, "example.com", "example.com", DMARC_P_REJECT, DMARC_P_QUARANTINE },
	{ 6, "nx.example.com", D "example.com=" R "; sp=none", 0, "example.com", "example.com", DMARC_P_NONE, DMARC_P_NONE },
	{ 7, "mail.example.com", D "mail.example.com=v=DMARC1; p=none; sp=reject | " D "example.com=" R, 0, "example.com", "mail.example.com",
		DMARC_P_NONE, DMARC_P_NONE },
	{ 8, "a.mail.example.com", D "mail.example.com=" R " | " D "example.com=v=DMARC1; p=none", 0, "example.com", "example.com", DMARC_P_NONE, DMARC_P_NONE },
	{ 9, "a.mail.example.com", D "mail.example.com=" R, 0, "mail.example.com", "mail.example.com", DMARC_P_REJECT, DMARC_ABSENT },
	{ 10, "a.mail.example.com", D "mail.example.com=" R "; sp=none; psd=n | " D "example.com=v=DMARC1; p=quarantine", 2, "mail.example.com",
		"mail.example.com", DMARC_P_NONE, DMARC_P_QUARANTINE },
	{ 11, "mail.example.com", D "mail.example.com=v=DMARC1; p=none; psd=n | " D "example.com=" R, 1, "mail.example.com", "mail.example.com",
		DMARC_P_NONE, DMARC_P_NONE },
	{ 12, "giant.bank.example", BANK, 0, "giant.bank.example", "bank.example", DMARC_P_REJECT, DMARC_ABSENT },
	{ 13, "mail.giant.bank.example", D "giant.bank.example=v=DMARC1; p=none | " BANK, 0, "giant.bank.example", "giant.bank.example",
		DMARC_P_NONE, DMARC_P_NONE },
	{ 14, "mail.mega.bank.example", BANK_SP_NP " | mail.mega.bank.example A 192.0.2.1", 0, "mega.bank.example", "bank.example", DMARC_P_NONE, DMARC_ABSENT },
	{ 15, "nx.mega.bank.example", BANK_SP_NP, 0, "mega.bank.example", "bank.example", DMARC_P_REJECT, DMARC_ABSENT },
	{ 16, "bank.example", D "bank.example=" R "; sp=none; psd=y", 1, "bank.example", "bank.example", DMARC_P_REJECT, DMARC_P_REJECT },
	{ 17, "a.mail.example.com", D "mail.example.com=v=DMARC1; p=quarantine | " D "com=" R "; sp=none; psd=y", 0, "example.com", "com",
		DMARC_P_NONE, DMARC_ABSENT },
	{ 18, "a.b.c.d.e.f.g.h.i.j.mail.example.com", D "example.com=" R, 8, "example.com", "example.com", DMARC_P_REJECT, DMARC_P_REJECT },
	{ 19, "b.c.d.e.f.mail.example.com", D "example.com=" R, 8, "example.com", "example.com", DMARC_P_REJECT, DMARC_P_REJECT },
	{ 20, "mail.a.b.c.d.e.f.example.com", D "a.b.c.d.e.f.example.com=v=DMARC1; p=none; psd=n | " D "example.com=" R, 8, "example.com", "example.com",
		DMARC_P_REJECT, DMARC_P_REJECT },
	{ 21, "example.com", D "example.com=v=DMARC1; p=none | " D "example.com=" R, 2, "example.com", NULL, DMARC_ABSENT, DMARC_ABSENT },
	{ 22, "mail.example.com", D "mail.example.com=" R " | " D "mail.example.com=v=DMARC1; p=none | " D "example.com=" R "; sp=quarantine", 0,
		"example.com", "example.com", DMARC_P_QUARANTINE, DMARC_ABSENT },
	{ 23, "example.com", D "example.com=v=spf1 -all | " D "example.com=v=DMARC1; p=quarantine", 0, "example.com", "example.com",
		DMARC_P_QUARANTINE, DMARC_P_QUARANTINE },
	{ 24, "example.com", D "example.com=p=reject; v=DMARC1", 0, "example.com", NULL, DMARC_ABSENT, DMARC_ABSENT },
	{ 25, "example.com", D "example.com=v=dmarc1; p=reject", 0, "example.com", NULL, DMARC_ABSENT, DMARC_ABSENT },
	{ 26, "example.com", D "example.com=V = DMARC1 ;p = Reject ;", 0, "example.com", "example.com", DMARC_P_REJECT, DMARC_P_REJECT },
	{ 27, "example.com", D "example.com=v=DMARC1; rua=mailto:a@example.com", 0, "example.com", "example.com", DMARC_P_NONE, DMARC_P_NONE },
	{ 28, "example.com", D "example.com=v=DMARC1; p=rejct", 0, "example.com", "example.com", DMARC_ABSENT, DMARC_ABSENT },
	{ 29, "example.com", D "example.com=" R "; sp=bogus; rua=mailto:a@example.com", 0, "example.com", "example.com", DMARC_P_NONE, DMARC_P_NONE },
	{ 30, "example.com", D "example.com=" R "; t=y", 0, "example.com", "example.com", DMARC_P_REJECT, DMARC_P_REJECT },
	{ 31, "mail.example.com", D "example.com=v=DMARC1; p=none; sp=quarantine; t=y", 0, "example.com", "example.com", DMARC_P_QUARANTINE, DMARC_P_QUARANTINE },
	{ 32, "example.com", D "example.com=v=DMARC1; p=quarantine; pct=0", 0, "example.com", "example.com", DMARC_P_QUARANTINE, DMARC_P_QUARANTINE },
	{ 33, "example.com", D "example.com=" R "; x-foo=bar; adkim=q; fo=zz", 0, "example.com", "example.com", DMARC_P_REJECT, DMARC_P_REJECT },
	{ 34, "user.github.io", D "github.io=" R, 0, "github.io", "github.io", DMARC_P_REJECT, DMARC_ABSENT },
	{ 35, "a.example.co.uk", D "example.co.uk=" R " | " D "co.uk=v=DMARC1; p=none; psd=y", 0, "example.co.uk", "example.co.uk",
		DMARC_P_REJECT, DMARC_P_REJECT },
	{ 36, "example.com", D "com=" R, 0, "com", "com", DMARC_P_REJECT, DMARC_ABSENT },
	{ 37, "example.com", D "example.com=v=DMARC1; p=none; p=reject", 0, "example.com", NULL, DMARC_ABSENT, DMARC_ABSENT },
	{ 38, "example.com", D "example.com=v=DMARC1 p=reject", 0, "example.com", NULL, DMARC_ABSENT, DMARC_ABSENT },
	{ 39, "example.com", D "example.com=v=DMARC1;p=reject;", 0, "example.com", "example.com", DMARC_P_REJECT, DMARC_P_REJECT },
	{ 40, "example.com", "example.com A 192.0.2.1", 2, "example.com", NULL, DMARC_ABSENT, DMARC_ABSENT },
	/* Beyond the table: names that exist though A says NXDOMAIN or nothing, what a failure hides, and what it does not. */
	{ 41, "cname.example.com", D "example.com=" R "; sp=none | cname.example.com CNAME nowhere.example.net", 3, "example.com", "example.com",
		DMARC_P_NONE, DMARC_P_NONE },
	{ 42, "cname.example.com", D "example.com=" R "; sp=none; np=reject | cname.example.com CNAME nowhere.example.net", 3, "example.com", "example.com",
		DMARC_P_NONE, DMARC_P_NONE },
	{ 43, "txt.example.com", D "example.com=" R "; sp=none; np=reject | txt.example.com TXT x", 3, "example.com", "example.com", DMARC_P_NONE, DMARC_P_NONE },
	{ 44, "broken.example.com", D "example.com=" R "; sp=none; np=reject | broken.example.com SERVFAIL", 3, "example.com", "example.com",
		DMARC_UNKNOWN, DMARC_P_NONE },
	{ 45, "mail.example.com", D "mail.example.com TIMEOUT | " D "example.com=" R, 1, NULL, NULL, DMARC_UNKNOWN, DMARC_UNKNOWN },
	{ 46, "a.mail.example.com", D "mail.example.com TIMEOUT | " D "example.com=" R, 2, NULL, NULL, DMARC_UNKNOWN, DMARC_P_REJECT },
	{ 47, "mail.example.com", D "mail.example.com=v=DMARC1; p=none | " D "example.com SERVFAIL", 2, NULL, "mail.example.com", DMARC_P_NONE, DMARC_P_NONE },
	{ 48, "mail.example.com", D "example.com=v=DMARC1; p=none | " D "com SERVFAIL", 3, NULL, NULL, DMARC_UNKNOWN, DMARC_P_NONE },
	{ 49, "localhost", D "com=" R, 1, "localhost", NULL, DMARC_ABSENT, DMARC_ABSENT },
	{ 50, "B\xc3\xbc" "cher.Example.COM.", D "xn--bcher-kva.example.com=" R, 3, "xn--bcher-kva.example.com", "xn--bcher-kva.example.com",
		DMARC_P_REJECT, DMARC_P_REJECT },
};

static void check_text(int number, const char *what, const char *have, const char *want)
{
	if ((have == NULL) != (want == NULL) || (have != NULL && strcmp(have, want) != 0))
		fail_msg("%d: %s is %s, not %s", number, what, have == NULL ? "NULL" : have, want == NULL ? "NULL" : want);
}

static void test_discovery(void **state)
{
	psl_ctx_t *psl = assumed_psl();

	(void)state;
	for (size_t i = 0; i < COUNT(discovery_rows); i++) {
		const struct discovery_row *row = &discovery_rows[i];
		struct arena *a = arena_new(1 << 20);
		struct resolver *zone = zone_of(a, row->zone);
		struct dmarc_verdict verdict;

		dmarc_discover_start_by(a, zone, psl, row->author, &verdict);
		dmarc_discover_finish(&verdict);
		check_text(row->number, "org", verdict.rfc9989.org_domain, row->org);
		check_text(row->number, "policy domain", verdict.rfc9989.policy_domain, row->found_at);
		check_text(row->number, "policy", dmarc_policy_name(verdict.rfc9989.policy), dmarc_policy_name(row->policy9));
		check_text(row->number, "policy by RFC 7489", dmarc_policy_name(verdict.rfc7489.policy), dmarc_policy_name(row->policy7));
		if (row->queries != 0 && verdict.rfc9989.query_count != row->queries)
			fail_msg("%d: %zu queries", row->number, verdict.rfc9989.query_count);
		assert_int_equal(verdict.dns_trouble, strstr(row->zone, "TIMEOUT") != NULL || strstr(row->zone, "SERVFAIL") != NULL);
		/* A void record still counts for what a lenient reader would do. */
		check_text(row->number, "effective", dmarc_policy_name(verdict.effective),
			dmarc_policy_name(row->number == 37 ? DMARC_P_REJECT : dmarc_stricter(row->policy9, row->policy7)));
		resolver_free(zone);
		arena_free(a);
	}
	psl_free(psl);
}

/* Several records at one name: receivers that take one of them may take any. */
static void test_several_records(void **state)
{
	static const struct { const char *author, *zone; enum dmarc_policy of_any; } rows[] = {
		{ "example.com", D "example.com=v=DMARC1; p=none | " D "example.com=v=DMARC1; p=quarantine", DMARC_P_QUARANTINE },
		{ "example.com", D "example.com=v=DMARC1; p=none | " D "example.com=v=DMARC1; p=none; sp=reject", DMARC_P_NONE },
		{ "a.example.com", D "example.com=v=DMARC1; p=none | " D "example.com=v=DMARC1; p=none; sp=reject | a.example.com A 192.0.2.1", DMARC_P_REJECT },
		{ "a.example.com", D "example.com=" R " | " D "example.com=v=DMARC1; p=none; sp=none | a.example.com A 192.0.2.1", DMARC_P_REJECT },
		{ "a.example.com", D "example.com=" R "; np=none | " D "example.com=v=DMARC1; p=none", DMARC_P_REJECT }, /* which by RFC 7489 has no np */
		{ "a.example.com", D "example.com=v=DMARC1; p=none; np=reject | " D "example.com=v=DMARC1; p=none", DMARC_P_REJECT },
		{ "example.com", D "example.com=v=DMARC1; p=none | " D "example.com=v=spf1 -all", DMARC_P_NONE },
		{ "example.com", D "example.com=v=DMARC1; p=nothing | " D "example.com=" R, DMARC_P_REJECT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct resolver *zone = zone_of(a, rows[i].zone);
		struct dmarc_verdict verdict;

		dmarc_discover(a, zone, rows[i].author, &verdict);
		check_text((int)i, "of any", dmarc_policy_name(verdict.of_any), dmarc_policy_name(rows[i].of_any));
		assert_int_equal(verdict.effective, dmarc_stricter(verdict.rfc9989.policy, verdict.rfc7489.policy));
		resolver_free(zone);
		arena_free(a);
	}
}

static void test_discovery_asks_each_name_once(void **state)
{
	static const struct { const char *author, *zone; unsigned long want; } rows[] = {
		{ "example.com", D "example.com=" R, 2 },
		{ "a.b.c.d.e.f.g.h.i.j.mail.example.com", D "example.com=" R, 8 },
		{ "mail.example.com", D "mail.example.com=" R "; psd=n", 1 },
		{ "a.mail.example.com", D "mail.example.com=" R "; psd=n", 3 },            /* example.com for the other reading */
		{ "a.mail.example.com", D "example.com=" R "; sp=none; np=none", 4 },      /* np makes no difference: not asked whether it exists */
		{ "a.example.com", D "example.com=" R "; np=none | a.example.com A 192.0.2.1", 4 },
		{ "a.example.com", D "example.com=" R "; np=none", 5 },                    /* A and CNAME */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct resolver *zone = zone_of(a, rows[i].zone);
		struct dmarc_verdict verdict;

		dmarc_discover(a, zone, rows[i].author, &verdict);
		assert_int_equal(resolver_question_count(zone), rows[i].want);
		/* Strangers' signatures, the author's own name and what was seen already cost no question. */
		dmarc_evaluate(a, zone, &verdict, &(struct dmarc_evidence){ "example.net", AUTH_PASS },
			(struct dmarc_evidence[]){ { "evil.example", AUTH_PASS }, { "com", AUTH_PASS }, { rows[i].author, AUTH_PASS } }, 3);
		assert_int_equal(resolver_question_count(zone), rows[i].want);
		assert_true(verdict.pass);
		resolver_free(zone);
		arena_free(a);
	}
}

static void test_names_at_the_limits(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct resolver *zone = zone_of(a, D "example.com=" R);
	struct dmarc_verdict verdict;
	char name[300] = "";

	(void)state;
	/* 249 octets: the name with _dmarc. before it cannot exist, the shorter ones can. */
	for (int i = 0; i < 119; i++)
		strcat(name, "a.");
	strcat(name, "example.com");
	dmarc_discover(a, zone, name, &verdict);
	assert_int_equal(verdict.rfc9989.policy, DMARC_P_REJECT);
	assert_int_equal(verdict.rfc9989.query_count, 7);
	assert_string_equal(verdict.rfc9989.queries[0], "_dmarc.a.a.a.a.a.example.com");
	/* What is no name cannot be asked for; nobody knows what a receiver makes of it. */
	dmarc_discover(a, zone, "example..com", &verdict);
	assert_int_equal(verdict.effective, DMARC_UNKNOWN);
	assert_false(verdict.dns_trouble);
	dmarc_evaluate(a, zone, &verdict, NULL, &(struct dmarc_evidence){ "example..com", AUTH_PASS }, 1);
	assert_false(verdict.pass);
	assert_false(dmarc_is_aligned(&verdict, "example..com"));
	resolver_free(zone);
	arena_free(a);
}

/* Relaxed alignment: the same Organizational Domain. */
static void test_alignment_of_organizations(void **state)
{
	static const struct { const char *from, *other, *zone; bool walk, psl; } rows[] = {
		{ "a.example.com", "b.example.com", D "example.com=" R, true, true },
		{ "mail.giant.bank.example", "giant.bank.example", BANK, true, true },
		{ "giant.bank.example", "mega.bank.example", BANK, false, false },
		{ "giant.bank.example", "bank.example", BANK, false, false },
		{ "a.mail.example.com", "example.com", D "mail.example.com=" R, false, true },
		{ "a.mail.example.com", "example.com", D "mail.example.com=" R "; psd=n | " D "example.com=" R, false, true },
		{ "lists.example.net", "example.net", "", false, true },
		{ "lists.example.net", "example.net", D "example.net=v=DMARC1; p=none", true, true },
		{ "a.github.io", "b.github.io", D "github.io=" R, true, false },
	};
	psl_ctx_t *psl = assumed_psl();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct resolver *zone = zone_of(a, rows[i].zone);
		bool walk = strcmp(dmarc_walk_org_domain(a, zone, rows[i].from), dmarc_walk_org_domain(a, zone, rows[i].other)) == 0;
		bool by_psl = strcmp(dmarc_psl_org_domain_by(a, psl, rows[i].from), dmarc_psl_org_domain_by(a, psl, rows[i].other)) == 0;
		struct dmarc_verdict verdict;

		if (walk != rows[i].walk || by_psl != rows[i].psl)
			fail_msg("A%zu: walk %d, psl %d", i + 1, walk, by_psl);
		dmarc_discover_start_by(a, zone, psl, rows[i].from, &verdict);
		dmarc_discover_finish(&verdict);
		dmarc_evaluate(a, zone, &verdict, NULL, &(struct dmarc_evidence){ rows[i].other, AUTH_PASS }, 1);
		assert_int_equal(verdict.rfc9989.dkim_aligned, walk && verdict.rfc9989.policy != DMARC_ABSENT);
		assert_int_equal(verdict.rfc7489.dkim_aligned, by_psl && verdict.rfc7489.policy != DMARC_ABSENT);
		assert_int_equal(dmarc_is_aligned(&verdict, rows[i].other), walk && by_psl);
		resolver_free(zone);
		arena_free(a);
	}
	psl_free(psl);
}

static void test_failures_in_evaluation(void **state)
{
	static const struct {
		const char *author, *zone, *dkim;
		enum auth_result dkim_result, want9, want7;
		bool pass;
	} rows[] = {
		/* the walk from the signer's domain fails */
		{ "a.example.com", D "example.com=" R " | " D "b.example.com TIMEOUT", "b.example.com", AUTH_PASS, AUTH_TEMPERROR, AUTH_PASS, false },
		/* a key look-up failed: it could have passed; a stranger's could not */
		{ "example.com", D "example.com=" R, "example.com", AUTH_TEMPERROR, AUTH_TEMPERROR, AUTH_TEMPERROR, false },
		{ "example.com", D "example.com=" R, "example.net", AUTH_TEMPERROR, AUTH_FAIL, AUTH_FAIL, false },
		{ "example.com", D "example.com=" R, "example.com", AUTH_FAIL, AUTH_FAIL, AUTH_FAIL, false },
		/* the policy is unknown: the author's own name is aligned in every mode, another one may not be */
		{ "example.com", D "example.com TIMEOUT", "example.com", AUTH_PASS, AUTH_TEMPERROR, AUTH_TEMPERROR, true },
		{ "example.com", D "example.com TIMEOUT", "mail.example.com", AUTH_PASS, AUTH_TEMPERROR, AUTH_TEMPERROR, false },
		/* own record, org unknown */
		{ "mail.example.com", D "mail.example.com=" R " | " D "example.com TIMEOUT", "mail.example.com", AUTH_PASS, AUTH_PASS, AUTH_PASS, true },
		{ "mail.example.com", D "mail.example.com=" R " | " D "example.com TIMEOUT", "example.com", AUTH_PASS, AUTH_TEMPERROR, AUTH_PASS, false },
		{ "mail.example.com", D "mail.example.com=" R " | " D "example.com TIMEOUT", "example.net", AUTH_PASS, AUTH_FAIL, AUTH_FAIL, false },
		/* a record that is void for a tag twice: the evidence has to be there all the same */
		{ "example.com", D "example.com=v=DMARC1; p=none; p=reject", "example.net", AUTH_PASS, AUTH_NONE, AUTH_NONE, false },
		{ "example.com", D "example.com=v=DMARC1; p=none; p=reject", "example.com", AUTH_PASS, AUTH_NONE, AUTH_NONE, true },
		/* nothing is asked for */
		{ "example.com", "", "example.com", AUTH_PASS, AUTH_NONE, AUTH_NONE, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(1 << 20);
		struct resolver *zone = zone_of(a, rows[i].zone);
		struct dmarc_verdict verdict;

		dmarc_discover(a, zone, rows[i].author, &verdict);
		dmarc_evaluate(a, zone, &verdict, NULL, &(struct dmarc_evidence){ rows[i].dkim, rows[i].dkim_result }, 1);
		if (verdict.rfc9989.result != rows[i].want9 || verdict.rfc7489.result != rows[i].want7 || verdict.pass != rows[i].pass)
			fail_msg("row %zu: %s, %s, pass %d", i, auth_result_name(verdict.rfc9989.result), auth_result_name(verdict.rfc7489.result), verdict.pass);
		resolver_free(zone);
		arena_free(a);
	}
}

/* However many signatures below the author's domain a message bears, none of them aligned, the questions are bounded. */
static void test_many_signers(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct resolver *zone = zone_of(a, D "example.com=" R);
	struct dmarc_evidence dkim[200];
	struct dmarc_verdict verdict;
	struct fail why;

	(void)state;
	for (size_t i = 0; i < COUNT(dkim); i++) {
		const char *line = arena_printf(a, D "f%zu.example.com TXT \"v=DMARC1; p=none; psd=n\"", i);

		assert_int_equal(resolver_zone_add(zone, span_of(line), &why), 0);
		dkim[i] = (struct dmarc_evidence){ arena_printf(a, "a.b.c.d.e.f%zu.example.com", i), AUTH_PASS };
	}
	dmarc_discover(a, zone, "example.com", &verdict);
	dmarc_evaluate(a, zone, &verdict, NULL, dkim, COUNT(dkim));
	assert_int_equal(verdict.rfc9989.result, AUTH_FAIL);
	assert_true(resolver_question_count(zone) > 16 && resolver_question_count(zone) <= 2 + 16 * 8);
	resolver_free(zone);
	arena_free(a);
}

/* tests/data/dmarc/vectors.json */

static const char *txt_strings(struct arena *a, const json_t *value)
{
	const char *text = "";
	json_t *item;
	size_t i;

	if (json_is_string(value))
		return arena_printf(a, "\"%s\"", json_string_value(value));
	json_array_foreach(value, i, item)
		text = arena_printf(a, "%s \"%s\"", text, json_string_value(item));
	return text;
}

static const char *rdata(struct arena *a, const char *type, const json_t *value)
{
	if (strcmp(type, "TXT") == 0)
		return txt_strings(a, value);
	if (strcmp(type, "MX") == 0)
		return arena_printf(a, "%d %s", (int)json_integer_value(json_array_get(value, 0)), json_string_value(json_array_get(value, 1)));
	return json_string_value(value);
}

static struct resolver *zone_of_json(struct arena *a, const json_t *records)
{
	struct resolver *zone = resolver_zone_new();
	json_t *record;
	struct fail why;
	size_t i;

	json_array_foreach(records, i, record) {
		const char *name = json_string_value(json_object_get(record, "name")), *type = json_string_value(json_object_get(record, "type"));
		const json_t *rcode = json_object_get(record, "rcode");
		const char *line = rcode != NULL ? arena_printf(a, "%s %s ! %s", name, type, json_string_value(rcode))
			: arena_printf(a, "%s %s %s", name, type, rdata(a, type, json_object_get(record, "value")));

		if (resolver_zone_add(zone, span_of(line), &why) != 0)
			fail_msg("%s: %s", line, why.text);
	}
	return zone;
}

static struct dmarc_evidence evidence_of(const json_t *json)
{
	struct dmarc_evidence evidence = { json_string_value(json_object_get(json, "domain")), AUTH_NONE };

	assert_true(auth_result_parse(span_of(json_string_value(json_object_get(json, "result"))), &evidence.result));
	return evidence;
}

static void check_queries(const char *id, const struct dmarc_reading *reading, const json_t *want)
{
	assert_int_equal(reading->query_count, json_array_size(want));
	for (size_t i = 0; i < reading->query_count; i++)
		if (strcmp(reading->queries[i], json_string_value(json_array_get(want, i))) != 0)
			fail_msg("%s: query %zu is %s", id, i, reading->queries[i]);
}

static void check_field(const char *id, const struct dmarc_reading *reading, const char *key, const json_t *want)
{
	const struct { const char *key, *text; } texts[] = {
		{ "result", auth_result_name(reading->result) }, { "policy_domain", reading->policy_domain }, { "org_domain", reading->org_domain },
		{ "policy", dmarc_policy_name(reading->policy) }, { "applied", dmarc_policy_name(reading->applied) },
		{ "spf_aligned", reading->spf_aligned ? "true" : "false" }, { "dkim_aligned", reading->dkim_aligned ? "true" : "false" },
	};

	if (strcmp(key, "queries") == 0) {
		check_queries(id, reading, want);
		return;
	}
	for (size_t i = 0; i < COUNT(texts); i++) {
		const char *text = json_is_boolean(want) ? (json_is_true(want) ? "true" : "false") : json_string_value(want);

		if (strcmp(texts[i].key, key) != 0)
			continue;
		if (texts[i].text == NULL || strcmp(texts[i].text, text) != 0)
			fail_msg("%s: %s is %s, not %s", id, key, texts[i].text == NULL ? "NULL" : texts[i].text, text);
		return;
	}
	fail_msg("%s: unknown field %s", id, key);
}

static void check_vector(struct arena *a, const json_t *vector)
{
	const char *id = json_string_value(json_object_get(vector, "id")), *key;
	struct resolver *zone = zone_of_json(a, json_object_get(vector, "zone"));
	const json_t *spf = json_object_get(vector, "spf"), *dkim = json_object_get(vector, "dkim");
	struct dmarc_evidence spf_evidence, *list = arena_array(a, json_array_size(dkim), sizeof(*list));
	struct dmarc_verdict verdict;
	json_t *want;

	for (size_t i = 0; i < json_array_size(dkim); i++)
		list[i] = evidence_of(json_array_get(dkim, i));
	if (!json_is_null(spf))
		spf_evidence = evidence_of(spf);
	dmarc_discover(a, zone, json_string_value(json_object_get(vector, "author_domain")), &verdict);
	dmarc_evaluate(a, zone, &verdict, json_is_null(spf) ? NULL : &spf_evidence, list, json_array_size(dkim));
	json_object_foreach((json_t *)(uintptr_t)json_object_get(vector, "expect"), key, want)
		check_field(id, &verdict.rfc9989, key, want);
	resolver_free(zone);
}

static void test_vectors(void **state)
{
	struct arena *a = arena_new(16 << 20);
	struct span bytes = test_read(a, "dmarc/vectors.json");
	json_t *vectors = json_loadb(bytes.ptr, bytes.len, 0, NULL), *vector;
	size_t i;

	(void)state;
	assert_true(json_array_size(vectors) >= 44);
	json_array_foreach(vectors, i, vector)
		check_vector(a, vector);
	json_decref(vectors);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records), cmocka_unit_test(test_record_of_many_tags), cmocka_unit_test(test_strictness),
		cmocka_unit_test(test_psl_org_domain), cmocka_unit_test(test_discovery), cmocka_unit_test(test_several_records), cmocka_unit_test(test_discovery_asks_each_name_once),
		cmocka_unit_test(test_names_at_the_limits), cmocka_unit_test(test_alignment_of_organizations),
		cmocka_unit_test(test_failures_in_evaluation), cmocka_unit_test(test_many_signers), cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
