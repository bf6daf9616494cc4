/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF: the RFC 7208 suite, and rows for what it leaves out: long records, hostile ones, limits, what is said about a result. */
#include "tests/unit/check.h"

#include "mail/buf.h"
#include "mail/clock.h"
#include "mitigations/auth/spf_int.h"

#include <jansson.h>

static const struct clock fixed = { .is_fixed = true, .fixed_secs = 1700000000 };

/* -- The suite -- */

static void put_escaped(struct buf *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != ';')
			buf_put_byte(b, (char)c);
		else
			buf_printf(b, "\\%03u", c);
	}
}

static void put_text(struct buf *b, const json_t *strings)
{
	const json_t *string;
	size_t i;

	if (json_array_size(strings) == 0)
		buf_put_text(b, " \"\"");
	json_array_foreach(strings, i, string) {
		buf_put_text(b, " \"");
		put_escaped(b, json_string_value(string), json_string_length(string));
		buf_put_byte(b, '"');
	}
}

static void put_value(struct buf *b, const char *type, const json_t *value)
{
	if (strcmp(type, "TXT") == 0)
		put_text(b, value);
	else if (strcmp(type, "MX") == 0)
		buf_printf(b, " %d %s", (int)json_integer_value(json_array_get(value, 0)), json_string_length(json_array_get(value, 1)) == 0 ? "." : json_string_value(json_array_get(value, 1)));
	else
		buf_printf(b, " %s", json_string_value(value));
}

static void add_record(struct resolver *zone, const json_t *record)
{
	const char *name = json_string_value(json_object_get(record, "name")), *type = json_string_value(json_object_get(record, "type"));
	struct fail why;
	struct buf b;

	buf_init(&b, 1 << 20);
	put_escaped(&b, name, strlen(name));
	if (strcmp(type, "TIMEOUT") == 0)
		buf_put_text(&b, " ! TIMEOUT");
	else {
		buf_printf(&b, " %s", type);
		put_value(&b, type, json_object_get(record, "value"));
	}
	if (resolver_zone_add(zone, buf_span(&b), &why) != 0)
		fail_msg("%s: %s", buf_text(&b), why.text);
	buf_done(&b);
}

static bool is_allowed(const json_t *results, const char *got)
{
	const json_t *result;
	size_t i;

	json_array_foreach(results, i, result)
		if (strcmp(json_string_value(result), got) == 0)
			return true;
	return false;
}

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* 1 when the test went wrong. */
static int run_suite_test(struct resolver *zone, const json_t *test)
{
	struct spf_query query = { member(test, "ip"), member(test, "helo"), member(test, "mailfrom"), NULL };
	const char *want = member(test, "explanation"), *got;
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct spf_result result;
	int wrong = 0;

	spf_check(a, zone, &fixed, &query, &result);
	got = auth_result_name(result.result);
	assert_non_null(result.reason);
	if (!is_allowed(json_object_get(test, "result"), got)) {
		print_message("%s: result %s (%s)\n", member(test, "id"), got, result.reason);
		wrong = 1;
	}
	if (want != NULL && strcmp(want, "DEFAULT") == 0)
		want = NULL;
	if (result.result == AUTH_FAIL && json_object_get(test, "explanation") != NULL
		&& (want == NULL ? result.explanation != NULL : result.explanation == NULL || strcmp(want, result.explanation) != 0)) {
		print_message("%s: explanation \"%s\"\n", member(test, "id"), result.explanation == NULL ? "(none)" : result.explanation);
		wrong = 1;
	}
	arena_free(a);
	return wrong;
}

static void test_rfc7208_suite(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span bytes = test_read(a, "spf/rfc7208-tests.json");
	json_error_t error;
	json_t *suite = json_loadb(bytes.ptr, bytes.len, JSON_ALLOW_NUL, &error);
	const json_t *scenario, *record, *test;
	int count = 0, wrong = 0;
	size_t i, j;

	(void)state;
	assert_non_null(suite);
	json_array_foreach(suite, i, scenario) {
		struct resolver *zone = resolver_zone_new();

		json_array_foreach(json_object_get(scenario, "zone"), j, record)
			add_record(zone, record);
		json_array_foreach(json_object_get(scenario, "tests"), j, test) {
			wrong += run_suite_test(zone, test);
			count++;
		}
		resolver_free(zone);
	}
	print_message("%d of %d tests of the suite give an allowed result\n", count - wrong, count);
	assert_int_equal(count, 203);
	assert_int_equal(wrong, 0);
	json_decref(suite);
	arena_free(a);
}

