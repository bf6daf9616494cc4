/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

#include "mail/buf.h"
#include "mail/header.h"
#include "mail/idna.h"

#include <string.h>

/* A field over MESSAGE_FIELD_MAX_BYTES would make the copy one that nobody can read; half of it is more than any real list of addresses. */
#define REPLIES_MAX_BYTES (MESSAGE_FIELD_MAX_BYTES / 2)

/* Addresses as keys (address_key), to put none twice. */
struct known { struct arena *arena; const char **keys; size_t count, cap; };

static bool is_known(const struct known *known, const char *key)
{
	for (size_t i = 0; i < known->count; i++)
		if (strcmp(known->keys[i], key) == 0)
			return true;
	return false;
}

static void know(struct known *known, const char *key)
{
	*(const char **)arena_grow(known->arena, &known->keys, &known->cap, known->count, sizeof(*known->keys)) = key;
	known->count++;
}

static void know_field(struct known *known, const struct message *m, const char *name)
{
	const struct field *f = message_field(m, name);
	struct address_list list;

	if (f == NULL)
		return;
	address_list_parse(known->arena, f->value, &list);
	for (size_t i = 0; i < list.count; i++)
		know(known, address_key(known->arena, &list.items[i]));
}

/* An address to answer to, as every mail program can: a domain in UTF-8 as A-labels, which mean the same. A local part in UTF-8 has no other form. */
static struct span plain_spec(struct arena *a, const struct address *address)
{
	const char *domain = address_is_utf8(address) ? idna_to_ascii(a, address->domain) : NULL;
	struct address plain = *address;

	if (domain == NULL)
		return address->spec;
	plain.spec = span_of(arena_printf(a, "%.*s@%s", (int)address->local.len, address->local.ptr, domain));
	return address_is_utf8(&plain) ? address->spec : plain.spec;
}

static void add_addresses(struct known *known, struct buf *out, const struct address_list *list)
{
	/* as many as there are author domains judged: a From or Reply-To with more is not meant for people */
	for (size_t i = 0; i < list->count && i < FACTS_AUTHORS_MAX; i++) {
		const struct address *address = &list->items[i];
		const char *key = address_key(known->arena, address);

		if (is_known(known, key))
			continue;
		know(known, key);
		buf_put_text(out, out->len > 0 ? ", " : "");
		buf_put(out, address_format(known->arena, address->display, plain_spec(known->arena, address)));
	}
}

/* The addresses of both lists that are not known yet, as a field's value; cut off where the field would be too long. */
static struct span write_addresses(struct known *known, const struct address_list *one, const struct address_list *two)
{
	struct span result = { NULL, 0 };
	struct buf out;

	buf_init(&out, REPLIES_MAX_BYTES);
	add_addresses(known, &out, one);
	if (two != NULL)
		add_addresses(known, &out, two);
	if (!buf_overflowed(&out))
		result = arena_span(known->arena, buf_span(&out));
	buf_done(&out);
	return result;
}

/* The poster's own Reply-To; false where there is none that names an address. */
static bool own_reply_to(const struct strategy_input *in, struct address_list *own_r)
{
	const struct field *f = message_field(in->message, "Reply-To");

	if (f == NULL)
		return false;
	address_list_parse(in->arena, f->value, own_r);
	return own_r->count > 0;
}

void replies_plan(const struct strategy_input *in, struct replies *replies_r)
{
	struct known known = { .arena = in->arena };
	const struct address_list *authors = &in->facts->from;
	struct address_list own = { .count = 0 };
	bool has_own = own_reply_to(in, &own);

	*replies_r = (struct replies){ .reply_to = { NULL, 0 } };
	if (in->list->reply == REPLY_AUTHOR && !has_own) {
		replies_r->reply_to = write_addresses(&known, authors, NULL);
		return;
	}
	know_field(&known, in->message, "To");
	know_field(&known, in->message, "Cc");
	if (in->list->reply == REPLY_AUTHOR) {
		/* replies go where the poster wants them; the author, whom From does not name any more, is reached by "reply to all" */
		know_field(&known, in->message, "Reply-To");
		replies_r->cc = write_addresses(&known, authors, NULL);
		return;
	}
	know(&known, in->list->address);
	replies_r->reply_to = span_of(in->list->address);
	replies_r->cc = write_addresses(&known, authors, has_own ? &own : NULL);
}

struct span replies_cc(const struct strategy_input *in, struct span added)
{
	const struct field *cc = message_field(in->message, "Cc");
	struct span old = cc == NULL ? (struct span){ NULL, 0 } : span_trim(cc->value), text;

	text = header_fold(in->arena, "Cc", added, message_line_end(in->message));
	if (old.len == 0)
		return text;
	/* ours first: what follows a damaged value would be lost in it */
	if (old.len + text.len > REPLIES_MAX_BYTES)
		return repair_field(in, "Cc", cc->value);
	text = span_of(arena_printf(in->arena, "%.*s,%s %.*s", (int)text.len, text.ptr, message_line_end(in->message), (int)old.len, old.ptr));
	return repair_field(in, "Cc", span_sub(text, sizeof("Cc:") - 1, text.len));
}
