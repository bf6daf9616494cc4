/* SPDX-License-Identifier: BSD-2-Clause */
/* ARC: the chains of the ARC test suite, and chains sealed here. */
#include "tests/unit/auth_data.h"

#include <jansson.h>

#include "mail/authres.h"
#include "mitigations/auth/arc.h"
#include "mitigations/auth/signature.h"
#include "mitigations/sign.h"

static const struct clock now = { .is_fixed = true, .fixed_secs = 1790000000 };

static json_t *load_json(struct arena *a, const char *name)
{
	json_error_t error;
	json_t *json = json_load_file(test_data(a, name), 0, &error);

	if (json == NULL)
		fail_msg("%s: %s", name, error.text);
	return json;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static struct resolver *zone_of(struct arena *a, json_t *names)
{
	struct resolver *zone = resolver_zone_new();
	const char *name;
	json_t *value;

	json_object_foreach(names, name, value)
		zone_add_txt(zone, a, name, span_of(json_string_value(value)));
	return zone;
}

static struct arc_result validate(struct arena *a, struct resolver *dns, struct span text)
{
	struct arc_result result;
	struct message *m = arena_alloc(a, sizeof(*m));
	struct fail why;

	assert_int_equal(message_parse(a, text, m, &why), 0);
	arc_validate(a, dns, &now, m, &result);
	return result;
}

static void check_chain(struct arena *a, json_t *zones, json_t *test, const char *line_end)
{
	struct resolver *dns = zone_of(a, json_object_get(zones, text_of(test, "zone")));
	struct span text = test_exact(with_line_ends(a, span_of(text_of(test, "message")), line_end));
	struct arc_result result = validate(a, dns, text);
	const char *want = text_of(test, "expect");

	if (strcmp(want, "any") != 0 && strcmp(want, auth_result_name(result.result)) != 0)
		fail_msg("%s (%s): %s, %s", text_of(test, "id"), text_of(test, "description"), auth_result_name(result.result), result.reason);
	if (result.result == AUTH_PASS)
		assert_true(result.instances > 0 && result.sets != NULL && result.sets[0].seal_domain != NULL);
	free((void *)(uintptr_t)text.ptr);
	resolver_free(dns);
}

static void test_recorded_chains(void **state)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	json_t *json = load_json(a, "arc/validation.json"), *test;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(json, "tests"), i, test) {
		check_chain(a, json_object_get(json, "zones"), test, "\r\n");
		check_chain(a, json_object_get(json, "zones"), test, "\n");
	}
	assert_true(i > 50);
	json_decref(json);
	arena_free(a);
}

static struct span folded(struct arena *a, struct span value)
{
	char *out = arena_alloc(a, value.len + 1);
	size_t len = 0;

	value = span_trim(value);
	for (size_t i = 0; i < value.len; i++) {
		bool blank = strchr(" \t\r\n", value.ptr[i]) != NULL;

		if (!blank || out[len - 1] != ' ')
			out[len++] = blank ? ' ' : value.ptr[i];
	}
	return (struct span){ out, len };
}

static void check_set(struct arena *a, const struct message *m, json_t *expect)
{
	const struct field *seal = message_field(m, "ARC-Seal"), *results = message_field(m, "ARC-Authentication-Results");
	const struct field *signature = message_field(m, "ARC-Message-Signature");
	struct tags tags;

	assert_ptr_equal(seal, &m->fields[0]);
	assert_ptr_equal(signature, &m->fields[1]);
	assert_ptr_equal(results, &m->fields[2]);
	assert_true(tags_parse(seal->value, &tags));
	assert_true(span_eq_text(tags_find(&tags, "i"), text_of(expect, "i")));
	assert_true(span_eq_text(tags_find(&tags, "cv"), text_of(expect, "cv")));
	assert_true(tags_parse(signature->value, &tags));
	assert_true(span_eq_text(tags_find(&tags, "bh"), text_of(expect, "bh")));
	assert_true(span_eq_text(folded(a, results->value), text_of(expect, "aar")));
}

