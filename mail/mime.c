/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/header.h"
#include "mail/mime.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define NO_LEVEL SIZE_MAX
/* Fields of all parts together, the root's not counted: a digest of 1,000 messages with 50 each. It bounds memory: a message of 50 MB
 * could hold some ten million. */
#define MIME_FIELDS_MAX 50000

/* The line that ends a part. */
struct stop {
	size_t at;     /* its first byte, or the end of the message */
	size_t end;    /* behind its line end */
	size_t level;  /* of the boundary that it is of, or NO_LEVEL at the end of the message */
	bool is_close; /* "--b--" */
};

struct parser {
	struct arena *a;
	struct span bytes;
	struct mime *mime;
	struct span boundaries[MIME_DEPTH_MAX]; /* of the multiparts that are open, outermost first */
	size_t boundary_count, depth, field_count;
	struct stop stop; /* where the part that was read last ended */
	struct fail *why;
};

static bool is_multipart(const struct mime_part *part)
{
	return strncmp(part->type, "multipart/", 10) == 0;
}

/* These hold a message of their own (RFC 2046 5.2.1, RFC 6532 3.7). */
static bool is_message(const struct mime_part *part)
{
	return strcmp(part->type, "message/rfc822") == 0 || strcmp(part->type, "message/global") == 0;
}

static struct span line_at(struct span bytes, size_t at)
{
	struct span rest = span_sub(bytes, at, bytes.len);

	return span_sub(rest, 0, span_find_byte(rest, '\n') + 1);
}

/* RFC 2046 5.1.1: the boundary line, with the blanks that transports add behind it. */
static bool is_boundary_line(struct span line, struct span boundary, bool *is_close_r)
{
	if (line.len < boundary.len + 2 || memcmp(line.ptr + 2, boundary.ptr, boundary.len) != 0)
		return false;
	line = span_sub(line, boundary.len + 2, line.len);
	*is_close_r = line.len >= 2 && line.ptr[0] == '-' && line.ptr[1] == '-';
	return span_trim(span_sub(line, *is_close_r ? 2 : 0, line.len)).len == 0;
}

/* Is this the boundary line of an open multipart? Of the outermost one that it fits (RFC 2046 5.1.2: a part ends with what it is
 * in, whatever is missing within it). */
static bool is_stop(struct parser *p, struct span line, size_t at)
{
	bool is_close = false;

	if (line.len < 2 || line.ptr[0] != '-' || line.ptr[1] != '-')
		return false;
	for (size_t level = 0; level < p->boundary_count; level++) {
		if (!is_boundary_line(line, p->boundaries[level], &is_close))
			continue;
		p->stop = (struct stop){ at, at + line.len, level, is_close };
		return true;
	}
	return false;
}

/* Go on to the line that ends the part whose line begins at offset at. Each byte of a message is passed once, since parts that are
 * within each other end at the same stop. */
static void find_stop(struct parser *p, size_t at)
{
	while (at < p->bytes.len && p->boundary_count > 0) {
		struct span line = line_at(p->bytes, at);

		if (is_stop(p, line, at))
			return;
		at += line.len;
	}
	p->stop = (struct stop){ p->bytes.len, p->bytes.len, NO_LEVEL, false };
}

/* Where the header that begins at offset start can reach at most. */
static size_t header_bound(struct parser *p, size_t start)
{
	size_t at = start;

	while (at < p->bytes.len && at - start <= MESSAGE_HEADER_MAX_BYTES) {
		struct span line = line_at(p->bytes, at);

		if (is_stop(p, line, at))
			break;
		at += line.len;
		if (line.ptr[0] == '\n' || span_eq_text(line, "\r\n"))
			break;
	}
	return at;
}

static int read_header(struct parser *p, struct mime_part *part)
{
	size_t start = part->header_offset;
	struct message m;

	if (message_parse(p->a, span_sub(p->bytes, start, header_bound(p, start) - start), &m, p->why) != 0)
		return fail_prefix(p->why, "MIME part %u at byte %zu", part->number, start);
	part->fields = m.fields;
	part->field_count = m.field_count;
	part->body_offset = start + m.body_offset;
	for (size_t i = 0; i < m.field_count; i++)
		part->fields[i].offset += start;
	p->field_count += m.field_count;
	if (m.has_junk_line)
		p->mime->defects = true;
	return 0;
}

