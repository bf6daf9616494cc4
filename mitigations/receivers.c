/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/receivers.h"
#include "mail/glob.h"
#include "mail/idna.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_NAME "unknown"
#define TABLE_ARENA_MAX_BYTES ((size_t)64 << 20) /* rows, globs and domains at their limits */
#define LINE_MAX_BYTES 16384                     /* of a file: some hundred globs in a line */
#define CACHE_WAYS 4                             /* places where one domain may stand */
#define CACHE_SETS (RECEIVERS_CACHE_MAX / CACHE_WAYS)

struct glob_row { struct span glob; struct receiver *receiver; };
struct domain_row { const char *domain; struct receiver *receiver; };

struct cached {
	char *domain; /* on the heap, NULL for an empty place */
	const struct receiver *receiver;
	int64_t until_secs;
};

struct receivers {
	struct arena *arena;
	struct receiver **rows; /* pointers, since rows are handed out while the array grows */
	size_t count, cap;
	struct receiver fallback;
	struct glob_row *globs;
	size_t glob_count, glob_cap;
	struct domain_row *domains; /* open addressing, domain_size places, a power of two */
	size_t domain_count, domain_size;
	pthread_mutex_t lock;       /* over cache alone; never held while DNS is asked */
	struct cached *cache;
};

/* What is taken of a receiver of which no row says more. */
static const struct receiver shipped = { .name = UNKNOWN_NAME, .enforces = true, .source = "default" };

struct receivers *receivers_new(void)
{
	struct receivers *r = calloc(1, sizeof(*r));

