/* SPDX-License-Identifier: BSD-2-Clause */
/* A zone of records in memory: for tests, comparisons and overlays. Filled first, then read by any number of threads without a lock. */
#include "mail/dns_int.h"
#include "mail/file.h"

#include <stdlib.h>
#include <string.h>

/* A zone file is the administrator's own, but a wrong one should be an error and not the end of memory: each name also makes
 * the names above it exist. */
#define ZONE_TEXT_MAX_BYTES ((size_t)32 << 20)
#define ZONE_NAMES_MAX 2000000
#define ZONE_MEMORY_MAX_BYTES ((size_t)2 << 30)

struct rr {
	struct rr *next;
	uint32_t ttl_secs;
	uint32_t len;
	uint8_t data[];
};

struct rrset {
	struct rrset *next;
	unsigned type;           /* 0: whatever is not listed */
	enum dns_status failure; /* DNS_OK: none */
	struct rr *first, *last;
};

struct node {
	struct node *next; /* in its bucket */
	struct rrset *sets;
	uint32_t hash;
	bool is_listed;    /* has lines of its own; else it is there because of names below it */
	uint8_t len;
	uint8_t name[];
};

struct zone {
	struct resolver base;
	struct arena *memory;
	struct dns_line *line; /* scratch of resolver_zone_add */
	struct node **buckets;
	size_t bucket_count, node_count; /* bucket_count: a power of two */
};

static uint32_t hash_bytes(const uint8_t *bytes, size_t len)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

static struct node *find(const struct zone *zone, const uint8_t *name, size_t len)
{
	uint32_t hash = hash_bytes(name, len);
	struct node *node = zone->buckets[hash & (zone->bucket_count - 1)];

	while (node != NULL && (node->hash != hash || node->len != len || memcmp(node->name, name, len) != 0))
		node = node->next;
	return node;
}

static void link_node(struct zone *zone, struct node *node)
{
	struct node **bucket = &zone->buckets[node->hash & (zone->bucket_count - 1)];

	node->next = *bucket;
	*bucket = node;
}

static void set_buckets(struct zone *zone, size_t count)
{
	struct node **old = zone->buckets, *next;
	size_t old_count = zone->bucket_count;

	zone->buckets = calloc(count, sizeof(*zone->buckets));
	if (zone->buckets == NULL)
		fail_environment("out of memory");
	zone->bucket_count = count;
	for (size_t i = 0; i < old_count; i++)
		for (struct node *node = old[i]; node != NULL; node = next) {
			next = node->next;
			link_node(zone, node);
		}
	free(old);
}

static struct node *insert(struct zone *zone, const uint8_t *name, size_t len)
{
	struct node *node = arena_alloc(zone->memory, sizeof(*node) + len);

	if (++zone->node_count > zone->bucket_count)
		set_buckets(zone, zone->bucket_count * 2);
	node->hash = hash_bytes(name, len);
	node->len = (uint8_t)len;
	memcpy(node->name, name, len);
	link_node(zone, node);
	return node;
}

/* The node of a name, made if need be, with those above it: names between records exist too (RFC 8020). */
static struct node *need_node(struct zone *zone, const struct dns_wire *name)
{
	struct node *node = find(zone, name->bytes, name->len);

	if (node != NULL)
		return node;
	node = insert(zone, name->bytes, name->len);
	for (size_t at = (size_t)name->bytes[0] + 1; at < name->len; at += (size_t)name->bytes[at] + 1) {
		if (find(zone, name->bytes + at, name->len - at) != NULL)
			break;
		insert(zone, name->bytes + at, name->len - at);
	}
	return node;
}

static struct rrset *find_set(const struct node *node, unsigned type)
{
	struct rrset *set = node->sets;

	while (set != NULL && set->type != type)
		set = set->next;
	return set;
}

static void store(struct zone *zone, const struct dns_line *line)
{
	struct node *node = need_node(zone, &line->name);
	struct rrset *set = find_set(node, line->type);
	struct rr *rr;

	node->is_listed = true;
	if (set == NULL) {
		set = arena_alloc(zone->memory, sizeof(*set));
		set->type = line->type;
		set->next = node->sets;
		node->sets = set;
	}
	if (line->failure != DNS_OK) {
		set->failure = line->failure;
		return;
	}
	rr = arena_alloc(zone->memory, sizeof(*rr) + line->rdata_len);
	rr->ttl_secs = line->ttl_secs;
	rr->len = (uint32_t)line->rdata_len;
	memcpy(rr->data, line->rdata, line->rdata_len);
	*(set->last == NULL ? &set->first : &set->last->next) = rr;
	set->last = rr;
}

/* The node that answers for a name: its own, or the wildcard at the closest name above that exists (RFC 4592 3.3.1). */
static const struct node *find_answering(const struct zone *zone, const struct dns_wire *name)
{
	const struct node *node = find(zone, name->bytes, name->len);
	uint8_t wild[DNS_WIRE_MAX_BYTES + 2] = { 1, '*' };

	for (size_t at = 0; node == NULL && at + 1 < name->len;) {
		at += (size_t)name->bytes[at] + 1;
		if (find(zone, name->bytes + at, name->len - at) == NULL)
			continue;
		memcpy(wild + 2, name->bytes + at, name->len - at);
		return find(zone, wild, name->len - at + 2);
	}
	return node;
}