/* "Text/Plain charset=x" is text/plain: what follows a blank is no part of it. RFC 2045 5.2: a bad one is read as text/plain. */
static const char *read_type(struct arena *a, struct span first)
{
	size_t end = 0, slashes = 0;

	for (; end < first.len && first.ptr[end] > ' ' && first.ptr[end] < 127; end++)
		slashes += first.ptr[end] == '/';
	return slashes == 1 ? arena_lower(a, span_sub(first, 0, end)) : "text/plain";
}

/* In order of enum mime_encoding, then forms seen in mail that say nothing else (none of them changes an octet). */
static const struct { const char *name; enum mime_encoding encoding; } encodings[] = {
	{ "7bit", MIME_7BIT }, { "8bit", MIME_8BIT }, { "binary", MIME_BINARY }, { "base64", MIME_BASE64 },
	{ "quoted-printable", MIME_QUOTED_PRINTABLE }, { "other", MIME_OTHER },
	{ "7-bit", MIME_7BIT }, { "7bits", MIME_7BIT }, { "8-bit", MIME_8BIT }, { "8bits", MIME_8BIT },
};

const char *mime_encoding_name(enum mime_encoding encoding)
{
	assert((size_t)encoding <= MIME_OTHER);
	return encodings[encoding].name;
}

static void read_encoding(struct parser *p, struct mime_part *part)
{
	const struct field *field = mime_field(part, "Content-Transfer-Encoding");
	struct header_params params;

	if (field == NULL)
		return;
	header_params(p->a, field->value, &params);
	part->encoding_text = params.first;
	part->encoding = MIME_OTHER;
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
		if (span_eq_text_nocase(params.first, encodings[i].name))
			part->encoding = encodings[i].encoding;
}

static void read_disposition(struct parser *p, struct mime_part *part)
{
	const struct field *field = mime_field(part, "Content-Disposition");
	struct header_params params;
	struct span name;

	if (field == NULL)
		return;
	header_params(p->a, field->value, &params);
	part->has_disposition_attachment = span_eq_text_nocase(params.first, "attachment");
	name = header_param(&params, "filename");
	if (name.len > 0)
		part->file_name = name;
}

static struct span trim_right(struct span s)
{
	while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* What the header says of the part. The first field of a name counts, as in other readers. */
static void read_content(struct parser *p, struct mime_part *part, const char *default_type)
{
	const struct field *field = mime_field(part, "Content-Type");
	struct header_params params;

	part->type = default_type;
	read_encoding(p, part);
	if (field != NULL) {
		header_params(p->a, field->value, &params);
		part->type = read_type(p->a, params.first);
		part->charset = header_param(&params, "charset");
		part->file_name = header_param(&params, "name");
		if (is_multipart(part))
			part->boundary = trim_right(header_param(&params, "boundary")); /* RFC 2046 5.1.1: never ends in a blank */
	}
	read_disposition(p, part);
	if (is_multipart(part) && part->encoding > MIME_BINARY) /* RFC 2045 6.4 */
		p->mime->defects = true;
}

static struct mime_part *add_part(struct parser *p, struct mime_part *parent, struct mime_part *before, size_t offset)
{
	struct mime_part *part = arena_alloc(p->a, sizeof(*part));

