/* SPDX-License-Identifier: BSD-2-Clause */
/* Signing keys: made, loaded, held parsed, published. One RSA-2048 key for each list domain, and optionally an ed25519 one. */
#ifndef MITIGATIONS_KEY_H
#define MITIGATIONS_KEY_H

#include "mail/arena.h"
#include "mail/dns.h"
#include "mail/fail.h"

#include <openssl/evp.h>

enum key_algorithm { KEY_RSA, KEY_ED25519 };
const char *key_algorithm_name(enum key_algorithm algorithm); /* "rsa-sha256", "ed25519-sha256" */

struct key {
	char domain[254];    /* A-labels, lower case */
	char selector[64];
	enum key_algorithm algorithm;
	unsigned bits;       /* of an RSA key, else 256 */
	EVP_PKEY *pkey;
};

struct keyring {         /* read by many threads; changed by none: a reload makes a new one */
	struct key *items;
	size_t count;
};

/* A key from PEM text (PKCS#1, PKCS#8). RSA below 1024 bits is refused (RFC 8301); the caller frees with key_free. */
int key_from_pem(struct span pem, const char *domain, const char *selector, struct key *key_r, struct fail *why);
/* A new key. bits: 2048 or more for RSA. */
int key_generate(enum key_algorithm algorithm, unsigned bits, const char *domain, const char *selector, struct key *key_r, struct fail *why);
/* PKCS#8 PEM of the private key. */
int key_to_pem(struct arena *a, const struct key *key, struct span *pem_r, struct fail *why);
/* The TXT value to publish: "v=DKIM1; k=rsa; p=...". */
const char *key_txt(struct arena *a, const struct key *key);
/* "selector._domainkey.domain". */
const char *key_name(struct arena *a, const struct key *key);
/* The record as a line for a zone file, TXT cut into strings of 255. */
const char *key_record(struct arena *a, const struct key *key);
void key_done(struct key *key);

/* All keys below dir: dir/DOMAIN/SELECTOR.pem. A missing dir is an empty ring. -1: a file that is no key, or is readable by others
 * than its owner and group. */
int keyring_load(const char *dir, struct keyring *ring_r, struct fail *why);
void keyring_done(struct keyring *ring);
/* The key of a domain with that algorithm, or NULL. With several selectors the last in name order signs. */
const struct key *keyring_find(const struct keyring *ring, const char *domain, enum key_algorithm algorithm);

/* How DNS agrees with a key of ours. */
enum key_published { KEY_PUBLISHED, KEY_MISSING, KEY_DIFFERS, KEY_UNKNOWN /* DNS failed */ };
enum key_published key_check_dns(const struct key *key, struct resolver *dns);
const char *key_published_name(enum key_published published);

/* A zone that holds the ring's public keys as they will be published: the overlay for resolver_overlay, for proofs made before the
 * records are out. The caller frees it with resolver_free. */
struct resolver *keyring_resolver(const struct keyring *ring);

#endif
