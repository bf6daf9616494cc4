/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/idna.h"

#include <idn2.h>

#include <stdint.h>
#include <string.h>

/* U-labels are longer than A-labels by at most four octets a character; more than this cannot become 253 octets. Keeps the
 * mapping tables away from whole header fields. */
#define U_DOMAIN_MAX_BYTES 1024

/* Eight octets a step: message_scan asks this of every line of every post. */
bool has_8bit(struct span text)
{
	uint64_t high = 0, word;
	size_t i = 0;

	for (; text.len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, text.ptr + i, sizeof(word));
		high |= word;
	}
	for (; i < text.len; i++)
		high |= (unsigned char)text.ptr[i];
	return (high & UINT64_C(0x8080808080808080)) != 0;
}

/* First octet: length, and the range of the second octet (RFC 3629 4). */
static const struct utf8_lead { unsigned char from, to, len, second_from, second_to; } utf8_leads[] = {
	{ 0x00, 0x7f, 1, 0, 0 }, { 0xc2, 0xdf, 2, 0x80, 0xbf }, { 0xe0, 0xe0, 3, 0xa0, 0xbf }, { 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f }, { 0xee, 0xef, 3, 0x80, 0xbf }, { 0xf0, 0xf0, 4, 0x90, 0xbf }, { 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static bool follows(struct span text, const struct utf8_lead *lead)
{
	if (text.len < lead->len)
		return false;
	for (size_t i = 1; i < lead->len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < (i == 1 ? lead->second_from : 0x80) || c > (i == 1 ? lead->second_to : 0xbf))
			return false;
	}
	return true;
}

size_t utf8_char(struct span text)
{
	unsigned char c;

	if (text.len == 0)
		return 0;
	c = (unsigned char)text.ptr[0];
	for (size_t i = 0; i < sizeof(utf8_leads) / sizeof(utf8_leads[0]); i++)
		if (c >= utf8_leads[i].from && c <= utf8_leads[i].to)
			return follows(text, &utf8_leads[i]) ? utf8_leads[i].len : 0;
	return 0;
}

unsigned utf8_code(struct span text, size_t len)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned code = (unsigned char)text.ptr[0] & masks[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)text.ptr[i] & 0x3f);
	return code;
}

bool utf8_is_valid(struct span text)
{
	size_t len;

	for (; text.len > 0; text = span_sub(text, len, text.len))
		if ((len = utf8_char(text)) == 0)
			return false;
	return true;
}

/* Windows-1252 0x80..0x9f; the five octets that it leaves open become U+FFFD. */
static const unsigned short cp1252[32] = {
	0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
	0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};

static size_t put_cp1252(char *out, unsigned char c)
{
	unsigned code = c < 0xa0 ? cp1252[c - 0x80] : c;

	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	out[0] = (char)(0xe0 | code >> 12);
	out[1] = (char)(0x80 | (code >> 6 & 0x3f));
	out[2] = (char)(0x80 | (code & 0x3f));
	return 3;
}

struct span utf8_from_8bit(struct arena *a, struct span text)
{
	char *out;
	size_t used = 0;

	if (utf8_is_valid(text))
		return text;
	out = arena_alloc(a, 3 * text.len + 1);
	while (text.len > 0) {
		size_t len = utf8_char(text);

		if (len == 0) {
			used += put_cp1252(out + used, (unsigned char)text.ptr[0]);
			len = 1;
		} else {
			memcpy(out + used, text.ptr, len);
			used += len;
		}
		text = span_sub(text, len, text.len);
	}
	return (struct span){ out, used };
}

static bool is_label_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* ASCII and lower case already: labels of 1..63 octets, 253 in all. */
static bool is_ascii_domain(struct span domain)
{
	struct span rest = domain, label;

	if (domain.len == 0 || domain.len > DOMAIN_MAX_BYTES)
		return false;
	while (span_next(&rest, '.', &label)) {
		if (label.len == 0 || label.len > DOMAIN_LABEL_MAX_BYTES)
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!is_label_octet(label.ptr[i]))
				return false;
	}
	return true;
}

/* UTS 46 nontransitional, as browsers and mail programs look names up today ("faß" is not "fass"). */
static char *map_labels(struct arena *a, struct span domain)
{
	char *mapped = NULL, *copy;

	if (domain.len > U_DOMAIN_MAX_BYTES || memchr(domain.ptr, '\0', domain.len) != NULL || !utf8_is_valid(domain))
		return NULL;
	if (idn2_to_ascii_8z(arena_text(a, domain), &mapped, IDN2_NONTRANSITIONAL) != IDN2_OK)
		return NULL;
	copy = arena_lower(a, span_of(mapped));
	idn2_free(mapped);
	return copy;
}

char *idna_to_ascii(struct arena *a, struct span domain)
{
	char *ascii;
	size_t len;

	if (domain.len == 0 || domain.len > U_DOMAIN_MAX_BYTES)
		return NULL;
	ascii = has_8bit(domain) ? map_labels(a, domain) : arena_lower(a, domain);
	if (ascii == NULL)
		return NULL;
	/* A NUL octet among ASCII ends the text early: compare with the length that was given. */
	len = has_8bit(domain) ? strlen(ascii) : domain.len;
	if (len > 0 && ascii[len - 1] == '.')
		ascii[--len] = '\0';
	return is_ascii_domain((struct span){ ascii, len }) ? ascii : NULL;
}

struct span idna_to_unicode(struct arena *a, struct span domain)
{
	char *unicode = NULL;
	struct span copy;

	if (domain.len == 0 || domain.len > DOMAIN_MAX_BYTES || memchr(domain.ptr, '\0', domain.len) != NULL)
		return domain;
	if (idn2_to_unicode_8z8z(arena_text(a, domain), &unicode, 0) != IDN2_OK)
		return domain;
	copy = arena_span(a, span_of(unicode));
	idn2_free(unicode);
	return copy;
}
