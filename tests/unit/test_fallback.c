/* SPDX-License-Identifier: BSD-2-Clause */
/* Second forms: who gets one, which, once, whatever is repeated and whenever the process ends. */
#include "tests/unit/fake_daemon.h"

#include "listd/bounce/figures.h"

#define ID "7abcdefghijklmnopqr2"
#define REPLY "550 5.7.26 Unauthenticated email from reject.example is not accepted due to domain's DMARC policy"
#define NO_DROP .drop_in = -1, .drop_out = -1

static void note(struct daemon *daemon, const char *job, const char *recipient, const char *form, enum bounce_source source, enum bounce_class class)
{
	struct bounce bounce = { .list = FAKE_LIST, .job = job, .recipient = recipient, .form = form, .source = source, .class = class, .status = "5.7.26", .reply = REPLY,
		.at_secs = clock_now(&daemon->clock) };
	struct fail why;

	fake_daemon_must(fallback_note(daemon, &bounce, &why), &why);
}

static int refused(void *context, const struct job *job, const struct job_rcpt *rcpt, int code, const char *reply)
{
	(void)code;
	note(context, job->id, rcpt->address, job->forms[rcpt->form].name, BOUNCE_BY_REPLY, strstr(reply, "DMARC") != NULL ? BOUNCE_POLICY_DMARC : BOUNCE_DEAD_MAILBOX);
	return 0;
}

static void make(struct fake_daemon *d)
{
	struct fail why;

	fake_daemon_must(fallback_make(&d->daemon, &why), &why);
}

static bool has_from(struct fake_daemon *d, const char *rcpt, const char *from)
{
	const char *copy = fake_daemon_copy(d, rcpt);
	struct message m;

	assert_non_null(copy);
	return message_parse(d->box.arena, span_of(copy), &m, NULL) == 0 && span_find(message_field(&m, "From")->value, span_of(from)) < message_field(&m, "From")->value.len;
}

static void only(struct fake_daemon *d, size_t ann, size_t bob, size_t carol, size_t dave)
{
	assert_int_equal(relay_count(d->relay, "ann@lenient.example"), ann);
	assert_int_equal(relay_count(d->relay, "bob@lenient.example"), bob);
	assert_int_equal(relay_count(d->relay, "carol@strict.example"), carol);
	assert_int_equal(relay_count(d->relay, "dave@arc.example"), dave);
}

static struct second *rows_of(struct fake_daemon *d, size_t *count_r)
{
	struct second *rows;
	struct fail why;

	fake_daemon_must(store_second_all(d->daemon.store, d->box.arena, FAKE_LIST, &rows, count_r, &why), &why);
	return rows;
}

