/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/signature.h"
#include "mail/idna.h"
#include "mail/transfer.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

/* Canonical header fields: no more than the header twice over (bare LF becomes CRLF). */
#define CANON_HEADER_MAX_BYTES (2 * MESSAGE_HEADER_MAX_BYTES + MESSAGE_FIELD_MAX_BYTES)

struct parse {
	struct arena *arena;
	struct tags tags;
	enum signature_kind kind;
	struct signature *sig;
	const char *reason;
};

/* Readers of one tag: the value is {NULL,0} when the tag is missing. */
typedef enum auth_result read_tag(struct parse *p, struct span value);

static enum auth_result refuse(struct parse *p, enum auth_result result, const char *reason)
{
	p->reason = reason;
	return result;
}

static enum auth_result read_version(struct parse *p, struct span value)
{
	if (value.ptr == NULL)
		return refuse(p, AUTH_PERMERROR, "v= is missing");
	return span_eq_text(value, "1") ? AUTH_NONE : refuse(p, AUTH_PERMERROR, "v= is not 1");
}

static enum auth_result read_algorithm(struct parse *p, struct span value)
{
	static const struct { const char *name; enum key_algorithm algorithm; enum auth_result result; const char *reason; } rows[] = {
		{ "rsa-sha256", KEY_RSA, AUTH_NONE, NULL },
		{ "ed25519-sha256", KEY_ED25519, AUTH_NONE, NULL },
		{ "rsa-sha1", KEY_RSA, AUTH_POLICY, "rsa-sha1 must not be used (RFC 8301)" },
	};

	p->sig->algorithm_name = arena_text(p->arena, value);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!span_eq_text(value, rows[i].name))
			continue;
		p->sig->algorithm = rows[i].algorithm;
		return rows[i].result == AUTH_NONE ? AUTH_NONE : refuse(p, rows[i].result, rows[i].reason);
	}
	return refuse(p, AUTH_NEUTRAL, "a= is unknown");
}

static bool canon_named(struct span name, enum canon *canon_r)
{
	*canon_r = span_eq_text(name, "relaxed") ? CANON_RELAXED : CANON_SIMPLE;
	return *canon_r == CANON_RELAXED || span_eq_text(name, "simple");
}

static enum auth_result read_canon(struct parse *p, struct span value)
{
	size_t slash = span_find_byte(value, '/');
	bool ok;

	if (value.ptr == NULL)
		return AUTH_NONE; /* simple/simple, as zeroed */
	ok = canon_named(span_sub(value, 0, slash), &p->sig->header_canon)
		&& (slash == value.len || canon_named(span_sub(value, slash + 1, value.len), &p->sig->body_canon));
	return ok ? AUTH_NONE : refuse(p, AUTH_NEUTRAL, "c= is unknown");
}

static enum auth_result read_domain(struct parse *p, struct span value)
{
	p->sig->domain = idna_to_ascii(p->arena, value);
	return p->sig->domain != NULL ? AUTH_NONE : refuse(p, AUTH_NEUTRAL, "d= is missing or no domain");
}

static enum auth_result read_selector(struct parse *p, struct span value)
{
	p->sig->selector = idna_to_ascii(p->arena, value);
	return p->sig->selector != NULL ? AUTH_NONE : refuse(p, AUTH_NEUTRAL, "s= is missing or no name");
}

/* Names in h=, and whether a certain one is there. */
static size_t count_names(struct span list, const char *wanted, bool *found_r)
{
	struct span name;
	size_t count = 0;

	*found_r = false;
	for (; span_next(&list, ':', &name); count++)
		*found_r = *found_r || span_eq_text_nocase(span_trim(name), wanted);
	return count;
}

static enum auth_result read_fields(struct parse *p, struct span value)
{
	bool found;
	const char *wanted = p->kind == SIGNATURE_DKIM ? "From" : "ARC-Seal";

