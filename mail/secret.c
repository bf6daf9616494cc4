/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/secret.h"
#include "mail/fail.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#define BLOCK_BYTES 64 /* of SHA-256 */

static const char base32_digits[] = "abcdefghijklmnopqrstuvwxyz234567";

void secret_random(void *bytes, size_t count)
{
	char *at = bytes;

	while (count > 0) {
		ssize_t got = getrandom(at, count, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			fail_environment("no random numbers from the kernel");
		at += got;
		count -= (size_t)got;
	}
}

/* Found once: looking it up costs more than the code itself, and a post by VERP needs one for each recipient. */
static const EVP_MD *sha256(void)
{
	static _Atomic(EVP_MD *) found;
	EVP_MD *mine = atomic_load(&found), *other = NULL;

	if (mine != NULL)
		return mine;
	mine = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (mine == NULL)
		fail_environment("there is no SHA-256");
	if (atomic_compare_exchange_strong(&found, &other, mine))
		return mine;
	EVP_MD_free(mine); /* another thread was faster */
	return other;
}

/* SHA-256 over the key, padded with octets of pad to a block, and over bytes. */
static void keyed_hash(EVP_MD_CTX *context, const struct secret *secret, uint8_t pad, const void *bytes, size_t len, uint8_t out[32])
{
	uint8_t block[BLOCK_BYTES];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < SECRET_KEY_BYTES; i++)
		block[i] ^= secret->key[i];
	if (EVP_DigestInit_ex2(context, sha256(), NULL) != 1 || EVP_DigestUpdate(context, block, sizeof(block)) != 1 || EVP_DigestUpdate(context, bytes, len) != 1
		|| EVP_DigestFinal_ex(context, out, NULL) != 1)
		fail_environment("HMAC-SHA256 failed");
	OPENSSL_cleanse(block, sizeof(block));
}

/* HMAC-SHA256, RFC 2104. */
static void mac(const struct secret *secret, struct span text, uint8_t out[32])
{
	EVP_MD_CTX *context;

	context = EVP_MD_CTX_new();
	if (context == NULL)
		fail_environment("out of memory");
	keyed_hash(context, secret, 0x36, text.len > 0 ? text.ptr : "", text.len, out);
	keyed_hash(context, secret, 0x5c, out, 32, out);
	EVP_MD_CTX_free(context);
}

struct secret secret_derive(const struct secret *master, const char *purpose)
{
	struct secret derived;

	mac(master, span_of(purpose), derived.key);
	return derived;
}

void secret_base32(const uint8_t *bytes, size_t count, char *text_r)
{
	unsigned bits = 0, held = 0;

	for (size_t i = 0; i < count; i++) {
		held = (held << 8 | bytes[i]) & 0xfff;
		for (bits += 8; bits >= 5; bits -= 5)
			*text_r++ = base32_digits[held >> (bits - 5) & 31];
	}
	if (bits > 0)
		*text_r++ = base32_digits[held << (5 - bits) & 31];
	*text_r = '\0';
}

int secret_unbase32(struct span text, uint8_t *bytes_r, size_t max_bytes)
{
	unsigned bits = 0, held = 0;
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char *digit = memchr(base32_digits, ascii_lower(text.ptr[i]), 32);

		if (digit == NULL)
			return -1;
		held = (held << 5 | (unsigned)(digit - base32_digits)) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			if (count == max_bytes)
				return -1;
			bits -= 8;
			bytes_r[count++] = (uint8_t)(held >> bits);
		}
	}
	return (int)count;
}

void secret_code(const struct secret *secret, struct span text, unsigned chars, char *code_r)
{
	uint8_t code[32];
	char all[53];

	assert(chars >= 1 && chars <= 51);
	mac(secret, text, code);
	secret_base32(code, (chars * 5 + 7) / 8, all);
	memcpy(code_r, all, chars);
	code_r[chars] = '\0';
}

bool secret_verify(const struct secret *secret, struct span text, struct span code, unsigned min_chars)
{
	char want[52], have[52];

	if (code.len < min_chars || code.len < 1 || code.len > 51)
		return false;
	secret_code(secret, text, (unsigned)code.len, want);
	for (size_t i = 0; i < code.len; i++)
		have[i] = ascii_lower(code.ptr[i]);
	return CRYPTO_memcmp(want, have, code.len) == 0;
}
