/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/draft.h"
#include "mail/transfer.h"

#include <string.h>

#define LINE_MAX_COLUMNS 77
#define FOLD "\r\n\t"
#define FOLD_COLUMNS 8 /* a tab, as it is shown */
/* A field of our own: h= is at most SIGNATURE_NAMES_MAX_BYTES, the rest below 2 KB, and folds add a quarter at most. */
#define DRAFT_MAX_BYTES 16384

static void fold(struct draft *d)
{
	buf_put_text(&d->text, FOLD);
	d->column = FOLD_COLUMNS;
}

static void put(struct draft *d, struct span text)
{
	buf_put(&d->text, text);
	d->column += text.len;
}

/* Go on with a tag of which so many columns have to stay together. */
static void begin_tag(struct draft *d, size_t columns)
{
	bool first = d->text.ptr[d->text.len - 1] == ':';

	if (!first)
		put(d, SPAN_LIT(";"));
	if (d->column + 1 + columns + 1 > LINE_MAX_COLUMNS) /* a blank before, a ";" after */
		fold(d);
	else
		put(d, SPAN_LIT(" "));
}

void draft_init(struct draft *d, struct arena *a, const char *name)
{
	*d = (struct draft){ .arena = a, .name = span_of(name), .canon = CANON_RELAXED };
	buf_init(&d->text, DRAFT_MAX_BYTES);
	put(d, d->name);
	put(d, SPAN_LIT(":"));
}

void draft_done(struct draft *d)
{
	buf_done(&d->text);
}

void draft_tag(struct draft *d, const char *tag, const char *format, ...)
{
	va_list args;
	const char *value, *text;

	va_start(args, format);
	value = arena_vprintf(d->arena, format, args);
	va_end(args);
	text = arena_printf(d->arena, "%s=%s", tag, value);
	begin_tag(d, strlen(text));
	put(d, span_of(text));
}

void draft_names(struct draft *d, const char *tag, struct span names)
{
	struct span name;
	bool first = true;

	begin_tag(d, strlen(tag) + 1 + span_find_byte(names, ':') + 1);
	put(d, span_of(tag));
	put(d, SPAN_LIT("="));
	while (span_next(&names, ':', &name)) {
		if (!first)
			put(d, SPAN_LIT(":"));
		if (!first && d->column + name.len + 1 > LINE_MAX_COLUMNS)
			fold(d);
		put(d, name);
		first = false;
	}
}

static void put_base64(struct draft *d, struct span bytes)
{
	struct span rest = transfer_base64_line(d->arena, bytes);

	while (rest.len > 0) {
		size_t room = d->column + 1 < LINE_MAX_COLUMNS ? LINE_MAX_COLUMNS - d->column - 1 : 0;

		if (room == 0) {
			fold(d);
			continue;
		}
		put(d, span_sub(rest, 0, room));
		rest = span_sub(rest, room, rest.len);
	}
}

void draft_hash(struct draft *d, const char *tag, const uint8_t md[32])
{
	struct span text = transfer_base64_line(d->arena, (struct span){ (const char *)md, 32 });

	draft_tag(d, tag, "%.*s", (int)text.len, text.ptr);
}

int draft_sign(struct draft *d, const struct key *key, struct buf *canonical, struct span *field_r, struct fail *why)
{
	struct span bytes;

	begin_tag(d, 2 + 8);
	put(d, SPAN_LIT("b="));
	canon_signature(canonical, d->name, span_sub(buf_span(&d->text), d->name.len + 1, d->text.len), d->canon);
	if (buf_overflowed(canonical) || buf_overflowed(&d->text))
		return fail_permanent(why, "the header is too large to be signed");
	if (signature_make(d->arena, key, buf_span(canonical), &bytes, why) != 0)
		return -1;
	put_base64(d, bytes);
	buf_put_text(&d->text, "\r\n");
	*field_r = arena_span(d->arena, buf_span(&d->text));
	return 0;
}
