/* SPDX-License-Identifier: BSD-2-Clause */
/* Described posts: their file, and what is made of it. */
#include "tests/unit/check.h"

#include "mail/message.h"
#include "mitigations/compare/described.h"

static struct arena *arena;
static const struct clock the_clock = { .is_fixed = true, .fixed_secs = DESCRIBED_NOW };

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(ARENA_MESSAGE_MAX_BYTES);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static int parse(const char *text, struct described **posts, size_t *count, struct fail *why)
{
	struct span exact = test_exact(span_of(text));
	int result = described_parse(arena, exact, "/some/where/posts", posts, count, why);

	free((void *)(uintptr_t)exact.ptr);
	return result;
}

static void test_errors(void **state)
{
	static const struct { const char *text, *why; } rows[] = {
		{ "from x\n", "posts:1: expected \"post NAME\" first, not \"from\"" },
		{ "post\n", "posts:1: expected a name" }, { "post a b\n", "posts:1: expected a name" }, { "post <a>\n", "posts:1: expected a name" },
		{ "post a\n from\n", "posts:2: expected an author" },
		{ "post a\n policy strict\n", "posts:2: expected absent, none, quarantine, reject, unknown" },
		{ "post a\n auth arc\n", "posts:2: expected dkim, spf, submission, broken or none, not \"arc\"" },
		{ "post a\n signature c=nice\n", "posts:2: expected c=simple or relaxed" }, { "post a\n signature l=-1\n", "posts:2: expected d=, a=ed25519" },
		{ "post a\n signature z\n", "posts:2: expected d=, a=ed25519" }, { "post a\n auth dkim dkim dkim dkim dkim\n", "posts:2: more than 4 signatures" },
		{ "post a\n shape round\n", "posts:2: expected a shape" }, { "post a\n field X\n", "posts:2: expected NAME: VALUE" },
		{ "post a\n field X Y: z\n", "posts:2: expected NAME: VALUE" }, { "post a\n field : z\n", "posts:2: expected NAME: VALUE" },
		{ "post a\n colour red\n", "posts:2: expected post, from, to" }, { "post a\n body x\ry\n", "posts:2: a NUL or CR octet" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct described *posts;
		struct fail why = { .text = "" };
		size_t count;

		assert_int_equal(parse(rows[i].text, &posts, &count, &why), -1);
		if (strstr(why.text, rows[i].why) == NULL)
			fail_msg("%s: %s", rows[i].text, why.text);
	}
}

/* What a post is described as is what a receiver finds. */
static void test_made(void **state)
{
	static const struct { const char *lines; bool authentic; enum dmarc_policy policy; const char *by; } rows[] = {
		{ "", true, DMARC_ABSENT, "no author domain asks" },
		{ " policy reject\n auth dkim\n", true, DMARC_P_REJECT, "dkim=bank.example" },
		{ " policy reject\n auth none\n", false, DMARC_P_REJECT, "dkim: none; spf: none for forwarder.example" },
		{ " policy reject\n auth broken\n", false, DMARC_P_REJECT, "fail by bank.example" },
		{ " policy quarantine\n auth spf\n", true, DMARC_P_QUARANTINE, "spf=bank.example" },
		{ " policy reject\n auth dkim spf\n", true, DMARC_P_REJECT, "dkim=bank.example" },
		{ " policy reject\n auth submission\n", true, DMARC_P_REJECT, "spf=bank.example" },
		{ " policy unknown\n auth none\n", false, DMARC_UNKNOWN, "policy unknown" },
		{ " policy none\n auth none\n", true, DMARC_P_NONE, "no author domain asks" },
		{ " policy p=reject; adkim=s\n signature d=mail.bank.example\n", false, DMARC_P_REJECT, "pass by mail.bank.example" },
		{ " policy reject\n signature d=mail.bank.example\n", true, DMARC_P_REJECT, "dkim=mail.bank.example" },
		{ " policy reject\n signature a=ed25519\n", true, DMARC_P_REJECT, "dkim=bank.example" },
		{ " policy reject\n signature c=simple/simple\n", true, DMARC_P_REJECT, "dkim=bank.example" },
		{ " policy reject\n signature c=simple/relaxed\n", true, DMARC_P_REJECT, "dkim=bank.example" },
		{ " policy reject\n signature c=relaxed\n", true, DMARC_P_REJECT, "dkim=bank.example" },
		{ " policy reject\n signature oversigned\n", true, DMARC_P_REJECT, "dkim=bank.example" },
		{ " policy reject\n signature l=5\n", false, DMARC_P_REJECT, "pass by bank.example, but" },
		{ " policy reject\n signature h=from:date\n signature broken\n", true, DMARC_P_REJECT, "dkim=bank.example" },
		{ " policy reject\n auth dkim\n from \xc3\x89va <eva@b\xc3\xbc" "cher.example>\n", true, DMARC_P_REJECT, "dkim=xn--bcher-kva.example" },
		{ " policy absent\n record _dmarc.bank.example TXT \"v=DMARC1; p=reject\"\n auth dkim\n field Reply-To: x@y.example\n body one\n body two\n", true, DMARC_P_REJECT,
			"dkim=bank.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct facts_options options = { .receiver_name = "test" };
		struct described_post made, again;
		struct described *posts;
		struct message m;
		struct facts facts;
		struct fail why;
		size_t count;

		if (parse(arena_printf(arena, "post a\n%s", rows[i].lines), &posts, &count, &why) != 0 || described_make(arena, posts, &made, &why) != 0)
			fail_msg("%s%s", rows[i].lines, why.text);
		assert_int_equal(described_make(arena, posts, &again, &why), 0);
		assert_true(span_eq(made.bytes, again.bytes));
		assert_int_equal(message_parse(arena, made.bytes, &m, &why), 0);
		assert_int_equal(m.line_ends, LINE_ENDS_CRLF);
		facts_gather(arena, made.dns, &the_clock, &m, &made.session, &options, &facts);
		if (facts.authentic != rows[i].authentic || facts.policy != rows[i].policy || strstr(facts.authentic_by, rows[i].by) == NULL)
			fail_msg("%s: authentic %d, policy %s: %s", rows[i].lines, facts.authentic, dmarc_policy_name(facts.policy), facts.authentic_by);
		resolver_free(made.dns);
		resolver_free(again.dns);
	}
}

static void test_cannot_be_made(void **state)
{
	static const char *const rows[] = { " record x\n", " from nobody\n", " signature d=..\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct described_post made;
		struct described *posts;
		struct fail why = { .text = "" };
		size_t count;

		assert_int_equal(parse(arena_printf(arena, "post a\n%s", rows[i]), &posts, &count, &why), 0);
		assert_int_equal(described_make(arena, posts, &made, &why), -1);
		assert_true(strstr(why.text, "post a: ") != NULL);
	}
}

/* Every shape is a message with a signature that verifies. */
static void test_shapes(void **state)
{
	const struct facts_options options = { .receiver_name = "test" };

	(void)state;
	for (size_t i = 0; i < shape_count; i++) {
		struct described post = { .name = "a", .to = "l@lists.example", .subject = "\xc3\xa4", .policy = "reject", .shape = &shapes[i], .signatures = { { .length = -1 } },
			.signature_count = 1 };
		struct described_post made;
		struct message m;
		struct facts facts;
		struct fail why;

		assert_ptr_equal(shape_find(span_of(shapes[i].name)), &shapes[i]);
		if (described_make(arena, &post, &made, &why) != 0 || message_parse(arena, made.bytes, &m, &why) != 0)
			fail_msg("%s: %s", shapes[i].name, why.text);
		facts_gather(arena, made.dns, &the_clock, &m, &made.session, &options, &facts);
		if (!facts.authentic || m.has_junk_line || m.body_bytes == 0)
			fail_msg("%s: %s", shapes[i].name, facts.authentic_by);
		resolver_free(made.dns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors), cmocka_unit_test(test_made), cmocka_unit_test(test_cannot_be_made), cmocka_unit_test(test_shapes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
