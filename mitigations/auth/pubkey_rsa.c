/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/pubkey.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#define TAG_INTEGER 0x02
#define TAG_BIT_STRING 0x03
#define TAG_SEQUENCE 0x30
/* Octets of a modulus, and of an exponent: enough for PUBKEY_RSA_BITS_MAX, and for what signers use. */
#define MODULUS_MAX_BYTES (PUBKEY_RSA_BITS_MAX / 8)
#define EXPONENT_MAX_BYTES 8

struct numbers {
	unsigned char modulus[MODULUS_MAX_BYTES], exponent[EXPONENT_MAX_BYTES];
	size_t modulus_bytes, exponent_bytes;
};

/* AlgorithmIdentifier of rsaEncryption, with its NULL (RFC 3279 2.3.1), without its own head. */
static const unsigned char rsa_encryption[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 };

/* Take one element with this tag off the front: DER, lengths of up to three octets. */
static bool take(struct span *rest, unsigned char tag, struct span *content_r)
{
	const unsigned char *p = (const unsigned char *)rest->ptr;
	size_t head = 2, len;

	if (rest->len < 2 || p[0] != tag)
		return false;
	len = p[1];
	if (len >= 0x80) {
		size_t octets = len & 0x7f;

		if (octets < 1 || octets > 2 || rest->len < 2 + octets)
			return false;
		len = octets == 1 ? p[2] : (size_t)p[2] << 8 | p[3];
		head += octets;
		if (len < (octets == 1 ? 0x80u : 0x100u))
			return false; /* not the shortest way to say it */
	}
	if (len > rest->len - head)
		return false;
	*content_r = span_sub(*rest, head, len);
	*rest = span_sub(*rest, head + len, rest->len);
	return true;
}

/* A positive integer, in the order of octets that OSSL_PARAM wants: this machine's. */
static bool take_number(struct span *rest, unsigned char *number_r, size_t max_bytes, size_t *bytes_r)
{
	struct span content;

	if (!take(rest, TAG_INTEGER, &content) || content.len == 0 || (content.ptr[0] & 0x80) != 0)
		return false;
	if (content.len > 1 && content.ptr[0] == 0 && (content.ptr[1] & 0x80) == 0)
		return false;
	if (content.ptr[0] == 0)
		content = span_sub(content, 1, content.len);
	if (content.len == 0 || content.len > max_bytes)
		return false;
	for (size_t i = 0; i < content.len; i++)
		number_r[i] = (unsigned char)content.ptr[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? content.len - 1 - i : i];
	*bytes_r = content.len;
	return true;
}

/* SubjectPublicKeyInfo (RFC 5280 4.1) around an RSAPublicKey. */
static bool open_info(struct span der, struct span *key_r)
{
	struct span info, algorithm, bits;

	if (!take(&der, TAG_SEQUENCE, &info) || der.len > 0 || !take(&info, TAG_SEQUENCE, &algorithm) || !take(&info, TAG_BIT_STRING, &bits) || info.len > 0)
		return false;
	if (algorithm.len != sizeof(rsa_encryption) || memcmp(algorithm.ptr, rsa_encryption, sizeof(rsa_encryption)) != 0 || bits.len < 1 || bits.ptr[0] != 0)
		return false;
	*key_r = span_sub(bits, 1, bits.len);
	return true;
}

static bool take_key(struct span der, struct numbers *n)
{
	struct span key = { NULL, 0 }, numbers = { NULL, 0 };

	return open_info(der, &key) && take(&key, TAG_SEQUENCE, &numbers) && key.len == 0
		&& take_number(&numbers, n->modulus, sizeof(n->modulus), &n->modulus_bytes)
		&& take_number(&numbers, n->exponent, sizeof(n->exponent), &n->exponent_bytes) && numbers.len == 0;
}

size_t pubkey_rsa_bits(struct span der)
{
	struct numbers n;
	size_t bits;

	if (!take_key(der, &n))
		return 0;
	bits = 8 * n.modulus_bytes;
	for (unsigned top = n.modulus[__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? n.modulus_bytes - 1 : 0]; top < 0x80 && bits > 0; top <<= 1)
		bits--;
	return bits;
}

EVP_PKEY *pubkey_rsa_read(struct span der)
{
	struct numbers n;
	EVP_PKEY_CTX *context;
	EVP_PKEY *pkey = NULL;

	if (!take_key(der, &n))
		return NULL;
	context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	if (context != NULL && EVP_PKEY_fromdata_init(context) == 1) {
		OSSL_PARAM params[] = { OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n.modulus, n.modulus_bytes),
			OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, n.exponent, n.exponent_bytes), OSSL_PARAM_construct_end() };

		if (EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
			pkey = NULL;
	}
	EVP_PKEY_CTX_free(context);
	return pkey;
}
