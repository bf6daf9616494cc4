/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include "listd/settings_cache.h"
#include "listd/settings_int.h"

#include <pthread.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "FILE:LINE: ..." of a text that must not be read. */
struct bad { const char *name, *text, *want; };

static const struct bad bad_site[] = {
	{ "unknown name", "workers = 3\nfoo-bar-baz = 1\n", "f:2: foo-bar-baz: no such setting" },
	{ "misspelt name", "\n\nmax-sise = 10M\n", "f:3: max-sise: no such setting; did you mean max-size?" },
	{ "no number", "workers = many", "f:1: workers: expected a number, not \"many\"" },
	{ "too large", "# x\nworkers = 65", "f:2: workers: expected something from 1 to 64, not \"65\"" },
	{ "overflow", "workers = 99999999999999999999", "f:1: workers: expected a number" },
	{ "negative", "workers = -1", "f:1: workers: expected something from 1 to 64" },
	{ "bad size", "max-size = 10X", "f:1: max-size: expected a size such as 64K, 10M or 1G, not \"10X\"" },
	{ "size out of range", "max-size = 101M", "f:1: max-size: expected something from 64K to 100M" },
	{ "size overflow", "max-size = 9999999999999G", "f:1: max-size: expected a size" },
	{ "unit only", "max-size = M", "f:1: max-size: expected a size" },
	{ "bad time", "queue-life = 5y", "f:1: queue-life: expected a time such as 30s, 15m, 2h or 5d, not \"5y\"" },
	{ "bad bool", "sign = maybe", "f:1: sign: expected yes or no, not \"maybe\"" },
	{ "bad enum", "relay-tls = always", "f:1: relay-tls: expected never, may or must, not \"always\"" },
	{ "relative path", "spool-dir = spool", "f:1: spool-dir: expected a path that begins with /, not \"spool\"" },
	{ "mode", "lmtp-mode = 680", "f:1: lmtp-mode: expected an octal file mode" },
	{ "listening for all the world", "lmtp-listen = \"inet:0.0.0.0:24\"", "f:1: lmtp-listen: expected unix:/PATH, or inet:ADDRESS:PORT with an address of this machine's loopback" },
	{ "second of two", "lmtp-listen = \"unix:/a inet:127.0.0.1:0\"", "not \"inet:127.0.0.1:0\"" },
	{ "relay without port", "relay = localhost", "f:1: relay: expected HOST:PORT" },
	{ "network", "submission-networks = { \"192.0.2.0/24\", \"192.0.2.0/33\" }", "f:1: submission-networks: expected an address or a network such as 192.0.2.0/24 or 2001:db8::/32, not \"192.0.2.0/33\"" },
	{ "milter on two sockets", "milter-listen = \"unix:/a unix:/b inet:x\"", "f:1: milter-listen: expected one socket" },
	{ "milter for everybody", "milter-listen = \"inet:0.0.0.0:8025\"", "f:1: milter-listen: expected one socket" },
	{ "known list by its name alone", "receiver-known-lists = \"gnu list-id=*\"", "f:1: receiver-known-lists: line 1: gnu: name its dkim=DOMAIN or network=CIDR" },
	{ "known list by what", "receiver-known-lists = \"gnu spf=x\"", "f:1: receiver-known-lists: line 1: expected dkim=DOMAIN" },
	{ "known list's network", "receiver-known-lists = \"gnu network=192.0.2.0/99\"", "f:1: receiver-known-lists: line 1: expected an address or a network" },
	{ "no field", "receiver-junk-field = \"X-Junk\"", "f:1: receiver-junk-field: expected a header field" },
	{ "network without end", "submission-networks = {\n\"::1\",\n\"x\"\n}", "f:3: submission-networks:" },
	{ "list not closed", "workers = 2\ntrusted-sealers = { \"a.example\"\n\nsign = yes\n", "f:2: the { of this line is not closed" },
	{ "brace too many", "workers = 2\n}\n", "f:2: a } that closes nothing" },
	{ "nested list", "trusted-sealers = { { \"a\" } }", "f:1: a { inside a list" },
	{ "quote not closed", "workers = 2\nhost-name = \"x\nsign = yes\n", "f:2: the quoted text that begins here is not closed" },
	{ "apostrophe not closed", "host-name = 'x", "f:1: the quoted text that begins here is not closed" },
	{ "comment not closed", "/* x\nworkers = 2\n", "f:1: the comment that begins here is not closed by */" },
	{ "environment", "\nhost-name = \"${HOME}\"", "f:2: ${...} is not replaced" },
	{ "octal escape", "host-name = \"a\\9\"", "f:1: no such escape" },
	{ "star outside quotes", "host-name = *.example", "f:1: a value with other characters" },
	{ "dollar outside quotes", "host-name = ${HOME}", "f:1: a value with other characters" },
	{ "no value", "workers =\nsign = yes", "f:2:" },
	{ "no equals sign", "workers 3", "f:1:" },
	{ "name alone", "workers", "f:1:" },
	{ "control character", "workers\1= 3", "f:1: a control character" },
	{ "value of several lines", "host-name = \"a\n\n\nb\"", "f:4: host-name: expected a domain name" },
};