static void take_set(const struct rrset *set, enum dns_type type, struct arena *a, struct dns_answer *answer)
{
	answer->status = set->failure;
	for (const struct rr *rr = set->first; rr != NULL && answer->status == DNS_OK; rr = rr->next)
		dns_answer_add(answer, a, type, (struct dns_record){ rr->data, rr->len, rr->ttl_secs });
}

/* The answer of one node; true when it is a CNAME to go on with. */
static bool answer_by(const struct node *node, enum dns_type type, struct arena *a, struct dns_wire *name, struct dns_answer *answer)
{
	const struct rrset *set = find_set(node, type), *cname = find_set(node, DNS_CNAME);

	if (set == NULL && cname != NULL && cname->failure == DNS_OK) {
		answer->status = DNS_SERVFAIL;
		return cname->first->next == NULL && dns_wire_copy(cname->first->data, cname->first->len, name);
	}
	if (set == NULL)
		set = cname != NULL ? cname : find_set(node, 0);
	if (set == NULL)
		answer->status = DNS_NODATA;
	else
		take_set(set, type, a, answer);
	return false;
}

static void look_up(const struct zone *zone, struct dns_wire *name, enum dns_type type, struct arena *a, struct dns_answer *answer_r)
{
	for (int hops = 0; hops <= DNS_CNAME_CHAIN_MAX; hops++) {
		const struct node *node = find_answering(zone, name);

		if (node == NULL)
			answer_r->status = DNS_NXDOMAIN;
		if (node == NULL || !answer_by(node, type, a, name, answer_r))
			return;
	}
}

static struct dns_question *zone_start(struct resolver *resolver, const struct dns_wire *name, enum dns_type type)
{
	struct dns_question *question = malloc(sizeof(*question));

	if (question == NULL)
		fail_environment("out of memory");
	question->resolver = resolver;
	question->name = *name;
	question->type = type;
	return question;
}

static void zone_wait(struct dns_question *question, struct arena *a, struct dns_answer *answer_r)
{
	dns_answer_init(answer_r, DNS_SERVFAIL);
	look_up((const struct zone *)question->resolver, &question->name, question->type, a, answer_r);
	answer_r->canonical = dns_name(a, question->name.bytes, question->name.len);
	free(question);
}

static void zone_drop(struct dns_question *question)
{
	free(question);
}

static bool zone_is_listed(const struct resolver *resolver, const struct dns_wire *name)
{
	const struct node *node = find_answering((const struct zone *)resolver, name);

	return node != NULL && node->is_listed;
}

static void zone_free(struct resolver *resolver)
{
	struct zone *zone = (struct zone *)resolver;

	arena_free(zone->memory);
	free(zone->buckets);
	free(zone->line);
	free(zone);
}

static const struct dns_backend zone_backend = { zone_start, zone_wait, zone_drop, zone_is_listed, zone_free };

struct resolver *resolver_zone_new(void)
{
	static const uint8_t root[1] = { 0 };
	struct zone *zone = calloc(1, sizeof(*zone));

	if (zone == NULL)
		fail_environment("out of memory");
	zone->base.backend = &zone_backend;
	zone->memory = arena_new(ZONE_MEMORY_MAX_BYTES);
	set_buckets(zone, 64);
	insert(zone, root, sizeof(root));
	return &zone->base;
}

int resolver_zone_add(struct resolver *resolver, struct span line, struct fail *why)
{
	struct zone *zone = (struct zone *)resolver;

	if (zone->line == NULL && (zone->line = malloc(sizeof(*zone->line))) == NULL)
		fail_environment("out of memory");
	if (dns_line_read(line, zone->line, why) != 0)
		return -1;
	if (zone->node_count > ZONE_NAMES_MAX)
		return fail_permanent(why, "a zone may have %d names, those in between included", ZONE_NAMES_MAX);
	if (!zone->line->is_blank)
		store(zone, zone->line);
	return 0;
}

int resolver_zone(struct span text, struct resolver **resolver_r, struct fail *why)
{
	struct resolver *resolver;
	struct span line;
	size_t number = 0;

	if (text.len > ZONE_TEXT_MAX_BYTES)
		return fail_permanent(why, "a zone may have %zu bytes", ZONE_TEXT_MAX_BYTES);
	resolver = resolver_zone_new();
	while (span_next(&text, '\n', &line)) {
		number++;
		if (resolver_zone_add(resolver, line, why) != 0) {
			resolver_free(resolver);
			return fail_prefix(why, "line %zu", number);
		}
	}
	free(((struct zone *)resolver)->line);
	((struct zone *)resolver)->line = NULL;
	*resolver_r = resolver;
	return 0;
}

int resolver_zone_file(const char *path, struct resolver **resolver_r, struct fail *why)
{
	struct file_view view;
	int done;

	if (file_map(path, ZONE_TEXT_MAX_BYTES, &view, why) != 0)
		return -1;
	done = resolver_zone(view.bytes, resolver_r, why);
	file_unmap(&view);
	return done == 0 ? 0 : fail_prefix(why, "%s", path);
}