static void check_sealing(struct arena *a, json_t *json, json_t *test, const char *line_end)
{
	struct clock clock = { .is_fixed = true, .fixed_secs = json_integer_value(json_object_get(test, "time")) };
	struct span text = with_line_ends(a, span_of(text_of(test, "message")), line_end);
	struct resolver *dns = zone_of(a, json_object_get(json, "zone"));
	json_t *expect = json_object_get(test, "expect");
	struct arc_result before, after;
	struct arc_seal_request request;
	struct rendering rendering;
	struct message m, sealed;
	struct form form;
	struct fail why;
	struct key key;
	bool is_sealed;

	assert_int_equal(key_from_pem(span_of(text_of(json, "private_key_pem")), text_of(test, "domain"), text_of(test, "selector"), &key, &why), 0);
	assert_int_equal(message_parse(a, text, &m, &why), 0);
	arc_validate(a, dns, &clock, &m, &before);
	request = (struct arc_seal_request){ .key = &key, .authserv_id = text_of(test, "authserv_id"),
		.results = authres_collect(a, &m, text_of(test, "authserv_id")), .chain = before.result, .headers = text_of(test, "sign_headers") };
	form_init(&form, a, &m);
	assert_int_equal(arc_seal(&form, &clock, &request, &is_sealed, &why), 0);
	if (is_sealed != json_is_true(json_object_get(expect, "sealed")))
		fail_msg("%s: sealed %d", text_of(test, "id"), is_sealed);
	if (is_sealed) {
		assert_int_equal(form_render(&form, a, &rendering, &why), 0);
		assert_int_equal(message_parse_slices(a, rendering.slices, rendering.count, &sealed, &why), 0);
		check_set(a, &sealed, expect);
		arc_validate(a, dns, &clock, &sealed, &after);
		if (after.result != (strcmp(text_of(expect, "cv"), "fail") == 0 ? AUTH_FAIL : AUTH_PASS))
			fail_msg("%s: %s", text_of(test, "id"), after.reason);
	}
	key_done(&key);
	resolver_free(dns);
}

static void test_recorded_sealings(void **state)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	json_t *json = load_json(a, "arc/signing.json"), *test;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(json, "tests"), i, test) {
		check_sealing(a, json, test, "\r\n");
		check_sealing(a, json, test, "\n");
	}
	assert_true(i > 5);
	json_decref(json);
	arena_free(a);
}

/* --- chains made here --- */

struct setup {
	struct arena *a;
	struct key keys[4];
	struct keyring ring;
	struct resolver *zone;
};

static void set_up(struct setup *s)
{
	static const char *const domains[] = { "one.example", "two.example", "three.example", "ed.example" };
	struct fail why;

	s->a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(key_generate(i == 3 ? KEY_ED25519 : KEY_RSA, 2048, domains[i], "s", &s->keys[i], &why), 0);
	s->ring = (struct keyring){ s->keys, 4 };
	s->zone = keyring_resolver(&s->ring);
}

static void tear_down(struct setup *s)
{
	for (size_t i = 0; i < 4; i++)
		key_done(&s->keys[i]);
	resolver_free(s->zone);
	arena_free(s->a);
}

/* One hop: validate, seal. NULL headers. ptr NULL when not sealed. */
static struct span seal(struct setup *s, struct span text, size_t key, const char *results, bool ended)
{
	struct message *m = arena_alloc(s->a, sizeof(*m));
	struct arc_seal_request request = { .key = &s->keys[key], .authserv_id = "mx.example", .results = span_of(results), .chain_is_ended = ended };
	struct rendering rendering;
	struct arc_result chain;
	struct form form;
	struct fail why;
	bool sealed;

	assert_int_equal(message_parse(s->a, text, m, &why), 0);
	arc_validate(s->a, s->zone, &now, m, &chain);
	request.chain = chain.result;
	form_init(&form, s->a, m);
	if (arc_seal(&form, &now, &request, &sealed, &why) != 0)
		fail_msg("%s", why.text);
	if (!sealed) {
		assert_int_equal(form.count, 0);
		return (struct span){ NULL, 0 };
	}
	assert_int_equal(form_render(&form, s->a, &rendering, &why), 0);
	return rendering_bytes(s->a, &rendering);
}

