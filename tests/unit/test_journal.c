/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/fault.h"
#include "tests/unit/spool_help.h"

#include "listd/spool/journal.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define POST "Subject: herons\r\n\r\nOn the lake.\r\n"

/* Accepted as intake does it; id_r gets its id. */
static struct spool_entry accept_one(struct spool_box *box, struct span message, char id_r[SPOOL_ID_CHARS + 1])
{
	const char *rcpts[] = { "birds@lists.example.org" };
	struct envelope envelope = { .id = id_r, .received_secs = 1700000000, .mail_from = "ann@example.com", .rcpts = rcpts, .rcpt_count = 1 };
	struct spool_writer *writer;
	struct spool_entry entry = { 0 };
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

/* When a segment cannot be begun anew, nothing is put behind the head that it still has. */
static void test_not_used_again(void **state)
{
	struct spool_box *box = *state;
	size_t in_one = JOURNAL_SEGMENT_BYTES / 61440;
	char id[SPOOL_ID_CHARS + 1];
	struct spool_entry entry;

	for (size_t i = 0; i < in_one; i++) {
		entry = accept_one(box, make_text(box, 60000), id);
		let_go(box, id, &entry);
	}
	atomic_store(&faults.error[FAULT_PWRITE], ENOSPC);
	entry = accept_one(box, make_text(box, 60000), id);
	assert_int_equal(entry.bytes, 0);
	let_go(box, id, &entry);
	entry = accept_one(box, SPAN_LIT(POST), id);
	atomic_store(&faults.error[FAULT_PWRITE], 0);
	box_reopen(box);
	check_in(box, id, SPAN_LIT(POST));
	assert_int_equal(box_count(box, "in"), 1);
}

/* A disk that is full to a quota, which its numbers do not show, is not written to for each message in vain. */
static void test_no_segment_for_a_while(void **state)
{
	struct spool_box *box = *state;
	char id[SPOOL_ID_CHARS + 1];

	atomic_store(&faults.calls[FAULT_PWRITE], 0);
	atomic_store(&faults.error[FAULT_PWRITE], EDQUOT);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(accept_one(box, SPAN_LIT(POST), id).bytes, 0);
	atomic_store(&faults.error[FAULT_PWRITE], 0);
	assert_int_equal(atomic_load(&faults.calls[FAULT_PWRITE]), 1);
}

/* A sync that fails for one fails for all who wait for it, and each of their messages gets a file. */
static void test_sync_fails(void **state)
{
	struct spool_box *box = *state;
	char id[3][SPOOL_ID_CHARS + 1];
	const char *rcpts[] = { "birds@lists.example.org" };
	struct envelope envelope = { .id = id[1], .mail_from = "ann@example.com", .rcpts = rcpts, .rcpt_count = 1 };
	struct spool_writer *writer;
	struct spool_entry entry;
	struct fail why;

	assert_true(accept_one(box, SPAN_LIT(POST), id[0]).bytes > 0);
	spool_id(1700000000, id[1]);
	assert_int_equal(spool_begin(box->spool, id[1], &writer, &why), 0);
	atomic_store(&faults.error[FAULT_FDATASYNC], EIO);
	assert_int_equal(spool_accept(writer, &envelope, &entry, &why), -1);
	assert_true(why.temporary);
	atomic_store(&faults.error[FAULT_FDATASYNC], 0);
	entry = accept_one(box, SPAN_LIT(POST), id[2]);
	assert_int_equal(entry.segment, 1);
	box_reopen(box);
	check_in(box, id[0], SPAN_LIT(POST));
	check_in(box, id[2], SPAN_LIT(POST));
	assert_int_equal(box_count(box, "in"), 2);
}

static void put_foreign(struct spool_box *box, const char *name, const char *text)
{
	FILE *f = fopen(arena_printf(box->arena, "%s/journal/%s", box->dir, name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* What is no segment is not removed for one; what was being made when the machine stopped is. */
static void test_foreign_files(void **state)
{
	struct spool_box *box = *state;
	char id[SPOOL_ID_CHARS + 1], page[JOURNAL_BLOCK_BYTES + 1];

	assert_true(accept_one(box, SPAN_LIT(POST), id).bytes > 0);
	memset(page, 'x', sizeof(page) - 1);
	page[sizeof(page) - 1] = '\0';
	put_foreign(box, "7", page);
	put_foreign(box, "8", "");
	put_foreign(box, "note", "of the administrator");
	box_reopen(box);
	check_in(box, id, SPAN_LIT(POST));
	assert_true(box_has(box, "bad/7") && !box_has(box, "bad/8") && box_has(box, "journal/note"));
	assert_int_equal(box_count(box, "journal"), 1);
}

/* Segments make room one by one: on a disk that the spool itself has filled there is none for all of them. */
static void test_recovered_one_by_one(void **state)
{
	struct spool_box *box = *state;
	size_t in_one = JOURNAL_SEGMENT_BYTES / 61440;
	char first_id[SPOOL_ID_CHARS + 1], id[SPOOL_ID_CHARS + 1];
	struct fail why;

	accept_one(box, make_text(box, 60000), first_id);
	for (size_t i = 0; i < in_one; i++)
		accept_one(box, make_text(box, 60000), id);
	assert_int_equal(box_count(box, "journal"), 2);
	assert_int_equal(mkdir(arena_printf(box->arena, "%s/journal/2", box->dir), 0700), 0);
	spool_close(box->spool);
	box->spool = NULL;
	assert_int_equal(box_count(box, "journal"), 1);
	assert_int_equal(box_count(box, "in"), in_one + 1);
	assert_int_equal(spool_open(box->dir, &box->spool, &why), -1);
	assert_non_null(strstr(why.text, "journal/2"));
	assert_int_equal(rmdir(arena_printf(box->arena, "%s/journal/2", box->dir)), 0);
	box_open(box);
	check_in(box, first_id, make_text(box, 60000));
	check_in(box, id, make_text(box, 60000));
}

static struct { int from_fd, to_fd; } disk;

/* What a power failure would leave of the first segment. */
static void note_synced(int fd)
{
	static char segment[JOURNAL_SEGMENT_BYTES];
	struct stat synced, ours;

	if (fstat(fd, &synced) == 0 && fstat(disk.from_fd, &ours) == 0 && synced.st_ino == ours.st_ino && synced.st_dev == ours.st_dev) {
		file_read_at(fd, segment, sizeof(segment), 0);
		if (pwrite(disk.to_fd, segment, sizeof(segment), 0) != (ssize_t)sizeof(segment))
			_exit(1);
	}
}

static void make_job(struct spool_box *box, const char *id)
{
	struct iovec slice = { (void *)(uintptr_t)POST, sizeof(POST) - 1 };
	struct job_form form = { .name = "none", .rendering = { .slices = &slice, .count = 1, .total_bytes = sizeof(POST) - 1 } };
	const char *rcpts[] = { "birds@lists.example.org" };
	struct envelope envelope = { .id = id, .received_secs = 1700000000, .mail_from = "ann@example.com", .rcpts = rcpts, .rcpt_count = 1 };
	struct job_request request = { .id = arena_printf(box->arena, "%s-0", id), .post_id = id, .envelope = &envelope, .list = rcpts[0], .forms = &form, .form_count = 1 };
	struct job_writer *writer;
	struct fail why;

	if (job_begin(box->spool, &request, SPAN_LIT(POST), &writer, &why) != 0 || job_add(writer, 0, "bob@example.net", &why) != 0 || job_commit(writer, &why) != 0)
		_exit(2);
}

enum life { SENT_AND_REMOVED, BEING_REMOVED, HELD_AND_REMOVED, LIVES };

/* A post is sent and its job removed, perhaps not to the end; another is held and let pass. */
static void live_until_the_power_fails(struct spool_box *box, enum life life)
{
	char id[SPOOL_ID_CHARS + 1];
	const char *held, *out;
	struct spool_entry entry;
	struct fail why;

	box_open(box);
	entry = accept_one(box, SPAN_LIT(POST), id);
	disk.from_fd = open(arena_printf(box->arena, "%s/journal/0", box->dir), O_RDONLY);
	disk.to_fd = open(arena_printf(box->arena, "%s/disk", box->dir), O_RDWR | O_CREAT, 0600);
	note_synced(disk.from_fd);
	faults.synced = note_synced;
	held = arena_printf(box->arena, "%s-0", id);
	out = arena_printf(box->arena, "%s/out/%s", box->dir, held);
	if (life == HELD_AND_REMOVED && (spool_settle(box->spool, id, &entry, &why) != 0 || spool_hold(box->spool, id, held, &why) != 0))
		_exit(3);
	if (life != HELD_AND_REMOVED)
		make_job(box, id);
	if (spool_let_go(box->spool, id, &entry, &why) != 0)
		_exit(4);
	if (life == HELD_AND_REMOVED ? spool_remove(box->spool, SPOOL_HELD, held, &why) != 0
		: life == BEING_REMOVED ? rename(out, arena_printf(box->arena, "%s.done", out)) != 0 : job_remove(box->spool, held, &why) != 0)
		_exit(5);
	_exit(0);
}

/* None comes back, or the mark is still there that tells that it has been sent. */
static void test_power_fails(void **state)
{
	struct spool_box *box = *state;

	for (enum life life = 0; life < LIVES; life++) {
		size_t left = life == BEING_REMOVED;
		int status;
		pid_t pid;

		spool_close(box->spool);
		box->spool = NULL;
		pid = fork();
		if (pid == 0)
			live_until_the_power_fails(box, life);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(rename(arena_printf(box->arena, "%s/disk", box->dir), arena_printf(box->arena, "%s/journal/0", box->dir)), 0);
		box_open(box);
		if (box_count(box, "in") != left || box_count(box, "out") != left || box_count(box, "held") + box_count(box, "bad") != 0)
			fail_msg("life %d: %zu in in/, %zu in out/", (int)life, box_count(box, "in"), box_count(box, "out"));
		nftw(arena_printf(box->arena, "%s/in", box->dir), box_remove, 10, FTW_DEPTH | FTW_PHYS);
		nftw(arena_printf(box->arena, "%s/out", box->dir), box_remove, 10, FTW_DEPTH | FTW_PHYS);
	}
}

struct note { char id[SPOOL_ID_CHARS + 1]; uint32_t bytes; };

struct client { struct spool_box *box; unsigned number; int fd; };

/* Tells of every message that is accepted, and again before it is let go. */
static void *accept_until_killed(void *argument)
{
	static char text[SPOOL_SMALL_BYTES];
	struct client *c = argument;

	for (unsigned i = c->number;; i += 7) {
		struct note note = { .bytes = i * 977 % sizeof(text) };
		struct span message = { text, note.bytes };
		struct spool_entry entry = accept_one(c->box, message, note.id);

		if (entry.bytes == 0 || write(c->fd, &note, sizeof(note)) != (ssize_t)sizeof(note))
			_exit(1);
		if (i % 3 == 0 || write(c->fd, &note, sizeof(note)) != (ssize_t)sizeof(note))
			continue;
		spool_let_go(c->box->spool, note.id, &entry, NULL);
	}
	return NULL;
}

static void run_until_killed(struct spool_box *box, int fd)
{
	pthread_t threads[6];
	struct client clients[6];

	box_open(box);
	for (unsigned i = 0; i < 6; i++) {
		clients[i] = (struct client){ .box = box, .number = i, .fd = fd };
		if (pthread_create(&threads[i], NULL, accept_until_killed, &clients[i]) != 0)
			_exit(2);
	}
	for (;;)
		pause();
}

static size_t read_notes(int fd, struct note *notes, size_t max)
{
	size_t count = 0;

	while (count < max && read(fd, &notes[count], sizeof(*notes)) == (ssize_t)sizeof(*notes))
		count++;
	return count;
}

static int compare_notes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct note));
}

/* Whenever the process is killed: what was accepted and not let go is there, whole. */
static void test_killed(void **state)
{
	enum { NOTES_MAX = 20000 };
	struct spool_box *box = *state;
	struct note *notes = arena_array(box->arena, NOTES_MAX, sizeof(*notes));
	static char text[SPOOL_SMALL_BYTES];

	for (unsigned round = 0; round < 8; round++) {
		int pipes[2], status;
		size_t count;
		pid_t pid;

		spool_close(box->spool);
		box->spool = NULL;
		assert_int_equal(pipe(pipes), 0);
		fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
		pid = fork();
		if (pid == 0)
			run_until_killed(box, pipes[1]);
		usleep(20000 + round * 17000);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		close(pipes[1]);
		count = read_notes(pipes[0], notes, NOTES_MAX);
		close(pipes[0]);
		box_open(box);
		qsort(notes, count, sizeof(*notes), compare_notes);
		for (size_t i = 0; i < count; i++) {
			if (i + 1 < count && compare_notes(&notes[i], &notes[i + 1]) == 0)
				i++;
			else
				check_in(box, notes[i].id, (struct span){ text, notes[i].bytes });
		}
		assert_int_equal(box_count(box, "bad"), 0);
	}
}

int main(void)
{
#define BOXED(test) cmocka_unit_test_setup_teardown(test, box_setup, box_teardown)
	static const struct CMUnitTest tests[] = {
		BOXED(test_settled), BOXED(test_large_ones_are_files), BOXED(test_left_behind), BOXED(test_used_again), BOXED(test_no_segment), BOXED(test_broken_segment),
		BOXED(test_torn), BOXED(test_sessions_at_once), BOXED(test_not_used_again), BOXED(test_no_segment_for_a_while), BOXED(test_sync_fails), BOXED(test_foreign_files),
		BOXED(test_recovered_one_by_one), BOXED(test_power_fails), BOXED(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