static void check_bad(const struct bad *row, int result, const struct fail *why)
{
	if (result == 0)
		fail_msg("%s: was read", row->name);
	if (strstr(why->text, row->want) == NULL)
		fail_msg("%s: \"%s\" instead of \"%s\"", row->name, why->text, row->want);
}

static void test_bad_site(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_site); i++) {
		struct span text = test_exact(span_of(bad_site[i].text));
		struct site_settings *settings = NULL;
		struct fail why;

		check_bad(&bad_site[i], site_settings_parse(text, "f", NULL, &settings, &why), &why);
		assert_null(settings);
		free((void *)(uintptr_t)text.ptr);
		/* What went wrong in one text leaves nothing behind for the next. */
		assert_int_equal(site_settings_parse(SPAN_LIT("workers = 7"), "f", NULL, &settings, &why), 0);
		assert_int_equal(settings->workers, 7);
		site_settings_free(settings);
	}
}

static void test_bad_octets(void **state)
{
	struct site_settings *settings = NULL;
	char *large = malloc(SETTINGS_MAX_BYTES + 1);
	struct fail why;

	(void)state;
	assert_int_equal(site_settings_parse(SPAN_LIT("workers = 7\0"), "f", NULL, &settings, &why), -1);
	assert_string_equal(why.text, "f:1: holds a NUL octet; not a text file");
	memset(large, '\n', SETTINGS_MAX_BYTES + 1);
	assert_int_equal(site_settings_parse((struct span){ large, SETTINGS_MAX_BYTES + 1 }, "f", NULL, &settings, &why), -1);
	assert_int_equal(site_settings_parse((struct span){ large, SETTINGS_MAX_BYTES }, "f", NULL, &settings, &why), 0);
	site_settings_free(settings);
	assert_int_equal(site_settings_read("/nonexistent/listd.conf", &settings, &why), -1);
	assert_non_null(strstr(why.text, "/nonexistent/listd.conf"));
	free(large);
}

