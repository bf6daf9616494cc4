/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of a zone in presentation form (RFC 1035 5.1, RFC 3597 5). */
#include "mail/dns_int.h"

#include <arpa/inet.h>
#include <string.h>

#define DEFAULT_TTL_SECS 3600

struct reader {
	const char *p, *end;
	struct fail *why;
};

struct word {
	struct span raw;   /* between the quotes, escapes as written */
	bool is_quoted;
};

/* 1: a word; 0: the line or its comment ends here; -1: an open quote. A comment begins only where a word could, so that a bare
 * word may hold semicolons, as policy records do. */
static int next_word(struct reader *r, struct word *word_r)
{
	const char *from;

	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r'))
		r->p++;
	if (r->p == r->end || *r->p == ';')
		return 0;
	word_r->is_quoted = *r->p == '"';
	from = r->p += word_r->is_quoted;
	for (; r->p < r->end; r->p++) {
		if (word_r->is_quoted ? *r->p == '"' : strchr(" \t\r", *r->p) != NULL && *r->p != '\0')
			break;
		if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
	}
	word_r->raw = (struct span){ from, (size_t)(r->p - from) };
	if (!word_r->is_quoted)
		return 1;
	if (r->p == r->end)
		return fail_permanent(r->why, "a quote is not closed");
	r->p++;
	return 1;
}

/* The next word, which must be there and bare. what: for the message. */
static int need_word(struct reader *r, const char *what, struct span *raw_r)
{
	struct word word;
	int got = next_word(r, &word);

	if (got < 0)
		return -1;
	if (got == 0 || word.is_quoted)
		return fail_permanent(r->why, "%s is missing", what);
	*raw_r = word.raw;
	return 0;
}

static int need_end(struct reader *r)
{
	struct word word;
	int got = next_word(r, &word);

	if (got > 0)
		return fail_permanent(r->why, "more than this record type takes: \"%.*s\"", (int)(word.raw.len > 60 ? 60 : word.raw.len), word.raw.ptr);
	return got;
}

static int put(struct reader *r, struct dns_line *line, const void *bytes, size_t count)
{
	if (count > sizeof(line->rdata) - line->rdata_len)
		return fail_permanent(r->why, "the record is longer than %d bytes", DNS_RDATA_MAX_BYTES);
	memcpy(line->rdata + line->rdata_len, bytes, count);
	line->rdata_len += count;
	return 0;
}

static int put_name(struct reader *r, struct dns_line *line)
{
	struct dns_wire name;
	struct span raw;

	if (need_word(r, "a name", &raw) != 0)
		return -1;
	if (!dns_wire_read(raw, &name))
		return fail_permanent(r->why, "no domain name: \"%.*s\"", (int)(raw.len > 260 ? 260 : raw.len), raw.ptr);
	return put(r, line, name.bytes, name.len);
}

/* A number of that many octets. */
static int put_number(struct reader *r, struct dns_line *line, size_t octets)
{
	unsigned long long number;
	uint8_t bytes[4];
	struct span raw;

	if (need_word(r, "a number", &raw) != 0)
		return -1;
	if (!span_number(raw, octets == 2 ? UINT16_MAX : UINT32_MAX, &number))
		return fail_permanent(r->why, "no number, or too large");
	for (size_t i = 0; i < octets; i++)
		bytes[i] = (uint8_t)(number >> 8 * (octets - 1 - i));
	return put(r, line, bytes, octets);
}

static int put_address(struct reader *r, struct dns_line *line, int family)
{
	char text[INET6_ADDRSTRLEN] = "";
	uint8_t bytes[16];
	struct span raw = { NULL, 0 };

	if (need_word(r, "an IP address", &raw) != 0)
		return -1;
	if (raw.len < sizeof(text) && memchr(raw.ptr, '\0', raw.len) == NULL)
		memcpy(text, raw.ptr, raw.len);
	if (inet_pton(family, text, bytes) != 1)
		return fail_permanent(r->why, "no %s address", family == AF_INET ? "IPv4" : "IPv6");
	return put(r, line, bytes, family == AF_INET ? 4 : 16);
}

static int read_a(struct reader *r, struct dns_line *line)
{
	return put_address(r, line, AF_INET);
}

static int read_aaaa(struct reader *r, struct dns_line *line)
{
	return put_address(r, line, AF_INET6);
}

static int read_mx(struct reader *r, struct dns_line *line)
{
	return put_number(r, line, 2) == 0 ? put_name(r, line) : -1;
}

