/* SPDX-License-Identifier: BSD-2-Clause */
/* A record of any text, and an explanation, for a fixed sender; what it includes is there. The last byte chooses the client's address. */
#include "mitigations/auth/spf.h"

#include "mail/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_text(struct resolver *zone, const char *name, const uint8_t *text, size_t len)
{
	struct buf line;

	buf_init(&line, 1 << 20);
	buf_printf(&line, "%s TXT \"", name);
	for (size_t i = 0; i < len; i++)
		buf_printf(&line, "\\%03u", text[i]);
	buf_put_text(&line, "\"");
	resolver_zone_add(zone, buf_span(&line), NULL);
	buf_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char records[] = "a.test A 192.0.2.1\na.test MX 1 a.test\na.test AAAA 2001:db8::1\n*.w.test A 127.0.0.1\n1.2.0.192.in-addr.arpa PTR a.test\n"
		"i.test TXT \"v=spf1 a:a.test ?all\"\nt.test ! TIMEOUT\n";
	static const struct clock clock = { .is_fixed = true };
	struct spf_query query = { size > 0 && data[size - 1] % 2 ? "2001:db8::1" : "192.0.2.1", "h.test", "us-er+x@a.test", NULL };
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct spf_result result;
	struct resolver *zone;
	size_t half = size;

	if (resolver_zone((struct span){ records, sizeof(records) - 1 }, &zone, NULL) != 0)
		__builtin_trap();
	for (size_t i = 0; i < size; i++)
		if (data[i] == '\n')
			half = i;
	add_text(zone, "a.test", data, half);
	add_text(zone, "e.test", data + half, size - half);
	spf_check(a, zone, &clock, &query, &result);
	if (result.reason == NULL || (result.explanation != NULL && result.result != AUTH_FAIL))
		__builtin_trap();
	resolver_free(zone);
	arena_free(a);
	return 0;
}
