/* SPDX-License-Identifier: BSD-2-Clause */
/* Values as text and back. */
#include "listd/settings_int.h"

#include <stdlib.h>
#include <string.h>

struct unit { char letter; long long size; };
/* Largest first. */
static const struct unit time_units[] = { { 'w', 604800 }, { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
static const struct unit size_units[] = { { 'G', 1LL << 30 }, { 'M', 1LL << 20 }, { 'K', 1LL << 10 }, { 'B', 1 } };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct setting *setting_find(const struct setting *rows, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

/* Edit distance of two names, at most NAME_MAX_CHARS each. */
#define NAME_MAX_CHARS 40

static unsigned distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	unsigned row[NAME_MAX_CHARS + 1];

	if (a_len > NAME_MAX_CHARS || b_len > NAME_MAX_CHARS)
		return NAME_MAX_CHARS;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[b_len];
}

const struct setting *setting_nearest(const struct setting *rows, size_t count, const char *name)
{
	const struct setting *nearest = NULL;
	unsigned least = 4;

	for (size_t i = 0; i < count; i++) {
		unsigned d = distance(name, rows[i].name);

		if (d < least && d < strlen(rows[i].name)) {
			least = d;
			nearest = &rows[i];
		}
	}
	return nearest;
}

static int out_of_range(const struct setting *row, const char *text, struct fail *why)
{
	struct setting bound = *row;
	struct buf low, high;
	long long limits[2] = { row->min, row->max };

	buf_init(&low, 64);
	buf_init(&high, 64);
	bound.offset = 0;
	setting_value(&bound, &limits[0], &low);
	setting_value(&bound, &limits[1], &high);
	fail_permanent(why, "expected something from %s to %s, not \"%.80s\"", buf_text(&low), buf_text(&high), text);
	buf_done(&low);
	buf_done(&high);
	return -1;
}

/* Digits, and nothing that overflows. */
static bool take_digits(const char **at, long long *number_r)
{
	const char *start = *at;
	long long number = 0;

	for (; **at >= '0' && **at <= '9'; ++*at)
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, **at - '0', &number))
			return false;
	*number_r = number;
	return *at > start;
}

static int convert_number(const struct setting *row, const char *text, long long *number_r, struct fail *why)
{
	bool is_negative = text[0] == '-';
	const char *at = text + is_negative;
	long long number;

	if (!take_digits(&at, &number) || *at != '\0')
		return fail_permanent(why, "expected a number, not \"%.80s\"", text);
	if (is_negative)
		number = -number;
	if (number < row->min || number > row->max)
		return out_of_range(row, text, why);
	*number_r = number;
	return 0;
}

static const struct unit *find_unit(const struct unit *units, size_t count, char letter)
{
	for (size_t i = 0; i < count; i++)
		if (letter != '\0' && (letter | 0x20) == (units[i].letter | 0x20))
			return &units[i];
	return NULL;
}

/* "90", "2h", "1h30m": a number without unit is in the least one. */
static int convert_units(const struct setting *row, const char *text, const struct unit *units, size_t count, const char *expected, long long *number_r,
	struct fail *why)
{
	const char *at = text;
	long long number = 0, part;

	do {
		const struct unit *unit;

		if (!take_digits(&at, &part))
			return fail_permanent(why, "expected %s, not \"%.80s\"", expected, text);
		unit = *at == '\0' ? &units[count - 1] : find_unit(units, count, *at++);
		if (unit == NULL || __builtin_mul_overflow(part, unit->size, &part) || __builtin_add_overflow(number, part, &number))
			return fail_permanent(why, "expected %s, not \"%.80s\"", expected, text);
	} while (*at != '\0');
	if (number < row->min || number > row->max)
		return out_of_range(row, text, why);
	*number_r = number;
	return 0;
}

static int convert_bool(const char *text, long long *number_r, struct fail *why)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (span_eq_text_nocase(span_of(text), words[i])) {
			*number_r = (long long)(i % 2);
			return 0;
		}
	return fail_permanent(why, "expected yes or no, not \"%.80s\"", text);
}

static int convert_enum(const struct setting *row, const char *text, long long *number_r, struct fail *why)
{
	struct buf names;

	for (int i = 0; row->choices[i] != NULL; i++)
		if (span_eq_text_nocase(span_of(text), row->choices[i])) {
			*number_r = i;
			return 0;
		}
	buf_init(&names, 300);
	for (int i = 0; row->choices[i] != NULL; i++)
		buf_printf(&names, "%s%s", i == 0 ? "" : row->choices[i + 1] == NULL ? " or " : ", ", row->choices[i]);
	fail_permanent(why, "expected %s, not \"%.80s\"", buf_text(&names), text);
	buf_done(&names);
	return -1;
}

