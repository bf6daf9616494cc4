/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/form_int.h"

#include <assert.h>
#include <string.h>

/* Places in the order of edits at one offset; the edits at the top count down from theirs. */
#define ORDER_TOP 0x1ffffffeu
#define ORDER_FRONT 0x1fffffffu
#define ORDER_HEADER 0x20000000u
#define ORDER_BODY 0x40000000u

void form_init(struct form *form, struct arena *a, const struct message *of)
{
	assert(of->bytes.len == of->total_bytes);
	*form = (struct form){ .arena = a, .of = of };
}

void form_copy(struct form *form, const struct form *from)
{
	*form = *from;
	form->edits = arena_array(from->arena, from->count, sizeof(*form->edits));
	form->cap = from->count;
	if (from->count > 0)
		memcpy(form->edits, from->edits, from->count * sizeof(*form->edits));
}

size_t form_head_offset(const struct message *of)
{
	return of->bytes.len == 0 ? 0 : (size_t)(of->head.ptr - of->bytes.ptr);
}

static struct edit *add_edit(struct form *form, enum edit_kind kind, const char *by)
{
	struct edit *e = arena_grow(form->arena, &form->edits, &form->cap, form->count, sizeof(*e));

	form->count++;
	e->kind = kind;
	e->by = by;
	e->order = form->made++;
	assert(form->made < ORDER_TOP);
	return e;
}

/* The name of a field's text: what stands before the colon, without blanks. */
static struct span text_name(struct span text)
{
	struct span name = span_sub(text, 0, span_find_byte(text, ':'));

	assert(name.len < text.len);
	return span_trim(name);
}

/* Walk the lines of a field's text: with copy NULL only count the bytes that it takes with this line end after each line.
 * *same: it has exactly these line ends already. */
static size_t put_lines(struct span text, struct span line_end, char *copy, bool *same)
{
	size_t bytes = 0;

	*same = true;
	while (text.len > 0) {
		size_t end = span_find_byte(text, '\n'), step = end < text.len ? end + 1 : end;
		size_t line = end < text.len && end > 0 && text.ptr[end - 1] == '\r' ? end - 1 : end;

		*same = *same && span_eq(span_sub(text, line, step - line), line_end);
		if (copy != NULL) {
			memcpy(copy + bytes, text.ptr, line);
			memcpy(copy + bytes + line, line_end.ptr, line_end.len);
		}
		bytes += line + line_end.len;
		text = span_sub(text, step, text.len);
		/* a line that is no fold would be a field of its own, or end the header */
		assert(text.len == 0 || text.ptr[0] == ' ' || text.ptr[0] == '\t');
	}
	return bytes;
}

/* The text with the original's line ends, the last included. */
static struct span field_text(const struct form *form, struct span text)
{
	struct span line_end = span_of(message_line_end(form->of));
	size_t bytes;
	bool same;
	char *copy;

	assert(text_name(text).len > 0 && text.ptr[0] != ' ' && text.ptr[0] != '\t');
	bytes = put_lines(text, line_end, NULL, &same);
	if (same)
		return text;
	copy = arena_alloc(form->arena, bytes);
	put_lines(text, line_end, copy, &same);
	return (struct span){ copy, bytes };
}

void form_field_top(struct form *form, enum edit_kind kind, const char *by, struct span text)
{
	struct edit *e = add_edit(form, kind, by);

	e->at = form_head_offset(form->of);
	e->put = field_text(form, text);
	e->field = text_name(e->put);
	e->order = ORDER_TOP - e->order;
}

void form_front(struct form *form, enum edit_kind kind, const char *by, struct span text)
{
	struct edit *e = add_edit(form, kind, by);

	e->at = form_head_offset(form->of);
	e->put = text;
	e->field = text_name(text);
	e->order = ORDER_FRONT;
}

void form_field_bottom(struct form *form, enum edit_kind kind, const char *by, struct span text)
{
	struct edit *e = add_edit(form, kind, by);

	e->at = form_head_offset(form->of) + form->of->head.len;
	e->put = field_text(form, text);
	e->field = text_name(e->put);
	e->order += ORDER_HEADER;
}

static bool is_of_field(const struct edit *e, const struct field *field)
{
	return e->field.len > 0 && e->cut_bytes > 0 && e->at == field->offset;
}

/* The index of the edit of a field of the original, or count. */
static size_t field_edit(const struct form *form, const struct field *field)
{
	size_t i = 0;

	while (i < form->count && !is_of_field(&form->edits[i], field))
		i++;
	return i;
}

bool form_has_field_edit(const struct form *form, const struct field *field)
{
	return field_edit(form, field) < form->count;
}

static void edit_field(struct form *form, enum edit_kind kind, const char *by, const struct field *field, struct span put)
{
	size_t earlier = field_edit(form, field);
	struct edit *e;

	assert(field->offset + field->raw.len <= form->of->body_offset);
	if (earlier < form->count)
		form_drop(form, earlier);
	e = add_edit(form, kind, by);
	e->at = field->offset;
	e->cut_bytes = field->raw.len;
	e->put = put;
	e->field = field->name;
	e->order += ORDER_HEADER;
}

void form_field_replace(struct form *form, enum edit_kind kind, const char *by, const struct field *field, struct span text)
{
	edit_field(form, kind, by, field, field_text(form, text));
}

void form_field_remove(struct form *form, enum edit_kind kind, const char *by, const struct field *field)
{
	edit_field(form, kind, by, field, (struct span){ NULL, 0 });
}

/* Take back what earlier edits put in under that name: added fields go, a field that was replaced by one of that name (and has
 * another itself) stays cut. */
static void remove_puts(struct form *form, enum edit_kind kind, const char *by, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < form->count; i++) {
		struct edit e = form->edits[i];
		bool is_put = e.field.len > 0 && e.put.len > 0 && span_eq_text_nocase(text_name(e.put), name);

		if (is_put && e.cut_bytes == 0)
			continue;
		if (is_put) {
			e.put = (struct span){ NULL, 0 };
			e.kind = kind;
			e.by = by;
		}
		form->edits[kept++] = e;
	}
	form->count = kept;
}

void form_fields_remove(struct form *form, enum edit_kind kind, const char *by, const char *name)
{
	remove_puts(form, kind, by, name);
	for (size_t i = 0; i < form->of->field_count; i++)
		if (span_eq_text_nocase(form->of->fields[i].name, name))
			form_field_remove(form, kind, by, &form->of->fields[i]);
}

void form_splice(struct form *form, enum edit_kind kind, const char *by, size_t at, size_t count, struct span put)
{
	struct edit *e;

	assert(at >= form->of->body_offset && at <= form->of->total_bytes && count <= form->of->total_bytes - at);
	e = add_edit(form, kind, by);
	e->at = at;
	e->cut_bytes = count;
	e->put = put;
	e->order += ORDER_BODY;
}

void form_drop(struct form *form, size_t i)
{
	assert(i < form->count);
	form->count--;
	memmove(&form->edits[i], &form->edits[i + 1], (form->count - i) * sizeof(*form->edits));
}

const char *form_kind_name(enum edit_kind kind)
{
	static const char *const names[] = {
		[EDIT_REQUIRED] = "required", [EDIT_LIST_FIELD] = "list field", [EDIT_DECORATION] = "decoration",
		[EDIT_STRATEGY] = "strategy", [EDIT_SIGNATURE] = "signature",
	};

	assert((size_t)kind < sizeof(names) / sizeof(names[0]));
	return names[kind];
}
