/* SPDX-License-Identifier: BSD-2-Clause */
/* A resolver that keeps what it was told: each question goes below once, and every answer, failures too, can be written down as a zone that gives the same answers again. */
#include "mail/dns_int.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run over 100,000 messages asks some hundred thousand questions, of some hundred octets each. */
#define RECORDING_MAX_BYTES ((size_t)1 << 30)
#define BUCKETS 65536

struct kept {
	struct kept *next;
	struct dns_wire name;
	enum dns_type type;
	struct dns_answer answer;
};

struct recording {
	struct resolver base;
	struct resolver *below;
	pthread_mutex_t lock;
	struct arena *memory;
	struct kept **buckets;
	size_t count;
};

struct recorded_question {
	struct dns_question base;
	struct dns_question *below;  /* NULL: the answer is kept */
};

static size_t bucket_of(const struct dns_wire *name, enum dns_type type)
{
	uint32_t hash = 2166136261u ^ (uint32_t)type;

	for (size_t i = 0; i < name->len; i++)
		hash = (hash ^ name->bytes[i]) * 16777619u;
	return hash % BUCKETS;
}

static struct kept *find(const struct recording *r, const struct dns_wire *name, enum dns_type type)
{
	struct kept *kept = r->buckets[bucket_of(name, type)];

	while (kept != NULL && (kept->type != type || kept->name.len != name->len || memcmp(kept->name.bytes, name->bytes, name->len) != 0))
		kept = kept->next;
	return kept;
}

static void copy_answer(struct arena *a, const struct dns_answer *from, struct dns_answer *to_r)
{
	*to_r = *from;
	to_r->records = arena_array(a, from->count, sizeof(*to_r->records));
	for (size_t i = 0; i < from->count; i++) {
		struct span data = arena_span(a, (struct span){ (const char *)from->records[i].data, from->records[i].len });

		to_r->records[i] = (struct dns_record){ (const uint8_t *)data.ptr, data.len, from->records[i].ttl_secs };
	}
	to_r->canonical = from->canonical == NULL ? NULL : arena_text(a, span_of(from->canonical));
}

static struct dns_question *recording_start(struct resolver *resolver, const struct dns_wire *name, enum dns_type type)
{
	struct recording *r = (struct recording *)resolver;
	struct recorded_question *question = calloc(1, sizeof(*question));
	bool is_kept;

	if (question == NULL)
		fail_environment("out of memory");
	question->base = (struct dns_question){ resolver, *name, type };
	pthread_mutex_lock(&r->lock);
	is_kept = find(r, name, type) != NULL;
	pthread_mutex_unlock(&r->lock);
	if (!is_kept)
		question->below = r->below->backend->start(r->below, name, type);
	return &question->base;
}

/* The first answer stands, so that the run sees the same as one that reads the zone. */
static void keep(struct recording *r, const struct dns_question *question, const struct dns_answer *answer, struct arena *a, struct dns_answer *answer_r)
{
	struct kept *kept;

	pthread_mutex_lock(&r->lock);
	kept = find(r, &question->name, question->type);
	if (kept == NULL) {
		struct kept **bucket = &r->buckets[bucket_of(&question->name, question->type)];

		kept = arena_alloc(r->memory, sizeof(*kept));
		*kept = (struct kept){ *bucket, question->name, question->type, *answer };
		copy_answer(r->memory, answer, &kept->answer);
		*bucket = kept;
		r->count++;
	}
	copy_answer(a, &kept->answer, answer_r);
	pthread_mutex_unlock(&r->lock);
}

static void recording_wait(struct dns_question *question, struct arena *a, struct dns_answer *answer_r)
{
	struct recorded_question *q = (struct recorded_question *)question;
	struct recording *r = (struct recording *)question->resolver;
	struct dns_answer answer;

	dns_answer_init(&answer, DNS_SERVFAIL);
	if (q->below != NULL)
		resolver_wait(q->below, a, &answer);
	keep(r, question, &answer, a, answer_r);
	free(q);
}

static void recording_drop(struct dns_question *question)
{
	struct recorded_question *q = (struct recorded_question *)question;

	resolver_drop(q->below);
	free(q);
}

static void recording_free(struct resolver *resolver)
{
	struct recording *r = (struct recording *)resolver;

	pthread_mutex_destroy(&r->lock);
	arena_free(r->memory);
	free(r->buckets);
	free(r);
}

static const struct dns_backend recording_backend = { recording_start, recording_wait, recording_drop, NULL, recording_free };

struct resolver *resolver_recording(struct resolver *below)
{
	struct recording *r = calloc(1, sizeof(*r));