static void test_bad_list(void **state)
{
	static const struct bad rows[] = {
		{ "no address", "post = anyone", "address: a list needs one" },
		{ "address", "\naddress = birds", "f:2: address: expected an address such as ann@example.org, not \"birds\"" },
		{ "strategy", "strategy = munge", "f:1: strategy: expected one of auto, none," },
		{ "rule", "rules = \"exempt from a.example\nmunge from b.example\"", "f:2: rules: line 2: expected" },
		{ "header rule", "header-rules = \"hold Subject lottery\"", "f:1: header-rules: expected hold, refuse or discard" },
		{ "header rule without field", "header-rules = \"hold /x/\"", "f:1: header-rules: expected hold" },
		{ "header rule's action", "header-rules = \"burn Subject /x/\"", "f:1: header-rules: expected hold" },
		{ "pattern", "header-rules = \"hold Subject /a/\nrefuse Subject /(/i\"", "f:2: header-rules: the pattern /(/ is wrong at character 1" },
		{ "owner", "owners = { \"ann@example.org\", \"bob\" }", "f:1: owners: expected an address such as ann@example.org, not \"bob\"" },
		{ "deny", "deny = { \"bob\" }", "f:1: deny: expected an address, a domain or a pattern" },
		{ "url", "archive-url = \"javascript:x\"", "f:1: archive-url: expected a URL" },
		{ "url with blank", "archive-url = \"https://x y\"", "f:1: archive-url: expected a URL" },
		{ "line", "subject-tag = \"a\nb\"", "f:2: subject-tag: expected one line of text" },
		{ "no UTF-8", "footer = \"a\xff\"", "f:1: footer: expected UTF-8 text" },
		{ "via", "via = \"{author} via\"", "f:1: via: expected a text in which {name} and {list}" },
		{ "language", "language = \"../etc\"", "f:1: language: expected a language tag" },
		{ "site's setting", "workers = 2", "f:1: workers: no such setting" },
	};
	struct list_settings *settings = NULL;
	struct fail why;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span text = test_exact(span_of(rows[i].text));

		check_bad(&rows[i], list_settings_parse(text, "f", NULL, &settings, &why), &why);
		free((void *)(uintptr_t)text.ptr);
	}
	assert_null(settings);
}

static void test_defaults(void **state)
{
	struct site_settings *site;
	struct list_settings *list;
	struct fail why;

	(void)state;
	assert_int_equal(site_settings_read(NULL, &site, &why), 0);
	assert_null(site->file);
	assert_true(site->host_name[0] != '\0');
	assert_string_equal(site->authserv_id, site->host_name);
	assert_string_equal(site->spool_dir, "/var/spool/listd");
	assert_string_equal(site->lmtp_listen, "inet:127.0.0.1:8024");
	assert_string_equal(site->relay, "127.0.0.1:25");
	assert_int_equal(site->max_size_bytes, 10 << 20);
	assert_int_equal(site->queue_life_secs, 5 * 86400);
	assert_int_equal(site->control_mode, 660);
	assert_true(site->sign);
	assert_null(site->trusted_sealers[0]);
	site_settings_free(site);
	assert_int_equal(list_settings_parse((struct span){ NULL, 0 }, NULL, "birds@lists.example.org", &list, &why), 0);
	assert_null(list->strategy);
	assert_string_equal(list->strategy_name, "auto");
	assert_int_equal(list->rules.count, 0);
	assert_string_equal(list->via_template, ""); /* that of the language */
	assert_string_equal(list_domain(list), "lists.example.org");
	assert_string_equal(list_local(list, list->arena), "birds");
	list_settings_free(list);
}

