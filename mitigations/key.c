/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/key.h"
#include "mail/idna.h"
#include "mail/transfer.h"
#include "mitigations/auth/pubkey.h"

#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* Strings within a TXT record (RFC 1035 3.3.14). */
#define TXT_STRING_MAX_BYTES 255

static const struct {
	const char *name, *type; /* a= and k= */
	int id;
} algorithms[] = {
	[KEY_RSA] = { "rsa-sha256", "rsa", EVP_PKEY_RSA },
	[KEY_ED25519] = { "ed25519-sha256", "ed25519", EVP_PKEY_ED25519 },
};

const char *key_algorithm_name(enum key_algorithm algorithm)
{
	return algorithms[algorithm].name;
}

/* OpenSSL's errors may hold parts of what was read, so they are not told. */
static int fail_openssl(struct fail *why, const char *what)
{
	ERR_clear_error();
	return fail_permanent(why, "%s", what);
}

static int set_names(struct key *key, const char *domain, const char *selector, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	const char *ascii = idna_to_ascii(a, span_of(domain)), *name = idna_to_ascii(a, span_of(selector));
	int result = 0;

	if (ascii == NULL || strlen(ascii) >= sizeof(key->domain))
		result = fail_permanent(why, "'%s' is no domain name", domain);
	else if (name == NULL || strlen(name) >= sizeof(key->selector))
		result = fail_permanent(why, "'%s' is no selector: a DNS label of letters, digits and hyphens is needed", selector);
	if (result == 0) {
		snprintf(key->domain, sizeof(key->domain), "%s", ascii);
		snprintf(key->selector, sizeof(key->selector), "%s", name);
	}
	arena_free(a);
	return result;
}

static int set_algorithm(struct key *key, struct fail *why)
{
	int id = EVP_PKEY_get_base_id(key->pkey);

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (algorithms[i].id != id)
			continue;
		key->algorithm = (enum key_algorithm)i;
		key->bits = i == KEY_RSA ? (unsigned)EVP_PKEY_get_bits(key->pkey) : 256;
		if (i == KEY_RSA && key->bits < PUBKEY_RSA_BITS_MIN)
			return fail_permanent(why, "an RSA key of %u bits must not sign (RFC 8301): make one of 2048 bits", key->bits);
		if (i == KEY_RSA && key->bits > PUBKEY_RSA_BITS_MAX)
			return fail_permanent(why, "an RSA key of %u bits is not read by receivers: make one of 2048 bits", key->bits);
		return 0;
	}
	return fail_permanent(why, "neither an RSA nor an ed25519 key");
}

/* A key with a passphrase would make OpenSSL ask at the terminal; a daemon has none. */
static int no_passphrase(char *buf, int size, int rwflag, void *user)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)user;
	return -1;
}

int key_from_pem(struct span pem, const char *domain, const char *selector, struct key *key_r, struct fail *why)
{
	struct key key = { .pkey = NULL };
	BIO *bio = pem.len > INT_MAX ? NULL : BIO_new_mem_buf(pem.ptr == NULL ? "" : pem.ptr, (int)pem.len);

	key.pkey = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (key.pkey == NULL)
		return fail_openssl(why, "no private key in PEM form without a passphrase");
	if (set_algorithm(&key, why) != 0 || set_names(&key, domain, selector, why) != 0) {
		EVP_PKEY_free(key.pkey);
		return -1;
	}
	*key_r = key;
	return 0;
}

int key_generate(enum key_algorithm algorithm, unsigned bits, const char *domain, const char *selector, struct key *key_r, struct fail *why)
{
	struct key key = { .pkey = NULL };

	if (algorithm == KEY_RSA && (bits < 2048 || bits > PUBKEY_RSA_BITS_MAX))
		return fail_permanent(why, "a new RSA key has 2048 to %d bits", PUBKEY_RSA_BITS_MAX);
	if (set_names(&key, domain, selector, why) != 0)
		return -1;
	key.pkey = algorithm == KEY_RSA ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (key.pkey == NULL)
		return fail_openssl(why, "OpenSSL could not make a key");
	if (set_algorithm(&key, why) != 0) {
		EVP_PKEY_free(key.pkey);
		return -1;
	}
	*key_r = key;
	return 0;
}

