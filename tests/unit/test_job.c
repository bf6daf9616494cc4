/* SPDX-License-Identifier: BSD-2-Clause */
/* job: forms and recipients come back as written, states last, a job is made once and never half. */
#include "tests/unit/spool_help.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define POST "Subject: birds\r\n\r\nhello\r\n"

/* Two forms over a post: one whole, one with another subject. */
struct two_forms {
	struct spooled post;
	struct iovec first[1], second[3];
	struct job_form forms[2];
};

static void make_forms(struct spool_box *box, struct two_forms *two)
{
	struct fail why;
	char *bytes;

	if (spool_read(box->spool, box->arena, SPOOL_IN, "abc", &two->post, &why) != 0)
		fail_msg("%s", why.text);
	bytes = (char *)(uintptr_t)two->post.message.ptr;
	two->first[0] = (struct iovec){ bytes, two->post.message.len };
	two->second[0] = (struct iovec){ (char *)(uintptr_t)"Subject: [birds]", 16 };
	two->second[1] = (struct iovec){ (char *)(uintptr_t)"", 0 };
	two->second[2] = (struct iovec){ bytes + 8, two->post.message.len - 8 };
	two->forms[0] = (struct job_form){ .name = "none", .rendering = { two->first, 1, two->post.message.len, 0 } };
	two->forms[1] = (struct job_form){ .name = "rewrite", .rendering = { two->second, 3, two->post.message.len + 8, 16 }, .needs_8bit = true };
}

/* One that is not copied into its jobs. */
static struct span large_post(struct spool_box *box)
{
	char *bytes = arena_alloc(box->arena, SPOOL_SMALL_BYTES + 1);

	memset(bytes, 'x', SPOOL_SMALL_BYTES + 1);
	memcpy(bytes, POST, sizeof(POST) - 1);
	return (struct span){ bytes, SPOOL_SMALL_BYTES + 1 };
}

static int begin(struct spool_box *box, const char *id, struct two_forms *two, struct job_writer **writer_r)
{
	struct job_request request = { .id = id, .post_id = "abc", .list = "birds@lists.example.org", .created_secs = 1700000000, .forms = two->forms, .form_count = 2,
		.envelope = &two->post.envelope };
	struct fail why;
	int result = job_begin(box->spool, &request, two->post.message, writer_r, &why);

	if (result < 0)
		fail_msg("%s", why.text);
	return result;
}

/* out/abc-1 with ann and cat for form 1, bob for form 0. */
static void put_job(struct spool_box *box)
{
	struct two_forms two;
	struct job_writer *writer;
	struct fail why;

	make_forms(box, &two);
	assert_int_equal(begin(box, "abc-1", &two, &writer), 0);
	assert_int_equal(job_add(writer, 1, "ann@example.com", &why), 0);
	assert_int_equal(job_add(writer, 0, "bob@example.com", &why), 0);
	assert_int_equal(job_add(writer, 1, "c\xc3\xa4t@example.com", &why), 0);
	assert_int_equal(job_commit(writer, &why), 0);
	spool_unread(&two.post);
}

static struct job *open_job(struct spool_box *box, const char *id)
{
	struct job *job;
	struct fail why;

	if (job_open(box->spool, id, &job, &why) != 0)
		fail_msg("%s", why.text);
	return job;
}

