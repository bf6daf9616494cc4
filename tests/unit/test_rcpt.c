/* SPDX-License-Identifier: BSD-2-Clause */
/* rcpt: what a list has against a recipient, by the envelope alone. */
#include "tests/unit/check.h"

#include "listd/delivery/verp.h"
#include "listd/post/rcpt.h"
#include "mail/log.h"
#include "mitigations/alias.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#define POST_ID "abcdefghijklmnopqrst"

struct place {
	char dir[64];
	struct arena *a;
	struct daemon daemon;
	struct site site;
};

static const char *const lists[][2] = {
	{ "birds@lists.example.org", "owners = \"ann@example.org\"\ndeny = { \"*@denied.example\", \"eve@example.com\" }\n" },
	{ "news@lists.example.org", "owners = \"ann@example.org\"\nmoderators = \"mod@mail.example.net\"\npost = owners\n" },
	{ "late@lists.example.org", "owners = \"ann@example.org\"\npost = owners\nearly-refusal = no\n" },
	{ "orphan@lists.example.org", "" },
};

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void put_list(struct place *place, const char *address, const char *text)
{
	const char *settings = arena_printf(place->a, "address = %s\n%s", address, text);
	struct fail why;

	if (store_list_create(place->daemon.store, address, settings, 1, &why) != 0)
		fail_msg("%s", why.text);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	struct fail why;

	assert_non_null(place);
	log_open(LOG_SINK_NONE, NULL, LOG_LEVEL_ERROR);
	strcpy(place->dir, "/tmp/listd-rcpt-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	place->a = arena_new((size_t)64 << 20);
	pthread_mutex_init(&place->daemon.site_lock, NULL);
	place->daemon.lists = settings_cache_new();
	place->daemon.site = &place->site;
	place->site.users = 1;
	secret_random(&place->daemon.master, sizeof(place->daemon.master));
	if (site_settings_parse(SPAN_LIT("submission-networks = \"192.0.2.0/24\""), "test.conf", NULL, &place->site.settings, &why) != 0
			|| store_open(place->dir, 1 << 20, &place->daemon.store, &why) != 0)
		fail_msg("%s", why.text);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		put_list(place, lists[i][0], lists[i][1]);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	store_close(place->daemon.store);
	settings_cache_free(place->daemon.lists);
	site_settings_free(place->site.settings);
	pthread_mutex_destroy(&place->daemon.site_lock);
	nftw(place->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(place->a);
	free(place);
	return 0;
}

/* The reply code, 250 for one that may go on, 0 for an address of no list. */
static int ask(struct place *place, const struct envelope *envelope, const char *address, struct fail *why)
{
	struct rcpt rcpt;
	int found = rcpt_judge(&place->daemon, place->a, envelope, address, &rcpt, why);

	if (found == 1)
		list_settings_free(rcpt.list);
	return found == 1 ? 250 : found == 0 ? 0 : why->code;
}

static void test_envelopes(void **state)
{
	static const struct { const char *rcpt, *from, *ip, *login; int code; const char *text; } rows[] = {
		{ "birds@lists.example.org", "bob@example.com", NULL, NULL, 250, "" },
		{ "BIRDS@Lists.Example.ORG", "bob@example.com", NULL, NULL, 250, "" },
		{ "birds@lists.example.org", "", NULL, NULL, 250, "" },
		{ "birds@lists.example.org", NULL, NULL, NULL, 250, "" },
		{ "birds@lists.example.org", "x@denied.example", NULL, NULL, 550, "x@denied.example may not post to birds@lists.example.org; ask birds-owner@" },
		{ "birds@lists.example.org", "X@DENIED.example", NULL, NULL, 550, "may not post" },
		{ "birds@lists.example.org", "eve@example.com", NULL, NULL, 550, "may not post" },
		{ "birds-owner@lists.example.org", "x@denied.example", NULL, NULL, 250, "" },
		{ "birds@lists.example.org", "not an address", NULL, NULL, 250, "" },
		/* lists that only owners and moderators post to */
		{ "news@lists.example.org", "bob@example.com", NULL, NULL, 550, "bob@example.com may not post to news@" },
		{ "news@lists.example.org", "", NULL, NULL, 550, "<> may not post" },
		{ "news@lists.example.org", "other@example.org", NULL, NULL, 250, "" },
		{ "news@lists.example.org", "bounce@mail.example.org", NULL, NULL, 250, "" },
		{ "news@lists.example.org", "x@example.net", NULL, NULL, 250, "" },
		{ "news@lists.example.org", "x@myexample.org", NULL, NULL, 550, "may not post" },
		{ "news@lists.example.org", "bob@example.com", "192.0.2.9", NULL, 250, "" },
		{ "news@lists.example.org", "bob@example.com", "198.51.100.9", NULL, 550, "may not post" },
		{ "news@lists.example.org", "bob@example.com", NULL, "bob", 250, "" },
		{ "news-owner@lists.example.org", "bob@example.com", NULL, NULL, 250, "" },
		{ "late@lists.example.org", "bob@example.com", NULL, NULL, 250, "" },
		/* other addresses */
		{ "orphan-owner@lists.example.org", "bob@example.com", NULL, NULL, 550, "is not an address of a list here" },
		{ "birds-bounces@lists.example.org", "", NULL, NULL, 250, "" },
		{ "birds-bounces+rabcdefghijklmnopqrst0123456789abcdef+ann=example.com@lists.example.org", "", NULL, NULL, 550, "is not an address of a list here" },
		{ "birds-bounces+pabcdefghijklmnopqrst0123456789abcdef@lists.example.org", "", NULL, NULL, 550, "is not an address of a list here" },
		{ "birds-author-abcdefghijklmnop@lists.example.org", "bob@example.com", NULL, NULL, 550, "is not an address of a list here" },
		{ "birds-author-ann=40example.com-aaaaaaaa@lists.example.org", "bob@example.com", NULL, NULL, 550, "is not an address of a list here" },
		{ "dogs@lists.example.org", "bob@example.com", NULL, NULL, 0, "" },
		{ "birds@elsewhere.example", "bob@example.com", NULL, NULL, 0, "" },
		{ "birds", "bob@example.com", NULL, NULL, 0, "" },
		{ "", "bob@example.com", NULL, NULL, 0, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct envelope envelope = { .mail_from = rows[i].from, .client_ip = rows[i].ip, .auth_user = rows[i].login };
		struct fail why = { .text = "" };
		int code = ask(*state, &envelope, rows[i].rcpt, &why);

		if (code != rows[i].code || (rows[i].text[0] != '\0' && strstr(why.text, rows[i].text) == NULL))
			fail_msg("%s from %s: %d %s", rows[i].rcpt, rows[i].from, code, why.text);
	}
}

/* What we have given out is taken. */
static void test_own_addresses(void **state)
{
	struct place *place = *state;
	struct secret verp = secret_derive(&place->daemon.master, "verp birds@lists.example.org"), aliases = secret_derive(&place->daemon.master, "alias birds@lists.example.org");
	const struct envelope report = { .mail_from = "" }, reader = { .mail_from = "bob@example.com" };
	struct address author;
	char sender[400];
	const char *alias;
	struct fail why;

	assert_true(verp_write(&verp, VERP_RECIPIENT, "birds", "lists.example.org", POST_ID, "ann@example.com", sender, sizeof(sender)));
	assert_int_equal(ask(place, &report, sender, &why), 250);
	assert_true(verp_write(&verp, VERP_POST, "birds", "lists.example.org", POST_ID, NULL, sender, sizeof(sender)));
	assert_int_equal(ask(place, &report, sender, &why), 250);
	/* of another list */
	assert_true(verp_write(&verp, VERP_RECIPIENT, "news", "lists.example.org", POST_ID, "ann@example.com", sender, sizeof(sender)));
	assert_int_equal(ask(place, &report, sender, &why), 550);
	assert_int_equal(address_parse(place->a, SPAN_LIT("ann@example.com"), &author, &why), 0);
	alias = alias_make(place->a, &aliases, "birds", "lists.example.org", &author, true);
	assert_int_equal(ask(place, &reader, alias, &why), 250);
	alias = alias_make(place->a, &aliases, "birds", "lists.example.org", &author, false);
	assert_int_equal(ask(place, &reader, alias, &why), 550);
	if (store_alias_put(place->daemon.store, "birds@lists.example.org", alias_code(place->a, &aliases, "birds", &author), "ann@example.com", 1, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(ask(place, &reader, alias, &why), 250);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_envelopes), cmocka_unit_test(test_own_addresses) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
