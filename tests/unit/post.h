/* SPDX-License-Identifier: BSD-2-Clause */
/* A world for tests of strategies: a list with its key, author domains with policies and keys in a zone, and posts, signed or not, as the list
 * receives them, with facts and with the list's normal edits. */
#ifndef TESTS_UNIT_POST_H
#define TESTS_UNIT_POST_H

#include "tests/unit/check.h"

#include "mail/header.h"
#include "mitigations/auth/canon.h"
#include "mitigations/auth/draft.h"
#include "mitigations/choose.h"
#include "mitigations/sign.h"

#define POST_NOW 1795305600 /* Sun, 22 Nov 2026 */

/* Names of author domains say what they ask for; all have a key "s" but the list's own. */
static const char post_zone[] =
	"_dmarc.reject.example. TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.quarantine.example. TXT \"v=DMARC1; p=quarantine\"\n"
	"_dmarc.none.example. TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.strict-alignment.example. TXT \"v=DMARC1; p=reject; adkim=s\"\n"
	"_dmarc.gmail.com. TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.example.org. TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.trouble.example. ! SERVFAIL\n"
	"trouble.example. A 192.0.2.1\n"
	"absent.example. A 192.0.2.1\n"
	"lists.example.org. MX 10 mx.example.org.\n";

static const char *const post_key_domains[] = {
	"reject.example", "quarantine.example", "none.example", "mail.reject.example", "mail.strict-alignment.example", "strict-alignment.example",
	"gmail.com", "example.org", "trouble.example", "absent.example", "esp.example",
};

struct world {
	struct arena *arena;
	struct resolver *dns, *list_keys;
	struct keyring authors, list_ring;
	struct clock clock;
	struct list_identity list;
	struct facts_options options;
	struct session session;
};

/* A receiver of each kind. */
static const struct receiver post_strict = { .name = "strict", .enforces = true, .source = "test" };
static const struct receiver post_lenient = { .name = "lenient", .source = "test" };
static const struct receiver post_arc = { .name = "arc", .enforces = true, .trusts_arc = true, .source = "test" };
static const struct receiver post_friend = { .name = "friend", .enforces = true, .allowlists_us = true, .source = "test" };

static inline void world_key(struct arena *a, struct resolver *zone, enum key_algorithm algorithm, const char *domain, struct keyring *ring)
{
	struct fail why;

	if (key_generate(algorithm, 2048, domain, "s", &ring->items[ring->count], &why) != 0)
		fail_msg("%s", why.text);
	if (zone != NULL && resolver_zone_add(zone, span_of(key_record(a, &ring->items[ring->count])), &why) != 0)
		fail_msg("%s", why.text);
	ring->count++;
}

static inline const char *world_alias(struct arena *a, const void *context, const struct address *author)
{
	(void)context;
	return arena_printf(a, "birds-author-%zu@lists.example.org", author->spec.len);
}

static inline void world_init(struct world *w)
{
	static const size_t count = sizeof(post_key_domains) / sizeof(post_key_domains[0]);
	struct fail why;

	*w = (struct world){ .arena = arena_new(ARENA_MESSAGE_MAX_BYTES), .clock = { .is_fixed = true, .fixed_secs = POST_NOW } };
	if (resolver_zone(span_of(post_zone), &w->dns, &why) != 0)
		fail_msg("%s", why.text);
	w->authors.items = calloc(count, sizeof(*w->authors.items));
	/* ed25519, since making an RSA key takes long; the first, whose posts most tests are about, has one of the usual kind */
	for (size_t i = 0; i < count; i++)
		world_key(w->arena, w->dns, i == 0 ? KEY_RSA : KEY_ED25519, post_key_domains[i], &w->authors);
	w->list_ring.items = calloc(1, sizeof(*w->list_ring.items));
	world_key(w->arena, NULL, KEY_RSA, "lists.example.org", &w->list_ring);
	w->list_keys = keyring_resolver(&w->list_ring);
	w->list = (struct list_identity){
		.address = "birds@lists.example.org", .domain = "lists.example.org", .name = "birds", .list_id = "birds.lists.example.org",
		.bounce_domain = "lists.example.org", .authserv_id = "lists.example.org", .via_template = "{name} via {list}",
		.wrap_text = "The post is attached.\n", .signs = true, .make_alias = world_alias,
	};
	w->options = (struct facts_options){ .own_authserv_id = "lists.example.org", .receiver_name = "lists.example.org" };
}

/* OpenSSL's keys belong to the rings, which the tests made by hand. */
static inline void world_ring_done(struct keyring *ring)
{
	for (size_t i = 0; i < ring->count; i++)
		key_done(&ring->items[i]);
	free(ring->items);
}

static inline void world_done(struct world *w)
{
	world_ring_done(&w->authors);
	world_ring_done(&w->list_ring);
	resolver_free(w->list_keys);
	resolver_free(w->dns);
	arena_free(w->arena);
}

