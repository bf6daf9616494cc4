/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers: what was found out at intake serves them, and without it they come to the same; jobs become lasting together, and those that cannot are made again. */
#include "tests/unit/fake_daemon.h"

#include "listd/fatal.h"
#include "listd/post/daemon_world.h"
#include "listd/post/judged.h"
#include "listd/spool/journal.h"
#include "listd/workers_int.h"

#include <signal.h>
#include <sys/wait.h>

#define ID "7aaaaaaaaaaaaaaaaaaa"
#define LISTS 40

static int refused(void *context, const struct job *job, const struct job_rcpt *rcpt, int code, const char *reply)
{
	(void)context, (void)job, (void)rcpt, (void)code, (void)reply;
	return 0;
}

/* With delivery, but without workers. */
static void open_without_workers(struct fake_daemon *d)
{
	static const struct relay_plan plan = { .drop_in = -1, .drop_out = -1 };

	fake_daemon_open(d, &plan, "", refused);
	workers_stop(d->daemon.workers);
	d->daemon.workers = NULL;
}

static struct span signed_post(struct fake_daemon *d, const char *to)
{
	struct arena *a = d->box.arena;

	return fake_sign(&d->fake, a, span_of(arena_printf(a, "From: Ann <ann@reject.example>\r\nTo: %s\r\nSubject: herons\r\nDate: Sun, 22 Nov 2026 00:00:00 +0000\r\n"
		"Message-ID: <" ID "@example.com>\r\n\r\nA heron stood by the lake.\r\n", to)), "reject.example");
}

/* As the LMTP server does it, with a file in in/, or where the message stands in the journal. Returns what the judge found out, when it is to be kept. */
static struct judged *take(struct fake_daemon *d, const char **rcpts, size_t count, struct span bytes, struct spool_entry *entry_r)
{
	struct lmtp_judge judge = daemon_judge(&d->daemon);
	struct envelope envelope = { .id = ID, .received_secs = FAKE_NOW, .mail_from = "ann@reject.example", .rcpts = rcpts, .rcpt_count = count, .client_ip = "192.0.2.1" };
	struct reply *replies = arena_array(d->box.arena, count, sizeof(*replies));
	bool *keep = arena_array(d->box.arena, count, sizeof(*keep));
	struct spool_writer *writer;
	struct judged *judged;
	struct fail why;
	struct span view;

	fake_daemon_must(spool_begin(d->daemon.spool, ID, &writer, &why), &why);
	fake_daemon_must(spool_add(writer, bytes, &why), &why);
	fake_daemon_must(spool_view(writer, &view, &why), &why);
	judged = judge.message(judge.context, d->box.arena, &envelope, view, replies, keep);
	for (size_t i = 0; i < count; i++)
		if (!keep[i] || replies[i].code != 250)
			fail_msg("%s: %d %s", rcpts[i], replies[i].code, replies[i].text);
	if (entry_r == NULL)
		fake_daemon_must(spool_commit(writer, &envelope, &why), &why);
	else
		fake_daemon_must(spool_accept(writer, &envelope, entry_r, &why), &why);
	if (judged_keep(judged, &envelope))
		return judged;
	judge.dropped(judge.context, judged);
	return NULL;
}

static struct judged *take_in(struct fake_daemon *d, const char **rcpts, size_t count, struct span bytes)
{
	return take(d, rcpts, count, bytes, NULL);
}

static struct work *new_work(struct judged *judged)
{
	struct work *work = calloc(1, sizeof(*work));

	assert_non_null(work);
	snprintf(work->id, sizeof(work->id), "%s", ID);
	work->judged = judged;
	return work;
}

static struct span job_file(struct fake_daemon *d, const char *name)
{
	struct span bytes;
	struct fail why;

	fake_daemon_must(file_read(d->box.arena, arena_printf(d->box.arena, "%s/spool/out/%s", d->box.dir, name), 1 << 20, &bytes, &why), &why);
	return bytes;
}

static void break_file(struct fake_daemon *d)
{
	assert_int_equal(truncate(arena_printf(d->box.arena, "%s/spool/in/" ID, d->box.dir), 20), 0);
}

/* From memory a message goes through although its file cannot be read any more, and becomes what it becomes from its file. */
static void test_from_memory_and_from_disk(void **state)
{
	const char *rcpts[] = { FAKE_LIST };
	struct fake_daemon d = { 0 };
	struct judged *judged;
	struct span from_disk;
	struct work *work;

	(void)state;
	open_without_workers(&d);
	judged = take_in(&d, rcpts, 1, signed_post(&d, FAKE_LIST));
	assert_non_null(judged);
	assert_true(atomic_load(&d.daemon.judged_bytes) > 0);
	work = new_work(NULL);
	assert_int_equal(work_on(&d.daemon, work), 0);
	assert_int_equal(work->job_count, 1);
	from_disk = job_file(&d, ID "-0.tmp");
	assert_true(span_find(from_disk, SPAN_LIT("carol@strict.example")) < from_disk.len);
	work_free(work);
	assert_int_equal(box_count(&d.box, "spool/out"), 0);
	break_file(&d);
	work = new_work(judged);
	assert_int_equal(work_on(&d.daemon, work), 0);
	assert_null(work->judged);
	assert_int_equal(atomic_load(&d.daemon.judged_bytes), 0);
	assert_true(span_eq(job_file(&d, ID "-0.tmp"), from_disk));
	work_free(work);
	fake_daemon_close(&d);
}

