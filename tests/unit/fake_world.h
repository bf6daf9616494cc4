/* SPDX-License-Identifier: BSD-2-Clause */
/* A world (post.h) without daemon and store, for tests and fuzzing of the whole route: one list, some members at receivers of every kind, author domains with
 * keys and policies. Names of domains say what they ask for. */
#ifndef TESTS_UNIT_FAKE_WORLD_H
#define TESTS_UNIT_FAKE_WORLD_H

#include "listd/post/route.h"
#include "mail/secret.h"
#include "mitigations/sign.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_NOW 1795305600 /* Sun, 22 Nov 2026 */
#define FAKE_LIST "birds@lists.example.org"
#define FAKE_IP "192.0.2.99" /* of our relay */

static const char fake_zone[] =
	"_dmarc.reject.example. TXT \"v=DMARC1; p=reject\"\n"
	"reject.example. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
	"_dmarc.quarantine.example. TXT \"v=DMARC1; p=quarantine\"\n"
	"_dmarc.none.example. TXT \"v=DMARC1; p=none\"\n"
	"none.example. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
	"_dmarc.example.org. TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.trouble.example. ! SERVFAIL\n"
	"absent.example. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
	"lists.example.org. TXT \"v=spf1 ip4:" FAKE_IP " -all\"\n";
static const char fake_receivers[] =
	"operator lenient\n domain lenient.example\n enforces no\n"
	"operator arc\n domain arc.example\n trusts-arc yes\n"
	"operator friend\n domain friend.example\n allowlists-us yes\n";
static const char *const fake_key_domains[] = { "lists.example.org", "reject.example", "none.example", "absent.example", "example.org", "evil.example" };
#define FAKE_KEYS (sizeof(fake_key_domains) / sizeof(fake_key_domains[0]))

struct fake {
	struct resolver *dns, *overlay, *seen_by_receivers; /* the last: with our key */
	struct key keys[FAKE_KEYS];
	struct keyring list_ring, author_ring;
	struct receivers *receivers;
	struct site_settings *site;
	struct secret master;
	struct clock clock;
	bool nonmember;
	size_t members;    /* 0: one at each receiver */
	unsigned flags;    /* of members */
};

static inline int fake_find_member(void *context, struct arena *a, const char *list, const char *key, struct member *member_r, struct fail *why)
{
	const struct fake *fake = context;

	(void)list;
	(void)why;
	*member_r = (struct member){ .key = key, .address = key, .name = arena_text(a, SPAN_LIT("Ann \"owl\" <x@y.example>,")), .reason = "" };
	return !fake->nonmember;
}

static inline int fake_find_alias(void *context, struct arena *a, const char *list, const char *code, const char **author_r, struct fail *why)
{
	(void)context;
	(void)list;
	(void)code;
	(void)why;
	*author_r = arena_text(a, SPAN_LIT("ann@reject.example"));
	return 1;
}

static inline int fake_each_member(void *context, const char *list, int (*each)(void *, const struct member *), void *each_context, struct fail *why)
{
	static const char *const domains[] = { "strict.example", "lenient.example", "arc.example", "friend.example" };
	const struct fake *fake = context;
	int result = 0;

	(void)list;
	(void)why;
	for (size_t i = 0; result == 0 && i < (fake->members == 0 ? 4 : fake->members); i++) {
		char address[64];

		snprintf(address, sizeof(address), "m%zu@%s", i, domains[i % 4]);
		result = each(each_context, &(struct member){ .key = address, .address = address, .name = "", .reason = "", .flags = fake->flags });
	}
	return result;
}

static inline void fake_must(int result, const struct fail *why)
{
	if (result == 0)
		return;
	fprintf(stderr, "%s\n", why->text);
	abort();
}

