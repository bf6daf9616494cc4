/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/date.h"

#include <string.h>

#define COMMENT_DEPTH_MAX 32
#define DAY_SECS 86400

static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" }; /* 1 January 1970 was a Thursday */

/* RFC 5322 4.3; the military zones and all unknown ones count as "-0000". */
static const struct { const char *name; int hours; } zones[] = {
	{ "EST", -5 }, { "EDT", -4 }, { "CST", -6 }, { "CDT", -5 }, { "MST", -7 }, { "MDT", -6 }, { "PST", -8 }, { "PDT", -7 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

static void skip(struct span *s, size_t count)
{
	*s = span_sub(*s, count, s->len);
}

static size_t comment_bytes(struct span s)
{
	unsigned depth = 0;

	for (size_t i = 0; i < s.len && depth <= COMMENT_DEPTH_MAX; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '(')
			depth++;
		else if (s.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return s.len;
}

static void skip_cfws(struct span *s)
{
	while (s->len > 0 && memchr(" \t\r\n(", s->ptr[0], 5) != NULL)
		skip(s, s->ptr[0] == '(' ? comment_bytes(*s) : 1);
}

/* Take the character c, with blanks and comments before and after it. */
static bool take(struct span *s, char c)
{
	skip_cfws(s);
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	skip(s, 1);
	skip_cfws(s);
	return true;
}

static bool take_number(struct span *s, size_t digits_min, size_t digits_max, int *number_r)
{
	size_t len = 0;
	int number = 0;

	skip_cfws(s);
	for (; len < s->len && is_digit(s->ptr[len]); len++) {
		if (len == digits_max)
			return false;
		number = number * 10 + (s->ptr[len] - '0');
	}
	if (len < digits_min)
		return false;
	skip(s, len);
	*number_r = number;
	return true;
}

static struct span take_word(struct span *s)
{
	struct span word;
	size_t len = 0;

	skip_cfws(s);
	while (len < s->len && is_letter(s->ptr[len]))
		len++;
	word = span_sub(*s, 0, len);
	skip(s, len);
	return word;
}

/* Names are known by their first three letters: "November" and "Sept" are seen. */
static bool take_month(struct span *s, int *month_r)
{
	struct span word = take_word(s);

	for (int i = 0; i < 12; i++)
		if (span_starts_nocase(word, months[i])) {
			*month_r = i + 1;
			return true;
		}
	return false;
}

/* Two digits: 00 to 49 are 2000 to 2049; 50 to 99 and three digits count from 1900 (RFC 5322 4.3). */
static bool take_year(struct span *s, int *year_r)
{
	size_t before, digits;

	skip_cfws(s);
	before = s->len;
	if (!take_number(s, 2, 4, year_r))
		return false;
	digits = before - s->len;
	if (digits == 2 && *year_r < 50)
		*year_r += 2000;
	else if (digits < 4)
		*year_r += 1900;
	return *year_r >= 1900;
}

/* "+hhmm", a name, or nothing, which counts as UTC. */
static int take_zone_secs(struct span *s)
{
	struct span word;
	int sign = 0, zone;

	skip_cfws(s);
	if (s->len > 0 && (s->ptr[0] == '+' || s->ptr[0] == '-')) {
		sign = s->ptr[0] == '-' ? -1 : 1;
		skip(s, 1);
		if (!take_number(s, 4, 4, &zone) || zone % 100 > 59 || zone / 100 > 15)
			return 0;
		return sign * (zone / 100 * 3600 + zone % 100 * 60);
	}
	word = take_word(s);
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (span_eq_text_nocase(word, zones[i].name))
			return zones[i].hours * 3600;
	return 0;
}

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int64_t year, int month)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return lengths[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days from 1 January 1970; years begin in March here, so that the leap day is the last. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* hh ":" mm [":" ss]; a second of 60 is a leap second, or a clock that rounds. */
static bool take_time(struct span *s, int *secs_r)
{
	int hour, minute, second = 0;

	if (!take_number(s, 1, 2, &hour) || !take(s, ':') || !take_number(s, 2, 2, &minute))
		return false;
	if (take(s, ':') && !take_number(s, 2, 2, &second))
		return false;
	*secs_r = hour * 3600 + minute * 60 + second;
	return hour < 24 && minute < 60 && second <= 60;
}

bool date_parse(struct span value, int64_t *secs_r)
{
	int day, month, year, secs;

	take_word(&value);
	take(&value, ',');
	if (!take_number(&value, 1, 2, &day))
		return false;
	take(&value, '-');
	if (!take_month(&value, &month))
		return false;
	take(&value, '-');
	if (!take_year(&value, &year) || day < 1 || day > month_days(year, month) || !take_time(&value, &secs))
		return false;
	*secs_r = days_of(year, month, day) * DAY_SECS + secs - take_zone_secs(&value);
	return true;
}

/* The inverse of days_of. */
static void date_of(int64_t day, int64_t *year_r, int *month_r, int *day_r)
{
	int64_t shifted = day + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097, of_era = shifted - era * 146097;
	int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100), month = (5 * of_year + 2) / 153;

	*day_r = (int)(of_year - (153 * month + 2) / 5 + 1);
	*month_r = (int)(month < 10 ? month + 3 : month - 9);
	*year_r = year_of_era + era * 400 + (*month_r <= 2 ? 1 : 0);
}

static int64_t day_of(int64_t secs)
{
	return secs / DAY_SECS - (secs % DAY_SECS < 0);
}

char *date_iso(struct arena *a, int64_t secs)
{
	int64_t year;
	int month, mday;

	date_of(day_of(secs), &year, &month, &mday);
	return arena_printf(a, "%04lld-%02d-%02d", (long long)year, month, mday);
}

char *date_day(struct arena *a, int64_t secs)
{
	int64_t day = day_of(secs), year;
	int month, mday;

	date_of(day, &year, &month, &mday);
	return arena_printf(a, "%s, %d %s %04lld", days[(day % 7 + 7) % 7], mday, months[month - 1], (long long)year);
}

char *date_format(struct arena *a, int64_t secs)
{
	int64_t rest = (secs % DAY_SECS + DAY_SECS) % DAY_SECS;

	return arena_printf(a, "%s %02d:%02d:%02d +0000", date_day(a, secs), (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}