int key_to_pem(struct arena *a, const struct key *key, struct span *pem_r, struct fail *why)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long len;

	if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(bio);
		return fail_openssl(why, "OpenSSL could not write the key");
	}
	len = BIO_get_mem_data(bio, &text);
	*pem_r = arena_span(a, (struct span){ text, (size_t)len });
	BIO_free(bio);
	return 0;
}

/* The octets of p=: SubjectPublicKeyInfo for RSA (RFC 6376), the bare key for ed25519 (RFC 8463 4.2). */
static struct span public_bytes(struct arena *a, const struct key *key)
{
	unsigned char *der = NULL;
	unsigned char raw[32];
	size_t raw_len = sizeof(raw);
	struct span bytes;
	int len;

	if (key->algorithm == KEY_ED25519) {
		if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &raw_len) != 1)
			fail_environment("OpenSSL cannot give a public key");
		return arena_span(a, (struct span){ (const char *)raw, raw_len });
	}
	len = i2d_PUBKEY(key->pkey, &der);
	if (len <= 0)
		fail_environment("OpenSSL cannot give a public key");
	bytes = arena_span(a, (struct span){ (const char *)der, (size_t)len });
	OPENSSL_free(der);
	return bytes;
}

const char *key_txt(struct arena *a, const struct key *key)
{
	struct span text = transfer_base64_line(a, public_bytes(a, key));

	return arena_printf(a, "v=DKIM1; k=%s; p=%.*s", algorithms[key->algorithm].type, (int)text.len, text.ptr);
}

const char *key_name(struct arena *a, const struct key *key)
{
	return arena_printf(a, "%s._domainkey.%s", key->selector, key->domain);
}

const char *key_record(struct arena *a, const struct key *key)
{
	struct span rest = span_of(key_txt(a, key));
	const char *line = arena_printf(a, "%s. IN TXT", key_name(a, key));

	for (; rest.len > 0; rest = span_sub(rest, TXT_STRING_MAX_BYTES, rest.len)) {
		struct span part = span_sub(rest, 0, TXT_STRING_MAX_BYTES);

		line = arena_printf(a, "%s \"%.*s\"", line, (int)part.len, part.ptr);
	}
	return line;
}

void key_done(struct key *key)
{
	EVP_PKEY_free(key->pkey);
	*key = (struct key){ .pkey = NULL };
}

static enum key_published compare_record(struct arena *a, const struct key *key, const struct dns_answer *answer)
{
	struct pubkey published;
	struct tags tags;
	enum key_published result = KEY_DIFFERS;

	pubkey_read(a, answer, key->algorithm, &published);
	if (published.status == PUBKEY_USABLE && tags_parse(dns_txt(a, &answer->records[0]), &tags)
		&& span_eq(pubkey_bytes(a, &tags), public_bytes(a, key)))
		result = KEY_PUBLISHED;
	pubkey_done(&published);
	return result;
}

enum key_published key_check_dns(const struct key *key, struct resolver *dns)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	enum key_published result = KEY_MISSING;
	struct dns_answer answer;

	resolver_ask(dns, a, key_name(a, key), DNS_TXT, &answer);
	if (dns_is_temporary(answer.status))
		result = KEY_UNKNOWN;
	else if (answer.status == DNS_OK && answer.count > 0)
		result = compare_record(a, key, &answer);
	arena_free(a);
	return result;
}

const char *key_published_name(enum key_published published)
{
	static const char *const names[] = {
		[KEY_PUBLISHED] = "published", [KEY_MISSING] = "missing", [KEY_DIFFERS] = "differs", [KEY_UNKNOWN] = "unknown",
	};

	return names[published];
}
