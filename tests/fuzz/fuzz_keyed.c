/* SPDX-License-Identifier: BSD-2-Clause */
/* Keyed fields: no made-up message is believed under a key that nobody knows; one that is written over a message is believed on it, whatever the session's words are. */
#include "mitigations/auth/keyed.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(struct arena *a, const struct secret *key, const struct message *m, struct span words)
{
	const struct session session = { .client_ip = "192.0.2.1", .helo = arena_text(a, words), .mail_from = arena_text(a, words) };
	struct span value = keyed_write(a, key, "lists.example.org", SPAN_LIT("spf=none"), &session, m, 1000);
	const char *field = arena_printf(a, "Authentication-Results: %.*s\r\n", (int)value.len, value.ptr);
	size_t head = strlen(field);
	char *bytes = arena_alloc(a, head + m->bytes.len);
	struct message again;
	struct session got;

	memcpy(bytes, field, head);
	if (m->bytes.len > 0)
		memcpy(bytes + head, m->bytes.ptr, m->bytes.len);
	if (message_parse(a, (struct span){ bytes, head + m->bytes.len }, &again, NULL) != 0)
		return;
	if (!keyed_read(a, key, "lists.example.org", &again, 1000, &got) || strcmp(got.client_ip, "192.0.2.1") != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct span bytes = { (const char *)data, size };
	struct secret key = { .key = { 7 } };
	struct session session;
	struct message m;

	if (message_parse(a, bytes, &m, NULL) == 0) {
		if (keyed_read(a, &key, "lists.example.org", &m, 1000, &session))
			abort();
		/* a first line that is no field, or an mbox line, would end the header below ours, or stand above it */
		if (!m.has_junk_line && m.field_count > 0 && m.fields[0].offset == 0)
			check_written(a, &key, &m, span_sub(bytes, 0, 300));
	}
	arena_free(a);
	return 0;
}
