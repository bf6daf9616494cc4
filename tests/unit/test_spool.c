/* SPDX-License-Identifier: BSD-2-Clause */
/* spool: what was committed is there, whole, whatever happens; what is damaged is put aside. */
#include "tests/unit/fault.h"
#include "tests/unit/spool_help.h"

#include <errno.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

/* A message that can be told from any other: its id again and again. */
static struct span make_message(struct arena *a, const char *id, size_t len)
{
	char *bytes = arena_alloc(a, len + 1);

	for (size_t i = 0; i < len; i++)
		bytes[i] = id[i % SPOOL_ID_CHARS];
	return (struct span){ bytes, len };
}

static void test_ids(void **state)
{
	char before[SPOOL_ID_CHARS + 1] = "", id[SPOOL_ID_CHARS + 1];

	(void)state;
	for (int64_t now = 1; now < (INT64_C(1) << 35); now = now * 3 + 1) {
		spool_id(now, id);
		assert_int_equal(strlen(id), SPOOL_ID_CHARS);
		assert_true(spool_name_is_safe(id));
		assert_true(strcmp(before, id) < 0);
		memcpy(before, id, sizeof(before));
	}
	spool_id(5, before);
	spool_id(5, id);
	assert_string_not_equal(before, id);
}

static void test_round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 9, 10240, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 3000001 };
	struct spool_box *box = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const char *rcpts[] = { "birds@lists.example.org", "j\xc3\xb6rg@lists.example.org" };
		char id[SPOOL_ID_CHARS + 1];
		struct envelope envelope = { .id = id, .received_secs = 1700000000, .mail_from = "", .rcpts = rcpts, .rcpt_count = 2, .client_ip = "192.0.2.1",
			.helo = "mx \"1\"\\", .is_submission = true, .smtputf8 = true };
		struct spool_writer *writer;
		struct spooled got;
		struct span message, view;
		struct fail why;

		spool_id(1700000000, id);
		message = make_message(box->arena, id, sizes[i]);
		assert_int_equal(spool_begin(box->spool, id, &writer, &why), 0);
		for (size_t at = 0; at < message.len; at += 4099)
			assert_int_equal(spool_add(writer, span_sub(message, at, 4099), &why), 0);
		assert_int_equal(spool_view(writer, &view, &why), 0);
		assert_true(span_eq(view, message));
		assert_int_equal(spool_view(writer, &view, &why), 0);
		assert_true(span_eq(view, message));
		assert_int_equal(spool_commit(writer, &envelope, &why), 0);
		assert_int_equal(spool_read(box->spool, box->arena, SPOOL_IN, id, &got, &why), 0);
		assert_true(span_eq(got.message, message));
		assert_string_equal(got.envelope.id, id);
		assert_string_equal(got.envelope.mail_from, "");
		assert_int_equal(got.envelope.rcpt_count, 2);
		assert_string_equal(got.envelope.rcpts[1], rcpts[1]);
		assert_string_equal(got.envelope.client_ip, "192.0.2.1");
		assert_string_equal(got.envelope.helo, "mx \"1\"\\");
		assert_null(got.envelope.auth_user);
		assert_true(got.envelope.is_submission && got.envelope.smtputf8 && !got.envelope.body_8bit);
		assert_int_equal(got.envelope.received_secs, 1700000000);
		spool_unread(&got);
	}
	assert_int_equal(box_count(box, "in"), sizeof(sizes) / sizeof(sizes[0]));
	assert_int_equal(box_count(box, "tmp"), 0);
}

static void test_abort_leaves_nothing(void **state)
{
	struct spool_box *box = *state;
	struct envelope bad = { .id = "x", .mail_from = "\xff", .rcpts = NULL };
	struct spool_writer *writer;
	struct fail why;

	for (size_t len = 0; len < 1000000; len += 300000) {
		assert_int_equal(spool_begin(box->spool, "abc", &writer, &why), 0);
		assert_int_equal(spool_add(writer, make_message(box->arena, "abcdefghijklmnopqrst", len), &why), 0);
		spool_abort(writer);
		assert_int_equal(spool_begin(box->spool, "abc", &writer, &why), 0);
		assert_int_equal(spool_add(writer, make_message(box->arena, "abcdefghijklmnopqrst", len), &why), 0);
		assert_int_equal(spool_commit(writer, &bad, &why), -1);
	}
	assert_int_equal(box_count(box, "tmp") + box_count(box, "in"), 0);
}

