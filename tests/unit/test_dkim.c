/* SPDX-License-Identifier: BSD-2-Clause */
/* DKIM verification: the recorded messages, and what libopendkim alone would get wrong. */
#include "tests/unit/auth_data.h"

#include <pthread.h>

#include "mitigations/auth/dkim.h"
#include "mitigations/auth/dkim_library.h"
#include "mail/transfer.h"
#include "mitigations/auth/draft.h"

static const struct clock now = { .is_fixed = true, .fixed_secs = 1790000000 };

#define COLUMNS 9
struct row { struct span columns[COLUMNS]; };

/* The next line of a table of tabs; comment lines are skipped. */
static bool next_row(struct span *rest, struct row *row_r)
{
	struct span line;

	while (span_next(rest, '\n', &line)) {
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		*row_r = (struct row){ .columns = { { NULL, 0 } } };
		for (size_t i = 0; i < COLUMNS && span_next(&line, '\t', &row_r->columns[i]); i++)
			;
		return true;
	}
	return false;
}

static struct resolver *load_zone(struct arena *a, struct span table, struct span zone)
{
	struct resolver *resolver = resolver_zone_new();
	struct row row;

	while (next_row(&table, &row))
		if (span_eq(row.columns[0], zone))
			zone_add_txt(resolver, a, arena_text(a, row.columns[1]), row.columns[2]);
	return resolver;
}

static bool is_wanted(enum auth_result result, struct span want)
{
	if (span_eq_text(want, "any"))
		return true;
	if (span_eq_text(want, "not-pass"))
		return result != AUTH_PASS;
	return span_eq_text(span_sub(want, 0, span_find_byte(want, '@')), auth_result_name(result));
}

/* What libopendkim says and what signature.c says of the same signature. */
static void hold_against_each_other(struct arena *a, struct resolver *dns, const struct message *m, const struct dkim_signature *s)
{
	struct library_signature library = { .field = s->field };
	struct pubkey_queries *queries = arena_alloc(a, sizeof(*queries));
	struct body_hashes hashes = { .message = m };
	struct signature parsed;
	const char *reason;
	const struct pubkey *key;
	bool known, ours;

	if (signature_parse(a, s->field->value, SIGNATURE_DKIM, &parsed, &reason) != AUTH_NONE || !signature_in_time(&parsed, clock_now(NULL), &reason))
		return;
	pubkey_queries_init(queries, a, dns);
	pubkey_queries_start(queries, parsed.selector, parsed.domain);
	library_verify(m, queries, &library, 1);
	key = pubkey_queries_key(queries, parsed.selector, parsed.domain, parsed.algorithm);
	ours = signature_verify_header(&parsed, key, m, s->field) && body_hashes_match(&hashes, &parsed, &known);
	if (key->status == PUBKEY_USABLE && library.passes_r != ours)
		fail_msg("%s/%s: libopendkim %d, signature.c %d", parsed.domain, parsed.selector, library.passes_r, ours);
	pubkey_queries_done(queries);
}

static void check_row(struct arena *a, struct span zones, const struct row *row, const char *line_end)
{
	struct span name = row->columns[0], want = row->columns[6], text;
	struct resolver *dns = load_zone(a, zones, row->columns[7]);
	unsigned long long number, at;
	struct clock clock = now;
	struct dkim_result result, own;
	struct message m;
	struct fail why;

	text = test_read(a, arena_printf(a, "dkim/messages/%.*s", (int)name.len, name.ptr));
	if (line_end != NULL)
		text = with_line_ends(a, text, line_end);
	if (span_number(span_sub(want, span_find_byte(want, '@') + 1, want.len), UINT32_MAX, &at))
		clock.fixed_secs = (int64_t)at;
	assert_int_equal(message_parse(a, text, &m, &why), 0);
	dkim_evaluate(a, dns, &clock, &m, &result);
	assert_true(span_number(row->columns[1], 100, &number) && number <= result.count);
	if (!is_wanted(result.signatures[number - 1].result, want))
		fail_msg("%.*s %llu: %s, %s, want %.*s", (int)name.len, name.ptr, number, auth_result_name(result.signatures[number - 1].result),
			result.signatures[number - 1].reason, (int)want.len, want.ptr);
	assert_string_equal(result.signatures[number - 1].domain, arena_text(a, row->columns[2]));
	assert_string_equal(result.signatures[number - 1].selector, arena_text(a, row->columns[3]));
	dkim_evaluate_own(a, dns, &clock, &m, &own);
	assert_int_equal(own.count, result.count);
	assert_int_equal(own.signatures[number - 1].result, result.signatures[number - 1].result);
	if (!span_eq_text(want, "any")) /* verifiers differ there */
		hold_against_each_other(a, dns, &m, &result.signatures[number - 1]);
	resolver_free(dns);
}

