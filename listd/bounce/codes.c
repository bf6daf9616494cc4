/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/codes.h"

static bool is_digit(struct span text, size_t at)
{
	return at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';
}

/* A character that, beside digits, makes them part of something longer: a word, a version, an address, an amount. */
static bool is_part(struct span text, size_t at)
{
	char c = at < text.len ? ascii_lower(text.ptr[at]) : ' ';

	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '@' || c == '/' || c == '=' || (c == '.' && is_digit(text, at + 1));
}

int codes_at(struct span text, size_t at)
{
	int code = 0;

	if (at > 0 && (is_part(text, at - 1) || text.ptr[at - 1] == '.' || text.ptr[at - 1] == '-'))
		return 0;
	if (at > 1 && text.ptr[at - 1] == ':' && (is_part(text, at - 2) || text.ptr[at - 2] == ']'))
		return 0; /* a port */
	for (size_t i = 0; i < 3; i++) {
		if (!is_digit(text, at + i))
			return 0;
		code = code * 10 + (text.ptr[at + i] - '0');
	}
	if (code < 400 || code > 599 || is_part(text, at + 3))
		return 0;
	if (at + 3 < text.len && text.ptr[at + 3] == '-' && is_digit(text, at + 4) && is_digit(text, at + 5) && !(text.ptr[at + 4] >= '4' && text.ptr[at + 5] == '.'))
		return 0; /* a telephone number */
	return code;
}

/* "5.1.1" at an offset; end_r: behind it. */
static bool status_at(struct span text, size_t at, int status_r[3], size_t *end_r)
{
	size_t i = at;

	if (!is_digit(text, i) || (text.ptr[i] != '2' && text.ptr[i] != '4' && text.ptr[i] != '5'))
		return false;
	for (int part = 0; part < 3; part++) {
		size_t start = i;

		status_r[part] = 0;
		while (is_digit(text, i) && i - start < 3)
			status_r[part] = status_r[part] * 10 + (text.ptr[i++] - '0');
		if (i == start || is_digit(text, i) || (part < 2 && (part == 0 ? i - start != 1 : i - start > 2 || status_r[part] > 7)))
			return false;
		if (part < 2 && (i >= text.len || text.ptr[i++] != '.'))
			return false;
	}
	*end_r = i;
	return !(i < text.len && text.ptr[i] == '.' && is_digit(text, i + 1));
}

bool codes_status(struct span text, int status_r[3])
{
	int status[3];
	size_t end;

	if (!status_at(text, 0, status, &end))
		return false;
	for (int i = 0; i < 3; i++)
		status_r[i] = status[i];
	return true;
}

void codes_find(struct span text, struct reply_codes *codes_r)
{
	int status[3];
	size_t end;

	*codes_r = (struct reply_codes){ 0 };
	for (size_t i = 0; i < text.len && (codes_r->code == 0 || codes_r->status[0] == 0); i++) {
		bool starts = i == 0 || !(is_part(text, i - 1) || text.ptr[i - 1] == '.');

		if (!starts || !is_digit(text, i))
			continue;
		if (codes_r->code == 0 && codes_at(text, i) != 0) {
			codes_r->code = codes_at(text, i);
			codes_r->code_at = i;
		} else if (codes_r->status[0] == 0 && status_at(text, i, status, &end)) {
			for (int part = 0; part < 3; part++)
				codes_r->status[part] = status[part];
		}
	}
}

/* Subject and detail of an enhanced code; detail -1: all that have no row of their own. */
static const struct status_row { int subject, first, last; enum bounce_class class; } status_rows[] = {
	{ 1, 7, 8, BOUNCE_POLICY_AUTH },     /* sender's address: bad syntax, bad system */
	{ 1, 20, 21, BOUNCE_POLICY_AUTH },   /* Microsoft: several From */
	{ 1, 90, 90, BOUNCE_RATE },          /* Microsoft: the sender's daily limit */
	{ 1, 0, 999, BOUNCE_DEAD_MAILBOX },  /* recipient's address; 5.1.10 has a null MX, at Microsoft: not found */
	{ 2, 1, 1, BOUNCE_DEAD_MAILBOX },    /* disabled */
	{ 2, 2, 2, BOUNCE_FULL },
	{ 2, 3, 3, BOUNCE_CONTENT },         /* longer than the recipient takes */
	{ 2, 4, 4, BOUNCE_NETWORK },         /* expansion of a list */
	{ 2, 121, 122, BOUNCE_RATE },        /* Microsoft: the recipient's limit for an hour */
	{ 3, 3, 4, BOUNCE_CONTENT },         /* selected features, size */
	{ 3, 1, 999, BOUNCE_NETWORK },
	{ 4, 310, 312, BOUNCE_DEAD_MAILBOX },/* Microsoft: the domain does not exist */
	{ 4, 1, 999, BOUNCE_NETWORK },
	{ 5, 3, 3, BOUNCE_RATE },            /* too many recipients */
	{ 6, 0, 999, BOUNCE_CONTENT },
	{ 7, 7, 7, BOUNCE_POLICY_AUTH },     /* integrity */
	{ 7, 13, 13, BOUNCE_DEAD_MAILBOX },  /* account disabled (RFC 4954's registry) */
	{ 7, 17, 18, BOUNCE_DEAD_MAILBOX },  /* the mailbox or domain has another owner (RFC 7293) */
	{ 7, 28, 28, BOUNCE_RATE },          /* flood */
	{ 7, 501, 508, BOUNCE_SPAM },        /* Microsoft: banned senders and addresses */
	{ 7, 511, 513, BOUNCE_SPAM },
	{ 7, 605, 649, BOUNCE_SPAM },
	{ 7, 700, 799, BOUNCE_SPAM },        /* Microsoft: tenants with a bad name */
};

bool codes_class_of_status(const int status[3], enum bounce_class *class_r)
{
	if (status[0] != 4 && status[0] != 5)
		return false;
	for (size_t i = 0; i < sizeof(status_rows) / sizeof(status_rows[0]); i++) {
		const struct status_row *row = &status_rows[i];

		if (status[1] == row->subject && status[2] >= row->first && status[2] <= row->last) {
			*class_r = row->class;
			return true;
		}
	}
	return false;
}

static const struct code_row { int code; enum bounce_class class; } code_rows[] = {
	{ 421, BOUNCE_NETWORK }, { 441, BOUNCE_NETWORK }, { 450, BOUNCE_NETWORK }, { 451, BOUNCE_NETWORK }, { 452, BOUNCE_FULL }, { 454, BOUNCE_NETWORK }, { 521, BOUNCE_NETWORK },
	{ 525, BOUNCE_DEAD_MAILBOX }, { 550, BOUNCE_DEAD_MAILBOX }, { 551, BOUNCE_DEAD_MAILBOX }, { 552, BOUNCE_FULL }, { 553, BOUNCE_DEAD_MAILBOX }, { 556, BOUNCE_DEAD_MAILBOX },
};

bool codes_class_of_code(int code, enum bounce_class *class_r)
{
	for (size_t i = 0; i < sizeof(code_rows) / sizeof(code_rows[0]); i++)
		if (code_rows[i].code == code) {
			*class_r = code_rows[i].class;
			return true;
		}
	return false;
}