static void test_round_trip(void **state)
{
	struct spool_box *box = *state;
	struct job *job;
	struct fail why;

	box_put(box, "abc", SPAN_LIT(POST));
	put_job(box);
	assert_int_equal(spool_remove(box->spool, SPOOL_IN, "abc", &why), 0);
	job = open_job(box, "abc-1");
	assert_string_equal(job->list, "birds@lists.example.org");
	assert_int_equal(job->created_secs, 1700000000);
	assert_int_equal(job->sender, JOB_SENDER_VERP);
	assert_int_equal(job->form_count, 2);
	assert_string_equal(job->forms[1].name, "rewrite");
	assert_true(job->forms[1].needs_8bit && !job->forms[0].needs_8bit && !job->forms[1].needs_utf8);
	assert_int_equal(job->forms[1].rendering.count, 2);
	assert_int_equal(job->forms[1].rendering.total_bytes, sizeof(POST) - 1 + 8);
	assert_true(job->forms[0].rendering.slices[0].iov_base == job->post.bytes.ptr);
	assert_memory_equal(job->forms[0].rendering.slices[0].iov_base, POST, sizeof(POST) - 1);
	assert_memory_equal(job->forms[1].rendering.slices[0].iov_base, "Subject: [birds]", 16);
	assert_memory_equal(job->forms[1].rendering.slices[1].iov_base, &POST[8], sizeof(POST) - 9);
	assert_int_equal(job->rcpt_count, 3);
	assert_int_equal(job_todo_count(job), 3);
	assert_string_equal(job->rcpts[0].address, "bob@example.com");
	assert_string_equal(job->rcpts[1].address, "ann@example.com");
	assert_string_equal(job->rcpts[2].address, "c\xc3\xa4t@example.com");
	assert_int_equal(job->rcpts[2].form, 1);
	assert_false(box_has(box, "out/abc-1.post"));
	job_close(job);
}

/* A small message with a large envelope is linked where it has a file, and copied where it has none. */
static void test_large_envelope(void **state)
{
	enum { COUNT = 900 };
	struct spool_box *box = *state;
	const char **rcpts = arena_array(box->arena, COUNT, sizeof(*rcpts));
	struct two_forms two;
	struct fail why;

	for (size_t i = 0; i < COUNT; i++)
		rcpts[i] = arena_printf(box->arena, "a-list-with-a-rather-long-name-of-a-hundred-octets-so-that-the-whole-is-large-%zu@lists.example.org", i);
	box_put(box, "abc", SPAN_LIT(POST));
	make_forms(box, &two);
	two.post.envelope.rcpts = rcpts;
	two.post.envelope.rcpt_count = COUNT;
	for (unsigned i = 1; i <= 2; i++) {
		char *id = arena_printf(box->arena, "abc-%u", i);
		struct job_writer *writer;
		struct envelope envelope;
		struct span message;
		struct job *job;

		assert_int_equal(begin(box, id, &two, &writer), 0);
		assert_int_equal(job_add(writer, 0, "bob@example.com", &why), 0);
		assert_int_equal(job_commit(writer, &why), 0);
		assert_int_equal(box_has(box, arena_printf(box->arena, "out/%s.post", id)), i == 1);
		job = open_job(box, id);
		assert_int_equal(job_post(job, box->arena, &envelope, &message, &why), 0);
		assert_true(span_eq(message, SPAN_LIT(POST)));
		assert_int_equal(envelope.rcpt_count, i == 1 ? 2 : COUNT);
		job_close(job);
		assert_int_equal(spool_remove(box->spool, SPOOL_IN, "abc", &why), 0);
	}
	spool_unread(&two.post);
}

static void test_states_last(void **state)
{
	static const uint32_t done[] = { 0, 2 };
	struct spool_box *box = *state;
	struct span failures;
	struct job *job;
	struct fail why;

	box_put(box, "abc", SPAN_LIT(POST));
	put_job(box);
	job = open_job(box, "abc-1");
	assert_int_equal(job_mark_all(job, done, 2, JOB_DONE, &why), 0);
	assert_int_equal(job_todo_count(job), 1);
	assert_int_equal(job_mark(job, 1, JOB_FAILED, "550-5.1.1 no\r\n such user", &why), 0);
	assert_int_equal(job_todo_count(job), 0);
	assert_int_equal(job_sync(job, &why), 0);
	job_close(job);
	box_reopen(box);
	job = open_job(box, "abc-1");
	assert_int_equal(job_todo_count(job), 0);
	assert_int_equal(job->rcpts[0].state, JOB_DONE);
	assert_int_equal(job->rcpts[1].state, JOB_FAILED);
	assert_int_equal(job->rcpts[2].state, JOB_DONE);
	job_close(job);
	assert_int_equal(file_read(box->arena, arena_printf(box->arena, "%s/out/abc-1.failures", box->dir), 1000, &failures, &why), 0);
	assert_true(span_eq(failures, SPAN_LIT("ann@example.com\t550-5.1.1 no   such user\n")));
}

