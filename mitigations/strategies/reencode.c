/* SPDX-License-Identifier: BSD-2-Clause */
/* Relays cut lines over 998 octets (RFC 5321 4.5.3.1.6), which breaks whatever signature covers them, ours included; a relay without 8BITMIME (RFC 6152) takes
 * no 8-bit octets. So such parts are encoded anew before we sign. */
#include "mitigations/strategies/strategies_int.h"

#include "mail/header.h"
#include "mail/mime.h"
#include "mail/transfer.h"

#include <string.h>

/* Parts in their new encoding take as much memory as the post and more, and are the same in every form. */
struct reencoded {
	struct mime mime;
	struct span *texts; /* by part number; ptr NULL: not made yet */
};

struct reencode {
	const struct strategy_input *in;
	struct form *form;
	const char *by;
	struct reencoded *made;
};

static int open_made(struct reencode *re, struct fail *why)
{
	const struct strategy_input *in = re->in;
	struct reencoded *made = in->reencoded == NULL ? NULL : *in->reencoded;

	if (made == NULL) {
		made = arena_alloc(in->arena, sizeof(*made));
		if (mime_parse(in->arena, in->message, &made->mime, why) != 0)
			return -1;
		made->texts = arena_array(in->arena, made->mime.part_count, sizeof(*made->texts));
	}
	if (in->reencoded != NULL)
		*in->reencoded = made;
	re->made = made;
	return 0;
}

static struct span part_bytes(const struct reencode *re, const struct mime_part *part)
{
	return span_sub(re->in->message->bytes, part->body_offset, part->body_bytes);
}

/* Is there an empty line between header and body? A part that was not read, or begins with a line that is no field, has none: what is put in its header would
 * become part of its body. */
static bool has_header_end(const struct reencode *re, const struct mime_part *part)
{
	struct span header = span_sub(re->in->message->bytes, part->header_offset, part->body_offset - part->header_offset);

	if (header.len == 0 || header.ptr[header.len - 1] != '\n')
		return false;
	header.len -= header.len > 1 && header.ptr[header.len - 2] == '\r' ? 2 : 1;
	return header.len == 0 || header.ptr[header.len - 1] == '\n';
}

/* The bytes of the part lie between signatures or are opaque to us: no other encoding can stand there. */
static bool is_untouchable(const struct reencode *re, const struct mime_part *part)
{
	if (part->parent != NULL && !has_header_end(re, part))
		return true;
	for (const struct mime_part *p = part->parent; p != NULL; p = p->parent)
		if (strcmp(p->type, "multipart/signed") == 0 || strcmp(p->type, "multipart/encrypted") == 0)
			return true;
	/* RFC 2046 5.2.1: no message/rfc822 in base64; other encodings than these five are unknown to us */
	return strncmp(part->type, "message/", 8) == 0 || part->encoding == MIME_OTHER;
}

/* What an edit of the body has to do with a part. */
enum overlap { OVERLAP_NONE, OVERLAP_WITHIN, OVERLAP_COVERS };

static enum overlap overlap(const struct edit *e, const struct mime_part *part)
{
	size_t start = part->body_offset, end = start + part->body_bytes;
	/* text put at either end of a message's only part is in it; at an end of an inner part it is beside it */
	bool is_at_end = part->parent == NULL && (e->at == start || e->at == end);

	if (e->field.len > 0 || e->at > end || e->at + e->cut_bytes < start)
		return OVERLAP_NONE;
	if (e->at <= start && e->at + e->cut_bytes >= end && e->cut_bytes > 0)
		return OVERLAP_COVERS;
	if (e->at + e->cut_bytes == start || e->at == end)
		return is_at_end ? OVERLAP_WITHIN : OVERLAP_NONE;
	return OVERLAP_WITHIN;
}

/* A footer and the fields that go with it, but not the subject tag. */
static void drop_decorations(struct form *form)
{
	for (size_t i = form->count; i-- > 0;)
		if (form->edits[i].kind == EDIT_DECORATION && !span_eq_text_nocase(form->edits[i].field, "Subject"))
			form_drop(form, i);
}

