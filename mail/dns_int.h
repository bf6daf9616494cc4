/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the DNS module share: back-ends, names in wire form, answers. For mail/dns*.c and their tests only.
 * Every back-end's resolver and question begin with the structs below. */
#ifndef MAIL_DNS_INT_H
#define MAIL_DNS_INT_H

#include "mail/dns.h"

#include <stdatomic.h>

#define DNS_WIRE_MAX_BYTES 255 /* RFC 1035 2.3.4 */
#define DNS_LABEL_MAX_BYTES 63

/* A name in wire form, ASCII letters in lower case. */
struct dns_wire {
	size_t len;
	uint8_t bytes[DNS_WIRE_MAX_BYTES];
};

struct dns_backend {
	struct dns_question *(*start)(struct resolver *resolver, const struct dns_wire *name, enum dns_type type);
	void (*wait)(struct dns_question *question, struct arena *a, struct dns_answer *answer_r);
	void (*drop)(struct dns_question *question);
	/* Is the name itself listed (not merely implied by names below it)? NULL when the back-end cannot know. */
	bool (*is_listed)(const struct resolver *resolver, const struct dns_wire *name);
	void (*free)(struct resolver *resolver);
};

struct resolver {
	const struct dns_backend *backend;
	atomic_ulong questions;
};

struct dns_question {
	struct resolver *resolver; /* NULL: the name cannot exist, and is in name */
	struct dns_wire name;
	enum dns_type type;
};

/* A name from presentation form (RFC 1035 5.1: \. \\ \DDD), final dot optional; "" and "." are the root. False when it is too long, has an
 * empty or too long label or a bad escape: no such name can exist. */
bool dns_wire_read(struct span text, struct dns_wire *wire_r);
/* Bytes of the uncompressed name that data begins with; 0 when there is none. */
size_t dns_wire_len(const uint8_t *data, size_t len);
/* The name that data begins with, with ASCII letters in lower case; false when there is none. */
bool dns_wire_copy(const uint8_t *data, size_t len, struct dns_wire *wire_r);

/* An answer without records. */
void dns_answer_init(struct dns_answer *answer, enum dns_status status);
/* Add a record of that type, copied. Unusable RDATA or more than the limits make the answer a SERVFAIL without records; false then. */
bool dns_answer_add(struct dns_answer *answer, struct arena *a, enum dns_type type, struct dns_record record);

/* Read the zone line "name [ttl] [IN] TYPE rdata". rdata: at most DNS_RDATA_MAX_BYTES. */
#define DNS_RDATA_MAX_BYTES 65535
struct dns_line {
	bool is_blank;             /* nothing or a comment */
	struct dns_wire name;
	unsigned type;             /* 0: any, only with failure */
	enum dns_status failure;   /* DNS_OK: a record */
	uint32_t ttl_secs;
	uint8_t rdata[DNS_RDATA_MAX_BYTES];
	size_t rdata_len;
};
int dns_line_read(struct span text, struct dns_line *line_r, struct fail *why);

#endif
