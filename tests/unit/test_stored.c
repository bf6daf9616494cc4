/* SPDX-License-Identifier: BSD-2-Clause */
/* Comparisons on disk: the posts that are read in, runs that are stored and held against others, results in order. */
#include "tests/unit/check.h"

#include "listd/compare/jobs.h"
#include "listd/compare/stored.h"

#include <sys/stat.h>
#include <unistd.h>

static struct arena *arena;
static char dir[] = "/tmp/test-stored-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(ARENA_MESSAGE_MAX_BYTES);
	return mkdtemp(dir) == NULL;
}

static int tear_down(void **state)
{
	int result = system(arena_printf(arena, "rm -rf %s", dir));

	(void)state;
	arena_free(arena);
	return result;
}

static const char stored_text[] =
	"# listctl compare 1\n"
	"post ordinary one\n"
	"  arrival policy=reject authentic=yes forged=no taken=yes known=yes\n"
	"  at none strict=refused google=refused lenient=inbox\n"
	"  at rewrite *=inbox\n"
	"  form rewrite from=list name=yes reply=author author-dkim=0/1 list=6/6 tag=yes\n"
	"post forged\n"
	"  arrival policy=reject authentic=no forged=yes taken=no known=yes\n"
	"  at none *=not-sent\n";

/* What changes, and which way. */
static void test_differences(void **state)
{
	static const struct { const char *post, *text, *want; } rows[] = {
		{ "ordinary one", "  at none strict=refused google=refused lenient=inbox\n", "" },
		{ "ordinary one", "  at none google=refused\n", "" }, /* of some receivers alone */
		{ "ordinary one", "  at none strict=inbox google=junk lenient=inbox\n", "better none at strict: refused -> inbox|better none at google: refused -> junk|" },
		{ "ordinary one", "  at none strict=refused google=laundered lenient=not-sent\n", "worse none at google: refused -> laundered|worse none at lenient: inbox -> not-sent|" },
		{ "ordinary one", "  at none *=inbox\n", "better none at strict: refused -> inbox|better none at google: refused -> inbox|" },
		{ "ordinary one", "  at rewrite strict=inbox google=junk lenient=inbox\n", "worse rewrite at google: inbox -> junk|" },
		{ "ordinary one", "  at rewrite *=refused\n", "worse rewrite at *: inbox -> refused|" },
		{ "ordinary one", "  at none strict=refused new=inbox\n", "changed none at new: not stored|" },
		{ "ordinary one", "  at fresh *=inbox\n", "changed fresh at: not stored|" },
		{ "ordinary one", "  form rewrite from=author name=no reply=list author-dkim=1/1 list=5/6 tag=-\n",
			"better rewrite form, from: list -> author|worse rewrite form, name: yes -> no|changed rewrite form, reply: author -> list|"
			"better rewrite form, author-dkim: 0/1 -> 1/1|worse rewrite form, list: 6/6 -> 5/6|changed rewrite form, tag: yes -> -|" },
		{ "ordinary one", "  arrival policy=none authentic=yes forged=no taken=yes known=yes\n", "changed  arrival, policy: reject -> none|" },
		{ "forged", "  at none *=inbox\n", "worse none at *: not-sent -> inbox|" },
		{ "forged", "  at none strict=refused\n", "worse none at strict: not-sent -> refused|" },
		{ "unheard of", "  at none *=inbox\n", "changed  the post is not stored|" },
	};
	struct fail why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stored_difference *found;
		struct stored *stored;
		const char *text = "";
		size_t count;

		assert_int_equal(stored_parse(span_of(stored_text), "f", &stored, &why), 0);
		stored_compare(stored, arena, rows[i].post, span_of(rows[i].text), &found, &count);
		for (size_t k = 0; k < count; k++)
			text = arena_printf(arena, "%s%s %s %s|", text, stored_change_name(found[k].change), found[k].column == NULL ? "" : found[k].column, found[k].text);
		if (strcmp(text, rows[i].want) != 0)
			fail_msg("%s%s", rows[i].text, text);
		stored_free(stored);
	}
}

static void test_unseen(void **state)
{
	struct stored_difference *found;
	struct stored *stored;
	size_t count, at = 0;
	struct fail why;

	(void)state;
	assert_int_equal(stored_parse(span_of(stored_text), "f", &stored, &why), 0);
	stored_compare(stored, arena, "forged", SPAN_LIT(""), &found, &count);
	assert_string_equal(stored_unseen(stored, &at), "ordinary one");
	assert_null(stored_unseen(stored, &at));
	stored_free(stored);
}