static int read_soa(struct reader *r, struct dns_line *line)
{
	if (put_name(r, line) != 0 || put_name(r, line) != 0)
		return -1;
	for (int i = 0; i < 5; i++)
		if (put_number(r, line, 4) != 0)
			return -1;
	return 0;
}

/* One octet of a string: \DDD, \c or itself. */
static int read_octet(struct reader *r, struct span raw, size_t *at, uint8_t *octet_r)
{
	struct span digits = span_sub(raw, *at + 1, 3);
	unsigned long long number;

	*octet_r = (uint8_t)raw.ptr[*at];
	if (raw.ptr[*at] != '\\') {
		++*at;
		return 0;
	}
	if (digits.len == 0)
		return fail_permanent(r->why, "a backslash escapes nothing");
	if (digits.ptr[0] < '0' || digits.ptr[0] > '9') {
		*octet_r = (uint8_t)digits.ptr[0];
		*at += 2;
		return 0;
	}
	if (digits.len < 3 || !span_number(digits, 255, &number))
		return fail_permanent(r->why, "bad escape: \\ takes three decimal digits up to 255");
	*octet_r = (uint8_t)number;
	*at += 4;
	return 0;
}

/* Longer than 255 bytes: cut into several strings, which readers of TXT join again. */
static int put_string(struct reader *r, struct dns_line *line, struct span raw)
{
	size_t at = 0;

	do {
		uint8_t string[256];

		string[0] = 0;
		while (at < raw.len && string[0] < 255) {
			if (read_octet(r, raw, &at, &string[string[0] + 1]) != 0)
				return -1;
			string[0]++;
		}
		if (put(r, line, string, (size_t)string[0] + 1) != 0)
			return -1;
	} while (at < raw.len);
	return 0;
}

static int read_strings(struct reader *r, struct dns_line *line)
{
	struct word word;
	size_t count = 0;
	bool is_bare = false;
	int got;

	while ((got = next_word(r, &word)) > 0) {
		is_bare = is_bare || !word.is_quoted;
		if (++count > 1 && is_bare)
			return fail_permanent(r->why, "text of several words must stand in double quotes");
		if (put_string(r, line, word.raw) != 0)
			return -1;
	}
	if (got == 0 && count == 0)
		return fail_permanent(r->why, "text is missing");
	return got;
}

/* Nothing here asks for such a record, but its name exists because of it. */
static int skip_words(struct reader *r, struct dns_line *line)
{
	struct word word;
	int got;

	(void)line;
	while ((got = next_word(r, &word)) > 0)
		continue;
	return got;
}

struct type_row {
	const char *name;
	unsigned type;
	int (*read)(struct reader *r, struct dns_line *line);
};

static const struct type_row types[] = {
	{ "A", DNS_A, read_a }, { "AAAA", DNS_AAAA, read_aaaa }, { "CNAME", DNS_CNAME, put_name }, { "MX", DNS_MX, read_mx },
	{ "NS", DNS_NS, put_name }, { "PTR", DNS_PTR, put_name }, { "SOA", DNS_SOA, read_soa }, { "TXT", DNS_TXT, read_strings },
	{ "SPF", 99, read_strings },
	{ "HINFO", 13, skip_words }, { "RP", 17, skip_words }, { "LOC", 29, skip_words }, { "SRV", 33, skip_words }, { "NAPTR", 35, skip_words },
	{ "DS", 43, skip_words }, { "SSHFP", 44, skip_words }, { "RRSIG", 46, skip_words }, { "NSEC", 47, skip_words }, { "DNSKEY", 48, skip_words },
	{ "NSEC3", 50, skip_words }, { "NSEC3PARAM", 51, skip_words }, { "TLSA", 52, skip_words }, { "SMIMEA", 53, skip_words }, { "CDS", 59, skip_words },
	{ "CDNSKEY", 60, skip_words }, { "OPENPGPKEY", 61, skip_words }, { "SVCB", 64, skip_words }, { "HTTPS", 65, skip_words }, { "URI", 256, skip_words },
	{ "CAA", 257, skip_words },
};

/* "MX" or "TYPE99" (RFC 3597). */
static bool find_type(struct span name, struct type_row *row_r)
{
	unsigned long long number = 0;
	bool is_number = span_starts_nocase(name, "TYPE") && span_number(span_sub(name, 4, name.len), UINT16_MAX, &number) && number > 0;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_eq_text_nocase(name, types[i].name) || (is_number && number == types[i].type)) {
			*row_r = types[i];
			return true;
		}
	*row_r = (struct type_row){ "", (unsigned)number, read_strings };
	return is_number;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int put_hex(struct reader *r, struct dns_line *line, struct span raw)
{
	for (size_t i = 0; i < raw.len; i += 2) {
		int high = hex_digit(raw.ptr[i]), low = i + 1 < raw.len ? hex_digit(raw.ptr[i + 1]) : -1;
		uint8_t octet;

		if (high < 0 || low < 0)
			return fail_permanent(r->why, "bad hexadecimal digits");
		octet = (uint8_t)(high << 4 | low);
		if (put(r, line, &octet, 1) != 0)
			return -1;
	}
	return 0;
}