static void test_made_once(void **state)
{
	struct spool_box *box = *state;
	struct two_forms two;
	struct job_writer *writer;
	struct fail why;

	box_put(box, "abc", large_post(box));
	put_job(box);
	assert_true(box_has(box, "out/abc-1.post"));
	make_forms(box, &two);
	assert_int_equal(begin(box, "abc-1", &two, &writer), 1);
	/* sent while the post was still in in/: a repeated run must not send it again */
	assert_int_equal(job_remove(box->spool, "abc-1", &why), 0);
	assert_false(box_has(box, "out/abc-1"));
	assert_true(box_has(box, "out/abc-1.done"));
	assert_false(box_has(box, "out/abc-1.post"));
	assert_int_equal(begin(box, "abc-1", &two, &writer), 1);
	box_reopen(box);
	assert_int_equal(begin(box, "abc-1", &two, &writer), 1);
	assert_int_equal(spool_remove(box->spool, SPOOL_IN, "abc", &why), 0);
	assert_int_equal(job_sweep_done(box->spool, &why), 0);
	assert_int_equal(box_count(box, "out"), 0);
	spool_unread(&two.post);
	assert_int_equal(job_remove(box->spool, "abc-1", &why), 0);
}

static void test_aborted_and_empty(void **state)
{
	struct spool_box *box = *state;
	struct two_forms two;
	struct job_writer *writer;
	struct fail why;

	box_put(box, "abc", SPAN_LIT(POST));
	make_forms(box, &two);
	assert_int_equal(begin(box, "abc-1", &two, &writer), 0);
	job_abort(writer);
	assert_int_equal(box_count(box, "out"), 0);
	assert_int_equal(begin(box, "abc-1", &two, &writer), 0);
	assert_int_equal(job_commit(writer, &why), 0);
	assert_int_equal(box_count(box, "out"), 0);
	assert_int_equal(begin(box, "abc-1", &two, &writer), 0);
	assert_int_equal(job_add(writer, 2, "ann@example.com", &why), -1);
	assert_int_equal(job_add(writer, 0, "", &why), -1);
	assert_int_equal(job_add(writer, 0, "ann@example.com>\r\nDATA", &why), -1);
	assert_int_equal(job_add(writer, 0, "ann@example.com", &why), 0);
	job_abort(writer);
	spool_unread(&two.post);
}

static void test_names(void **state)
{
	static const struct { const char *id, *post; } rows[] = { { "abc", "abc" }, { "abd-1", "abc" }, { "abc-1-2", "abc" }, { "../x-1", "../x" }, { "abc-/-1", "abc-/" } };
	struct spool_box *box = *state;
	struct two_forms two;
	struct fail why;

	box_put(box, "abc", SPAN_LIT(POST));
	make_forms(box, &two);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct job_request request = { .id = rows[i].id, .post_id = rows[i].post, .list = "l@example.org", .forms = two.forms, .form_count = 2, .envelope = &two.post.envelope };
		struct job_writer *writer;

		assert_int_equal(job_begin(box->spool, &request, two.post.message, &writer, &why), -1);
	}
	assert_int_equal(box_count(box, "out"), 0);
	spool_unread(&two.post);
}