static void test_syntax(void **state)
{
	static const char text[] =
		"# comment\n// another {\n/* and\n \"one more */ max-size = 2048K   # behind\n"
		"relay = 'mx.example.org:25'\nrelay-timeout = 1m30s sign = NO\nhost-name = lists.example.org\r\n"
		"lmtp-listen = unix:/run//x/lmtp\ntrusted-sealers = {a.example, \"b.example\"}\ntrusted-sealers += {\"c.example\",}\n"
		"trusted-authserv-ids = mx1\nretry-max = 2d\nretry-max = 1w\n";
	struct site_settings *site;
	struct fail why;

	(void)state;
	if (site_settings_parse(span_of(text), "f", NULL, &site, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(site->max_size_bytes, 2 << 20);
	assert_string_equal(site->relay, "mx.example.org:25");
	assert_int_equal(site->relay_timeout_secs, 90);
	assert_false(site->sign);
	assert_string_equal(site->host_name, "lists.example.org");
	assert_string_equal(site->lmtp_listen, "unix:/run//x/lmtp");
	assert_string_equal(site->trusted_sealers[0], "a.example");
	assert_string_equal(site->trusted_sealers[1], "b.example");
	assert_string_equal(site->trusted_sealers[2], "c.example");
	assert_null(site->trusted_sealers[3]);
	assert_string_equal(site->trusted_authserv_ids[0], "mx1");
	assert_int_equal(site->retry_max_secs, 7 * 86400);
	assert_string_equal(site->file, "f");
	site_settings_free(site);
}

static void test_overrides(void **state)
{
	static const char *const good[] = { "host-name=lists.example.org", "trusted-sealers=a.example,b.example c.example", "trusted-authserv-ids={ \"x\" }", NULL };
	static const struct bad rows[] = {
		{ "unknown", "hostname=x", "hostname: no such setting; did you mean host-name?" }, { "value", "workers=x", "workers: expected a number, not \"x\"" },
		{ "no value", "workers", "workers: expected name=value" }, { "a second setting", "workers=3\nsign=no", "workers: expected a number" },
		{ "braces", "trusted-sealers={ a", "the { of this line is not closed" },
	};
	struct site_settings *site;
	struct fail why;

	(void)state;
	if (site_settings_parse(SPAN_LIT("host-name = x.example\nworkers = 3"), "f", good, &site, &why) != 0)
		fail_msg("%s", why.text);
	assert_string_equal(site->host_name, "lists.example.org");
	assert_int_equal(site->workers, 3);
	assert_string_equal(site->trusted_sealers[2], "c.example");
	assert_string_equal(site->trusted_authserv_ids[0], "x");
	site_settings_free(site);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *bad[] = { rows[i].text, NULL };

		check_bad(&rows[i], site_settings_parse((struct span){ NULL, 0 }, "f", bad, &site, &why), &why);
		assert_int_equal(strncmp(why.text, rows[i].want, strlen(rows[i].want)), 0);
	}
}

/* A value that is not the default one, by what the row checks. */
static const char *other_value(const struct setting *row)
{
	static const struct { int (*check)(const char *, struct fail *); const char *value; } texts[] = {
		{ check_address, "bob@example.net" }, { check_pattern, "*@example.net" }, { check_host, "other.example" }, { check_word, "word" },
		{ check_path, "/other/path" }, { check_listen_one, "inet:[::1]:2425" }, { check_field, "X-Junk: 100 %" },
		{ check_known_lists, "gnu dkim=gnu.example list-id=*.gnu.example\n# x\n\nbirds network=192.0.2.0/24" },
		{ check_listen, "unix:/other inet:[::1]:2424" }, { check_relay, "[2001:db8::1]:587" }, { check_network, "2001:db8::/32" },
		{ check_language, "pt-BR" }, { check_url, "https://example.net/x?y=z" }, { check_line, "a \"b\" \\ ${c} 'd' \xc3\xa4 #e" },
		{ check_text, "a\n\n\"b\" \\ ${c}\t'd' \xc3\xa4 #e\n" }, { check_via, "{name} ({list})" }, { check_strategy, "wrap" },
		{ check_rules, "exempt from a.example\nwrap from *@b.example" }, { check_header_rules, "hold Subject /a\\/\"b\"/i\n# x\n\ndiscard X-Y /^\\s*${/" },
	};

	switch (row->type) {
	case SETTING_NUMBER:
		return strcmp(row->fallback, "7") == 0 ? "8" : "7";
	case SETTING_SECS:
		return row->max < 3600 ? "1m30s" : row->min > 3600 ? "2d" : "1h";
	case SETTING_BYTES:
		return "3M";
	case SETTING_BOOL:
		return strcmp(row->fallback, "yes") == 0 ? "no" : "yes";
	case SETTING_ENUM:
		return strcmp(row->fallback, row->choices[1]) == 0 ? row->choices[0] : row->choices[1];
	case SETTING_TEXT:
	case SETTING_TEXTS:
		break;
	}
	for (size_t i = 0; i < COUNT(texts); i++)
		if (texts[i].check == row->check)
			return texts[i].value;
	fail_msg("%s: a text without check", row->name);
	return NULL;
}

static void value_of(const struct setting *row, const void *settings, char *text, size_t size)
{
	struct buf value;

	buf_init(&value, size);
	setting_value(row, settings, &value);
	snprintf(text, size, "%s", buf_text(&value));
	buf_done(&value);
}

static void check_one_changed(const struct setting *rows, size_t count, size_t changed, const void *settings, const void *defaults)
{
	char have[500], want[500];

	for (size_t i = 0; i < count; i++) {
		value_of(&rows[i], settings, have, sizeof(have));
		value_of(&rows[i], defaults, want, sizeof(want));
		/* The host name is the default of another row. */
		if (i == changed)
			assert_string_not_equal(have, want);
		else if (strcmp(rows[i].name, "authserv-id") != 0)
			assert_string_equal(have, want);
	}
}

static void test_every_row_is_settable(void **state)
{
	struct site_settings *site, *site_defaults;
	struct list_settings *list, *list_defaults;
	struct arena *a = arena_new(1 << 20);
	struct fail why;

	(void)state;
	assert_int_equal(site_settings_read(NULL, &site_defaults, &why), 0);
	for (size_t i = 0; i < site_setting_count; i++) {
		const char *overrides[] = { arena_printf(a, "%s=%s", site_setting_rows[i].name, other_value(&site_setting_rows[i])), NULL };

		if (site_settings_parse((struct span){ NULL, 0 }, NULL, overrides, &site, &why) != 0)
			fail_msg("%s", why.text);
		check_one_changed(site_setting_rows, site_setting_count, i, site, site_defaults);
		site_settings_free(site);
	}
	assert_int_equal(list_settings_parse((struct span){ NULL, 0 }, NULL, "a@b.example", &list_defaults, &why), 0);
	for (size_t i = 1; i < list_setting_count; i++) {
		const char *overrides[] = { arena_printf(a, "%s=%s", list_setting_rows[i].name, other_value(&list_setting_rows[i])), NULL };

		if (list_settings_parse_with((struct span){ NULL, 0 }, NULL, "a@b.example", overrides, &list, &why) != 0)
			fail_msg("%s", why.text);
		check_one_changed(list_setting_rows, list_setting_count, i, list, list_defaults);
		list_settings_free(list);
	}
	site_settings_free(site_defaults);
	list_settings_free(list_defaults);
	arena_free(a);
}

/* Every member has a row, but for those that are derived: what no row covers is no larger than padding. */
static void check_covered(const struct setting *rows, size_t count, size_t size, const size_t derived[][2])
{
	static const size_t sizes[] = { [SETTING_TEXT] = sizeof(char *), [SETTING_TEXTS] = sizeof(char **), [SETTING_NUMBER] = sizeof(long long),
		[SETTING_SECS] = sizeof(long long), [SETTING_BYTES] = sizeof(long long), [SETTING_BOOL] = sizeof(bool), [SETTING_ENUM] = sizeof(int) };
	char covered[1024] = "";
	size_t run = 0;

	assert_true(size < sizeof(covered));
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < sizes[rows[i].type]; j++)
			assert_int_equal(covered[rows[i].offset + j]++, 0);
		assert_true(strlen(rows[i].help) > 20);
		assert_true(rows[i].type != SETTING_NUMBER || rows[i].min < rows[i].max);
	}
	for (; (*derived)[1] > 0; derived++)
		memset(covered + (*derived)[0], 1, (*derived)[1]);
	for (size_t i = 0; i < size; i++) {
		run = covered[i] ? 0 : run + 1;
		if (run == 8)
			fail_msg("the member at offset %zu has no row", i - 7);
	}
}

