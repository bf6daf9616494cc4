/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/form_int.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A plan in the making. */
struct plan {
	const struct message *of;
	struct edit *edits;
	size_t count;
	size_t done;       /* bytes of the original that are cut or passed over */
	bool has_output;   /* does rendering give a byte before here? */
	char last;         /* the last of them */
	bool is_separated; /* does an empty line stand between header and body, or is none needed? */
};

static int by_place(const void *left, const void *right)
{
	const struct edit *a = left, *b = right;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool does_nothing(const struct edit *e)
{
	return e->cut_bytes == 0 && e->put.len == 0;
}

/* The form's edits that do something, sorted. */
static struct edit *sorted_edits(const struct form *form, struct arena *a, size_t *count_r)
{
	struct edit *edits = arena_array(a, form->count, sizeof(*edits));
	size_t count = 0;

	for (size_t i = 0; i < form->count; i++)
		if (!does_nothing(&form->edits[i]))
			edits[count++] = form->edits[i];
	qsort(edits, count, sizeof(*edits), by_place);
	*count_r = count;
	return edits;
}

static int refuse_overlap(const struct edit *one, const struct edit *two, struct fail *why)
{
	return fail_permanent(why, "edits of a message overlap: %s at byte %zu (%zu bytes) and %s at byte %zu", one->by, one->at,
		one->cut_bytes, two->by, two->at);
}

/* Edits that only put bytes may stand at either end of a cut, or several at one place; everything else keeps clear of each other. */
static int check_overlap(const struct edit *edits, size_t count, struct fail *why)
{
	const struct edit *cut = NULL; /* the last one that cuts */

	for (size_t i = 0; i < count; i++) {
		const struct edit *e = &edits[i];
		bool within = cut != NULL && e->at < cut->at + cut->cut_bytes;

		if (within && (e->cut_bytes > 0 || e->at > cut->at))
			return refuse_overlap(cut, e, why);
		if (e->cut_bytes > 0)
			cut = e;
	}
	return 0;
}

static void note_output(struct plan *plan, struct span bytes)
{
	if (bytes.len == 0)
		return;
	plan->has_output = true;
	plan->last = bytes.ptr[bytes.len - 1];
}

/* Pass over the original's bytes to offset at. */
static void pass(struct plan *plan, size_t at)
{
	if (at <= plan->done)
		return;
	note_output(plan, span_sub(plan->of->bytes, plan->done, at - plan->done));
	plan->done = at;
}

static void add_line_end(struct plan *plan, size_t at)
{
	struct edit e = { .at = at, .put = span_of(message_line_end(plan->of)), .kind = EDIT_REQUIRED, .by = "rendering" };

	plan->edits[plan->count++] = e;
	note_output(plan, e.put);
}

/* End the line before offset at if it has no end. */
static void end_line(struct plan *plan, size_t at)
{
	pass(plan, at);
	if (plan->has_output && plan->last != '\n')
		add_line_end(plan, at);
}

/* Put the empty line above the body. */
static void separate(struct plan *plan)
{
	end_line(plan, plan->of->body_offset);
	add_line_end(plan, plan->of->body_offset);
	plan->is_separated = true;
}

static bool is_separation_needed(const struct plan *plan, const struct edit *edits, size_t count)
{
	const struct message *of = plan->of;
	size_t head_end = form_head_offset(of) + of->head.len, put_bytes = 0;

	if (of->body_offset > head_end)
		return false;
	if (of->body_bytes > 0) /* up to the end of the line that is no field: what is put into it could make it one */
		return count > 0 && edits[0].at <= of->body_offset + span_find_byte(span_sub(of->bytes, of->body_offset, of->body_bytes), '\n');
	for (size_t i = 0; i < count; i++)
		put_bytes += edits[i].field.len == 0 ? edits[i].put.len : 0;
	return put_bytes > 0;
}

static void add_edit(struct plan *plan, const struct edit *e)
{
	bool is_body = e->field.len == 0;

	if (is_body && !plan->is_separated)
		separate(plan);
	if (!is_body && e->put.len > 0)
		end_line(plan, e->at);
	pass(plan, e->at);
	plan->edits[plan->count++] = *e;
	note_output(plan, e->put);
	if (e->at + e->cut_bytes > plan->done)
		plan->done = e->at + e->cut_bytes;
}

int form_plan(const struct form *form, struct arena *a, struct edit **plan_r, size_t *count_r, struct fail *why)
{
	struct plan plan = { .of = form->of };
	struct edit *edits;
	size_t count;

	if (form->count > FORM_EDITS_MAX)
		return fail_permanent(why, "a form of a message has %zu edits, the last by %s; %d are allowed", form->count,
			form->edits[form->count - 1].by, FORM_EDITS_MAX);
	edits = sorted_edits(form, a, &count);
	if (check_overlap(edits, count, why) != 0)
		return -1;
	/* every edit may ask for a line end, and separate for two */
	plan.edits = arena_array(a, 2 * count + 2, sizeof(*plan.edits));
	plan.is_separated = !is_separation_needed(&plan, edits, count);
	for (size_t i = 0; i < count; i++)
		add_edit(&plan, &edits[i]);
	if (!plan.is_separated)
		separate(&plan);
	*plan_r = plan.edits;
	*count_r = plan.count;
	return 0;
}

static void add_slice(struct rendering *rendering, struct span bytes)
{
	if (bytes.len == 0)
		return;
	rendering->slices[rendering->count++] = (struct iovec){ (char *)(uintptr_t)bytes.ptr, bytes.len };
	rendering->total_bytes += bytes.len;
}

int form_render(const struct form *form, struct arena *a, struct rendering *rendering_r, struct fail *why)
{
	struct rendering rendering = { .count = 0 };
	struct edit *plan;
	size_t count, done = 0;

	if (form_plan(form, a, &plan, &count, why) != 0)
		return -1;
	rendering.slices = arena_array(a, 2 * count + 1, sizeof(*rendering.slices));
	for (size_t i = 0; i < count; i++) {
		if (plan[i].at > done)
			add_slice(&rendering, span_sub(form->of->bytes, done, plan[i].at - done));
		add_slice(&rendering, plan[i].put);
		rendering.added_bytes += plan[i].put.len;
		if (plan[i].at + plan[i].cut_bytes > done)
			done = plan[i].at + plan[i].cut_bytes;
	}
	add_slice(&rendering, span_sub(form->of->bytes, done, form->of->bytes.len));
	*rendering_r = rendering;
	return 0;
}

int form_inverse(const struct form *form, struct arena *a, struct edit **edits_r, size_t *count_r, struct fail *why)
{
	struct edit *plan;
	size_t count, done = 0, rendered = 0;

	if (form_plan(form, a, &plan, &count, why) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct edit e = plan[i];

		if (e.at > done)
			rendered += e.at - done;
		if (e.at + e.cut_bytes > done)
			done = e.at + e.cut_bytes;
		plan[i].at = rendered;
		plan[i].cut_bytes = e.put.len;
		plan[i].put = span_sub(form->of->bytes, e.at, e.cut_bytes);
		rendered += e.put.len;
	}
	*edits_r = plan;
	*count_r = count;
	return 0;
}

struct span rendering_bytes(struct arena *a, const struct rendering *rendering)
{
	char *bytes = arena_alloc(a, rendering->total_bytes);
	size_t at = 0;

	for (size_t i = 0; i < rendering->count; i++) {
		memcpy(bytes + at, rendering->slices[i].iov_base, rendering->slices[i].iov_len);
		at += rendering->slices[i].iov_len;
	}
	return (struct span){ bytes, at };
}
