/* SPDX-License-Identifier: BSD-2-Clause */
/* The signature fields of DKIM (RFC 6376 3.5) and ARC (RFC 8617 4.1): their syntax, and their check against a message on OpenSSL. ARC is
 * validated by this; DKIM is libopendkim's but for what it cannot do (see dkim.c). */
#ifndef MITIGATIONS_AUTH_SIGNATURE_H
#define MITIGATIONS_AUTH_SIGNATURE_H

#include "mitigations/auth/canon.h"
#include "mitigations/auth/pubkey.h"
#include "mitigations/auth/result.h"

/* Names in h=. Real signatures have fewer than 60; each costs a walk over the header. */
#define SIGNATURE_NAMES_MAX 512
/* h= in octets: libopendkim would cut it silently at 4,095. */
#define SIGNATURE_NAMES_MAX_BYTES 4000

enum signature_kind { SIGNATURE_DKIM, SIGNATURE_ARC_MESSAGE, SIGNATURE_ARC_SEAL };

struct signature {
	const char *domain, *selector;  /* A-labels, lower case; NULL when missing or no names */
	const char *algorithm_name;     /* a= */
	enum key_algorithm algorithm;
	enum canon header_canon, body_canon;
	struct span signed_fields;      /* h= */
	struct span auid;               /* i= of DKIM */
	struct span body_hash, bytes;   /* bh= and b=, decoded */
	bool has_length, has_time, has_expiry;
	unsigned long long body_limit, time, expiry; /* l=, t=, x= */
	unsigned instance;              /* i= of ARC */
	enum auth_result chain;         /* cv= */
};

/* Read a signature field's value. AUTH_NONE: well-formed and to be checked. Else why it cannot pass, with *reason_r (static):
 * NEUTRAL for bad syntax (RFC 8601 2.7.1), PERMERROR where the rules forbid it (RFC 6376 6.1.1), POLICY for rsa-sha1 (RFC 8301). What could be read is filled in
 * all the same. Texts live in a. */
enum auth_result signature_parse(struct arena *a, struct span value, enum signature_kind kind, struct signature *signature_r, const char **reason_r);
/* Expired, or made more than SIGNATURE_DRIFT_SECS in the future? */
#define SIGNATURE_DRIFT_SECS 300
bool signature_in_time(const struct signature *signature, int64_t now, const char **reason_r);

/* Body hashes of one message: at most one each for simple and relaxed, and one with l=, whatever the number of signatures. */
struct body_hashes {
	const struct message *message;
	struct body_hash { bool known; uint64_t limit, hashed; uint8_t md[32]; } whole[2], limited;
};
/* Is bh= right? *known_r is false when that was not worked out: a second l= in one message is not. */
bool body_hashes_match(struct body_hashes *hashes, const struct signature *signature, bool *known_r);

/* Does b= hold over these bytes? */
bool signature_verify_bytes(const struct signature *signature, const struct pubkey *key, struct span bytes);
/* Does b= hold over the header fields of the message that h= names and the field itself? Not the body. */
bool signature_verify_header(const struct signature *signature, const struct pubkey *key, const struct message *m, const struct field *field);
/* Sign bytes: RSA PKCS#1 v1.5 over SHA-256 (RFC 6376 3.3), or ed25519 over the SHA-256 hash (RFC 8463 3). *bytes_r lives in a. -1: OpenSSL failed. */
int signature_make(struct arena *a, const struct key *key, struct span bytes, struct span *bytes_r, struct fail *why);

#endif
