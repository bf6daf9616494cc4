/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/post.h"

static struct world world;

static int set_up(void **state)
{
	(void)state;
	world_init(&world);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	world_done(&world);
	return 0;
}

static void prove_bytes(struct span bytes, struct resolver *keys, struct proof *proof)
{
	struct iovec slice = { (char *)(uintptr_t)bytes.ptr, bytes.len };
	struct rendering rendering = { .slices = &slice, .count = 1, .total_bytes = bytes.len };

	prove(world.arena, world.dns, keys, &world.clock, &world.list, &rendering, proof);
	assert_non_null(proof->reason);
	assert_true(!proof->holds || proof->valid_message);
}

/* The message with the list's signature. */
static struct span list_sign(struct span bytes)
{
	struct message *m = arena_alloc(world.arena, sizeof(*m));
	struct rendering rendering;
	struct form form;
	struct fail why;

	assert_int_equal(message_parse(world.arena, bytes, m, &why), 0);
	form_init(&form, world.arena, m);
	if (sign_form(&form, &world.list_ring, "lists.example.org", &world.clock, NULL, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(form_render(&form, world.arena, &rendering, &why), 0);
	return rendering_bytes(world.arena, &rendering);
}

/* Who has signed what in which way, and what a strict receiver makes of it. */
static void test_judgements(void **state)
{
	static const struct { const char *name, *from, *signer; bool list_signs, holds, dmarc, author, list; } rows[] = {
		{ "from the list", "birds@lists.example.org", NULL, true, true, true, false, true },
		{ "from the list, unsigned", "birds@lists.example.org", NULL, false, false, false, false, false },
		{ "strict author, signed", "ann@reject.example", "reject.example", true, true, true, true, true },
		{ "strict author, only by himself", "ann@reject.example", "reject.example", false, true, true, true, false },
		{ "strict author, by subdomain", "ann@reject.example", "mail.reject.example", false, true, true, true, false },
		{ "strict author below", "ann@mail.reject.example", "reject.example", false, true, true, true, false },
		{ "strict author, only by the list", "ann@reject.example", NULL, true, false, false, false, true },
		{ "strict author, by an ESP", "ann@reject.example", "esp.example", true, false, false, false, true },
		{ "strict alignment, by subdomain", "ann@strict-alignment.example", "mail.strict-alignment.example", true, false, false, false, true },
		{ "p=none, nobody", "ann@none.example", NULL, true, true, false, false, true },
		{ "p=none, signed", "ann@none.example", "none.example", true, true, true, true, true },
		{ "no record, nobody", "ann@absent.example", NULL, false, true, false, false, false },
		{ "no record, signed", "ann@absent.example", "absent.example", false, true, true, true, false },
		{ "unknown policy, nobody", "ann@trouble.example", NULL, true, false, false, false, true },
		{ "unknown policy, own name", "ann@trouble.example", "trouble.example", true, true, true, true, true },
		{ "of the list's organization", "ann@example.org", NULL, true, true, true, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span text = post_text(&world, rows[i].from);
		struct proof proof;

		if (rows[i].signer != NULL)
			text = post_sign(&world, text, rows[i].signer, POST_NAMES, -1);
		if (rows[i].list_signs)
			text = list_sign(text);
		prove_bytes(text, world.list_keys, &proof);
		if (proof.holds != rows[i].holds || proof.dmarc_pass != rows[i].dmarc || proof.author_signature_alive != rows[i].author || proof.list_signature_ok != rows[i].list)
			fail_msg("%s: holds %d dmarc %d author %d list %d: %s", rows[i].name, proof.holds, proof.dmarc_pass, proof.author_signature_alive,
				proof.list_signature_ok, proof.reason);
		assert_true(proof.valid_message && proof.arc_ok && !proof.sealed);
	}
}

/* A change anywhere ends the proof. */
static void test_changed(void **state)
{
	static const char *const places[] = { "Owls", "back", "ann@", "2026" };

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct span text = list_sign(post_sign(&world, post_text(&world, "ann@reject.example"), "reject.example", POST_NAMES, -1));
		char *changed = arena_text(world.arena, text);
		struct proof proof;

		strstr(changed, places[i])[1] ^= 1;
		prove_bytes(span_of(changed), world.list_keys, &proof);
		if (proof.holds || proof.dmarc_pass || proof.author_signature_alive || proof.list_signature_ok)
			fail_msg("%s: %s", places[i], proof.reason);
	}
}

/* What is no message that a strict receiver takes. */
static void test_valid(void **state)
{
	static const struct { const char *name, *text; const char *why; } rows[] = {
		{ "good", "From: a@none.example\r\nDate: x\r\n\r\nx\r\n", NULL },
		{ "no body", "From: a@none.example\r\nDate: x\r\n", NULL },
		{ "LF throughout", "From: a@none.example\nDate: x\n\nx\n", NULL },
		{ "no last line end", "From: a@none.example\r\nDate: x\r\n\r\nx", NULL },
		{ "no From", "Date: x\r\n\r\nx\r\n", "From" },
		{ "two From", "From: a@none.example\r\nFrom: a@none.example\r\nDate: x\r\n\r\nx\r\n", "From" },
		{ "two mailboxes", "From: a@none.example, b@none.example\r\nDate: x\r\n\r\nx\r\n", "mailbox" },
		{ "group", "From: g: a@none.example;\r\nDate: x\r\n\r\nx\r\n", "mailbox" },
		{ "no mailbox", "From: nobody\r\nDate: x\r\n\r\nx\r\n", "mailbox" },
		{ "no Date", "From: a@none.example\r\n\r\nx\r\n", "Date" },
		{ "two Dates", "From: a@none.example\r\nDate: x\r\nDate: x\r\n\r\nx\r\n", "Date" },
		{ "two Subjects", "From: a@none.example\r\nDate: x\r\nsubject: x\r\nSubject: x\r\n\r\nx\r\n", "ubject" },
		{ "bare LF", "From: a@none.example\r\nDate: x\r\n\r\nx\ny\r\n", "bare" },
		{ "bare CR", "From: a@none.example\r\nDate: x\r\n\r\nx\ry\r\n", "bare" },
		{ "CR at the end", "From: a@none.example\r\nDate: x\r\n\r\nx\r", "bare" },
		{ "two CR", "From: a@none.example\r\nDate: x\r\n\r\nx\r\r\n", "bare" },
		{ "no empty line", "From: a@none.example\r\nDate: x\r\nno field\r\n", "no field" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span text = test_exact(span_of(rows[i].text));
		struct proof proof;

		prove_bytes(text, world.list_keys, &proof);
		if (proof.valid_message != (rows[i].why == NULL) || proof.holds != (rows[i].why == NULL) || (rows[i].why != NULL && strstr(proof.reason, rows[i].why) == NULL))
			fail_msg("%s: %s", rows[i].name, proof.reason);
		free((void *)(uintptr_t)text.ptr);
	}
}

/* Lengths of lines and kinds of octets are seen whichever way the copy is cut into slices. */
static void test_slices(void **state)
{
	static const struct { size_t body_line; bool has_8bit; const char *end; } rows[] = {
		{ 998, false, "\r\n" }, { 999, false, "\r\n" }, { 998, true, "\r\n" }, { 998, false, "" }, { 999, false, "" }, { 40, false, "\r\n\r\n\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *line = arena_alloc(world.arena, rows[i].body_line + 1);
		struct span text;

		memset(line, 'x', rows[i].body_line);
		line[0] = rows[i].has_8bit ? '\xc3' : 'x';
		text = span_of(arena_printf(world.arena, "From: a@none.example\r\nDate: x\r\n\r\n%s%s", line, rows[i].end));
		for (size_t cut = text.len - 60; cut <= text.len; cut++) {
			struct iovec slices[2] = { { (char *)(uintptr_t)text.ptr, cut }, { (char *)(uintptr_t)text.ptr + cut, text.len - cut } };
			struct rendering rendering = { .slices = slices, .count = 2, .total_bytes = text.len };
			struct proof proof;

			prove(world.arena, world.dns, world.list_keys, &world.clock, &world.list, &rendering, &proof);
			assert_int_equal(proof.longest_line_bytes, rows[i].body_line);
			assert_int_equal(proof.valid_message, rows[i].body_line <= 998);
			assert_int_equal(proof.needs_8bit, rows[i].has_8bit);
			assert_false(proof.needs_utf8);
		}
	}
}

/* Whose task signing is, and whether the world has the key yet. */
static void test_assumptions(void **state)
{
	struct world was = world;
	struct span text = list_sign(post_text(&world, "birds@lists.example.org"));
	struct proof proof;
	struct resolver *published;

	(void)state;
	prove_bytes(text, world.list_keys, &proof);
	assert_true(proof.holds && strstr(proof.assumes, "not published") != NULL);
	prove_bytes(text, NULL, &proof);
	assert_false(proof.holds);
	published = keyring_resolver(&world.list_ring);
	world.dns = published;
	prove_bytes(text, NULL, &proof);
	assert_true(proof.holds && proof.assumes == NULL);
	world.dns = was.dns;
	resolver_free(published);

	world.list.signs = false;
	prove_bytes(post_text(&world, "birds@lists.example.org"), NULL, &proof);
	assert_true(proof.holds && strstr(proof.assumes, "MTA signs") != NULL);
	prove_bytes(post_text(&world, "ann@reject.example"), NULL, &proof);
	assert_false(proof.holds);
	world.list = was.list;
}

/* 8-bit octets in the header need SMTPUTF8 where they came with it. An author's signature over an address of such is not counted on; ours is. */
static void test_8bit_header(void **state)
{
	struct proof proof;

	(void)state;
	prove_bytes(post_sign(&world, post_text(&world, "\xc3\x89 <ann@reject.example>"), "reject.example", POST_NAMES, -1), world.list_keys, &proof);
	assert_true(proof.holds && !proof.needs_utf8 && proof.needs_8bit);
	prove_bytes(post_sign(&world, post_text(&world, "<\xc3\x89@reject.example>"), "reject.example", POST_NAMES, -1), world.list_keys, &proof);
	assert_true(!proof.holds && !proof.needs_utf8 && proof.needs_8bit);
	world.list.smtputf8 = true;
	prove_bytes(post_sign(&world, post_text(&world, "\xc3\x89 <ann@reject.example>"), "reject.example", POST_NAMES, -1), world.list_keys, &proof);
	assert_true(proof.holds && proof.needs_utf8 && proof.needs_8bit);
	prove_bytes(post_sign(&world, post_text(&world, "<\xc3\x89@reject.example>"), "reject.example", POST_NAMES, -1), world.list_keys, &proof);
	assert_true(!proof.holds && proof.needs_utf8);
	prove_bytes(list_sign(post_text(&world, "\xc3\x89 <birds@lists.example.org>")), world.list_keys, &proof);
	assert_true(proof.holds && proof.needs_utf8);
	world.list.smtputf8 = false;
}

static struct span sealed(const struct post *post)
{
	struct form form;
	struct rendering rendering;
	struct fail why;
	const struct strategy *reseal = strategy_find(SPAN_LIT("reseal"));

	assert_int_equal(reseal->propose(&post->in, &form, &why), 0);
	assert_int_equal(sign_form(&form, &world.list_ring, "lists.example.org", &world.clock, NULL, &why), 0);
	if (reseal->finish(&post->in, &form, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(form_render(&form, world.arena, &rendering, &why), 0);
	return rendering_bytes(world.arena, &rendering);
}

static void test_seal(void **state)
{
	struct post post;
	struct proof proof;
	struct span text;
	char *changed;

	(void)state;
	post_read(&world, post_sign(&world, post_text(&world, "ann@reject.example"), "reject.example", POST_NAMES, -1), &post);
	post_list_fields(&post);
	post_tag(&post);
	text = sealed(&post);
	prove_bytes(text, world.list_keys, &proof);
	assert_true(!proof.holds && proof.valid_message && proof.sealed && proof.arc_ok);
	assert_true(span_find(text, SPAN_LIT("dkim=pass")) < text.len);
	/* its own subject is what the seal covers */
	changed = arena_text(world.arena, text);
	strstr(changed, "[birds]")[1] = 'B';
	prove_bytes(span_of(changed), world.list_keys, &proof);
	assert_true(!proof.holds && proof.sealed && !proof.arc_ok);
	/* taken in by the list once more: the chain grows */
	world_done(&world);
	world_init(&world);
	post_read(&world, post_sign(&world, post_text(&world, "ann@reject.example"), "reject.example", POST_NAMES, -1), &post);
	text = sealed(&post);
	resolver_free(world.dns);
	world.dns = keyring_resolver(&world.list_ring);
	post_read(&world, text, &post);
	assert_int_equal(post.facts.arc.result, AUTH_PASS);
	prove_bytes(sealed(&post), world.list_keys, &proof);
	assert_true(proof.sealed && proof.arc_ok);
}

/* A chain that was broken before it came here is no fault of the copy, but nothing to build on. */
static void test_broken_chain(void **state)
{
	struct span text = post_crlf(world.arena, "ARC-Seal: i=1; a=rsa-sha256; d=other.example; s=s; cv=none; b=AAAA\nARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed;\n"
		" d=other.example; s=s; h=From; bh=AAAA; b=AAAA\nARC-Authentication-Results: i=1; other.example; dkim=pass\nFrom: a@none.example\nDate: x\n\nx\n");
	struct post post;
	struct proof proof;
	const char *reason = NULL;
	struct form form;
	struct fail why;

	(void)state;
	prove_bytes(text, world.list_keys, &proof);
	assert_true(proof.holds && proof.arc_ok && !proof.sealed);
	post_read(&world, text, &post);
	assert_int_equal(post.facts.arc.result, AUTH_FAIL);
	assert_false(strategy_find(SPAN_LIT("reseal"))->suits(&post.in, &post_arc, false, &reason));
	assert_non_null(reason);
	form_copy(&form, &post.shaped);
	assert_int_equal(strategy_find(SPAN_LIT("reseal"))->finish(&post.in, &form, &why), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judgements), cmocka_unit_test(test_changed), cmocka_unit_test(test_valid), cmocka_unit_test(test_slices),
		cmocka_unit_test(test_assumptions), cmocka_unit_test(test_8bit_header), cmocka_unit_test(test_broken_chain), cmocka_unit_test(test_seal),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
