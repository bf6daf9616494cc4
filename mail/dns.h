/* SPDX-License-Identifier: BSD-2-Clause */
/* The one door to DNS. A resolver answers questions with a status that never takes a failure for an absence. Behind the same interface
 * stand libunbound (asynchronous, one pump thread, deadlines) and a zone of records for tests and comparisons.
 *
 * Names: A-labels in any case, with or without final dot, and are given back in lower case without it. Other octets are written as
 * in zone files (RFC 1035 5.1: \. \\ \DDD). A name that cannot exist (label empty or of more than 63 octets) gets NXDOMAIN.
 * A resolver may be used by any number of threads at once. */
#ifndef MAIL_DNS_H
#define MAIL_DNS_H

#include "mail/arena.h"
#include "mail/buf.h"
#include "mail/fail.h"

#include <stdint.h>

enum dns_status {
	DNS_OK,       /* records of the wanted type */
	DNS_NODATA,   /* the name exists, without records of that type */
	DNS_NXDOMAIN, /* the name does not exist */
	DNS_SERVFAIL, /* a server failed, or the answer was unusable: temporary */
	DNS_TIMEOUT,  /* no answer before the deadline: temporary */
	DNS_BOGUS     /* DNSSEC validation failed: temporary */
};
/* "ok", "nxdomain", ... */
const char *dns_status_name(enum dns_status status);
static inline bool dns_is_temporary(enum dns_status status)
{
	return status == DNS_SERVFAIL || status == DNS_TIMEOUT || status == DNS_BOGUS;
}

enum dns_type { DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

/* Limits: an RRset of more than 100 records, or a TXT of more than 16 KB, serves no mail purpose: such an answer counts as SERVFAIL. */
#define DNS_RECORDS_MAX 100
#define DNS_TXT_MAX_BYTES 16384
#define DNS_CNAME_CHAIN_MAX 10

struct dns_record {
	const uint8_t *data; /* RDATA in wire form, names in it uncompressed */
	size_t len;
	uint32_t ttl_secs;
};

struct dns_answer {
	enum dns_status status;
	struct dns_record *records; /* of the wanted type only, after CNAMEs were followed */
	size_t count;
	bool secure;                /* DNSSEC-validated */
	const char *canonical;      /* the name at the end of the CNAME chain, or the name asked for */
};

struct resolver;
struct dns_question; /* one that is on its way */

/* Libunbound. Every option may be NULL or 0. */
struct dns_options {
	const char *resolv_conf;  /* NULL: /etc/resolv.conf */
	const char *forward;      /* "127.0.0.1@5353": ask this server alone */
	const char *trust_anchor; /* file with DNSSEC anchors; NULL: no validation of our own */
	unsigned timeout_ms;      /* deadline of one question; 0: 5000 */
};
int resolver_open(const struct dns_options *options, struct resolver **resolver_r, struct fail *why);
/* A zone in presentation form, one record a line, names fully qualified (a final dot is optional): "name [ttl] [IN] TYPE rdata", TXT
 * strings in quotes (several are joined) or one bare word, "; comment" and "# comment" lines, and "NAME ! SERVFAIL|TIMEOUT|BOGUS" (optionally
 * "NAME TYPE ! ...") for a failure; NODATA and NXDOMAIN in its place say so of a name, whatever stands below it. A name that is not listed and
 * has nothing below it does not exist. CNAMEs are followed; "*." wildcards (RFC 4592) work.
 * A failure line without type stands for the types that are not listed at the name.
 * -1 with the line number. text is copied. A zone never waits: TIMEOUT is answered at once. */
int resolver_zone(struct span text, struct resolver **resolver_r, struct fail *why);
/* The same from a file. */
int resolver_zone_file(const char *path, struct resolver **resolver_r, struct fail *why);
/* An empty zone: nothing exists. For building up by resolver_zone_add. */
struct resolver *resolver_zone_new(void);
/* Add one record line (same syntax) to a zone made above; before threads use it. */
int resolver_zone_add(struct resolver *zone, struct span line, struct fail *why);
/* A resolver that answers TXT questions for the names in an overlay zone and hands everything else to below. Both must outlive it.
 * If the overlay lists the name itself (not only names below it), its answer stands, NODATA too; else below's. */
struct resolver *resolver_overlay(struct resolver *overlay, struct resolver *below);
/* A resolver that hands questions to below until budget_ms have passed since it was made; what is asked later gets TIMEOUT at once. So that a sender whose
 * names are answered slowly cannot hold a thread for the sum of all deadlines: only for the budget and one more. below must outlive it. */
struct resolver *resolver_limited(struct resolver *below, unsigned budget_ms);
/* A resolver that asks each question of below once, keeps the answer, and gives it again. below must outlive it. */
struct resolver *resolver_recording(struct resolver *below);
/* All that a recording was told, as a zone that gives the same answers: what has records, what does not exist, what failed; by name. a: for as long as it writes. */
void resolver_recording_write(struct resolver *recording, struct arena *a, struct buf *out);
void resolver_free(struct resolver *resolver);

/* Ask and wait: the answer lives in arena a. Never fails: trouble is a status. */
void resolver_ask(struct resolver *resolver, struct arena *a, const char *name, enum dns_type type, struct dns_answer *answer_r);
/* Ask without waiting; every question is ended by exactly one resolver_wait or resolver_drop. */
struct dns_question *resolver_start(struct resolver *resolver, const char *name, enum dns_type type);
void resolver_wait(struct dns_question *question, struct arena *a, struct dns_answer *answer_r);
void resolver_drop(struct dns_question *question);
/* The strings of a TXT record joined without a space (RFC 9989 4.5). */
struct span dns_txt(struct arena *a, const struct dns_record *record);
/* "10 mx.example.com" parts; false when malformed. The name is NUL-ended, lower case, without final dot; "." gives "". */
bool dns_mx(struct arena *a, const struct dns_record *record, unsigned *preference_r, const char **host_r);
/* A name from wire form, as above; NULL when malformed. */
const char *dns_name(struct arena *a, const uint8_t *wire, size_t len);
/* Questions that were asked of the resolver since it was opened (for tests and for explain). */
unsigned long resolver_question_count(const struct resolver *resolver);

#endif