	part->header_offset = part->body_offset = offset;
	part->type = "application/octet-stream";
	part->close_offset = SIZE_MAX;
	part->number = (unsigned)p->mime->part_count++;
	part->parent = parent;
	if (before != NULL)
		before->next = part;
	else if (parent != NULL)
		parent->first_child = part;
	return part;
}

static bool is_full(const struct parser *p)
{
	return p->mime->part_count >= MIME_PARTS_MAX || p->field_count > MIME_FIELDS_MAX;
}

static int read_body(struct parser *p, struct mime_part *part);

/* Read the part that begins at offset start; p->stop is behind it then. Where no more parts are allowed it is opaque and takes all
 * the rest of the message, so that nothing goes unseen. */
static int read_child(struct parser *p, struct mime_part *parent, struct mime_part *before, size_t start, struct mime_part **part_r)
{
	struct mime_part *part = *part_r = add_part(p, parent, before, start);
	bool in_digest = strcmp(parent->type, "multipart/digest") == 0;
	int result;

	if (is_full(p)) {
		part->body_bytes = p->bytes.len - start;
		p->mime->defects = true;
		p->stop = (struct stop){ p->bytes.len, p->bytes.len, NO_LEVEL, false };
		return 0;
	}
	if (read_header(p, part) != 0)
		return -1;
	read_content(p, part, in_digest ? "message/rfc822" : "text/plain");
	p->depth++;
	result = read_body(p, part);
	p->depth--;
	return result;
}

/* The parts of a multipart. Boundary lines that follow each other directly have no part between them. */
static int read_parts(struct parser *p, struct mime_part *part)
{
	size_t level = p->boundary_count;
	struct mime_part *last = NULL;

	p->boundaries[p->boundary_count++] = part->boundary;
	find_stop(p, part->body_offset);
	while (p->stop.level == level && !p->stop.is_close) {
		size_t start = p->stop.end;

		if (is_stop(p, line_at(p->bytes, start), start) && p->stop.level == level)
			continue;
		if (read_child(p, part, last, start, &last) != 0)
			return -1;
	}
	p->boundary_count--;
	if (last == NULL || p->stop.level != level)
		p->mime->defects = true;
	if (p->stop.level == level) {
		part->close_offset = p->stop.at;
		find_stop(p, p->stop.end);
	}
	return 0;
}

/* RFC 2046 5.1.1: the line end before a boundary line belongs to that. */
static void end_body(struct parser *p, struct mime_part *part)
{
	size_t end = p->stop.at;

	if (p->stop.level != NO_LEVEL && end > part->body_offset) {
		end--;
		end -= end > part->body_offset && p->bytes.ptr[end - 1] == '\r';
	}
	part->body_bytes = end - part->body_offset;
}

static int read_body(struct parser *p, struct mime_part *part)
{
	bool is_deep = p->depth + 1 >= MIME_DEPTH_MAX;
	bool has_boundary = part->boundary.len > 0 && part->boundary.len <= MIME_BOUNDARY_MAX_BYTES;
	struct mime_part *child;
	int result = 0;

	if (is_multipart(part) && has_boundary && !is_deep)
		result = read_parts(p, part);
	else if (is_message(part) && !is_deep)
		result = read_child(p, part, NULL, part->body_offset, &child);
	else
		find_stop(p, part->body_offset);
	if ((is_multipart(part) && !has_boundary) || (is_deep && (is_multipart(part) || is_message(part))))
		p->mime->defects = true;
	if (result == 0)
		end_body(p, part);
	return result;
}

static bool is_signed_or_encrypted(const struct mime_part *root)
{
	static const char *const types[] = {
		"multipart/signed", "multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(root->type, types[i]) == 0)
			return true;
	return false;
}

int mime_parse(struct arena *a, const struct message *m, struct mime *mime_r, struct fail *why)
{
	struct mime mime = { .defects = m->has_junk_line };
	struct parser p = { .a = a, .bytes = m->bytes, .mime = &mime, .why = why };

	assert(m->bytes.len == m->total_bytes);
	mime.root = add_part(&p, NULL, NULL, 0);
	mime.root->fields = m->fields;
	mime.root->field_count = m->field_count;
	mime.root->body_offset = m->body_offset;
	read_content(&p, mime.root, "text/plain");
	if (read_body(&p, mime.root) != 0)
		return -1;
	mime.is_signed_or_encrypted = is_signed_or_encrypted(mime.root);
	*mime_r = mime;
	return 0;
}

const struct field *mime_field(const struct mime_part *part, const char *name)
{
	for (size_t i = 0; i < part->field_count; i++)
		if (span_eq_text_nocase(part->fields[i].name, name))
			return &part->fields[i];
	return NULL;
}

struct mime_part *mime_next(const struct mime_part *part)
{
	if (part->first_child != NULL)
		return part->first_child;
	while (part != NULL && part->next == NULL)
		part = part->parent;
	return part == NULL ? NULL : part->next;
}
