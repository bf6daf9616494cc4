/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/address_int.h"
#include "mail/header.h"
#include "mail/idna.h"

#include <arpa/inet.h>

#include <string.h>

/* Contents of a quoted local part: no control characters, closed at the very end (RFC 5321 4.1.2, RFC 6531 3.3). */
static bool is_quoted_local(struct span s)
{
	size_t i;

	for (i = 1; i < s.len && s.ptr[i] != '"'; i++) {
		if (s.ptr[i] == '\\')
			i++;
		if (i < s.len && ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f))
			return false;
	}
	return s.len > 2 && i + 1 == s.len;
}

/* Dots may stand anywhere: mail providers have given out such addresses. */
static bool is_dot_local(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != '.' && !address_is_atom_octet(s.ptr[i]))
			return false;
	return s.len > 0;
}

static bool is_local(struct span s)
{
	return s.len > 0 && s.ptr[0] == '"' ? is_quoted_local(s) : is_dot_local(s);
}

/* [192.0.2.1] or [IPv6:2001:db8::1] (RFC 5321 4.1.3). */
bool address_is_literal(struct arena *a, struct span s)
{
	struct span inner = span_sub(s, 1, s.len - 2);
	unsigned char ip[16];

	if (s.len < 3 || s.ptr[s.len - 1] != ']' || memchr(s.ptr, '\0', s.len) != NULL)
		return false;
	if (span_starts_nocase(inner, "IPv6:"))
		return inet_pton(AF_INET6, arena_text(a, span_sub(inner, 5, inner.len)), ip) == 1;
	return inet_pton(AF_INET, arena_text(a, inner), ip) == 1;
}

/* A bare IP address is no host name: its last label would be a number. */
static bool is_host(struct arena *a, struct span s)
{
	const char *ascii = idna_to_ascii(a, s), *last;

	if (ascii == NULL || s.ptr[s.len - 1] == '.')
		return false;
	last = strrchr(ascii, '.');
	return last == NULL ? strspn(ascii, "0123456789") < strlen(ascii) : strspn(last + 1, "0123456789") < strlen(last + 1);
}

static size_t last_at(struct span s)
{
	for (size_t i = s.len; i > 0; i--)
		if (s.ptr[i - 1] == '@')
			return i - 1;
	return s.len;
}

static int bad_address(struct fail *why, const char *what)
{
	return fail_set(why, 553, "5.1.3", "that is no mail address: %s", what);
}

int address_parse(struct arena *a, struct span text, struct address *address_r, struct fail *why)
{
	size_t at = last_at(text);
	struct address found = { .spec = text, .local = span_sub(text, 0, at), .domain = span_sub(text, at + 1, text.len) };

	if (text.len > ADDRESS_MAX_BYTES || found.local.len > ADDRESS_LOCAL_MAX_BYTES)
		return bad_address(why, "it is too long (64 octets before the @, 254 in all)");
	if (at == text.len || found.local.len == 0 || found.domain.len == 0)
		return bad_address(why, "write it as name@domain");
	if (!utf8_is_valid(text) || !span_eq(address_as_seen(a, text), text))
		return bad_address(why, "it holds a blank, an invisible character, or one that is not UTF-8");
	if (!is_local(found.local))
		return bad_address(why, "the part before the @ holds a character that must be quoted");
	if (found.domain.ptr[0] == '[' ? !address_is_literal(a, found.domain) : !is_host(a, found.domain))
		return bad_address(why, "the part after the @ is no host name");
	found.spec = arena_span(a, text);
	found.local = span_sub(found.spec, 0, at);
	found.domain = span_sub(found.spec, at + 1, text.len);
	*address_r = found;
	return 0;
}

/* The text of a quoted local part; quotes put round it again only where they are needed. */
static struct span plain_local(struct arena *a, struct span local)
{
	char *out;
	size_t used = 1;

	if (local.len < 2 || !is_quoted_local(local))
		return local;
	out = arena_alloc(a, 2 * local.len);
	for (size_t i = 1; i + 1 < local.len; i++)
		if (local.ptr[i] != '\\' || i + 2 == local.len)
			out[used++] = local.ptr[i];
		else
			out[used++] = local.ptr[++i];
	if (is_dot_local((struct span){ out + 1, used - 1 }))
		return (struct span){ out + 1, used - 1 };
	used = 0;
	out = arena_alloc(a, 2 * local.len);
	out[used++] = '"';
	for (size_t i = 1; i + 1 < local.len; i++) {
		char c = local.ptr[i] == '\\' ? local.ptr[++i] : local.ptr[i];

		if (c == '"' || c == '\\')
			out[used++] = '\\';
		out[used++] = c;
	}
	out[used++] = '"';
	return (struct span){ out, used };
}

