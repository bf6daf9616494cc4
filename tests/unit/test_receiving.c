/* SPDX-License-Identifier: BSD-2-Clause */
/* receiving: what sites of several kinds do with messages whose facts are known. */
#include "tests/unit/post.h"

#include "mitigations/receiving.h"

static struct world world;

static const char *const more_records[] = {
	"_dmarc.testing.example. TXT \"v=DMARC1; p=reject; t=y\"",
	"_dmarc.sampled.example. TXT \"v=DMARC1; p=reject; pct=30\"",
	"_dmarc.sampled-quarantine.example. TXT \"v=DMARC1; p=quarantine; pct=0\"",
	"_dmarc.twice.example. TXT \"v=DMARC1; p=none; p=reject\"",
	"_dmarc.b.deep.example. TXT \"v=DMARC1; p=reject\"",
	"lists.example.org. TXT \"v=spf1 ip4:192.0.2.25 -all\"",
	"reject.example. TXT \"v=spf1 ip4:192.0.2.26 -all\"",
};

static int set_up(void **state)
{
	struct fail why;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < sizeof(more_records) / sizeof(more_records[0]); i++)
		if (resolver_zone_add(world.dns, span_of(more_records[i]), &why) != 0)
			fail_msg("%s", why.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	world_done(&world);
	return 0;
}

#define RULES(reject, quarantine) .on_reject = RECEIVING_##reject, .on_quarantine = RECEIVING_##quarantine
static const struct receiving_known lists[] = {
	{ .name = "by network", .network = "192.0.2.25/32" },
	{ .name = "by signature", .dkim_domain = "Esp.example", .list_id = "*.esp.example" },
	{ .name = "by nothing", .list_id = "*" },
};
static const char *const sealers[] = { "lists.example.org", NULL };
static const struct receiving_policy strict = { .name = "strict", .reading = RECEIVING_STRICTER, RULES(REFUSE, JUNK), .on_temporary = RECEIVING_REFUSE };
static const struct receiving_policy by9989 = { .name = "9989", .reading = RECEIVING_RFC9989, RULES(REFUSE, JUNK), .on_temporary = RECEIVING_ACCEPT, .obeys_t = true };
static const struct receiving_policy by7489 = { .name = "7489", .reading = RECEIVING_RFC7489, RULES(REFUSE, JUNK), .on_temporary = RECEIVING_JUNK, .obeys_pct = true };
static const struct receiving_policy oreject = { .name = "oreject", .reading = RECEIVING_STRICTER, RULES(JUNK, JUNK) };
static const struct receiving_policy marking = { .name = "marking", .reading = RECEIVING_STRICTER, RULES(MARK, MARK) };
static const struct receiving_policy blind = { .name = "blind", .reading = RECEIVING_NONE, RULES(REFUSE, REFUSE), .on_temporary = RECEIVING_REFUSE };
static const struct receiving_policy lenient = { .name = "lenient", .reading = RECEIVING_STRICTER, RULES(REFUSE, ACCEPT), .known = lists, .known_count = 3 };
static const struct receiving_policy trusting = { .name = "trusting", .reading = RECEIVING_STRICTER, RULES(REFUSE, JUNK), .trusted_sealers = sealers };

static void decide(const struct receiving_policy *policy, struct span text, const char *client_ip, const char *mail_from, unsigned sample, struct receiving_verdict *verdict_r)
{
	struct resolver *dns = resolver_overlay(world.list_keys, world.dns);
	const struct facts_options options = { .trusted_sealers = policy->trusted_sealers, .receiver_name = "mx.receiver.example" };
	const struct session session = { .client_ip = client_ip, .helo = "mail.example", .mail_from = mail_from };
	struct message *m = arena_alloc(world.arena, sizeof(*m));
	struct facts *facts = arena_alloc(world.arena, sizeof(*facts));
	struct fail why;

	assert_int_equal(message_parse(world.arena, text, m, &why), 0);
	facts_gather(world.arena, dns, &world.clock, m, &session, &options, facts);
	receiving_decide(world.arena, policy, m, facts, sample, verdict_r);
	assert_non_null(verdict_r->reason);
	assert_true(verdict_r->override_reason == NULL || verdict_r->override_by == NULL || verdict_r->action == RECEIVING_ACCEPT);
	resolver_free(dns);
}

static struct span with_field(const char *field, struct span text)
{
	return span_of(arena_printf(world.arena, "%s\r\n%.*s", field, (int)text.len, text.ptr));
}

