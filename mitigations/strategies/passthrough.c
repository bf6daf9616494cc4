/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

static bool has_decorations(const struct form *form)
{
	for (size_t i = 0; i < form->count; i++)
		if (form->edits[i].kind == EDIT_DECORATION)
			return true;
	return false;
}

static bool suits(const struct strategy_input *in, const struct receiver *receiver, bool is_forced, const char **reason_r)
{
	size_t count;

	(void)receiver;
	(void)is_forced;
	survive_aligned(in, &count);
	if (count == 0)
		*reason_r = "the post came without a valid signature of its author's domain";
	else if (in->list->decorate == DECORATE_ALWAYS && has_decorations(in->shaped))
		*reason_r = "the list wants its subject tag or footer on every copy (decorate = always)";
	else
		return true;
	return false;
}

/* The signatures that the copy must not break: the author's; where there is none (and the list has fixed this strategy) any that passed. */
struct guarded { const struct dkim_signature **items; size_t count; bool are_authors; };

static struct guarded guard(const struct strategy_input *in)
{
	const struct dkim_result *dkim = &in->facts->dkim;
	struct guarded guarded = { .are_authors = true };

	guarded.items = survive_aligned(in, &guarded.count);
	guarded.are_authors = guarded.count > 0;
	for (size_t i = 0; !guarded.are_authors && i < dkim->count; i++)
		if (dkim->signatures[i].result == AUTH_PASS)
			guarded.items[guarded.count++] = &dkim->signatures[i];
	return guarded;
}

static bool breaks_any(const struct strategy_input *in, const struct guarded *guarded, const struct edit *edit)
{
	for (size_t i = 0; i < guarded->count; i++)
		if (!survive_edit(in->message, edit, guarded->items[i]))
			return true;
	return false;
}

/* Required edits stay whatever they break. -1: no signature of the author's is left. */
static int apply_required(const struct strategy_input *in, struct guarded *guarded, const struct edit *edit, struct fail *why)
{
	size_t kept = 0;

	for (size_t i = 0; i < guarded->count; i++)
		if (survive_edit(in->message, edit, guarded->items[i]))
			guarded->items[kept++] = guarded->items[i];
	guarded->count = kept;
	if (kept > 0 || !guarded->are_authors)
		return 0;
	return fail_permanent(why, "a change that every copy needs (%.*s, by %s) breaks the author's signature",
		edit->field.len > 0 ? (int)edit->field.len : 4, edit->field.len > 0 ? edit->field.ptr : "body", edit->by);
}

/* Does a field of that name stay in the copy? */
static bool is_field_left(const struct form *form, struct span name)
{
	for (size_t i = 0; i < form->of->field_count; i++)
		if (span_eq_nocase(form->of->fields[i].name, name) && !form_has_field_edit(form, &form->of->fields[i]))
			return true;
	return false;
}

/* A field of the list's beside one of that name which must stay would make two; only Archived-At may stand twice (RFC 5064 2). */
static bool makes_two(const struct form *form, const struct edit *edit)
{
	return edit->cut_bytes == 0 && !span_eq_text_nocase(edit->field, "Archived-At") && is_field_left(form, edit->field);
}

static bool adds(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->count; i++)
		if (form->edits[i].put.len > 0 && span_eq_text_nocase(form->edits[i].field, name))
			return true;
	return false;
}

static void drop_field(struct form *form, const char *name)
{
	for (size_t i = form->count; i-- > 0;)
		if (form->edits[i].kind == EDIT_LIST_FIELD && span_eq_text_nocase(form->edits[i].field, name))
			form_drop(form, i);
}

/* First what cuts, then what adds: whether a field makes two depends on whether the other one could go. */
static void drop_harmful(const struct strategy_input *in, const struct guarded *guarded, struct form *form)
{
	for (size_t i = form->count; i-- > 0;)
		if (form->edits[i].kind == EDIT_DECORATION || (form->edits[i].kind == EDIT_LIST_FIELD && breaks_any(in, guarded, &form->edits[i])))
			form_drop(form, i);
	for (size_t i = form->count; i-- > 0;)
		if (form->edits[i].kind == EDIT_LIST_FIELD && makes_two(form, &form->edits[i]))
			form_drop(form, i);
	/* RFC 8058 3.1: one-click speaks of the List-Unsubscribe beside it, which must be ours */
	if (!adds(form, "List-Unsubscribe"))
		drop_field(form, "List-Unsubscribe-Post");
}

static int propose(const struct strategy_input *in, struct form *form_r, struct fail *why)
{
	struct guarded guarded = guard(in);

	if (survive_is_fragile(in))
		return fail_permanent(why,
			"the post has lines over 998 octets, 8-bit octets that the relay does not take, or an author in UTF-8: relays or receivers would break it");
	for (size_t i = 0; i < in->shaped->count; i++)
		if (in->shaped->edits[i].kind == EDIT_REQUIRED && apply_required(in, &guarded, &in->shaped->edits[i], why) != 0)
			return -1;
	form_copy(form_r, in->shaped);
	drop_harmful(in, &guarded, form_r);
	survive_settle(in, form_r, "passthrough");
	return 0;
}

const struct strategy strategy_passthrough = {
	.name = "passthrough",
	.summary = "the post as it came, with only such fields added as break no signature of its author",
	.source = "RFC 7960 4.1.3.2; RFC 6377 5.1; ASRG wiki: turn off all modifications",
	.keeps_author_from = true,
	.in_auto = true,
	.proof = PROOF_STRICT,
	.touches = TOUCH_SHAPE | TOUCH_SIGNATURES,
	.suits = suits,
	.propose = propose,
};
