/* SPDX-License-Identifier: BSD-2-Clause */
/* A zone of any bytes, then questions for a few names and for its first word. */
#include "mail/dns.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a", "a.b", "x.a.b", "", "*.b" };
	static const enum dns_type types[] = { DNS_A, DNS_TXT, DNS_MX, DNS_PTR };
	struct span text = { (const char *)data, size };
	struct resolver *zone;
	struct dns_answer answer;
	struct arena *a;

	if (resolver_zone(text, &zone, NULL) != 0)
		return 0;
	a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++)
			resolver_ask(zone, a, names[i], types[j], &answer);
	resolver_ask(zone, a, arena_text(a, span_sub(text, 0, span_find_byte(text, ' '))), DNS_TXT, &answer);
	for (size_t i = 0; i < answer.count; i++)
		dns_txt(a, &answer.records[i]);
	arena_free(a);
	resolver_free(zone);
	return 0;
}