static void test_stored_errors(void **state)
{
	static const struct { const char *text, *why; } rows[] = {
		{ "", "not a stored comparison" }, { "post a\n", "not a stored comparison" }, { "# listctl compare x\n", "not a stored comparison" },
		{ "# listctl compare 2\n", "stored in version 2" }, { "# listctl compare 1\n  at none\n", "f:2: expected" }, { "# listctl compare 1\npost a\nat none\n", "f:3: expected" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span exact = test_exact(span_of(rows[i].text));
		struct stored *stored;
		struct fail why;

		assert_int_equal(stored_parse(exact, "f", &stored, &why), -1);
		assert_non_null(strstr(why.text, rows[i].why));
		free((void *)(uintptr_t)exact.ptr);
	}
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(arena_printf(arena, "%s/%s", dir, name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make(const char *name)
{
	assert_int_equal(mkdir(arena_printf(arena, "%s/%s", dir, name), 0700), 0);
}

/* Every kind of input, in an order of its own. */
static void test_corpus(void **state)
{
	static const struct { const char *name, *begins; } want[] = {
		{ "a.eml", "From: a@x.example\r\n" }, { "box#1", "From: b@x.example\r\nSubject: one\r\n\r\nFrom here on\r\n>From there\r\nlast\r\n" }, { "box#2", "From: c@x.example\r\n" },
		{ "described", NULL }, { "described~2", NULL }, { "mail/cur/3:2,S", "From: d@x.example\r\n" }, { "mail/new/2", "From: e@x.example\r\n" },
	};
	struct corpus corpus;
	struct fail why;

	(void)state;
	put("a.eml", "From: a@x.example\n\nx\n");
	put("box", "From b@x.example Sun Nov 22 2026\nFrom: b@x.example\nSubject: one\n\n>From here on\n>>From there\nlast\n\nFrom c@x.example Sun\nFrom: c@x.example\n\nx\n");
	put("described", "# some\npost described\n  policy none\n");
	put("described2", "post described\n");
	make("mail");
	make("mail/cur");
	make("mail/new");
	make("mail/tmp");
	put("mail/cur/3:2,S", "From: d@x.example\r\n\r\nx\r\n");
	put("mail/new/2", "From: e@x.example\n\nx\n");
	put("mail/tmp/1", "From: no@x.example\n\nx\n");
	put(".hidden", "x");
	corpus_init(&corpus);
	if (corpus_add(&corpus, dir, &why) != 0)
		fail_msg("%s", why.text);
	corpus_name(&corpus);
	assert_int_equal(corpus.count, sizeof(want) / sizeof(want[0]));
	for (size_t i = 0; i < corpus.count; i++) {
		const char *name = corpus.items[i].described != NULL ? corpus.items[i].name : corpus.items[i].name + strlen(dir) + 1;
		struct span bytes;

		assert_string_equal(name, want[i].name);
		if (want[i].begins == NULL)
			continue;
		assert_int_equal(corpus_read(arena, &corpus.items[i], &bytes, &why), 0);
		if (strncmp(bytes.ptr, want[i].begins, strlen(want[i].begins)) != 0)
			fail_msg("%s: %.*s", name, (int)bytes.len, bytes.ptr);
	}
	corpus_done(&corpus);
	corpus_init(&corpus);
	assert_int_equal(corpus_add(&corpus, "/nonexistent/x", &why), -1);
	corpus_done(&corpus);
}

static void *square(void *context, struct arena *a, size_t i)
{
	size_t *result = arena_alloc(a, sizeof(*result));

	(void)context;
	if (i % 7 == 0)
		usleep(2000);
	*result = i * i;
	return result;
}

static void check_order(void *context, size_t i, void *result)
{
	size_t *next = context;

	assert_int_equal(i, *next);
	assert_int_equal(*(size_t *)result, i * i);
	++*next;
}

static void test_jobs(void **state)
{
	static const size_t threads[] = { 0, 1, 2, 9 };

	(void)state;
	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
		size_t next = 0;
		const struct jobs jobs = { .context = &next, .count = 200, .threads = threads[i], .arena_max_bytes = 1 << 20, .work = square, .emit = check_order };

		jobs_run(&jobs);
		assert_int_equal(next, 200);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences), cmocka_unit_test(test_unseen), cmocka_unit_test(test_stored_errors), cmocka_unit_test(test_corpus), cmocka_unit_test(test_jobs),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
