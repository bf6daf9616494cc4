/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/known_lists.h"

#include "listd/settings_int.h"

static const struct { const char *name; size_t offset; int (*check)(const char *value, struct fail *why); } conditions[] = {
	{ "dkim", offsetof(struct receiving_known, dkim_domain), check_host },
	{ "list-id", offsetof(struct receiving_known, list_id), check_word },
	{ "network", offsetof(struct receiving_known, network), check_network },
};

static int read_condition(struct arena *a, struct span word, struct receiving_known *row, struct fail *why)
{
	size_t equals = span_find_byte(word, '=');

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		const char **place = (const char **)((char *)row + conditions[i].offset);

		if (equals + 1 >= word.len || !span_eq_text(span_sub(word, 0, equals), conditions[i].name))
			continue;
		*place = arena_text(a, span_sub(word, equals + 1, word.len));
		return conditions[i].check(*place, why);
	}
	return fail_permanent(why, "expected dkim=DOMAIN, list-id=PATTERN or network=CIDR, not \"%.80s\"", arena_text(a, word));
}

/* 0: an empty line, 1: a row. */
static int read_line(struct arena *a, struct span line, struct receiving_known *row, struct fail *why)
{
	struct span rest = line, word;

	if (!span_word(&rest, &word) || word.ptr[0] == '#')
		return 0;
	*row = (struct receiving_known){ .name = arena_text(a, word) };
	while (span_word(&rest, &word))
		if (read_condition(a, word, row, why) != 0)
			return -1;
	if (row->dkim_domain == NULL && row->network == NULL)
		return fail_permanent(why, "%s: name its dkim=DOMAIN or network=CIDR; anybody can write a List-Id", row->name);
	return 1;
}

int known_lists_parse(struct arena *a, struct span text, struct receiving_known **known_r, size_t *count_r, struct fail *why)
{
	struct receiving_known *rows = NULL;
	size_t count = 0, cap = 0;
	struct span line;

	for (size_t number = 1; span_next(&text, '\n', &line); number++) {
		struct receiving_known row;
		int result = read_line(a, line, &row, why);

		if (result < 0)
			return fail_prefix(why, "line %zu", number);
		if (result == 0)
			continue;
		*(struct receiving_known *)arena_grow(a, &rows, &cap, count, sizeof(*rows)) = row;
		count++;
	}
	*known_r = rows;
	*count_r = count;
	return 0;
}
