/* SPDX-License-Identifier: BSD-2-Clause */
/* The comparison of one post: verdicts, what readers have, what broke what, and what must never be called well. */
#include "tests/unit/post.h"

#include "mitigations/compare/compare.h"

static const char kinds_text[] =
	"receiver strict\n"
	"receiver oreject\n on-reject junk\n"
	"receiver marking\n on-reject mark\n on-quarantine mark\n"
	"receiver trusting\n trusts-seals-of (list)\n told trusts-arc yes\n"
	"receiver friend\n takes (list)\n told allowlists-us yes\n"
	"receiver blind\n reads none\n told enforces no\n";
enum { STRICT, OREJECT, MARKING, TRUSTING, FRIEND, BLIND };

static struct world world;
static struct models models;

static int set_up(void **state)
{
	struct fail why;

	(void)state;
	world_init(&world);
	models = (struct models){ .arena = world.arena };
	if (models_parse(span_of(kinds_text), "kinds", &models, &why) != 0 || models_bind(&models, world.list.domain, NULL, &world.clock, &why) != 0)
		fail_msg("%s", why.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	world_done(&world);
	return 0;
}

struct run { struct post post; struct compare_input input; struct compare_result result; struct resolver *outside; };

/* A post with the list's fields, tag and footer, compared. */
static void run(struct run *r, struct span text)
{
	struct compare_input input = r->input;

	post_read(&world, text, &r->post);
	post_list_fields(&r->post);
	post_tag(&r->post);
	post_footer(&r->post);
	input.in = &r->post.in;
	input.keys = world.list_keys;
	input.outside = r->outside = resolver_overlay(world.list_keys, world.dns);
	input.sender = (struct session){ .client_ip = "192.0.2.25", .helo = "lists.example.org", .mail_from = "birds-bounces@lists.example.org" };
	input.session_is_known = true;
	r->input = input;
	compare_run(&r->input, &models, &r->result);
	resolver_free(r->outside);
}

static const struct compare_cell *at(const struct run *r, const char *column, size_t model)
{
	return compare_cell(&r->result, &models, compare_column_find(span_of(column)), model);
}

static const struct compare_form *form(const struct run *r, const char *strategy)
{
	return &r->result.forms[compare_column_find(span_of(strategy))];
}

static struct span signed_post(const char *domain)
{
	return post_sign(&world, post_text(&world, arena_printf(world.arena, "Ann Lee <ann@%s>", domain)), domain, POST_NAMES, -1);
}

/* One signed post of a p=reject domain: each strategy at each kind. */
static void test_verdicts(void **state)
{
	static const struct { const char *column; const char *verdicts[6]; } rows[] = {
		{ "none", { "refused", "junk", "inbox", "refused", "inbox", "inbox" } },
		{ "allowlist", { "refused", "junk", "inbox", "refused", "inbox", "inbox" } },
		{ "reseal", { "refused", "junk", "inbox", "inbox", "inbox", "inbox" } },
		{ "passthrough", { "inbox", "inbox", "inbox", "inbox", "inbox", "inbox" } },
		{ "rewrite", { "inbox", "inbox", "inbox", "inbox", "inbox", "inbox" } },
		{ "wrap", { "inbox", "inbox", "inbox", "inbox", "inbox", "inbox" } },
		{ "refuse", { "not-sent", "not-sent", "not-sent", "not-sent", "not-sent", "not-sent" } },
		{ "auto", { "inbox", "inbox", "inbox", "inbox", "inbox", "inbox" } },
	};
	static const char *const chosen[] = { "passthrough", "passthrough", "passthrough", "reseal", "allowlist", "none" };
	struct run r = { .input = { .in = NULL } };

	(void)state;
	run(&r, signed_post("reject.example"));
	assert_true(r.result.unknown == NULL && !r.result.is_forged);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t m = 0; m < models.count; m++) {
			const struct compare_cell *cell = at(&r, rows[i].column, m);

			if (strcmp(compare_verdict_name(cell->verdict), rows[i].verdicts[m]) != 0)
				fail_msg("%s at %s: %s, %s", rows[i].column, models.items[m].name, compare_verdict_name(cell->verdict), cell->reason);
			assert_int_equal(cell->reply != NULL, cell->verdict == COMPARE_REFUSED);
		}
	for (size_t m = 0; m < models.count; m++)
		assert_string_equal(at(&r, "auto", m)->form->strategy->name, chosen[m]);
	assert_string_equal(at(&r, "none", STRICT)->reply, "550 5.7.1 rejected by DMARC policy for reject.example");
	assert_true(at(&r, "none", MARKING)->marked && !at(&r, "passthrough", MARKING)->marked);
}