/* There is an end to what is kept, by the message and by all. */
static void test_too_much_is_not_kept(void **state)
{
	const char *rcpts[] = { FAKE_LIST };
	struct fake_daemon d = { 0 };
	char *long_text;

	(void)state;
	open_without_workers(&d);
	long_text = arena_alloc(d.box.arena, JUDGED_MESSAGE_MAX_BYTES + 1);
	for (size_t i = 0; i < JUDGED_MESSAGE_MAX_BYTES; i++)
		long_text[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
	assert_null(take_in(&d, rcpts, 1, fake_sign(&d.fake, d.box.arena, span_of(arena_printf(d.box.arena, "From: ann@reject.example\r\nSubject: long\r\n\r\n%s", long_text)), "reject.example")));
	assert_int_equal(atomic_load(&d.daemon.judged_bytes), 0);
	atomic_store(&d.daemon.judged_bytes, JUDGED_ALL_MAX_BYTES);
	assert_null(take_in(&d, rcpts, 1, signed_post(&d, FAKE_LIST)));
	assert_int_equal(atomic_load(&d.daemon.judged_bytes), JUDGED_ALL_MAX_BYTES);
	fake_daemon_close(&d);
}

/* A message for many lists becomes as many jobs, of which only some wait with an open file. */
static void test_many_lists(void **state)
{
	const char *rcpts[LISTS];
	struct fake_daemon d = { 0 };
	struct member ann = { .key = "ann@lenient.example", .address = "ann@lenient.example", .name = "", .reason = "" };
	size_t open = 0, added;
	struct work *work;
	struct fail why;

	(void)state;
	open_without_workers(&d);
	for (size_t i = 0; i < LISTS; i++) {
		rcpts[i] = arena_printf(d.box.arena, "l%zu@lists.example.org", i);
		fake_daemon_must(store_list_create(d.daemon.store, rcpts[i], "post = anyone\narchive = no\n", FAKE_NOW, &why), &why);
		fake_daemon_must(store_members_add(d.daemon.store, rcpts[i], &ann, 1, &added, NULL, NULL, &why), &why);
	}
	work = new_work(take_in(&d, rcpts, LISTS, signed_post(&d, "l0@lists.example.org")));
	assert_int_equal(work_on(&d.daemon, work), 0);
	assert_int_equal(work->job_count, LISTS);
	for (size_t i = 0; i < LISTS; i++)
		open += work->jobs[i].writer != NULL;
	assert_in_range(open, 1, LISTS / 2);
	work_free(work);
	/* what is on disk already is not made a second time */
	work = new_work(NULL);
	assert_int_equal(work_on(&d.daemon, work), 0);
	assert_int_equal(work->job_count, LISTS);
	work_free(work);
	fake_daemon_close(&d);
}

/* In a process of its own: work that comes upon a fault. */
static void fault_in_child(struct fake_daemon *d)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL); /* cmocka's would go on with the next test */
		fatal_watch(work_blame);
		d->daemon.store = (struct store *)(uintptr_t)4096; /* no sanitizer ends the process before the signal does */
		work_on(&d->daemon, new_work(NULL));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* A message that makes the process fault is tried three times, whatever else ends it meanwhile; then it goes aside. */
static void test_faults_are_blamed(void **state)
{
	const char *rcpts[] = { FAKE_LIST };
	struct fake_daemon d = { 0 };
	struct spooled spooled;
	struct work *work;
	struct fail why;

	(void)state;
	open_without_workers(&d);
	judged_free(take_in(&d, rcpts, 1, signed_post(&d, FAKE_LIST)));
	for (unsigned i = 1; i <= 3; i++) {
		fault_in_child(&d);
		fake_daemon_must(spool_read(d.daemon.spool, d.box.arena, SPOOL_IN, ID, &spooled, &why), &why);
		assert_int_equal(spooled.envelope.tries, 5 * i);
		spool_unread(&spooled);
	}
	work = new_work(NULL);
	assert_int_equal(work_on(&d.daemon, work), 0);
	assert_int_equal(work->job_count, 0);
	work_free(work);
	assert_true(box_has(&d.box, "spool/bad/" ID));
	fake_daemon_close(&d);
}

static void leave(void)
{
	_exit(7);
}

