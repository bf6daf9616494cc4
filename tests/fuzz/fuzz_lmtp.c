/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client of LMTP sends: command lines, xtext, and content in pieces of any size, whose faults must be those that message_scan finds. */
#include "listd/intake/lmtp_int.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_command(struct arena *a, struct span line)
{
	struct lmtp_xforward xforward = { 0 };
	struct lmtp_mail_params params;
	struct lmtp_path path;
	struct span verb, args, rest;
	struct fail why;

	if (lmtp_command_split(line, &verb, &args, &why) != 0)
		return;
	if (lmtp_command_path(a, args, "FROM", "h.example", &path, &rest, &why) == 0 && lmtp_command_mail_params(a, rest, &params, &why) != 0 && why.code < 500)
		abort();
	if (lmtp_xforward_parse(a, args, &xforward, &why) == 0)
		for (const char *p = xforward.helo; *p != '\0'; p++)
			if (*p < ' ' || *p > '~')
				abort();
}

/* The same by other means: the whole content up to the first CR LF . CR LF, then without its dots. Returns what is used up, 0 without an end. */
static size_t read_plainly(struct arena *a, struct span in, struct span *content_r)
{
	struct span all;
	char *text = arena_alloc(a, in.len + 2), *out = arena_alloc(a, in.len + 2);
	size_t end, used = 0;

	memcpy(text, "\r\n", 2);
	memcpy(text + 2, in.ptr, in.len);
	all = (struct span){ text, in.len + 2 };
	end = span_find(all, SPAN_LIT("\r\n.\r\n"));
	if (end == all.len)
		return 0;
	for (size_t i = 2; i < end + 2; i++)
		if (text[i] != '.' || text[i - 1] != '\n' || text[i - 2] != '\r')
			out[used++] = text[i];
	*content_r = (struct span){ out, used };
	return end + 3;
}

static void try_content(struct arena *a, struct span in, size_t step)
{
	char *kept = arena_alloc(a, in.len);
	struct lmtp_data d = { 0 };
	struct message_scan scan;
	struct span piece, content = { NULL, 0 };
	size_t used = 0, at = 0, want = read_plainly(a, in, &content);

	while (at < in.len && d.state != LMTP_DATA_DONE) {
		struct span part = span_sub(in, at, step);
		char *exact = malloc(part.len);

		memcpy(exact, part.ptr, part.len);
		at += lmtp_data_next(&d, (struct span){ exact, part.len }, &piece);
		memcpy(kept + used, piece.ptr, piece.len);
		used += piece.len;
		free(exact);
	}
	if ((d.state == LMTP_DATA_DONE) != (want > 0))
		abort();
	if (want == 0)
		return;
	message_scan(content, &scan);
	if (at != want || d.bytes != content.len || d.fault != scan.fault || (d.fault != MESSAGE_OK && d.fault_offset != scan.fault_offset))
		abort();
	if (d.fault == MESSAGE_OK && !span_eq((struct span){ kept, used }, content))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct span in = { (const char *)data, size };

	try_command(a, in);
	if (size > 1)
		try_content(a, span_sub(in, 1, size), 1 + (unsigned char)in.ptr[0] % 16);
	arena_free(a);
	return 0;
}
