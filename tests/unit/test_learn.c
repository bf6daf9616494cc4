/* SPDX-License-Identifier: BSD-2-Clause */
/* What refusals teach: by whom they are believed, what they change, when it ends. */
#include "tests/unit/fake_daemon.h"

#define NO_DROP .drop_in = -1, .drop_out = -1
#define REPLY "550 5.7.26 refused due to the domain's DMARC policy"
#define DAY 86400

static const struct relay_plan plan = { NO_DROP };

static int refused(void *context, const struct job *job, const struct job_rcpt *rcpt, int code, const char *reply)
{
	(void)context;
	(void)code;
	(void)reply;
	fail_msg("%s was refused to %s", job->id, rcpt->address);
	return 0;
}

static const char *post(struct fake_daemon *d, const char *author)
{
	static unsigned number;
	const char *id = arena_printf(d->box.arena, "7abcdefghijklmnopq%c%c", 'a' + (int)(number / 20), 'a' + (int)(number % 20));
	size_t before = relay_count(d->relay, "carol@strict.example");

	number++;
	fake_daemon_post(d, id, author);
	fake_daemon_await(d, "carol@strict.example", before + 1);
	return id;
}

static void note(struct fake_daemon *d, const char *job, const char *recipient, const char *form, enum bounce_source source)
{
	struct bounce bounce = { .list = FAKE_LIST, .job = job, .recipient = recipient, .form = form, .source = source, .class = BOUNCE_POLICY_DMARC, .status = "5.7.26",
		.reply = REPLY, .at_secs = clock_now(&d->daemon.clock) };
	struct fail why;

	fake_daemon_must(learn_note(&d->daemon, &bounce, &why), &why);
}

static void note_passed_on(struct fake_daemon *d, const char *job, const char *recipient)
{
	struct bounce bounce = { .list = FAKE_LIST, .job = job, .recipient = recipient, .form = "none", .source = BOUNCE_BY_REPLY, .class = BOUNCE_POLICY_DMARC, .status = "5.7.26",
		.reply = REPLY, .is_passed_on = true, .at_secs = clock_now(&d->daemon.clock) };
	struct fail why;

	fake_daemon_must(learn_note(&d->daemon, &bounce, &why), &why);
}

static bool is_rewritten(struct fake_daemon *d, const char *rcpt)
{
	return strstr(fake_daemon_copy(d, rcpt), "\nX-Original-From:") != NULL;
}

static const struct learnt *row(struct fake_daemon *d, enum learnt_kind kind, const char *name, const char *what)
{
	struct learnt *rows;
	size_t count;

	learn_all(d->daemon.learn, d->box.arena, &rows, &count);
	for (size_t i = 0; i < count; i++)
		if (rows[i].kind == kind && strcmp(rows[i].name, name) == 0 && strcmp(rows[i].what, what) == 0)
			return &rows[i];
	return NULL;
}

static enum learn_state state_of(struct fake_daemon *d, enum learnt_kind kind, const char *name, const char *what)
{
	const struct learnt *found = row(d, kind, name, what);

	assert_non_null(found);
	return learn_state(found, clock_now(&d->daemon.clock), 30 * DAY);
}

static void reopen(struct fake_daemon *d)
{
	struct fail why;

	learn_free(d->daemon.learn);
	fake_daemon_must(learn_open(d->daemon.store, &d->daemon.learn, &why), &why);
}

/* One that does not act on DMARC starts to: from then on its copies hold; it is tried again with one copy after 30 days. */
static void test_changes_its_mind(void **state)
{
	struct fake_daemon d = { 0 };
	const char *id;

	(void)state;
	fake_daemon_open(&d, &plan, "decorate = always\n", refused);
	id = post(&d, "ann@reject.example");
	assert_false(is_rewritten(&d, "ann@lenient.example"));
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_SENT);
	assert_int_equal(row(&d, LEARNT_RECEIVER, "lenient", "none")->sent_count, 2);
	/* what an address says that the copy was passed on to is nothing that this receiver said */
	note_passed_on(&d, arena_printf(d.box.arena, "%s-0", id), "ann@lenient.example");
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_SENT);
	note(&d, arena_printf(d.box.arena, "%s-0", id), "ann@lenient.example", "none", BOUNCE_BY_REPLY);
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_HOLDS);
	reopen(&d);
	post(&d, "ann@reject.example");
	assert_true(is_rewritten(&d, "ann@lenient.example") && is_rewritten(&d, "bob@lenient.example"));
	/* what its policy does not ask for is left alone */
	post(&d, "ann@none.example");
	assert_false(is_rewritten(&d, "ann@lenient.example"));
	d.daemon.clock.fixed_secs += 31 * DAY;
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_DUE);
	post(&d, "ann@reject.example");
	assert_int_equal(is_rewritten(&d, "ann@lenient.example") + is_rewritten(&d, "bob@lenient.example"), 1);
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_TRYING);
	id = post(&d, "ann@reject.example");
	assert_true(is_rewritten(&d, "ann@lenient.example") && is_rewritten(&d, "bob@lenient.example"));
	/* it is over when nothing comes back, or lasts as long again */
	d.daemon.clock.fixed_secs += DAY + 1;
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_OVER);
	id = post(&d, "ann@reject.example");
	assert_false(is_rewritten(&d, "ann@lenient.example") || is_rewritten(&d, "bob@lenient.example"));
	note(&d, id, "bob@lenient.example", NULL, BOUNCE_BY_REPLY);
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_HOLDS);
	fake_daemon_close(&d);
}

