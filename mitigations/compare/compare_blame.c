/* SPDX-License-Identifier: BSD-2-Clause */
/* What broke what: each edit of a form alone over the received bytes, and the signatures that were good on arrival verified again. */
#include "mitigations/compare/compare_int.h"

/* Each is a rendering and a verification. Forms of ordinary posts have some twenty edits; one that folds hundreds of lines anew is broken by any of them. */
#define EDITS_TRIED_MAX 100

static const char *edit_name(struct arena *a, const struct edit *e)
{
	if (e->field.len > 0)
		return arena_text(a, e->field);
	return e->put.len == 0 ? "body (cut)" : "body";
}

/* Taking a dead signature out, and signing anew, break nothing: they come after. */
static bool is_cause(const struct edit *e, const struct dkim_signature *signature)
{
	return e->kind != EDIT_SIGNATURE && !(e->cut_bytes > 0 && e->at >= signature->field->offset && e->at < signature->field->offset + signature->field->raw.len);
}

static bool survives(struct comparing *c, const struct form *form, const struct dkim_signature *signature)
{
	const struct strategy_input *in = c->input->in;
	const struct dkim_signature *now;
	struct rendering rendering;
	struct dkim_result dkim;
	struct message m;
	struct fail why;

	if (form_render(form, c->arena, &rendering, &why) != 0 || message_parse_slices(c->arena, rendering.slices, rendering.count, &m, &why) != 0)
		return false;
	dkim_evaluate(c->arena, in->dns, in->clock, &m, &dkim);
	now = compare_same_signature(&dkim, signature);
	return now != NULL && now->result == AUTH_PASS;
}

static const struct compare_tried *find_tried(const struct comparing *c, const struct edit *e, const struct dkim_signature *signature)
{
	for (size_t i = 0; i < c->tried_count; i++) {
		const struct compare_tried *t = &c->tried[i];

		if (t->signature == signature && t->at == e->at && t->cut_bytes == e->cut_bytes && t->put.len == e->put.len && t->put.ptr == e->put.ptr)
			return t;
	}
	return NULL;
}

static bool survives_edit(struct comparing *c, const struct form *whole, size_t edit, const struct dkim_signature *signature)
{
	const struct edit *e = &whole->edits[edit];
	const struct compare_tried *known = find_tried(c, e, signature);
	struct compare_tried *tried;
	struct form one;

	if (known != NULL)
		return known->survives;
	form_copy(&one, whole);
	for (size_t i = one.count; i > 0; i--)
		if (i - 1 != edit)
			form_drop(&one, i - 1);
	tried = arena_grow(c->arena, &c->tried, &c->tried_cap, c->tried_count++, sizeof(*tried));
	*tried = (struct compare_tried){ e->at, e->cut_bytes, e->put, signature, survives(c, &one, signature) };
	return tried->survives;
}

static void add(struct comparing *c, struct compare_form *form, size_t *cap, const struct dkim_signature *signature, const char *edit, const char *by)
{
	struct compare_break *b = arena_grow(c->arena, &form->breaks, cap, form->break_count++, sizeof(*form->breaks));

	*b = (struct compare_break){ arena_printf(c->arena, "d=%s s=%s", signature->domain, signature->selector), edit, by };
}

static void blame_one(struct comparing *c, const struct form *whole, const struct dkim_signature *signature, struct compare_form *form, size_t *cap)
{
	size_t before = form->break_count;

	for (size_t i = 0; i < whole->count && i < EDITS_TRIED_MAX; i++)
		if (is_cause(&whole->edits[i], signature) && !survives_edit(c, whole, i, signature))
			add(c, form, cap, signature, edit_name(c->arena, &whole->edits[i]), whole->edits[i].by);
	if (form->break_count == before)
		add(c, form, cap, signature, "all of them together", form->strategy->name);
}

void compare_blame(struct comparing *c, const struct made_form *made, const struct dkim_result *on_copy, struct compare_form *form)
{
	const struct dkim_result *arrived = &c->input->in->facts->dkim;
	size_t cap = 0;

	for (size_t i = 0; i < arrived->count; i++) {
		const struct dkim_signature *signature = &arrived->signatures[i], *now;

		if (signature->result != AUTH_PASS)
			continue;
		now = compare_same_signature(on_copy, signature);
		if (now == NULL || now->result != AUTH_PASS)
			blame_one(c, &made->form, signature, form, &cap);
	}
}
