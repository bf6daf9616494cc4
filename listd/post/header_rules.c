/* SPDX-License-Identifier: BSD-2-Clause */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "listd/post/header_rules.h"

#include "mail/header.h"

#include <pcre2.h>

struct header_rule {
	enum header_action action;
	struct span field;
	pcre2_code *code;
};

static const struct { const char *name; enum header_action action; } actions[] = {
	{ "hold", HEADER_HOLD }, { "refuse", HEADER_REFUSE }, { "discard", HEADER_DISCARD },
};

static bool take_word(struct span *rest, struct span *word_r)
{
	*rest = span_trim(*rest);
	for (size_t i = 0; i <= rest->len; i++) {
		if (i < rest->len && rest->ptr[i] != ' ' && rest->ptr[i] != '\t')
			continue;
		*word_r = span_sub(*rest, 0, i);
		*rest = span_trim(span_sub(*rest, i, rest->len));
		break;
	}
	return word_r->len > 0;
}

static int compile(struct span expression, struct header_rule *rule_r, struct fail *why)
{
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
	int error;
	size_t offset, close;
	char text[256];

	if (expression.len < 2 || expression.ptr[0] != '/')
		return fail_permanent(why, "expected /regular expression/ after the field name");
	for (close = expression.len - 1; close > 0 && expression.ptr[close] != '/'; close--)
		;
	if (close == 0)
		return fail_permanent(why, "the regular expression has no closing /");
	if (close + 1 < expression.len) {
		if (!span_eq_text(span_sub(expression, close + 1, expression.len), "i"))
			return fail_permanent(why, "after the closing / only \"i\" may follow");
		options |= PCRE2_CASELESS;
	}
	rule_r->code = pcre2_compile((PCRE2_SPTR)expression.ptr + 1, close - 1, options, &error, &offset, NULL);
	if (rule_r->code != NULL)
		return 0;
	pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof(text));
	return fail_permanent(why, "regular expression: %s at character %zu", text, offset + 1);
}

static int parse_rule(struct span line, struct header_rule *rule_r, struct fail *why)
{
	struct span action;

	if (!take_word(&line, &action) || !take_word(&line, &rule_r->field))
		return fail_permanent(why, "expected: hold|refuse|discard FIELD /expression/");
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (span_eq_text(action, actions[i].name)) {
			rule_r->action = actions[i].action;
			return compile(line, rule_r, why);
		}
	return fail_permanent(why, "unknown action \"%.*s\": expected hold, refuse or discard", (int)(action.len > 40 ? 40 : action.len), action.ptr);
}

int header_rules_check(const char *rules, struct fail *why)
{
	struct span rest = span_of(rules), line;
	unsigned number = 0, count = 0;

	while (span_next(&rest, '\n', &line)) {
		struct header_rule rule = { 0 };

		number++;
		line = span_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		if (++count > HEADER_RULES_MAX)
			return fail_permanent(why, "more than %d header rules", HEADER_RULES_MAX);
		if (parse_rule(line, &rule, why) != 0)
			return fail_prefix(why, "header rule %u", number);
		pcre2_code_free(rule.code);
	}
	return 0;
}

static bool field_matches(struct arena *a, const struct header_rule *rule, const struct message *m, pcre2_match_data *data, pcre2_match_context *context, bool *too_slow)
{
	for (size_t i = 0; i < m->field_count; i++) {
		struct span value;
		int found;

		if (!span_eq_text(rule->field, "*") && !span_eq_nocase(rule->field, m->fields[i].name))
			continue;
		value = header_unfold(a, m->fields[i].value);
		found = pcre2_match(rule->code, (PCRE2_SPTR)(value.len > 0 ? value.ptr : ""), value.len, 0, 0, data, context);
		if (found >= 0)
			return true;
		if (found != PCRE2_ERROR_NOMATCH) {
			*too_slow = true;
			return true;
		}
	}
	return false;
}

static enum header_action try_rule(struct arena *a, struct span line, const struct message *m, pcre2_match_context *context)
{
	struct header_rule rule = { 0 };
	pcre2_match_data *data;
	bool too_slow = false, matches;

	if (parse_rule(line, &rule, NULL) != 0)
		return HEADER_PASS;
	data = pcre2_match_data_create_from_pattern(rule.code, NULL);
	matches = field_matches(a, &rule, m, data, context, &too_slow);
	pcre2_match_data_free(data);
	pcre2_code_free(rule.code);
	return !matches ? HEADER_PASS : too_slow ? HEADER_HOLD : rule.action;
}

enum header_action header_rules_match(struct arena *a, const char *rules, const struct message *m, const char **rule_r)
{
	struct span rest = span_of(rules), line;
	enum header_action action = HEADER_PASS;
	pcre2_match_context *context;

	if (rules == NULL || *rules == '\0')
		return HEADER_PASS;
	context = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(context, HEADER_RULE_MATCH_LIMIT);
	pcre2_set_depth_limit(context, HEADER_RULE_MATCH_LIMIT);
	while (action == HEADER_PASS && span_next(&rest, '\n', &line)) {
		line = span_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		action = try_rule(a, line, m, context);
		*rule_r = arena_text(a, line);
	}
	pcre2_match_context_free(context);
	return action;
}
