/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

#include "mail/date.h"
#include "mail/header.h"

bool repair_has_long_line(struct span text)
{
	while (text.len > 0) {
		size_t end = span_find_byte(text, '\n'), step = end < text.len ? end + 1 : end;
		size_t line = end < text.len && end > 0 && text.ptr[end - 1] == '\r' ? end - 1 : end;

		if (line > HEADER_LINE_MAX_BYTES)
			return true;
		text = span_sub(text, step, text.len);
	}
	return false;
}

bool repair_is_to_encode(const struct strategy_input *in, struct span text)
{
	if (in->list->only_7bit)
		for (size_t i = 0; i < text.len; i++)
			if ((unsigned char)text.ptr[i] >= 0x80)
				return true;
	return repair_has_long_line(text);
}

struct span repair_field(const struct strategy_input *in, const char *name, struct span value)
{
	struct span text = span_of(arena_printf(in->arena, "%s:", name));
	char *joined = arena_alloc(in->arena, text.len + value.len + 1);
	struct span field = { joined, text.len + value.len };

	for (size_t i = 0; i < text.len; i++)
		joined[i] = text.ptr[i];
	for (size_t i = 0; i < value.len; i++)
		joined[text.len + i] = value.ptr[i];
	if (!repair_has_long_line(field))
		return field;
	return header_fold(in->arena, name, header_unfold(in->arena, value), message_line_end(in->message));
}

static void fold_long_fields(const struct strategy_input *in, struct form *form, const char *by)
{
	for (size_t i = 0; i < in->message->field_count; i++) {
		const struct field *f = &in->message->fields[i];

		if (repair_has_long_line(f->raw) && !form_has_field_edit(form, f))
			form_field_replace(form, EDIT_STRATEGY, by, f, repair_field(in, arena_text(in->arena, f->name), f->value));
	}
}

/* Is this field the second or a later one of a name that may stand once (RFC 5322 3.6)? From is the strategy's. */
static bool is_second(const struct message *m, const struct field *field)
{
	const char *first = NULL;

	if ((header_flags(field->name) & HEADER_ONCE) == 0 || span_eq_text_nocase(field->name, "From"))
		return false;
	for (size_t i = 0; first == NULL; i++)
		if (span_eq_nocase(m->fields[i].name, field->name))
			first = m->fields[i].raw.ptr;
	return first != field->raw.ptr;
}

static void remove_second_fields(const struct strategy_input *in, struct form *form, const char *by)
{
	for (size_t i = 0; i < in->message->field_count; i++) {
		const struct field *f = &in->message->fields[i];

		if (is_second(in->message, f) && !form_has_field_edit(form, f))
			form_field_remove(form, EDIT_STRATEGY, by, f);
	}
}

/* Would the newest edit of the form break an author's signature that was whole until now? */
static bool is_costly(const struct strategy_input *in, const struct form *form)
{
	struct form before = *form;
	size_t count;
	const struct dkim_signature **aligned = survive_aligned(in, &count);

	before.count--;
	for (size_t i = 0; i < count; i++)
		if (survive_form(&before, aligned[i]) && !survive_edit(in->message, &form->edits[form->count - 1], aligned[i]))
			return true;
	return false;
}

/* Gmail refuses mail without Message-ID (550 5.7.1), but a receiver can also make one up: it is not worth a signature. */
static void add_message_id(const struct strategy_input *in, struct form *form, const char *by)
{
	if (message_field(in->message, "Message-ID") != NULL)
		return;
	form_field_bottom(form, EDIT_STRATEGY, by, span_of(arena_printf(in->arena, "Message-ID: <%s@%s>", in->id, in->list->domain)));
	if (is_costly(in, form))
		form_drop(form, form->count - 1);
}

int repair_lines(const struct strategy_input *in, struct form *form, const char *by, struct fail *why)
{
	fold_long_fields(in, form, by);
	return reencode_parts(in, form, by, why);
}

int repair_form(const struct strategy_input *in, struct form *form, const char *by, struct fail *why)
{
	remove_second_fields(in, form, by);
	if (message_field(in->message, "Date") == NULL)
		form_field_bottom(form, EDIT_STRATEGY, by, span_of(arena_printf(in->arena, "Date: %s", date_format(in->arena, clock_now(in->clock)))));
	add_message_id(in, form, by);
	return repair_lines(in, form, by, why);
}
