/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/dmarc.h"

/* Names of unknown tags that are remembered to find duplicates. Real records have none or a few; beyond that a duplicate of an unknown tag is
 * let pass, which only leaves the record in force. */
#define UNKNOWN_TAGS_MAX 64

struct parse {
	struct dmarc_record *record;
	bool bad_policy;  /* p, sp or np holds no policy */
	unsigned known;   /* bits of the rows seen */
	struct span unknown[UNKNOWN_TAGS_MAX];
	size_t unknown_count;
};

static const char *const policy_names[] = {
	[DMARC_ABSENT] = "absent", [DMARC_P_NONE] = "none", [DMARC_P_QUARANTINE] = "quarantine", [DMARC_P_REJECT] = "reject",
	[DMARC_UNKNOWN] = "unknown",
};

const char *dmarc_policy_name(enum dmarc_policy policy)
{
	return policy_names[policy];
}

bool dmarc_is_strict(enum dmarc_policy policy)
{
	return policy >= DMARC_P_QUARANTINE;
}

enum dmarc_policy dmarc_stricter(enum dmarc_policy one, enum dmarc_policy other)
{
	if (one == DMARC_P_REJECT || other == DMARC_P_REJECT)
		return DMARC_P_REJECT;
	return one > other ? one : other;
}

static void take_policy(struct parse *parse, enum dmarc_policy *policy, struct span value)
{
	for (enum dmarc_policy i = DMARC_P_NONE; i <= DMARC_P_REJECT; i++)
		if (span_eq_text_nocase(value, policy_names[i])) {
			*policy = dmarc_stricter(*policy, i);
			return;
		}
	parse->bad_policy = true;
}

static void take_p(struct parse *parse, struct span value)
{
	take_policy(parse, &parse->record->p, value);
}

static void take_sp(struct parse *parse, struct span value)
{
	take_policy(parse, &parse->record->sp, value);
}

static void take_np(struct parse *parse, struct span value)
{
	take_policy(parse, &parse->record->np, value);
}

static void take_adkim(struct parse *parse, struct span value)
{
	parse->record->strict_dkim |= span_eq_text_nocase(value, "s");
}

static void take_aspf(struct parse *parse, struct span value)
{
	parse->record->strict_spf |= span_eq_text_nocase(value, "s");
}

static void take_psd(struct parse *parse, struct span value)
{
	if (span_eq_text_nocase(value, "y") || span_eq_text_nocase(value, "n"))
		parse->record->psd = ascii_lower(value.ptr[0]);
}

static void take_t(struct parse *parse, struct span value)
{
	parse->record->testing |= span_eq_text_nocase(value, "y");
}

static void take_pct(struct parse *parse, struct span value)
{
	unsigned long long pct;

	if (span_number(value, 100, &pct))
		parse->record->pct = (unsigned)pct;
}

static bool is_scheme(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = ascii_lower(s.ptr[i]);
		bool letter = c >= 'a' && c <= 'z';
		bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';

		if (!letter && (i == 0 || !other))
			return false;
	}
	return s.len > 0;
}

/* RFC 3986 as far as a report could be sent there: a scheme, a colon, something after it without blanks and foreign octets; a
 * mailto with an address. */
static bool is_uri(struct span uri)
{
	size_t colon = span_find_byte(uri, ':');
	struct span rest = span_sub(uri, colon + 1, uri.len);

	if (rest.len == 0 || !is_scheme(span_sub(uri, 0, colon)))
		return false;
	for (size_t i = 0; i < rest.len; i++) {
		char c = rest.ptr[i];

		if (c <= ' ' || c > '~' || c == '"' || c == '<' || c == '>' || c == '\\' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}')
			return false;
	}
	return !span_starts_nocase(uri, "mailto:") || span_find_byte(rest, '@') < rest.len;
}

static void take_rua(struct parse *parse, struct span value)
{
	struct span uri;

	while (!parse->record->has_rua && span_next(&value, ',', &uri))
		parse->record->has_rua = is_uri(span_trim(uri));
}

/* The tags of RFC 9989 4.7 that have a say here, and pct of RFC 7489. A bad value in one of the others leaves the default. */
static const struct {
	const char *name;
	void (*take)(struct parse *parse, struct span value);
} tags[] = {
	{ "p", take_p }, { "sp", take_sp }, { "np", take_np }, { "adkim", take_adkim }, { "aspf", take_aspf },
	{ "psd", take_psd }, { "t", take_t }, { "pct", take_pct }, { "rua", take_rua },
};
#define TAG_COUNT (sizeof(tags) / sizeof(tags[0]))

static void take_unknown(struct parse *parse, struct span name)
{
	/* A second v= is no version any more, but a tag that stands twice. */
	parse->record->has_duplicate |= span_eq_text_nocase(name, "v");
	for (size_t i = 0; i < parse->unknown_count; i++)
		parse->record->has_duplicate |= span_eq_nocase(parse->unknown[i], name);
	if (parse->unknown_count < UNKNOWN_TAGS_MAX)
		parse->unknown[parse->unknown_count++] = name;
}

static void take_tag(struct parse *parse, struct span name, struct span value)
{
	for (size_t i = 0; i < TAG_COUNT; i++)
		if (span_eq_text_nocase(name, tags[i].name)) {
			parse->record->has_duplicate |= (parse->known >> i & 1) != 0;
			parse->known |= 1u << i;
			tags[i].take(parse, value);
			return;
		}
	take_unknown(parse, name);
}

/* "v=DMARC1" first, nothing before it, the value in this very letter case (4.7, 4.8). The tags behind it go to *rest_r. */
static bool take_version(struct span text, struct span *rest_r)
{
	struct span rest = text, version;
	size_t equals;

	if (text.len == 0 || ascii_lower(text.ptr[0]) != 'v' || !span_next(&rest, ';', &version))
		return false;
	equals = span_find_byte(version, '=');
	if (span_trim(span_sub(version, 0, equals)).len != 1 || !span_eq_text(span_trim(span_sub(version, equals + 1, version.len)), "DMARC1"))
		return false;
	*rest_r = rest;
	return true;
}

bool dmarc_is_record(struct span text)
{
	struct span rest;

	return take_version(text, &rest);
}

/* 4.10.1: without a valid p, or with an sp or np that is none, a record with rua stands for p=none; one without rua is void. */
static bool settle_policy(const struct parse *parse, struct dmarc_record *record)
{
	if (record->p != DMARC_ABSENT && (!parse->bad_policy || record->has_duplicate))
		return true;
	record->p = record->has_rua ? DMARC_P_NONE : DMARC_ABSENT;
	record->sp = record->np = DMARC_ABSENT;
	return record->has_rua;
}

bool dmarc_record_parse(struct span text, struct dmarc_record *record_r)
{
	struct parse parse = { .record = record_r };
	struct span rest, part;

	*record_r = (struct dmarc_record){ .text = text, .psd = 'u', .pct = 100 };
	if (!take_version(text, &rest))
		return false;
	while (span_next(&rest, ';', &part)) {
		size_t equals = span_find_byte(part, '=');

		/* What is no tag is passed over: errors after the version do not void a record (4.7). */
		if (equals < part.len)
			take_tag(&parse, span_trim(span_sub(part, 0, equals)), span_trim(span_sub(part, equals + 1, part.len)));
	}
	return settle_policy(&parse, record_r) && !record_r->has_duplicate;
}
