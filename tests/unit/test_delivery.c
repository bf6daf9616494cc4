/* SPDX-License-Identifier: BSD-2-Clause */
/* delivery: every recipient gets the post once, whatever the relay says or breaks. */
#include "tests/unit/fake_relay.h"
#include "tests/unit/spool_help.h"

#include "listd/delivery/delivery.h"
#include "listd/delivery/verp.h"
#include "mail/clock.h"

#include <signal.h>
#include <sys/wait.h>

#define POST "From: ann@example.com\r\nSubject: birds\r\n\r\n.hello\r\n..\r\nbye\r\n"
#define TAGGED "From: ann@example.com\r\nSubject: [birds] birds\r\n\r\n.hello\r\n..\r\nbye\r\n"

static const struct secret secret = { { 9 } };

struct seen { pthread_mutex_t lock; unsigned refused_count, delivered_count; char rcpt[300], reply[1200]; int code; };

static void verp_sender(void *context, const struct job *job, const struct job_rcpt *rcpt, char *sender_r, size_t size)
{
	(void)context;
	verp_write(&secret, VERP_RECIPIENT, "birds", "lists.example.org", job->id, rcpt->address, sender_r, size);
}

static void plain_sender(void *context, const struct job *job, char *sender_r, size_t size)
{
	(void)context;
	verp_write(&secret, VERP_POST, "birds", "lists.example.org", job->id, NULL, sender_r, size);
}

static int refused(void *context, const struct job *job, const struct job_rcpt *rcpt, int code, const char *reply)
{
	struct seen *seen = context;

	(void)job;
	pthread_mutex_lock(&seen->lock);
	seen->refused_count++;
	snprintf(seen->rcpt, sizeof(seen->rcpt), "%s", rcpt->address);
	snprintf(seen->reply, sizeof(seen->reply), "%s", reply);
	seen->code = code;
	pthread_mutex_unlock(&seen->lock);
	return 0;
}

static void delivered(void *context, const struct job *job, const char *form, size_t count)
{
	struct seen *seen = context;

	(void)job;
	(void)form;
	pthread_mutex_lock(&seen->lock);
	seen->delivered_count += (unsigned)count;
	pthread_mutex_unlock(&seen->lock);
}

#define ID "abcdefgh234567abcdef"
#define JOB ID "-1"

struct job_plan { unsigned rcpts; bool tagged_half, needs_8bit, needs_utf8; const char *fixed_sender, *odd_rcpt; int64_t created_secs; const char *post; };

/* out/JOB to user0@example.com and so on; every second one with a subject tag where asked for. */
static void make_job(struct spool_box *box, const struct job_plan *plan)
{
	struct span post = span_of(plan->post != NULL ? plan->post : POST);
	struct spooled spooled;
	struct iovec whole[1], tagged[3];
	struct job_form forms[2] = {
		{ .name = "none", .rendering = { whole, 1, post.len, 0 }, .needs_8bit = plan->needs_8bit, .needs_utf8 = plan->needs_utf8 },
		{ .name = "rewrite", .rendering = { tagged, 3, post.len + 8, 8 } },
	};
	struct job_request request = { .id = JOB, .post_id = ID, .list = "birds@lists.example.org", .forms = forms, .form_count = plan->tagged_half ? 2 : 1,
		.sender = plan->fixed_sender != NULL ? JOB_SENDER_FIXED : JOB_SENDER_VERP, .fixed_sender = plan->fixed_sender, .created_secs = plan->created_secs,
		.envelope = &spooled.envelope };
	struct job_writer *writer;
	struct fail why;

	box_put(box, ID, post);
	assert_int_equal(spool_read(box->spool, box->arena, SPOOL_IN, ID, &spooled, &why), 0);
	whole[0] = (struct iovec){ (char *)(uintptr_t)spooled.message.ptr, spooled.message.len };
	tagged[0] = (struct iovec){ (char *)(uintptr_t)spooled.message.ptr, 32 };
	tagged[1] = (struct iovec){ (char *)(uintptr_t)"[birds] ", 8 };
	tagged[2] = (struct iovec){ (char *)(uintptr_t)spooled.message.ptr + 32, spooled.message.len - 32 };
	if (job_begin(box->spool, &request, spooled.message, &writer, &why) != 0)
		fail_msg("%s", why.text);
	for (unsigned i = 0; i < plan->rcpts; i++) {
		char address[64];

		snprintf(address, sizeof(address), "user%u@example.com", i);
		assert_int_equal(job_add(writer, plan->tagged_half ? i % 2 : 0, address, &why), 0);
	}
	if (plan->odd_rcpt != NULL)
		assert_int_equal(job_add(writer, 0, plan->odd_rcpt, &why), 0);
	assert_int_equal(job_commit(writer, &why), 0);
	spool_unread(&spooled);
	assert_int_equal(spool_remove(box->spool, SPOOL_IN, ID, &why), 0);
}