/* Make room for a new encoding of the part. 1: it is not needed, the part is cut out. -1: an edit that must stay is in the way. */
static int clear_part(struct reencode *re, const struct mime_part *part, struct fail *why)
{
	bool has_decoration = false;

	for (size_t i = 0; i < re->form->count; i++) {
		const struct edit *e = &re->form->edits[i];
		enum overlap how = overlap(e, part);

		if (how == OVERLAP_COVERS)
			return 1;
		if (how == OVERLAP_NONE)
			continue;
		if (e->kind != EDIT_DECORATION)
			return fail_permanent(why, "part %u has lines over 998 octets, or 8-bit ones for a relay of 7 bits, and is changed by %s: it cannot be encoded anew", part->number, e->by);
		has_decoration = true;
	}
	if (has_decoration)
		drop_decorations(re->form);
	return 0;
}

static struct span decoded(const struct reencode *re, const struct mime_part *part)
{
	struct span body = part_bytes(re, part);

	if (part->encoding == MIME_BASE64)
		return transfer_base64_decode(re->in->arena, body, false);
	return part->encoding == MIME_QUOTED_PRINTABLE ? transfer_qp_decode(re->in->arena, body) : body;
}

/* The new Content-Transfer-Encoding: of the message in its header, of an inner part within the body bytes. */
static void set_encoding(struct reencode *re, const struct mime_part *part, struct span text)
{
	const struct message *m = re->in->message;
	const struct field *f = part->parent == NULL ? message_field(m, "Content-Transfer-Encoding") : mime_field(part, "Content-Transfer-Encoding");
	const char *line = arena_printf(re->in->arena, "%.*s%s", (int)text.len, text.ptr, message_line_end(m));

	if (part->parent != NULL) {
		form_splice(re->form, EDIT_STRATEGY, re->by, f == NULL ? part->header_offset : f->offset, f == NULL ? 0 : f->raw.len, span_of(line));
		return;
	}
	if (f == NULL)
		form_field_bottom(re->form, EDIT_STRATEGY, re->by, text);
	else
		form_field_replace(re->form, EDIT_STRATEGY, re->by, f, text);
	if (message_field(m, "MIME-Version") == NULL)
		form_field_bottom(re->form, EDIT_STRATEGY, re->by, SPAN_LIT("MIME-Version: 1.0"));
}

static int encode_part(struct reencode *re, const struct mime_part *part, struct fail *why)
{
	bool is_text = strncmp(part->type, "text/", 5) == 0;
	const char *line_end = message_line_end(re->in->message);
	int cleared = clear_part(re, part, why);
	struct span text;

	if (cleared != 0)
		return cleared < 0 ? -1 : 0;
	if (is_untouchable(re, part))
		return fail_permanent(why, "part %u (%s) has lines over 998 octets, which relays cut, or 8-bit ones for a relay of 7 bits, and cannot be encoded anew", part->number, part->type);
	text = re->made->texts[part->number];
	if (text.ptr == NULL) {
		text = decoded(re, part);
		text = is_text ? transfer_qp_encode(re->in->arena, text, line_end) : transfer_base64_encode(re->in->arena, text, line_end);
		re->made->texts[part->number] = text;
	}
	set_encoding(re, part, is_text ? SPAN_LIT("Content-Transfer-Encoding: quoted-printable") : SPAN_LIT("Content-Transfer-Encoding: base64"));
	form_splice(re->form, EDIT_STRATEGY, re->by, part->body_offset, part->body_bytes, text);
	return 0;
}

int reencode_parts(const struct strategy_input *in, struct form *form, const char *by, struct fail *why)
{
	struct reencode re = { .in = in, .form = form, .by = by };
	const struct message *m = in->message;

	if (!repair_is_to_encode(in, span_sub(m->bytes, m->body_offset, m->body_bytes)))
		return 0;
	if (open_made(&re, why) != 0)
		return -1;
	for (struct mime_part *part = re.made->mime.root; part != NULL; part = mime_next(part))
		if (part->first_child == NULL && repair_is_to_encode(in, part_bytes(&re, part)) && encode_part(&re, part, why) != 0)
			return -1;
	return 0;
}