static struct span changed(struct arena *a, struct span text, const char *from, const char *to)
{
	size_t at = span_find(text, span_of(from));
	struct span rest = span_sub(text, at + strlen(from), text.len);

	assert_true(at < text.len);
	return span_of(arena_printf(a, "%.*s%s%.*s", (int)at, text.ptr, to, (int)rest.len, rest.ptr));
}

#define POST "DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=s; h=from;\n bh=x; b=y\nAuthentication-Results: mx.example; spf=pass\n" \
	"From: ann@a.example\nTo: list@one.example\nSubject: Hello\nMessage-ID: <1@a.example>\n\nHello\nworld\n"
#define RESULTS "spf=pass smtp.mailfrom=a.example; dkim=pass header.d=a.example"

static void test_hops(void **state)
{
	struct setup s;
	struct span text = SPAN_LIT(POST);

	(void)state;
	set_up(&s);
	assert_int_equal(validate(s.a, s.zone, text).result, AUTH_NONE);
	for (unsigned i = 1; i <= 4; i++) {
		struct arc_result result;

		text = seal(&s, text, i - 1, RESULTS, false);
		result = validate(s.a, s.zone, text);
		if (result.result != AUTH_PASS)
			fail_msg("hop %u: %s", i, result.reason);
		assert_int_equal(result.instances, i);
		assert_int_equal(result.oldest_pass, 0);
		assert_string_equal(result.sets[i - 1].seal_domain, s.keys[i - 1].domain);
		assert_string_equal(result.sets[i - 1].message_domain, s.keys[i - 1].domain);
		assert_string_equal(result.sets[i - 1].seal_selector, "s");
	}
	tear_down(&s);
}

/* What a later hop changes breaks older message signatures, not the chain; what is changed after the last hop breaks it. */
static void test_changes(void **state)
{
	static const struct { const char *from, *to; enum auth_result want; unsigned oldest; } rows[] = {
		{ "Subject: Hello", "Subject: [x] Hello", AUTH_FAIL, 0 },
		{ "Hello\nworld", "Hello\nworld!", AUTH_FAIL, 0 },
		{ "v=1; a=rsa-sha256; d=a.example", "v=1; a=rsa-sha256; d=b.example", AUTH_FAIL, 0 },
		{ "Authentication-Results: mx.example; spf=pass\n", "", AUTH_PASS, 2 },
		{ "From: ann", "X-New: 1\nFrom: ann", AUTH_PASS, 2 },
		{ "From: ann", "List-Id: <x.example>\nFrom: ann", AUTH_PASS, 2 },
		{ "smtp.mailfrom=a.example", "smtp.mailfrom=b.example", AUTH_FAIL, 0 },
		{ "cv=pass", "cv=none", AUTH_FAIL, 0 },
		{ "ARC-Seal: i=1", "ARC-Seal: i=3", AUTH_FAIL, 0 },
	};
	struct setup s;
	struct span text;

	(void)state;
	set_up(&s);
	text = seal(&s, SPAN_LIT(POST), 0, RESULTS, false);
	text = changed(s.a, text, "\nworld", "\nbrave world");
	/* the second hop validated before it changed the body: say so by sealing what was valid */
	{
		struct arc_seal_request request = { .key = &s.keys[1], .authserv_id = "two.example", .results = SPAN_LIT(RESULTS "; arc=pass"), .chain = AUTH_PASS };
		struct rendering rendering;
		struct message m;
		struct form form;
		struct fail why;
		bool sealed;

		assert_int_equal(message_parse(s.a, changed(s.a, text, "brave ", ""), &m, &why), 0);
		form_init(&form, s.a, &m);
		form_splice(&form, EDIT_DECORATION, "test", m.total_bytes, 0, SPAN_LIT("-- \nfooter\n"));
		assert_int_equal(arc_seal(&form, &now, &request, &sealed, &why), 0);
		assert_true(sealed);
		assert_int_equal(form_render(&form, s.a, &rendering, &why), 0);
		text = rendering_bytes(s.a, &rendering);
	}
	assert_int_equal(validate(s.a, s.zone, text).result, AUTH_PASS);
	assert_int_equal(validate(s.a, s.zone, text).oldest_pass, 2);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arc_result result = validate(s.a, s.zone, changed(s.a, text, rows[i].from, rows[i].to));

		if (result.result != rows[i].want || result.oldest_pass != rows[i].oldest)
			fail_msg("%s: %s, %s", rows[i].to, auth_result_name(result.result), result.reason);
	}
	tear_down(&s);
}

