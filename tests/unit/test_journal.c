/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/spool_help.h"

#include "listd/spool/journal.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#define POST "Subject: herons\r\n\r\nOn the lake.\r\n"

/* Accepted as intake does it; id_r gets its id. */
static struct spool_entry accept_one(struct spool_box *box, struct span message, char id_r[SPOOL_ID_CHARS + 1])
{
	const char *rcpts[] = { "birds@lists.example.org" };
	struct envelope envelope = { .id = id_r, .received_secs = 1700000000, .mail_from = "ann@example.com", .rcpts = rcpts, .rcpt_count = 1 };
	struct spool_writer *writer;
	struct spool_entry entry;
	struct fail why;

	spool_id(1700000000, id_r);
	if (spool_begin(box->spool, id_r, &writer, &why) != 0 || spool_add(writer, message, &why) != 0 || spool_accept(writer, &envelope, &entry, &why) != 0)
		fail_msg("%s", why.text);
	return entry;
}

static void let_go(struct spool_box *box, const char *id, struct spool_entry *entry)
{
	struct fail why;

	if (spool_let_go(box->spool, id, entry, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(entry->bytes, 0);
}

static void check_in(struct spool_box *box, const char *id, struct span message)
{
	struct spooled got;
	struct fail why;

	if (spool_read(box->spool, box->arena, SPOOL_IN, id, &got, &why) != 0)
		fail_msg("%s", why.text);
	assert_true(span_eq(got.message, message));
	assert_string_equal(got.envelope.id, id);
	assert_string_equal(got.envelope.mail_from, "ann@example.com");
	assert_string_equal(got.envelope.rcpts[0], "birds@lists.example.org");
	spool_unread(&got);
}

/* Something of that size that no other test has. */
static struct span make_text(struct spool_box *box, size_t len)
{
	char *bytes = arena_alloc(box->arena, len + 1);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('a' + (i * 7 + len) % 26);
	return (struct span){ bytes, len };
}

static void test_settled(void **state)
{
	static const size_t sizes[] = { 0, 1, 4000, 4096, 10000, SPOOL_SMALL_BYTES };
	struct spool_box *box = *state;
	struct fail why;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char id[SPOOL_ID_CHARS + 1];
		struct span text = make_text(box, sizes[i]);
		struct spool_entry entry = accept_one(box, text, id);

		assert_true(entry.bytes > text.len);
		assert_int_equal(box_count(box, "in") + box_count(box, "tmp"), i);
		assert_int_equal(spool_settle(box->spool, id, &entry, &why), 0);
		assert_int_equal(entry.bytes, 0);
		check_in(box, id, text);
		assert_int_equal(spool_settle(box->spool, id, &entry, &why), 0);
	}
	box_reopen(box);
	assert_int_equal(box_count(box, "in"), sizeof(sizes) / sizeof(sizes[0]));
	assert_int_equal(box_count(box, "journal"), 0);
}

static void test_large_ones_are_files(void **state)
{
	struct spool_box *box = *state;
	char id[SPOOL_ID_CHARS + 1];
	struct span text = make_text(box, SPOOL_SMALL_BYTES + 1);
	struct spool_entry entry = accept_one(box, text, id);

	assert_int_equal(entry.bytes, 0);
	check_in(box, id, text);
	let_go(box, id, &entry);
	assert_int_equal(box_count(box, "in"), 0);
}

/* Whatever the journal holds when the process is gone is in in/ when it is back, and nothing else. */
static void test_left_behind(void **state)
{
	struct spool_box *box = *state;
	char ids[40][SPOOL_ID_CHARS + 1];

	for (size_t i = 0; i < 40; i++) {
		struct spool_entry entry = accept_one(box, make_text(box, 100 * i), ids[i]);

		if (i % 3 == 0)
			let_go(box, ids[i], &entry);
	}
	assert_int_equal(box_count(box, "in"), 0);
	box_reopen(box);
	for (size_t i = 0; i < 40; i++)
		if (i % 3 != 0)
			check_in(box, ids[i], make_text(box, 100 * i));
	assert_int_equal(box_count(box, "in"), 26);
	box_reopen(box);
	assert_int_equal(box_count(box, "in"), 26);
	assert_int_equal(box_count(box, "bad"), 0);
}

/* A segment is used again when nothing in it is alive; when all are taken, messages get files. */
static void test_used_again(void **state)
{
	struct spool_box *box = *state;
	struct span text = make_text(box, 60000);
	size_t in_one = JOURNAL_SEGMENT_BYTES / 61440, count = 0;
	char id[SPOOL_ID_CHARS + 1], first_id[SPOOL_ID_CHARS + 1];
	struct spool_entry first, entry;

	for (size_t i = 0; i < 3 * in_one; i++) {
		entry = accept_one(box, text, id);
		let_go(box, id, &entry);
	}
	assert_int_equal(box_count(box, "journal"), 1);
	first = accept_one(box, text, first_id);
	for (size_t i = 0; i < 3 * in_one; i++) {
		entry = accept_one(box, text, id);
		let_go(box, id, &entry);
	}
	assert_int_equal(box_count(box, "journal"), 2);
	do
		entry = accept_one(box, text, id);
	while (entry.bytes > 0 && count++ < 2 * JOURNAL_SEGMENTS_MAX * in_one);
	assert_true(count > (JOURNAL_SEGMENTS_MAX - 1) * (in_one - 2) && count < JOURNAL_SEGMENTS_MAX * in_one);
	assert_int_equal(box_count(box, "journal"), JOURNAL_SEGMENTS_MAX);
	check_in(box, id, text);
	box_reopen(box);
	assert_int_equal(box_count(box, "in"), count + 2);
	check_in(box, first_id, text);
	assert_true(first.bytes > 0);
}

/* A process that may write no large files has no segment, and accepts all the same. */
static void test_no_segment(void **state)
{
	struct spool_box *box = *state;
	struct rlimit before, small = { 1 << 20, 1 << 20 };
	char id[SPOOL_ID_CHARS + 1];
	struct spool_entry entry;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	entry = accept_one(box, SPAN_LIT(POST), id);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(entry.bytes, 0);
	assert_int_equal(box_count(box, "journal"), 0);
	check_in(box, id, SPAN_LIT(POST));
	entry = accept_one(box, SPAN_LIT(POST), id);
	assert_true(entry.bytes > 0);
}

/* A segment in which an entry can be written no more is left alone; what it holds is still there. */
static void test_broken_segment(void **state)
{
	struct spool_box *box = *state;
	char id[3][SPOOL_ID_CHARS + 1];
	struct spool_entry entry = accept_one(box, SPAN_LIT(POST), id[0]);
	struct rlimit before, small = { .rlim_cur = entry.at + 4096 };

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(accept_one(box, SPAN_LIT(POST), id[1]).bytes, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	entry = accept_one(box, SPAN_LIT(POST), id[2]);
	assert_true(entry.bytes > 0);
	assert_int_equal(entry.segment, 1);
	box_reopen(box);
	for (size_t i = 0; i < 3; i++)
		check_in(box, id[i], SPAN_LIT(POST));
	assert_int_equal(box_count(box, "in"), 3);
}

static void rewrite_segment(struct spool_box *box, size_t at, struct span bytes)
{
	int fd = open(arena_printf(box->arena, "%s/journal/0", box->dir), O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes.ptr, bytes.len, (off_t)at), bytes.len);
	close(fd);
}

/* What a machine that stops in the middle leaves: an entry without its head, one without its end. Those behind are found, and nobody's text passes for an entry. */
static void test_torn(void **state)
{
	struct spool_box *box = *state;
	char text[3 * JOURNAL_BLOCK_BYTES + 1], id[4][SPOOL_ID_CHARS + 1];
	struct spool_entry entries[4];
	struct span message = { text, sizeof(text) - 1 };

	memset(text, 'x', sizeof(text));
	for (size_t at = JOURNAL_BLOCK_BYTES - JOURNAL_HEAD_BYTES; at < message.len; at += JOURNAL_BLOCK_BYTES)
		snprintf(text + at, JOURNAL_HEAD_BYTES + 1, "#listd-journal %016x %08x %s .\n", 0, 100, "2222222zzzzzzzzzzzzz");
	for (size_t i = 0; i < 4; i++)
		entries[i] = accept_one(box, i == 2 ? SPAN_LIT(POST) : message, id[i]);
	rewrite_segment(box, entries[0].at, SPAN_LIT("torn"));
	rewrite_segment(box, entries[1].at + entries[1].bytes, SPAN_LIT("torn"));
	box_reopen(box);
	assert_int_equal(box_count(box, "in"), 3);
	check_in(box, id[2], SPAN_LIT(POST));
	check_in(box, id[3], message);
	/* as with any torn file, reading tells */
	assert_true(box_has(box, arena_printf(box->arena, "in/%s", id[1])));
	assert_int_equal(spool_read(box->spool, box->arena, SPOOL_IN, id[1], &(struct spooled){ 0 }, &(struct fail){ 0 }), -1);
	assert_true(box_has(box, arena_printf(box->arena, "bad/%s", id[1])));
}

struct session { struct spool_box *box; unsigned number; char left[200][SPOOL_ID_CHARS + 1]; size_t left_count; };

static void *accept_many(void *argument)
{
	struct session *s = argument;

	for (unsigned i = 0; i < 200; i++) {
		char id[SPOOL_ID_CHARS + 1], text[40];
		struct spool_entry entry;

		snprintf(text, sizeof(text), "post %u of %u", i, s->number);
		entry = accept_one(s->box, span_of(text), id);
		if (i % 5 == 0)
			memcpy(s->left[s->left_count++], id, sizeof(id));
		else
			let_go(s->box, id, &entry);
	}
	return NULL;
}

static void test_sessions_at_once(void **state)
{
	enum { SESSIONS = 12 };
	static struct session sessions[SESSIONS];
	struct spool_box *box = *state;
	pthread_t threads[SESSIONS];

	for (unsigned i = 0; i < SESSIONS; i++) {
		sessions[i] = (struct session){ .box = box, .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, accept_many, &sessions[i]), 0);
	}
	for (unsigned i = 0; i < SESSIONS; i++)
		pthread_join(threads[i], NULL);
	box_reopen(box);
	assert_int_equal(box_count(box, "in"), SESSIONS * 40);
	for (unsigned i = 0; i < SESSIONS; i++)
		for (size_t left = 0; left < sessions[i].left_count; left++)
			check_in(box, sessions[i].left[left], span_of(arena_printf(box->arena, "post %zu of %u", left * 5, i)));
}

int main(void)
{
#define BOXED(test) cmocka_unit_test_setup_teardown(test, box_setup, box_teardown)
	static const struct CMUnitTest tests[] = {
		BOXED(test_settled), BOXED(test_large_ones_are_files), BOXED(test_left_behind), BOXED(test_used_again), BOXED(test_no_segment), BOXED(test_broken_segment),
		BOXED(test_torn), BOXED(test_sessions_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
