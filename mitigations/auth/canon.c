/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/canon.h"
#include "mail/fail.h"

#include <string.h>

/* What an octet of a body does to canonicalization. */
enum octet { ORDINARY, BLANK, CR, LF };

static const uint8_t octets[256] = { [' '] = BLANK, ['\t'] = BLANK, ['\r'] = CR, ['\n'] = LF };

/* Hashing in small pieces costs more than copying them together; long runs go to the hash directly. */
#define GATHER_BYTES 4096
#define LONG_RUN_BYTES 512

struct body {
	EVP_MD_CTX *md;
	bool relaxed;
	uint64_t left, hashed;    /* bytes that may still be hashed (l=), and that have been */
	uint64_t line_ends;       /* seen, and hashed only when more content follows (3.4.3, 3.4.4) */
	bool blank, cr, content;  /* blanks held back; a CR held back; anything but line ends hashed yet */
	size_t gathered;
	char gather[GATHER_BYTES];
};

static void digest(struct body *b, const char *bytes, size_t count)
{
	if (EVP_DigestUpdate(b->md, bytes, count) != 1)
		fail_environment("SHA-256 failed");
}

static void flush(struct body *b)
{
	digest(b, b->gather, b->gathered);
	b->gathered = 0;
}

static void put(struct body *b, const char *bytes, size_t count)
{
	if (count > b->left)
		count = (size_t)b->left;
	b->left -= count;
	b->hashed += count;
	if (b->gathered + count > GATHER_BYTES)
		flush(b);
	if (count >= LONG_RUN_BYTES) {
		flush(b);
		digest(b, bytes, count);
	} else {
		memcpy(b->gather + b->gathered, bytes, count);
		b->gathered += count;
	}
}

/* Content follows, so what was held back counts. */
static void put_held(struct body *b)
{
	for (; b->line_ends > 0 && b->left > 0; b->line_ends--)
		put(b, "\r\n", 2);
	b->line_ends = 0;
	if (b->blank)
		put(b, " ", 1);
	b->blank = false;
	if (b->cr) /* not before an LF, so an octet like any other */
		put(b, "\r", 1);
	b->cr = false;
	b->content = true;
}

/* Longest prefix of p..end that is canonical as it stands: words, single spaces between them, and CRLF between lines that begin with a word. */
static const char *run_end(const struct body *b, const char *p, const char *end)
{
	while (p < end) {
		switch ((enum octet)octets[(uint8_t)*p]) {
		case ORDINARY:
			p++;
			continue;
		case BLANK:
			if (!b->relaxed) {
				p++;
				continue;
			}
			if (*p == ' ' && p + 1 < end && octets[(uint8_t)p[1]] == ORDINARY) {
				p += 2;
				continue;
			}
			return p;
		case CR:
			if (end - p > 2 && p[1] == '\n' && (octets[(uint8_t)p[2]] == ORDINARY || (!b->relaxed && octets[(uint8_t)p[2]] == BLANK))) {
				p += 3;
				continue;
			}
			return p;
		case LF:
			return p;
		}
	}
	return p;
}

static void body_slice(struct body *b, const char *p, const char *end)
{
	while (p < end) {
		enum octet octet = (enum octet)octets[(uint8_t)*p];
		const char *run;

		if (octet == LF) {
			b->line_ends++;
			b->blank = b->cr = false;
			p++;
			continue;
		}
		if (b->cr)
			put_held(b);
		if (octet == CR) {
			b->cr = true;
			p++;
			continue;
		}
		if (octet == BLANK && b->relaxed) {
			b->blank = true;
			p++;
			continue;
		}
		run = run_end(b, p, end);
		put_held(b);
		put(b, p, (size_t)(run - p));
		p = run;
	}
}

/* 3.4.3: an empty body is one CRLF when simple; 3.4.4: nothing when relaxed. A body without a final line end gets one. */
static void body_end(struct body *b)
{
	if (b->cr)
		put_held(b);
	if (b->content || !b->relaxed)
		put(b, "\r\n", 2);
	flush(b);
}

void canon_body_sha256(const struct iovec *body, size_t count, enum canon canon, uint64_t limit_bytes, uint8_t md_r[32], uint64_t *hashed_r)
{
	struct body b = { .md = EVP_MD_CTX_new(), .relaxed = canon == CANON_RELAXED, .left = limit_bytes };

	if (b.md == NULL || EVP_DigestInit_ex(b.md, EVP_sha256(), NULL) != 1)
		fail_environment("SHA-256 cannot be started");
	for (size_t i = 0; i < count && b.left > 0; i++) {
		const char *ptr = body[i].iov_base;

		body_slice(&b, ptr, ptr + body[i].iov_len);
	}
	body_end(&b);
	if (EVP_DigestFinal_ex(b.md, md_r, NULL) != 1)
		fail_environment("SHA-256 failed");
	EVP_MD_CTX_free(b.md);
	if (hashed_r != NULL)
		*hashed_r = b.hashed;
}

/* Bytes with every line end as CRLF. */
static void put_crlf(struct buf *out, struct span text)
{
	while (text.len > 0) {
		size_t at = span_find_byte(text, '\n');
		bool found = at < text.len;

		buf_put(out, span_sub(text, 0, found && at > 0 && text.ptr[at - 1] == '\r' ? at - 1 : at));
		if (found)
			buf_put_text(out, "\r\n");
		text = span_sub(text, at + 1, text.len);
	}
}