static struct delivery_options usual_options(const struct relay *relay, char name[40])
{
	snprintf(name, 40, "127.0.0.1:%d", relay->port);
	return (struct delivery_options){ .relay = name, .helo = "lists.example.org", .sessions = 1, .rcpts_max = 10, .timeout_secs = 10, .verp = VERP_OFF,
		.retry_min_secs = 3600, .retry_max_secs = 7200, .queue_life_secs = 86400 };
}

static struct delivery *start(struct spool_box *box, const struct delivery_options *options, struct seen *seen)
{
	struct delivery_hooks hooks = { .context = seen, .verp_sender = verp_sender, .plain_sender = plain_sender, .refused = refused, .delivered = delivered };
	struct delivery *delivery;
	struct fail why;

	memset(seen, 0, sizeof(*seen));
	pthread_mutex_init(&seen->lock, NULL);
	if (delivery_start(options, box->spool, &hooks, &delivery, &why) != 0)
		fail_msg("%s", why.text);
	return delivery;
}

/* Wait until the job is gone; flush: without waiting for retries. */
static bool wait_done(struct spool_box *box, struct delivery *delivery, bool flush)
{
	char path[120];

	snprintf(path, sizeof(path), "%s/out/%s", box->dir, JOB);
	for (int i = 0; i < 20000; i++) {
		if (access(path, F_OK) != 0)
			return true;
		if (flush)
			delivery_flush(delivery);
		usleep(500);
	}
	return false;
}

static void check_each_once(struct relay *relay, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char address[64];

		snprintf(address, sizeof(address), "user%u@example.com", i);
		if (relay_count(relay, address) != 1)
			fail_msg("%s has the post %zu times", address, relay_count(relay, address));
	}
}

/* Deliver with a plan for the relay and check that all users were served once. The relay is left for a look. */
static struct relay *deliver(struct spool_box *box, const struct relay_plan *relay_plan, const struct job_plan *job_plan, const struct delivery_options *change, bool flush, struct seen *seen)
{
	struct relay *relay = relay_start(relay_plan, 0);
	char name[40];
	struct delivery_options options = usual_options(relay, name);
	struct delivery *delivery;

	if (change != NULL) {
		options.verp = change->verp;
		options.sessions = change->sessions > 0 ? change->sessions : 1;
		options.rcpts_max = change->rcpts_max > 0 ? change->rcpts_max : 10;
		options.retry_min_secs = change->retry_min_secs > 0 ? change->retry_min_secs : options.retry_min_secs;
	}
	make_job(box, job_plan);
	delivery = start(box, &options, seen);
	if (!wait_done(box, delivery, flush))
		fail_msg("the job did not end");
	delivery_stop(delivery, 1000);
	assert_int_equal(relay->violations, 0);
	assert_int_equal(box_count(box, "out"), 0);
	return relay;
}

#define NO_DROP .drop_in = -1, .drop_out = -1

static void test_two_forms(void **state)
{
	struct relay_plan plan = { NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 95, .tagged_half = true }, NULL, false, &seen);

	check_each_once(relay, 95);
	assert_int_equal(relay->messages, 10);
	assert_int_equal(relay->connections, 1);
	assert_int_equal(seen.delivered_count, 95);
	for (size_t i = 0; i < relay->taken_count; i++) {
		const struct relay_taken *taken = &relay->taken[i];
		const char *want = atoi(taken->rcpt + 4) % 2 == 0 ? POST : TAGGED;

		assert_int_equal(taken->content_len, strlen(want));
		assert_memory_equal(taken->content, want, strlen(want));
		assert_non_null(strstr(taken->sender, "birds-bounces+p" ID));
	}
	relay_stop(relay);
}