static void test_recorded_messages(void **state)
{
	static const char *const line_ends[] = { NULL, "\r\n", "\n" };
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct span zones = test_read(a, "dkim/zone.tsv"), rest = test_read(a, "dkim/expected.tsv");
	struct row row;
	unsigned rows = 0;

	(void)state;
	for (; next_row(&rest, &row); rows++)
		for (size_t i = 0; i < 3; i++)
			check_row(a, zones, &row, line_ends[i]);
	assert_true(rows > 40);
	arena_free(a);
}

/* --- signatures made here, to say exactly what is wrong with them --- */

struct setup {
	struct arena *a;
	struct key rsa, ed;
	struct resolver *zone;
};

static void set_up(struct setup *s)
{
	struct keyring ring;
	struct key keys[2];
	struct fail why;

	s->a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	assert_int_equal(key_generate(KEY_RSA, 2048, "example.org", "r", &s->rsa, &why), 0);
	assert_int_equal(key_generate(KEY_ED25519, 0, "example.org", "e", &s->ed, &why), 0);
	keys[0] = s->rsa;
	keys[1] = s->ed;
	ring = (struct keyring){ keys, 2 };
	s->zone = keyring_resolver(&ring);
}

static void tear_down(struct setup *s)
{
	key_done(&s->rsa);
	key_done(&s->ed);
	resolver_free(s->zone);
	arena_free(s->a);
}

/* A message with one signature, its tags before bh= and the writing of "b=" as given. */
static struct span signed_as(struct setup *s, const struct key *key, const char *tags, const char *b, struct span head, struct span body, enum canon header,
	enum canon body_canon, uint64_t limit)
{
	struct iovec slice = { (void *)(uintptr_t)body.ptr, body.len };
	struct message m;
	struct buf canonical;
	struct tags parsed;
	struct span bytes, value, text;
	struct fail why;
	uint8_t md[32];

	canon_body_sha256(&slice, 1, body_canon, limit, md, NULL);
	text = transfer_base64_line(s->a, (struct span){ (const char *)md, 32 });
	value = span_of(arena_printf(s->a, " %s; bh=%.*s; %s", tags, (int)text.len, text.ptr, b));
	assert_int_equal(message_parse(s->a, head, &m, &why), 0);
	buf_init(&canonical, 1 << 20);
	if (tags_parse(value, &parsed))
		canon_fields(&canonical, &m, tags_find(&parsed, "h"), header);
	canon_signature(&canonical, SPAN_LIT("DKIM-Signature"), value, header);
	assert_int_equal(signature_make(s->a, key, buf_span(&canonical), &bytes, &why), 0);
	buf_done(&canonical);
	text = transfer_base64_line(s->a, bytes);
	return span_of(arena_printf(s->a, "DKIM-Signature:%.*s%.*s\r\n%.*s\r\n%.*s", (int)value.len, value.ptr, (int)text.len, text.ptr, (int)head.len, head.ptr,
		(int)body.len, body.ptr));
}

