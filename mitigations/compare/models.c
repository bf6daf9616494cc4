/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/compare/models.h"

#include "mail/buf.h"
#include "mail/idna.h"

#include <string.h>

#define LINE_MAX_BYTES 4096 /* a reply of several hundred octets fits; nothing else is long */
#define REPLY_MAX_BYTES 1000

static const char default_reply[] = "550 5.7.1 rejected by DMARC policy for {domain}";
static const char default_temporary_reply[] = "451 4.7.1 DMARC could not be evaluated for {domain}, try again later";

struct reading {
	struct models *models;
	struct model *model; /* that the lines are about */
	const char *file;
	size_t line;
	struct fail *why;
};

static int expected(const struct reading *r, const char *what, struct span found)
{
	return fail_expected(r->why, r->file, r->line, what, found);
}

/* The one word that a line holds. */
static int one_word(const struct reading *r, struct span rest, const char *what, struct span *word_r)
{
	struct span more;

	if (!span_word(&rest, word_r))
		return expected(r, what, rest);
	return span_word(&rest, &more) ? expected(r, "one word", more) : 0;
}

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = ascii_lower(name.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
			return false;
	}
	return name.len > 0 && name.len <= 40;
}

static int take_receiver(struct reading *r, struct span rest)
{
	struct models *models = r->models;
	struct span name;

	if (one_word(r, rest, "a receiver's name", &name) != 0)
		return -1;
	if (!is_name(name))
		return expected(r, "a name of letters, digits, \"-\", \"_\" and \".\"", name);
	if (models_find(models, name) != NULL)
		return expected(r, "a name that no other receiver has", name);
	if (models->count == MODELS_MAX)
		return fail_permanent(r->why, "%s:%zu: more than %d receivers", r->file, r->line, MODELS_MAX);
	r->model = arena_grow(models->arena, &models->items, &models->cap, models->count, sizeof(*models->items));
	models->count++;
	*r->model = (struct model){ .name = arena_text(models->arena, name), .about = "", .reply = default_reply, .temporary_reply = default_temporary_reply,
		.policy = { .reading = RECEIVING_STRICTER, .on_reject = RECEIVING_REFUSE, .on_quarantine = RECEIVING_JUNK, .on_temporary = RECEIVING_REFUSE } };
	r->model->policy.name = r->model->name;
	return 0;
}

static int take_about(struct reading *r, struct span rest)
{
	r->model->about = arena_text(r->models->arena, span_trim(rest));
	return 0;
}

static int take_reads(struct reading *r, struct span rest)
{
	struct span word;

	if (one_word(r, rest, "9989, 7489, stricter or none", &word) != 0)
		return -1;
	return receiving_reading_find(word, &r->model->policy.reading) ? 0 : expected(r, "9989, 7489, stricter or none", word);
}

static int take_action(struct reading *r, struct span rest, enum receiving_action *action)
{
	struct span word;

	if (one_word(r, rest, "refuse, junk, mark or accept", &word) != 0)
		return -1;
	return receiving_action_find(word, action) ? 0 : expected(r, "refuse, junk, mark or accept", word);
}

static int take_on_reject(struct reading *r, struct span rest)
{
	return take_action(r, rest, &r->model->policy.on_reject);
}

static int take_on_quarantine(struct reading *r, struct span rest)
{
	return take_action(r, rest, &r->model->policy.on_quarantine);
}

static int take_on_temporary(struct reading *r, struct span rest)
{
	return take_action(r, rest, &r->model->policy.on_temporary);
}

static int take_obeys(struct reading *r, struct span rest)
{
	struct span word;

	while (span_word(&rest, &word)) {
		if (!span_eq_text(word, "t") && !span_eq_text(word, "pct"))
			return expected(r, "t or pct", word);
		*(word.len == 1 ? &r->model->policy.obeys_t : &r->model->policy.obeys_pct) = true;
	}
	return 0;
}

static int take_domain_word(const struct reading *r, struct span word, const char **domain_r)
{
	const char *domain = span_eq_text(word, MODELS_OF_THE_LIST) ? MODELS_OF_THE_LIST : idna_to_ascii(r->models->arena, word);

	if (domain == NULL)
		return expected(r, "a domain", word);
	*domain_r = domain;
	return 0;
}

static int take_sealers(struct reading *r, struct span rest)
{
	const char **sealers = arena_array(r->models->arena, MODELS_NAMES_MAX + 1, sizeof(*sealers));
	struct span word;
	size_t count = 0;

	while (span_word(&rest, &word)) {
		if (count == MODELS_NAMES_MAX)
			return expected(r, "eight domains at most", word);
		if (take_domain_word(r, word, &sealers[count++]) != 0)
			return -1;
	}
	r->model->policy.trusted_sealers = r->model->sealers = sealers;
	return count == 0 ? expected(r, "a domain", rest) : 0;
}