static inline void fake_open(struct fake *fake)
{
	static const char site[] = "host-name = \"lists.example.org\"\nauthserv-id = \"lists.example.org\"\n";
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct fail why;

	*fake = (struct fake){ .clock = { .is_fixed = true, .fixed_secs = FAKE_NOW }, .receivers = receivers_new() };
	fake_must(resolver_zone(span_of(fake_zone), &fake->dns, &why), &why);
	for (size_t i = 0; i < FAKE_KEYS; i++) {
		fake_must(key_generate(i == 0 ? KEY_RSA : KEY_ED25519, 2048, fake_key_domains[i], "s", &fake->keys[i], &why), &why);
		if (i > 0)
			fake_must(resolver_zone_add(fake->dns, span_of(key_record(a, &fake->keys[i])), &why), &why);
	}
	fake->list_ring = (struct keyring){ fake->keys, 1 };
	fake->author_ring = (struct keyring){ fake->keys + 1, FAKE_KEYS - 1 };
	fake->overlay = keyring_resolver(&fake->list_ring);
	fake->seen_by_receivers = resolver_overlay(fake->overlay, fake->dns);
	fake_must(receivers_parse(span_of(fake_receivers), "receivers", fake->receivers, &why), &why);
	fake_must(site_settings_parse(span_of(site), "site", NULL, &fake->site, &why), &why);
	arena_free(a);
}

static inline void fake_close(struct fake *fake)
{
	resolver_free(fake->seen_by_receivers);
	resolver_free(fake->overlay);
	resolver_free(fake->dns);
	for (size_t i = 0; i < FAKE_KEYS; i++)
		key_done(&fake->keys[i]);
	receivers_free(fake->receivers);
	site_settings_free(fake->site);
}

static inline void fake_world(struct fake *fake, struct world *world_r)
{
	*world_r = (struct world){
		.context = fake, .dns = fake->dns, .clock = &fake->clock, .site = fake->site, .keyring = &fake->list_ring, .key_overlay = fake->overlay,
		.receivers = fake->receivers, .master = &fake->master, .find_member = fake_find_member, .find_alias = fake_find_alias, .each_member = fake_each_member,
	};
}

/* The message with a signature of that domain on top; as it is where it cannot be signed. */
static inline struct span fake_sign(struct fake *fake, struct arena *a, struct span bytes, const char *domain)
{
	struct rendering rendering;
	struct message m;
	struct form form;

	if (message_parse(a, bytes, &m, NULL) != 0)
		return bytes;
	form_init(&form, a, &m);
	if (sign_form(&form, &fake->author_ring, domain, &fake->clock, NULL, NULL) != 0 || form_render(&form, a, &rendering, NULL) != 0)
		return bytes;
	return rendering_bytes(a, &rendering);
}

/* With CRLF where all lines end with LF, as an MTA hands it over. */
static inline struct span fake_crlf(struct arena *a, struct span text)
{
	char *out = arena_alloc(a, 2 * text.len + 1);
	size_t used = 0;

	if (span_find_byte(text, '\r') < text.len)
		return arena_span(a, text);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\n')
			out[used++] = '\r';
		out[used++] = text.ptr[i];
	}
	return (struct span){ out, used };
}

/* A post begun, to be run by route_run. list_text: settings besides the address. */
static inline int fake_begin(struct arena *a, const struct world *world, const char *list_text, const char *rcpt, const struct envelope *envelope, struct span bytes,
	struct post **post_r, struct fail *why)
{
	const char *text = arena_printf(a, "address = \"" FAKE_LIST "\"\nowners = { \"owner@absent.example\" }\n%s", list_text);
	struct post *post = arena_alloc(a, sizeof(*post));
	struct list_settings *list;
	const char *suffix = "";
	enum purpose purpose = PURPOSE_POST;

	fake_must(list_settings_parse(span_of(text), "list", NULL, &list, why), why);
	if (strcmp(rcpt, FAKE_LIST) != 0 && !post_is_suffixed(a, rcpt, &suffix, &purpose))
		abort();
	if (post_begin(post, a, world, envelope, rcpt, list, bytes, why) != 0) {
		list_settings_free(list);
		return -1;
	}
	post->purpose = purpose;
	post->suffix = suffix;
	*post_r = post;
	return 0;
}

#endif