	p->sig->signed_fields = value;
	if (value.ptr == NULL)
		return refuse(p, AUTH_NEUTRAL, "h= is missing");
	if (value.len > SIGNATURE_NAMES_MAX_BYTES || count_names(value, wanted, &found) > SIGNATURE_NAMES_MAX)
		return refuse(p, AUTH_PERMERROR, "h= is too long");
	if (p->kind == SIGNATURE_DKIM && !found)
		return refuse(p, AUTH_PERMERROR, "From is not signed"); /* RFC 6376 5.4 */
	if (p->kind == SIGNATURE_ARC_MESSAGE && found)
		return refuse(p, AUTH_PERMERROR, "h= names ARC-Seal"); /* RFC 8617 4.1.2 */
	return AUTH_NONE;
}

static struct span base64(struct parse *p, struct span value)
{
	return value.len == 0 ? (struct span){ NULL, 0 } : transfer_base64_decode(p->arena, value, true);
}

static enum auth_result read_body_hash(struct parse *p, struct span value)
{
	p->sig->body_hash = base64(p, value);
	return p->sig->body_hash.len == 32 ? AUTH_NONE : refuse(p, AUTH_NEUTRAL, "bh= is missing or no SHA-256 hash");
}

static enum auth_result read_bytes(struct parse *p, struct span value)
{
	p->sig->bytes = base64(p, value);
	return p->sig->bytes.len > 0 ? AUTH_NONE : refuse(p, AUTH_NEUTRAL, "b= is missing or not base64");
}

static enum auth_result read_number(struct parse *p, struct span value, bool *has_r, unsigned long long *number_r, const char *reason)
{
	*has_r = value.ptr != NULL;
	if (value.ptr != NULL && !span_number(value, UINT64_MAX >> 1, number_r))
		return refuse(p, AUTH_NEUTRAL, reason);
	return AUTH_NONE;
}

static enum auth_result read_length(struct parse *p, struct span value)
{
	return read_number(p, value, &p->sig->has_length, &p->sig->body_limit, "l= is no number");
}

static enum auth_result read_time(struct parse *p, struct span value)
{
	return read_number(p, value, &p->sig->has_time, &p->sig->time, "t= is no number");
}

static enum auth_result read_expiry(struct parse *p, struct span value)
{
	enum auth_result result = read_number(p, value, &p->sig->has_expiry, &p->sig->expiry, "x= is no number");

	if (result == AUTH_NONE && p->sig->has_expiry && p->sig->has_time && p->sig->expiry <= p->sig->time)
		return refuse(p, AUTH_PERMERROR, "x= is not after t=");
	return result;
}

/* RFC 6376 3.5: the domain of i= is d= or below it. */
static enum auth_result read_auid(struct parse *p, struct span value)
{
	struct span domain = span_of(p->sig->domain), host;
	size_t at = value.len;
	const char *ascii;

	p->sig->auid = value;
	if (value.ptr == NULL || p->sig->domain == NULL)
		return AUTH_NONE;
	while (at > 0 && value.ptr[at - 1] != '@')
		at--;
	ascii = at == 0 ? NULL : idna_to_ascii(p->arena, span_sub(value, at, value.len));
	host = span_of(ascii);
	if (host.len < domain.len || !span_eq(span_sub(host, host.len - domain.len, domain.len), domain)
		|| (host.len > domain.len && host.ptr[host.len - domain.len - 1] != '.'))
		return refuse(p, AUTH_PERMERROR, "i= is not within d=");
	return AUTH_NONE;
}

static enum auth_result read_methods(struct parse *p, struct span value)
{
	struct span method;

	if (value.ptr == NULL)
		return AUTH_NONE;
	while (span_next(&value, ':', &method))
		if (span_eq_text(span_trim(method), "dns/txt"))
			return AUTH_NONE;
	return refuse(p, AUTH_PERMERROR, "q= has no method that is known");
}

static enum auth_result read_instance(struct parse *p, struct span value)
{
	unsigned long long number = 0;

