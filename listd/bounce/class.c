/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/class.h"

const struct bounce_class_row bounce_class_rows[BOUNCE_CLASSES] = {
#define ROW(kind, text, is_counted, words) [BOUNCE_##kind] = { .name = text, .counts = is_counted, .help = words },
	BOUNCE_CLASS_ROWS
#undef ROW
};

bool bounce_class_find(struct span name, enum bounce_class *class_r)
{
	for (int i = 0; i < BOUNCE_CLASSES; i++)
		if (span_eq_text_nocase(name, bounce_class_rows[i].name)) {
			*class_r = (enum bounce_class)i;
			return true;
		}
	return false;
}
