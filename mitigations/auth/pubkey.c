/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/pubkey.h"
#include "mail/transfer.h"

#include <strings.h>

#include <openssl/err.h>
#include <openssl/x509.h>

static const char too_short[] = "the RSA key is shorter than 1024 bits";

static void not_usable(struct pubkey *key, enum pubkey_status status, const char *reason)
{
	key->status = status;
	key->reason = reason;
}

/* Does a colon-separated list hold the word (ASCII case ignored)? */
static bool list_has(struct span list, const char *word)
{
	struct span item;

	while (span_next(&list, ':', &item))
		if (span_eq_text_nocase(span_trim(item), word))
			return true;
	return false;
}

static struct span without_blanks(struct arena *a, struct span text)
{
	char *out = arena_alloc(a, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != ' ' && text.ptr[i] != '\t' && text.ptr[i] != '\r' && text.ptr[i] != '\n')
			out[len++] = text.ptr[i];
	return (struct span){ out, len };
}

struct span pubkey_bytes(struct arena *a, const struct tags *tags)
{
	return transfer_base64_decode(a, without_blanks(a, tags_find(tags, "p")), true);
}

/* RFC 6376 3.6.1 says RSAPublicKey, its examples and everybody publish SubjectPublicKeyInfo; both are read. */
static EVP_PKEY *rsa_key(struct span der)
{
	const unsigned char *p = (const unsigned char *)der.ptr;
	EVP_PKEY *pkey = pubkey_rsa_read(der);

	if (pkey == NULL)
		pkey = d2i_PUBKEY(NULL, &p, (long)der.len);
	if (pkey == NULL) {
		p = (const unsigned char *)der.ptr;
		pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)der.len);
	}
	if (pkey != NULL && EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	ERR_clear_error();
	return pkey;
}

static EVP_PKEY *ed25519_key(struct span raw)
{
	EVP_PKEY *pkey = raw.len != 32 ? NULL : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)raw.ptr, raw.len);

	ERR_clear_error();
	return pkey;
}

static void read_key(struct span bytes, enum key_algorithm algorithm, struct pubkey *key)
{
	EVP_PKEY *pkey = algorithm == KEY_RSA ? rsa_key(bytes) : ed25519_key(bytes);
	int bits = pkey == NULL ? 0 : EVP_PKEY_get_bits(pkey);

	if (pkey == NULL)
		not_usable(key, PUBKEY_BAD, "the public key cannot be decoded");
	else if (algorithm == KEY_RSA && bits < PUBKEY_RSA_BITS_MIN)
		not_usable(key, PUBKEY_WEAK, too_short);
	else if (algorithm == KEY_RSA && bits > PUBKEY_RSA_BITS_MAX)
		not_usable(key, PUBKEY_BAD, "the RSA key is longer than 8192 bits");
	if (key->status == PUBKEY_USABLE)
		key->pkey = pkey;
	else
		EVP_PKEY_free(pkey);
}

/* 3.6.1: what the record says about how the key may be used. */
static bool record_allows(const struct tags *tags, enum key_algorithm algorithm, struct pubkey *key)
{
	struct span version = tags_find(tags, "v"), type = tags_find(tags, "k"), hashes = tags_find(tags, "h"), services = tags_find(tags, "s");
	const char *wanted = algorithm == KEY_RSA ? "rsa" : "ed25519";

	if (version.ptr != NULL && !span_eq_text(version, "DKIM1"))
		not_usable(key, PUBKEY_BAD, "the key record is of an unknown version");
	else if (type.ptr == NULL ? algorithm != KEY_RSA : !span_eq_text(type, wanted))
		not_usable(key, PUBKEY_UNFIT, "the key is of another type than the signature");
	else if (hashes.ptr != NULL && !list_has(hashes, "sha256"))
		not_usable(key, PUBKEY_UNFIT, "the key record does not allow sha256");
	else if (services.ptr != NULL && !list_has(services, "*") && !list_has(services, "email"))
		not_usable(key, PUBKEY_UNFIT, "the key is not for mail");
	else if (tags_find(tags, "p").ptr == NULL)
		not_usable(key, PUBKEY_BAD, "the key record has no key");
	else if (tags_find(tags, "p").len == 0)
		not_usable(key, PUBKEY_REVOKED, "the key is revoked");
	return key->status == PUBKEY_USABLE;
}

static bool read_record(struct arena *a, const struct dns_record *record, enum key_algorithm algorithm, struct tags *tags_r, struct pubkey *key)
{
	if (!tags_parse(dns_txt(a, record), tags_r)) {
		not_usable(key, PUBKEY_BAD, "the key record cannot be read");
		return false;
	}
	key->is_test = list_has(tags_find(tags_r, "t"), "y");
	key->exact_domain = list_has(tags_find(tags_r, "t"), "s");
	return record_allows(tags_r, algorithm, key);
}