static void test_verp_by_transaction(void **state)
{
	struct spool_box *box = *state;
	struct relay_plan plan = { NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(box, &plan, &(struct job_plan){ .rcpts = 40, .odd_rcpt = "a=b@example.net" }, &(struct delivery_options){ .verp = VERP_AUTO }, false, &seen);

	check_each_once(relay, 40);
	assert_int_equal(relay->messages, 41);
	for (size_t i = 0; i < relay->taken_count; i++) {
		struct span suffix = span_of(relay->taken[i].sender + strlen("birds-bounces+"));
		struct verp v;

		assert_true(verp_read(box->arena, &secret, "birds", span_sub(suffix, 0, span_find_byte(suffix, '@')), &v));
		assert_true(v.valid);
		assert_string_equal(v.recipient, relay->taken[i].rcpt);
	}
	relay_stop(relay);
}

static void test_xverp(void **state)
{
	struct relay_plan plan = { .ehlo = "250-PIPELINING\r\n250 XVERP\r\n", NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 20 }, &(struct delivery_options){ .verp = VERP_AUTO }, false, &seen);

	check_each_once(relay, 20);
	assert_int_equal(relay->messages, 2);
	assert_non_null(strstr(relay->last_mail, "> XVERP=+="));
	assert_null(strstr(relay->last_mail, "SIZE"));
	relay_stop(relay);
}

static void test_fixed_sender_and_parameters(void **state)
{
	struct relay_plan plan = { NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 3, .fixed_sender = "", .needs_8bit = true, .needs_utf8 = true },
		&(struct delivery_options){ .verp = VERP_TRANSACTION }, false, &seen);

	check_each_once(relay, 3);
	assert_int_equal(relay->messages, 1);
	assert_string_equal(relay->last_mail, "MAIL FROM:<> SIZE=58 BODY=8BITMIME SMTPUTF8");
	relay_stop(relay);
}

/* Nothing of 8 bits goes to a relay that takes 7: the job waits until the relay can, and nobody is refused. */
static void test_relay_without_8bitmime(void **state)
{
	struct spool_box *box = *state;
	struct relay_plan plan = { .ehlo = "250-PIPELINING\r\n250 SMTPUTF8\r\n", NO_DROP };
	struct relay *relay = relay_start(&plan, 0);
	struct seen seen;
	char name[40];
	struct delivery_options options = usual_options(relay, name);
	struct delivery *delivery;

	make_job(box, &(struct job_plan){ .rcpts = 25, .needs_8bit = true });
	delivery = start(box, &options, &seen);
	for (int i = 0; i < 20 && relay->connections == 0; i++)
		usleep(50000);
	usleep(100000);
	delivery_stop(delivery, 1000);
	assert_int_equal(relay->connections > 0, true);
	assert_int_equal(relay->messages, 0);
	assert_int_equal(seen.refused_count, 0);
	assert_int_equal(box_count(box, "out") > 0, true);
	relay_stop(relay);
}

static void test_one_recipient_refused(void **state)
{
	static const char *const replies[] = {
		"550 5.1.1 no such user\r\n", "550-5.1.1 no such\r\n550 5.1.1 user\r\n", "553-5.1.1 no\r\n553-such\r\n553 user\r\n", "571 x\r\n",
	};

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct relay_plan plan = { .rules = { { "RCPT TO:<user7@", replies[i], 1 } }, NO_DROP };
		struct seen seen;
		struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 25 }, NULL, false, &seen);

		assert_int_equal(relay->taken_count, 24);
		assert_int_equal(relay_count(relay, "user7@example.com"), 0);
		assert_int_equal(seen.refused_count, 1);
		assert_string_equal(seen.rcpt, "user7@example.com");
		assert_int_equal(seen.code, atoi(replies[i]));
		relay_stop(relay);
	}
}