/* Marks are lost with the refusal of what they stand for; what was proved and refused is passed over. */
static void test_marks(void **state)
{
	struct fake_daemon d = { 0 };
	const char *id;

	(void)state;
	fake_daemon_open(&d, &plan, "", refused);
	id = post(&d, "ann@reject.example");
	assert_non_null(strstr(fake_daemon_copy(&d, "dave@arc.example"), "ARC-Seal:"));
	assert_non_null(strstr(fake_daemon_copy(&d, "dave@arc.example"), "Subject: [birds] herons"));
	note(&d, id, "dave@arc.example", NULL, BOUNCE_BY_REPLY);
	note(&d, id, "carol@strict.example", NULL, BOUNCE_BY_REPLY);
	assert_non_null(row(&d, LEARNT_RECEIVER, "arc", "reseal"));
	/* nobody names the domain: it is known for itself */
	assert_true(row(&d, LEARNT_RECEIVER, "@strict.example", "passthrough")->proved);
	post(&d, "ann@reject.example");
	assert_non_null(strstr(fake_daemon_copy(&d, "dave@arc.example"), "Subject: herons")); /* passthrough */
	assert_true(is_rewritten(&d, "carol@strict.example"));
	fake_daemon_close(&d);
}

/* Reports can be made up by the recipient: three are believed, one is not, however often it comes. */
static void test_witnesses(void **state)
{
	static const struct member more[] = { { .key = "eve@lenient.example", .address = "eve@lenient.example", .name = "", .reason = "" } };
	struct fake_daemon d = { 0 };
	struct fail why;
	const char *id;
	size_t added;

	(void)state;
	fake_daemon_open(&d, &plan, "", refused);
	fake_daemon_must(store_members_add(d.daemon.store, FAKE_LIST, more, 1, &added, NULL, NULL, &why), &why);
	id = post(&d, "ann@reject.example");
	for (int i = 0; i < 5; i++) {
		note(&d, id, "ann@lenient.example", NULL, BOUNCE_BY_RCPT_KEY);
		d.daemon.clock.fixed_secs += 60;
	}
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_SUSPECTED);
	note(&d, id, "nobody@lenient.example", NULL, BOUNCE_BY_RCPT_KEY);
	note(&d, id, "bob@lenient.example", NULL, BOUNCE_BY_POST_KEY);
	note(&d, id, "bob@lenient.example", NULL, BOUNCE_BY_RCPT_KEY);
	reopen(&d);
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_SUSPECTED);
	/* too long ago */
	d.daemon.clock.fixed_secs += LEARN_WITNESS_SECS + 1;
	note(&d, id, "eve@lenient.example", NULL, BOUNCE_BY_RCPT_KEY);
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_SUSPECTED);
	note(&d, id, "bob@lenient.example", NULL, BOUNCE_BY_RCPT_KEY);
	note(&d, id, "ann@lenient.example", NULL, BOUNCE_BY_RCPT_KEY);
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_HOLDS);
	fake_daemon_close(&d);
}

/* An author's domain that asks for nothing is refused all the same: forced where that was, and everywhere when three receivers did. */
static void test_author(void **state)
{
	struct fake_daemon d = { 0 };
	const char *id;

	(void)state;
	fake_daemon_open(&d, &plan, "decorate = always\n", refused);
	id = post(&d, "ann@none.example");
	note(&d, id, "carol@strict.example", NULL, BOUNCE_BY_REPLY);
	assert_int_equal(state_of(&d, LEARNT_AUTHOR, "none.example", "@strict.example"), LEARN_HOLDS);
	id = post(&d, "ann@none.example");
	assert_true(is_rewritten(&d, "carol@strict.example"));
	assert_false(is_rewritten(&d, "dave@arc.example"));
	note(&d, id, "dave@arc.example", NULL, BOUNCE_BY_REPLY);
	id = post(&d, "ann@none.example");
	assert_false(is_rewritten(&d, "ann@lenient.example"));
	note(&d, id, "ann@lenient.example", NULL, BOUNCE_BY_REPLY);
	assert_int_equal(state_of(&d, LEARNT_AUTHOR, "none.example", "lenient"), LEARN_HOLDS);
	post(&d, "ann@absent.example");
	assert_false(is_rewritten(&d, "carol@strict.example"));
	{
		struct site_rules rules;
		struct facts facts = { .authors = &(struct dmarc_verdict){ .author_domain = "none.example" }, .author_count = 1 };

		learn_site_rules(&d.daemon, d.box.arena, &facts, &rules);
		assert_int_equal(rules.rules.count, 3);
		assert_null(rules.rules.items[0].to);
		assert_false(rules.is_due);
		d.daemon.clock.fixed_secs += 31 * DAY;
		learn_site_rules(&d.daemon, d.box.arena, &facts, &rules);
		assert_true(rules.is_due);
		assert_int_equal(rules.trial.count, 0);
	}
	fake_daemon_close(&d);
}

