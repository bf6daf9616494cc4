/* SPDX-License-Identifier: BSD-2-Clause */
/* SPF: the RFC 7208 suite, and rows for what it leaves out: long records, hostile ones, limits, what is said about a result. */
#include "tests/unit/check.h"

#include "mail/buf.h"
#include "mail/clock.h"
#include "mitigations/auth/spf_int.h"

#include <jansson.h>

static const struct clock fixed = { .is_fixed = true, .fixed_secs = 1700000000 };

/* -- The suite -- */

static void put_escaped(struct buf *b, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != ';')
			buf_put_byte(b, (char)c);
		else
			buf_printf(b, "\\%03u", c);
	}
}

static void put_text(struct buf *b, const json_t *strings)
{
	const json_t *string;
	size_t i;

	if (json_array_size(strings) == 0)
		buf_put_text(b, " \"\"");
	json_array_foreach(strings, i, string) {
		buf_put_text(b, " \"");
		put_escaped(b, json_string_value(string), json_string_length(string));
		buf_put_byte(b, '"');
	}
}

static void put_value(struct buf *b, const char *type, const json_t *value)
{
	if (strcmp(type, "TXT") == 0)
		put_text(b, value);
	else if (strcmp(type, "MX") == 0)
		buf_printf(b, " %d %s", (int)json_integer_value(json_array_get(value, 0)), json_string_length(json_array_get(value, 1)) == 0 ? "." : json_string_value(json_array_get(value, 1)));
	else
		buf_printf(b, " %s", json_string_value(value));
}

static void add_record(struct resolver *zone, const json_t *record)
{
	const char *name = json_string_value(json_object_get(record, "name")), *type = json_string_value(json_object_get(record, "type"));
	struct fail why;
	struct buf b;

	buf_init(&b, 1 << 20);
	put_escaped(&b, name, strlen(name));
	if (strcmp(type, "TIMEOUT") == 0)
		buf_put_text(&b, " ! TIMEOUT");
	else {
		buf_printf(&b, " %s", type);
		put_value(&b, type, json_object_get(record, "value"));
	}
	if (resolver_zone_add(zone, buf_span(&b), &why) != 0)
		fail_msg("%s: %s", buf_text(&b), why.text);
	buf_done(&b);
}

static bool is_allowed(const json_t *results, const char *got)
{
	const json_t *result;
	size_t i;

	json_array_foreach(results, i, result)
		if (strcmp(json_string_value(result), got) == 0)
			return true;
	return false;
}

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* 1 when the test went wrong. */
static int run_suite_test(struct resolver *zone, const json_t *test)
{
	struct spf_query query = { member(test, "ip"), member(test, "helo"), member(test, "mailfrom"), NULL };
	const char *want = member(test, "explanation"), *got;
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct spf_result result;
	int wrong = 0;

	spf_check(a, zone, &fixed, &query, &result);
	got = auth_result_name(result.result);
	assert_non_null(result.reason);
	if (!is_allowed(json_object_get(test, "result"), got)) {
		print_message("%s: result %s (%s)\n", member(test, "id"), got, result.reason);
		wrong = 1;
	}
	if (want != NULL && strcmp(want, "DEFAULT") == 0)
		want = NULL;
	if (result.result == AUTH_FAIL && json_object_get(test, "explanation") != NULL
		&& (want == NULL ? result.explanation != NULL : result.explanation == NULL || strcmp(want, result.explanation) != 0)) {
		print_message("%s: explanation \"%s\"\n", member(test, "id"), result.explanation == NULL ? "(none)" : result.explanation);
		wrong = 1;
	}
	arena_free(a);
	return wrong;
}

static void test_rfc7208_suite(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span bytes = test_read(a, "spf/rfc7208-tests.json");
	json_error_t error;
	json_t *suite = json_loadb(bytes.ptr, bytes.len, JSON_ALLOW_NUL, &error);
	const json_t *scenario, *record, *test;
	int count = 0, wrong = 0;
	size_t i, j;

	(void)state;
	assert_non_null(suite);
	json_array_foreach(suite, i, scenario) {
		struct resolver *zone = resolver_zone_new();

		json_array_foreach(json_object_get(scenario, "zone"), j, record)
			add_record(zone, record);
		json_array_foreach(json_object_get(scenario, "tests"), j, test) {
			wrong += run_suite_test(zone, test);
			count++;
		}
		resolver_free(zone);
	}
	print_message("%d of %d tests of the suite give an allowed result\n", count - wrong, count);
	assert_int_equal(count, 203);
	assert_int_equal(wrong, 0);
	json_decref(suite);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7208_suite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
