/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys: made, written, loaded, published. */
#include "tests/unit/auth_data.h"

#include "mitigations/auth/pubkey.h"
#include "mitigations/key.h"

#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

/* A private key as PEM, with or without passphrase. */
static struct span pem_of(struct arena *a, EVP_PKEY *pkey, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct span pem;
	char *text;
	long len;

	assert_non_null(pkey);
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey, passphrase == NULL ? NULL : EVP_aes_128_cbc(), passphrase,
		passphrase == NULL ? 0 : (int)strlen(passphrase), NULL, NULL), 1);
	len = BIO_get_mem_data(bio, &text);
	pem = arena_span(a, (struct span){ text, (size_t)len });
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return pem;
}

static void test_round_trip(void **state)
{
	static const enum key_algorithm algorithms[] = { KEY_RSA, KEY_ED25519 };
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct fail why;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct key key, again;
		struct span pem;

		assert_int_equal(key_generate(algorithms[i], 2048, "Lists.Example.ORG", "S1", &key, &why), 0);
		assert_int_equal(key.algorithm, algorithms[i]);
		assert_int_equal(key.bits, algorithms[i] == KEY_RSA ? 2048 : 256);
		assert_string_equal(key_name(a, &key), "s1._domainkey.lists.example.org");
		assert_int_equal(key_to_pem(a, &key, &pem, &why), 0);
		assert_true(span_starts_nocase(pem, "-----BEGIN PRIVATE KEY-----"));
		assert_int_equal(key_from_pem(pem, "lists.example.org", "s1", &again, &why), 0);
		assert_string_equal(key_txt(a, &key), key_txt(a, &again));
		assert_int_equal(EVP_PKEY_eq(key.pkey, again.pkey), 1);
		key_done(&key);
		key_done(&again);
		key_done(&again);
	}
	arena_free(a);
}

static void test_pkcs1(void **state)
{
	static const char pkcs1[] = "some words before it\n-----BEGIN RSA PRIVATE KEY-----\n"
		"MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\n"
		"Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\n"
		"KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\n"
		"AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm\n"
		"6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe\n"
		"zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy\n"
		"6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc\n"
		"uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy\n"
		"WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd\n"
		"WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a\n"
		"licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst\n"
		"o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe\n"
		"uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL\n"
		"-----END RSA PRIVATE KEY-----\n";
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct key key;
	struct fail why;

	(void)state;
	assert_int_equal(key_from_pem(span_of(pkcs1), "example.org", "test", &key, &why), 0);
	assert_int_equal(key.bits, 1024);
	assert_non_null(strstr(key_txt(a, &key), "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx"));
	key_done(&key);
	arena_free(a);
}

static void test_refused(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span good = pem_of(a, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
	struct { struct span pem; const char *domain, *selector, *why; } rows[] = {
		{ SPAN_LIT(""), "example.org", "s", "no private key" },
		{ SPAN_LIT("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "example.org", "s", "no private key" },
		{ pem_of(a, EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512), NULL), "example.org", "s", "512 bits" },
		{ pem_of(a, EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), NULL), "example.org", "s", "neither" },
		{ pem_of(a, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "secret"), "example.org", "s", "without a passphrase" },
		{ good, "not a domain", "s", "no domain name" },
		{ good, "example.org", "", "no selector" },
		{ good, "example.org", "a/b", "no selector" },
	};
	struct key key;
	struct fail why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(key_from_pem(rows[i].pem, rows[i].domain, rows[i].selector, &key, &why), -1);
		if (strstr(why.text, rows[i].why) == NULL)
			fail_msg("row %zu: %s", i, why.text);
	}
	assert_int_equal(key_generate(KEY_RSA, 1024, "example.org", "s", &key, &why), -1);
	arena_free(a);
}

