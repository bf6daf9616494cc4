/* SPDX-License-Identifier: BSD-2-Clause */
/* A client of libmitigations, built from an installed tree: what does a message's author domain ask for, and does the message pass? */
#include <mail/file.h>
#include <mitigations/auth/facts.h>

#include <stdio.h>

int main(int argc, char **argv)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct session session = { .client_ip = argc > 3 ? argv[3] : NULL, .mail_from = "ann@example.com", .helo = "mx.example.com" };
	struct facts_options options = { 0 };
	struct resolver *dns;
	struct message m;
	struct facts facts;
	struct span bytes;
	struct fail why;

	if (argc < 3 || file_read(a, argv[1], 1 << 20, &bytes, &why) != 0 || resolver_zone_file(argv[2], &dns, &why) != 0 || message_parse(a, bytes, &m, &why) != 0) {
		fprintf(stderr, "%s\n", argc < 3 ? "usage: client MESSAGE ZONE [IP]" : why.text);
		return 1;
	}
	facts_gather(a, dns, NULL, &m, &session, &options, &facts);
	printf("policy %s, authentic %s by %s\n", dmarc_policy_name(facts.policy), facts.authentic ? "yes" : "no", facts.authentic_by);
	resolver_free(dns);
	arena_free(a);
	return 0;
}
