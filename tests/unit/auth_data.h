/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of signatures share: zones from names and TXT values, messages with other line ends. */
#ifndef TESTS_UNIT_AUTH_DATA_H
#define TESTS_UNIT_AUTH_DATA_H

#include "tests/unit/check.h"

#include "mail/buf.h"
#include "mail/dns.h"

/* Add a TXT record, cut into strings of 255, or the failure that value names ("SERVFAIL", "TIMEOUT"; "NXDOMAIN" adds nothing). */
static inline void zone_add_txt(struct resolver *zone, struct arena *a, const char *name, struct span value)
{
	struct buf line;
	struct fail why;

	if (span_eq_text(value, "NXDOMAIN"))
		return;
	buf_init(&line, 65536);
	if (span_eq_text(value, "SERVFAIL") || span_eq_text(value, "TIMEOUT")) {
		buf_printf(&line, "%s ! %s", name, arena_text(a, value));
	} else {
		buf_printf(&line, "%s IN TXT", name);
		for (; value.len > 0; value = span_sub(value, 255, value.len)) {
			buf_put_text(&line, " \"");
			for (size_t i = 0; i < value.len && i < 255; i++) {
				if (value.ptr[i] == '"' || value.ptr[i] == '\\')
					buf_put_byte(&line, '\\');
				buf_put_byte(&line, value.ptr[i]);
			}
			buf_put_byte(&line, '"');
		}
	}
	if (resolver_zone_add(zone, buf_span(&line), &why) != 0)
		fail_msg("%s: %s", name, why.text);
	buf_done(&line);
}

/* The text with every line end as line_end. */
static inline struct span with_line_ends(struct arena *a, struct span text, const char *line_end)
{
	struct span out;
	struct buf b;

	buf_init(&b, (size_t)64 << 20);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n')
			continue;
		if (text.ptr[i] == '\n')
			buf_put_text(&b, line_end);
		else
			buf_put_byte(&b, text.ptr[i]);
	}
	out = arena_span(a, buf_span(&b));
	buf_done(&b);
	return out;
}

#endif
