/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/shape_footer.h"

#include "listd/people/template.h"
#include "mail/buf.h"
#include "mail/header.h"
#include "mail/idna.h"
#include "mail/transfer.h"

#include <stdint.h>
#include <string.h>

static const char BY[] = "footer";

/* The footer's text with the message's line ends, beginning with the customary separator line and ending with a line end. */
static struct span footer_text(struct post *post)
{
	struct template_value values[] = {
		{ "list", post->identity.name }, { "address", post->list->address }, { "description", post->list->description },
		{ "id", post->id }, { "archive", post->list->archive_url },
	};
	const char *text = template_fill(post->arena, post->list->footer, values, sizeof(values) / sizeof(values[0]));
	struct span rest = span_of(text), line, result;
	struct buf out;

	buf_init(&out, 4 * TEMPLATE_MAX_BYTES);
	while (span_next(&rest, '\n', &line)) {
		if (rest.ptr != NULL || line.len > 0) {
			buf_put(&out, line.len > 0 && line.ptr[line.len - 1] == '\r' ? span_sub(line, 0, line.len - 1) : line);
			buf_put_text(&out, "\r\n");
		}
	}
	result = arena_span(post->arena, buf_span(&out));
	buf_done(&out);
	return result;
}

static bool ends_line(struct span body)
{
	return body.len == 0 || body.ptr[body.len - 1] == '\n';
}

/* Can the footer stand at the end of this text as it is, in the encoding and charset it has? */
static bool takes_text(const struct post *post, struct span footer)
{
	const struct mime_part *root = post->mime.root;
	bool is_ascii = !has_8bit(footer);
	bool is_utf8 = span_eq_text_nocase(root->charset, "utf-8");

	if (strcmp(root->type, "text/plain") != 0 || post->mime.defects)
		return false;
	if (root->encoding == MIME_QUOTED_PRINTABLE)
		return is_ascii || is_utf8;
	if (root->encoding == MIME_7BIT)
		return is_ascii;
	return root->encoding == MIME_8BIT && (is_ascii || (is_utf8 && post->world->site->relay_8bit));
}

static void append_text(struct post *post, struct span footer)
{
	const struct mime_part *root = post->mime.root;
	struct span body = span_sub(post->message.bytes, root->body_offset, root->body_bytes);
	struct span text = root->encoding == MIME_QUOTED_PRINTABLE ? transfer_qp_encode(post->arena, footer, "\r\n") : footer;

	if (!ends_line(body))
		text = span_of(arena_printf(post->arena, "\r\n%.*s", (int)text.len, text.ptr));
	form_splice(&post->shaped, EDIT_DECORATION, BY, post->message.total_bytes, 0, text);
}

/* The footer as a MIME part of its own: header and body. */
static const char *footer_part(struct post *post, struct span footer)
{
	bool plain = !has_8bit(footer);
	struct span body = plain ? footer : transfer_qp_encode(post->arena, footer, "\r\n");

	return arena_printf(post->arena, "Content-Type: text/plain; charset=%s\r\nContent-Transfer-Encoding: %s\r\nContent-Disposition: inline\r\n\r\n%.*s",
		plain ? "us-ascii" : "utf-8", plain ? "7bit" : "quoted-printable", (int)body.len, body.ptr);
}

static void append_part(struct post *post, struct span footer)
{
	const struct mime_part *root = post->mime.root;
	const char *text = arena_printf(post->arena, "--%.*s\r\n%s", (int)root->boundary.len, root->boundary.ptr, footer_part(post, footer));

	form_splice(&post->shaped, EDIT_DECORATION, BY, root->close_offset, 0, span_of(text));
}

static bool is_content_field(const struct field *f)
{
	return span_starts_nocase(f->name, "Content-");
}

/* The body with its own Content-* fields becomes the first part of a multipart/mixed; its bytes stay where they are. */
static void wrap_body(struct post *post, struct span footer)
{
	const char *boundary = arena_printf(post->arena, "=_footer_%s", post->id);
	struct span body = span_sub(post->message.bytes, post->message.body_offset, post->message.total_bytes);
	struct buf inner;

	buf_init(&inner, MESSAGE_HEADER_MAX_BYTES + 4096);
	buf_printf(&inner, "--%s\r\n", boundary);
	for (size_t i = 0; i < post->message.field_count; i++)
		if (is_content_field(&post->message.fields[i])) {
			buf_put(&inner, post->message.fields[i].raw);
			form_field_remove(&post->shaped, EDIT_DECORATION, BY, &post->message.fields[i]);
		}
	buf_put_text(&inner, "\r\n");
	if (message_field(&post->message, "MIME-Version") == NULL)
		form_field_bottom(&post->shaped, EDIT_DECORATION, BY, SPAN_LIT("MIME-Version: 1.0"));
	form_field_bottom(&post->shaped, EDIT_DECORATION, BY, span_of(arena_printf(post->arena, "Content-Type: multipart/mixed; boundary=\"%s\"", boundary)));
	if (post->mime.root->encoding == MIME_8BIT)
		form_field_bottom(&post->shaped, EDIT_DECORATION, BY, SPAN_LIT("Content-Transfer-Encoding: 8bit"));
	form_splice(&post->shaped, EDIT_DECORATION, BY, post->message.body_offset, 0, arena_span(post->arena, buf_span(&inner)));
	form_splice(&post->shaped, EDIT_DECORATION, BY, post->message.total_bytes, 0, span_of(arena_printf(post->arena, "%s--%s\r\n%s\r\n--%s--\r\n",
		ends_line(body) ? "" : "\r\n", boundary, footer_part(post, footer), boundary)));
	buf_done(&inner);
}

void shape_footer(struct post *post)
{
	const struct mime_part *root = post->mime.root;
	struct span footer = footer_text(post);

	if (takes_text(post, footer))
		append_text(post, footer);
	else if (strcmp(root->type, "multipart/mixed") == 0 && root->close_offset != SIZE_MAX && !post->mime.defects)
		append_part(post, footer);
	else
		wrap_body(post, footer);
}