static struct span signed_with(struct setup *s, const struct key *key, const char *tags, struct span head, struct span body, enum canon header, enum canon body_canon,
	uint64_t limit)
{
	return signed_as(s, key, tags, "b=", head, body, header, body_canon, limit);
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

#define HEAD "From: Ann <ann@example.org>\r\nSubject: x\r\n"
#define BODY "Hello\r\nworld\r\n"
#define RSA "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=r; h=from:subject"

static void test_tags_that_decide(void **state)
{
	static const struct { const char *tags; enum auth_result want; const char *reason; } rows[] = {
		{ RSA, AUTH_PASS, "good" },
		{ "v=1; a=rsa-sha256; c=relaxed; d=EXAMPLE.org; s=R; h=From : Subject", AUTH_PASS, "good" }, /* this body is the same in both forms */
		{ RSA "; i=@example.org", AUTH_PASS, "good" },
		{ RSA "; i=x=40y@sub.example.org", AUTH_PASS, "good" },
		{ RSA "; i=@badexample.org", AUTH_PERMERROR, "i=" },
		{ RSA "; i=@example.com", AUTH_PERMERROR, "i=" },
		{ RSA "; i=nothing", AUTH_PERMERROR, "i=" },
		{ RSA "; t=1790000000", AUTH_PASS, "good" },
		{ RSA "; t=1790000200", AUTH_PASS, "good" },  /* clocks differ */
		{ RSA "; t=1790009999", AUTH_PERMERROR, "future" },
		{ RSA "; x=1790000001", AUTH_PASS, "good" },
		{ RSA "; x=1790000000", AUTH_PERMERROR, "expired" },
		{ RSA "; t=1780000000; x=1770000000", AUTH_PERMERROR, "x=" },
		{ RSA "; t=12345", AUTH_PASS, "good" },
		{ RSA "; t=abc", AUTH_NEUTRAL, "t=" },
		{ RSA "; t=", AUTH_NEUTRAL, "t=" },
		{ RSA "; q=dns/txt", AUTH_PASS, "good" },
		{ RSA "; q=http/x:dns/txt", AUTH_PASS, "good" },
		{ RSA "; q=http/x", AUTH_PERMERROR, "q=" },
		{ RSA "; unknown=1; z=From:x|To:y", AUTH_PASS, "good" },
		{ RSA "; d=example.org", AUTH_NEUTRAL, "tag list" },
		{ RSA ";", AUTH_NEUTRAL, "tag list" },
		{ "v=2; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=r; h=from", AUTH_PERMERROR, "v=" },
		{ "a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=r; h=from", AUTH_PERMERROR, "v=" },
		{ "v=1; a=rsa-sha1; c=relaxed/relaxed; d=example.org; s=r; h=from", AUTH_POLICY, "sha1" },
		{ "v=1; a=rsa-sha512; c=relaxed/relaxed; d=example.org; s=r; h=from", AUTH_NEUTRAL, "a=" },
		{ "v=1; a=rsa-sha256; c=nofws; d=example.org; s=r; h=from", AUTH_NEUTRAL, "c=" },
		{ "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=r; h=subject", AUTH_PERMERROR, "From" },
		{ "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=r", AUTH_NEUTRAL, "h=" },
		{ "v=1; a=rsa-sha256; c=relaxed/relaxed; s=r; h=from", AUTH_NEUTRAL, "d=" },
		{ "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; h=from", AUTH_NEUTRAL, "s=" },
		{ "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=none; h=from", AUTH_PERMERROR, "no key record" },
		{ "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=r; h=from", AUTH_PERMERROR, "another type" },
	};
	struct setup s;

	(void)state;
	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dkim_result result = evaluate(&s, signed_with(&s, &s.rsa, rows[i].tags, SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, UINT64_MAX));
		struct dkim_signature *one = &result.signatures[0];

		assert_int_equal(result.count, 1);
		if (one->result != rows[i].want || strstr(one->reason, rows[i].reason) == NULL)
			fail_msg("%s: %s, %s", rows[i].tags, auth_result_name(one->result), one->reason);
	}
	tear_down(&s);
}