	if (r == NULL || (r->cache = calloc(RECEIVERS_CACHE_MAX, sizeof(*r->cache))) == NULL)
		fail_environment("out of memory");
	r->arena = arena_new(TABLE_ARENA_MAX_BYTES);
	r->fallback = shipped;
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void receivers_free(struct receivers *receivers)
{
	if (receivers == NULL)
		return;
	for (size_t i = 0; i < RECEIVERS_CACHE_MAX; i++)
		free(receivers->cache[i].domain);
	free(receivers->cache);
	pthread_mutex_destroy(&receivers->lock);
	arena_free(receivers->arena);
	free(receivers);
}

size_t receivers_count(const struct receivers *receivers)
{
	return receivers->count + 1;
}

const struct receiver *receivers_at(const struct receivers *receivers, size_t i)
{
	return i < receivers->count ? receivers->rows[i] : &receivers->fallback;
}

static struct receiver *row_by_name(const struct receivers *r, struct span name)
{
	for (size_t i = 0; i < r->count; i++)
		if (span_eq_text_nocase(name, r->rows[i]->name))
			return r->rows[i];
	return NULL;
}

const struct receiver *receivers_by_name(const struct receivers *receivers, const char *name)
{
	struct span wanted = span_of(name);

	return span_eq_text_nocase(wanted, UNKNOWN_NAME) ? &receivers->fallback : row_by_name(receivers, wanted);
}

/* FNV-1a. The domains in the table are the administrator's; the cache has a fixed number of places for each value. */
static uint32_t hash(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

static struct domain_row *domain_place(const struct receivers *r, const char *domain)
{
	size_t i = hash(domain) & (r->domain_size - 1);

	while (r->domains[i].domain != NULL && strcmp(r->domains[i].domain, domain) != 0)
		i = (i + 1) & (r->domain_size - 1);
	return &r->domains[i];
}

static void grow_domains(struct receivers *r)
{
	struct domain_row *old = r->domains;
	size_t old_size = r->domain_size;

	r->domain_size = old_size == 0 ? 64 : old_size * 2;
	r->domains = arena_array(r->arena, r->domain_size, sizeof(*r->domains));
	for (size_t i = 0; i < old_size; i++)
		if (old[i].domain != NULL)
			*domain_place(r, old[i].domain) = old[i];
}

/* Reading the files. */

struct reading {
	struct receivers *receivers;
	struct receiver *row; /* the operator whose settings follow */
	const char *file;
	size_t line;
	struct fail *why;
};

static int expected(const struct reading *reading, const char *what, struct span found)
{
	return fail_expected(reading->why, reading->file, reading->line, what, found);
}

static int take_bool(const struct reading *reading, struct span rest, bool *value)
{
	struct span word, more;
	bool has = span_word(&rest, &word);

	if (span_word(&rest, &more))
		return expected(reading, "one word, yes or no", more);
	if (!has || (!span_eq_text_nocase(word, "yes") && !span_eq_text_nocase(word, "no")))
		return expected(reading, "yes or no", word);
	*value = span_eq_text_nocase(word, "yes");
	return 0;
}

static int take_enforces(struct reading *reading, struct span rest)
{
	return take_bool(reading, rest, &reading->row->enforces);
}

static int take_trusts_arc(struct reading *reading, struct span rest)
{
	return take_bool(reading, rest, &reading->row->trusts_arc);
}

static int take_allowlists_us(struct reading *reading, struct span rest)
{
	return take_bool(reading, rest, &reading->row->allowlists_us);
}

static int take_smtputf8(struct reading *reading, struct span rest)
{
	return take_bool(reading, rest, &reading->row->takes_smtputf8);
}

/* "learns no" fixes the row. */
static int take_learns(struct reading *reading, struct span rest)
{
	bool learns = true;

	if (take_bool(reading, rest, &learns) != 0)
		return -1;
	reading->row->is_fixed = !learns;
	return 0;
}

static int check_room(const struct reading *reading)
{
	const struct receivers *r = reading->receivers;

	if (r->glob_count + r->domain_count < RECEIVERS_PATTERNS_MAX)
		return 0;
	return fail_permanent(reading->why, "%s:%zu: more than %d globs and domains", reading->file, reading->line, RECEIVERS_PATTERNS_MAX);
}

static bool is_glob(struct span word)
{
	for (size_t i = 0; i < word.len; i++) {
		char c = ascii_lower(word.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '*' && c != '.' && c != '-' && c != '_')
			return false;
	}
	return word.len <= DOMAIN_MAX_BYTES;
}

static int take_mx(struct reading *reading, struct span rest)
{
	struct receivers *r = reading->receivers;
	struct glob_row *row;
	struct span word;

	if (span_trim(rest).len == 0)
		return expected(reading, "a glob for MX host names", rest);
	while (span_word(&rest, &word)) {
		if (!is_glob(word))
			return expected(reading, "a glob for MX host names", word);
		if (check_room(reading) != 0)
			return -1;
		row = arena_grow(r->arena, &r->globs, &r->glob_cap, r->glob_count, sizeof(*row));
		*row = (struct glob_row){ span_of(arena_lower(r->arena, word)), reading->row };
		r->glob_count++;
	}
	return 0;
}

static int take_domain(struct reading *reading, struct span rest)
{
	struct receivers *r = reading->receivers;
	struct domain_row *place;
	const char *domain;
	struct span word;

	if (span_trim(rest).len == 0)
		return expected(reading, "a domain", rest);
	while (span_word(&rest, &word)) {
		domain = idna_to_ascii(r->arena, word);
		if (domain == NULL)
			return expected(reading, "a domain", word);
		if (check_room(reading) != 0)
			return -1;
		if (r->domain_count * 2 >= r->domain_size)
			grow_domains(r);
		place = domain_place(r, domain);
		r->domain_count += place->domain == NULL;
		*place = (struct domain_row){ domain, reading->row };
	}
	return 0;
}

static bool is_operator_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = ascii_lower(name.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_')
			return false;
	}
	return name.len > 0 && name.len <= 64;
}

static struct receiver *row_new(struct receivers *r, struct span name)
{
	struct receiver *row = arena_alloc(r->arena, sizeof(*row));

