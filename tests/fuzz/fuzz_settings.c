/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings of a list from any text: what is read is written and read again as the same. */
#include "listd/settings.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct list_settings *list, *back;
	struct buf text, again;
	struct fail why;

	if (list_settings_parse((struct span){ (const char *)data, size }, "f", "a@b.example", &list, &why) != 0)
		return 0;
	buf_init(&text, 4 << 20);
	buf_init(&again, 4 << 20);
	list_settings_dump(list, false, &text);
	assert(list_settings_parse(buf_span(&text), "f", NULL, &back, &why) == 0);
	list_settings_dump(back, false, &again);
	assert(span_eq(buf_span(&text), buf_span(&again)));
	list_settings_free(back);
	list_settings_free(list);
	buf_done(&text);
	buf_done(&again);
	return 0;
}