	if (r == NULL || (r->buckets = calloc(BUCKETS, sizeof(struct kept *))) == NULL)
		fail_environment("out of memory");
	r->base.backend = &recording_backend;
	r->below = below;
	r->memory = arena_new(RECORDING_MAX_BYTES);
	pthread_mutex_init(&r->lock, NULL);
	return &r->base;
}

/* Writing. */

static const char *type_name(enum dns_type type)
{
	static const struct { enum dns_type type; const char *name; } rows[] = {
		{ DNS_A, "A" }, { DNS_NS, "NS" }, { DNS_CNAME, "CNAME" }, { DNS_SOA, "SOA" }, { DNS_PTR, "PTR" }, { DNS_MX, "MX" }, { DNS_TXT, "TXT" }, { DNS_AAAA, "AAAA" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].type == type)
			return rows[i].name;
	return "TXT";
}

static void put_strings(struct buf *out, const struct dns_record *record)
{
	for (size_t at = 0; at < record->len; at += (size_t)record->data[at] + 1) {
		buf_put_text(out, " \"");
		for (size_t i = at + 1; i <= at + record->data[at] && i < record->len; i++) {
			uint8_t c = record->data[i];

			if (c == '"' || c == '\\')
				buf_printf(out, "\\%c", c);
			else if (c < ' ' || c > '~')
				buf_printf(out, "\\%03u", c);
			else
				buf_put_byte(out, (char)c);
		}
		buf_put_byte(out, '"');
	}
}

/* RFC 3597 5: right for every type, read by people for none. */
static void put_generic(struct buf *out, const struct dns_record *record)
{
	buf_printf(out, " \\# %zu ", record->len);
	for (size_t i = 0; i < record->len; i++)
		buf_printf(out, "%02x", record->data[i]);
}

static void put_rdata(struct arena *a, struct buf *out, enum dns_type type, const struct dns_record *record)
{
	char text[INET6_ADDRSTRLEN];
	const char *host;
	unsigned preference;

	if (type == DNS_TXT)
		put_strings(out, record);
	else if ((type == DNS_A && record->len == 4) || (type == DNS_AAAA && record->len == 16))
		buf_printf(out, " %s", inet_ntop(type == DNS_A ? AF_INET : AF_INET6, record->data, text, sizeof(text)));
	else if (type == DNS_MX && dns_mx(a, record, &preference, &host))
		buf_printf(out, " %u %s.", preference, host);
	else
		put_generic(out, record);
}

static void write_kept(struct arena *a, const struct kept *kept, struct buf *out)
{
	static const char *const failures[] = {
		[DNS_NODATA] = "NODATA", [DNS_NXDOMAIN] = "NXDOMAIN", [DNS_SERVFAIL] = "SERVFAIL", [DNS_TIMEOUT] = "TIMEOUT", [DNS_BOGUS] = "BOGUS",
	};
	const char *name = dns_name(a, kept->name.bytes, kept->name.len);

	if (kept->answer.status != DNS_OK)
		buf_printf(out, "%s. %s ! %s\n", name, type_name(kept->type), failures[kept->answer.status]);
	for (size_t i = 0; i < kept->answer.count && kept->answer.status == DNS_OK; i++) {
		buf_printf(out, "%s. %u %s", name, kept->answer.records[i].ttl_secs, type_name(kept->type));
		put_rdata(a, out, kept->type, &kept->answer.records[i]);
		buf_put_byte(out, '\n');
	}
}

static int compare_kept(const void *one, const void *other)
{
	const struct kept *a = *(const struct kept *const *)one, *b = *(const struct kept *const *)other;
	size_t shorter = a->name.len < b->name.len ? a->name.len : b->name.len;
	int order = memcmp(a->name.bytes, b->name.bytes, shorter);

	if (order != 0 || a->name.len != b->name.len)
		return order != 0 ? order : a->name.len < b->name.len ? -1 : 1;
	return (int)a->type - (int)b->type;
}

void resolver_recording_write(struct resolver *recording, struct arena *a, struct buf *out)
{
	struct recording *r = (struct recording *)recording;
	const struct kept **sorted = arena_array(a, r->count, sizeof(*sorted));
	size_t count = 0;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct kept *kept = r->buckets[i]; kept != NULL; kept = kept->next)
			sorted[count++] = kept;
	if (count > 0)
		qsort(sorted, count, sizeof(*sorted), compare_kept);
	for (size_t i = 0; i < count; i++)
		write_kept(a, sorted[i], out);
	pthread_mutex_unlock(&r->lock);
}