static void test_every_member_has_a_row(void **state)
{
#define M(s, m) { offsetof(struct s, m), sizeof(((struct s *)0)->m) }
	static const size_t site[][2] = { M(site_settings, file), M(site_settings, arena), { 0, 0 } };
	static const size_t list[][2] = { M(list_settings, strategy), M(list_settings, rules), M(list_settings, arena), M(list_settings, users), { 0, 0 } };

	(void)state;
	check_covered(site_setting_rows, site_setting_count, sizeof(struct site_settings), site);
	check_covered(list_setting_rows, list_setting_count, sizeof(struct list_settings), list);
}

static void test_round_trip(void **state)
{
	struct arena *a = arena_new(1 << 20);
	struct buf text, again;
	struct list_settings *list;
	struct fail why;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_init(&again, 1 << 20);
	buf_put_text(&again, "address = birds@lists.example.org\n");
	for (size_t i = 1; i < list_setting_count; i++) {
		buf_reset(&text);
		if (list_settings_set(buf_text(&again), NULL, list_setting_rows[i].name, other_value(&list_setting_rows[i]), &text, &why) != 0)
			fail_msg("%s", why.text);
		buf_reset(&again);
		buf_put(&again, buf_span(&text));
	}
	assert_int_equal(list_settings_parse(buf_span(&again), "f", NULL, &list, &why), 0);
	assert_string_equal(list->footer, "a\n\n\"b\" \\ ${c}\t'd' \xc3\xa4 #e\n");
	assert_string_equal(list->header_rules, "hold Subject /a\\/\"b\"/i\n# x\n\ndiscard X-Y /^\\s*${/");
	assert_string_equal(list->strategy->name, "wrap");
	assert_int_equal(list->rules.count, 2);
	for (int all = 0; all < 2; all++) {
		struct list_settings *back;

		buf_reset(&text);
		list_settings_dump(list, all != 0, &text);
		assert_int_equal(list_settings_parse(buf_span(&text), "f", NULL, &back, &why), 0);
		buf_reset(&again);
		list_settings_dump(back, all != 0, &again);
		assert_true(span_eq(buf_span(&text), buf_span(&again)));
		list_settings_free(back);
	}
	list_settings_free(list);
	buf_done(&text);
	buf_done(&again);
	arena_free(a);
}