/* Temporary trouble at each place: nobody is refused, everybody is served once in the end. */
static void test_temporary_trouble(void **state)
{
	static const struct relay_rule rows[] = {
		{ "RCPT TO:<user3@", "450 4.2.1 later\r\n", 2 }, { "MAIL", "451 4.3.0 later\r\n", 2 }, { "DATA", "451 4.3.0 later\r\n", 1 }, { "content", "451 4.3.0 later\r\n", 2 },
		{ "MAIL", "530 5.7.0 Must issue a STARTTLS command first\r\n", 1 }, { "MAIL", "421 4.7.0 closing\r\n", 1 }, { "RCPT TO:<user5@", "421 4.7.0 closing\r\n", 1 },
		{ "DATA", "421 4.7.0 closing\r\n", 1 }, { "content", "421 4.7.0 closing\r\n", 1 }, { "RCPT", "450-4.2.1 later\r\n450 still later\r\n", 7 },
		{ "content", "451-4.3.0 a\r\n451-4.3.0 b\r\n451 4.3.0 c\r\n", 1 }, { "banner", "421 4.3.2 busy\r\n", 1 }, { "RSET", "250 Ok\r\n", 0 },
		{ "MAIL", "garbage\r\n", 1 }, { "content", "\r\n", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned pipelining = 0; pipelining < 2; pipelining++) {
			struct relay_plan plan = { .ehlo = pipelining ? NULL : "250 SIZE\r\n", .rules = { rows[i] }, NO_DROP };
			struct seen seen;
			struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 25 }, NULL, true, &seen);

			check_each_once(relay, 25);
			assert_int_equal(seen.refused_count, 0);
			relay_stop(relay);
		}
}

/* Refusals of a whole transaction reach each of its recipients. */
static void test_transactions_refused(void **state)
{
	static const struct relay_rule rows[] = {
		{ "MAIL", "552 5.3.4 too big\r\n", 1 }, { "DATA", "554 5.7.1 no\r\n", 1 }, { "content", "550 5.7.26 DMARC\r\n", 1 }, { "RCPT", "550 5.1.1 no\r\n", 10 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned pipelining = 0; pipelining < 2; pipelining++) {
			struct relay_plan plan = { .ehlo = pipelining ? NULL : "250 SIZE\r\n", .rules = { rows[i] }, NO_DROP };
			struct seen seen;
			struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 25 }, NULL, false, &seen);

			assert_int_equal(relay->taken_count, 15);
			assert_int_equal(seen.refused_count, 10);
			assert_int_equal(seen.code, atoi(rows[i].reply));
			relay_stop(relay);
		}
}

/* The relay says 354 although it took no recipient: nothing may reach anybody, and the session goes on. */
static void test_data_without_recipients(void **state)
{
	struct relay_plan plan = { .rules = { { "RCPT", "550 5.1.1 no\r\n", 10 }, { "DATA", "354 go\r\n", 1 }, { ".", "250 Ok\r\n", 1 } }, NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 25 }, NULL, true, &seen);

	assert_int_equal(relay->taken_count, 15);
	assert_int_equal(seen.refused_count, 10);
	relay_stop(relay);
}

/* A confused relay that refuses MAIL and then takes RCPT and DATA: not even an empty message may reach anybody. */
static void test_data_without_a_sender(void **state)
{
	struct relay_plan plan = { .rules = { { "MAIL", "451 4.3.0 no\r\n", 1 }, { "RCPT", "250 Ok\r\n", 10 }, { "DATA", "354 go\r\n", 1 }, { ".", "250 queued\r\n", 1 } }, NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 25 }, NULL, true, &seen);

	check_each_once(relay, 25);
	assert_int_equal(relay->connections, 2);
	assert_int_equal(relay->plan.rules[3].times, 1);
	relay_stop(relay);
}

static void test_too_many_recipients(void **state)
{
	struct relay_plan plan = { .rcpts_max = 4, NO_DROP };
	struct seen seen;
	/* without waiting for a retry, which is an hour away */
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 100 }, NULL, false, &seen);

	check_each_once(relay, 100);
	assert_int_equal(seen.refused_count, 0);
	relay_stop(relay);
}

static void test_utf8_not_offered(void **state)
{
	struct relay_plan plan = { .ehlo = "250 PIPELINING\r\n", NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 5, .odd_rcpt = "j\xc3\xb6rg@example.com" }, NULL, false, &seen);

	check_each_once(relay, 5);
	assert_int_equal(seen.refused_count, 1);
	assert_int_equal(seen.code, 553);
	assert_non_null(strstr(seen.reply, "5.6.7"));
	assert_string_equal(seen.rcpt, "j\xc3\xb6rg@example.com");
	relay_stop(relay);
	relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 5, .needs_utf8 = true }, NULL, false, &seen);
	assert_int_equal(seen.refused_count, 5);
	assert_int_equal(relay->messages, 0);
	relay_stop(relay);
}