static void test_names_stay_inside(void **state)
{
	static const char *const rows[] = { "", ".", "..", "../in/x", "a/b", "A", "-a", "a.b", "a b", "a\n" };
	struct spool_box *box = *state;
	struct spool_writer *writer;
	struct spooled got;
	struct fail why;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(spool_begin(box->spool, rows[i], &writer, &why), -1);
		assert_int_equal(spool_read(box->spool, box->arena, SPOOL_IN, rows[i], &got, &why), -1);
		assert_int_equal(spool_remove(box->spool, SPOOL_IN, rows[i], &why), -1);
		assert_int_equal(spool_hold(box->spool, "a", rows[i], &why), -1);
	}
}

static void write_file(struct spool_box *box, const char *path, struct span bytes)
{
	int fd = open(arena_printf(box->arena, "%s/%s", box->dir, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
	close(fd);
}

/* Every octet changed, and every length cut: nothing of it is taken for a message, but the digit of tries is not covered. */
static void test_damage_is_put_aside(void **state)
{
	struct spool_box *box = *state;
	struct span whole;
	struct spooled got;
	struct fail why;

	box_put(box, "abc", SPAN_LIT("Subject: x\r\n\r\nhello\r\n"));
	assert_int_equal(file_read(box->arena, arena_printf(box->arena, "%s/in/abc", box->dir), 1 << 20, &whole, &why), 0);
	for (size_t i = 0; i < 2 * whole.len; i++) {
		struct span bytes = arena_span(box->arena, span_sub(whole, 0, i < whole.len ? whole.len : i - whole.len));

		if (i == whole.len - SPOOL_FOOTER_BYTES + SPOOL_FOOTER_TRIES_AT)
			continue;
		if (i < whole.len)
			((char *)(uintptr_t)bytes.ptr)[i] ^= 1;
		write_file(box, "in/dam", bytes);
		if (spool_read(box->spool, box->arena, SPOOL_IN, "dam", &got, &why) == 0)
			fail_msg("change number %zu was not seen", i);
		assert_false(why.temporary);
		assert_false(box_has(box, "in/dam"));
		assert_true(box_has(box, "bad/dam"));
	}
	assert_int_equal(spool_read(box->spool, box->arena, SPOOL_IN, "none", &got, &why), -1);
	assert_non_null(strstr(why.text, "No such file"));
}

static unsigned tries_of(struct spool_box *box, const char *id)
{
	struct spooled got;
	struct fail why;
	unsigned tries;

	assert_int_equal(spool_read(box->spool, box->arena, SPOOL_IN, id, &got, &why), 0);
	tries = got.envelope.tries;
	spool_unread(&got);
	return tries;
}

/* Fifteen ends of the process, or three that it is to blame for; an end in good order wipes the slate. */
/* A file that cannot be read for want of memory is not damaged, nor is it gone: whoever took it for that would remove it. */
static void test_no_memory_is_no_damage(void **state)
{
	struct spool_box *box = *state;
	struct spooled got;
	struct fail why;
	char id[SPOOL_ID_CHARS + 1];

	spool_id(1700000000, id);
	box_put(box, id, make_message(box->arena, id, 40000));
	atomic_store(&faults.error[FAULT_MMAP], ENOMEM);
#ifndef __SANITIZE_THREAD__
	assert_int_equal(spool_read(box->spool, box->arena, SPOOL_IN, id, &got, &why), -1);
	assert_true(why.temporary);
#endif
	atomic_store(&faults.error[FAULT_MMAP], 0);
	assert_int_equal(spool_read(box->spool, box->arena, SPOOL_IN, id, &got, &why), 0);
	spool_unread(&got);
}

static void test_tries(void **state)
{
	struct spool_box *box = *state;
	struct spool_try try;
	struct fail why;
	bool abandoned;

	for (unsigned weight = 1; weight <= 5; weight += 4) {
		box_put(box, "abc", SPAN_LIT("x"));
		for (unsigned round = 0; round < 2; round++) {
			for (unsigned i = 1; i <= 15 / weight; i++) {
				assert_int_equal(spool_begin_try(box->spool, "abc", &try, &abandoned, &why), 0);
				assert_false(abandoned);
				if (weight > 1)
					spool_blame_try(&try);
				spool_end_try(&try);
				assert_int_equal(tries_of(box, "abc"), i * weight);
			}
			if (round == 0)
				assert_int_equal(spool_clear_tries(box->spool, "abc", &why), 0);
		}
		assert_int_equal(spool_begin_try(box->spool, "abc", &try, &abandoned, &why), 0);
		assert_true(abandoned);
		assert_true(box_has(box, "bad/abc"));
		assert_false(box_has(box, "in/abc"));
		assert_int_equal(spool_begin_try(box->spool, "abc", &try, &abandoned, &why), -1);
	}
}

static void test_hold_and_release(void **state)
{
	struct spool_box *box = *state;
	const char **ids;
	size_t count;
	struct spooled got;
	struct fail why;

	box_put(box, "abc", SPAN_LIT("message"));
	for (int again = 0; again < 2; again++) {
		assert_int_equal(spool_hold(box->spool, "abc", "abc-1", &why), 0);
		assert_int_equal(spool_hold(box->spool, "abc", "abc-2", &why), 0);
	}
	assert_int_equal(spool_remove(box->spool, SPOOL_IN, "abc", &why), 0);
	assert_int_equal(spool_ids(box->spool, box->arena, SPOOL_HELD, &ids, &count, &why), 0);
	assert_int_equal(count, 2);
	assert_string_equal(ids[1], "abc-2");
	assert_int_equal(spool_release(box->spool, "abc-1", "def", "bees@lists.example.org", "mod@example.org", &why), 0);
	assert_int_equal(spool_read(box->spool, box->arena, SPOOL_IN, "def", &got, &why), 0);
	assert_true(span_eq(got.message, SPAN_LIT("message")));
	assert_string_equal(got.envelope.id, "def");
	assert_int_equal(got.envelope.rcpt_count, 1);
	assert_string_equal(got.envelope.rcpts[0], "bees@lists.example.org");
	assert_string_equal(got.envelope.released_by, "mod@example.org");
	assert_string_equal(got.envelope.mail_from, "ann@example.com");
	spool_unread(&got);
	assert_int_equal(box_count(box, "held"), 1);
	assert_int_equal(spool_release(box->spool, "abc-1", "def", NULL, NULL, &why), -1);
	/* cut off between its two steps, and repeated */
	assert_int_equal(spool_release(box->spool, "abc-2", "def", NULL, NULL, &why), 0);
	assert_int_equal(box_count(box, "held"), 0);
}

static void test_one_owner(void **state)
{
	struct spool_box *box = *state;
	struct spool *second;
	struct fail why;

	assert_int_equal(spool_open(box->dir, &second, &why), -1);
	assert_non_null(strstr(why.text, "another process"));
	spool_close(box->spool);
	box->spool = NULL;
	assert_int_equal(chmod(arena_printf(box->arena, "%s/in", box->dir), 0770), 0);
	assert_int_equal(spool_open(box->dir, &second, &why), -1);
	assert_non_null(strstr(why.text, "chmod"));
	assert_int_equal(chmod(arena_printf(box->arena, "%s/in", box->dir), 0700), 0);
	box_open(box);
}

static void test_space(void **state)
{
	struct spool_box *box = *state;

	assert_true(spool_has_space(box->spool, 1000));
	assert_false(spool_has_space(box->spool, UINT64_MAX));
	assert_false(spool_has_space(box->spool, UINT64_MAX / 2));
}

/* The child of the crash test: accept messages of many sizes and tell each id once it is acknowledged. */
static void accept_until_killed(const char *dir, int tell_fd, unsigned seed)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct spool *spool;
	struct fail why;

	if (spool_open(dir, &spool, &why) != 0)
		_exit(1);
	for (;;) {
		const char *rcpts[] = { "birds@lists.example.org" };
		char id[SPOOL_ID_CHARS + 1];
		struct envelope envelope = { .id = id, .mail_from = "", .rcpts = rcpts, .rcpt_count = 1 };
		struct spool_writer *writer;
		struct spool_entry entry;
		size_t len = (size_t)rand_r(&seed) % (rand_r(&seed) % 2 == 0 ? 600000 : 20000);

		spool_id(1700000000, id);
		if (spool_begin(spool, id, &writer, &why) != 0 || spool_add(writer, make_message(a, id, len), &why) != 0 || spool_accept(writer, &envelope, &entry, &why) != 0
			|| write(tell_fd, id, SPOOL_ID_CHARS) != SPOOL_ID_CHARS)
			_exit(1);
		arena_reset(a);
	}
}

static void check_message(struct spool_box *box, const char *id)
{
	struct spooled got;
	struct fail why;

	if (spool_read(box->spool, box->arena, SPOOL_IN, id, &got, &why) != 0)
		fail_msg("%s", why.text);
	assert_true(span_eq(got.message, make_message(box->arena, id, got.message.len)));
	spool_unread(&got);
}

static void test_killed_at_any_time(void **state)
{
	struct spool_box *box = *state;
	unsigned seed = 1;
	size_t told = 0;

	for (int round = 0; round < 40; round++) {
		char id[SPOOL_ID_CHARS + 1] = "";
		const char **ids;
		int fds[2], status;
		size_t count;
		struct fail why;
		pid_t pid;

		arena_reset(box->arena);
		spool_close(box->spool);
		box->spool = NULL;
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (pid == 0)
			accept_until_killed(box->dir, fds[1], (unsigned)round);
		close(fds[1]);
		if (round % 2 == 1)
			poll(&(struct pollfd){ .fd = fds[0], .events = POLLIN }, 1, 30000); /* the first one is told, however slow the disk */
		usleep(3000 + (useconds_t)rand_r(&seed) % 20000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		box_open(box);
		assert_int_equal(box_count(box, "tmp"), 0);
		for (; read(fds[0], id, SPOOL_ID_CHARS) == SPOOL_ID_CHARS; told++)
			check_message(box, id);
		close(fds[0]);
		/* what was on its way is there as a whole or not at all */
		assert_int_equal(spool_ids(box->spool, box->arena, SPOOL_IN, &ids, &count, &why), 0);
		for (size_t i = 0; i < count; i++) {
			check_message(box, ids[i]);
			assert_int_equal(spool_remove(box->spool, SPOOL_IN, ids[i], &why), 0);
		}
	}
	assert_int_equal(box_count(box, "bad"), 0);
	assert_true(told >= 20);
}

static void *accept_some(void *argument)
{
	struct spool_box *box = argument;

	for (int i = 0; i < 50; i++) {
		const char *rcpts[] = { "birds@lists.example.org" };
		char id[SPOOL_ID_CHARS + 1];
		struct envelope envelope = { .id = id, .mail_from = "", .rcpts = rcpts, .rcpt_count = 1 };
		struct spool_writer *writer;
		struct fail why;

		spool_id(1700000000, id);
		if (spool_begin(box->spool, id, &writer, &why) != 0 || spool_add(writer, SPAN_LIT("hello"), &why) != 0 || spool_commit(writer, &envelope, &why) != 0)
			return argument;
	}
	return NULL;
}

static void test_sessions_at_once(void **state)
{
	struct spool_box *box = *state;
	pthread_t threads[8];
	void *result;

	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, accept_some, box), 0);
	for (size_t i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		assert_null(result);
	}
	assert_int_equal(box_count(box, "in"), 400);
}

int main(void)
{
#define BOXED(test) cmocka_unit_test_setup_teardown(test, box_setup, box_teardown)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids), BOXED(test_round_trip), BOXED(test_abort_leaves_nothing), BOXED(test_names_stay_inside), BOXED(test_damage_is_put_aside),
		BOXED(test_no_memory_is_no_damage), BOXED(test_tries), BOXED(test_hold_and_release), BOXED(test_one_owner), BOXED(test_space),
		BOXED(test_killed_at_any_time), BOXED(test_sessions_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
