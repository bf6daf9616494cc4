/* SPDX-License-Identifier: BSD-2-Clause */
/* keyed: the session handed on in a field, and what comes of fields that are forged, old, or of another message. */
#include "tests/unit/check.h"

#include "mitigations/auth/keyed.h"

#define NOW 1795305600
#define ID "lists.example.org"
#define RESULTS "spf=pass smtp.mailfrom=ann@example.com; dmarc=pass header.from=example.com"

static const struct secret key = { .key = { 1, 2, 3 } }, other_key = { .key = { 1, 2, 4 } };

static const char post[] =
	"From: Ann <ann@example.com>\r\nTo: birds@lists.example.org\r\nSubject: Owls\r\n and  herons\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
	"X-Other: this\r\n\r\nThe owls are back.\r\n";

static const struct session session = { .client_ip = "192.0.2.1", .helo = "mail.example.com", .mail_from = "ann@example.com" };

static struct message parse(struct arena *a, const char *text)
{
	struct message m;
	struct fail why;

	if (message_parse(a, span_of(text), &m, &why) != 0)
		fail_msg("%s", why.text);
	return m;
}

/* The message with the field on top. */
static const char *with(struct arena *a, struct span value, const char *text)
{
	return arena_printf(a, "Authentication-Results: %.*s\r\n%s", (int)value.len, value.ptr, text);
}

static struct span write(struct arena *a, const struct session *s, const char *text)
{
	struct message m = parse(a, text);

	return keyed_write(a, &key, ID, span_of(RESULTS), s, &m, NOW);
}

static bool read(struct arena *a, const struct secret *secret, const char *text, int64_t now, struct session *session_r)
{
	struct message m = parse(a, text);

	return keyed_read(a, secret, ID, &m, now, session_r);
}

static const char *replaced(struct arena *a, const char *text, const char *what, const char *by)
{
	size_t at = span_find(span_of(text), span_of(what));

	assert_true(at < strlen(text));
	return arena_printf(a, "%.*s%s%s", (int)at, text, by, text + at + strlen(what));
}

static void test_round_trip(void **state)
{
	static const struct session rows[] = {
		{ .client_ip = "192.0.2.1", .helo = "mail.example.com", .mail_from = "ann@example.com" },
		{ .client_ip = "2001:db8::1", .helo = "a \"b\" (c); x-listd=pass policy.ip=9.9.9.9", .mail_from = "" },
		{ .client_ip = NULL, .helo = NULL, .mail_from = "\"a b\"@example.com" },
		{ .client_ip = "192.0.2.1", .helo = "h", .mail_from = "a@b.example", .is_submission = true },
		{ .mail_from = "policy.code=aaaaaaaaaaaaaaaaaaaaaaaaaa@example.com" },
	};
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session got = { 0 };

		if (!read(a, &key, with(a, write(a, &rows[i], post), post), NOW + 60, &got))
			fail_msg("row %zu", i);
		assert_true(got.client_ip == NULL ? rows[i].client_ip == NULL : strcmp(got.client_ip, rows[i].client_ip) == 0);
		assert_true(got.helo == NULL ? rows[i].helo == NULL : strcmp(got.helo, rows[i].helo) == 0);
		assert_string_equal(got.mail_from, rows[i].mail_from);
		assert_int_equal(got.is_submission, rows[i].is_submission);
		assert_null(got.auth_user);
	}
	arena_free(a);
}

/* Of a login only its domain is told, of a sender in UTF-8 what SPF needs. */
static void test_what_is_told(void **state)
{
	static const struct session login = { .client_ip = "192.0.2.1", .auth_user = "ann.secret@example.org", .mail_from = "ann@b\xc3\xbc" "cher.example", .is_submission = true };
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span value = write(a, &login, post);
	struct session got = { 0 };

	(void)state;
	assert_true(span_find(value, SPAN_LIT("secret")) == value.len);
	assert_true(read(a, &key, with(a, value, post), NOW, &got));
	assert_string_equal(got.auth_user, "@example.org");
	assert_string_equal(got.mail_from, "ann@xn--bcher-kva.example");
	assert_true(got.is_submission);
	arena_free(a);
}

/* What may happen to a message on its way through an MTA. */
static void test_transit(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	const char *whole = with(a, write(a, &session, post), post);
	struct session got;

	(void)state;
	assert_true(read(a, &key, arena_printf(a, "Received: from x by y\r\nAuthentication-Results: other.example; spf=fail\r\n%s", whole), NOW, &got));
	assert_true(read(a, &key, replaced(a, whole, " policy.time", "\r\n\tpolicy.time"), NOW, &got));
	assert_true(read(a, &key, replaced(a, whole, "Owls\r\n and  herons", "Owls and\r\n herons"), NOW, &got));
	assert_true(read(a, &key, replaced(a, whole, "X-Other: this", "X-Other: that"), NOW, &got));
	assert_true(read(a, &key, arena_printf(a, "%s\r\n\r\n", whole), NOW, &got));
	assert_true(read(a, &key, whole, NOW + KEYED_AGE_MAX_SECS, &got));
	assert_true(read(a, &key, whole, NOW - KEYED_AHEAD_MAX_SECS, &got));
	arena_free(a);
}

/* What nobody may do. */
static void test_forgeries(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span value = write(a, &session, post);
	const char *whole = with(a, value, post);
	struct session got = { .helo = "untouched" };
	const char *const others[] = {
		replaced(a, whole, "Ann <ann", "Eve <eve"), replaced(a, whole, "<1@", "<2@"), replaced(a, whole, "Owls", "Pay"), replaced(a, whole, "10:00", "11:00"),
		replaced(a, whole, "are back", "are gone"), replaced(a, whole, "To: birds", "To: dogs"), replaced(a, whole, "policy.ip=192.0.2.1", "policy.ip=192.0.2.2"),
		replaced(a, whole, "submission=no", "submission=yes"), replaced(a, whole, "spf=pass", "spf=fail"), replaced(a, whole, "policy.time=1795305600", "policy.time=1795305601"),
		replaced(a, whole, "x-listd=pass", "x-other=pass"), replaced(a, whole, "From: Ann", "From: eve@evil.example\r\nFrom: Ann"),
		replaced(a, whole, "policy.ip", "policy.ip=9.9.9.9 policy.ip"), replaced(a, whole, "Authentication-Results: " ID, "Authentication-Results: other.example"),
		arena_printf(a, "Authentication-Results: %.*s policy.ip=9.9.9.9\r\n%s", (int)value.len, value.ptr, post),
		arena_printf(a, "Authentication-Results: " ID "; x-listd=pass policy.time=%d policy.ip=9.9.9.9 policy.code=aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n%s", NOW, post),
		arena_printf(a, "Authentication-Results: " ID "; x-listd=pass policy.code=\r\n%s", post), arena_printf(a, "Authentication-Results: " ID "\r\n%s", post),
		arena_printf(a, "Authentication-Results: policy.code=aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n%s", post), post,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (read(a, &key, others[i], NOW, &got))
			fail_msg("row %zu was believed: %s", i, others[i]);
	assert_false(read(a, &other_key, whole, NOW, &got));
	assert_false(read(a, &key, whole, NOW + KEYED_AGE_MAX_SECS + 1, &got));
	assert_false(read(a, &key, whole, NOW - KEYED_AHEAD_MAX_SECS - 1, &got));
	assert_string_equal(got.helo, "untouched");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_what_is_told), cmocka_unit_test(test_transit), cmocka_unit_test(test_forgeries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