/* Refused in the session: ann and dave get it rewritten, the others nothing more. */
static void test_reply(void **state)
{
	static const struct relay_plan plan = { .rules = { { "RCPT TO:<ann@", REPLY "\r\n", 1 }, { "RCPT TO:<dave@", REPLY "\r\n", 1 }, { "RCPT TO:<carol@", "550 5.1.1 no such user\r\n", 1 } },
		NO_DROP };
	struct fake_daemon d = { 0 };
	struct second *rows;
	size_t count;

	(void)state;
	fake_daemon_open(&d, &plan, "", refused);
	fake_daemon_post(&d, ID, "ann@reject.example");
	fake_daemon_await(&d, "bob@lenient.example", 1);
	only(&d, 0, 1, 0, 0);
	assert_true(has_from(&d, "bob@lenient.example", "ann@reject.example"));
	make(&d);
	fake_daemon_await(&d, "ann@lenient.example", 1);
	fake_daemon_await(&d, "dave@arc.example", 1);
	only(&d, 1, 1, 0, 1);
	assert_true(has_from(&d, "ann@lenient.example", "<birds@lists.example.org>"));
	assert_true(has_from(&d, "ann@lenient.example", "via"));
	assert_non_null(strstr(fake_daemon_copy(&d, "ann@lenient.example"), "X-Original-From: Ann <ann@reject.example>"));
	rows = rows_of(&d, &count);
	assert_int_equal(count, 2);
	assert_string_equal(rows[0].key, "ann@lenient.example");
	assert_string_equal(rows[0].form, "none");
	assert_string_equal(rows[0].outcome, "rewrite");
	assert_int_equal(rows[0].state, SECOND_SENT);
	assert_string_equal(rows[1].form, "reseal");
	assert_string_equal(rows[1].next_id, rows[0].next_id);
	/* nothing more, however often it is said */
	note(&d.daemon, ID "-0", "ann@lenient.example", "none", BOUNCE_BY_REPLY, BOUNCE_POLICY_DMARC);
	note(&d.daemon, ID, "Ann@LENIENT.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	make(&d);
	usleep(200000);
	only(&d, 1, 1, 0, 1);
	fake_daemon_close(&d);
}

static int count_refused(void *context, int64_t day, const struct store_figure *figure)
{
	(void)day;
	if (strcmp(figure->kind, FIGURE_SECOND) == 0 && strcmp(figure->key, "rewrite refused") == 0)
		*(uint64_t *)context += figure->count;
	return 0;
}

/* What the daemon makes of a report by mail, figures and all. */
static void take_report(struct daemon *daemon, const char *post_id, const char *recipient)
{
	struct bounce bounce = { .list = FAKE_LIST, .job = post_id, .recipient = recipient, .source = BOUNCE_BY_RCPT_KEY, .class = BOUNCE_POLICY_DMARC, .status = "5.7.26", .reply = REPLY,
		.at_secs = clock_now(&daemon->clock) };
	struct fail why;

	fake_daemon_must(bounce_take(daemon, &bounce, &why), &why);
}

/* Reports by mail: only the recipient's own key starts it, only for a copy that was sent, and the chain ends with a wrapped one. */
static void test_reports(void **state)
{
	static const struct relay_plan plan = { NO_DROP };
	struct fake_daemon d = { 0 };
	struct second *rows;
	uint64_t refused_count = 0;
	char second_id[64];
	struct fail why;
	size_t count;

	(void)state;
	fake_daemon_open(&d, &plan, "", refused);
	fake_daemon_post(&d, ID, "ann@reject.example");
	fake_daemon_await(&d, "bob@lenient.example", 1);
	only(&d, 1, 1, 1, 1);
	assert_int_equal(box_count(&d.box, "spool/kept"), 1); /* its post within */
	note(&d.daemon, ID, "bob@lenient.example", NULL, BOUNCE_BY_POST_KEY, BOUNCE_POLICY_DMARC);
	note(&d.daemon, ID, "bob@lenient.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_SPAM);
	note(&d.daemon, ID, "stranger@lenient.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	note(&d.daemon, "7zzzzzzzzzzzzzzzzzzz", "bob@lenient.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	make(&d);
	usleep(200000);
	only(&d, 1, 1, 1, 1);
	note(&d.daemon, ID, "bob@lenient.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	note(&d.daemon, ID, "carol@strict.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	make(&d);
	fake_daemon_await(&d, "bob@lenient.example", 2);
	fake_daemon_await(&d, "carol@strict.example", 2);
	only(&d, 1, 2, 2, 1);
	assert_true(has_from(&d, "carol@strict.example", "<birds@lists.example.org>"));
	rows = rows_of(&d, &count);
	for (size_t i = 0; i < count; i++)
		if (rows[i].state == SECOND_SENT)
			snprintf(second_id, sizeof(second_id), "%s", rows[i].next_id);
	take_report(&d.daemon, second_id, "bob@lenient.example");
	take_report(&d.daemon, second_id, "bob@lenient.example");
	fake_daemon_must(store_figures_each(d.daemon.store, FAKE_LIST, 0, clock_now(&d.daemon.clock) / 86400, count_refused, &refused_count, &why), &why);
	assert_int_equal(refused_count, 1);
	make(&d);
	fake_daemon_await(&d, "bob@lenient.example", 3);
	assert_non_null(strstr(fake_daemon_copy(&d, "bob@lenient.example"), "message/rfc822"));
	only(&d, 1, 3, 2, 1);
	fake_daemon_close(&d);
}

/* A member who left or whose delivery is off gets nothing; nor does anybody of a list that does not want it. */
static void test_who_is_left(void **state)
{
	static const struct relay_plan plan = { NO_DROP };
	const char *bob = "bob@lenient.example";
	struct member off = { .key = "dave@arc.example", .address = "dave@arc.example", .name = "", .reason = "", .delivery = MEMBER_DELIVERY_OFF_BY_BOUNCES };
	struct fake_daemon d = { 0 };
	struct fail why;
	size_t removed;

	(void)state;
	fake_daemon_open(&d, &plan, "", refused);
	fake_daemon_post(&d, ID, "ann@reject.example");
	fake_daemon_await(&d, bob, 1);
	fake_daemon_must(store_members_remove(d.daemon.store, FAKE_LIST, &bob, 1, &removed, &why), &why);
	fake_daemon_must(store_member_put(d.daemon.store, FAKE_LIST, &off, &why), &why);
	note(&d.daemon, ID, bob, NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	note(&d.daemon, ID, "dave@arc.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	make(&d);
	usleep(200000);
	only(&d, 1, 1, 1, 1);
	note(&d.daemon, ID, "ann@lenient.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	fake_daemon_must(store_list_put(d.daemon.store, FAKE_LIST, "fallback = no\n", &why), &why);
	make(&d);
	usleep(200000);
	only(&d, 1, 1, 1, 1);
	fake_daemon_close(&d);
}

/* The process ends before the job is there, and before the rows say that it is: one copy in any case. */
static void test_crashes(void **state)
{
	static const struct relay_plan plan = { NO_DROP };
	struct fake_daemon d = { 0 };
	struct second *rows, chosen;
	struct fail why;
	size_t count;

	(void)state;
	fake_daemon_open(&d, &plan, "", refused);
	fake_daemon_post(&d, ID, "ann@reject.example");
	fake_daemon_await(&d, "bob@lenient.example", 1);
	note(&d.daemon, ID, "bob@lenient.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	rows = rows_of(&d, &count);
	assert_int_equal(count, 1);
	chosen = rows[0];
	chosen.state = SECOND_CHOSEN;
	chosen.next_id = "7bbbbbbbbbbbbbbbbbb2";
	chosen.outcome = "1";
	fake_daemon_must(store_second_put(d.daemon.store, &chosen, 1, &why), &why);
	fake_daemon_end(&d);
	fake_daemon_begin(&d);
	make(&d);
	fake_daemon_await(&d, "bob@lenient.example", 2);
	assert_true(box_has(&d.box, "spool/kept/7bbbbbbbbbbbbbbbbbb2-0"));
	/* as if the process had ended before the row was written */
	fake_daemon_must(store_second_put(d.daemon.store, &chosen, 1, &why), &why);
	make(&d);
	usleep(200000);
	only(&d, 1, 2, 1, 1);
	rows = rows_of(&d, &count);
	assert_int_equal(rows[0].state, SECOND_SENT);
	/* one that ends the process each time is given up */
	chosen.post_id = chosen.job = ID;
	chosen.key = "ann@lenient.example";
	chosen.next_id = "7ccccccccccccccccccc";
	chosen.outcome = "3";
	fake_daemon_must(store_second_put(d.daemon.store, &chosen, 1, &why), &why);
	make(&d);
	usleep(200000);
	only(&d, 1, 2, 1, 1);
	fake_daemon_close(&d);
}

/* Keys, policies and signatures' times are other ones by then: what was right on arrival stays so; what a lenient record disowned gets no name lent. */
static void test_as_on_arrival(void **state)
{
	static const struct relay_plan plan = { NO_DROP };
	struct fake_daemon d = { 0 };

	(void)state;
	fake_daemon_open(&d, &plan, "", refused);
	fake_daemon_post(&d, ID, "ann@reject.example");
	fake_daemon_await(&d, "bob@lenient.example", 1);
	resolver_free(d.daemon.dns);
	d.fake.dns = d.daemon.dns = NULL;
	{
		struct fail why;

		fake_daemon_must(resolver_zone(SPAN_LIT("_dmarc.reject.example. TXT \"v=DMARC1; p=reject\"\nlists.example.org. TXT \"v=spf1 -all\"\n"), &d.fake.dns, &why), &why);
		d.daemon.dns = d.fake.dns;
	}
	d.daemon.clock.fixed_secs += 4 * 86400;
	note(&d.daemon, ID, "bob@lenient.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	make(&d);
	fake_daemon_await(&d, "bob@lenient.example", 2);
	assert_true(has_from(&d, "bob@lenient.example", "Ann via"));
	assert_null(strstr(fake_daemon_copy(&d, "bob@lenient.example"), "message/rfc822"));
	fake_daemon_close(&d);
}

static void test_is_kept(void **state)
{
	static const struct relay_plan plan = { NO_DROP };
	struct fake_daemon d = { 0 };
	struct fail why;

	(void)state;
	fake_daemon_open(&d, &plan, "", refused);
	fake_daemon_post(&d, ID, "ann@reject.example");
	fake_daemon_await(&d, "bob@lenient.example", 1);
	fake_daemon_must(job_sweep_kept(d.daemon.spool, FAKE_NOW, &why), &why);
	assert_int_equal(box_count(&d.box, "spool/kept"), 1);
	fake_daemon_must(job_sweep_kept(d.daemon.spool, FAKE_NOW + 1, &why), &why);
	assert_int_equal(box_count(&d.box, "spool/kept"), 0);
	note(&d.daemon, ID, "bob@lenient.example", NULL, BOUNCE_BY_RCPT_KEY, BOUNCE_POLICY_DMARC);
	make(&d);
	usleep(100000);
	only(&d, 1, 1, 1, 1);
	fake_daemon_close(&d);
}

static void test_next(void **state)
{
	static const struct { const char *form; bool of_second; const char *want; } rows[] = {
		{ "none", false, "rewrite" }, { "allowlist", false, "rewrite" }, { "reseal", false, "rewrite" }, { "passthrough", false, "rewrite" },
		{ "rewrite", false, NULL }, { "rewrite", true, "wrap" }, { "wrap", false, NULL }, { "wrap", true, NULL }, { "probe", false, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct strategy *got = fallback_next(rows[i].form, rows[i].of_second);

		assert_string_equal(got == NULL ? "-" : got->name, rows[i].want == NULL ? "-" : rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next), cmocka_unit_test(test_reply), cmocka_unit_test(test_reports), cmocka_unit_test(test_who_is_left),
		cmocka_unit_test(test_crashes), cmocka_unit_test(test_as_on_arrival), cmocka_unit_test(test_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