static void test_set(void **state)
{
	static const char text[] = "address = \"birds@lists.example.org\"\nfooter = \"f\"\nowners = { \"a@b.example\" }\n";
	static const struct { const char *setting, *value, *want; } rows[] = {
		{ "footer", "", "address = \"birds@lists.example.org\"\nowners = { \"a@b.example\" }\n" },
		{ "footer", NULL, "address = \"birds@lists.example.org\"\nowners = { \"a@b.example\" }\n" },
		{ "footer", "\"x\"", "address = \"birds@lists.example.org\"\nowners = { \"a@b.example\" }\nfooter = \"\\\"x\\\"\"\n" },
		{ "owners", "", "address = \"birds@lists.example.org\"\nfooter = \"f\"\n" },
		{ "owners", NULL, "address = \"birds@lists.example.org\"\nfooter = \"f\"\n" },
		{ "owners", "b@c.example d@e.example", "address = \"birds@lists.example.org\"\nowners = { \"b@c.example\", \"d@e.example\" }\nfooter = \"f\"\n" },
		{ "post", "anyone", "address = \"birds@lists.example.org\"\nowners = { \"a@b.example\" }\npost = anyone\nfooter = \"f\"\n" },
	};
	struct buf out;
	struct fail why;

	(void)state;
	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&out);
		if (list_settings_set(text, NULL, rows[i].setting, rows[i].value, &out, &why) != 0)
			fail_msg("%s", why.text);
		assert_string_equal(buf_text(&out), rows[i].want);
	}
	buf_reset(&out);
	assert_int_equal(list_settings_set(text, NULL, "foter", "x", &out, &why), -1);
	assert_string_equal(why.text, "foter: no such setting; did you mean footer?");
	assert_int_equal(list_settings_set(text, NULL, "foter", NULL, &out, &why), -1);
	assert_int_equal(list_settings_set(text, NULL, "post", "all", &out, &why), -1);
	assert_string_equal(why.text, "post: expected members, anyone, moderated or owners, not \"all\"");
	assert_int_equal(list_settings_set(text, NULL, "address", "x@y.example", &out, &why), -1);
	assert_non_null(strstr(why.text, "list rename"));
	assert_int_equal(out.len, 0);
	buf_done(&out);
}

