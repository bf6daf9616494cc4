/* SPDX-License-Identifier: BSD-2-Clause */
/* Signing a form: what comes out verifies, survives what it should and fails where it must. */
#include "tests/unit/auth_data.h"

#include "mitigations/auth/dkim.h"
#include "mitigations/auth/canon.h"
#include "mitigations/sign.h"

static const struct clock now = { .is_fixed = true, .fixed_secs = 1790000000 };

static const char post[] = "Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\n"
	"From: Ann <ann@example.com>\nTo: list@lists.example.org,\n  bob@example.net\nSubject: Hello \n  world\t \n"
	"Message-ID: <1@example.com>\nList-Id: <list.lists.example.org>\nList-Unsubscribe: <https://lists.example.org/u/1>\n"
	"List-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nHello  \n\n world\n\n\n";

struct setup {
	struct arena *a;
	struct key keys[3];
	struct keyring ring;
	struct resolver *zone;
};

static void set_up(struct setup *s)
{
	struct fail why;

	s->a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	s->ring = (struct keyring){ s->keys, 3 };
	assert_int_equal(key_generate(KEY_RSA, 2048, "lists.example.org", "r2026", &s->keys[0], &why), 0);
	assert_int_equal(key_generate(KEY_ED25519, 0, "lists.example.org", "e2026", &s->keys[1], &why), 0);
	assert_int_equal(key_generate(KEY_RSA, 2048, "other.example", "s", &s->keys[2], &why), 0);
	s->zone = keyring_resolver(&s->ring);
}

static void tear_down(struct setup *s)
{
	for (size_t i = 0; i < 3; i++)
		key_done(&s->keys[i]);
	resolver_free(s->zone);
	arena_free(s->a);
}

static struct span sign_text(struct setup *s, struct span text, const char *domain, const uint8_t *body_hash)
{
	struct message *m = arena_alloc(s->a, sizeof(*m));
	struct rendering rendering;
	struct form form;
	struct fail why;

