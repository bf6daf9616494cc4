/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of header fields: nothing that is written holds a line end of the input, or a line over the limit. */
#include "mail/date.h"
#include "mail/encword.h"
#include "mail/header.h"
#include "mail/idna.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(struct span folded)
{
	struct span line;

	while (span_next(&folded, '\n', &line))
		if (line.len > HEADER_LINE_MAX_BYTES || span_find_byte(line, '\r') < line.len || span_find_byte(line, '\0') < line.len)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct span value = { (const char *)data, size }, phrase, text;
	struct header_params params;
	int64_t secs;

	phrase = header_phrase(a, value);
	text = header_text(a, value);
	if (has_8bit(phrase) || has_8bit(text) || !utf8_is_valid(encword_decode(a, value)))
		abort();
	check_lines(header_fold(a, "Subject", value, "\n"));
	check_lines(header_fold(a, "From", phrase, "\n"));
	check_lines(header_fold(a, "Subject", text, "\n"));
	header_unfold(a, value);
	header_without_comments(a, value);
	header_params(a, value, &params);
	header_quote(a, value);
	date_parse(value, &secs);
	idna_to_ascii(a, value);
	idna_to_unicode(a, value);
	arena_free(a);
	return 0;
}