/* -- Rows of our own: one zone for all -- */

static const char zone_text[] =
	"ip.test TXT \"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all\"\n"
	"upper.test TXT \"V=SPF1 IP4:192.0.2.1 -ALL\"\n"
	"none.test TXT \"v=spf10 -all\"\nnone.test A 192.0.2.1\n"
	"split.test TXT \"v=spf1 ip4:192.0\" \".2.1 -all\"\n"
	"zero4.test TXT \"v=spf1 ?ip4:0.0.0.0/0 -all\"\n"
	"zero6.test TXT \"v=spf1 ~ip6:::/0 -all\"\n"
	"azero.test TXT \"v=spf1 a:host.test/0 -all\"\n"
	"azero6.test TXT \"v=spf1 a:host.test//0 -all\"\n"
	"host.test A 198.51.100.1\nhost.test AAAA 2001:db8:1::1\n"
	"acidr.test TXT \"v=spf1 a:host.test/24//48 -all\"\n"
	"redirfirst.test TXT \"v=spf1 redirect=ip.test ip4:203.0.113.1\"\n"
	"redirall.test TXT \"v=spf1 redirect=ip.test ~all\"\n"
	"redirnone.test TXT \"v=spf1 redirect=none.test\"\n"
	"inc.test TXT \"v=spf1 include:ip.test ~all\"\n"
	"incnone.test TXT \"v=spf1 include:none.test ~all\"\n"
	"inctemp.test TXT \"v=spf1 include:fails.test ~all\"\n"
	"incbad.test TXT \"v=spf1 include:bad.test ~all\"\n"
	"bad.test TXT \"v=spf1 ipv4:192.0.2.1 -all\"\n"
	"fails.test ! SERVFAIL\nbogus.test ! BOGUS\n"
	"two.test TXT \"v=spf1 -all\"\ntwo.test TXT \"v=spf1 +all\"\n"
	"loop.test TXT \"v=spf1 include:loop.test -all\"\n"
	"loop1.test TXT \"v=spf1 include:loop2.test -all\"\nloop2.test TXT \"v=spf1 redirect=loop1.test\"\n"
	"ten.test TXT \"v=spf1 a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test -all\"\n"
	"eleven.test TXT \"v=spf1 a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test a:host.test"
	" a:host.test -all\"\n"
	"across.test TXT \"v=spf1 include:five.test include:five.test a:host.test -all\"\n"
	"five.test TXT \"v=spf1 a:host.test a:host.test a:host.test a:host.test ?all\"\n"
	"early.test TXT \"v=spf1 ip4:192.0.2.1 a a a a a a a a a a a a a a a -all\"\n"
	"void2.test TXT \"v=spf1 a:no1.test exists:no2.test -all\"\n"
	"void3.test TXT \"v=spf1 a:no1.test mx:no2.test exists:no3.test -all\"\n"
	"mx.test TXT \"v=spf1 mx -all\"\nmx.test MX 10 a.mx.test\nmx.test MX 20 host.test\na.mx.test A 198.51.100.9\n"
	"mxnull.test TXT \"v=spf1 mx -all\"\nmxnull.test MX 0 .\n"
	"mx11.test TXT \"v=spf1 mx -all\"\n"
	"ptr.test TXT \"v=spf1 ptr -all\"\n5.2.0.192.in-addr.arpa PTR Out.PTR.test\nout.ptr.test A 192.0.2.5\n"
	"6.2.0.192.in-addr.arpa PTR forged.ptr.test\nforged.ptr.test A 192.0.2.99\n"
	"ptrfail.test TXT \"v=spf1 ptr -all\"\n7.2.0.192.in-addr.arpa ! TIMEOUT\n"
	"exists.test TXT \"v=spf1 exists:%{ir}.%{l1r+}._x.%{d} -all\"\n1.2.0.192.user._x.exists.test A 127.0.0.2\n"
	"ctrl.test TXT \"v=spf1 ip4:192.0.2.1\\009-all\"\n"
	"nul.test TXT \"v=spf1 ip4:192.0.2.1\\000 -all\"\n"
	"eight.test TXT \"v=spf1 a:b\\195\\188cher.test -all\"\n"
	"bomb.test TXT \"v=spf1 exists:%{d99999999999999999999r}%{l}%{l}%{l}%{l}%{l}%{l}%{s}%{s}.x.test -all\"\n"
	"digit0.test TXT \"v=spf1 exists:%{d0}.x.test -all\"\n"
	"openmacro.test TXT \"v=spf1 exists:%{d.x.test -all\"\n"
	"expmacro.test TXT \"v=spf1 exists:%{c}.x.test -all\"\n"
	"exp.test TXT \"v=spf1 -all exp=why.exp.test\"\nwhy.exp.test TXT \"Not %{i} (%{c}) for %{s}, says %{r} to %{h} at %{t}: 100%% sure%_%{L}\"\n"
	"expmulti.test TXT \"v=spf1 -all exp=two.test\"\n"
	"exp8.test TXT \"v=spf1 -all exp=why.exp8.test\"\nwhy.exp8.test TXT \"nicht erw\\195\\188nscht\"\n"
	"expctrl.test TXT \"v=spf1 -all exp=why.expctrl.test\"\nwhy.expctrl.test TXT \"no\\r\\010250 ok\"\n"
	"expredir.test TXT \"v=spf1 redirect=exp.test exp=two.test\"\n"
	"mod.test TXT \"v=spf1 ip4:192.0.2.1 x-note=%{d}/anything -all\"\n"
	"modbad.test TXT \"v=spf1 ip4:192.0.2.1 x-note=%{q} -all\"\n"
	"dup.test TXT \"v=spf1 redirect=ip.test redirect=ip.test\"\n"
	"empty.test TXT \"v=spf1\"\n"
	"xn--bcher-kva.test TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
	"name.test TXT \"v=spf1 a:%{l}.name.test -all\"\n"
	"local.test TXT \"v=spf1 redirect=%{l}.local.test\"\n*.local.test TXT \"v=spf1 +all\"\n"
	"backslash\\\\x.name.test A 192.0.2.1\n";