	if (!span_number(value, 99, &number) || number == 0)
		return refuse(p, AUTH_NEUTRAL, "i= is missing or no instance");
	p->sig->instance = (unsigned)number;
	return AUTH_NONE;
}

static enum auth_result read_chain(struct parse *p, struct span value)
{
	static const enum auth_result allowed[] = { AUTH_NONE, AUTH_PASS, AUTH_FAIL };

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		if (span_eq_text(value, auth_result_name(allowed[i]))) {
			p->sig->chain = allowed[i];
			return AUTH_NONE;
		}
	}
	return refuse(p, AUTH_NEUTRAL, "cv= is missing or unknown");
}

static enum auth_result refuse_fields(struct parse *p, struct span value)
{
	return value.ptr == NULL ? AUTH_NONE : refuse(p, AUTH_PERMERROR, "a seal has no h="); /* RFC 8617 4.1.3 */
}

#define DKIM_KIND (1u << SIGNATURE_DKIM)
#define MESSAGE_KIND (1u << SIGNATURE_ARC_MESSAGE)
#define SEAL_KIND (1u << SIGNATURE_ARC_SEAL)

/* In the order in which they are read: the first fault is the one that is told, and names come first so that it can be told whose signature it is. */
static const struct { const char *name; read_tag *read; unsigned kinds; } tag_rows[] = {
	{ "d", read_domain, DKIM_KIND | MESSAGE_KIND | SEAL_KIND },
	{ "s", read_selector, DKIM_KIND | MESSAGE_KIND | SEAL_KIND },
	{ "i", read_auid, DKIM_KIND },
	{ "i", read_instance, MESSAGE_KIND | SEAL_KIND },
	{ "cv", read_chain, SEAL_KIND },
	{ "v", read_version, DKIM_KIND },
	{ "c", read_canon, DKIM_KIND | MESSAGE_KIND },
	{ "h", read_fields, DKIM_KIND | MESSAGE_KIND },
	{ "h", refuse_fields, SEAL_KIND },
	{ "a", read_algorithm, DKIM_KIND | MESSAGE_KIND | SEAL_KIND },
	{ "l", read_length, DKIM_KIND | MESSAGE_KIND },
	{ "bh", read_body_hash, DKIM_KIND | MESSAGE_KIND },
	{ "b", read_bytes, DKIM_KIND | MESSAGE_KIND | SEAL_KIND },
	{ "t", read_time, DKIM_KIND | MESSAGE_KIND | SEAL_KIND },
	{ "x", read_expiry, DKIM_KIND | MESSAGE_KIND },
	{ "q", read_methods, DKIM_KIND | MESSAGE_KIND },
};

enum auth_result signature_parse(struct arena *a, struct span value, enum signature_kind kind, struct signature *signature_r, const char **reason_r)
{
	struct parse p = { .arena = a, .kind = kind, .sig = signature_r };
	enum auth_result result = AUTH_NONE;

	*signature_r = (struct signature){ .algorithm_name = "" };
	*reason_r = "not a tag list";
	if (!tags_parse(value, &p.tags))
		return AUTH_NEUTRAL;
	for (size_t i = 0; i < sizeof(tag_rows) / sizeof(tag_rows[0]); i++) {
		enum auth_result one;

		if ((tag_rows[i].kinds & (1u << kind)) == 0)
			continue;
		one = tag_rows[i].read(&p, tags_find(&p.tags, tag_rows[i].name));
		if (one != AUTH_NONE && result == AUTH_NONE) {
			result = one;
			*reason_r = p.reason;
		}
	}
	return result;
}

bool signature_in_time(const struct signature *signature, int64_t now, const char **reason_r)
{
	*reason_r = "the signature has expired";
	if (signature->has_expiry && now >= 0 && (unsigned long long)now >= signature->expiry)
		return false;
	*reason_r = "the signature was made in the future";
	return !signature->has_time || (now >= 0 && signature->time <= (unsigned long long)now + SIGNATURE_DRIFT_SECS);
}