static void test_all_canonicalizations(void **state)
{
	static const char *const names[] = { "simple", "relaxed" };
	static const char head[] = "From:  Ann\t<ann@example.org> \r\nSubject : a\r\n\tb  \r\n", body[] = " a  b \r\n\r\nc\t\r\n\r\n\r\n";
	struct setup s;

	(void)state;
	set_up(&s);
	for (unsigned i = 0; i < 8; i++) {
		const struct key *key = i & 4 ? &s.ed : &s.rsa;
		enum canon header = i & 1 ? CANON_RELAXED : CANON_SIMPLE, body_canon = i & 2 ? CANON_RELAXED : CANON_SIMPLE;
		const char *tags = arena_printf(s.a, "v=1; a=%s; c=%s/%s; d=example.org; s=%s; h=from:subject:to", key_algorithm_name(key->algorithm), names[header],
			names[body_canon], key->selector);
		struct dkim_result result = evaluate(&s, signed_with(&s, key, tags, span_of(head), span_of(body), header, body_canon, UINT64_MAX));

		if (result.signatures[0].result != AUTH_PASS)
			fail_msg("%s: %s", tags, result.signatures[0].reason);
		assert_int_equal(result.signatures[0].header_relaxed, header == CANON_RELAXED);
		assert_int_equal(result.signatures[0].body_relaxed, body_canon == CANON_RELAXED);
	}
	tear_down(&s);
}

static void test_length(void **state)
{
	static const struct { const char *tags; uint64_t limit; enum auth_result want; } rows[] = {
		{ RSA "; l=7", 7, AUTH_PASS }, { RSA "; l=0", 0, AUTH_PASS }, { RSA "; l=14", 14, AUTH_PASS }, { RSA "; l=15", 15, AUTH_FAIL },
		{ RSA "; l=7", 14, AUTH_FAIL }, { RSA "; l=-1", 14, AUTH_NEUTRAL }, { RSA "; l=", 14, AUTH_NEUTRAL },
	};
	struct setup s;

	(void)state;
	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dkim_result result = evaluate(&s, signed_with(&s, &s.rsa, rows[i].tags, SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, rows[i].limit));

		if (result.signatures[0].result != rows[i].want)
			fail_msg("%s: %s", rows[i].tags, result.signatures[0].reason);
		assert_true(result.signatures[0].has_length);
	}
	tear_down(&s);
}

static void test_reasons(void **state)
{
	struct setup s;
	struct span good, bad;
	struct dkim_result result;

	(void)state;
	set_up(&s);
	good = signed_with(&s, &s.rsa, RSA, SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, UINT64_MAX);
	bad = span_of(arena_printf(s.a, "%.*smore\r\n", (int)good.len, good.ptr));
	result = evaluate(&s, bad);
	assert_int_equal(result.signatures[0].result, AUTH_FAIL);
	assert_non_null(strstr(result.signatures[0].reason, "body"));
	assert_false(result.signatures[0].body_hash_ok);
	bad = span_of(arena_printf(s.a, "%.*s", (int)good.len, good.ptr));
	*strstr((char *)(uintptr_t)bad.ptr, "Ann <ann") = 'B';
	result = evaluate(&s, bad);
	assert_int_equal(result.signatures[0].result, AUTH_FAIL);
	assert_non_null(strstr(result.signatures[0].reason, "header"));
	tear_down(&s);
}

/* A failed look-up is never a failed signature, and does not hide the other signatures. */
static void test_dns_trouble(void **state)
{
	struct setup s;
	struct span one, both;
	struct dkim_result result;

	(void)state;
	set_up(&s);
	zone_add_txt(s.zone, s.a, "late._domainkey.example.org", SPAN_LIT("TIMEOUT"));
	zone_add_txt(s.zone, s.a, "broken._domainkey.example.org", SPAN_LIT("SERVFAIL"));
	one = signed_with(&s, &s.rsa, RSA, SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, UINT64_MAX);
	both = span_of(arena_printf(s.a, "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=late; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
		"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=broken; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n%.*s", (int)one.len, one.ptr));
	result = evaluate(&s, both);
	assert_int_equal(result.count, 3);
	assert_int_equal(result.signatures[0].result, AUTH_TEMPERROR);
	assert_int_equal(result.signatures[1].result, AUTH_TEMPERROR);
	assert_int_equal(result.signatures[2].result, AUTH_PASS);
	tear_down(&s);
}