/* The condition behind a word of "takes NAME". */
static int take_condition(struct reading *r, struct receiving_known *known, struct span word, struct span value)
{
	if (value.len == 0)
		return expected(r, "a value", word);
	if (span_eq_text(word, "dkim"))
		return take_domain_word(r, value, &known->dkim_domain);
	if (span_eq_text(word, "list-id"))
		known->list_id = arena_text(r->models->arena, value);
	else if (span_eq_text(word, "network"))
		known->network = arena_text(r->models->arena, value);
	else
		return expected(r, "dkim, list-id or network", word);
	return 0;
}

static int take_takes(struct reading *r, struct span rest)
{
	struct receiving_policy *policy = &r->model->policy;
	struct receiving_known *known;
	struct span name, word, value;

	if (r->model->known == NULL)
		policy->known = r->model->known = arena_array(r->models->arena, MODELS_NAMES_MAX, sizeof(*known));
	if (policy->known_count == MODELS_NAMES_MAX)
		return expected(r, "eight known lists at most", rest);
	if (!span_word(&rest, &name))
		return expected(r, "(list), or a name", rest);
	known = &r->model->known[policy->known_count++];
	known->name = arena_text(r->models->arena, name);
	if (span_eq_text(name, MODELS_OF_THE_LIST))
		known->dkim_domain = MODELS_OF_THE_LIST;
	while (span_word(&rest, &word)) {
		if (!span_word(&rest, &value))
			value = (struct span){ NULL, 0 };
		if (take_condition(r, known, word, value) != 0)
			return -1;
	}
	return known->dkim_domain == NULL && known->network == NULL ? expected(r, "dkim or network: a List-Id proves nothing", name) : 0;
}

static int take_host(struct reading *r, struct span rest, const char **host)
{
	struct span word;

	if (one_word(r, rest, "a host name", &word) != 0)
		return -1;
	*host = idna_to_ascii(r->models->arena, word);
	return *host == NULL ? expected(r, "a host name", word) : 0;
}

static int take_mx(struct reading *r, struct span rest)
{
	return take_host(r, rest, &r->model->mx);
}

static int take_domain(struct reading *r, struct span rest)
{
	return take_host(r, rest, &r->model->domain);
}

static int take_told(struct reading *r, struct span rest)
{
	struct model *m = r->model;
	const struct { const char *name; enum models_said *said; } rows[] = {
		{ "enforces", &m->enforces }, { "trusts-arc", &m->trusts_arc }, { "allowlists-us", &m->allowlists_us },
	};
	struct span name = { NULL, 0 }, word;

	span_word(&rest, &name);
	if (one_word(r, rest, "yes or no", &word) != 0)
		return -1;
	if (!span_eq_text(word, "yes") && !span_eq_text(word, "no"))
		return expected(r, "yes or no", word);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_eq_text(name, rows[i].name)) {
			*rows[i].said = span_eq_text(word, "yes") ? MODELS_YES : MODELS_NO;
			return 0;
		}
	return expected(r, "enforces, trusts-arc or allowlists-us", name);
}

/* "550 5.7.1 text", the basic code of the wanted kind. */
static int take_reply_text(struct reading *r, struct span rest, char digit, const char **reply)
{
	struct span text = span_trim(rest), code = span_sub(text, 0, 3);
	unsigned long long number;

	if (text.len > REPLY_MAX_BYTES || code.len < 3 || !span_number(code, 599, &number) || code.ptr[0] != digit || (text.len > 3 && text.ptr[3] != ' '))
		return expected(r, digit == '5' ? "a reply that begins with 5xx" : "a reply that begins with 4xx", text);
	*reply = arena_text(r->models->arena, text);
	return 0;
}

static int take_reply(struct reading *r, struct span rest)
{
	return take_reply_text(r, rest, '5', &r->model->reply);
}

static int take_temporary_reply(struct reading *r, struct span rest)
{
	return take_reply_text(r, rest, '4', &r->model->temporary_reply);
}

static const struct { const char *word; int (*take)(struct reading *r, struct span rest); } words[] = {
	{ "receiver", take_receiver }, { "about", take_about }, { "reads", take_reads }, { "on-reject", take_on_reject }, { "on-quarantine", take_on_quarantine },
	{ "on-temporary", take_on_temporary }, { "obeys", take_obeys }, { "trusts-seals-of", take_sealers }, { "takes", take_takes }, { "mx", take_mx },
	{ "domain", take_domain }, { "told", take_told }, { "reply", take_reply }, { "temporary-reply", take_temporary_reply },
};

static int take_line(struct reading *r, struct span line)
{
	struct span word;

	line = span_trim(line);
	if (line.len == 0 || line.ptr[0] == '#')
		return 0;
	span_word(&line, &word);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_eq_text(word, words[i].word))
			return r->model == NULL && i > 0 ? expected(r, "\"receiver NAME\" first", word) : words[i].take(r, line);
	return expected(r, "receiver, about, reads, on-reject, on-quarantine, on-temporary, obeys, trusts-seals-of, takes, mx, domain, told, reply or temporary-reply", word);
}