static void test_failed_chain(void **state)
{
	struct setup s;
	struct span text;
	struct arc_result result;
	struct message m;
	struct fail why;
	struct signature parsed;
	const char *reason;

	(void)state;
	set_up(&s);
	text = changed(s.a, seal(&s, SPAN_LIT(POST), 0, RESULTS, false), "Subject: Hello", "Subject: [x] Hello");
	text = seal(&s, text, 1, RESULTS "; arc=fail", false);
	result = validate(s.a, s.zone, text);
	assert_int_equal(result.result, AUTH_FAIL);
	assert_int_equal(result.instances, 2);
	assert_int_equal(message_parse(s.a, text, &m, &why), 0);
	assert_int_equal(signature_parse(s.a, m.fields[0].value, SIGNATURE_ARC_SEAL, &parsed, &reason), AUTH_NONE);
	assert_int_equal(parsed.chain, AUTH_FAIL);
	{ /* 5.1.2: it covers its own set only */
		struct pubkey key = { .pkey = s.keys[1].pkey };
		struct buf own;

		buf_init(&own, 65536);
		canon_field(&own, m.fields[2].name, m.fields[2].value, CANON_RELAXED);
		canon_field(&own, m.fields[1].name, m.fields[1].value, CANON_RELAXED);
		canon_signature(&own, m.fields[0].name, m.fields[0].value, CANON_RELAXED);
		assert_true(signature_verify_bytes(&parsed, &key, buf_span(&own)));
		buf_done(&own);
	}
	assert_null(seal(&s, text, 2, RESULTS, true).ptr); /* a chain that ended cannot go on */
	tear_down(&s);
}

static void test_not_sealed(void **state)
{
	struct setup s;
	struct buf b;

	(void)state;
	set_up(&s);
	assert_null(seal(&s, SPAN_LIT(POST), 0, "", false).ptr);
	assert_null(seal(&s, SPAN_LIT(POST), 0, " \r\n ", false).ptr);
	assert_null(seal(&s, SPAN_LIT("ARC-Seal: i=0; cv=none\n" POST), 0, RESULTS, false).ptr); /* a first set could not say cv=fail */
	buf_init(&b, 1 << 20);
	for (int i = 1; i <= 50; i++)
		buf_printf(&b, "ARC-Seal: i=%d\n", i);
	buf_put_text(&b, POST);
	assert_null(seal(&s, buf_span(&b), 0, RESULTS, false).ptr);
	buf_done(&b);
	tear_down(&s);
}

/* Fifty sets are the most there may be (4.2.1). */
static void test_fifty(void **state)
{
	struct setup s;
	struct span text = SPAN_LIT(POST);
	struct arc_result result;

	(void)state;
	set_up(&s);
	for (unsigned i = 1; i <= 50; i++)
		text = seal(&s, text, 3, RESULTS, false);
	result = validate(s.a, s.zone, text);
	assert_int_equal(result.result, AUTH_PASS);
	assert_int_equal(result.instances, 50);
	assert_null(seal(&s, text, 3, RESULTS, false).ptr);
	result = validate(s.a, s.zone, span_of(arena_printf(s.a, "ARC-Seal: i=51; cv=pass\n%.*s", (int)text.len, text.ptr)));
	assert_int_equal(result.result, AUTH_FAIL);
	assert_null(result.sets);
	tear_down(&s);
}