/* Letters beyond ASCII keep their case in a local part: which of them are the same is for its own site to say (RFC 6530 4.3). */
char *address_key(struct arena *a, const struct address *address)
{
	char *domain = idna_to_ascii(a, address->domain);

	if (domain == NULL)
		domain = arena_lower(a, address->domain);
	return arena_printf(a, "%s@%s", arena_lower(a, plain_local(a, address->local)), domain);
}

bool address_is_utf8(const struct address *address)
{
	return has_8bit(address->spec);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word_octet(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || (unsigned char)c > 127;
}

/* "Bank.Example": with a capital it is as likely "St.John" or "Q.Public", unless the ending is one that names do not have. */
static bool is_tld(struct span label)
{
	static const char *const known[] = { "com", "net", "org", "edu", "gov", "info", "biz", "xyz", "email", "online" };
	bool capital = label.len > 1 && label.ptr[0] >= 'A' && label.ptr[0] <= 'Z' && label.ptr[1] >= 'a';

	if (span_starts_nocase(label, "xn--"))
		return true;
	for (size_t i = 0; i < label.len; i++)
		if (!is_letter(label.ptr[i]) && (unsigned char)label.ptr[i] < 128)
			return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_eq_text_nocase(label, known[i]))
			return true;
	return label.len > 1 && !capital;
}

/* Is there a host name that ends with the label after the dot at offset dot? A single letter before other than ASCII letters is an
 * initial ("Д.Медведев"). */
static bool is_host_dot(struct span text, size_t dot)
{
	size_t end = dot + 1, from = dot;

	while (end < text.len && is_word_octet(text.ptr[end]))
		end++;
	while (from > 0 && is_word_octet(text.ptr[from - 1]) && dot - from < DOMAIN_LABEL_MAX_BYTES)
		from--;
	if (from == dot || end == dot + 1)
		return false;
	if (has_8bit(span_sub(text, dot + 1, end - dot - 1)) && utf8_char(span_sub(text, from, dot)) == dot - from)
		return false;
	return is_tld(span_sub(text, dot + 1, end - dot - 1));
}

bool address_in_text(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '@' && i > 0 && i + 1 < text.len && is_word_octet(text.ptr[i - 1]) && (is_word_octet(text.ptr[i + 1]) || text.ptr[i + 1] == '['))
			return true;
		if (c == '.' && is_host_dot(text, i))
			return true;
	}
	return span_find(text, SPAN_LIT("\xef\xbc\xa0")) < text.len || span_find(text, SPAN_LIT("\xef\xb9\xab")) < text.len;
}

/* What would end or begin another mailbox is left out where it stands in no quotes; a spec from one of the readers has none of it. */
static struct span clean_spec(struct arena *a, struct span spec)
{
	char *out = arena_alloc(a, spec.len + 1);
	bool quoted = false, literal = false;
	size_t used = 0;

	for (size_t i = 0; i < spec.len; i++) {
		char c = spec.ptr[i];

		if ((unsigned char)c < ' ' || c == 0x7f || (!quoted && strchr("<>(),;\\ ", c) != NULL) || (c == ':' && !quoted && !literal))
			continue;
		if (quoted && c == '\\' && i + 1 < spec.len && (unsigned char)spec.ptr[i + 1] >= ' ') {
			out[used++] = c;
			c = spec.ptr[++i];
		} else if (c == '"') {
			quoted = !quoted;
		}
		literal = literal || (c == '[' && !quoted);
		out[used++] = c;
	}
	return (struct span){ out, used };
}

struct span address_format(struct arena *a, struct span display, struct span spec)
{
	struct span phrase = header_phrase(a, display), address = clean_spec(a, spec);

	if (phrase.len == 0)
		return address;
	return span_of(arena_printf(a, "%.*s <%.*s>", (int)phrase.len, phrase.ptr, (int)address.len, address.ptr));
}

/* The lists are short: ADDRESS_LIST_MAX is the most that a hostile field can make of them. */
static bool has_text(const char *const *texts, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(texts[i], text) == 0)
			return true;
	return false;
}

void address_author_domains(struct arena *a, const struct address_list *from, const char ***domains_r, size_t *count_r)
{
	const char **domains = arena_array(a, from->count, sizeof(*domains));
	size_t count = 0;

	for (size_t i = 0; i < from->count; i++) {
		const char *domain = idna_to_ascii(a, from->items[i].domain);

		if (domain != NULL && !has_text(domains, count, domain))
			domains[count++] = domain;
	}
	*domains_r = domains;
	*count_r = count;
}