/* "\# length hex..." (RFC 3597 5), for any type and unchecked: tests can so bring in data that no honest server would send. */
static int read_generic(struct reader *r, struct dns_line *line)
{
	unsigned long long want;
	struct word word;
	struct span raw;
	int got;

	if (need_word(r, "the length", &raw) != 0)
		return -1;
	if (!span_number(raw, DNS_RDATA_MAX_BYTES, &want))
		return fail_permanent(r->why, "bad length after \\#");
	while ((got = next_word(r, &word)) > 0)
		if (put_hex(r, line, word.raw) != 0)
			return -1;
	if (got == 0 && line->rdata_len != want)
		return fail_permanent(r->why, "%llu bytes are announced, %zu are there", want, line->rdata_len);
	return got;
}

static int read_failure(struct reader *r, struct dns_line *line)
{
	static const struct { const char *name; enum dns_status status; } rows[] = {
		{ "SERVFAIL", DNS_SERVFAIL }, { "TIMEOUT", DNS_TIMEOUT }, { "BOGUS", DNS_BOGUS }, { "NODATA", DNS_NODATA }, { "NXDOMAIN", DNS_NXDOMAIN },
	};
	struct span raw;

	if (need_word(r, "SERVFAIL, TIMEOUT, BOGUS, NODATA or NXDOMAIN", &raw) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_eq_text_nocase(raw, rows[i].name))
			line->failure = rows[i].status;
	if (line->failure == DNS_OK)
		return fail_permanent(r->why, "after \"!\" comes SERVFAIL, TIMEOUT, BOGUS, NODATA or NXDOMAIN");
	return need_end(r);
}

static int read_rdata(struct reader *r, struct dns_line *line, int (*read)(struct reader *, struct dns_line *))
{
	struct reader ahead = *r;
	struct word word;

	if (next_word(&ahead, &word) > 0 && !word.is_quoted && (span_eq_text(word.raw, "!") || span_eq_text(word.raw, "\\#"))) {
		bool is_failure = word.raw.ptr[0] == '!';

		*r = ahead;
		return is_failure ? read_failure(r, line) : read_generic(r, line);
	}
	if (read(r, line) != 0)
		return -1;
	return need_end(r);
}

/* [ttl] [IN] in any order, then the type or "!". */
static int read_type(struct reader *r, struct dns_line *line, struct span *type_r)
{
	unsigned long long ttl;

	for (;;) {
		if (need_word(r, "the record type", type_r) != 0)
			return -1;
		if (span_number(*type_r, UINT32_MAX, &ttl))
			line->ttl_secs = (uint32_t)ttl;
		else if (!span_eq_text_nocase(*type_r, "IN"))
			return 0;
	}
}

int dns_line_read(struct span text, struct dns_line *line_r, struct fail *why)
{
	struct reader r = { text.ptr, text.len == 0 ? text.ptr : text.ptr + text.len, why };
	struct type_row row;
	struct word name;
	struct span type;
	int got;

	line_r->is_blank = false;
	line_r->failure = DNS_OK;
	line_r->ttl_secs = DEFAULT_TTL_SECS;
	line_r->rdata_len = 0;
	line_r->type = 0;
	got = next_word(&r, &name);
	if (got == 0 || (got > 0 && !name.is_quoted && name.raw.ptr[0] == '#')) {
		line_r->is_blank = true;
		return 0;
	}
	if (got < 0)
		return -1;
	if (!dns_wire_read(name.raw, &line_r->name))
		return fail_permanent(why, "no domain name: \"%.*s\"", (int)(name.raw.len > 260 ? 260 : name.raw.len), name.raw.ptr);
	if (read_type(&r, line_r, &type) != 0)
		return -1;
	if (span_eq_text(type, "!"))
		return read_failure(&r, line_r);
	if (!find_type(type, &row))
		return fail_permanent(why, "unknown record type \"%.*s\": write it as TYPEnumber", (int)(type.len > 60 ? 60 : type.len), type.ptr);
	line_r->type = row.type;
	return read_rdata(&r, line_r, row.read);
}