int setting_convert(const struct setting *row, const char *text, long long *number_r, struct fail *why)
{
	int result = 0;

	*number_r = 0;
	switch (row->type) {
	case SETTING_TEXT:
	case SETTING_TEXTS:
		/* An empty text is an unset one. */
		if (text[0] == '\0')
			return 0;
		break;
	case SETTING_NUMBER:
		result = convert_number(row, text, number_r, why);
		break;
	case SETTING_BOOL:
		result = convert_bool(text, number_r, why);
		break;
	case SETTING_ENUM:
		result = convert_enum(row, text, number_r, why);
		break;
	case SETTING_SECS:
		result = convert_units(row, text, time_units, COUNT(time_units), "a time such as 30s, 15m, 2h or 5d", number_r, why);
		break;
	case SETTING_BYTES:
		result = convert_units(row, text, size_units, COUNT(size_units), "a size such as 64K, 10M or 1G", number_r, why);
		break;
	}
	return result == 0 && row->check != NULL ? row->check(text, why) : result;
}

void *setting_place(const struct setting *row, void *settings)
{
	return (char *)settings + row->offset;
}

void setting_quote(const char *text, struct buf *out)
{
	buf_put_byte(out, '"');
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\' || (*p == '$' && p[1] == '{'))
			buf_put_byte(out, '\\');
		if (*p == '\r')
			buf_put_text(out, "\\r");
		else
			buf_put_byte(out, *p);
	}
	buf_put_byte(out, '"');
}

static void put_units(long long number, const struct unit *units, size_t count, struct buf *out)
{
	size_t i = 0;

	while (i + 1 < count && (number == 0 || number % units[i].size != 0))
		i++;
	/* The least unit of a size goes without saying. */
	if (units[i].letter == 'B' || (number == 0 && i + 1 == count))
		buf_printf(out, "%lld", number);
	else
		buf_printf(out, "%lld%c", number / units[i].size, units[i].letter);
}

static void put_texts(const char *const *texts, struct buf *out)
{
	buf_put_text(out, "{");
	for (; texts != NULL && *texts != NULL; texts++) {
		buf_put_text(out, " ");
		setting_quote(*texts, out);
		if (texts[1] != NULL)
			buf_put_text(out, ",");
	}
	buf_put_text(out, " }");
}

void setting_value(const struct setting *row, const void *settings, struct buf *out)
{
	const char *place = (const char *)settings + row->offset;

	switch (row->type) {
	case SETTING_TEXT:
		setting_quote(*(const char *const *)place == NULL ? "" : *(const char *const *)place, out);
		break;
	case SETTING_TEXTS:
		put_texts(*(const char *const *const *)place, out);
		break;
	case SETTING_NUMBER:
		buf_printf(out, "%lld", *(const long long *)place);
		break;
	case SETTING_BOOL:
		buf_put_text(out, *(const bool *)place ? "yes" : "no");
		break;
	case SETTING_ENUM:
		buf_put_text(out, row->choices[*(const int *)place]);
		break;
	case SETTING_SECS:
		put_units(*(const long long *)place, time_units, COUNT(time_units), out);
		break;
	case SETTING_BYTES:
		put_units(*(const long long *)place, size_units, COUNT(size_units), out);
		break;
	}
}

void setting_assignment(const struct setting *row, const char *value, struct buf *out)
{
	size_t len = strspn(value, " ");
	bool is_first = true;

	buf_printf(out, "%s = ", row->name);
	if (row->type != SETTING_TEXTS) {
		setting_quote(value, out);
		return;
	}
	if (value[len] == '{') {
		buf_put_text(out, value);
		return;
	}
	buf_put_text(out, "{");
	for (const char *p = value; *p != '\0'; p += len) {
		char *word;

		p += strspn(p, ", \t\n");
		len = strcspn(p, ", \t\n");
		if (len == 0)
			break;
		word = strndup(p, len);
		if (word == NULL)
			fail_environment("out of memory");
		buf_put_text(out, is_first ? " " : ", ");
		setting_quote(word, out);
		free(word);
		is_first = false;
	}
	buf_put_text(out, " }");
}
