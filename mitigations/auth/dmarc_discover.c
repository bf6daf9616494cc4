/* SPDX-License-Identifier: BSD-2-Clause */
/* Policy discovery by RFC 9989 4.10.1 and by RFC 7489 6.6.3. */
#include "mitigations/auth/dmarc_int.h"
#include "mail/idna.h"

#include <string.h>

enum existence { EXISTENCE_UNASKED, EXISTENCE_YES, EXISTENCE_NO, EXISTENCE_FAILED };

struct discovery {
	struct dmarc_seen *seen;
	const char *author;
	enum existence existence; /* of the author domain; asked for only where np= makes a difference */
	enum dmarc_mode mode;
};

/* 3.2.13: a name does not exist when the answer is NXDOMAIN, which is for all types at once, so that one question decides. A CNAME
 * that points nowhere is answered by NXDOMAIN too, though the name exists: the question for the CNAME itself tells them apart. */
static enum existence ask_existence(struct dmarc_seen *seen, const char *domain)
{
	static const enum dns_type types[] = { DNS_A, DNS_CNAME };
	struct dns_answer answer;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		resolver_ask(seen->dns, seen->arena, domain, types[i], &answer);
		if (dns_is_temporary(answer.status)) {
			seen->trouble = true;
			return EXISTENCE_FAILED;
		}
		if (answer.status != DNS_NXDOMAIN)
			return EXISTENCE_YES;
	}
	return EXISTENCE_NO;
}

/* sp or np of a record found above the author domain; np -> sp -> p (4.7). */
static enum dmarc_policy inherited_policy(struct discovery *d, const struct dmarc_record *record, bool has_np)
{
	enum dmarc_policy sp = record->sp != DMARC_ABSENT ? record->sp : record->p;
	enum dmarc_policy np = has_np && record->np != DMARC_ABSENT ? record->np : sp;

	if (np == sp)
		return sp;
	if (d->existence == EXISTENCE_UNASKED)
		d->existence = ask_existence(d->seen, d->author);
	if (d->existence == EXISTENCE_FAILED)
		return DMARC_UNKNOWN;
	return d->existence == EXISTENCE_NO ? np : sp;
}

static bool is_usable(const struct dmarc_lookup *look, enum dmarc_mode mode)
{
	return look->usable || (mode != DMARC_LITERAL && look->record.p != DMARC_ABSENT);
}

/* Fill a reading from the record that governs; has_np: the reading knows np= and t=. */
static void take_record(struct discovery *d, const struct dmarc_lookup *look, bool is_9989, struct dmarc_reading *reading)
{
	const struct dmarc_record *record = &look->record;

	reading->policy_domain = look->domain;
	reading->record = arena_text(d->seen->arena, record->text);
	reading->strict_dkim = record->strict_dkim;
	reading->strict_spf = record->strict_spf;
	reading->testing = is_9989 && record->testing;
	if (!is_usable(look, d->mode))
		return;
	reading->policy = strcmp(look->domain, d->author) == 0 ? record->p : inherited_policy(d, record, is_9989);
}

static void note_query(struct dmarc_reading *reading, const struct dmarc_lookup *look)
{
	if (look->name != NULL)
		reading->queries[reading->query_count++] = look->name;
}

/* 4.10.1: the author's own record, else that of the Organizational Domain, else that of the Public Suffix Domain. */
static const struct dmarc_lookup *governing(const struct dmarc_walk *walk, enum dmarc_mode mode)
{
	const struct dmarc_lookup *last = walk->steps[walk->count - 1];

	if (dmarc_lookup_has(walk->steps[0], mode))
		return walk->steps[0];
	for (size_t i = 0; walk->org_domain != NULL && i < walk->count; i++)
		if (strcmp(walk->steps[i]->domain, walk->org_domain) == 0 && dmarc_lookup_has(walk->steps[i], mode))
			return walk->steps[i];
	return dmarc_lookup_has(last, mode) && last->record.psd == 'y' ? last : NULL;
}

/* t=y: one level lower (4.7). */
static enum dmarc_policy lowered(enum dmarc_policy policy)
{
	return policy == DMARC_P_REJECT ? DMARC_P_QUARANTINE : policy == DMARC_P_QUARANTINE ? DMARC_P_NONE : policy;
}

