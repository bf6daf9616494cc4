/* SPDX-License-Identifier: BSD-2-Clause */
/* smtp and wire: replies in all shapes, dots, TLS, AUTH. */
#include "tests/unit/fake_relay.h"

#include "listd/delivery/smtp.h"
#include "listd/delivery/wire.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void test_replies(void **state)
{
	static const struct { const char *in; int want, code; size_t used; const char *text, *enhanced; } rows[] = {
		{ "250 2.1.0 Ok\r\n", 1, 250, 14, "250 2.1.0 Ok", "2.1.0" },
		{ "250 Ok\r\n354 go\r\n", 1, 250, 8, "250 Ok", "" },
		{ "250\r\n", 1, 250, 5, "250", "" },
		{ "250 \r\n", 1, 250, 6, "250", "" },
		{ "250 Ok\n", 1, 250, 7, "250 Ok", "" },
		{ "550-5.7.1 no\r\n550-5.7.1 never\r\n550 5.7.1 see x\r\n", 1, 550, 48, "550 5.7.1 no never see x", "5.7.1" },
		{ "550-5.7.26 one\r\n550 two\r\n", 1, 550, 25, "550 5.7.26 one two", "5.7.26" },
		{ "250-a\r\n550 b\r\n", 1, 550, 14, "550 a b", "" },
		{ "550-\r\n550 \r\n", 1, 550, 12, "550", "" },
		{ "550 5.7.1\r\n", 1, 550, 11, "550 5.7.1", "5.7.1" },
		{ "550 5.7.1.1 x\r\n", 1, 550, 15, "550 5.7.1.1 x", "" },
		{ "550 3.7.1 x\r\n", 1, 550, 13, "550 3.7.1 x", "" },
		{ "550 a\tb\x1b\xc3\xa4\r\n", 1, 550, 12, "550 a?b???", "" },
		{ "", 0, 0, 0, NULL, NULL }, { "2", 0, 0, 0, NULL, NULL }, { "250 Ok", 0, 0, 0, NULL, NULL }, { "250 Ok\r", 0, 0, 0, NULL, NULL }, { "250-a\r\n", 0, 0, 0, NULL, NULL },
		{ "250-a\r\n250", 0, 0, 0, NULL, NULL },
		{ "hello\r\n", -1, 0, 0, NULL, NULL }, { "\r\n", -1, 0, 0, NULL, NULL }, { "25\r\n", -1, 0, 0, NULL, NULL }, { "2500 x\r\n", -1, 0, 0, NULL, NULL },
		{ "150 x\r\n", -1, 0, 0, NULL, NULL }, { "650 x\r\n", -1, 0, 0, NULL, NULL }, { "250_x\r\n", -1, 0, 0, NULL, NULL }, { "250-a\r\nxxx\r\n", -1, 0, 0, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span in = test_exact(span_of(rows[i].in));
		struct smtp_reply reply = { 0 };
		char text[100], enhanced[12];
		struct fail why;
		size_t used = 0;
		int got = smtp_reply_take(in, &reply, &used, &why);

		if (got != rows[i].want)
			fail_msg("row %zu: %d", i, got);
		if (got == 1) {
			assert_int_equal(reply.code, rows[i].code);
			assert_int_equal(used, rows[i].used);
			smtp_reply_text(&reply, text, sizeof(text));
			assert_string_equal(text, rows[i].text);
			smtp_reply_enhanced(&reply, enhanced);
			assert_string_equal(enhanced, rows[i].enhanced);
		}
		free((void *)(uintptr_t)in.ptr);
	}
}

static void test_reply_limits(void **state)
{
	char *text = malloc(400000);
	struct smtp_reply reply;
	struct fail why;
	size_t used, at = 0;

	(void)state;
	memset(text, 'x', 400000);
	memcpy(text, "250 ", 4);
	assert_int_equal(smtp_reply_take((struct span){ text, SMTP_LINE_MAX_BYTES - 1 }, &reply, &used, &why), 0);
	assert_int_equal(smtp_reply_take((struct span){ text, SMTP_LINE_MAX_BYTES }, &reply, &used, &why), -1);
	for (int i = 0; i < 200; i++)
		at += (size_t)sprintf(text + at, "250-x\r\n");
	assert_int_equal(smtp_reply_take((struct span){ text, at }, &reply, &used, &why), -1);
	at = 0;
	for (int i = 0; i < 90; i++)
		at += (size_t)sprintf(text + at, "250-%01000d\r\n", 1);
	assert_int_equal(smtp_reply_take((struct span){ text, at }, &reply, &used, &why), -1);
	/* a text that does not fit is cut */
	at = (size_t)sprintf(text, "550-5.1.1 %0500d\r\n550 5.1.1 y\r\n", 1);
	assert_int_equal(smtp_reply_take((struct span){ text, at }, &reply, &used, &why), 1);
	for (size_t size = 1; size < 20; size++) {
		char small[20];

		smtp_reply_text(&reply, small, size);
		assert_true(strlen(small) < size);
	}
	free(text);
}

static void test_features(void **state)
{
	static const struct { const char *in; unsigned want; unsigned size; } rows[] = {
		{ "250 relay\r\n", 0, 0 },
		{ "250 PIPELINING\r\n", 0, 0 },
		{ "250-r\r\n250-pipelining\r\n250-SIZE 1000\r\n250 8BITMIME\r\n", SMTP_PIPELINING | SMTP_SIZE | SMTP_8BITMIME, 1000 },
		{ "250-r\r\n250-SIZE\r\n250 XVERP\r\n", SMTP_SIZE | SMTP_XVERP, 0 },
		{ "250-r\r\n250-SIZE many\r\n250 SMTPUTF8\r\n", SMTP_SIZE | SMTP_SMTPUTF8, 0 },
		{ "250-r\r\n250-AUTH LOGIN PLAIN\r\n250 STARTTLS\r\n", SMTP_AUTH_PLAIN | SMTP_AUTH_LOGIN | SMTP_STARTTLS, 0 },
		{ "250-r\r\n250-AUTH=LOGIN\r\n250 AUTHX PLAIN\r\n", SMTP_AUTH_LOGIN, 0 },
		{ "250-r\r\n250-AUTH CRAM-MD5 PLAIN-X\r\n250 PIPELININGS\r\n", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span in = test_exact(span_of(rows[i].in));
		struct smtp_reply reply;
		struct fail why;
		uint64_t size = 99;
		size_t used;

		assert_int_equal(smtp_reply_take(in, &reply, &used, &why), 1);
		if (smtp_features_parse(&reply, &size) != rows[i].want)
			fail_msg("row %zu", i);
		assert_int_equal(size, rows[i].size);
		free((void *)(uintptr_t)in.ptr);
	}
}

/* ---- wire ---- */

static struct span collect(struct arena *a, const struct wire *wire, size_t max)
{
	struct buf out;
	struct wire_cursor cursor;
	struct iovec iov[64];
	size_t count;
	struct span all;

	buf_init(&out, (size_t)64 << 20);
	wire_start(&cursor, wire);
	while ((count = wire_next(&cursor, iov, max)) > 0)
		for (size_t i = 0; i < count; i++)
			buf_put(&out, (struct span){ iov[i].iov_base, iov[i].iov_len });
	assert_true(wire_is_done(&cursor));
	all = arena_span(a, buf_span(&out));
	buf_done(&out);
	return all;
}

static void test_dots(void **state)
{
	static const struct { const char *in, *want; } rows[] = {
		{ "", ".\r\n" }, { "a\r\n", "a\r\n.\r\n" }, { "a", "a\r\n.\r\n" }, { ".", "..\r\n.\r\n" }, { ".\r\n", "..\r\n.\r\n" }, { "..\r\n", "...\r\n.\r\n" },
		{ "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n" }, { "a\r\n.b\r\n..c", "a\r\n..b\r\n...c\r\n.\r\n" }, { "a.\r\n", "a.\r\n.\r\n" }, { "\r\n.\r\n", "\r\n..\r\n.\r\n" },
		{ "a\nb\r\n", NULL }, { "a\rb\r\n", NULL }, { "a\r\n\r", NULL }, { "\n", NULL }, { "\r\r\n", NULL }, { "a\n.\r\nb", NULL }, { "a\r.\r\nb", NULL },
	};
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = strlen(rows[i].in);

		/* cut at every place into two slices, with an empty one between */
		for (size_t cut = 0; cut <= len; cut++) {
			struct span in = test_exact(span_of(rows[i].in));
			struct iovec slices[3] = { { (char *)(uintptr_t)in.ptr, cut }, { (char *)(uintptr_t)in.ptr, 0 }, { (char *)(uintptr_t)in.ptr + cut, len - cut } };
			struct rendering rendering = { slices, 3, len, 0 };
			struct wire wire;

			wire_prepare(a, &rendering, false, &wire);
			if ((wire.fault == NULL) != (rows[i].want != NULL))
				fail_msg("row %zu cut %zu: %s", i, cut, wire.fault == NULL ? "no fault" : wire.fault);
			if (rows[i].want != NULL) {
				assert_true(span_eq_text(collect(a, &wire, 64), rows[i].want));
				assert_true(span_eq_text(collect(a, &wire, 4), rows[i].want));
			}
			free((void *)(uintptr_t)in.ptr);
		}
	}
	arena_free(a);
}

/* A message of dots alone would need a table larger than itself: it is made while sending, and gives the same. */
static void test_many_dots(void **state)
{
	enum { LINES = 200000 };
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	char *bytes = arena_alloc(a, 3 * LINES + 1);
	struct iovec slice = { bytes, 3 * LINES };
	struct rendering rendering = { &slice, 1, 3 * LINES, 0 };
	struct span all;
	struct wire wire;

	(void)state;
	for (size_t i = 0; i < LINES; i++)
		memcpy(bytes + 3 * i, ".\r\n", 3);
	wire_prepare(a, &rendering, false, &wire);
	assert_null(wire.fault);
	assert_null(wire.slices);
	all = collect(a, &wire, 64);
	assert_int_equal(all.len, 4 * LINES + 3);
	for (size_t i = 0; i < LINES; i++)
		assert_memory_equal(all.ptr + 4 * i, "..\r\n", 4);
	assert_memory_equal(all.ptr + 4 * LINES, ".\r\n", 3);
	arena_free(a);
}

/* ---- sessions ---- */

static char ca_path[64];

/* A key and a certificate for "localhost" and 127.0.0.1, signed by itself; ca_path is its file. */
static SSL_CTX *make_tls(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
	FILE *file;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_add_ext(cert, names, -1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(SSL_CTX_use_certificate(tls, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
	snprintf(ca_path, sizeof(ca_path), "/tmp/listd-ca-XXXXXX");
	file = fdopen(mkstemp(ca_path), "w");
	PEM_write_X509(file, cert);
	fclose(file);
	X509_EXTENSION_free(names);
	X509_free(cert);
	EVP_PKEY_free(key);
	return tls;
}

static int try_connect(struct relay *relay, struct delivery_options options, struct fail *why)
{
	char name[40];
	struct smtp *smtp;
	int result;

	snprintf(name, sizeof(name), "127.0.0.1:%d", relay->port);
	options.relay = options.relay == NULL ? name : options.relay;
	options.helo = "lists.example.org";
	options.timeout_secs = options.timeout_secs == 0 ? 5 : options.timeout_secs;
	smtp = smtp_new(&options);
	result = smtp_connect(smtp, why);
	smtp_free(smtp, true);
	return result;
}

static void test_tls_and_auth(void **state)
{
	static const char ehlo[] = "250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n", ehlo_login[] = "250-STARTTLS\r\n250 AUTH LOGIN\r\n";
	SSL_CTX *tls = make_tls();
	const struct { struct relay_plan plan; struct delivery_options options; int want; const char *text, *auth; } rows[] = {
		{ { .ehlo = ehlo, .tls = tls }, { .tls = RELAY_TLS_MAY }, 0, NULL, "" },
		{ { .ehlo = ehlo, .tls = tls }, { .tls = RELAY_TLS_MUST, .tls_ca_file = ca_path }, 0, NULL, "" },
		{ { .ehlo = ehlo, .tls = tls }, { .tls = RELAY_TLS_MUST }, -1, "self", "" },
		{ { .ehlo = "250 SIZE\r\n", .tls = tls }, { .tls = RELAY_TLS_MUST, .tls_ca_file = ca_path }, -1, "relay-tls", "" },
		{ { .ehlo = "250 SIZE\r\n" }, { .tls = RELAY_TLS_MAY }, 0, NULL, "" },
		{ { .ehlo = ehlo, .rules = { { "STARTTLS", "454 4.7.0 not now\r\n", 9 } } }, { .tls = RELAY_TLS_MAY }, 0, NULL, "" },
		{ { .ehlo = ehlo, .rules = { { "STARTTLS", "454 4.7.0 not now\r\n", 9 } } }, { .tls = RELAY_TLS_MUST }, -1, "454", "" },
		{ { .ehlo = ehlo, .rules = { { "STARTTLS", "220 go\r\n250 PIPELINING\r\n", 9 } } }, { .tls = RELAY_TLS_MAY }, -1, "plain text after", "" },
		{ { .ehlo = ehlo, .tls = tls }, { .tls = RELAY_TLS_MAY, .user = "ann", .password = "secret" }, 0, NULL, "AUTH PLAIN AGFubgBzZWNyZXQ=" },
		{ { .ehlo = ehlo, .rules = { { "AUTH", "535 5.7.8 wrong\r\n", 9 } } }, { .user = "ann", .password = "secret" }, -1, "535", "" },
		{ { .ehlo = ehlo_login, .rules = { { "AUTH LOGIN", "334 VXNlcm5hbWU6\r\n", 1 }, { "YW5u", "334 UGFzc3dvcmQ6\r\n", 1 }, { "c2VjcmV0", "235 ok\r\n", 1 } } },
			{ .user = "ann", .password = "secret" }, 0, NULL, "" },
		{ { .ehlo = "250 SIZE\r\n" }, { .user = "ann", .password = "secret" }, -1, "neither", "" },
		{ { .ehlo = ehlo }, { .user = "ann" }, -1, "password", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct relay *relay = relay_start(&(struct relay_plan){ .ehlo = rows[i].plan.ehlo, .tls = rows[i].plan.tls, .drop_in = -1, .drop_out = -1 }, 0);
		struct fail why = { 0 };

		memcpy(relay->plan.rules, rows[i].plan.rules, sizeof(relay->plan.rules));
		if (try_connect(relay, rows[i].options, &why) != rows[i].want || (rows[i].text != NULL && strstr(why.text, rows[i].text) == NULL))
			fail_msg("row %zu: %s", i, why.text);
		assert_null(strstr(why.text, "secret"));
		assert_string_equal(relay->last_auth, rows[i].auth);
		relay_stop(relay);
	}
	unlink(ca_path);
	SSL_CTX_free(tls);
}

static void test_greetings(void **state)
{
	static const struct { struct relay_rule rule; int want; const char *text; } rows[] = {
		{ { "banner", "220-relay\r\n220 ESMTP\r\n", 1 }, 0, NULL },
		{ { "banner", "421 4.3.2 too busy\r\n", 1 }, -1, "too busy" },
		{ { "banner", "554 5.7.1 go away\r\n", 1 }, -1, "go away" },
		{ { "banner", "HTTP/1.1 400 Bad Request\r\n", 1 }, -1, "does not speak SMTP" },
		{ { "EHLO", "502 what?\r\n", 1 }, 0, NULL },
		{ { "EHLO", "421 4.3.2 closing\r\n", 1 }, -1, "closing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct relay_plan plan = { .drop_in = -1, .drop_out = -1 };
		struct relay *relay;
		struct fail why = { 0 };

		plan.rules[0] = rows[i].rule;
		relay = relay_start(&plan, 0);
		if (try_connect(relay, (struct delivery_options){ 0 }, &why) != rows[i].want || (rows[i].text != NULL && strstr(why.text, rows[i].text) == NULL))
			fail_msg("row %zu: %s", i, why.text);
		assert_true(rows[i].want == 0 || why.temporary);
		relay_stop(relay);
	}
}

static void test_relay_names(void **state)
{
	static const char *const rows[] = { "", ":25", "[::1", "[::1]x", "host:", "unix:/nonexistent/relay", "127.0.0.1:1", "[::1]:1" };
	struct relay_plan plan = { .drop_in = -1, .drop_out = -1 };
	struct relay *relay = relay_start(&plan, 0);
	struct fail why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(try_connect(relay, (struct delivery_options){ .relay = rows[i] }, &why), -1);
		assert_true(why.temporary);
	}
	relay_stop(relay);
}

static void test_silent_relay(void **state)
{
	struct relay_plan plan = { .rules = { { "banner", "", 9 } }, .drop_in = -1, .drop_out = -1 };
	struct relay *relay = relay_start(&plan, 0);
	struct fail why;

	(void)state;
	assert_int_equal(try_connect(relay, (struct delivery_options){ .timeout_secs = 1 }, &why), -1);
	assert_non_null(strstr(why.text, "does not answer for 1 s"));
	relay_stop(relay);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies), cmocka_unit_test(test_reply_limits), cmocka_unit_test(test_features), cmocka_unit_test(test_dots),
		cmocka_unit_test(test_many_dots), cmocka_unit_test(test_tls_and_auth), cmocka_unit_test(test_greetings), cmocka_unit_test(test_relay_names),
		cmocka_unit_test(test_silent_relay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