static void test_key_records(void **state)
{
	struct setup s;
	const char *txt;
	struct buf long_txt;
	static const struct { const char *selector; enum auth_result want; bool is_test; } rows[] = {
		{ "test", AUTH_PASS, true }, { "strict", AUTH_PERMERROR, false }, { "two", AUTH_PERMERROR, false }, { "revoked", AUTH_PERMERROR, false },
		{ "long", AUTH_PASS, false }, { "weak", AUTH_POLICY, false }, { "chat", AUTH_PERMERROR, false },
	};

	(void)state;
	set_up(&s);
	txt = strstr(key_txt(s.a, &s.rsa), "p=");
	zone_add_txt(s.zone, s.a, "test._domainkey.example.org", span_of(arena_printf(s.a, "v=DKIM1; t=y; %s", txt)));
	zone_add_txt(s.zone, s.a, "strict._domainkey.example.org", span_of(arena_printf(s.a, "v=DKIM1; t=s; %s", txt)));
	zone_add_txt(s.zone, s.a, "chat._domainkey.example.org", span_of(arena_printf(s.a, "v=DKIM1; s=chat; %s", txt)));
	zone_add_txt(s.zone, s.a, "two._domainkey.example.org", span_of(txt));
	zone_add_txt(s.zone, s.a, "two._domainkey.example.org", SPAN_LIT("v=DKIM1; p="));
	zone_add_txt(s.zone, s.a, "revoked._domainkey.example.org", SPAN_LIT("v=DKIM1; p="));
	zone_add_txt(s.zone, s.a, "weak._domainkey.example.org", SPAN_LIT("p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAIWmlgix/84GJ+dfgjm7LTc9EPdfk"
		"ftlgiPpCq4/kbDAZmU0VvYKDljjleJ1dfvS+CGy9U/kk1tG3EeEvb82xAcCAwEAAQ=="));
	buf_init(&long_txt, 12000); /* libopendkim reads 1,023 octets of a record, and 8,192 of an answer */
	buf_put_text(&long_txt, "v=DKIM1; n=");
	for (int i = 0; i < 10000; i++)
		buf_put_byte(&long_txt, 'x');
	buf_printf(&long_txt, "; %s", txt);
	zone_add_txt(s.zone, s.a, "long._domainkey.example.org", buf_span(&long_txt));
	buf_done(&long_txt);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *tags = arena_printf(s.a, "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; i=@sub.example.org; s=%s; h=from", rows[i].selector);
		struct dkim_result result = evaluate(&s, signed_with(&s, &s.rsa, tags, SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, UINT64_MAX));

		if (result.signatures[0].result != rows[i].want)
			fail_msg("%s: %s, %s", rows[i].selector, auth_result_name(result.signatures[0].result), result.signatures[0].reason);
		assert_int_equal(result.signatures[0].is_test_key, rows[i].is_test);
	}
	tear_down(&s);
}

/* RFC 8301 3.2: a signature that is right but for the size of its key. libopendkim counts octets. */
static void test_short_key_that_signs(void **state)
{
	static const struct { size_t bits; enum auth_result want; } rows[] = { { 768, AUTH_POLICY }, { 1023, AUTH_POLICY }, { 1024, AUTH_PASS } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dkim_result result;
		struct setup s;
		struct key weak;

		set_up(&s);
		weak = s.rsa;
		weak.pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", rows[i].bits);
		assert_non_null(weak.pkey);
		snprintf(weak.selector, sizeof(weak.selector), "weak");
		zone_add_txt(s.zone, s.a, "weak._domainkey.example.org", span_of(key_txt(s.a, &weak)));
		result = evaluate(&s, signed_with(&s, &weak, "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=weak; h=from", SPAN_LIT(HEAD), SPAN_LIT(BODY),
			CANON_RELAXED, CANON_RELAXED, UINT64_MAX));
		assert_int_equal(result.signatures[0].result, rows[i].want);
		key_done(&weak);
		tear_down(&s);
	}
}

