/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

#include "mail/buf.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/transfer.h"

#include <string.h>

/* The outer header and the text part: a header at its limit, and a text of the list's. */
#define OUTER_MAX_BYTES ((size_t)1 << 20)
/* References grow by a message a reply; beyond this length only the end of the thread is named. */
#define REFERENCES_MAX_BYTES ((size_t)8 << 10)
/* As many lists as a message may pass hosts. */
#define LOOPS_MAX 50

static const char by[] = "wrap";

static bool suits(const struct strategy_input *in, const struct receiver *receiver, bool is_forced, const char **reason_r)
{
	(void)in;
	(void)receiver;
	(void)is_forced;
	(void)reason_r;
	return true;
}

/* A boundary made from the post's id, so that a run repeats, which no line of the original holds. */
static const char *make_boundary(const struct strategy_input *in)
{
	const char *boundary = arena_printf(in->arena, "=_wrap_%s", in->id);

	for (unsigned i = 1; span_find(in->message->bytes, span_of(boundary)) < in->message->bytes.len; i++)
		boundary = arena_printf(in->arena, "=_wrap%u_%s", i, in->id);
	return boundary;
}

static void put_field(const struct strategy_input *in, struct buf *out, struct span text)
{
	buf_put(out, text);
	buf_put_text(out, message_line_end(in->message));
}

static void put_folded(const struct strategy_input *in, struct buf *out, const char *name, struct span value)
{
	put_field(in, out, header_fold(in->arena, name, value, message_line_end(in->message)));
}

/* A field of the original as it stands there, if it has one. */
static bool put_copy(const struct strategy_input *in, struct buf *out, const char *name)
{
	const struct field *f = message_field(in->message, name);

	if (f == NULL)
		return false;
	put_field(in, out, repair_field(in, name, f->value));
	return true;
}

/* With the list's tag, where the list has put one. */
static void put_subject(const struct strategy_input *in, struct buf *out)
{
	for (size_t i = 0; i < in->shaped->count; i++)
		if (in->shaped->edits[i].put.len > 0 && span_eq_text_nocase(in->shaped->edits[i].field, "Subject")) {
			buf_put(out, in->shaped->edits[i].put);
			return;
		}
	put_copy(in, out, "Subject");
}

static struct span value_of(const struct strategy_input *in, const char *name)
{
	const struct field *f = message_field(in->message, name);

	return f == NULL ? (struct span){ NULL, 0 } : header_unfold(in->arena, f->value);
}

/* RFC 5322 3.6.4: the thread of the original, with the original as parent, since the wrapper has a Message-ID of its own. */
static void put_thread(const struct strategy_input *in, struct buf *out)
{
	struct span references = value_of(in, "References"), parent = value_of(in, "In-Reply-To"), original = value_of(in, "Message-ID");

	if (references.len == 0 || references.len > REFERENCES_MAX_BYTES)
		references = parent.len > REFERENCES_MAX_BYTES ? (struct span){ NULL, 0 } : parent;
	put_copy(in, out, "In-Reply-To");
	if (references.len == 0 && original.len == 0)
		return;
	put_folded(in, out, "References", span_of(arena_printf(in->arena, "%.*s %.*s", (int)references.len, references.ptr == NULL ? "" : references.ptr,
		(int)original.len, original.ptr == NULL ? "" : original.ptr)));
}

static void put_replies(const struct strategy_input *in, struct buf *out)
{
	struct replies replies;

	replies_plan(in, &replies);
	if (replies.reply_to.len > 0)
		put_folded(in, out, "Reply-To", replies.reply_to);
	else
		put_copy(in, out, "Reply-To");
	if (replies.cc.len > 0)
		put_field(in, out, replies_cc(in, replies.cc));
	else
		put_copy(in, out, "Cc");
	/* where the author says himself who is to have the answers to all */
	put_copy(in, out, "Mail-Followup-To");
}

/* Which lists it has been through: two that wrap each other's posts would do so for ever, since the wrapper has neither the Message-ID nor the Received fields. */
static void put_loops(const struct strategy_input *in, struct buf *out)
{
	const struct message *m = in->message;
	const struct field *f = message_field(m, "X-Loop");

	for (size_t i = 0; i < LOOPS_MAX && f != NULL; i++, f = message_field_from(m, "X-Loop", message_field_index(m, f) + 1))
		put_field(in, out, repair_field(in, "X-Loop", f->value));
}