/* What readers have of the copies. */
static void test_forms(void **state)
{
	static const struct { const char *strategy; bool author, list_dkim, sealed; const char *reply; unsigned alive; enum compare_part tag, footer; } rows[] = {
		{ "none", true, true, false, "author", 0, COMPARE_PART_THERE, COMPARE_PART_THERE },
		{ "reseal", true, true, true, "author", 0, COMPARE_PART_THERE, COMPARE_PART_THERE },
		{ "passthrough", true, true, false, "author", 1, COMPARE_PART_MISSING, COMPARE_PART_MISSING },
		{ "rewrite", false, true, false, "author", 0, COMPARE_PART_THERE, COMPARE_PART_THERE },
		{ "wrap", false, true, false, "author", 0, COMPARE_PART_THERE, COMPARE_PART_MISSING },
	};
	struct run r = { .input = { .with_diff = true } };

	(void)state;
	run(&r, signed_post("reject.example"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct compare_form *f = form(&r, rows[i].strategy);

		if (f->from_is_author != rows[i].author || f->list_dkim != rows[i].list_dkim || f->sealed != rows[i].sealed || strcmp(f->reply, rows[i].reply) != 0
			|| f->signatures != 1 || f->signatures_alive != rows[i].alive || f->tag != rows[i].tag || f->footer != rows[i].footer || !f->name_visible)
			fail_msg("%s: author %d list %d arc %d reply %s dkim %u/%u tag %s footer %s name %d, %s", rows[i].strategy, f->from_is_author, f->list_dkim, f->sealed, f->reply,
				f->signatures_alive, f->signatures, compare_part_name(f->tag), compare_part_name(f->footer), f->name_visible, f->from);
		assert_string_equal(f->reply_all, "author+list");
		assert_true(f->list_fields == f->list_fields_wanted && f->list_fields > 0 && f->bytes_added > 0 && f->diff.len > 0);
	}
	assert_null(form(&r, "refuse")->strategy);
}

static bool is_broken_by(const struct compare_form *f, const char *edit)
{
	for (size_t i = 0; i < f->break_count; i++)
		if (strcmp(f->breaks[i].edit, edit) == 0)
			return true;
	return false;
}

static void test_blame(void **state)
{
	struct run r = { .input = { .in = NULL } };

	(void)state;
	run(&r, signed_post("reject.example"));
	assert_int_equal(form(&r, "none")->break_count, 2);
	assert_true(is_broken_by(form(&r, "none"), "Subject") && is_broken_by(form(&r, "none"), "body"));
	assert_string_equal(form(&r, "none")->breaks[0].signature, "d=reject.example s=s");
	assert_true(is_broken_by(form(&r, "rewrite"), "From"));
	assert_int_equal(form(&r, "passthrough")->break_count, 0);
	/* one that signs less is broken by less */
	run(&r, post_sign(&world, post_text(&world, "ann@reject.example"), "reject.example", "From:Date", -1));
	assert_int_equal(form(&r, "none")->break_count, 1);
	assert_true(is_broken_by(form(&r, "none"), "body"));
}

/* Where a post fails its author's policy, nothing is sent; a list manager that does not look launders, and it is said so. */
static void test_laundering(void **state)
{
	struct run r = { .input = { .unguarded = true } };

	(void)state;
	run(&r, post_text(&world, "Ann Lee <ann@reject.example>"));
	assert_true(r.result.is_forged);
	assert_int_equal(at(&r, "none", STRICT)->verdict, COMPARE_REFUSED);
	assert_int_equal(at(&r, "none", BLIND)->verdict, COMPARE_INBOX);
	assert_int_equal(at(&r, "none", FRIEND)->verdict, COMPARE_LAUNDERED);
	assert_int_equal(at(&r, "reseal", TRUSTING)->verdict, COMPARE_REFUSED);
	for (size_t m = 0; m < models.count; m++) {
		assert_int_equal(at(&r, "rewrite", m)->verdict, COMPARE_LAUNDERED);
		assert_int_equal(at(&r, "wrap", m)->verdict, COMPARE_LAUNDERED);
		assert_int_equal(at(&r, "refuse", m)->verdict, COMPARE_NOT_SENT);
		assert_int_equal(at(&r, "auto", m)->verdict, COMPARE_NOT_SENT);
	}
	/* p=none that fails: a name is lent all the same */
	run(&r, post_text(&world, "Ann Lee <ann@none.example>"));
	assert_int_equal(at(&r, "none", STRICT)->verdict, COMPARE_INBOX);
	assert_int_equal(at(&r, "rewrite", STRICT)->verdict, COMPARE_LAUNDERED);
	r.input.unguarded = false;
	run(&r, post_text(&world, "Ann Lee <ann@reject.example>"));
	for (size_t column = 0; column < compare_column_count(); column++)
		for (size_t m = 0; m < models.count; m++)
			assert_int_equal(compare_cell(&r.result, &models, column, m)->verdict, COMPARE_NOT_SENT);
}

/* Old mail whose key is gone, or of which nobody wrote down what SPF said: nothing is guessed. */
static void test_unknown(void **state)
{
	static const struct { const char *author, *signer; bool complete, session, unknown; } rows[] = {
		{ "reject.example", "reject.example", false, false, false },      /* verifies */
		{ "reject.example", NULL, true, true, false },                    /* nothing there: forged */
		{ "reject.example", NULL, true, false, true },                    /* SPF may have passed */
		{ "none.example", NULL, true, false, true },
		{ "absent.example", NULL, true, false, false },                   /* asks for nothing */
		{ "trouble.example", NULL, false, true, true },
		{ "trouble.example", NULL, true, true, false },                   /* it is known that DNS fails */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span text = rows[i].signer == NULL ? post_text(&world, arena_printf(world.arena, "ann@%s", rows[i].author)) : signed_post(rows[i].signer);
		struct run r = { .input = { .in = NULL } };

		post_read(&world, text, &r.post);
		r.input.records_are_complete = rows[i].complete;
		run(&r, text);
		r.input.session_is_known = rows[i].session;
		r.input.outside = r.outside = resolver_overlay(world.list_keys, world.dns);
		compare_run(&r.input, &models, &r.result);
		resolver_free(r.outside);
		if ((r.result.unknown != NULL) != rows[i].unknown)
			fail_msg("row %zu: %s", i, r.result.unknown == NULL ? "known" : r.result.unknown);
		for (size_t m = 0; m < models.count && rows[i].unknown; m++)
			assert_int_equal(at(&r, "rewrite", m)->verdict, COMPARE_UNKNOWN);
	}
}

static void test_missing_key(void **state)
{
	struct span text = signed_post("reject.example");
	char *changed = arena_text(world.arena, text);
	struct run r = { .input = { .in = NULL } };

	(void)state;
	strstr(changed, "s=s;")[2] = 'x'; /* a selector that DNS does not have */
	run(&r, span_of(changed));
	assert_non_null(r.result.unknown);
	assert_non_null(strstr(r.result.unknown, "x._domainkey.reject.example"));
	r.input.records_are_complete = true;
	run(&r, span_of(changed));
	assert_null(r.result.unknown);
	assert_true(r.result.is_forged);
}

/* Columns that are not wanted cost nothing; what the list takes not goes nowhere. */
static void test_columns(void **state)
{
	bool *columns = arena_array(world.arena, compare_column_count(), sizeof(*columns));
	struct run r = { .input = { .columns = columns } };

	(void)state;
	columns[compare_column_find(SPAN_LIT("wrap"))] = true;
	run(&r, signed_post("reject.example"));
	assert_non_null(form(&r, "wrap")->strategy);
	assert_null(form(&r, "rewrite")->strategy);
	r.input.columns = NULL;
	r.input.not_taken = "hold: too large";
	run(&r, signed_post("reject.example"));
	assert_int_equal(at(&r, "rewrite", STRICT)->verdict, COMPARE_NOT_SENT);
	assert_string_equal(at(&r, "rewrite", STRICT)->reason, "hold: too large");
	assert_int_equal(compare_column_find(SPAN_LIT("auto")), strategy_count);
	assert_int_equal(compare_column_find(SPAN_LIT("nothing")), compare_column_count());
}

static void test_badness(void **state)
{
	enum compare_verdict verdict;

	(void)state;
	for (unsigned i = 0; i < COMPARE_VERDICTS; i++) {
		assert_true(compare_verdict_find(span_of(compare_verdict_name((enum compare_verdict)i)), &verdict) && verdict == i);
		assert_true(i == COMPARE_LAUNDERED || compare_badness((enum compare_verdict)i, false) < compare_badness(COMPARE_LAUNDERED, false));
		assert_true(i == COMPARE_LAUNDERED || compare_badness((enum compare_verdict)i, true) < compare_badness(COMPARE_LAUNDERED, true));
	}
	assert_true(compare_badness(COMPARE_INBOX, false) < compare_badness(COMPARE_REFUSED, false));
	assert_true(compare_badness(COMPARE_INBOX, true) > compare_badness(COMPARE_NOT_SENT, true));
	assert_false(compare_verdict_find(SPAN_LIT("lost"), &verdict));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_forms), cmocka_unit_test(test_blame), cmocka_unit_test(test_laundering), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_missing_key), cmocka_unit_test(test_columns), cmocka_unit_test(test_badness),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