static void read_9989(struct discovery *d, struct dmarc_reading *reading)
{
	const struct dmarc_lookup *look;
	struct dmarc_walk walk;

	dmarc_walk(d->seen, d->author, d->mode, &walk);
	for (size_t i = 0; i < walk.count; i++)
		note_query(reading, walk.steps[i]);
	reading->org_domain = walk.org_domain;
	look = governing(&walk, d->mode);
	/* What the walk did not learn may hold a nearer or a farther record; only the author's own comes before all others. */
	if (walk.failed && look != walk.steps[0])
		reading->policy = DMARC_UNKNOWN;
	else if (look != NULL)
		take_record(d, look, true, reading);
	reading->applied = reading->testing ? lowered(reading->policy) : reading->policy;
}

static void read_7489(struct discovery *d, struct dmarc_reading *reading)
{
	const char *names[2];

	names[0] = d->author;
	reading->org_domain = names[1] = dmarc_psl_org_domain_by(d->seen->arena, d->seen->psl, d->author);
	for (size_t i = 0; i < 2; i++) {
		const struct dmarc_lookup *look;

		if (i == 1 && strcmp(names[0], names[1]) == 0)
			break;
		look = dmarc_lookup(d->seen, names[i]);
		note_query(reading, look);
		if (look->failed)
			reading->policy = DMARC_UNKNOWN;
		else if (dmarc_lookup_has(look, d->mode))
			take_record(d, look, false, reading);
		else if (look->record_count <= 1)
			continue; /* two and more records end the search (6.6.3) */
		break;
	}
	reading->applied = reading->policy;
}

/* What a reader finds who does not mind what makes records void: only what it asks for counts, never where it asks for less than is known already. */
static enum dmarc_policy read_leniently(struct discovery *d, enum dmarc_mode mode, enum dmarc_policy known)
{
	struct dmarc_reading readings[2] = { { .policy = DMARC_ABSENT }, { .policy = DMARC_ABSENT } };

	d->mode = mode;
	read_9989(d, &readings[0]);
	read_7489(d, &readings[1]);
	return dmarc_stricter(known, dmarc_stricter(readings[0].policy, readings[1].policy));
}

void dmarc_discover_start_by(struct arena *a, struct resolver *dns, const psl_ctx_t *psl, const char *domain, struct dmarc_verdict *verdict_r)
{
	const char *author = idna_to_ascii(a, span_of(domain));

	*verdict_r = (struct dmarc_verdict){ .author_domain = author };
	if (author == NULL) {
		verdict_r->author_domain = arena_text(a, span_of(domain));
		return;
	}
	verdict_r->seen = dmarc_seen_new(a, dns, psl);
	dmarc_lookup_start(verdict_r->seen, author);
}

void dmarc_discover_start(struct arena *a, struct resolver *dns, const char *domain, struct dmarc_verdict *verdict_r)
{
	dmarc_discover_start_by(a, dns, NULL, domain, verdict_r);
}

void dmarc_discover_finish(struct dmarc_verdict *verdict)
{
	struct discovery d = { .seen = verdict->seen, .author = verdict->author_domain };

	if (verdict->seen == NULL) {
		verdict->rfc9989.policy = verdict->rfc9989.applied = DMARC_UNKNOWN;
		verdict->rfc7489.policy = verdict->rfc7489.applied = DMARC_UNKNOWN;
		verdict->effective = verdict->of_any = DMARC_UNKNOWN;
		return;
	}
	read_9989(&d, &verdict->rfc9989);
	read_7489(&d, &verdict->rfc7489);
	verdict->effective = dmarc_stricter(verdict->rfc9989.policy, verdict->rfc7489.policy);
	if (verdict->seen->duplicates)
		verdict->effective = read_leniently(&d, DMARC_LENIENT, verdict->effective);
	verdict->of_any = verdict->seen->several ? read_leniently(&d, DMARC_ANY, verdict->effective) : verdict->effective;
	verdict->dns_trouble = verdict->seen->trouble;
}

void dmarc_discover(struct arena *a, struct resolver *dns, const char *domain, struct dmarc_verdict *verdict_r)
{
	dmarc_discover_start(a, dns, domain, verdict_r);
	dmarc_discover_finish(verdict_r);
}
