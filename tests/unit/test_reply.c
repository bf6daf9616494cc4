/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include "listd/event.h"
#include "listd/reply.h"

#include <ctype.h>
#include <unistd.h>

static void test_every_row_is_a_reply(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (int kind = 0; kind < REPLY_KINDS; kind++) {
		struct reply reply = reply_make(a, (enum reply_kind)kind, "one", "two", "three");
		const char *wire = reply_wire(a, &reply);

		assert_in_range(reply.code, 200, 599);
		/* RFC 2034 4: a greeting and an intermediate reply have none. */
		assert_int_equal(reply.enhanced[0], reply.code == 220 || reply.code / 100 == 3 ? '\0' : '0' + reply.code / 100);
		assert_null(strchr(reply.text, '%'));
		assert_int_equal(atoi(wire), reply.code);
		assert_string_equal(wire + strlen(wire) - 2, "\r\n");
	}
	arena_free(a);
}

static void test_values(void **state)
{
	static const struct { const char *name, *value, *want; } rows[] = {
		{ "plain", "birds@example.org", "no list birds@example.org here; check the address" },
		{ "a line end cannot forge a reply", "x\r\n250 OK", "no list x??250 OK here; check the address" },
		{ "a character beyond ASCII is one mark", "b\xc3\xbcrger", "no list b?rger here; check the address" },
		{ "a value is not a format", "%s%n", "no list %s%n here; check the address" },
		{ "unknown", NULL, "no list (unknown) here; check the address" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(reply_make(a, REPLY_NO_SUCH_LIST, rows[i].value).text, rows[i].want);
	arena_free(a);
}

static void test_fail_takes_the_row(void **state)
{
	struct fail why;

	(void)state;
	assert_int_equal(reply_fail(&why, REPLY_NO_SPACE), -1);
	assert_int_equal(why.code, 452);
	assert_string_equal(why.enhanced, "4.3.1");
	assert_true(why.temporary);
	assert_int_equal(reply_fail(&why, REPLY_NOT_MEMBER, "birds@example.org", "ann@example.com", "birds-owner@example.org"), -1);
	assert_false(why.temporary);
	assert_string_equal(why.text,
		"only members may post to birds@example.org, and ann@example.com is not one; subscribe first or ask birds-owner@example.org");
}

/* All lines of a wire reply: code, "-" on all but the last, at most 512 octets; their text put together is the reply's. */
static void check_wire(const char *wire, const struct reply *reply, bool is_words)
{
	char text[8192] = "";

	for (const char *line = wire; *line != '\0';) {
		const char *end = strstr(line, "\r\n");
		size_t prefix = 4 + strlen(reply->enhanced) + 1;

		assert_non_null(end);
		assert_true((size_t)(end - line) + 2 <= 512);
		assert_int_equal(line[3], end[2] == '\0' ? ' ' : '-');
		assert_int_equal(strncmp(line + 4, reply->enhanced, strlen(reply->enhanced)), 0);
		if (text[0] != '\0' && is_words)
			strcat(text, " ");
		strncat(text, line + prefix, (size_t)(end - line) - prefix);
		line = end + 2;
	}
	assert_string_equal(text, reply->text);
}

static void test_of_fail(void **state)
{
	static const struct { int code; const char *enhanced, *text; int want_code; const char *want_enhanced, *want_text; } rows[] = {
		{ 550, "5.7.1", "no birds", 550, "5.7.1", "no birds" },
		{ 452, "4.3.1", "full", 452, "4.3.1", "full" },
		{ 550, NULL, "b\xc3\xbcrger", 550, "", "b?rger" },
		{ 0, NULL, "no memory", 451, "4.3.0", "no memory; try again later" },
		{ 250, "2.0.0", "fine", 451, "4.3.0", "fine; try again later" },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply reply;
		struct fail why;

		fail_set(&why, rows[i].code, rows[i].enhanced, "%s", rows[i].text);
		reply = reply_of_fail(a, &why);
		assert_int_equal(reply.code, rows[i].want_code);
		assert_string_equal(reply.enhanced, rows[i].want_enhanced);
		assert_string_equal(reply.text, rows[i].want_text);
	}
	arena_free(a);
}

static void test_wire_folds(void **state)
{
	struct arena *a = arena_new(1 << 20);
	char words[1600], letters[1600];
	struct reply reply = { .code = 550, .enhanced = "5.7.1" };

	(void)state;
	for (size_t len = 1; len < sizeof(words); len += 7) {
		for (size_t i = 0; i < len; i++) {
			words[i] = i % 11 == 10 && i + 1 < len ? ' ' : 'w';
			letters[i] = 'x';
		}
		words[len] = letters[len] = '\0';
		reply.text = words;
		check_wire(reply_wire(a, &reply), &reply, true);
		reply.text = letters;
		check_wire(reply_wire(a, &reply), &reply, false);
	}
	reply.text = "";
	assert_string_equal(reply_wire(a, &reply), "550 5.7.1 \r\n");
	arena_free(a);
}

static void test_event_rows(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_KINDS; i++) {
		for (const char *p = event_rows[i].name; *p != '\0'; p++)
			assert_true(islower((unsigned char)*p) || *p == '-');
		assert_true(strlen(event_rows[i].help) > 10);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(event_rows[i].name, event_rows[j].name);
	}
}

static void test_event_line(void **state)
{
	char path[] = "/tmp/listd-event-XXXXXX";
	struct arena *a = arena_new(1 << 20);
	struct span bytes;
	struct fail why;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(log_open(LOG_SINK_FILE, path, LOG_LEVEL_INFO), 0);
	event_log(EVENT_ACCEPTED, "id", "abc", "from", "a b\n", "left-out", NULL, "size", event_number(12), "ms", event_number(-3), NULL);
	event_log(EVENT_SESSION, "peer", "x", NULL);
	assert_int_equal(log_open(LOG_SINK_NONE, NULL, LOG_LEVEL_ERROR), 0);
	assert_int_equal(file_read(a, path, 4096, &bytes, &why), 0);
	assert_non_null(strstr(bytes.ptr, "accepted id=abc from=\"a b\\x0a\" size=12 ms=-3"));
	assert_null(strstr(bytes.ptr, "lmtp-session"));
	unlink(path);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_is_a_reply), cmocka_unit_test(test_values), cmocka_unit_test(test_fail_takes_the_row),
		cmocka_unit_test(test_of_fail), cmocka_unit_test(test_wire_folds), cmocka_unit_test(test_event_rows), cmocka_unit_test(test_event_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
