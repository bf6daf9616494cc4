/* SPDX-License-Identifier: BSD-2-Clause */
/* Organizational Domains, by the Public Suffix List (RFC 7489 3.2) and by tree walk (RFC 9989 4.10). */
#include "mitigations/auth/dmarc_int.h"
#include "mail/idna.h"

#include <string.h>

#define DMARC_PREFIX "_dmarc."
#define WALK_LABELS_MAX 7 /* 4.10: longer names are cut to this many after the first question */

const char *dmarc_psl_org_domain_by(struct arena *a, const psl_ctx_t *psl, const char *domain)
{
	const char *org = psl_registrable_domain(psl, domain);

	return org == NULL ? domain : arena_text(a, span_of(org));
}

/* The list that libpsl was built with: no file is read, so that the answer does not depend on the machine. */
const char *dmarc_psl_org_domain(struct arena *a, const char *domain)
{
	return dmarc_psl_org_domain_by(a, psl_builtin(), domain);
}

bool dmarc_is_below(const char *name, const char *domain)
{
	size_t name_len = strlen(name), len = strlen(domain);

	if (name_len < len || strcmp(name + name_len - len, domain) != 0)
		return false;
	return name_len == len || name[name_len - len - 1] == '.';
}

struct dmarc_seen *dmarc_seen_new(struct arena *a, struct resolver *dns, const psl_ctx_t *psl)
{
	struct dmarc_seen *seen = arena_alloc(a, sizeof(*seen));

	*seen = (struct dmarc_seen){ .arena = a, .scratch = a, .dns = dns, .psl = psl == NULL ? psl_builtin() : psl };
	return seen;
}

struct dmarc_lookup *dmarc_lookup_start(struct dmarc_seen *seen, const char *domain)
{
	struct dmarc_lookup *look;

	for (size_t i = 0; i < seen->count; i++)
		if (strcmp(seen->items[i]->domain, domain) == 0)
			return seen->items[i];
	look = arena_alloc(seen->arena, sizeof(*look));
	look->domain = arena_text(seen->arena, span_of(domain));
	/* No name of more than 253 octets can be in the DNS, so there is nothing to ask and nothing to fail. */
	if (strlen(domain) + strlen(DMARC_PREFIX) <= DOMAIN_MAX_BYTES) {
		look->name = arena_printf(seen->arena, DMARC_PREFIX "%s", domain);
		look->question = resolver_start(seen->dns, look->name, DNS_TXT);
	}
	*(struct dmarc_lookup **)arena_grow(seen->arena, &seen->items, &seen->cap, seen->count, sizeof(look)) = look;
	seen->count++;
	return look;
}

static enum dmarc_policy asked_below(const struct dmarc_record *record)
{
	return record->sp != DMARC_ABSENT ? record->sp : record->p;
}

static enum dmarc_policy asked_for_nothing(const struct dmarc_record *record)
{
	return record->np != DMARC_ABSENT ? record->np : asked_below(record);
}

/* One more record at a name, as readers see it that take one of them, none knows which: the strictest that any asks for. */
static void add_record(struct dmarc_record *record, const struct dmarc_record *other)
{
	record->np = dmarc_stricter(asked_for_nothing(record), asked_for_nothing(other));
	record->sp = dmarc_stricter(asked_below(record), asked_below(other));
	record->p = dmarc_stricter(record->p, other->p);
	record->strict_dkim |= other->strict_dkim;
	record->strict_spf |= other->strict_spf;
	record->testing &= other->testing;
}

/* 4.10 step 2: records without the version are left out; more than one make none. */
static void take_records(struct dmarc_seen *seen, struct dmarc_lookup *look, const struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++) {
		struct span text = dns_txt(seen->arena, &answer->records[i]);
		struct dmarc_record record;

		if (!dmarc_is_record(text))
			continue;
		look->usable = dmarc_record_parse(text, &record);
		if (look->record_count++ == 0)
			look->record = record;
		else
			add_record(&look->record, &record);
	}
	seen->several |= look->record_count > 1;
	seen->duplicates |= look->record_count == 1 && look->record.has_duplicate;
}

const struct dmarc_lookup *dmarc_lookup(struct dmarc_seen *seen, const char *domain)
{
	struct dmarc_lookup *look = dmarc_lookup_start(seen, domain);
	struct dns_answer answer;

	if (look->question == NULL)
		return look;
	resolver_wait(look->question, seen->arena, &answer);
	look->question = NULL;
	look->failed = dns_is_temporary(answer.status);
	seen->trouble |= look->failed;
	if (answer.status == DNS_OK)
		take_records(seen, look, &answer);
	return look;
}

bool dmarc_lookup_has(const struct dmarc_lookup *look, enum dmarc_mode mode)
{
	if (mode == DMARC_ANY)
		return look->record_count > 0;
	return look->record_count == 1 && (mode == DMARC_LENIENT || !look->record.has_duplicate);
}

/* The last count labels of a name (all of them where there are fewer). */
static const char *last_labels(const char *name, size_t count)
{
	const char *at = name + strlen(name);

	while (at > name && (at[-1] != '.' || --count > 0))
		at--;
	return at;
}

static size_t label_count(const char *name)
{
	size_t count = 1;

	for (; *name != '\0'; name++)
		count += *name == '.';
	return count;
}

/* 4.10 steps 4 and 7; NULL after the last label. */
static const char *next_name(const char *name)
{
	size_t labels = label_count(name);

	if (labels == 1)
		return NULL;
	return last_labels(name, labels > WALK_LABELS_MAX ? WALK_LABELS_MAX : labels - 1);
}

/* 4.10.2, from the longest name to the shortest. */
static const char *walk_org_domain(const struct dmarc_walk *walk, const char *start, enum dmarc_mode mode)
{
	const char *org = start;

	for (size_t i = 0; i < walk->count; i++) {
		const struct dmarc_lookup *look = walk->steps[i];

		if (!dmarc_lookup_has(look, mode))
			continue;
		if (look->record.psd == 'y' && i > 0)
			return last_labels(start, label_count(look->domain) + 1);
		org = look->domain;
	}
	return org;
}

void dmarc_walk(struct dmarc_seen *seen, const char *start, enum dmarc_mode mode, struct dmarc_walk *walk_r)
{
	struct dmarc_walk walk = { .count = 0 };

	for (const char *name = start; name != NULL && walk.count < DMARC_QUERIES_MAX; name = next_name(name)) {
		const struct dmarc_lookup *look = dmarc_lookup(seen, name);

		walk.steps[walk.count++] = look;
		walk.failed = look->failed;
		if (look->failed || (dmarc_lookup_has(look, mode) && look->record.psd != 'u'))
			break;
	}
	if (!walk.failed)
		walk.org_domain = walk_org_domain(&walk, start, mode);
	*walk_r = walk;
}

const char *dmarc_walk_org_domain(struct arena *a, struct resolver *dns, const char *domain)
{
	struct dmarc_walk walk;

	dmarc_walk(dmarc_seen_new(a, dns, NULL), domain, DMARC_LITERAL, &walk);
	return walk.org_domain == NULL ? NULL : arena_text(a, span_of(walk.org_domain));
}
