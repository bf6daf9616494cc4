/* SPDX-License-Identifier: BSD-2-Clause */
/* Public keys in DNS (RFC 6376 3.6, RFC 8463): asked for all at once, read once. Shared by DKIM, ARC and the check of our own records. */
#ifndef MITIGATIONS_AUTH_PUBKEY_H
#define MITIGATIONS_AUTH_PUBKEY_H

#include "mail/dns.h"
#include "mitigations/auth/canon.h"
#include "mitigations/key.h"

#define PUBKEY_RSA_BITS_MIN 1024 /* RFC 8301 3.2 */
/* Larger keys are not needed by anybody, and the cost of a check grows with the square of the size. */
#define PUBKEY_RSA_BITS_MAX 8192

enum pubkey_status {
	PUBKEY_USABLE,
	PUBKEY_ABSENT,    /* no such record */
	PUBKEY_TEMPORARY, /* DNS failed */
	PUBKEY_REVOKED,   /* p= is empty */
	PUBKEY_BAD,       /* several records, or one that cannot be read */
	PUBKEY_UNFIT,     /* h=, k= or s= does not allow this use */
	PUBKEY_WEAK       /* RSA below 1024 bits */
};

struct pubkey {
	enum pubkey_status status;
	const char *reason;   /* in words, static; NULL when usable */
	EVP_PKEY *pkey;       /* NULL unless usable */
	bool is_test;         /* t=y */
	bool exact_domain;    /* t=s: i= must have the very domain of d= */
};

/* Read the answer to a TXT question for use with an algorithm: what the record allows, and the length of an RSA key in its usual form, without the key
 * itself, which takes OpenSSL longer to decode than to verify with. Usable then means so far; pkey is NULL. */
void pubkey_read_record(struct arena *a, const struct dns_answer *answer, enum key_algorithm algorithm, struct pubkey *key_r);
/* The same with the key. Scratch lives in a, but the pkey is freed by pubkey_done. */
void pubkey_read(struct arena *a, const struct dns_answer *answer, enum key_algorithm algorithm, struct pubkey *key_r);
void pubkey_done(struct pubkey *key);
/* An RSA key from SubjectPublicKeyInfo in strict DER, as nearly everybody publishes it, read by hand in a fraction of the time that OpenSSL's decoders take, which is
 * five times that of a verification. The caller frees it. NULL: it is something else, or no key; only OpenSSL can tell. */
EVP_PKEY *pubkey_rsa_read(struct span der);
/* The length of such a key, without making it. 0: it is something else. */
size_t pubkey_rsa_bits(struct span der);
/* The octets of p= in a record, decoded (white space is ignored); {NULL,0} when they are not base64. */
struct span pubkey_bytes(struct arena *a, const struct tags *tags);

/* Questions for keys, on their way at the same time: a message with many signatures waits as long as one with a single one. */
struct pubkey_query {
	const char *name;
	struct dns_question *question; /* NULL once answered */
	struct dns_answer answer;
	struct pubkey keys[2];         /* by algorithm, decoded once */
	bool decoded[2];
};
/* Two for each of 50 ARC sets. */
#define PUBKEY_QUERIES_MAX 100
struct pubkey_queries {
	struct resolver *dns;
	struct arena *arena;
	size_t count;
	struct pubkey_query items[PUBKEY_QUERIES_MAX];
};
void pubkey_queries_init(struct pubkey_queries *queries, struct arena *a, struct resolver *dns);
/* Ask for SELECTOR._domainkey.DOMAIN; a name already asked for is not asked again. Beyond the maximum nothing happens. */
void pubkey_queries_start(struct pubkey_queries *queries, const char *selector, const char *domain);
/* Wait for the answer for a name ("SELECTOR._domainkey.DOMAIN", case ignored). NULL when it was not asked for. */
const struct dns_answer *pubkey_queries_answer(struct pubkey_queries *queries, const char *name);
/* The same, read for use, without the key itself. */
void pubkey_queries_record(struct pubkey_queries *queries, const char *selector, const char *domain, enum key_algorithm algorithm, struct pubkey *key_r);
/* With the key, which belongs to queries and lives as long. */
const struct pubkey *pubkey_queries_key(struct pubkey_queries *queries, const char *selector, const char *domain, enum key_algorithm algorithm);
/* Free the keys and drop what was not waited for. */
void pubkey_queries_done(struct pubkey_queries *queries);

#endif
