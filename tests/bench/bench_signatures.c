/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures in a second of processor time, 10 KB message: signing, sealing, verifying. */
#include <stdio.h>
#include <time.h>

#include "mitigations/auth/arc.h"
#include "mitigations/auth/canon.h"
#include "mitigations/auth/dkim.h"
#include "mitigations/sign.h"

#define RUN_MS 1000

/* Of the processor, so that other work on the machine does not count. */
static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct bench {
	struct arena *a;          /* of what lasts */
	struct key key;
	struct resolver *zone;
	struct message plain, made, large;
	uint8_t hash[32];
};

static void sign_one(struct bench *b, const uint8_t *hash)
{
	struct keyring ring = { &b->key, 1 };
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct form form;

	form_init(&form, a, &b->plain);
	if (sign_form(&form, &ring, "bench.example", NULL, hash, NULL) != 0)
		fail_environment("cannot sign");
	arena_free(a);
}

static void sign(struct bench *b)
{
	sign_one(b, NULL);
}

static void sign_known_body(struct bench *b)
{
	sign_one(b, b->hash);
}

static void seal(struct bench *b)
{
	struct arc_seal_request request = { .key = &b->key, .authserv_id = "bench.example", .results = SPAN_LIT("spf=pass; dkim=pass") };
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct form form;
	bool sealed;

	form_init(&form, a, &b->plain);
	if (arc_seal(&form, NULL, &request, &sealed, NULL) != 0 || !sealed)
		fail_environment("cannot seal");
	arena_free(a);
}

static void verify(struct bench *b)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct dkim_result dkim;

	dkim_evaluate(a, b->zone, NULL, &b->made, &dkim);
	if (dkim.count != 1 || dkim.signatures[0].result != AUTH_PASS)
		fail_environment("does not verify");
	arena_free(a);
}

static void validate(struct bench *b)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct arc_result arc;

	arc_validate(a, b->zone, NULL, &b->made, &arc);
	if (arc.result != AUTH_PASS)
		fail_environment("the chain does not hold");
	arena_free(a);
}

static void hash_1mb(struct bench *b)
{
	uint8_t md[32];

	canon_body_sha256(b->large.body, b->large.body_count, CANON_RELAXED, UINT64_MAX, md, NULL);
}

static void prepare(struct bench *b, enum key_algorithm algorithm)
{
	struct arc_seal_request request = { .key = &b->key, .authserv_id = "bench.example", .results = SPAN_LIT("spf=pass; dkim=pass") };
	struct keyring ring = { &b->key, 1 };
	struct rendering rendering;
	struct buf text;
	struct form form;
	bool sealed;

	if (key_generate(algorithm, 2048, "bench.example", "s", &b->key, NULL) != 0)
		fail_environment("cannot make a key");
	b->zone = keyring_resolver(&ring);
	buf_init(&text, 2 << 20);
	buf_put_text(&text, "Received: from a.example by b.example; Thu, 1 Jan 2026 00:00:00 +0000\r\nFrom: Ann <ann@bench.example>\r\n"
		"To: list@bench.example\r\nSubject: speed\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <1@bench.example>\r\n"
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nList-Id: <list.bench.example>\r\n\r\n");
	while (text.len < 10240)
		buf_put_text(&text, "The quick brown fox jumps over the lazy dog, again and again and again.\r\n");
	message_parse(b->a, arena_span(b->a, buf_span(&text)), &b->plain, NULL);
	while (text.len < 1 << 20)
		buf_put_text(&text, "The quick brown fox jumps over the lazy dog, again and again and again.\r\n");
	message_parse(b->a, arena_span(b->a, buf_span(&text)), &b->large, NULL);
	buf_done(&text);
	canon_body_sha256(b->plain.body, b->plain.body_count, CANON_RELAXED, UINT64_MAX, b->hash, NULL);
	form_init(&form, b->a, &b->plain);
	if (sign_form(&form, &ring, "bench.example", NULL, NULL, NULL) != 0 || arc_seal(&form, NULL, &request, &sealed, NULL) != 0
		|| form_render(&form, b->a, &rendering, NULL) != 0)
		fail_environment("cannot sign");
	message_parse(b->a, rendering_bytes(b->a, &rendering), &b->made, NULL);
}

int main(void)
{
	static const struct { const char *name; void (*run)(struct bench *b); } rows[] = {
		{ "sign", sign }, { "sign, body hash known", sign_known_body }, { "seal (AMS and AS)", seal }, { "verify DKIM", verify },
		{ "validate ARC, one set", validate }, { "relaxed hash of 1 MB", hash_1mb },
	};

	for (int algorithm = KEY_RSA; algorithm <= KEY_ED25519; algorithm++) {
		struct bench b = { .a = arena_new(ARENA_MESSAGE_MAX_BYTES) };

		prepare(&b, (enum key_algorithm)algorithm);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			int64_t from = now_ms(), ms;
			unsigned long count = 0;

			for (; (ms = now_ms() - from) < RUN_MS; count++)
				rows[i].run(&b);
			printf("%-16s %-24s %8.0f/s\n", key_algorithm_name((enum key_algorithm)algorithm), rows[i].name, (double)count * 1000 / (double)ms);
		}
		key_done(&b.key);
		resolver_free(b.zone);
		arena_free(b.a);
	}
	return 0;
}