static void test_record(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct resolver *zone = resolver_zone_new();
	struct dns_answer answer;
	struct fail why;
	struct key key;
	const char *record, *first;

	(void)state;
	assert_int_equal(key_generate(KEY_RSA, 2048, "example.org", "s", &key, &why), 0);
	record = key_record(a, &key);
	assert_true(span_starts_nocase(span_of(record), "s._domainkey.example.org. IN TXT \"v=DKIM1; k=rsa; p="));
	first = strchr(record, '"');
	assert_int_equal(strchr(first + 1, '"') - first - 1, 255);
	assert_int_equal(resolver_zone_add(zone, span_of(record), &why), 0);
	resolver_ask(zone, a, key_name(a, &key), DNS_TXT, &answer);
	assert_int_equal(answer.count, 1);
	assert_true(span_eq_text(dns_txt(a, &answer.records[0]), key_txt(a, &key)));
	key_done(&key);
	resolver_free(zone);
	arena_free(a);
}

/* p= with a blank after every 40 characters. */
static struct span spaced(struct arena *a, const char *txt)
{
	struct span out;
	struct buf b;

	buf_init(&b, 4096);
	for (size_t i = 0; txt[i] != '\0'; i++) {
		buf_put_byte(&b, txt[i]);
		if (i > 40 && i % 40 == 0)
			buf_put_byte(&b, ' ');
	}
	out = arena_span(a, buf_span(&b));
	buf_done(&b);
	return out;
}

static void test_published(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	static const char *const selectors[] = { "good", "spaced", "other", "revoked", "servfail", "timeout", "absent", "nokey", "chat", "two", "sha1" };
	static const enum key_published want[] = {
		KEY_PUBLISHED, KEY_PUBLISHED, KEY_DIFFERS, KEY_DIFFERS, KEY_UNKNOWN, KEY_UNKNOWN, KEY_MISSING, KEY_DIFFERS, KEY_DIFFERS, KEY_DIFFERS, KEY_DIFFERS,
	};
	struct resolver *zone = resolver_zone_new();
	struct key key, other;
	struct fail why;
	const char *txt;

	(void)state;
	assert_int_equal(key_generate(KEY_RSA, 2048, "example.org", "good", &key, &why), 0);
	assert_int_equal(key_generate(KEY_RSA, 2048, "example.org", "other", &other, &why), 0);
	txt = key_txt(a, &key);
	zone_add_txt(zone, a, "good._domainkey.example.org", span_of(txt));
	zone_add_txt(zone, a, "spaced._domainkey.example.org", spaced(a, txt));
	zone_add_txt(zone, a, "other._domainkey.example.org", span_of(key_txt(a, &other)));
	zone_add_txt(zone, a, "revoked._domainkey.example.org", SPAN_LIT("v=DKIM1; p="));
	zone_add_txt(zone, a, "servfail._domainkey.example.org", SPAN_LIT("SERVFAIL"));
	zone_add_txt(zone, a, "timeout._domainkey.example.org", SPAN_LIT("TIMEOUT"));
	zone_add_txt(zone, a, "nokey._domainkey.example.org", SPAN_LIT("v=spf1 -all"));
	zone_add_txt(zone, a, "chat._domainkey.example.org", span_of(arena_printf(a, "s=chat; %s", txt)));
	zone_add_txt(zone, a, "sha1._domainkey.example.org", span_of(arena_printf(a, "h=sha1; %s", txt)));
	zone_add_txt(zone, a, "two._domainkey.example.org", span_of(txt));
	zone_add_txt(zone, a, "two._domainkey.example.org", SPAN_LIT("v=DKIM1; p="));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		snprintf(key.selector, sizeof(key.selector), "%s", selectors[i]);
		if (key_check_dns(&key, zone) != want[i])
			fail_msg("%s: %s", selectors[i], key_published_name(key_check_dns(&key, zone)));
	}
	key_done(&key);
	key_done(&other);
	resolver_free(zone);
	arena_free(a);
}

