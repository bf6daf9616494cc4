/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/buf.h"
#include "mail/form_int.h"
#include "mail/idna.h"

#include <string.h>

/* What a person wants to see of a change. A cut attachment has thousands of lines that tell nothing; the numbers do. */
#define SHOWN_LINES_MAX 20
#define SHOWN_LINE_MAX_BYTES 300
#define SHOWN_MAX_BYTES ((size_t)256 << 10)

/* Terminals obey controls (C1 too, U+0080..U+009F) and turn text around for the bidirectional ones. */
static bool is_control(unsigned code)
{
	return (code < ' ' && code != '\t') || (code >= 127 && code < 0xa0) || (code >= 0x202a && code <= 0x202e)
		|| (code >= 0x2066 && code <= 0x2069);
}

/* Length of what can be shown as it is, a character of UTF-8; 0: the octet must be escaped. */
static size_t shown_bytes(struct span s)
{
	size_t bytes = utf8_char(s);

	return bytes == 0 || is_control(utf8_code(s, bytes)) ? 0 : bytes;
}

/* Text of a stranger, safe for a terminal. */
static void put_escaped(struct buf *b, struct span text)
{
	while (text.len > 0) {
		size_t step = shown_bytes(text);

		if (step == 0) {
			buf_printf(b, "\\x%02X", (unsigned char)text.ptr[0]);
			step = 1;
		} else {
			buf_put(b, span_sub(text, 0, step));
		}
		text = span_sub(text, step, text.len);
	}
}

static void put_line(struct buf *b, char sign, struct span line)
{
	buf_put_byte(b, sign);
	put_escaped(b, span_sub(line, 0, SHOWN_LINE_MAX_BYTES));
	if (line.len > SHOWN_LINE_MAX_BYTES)
		buf_printf(b, "... (%zu bytes)", line.len);
	buf_put_byte(b, '\n');
}

/* Each line of text, without its line end, with the sign before it. */
static void put_lines(struct buf *b, char sign, struct span text)
{
	for (size_t lines = 0; text.len > 0; lines++) {
		size_t end = span_find_byte(text, '\n'), step = end < text.len ? end + 1 : end;

		if (lines == SHOWN_LINES_MAX) {
			buf_printf(b, "%c... (%zu bytes more)\n", sign, text.len);
			return;
		}
		if (end < text.len && end > 0 && text.ptr[end - 1] == '\r')
			end--;
		put_line(b, sign, span_sub(text, 0, end));
		text = span_sub(text, step, text.len);
	}
}

static void put_edit(struct buf *b, const struct message *of, const struct edit *e)
{
	if (e->field.len > 0)
		buf_put_text(b, "@@ header");
	else
		buf_printf(b, "@@ body, byte %zu", e->at - (e->at < of->body_offset ? e->at : of->body_offset));
	buf_printf(b, " @@ %s (%s)\n", e->by, form_kind_name(e->kind));
	put_lines(b, '-', span_sub(of->bytes, e->at, e->cut_bytes));
	put_lines(b, '+', e->put);
}

void form_describe(const struct form *form, struct arena *a, struct span *text_r)
{
	struct edit *plan;
	struct fail why;
	struct buf b;
	size_t count;

	buf_init(&b, SHOWN_MAX_BYTES);
	if (form_plan(form, a, &plan, &count, &why) != 0) {
		buf_printf(&b, "no form: %s\n", why.text);
		count = 0;
	}
	for (size_t i = 0; i < count; i++)
		put_edit(&b, form->of, &plan[i]);
	*text_r = arena_span(a, buf_span(&b));
	if (buf_overflowed(&b))
		*text_r = span_of(arena_printf(a, "%.*s\n... (cut here)\n", (int)text_r->len, text_r->ptr));
	buf_done(&b);
}
