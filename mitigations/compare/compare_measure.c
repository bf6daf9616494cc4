/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reader has of a copy: whose name is on it, where answers go, what is left of the list's fields and decorations, what the list did to signatures. */
#include "mitigations/compare/compare_int.h"

#include "mail/encword.h"
#include "mail/header.h"

#include <string.h>

#define SHOWN_MAX_BYTES 300 /* of a From that is shown */

bool compare_is_authors(const struct comparing *c, const struct dkim_signature *signature)
{
	const struct facts *facts = c->input->in->facts;

	for (size_t i = 0; i < facts->author_count; i++)
		if (signature->domain != NULL && (strcmp(signature->domain, facts->authors[i].author_domain) == 0 || dmarc_is_aligned(&facts->authors[i], signature->domain)))
			return true;
	return false;
}

const struct dkim_signature *compare_same_signature(const struct dkim_result *dkim, const struct dkim_signature *signature)
{
	for (size_t i = 0; i < dkim->count; i++)
		if (span_eq(dkim->signatures[i].field->value, signature->field->value))
			return &dkim->signatures[i];
	return NULL;
}

static void measure_signatures(const struct comparing *c, const struct dkim_result *on_copy, struct compare_form *form)
{
	const struct dkim_result *arrived = &c->input->in->facts->dkim;

	for (size_t i = 0; i < arrived->count; i++) {
		const struct dkim_signature *now;

		if (arrived->signatures[i].result != AUTH_PASS || !compare_is_authors(c, &arrived->signatures[i]))
			continue;
		now = compare_same_signature(on_copy, &arrived->signatures[i]);
		form->signatures++;
		form->signatures_alive += now != NULL && now->result == AUTH_PASS;
	}
	for (size_t i = 0; i < on_copy->count; i++)
		form->list_dkim |= on_copy->signatures[i].result == AUTH_PASS && on_copy->signatures[i].domain != NULL
			&& strcmp(on_copy->signatures[i].domain, c->input->in->list->domain) == 0;
}

/* Who an address of the copy is, in one word where it can be. */
static const char *who(const struct comparing *c, const struct address *address)
{
	const struct strategy_input *in = c->input->in;
	const struct list_identity *list = in->list;
	const char *key = address_key(c->arena, address);

	if (span_eq_text_nocase(span_of(list->address), key))
		return "list";
	for (size_t i = 0; i < in->facts->from.count; i++) {
		if (strcmp(address_key(c->arena, &in->facts->from.items[i]), key) == 0)
			return "author";
		if (list->alias != ALIAS_LIST && span_eq_text_nocase(span_of(list->make_alias(c->arena, list->alias_context, &in->facts->from.items[i])), key))
			return "alias";
	}
	return key;
}

struct targets { const char *text; size_t strangers; };

static bool is_word_of(const char *text, const char *word)
{
	struct span rest = span_of(text), part;

	while (span_next(&rest, '+', &part))
		if (span_eq_text(part, word))
			return true;
	return false;
}

/* Add those of a field to where an answer goes, each once; of many strangers only the count is told. */
static void add_targets(const struct comparing *c, const struct message *m, const char *name, struct targets *targets)
{
	for (const struct field *f = message_field(m, name); f != NULL; f = message_field_from(m, name, message_field_index(m, f) + 1)) {
		struct address_list list;

		address_list_parse(c->arena, f->value, &list);
		for (size_t i = 0; i < list.count; i++) {
			const char *word = list.items[i].domain.len == 0 ? "?" : who(c, &list.items[i]);
			bool is_stranger = strchr(word, '@') != NULL;

			if (is_word_of(targets->text, word))
				continue;
			targets->strangers += is_stranger;
			if (!is_stranger || targets->strangers <= 2)
				targets->text = *targets->text == '\0' ? word : arena_printf(c->arena, "%s+%s", targets->text, word);
		}
	}
}

static const char *finish_targets(const struct comparing *c, const struct targets *targets)
{
	return targets->strangers <= 2 ? targets->text : arena_printf(c->arena, "%s+%zu others", targets->text, targets->strangers - 2);
}

static void measure_replies(const struct comparing *c, const struct message *m, struct compare_form *form)
{
	struct targets targets = { .text = "" };

	add_targets(c, m, message_field(m, "Reply-To") != NULL ? "Reply-To" : "From", &targets);
	form->reply = finish_targets(c, &targets);
	add_targets(c, m, "To", &targets);
	add_targets(c, m, "Cc", &targets);
	form->reply_all = finish_targets(c, &targets);
}

static bool has_text(struct span text, struct span wanted)
{
	if (wanted.len == 0)
		return false;
	for (size_t i = 0; i + wanted.len <= text.len; i++)
		if (span_eq_nocase(span_sub(text, i, wanted.len), wanted))
			return true;
	return false;
}