struct row {
	const char *ip, *from, *helo;
	enum auth_result want;
	const char *reason, *explanation;
};

static struct resolver *own_zone(struct arena *a)
{
	struct resolver *zone = NULL;
	struct fail why;

	if (resolver_zone(span_of(zone_text), &zone, &why) != 0)
		fail_msg("%s", why.text);
	for (int i = 0; i < 11; i++)
		assert_int_equal(resolver_zone_add(zone, span_of(arena_printf(a, "mx11.test MX %d host%d.test", i, i)), &why), 0);
	return zone;
}

static void test_rows(void **state)
{
	static const struct row rows[] = {
		{ "192.0.2.7", "u@ip.test", "h.test", AUTH_PASS, "ip4:192.0.2.0/24 in the record of ip.test matches", NULL },
		{ "192.0.3.7", "u@IP.Test.", "h.test", AUTH_FAIL, "-all in the record of ip.test matches", NULL },
		{ "2001:db8:ffff::1", "u@ip.test", "h.test", AUTH_PASS, "ip6:2001:db8::/32 in the record of ip.test matches", NULL },
		{ "2001:db9::1", "u@ip.test", "h.test", AUTH_FAIL, "-all in", NULL },
		{ "::ffff:192.0.2.7", "u@ip.test", "h.test", AUTH_PASS, "ip4:192.0.2.0/24", NULL },
		{ "127.0.0.1", "u@ip.test", "h.test", AUTH_FAIL, "-all in", NULL }, /* no free ride for loopback */
		{ "192.0.2.1", "u@upper.test", NULL, AUTH_PASS, "IP4:192.0.2.1", NULL },
		{ "192.0.2.1", "u@none.test", NULL, AUTH_NONE, "none.test has no SPF record", NULL },
		{ "192.0.2.1", "u@nowhere.test", NULL, AUTH_NONE, "nowhere.test has no SPF record", NULL },
		{ "192.0.2.1", "u@localhost", NULL, AUTH_NONE, "the sender has no domain name", NULL },
		{ "192.0.2.1", "", NULL, AUTH_NONE, "the HELO name is no domain name", NULL },
		{ "192.0.2.1", "", "[192.0.2.1]", AUTH_NONE, "the HELO name is no domain name", NULL },
		{ "192.0.2.1", "", "ip.test", AUTH_PASS, "ip4:192.0.2.0/24", NULL },
		{ "192.0.2.1", NULL, "ip.test", AUTH_PASS, "ip4:192.0.2.0/24", NULL },
		{ "not an address", "u@ip.test", NULL, AUTH_NONE, "the client's IP address is not known", NULL },
		{ NULL, "u@ip.test", NULL, AUTH_NONE, "the client's IP address is not known", NULL },
		{ "192.0.2.1", "u@split.test", NULL, AUTH_PASS, "ip4:192.0.2.1", NULL },
		{ "203.0.113.9", "u@zero4.test", NULL, AUTH_NEUTRAL, "?ip4:0.0.0.0/0", NULL },
		{ "2001:db8::1", "u@zero4.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "2001:db8::1", "u@zero6.test", NULL, AUTH_SOFTFAIL, "~ip6:::/0", NULL },
		{ "203.0.113.9", "u@azero.test", NULL, AUTH_PASS, "a:host.test/0", NULL },
		{ "2001:db8::1", "u@azero.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "2001:db8::1", "u@azero6.test", NULL, AUTH_PASS, "a:host.test//0", NULL },
		{ "198.51.100.77", "u@acidr.test", NULL, AUTH_PASS, "a:host.test/24//48", NULL },
		{ "198.51.101.77", "u@acidr.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "2001:db8:1:ffff::", "u@acidr.test", NULL, AUTH_PASS, "a:host.test/24//48", NULL },
		{ "2001:db8:2::", "u@acidr.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "203.0.113.1", "u@redirfirst.test", NULL, AUTH_PASS, "ip4:203.0.113.1 in the record of redirfirst.test", NULL },
		{ "192.0.2.1", "u@redirfirst.test", NULL, AUTH_PASS, "ip4:192.0.2.0/24 in the record of ip.test", NULL },
		{ "203.0.113.9", "u@redirfirst.test", NULL, AUTH_FAIL, "-all in the record of ip.test", NULL },
		{ "192.0.2.1", "u@redirall.test", NULL, AUTH_SOFTFAIL, "~all in the record of redirall.test", NULL },
		{ "192.0.2.1", "u@redirnone.test", NULL, AUTH_PERMERROR, "redirect=none.test in the record of redirnone.test leads to no SPF record", NULL },
		{ "192.0.2.1", "u@inc.test", NULL, AUTH_PASS, "include:ip.test in the record of inc.test matches, by ip4:192.0.2.0/24 in the record of ip.test", NULL },
		{ "203.0.113.9", "u@inc.test", NULL, AUTH_SOFTFAIL, "~all in the record of inc.test", NULL },
		{ "192.0.2.1", "u@incnone.test", NULL, AUTH_PERMERROR, "include:none.test in the record of incnone.test leads to no SPF record", NULL },
		{ "192.0.2.1", "u@inctemp.test", NULL, AUTH_TEMPERROR, "DNS servfail for the TXT records of fails.test", NULL },
		{ "192.0.2.1", "u@incbad.test", NULL, AUTH_PERMERROR, "the SPF record of bad.test is wrong: unknown mechanism in \"ipv4:192.0.2.1\"", NULL },
		{ "192.0.2.1", "u@fails.test", NULL, AUTH_TEMPERROR, "DNS servfail for the TXT records of fails.test", NULL },
		{ "192.0.2.1", "u@bogus.test", NULL, AUTH_TEMPERROR, "DNS bogus", NULL },
		{ "192.0.2.1", "u@two.test", NULL, AUTH_PERMERROR, "two.test has several SPF records", NULL },
		{ "192.0.2.1", "u@loop.test", NULL, AUTH_PERMERROR, "more than 10 terms that need DNS, reached at include:loop.test", NULL },
		{ "192.0.2.1", "u@loop1.test", NULL, AUTH_PERMERROR, "more than 10 terms", NULL },
		{ "192.0.2.1", "u@ten.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "198.51.100.1", "u@eleven.test", NULL, AUTH_PASS, "a:host.test", NULL },
		{ "192.0.2.1", "u@eleven.test", NULL, AUTH_PERMERROR, "more than 10 terms", NULL },
		{ "192.0.2.1", "u@across.test", NULL, AUTH_PERMERROR, "more than 10 terms that need DNS, reached at a:host.test in the record of across.test", NULL },
		{ "192.0.2.1", "u@early.test", NULL, AUTH_PASS, "ip4:192.0.2.1", NULL },
		{ "192.0.2.1", "u@void2.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "192.0.2.1", "u@void3.test", NULL, AUTH_PERMERROR, "more than 2 look-ups without an answer, reached at exists:no3.test", NULL },
		{ "198.51.100.9", "u@mx.test", NULL, AUTH_PASS, "mx in the record of mx.test", NULL },
		{ "198.51.100.1", "u@mx.test", NULL, AUTH_PASS, "mx in the record of mx.test", NULL },
		{ "2001:db8:1::1", "u@mx.test", NULL, AUTH_PASS, "mx in the record of mx.test", NULL },
		{ "198.51.100.2", "u@mx.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "198.51.100.2", "u@mxnull.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "198.51.100.2", "u@mx11.test", NULL, AUTH_PERMERROR, "mx11.test has more than 10 MX records", NULL },
		{ "192.0.2.5", "u@ptr.test", NULL, AUTH_PASS, "ptr in the record of ptr.test", NULL },
		{ "192.0.2.6", "u@ptr.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "192.0.2.7", "u@ptrfail.test", NULL, AUTH_FAIL, "-all", NULL }, /* 5.5: no error, no match */
		{ "192.0.2.1", "user+x@exists.test", NULL, AUTH_PASS, "exists:%{ir}.%{l1r+}._x.%{d}", NULL }, /* reversed, then cut */
		{ "192.0.2.1", "x+user@exists.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "192.0.2.1", "user@exists.test", NULL, AUTH_PASS, "exists:%{ir}.%{l1r+}._x.%{d}", NULL },
		{ "192.0.2.1", "u@ctrl.test", NULL, AUTH_PERMERROR, "a character that is not visible ASCII in \"ip4:192.0.2.1?-all\"", NULL },
		{ "192.0.2.1", "u@nul.test", NULL, AUTH_PERMERROR, "a character that is not visible ASCII", NULL },
		{ "192.0.2.1", "u@eight.test", NULL, AUTH_PERMERROR, "a character that is not visible ASCII in \"a:b??cher.test\"", NULL },
		{ "192.0.2.1", "u@bomb.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "192.0.2.1", "u@digit0.test", NULL, AUTH_PERMERROR, "bad macro or character", NULL },
		{ "192.0.2.1", "u@openmacro.test", NULL, AUTH_PERMERROR, "bad macro or character", NULL },
		{ "192.0.2.1", "u@expmacro.test", NULL, AUTH_PERMERROR, "bad macro or character", NULL },
		{ "192.0.2.1", "a&b@exp.test", "h.test", AUTH_FAIL, "-all", "Not 192.0.2.1 (192.0.2.1) for a&b@exp.test, says unknown to h.test at 1700000000: 100% sure a%26b" },
		{ "2001:db8::1", "u@exp.test", "h.test", AUTH_FAIL, "-all",
		  "Not 2.0.0.1.0.D.B.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1 (2001:db8::1) for u@exp.test, says unknown to h.test at 1700000000: 100% sure u" },
		{ "192.0.2.1", "u@expmulti.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "192.0.2.1", "u@exp8.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "192.0.2.1", "u@expctrl.test", NULL, AUTH_FAIL, "-all", NULL },
		{ "192.0.2.1", "\001@exp.test", "h.test", AUTH_FAIL, "-all", NULL }, /* the sender would forge a line */
		{ "192.0.2.1", "u@expredir.test", "h.test", AUTH_FAIL, "-all in the record of exp.test",
		  "Not 192.0.2.1 (192.0.2.1) for u@expredir.test, says unknown to h.test at 1700000000: 100% sure u" },
		{ "192.0.2.1", "u@mod.test", NULL, AUTH_PASS, "ip4:192.0.2.1", NULL },
		{ "192.0.2.1", "u@modbad.test", NULL, AUTH_PERMERROR, "bad macro or character in \"x-note=%{q}\"", NULL },
		{ "192.0.2.1", "u@dup.test", NULL, AUTH_PERMERROR, "a second modifier of that name", NULL },
		{ "192.0.2.1", "u@empty.test", NULL, AUTH_NEUTRAL, "no term in the record of empty.test matches", NULL },
		{ "192.0.2.1", "u@b\xc3\xbc" "cher.test", NULL, AUTH_PASS, "ip4:192.0.2.1 in the record of xn--bcher-kva.test", NULL },
		{ "192.0.2.1", "backslash\\x@name.test", NULL, AUTH_PASS, "a:%{l}.name.test", NULL },
		{ "192.0.2.1", "\xc3\xbc@name.test", NULL, AUTH_FAIL, "-all", NULL }, /* RFC 8616 4 */
		{ "192.0.2.1", "x\ny@local.test", NULL, AUTH_PASS, "+all in the record of x?y.local.test matches", NULL },
		{ "192.0.2.1", "a b..c\"@name.test", NULL, AUTH_FAIL, "-all", NULL },
	};
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct resolver *zone = own_zone(a);
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spf_query query = { rows[i].ip, rows[i].helo, rows[i].from, NULL };
		struct spf_result result;

		spf_check(a, zone, &fixed, &query, &result);
		if (result.result == rows[i].want && strstr(result.reason, rows[i].reason) != NULL
			&& span_eq(span_of(result.explanation), span_of(rows[i].explanation)))
			continue;
		print_message("%s from %s: %s, %s, %s\n", rows[i].from, rows[i].ip, auth_result_name(result.result), result.reason,
			result.explanation == NULL ? "-" : result.explanation);
		wrong++;
	}
	assert_int_equal(wrong, 0);
	resolver_free(zone);
	arena_free(a);
}

static void test_identity_is_reported(void **state)
{
	static const struct { const char *from, *helo, *domain; bool is_helo; } rows[] = {
		{ "u@IP.test", "h.test", "ip.test", false }, { "", "IP.test.", "ip.test", true }, { "@ip.test", "h.test", "ip.test", false },
		{ "ip.test", "h.test", "ip.test", false }, { "u@[192.0.2.1]", "h.test", "", false }, { "\"a@b\"@ip.test", "h.test", "ip.test", false },
	};
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct resolver *zone = own_zone(a);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spf_query query = { "192.0.2.1", rows[i].helo, rows[i].from, "mx.example" };
		struct spf_result result;

		spf_check(a, zone, NULL, &query, &result);
		assert_string_equal(result.domain, rows[i].domain);
		assert_int_equal(result.is_helo, rows[i].is_helo);
	}
	resolver_free(zone);
	arena_free(a);
}

/* -- Large and hostile records -- */

static enum auth_result check_record(struct arena *a, struct resolver *zone, const char *domain, const char *ip)
{
	struct spf_query query = { ip, "h.test", arena_printf(a, "u@%s", domain), NULL };
	struct spf_result result;

	spf_check(a, zone, &fixed, &query, &result);
	return result.result;
}

static void add_text(struct resolver *zone, const char *domain, struct buf *text)
{
	struct fail why;
	struct buf line;

	buf_init(&line, 1 << 20);
	buf_printf(&line, "%s TXT \"%s\"", domain, buf_text(text));
	if (resolver_zone_add(zone, buf_span(&line), &why) != 0)
		fail_msg("%s", why.text);
	buf_done(&line);
	buf_reset(text);
}

static void test_long_records(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct resolver *zone = resolver_zone_new();
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_put_text(&text, "v=spf1");
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, " ip4:10.%d.%d.1", i / 250, i % 250);
	buf_put_text(&text, " -all");
	add_text(zone, "ip4.test", &text);
	buf_put_text(&text, "v=spf1");
	for (int i = 0; i < 400; i++)
		buf_printf(&text, " ip6:2001:db8:1234:5678:9abc:def0:%x:1", i);
	buf_put_text(&text, " ~all");
	add_text(zone, "ip6.test", &text);
	buf_put_text(&text, "v=spf1");
	for (int i = 0; i < 10; i++)
		buf_printf(&text, " include:a-rather-long-name-of-a-provider-that-sends-mail-for-others-%d.example.test", i);
	buf_put_text(&text, " ip4:192.0.2.1 -all");
	add_text(zone, "includes.test", &text);
	for (int i = 0; i < 10; i++) {
		buf_put_text(&text, "v=spf1 ?all");
		add_text(zone, arena_printf(a, "a-rather-long-name-of-a-provider-that-sends-mail-for-others-%d.example.test", i), &text);
	}
	assert_int_equal(check_record(a, zone, "ip4.test", "10.3.249.1"), AUTH_PASS);
	assert_int_equal(check_record(a, zone, "ip4.test", "10.3.249.2"), AUTH_FAIL);
	assert_int_equal(check_record(a, zone, "ip6.test", "2001:db8:1234:5678:9abc:def0:18f:1"), AUTH_PASS);
	assert_int_equal(check_record(a, zone, "ip6.test", "2001:db8:1234:5678:9abc:def0:190:1"), AUTH_SOFTFAIL);
	assert_int_equal(check_record(a, zone, "includes.test", "192.0.2.1"), AUTH_PASS);
	assert_int_equal(check_record(a, zone, "includes.test", "192.0.2.2"), AUTH_FAIL);
	buf_done(&text);
	resolver_free(zone);
	arena_free(a);
}

static void test_huge_records(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct resolver *zone = resolver_zone_new();
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_put_text(&text, "v=spf1");
	for (int i = 0; i < 5000; i++)
		buf_put_text(&text, " ip4:1.2.3.4");
	add_text(zone, "60kb.test", &text); /* more than any answer may hold */
	buf_put_text(&text, "v=spf1");
	for (int i = 0; i < 300; i++)
		buf_printf(&text, " exists:e%d.test", i);
	add_text(zone, "terms.test", &text);
	buf_printf(&text, "v=spf1 a:%01100d.test -all", 1);
	add_text(zone, "longname.test", &text);
	buf_put_text(&text, "v=spf1 a:");
	for (int i = 0; i < 125; i++)
		buf_put_text(&text, "%{s9r-}");
	buf_put_text(&text, " -all");
	add_text(zone, "bomb.test", &text);
	buf_put_text(&text, "v=spf1");
	for (int i = 0; i < 8000; i++)
		buf_put_text(&text, " a");
	add_text(zone, "a.test", &text);
	assert_int_equal(check_record(a, zone, "60kb.test", "192.0.2.1"), AUTH_TEMPERROR);
	assert_int_equal(check_record(a, zone, "terms.test", "192.0.2.1"), AUTH_PERMERROR);
	assert_int_equal(check_record(a, zone, "longname.test", "192.0.2.1"), AUTH_PERMERROR);
	assert_int_equal(check_record(a, zone, "bomb.test", "192.0.2.1"), AUTH_FAIL);
	assert_int_equal(check_record(a, zone, "a.test", "192.0.2.1"), AUTH_PERMERROR);
	buf_done(&text);
	resolver_free(zone);
	arena_free(a);
}

/* The worst that one check may cost: 10 terms of 10 hosts each, and the client's names. */
static void test_questions_are_few(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct resolver *zone = resolver_zone_new();
	struct fail why;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_put_text(&text, "v=spf1 mx mx mx mx mx mx mx mx mx mx exists:%{p}.test -all exp=%{p}.test");
	add_text(zone, "mx.test", &text);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(resolver_zone_add(zone, span_of(arena_printf(a, "mx.test MX 10 h%d.test", i)), &why), 0);
		assert_int_equal(resolver_zone_add(zone, span_of(arena_printf(a, "h%d.test A 198.51.100.%d", i, i)), &why), 0);
	}
	assert_int_equal(check_record(a, zone, "mx.test", "192.0.2.1"), AUTH_PERMERROR);
	assert_in_range(resolver_question_count(zone), 100, 123);
	buf_put_text(&text, "v=spf1 include:tree.test include:tree.test include:tree.test include:tree.test -all");
	add_text(zone, "tree.test", &text);
	assert_int_equal(check_record(a, zone, "tree.test", "192.0.2.1"), AUTH_PERMERROR);
	assert_in_range(resolver_question_count(zone), 100, 123 + 12);
	buf_done(&text);
	resolver_free(zone);
	arena_free(a);
}

static void test_results_have_names(void **state)
{
	enum auth_result result;

	(void)state;
	for (int i = AUTH_NONE; i <= AUTH_PERMERROR; i++) {
		assert_true(auth_result_parse(span_of(auth_result_name((enum auth_result)i)), &result));
		assert_int_equal(result, i);
	}
	assert_true(auth_result_parse(span_of("SoftFail"), &result));
	assert_int_equal(result, AUTH_SOFTFAIL);
	assert_false(auth_result_parse(span_of("hardfail"), &result));
	assert_false(auth_result_parse(span_of(""), &result));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7208_suite), cmocka_unit_test(test_rows), cmocka_unit_test(test_identity_is_reported),
		cmocka_unit_test(test_long_records), cmocka_unit_test(test_huge_records), cmocka_unit_test(test_questions_are_few),
		cmocka_unit_test(test_results_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
