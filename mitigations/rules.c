/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/rules.h"
#include "mail/glob.h"
#include "mail/idna.h"
#include "mitigations/strategy.h"

#include <string.h>

/* Gmail and others refuse relayed gmail.com authors though that domain publishes p=none. */
const char rules_default_text[] = "force from gmail.com\nforce from googlemail.com\n";

struct reading {
	struct arena *arena;
	size_t line;
	struct fail *why;
};

static int expected(const struct reading *reading, const char *what, struct span found)
{
	return fail_permanent(reading->why, "line %zu: expected %s, not \"%.*s\"", reading->line, what, (int)(found.len > 80 ? 80 : found.len),
		found.len == 0 ? "" : found.ptr);
}

static bool has_byte(struct span s, char c)
{
	return span_find_byte(s, c) < s.len;
}

/* A pattern without "*": its domain becomes A-labels, as authors' domains are. */
static const char *plain_pattern(struct arena *a, struct span word)
{
	struct address address;
	const char *domain;

	if (has_byte(word, '@'))
		return address_parse(a, word, &address, NULL) == 0 ? address_key(a, &address) : NULL;
	if (word.len == 0 || word.ptr[0] != '.')
		return idna_to_ascii(a, word);
	domain = idna_to_ascii(a, span_sub(word, 1, word.len));
	return domain == NULL ? NULL : arena_printf(a, ".%s", domain);
}

static const char *read_pattern(struct arena *a, struct span word)
{
	return has_byte(word, '*') ? arena_lower(a, word) : plain_pattern(a, word);
}

static int take_from(const struct reading *reading, struct span word, struct rule *rule)
{
	if (rule->from != NULL)
		return expected(reading, "\"from\" once", word);
	rule->from = read_pattern(reading->arena, word);
	return rule->from != NULL ? 0 : expected(reading, "a domain, .domain, address or glob after \"from\"", word);
}

static bool is_name(struct span word)
{
	for (size_t i = 0; i < word.len; i++) {
		char c = ascii_lower(word.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
			return false;
	}
	return word.len > 0;
}

static int take_to(const struct reading *reading, struct span word, struct rule *rule)
{
	const char *domain;

	if (rule->to != NULL)
		return expected(reading, "\"to\" once", word);
	if (word.ptr[0] == '@') {
		domain = idna_to_ascii(reading->arena, span_sub(word, 1, word.len));
		rule->to = domain == NULL ? NULL : arena_printf(reading->arena, "@%s", domain);
	} else if (is_name(word)) {
		rule->to = arena_lower(reading->arena, word);
	}
	return rule->to != NULL ? 0 : expected(reading, "an operator's name or @domain after \"to\"", word);
}

static const struct {
	const char *word;
	int (*take)(const struct reading *reading, struct span word, struct rule *rule);
} parts[] = { { "from", take_from }, { "to", take_to } };

static int take_part(const struct reading *reading, struct span word, struct span *rest, struct rule *rule)
{
	struct span value;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!span_eq_text_nocase(word, parts[i].word))
			continue;
		if (!span_word(rest, &value))
			return fail_permanent(reading->why, "line %zu: \"%s\" stands without a pattern", reading->line, parts[i].word);
		return parts[i].take(reading, value, rule);
	}
	return expected(reading, "\"from PATTERN\", \"to RECEIVER\" or the end of the rule", word);
}

static int take_action(const struct reading *reading, struct span word, struct rule *rule)
{
	const struct strategy *strategy;

	if (span_eq_text_nocase(word, "exempt") || span_eq_text_nocase(word, "force")) {
		rule->action = span_eq_text_nocase(word, "exempt") ? RULE_EXEMPT : RULE_FORCE;
		return 0;
	}
	strategy = strategy_find(word);
	if (strategy == NULL)
		return expected(reading, "exempt, force or the name of a strategy", word);
	rule->action = RULE_STRATEGY;
	rule->strategy = strategy->name;
	return 0;
}

static int take_rule(const struct reading *reading, struct span text, struct rule *rule_r)
{
	struct rule rule = { .text = arena_text(reading->arena, text) };
	struct span word;

	span_word(&text, &word);
	if (take_action(reading, word, &rule) != 0)
		return -1;
	while (span_word(&text, &word))
		if (take_part(reading, word, &text, &rule) != 0)
			return -1;
	*rule_r = rule;
	return 0;
}