/* Things that make libopendkim fail, crash or read less than is there. */
static void test_library_faults(void **state)
{
	struct setup s;
	struct span text;
	char *at;

	(void)state;
	set_up(&s);
	text = signed_as(&s, &s.rsa, RSA, "b =", SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, UINT64_MAX);
	assert_int_equal(evaluate(&s, text).signatures[0].result, AUTH_PASS);
	text = signed_with(&s, &s.rsa, RSA "; xb=kept", SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, UINT64_MAX);
	assert_int_equal(evaluate(&s, text).signatures[0].result, AUTH_PASS);
	/* h= with all fields of the message and more: an overrun of its heap */
	text = signed_with(&s, &s.rsa, "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=r; h=from:subject:from:subject:dkim-signature:a:b:c:x y:z", SPAN_LIT(HEAD), SPAN_LIT(BODY),
		CANON_RELAXED, CANON_RELAXED, UINT64_MAX);
	assert_int_equal(evaluate(&s, text).count, 1);
	/* a NUL in a signed field: the library stops reading there */
	text = signed_with(&s, &s.rsa, RSA, SPAN_LIT("From: Ann\r\nSubject: x\r\n"), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, UINT64_MAX);
	text = span_of(arena_printf(s.a, "%.*s", (int)text.len, text.ptr));
	assert_int_equal(evaluate(&s, text).signatures[0].result, AUTH_PASS);
	text = span_of(arena_printf(s.a, "%.*s", (int)text.len, text.ptr));
	at = strstr((char *)(uintptr_t)text.ptr, "Subject: x");
	assert_non_null(at);
	{
		struct span longer = span_of(arena_printf(s.a, "%.*sSubject: x@ and more%s", (int)(at - text.ptr), text.ptr, at + strlen("Subject: x")));

		*(strstr((char *)(uintptr_t)longer.ptr, "x@ and") + 1) = '\0';
		longer.len = text.len + strlen("@ and more");
		assert_int_equal(evaluate(&s, longer).signatures[0].result, AUTH_FAIL);
	}
	tear_down(&s);
}

static void test_limits(void **state)
{
	struct setup s;
	struct span one, rest;
	struct buf b;
	struct dkim_result result;

	(void)state;
	set_up(&s);
	one = signed_with(&s, &s.ed, "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=e; h=from:subject", SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED,
		CANON_RELAXED, UINT64_MAX);
	rest = span_sub(one, 0, span_find_byte(one, '\n') + 1);
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 30; i++)
		buf_put(&b, rest);
	buf_put(&b, one);
	result = evaluate(&s, buf_span(&b));
	assert_int_equal(result.count, DKIM_SIGNATURES_MAX);
	for (size_t i = 0; i < result.count; i++)
		assert_int_equal(result.signatures[i].result, AUTH_PASS);
	assert_int_equal(resolver_question_count(s.zone), 1);
	buf_reset(&b);
	buf_put_text(&b, "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=r; h=from");
	for (int i = 0; i < 600; i++)
		buf_put_text(&b, ":x");
	result = evaluate(&s, signed_with(&s, &s.rsa, buf_text(&b), SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, UINT64_MAX));
	assert_int_equal(result.signatures[0].result, AUTH_PERMERROR);
	buf_done(&b);
	tear_down(&s);
}