	*row = shipped;
	row->name = arena_lower(r->arena, name);
	*(struct receiver **)arena_grow(r->arena, &r->rows, &r->cap, r->count, sizeof(row)) = row;
	r->count++;
	return row;
}

static int take_operator(struct reading *reading, struct span rest)
{
	struct receivers *r = reading->receivers;
	struct span name, more;

	if (!span_word(&rest, &name) || !is_operator_name(name))
		return expected(reading, "an operator's name of letters, digits, \"-\", \"_\" and \".\"", name);
	if (span_word(&rest, &more))
		return expected(reading, "one name", more);
	reading->row = span_eq_text_nocase(name, UNKNOWN_NAME) ? &r->fallback : row_by_name(r, name);
	if (reading->row == NULL && r->count == RECEIVERS_MAX)
		return fail_permanent(reading->why, "%s:%zu: more than %d operators", reading->file, reading->line, RECEIVERS_MAX);
	if (reading->row == NULL)
		reading->row = row_new(r, name);
	reading->row->source = arena_printf(r->arena, "%s:%zu", reading->file, reading->line);
	return 0;
}

static const struct {
	const char *word;
	int (*take)(struct reading *reading, struct span rest);
	bool needs_row;
} words[] = {
	{ "operator", take_operator, false },
	{ "mx", take_mx, true },
	{ "domain", take_domain, true },
	{ "enforces", take_enforces, true },
	{ "trusts-arc", take_trusts_arc, true },
	{ "allowlists-us", take_allowlists_us, true },
	{ "smtputf8", take_smtputf8, true },
	{ "learns", take_learns, true },
};

static int take_line(struct reading *reading, struct span line)
{
	struct span word;

	line = span_sub(line, 0, span_find_byte(line, '#'));
	if (!span_word(&line, &word))
		return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!span_eq_text_nocase(word, words[i].word))
			continue;
		if (words[i].needs_row && reading->row == NULL)
			return expected(reading, "\"operator NAME\" first", word);
		return words[i].take(reading, line);
	}
	return expected(reading, "operator, mx, domain, enforces, trusts-arc, allowlists-us, smtputf8 or learns", word);
}

int receivers_parse(struct span text, const char *file, struct receivers *receivers, struct fail *why)
{
	const char *slash = strrchr(file, '/');
	struct reading reading = { .receivers = receivers, .file = slash == NULL ? file : slash + 1, .why = why };
	struct span line;

	while (span_next(&text, '\n', &line)) {
		reading.line++;
		if (line.len > LINE_MAX_BYTES)
			return fail_permanent(why, "%s:%zu: longer than %d bytes", reading.file, reading.line, LINE_MAX_BYTES);
		if (take_line(&reading, line) != 0)
			return -1;
	}
	return 0;
}

/* Asking. */

struct mx { unsigned preference; const char *host; };

static int compare_mx(const void *one, const void *other)
{
	const struct mx *a = one, *b = other;

	if (a->preference != b->preference)
		return a->preference < b->preference ? -1 : 1;
	return strcmp(a->host, b->host); /* so that an answer in another order gives the same operator */
}

static const struct receiver *by_host(const struct receivers *r, const char *host)
{
	for (size_t i = 0; i < r->glob_count; i++)
		if (glob_match(r->globs[i].glob, span_of(host)))
			return r->globs[i].receiver;
	return NULL;
}

static const struct receiver *by_mx(const struct receivers *r, struct arena *a, const struct dns_answer *answer)
{
	struct mx *mx = arena_array(a, answer->count, sizeof(*mx));
	const struct receiver *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < answer->count; i++)
		count += dns_mx(a, &answer->records[i], &mx[count].preference, &mx[count].host);
	qsort(mx, count, sizeof(*mx), compare_mx);
	for (size_t i = 0; i < count && found == NULL; i++)
		found = by_host(r, mx[i].host);
	return found;
}

static bool are_all_of(const struct receivers *r, struct arena *a, const struct dns_answer *answer, const struct receiver *receiver)
{
	unsigned preference;
	const char *host;

	for (size_t i = 0; i < answer->count; i++)
		if (dns_mx(a, &answer->records[i], &preference, &host) && by_host(r, host) != receiver)
			return false;
	return answer->count > 0;
}

bool receivers_is_wholly(struct receivers *receivers, struct resolver *dns, const char *domain, const struct receiver *receiver)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	const char *name = idna_to_ascii(a, span_of(domain));
	bool is_wholly = false;
	struct dns_answer answer;

	if (name != NULL && receivers->domain_size > 0 && domain_place(receivers, name)->receiver == receiver) {
		is_wholly = true;
	} else if (name != NULL) {
		resolver_ask(dns, a, name, DNS_MX, &answer);
		is_wholly = answer.status == DNS_OK ? are_all_of(receivers, a, &answer, receiver) : answer.status == DNS_NODATA && by_host(receivers, name) == receiver;
	}
	arena_free(a);
	return is_wholly;
}