static void test_want_of_memory_has_last_words(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		fatal_watch(leave);
		fail_environment("no memory");
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

struct ends { pthread_mutex_t lock; unsigned done, undone; };

static void note_end(void *context, struct work *work, bool done)
{
	struct ends *ends = context;

	pthread_mutex_lock(&ends->lock);
	ends->done += done;
	ends->undone += !done;
	pthread_mutex_unlock(&ends->lock);
	work_free(work);
}

/* A job that cannot be made lasting leaves the message in in/, to be worked on again; nothing half made stays. */
static void test_publishing(void **state)
{
	const char *rcpts[] = { FAKE_LIST };
	struct fake_daemon d = { 0 };
	struct ends ends = { PTHREAD_MUTEX_INITIALIZER, 0, 0 };
	struct publisher *publisher;
	struct work *work;
	struct fail why;

	(void)state;
	open_without_workers(&d);
	for (unsigned round = 0; round < 2; round++) {
		work = new_work(take_in(&d, rcpts, 1, signed_post(&d, FAKE_LIST)));
		assert_int_equal(work_on(&d.daemon, work), 0);
		if (round == 0)
			assert_int_equal(unlink(arena_printf(d.box.arena, "%s/spool/out/" ID "-0.tmp", d.box.dir)), 0);
		fake_daemon_must(publisher_start(&d.daemon, note_end, &ends, &publisher, &why), &why);
		publisher_put(publisher, work);
		publisher_stop(publisher);
		assert_int_equal(ends.undone, 1);
		assert_int_equal(ends.done, round);
		assert_int_equal(box_has(&d.box, "spool/in/" ID), round == 0);
		if (round == 0)
			assert_int_equal(box_count(&d.box, "spool/out"), 0);
	}
	for (int i = 0; i < 2000 && relay_count(d.relay, "bob@lenient.example") == 0; i++)
		usleep(10000);
	assert_int_equal(relay_count(d.relay, "bob@lenient.example"), 1);
	fake_daemon_close(&d);
}

static int count_one(void *context, const char *id, struct span file, struct fail *why)
{
	(void)why;
	assert_string_equal(id, ID);
	assert_true(span_find(file, SPAN_LIT("#listd-spool-1 tries=0")) < file.len);
	++*(size_t *)context;
	return 0;
}

static size_t count_alive(struct fake_daemon *d)
{
	struct span segment;
	size_t count = 0;
	struct fail why;

	fake_daemon_must(file_read(d->box.arena, arena_printf(d->box.arena, "%s/spool/journal/0", d->box.dir), JOURNAL_SEGMENT_BYTES, &segment, &why), &why);
	fake_daemon_must(journal_scan(segment, count_one, &count, &why), &why);
	return count;
}

/* A post in the journal never gets a file, unless its job cannot be made, it is held, or it is not known any more what was found out. */
static void test_from_the_journal(void **state)
{
	static const struct { const char *name, *list; bool forgotten, lost_job; size_t done, held, in; } rows[] = {
		{ "sent", FAKE_LIST, false, false, 1, 0, 0 }, { "sent after a second look", FAKE_LIST, true, false, 1, 0, 0 }, { "its job is lost", FAKE_LIST, false, true, 0, 0, 1 },
		{ "held", "slow@lists.example.org", false, false, 1, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *rcpts[] = { rows[i].list };
		struct fake_daemon d = { 0 };
		struct ends ends = { PTHREAD_MUTEX_INITIALIZER, 0, 0 };
		struct spool_entry entry;
		struct judged *judged;
		struct publisher *publisher;
		struct work *work;
		struct fail why;

		open_without_workers(&d);
		fake_daemon_must(store_list_create(d.daemon.store, "slow@lists.example.org", "post = moderated\n", FAKE_NOW, &why), &why);
		judged = take(&d, rcpts, 1, signed_post(&d, rows[i].list), &entry);
		assert_non_null(judged);
		if (rows[i].forgotten)
			judged_free(judged);
		work = new_work(rows[i].forgotten ? NULL : judged);
		work->entry = entry;
		assert_int_equal(count_alive(&d), 1);
		assert_int_equal(work_on(&d.daemon, work), 0);
		assert_int_equal(box_has(&d.box, "spool/in/" ID), rows[i].forgotten || rows[i].held > 0);
		if (rows[i].lost_job)
			assert_int_equal(unlink(arena_printf(d.box.arena, "%s/spool/out/" ID "-0.tmp", d.box.dir)), 0);
		fake_daemon_must(publisher_start(&d.daemon, note_end, &ends, &publisher, &why), &why);
		publisher_put(publisher, work);
		publisher_stop(publisher);
		if (ends.done != rows[i].done || count_alive(&d) != 0 || box_count(&d.box, "spool/held") != rows[i].held || box_count(&d.box, "spool/in") != rows[i].in)
			fail_msg("%s: done %u, alive %zu, held %zu, in %zu", rows[i].name, ends.done, count_alive(&d), box_count(&d.box, "spool/held"), box_count(&d.box, "spool/in"));
		fake_daemon_close(&d);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_memory_and_from_disk), cmocka_unit_test(test_too_much_is_not_kept), cmocka_unit_test(test_many_lists), cmocka_unit_test(test_faults_are_blamed), cmocka_unit_test(test_want_of_memory_has_last_words),
		cmocka_unit_test(test_publishing), cmocka_unit_test(test_from_the_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