static void test_bare_line_ends_are_not_sent(void **state)
{
	struct relay_plan plan = { NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 2, .post = "Subject: x\r\n\r\nhello\n.\r\nMAIL FROM:<x@example.com>\r\n" }, NULL, false, &seen);

	assert_int_equal(relay->messages, 0);
	assert_int_equal(seen.refused_count, 2);
	assert_non_null(strstr(seen.reply, "5.6.0"));
	relay_stop(relay);
}

static void test_sessions_at_once(void **state)
{
	struct relay_plan plan = { .delay_us = 1000, NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 1000, .tagged_half = true }, &(struct delivery_options){ .verp = VERP_TRANSACTION, .sessions = 8 }, false, &seen);

	check_each_once(relay, 1000);
	assert_true(relay->connections > 1 && relay->connections <= 8);
	relay_stop(relay);
}

/* Count of recipients that have the post more than once; all must have it. */
static unsigned check_doubles(struct relay *relay, unsigned count)
{
	unsigned doubles = 0;

	for (unsigned i = 0; i < count; i++) {
		char address[64];
		size_t times;

		snprintf(address, sizeof(address), "user%u@example.com", i);
		times = relay_count(relay, address);
		if (times < 1 || times > 2)
			fail_msg("%s has the post %zu times", address, times);
		doubles += times == 2;
	}
	return doubles;
}

/* The first connection breaks after each number of octets that the relay reads or writes: at most the transaction in flight is repeated, and only where its
 * content had arrived. */
static void drop_at_every_octet(void **state, bool writing, const char *ehlo)
{
	enum { RCPTS = 9, PER = 3 };
	long last = 0, step = getenv("LISTD_TEST_LONG") != NULL ? 1 : 3;

	for (long at = 0; last == 0; at += step) {
		struct relay_plan plan = { .ehlo = ehlo, .drop_in = writing ? -1 : at, .drop_out = writing ? at : -1 };
		struct seen seen;
		struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = RCPTS }, &(struct delivery_options){ .rcpts_max = PER, .verp = VERP_OFF }, true, &seen);
		unsigned doubles = check_doubles(relay, RCPTS);

		if (doubles > PER)
			fail_msg("dropped after %ld octets: %u doubles", at, doubles);
		assert_int_equal(seen.refused_count, 0);
		if (relay->connections == 1)
			last = at;
		relay_stop(relay);
	}
	assert_true(last > 100);
}

static void test_drop_reading(void **state)
{
	drop_at_every_octet(state, false, NULL);
}

static void test_drop_writing(void **state)
{
	drop_at_every_octet(state, true, NULL);
}

static void test_drop_without_pipelining(void **state)
{
	drop_at_every_octet(state, false, "250 SIZE\r\n");
	drop_at_every_octet(state, true, "250 SIZE\r\n");
}

static void test_relay_away(void **state)
{
	struct spool_box *box = *state;
	struct relay_plan plan = { NO_DROP };
	struct relay *relay = relay_start(&plan, 0);
	char name[40];
	struct delivery_options options = usual_options(relay, name);
	struct delivery_status status;
	struct delivery *delivery;
	struct seen seen;
	int port = relay->port;

	relay_stop(relay);
	make_job(box, &(struct job_plan){ .rcpts = 30 });
	delivery = start(box, &options, &seen);
	for (int i = 0; i < 200; i++) {
		usleep(10000);
		delivery_status(delivery, box->arena, &status);
		if (status.relay_away)
			break;
	}
	assert_true(status.relay_away);
	assert_non_null(strstr(status.relay_reply, "Connection refused"));
	assert_int_equal(status.job_count, 1);
	assert_string_equal(status.jobs[0].id, JOB);
	assert_int_equal(status.jobs[0].rcpts, 30);
	assert_int_equal(status.jobs[0].todo, 30);
	relay = relay_start(&plan, port);
	assert_true(wait_done(box, delivery, false));
	do
		delivery_status(delivery, box->arena, &status);
	while (status.job_count > 0); /* it is forgotten a moment after its directory is gone */
	assert_false(status.relay_away);
	assert_int_equal(status.delivered, 30);
	delivery_stop(delivery, 1000);
	check_each_once(relay, 30);
	relay_stop(relay);
}