static void hash_body(struct body_hashes *hashes, struct body_hash *hash, enum canon canon, uint64_t limit)
{
	hash->known = true;
	hash->limit = limit;
	canon_body_sha256(hashes->message->body, hashes->message->body_count, canon, limit, hash->md, &hash->hashed);
}

bool body_hashes_match(struct body_hashes *hashes, const struct signature *signature, bool *known_r)
{
	struct body_hash *hash = signature->has_length ? &hashes->limited : &hashes->whole[signature->body_canon];

	*known_r = !(signature->has_length && hash->known);
	if (!*known_r)
		return false;
	if (!hash->known)
		hash_body(hashes, hash, signature->body_canon, signature->has_length ? signature->body_limit : UINT64_MAX);
	if (signature->has_length && hash->hashed < signature->body_limit)
		return false; /* RFC 6376 3.5: l= beyond the body */
	return signature->body_hash.len == sizeof(hash->md) && memcmp(signature->body_hash.ptr, hash->md, sizeof(hash->md)) == 0;
}

static bool verify_rsa(EVP_PKEY *pkey, struct span sig, const uint8_t md[32])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1
		&& EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1
		&& EVP_PKEY_verify(ctx, (const unsigned char *)sig.ptr, sig.len, md, 32) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* RFC 8463 3: PureEdDSA over the hash, not over the data. */
static bool verify_ed25519(EVP_PKEY *pkey, struct span sig, const uint8_t md[32])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1
		&& EVP_DigestVerify(ctx, (const unsigned char *)sig.ptr, sig.len, md, 32) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

static void sha256(struct span bytes, uint8_t md_r[32])
{
	if (EVP_Digest(bytes.ptr, bytes.len, md_r, NULL, EVP_sha256(), NULL) != 1)
		fail_environment("SHA-256 failed");
}

bool signature_verify_bytes(const struct signature *signature, const struct pubkey *key, struct span bytes)
{
	uint8_t md[32];
	bool ok;

	if (key->pkey == NULL)
		return false;
	sha256(bytes, md);
	ok = signature->algorithm == KEY_RSA ? verify_rsa(key->pkey, signature->bytes, md) : verify_ed25519(key->pkey, signature->bytes, md);
	ERR_clear_error();
	return ok;
}

bool signature_verify_header(const struct signature *signature, const struct pubkey *key, const struct message *m, const struct field *field)
{
	struct span name = signature->header_canon == CANON_SIMPLE ? span_sub(field->raw, 0, span_find_byte(field->raw, ':')) : field->name;
	struct buf canonical;
	bool ok;

	buf_init(&canonical, CANON_HEADER_MAX_BYTES);
	canon_fields(&canonical, m, signature->signed_fields, signature->header_canon);
	canon_signature(&canonical, name, field->value, signature->header_canon);
	ok = !buf_overflowed(&canonical) && signature_verify_bytes(signature, key, buf_span(&canonical));
	buf_done(&canonical);
	return ok;
}

static bool make_rsa(EVP_PKEY *pkey, const uint8_t md[32], unsigned char *out, size_t *len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1
		&& EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 && EVP_PKEY_sign(ctx, out, len, md, 32) == 1;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool make_ed25519(EVP_PKEY *pkey, const uint8_t md[32], unsigned char *out, size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 && EVP_DigestSign(ctx, out, len, md, 32) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

int signature_make(struct arena *a, const struct key *key, struct span bytes, struct span *bytes_r, struct fail *why)
{
	size_t len = (size_t)EVP_PKEY_get_size(key->pkey);
	unsigned char *out = arena_alloc(a, len);
	uint8_t md[32];

	sha256(bytes, md);
	if (!(key->algorithm == KEY_RSA ? make_rsa(key->pkey, md, out, &len) : make_ed25519(key->pkey, md, out, &len))) {
		ERR_clear_error();
		return fail_temporary(why, "OpenSSL could not sign with the key %s of %s", key->selector, key->domain);
	}
	*bytes_r = (struct span){ (const char *)out, len };
	return 0;
}
