/* SPDX-License-Identifier: BSD-2-Clause */
/* Pairs of bytes up to a NUL are edits, the rest is a message. The inverse over the rendering gives the message back, and the rendering
 * reads with the fields and the body that the edits leave. */
#include "mail/form.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void edit(struct form *f, unsigned what, size_t where)
{
	const struct message *m = f->of;
	const struct field *field = m->field_count > 0 ? &m->fields[where % m->field_count] : NULL;
	size_t at = m->body_offset + where % (m->body_bytes + 1), count = where / 3 % (m->body_offset + m->body_bytes - at + 1);

	if (what % 8 == 0)
		form_field_top(f, EDIT_STRATEGY, "top", SPAN_LIT("A: 1"));
	else if (what % 8 == 1)
		form_field_bottom(f, EDIT_LIST_FIELD, "bottom", SPAN_LIT("B: 1\r\n 2\r\n"));
	else if (what % 8 == 2 && field != NULL)
		form_field_replace(f, EDIT_STRATEGY, "replace", field, SPAN_LIT("C: 1\n"));
	else if (what % 8 == 3 && field != NULL)
		form_field_remove(f, EDIT_STRATEGY, "remove", field);
	else if (what % 8 == 4)
		form_fields_remove(f, EDIT_STRATEGY, "remove all", where % 2 == 0 ? "a" : "c");
	else if (what % 8 == 5)
		form_splice(f, EDIT_DECORATION, "splice", at, count, SPAN_LIT("body\n"));
	else if (what % 8 == 6)
		form_splice(f, EDIT_DECORATION, "put", at, 0, SPAN_LIT("D: 1\n"));
	else if (f->count > 0)
		form_drop(f, where % f->count);
}

static size_t expected_fields(const struct form *f)
{
	size_t count = f->of->field_count;

	for (size_t i = 0; i < f->count; i++)
		if (f->edits[i].field.len > 0)
			count += (f->edits[i].put.len > 0) - (size_t)(f->edits[i].cut_bytes > 0);
	return count;
}

static void check(struct arena *a, const struct form *f)
{
	struct rendering r;
	struct edit *inverse;
	struct message m;
	struct span text, back;
	size_t count, at = 0, done = 0;
	char *to;

	form_describe(f, a, &text);
	if (form_render(f, a, &r, NULL) != 0)
		return;
	text = rendering_bytes(a, &r);
	assert(form_inverse(f, a, &inverse, &count, NULL) == 0);
	to = arena_alloc(a, text.len + f->of->bytes.len);
	for (size_t i = 0; i < count; i++) {
		memcpy(to + done, text.ptr + at, inverse[i].at - at);
		done += inverse[i].at - at;
		memcpy(to + done, inverse[i].put.ptr == NULL ? "" : inverse[i].put.ptr, inverse[i].put.len);
		done += inverse[i].put.len;
		at = inverse[i].at + inverse[i].cut_bytes;
	}
	memcpy(to + done, text.ptr + at, text.len - at);
	back = (struct span){ to, done + text.len - at };
	assert(span_eq(back, f->of->bytes));
	if (message_parse_slices(a, r.slices, r.count, &m, NULL) == 0)
		assert(m.field_count == expected_fields(f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
	size_t edits = end == NULL ? 0 : (size_t)(end - data), start = end == NULL ? 0 : edits + 1;
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct message m;
	struct form f;

	if (message_parse(a, (struct span){ (const char *)data + start, size - start }, &m, NULL) == 0) {
		form_init(&f, a, &m);
		for (size_t i = 0; i + 1 < edits && i < 64; i += 2)
			edit(&f, data[i], data[i + 1]);
		check(a, &f);
	}
	arena_free(a);
	return 0;
}
