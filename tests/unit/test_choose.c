/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/post.h"
#include "tests/unit/tsv.h"

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

enum { FIELDS = 1, TAG = 2, FOOTER = 4, ALL = 7, ALWAYS = 8, SUBMITTED = 16, VOUCHED = 32, NO_KEY = 64, MTA_SIGNS = 128, SMTPUTF8 = 512 };

struct choose_row {
	const char *name;
	const char *from, *signer, *names; /* signer NULL: not signed; names NULL: the usual */
	unsigned flags;
	const char *fixed, *rules;
	const struct receiver *receiver;
	const char *want; /* a strategy, "refused", or "-" for no form */
};

#define EXIM POST_NAMES ":List-Id:List-Post:List-Unsubscribe:List-Unsubscribe-Post:Precedence:Reply-To:Sender"

static const struct choose_row rows[] = {
	/* auto */
	{ "p=none: nothing to do", "ann@none.example", NULL, NULL, ALL, NULL, "", &post_strict, "none" },
	{ "no record: nothing to do", "ann@absent.example", NULL, NULL, ALL, NULL, "", &post_strict, "none" },
	{ "strict, lenient receiver", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", &post_lenient, "none" },
	{ "strict, whole signature", "ann@reject.example", "reject.example", NULL, FIELDS, NULL, "", &post_strict, "none" },
	{ "strict, tag breaks it", "ann@reject.example", "reject.example", NULL, FIELDS | TAG, NULL, "", &post_strict, "passthrough" },
	{ "strict, footer breaks it", "ann@reject.example", "reject.example", NULL, FIELDS | FOOTER, NULL, "", &post_strict, "passthrough" },
	{ "strict, tag not signed", "ann@reject.example", "reject.example", "From:Date:To", FIELDS | TAG, NULL, "", &post_strict, "none" },
	{ "strict, list fields oversigned", "ann@reject.example", "reject.example", EXIM, FIELDS, NULL, "", &post_strict, "passthrough" },
	{ "strict, decorations wanted always", "ann@reject.example", "reject.example", NULL, ALL | ALWAYS, NULL, "", &post_strict, "rewrite" },
	{ "strict, decorations wanted always, none here", "ann@reject.example", "reject.example", EXIM, FIELDS | ALWAYS, NULL, "", &post_strict, "passthrough" },
	{ "quarantine", "ann@quarantine.example", "quarantine.example", NULL, ALL, NULL, "", &post_strict, "passthrough" },
	{ "authentic, but not by signature", "ann@reject.example", NULL, NULL, ALL | SUBMITTED, NULL, "", &post_strict, "rewrite" },
	{ "ARC is honoured, but there is only a login to tell of", "ann@reject.example", NULL, NULL, ALL | SUBMITTED, NULL, "", &post_arc, "rewrite" },
	{ "ARC is honoured", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", &post_arc, "reseal" },
	{ "ARC is honoured, not needed", "ann@reject.example", "reject.example", NULL, FIELDS, NULL, "", &post_arc, "none" },
	{ "allowlisted", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", &post_friend, "allowlist" },
	{ "subdomain signature, relaxed", "ann@reject.example", "mail.reject.example", NULL, ALL, NULL, "", &post_strict, "passthrough" },
	{ "strict alignment, own name", "ann@strict-alignment.example", "strict-alignment.example", NULL, ALL, NULL, "", &post_strict, "passthrough" },
	{ "l= and a footer below it", "ann@reject.example", "reject.example", NULL, FIELDS | FOOTER | 256, NULL, "", &post_strict, "none" },
	{ "author of the list's own organization", "ann@example.org", "example.org", NULL, ALL, NULL, "", &post_strict, "none" },
	{ "the same, where the MTA signs", "ann@example.org", "example.org", NULL, ALL | MTA_SIGNS, NULL, "", &post_strict, "none" },
	{ "policy cannot be learnt, whole signature", "ann@trouble.example", "trouble.example", NULL, ALL, NULL, "", &post_strict, "passthrough" },
	{ "policy cannot be learnt, authentic otherwise", "ann@trouble.example", NULL, NULL, ALL | SUBMITTED, NULL, "", &post_strict, "rewrite" },
	{ "two authors: no copy has two", "ann@none.example, bob@absent.example", "none.example", NULL, ALL, NULL, "", &post_strict, "rewrite" },
	{ "two authors, lenient receiver", "ann@none.example, bob@absent.example", "none.example", NULL, ALL, NULL, "", &post_lenient, "rewrite" },
	{ "two authors, one's record failed", "ann@none.example, bob@absent.example", NULL, NULL, ALL, NULL, "", &post_strict, "wrap" },
	{ "two authors, neither has a record", "ann@absent.example, bob@absent.example", NULL, NULL, ALL, NULL, "", &post_strict, "rewrite" },
	{ "a group", "Team: ann@absent.example;", "absent.example", NULL, ALL, NULL, "", &post_strict, "rewrite" },
	{ "a group, no record", "Team: ann@absent.example;", NULL, NULL, ALL, NULL, "", &post_strict, "rewrite" },
	{ "an address without a domain", "\"Big Bank\" <ann@[192.0.2.1]>", NULL, NULL, ALL, NULL, "", &post_strict, "wrap" },
	{ "8-bit header that needs SMTPUTF8", "\xc3\x89 <ann@reject.example>", "reject.example", NULL, FIELDS | SMTPUTF8, NULL, "", &post_strict, "none" },
	{ "author in UTF-8", "\xc3\x89@reject.example", "reject.example", NULL, FIELDS | SMTPUTF8, NULL, "", &post_strict, "rewrite" },
	{ "8-bit header that has come without", "\xc3\x89 <ann@reject.example>", "reject.example", NULL, FIELDS, NULL, "", &post_strict, "none" },
	{ "8-bit header, kept by passthrough", "\xc3\x89 <ann@reject.example>", "reject.example", NULL, ALL, NULL, "", &post_strict, "passthrough" },
	{ "8-bit header that needs SMTPUTF8, mild", "\xc3\x89 <ann@none.example>", "none.example", NULL, ALL | SMTPUTF8, NULL, "", &post_lenient, "none" },
	{ "no key", "ann@none.example", NULL, NULL, ALL | NO_KEY, NULL, "", &post_strict, "-" },
	{ "no key, but the MTA signs", "ann@reject.example", NULL, NULL, ALL | NO_KEY | MTA_SIGNS | SUBMITTED, NULL, "", &post_strict, "rewrite" },
	/* not the author's */
	{ "forged", "ann@reject.example", NULL, NULL, ALL, NULL, "", &post_strict, "-" },
	{ "forged, lenient receiver", "ann@reject.example", NULL, NULL, ALL, NULL, "", &post_lenient, "-" },
	{ "forged, rewriting fixed", "ann@reject.example", NULL, NULL, ALL, "rewrite", "", &post_strict, "-" },
	{ "forged, rule to rewrite", "ann@reject.example", NULL, NULL, ALL, NULL, "rewrite", &post_strict, "-" },
	{ "forged, signed by another", "ann@reject.example", "esp.example", NULL, ALL, NULL, "", &post_strict, "-" },
	{ "forged, strict alignment", "ann@strict-alignment.example", "mail.strict-alignment.example", NULL, ALL, NULL, "", &post_strict, "-" },
	{ "forged and vouched for", "ann@reject.example", NULL, NULL, ALL | VOUCHED, NULL, "", &post_strict, "wrap" },
	{ "forged and vouched for, rewriting fixed", "ann@reject.example", NULL, NULL, ALL | VOUCHED, "rewrite", "", &post_strict, "wrap" },
	{ "forged, exempt", "ann@reject.example", NULL, NULL, ALL, "rewrite", "exempt from reject.example", &post_strict, "none" },
	/* rules */
	{ "exempt", "ann@reject.example", "reject.example", NULL, ALL, NULL, "exempt from .reject.example; exempt from reject.example", &post_strict, "none" },
	{ "forced", "ann@none.example", "none.example", NULL, ALL, NULL, "force from none.example", &post_strict, "passthrough" },
	{ "forced, whole signature", "ann@none.example", "none.example", NULL, FIELDS, NULL, "force from none.example", &post_strict, "none" },
	{ "forced, no record, not signed", "ann@absent.example", NULL, NULL, ALL, NULL, "force", &post_strict, "rewrite" },
	{ "forced, but it fails the record", "ann@none.example", NULL, NULL, ALL, NULL, "force", &post_strict, "none" },
	{ "forced, submitted here", "ann@none.example", NULL, NULL, ALL | SUBMITTED, NULL, "force", &post_strict, "rewrite" },
	{ "gmail.com is forced by default", "ann@gmail.com", "gmail.com", NULL, ALL, NULL, "", &post_strict, "passthrough" },
	{ "gmail.com, decorated always", "ann@gmail.com", "gmail.com", NULL, ALL | ALWAYS, NULL, "", &post_strict, "rewrite" },
	{ "gmail.com, exempt on this list", "ann@gmail.com", "gmail.com", NULL, ALL, NULL, "exempt from gmail.com", &post_strict, "none" },
	{ "rule names a strategy", "ann@none.example", "none.example", NULL, ALL, NULL, "rewrite from none.example", &post_strict, "rewrite" },
	{ "rule names a strategy, but it fails the record", "ann@none.example", NULL, NULL, ALL, NULL, "rewrite from none.example", &post_strict, "none" },
	{ "rule names a strategy, no record", "ann@absent.example", NULL, NULL, ALL, NULL, "rewrite", &post_strict, "rewrite" },
	{ "rule for another receiver", "ann@none.example", NULL, NULL, ALL, NULL, "rewrite to google", &post_strict, "none" },
	{ "rule for this receiver", "ann@none.example", NULL, NULL, ALL, NULL, "wrap to strict", &post_strict, "wrap" },
	{ "first rule decides", "ann@none.example", NULL, NULL, ALL, NULL, "none from ann@none.example; wrap", &post_strict, "none" },
	{ "rule to refuse, though it fails the record", "ann@none.example", NULL, NULL, ALL, NULL, "refuse", &post_strict, "refused" },
	{ "rule to refuse", "ann@none.example", NULL, NULL, ALL, NULL, "refuse from none.example", &post_strict, "refused" },
	/* fixed for the list */
	{ "none fixed, proof fails", "ann@reject.example", "reject.example", NULL, ALL, "none", "", &post_strict, "passthrough" },
	{ "none fixed, lenient receiver", "ann@reject.example", "reject.example", NULL, ALL, "none", "", &post_lenient, "none" },
	{ "reseal fixed", "ann@reject.example", "reject.example", NULL, ALL, "reseal", "", &post_strict, "reseal" },
	{ "allowlist fixed", "ann@reject.example", "reject.example", NULL, ALL, "allowlist", "", &post_strict, "allowlist" },
	{ "passthrough fixed", "ann@reject.example", "reject.example", NULL, ALL, "passthrough", "", &post_strict, "passthrough" },
	{ "passthrough fixed, p=none", "ann@none.example", NULL, NULL, ALL, "passthrough", "", &post_strict, "passthrough" },
	{ "rewrite fixed", "ann@reject.example", "reject.example", NULL, FIELDS, "rewrite", "", &post_strict, "rewrite" },
	{ "rewrite fixed, p=none", "ann@none.example", NULL, NULL, ALL, "rewrite", "", &post_strict, "none" },
	{ "rewrite fixed and forced", "ann@none.example", "none.example", NULL, ALL, "rewrite", "force", &post_strict, "rewrite" },
	{ "wrap fixed", "ann@reject.example", "reject.example", NULL, ALL, "wrap", "", &post_strict, "wrap" },
	{ "refuse fixed", "ann@reject.example", "reject.example", NULL, ALL, "refuse", "", &post_strict, "refused" },
	{ "refuse fixed, p=none", "ann@none.example", NULL, NULL, ALL, "refuse", "", &post_strict, "none" },
	{ "rule before fixed", "ann@reject.example", "reject.example", NULL, ALL, "refuse", "wrap from reject.example", &post_strict, "wrap" },
	{ "passthrough fixed, cannot be made", "\xc3\x89@reject.example", "reject.example", NULL, FIELDS | SMTPUTF8, "passthrough", "", &post_strict, "rewrite" },
};

/* As experience has made them: strategies[1] is allowlist, [3] passthrough. */
static const struct receiver refusing_friend = { .name = "friend", .enforces = true, .refuses = 1u << 1, .allowlists_us = true, .source = "learnt" };
static const struct receiver refusing_strict = { .name = "strict", .enforces = true, .refuses = 1u << 3, .source = "learnt" };
static const struct strategy *at_least;
static const struct rules *site_rules;

static void shape(struct post *post, unsigned flags)
{
	if ((flags & FIELDS) != 0)
		post_list_fields(post);
	if ((flags & TAG) != 0)
		post_tag(post);
	if ((flags & FOOTER) != 0)
		post_footer(post);
}

static void read_row(const struct choose_row *row, struct post *post)
{
	struct span text = post_text(&world, row->from);

	world.session = (struct session){ .client_ip = NULL };
	if ((row->flags & SUBMITTED) != 0)
		world.session = (struct session){ .client_ip = "192.0.2.9", .mail_from = row->from, .auth_user = row->from, .is_submission = true };
	world.list.decorate = (row->flags & ALWAYS) != 0 ? DECORATE_ALWAYS : DECORATE_WHEN_POSSIBLE;
	world.list.signs = (row->flags & MTA_SIGNS) == 0;
	world.list.smtputf8 = (row->flags & SMTPUTF8) != 0;
	if (row->signer != NULL)
		text = post_sign(&world, text, row->signer, row->names == NULL ? POST_NAMES : row->names, (row->flags & 256) != 0 ? 20 : -1);
	post_read(&world, text, post);
	shape(post, row->flags);
}

static const struct strategy *fixed_of(const struct choose_row *row)
{
	return row->fixed == NULL ? NULL : strategy_find(span_of(row->fixed));
}

static void check_row(const struct choose_row *row)
{
	static const struct keyring empty = { NULL, 0 };
	struct post post;
	struct rules rules;
	struct chooser chooser;
	struct choice choice;
	struct fail why;
	const char *got;

	read_row(row, &post);
	if ((row->flags & NO_KEY) != 0)
		post.in.keyring = &empty;
	if (rules_parse(world.arena, span_of(row->rules), &rules, &why) != 0)
		fail_msg("%s: %s", row->name, why.text);
	chooser_init(&chooser, &post.in, &rules, fixed_of(row), world.list_keys);
	chooser.vouched = (row->flags & VOUCHED) != 0;
	chooser.at_least = at_least;
	chooser.site = site_rules;
	choose(&chooser, row->receiver, "rcpt.example", &choice);
	got = choice.refused ? "refused" : choice.form == NULL ? "-" : choice.form->strategy->name;
	if (strcmp(got, row->want) != 0) {
		for (size_t i = 0; i < choice.attempt_count; i++)
			print_error("  %s: %s\n", choice.attempts[i].strategy->name, choice.attempts[i].reason);
		fail_msg("%s: %s, not %s: %s", row->name, got, row->want, choice.reason);
	}
	assert_true(strlen(choice.reason) > 0);
	for (size_t i = 0; i < choice.attempt_count; i++)
		assert_true(choice.attempts[i].reason != NULL && strlen(choice.attempts[i].reason) > 0);
	if (choice.form == NULL)
		return;
	assert_true(choice.form->made && choice.form->proof.valid_message);
	/* the last attempt is the one that was taken, and no other was */
	for (size_t i = 0; i < choice.attempt_count; i++)
		assert_int_equal(choice.attempts[i].taken, i + 1 == choice.attempt_count);
}

static void test_rows(void **state)
{
	struct world was = world;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
	world.list = was.list;
	world.session = was.session;
}

/* Several classes share forms, and a run repeats to the byte. */
static void test_forms_are_made_once(void **state)
{
	static const struct choose_row row = { "", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", NULL, "" };
	struct post post;
	struct chooser chooser, again;
	struct choice one, two, three;

	(void)state;
	read_row(&row, &post);
	chooser_init(&chooser, &post.in, NULL, NULL, world.list_keys);
	choose(&chooser, &post_strict, NULL, &one);
	choose(&chooser, &post_strict, NULL, &two);
	choose(&chooser, &post_lenient, NULL, &three);
	assert_ptr_equal(one.form, two.form);
	assert_ptr_not_equal(one.form, three.form);
	for (size_t i = 0; i < strategy_count; i++) {
		const struct made_form *first = chooser_form(&chooser, strategies[i]), *second;

		chooser_init(&again, &post.in, NULL, NULL, world.list_keys);
		second = chooser_form(&again, strategies[i]);
		assert_int_equal(first->made, strategies[i]->propose != NULL);
		assert_int_equal(second->made, first->made);
		if (first->made)
			assert_true(span_eq(rendering_bytes(world.arena, &first->rendering), rendering_bytes(world.arena, &second->rendering)));
		else
			assert_non_null(first->failure);
	}
}

/* What was refused before is not taken again, by whatever it was chosen; nothing is laundered for it. */
static void test_stronger(void **state)
{
	static const struct { struct choose_row row; const char *at_least; } stronger[] = {
		{ { "none, then rewrite", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", &post_lenient, "rewrite" }, "rewrite" },
		{ { "whole signature, then rewrite", "ann@reject.example", "reject.example", NULL, FIELDS, NULL, "", &post_strict, "rewrite" }, "rewrite" },
		{ { "rewrite, then wrap", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", &post_strict, "wrap" }, "wrap" },
		{ { "passthrough is enough", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", &post_arc, "passthrough" }, "passthrough" },
		{ { "p=none, then rewrite", "ann@none.example", "none.example", NULL, ALL, NULL, "", &post_strict, "rewrite" }, "rewrite" },
		{ { "fails its record: wrapped only", "ann@none.example", NULL, NULL, ALL, NULL, "", &post_strict, "wrap" }, "rewrite" },
		{ { "exempt", "ann@reject.example", "reject.example", NULL, ALL, NULL, "exempt", &post_strict, "rewrite" }, "rewrite" },
		{ { "rule for none", "ann@reject.example", "reject.example", NULL, ALL, NULL, "none", &post_lenient, "rewrite" }, "rewrite" },
		{ { "reseal fixed", "ann@reject.example", "reject.example", NULL, ALL, "reseal", "", &post_arc, "rewrite" }, "rewrite" },
		{ { "wrap fixed", "ann@reject.example", "reject.example", NULL, ALL, "wrap", "", &post_strict, "wrap" }, "rewrite" },
		{ { "forged", "ann@reject.example", NULL, NULL, ALL, NULL, "", &post_strict, "-" }, "rewrite" },
		{ { "forged, exempt", "ann@reject.example", NULL, NULL, ALL, NULL, "exempt", &post_strict, "-" }, "rewrite" },
		{ { "forged, exempt and vouched for", "ann@reject.example", NULL, NULL, ALL | VOUCHED, NULL, "exempt", &post_strict, "wrap" }, "rewrite" },
		/* of the receiver's experience */
		{ { "allowlisted, known to refuse", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", &refusing_friend, "passthrough" }, NULL },
		{ { "allowlist fixed, known to refuse", "ann@reject.example", "reject.example", NULL, ALL, "allowlist", "", &refusing_friend, "passthrough" }, NULL },
		{ { "passthrough refused", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", &refusing_strict, "rewrite" }, NULL },
		{ { "passthrough refused, p=none", "ann@none.example", "none.example", NULL, ALL, "passthrough", "", &refusing_strict, "passthrough" }, NULL },
		{ { "passthrough refused, exempt", "ann@reject.example", "reject.example", NULL, ALL, NULL, "passthrough; exempt", &refusing_strict, "rewrite" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stronger) / sizeof(stronger[0]); i++) {
		at_least = stronger[i].at_least == NULL ? NULL : strategy_find(span_of(stronger[i].at_least));
		check_row(&stronger[i].row);
	}
	at_least = NULL;
}

/* The site's rules come after the list's and before those for all; they keep nobody from a post that was let in. */
static void test_site_rules(void **state)
{
	static const struct { struct choose_row row; const char *site; } ruled[] = {
		{ { "forced by experience", "ann@none.example", "none.example", NULL, ALL, NULL, "", &post_strict, "passthrough" }, "force from none.example" },
		{ { "forced elsewhere", "ann@none.example", "none.example", NULL, ALL, NULL, "", &post_strict, "none" }, "force from none.example to google" },
		{ { "forced for the domain", "ann@none.example", "none.example", NULL, ALL, NULL, "", &post_strict, "passthrough" }, "force from none.example to @rcpt.example" },
		{ { "the list exempts", "ann@none.example", "none.example", NULL, ALL, NULL, "exempt", &post_strict, "none" }, "force from none.example" },
		{ { "the site exempts", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", &post_strict, "none" }, "exempt from reject.example" },
		{ { "gmail.com, exempt at the site", "ann@gmail.com", "gmail.com", NULL, ALL, NULL, "", &post_strict, "none" }, "exempt from gmail.com" },
		{ { "fails its record: not forced", "ann@none.example", NULL, NULL, ALL, NULL, "", &post_strict, "none" }, "force from none.example" },
		{ { "refuse fixed", "ann@none.example", "none.example", NULL, ALL, "refuse", "", &post_strict, "passthrough" }, "force from none.example" },
	};
	struct rules rules;

	(void)state;
	for (size_t i = 0; i < sizeof(ruled) / sizeof(ruled[0]); i++) {
		assert_int_equal(rules_parse(world.arena, span_of(ruled[i].site), &rules, NULL), 0);
		site_rules = &rules;
		check_row(&ruled[i].row);
	}
	site_rules = NULL;
}

/* A hash of the body that the caller has is used where the body stays, and only there. */
static void test_body_hash(void **state)
{
	static const struct choose_row row = { "", "ann@reject.example", "reject.example", NULL, ALL, NULL, "", NULL, "" };
	uint8_t hash[32];
	struct post post;
	struct chooser chooser;

	(void)state;
	read_row(&row, &post);
	canon_body_sha256(post.message.body, post.message.body_count, CANON_RELAXED, UINT64_MAX, hash, NULL);
	post.in.own_body_hash = hash;
	chooser_init(&chooser, &post.in, NULL, NULL, world.list_keys);
	for (size_t i = 0; i < strategy_count; i++)
		if (strategies[i]->propose != NULL && !chooser_form(&chooser, strategies[i])->proof.list_signature_ok)
			fail_msg("%s: %s", strategies[i]->name, chooser_form(&chooser, strategies[i])->proof.reason);
	hash[0] ^= 1;
	chooser_init(&chooser, &post.in, NULL, NULL, world.list_keys);
	assert_false(chooser_form(&chooser, strategy_find(SPAN_LIT("passthrough")))->proof.list_signature_ok);
	assert_true(chooser_form(&chooser, strategy_find(SPAN_LIT("none")))->proof.list_signature_ok);
}

/* tests/data/from/decision.tsv: does the list have to act on the author? The post is whole but for its signature, so acting is rewriting. */

static void add_zone_part(struct resolver *zone, struct span part)
{
	size_t equals = span_find_byte(part, '='), blank = span_find_byte(part, ' ');
	struct fail why = { .text = "" };
	const char *line;

	if (equals < blank)
		line = arena_printf(world.arena, "%.*s. TXT \"%.*s\"", (int)equals, part.ptr, (int)(part.len - equals - 1), part.ptr + equals + 1);
	else if (span_find(part, SPAN_LIT("TIMEOUT")) < part.len || span_find(part, SPAN_LIT("SERVFAIL")) < part.len)
		line = arena_printf(world.arena, "%.*s. ! %.*s", (int)blank, part.ptr, (int)(part.len - blank - 1), part.ptr + blank + 1);
	else
		line = arena_printf(world.arena, "%.*s. %.*s.", (int)blank, part.ptr, (int)(part.len - blank - 1), part.ptr + blank + 1);
	if (resolver_zone_add(zone, span_of(line), &why) != 0)
		fail_msg("%s: %s", line, why.text);
}

static bool acts(struct span from, struct span zone_text)
{
	struct resolver *zone = resolver_zone_new(), *was = world.dns;
	struct post post;
	struct chooser chooser;
	struct choice choice;

	while (zone_text.len > 0) {
		size_t bar = span_find(zone_text, SPAN_LIT(" | "));

		add_zone_part(zone, span_trim(span_sub(zone_text, 0, bar)));
		zone_text = span_sub(zone_text, bar + 3, zone_text.len);
	}
	world.dns = zone;
	world.session = (struct session){ .client_ip = "192.0.2.9", .mail_from = arena_text(world.arena, from), .auth_user = "ann", .is_submission = true };
	post_read(&world, post_text(&world, arena_text(world.arena, from)), &post);
	post.facts.forged = NULL;
	post.facts.authentic = true; /* by whatever: the decision is about the policy */
	chooser_init(&chooser, &post.in, NULL, NULL, world.list_keys);
	choose(&chooser, &post_strict, NULL, &choice);
	assert_non_null(choice.form);
	world.dns = was;
	world.session = (struct session){ .client_ip = NULL };
	resolver_free(zone);
	return !choice.form->strategy->keeps_author_from;
}

static void test_decisions(void **state)
{
	struct span rest = test_read(world.arena, "from/decision.tsv"), cells[TSV_CELLS_MAX];
	size_t checked = 0;

	(void)state;
	while (tsv_next(&rest, cells)) {
		/* about a list with mitigation switched off, which is "none fixed" above */
		if (span_eq_text(cells[4], "any") || span_eq_text(cells[0], "own-action-none"))
			continue;
		if (acts(cells[2], cells[3]) != span_eq_text(cells[4], "yes"))
			fail_msg("%.*s", (int)cells[0].len, cells[0].ptr);
		checked++;
	}
	assert_true(checked >= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_stronger), cmocka_unit_test(test_site_rules), cmocka_unit_test(test_forms_are_made_once), cmocka_unit_test(test_body_hash), cmocka_unit_test(test_decisions),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