static void put_header(const struct strategy_input *in, struct buf *out, const char *boundary, const char *encoding)
{
	const char *line_end = message_line_end(in->message);

	if (!put_copy(in, out, "Date"))
		put_field(in, out, span_of(arena_printf(in->arena, "Date: %s", date_format(in->arena, clock_now(in->clock)))));
	put_folded(in, out, "From", via_list(in));
	put_subject(in, out);
	put_copy(in, out, "To");
	put_replies(in, out);
	put_field(in, out, span_of(arena_printf(in->arena, "Message-ID: <%s.wrap@%s>", in->id, in->list->domain)));
	put_thread(in, out);
	put_loops(in, out);
	put_copy(in, out, "Auto-Submitted"); /* RFC 3834: a wrapped answer of a machine is one still */
	buf_printf(out, "MIME-Version: 1.0%sContent-Type: multipart/mixed;%s boundary=\"%s\"%sContent-Transfer-Encoding: %s%s%s", line_end, line_end,
		boundary, line_end, encoding, line_end, line_end);
}

static void put_text_part(const struct strategy_input *in, struct buf *out, const char *boundary)
{
	const char *line_end = message_line_end(in->message);
	struct span text = span_of(in->list->wrap_text);

	if (text.len == 0)
		return;
	buf_printf(out, "--%s%sContent-Type: text/plain; charset=utf-8%sContent-Transfer-Encoding: quoted-printable%sContent-Disposition: inline%s%s",
		boundary, line_end, line_end, line_end, line_end, line_end);
	buf_put(out, transfer_qp_encode(in->arena, text, line_end));
	buf_put_text(out, line_end);
}

/* RFC 2046 5.2.1: no encoding but 7bit and 8bit; RFC 6532 3.7: message/global where the header holds UTF-8. */
static void put_original_part(const struct strategy_input *in, struct buf *out, const char *boundary, const char *encoding, bool is_global)
{
	const char *line_end = message_line_end(in->message);

	buf_printf(out, "--%s%sContent-Type: message/%s%sContent-Transfer-Encoding: %s%sContent-Disposition: inline%s%s", boundary, line_end,
		is_global ? "global" : "rfc822", line_end, encoding, line_end, line_end, line_end);
}

/* What every copy needs stays in the original: cuts, and what is put in their place. */
static bool is_inner(const struct edit *e)
{
	return e->kind == EDIT_REQUIRED && (e->field.len == 0 || e->cut_bytes > 0);
}

/* What the list puts above the post goes above the wrapper; its Reply-To is planned anew. */
static bool is_outer(const struct edit *e)
{
	return !is_inner(e) && e->field.len > 0 && e->put.len > 0 && e->kind != EDIT_DECORATION && !span_eq_text_nocase(e->field, "Reply-To");
}

static void take_shaped(const struct strategy_input *in, struct form *form, struct span front)
{
	form_copy(form, in->shaped);
	for (size_t i = form->count; i-- > 0;)
		if (!is_inner(&form->edits[i]))
			form_drop(form, i);
	form_front(form, EDIT_STRATEGY, by, front);
	for (size_t i = 0; i < in->shaped->count; i++)
		if (is_outer(&in->shaped->edits[i]))
			form_field_top(form, in->shaped->edits[i].kind, in->shaped->edits[i].by, in->shaped->edits[i].put);
}

static int propose(const struct strategy_input *in, struct form *form_r, struct fail *why)
{
	const char *boundary = make_boundary(in), *line_end = message_line_end(in->message), *encoding;
	struct message_scan scan;
	struct buf out;
	int result;

	message_scan(in->message->bytes, &scan);
	encoding = scan.has_8bit_header || scan.has_8bit_body ? "8bit" : "7bit";
	buf_init(&out, OUTER_MAX_BYTES);
	put_header(in, &out, boundary, encoding);
	put_text_part(in, &out, boundary);
	put_original_part(in, &out, boundary, encoding, scan.has_8bit_header);
	take_shaped(in, form_r, arena_span(in->arena, buf_span(&out)));
	result = buf_overflowed(&out) ? fail_permanent(why, "the outer message would have a header of more than %zu bytes", OUTER_MAX_BYTES)
		: repair_lines(in, form_r, by, why);
	form_splice(form_r, EDIT_STRATEGY, by, in->message->total_bytes, 0, span_of(arena_printf(in->arena, "%s--%s--%s", line_end, boundary, line_end)));
	buf_done(&out);
	return result;
}

const struct strategy strategy_wrap = {
	.name = "wrap",
	.summary = "a message from the list with the original inside as message/rfc822",
	.source = "RFC 7960 4.1.3.3",
	.in_auto = true,
	.proof = PROOF_STRICT,
	.touches = TOUCH_SHAPE | TOUCH_FROM | TOUCH_REPAIR | TOUCH_OUTER,
	.suits = suits,
	.propose = propose,
};