static void test_header_rules(void **state)
{
	struct span rest = SPAN_LIT("\n# none\n hold  Subject /a b/ \r\nREFUSE x-y /c/i\ndiscard Z /i/");
	struct header_rule rule;
	struct fail why;

	(void)state;
	assert_int_equal(header_rule_next(&rest, &rule, &why), 1);
	assert_int_equal(rule.action, HEADER_RULE_HOLD);
	assert_true(span_eq_text(rule.field, "Subject") && span_eq_text(rule.pattern, "a b") && !rule.is_nocase);
	assert_int_equal(header_rule_next(&rest, &rule, &why), 1);
	assert_true(rule.action == HEADER_RULE_REFUSE && span_eq_text(rule.pattern, "c") && rule.is_nocase);
	assert_int_equal(header_rule_next(&rest, &rule, &why), 1);
	assert_true(rule.action == HEADER_RULE_DISCARD && span_eq_text(rule.pattern, "i") && !rule.is_nocase);
	assert_int_equal(header_rule_next(&rest, &rule, &why), 0);
}

/* A sample with its comment marks taken off is the default configuration. */
static void check_sample(const struct setting *rows, size_t count, struct buf *bare)
{
	struct span rest, line;
	struct buf sample;

	buf_init(&sample, 1 << 20);
	settings_sample(rows, count, &sample);
	rest = buf_span(&sample);
	while (span_next(&rest, '\n', &line)) {
		assert_true(line.len <= 80 || line.ptr[1] != ' ');
		assert_true(line.len == 0 || line.ptr[0] == '#');
		if (line.len > 1 && line.ptr[1] != ' ' && line.ptr[1] != '-') {
			buf_put(bare, span_sub(line, 1, line.len));
			buf_put_text(bare, "\n");
		}
	}
	buf_done(&sample);
}

static void test_samples(void **state)
{
	struct site_settings *site;
	struct list_settings *list;
	struct buf bare, dump, want;
	struct fail why;

	(void)state;
	buf_init(&bare, 1 << 20);
	check_sample(site_setting_rows, site_setting_count, &bare);
	assert_int_equal(site_settings_parse(buf_span(&bare), "f", NULL, &site, &why), 0);
	site_settings_free(site);
	buf_reset(&bare);
	check_sample(list_setting_rows, list_setting_count, &bare);
	assert_int_equal(list_settings_parse(buf_span(&bare), "f", "a@b.example", &list, &why), 0);
	buf_init(&dump, 1 << 20);
	list_settings_dump(list, false, &dump);
	assert_string_equal(buf_text(&dump), "address = \"a@b.example\"\n");
	list_settings_free(list);
	buf_init(&want, 1 << 20);
	settings_manual(list_setting_rows, list_setting_count, &want);
	assert_non_null(strstr(buf_text(&want), ".SS DMARC\n.TP\n\\fBstrategy\\fR = auto\n"));
	buf_done(&want);
	buf_done(&dump);
	buf_done(&bare);
}

static struct list_settings *must_get(struct settings_cache *cache, const char *address, const char *text)
{
	struct list_settings *settings = NULL;
	struct fail why;