/* What the answer to the question for a domain's MX says. */
static const struct receiver *by_answer(const struct receivers *r, struct arena *a, const char *domain, const struct dns_answer *answer)
{
	const struct receiver *found = NULL;

	if (answer->status == DNS_OK)
		found = by_mx(r, a, answer);
	else if (answer->status == DNS_NODATA)
		found = by_host(r, domain);
	return found == NULL ? &r->fallback : found;
}

static struct cached *cache_set(const struct receivers *r, const char *domain)
{
	return &r->cache[hash(domain) % CACHE_SETS * CACHE_WAYS];
}

static const struct receiver *cache_find(struct receivers *r, const char *domain, int64_t now_secs)
{
	struct cached *set = cache_set(r, domain);
	const struct receiver *found = NULL;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < CACHE_WAYS; i++)
		if (set[i].domain != NULL && set[i].until_secs > now_secs && strcmp(set[i].domain, domain) == 0)
			found = set[i].receiver;
	pthread_mutex_unlock(&r->lock);
	return found;
}

/* In the domain's own place, in an empty one, or in that of the entry that ends soonest. */
static void cache_put(struct receivers *r, const char *domain, const struct receiver *receiver, int64_t until_secs)
{
	struct cached *set = cache_set(r, domain), *place = &set[0];
	char *copy = strdup(domain), *old;

	if (copy == NULL)
		fail_environment("out of memory");
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < CACHE_WAYS; i++) {
		if (set[i].domain != NULL && strcmp(set[i].domain, domain) == 0) {
			place = &set[i];
			break;
		}
		if (set[i].until_secs < place->until_secs)
			place = &set[i];
	}
	old = place->domain;
	*place = (struct cached){ copy, receiver, until_secs };
	pthread_mutex_unlock(&r->lock);
	free(old);
}

/* Questions on their way at the same time. */
#define BATCH 256

struct asking {
	struct receivers *receivers;
	struct resolver *dns;
	struct arena *arena;
	int64_t now_secs;
	const char *names[BATCH];
	struct dns_question *questions[BATCH]; /* NULL: it is known */
};

/* What is known without asking, else NULL and the question is on its way. */
static const struct receiver *start(struct asking *asking, size_t i, const char *domain)
{
	struct receivers *r = asking->receivers;
	const struct receiver *found = NULL;

	asking->questions[i] = NULL;
	asking->names[i] = idna_to_ascii(asking->arena, span_of(domain));
	if (asking->names[i] == NULL)
		return &r->fallback;
	if (r->domain_size > 0)
		found = domain_place(r, asking->names[i])->receiver;
	if (found == NULL)
		found = cache_find(r, asking->names[i], asking->now_secs);
	if (found == NULL)
		asking->questions[i] = resolver_start(asking->dns, asking->names[i], DNS_MX);
	return found;
}

static const struct receiver *finish(struct asking *asking, size_t i)
{
	const struct receiver *found;
	struct dns_answer answer;

	resolver_wait(asking->questions[i], asking->arena, &answer);
	found = by_answer(asking->receivers, asking->arena, asking->names[i], &answer);
	cache_put(asking->receivers, asking->names[i], found,
		asking->now_secs + (dns_is_temporary(answer.status) ? RECEIVERS_CACHE_FAILED_SECS : RECEIVERS_CACHE_SECS));
	return found;
}

void receivers_find_all(struct receivers *receivers, struct resolver *dns, const struct clock *clock, const char *const *domains, size_t count,
	const struct receiver **found_r)
{
	struct asking asking = { .receivers = receivers, .dns = dns, .arena = arena_new(ARENA_SCRATCH_MAX_BYTES), .now_secs = clock_now(clock) };

	for (size_t from = 0; from < count; from += BATCH) {
		size_t some = count - from < BATCH ? count - from : BATCH;

		for (size_t i = 0; i < some; i++)
			found_r[from + i] = start(&asking, i, domains[from + i]);
		for (size_t i = 0; i < some; i++)
			if (asking.questions[i] != NULL)
				found_r[from + i] = finish(&asking, i);
		arena_reset(asking.arena);
	}
	arena_free(asking.arena);
}

const struct receiver *receivers_find(struct receivers *receivers, struct resolver *dns, const struct clock *clock, const char *domain)
{
	const struct receiver *found;

	receivers_find_all(receivers, dns, clock, &domain, 1, &found);
	return found;
}