/* What is read by hand is what OpenSSL reads; what is damaged is not read, or as OpenSSL reads it. */
static void test_rsa_by_hand(void **state)
{
	static const unsigned bits[] = { 1024, 2048, 3072 };

	(void)state;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		EVP_PKEY *pkey = EVP_RSA_gen(bits[i]), *again;
		unsigned char *der = NULL;
		int len;

		len = i2d_PUBKEY(pkey, &der);
		again = pubkey_rsa_read((struct span){ (char *)der, (size_t)len });
		assert_non_null(again);
		assert_int_equal(EVP_PKEY_eq(pkey, again), 1);
		EVP_PKEY_free(again);
		for (int at = 0; at < len; at++) {
			char *cut = malloc((size_t)at + 1); /* exactly as long, so that an overrun shows */

			memcpy(cut, der, (size_t)at);
			assert_null(pubkey_rsa_read((struct span){ cut, (size_t)at }));
			free(cut);
		}
		for (int at = 0; at < len; at++)
			for (unsigned flip = 1; flip < 256; flip <<= 1) {
				const unsigned char *p = der;
				EVP_PKEY *other;

				der[at] ^= (unsigned char)flip;
				again = pubkey_rsa_read((struct span){ (char *)der, (size_t)len });
				if (again != NULL) {
					other = d2i_PUBKEY(NULL, &p, len);
					assert_non_null(other);
					assert_int_equal(EVP_PKEY_eq(other, again), 1);
					EVP_PKEY_free(other);
				}
				EVP_PKEY_free(again);
				der[at] ^= (unsigned char)flip;
			}
		OPENSSL_free(der);
		EVP_PKEY_free(pkey);
	}
}

static void test_pubkey_statuses(void **state)
{
	static const struct { const char *txt; enum key_algorithm algorithm; enum pubkey_status want; } rows[] = {
		{ "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", KEY_ED25519, PUBKEY_USABLE },
		{ "k=ed25519; h=sha1:sha256; s=email; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=;", KEY_ED25519, PUBKEY_USABLE },
		{ "v=DKIM1; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", KEY_ED25519, PUBKEY_UNFIT },
		{ "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", KEY_RSA, PUBKEY_UNFIT },
		{ "v=DKIM1; k=ed25519; p=AAAA", KEY_ED25519, PUBKEY_BAD },
		{ "v=DKIM1; k=ed25519; p=****", KEY_ED25519, PUBKEY_BAD },
		{ "v=DKIM2; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", KEY_ED25519, PUBKEY_BAD },
		{ "v=DKIM1; k=rsa; p=", KEY_RSA, PUBKEY_REVOKED },
		{ "v=DKIM1; k=rsa", KEY_RSA, PUBKEY_BAD },
		{ "gibberish", KEY_RSA, PUBKEY_BAD },
		{ "p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAIWmlgix/84GJ+dfgjm7LTc9EPdfk"
			"ftlgiPpCq4/kbDAZmU0VvYKDljjleJ1dfvS+CGy9U/kk1tG3EeEvb82xAcCAwEAAQ==", KEY_RSA, PUBKEY_WEAK },
		{ "NXDOMAIN", KEY_RSA, PUBKEY_ABSENT }, { "SERVFAIL", KEY_RSA, PUBKEY_TEMPORARY }, { "TIMEOUT", KEY_RSA, PUBKEY_TEMPORARY },
	};
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct resolver *zone = resolver_zone_new();
		struct dns_answer answer;
		struct pubkey key;

		zone_add_txt(zone, a, "s._domainkey.example.org", span_of(rows[i].txt));
		resolver_ask(zone, a, "s._domainkey.example.org", DNS_TXT, &answer);
		pubkey_read(a, &answer, rows[i].algorithm, &key);
		if (key.status != rows[i].want)
			fail_msg("%s: %s", rows[i].txt, key.reason);
		assert_int_equal(key.pkey != NULL, rows[i].want == PUBKEY_USABLE);
		pubkey_done(&key);
		resolver_free(zone);
	}
	arena_free(a);
}

static const char *write_key(struct arena *a, const char *dir, const char *domain, const char *file, enum key_algorithm algorithm, unsigned mode)
{
	const char *path = arena_printf(a, "%s/%s/%s", dir, domain, file);
	struct span pem;
	struct fail why;
	struct key key;

	assert_int_equal(file_make_dir(arena_printf(a, "%s/%s", dir, domain), 0700, &why), 0);
	assert_int_equal(key_generate(algorithm, 2048, "example.org", "s", &key, &why), 0);
	assert_int_equal(key_to_pem(a, &key, &pem, &why), 0);
	assert_int_equal(file_replace(path, pem, mode, &why), 0);
	assert_int_equal(chmod(path, mode), 0);
	key_done(&key);
	return path;
}