/* Who has signed what, at which site, and what becomes of it. */
static void test_decisions(void **state)
{
	static const struct {
		const char *name;
		const struct receiving_policy *policy;
		const char *from, *signer;
		unsigned sample;
		enum receiving_action action;
		bool temporary, pass;
		enum dmarc_policy applied;
		const char *override;
	} rows[] = {
		{ "reject, signed", &strict, "ann@reject.example", "reject.example", 0, RECEIVING_ACCEPT, false, true, DMARC_P_REJECT, NULL },
		{ "reject, signed below", &strict, "ann@reject.example", "mail.reject.example", 0, RECEIVING_ACCEPT, false, true, DMARC_P_REJECT, NULL },
		{ "reject, below strict", &strict, "ann@strict-alignment.example", "mail.strict-alignment.example", 0, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
		{ "reject, unsigned", &strict, "ann@reject.example", NULL, 0, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
		{ "reject, by another", &strict, "ann@reject.example", "esp.example", 0, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
		{ "quarantine", &strict, "ann@quarantine.example", NULL, 0, RECEIVING_JUNK, false, false, DMARC_P_QUARANTINE, NULL },
		{ "none", &strict, "ann@none.example", NULL, 0, RECEIVING_ACCEPT, false, false, DMARC_P_NONE, NULL },
		{ "none, signed", &strict, "ann@none.example", "none.example", 0, RECEIVING_ACCEPT, false, true, DMARC_P_NONE, NULL },
		{ "no record", &strict, "ann@absent.example", NULL, 0, RECEIVING_ACCEPT, false, false, DMARC_ABSENT, NULL },
		{ "oreject", &oreject, "ann@reject.example", NULL, 0, RECEIVING_JUNK, false, false, DMARC_P_REJECT, NULL },
		{ "marked", &marking, "ann@reject.example", NULL, 0, RECEIVING_MARK, false, false, DMARC_P_REJECT, NULL },
		{ "lenient about quarantine", &lenient, "ann@quarantine.example", NULL, 0, RECEIVING_ACCEPT, false, false, DMARC_P_QUARANTINE, NULL },
		{ "not looked at", &blind, "ann@reject.example", NULL, 0, RECEIVING_ACCEPT, false, false, DMARC_ABSENT, NULL },
		{ "not looked at, no From", &blind, "", NULL, 0, RECEIVING_ACCEPT, false, false, DMARC_ABSENT, NULL },
		/* DNS */
		{ "policy hidden, 4xx", &strict, "ann@trouble.example", NULL, 0, RECEIVING_REFUSE, true, false, DMARC_UNKNOWN, NULL },
		{ "policy hidden, accepted", &by9989, "ann@trouble.example", NULL, 0, RECEIVING_ACCEPT, false, false, DMARC_UNKNOWN, NULL },
		{ "policy hidden, junk", &by7489, "ann@trouble.example", NULL, 0, RECEIVING_JUNK, false, false, DMARC_UNKNOWN, NULL },
		/* t= and pct= */
		{ "t=y obeyed", &by9989, "ann@testing.example", NULL, 0, RECEIVING_JUNK, false, false, DMARC_P_QUARANTINE, "policy_test_mode" },
		{ "t=y passed over", &strict, "ann@testing.example", NULL, 0, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
		{ "t=y, passes", &by9989, "ann@none.example", "none.example", 0, RECEIVING_ACCEPT, false, true, DMARC_P_NONE, NULL },
		{ "pct, in the sample", &by7489, "ann@sampled.example", NULL, 29, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
		{ "pct, beyond it", &by7489, "ann@sampled.example", NULL, 30, RECEIVING_JUNK, false, false, DMARC_P_QUARANTINE, "sampled_out" },
		{ "pct=0", &by7489, "ann@sampled-quarantine.example", NULL, 0, RECEIVING_ACCEPT, false, false, DMARC_P_NONE, "sampled_out" },
		{ "pct passed over", &strict, "ann@sampled.example", NULL, 99, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
		/* where the readings differ */
		{ "found by the walk alone, 9989", &by9989, "ann@a.b.deep.example", NULL, 0, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
		{ "found by the walk alone, 7489", &by7489, "ann@a.b.deep.example", NULL, 0, RECEIVING_ACCEPT, false, false, DMARC_ABSENT, NULL },
		{ "found by the walk alone, both", &strict, "ann@a.b.deep.example", NULL, 0, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
		{ "a tag twice, void", &by9989, "ann@twice.example", NULL, 0, RECEIVING_ACCEPT, false, false, DMARC_ABSENT, NULL },
		{ "a tag twice, taken all the same", &strict, "ann@twice.example", NULL, 0, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
		/* authors */
		{ "no From", &strict, "", NULL, 0, RECEIVING_REFUSE, false, false, DMARC_UNKNOWN, NULL },
		{ "no domain", &strict, "ann", NULL, 0, RECEIVING_REFUSE, false, false, DMARC_UNKNOWN, NULL },
		{ "no name of a domain", &strict, "ann@reject..example", NULL, 0, RECEIVING_REFUSE, false, false, DMARC_UNKNOWN, NULL },
		{ "the harder of two", &strict, "ann@quarantine.example, bob@reject.example", "quarantine.example", 0, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
		{ "one of two asks for nothing", &strict, "ann@absent.example, bob@reject.example", "reject.example", 0, RECEIVING_ACCEPT, false, true, DMARC_P_REJECT, NULL },
		{ "for good before for now", &strict, "ann@trouble.example, bob@reject.example", NULL, 0, RECEIVING_REFUSE, false, false, DMARC_P_REJECT, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span text = post_text(&world, rows[i].from);
		struct receiving_verdict v;

		if (rows[i].signer != NULL)
			text = post_sign(&world, text, rows[i].signer, POST_NAMES, -1);
		decide(rows[i].policy, text, NULL, "", rows[i].sample, &v);
		if (v.action != rows[i].action || v.temporary != rows[i].temporary || v.dmarc_pass != rows[i].pass || v.policy != rows[i].applied
			|| (v.override_reason == NULL) != (rows[i].override == NULL) || (v.override_reason != NULL && strcmp(v.override_reason, rows[i].override) != 0))
			fail_msg("%s: %s, temporary %d, pass %d, policy %s, override %s: %s", rows[i].name, receiving_action_name(v.action), v.temporary, v.dmarc_pass,
				dmarc_policy_name(v.policy), v.override_reason == NULL ? "-" : v.override_reason, v.reason);
	}
}

/* SPF carries a message as DKIM does, where it is aligned. */
static void test_spf(void **state)
{
	static const struct { const char *client_ip, *mail_from; bool pass; } rows[] = {
		{ "192.0.2.26", "ann@reject.example", true }, { "192.0.2.25", "ann@reject.example", false },
		{ "192.0.2.25", "birds-bounces@lists.example.org", false }, { NULL, "ann@reject.example", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct receiving_verdict v;

		decide(&strict, post_text(&world, "ann@reject.example"), rows[i].client_ip, rows[i].mail_from, 0, &v);
		assert_int_equal(v.dmarc_pass, rows[i].pass);
		assert_int_equal(v.action, rows[i].pass ? RECEIVING_ACCEPT : RECEIVING_REFUSE);
	}
}

/* Which list servers' mail is taken although it fails. */
static void test_known_lists(void **state)
{
	static const struct { const char *name, *client_ip, *list_id, *signer, *names; long length; const char *by; } rows[] = {
		{ "network", "192.0.2.25", NULL, NULL, NULL, -1, "by network" },
		{ "mapped", "::ffff:192.0.2.25", NULL, NULL, NULL, -1, "by network" },
		{ "another network", "192.0.2.26", NULL, NULL, NULL, -1, NULL },
		{ "signature and List-Id", NULL, "List-Id: Birds <birds.esp.example>", "esp.example", POST_NAMES ":List-Id", -1, "by signature" },
		{ "List-Id not signed", NULL, "List-Id: Birds <birds.esp.example>", "esp.example", POST_NAMES, -1, NULL },
		{ "List-Id of another", NULL, "List-Id: Birds <birds.other.example>", "esp.example", POST_NAMES ":List-Id", -1, NULL },
		{ "List-Id in the phrase", NULL, "List-Id: <birds.esp.example> <birds.other.example>", "esp.example", POST_NAMES ":List-Id", -1, NULL },
		{ "List-Id in a comment", NULL, "List-Id: birds.other.example (<birds.esp.example>)", "esp.example", POST_NAMES ":List-Id", -1, NULL },
		{ "two List-Ids", NULL, "List-Id: <a.esp.example>\r\nList-Id: <b.esp.example>", "esp.example", POST_NAMES ":List-Id", -1, NULL },
		{ "no List-Id", NULL, NULL, "esp.example", POST_NAMES ":List-Id", -1, NULL },
		{ "List-Id alone", NULL, "List-Id: Birds <birds.esp.example>", NULL, NULL, -1, NULL },
		{ "a signature with a gap", NULL, "List-Id: Birds <birds.esp.example>", "esp.example", POST_NAMES ":List-Id", 3, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span text = post_text(&world, "ann@reject.example");
		struct receiving_verdict v;

		if (rows[i].list_id != NULL)
			text = with_field(rows[i].list_id, text);
		if (rows[i].signer != NULL)
			text = post_sign(&world, text, rows[i].signer, rows[i].names, rows[i].length);
		decide(&lenient, text, rows[i].client_ip, "", 0, &v);
		if ((v.override_by == NULL) != (rows[i].by == NULL) || (rows[i].by != NULL && strcmp(v.override_by, rows[i].by) != 0) || v.dmarc_pass
			|| v.action != (rows[i].by == NULL ? RECEIVING_REFUSE : RECEIVING_ACCEPT))
			fail_msg("%s: %s", rows[i].name, v.reason);
		assert_true(rows[i].by == NULL || strcmp(v.override_reason, "mailing_list") == 0);
	}
}

static struct span sealed(const struct post *post)
{
	const struct strategy *reseal = strategy_find(SPAN_LIT("reseal"));
	struct rendering rendering;
	struct form form;
	struct fail why;

	assert_int_equal(reseal->propose(&post->in, &form, &why), 0);
	assert_int_equal(sign_form(&form, &world.list_ring, "lists.example.org", &world.clock, NULL, &why), 0);
	assert_int_equal(reseal->finish(&post->in, &form, &why), 0);
	assert_int_equal(form_render(&form, world.arena, &rendering, &why), 0);
	return rendering_bytes(world.arena, &rendering);
}

/* A trusted sealer is believed about what it saw pass, and about nothing else. */
static void test_sealers(void **state)
{
	static const struct { const char *signer; const struct receiving_policy *policy; bool accepted; } rows[] = {
		{ "reject.example", &trusting, true }, { "reject.example", &strict, false }, { "esp.example", &trusting, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct receiving_verdict v;
		struct post post;

		post_read(&world, post_sign(&world, post_text(&world, "ann@reject.example"), rows[i].signer, POST_NAMES, -1), &post);
		post_tag(&post);
		decide(rows[i].policy, sealed(&post), "192.0.2.25", "birds-bounces@lists.example.org", 0, &v);
		assert_false(v.dmarc_pass);
		assert_int_equal(v.action, rows[i].accepted ? RECEIVING_ACCEPT : RECEIVING_REFUSE);
		if (rows[i].accepted) {
			assert_string_equal(v.override_reason, "trusted_forwarder");
			assert_string_equal(v.override_by, "lists.example.org");
		}
	}
}

/* More authors than are looked at. */
static void test_many_authors(void **state)
{
	char from[4096] = "a@none.example";
	struct receiving_verdict v;

	(void)state;
	for (unsigned i = 0; i < FACTS_AUTHORS_MAX + 1; i++)
		snprintf(from + strlen(from), sizeof(from) - strlen(from), ", a@d%u.absent.example", i);
	decide(&strict, post_text(&world, from), NULL, "", 0, &v);
	assert_int_equal(v.action, RECEIVING_REFUSE);
	assert_false(v.temporary || v.dmarc_pass);
}

static void test_names(void **state)
{
	enum receiving_reading reading;
	enum receiving_action action;

	(void)state;
	for (unsigned i = 0; i < RECEIVING_READINGS; i++)
		assert_true(receiving_reading_find(span_of(receiving_reading_name((enum receiving_reading)i)), &reading) && reading == i);
	for (unsigned i = 0; i < RECEIVING_ACTIONS; i++)
		assert_true(receiving_action_find(span_of(receiving_action_name((enum receiving_action)i)), &action) && action == i);
	assert_false(receiving_reading_find(SPAN_LIT("998"), &reading) || receiving_action_find(SPAN_LIT(""), &action));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions), cmocka_unit_test(test_spf), cmocka_unit_test(test_known_lists), cmocka_unit_test(test_sealers),
		cmocka_unit_test(test_many_authors), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