/* Each other l= costs a walk over the body: the first three are looked at. */
static void test_many_lengths(void **state)
{
	struct setup s;
	struct buf b;
	struct dkim_result result;

	(void)state;
	set_up(&s);
	buf_init(&b, 1 << 20);
	for (int i = 0; i < 6; i++) {
		struct span one = signed_with(&s, &s.ed, arena_printf(s.a, "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=e; h=from; l=%d", i), SPAN_LIT(HEAD),
			SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, (uint64_t)i);

		buf_put(&b, i == 5 ? one : span_sub(one, 0, span_find_byte(one, '\n') + 1));
	}
	result = evaluate(&s, buf_span(&b));
	assert_int_equal(result.count, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(result.signatures[i].result, i < 3 ? AUTH_PASS : AUTH_NEUTRAL);
	buf_done(&b);
	tear_down(&s);
}

struct thread_job { struct setup *setup; struct span text; unsigned passed; };

static void *evaluate_often(void *arg)
{
	struct thread_job *job = arg;

	for (int i = 0; i < 50; i++) {
		struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
		struct dkim_result result;
		struct message m;

		if (message_parse(a, job->text, &m, NULL) == 0) {
			dkim_evaluate(a, job->setup->zone, &now, &m, &result);
			job->passed += result.count == 1 && result.signatures[0].result == AUTH_PASS;
		}
		arena_free(a);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct setup s;
	struct thread_job jobs[4];
	pthread_t threads[4];

	(void)state;
	set_up(&s);
	for (size_t i = 0; i < 4; i++) {
		jobs[i] = (struct thread_job){ .setup = &s, .text = signed_with(&s, &s.rsa, RSA, SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, UINT64_MAX) };
		assert_int_equal(pthread_create(&threads[i], NULL, evaluate_often, &jobs[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(jobs[i].passed, 50);
	}
	tear_down(&s);
}

static void test_unsigned(void **state)
{
	static const char *const rows[] = { "", "\r\n", "From: x\r\n\r\nbody", "no header", "DKIM-Signature-X: v=1\r\n\r\n" };
	struct setup s;

	(void)state;
	set_up(&s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(evaluate(&s, span_of(rows[i])).count, 0);
	assert_int_equal(evaluate(&s, SPAN_LIT("dkim-signature:\r\n\r\n")).signatures[0].result, AUTH_NEUTRAL);
	tear_down(&s);
}

static void test_covers(void **state)
{
	static const struct { const char *name; bool covered, oversigned; } rows[] = {
		{ "From", true, false }, { "subject", true, true }, { "To", true, true }, { "Cc", false, false }, { "List-Id", true, true },
	};
	struct setup s;
	struct dkim_result result;
	struct message m;
	struct fail why;

	(void)state;
	set_up(&s);
	assert_int_equal(message_parse(s.a, signed_with(&s, &s.rsa, "v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=r; h=From:Subject :\r\n subject:To:List-Id",
		SPAN_LIT(HEAD), SPAN_LIT(BODY), CANON_RELAXED, CANON_RELAXED, UINT64_MAX), &m, &why), 0);
	dkim_evaluate(s.a, s.zone, &now, &m, &result);
	assert_int_equal(result.signatures[0].result, AUTH_PASS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool covered, oversigned;

		dkim_covers(&result.signatures[0], &m, rows[i].name, &covered, &oversigned);
		assert_int_equal(covered, rows[i].covered);
		assert_int_equal(oversigned, rows[i].oversigned);
	}
	tear_down(&s);
}

static void test_library_is_fit(void **state)
{
	struct fail why;

	(void)state;
	assert_int_equal(dkim_library_check(&why), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_library_is_fit), cmocka_unit_test(test_recorded_messages), cmocka_unit_test(test_tags_that_decide),
		cmocka_unit_test(test_all_canonicalizations), cmocka_unit_test(test_length), cmocka_unit_test(test_reasons), cmocka_unit_test(test_dns_trouble),
		cmocka_unit_test(test_key_records), cmocka_unit_test(test_short_key_that_signs), cmocka_unit_test(test_library_faults), cmocka_unit_test(test_limits), cmocka_unit_test(test_many_lengths),
		cmocka_unit_test(test_threads), cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
