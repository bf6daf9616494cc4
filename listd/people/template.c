/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/people/template.h"

#include "mail/buf.h"
#include "mail/file.h"

#include <ctype.h>
#include <string.h>

static bool is_language(const char *language)
{
	if (language == NULL || *language == '\0' || strlen(language) > 20)
		return false;
	for (; *language != '\0'; language++)
		if (!isalnum((unsigned char)*language) && *language != '-' && *language != '_')
			return false;
	return true;
}

static const char *read_text(struct arena *a, const char *dir, const char *language, const char *name)
{
	struct span bytes;

	if (file_read(a, arena_printf(a, "%s/%s/%s.txt", dir, language, name), TEMPLATE_MAX_BYTES, &bytes, NULL) != 0)
		return NULL;
	while (bytes.len > 0 && (bytes.ptr[bytes.len - 1] == '\n' || bytes.ptr[bytes.len - 1] == '\r'))
		bytes.len--;
	return arena_text(a, bytes);
}

const char *template_text(struct arena *a, const char *dir, const char *language, const char *name, const char *fallback)
{
	const char *text = NULL;

	if (dir == NULL || *dir == '\0')
		return fallback;
	if (is_language(language))
		text = read_text(a, dir, language, name);
	if (text == NULL)
		text = read_text(a, dir, "en", name);
	return text == NULL ? fallback : text;
}

static const char *value_of(struct span word, const struct template_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_eq_text(word, values[i].name))
			return values[i].value;
	return NULL;
}

const char *template_fill(struct arena *a, const char *text, const struct template_value *values, size_t count)
{
	struct span rest = span_of(text);
	struct buf out;
	const char *filled;

	buf_init(&out, 4 * TEMPLATE_MAX_BYTES);
	while (rest.len > 0) {
		size_t open = span_find_byte(rest, '{');
		struct span word = span_sub(rest, open + 1, span_find_byte(span_sub(rest, open, rest.len), '}') - 1);
		const char *value = open < rest.len ? value_of(word, values, count) : NULL;

		buf_put(&out, span_sub(rest, 0, open));
		if (value != NULL)
			buf_put_text(&out, value);
		else
			buf_put(&out, span_sub(rest, open, 1));
		rest = span_sub(rest, value != NULL ? open + word.len + 2 : open + 1, rest.len);
	}
	filled = arena_text(a, buf_span(&out));
	buf_done(&out);
	return filled;
}
