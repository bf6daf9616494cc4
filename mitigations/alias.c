/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/alias.h"

#include "mail/buf.h"

#include <string.h>

/* Between the list's local part and what tells the author. */
#define KEYED_MARK "-author-"
#define KEYED_MARK_BYTES (sizeof(KEYED_MARK) - 1)
/* What a local part has beside the list's own and the author: the mark, a dash and the short code. */
#define READABLE_FRAME_BYTES (KEYED_MARK_BYTES + 1 + ALIAS_SHORT_CODE_CHARS)

static unsigned code_chars(struct span list_local)
{
	size_t most = ADDRESS_LOCAL_MAX_BYTES - KEYED_MARK_BYTES - ALIAS_CODE_CHARS;
	size_t over = list_local.len > most ? list_local.len - most : 0;

	return over < ALIAS_CODE_CHARS - ALIAS_CODE_MIN_CHARS ? ALIAS_CODE_CHARS - (unsigned)over : ALIAS_CODE_MIN_CHARS;
}

/* What a code vouches for. The kinds differ, so that a short code is never the beginning of a long one. */
static struct span code_text(struct arena *a, const char *kind, const char *list_local, const char *author)
{
	return span_of(arena_printf(a, "%s\n%s\n%s", kind, arena_lower(a, span_of(list_local)), author));
}

const char *alias_code(struct arena *a, const struct secret *secret, const char *list_local, const struct address *author)
{
	char *code = arena_alloc(a, ALIAS_CODE_CHARS + 1);

	secret_code(secret, code_text(a, "keyed", list_local, address_key(a, author)), code_chars(span_of(list_local)), code);
	return code;
}

static bool is_digit_or_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Octets that stand for themselves: the rest of RFC 5321's atext is left to "=HH", since not every site takes it. A dot does within a local part, not
 * at its start, its end or beside another. */
static bool is_plain(struct span key, size_t i)
{
	unsigned char c = (unsigned char)key.ptr[i];

	if (c == '.')
		return i > 0 && key.ptr[i - 1] != '.' && i + 1 < key.len;
	return is_digit_or_letter(c) || c == '-' || c == '_' || c == '+';
}

/* ann=40example.com, or false when it would be too long. */
static bool write_readable(struct buf *out, struct span key)
{
	for (size_t i = 0; i < key.len; i++) {
		if (is_plain(key, i))
			buf_put_byte(out, key.ptr[i]);
		else
			buf_printf(out, "=%02x", (unsigned char)key.ptr[i]);
	}
	return !buf_overflowed(out);
}

static const char *make_readable(struct arena *a, const struct secret *secret, const char *list_local, const char *key)
{
	char code[ALIAS_SHORT_CODE_CHARS + 1];
	size_t frame = strlen(list_local) + READABLE_FRAME_BYTES;
	const char *local = NULL;
	struct buf out;

	buf_init(&out, frame < ADDRESS_LOCAL_MAX_BYTES ? ADDRESS_LOCAL_MAX_BYTES - frame : 0);
	secret_code(secret, code_text(a, "readable", list_local, key), ALIAS_SHORT_CODE_CHARS, code);
	if (write_readable(&out, span_of(key)))
		local = arena_printf(a, "%s" KEYED_MARK "%.*s-%s", list_local, (int)out.len, out.ptr, code);
	buf_done(&out);
	return local;
}

const char *alias_make(struct arena *a, const struct secret *secret, const char *list_local, const char *list_domain, const struct address *author, bool readable)
{
	const char *local = readable ? make_readable(a, secret, list_local, address_key(a, author)) : NULL;

	if (local == NULL)
		local = arena_printf(a, "%s" KEYED_MARK "%s", list_local, alias_code(a, secret, list_local, author));
	return arena_printf(a, "%s@%s", local, list_domain);
}

static int hex_digit(char c)
{
	c = ascii_lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The author's address behind "ann=40example.com"; NULL when it is not written as alias_make writes it. */
static const char *read_author(struct arena *a, struct span text)
{
	char *author = arena_alloc(a, text.len + 1);
	size_t used = 0;

	for (size_t i = 0; i < text.len; i++) {
		int high, low;

		if (text.ptr[i] != '=') {
			author[used++] = ascii_lower(text.ptr[i]);
			continue;
		}
		if (text.len - i < 3 || (high = hex_digit(text.ptr[i + 1])) < 0 || (low = hex_digit(text.ptr[i + 2])) < 0 || high + low == 0)
			return NULL;
		author[used++] = (char)(high * 16 + low);
		i += 2;
	}
	return strchr(author, '@') == NULL ? NULL : author;
}

static bool read_readable(struct arena *a, const struct secret *secret, const char *list_local, struct span local, struct alias *alias_r)
{
	size_t dash = local.len - ALIAS_SHORT_CODE_CHARS - 1;
	const char *author;

	if (local.len <= ALIAS_SHORT_CODE_CHARS + 1 || local.ptr[dash] != '-')
		return false;
	author = read_author(a, span_sub(local, 0, dash));
	if (author == NULL || !secret_verify(secret, code_text(a, "readable", list_local, author), span_sub(local, dash + 1, local.len), ALIAS_SHORT_CODE_CHARS))
		return false;
	*alias_r = (struct alias){ .author = author };
	return true;
}

static bool is_base32(struct span code)
{
	for (size_t i = 0; i < code.len; i++) {
		char c = ascii_lower(code.ptr[i]);

		if ((c < 'a' || c > 'z') && (c < '2' || c > '7'))
			return false;
	}
	return true;
}

static bool read_keyed(struct arena *a, struct span list, struct span code, struct alias *alias_r)
{
	if (code.len != code_chars(list) || !is_base32(code))
		return false;
	*alias_r = (struct alias){ .code = arena_lower(a, code) };
	return true;
}

bool alias_read(struct arena *a, const struct secret *secret, const char *list_local, struct span local, struct alias *alias_r)
{
	struct span list = span_of(list_local), mark = span_sub(local, list.len, KEYED_MARK_BYTES), tail = span_sub(local, list.len + KEYED_MARK_BYTES, local.len);

	if (local.len > ADDRESS_MAX_BYTES || span_find_byte(local, '\0') < local.len)
		return false;
	if (!span_eq_nocase(span_sub(local, 0, list.len), list) || !span_eq_text_nocase(mark, KEYED_MARK))
		return false;
	/* only the readable form has "=", and always: of the "@" */
	if (span_find_byte(tail, '=') < tail.len)
		return read_readable(a, secret, list_local, tail, alias_r);
	return read_keyed(a, list, tail, alias_r);
}
