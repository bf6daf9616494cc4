/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole route: what strangers can make it cost, and what is shared between the recipients of a message. Its decisions are in tests/cases. */
#include "tests/unit/check.h"
#include "tests/unit/fake_world.h"

#include "mail/buf.h"

static struct fake fake;

static int set_up(void **state)
{
	(void)state;
	fake_open(&fake);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_close(&fake);
	return 0;
}

static const struct envelope from_ann = {
	.id = "abcdefghij0123456789", .received_secs = FAKE_NOW, .mail_from = "ann@reject.example", .client_ip = "192.0.2.1", .helo = "mx.reject.example",
};

static struct post *run(struct arena *a, const struct world *world, const char *list, const char *rcpt, struct span bytes)
{
	struct post *post = NULL;
	struct fail why;

	if (fake_begin(a, world, list, rcpt, &from_ann, bytes, &post, &why) != 0 || route_run(post, false, NULL, NULL, &why) != 0)
		fail_msg("%s", why.text);
	return post;
}

static size_t recipients(const struct post *post)
{
	size_t count = 0;

	for (size_t i = 0; i < post->class_count; i++)
		count += post->classes[i].rcpt_count;
	return count;
}

static struct span post_to(struct arena *a, const char *to, const char *body)
{
	return fake_crlf(a, span_of(arena_printf(a, "From: Ann <ann@reject.example>\nTo: %s\nSubject: owls\nDate: Sun, 22 Nov 2026 10:00:00 +0000\nMessage-ID: <1@reject.example>\n\n%s", to, body)));
}

/* Members who want no second copy where they stand in To: whatever To holds, it costs no more the more of them there are. */
static void test_skip_addressed(void **state)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct world world;
	struct post *post;
	struct buf to;

	(void)state;
	fake_world(&fake, &world);
	fake.members = 20000;
	fake.flags = MEMBER_SKIP_ADDRESSED;
	buf_init(&to, MESSAGE_FIELD_MAX_BYTES);
	buf_put_text(&to, FAKE_LIST ", M1@Lenient.example");
	for (int i = 0; i < 1800; i++)
		buf_printf(&to, ",\n u%d@d%d.example", i, i);
	post = run(a, &world, "", FAKE_LIST, post_to(a, buf_text(&to), "Hello.\n"));
	buf_done(&to);
	assert_int_equal(post->outcome, OUTCOME_SEND);
	assert_int_equal(recipients(post), 20000 - 1);
	assert_true(arena_used_bytes(a) < (size_t)16 << 20);
	fake.members = 0;
	fake.flags = 0;
	list_settings_free(post->list);
	arena_free(a);
}

/* Two recipients of one message: read and judged once, though the memory of the first is gone by then. */
static void test_arrival(void **state)
{
	struct arrival arrival = { .arena = arena_new(ARENA_MESSAGE_MAX_BYTES) };
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES), *one = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct span bytes = fake_sign(&fake, a, post_to(a, FAKE_LIST, "Hello.\n"), "reject.example");
	static const char *const rcpts[] = { FAKE_LIST, "birds-owner@lists.example.org", FAKE_LIST };
	struct world world;

	(void)state;
	fake_world(&fake, &world);
	world.arrival = &arrival;
	for (size_t i = 0; i < 3; i++) {
		struct post *post = run(one, &world, "subject-tag = \"[birds]\"\n", rcpts[i], bytes);

		assert_int_equal(post->outcome, OUTCOME_SEND);
		assert_true(post->facts.authentic);
		assert_string_equal(post->facts.authentic_by, "dkim=reject.example");
		assert_true(post->classes[0].choice.form != NULL);
		if (i == 0)
			assert_string_equal(post->classes[0].choice.form->strategy->name, "passthrough");
		list_settings_free(post->list);
		arena_reset(one);
	}
	assert_true(arrival.is_judged);
	arena_free(arrival.arena);
	arena_free(one);
	arena_free(a);
}

/* Parts with long lines are encoded anew once, not once for each form. */
static void test_memory_of_forms(void **state)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES), *one = arena_new(ARENA_MESSAGE_MAX_BYTES);
	size_t line = 1200, lines = 1000;
	char *body = arena_alloc(a, lines * (line + 1) + 1);
	struct world world;
	struct post *post;
	struct span bytes;

	(void)state;
	fake_world(&fake, &world);
	memset(body, '\xe9', lines * (line + 1));
	for (size_t i = 0; i < lines; i++)
		body[i * (line + 1) + line] = '\n';
	bytes = post_to(a, FAKE_LIST, body);
	post = run(one, &world, "", FAKE_LIST, bytes);
	assert_int_equal(post->outcome, OUTCOME_SEND);
	assert_int_equal(post->class_count, 4);
	assert_true(arena_used_bytes(one) < 6 * bytes.len);
	list_settings_free(post->list);
	arena_free(one);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_skip_addressed), cmocka_unit_test(test_arrival), cmocka_unit_test(test_memory_of_forms) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