int models_parse(struct span text, const char *file, struct models *models, struct fail *why)
{
	const char *slash = strrchr(file, '/');
	struct reading r = { .models = models, .file = slash == NULL ? file : slash + 1, .why = why };
	struct span line;

	while (span_next(&text, '\n', &line)) {
		r.line++;
		if (line.len > LINE_MAX_BYTES)
			return fail_permanent(why, "%s:%zu: longer than %d bytes", r.file, r.line, LINE_MAX_BYTES);
		if (memchr(line.ptr, '\0', line.len) != NULL)
			return fail_permanent(why, "%s:%zu: a NUL octet", r.file, r.line);
		if (take_line(&r, line) != 0)
			return -1;
	}
	return 0;
}

struct model *models_find(const struct models *models, struct span name)
{
	for (size_t i = 0; i < models->count; i++)
		if (span_eq_text_nocase(name, models->items[i].name))
			return &models->items[i];
	return NULL;
}

static const char *of_the_list(const char *name, const char *list_domain)
{
	return name != NULL && strcmp(name, MODELS_OF_THE_LIST) == 0 ? list_domain : name;
}

static bool same_sealers(const char *const *one, const char *const *other)
{
	static const char *const nobody[] = { NULL };

	one = one == NULL ? nobody : one;
	other = other == NULL ? nobody : other;
	while (*one != NULL && *other != NULL && strcmp(*one, *other) == 0) {
		one++;
		other++;
	}
	return *one == NULL && *other == NULL;
}

static void bind_sealers(struct models *models, struct model *model, const char *list_domain)
{
	for (size_t i = 0; model->sealers != NULL && model->sealers[i] != NULL; i++)
		model->sealers[i] = of_the_list(model->sealers[i], list_domain);
	for (model->sealer_set = 0; model->sealer_set < models->sealer_set_count; model->sealer_set++)
		if (same_sealers(model->policy.trusted_sealers, models->sealer_sets[model->sealer_set]))
			return;
	models->sealer_sets[models->sealer_set_count++] = model->policy.trusted_sealers;
}

/* The way a list server takes: by domain, else by MX, in a zone that holds nothing else. */
static int look_up(struct arena *a, struct model *model, struct receivers *receivers, const struct clock *clock, struct fail *why)
{
	const char *domain = model->domain != NULL ? model->domain : arena_printf(a, "%s.receiver.invalid", model->name);
	struct resolver *zone = resolver_zone_new();
	int result = 0;

	if (model->mx != NULL)
		result = resolver_zone_add(zone, span_of(arena_printf(a, "%s MX 10 %s", domain, model->mx)), why);
	if (result == 0)
		model->believed = *receivers_find(receivers, zone, clock, domain);
	resolver_free(zone);
	return result;
}

int models_bind(struct models *models, const char *list_domain, struct receivers *receivers, const struct clock *clock, struct fail *why)
{
	models->sealer_sets = arena_array(models->arena, models->count, sizeof(*models->sealer_sets));
	for (size_t i = 0; i < models->count; i++) {
		struct model *m = &models->items[i];

		for (size_t k = 0; k < m->policy.known_count; k++)
			m->known[k].dkim_domain = of_the_list(m->known[k].dkim_domain, list_domain);
		bind_sealers(models, m, list_domain);
		m->believed = (struct receiver){ .name = "unknown", .enforces = true, .source = "default" };
		if (receivers != NULL && look_up(models->arena, m, receivers, clock, why) != 0)
			return fail_prefix(why, "receiver %s", m->name);
		m->believed.enforces = m->enforces == MODELS_UNSAID ? m->believed.enforces : m->enforces == MODELS_YES;
		m->believed.trusts_arc = m->trusts_arc == MODELS_UNSAID ? m->believed.trusts_arc : m->trusts_arc == MODELS_YES;
		m->believed.allowlists_us = m->allowlists_us == MODELS_UNSAID ? m->believed.allowlists_us : m->allowlists_us == MODELS_YES;
	}
	return 0;
}

const char *models_reply(struct arena *a, const struct model *model, const struct receiving_verdict *verdict)
{
	const struct { const char *name, *value; } values[] = {
		{ "{domain}", verdict->author_domain == NULL ? "the author" : verdict->author_domain }, { "{policy}", dmarc_policy_name(verdict->policy) },
	};
	struct span text = span_of(verdict->temporary ? model->temporary_reply : model->reply);
	struct buf out;
	const char *reply;

	buf_init(&out, 4 * REPLY_MAX_BYTES);
	while (text.len > 0) {
		size_t i = 0;

		while (i < 2 && !span_starts_nocase(text, values[i].name))
			i++;
		if (i < 2)
			buf_put_text(&out, values[i].value);
		else
			buf_put_byte(&out, text.ptr[0]);
		text = span_sub(text, i < 2 ? strlen(values[i].name) : 1, text.len);
	}
	reply = arena_text(a, buf_span(&out));
	buf_done(&out);
	return reply;
}