/* 5.2.1: DNS trouble is a failed chain, but told. */
static void test_dns_trouble(void **state)
{
	struct setup s;
	struct resolver *late = resolver_zone_new();
	struct arc_result result;
	struct span text;

	(void)state;
	set_up(&s);
	zone_add_txt(late, s.a, "s._domainkey.one.example", SPAN_LIT("TIMEOUT"));
	text = seal(&s, SPAN_LIT(POST), 0, RESULTS, false);
	result = validate(s.a, late, text);
	assert_int_equal(result.result, AUTH_FAIL);
	assert_true(result.dns_trouble);
	resolver_free(late);
	late = resolver_zone_new();
	result = validate(s.a, late, text);
	assert_int_equal(result.result, AUTH_FAIL);
	assert_false(result.dns_trouble);
	resolver_free(late);
	tear_down(&s);
}

/* h= of the AMS: what is there, DKIM-Signature always, never what a hop changes or a seal covers. */
static void test_signed_names(void **state)
{
	struct setup s;
	struct message m;
	struct fail why;
	struct signature parsed;
	const char *reason;
	struct span names, name;

	(void)state;
	set_up(&s);
	assert_int_equal(message_parse(s.a, seal(&s, seal(&s, SPAN_LIT(POST), 0, RESULTS, false), 1, RESULTS, false), &m, &why), 0);
	assert_int_equal(signature_parse(s.a, m.fields[1].value, SIGNATURE_ARC_MESSAGE, &parsed, &reason), AUTH_NONE);
	assert_int_equal(parsed.instance, 2);
	names = parsed.signed_fields;
	assert_true(span_starts_nocase(names, "DKIM-Signature:From"));
	while (span_next(&names, ':', &name)) {
		name = span_trim(name);
		assert_false(span_starts_nocase(name, "ARC-") || span_eq_text_nocase(name, "Authentication-Results"));
		assert_non_null(message_field(&m, arena_text(s.a, name)));
	}
	/* 5.4: From, though it is not there, or not asked for. */
	assert_int_equal(message_parse(s.a, seal(&s, SPAN_LIT("Subject: no author\n\nx\n"), 0, RESULTS, false), &m, &why), 0);
	assert_int_equal(signature_parse(s.a, m.fields[1].value, SIGNATURE_ARC_MESSAGE, &parsed, &reason), AUTH_NONE);
	assert_true(span_eq_text(parsed.signed_fields, "From:Subject"));
	tear_down(&s);
}

/* RFC 6376 3.2: values have their letter case, unless a tag's description says otherwise; no description here does. */
static void test_letter_case(void **state)
{
	static const struct { const char *seal; enum auth_result want; } rows[] = {
		{ "i=1; a=rsa-sha256; cv=none; d=a.example; s=s; b=AAAA", AUTH_NONE },    { "i=1; a=rsa-sha256; cv=None; d=a.example; s=s; b=AAAA", AUTH_NEUTRAL },
		{ "i=1; a=rsa-SHA256; cv=none; d=a.example; s=s; b=AAAA", AUTH_NEUTRAL }, { "i=1; a=rsa-sha256; cv=none; d=A.Example; s=s; b=AAAA", AUTH_NONE },
	};
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct signature parsed;
		const char *reason;

		assert_int_equal(signature_parse(a, span_of(rows[i].seal), SIGNATURE_ARC_SEAL, &parsed, &reason), rows[i].want);
	}
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_chains), cmocka_unit_test(test_recorded_sealings), cmocka_unit_test(test_hops), cmocka_unit_test(test_changes), cmocka_unit_test(test_letter_case),
		cmocka_unit_test(test_failed_chain), cmocka_unit_test(test_not_sealed), cmocka_unit_test(test_fifty), cmocka_unit_test(test_dns_trouble),
		cmocka_unit_test(test_signed_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