static void remove_tree(struct arena *a, const char *dir)
{
	assert_int_equal(system(arena_printf(a, "rm -rf '%s'", dir)), 0);
}

static void test_ring(void **state)
{
	char dir[] = "/tmp/listd-test-XXXXXX";
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct keyring ring = { NULL, 0 };
	struct fail why;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(keyring_load(arena_printf(a, "%s/none", dir), &ring, &why), 0);
	assert_int_equal(ring.count, 0);
	write_key(a, dir, "lists.example.org", "2025.pem", KEY_RSA, 0600);
	write_key(a, dir, "lists.example.org", "2026.pem", KEY_RSA, 0640);
	write_key(a, dir, "lists.example.org", "ed.pem", KEY_ED25519, 0400);
	write_key(a, dir, "example.net", "s.pem", KEY_ED25519, 0600);
	assert_int_equal(file_replace(arena_printf(a, "%s/lists.example.org/2026.txt", dir), SPAN_LIT("the record"), 0644, &why), 0);
	assert_int_equal(file_replace(arena_printf(a, "%s/README", dir), SPAN_LIT("x"), 0644, &why), 0);
	if (keyring_load(dir, &ring, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(ring.count, 4);
	assert_string_equal(keyring_find(&ring, "Lists.Example.org", KEY_RSA)->selector, "2026");
	assert_string_equal(keyring_find(&ring, "lists.example.org", KEY_ED25519)->selector, "ed");
	assert_null(keyring_find(&ring, "example.net", KEY_RSA));
	assert_null(keyring_find(&ring, "example.org", KEY_ED25519));
	keyring_done(&ring);
	keyring_done(&ring);
	remove_tree(a, dir);
	arena_free(a);
}

static void test_ring_refuses(void **state)
{
	char dir[] = "/tmp/listd-test-XXXXXX";
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct keyring ring = { NULL, 0 };
	struct fail why;
	const char *path;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = write_key(a, dir, "example.org", "s.pem", KEY_ED25519, 0644);
	assert_int_equal(keyring_load(dir, &ring, &why), -1);
	assert_non_null(strstr(why.text, "0644"));
	assert_non_null(strstr(why.text, path));
	assert_int_equal(file_replace(path, SPAN_LIT("not a key"), 0600, &why), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(keyring_load(dir, &ring, &why), -1);
	assert_non_null(strstr(why.text, path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(keyring_load(dir, &ring, &why), -1);
	assert_non_null(strstr(why.text, "regular file"));
	assert_int_equal(ring.count, 0);
	remove_tree(a, dir);
	arena_free(a);
}

static void test_ring_resolver(void **state)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct key keys[2];
	struct keyring ring = { keys, 2 };
	struct resolver *below = resolver_zone_new(), *zone, *both;
	struct dns_answer answer;
	struct fail why;

	(void)state;
	assert_int_equal(key_generate(KEY_RSA, 2048, "example.org", "r", &keys[0], &why), 0);
	assert_int_equal(key_generate(KEY_ED25519, 0, "example.org", "e", &keys[1], &why), 0);
	zone_add_txt(below, a, "other._domainkey.example.net", SPAN_LIT("v=DKIM1; p="));
	zone = keyring_resolver(&ring);
	both = resolver_overlay(zone, below);
	assert_int_equal(key_check_dns(&keys[0], both), KEY_PUBLISHED);
	assert_int_equal(key_check_dns(&keys[1], both), KEY_PUBLISHED);
	assert_int_equal(key_check_dns(&keys[1], below), KEY_MISSING);
	resolver_ask(both, a, "other._domainkey.example.net", DNS_TXT, &answer);
	assert_int_equal(answer.status, DNS_OK);
	resolver_free(both);
	resolver_free(zone);
	resolver_free(below);
	key_done(&keys[0]);
	key_done(&keys[1]);
	arena_free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_pkcs1), cmocka_unit_test(test_refused), cmocka_unit_test(test_record),
		cmocka_unit_test(test_published), cmocka_unit_test(test_rsa_by_hand), cmocka_unit_test(test_pubkey_statuses), cmocka_unit_test(test_ring),
		cmocka_unit_test(test_ring_refuses), cmocka_unit_test(test_ring_resolver),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
