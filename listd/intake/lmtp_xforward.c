/* SPDX-License-Identifier: BSD-2-Clause */
/* XFORWARD, an extension of Postfix: the MTA tells whose message it passes on. Values are xtext (RFC 3461 4); "[UNAVAILABLE]" (there is none) and
 * "[TEMPUNAVAIL]" (it could not be looked up) both mean unknown here. What comes out is printable ASCII: the client's own words (HELO) stand in it. */
#include "listd/intake/lmtp_int.h"

#include <arpa/inet.h>
#include <string.h>

static int check_addr(char *value, struct fail *why)
{
	unsigned char ip[16];

	if (strncasecmp(value, "IPv6:", 5) == 0)
		memmove(value, value + 5, strlen(value + 5) + 1);
	if (inet_pton(AF_INET, value, ip) == 1 || inet_pton(AF_INET6, value, ip) == 1)
		return 0;
	return reply_fail(why, REPLY_PARAMETERS, "ADDR is no IP address");
}

static int check_port(char *value, struct fail *why)
{
	unsigned long long port;

	return span_number(span_of(value), 65535, &port) ? 0 : reply_fail(why, REPLY_PARAMETERS, "PORT is no port number");
}

static int check_source(char *value, struct fail *why)
{
	if (strcasecmp(value, "LOCAL") == 0 || strcasecmp(value, "REMOTE") == 0)
		return 0;
	return reply_fail(why, REPLY_PARAMETERS, "SOURCE is LOCAL or REMOTE");
}

static const struct {
	const char *name;
	size_t offset;
	int (*check)(char *value, struct fail *why); /* of a known value; may change it; NULL: any */
} rows[] = {
	{ "NAME", offsetof(struct lmtp_xforward, name), NULL },     { "ADDR", offsetof(struct lmtp_xforward, addr), check_addr },
	{ "PORT", offsetof(struct lmtp_xforward, port), check_port }, { "PROTO", offsetof(struct lmtp_xforward, proto), NULL },
	{ "HELO", offsetof(struct lmtp_xforward, helo), NULL },     { "IDENT", offsetof(struct lmtp_xforward, ident), NULL },
	{ "SOURCE", offsetof(struct lmtp_xforward, source), check_source },
};

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, ascii_lower(c));

	return at == NULL ? -1 : (int)(at - digits);
}

/* Decode xtext into value. -1: a "+" without two hexadecimal digits, or too long. */
static int decode(struct span xtext, char value[LMTP_NAME_MAX_BYTES + 1], struct fail *why)
{
	size_t used = 0;

	for (size_t i = 0; i < xtext.len; i++) {
		int c = (unsigned char)xtext.ptr[i];

		if (c == '+') {
			int high = i + 2 < xtext.len ? hex_digit(xtext.ptr[i + 1]) : -1, low = i + 2 < xtext.len ? hex_digit(xtext.ptr[i + 2]) : -1;

			if (high < 0 || low < 0)
				return reply_fail(why, REPLY_PARAMETERS, "a value is not xtext: + needs two hexadecimal digits");
			c = high * 16 + low;
			i += 2;
		}
		if (used == LMTP_NAME_MAX_BYTES)
			return reply_fail(why, REPLY_PARAMETERS, "a value is longer than 255 octets");
		value[used++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	value[used] = '\0';
	return 0;
}

static bool is_unknown(const char *value)
{
	return value[0] == '\0' || strcasecmp(value, "[UNAVAILABLE]") == 0 || strcasecmp(value, "[TEMPUNAVAIL]") == 0;
}

static int take(struct arena *a, struct span word, struct lmtp_xforward *xforward, struct fail *why)
{
	size_t equals = span_find_byte(word, '=');
	struct span name = span_sub(word, 0, equals);
	char value[LMTP_NAME_MAX_BYTES + 1];

	if (equals == word.len)
		return reply_fail(why, REPLY_PARAMETERS, "write XFORWARD NAME=value");
	if (decode(span_sub(word, equals + 1, word.len), value, why) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!span_eq_text_nocase(name, rows[i].name))
			continue;
		if (is_unknown(value))
			value[0] = '\0';
		else if (rows[i].check != NULL && rows[i].check(value, why) != 0)
			return -1;
		memcpy((char *)xforward + rows[i].offset, value, strlen(value) + 1);
		return 0;
	}
	return reply_fail(why, REPLY_PARAMETERS, arena_printf(a, "XFORWARD knows " LMTP_XFORWARD_NAMES ", not %s", arena_text(a, name)));
}

int lmtp_xforward_parse(struct arena *a, struct span args, struct lmtp_xforward *xforward, struct fail *why)
{
	struct lmtp_xforward found = *xforward;
	struct span word;

	if (args.len == 0)
		return reply_fail(why, REPLY_PARAMETERS, "write XFORWARD NAME=value");
	while (span_word(&args, &word))
		if (take(a, word, &found, why) != 0)
			return -1;
	*xforward = found;
	return 0;
}

/* Postfix also says LOCAL of every client at an address of the machine's own: a filter that hands strangers' mail back in is one. */
bool lmtp_xforward_is_submission(const struct lmtp_xforward *xforward)
{
	return strcasecmp(xforward->source, "LOCAL") == 0 && xforward->addr[0] == '\0';
}