/* The allowlist is effective at once, is lost with a refusal, and gained again; exempt senders are left alone; a fixed row is not changed. */
static void test_allowlist(void **state)
{
	struct fake_daemon d = { 0 };
	struct fail why;
	const char *id;
	size_t count;

	(void)state;
	fake_daemon_open(&d, &plan, "decorate = always\n", refused);
	post(&d, "ann@reject.example");
	assert_true(is_rewritten(&d, "carol@strict.example"));
	fake_daemon_must(learn_allow(d.daemon.learn, &(struct allowed){ ALLOWED_RECEIVER, "@strict.example", "agreed by mail", clock_now(&d.daemon.clock) }, &why), &why);
	reopen(&d);
	id = post(&d, "ann@reject.example");
	assert_false(is_rewritten(&d, "carol@strict.example"));
	note(&d, id, "carol@strict.example", NULL, BOUNCE_BY_REPLY);
	post(&d, "ann@reject.example");
	assert_true(is_rewritten(&d, "carol@strict.example"));
	d.daemon.clock.fixed_secs += 60;
	fake_daemon_must(learn_allow(d.daemon.learn, &(struct allowed){ ALLOWED_RECEIVER, "@strict.example", "", clock_now(&d.daemon.clock) }, &why), &why);
	post(&d, "ann@reject.example");
	assert_false(is_rewritten(&d, "carol@strict.example"));
	assert_int_equal(learn_disallow(d.daemon.learn, ALLOWED_RECEIVER, "@strict.example", &why), 1);
	assert_int_equal(learn_disallow(d.daemon.learn, ALLOWED_RECEIVER, "@strict.example", &why), 0);
	assert_int_equal(learn_forget(d.daemon.learn, "Strict.Example", &count, &why), 0);
	assert_int_equal(count, 1);
	post(&d, "ann@reject.example");
	assert_true(is_rewritten(&d, "carol@strict.example"));
	fake_daemon_must(learn_allow(d.daemon.learn, &(struct allowed){ ALLOWED_SENDER, "reject.example", "", 0 }, &why), &why);
	post(&d, "ann@reject.example");
	assert_false(is_rewritten(&d, "carol@strict.example"));
	fake_daemon_close(&d);
}

static void test_fixed_row(void **state)
{
	struct fake_daemon d = { 0 };
	struct fail why;
	const char *id;

	(void)state;
	fake_daemon_open(&d, &plan, "decorate = always\n", refused);
	fake_daemon_must(receivers_parse(SPAN_LIT("operator lenient\n learns no\n"), "own", d.fake.receivers, &why), &why);
	id = post(&d, "ann@reject.example");
	note(&d, id, "ann@lenient.example", NULL, BOUNCE_BY_REPLY);
	assert_int_equal(state_of(&d, LEARNT_RECEIVER, "lenient", "none"), LEARN_HOLDS);
	post(&d, "ann@reject.example");
	assert_false(is_rewritten(&d, "ann@lenient.example"));
	fake_daemon_close(&d);
}

/* Rows of which nothing is heard go; their number is limited. */
static void test_limits(void **state)
{
	struct fake_daemon d = { 0 };
	struct learnt *rows;
	struct fail why;
	size_t count;

	(void)state;
	fake_daemon_open(&d, &plan, "", refused);
	post(&d, "ann@reject.example");
	d.daemon.clock.fixed_secs += 100 * DAY;
	learn_tend(&d.daemon);
	learn_all(d.daemon.learn, d.box.arena, &rows, &count);
	assert_int_equal(count, 3);
	d.daemon.clock.fixed_secs += 100 * DAY;
	learn_tend(&d.daemon);
	learn_all(d.daemon.learn, d.box.arena, &rows, &count);
	assert_int_equal(count, 0);
	for (int i = 0; i < LEARN_ALLOWED_MAX; i++)
		fake_daemon_must(learn_allow(d.daemon.learn, &(struct allowed){ ALLOWED_SENDER, arena_printf(d.box.arena, "d%d.example", i), "", 0 }, &why), &why);
	assert_int_equal(learn_allow(d.daemon.learn, &(struct allowed){ ALLOWED_SENDER, "more.example", "", 0 }, &why), -1);
	fake_daemon_must(learn_allow(d.daemon.learn, &(struct allowed){ ALLOWED_SENDER, "d7.example", "again", 0 }, &why), &why);
	fake_daemon_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_its_mind), cmocka_unit_test(test_marks), cmocka_unit_test(test_witnesses), cmocka_unit_test(test_author),
		cmocka_unit_test(test_allowlist), cmocka_unit_test(test_fixed_row), cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
