/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/event.h"

#include <stdarg.h>
#include <stdio.h>

const struct event_row event_rows[EVENT_KINDS] = {
#define ROW(kind, text, severity, words) [EVENT_##kind] = { .name = text, .level = LOG_LEVEL_##severity, .help = words },
	EVENT_ROWS
#undef ROW
};

void event_log(enum event event, ...)
{
	struct log_line line;
	const char *key;
	va_list args;

	log_begin(&line, event_rows[event].level, event_rows[event].name);
	va_start(args, event);
	while ((key = va_arg(args, const char *)) != NULL) {
		const char *value = va_arg(args, const char *);

		if (value != NULL)
			log_text(&line, key, value);
	}
	va_end(args);
	log_end(&line);
}

const char *event_number(long long number)
{
	static _Thread_local struct { char texts[16][24]; unsigned next; } ring;
	char *text = ring.texts[ring.next++ % 16];

	snprintf(text, sizeof(ring.texts[0]), "%lld", number);
	return text;
}