/* The text with CRLF for LF. */
static inline struct span post_crlf(struct arena *a, const char *text)
{
	char *out = arena_alloc(a, 2 * strlen(text) + 1);
	size_t used = 0;

	for (; *text != '\0'; text++) {
		if (*text == '\n')
			out[used++] = '\r';
		out[used++] = *text;
	}
	return (struct span){ out, used };
}

static inline const struct key *post_key(const struct world *w, const char *domain)
{
	for (size_t i = 0; i < w->authors.count; i++)
		if (strcmp(w->authors.items[i].domain, domain) == 0)
			return &w->authors.items[i];
	fail_msg("no key for %s", domain);
	return NULL;
}

/* The message with a signature of that domain on top. names: the h= value. length: of the body that is signed, -1 for all without l=. */
static inline struct span post_sign(struct world *w, struct span bytes, const char *domain, const char *names, long length)
{
	struct message m;
	struct buf canonical;
	struct draft d;
	struct span field, result;
	uint8_t hash[32];
	const struct key *key = post_key(w, domain);
	struct fail why;

	assert_int_equal(message_parse(w->arena, bytes, &m, &why), 0);
	canon_body_sha256(m.body, m.body_count, CANON_RELAXED, length < 0 ? UINT64_MAX : (uint64_t)length, hash, NULL);
	buf_init(&canonical, DRAFT_CANONICAL_MAX_BYTES);
	draft_init(&d, w->arena, "DKIM-Signature");
	draft_tag(&d, "v", "1");
	draft_tag(&d, "a", "%s", key_algorithm_name(key->algorithm));
	draft_tag(&d, "c", "relaxed/relaxed");
	draft_tag(&d, "d", "%s", domain);
	draft_tag(&d, "s", "s");
	if (length >= 0)
		draft_tag(&d, "l", "%ld", length);
	draft_names(&d, "h", span_of(names));
	draft_hash(&d, "bh", hash);
	canon_fields(&canonical, &m, span_of(names), CANON_RELAXED);
	if (draft_sign(&d, key, &canonical, &field, &why) != 0)
		fail_msg("%s", why.text);
	result.len = field.len + bytes.len;
	result.ptr = arena_printf(w->arena, "%.*s%.*s", (int)field.len, field.ptr, (int)bytes.len, bytes.ptr);
	buf_done(&canonical);
	draft_done(&d);
	return result;
}

#define POST_NAMES "From:Subject:Date:Message-ID:To"

struct post {
	struct message message;
	struct facts facts;
	struct form shaped;
	struct strategy_input in;
};

/* Take a message as received; shaped has no edits yet. */
static inline void post_read(struct world *w, struct span bytes, struct post *post)
{
	struct fail why;

	*post = (struct post){ .message = { .total_bytes = 0 } };
	if (message_parse(w->arena, bytes, &post->message, &why) != 0)
		fail_msg("%s", why.text);
	facts_gather(w->arena, w->dns, &w->clock, &post->message, &w->session, &w->options, &post->facts);
	form_init(&post->shaped, w->arena, &post->message);
	post->in = (struct strategy_input){
		.arena = w->arena, .message = &post->message, .facts = &post->facts, .shaped = &post->shaped, .list = &w->list, .keyring = &w->list_ring,
		.dns = w->dns, .clock = &w->clock, .id = "p1",
	};
}

/* What a list adds to every copy. */
static inline void post_list_fields(struct post *post)
{
	static const char *const fields[] = {
		"List-Id: birds <birds.lists.example.org>", "List-Post: <mailto:birds@lists.example.org>", "List-Unsubscribe: <https://lists.example.org/u/1>",
		"List-Unsubscribe-Post: List-Unsubscribe=One-Click", "Precedence: list",
	};

	for (size_t i = 0; i < post->message.field_count; i++)
		if ((header_flags(post->message.fields[i].name) & HEADER_LIST) != 0)
			form_field_remove(&post->shaped, EDIT_LIST_FIELD, "shape", &post->message.fields[i]);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		form_field_top(&post->shaped, EDIT_LIST_FIELD, "shape", span_of(fields[i]));
}

/* Subject tag, and a footer at the end of a text. */
static inline void post_tag(struct post *post)
{
	const struct field *subject = message_field(&post->message, "Subject");
	struct arena *a = post->in.arena;

	if (subject != NULL)
		form_field_replace(&post->shaped, EDIT_DECORATION, "shape", subject,
			span_of(arena_printf(a, "Subject: [birds]%.*s", (int)subject->value.len, subject->value.ptr)));
}

static inline void post_footer(struct post *post)
{
	form_splice(&post->shaped, EDIT_DECORATION, "shape", post->message.total_bytes, 0, SPAN_LIT("-- \r\nbirds mailing list\r\n"));
}

static inline struct span post_text(struct world *w, const char *from)
{
	return post_crlf(w->arena, arena_printf(w->arena, "From: %s\nTo: birds@lists.example.org\nSubject: Owls\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n"
		"Message-ID: <1@mail.example>\n\nThe owls are back.\n", from));
}

#endif