static void write_file(struct spool_box *box, const char *path, struct span bytes)
{
	int fd = open(arena_printf(box->arena, "%s/%s", box->dir, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
	close(fd);
}

/* Back from bad/. */
static void put_back(struct spool_box *box)
{
	assert_int_equal(rename(arena_printf(box->arena, "%s/bad/abc-1", box->dir), arena_printf(box->arena, "%s/out/abc-1", box->dir)), 0);
}

/* Change and cut the file at every place; each time the job must go to bad/, but for a state that is still one. */
static void damage_job(struct spool_box *box)
{
	struct span whole;
	struct fail why;

	assert_int_equal(file_read(box->arena, arena_printf(box->arena, "%s/out/abc-1", box->dir), 1 << 20, &whole, &why), 0);
	for (size_t i = 0; i < 2 * whole.len; i++) {
		struct span bytes = arena_span(box->arena, span_sub(whole, 0, i < whole.len ? whole.len : i - whole.len));
		struct job *job;

		if (i < whole.len)
			((char *)(uintptr_t)bytes.ptr)[i] ^= 1;
		write_file(box, "out/abc-1", bytes);
		if (job_open(box->spool, "abc-1", &job, &why) == 0)
			fail_msg("change number %zu was not seen", i);
		assert_false(why.temporary);
		put_back(box);
	}
	write_file(box, "out/abc-1", whole);
	job_close(open_job(box, "abc-1"));
}

static void test_damage_is_put_aside(void **state)
{
	struct spool_box *box = *state;

	box_put(box, "abc", SPAN_LIT(POST));
	put_job(box);
	damage_job(box);
}

static void test_damage_beside(void **state)
{
	struct spool_box *box = *state;
	struct job *job;
	struct fail why;

	box_put(box, "abc", large_post(box));
	put_job(box);
	assert_int_equal(unlink(arena_printf(box->arena, "%s/out/abc-1.post", box->dir)), 0);
	assert_int_equal(job_open(box->spool, "abc-1", &job, &why), -1);
	assert_false(why.temporary);
	put_job(box);
	assert_int_equal(truncate(arena_printf(box->arena, "%s/out/abc-1.post", box->dir), 10), 0);
	assert_int_equal(job_open(box->spool, "abc-1", &job, &why), -1);
	assert_true(box_has(box, "bad/abc-1") && box_has(box, "bad/abc-1.post"));
	assert_int_equal(job_open(box->spool, "abc-1", &job, &why), -1);
	assert_non_null(strstr(why.text, "no job"));
}

/* A job that is cut off between any two of the renames that take it to kept/ is found whole, and the rest of it goes the same way. */
static void test_half_kept(void **state)
{
	struct spool_box *box = *state;
	struct job *job;
	struct fail why;

	box_put(box, "abc", large_post(box));
	put_job(box);
	assert_int_equal(rename(arena_printf(box->arena, "%s/out/abc-1.post", box->dir), arena_printf(box->arena, "%s/kept/abc-1.post", box->dir)), 0);
	box_reopen(box);
	job_close(open_job(box, "abc-1"));
	assert_int_equal(job_keep(box->spool, "abc-1", 1700000000, &why), 0);
	assert_int_equal(box_count(box, "out"), 0);
	assert_int_equal(job_open_sent(box->spool, "abc-1", &job, &why), 0);
	assert_memory_equal(job->forms[0].rendering.slices[0].iov_base, POST, sizeof(POST) - 1);
	job_close(job);
	assert_int_equal(spool_remove(box->spool, SPOOL_IN, "abc", &why), 0);
	assert_int_equal(job_sweep_kept(box->spool, 1700000001, &why), 0);
	assert_int_equal(box_count(box, "kept"), 0);
}

/* What stands beside a job that is not there goes at start. */
static void test_strays(void **state)
{
	struct spool_box *box = *state;

	box_put(box, "abc", large_post(box));
	put_job(box);
	write_file(box, "out/abc-2.post", SPAN_LIT(POST));
	write_file(box, "out/abc-2.failures", SPAN_LIT("x\n"));
	write_file(box, "out/abc-3.tmp", SPAN_LIT("x"));
	box_reopen(box);
	assert_int_equal(box_count(box, "out"), 2);
	job_close(open_job(box, "abc-1"));
}

static void test_many_recipients(void **state)
{
	enum { COUNT = 100000 };
	struct spool_box *box = *state;
	struct two_forms two;
	struct job_writer *writer;
	uint32_t marks[COUNT / 2];
	struct job *job;
	struct fail why;

	box_put(box, "abc", SPAN_LIT(POST));
	make_forms(box, &two);
	assert_int_equal(begin(box, "abc-7", &two, &writer), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		char address[64];

		snprintf(address, sizeof(address), "user%u@example%u.com", i, i % 97);
		assert_int_equal(job_add(writer, i % 2, address, &why), 0);
	}
	assert_int_equal(job_commit(writer, &why), 0);
	spool_unread(&two.post);
	job = open_job(box, "abc-7");
	assert_int_equal(job->rcpt_count, COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(job->rcpts[i].form, i / (COUNT / 2));
	assert_string_equal(job->rcpts[COUNT / 2].address, "user1@example1.com");
	for (unsigned i = 0; i < COUNT / 2; i++)
		marks[i] = i;
	assert_int_equal(job_mark_all(job, marks, COUNT / 2, JOB_DONE, &why), 0);
	job_close(job);
	job = open_job(box, "abc-7");
	assert_int_equal(job_todo_count(job), COUNT / 2);
	assert_int_equal(job->rcpts[COUNT / 2 - 1].state, JOB_DONE);
	assert_int_equal(job->rcpts[COUNT / 2].state, JOB_TODO);
	job_close(job);
}

/* The child of the crash test: commits jobs, and says so. */
static void make_jobs_until_killed(struct spool_box *box, int tell_fd)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct two_forms two;
	struct fail why;

	box_open(box);
	make_forms(box, &two);
	for (unsigned n = 1;; n++) {
		char *id = arena_printf(a, "abc-%u", n);
		struct job_writer *writer;

		if (begin(box, id, &two, &writer) == 1)
			continue;
		for (unsigned i = 0; i < 3000; i++)
			if (job_add(writer, i % 2, arena_printf(a, "user%u@example.com", i), &why) != 0)
				_exit(1);
		if (job_commit(writer, &why) != 0 || write(tell_fd, "x", 1) != 1)
			_exit(1);
		if (n % 3 == 0 && job_remove(box->spool, id, &why) != 0)
			_exit(1);
		arena_reset(a);
	}
}

static void test_killed_at_any_time(void **state)
{
	struct spool_box *box = *state;
	unsigned seed = 1;
	const char **ids;
	size_t count = 0;
	struct fail why;

	box_put(box, "abc", large_post(box));
	for (int round = 0; round < 20; round++) {
		int fds[2], status;
		char told;
		pid_t pid;

		arena_reset(box->arena);
		spool_close(box->spool);
		box->spool = NULL;
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (pid == 0)
			make_jobs_until_killed(box, fds[1]);
		close(fds[1]);
		assert_int_equal(read(fds[0], &told, 1), 1);
		usleep((useconds_t)rand_r(&seed) % 20000);
		kill(pid, SIGKILL);
		close(fds[0]);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		box_open(box);
		assert_int_equal(job_ids(box->spool, box->arena, &ids, &count, &why), 0);
		for (size_t i = 0; i < count; i++) {
			struct job *job = open_job(box, ids[i]);

			assert_int_equal(job->rcpt_count, 3000);
			job_close(job);
		}
	}
	assert_true(count > 2);
	assert_int_equal(box_count(box, "bad"), 0);
	assert_int_equal(spool_remove(box->spool, SPOOL_IN, "abc", &why), 0);
	box_reopen(box);
	assert_int_equal(box_count(box, "out"), 2 * count); /* with their posts */
}

int main(void)
{
#define BOXED(test) cmocka_unit_test_setup_teardown(test, box_setup, box_teardown)
	static const struct CMUnitTest tests[] = {
		BOXED(test_round_trip), BOXED(test_large_envelope), BOXED(test_states_last), BOXED(test_made_once), BOXED(test_aborted_and_empty), BOXED(test_names), BOXED(test_damage_is_put_aside), BOXED(test_damage_beside), BOXED(test_half_kept), BOXED(test_strays),
		BOXED(test_many_recipients), BOXED(test_killed_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