static void test_retry_by_itself(void **state)
{
	struct relay_plan plan = { .rules = { { "RCPT TO:<user3@", "450 4.2.1 later\r\n", 1 } }, NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 5 }, &(struct delivery_options){ .retry_min_secs = 1, .verp = VERP_OFF }, false, &seen);

	assert_int_equal(relay->messages, 2);
	check_each_once(relay, 5);
	relay_stop(relay);
}

static void test_queue_life(void **state)
{
	struct relay_plan plan = { .rules = { { "RCPT TO:<user3@", "450 4.2.1 mailbox full\r\n", 100 } }, NO_DROP };
	struct seen seen;
	struct relay *relay = deliver(*state, &plan, &(struct job_plan){ .rcpts = 5, .created_secs = 1700000000 }, NULL, false, &seen);

	assert_int_equal(relay->taken_count, 4);
	assert_int_equal(seen.refused_count, 1);
	assert_string_equal(seen.rcpt, "user3@example.com");
	assert_int_equal(seen.code, 451);
	assert_non_null(strstr(seen.reply, "mailbox full"));
	relay_stop(relay);
}

static void test_unix_socket_and_reload(void **state)
{
	struct spool_box *box = *state;
	char *path = arena_printf(box->arena, "%s/relay", box->dir);
	struct relay_plan plan = { .is_unix = true, .unix_path = path, NO_DROP };
	struct relay *relay = relay_start(&plan, 0);
	char name[40];
	struct delivery_options options = usual_options(relay, name);
	struct delivery *delivery;
	struct seen seen;
	struct fail why;

	options.relay = "127.0.0.1:1";
	make_job(box, &(struct job_plan){ .rcpts = 30 });
	delivery = start(box, &options, &seen);
	usleep(20000);
	options.relay = arena_printf(box->arena, "unix:%s", path);
	options.sessions = 3;
	assert_int_equal(delivery_reload(delivery, &options, &why), 0);
	assert_true(wait_done(box, delivery, false));
	options.sessions = 1;
	assert_int_equal(delivery_reload(delivery, &options, &why), 0);
	while (box_has(box, "out/" JOB ".done")) /* until then the name is taken */
		usleep(500);
	make_job(box, &(struct job_plan){ .rcpts = 5 });
	delivery_wake(delivery, JOB);
	assert_true(wait_done(box, delivery, false));
	options.sessions = 0;
	assert_int_equal(delivery_reload(delivery, &options, &why), -1);
	delivery_stop(delivery, 1000);
	assert_int_equal(relay->taken_count, 35);
	relay_stop(relay);
	unlink(path);
}

/* Stop in the middle and go on: nobody twice. */
static void test_stop_and_go_on(void **state)
{
	struct spool_box *box = *state;
	struct relay_plan plan = { .delay_us = 3000, NO_DROP };
	struct relay *relay = relay_start(&plan, 0);
	char name[40];
	struct delivery_options options = usual_options(relay, name);
	struct delivery *delivery;
	struct seen seen;

	make_job(box, &(struct job_plan){ .rcpts = 300 });
	for (size_t i = 0; i < 5; i++) {
		size_t before = relay_taken_count(relay);

		delivery = start(box, &options, &seen);
		while (relay_taken_count(relay) == before)
			usleep(1000);
		delivery_stop(delivery, 5000);
	}
	assert_true(relay->taken_count < 300);
	delivery = start(box, &options, &seen);
	assert_true(wait_done(box, delivery, false));
	delivery_stop(delivery, 5000);
	check_each_once(relay, 300);
	relay_stop(relay);
}

/* A relay that hangs does not hold the stop. */
static void test_stop_with_a_relay_that_hangs(void **state)
{
	struct spool_box *box = *state;
	struct relay_plan plan = { .delay_us = 1500000, NO_DROP };
	struct relay *relay = relay_start(&plan, 0);
	char name[40];
	struct delivery_options options = usual_options(relay, name);
	struct delivery *delivery;
	struct seen seen;
	int64_t from;

	make_job(box, &(struct job_plan){ .rcpts = 30 });
	delivery = start(box, &options, &seen);
	usleep(100000);
	from = clock_monotonic_ms();
	delivery_stop(delivery, 50);
	assert_true(clock_monotonic_ms() - from < 1000);
	relay_stop(relay);
}