	if (settings_cache_get(cache, address, text, &settings, &why) != 0)
		fail_msg("%s", why.text);
	assert_string_equal(settings->address, address);
	return settings;
}

/* Shared while the text is the same, parsed anew when it is not; who holds the old ones keeps them. */
static void test_cache(void **state)
{
	struct settings_cache *cache = settings_cache_new();
	struct list_settings *first, *again, *changed, *bad = NULL;
	struct fail why;

	(void)state;
	first = must_get(cache, "a@b.example", "footer = \"one\"\n");
	again = must_get(cache, "a@b.example", "footer = \"one\"\n");
	assert_ptr_equal(first, again);
	list_settings_free(again);
	changed = must_get(cache, "a@b.example", "footer = \"two\"\n");
	assert_string_equal(changed->footer, "two");
	assert_string_equal(first->footer, "one");
	list_settings_free(first);
	assert_int_equal(settings_cache_get(cache, "a@b.example", "nonsense = 1\n", &bad, &why), -1);
	assert_null(bad);
	assert_non_null(strstr(why.text, "a@b.example:1: nonsense: no such setting"));
	again = must_get(cache, "a@b.example", "footer = \"two\"\n");
	assert_ptr_equal(again, changed);
	list_settings_free(again);
	settings_cache_free(cache);
	assert_string_equal(changed->footer, "two");
	list_settings_free(changed);
}

/* Of more lists than are kept, those go that were not used for longest. */
static void test_cache_is_bounded(void **state)
{
	struct settings_cache *cache = settings_cache_new();
	struct list_settings *kept = must_get(cache, "kept@b.example", ""), *left = must_get(cache, "left@b.example", ""), *settings;
	char address[40];

	(void)state;
	for (int i = 0; i < SETTINGS_CACHE_MAX_LISTS; i++) {
		snprintf(address, sizeof(address), "list%d@b.example", i);
		list_settings_free(must_get(cache, address, ""));
		list_settings_free(must_get(cache, "kept@b.example", ""));
	}
	settings = must_get(cache, "kept@b.example", "");
	assert_ptr_equal(settings, kept);
	list_settings_free(settings);
	settings = must_get(cache, "left@b.example", "");
	assert_ptr_not_equal(settings, left);
	list_settings_free(settings);
	list_settings_free(kept);
	list_settings_free(left);
	settings_cache_free(cache);
}

static void *parse_much(void *context)
{
	size_t which = (size_t)(uintptr_t)context;

	for (int i = 0; i < 60; i++) {
		struct list_settings *list = NULL;
		struct fail why;
		int result = which % 2 == 0 ? list_settings_parse(SPAN_LIT("footer = \"one\"\nrules = \"wrap from a.example\""), "f", "a@b.example", &list, &why)
			: list_settings_parse(SPAN_LIT("footer = \"two\"\npost = \"x\""), "g", "a@b.example", &list, &why);

		if (which % 2 == 0 ? result != 0 || strcmp(list->footer, "one") != 0 || list->rules.count != 1
				: result == 0 || strncmp(why.text, "g:2: post: expected", 19) != 0)
			return context;
		list_settings_free(list);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[4];
	void *result;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, parse_much, (void *)(uintptr_t)(i + 2)), 0);
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		assert_null(result);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_syntax), cmocka_unit_test(test_bad_site), cmocka_unit_test(test_bad_octets),
		cmocka_unit_test(test_bad_list), cmocka_unit_test(test_overrides), cmocka_unit_test(test_every_row_is_settable),
		cmocka_unit_test(test_every_member_has_a_row), cmocka_unit_test(test_round_trip), cmocka_unit_test(test_set), cmocka_unit_test(test_header_rules),
		cmocka_unit_test(test_samples), cmocka_unit_test(test_cache), cmocka_unit_test(test_cache_is_bounded), cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