static void measure_from(const struct comparing *c, const struct message *m, struct compare_form *form)
{
	const struct address_list *authors = &c->input->in->facts->from;
	const struct field *field = message_field(m, "From");
	struct address_list from = { .count = 0 };
	struct span shown;

	if (field != NULL)
		address_list_parse(c->arena, field->value, &from);
	shown = field == NULL ? (struct span){ NULL, 0 } : encword_decode(c->arena, header_unfold(c->arena, field->value));
	form->from = arena_text(c->arena, span_trim(span_sub(shown, 0, SHOWN_MAX_BYTES)));
	if (from.count == 0 || authors->count == 0)
		return;
	form->from_is_author = from.items[0].domain.len > 0 && authors->items[0].domain.len > 0
		&& strcmp(address_key(c->arena, &from.items[0]), address_key(c->arena, &authors->items[0])) == 0;
	form->name_visible = form->from_is_author || has_text(from.items[0].display, authors->items[0].display)
		|| (authors->items[0].display.len == 0 && has_text(from.items[0].display, authors->items[0].local));
}

static bool is_list_name(struct span name)
{
	return span_starts_nocase(name, "List-");
}

static void measure_list_fields(const struct comparing *c, const struct message *m, struct compare_form *form)
{
	const struct form *shaped = c->input->in->shaped;

	for (size_t i = 0; i < shaped->count; i++) {
		const struct edit *e = &shaped->edits[i];

		if (e->kind != EDIT_LIST_FIELD || e->put.len == 0 || !is_list_name(e->field))
			continue;
		form->list_fields_wanted++;
		form->list_fields += message_field(m, arena_text(c->arena, e->field)) != NULL;
	}
}

/* The longest line of what a list puts into the body: what can be found again in another encoding, if anything can. */
static struct span longest_line(struct span text)
{
	struct span line, longest = { NULL, 0 };

	while (span_next(&text, '\n', &line))
		if (span_trim(line).len > longest.len)
			longest = span_trim(line);
	return longest;
}

static bool has_footer(const struct message *m, const struct form *made, const struct edit *footer)
{
	struct span body = span_sub(m->bytes, m->body_offset, m->bytes.len), line = longest_line(footer->put);

	for (size_t i = 0; i < made->count; i++)
		if (made->edits[i].kind == EDIT_DECORATION && made->edits[i].field.len == 0 && made->edits[i].put.len > 0)
			return true;
	return line.len > 0 && span_find(body, line) < body.len;
}

/* The tag is there when the copy's subject is the list's; the footer, when what the list puts into the body is, be it in a part that was encoded anew. */
static void measure_decorations(const struct comparing *c, const struct message *m, const struct form *made, struct compare_form *form)
{
	const struct form *shaped = c->input->in->shaped;
	const struct field *subject = message_field(m, "Subject");

	for (size_t i = 0; i < shaped->count; i++) {
		const struct edit *e = &shaped->edits[i];
		struct span value = span_sub(e->put, span_find_byte(e->put, ':') + 1, e->put.len);

		if (e->kind != EDIT_DECORATION || e->put.len == 0)
			continue;
		if (span_eq_text_nocase(e->field, "Subject"))
			form->tag = subject != NULL && span_eq(header_unfold(c->arena, subject->value), header_unfold(c->arena, value)) ? COMPARE_PART_THERE : COMPARE_PART_MISSING;
		else if (e->field.len == 0 && form->footer == COMPARE_PART_NONE)
			form->footer = has_footer(m, made, e) ? COMPARE_PART_THERE : COMPARE_PART_MISSING;
	}
}

void compare_measure(struct comparing *c, struct compare_copy *copy, struct compare_form *form)
{
	const struct made_form *made = copy->made;
	const struct facts *facts = compare_facts(c, copy, 0);
	const struct message *m = &copy->message;

	form->bytes = made->rendering.total_bytes;
	form->bytes_added = (long long)made->rendering.total_bytes - (long long)c->input->in->message->total_bytes;
	form->proof_holds = made->proof.holds;
	form->proof = made->proof.reason;
	form->sealed = made->proof.sealed && made->proof.arc_ok;
	form->from = form->reply = form->reply_all = "";
	if (c->input->with_diff)
		form_describe(&made->form, c->arena, &form->diff);
	if (facts == NULL)
		return;
	measure_signatures(c, &facts->dkim, form);
	measure_from(c, m, form);
	measure_replies(c, m, form);
	measure_list_fields(c, m, form);
	measure_decorations(c, m, &made->form, form);
	compare_blame(c, made, &facts->dkim, form);
}