/* The process is killed at any time: what was acknowledged is not sent again, but for one transaction a kill. */
static void test_killed_at_any_time(void **state)
{
	enum { RCPTS = 2000, PER = 5 };
	struct spool_box *box = *state;
	struct relay_plan plan = { .delay_us = 200, NO_DROP };
	struct relay *relay = relay_start(&plan, 0);
	char name[40];
	struct delivery_options options = usual_options(relay, name);
	unsigned kills = 0, seed = 3, doubles = 0;
	struct seen seen;

	options.rcpts_max = PER;
	make_job(box, &(struct job_plan){ .rcpts = RCPTS });
	spool_close(box->spool);
	box->spool = NULL;
	while (box_has(box, "out/" JOB)) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			box_open(box);
			wait_done(box, start(box, &options, &seen), true);
			_exit(0);
		}
		usleep(2000 + (useconds_t)rand_r(&seed) % 10000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		kills++;
		arena_reset(box->arena);
	}
	box_open(box);
	for (unsigned i = 0; i < RCPTS; i++) {
		char address[64];

		snprintf(address, sizeof(address), "user%u@example.com", i);
		assert_true(relay_count(relay, address) >= 1);
		doubles += (unsigned)relay_count(relay, address) - 1;
	}
	assert_true(kills > 1);
	assert_true(doubles <= kills * PER);
	relay_stop(relay);
}

static void test_jobs_take_turns(void **state)
{
	struct spool_box *box = *state;
	struct relay_plan plan = { .delay_us = 500, NO_DROP };
	struct relay *relay = relay_start(&plan, 0);
	char name[40];
	struct delivery_options options = usual_options(relay, name);
	struct delivery *delivery;
	struct job_form form = { .name = "none" };
	struct envelope envelope;
	struct job_request request = { .id = ID "-2", .post_id = JOB, .list = "bees@lists.example.org", .forms = &form, .form_count = 1, .envelope = &envelope };
	struct iovec slice;
	struct span message;
	struct job_writer *writer;
	struct seen seen;
	struct job *job;
	struct fail why;
	size_t before = 0;

	/* the second job is made over the post of the first, as a stronger form is */
	request.id = JOB "-1";
	options.verp = VERP_TRANSACTION;
	make_job(box, &(struct job_plan){ .rcpts = 1000 });
	assert_int_equal(job_open(box->spool, JOB, &job, &why), 0);
	slice = job->forms[0].rendering.slices[0];
	form.rendering = (struct rendering){ &slice, 1, slice.iov_len, 0 };
	assert_int_equal(job_post(job, box->arena, &envelope, &message, &why), 0);
	if (job_begin(box->spool, &request, message, &writer, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(job_add(writer, 0, "late@example.com", &why), 0);
	assert_int_equal(job_commit(writer, &why), 0);
	job_close(job);
	delivery = start(box, &options, &seen);
	assert_true(wait_done(box, delivery, false));
	while (box_has(box, "out/" JOB "-1"))
		usleep(1000);
	delivery_stop(delivery, 1000);
	while (strcmp(relay->taken[before].rcpt, "late@example.com") != 0)
		before++;
	assert_true(before < 500);
	assert_int_equal(relay->taken_count, 1001);
	relay_stop(relay);
}

int main(void)
{
#define BOXED(test) cmocka_unit_test_setup_teardown(test, box_setup, box_teardown)
	static const struct CMUnitTest tests[] = {
		BOXED(test_two_forms), BOXED(test_verp_by_transaction), BOXED(test_xverp), BOXED(test_fixed_sender_and_parameters), BOXED(test_relay_without_8bitmime), BOXED(test_one_recipient_refused),
		BOXED(test_temporary_trouble), BOXED(test_transactions_refused), BOXED(test_data_without_recipients), BOXED(test_data_without_a_sender), BOXED(test_too_many_recipients),
		BOXED(test_utf8_not_offered), BOXED(test_bare_line_ends_are_not_sent), BOXED(test_sessions_at_once), BOXED(test_drop_reading), BOXED(test_drop_writing),
		BOXED(test_drop_without_pipelining), BOXED(test_relay_away), BOXED(test_retry_by_itself), BOXED(test_queue_life), BOXED(test_unix_socket_and_reload),
		BOXED(test_stop_and_go_on), BOXED(test_stop_with_a_relay_that_hangs), BOXED(test_killed_at_any_time), BOXED(test_jobs_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
