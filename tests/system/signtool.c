/* SPDX-License-Identifier: BSD-2-Clause */
/* Signs, seals and verifies files, for tests against other implementations:
 *   signtool make KEYS DOMAIN SELECTOR rsa|ed25519         makes a key in KEYS/DOMAIN/SELECTOR.pem, prints its record as a zone line
 *   signtool sign KEYS DOMAIN TIME < pairs                 each line "IN OUT": signs a message
 *   signtool seal KEYS DOMAIN TIME ZONE RESULTS < pairs    adds an ARC set with these results
 *   signtool verify TIME ZONE < names                      prints "FILE dkim=pass,pass arc=none" for each line "FILE" */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/file.h"
#include "mitigations/auth/arc.h"
#include "mitigations/auth/dkim.h"
#include "mitigations/sign.h"

#define MESSAGE_MAX_BYTES ((size_t)64 << 20)

static void die(const struct fail *why)
{
	fprintf(stderr, "signtool: %s\n", why->text);
	exit(1);
}

static struct clock clock_at(const char *text)
{
	return (struct clock){ .is_fixed = true, .fixed_secs = strtoll(text, NULL, 10) };
}

static struct resolver *open_zone(const char *path)
{
	struct resolver *zone;
	struct fail why;

	if (resolver_zone_file(path, &zone, &why) != 0)
		die(&why);
	return zone;
}

static void read_message(struct arena *a, const char *path, struct message *m)
{
	struct span bytes;
	struct fail why;

	if (file_read(a, path, MESSAGE_MAX_BYTES, &bytes, &why) != 0 || message_parse(a, bytes, m, &why) != 0)
		die(&why);
}

static void write_form(struct arena *a, const struct form *form, const char *path)
{
	struct rendering rendering;
	struct fail why;

	if (form_render(form, a, &rendering, &why) != 0 || file_replace(path, rendering_bytes(a, &rendering), 0600, &why) != 0)
		die(&why);
}

static int make(char **argv)
{
	enum key_algorithm algorithm = strcmp(argv[3], "rsa") == 0 ? KEY_RSA : KEY_ED25519;
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span pem;
	struct fail why;
	struct key key;

	if (key_generate(algorithm, 2048, argv[1], argv[2], &key, &why) != 0 || key_to_pem(a, &key, &pem, &why) != 0
		|| file_make_dir(arena_printf(a, "%s/%s", argv[0], argv[1]), 0700, &why) != 0
		|| file_replace(arena_printf(a, "%s/%s/%s.pem", argv[0], argv[1], argv[2]), pem, 0600, &why) != 0)
		die(&why);
	puts(key_record(a, &key));
	key_done(&key);
	arena_free(a);
	return 0;
}

/* The next line of standard input as words, in arena a. */
static bool next_pair(struct arena *a, char **in_r, char **out_r)
{
	char line[8192], in[4096], out[4096];

	if (fgets(line, sizeof(line), stdin) == NULL || sscanf(line, "%4095s %4095s", in, out) != 2)
		return false;
	*in_r = arena_text(a, span_of(in));
	*out_r = arena_text(a, span_of(out));
	return true;
}

static void load_ring(const char *dir, struct keyring *ring)
{
	struct fail why;

	if (keyring_load(dir, ring, &why) != 0)
		die(&why);
}

static int sign(char **argv)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct clock clock = clock_at(argv[2]);
	struct keyring ring;
	char *in, *out;

	load_ring(argv[0], &ring);
	for (; next_pair(a, &in, &out); arena_reset(a)) {
		struct message m;
		struct form form;
		struct fail why;

		read_message(a, in, &m);
		form_init(&form, a, &m);
		if (sign_form(&form, &ring, argv[1], &clock, NULL, &why) != 0)
			die(&why);
		write_form(a, &form, out);
	}
	keyring_done(&ring);
	arena_free(a);
	return 0;
}

static int seal(char **argv)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct resolver *zone = open_zone(argv[3]);
	struct clock clock = clock_at(argv[2]);
	struct keyring ring;
	char *in, *out;

	load_ring(argv[0], &ring);
	for (; next_pair(a, &in, &out); arena_reset(a)) {
		struct arc_seal_request request = { .key = keyring_find(&ring, argv[1], KEY_RSA), .authserv_id = argv[1], .results = span_of(argv[4]) };
		struct arc_result chain;
		struct message m;
		struct form form;
		struct fail why;
		bool sealed;

		read_message(a, in, &m);
		arc_validate(a, zone, &clock, &m, &chain);
		request.chain = chain.result;
		form_init(&form, a, &m);
		if (arc_seal(&form, &clock, &request, &sealed, &why) != 0)
			die(&why);
		write_form(a, &form, out);
	}
	keyring_done(&ring);
	resolver_free(zone);
	arena_free(a);
	return 0;
}

static int verify(char **argv)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct resolver *zone = open_zone(argv[1]);
	struct clock clock = clock_at(argv[0]);
	char path[4096];

	for (; scanf("%4095s", path) == 1; arena_reset(a)) {
		struct dkim_result dkim;
		struct arc_result arc;
		struct message m;

		read_message(a, path, &m);
		dkim_evaluate(a, zone, &clock, &m, &dkim);
		arc_validate(a, zone, &clock, &m, &arc);
		printf("%s dkim=", path);
		for (size_t i = 0; i < dkim.count; i++)
			printf("%s%s", i == 0 ? "" : ",", auth_result_name(dkim.signatures[i].result));
		printf(" arc=%s\n", auth_result_name(arc.result));
	}
	resolver_free(zone);
	arena_free(a);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct { const char *name; int args; int (*run)(char **argv); } actions[] = {
		{ "make", 4, make }, { "sign", 3, sign }, { "seal", 5, seal }, { "verify", 2, verify },
	};

	for (size_t i = 0; argc > 1 && i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(argv[1], actions[i].name) == 0 && argc == actions[i].args + 2)
			return actions[i].run(argv + 2);
	fprintf(stderr, "usage: see the head of signtool.c\n");
	return 2;
}
