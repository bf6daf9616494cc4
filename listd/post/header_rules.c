/* SPDX-License-Identifier: BSD-2-Clause */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "listd/post/header_rules.h"

#include "mail/encword.h"
#include "mail/header.h"

#include <pcre2.h>

struct matcher {
	struct arena *arena;
	const struct message *message;
	pcre2_match_context *context;
};

static pcre2_code *compile(const struct header_rule *rule)
{
	uint32_t options = HEADER_RULE_PCRE2_OPTIONS | PCRE2_MATCH_INVALID_UTF | (rule->is_nocase ? PCRE2_CASELESS : 0);
	size_t offset;
	int error;

	return pcre2_compile((PCRE2_SPTR)rule->pattern.ptr, rule->pattern.len, options, &error, &offset, NULL);
}

/* 1 matches, 0 does not, -1 took too long. */
static int match_field(const struct matcher *m, pcre2_code *code, pcre2_match_data *data, const struct field *field)
{
	struct span value = encword_decode(m->arena, span_trim(header_unfold(m->arena, field->value)));
	int found = pcre2_match(code, (PCRE2_SPTR)(value.len > 0 ? value.ptr : ""), value.len, 0, 0, data, m->context);

	return found >= 0 ? 1 : found == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

static int match_rule(const struct matcher *m, const struct header_rule *rule)
{
	pcre2_code *code = compile(rule);
	pcre2_match_data *data;
	int found = 0;

	if (code == NULL)
		return 0;
	data = pcre2_match_data_create_from_pattern(code, NULL);
	for (size_t i = 0; found == 0 && i < m->message->field_count; i++)
		if (span_eq_nocase(rule->field, m->message->fields[i].name))
			found = match_field(m, code, data, &m->message->fields[i]);
	pcre2_match_data_free(data);
	pcre2_code_free(code);
	return found;
}

bool header_rules_match(struct arena *a, const char *rules, const struct message *message, enum header_rule_action *action_r, const char **rule_r)
{
	struct matcher m = { .arena = a, .message = message };
	struct span rest = span_of(rules);
	struct header_rule rule;
	int found = 0;

	if (rules == NULL || *rules == '\0')
		return false;
	m.context = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(m.context, HEADER_RULE_MATCH_LIMIT);
	pcre2_set_depth_limit(m.context, HEADER_RULE_MATCH_LIMIT);
	while (found == 0 && header_rule_next(&rest, &rule, NULL) == 1)
		found = match_rule(&m, &rule);
	pcre2_match_context_free(m.context);
	if (found == 0)
		return false;
	*action_r = found < 0 ? HEADER_RULE_HOLD : rule.action;
	*rule_r = arena_printf(a, "%.*s /%.*s/", (int)rule.field.len, rule.field.ptr, (int)rule.pattern.len, rule.pattern.ptr);
	return true;
}