static int take_line(const struct reading *reading, struct span line, struct rules *rules, size_t *cap)
{
	struct span text;

	line = span_sub(line, 0, span_find_byte(line, '#'));
	while (span_next(&line, ';', &text)) {
		text = span_trim(text);
		if (text.len == 0)
			continue;
		if (text.len > RULE_MAX_BYTES || has_byte(text, '\0'))
			return fail_permanent(reading->why, "line %zu: a rule is longer than %d bytes or holds a NUL", reading->line, RULE_MAX_BYTES);
		if (rules->count == RULES_MAX)
			return fail_permanent(reading->why, "line %zu: more than %d rules", reading->line, RULES_MAX);
		if (take_rule(reading, text, arena_grow(reading->arena, &rules->items, cap, rules->count, sizeof(struct rule))) != 0)
			return -1;
		rules->count++;
	}
	return 0;
}

int rules_parse(struct arena *a, struct span text, struct rules *rules_r, struct fail *why)
{
	struct reading reading = { .arena = a, .why = why };
	struct rules rules = { NULL, 0 };
	struct span line;
	size_t cap = 0;

	while (span_next(&text, '\n', &line)) {
		reading.line++;
		if (take_line(&reading, line, &rules, &cap) != 0)
			return -1;
	}
	*rules_r = rules;
	return 0;
}

/* Matching. */

struct author { const char *key, *domain; }; /* whole address; its domain, or NULL */

static bool from_matches(const char *pattern, const struct author *author)
{
	struct span glob = span_of(pattern);
	size_t len, below;

	if (has_byte(glob, '*'))
		return glob_match(glob, span_of(has_byte(glob, '@') ? author->key : author->domain));
	if (has_byte(glob, '@'))
		return strcmp(pattern, author->key) == 0;
	if (author->domain == NULL)
		return false;
	if (pattern[0] != '.')
		return strcmp(pattern, author->domain) == 0;
	len = strlen(author->domain);
	below = strlen(pattern);
	return strcmp(pattern + 1, author->domain) == 0 || (len > below && strcmp(author->domain + len - below, pattern) == 0);
}

static bool to_matches(const char *to, const struct receiver *receiver, struct span to_domain)
{
	if (to[0] == '@')
		return span_eq_text_nocase(to_domain, to + 1);
	return receiver != NULL && span_eq_text_nocase(span_of(receiver->name), to);
}

static bool authors_match(const struct rule *rule, const struct author *authors, size_t count)
{
	size_t matching = 0;

	if (rule->from == NULL)
		return true;
	for (size_t i = 0; i < count; i++)
		matching += from_matches(rule->from, &authors[i]);
	return rule->action == RULE_EXEMPT ? matching > 0 && matching == count : matching > 0;
}

static struct author *list_authors(struct arena *a, const struct address_list *list)
{
	struct author *authors = arena_array(a, list->count, sizeof(*authors));

	for (size_t i = 0; i < list->count; i++) {
		const char *at;

		authors[i].key = address_key(a, &list->items[i]);
		at = strrchr(authors[i].key, '@');
		authors[i].domain = at == NULL ? NULL : at + 1;
	}
	return authors;
}

const struct rule *rules_match(const struct rules *rules, const struct address_list *authors, const struct receiver *receiver, const char *to_domain)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	const struct author *list = list_authors(a, authors);
	const char *ascii = to_domain == NULL ? NULL : idna_to_ascii(a, span_of(to_domain));
	const struct rule *found = NULL;

	for (size_t i = 0; i < rules->count && found == NULL; i++) {
		const struct rule *rule = &rules->items[i];

		if ((rule->to == NULL || to_matches(rule->to, receiver, span_of(ascii))) && authors_match(rule, list, authors->count))
			found = rule;
	}
	arena_free(a);
	return found;
}

bool rules_pattern_matches(struct arena *a, const char *pattern, const struct address *address)
{
	const struct address_list one = { .items = (struct address *)(uintptr_t)address, .count = 1 };
	const char *read = read_pattern(a, span_of(pattern));

	return read != NULL && address->domain.len > 0 && from_matches(read, list_authors(a, &one));
}