	assert_int_equal(message_parse(s->a, text, m, &why), 0);
	form_init(&form, s->a, m);
	if (sign_form(&form, &s->ring, domain, &now, body_hash, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(form_render(&form, s->a, &rendering, &why), 0);
	return rendering_bytes(s->a, &rendering);
}

static struct dkim_result evaluate(struct setup *s, struct span text)
{
	struct dkim_result result;
	struct message m;
	struct fail why;

	assert_int_equal(message_parse(s->a, text, &m, &why), 0);
	dkim_evaluate(s->a, s->zone, &now, &m, &result);
	return result;
}

static struct span changed(struct arena *a, struct span text, const char *from, const char *to)
{
	size_t at = span_find(text, span_of(from));
	struct span rest = span_sub(text, at + strlen(from), text.len);

	assert_true(at < text.len);
	return span_of(arena_printf(a, "%.*s%s%.*s", (int)at, text.ptr, to, (int)rest.len, rest.ptr));
}

static void expect(struct setup *s, struct span text, enum auth_result want, const char *what)
{
	struct dkim_result result = evaluate(s, text);

	assert_int_equal(result.count, 2);
	for (size_t i = 0; i < result.count; i++)
		if (result.signatures[i].result != want)
			fail_msg("%s: %s %s", what, result.signatures[i].algorithm, result.signatures[i].reason);
}

static void test_both_algorithms_pass(void **state)
{
	static const char *const line_ends[] = { "\n", "\r\n" };
	struct setup s;

	(void)state;
	set_up(&s);
	for (size_t i = 0; i < 2; i++) {
		struct span text = sign_text(&s, with_line_ends(s.a, span_of(post), line_ends[i]), "lists.example.org", NULL);
		struct dkim_result result = evaluate(&s, text);

		assert_int_equal(result.count, 2);
		assert_string_equal(result.signatures[0].algorithm, "rsa-sha256");
		assert_string_equal(result.signatures[1].algorithm, "ed25519-sha256");
		for (size_t n = 0; n < 2; n++) {
			assert_int_equal(result.signatures[n].result, AUTH_PASS);
			assert_string_equal(result.signatures[n].domain, "lists.example.org");
			assert_true(result.signatures[n].body_hash_ok && result.signatures[n].header_relaxed && result.signatures[n].body_relaxed);
			assert_false(result.signatures[n].has_length);
		}
		expect(&s, with_line_ends(s.a, text, line_ends[1 - i]), AUTH_PASS, "other line ends");
	}
	tear_down(&s);
}

static void test_form_of_the_field(void **state)
{
	struct setup s;
	struct span rest, line, text;
	struct message m;
	struct fail why;

	(void)state;
	set_up(&s);
	text = sign_text(&s, span_of(post), "lists.example.org", NULL);
	assert_int_equal(message_parse(s.a, text, &m, &why), 0);
	rest = m.fields[0].raw;
	while (span_next(&rest, '\n', &line)) {
		size_t columns = 0;

		for (size_t i = 0; i < line.len; i++)
			columns = line.ptr[i] == '\t' ? columns / 8 * 8 + 8 : columns + 1;
		assert_true(columns < 78);
	}
	assert_true(span_find(m.fields[0].raw, SPAN_LIT(" t=1790000000;")) < m.fields[0].raw.len);
	assert_true(span_find(m.fields[0].raw, SPAN_LIT("x=")) == m.fields[0].raw.len || span_find(m.fields[0].raw, SPAN_LIT("; x=")) == m.fields[0].raw.len);
	tear_down(&s);
}

static void test_changes(void **state)
{
	static const struct { const char *from, *to; enum auth_result want; } rows[] = {
		{ "Subject: Hello \n  world\t \n", "SUBJECT:  Hello world\n", AUTH_PASS },
		{ "Hello  \n\n world\n\n\n", "Hello\n\n \tworld\n", AUTH_PASS },
		{ "From: Ann", "From: Eve", AUTH_FAIL },
		{ "From: Ann", "X-New: 1\nFrom: Ann", AUTH_PASS },
		{ "Received: from a", "Received: from c", AUTH_PASS },
		{ "From: Ann", "Reply-To: eve@example.net\nFrom: Ann", AUTH_FAIL },
		{ "From: Ann", "From: eve@example.net\nFrom: Ann", AUTH_FAIL },
		{ "From: Ann", "Subject: another\nFrom: Ann", AUTH_FAIL },
		{ "From: Ann", "Content-Type: text/html\nFrom: Ann", AUTH_FAIL },
		{ "From: Ann", "List-Post: <mailto:x@example.net>\nFrom: Ann", AUTH_PASS },
		{ "List-Unsubscribe: <https://lists", "List-Unsubscribe: <https://evil", AUTH_FAIL },
		{ "List-Unsubscribe-Post: List", "List-Unsubscribe-Post: Lost", AUTH_FAIL },
		{ "List-Id: <list", "List-Id: <lost", AUTH_FAIL },
		{ "\n world\n", "\n world!\n", AUTH_FAIL },
	};
	struct setup s;
	struct span text;

	(void)state;
	set_up(&s);
	text = sign_text(&s, span_of(post), "lists.example.org", NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&s, changed(s.a, text, rows[i].from, rows[i].to), rows[i].want, rows[i].to);
	tear_down(&s);
}

static void test_body_hash_is_reused(void **state)
{
	struct setup s;
	struct message m;
	struct fail why;
	uint8_t md[32];
	struct span with, without;

	(void)state;
	set_up(&s);
	assert_int_equal(message_parse(s.a, span_of(post), &m, &why), 0);
	canon_body_sha256(m.body, m.body_count, CANON_RELAXED, UINT64_MAX, md, NULL);
	with = sign_text(&s, span_of(post), "other.example", md);
	without = sign_text(&s, span_of(post), "other.example", NULL);
	assert_true(span_eq(with, without)); /* PKCS#1 v1.5 signatures are the same each time */
	assert_int_equal(evaluate(&s, with).signatures[0].result, AUTH_PASS);
	md[0] ^= 1;
	assert_int_equal(evaluate(&s, sign_text(&s, span_of(post), "other.example", md)).signatures[0].result, AUTH_FAIL);
	tear_down(&s);
}

static void test_edits_are_signed(void **state)
{
	struct setup s;
	struct message m;
	struct rendering rendering;
	struct form form;
	struct fail why;

	(void)state;
	set_up(&s);
	assert_int_equal(message_parse(s.a, span_of(post), &m, &why), 0);
	form_init(&form, s.a, &m);
	form_field_replace(&form, EDIT_DECORATION, "test", message_field(&m, "Subject"), SPAN_LIT("Subject: [list] Hello"));
	form_field_top(&form, EDIT_LIST_FIELD, "test", SPAN_LIT("Sender: list@lists.example.org"));
	form_splice(&form, EDIT_DECORATION, "test", m.total_bytes, 0, SPAN_LIT("-- \nfooter\n"));
	assert_int_equal(sign_form(&form, &s.ring, "LISTS.example.org", &now, NULL, &why), 0);
	assert_int_equal(form_render(&form, s.a, &rendering, &why), 0);
	expect(&s, rendering_bytes(s.a, &rendering), AUTH_PASS, "edited");
	tear_down(&s);
}

static void test_odd_messages(void **state)
{
	static const char *const rows[] = {
		"From: a@example.com\n\n", "From: a@example.com\n", "From: a@example.com", "From:\n\nx", "From: a@example.com\n\n\n\n \n",
		"From: a@example.com\nFrom: b@example.com\nTo: x\nTo: y\n\nbody", "Subject: \xc3\xa4\xff\nFrom: \xe4@example.com\n\n\xff\xfe\n",
		"From : blank@example.com\n\nx\n", "From:\n a@example.com\n\n.\n..\n",
	};
	struct setup s;

	(void)state;
	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(&s, sign_text(&s, span_of(rows[i]), "lists.example.org", NULL), AUTH_PASS, rows[i]);
	tear_down(&s);
}

static void test_repeated_field(void **state)
{
	struct setup s;
	struct span text;
	struct buf b;

	(void)state;
	set_up(&s);
	buf_init(&b, 65536);
	buf_put_text(&b, "From: a@example.com\nSubject: owls\n");
	for (int i = 0; i < 450; i++)
		buf_printf(&b, "List-Unsubscribe-Post: %d\nX-Original-From: %d\n", i, i);
	buf_put_text(&b, "\nbody\n");
	text = sign_text(&s, buf_span(&b), "lists.example.org", NULL);
	expect(&s, text, AUTH_PASS, "900 fields");
	/* whatever else the sender has repeated */
	expect(&s, span_of(arena_printf(s.a, "Subject: another\n%.*s", (int)text.len, text.ptr)), AUTH_FAIL, "a second Subject");
	expect(&s, span_of(arena_printf(s.a, "Content-Type: text/html\n%.*s", (int)text.len, text.ptr)), AUTH_FAIL, "a Content-Type");
	buf_done(&b);
	tear_down(&s);
}

static void test_without_key(void **state)
{
	struct setup s;
	struct message m;
	struct form form;
	struct fail why;

	(void)state;
	set_up(&s);
	assert_int_equal(message_parse(s.a, span_of(post), &m, &why), 0);
	form_init(&form, s.a, &m);
	assert_int_equal(sign_form(&form, &s.ring, "example.org", &now, NULL, &why), -1);
	assert_non_null(strstr(why.text, "example.org"));
	assert_int_equal(form.count, 0);
	tear_down(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_algorithms_pass), cmocka_unit_test(test_form_of_the_field), cmocka_unit_test(test_changes),
		cmocka_unit_test(test_body_hash_is_reused), cmocka_unit_test(test_edits_are_signed), cmocka_unit_test(test_odd_messages),
		cmocka_unit_test(test_repeated_field), cmocka_unit_test(test_without_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