static bool is_line_end(struct span s, size_t i)
{
	return s.ptr[i] == '\n' || (s.ptr[i] == '\r' && i + 1 < s.len && s.ptr[i + 1] == '\n');
}

/* 3.4.2: line ends go, runs of blanks become one space, none at either end. */
static void put_relaxed(struct buf *out, struct span value)
{
	bool blank = false, begun = false;
	size_t i = 0;

	while (i < value.len) {
		size_t from = i;

		if (octets[(uint8_t)value.ptr[i]] == BLANK || is_line_end(value, i)) {
			blank = blank || !is_line_end(value, i);
			i++;
			continue;
		}
		while (i < value.len && octets[(uint8_t)value.ptr[i]] != BLANK && !is_line_end(value, i))
			i++;
		if (blank && begun)
			buf_put_byte(out, ' ');
		buf_put(out, span_sub(value, from, i - from));
		blank = false;
		begun = true;
	}
}

static void put_name(struct buf *out, struct span name)
{
	char *room = buf_room(out, name.len);

	for (size_t i = 0; room != NULL && i < name.len; i++)
		room[i] = ascii_lower(name.ptr[i]);
	out->len += room == NULL ? 0 : name.len;
}

static void field_without_end(struct buf *out, struct span name, struct span value, enum canon canon)
{
	if (canon == CANON_SIMPLE) {
		buf_put(out, name);
		buf_put_byte(out, ':');
		put_crlf(out, value);
		return;
	}
	put_name(out, span_trim(name));
	buf_put_byte(out, ':');
	put_relaxed(out, value);
}

void canon_field(struct buf *out, struct span name, struct span value, enum canon canon)
{
	field_without_end(out, name, value, canon);
	buf_put_text(out, "\r\n");
}

/* Simple keeps blanks before the colon, which the field's name leaves out. */
static void message_field_canon(struct buf *out, const struct field *f, enum canon canon)
{
	if (canon == CANON_SIMPLE)
		canon_field(out, span_sub(f->raw, 0, span_find_byte(f->raw, ':')), f->value, canon);
	else
		canon_field(out, f->name, f->value, canon);
}

void canon_fields(struct buf *out, const struct message *m, struct span names, enum canon canon)
{
	bool used[MESSAGE_FIELDS_MAX] = { false };
	size_t count = m->field_count > MESSAGE_FIELDS_MAX ? MESSAGE_FIELDS_MAX : m->field_count;
	struct span name;

	while (span_next(&names, ':', &name)) {
		size_t i = count;

		name = span_trim(name);
		while (i > 0 && (used[i - 1] || !span_eq_nocase(m->fields[i - 1].name, name)))
			i--;
		if (i > 0) {
			used[i - 1] = true;
			message_field_canon(out, &m->fields[i - 1], canon);
		}
	}
}

/* Where the value of the b= tag stands in a signature's value: from after "=" up to ";" or the end. */
static bool find_signature_bytes(struct span value, size_t *from_r, size_t *to_r)
{
	struct span rest = value, part;

	while (span_next(&rest, ';', &part)) {
		size_t equals = span_find_byte(part, '=');

		if (equals == part.len || !span_eq_text(span_trim(span_sub(part, 0, equals)), "b"))
			continue;
		*from_r = (size_t)(part.ptr - value.ptr) + equals + 1;
		*to_r = (size_t)(part.ptr - value.ptr) + part.len;
		return true;
	}
	return false;
}

void canon_signature(struct buf *out, struct span name, struct span value, enum canon canon)
{
	size_t from = value.len, to = value.len;
	struct buf emptied;

	find_signature_bytes(value, &from, &to);
	buf_init(&emptied, value.len);
	buf_put(&emptied, span_sub(value, 0, from));
	buf_put(&emptied, span_sub(value, to, value.len));
	field_without_end(out, name, buf_span(&emptied), canon);
	buf_done(&emptied);
}

static bool is_tag_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = ascii_lower(name.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && (i == 0 || (!(c >= '0' && c <= '9') && c != '_')))
			return false;
	}
	return name.len > 0;
}

/* Octets above 127 are allowed (RFC 8616); controls but blanks and line ends are not. */
static bool is_tag_value(struct span value)
{
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = (uint8_t)value.ptr[i];

		if ((c < ' ' && octets[c] == ORDINARY) || c == 0x7f)
			return false;
	}
	return true;
}

bool tags_parse(struct span text, struct tags *tags_r)
{
	struct tags tags = { .count = 0 };
	struct span rest = text, part;

	while (span_next(&rest, ';', &part)) {
		size_t equals = span_find_byte(part, '=');
		struct tag tag = { span_trim(span_sub(part, 0, equals)), span_trim(span_sub(part, equals + 1, part.len)) };

		if (rest.ptr == NULL && tags.count > 0 && span_trim(part).len == 0)
			break; /* one ";" at the end is allowed */
		if (equals == part.len || tags.count == TAGS_MAX || !is_tag_name(tag.name) || !is_tag_value(tag.value))
			return false;
		for (size_t i = 0; i < tags.count; i++)
			if (span_eq(tags.items[i].name, tag.name))
				return false;
		tags.items[tags.count++] = tag;
	}
	*tags_r = tags;
	return tags.count > 0;
}

struct span tags_find(const struct tags *tags, const char *name)
{
	for (size_t i = 0; i < tags->count; i++)
		if (span_eq_text(tags->items[i].name, name))
			return tags->items[i].value;
	return (struct span){ NULL, 0 };
}
