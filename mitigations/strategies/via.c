/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

#include "mail/buf.h"
#include "mail/header.h"

/* Names over this length serve no reader; what is cut stands in Author and X-Original-From. */
#define NAME_MAX_BYTES 120
/* Authors named in the display name of a post that has several. */
#define NAMES_MAX 3
#define VIA_MAX_BYTES ((size_t)4096)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* s cut to max bytes, at the end of a character. */
static struct span cut(struct span s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
		max--;
	return span_sub(s, 0, max);
}

/* What is left of brackets and quotes when the address between them is gone. */
static struct span without_brackets(struct span s)
{
	static const char marks[] = "()<>[]{}\"'@,;:/|- ";

	while (s.len > 0 && span_find_byte(SPAN_LIT(marks), s.ptr[0]) < sizeof(marks) - 1)
		s = span_sub(s, 1, s.len);
	while (s.len > 0 && span_find_byte(SPAN_LIT(marks), s.ptr[s.len - 1]) < sizeof(marks) - 1)
		s.len--;
	return s;
}

/* A name without words that look like an address or a host: Gmail hides or flags such names (RFC 7960 4.1.3.3), and an address in a name
 * is what forgers do. Empty when nothing else is in it. */
static struct span clean_name(struct arena *a, struct span name)
{
	struct buf out;
	struct span result;
	bool has_dropped = false;
	size_t at = 0;

	buf_init(&out, VIA_MAX_BYTES);
	name = cut(name, VIA_MAX_BYTES);
	while (at < name.len) {
		size_t end = at;

		while (end < name.len && !is_blank(name.ptr[end]))
			end++;
		struct span word = span_sub(name, at, end - at);

		if (address_in_text(word)) {
			has_dropped = true;
		} else if (word.len > 0) {
			buf_put_text(&out, out.len > 0 ? " " : "");
			buf_put(&out, word);
		}
		at = end + 1;
	}
	result = has_dropped ? without_brackets(buf_span(&out)) : buf_span(&out);
	result = arena_span(a, cut(result, NAME_MAX_BYTES));
	buf_done(&out);
	return address_in_text(result) ? (struct span){ NULL, 0 } : result;
}

static struct span unquoted(struct span local)
{
	if (local.len >= 2 && local.ptr[0] == '"' && local.ptr[local.len - 1] == '"')
		return span_sub(local, 1, local.len - 2);
	return local;
}

static struct span author_name(const struct strategy_input *in, const struct address *author)
{
	const struct list_identity *list = in->list;
	struct span name = clean_name(in->arena, author->display);

	if (name.len == 0 && list->member_name != NULL)
		name = clean_name(in->arena, span_of(list->member_name(in->arena, list->member_context, author)));
	if (name.len == 0)
		name = clean_name(in->arena, author->group);
	if (name.len == 0)
		name = clean_name(in->arena, unquoted(author->local));
	return name;
}

/* Do all authors stand in one group? Its name is theirs then (RFC 6854). */
static struct span group_name(const struct address_list *from)
{
	for (size_t i = 1; i < from->count; i++)
		if (!span_eq(from->items[i].group, from->items[0].group))
			return (struct span){ NULL, 0 };
	return from->count > 1 ? from->items[0].group : (struct span){ NULL, 0 };
}

static struct span authors_name(const struct strategy_input *in)
{
	const struct address_list *from = &in->facts->from;
	struct span name = clean_name(in->arena, group_name(from));
	struct buf out;

	if (name.len > 0)
		return name;
	if (from->count == 0)
		return clean_name(in->arena, from->first_display);
	buf_init(&out, VIA_MAX_BYTES);
	for (size_t i = 0; i < from->count && i < NAMES_MAX; i++) {
		name = author_name(in, &from->items[i]);
		buf_put_text(&out, out.len > 0 && name.len > 0 ? ", " : "");
		buf_put(&out, name);
	}
	buf_put_text(&out, from->count > NAMES_MAX ? ", ..." : "");
	name = arena_span(in->arena, buf_span(&out));
	buf_done(&out);
	return name;
}

/* The template with {name} and {list} filled in. */
static struct span fill(const struct strategy_input *in, struct span name, struct span list)
{
	struct span rest = span_of(in->list->via_template);
	struct span result;
	struct buf out;

	buf_init(&out, VIA_MAX_BYTES);
	while (rest.len > 0) {
		bool is_name = span_starts_nocase(rest, "{name}"), is_list = span_starts_nocase(rest, "{list}");

		if (is_name || is_list) {
			buf_put(&out, is_name ? name : list);
			rest = span_sub(rest, 6, rest.len);
		} else {
			buf_put_byte(&out, rest.ptr[0]);
			rest = span_sub(rest, 1, rest.len);
		}
	}
	result = arena_span(in->arena, span_trim(buf_span(&out)));
	buf_done(&out);
	return result;
}

/* The From address: the list's, or the alias of the one author. */
static const char *from_address(const struct strategy_input *in)
{
	const struct list_identity *list = in->list;
	const struct address_list *from = &in->facts->from;
	const char *alias = NULL;

	if (list->alias != ALIAS_LIST && from->count == 1)
		alias = list->make_alias(in->arena, list->alias_context, &from->items[0]);
	return alias == NULL ? list->address : alias;
}

static struct span via_display(const struct strategy_input *in)
{
	struct span name = authors_name(in), list = cut(span_of(in->list->name), NAME_MAX_BYTES);

	return name.len == 0 ? list : fill(in, name, list);
}

struct span via_from(const struct strategy_input *in)
{
	return address_format(in->arena, via_display(in), span_of(from_address(in)));
}

struct span via_list(const struct strategy_input *in)
{
	return address_format(in->arena, facts_may_name_author(in->facts) ? via_display(in) : cut(span_of(in->list->name), NAME_MAX_BYTES), span_of(in->list->address));
}