static bool read_answer(struct arena *a, const struct dns_answer *answer, enum key_algorithm algorithm, struct tags *tags_r, struct pubkey *key_r)
{
	*key_r = (struct pubkey){ .status = PUBKEY_USABLE };
	if (dns_is_temporary(answer->status))
		not_usable(key_r, PUBKEY_TEMPORARY, "DNS failed for the key");
	else if (answer->status != DNS_OK || answer->count == 0)
		not_usable(key_r, PUBKEY_ABSENT, "there is no key record");
	else if (answer->count > 1) /* 3.6.2.2: undefined */
		not_usable(key_r, PUBKEY_BAD, "there are several key records");
	else
		return read_record(a, &answer->records[0], algorithm, tags_r, key_r);
	return false;
}

void pubkey_read_record(struct arena *a, const struct dns_answer *answer, enum key_algorithm algorithm, struct pubkey *key_r)
{
	struct tags tags;
	size_t bits;

	if (!read_answer(a, answer, algorithm, &tags, key_r) || algorithm != KEY_RSA)
		return;
	bits = pubkey_rsa_bits(pubkey_bytes(a, &tags));
	if (bits > 0 && bits < PUBKEY_RSA_BITS_MIN)
		not_usable(key_r, PUBKEY_WEAK, too_short);
}

void pubkey_read(struct arena *a, const struct dns_answer *answer, enum key_algorithm algorithm, struct pubkey *key_r)
{
	struct tags tags;

	if (read_answer(a, answer, algorithm, &tags, key_r))
		read_key(pubkey_bytes(a, &tags), algorithm, key_r);
}

void pubkey_done(struct pubkey *key)
{
	EVP_PKEY_free(key->pkey);
	key->pkey = NULL;
}

void pubkey_queries_init(struct pubkey_queries *queries, struct arena *a, struct resolver *dns)
{
	queries->dns = dns;
	queries->arena = a;
	queries->count = 0;
}

static struct pubkey_query *find_query(struct pubkey_queries *queries, const char *name)
{
	for (size_t i = 0; i < queries->count; i++)
		if (strcasecmp(queries->items[i].name, name) == 0)
			return &queries->items[i];
	return NULL;
}

static const char *query_name(struct arena *a, const char *selector, const char *domain)
{
	return arena_printf(a, "%s._domainkey.%s", selector, domain);
}

void pubkey_queries_start(struct pubkey_queries *queries, const char *selector, const char *domain)
{
	const char *name = query_name(queries->arena, selector, domain);

	if (queries->count == PUBKEY_QUERIES_MAX || find_query(queries, name) != NULL)
		return;
	queries->items[queries->count++] = (struct pubkey_query){ .name = name, .question = resolver_start(queries->dns, name, DNS_TXT) };
}

const struct dns_answer *pubkey_queries_answer(struct pubkey_queries *queries, const char *name)
{
	struct pubkey_query *query = find_query(queries, name);

	if (query == NULL)
		return NULL;
	if (query->question != NULL)
		resolver_wait(query->question, queries->arena, &query->answer);
	query->question = NULL;
	return &query->answer;
}

static const struct pubkey too_many = { .status = PUBKEY_BAD, .reason = "too many keys" };

void pubkey_queries_record(struct pubkey_queries *queries, const char *selector, const char *domain, enum key_algorithm algorithm, struct pubkey *key_r)
{
	const struct dns_answer *answer = pubkey_queries_answer(queries, query_name(queries->arena, selector, domain));

	*key_r = too_many;
	if (answer != NULL)
		pubkey_read_record(queries->arena, answer, algorithm, key_r);
}

const struct pubkey *pubkey_queries_key(struct pubkey_queries *queries, const char *selector, const char *domain, enum key_algorithm algorithm)
{
	const char *name = query_name(queries->arena, selector, domain);
	const struct dns_answer *answer = pubkey_queries_answer(queries, name);
	struct pubkey_query *query = find_query(queries, name);

	if (query == NULL)
		return &too_many;
	if (!query->decoded[algorithm])
		pubkey_read(queries->arena, answer, algorithm, &query->keys[algorithm]);
	query->decoded[algorithm] = true;
	return &query->keys[algorithm];
}

void pubkey_queries_done(struct pubkey_queries *queries)
{
	for (size_t i = 0; i < queries->count; i++) {
		if (queries->items[i].question != NULL)
			resolver_drop(queries->items[i].question);
		pubkey_done(&queries->items[i].keys[KEY_RSA]);
		pubkey_done(&queries->items[i].keys[KEY_ED25519]);
	}
	queries->count = 0;
}
