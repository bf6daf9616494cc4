/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of addresses as it grows, and the scan of damaged fields: every "@" with something that can be a domain behind it counts,
 * first in the octets as they are, then in the text as a reader that decodes before it parses would see it. */
#include "mail/address_int.h"
#include "mail/encword.h"
#include "mail/idna.h"

#include <string.h>

bool address_is_domain(struct arena *a, struct span domain)
{
	if (domain.len > 0 && domain.ptr[0] == '[')
		return address_is_literal(a, domain);
	return idna_to_ascii(a, domain) != NULL;
}

static struct span make_spec(struct arena *a, struct span local, struct span domain)
{
	char *spec = arena_alloc(a, local.len + domain.len + 2);

	if (local.len > 0)
		memcpy(spec, local.ptr, local.len);
	spec[local.len] = '@';
	memcpy(spec + local.len + 1, domain.ptr, domain.len);
	return utf8_from_8bit(a, (struct span){ spec, local.len + 1 + domain.len });
}

/* FNV-1a; the table is small and capped, so that collisions made on purpose cost no more than a walk over it. */
static uint32_t hash(uint32_t h, struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)ascii_lower(s.ptr[i])) * 16777619u;
	return h;
}

static uint32_t hash_spec(struct span local, struct span domain)
{
	return hash(hash(hash(2166136261u, local), SPAN_LIT("@")), domain);
}

/* The slot that holds local@domain, or the free one where it belongs. */
static uint16_t *find_slot(const struct address_reader *r, struct span local, struct span domain)
{
	uint32_t at = hash_spec(local, domain) % ADDRESS_SLOTS;

	for (; r->slots[at] != 0; at = (at + 1) % ADDRESS_SLOTS) {
		const struct address *item = &r->list->items[r->slots[at] - 1];

		if (span_eq_nocase(item->local, local) && span_eq_nocase(item->domain, domain))
			break;
	}
	return &r->slots[at];
}

bool address_is_listed(const struct address_reader *r, struct span local, struct span domain)
{
	return *find_slot(r, local, domain) != 0;
}

void address_add(struct address_reader *r, struct span local, struct span domain, struct span display)
{
	struct address_list *list = r->list;
	struct address *item;
	size_t at;

	if (list->count == ADDRESS_LIST_MAX) {
		list->too_many = true;
		return;
	}
	item = arena_grow(r->a, &list->items, &r->cap, list->count, sizeof(*item));
	item->display = display;
	item->group = r->group;
	item->spec = make_spec(r->a, local, domain);
	for (at = item->spec.len; at > 0 && item->spec.ptr[at - 1] != '@'; )
		at--;
	item->local = span_sub(item->spec, 0, at - 1);
	item->domain = span_sub(item->spec, at, item->spec.len);
	list->count++;
	*find_slot(r, item->local, item->domain) = (uint16_t)list->count;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_host_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
	       (unsigned char)c > 127;
}

/* What stands before the "@" at offset at: a quoted-string, or a run of atom octets and dots; blanks between do not count. */
static struct span local_before(struct span text, size_t at)
{
	size_t end = at, from;

	while (end > 0 && is_blank(text.ptr[end - 1]))
		end--;
	from = end;
	if (from > 0 && text.ptr[from - 1] == '"') {
		for (from--; from > 0 && text.ptr[from - 1] != '"'; )
			from--;
		return span_sub(text, from > 0 ? from - 1 : from, end - (from > 0 ? from - 1 : from));
	}
	while (from > 0 && (text.ptr[from - 1] == '.' || address_is_atom_octet(text.ptr[from - 1])))
		from--;
	return span_sub(text, from, end - from);
}

/* "[IPv6:" and the longest address. Also what keeps "@[@[@[" from being quadratic. */
#define LITERAL_MAX_BYTES 64

static struct span literal_at(struct span text, size_t at)
{
	struct span literal = span_sub(text, at, LITERAL_MAX_BYTES);

	for (size_t i = 0; i < literal.len && (unsigned char)literal.ptr[i] > ' '; i++)
		if (literal.ptr[i] == ']')
			return span_sub(literal, 0, i + 1);
	return (struct span){ NULL, 0 };
}

static struct span domain_after(struct span text, size_t at)
{
	size_t end;

	for (at++; at < text.len && (is_blank(text.ptr[at]) || text.ptr[at] == '.'); )
		at++;
	end = at;
	if (end < text.len && text.ptr[end] == '[')
		return literal_at(text, end);
	while (end < text.len && is_host_octet(text.ptr[end]))
		end++;
	while (end > at && text.ptr[end - 1] == '.')
		end--;
	return span_sub(text, at, end - at);
}

static bool has_controls(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
			return true;
	return false;
}

static void scan_text(struct address_reader *r, struct span text)
{
	for (size_t at = 0; at < text.len && !r->list->too_many; at++) {
		struct span local, domain;

		if (text.ptr[at] != '@')
			continue;
		domain = domain_after(text, at);
		local = local_before(text, at);
		if (has_controls(local))
			local = (struct span){ NULL, 0 };
		if (domain.len > 0 && !address_is_listed(r, local, domain) && address_is_domain(r->a, domain))
			address_add(r, local, domain, (struct span){ NULL, 0 });
	}
}

void address_scan(struct address_reader *r)
{
	struct span seen = address_as_seen(r->a, encword_decode(r->a, r->in));

	r->group = (struct span){ NULL, 0 };
	scan_text(r, r->in);
	scan_text(r, seen);
}

/* Code points that are seen as something else; those below 0x80 stand for themselves. */
static const struct { unsigned from, to; char seen; } lookalikes[] = {
	{ 0x85, 0x85, ' ' }, { 0xa0, 0xa0, ' ' }, { 0xad, 0xad, ' ' }, { 0x1680, 0x1680, ' ' }, { 0x180e, 0x180e, ' ' },
	{ 0x2000, 0x200f, ' ' }, { 0x2028, 0x202f, ' ' }, { 0x205f, 0x206f, ' ' }, { 0x3000, 0x3000, ' ' }, { 0xfe64, 0xfe64, '<' },
	{ 0xfe65, 0xfe65, '>' }, { 0xfe6b, 0xfe6b, '@' }, { 0xfeff, 0xfeff, ' ' }, { 0xff1c, 0xff1c, '<' }, { 0xff1e, 0xff1e, '>' },
	{ 0xff20, 0xff20, '@' },
};

static char seen_as(unsigned code)
{
	for (size_t i = 0; i < sizeof(lookalikes) / sizeof(lookalikes[0]); i++)
		if (code >= lookalikes[i].from && code <= lookalikes[i].to)
			return lookalikes[i].seen;
	return '\0';
}

struct span address_as_seen(struct arena *a, struct span text)
{
	char *out;
	size_t used = 0, len;

	if (!has_8bit(text))
		return text;
	out = arena_alloc(a, text.len + 1);
	for (; text.len > 0; text = span_sub(text, len, text.len)) {
		char seen;

		len = utf8_char(text);
		seen = len > 1 ? seen_as(utf8_code(text, len)) : '\0';
		len = len == 0 ? 1 : len;
		if (seen != '\0') {
			out[used++] = seen;
		} else {
			memcpy(out + used, text.ptr, len);
			used += len;
		}
	}
	return (struct span){ out, used };
}
