/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/json_text.h"

#include "mail/buf.h"

json_t *json_text(struct span text)
{
	json_t *json = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
	struct buf clean;

	if (json != NULL)
		return json;
	buf_init(&clean, text.len * 3 + 1);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x80)
			buf_put_byte(&clean, text.ptr[i]);
		else
			buf_put_text(&clean, "\xef\xbf\xbd");
	json = json_stringn(clean.len == 0 ? "" : clean.ptr, clean.len);
	buf_done(&clean);
	return json;
}

json_t *json_optional(const char *text)
{
	return text == NULL ? json_null() : json_text(span_of(text));
}
