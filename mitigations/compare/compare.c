/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/compare/compare_int.h"

#include <assert.h>
#include <string.h>

static const char *const verdict_names[COMPARE_VERDICTS] = {
	[COMPARE_INBOX] = "inbox", [COMPARE_JUNK] = "junk", [COMPARE_DEFERRED] = "deferred", [COMPARE_REFUSED] = "refused", [COMPARE_NOT_SENT] = "not-sent",
	[COMPARE_UNKNOWN] = "unknown", [COMPARE_LAUNDERED] = "laundered",
};

const char *compare_verdict_name(enum compare_verdict verdict)
{
	return verdict_names[verdict];
}

bool compare_verdict_find(struct span name, enum compare_verdict *verdict_r)
{
	for (unsigned i = 0; i < COMPARE_VERDICTS; i++)
		if (span_eq_text(name, verdict_names[i])) {
			*verdict_r = (enum compare_verdict)i;
			return true;
		}
	return false;
}

unsigned compare_badness(enum compare_verdict verdict, bool is_forged)
{
	static const unsigned rows[COMPARE_VERDICTS][2] = {
		[COMPARE_INBOX] = { 0, 4 }, [COMPARE_JUNK] = { 1, 3 }, [COMPARE_DEFERRED] = { 2, 2 }, [COMPARE_REFUSED] = { 3, 1 }, [COMPARE_NOT_SENT] = { 4, 0 },
		[COMPARE_UNKNOWN] = { 5, 5 }, [COMPARE_LAUNDERED] = { 6, 6 },
	};

	return rows[verdict][is_forged];
}

const char *compare_part_name(enum compare_part part)
{
	static const char *const names[] = { [COMPARE_PART_NONE] = "-", [COMPARE_PART_THERE] = "yes", [COMPARE_PART_MISSING] = "no" };

	return names[part];
}

size_t compare_column_count(void)
{
	return strategy_count + 1;
}

const char *compare_column_name(size_t column)
{
	return column < strategy_count ? strategies[column]->name : "auto";
}

const struct strategy *compare_column_strategy(size_t column)
{
	return column < strategy_count ? strategies[column] : NULL;
}

size_t compare_column_find(struct span name)
{
	size_t i = 0;

	while (i < compare_column_count() && !span_eq_text_nocase(name, compare_column_name(i)))
		i++;
	return i;
}

const struct compare_cell *compare_cell(const struct compare_result *result, const struct models *models, size_t column, size_t model)
{
	return &result->cells[column * models->count + model];
}

/* The place of a form among copies and forms. */
static size_t place_of(const struct comparing *c, const struct made_form *made)
{
	bool is_careful = c->careful.forms != NULL && made >= c->careful.forms && made < c->careful.forms + strategy_count;

	return is_careful ? strategy_count + (size_t)(made - c->careful.forms) : (size_t)(made - c->chooser.forms);
}

/* What is known of the arrival. */

static bool key_is_missing(const struct comparing *c, const struct dkim_signature *signature)
{
	struct dns_answer answer;

	if (signature->domain == NULL || signature->selector == NULL || signature->result == AUTH_PASS)
		return false;
	resolver_ask(c->input->in->dns, c->arena, arena_printf(c->arena, "%s._domainkey.%s", signature->selector, signature->domain), DNS_TXT, &answer);
	return answer.status == DNS_NXDOMAIN || answer.status == DNS_NODATA;
}

static bool has_live_signature(const struct comparing *c)
{
	const struct dkim_result *dkim = &c->input->in->facts->dkim;

	for (size_t i = 0; i < dkim->count; i++)
		if (dkim->signatures[i].result == AUTH_PASS && compare_is_authors(c, &dkim->signatures[i]))
			return true;
	return false;
}

/* A signature that does not verify may have done so when the post came, by a key that is gone; a post that shows nothing for its author may have shown it by SPF. */
static const char *find_unknown(const struct comparing *c)
{
	const struct facts *facts = c->input->in->facts;

	if (facts->has_temporary && !c->input->records_are_complete)
		return "DNS does not tell whether the post came from its author";
	if (facts->policy == DMARC_ABSENT && facts->forged == NULL)
		return NULL;
	for (size_t i = 0; i < facts->dkim.count && !c->input->records_are_complete && !has_live_signature(c); i++)
		if (compare_is_authors(c, &facts->dkim.signatures[i]) && key_is_missing(c, &facts->dkim.signatures[i]))
			return arena_printf(c->arena, "the key %s._domainkey.%s is not there any more", facts->dkim.signatures[i].selector, facts->dkim.signatures[i].domain);
	if ((facts->forged != NULL || facts->disowned) && !c->input->session_is_known && strcmp(facts->spf_source, "none") == 0)
		return "no signature of the author verifies, and what SPF said is not recorded";
	return NULL;
}

/* Copies and forms. */

const struct facts *compare_facts(struct comparing *c, struct compare_copy *copy, size_t sealer_set)
{
	const struct strategy_input *in = c->input->in;
	struct facts_options *options;

	if (copy->unreadable != NULL)
		return NULL;
	if (copy->gathered[sealer_set])
		return &copy->facts[sealer_set];
	options = arena_alloc(c->arena, sizeof(*options));
	*options = (struct facts_options){ .trusted_sealers = c->models->sealer_sets[sealer_set], .receiver_name = "mx.receiver.invalid" };
	facts_gather(c->arena, c->input->outside, in->clock, &copy->message, &c->input->sender, options, &copy->facts[sealer_set]);
	copy->gathered[sealer_set] = true;
	return &copy->facts[sealer_set];
}

static void read_copy(struct comparing *c, struct compare_copy *copy)
{
	const struct rendering *rendering = &copy->made->rendering;
	struct fail why;

	copy->facts = arena_array(c->arena, c->models->sealer_set_count, sizeof(*copy->facts));
	copy->gathered = arena_array(c->arena, c->models->sealer_set_count, sizeof(*copy->gathered));
	if (message_parse(c->arena, rendering_bytes(c->arena, rendering), &copy->message, &why) != 0)
		copy->unreadable = arena_printf(c->arena, "%s", why.text);
}

static struct compare_copy *copy_of(struct comparing *c, const struct made_form *made)
{
	size_t at = place_of(c, made);
	struct compare_copy *copy = &c->copies[at];
	struct compare_form *form = &c->result->forms[at];

	if (copy->made != NULL)
		return copy;
	copy->made = made;
	form->strategy = made->strategy;
	form->failure = made->failure;
	if (made->made) {
		read_copy(c, copy);
		compare_measure(c, copy, form);
	}
	return copy;
}

/* Cells. */

/* Does a copy of a post that nothing shows to be its author's owe its place to the list? Under the author's own From that is so where the list's signature speaks for him, or the
 * receiver takes it for the list's sake; not where he passes by a signature with a gap (auth/gaps.h), which would have passed without the list. In another name it
 * always is, where a policy said to stop the post, or the author's name can be read in the list's. */
static bool is_laundered(const struct comparing *c, const struct receiving_verdict *verdict, const struct compare_form *form)
{
	const struct facts *facts = c->input->in->facts;

	if (facts->forged == NULL)
		return facts->disowned && form->name_visible && !form->from_is_author;
	if (form->from_is_author && facts->forged->pass && !facts->forges_us)
		return false;
	return !form->from_is_author || verdict->dmarc_pass || verdict->override_by != NULL;
}

static enum compare_verdict verdict_of(const struct comparing *c, const struct receiving_verdict *verdict, const struct compare_form *form)
{
	if (verdict->action == RECEIVING_REFUSE)
		return verdict->temporary ? COMPARE_DEFERRED : COMPARE_REFUSED;
	if (is_laundered(c, verdict, form))
		return COMPARE_LAUNDERED;
	return verdict->action == RECEIVING_JUNK ? COMPARE_JUNK : COMPARE_INBOX;
}

static void not_sent(struct compare_cell *cell, const char *reason)
{
	*cell = (struct compare_cell){ .verdict = COMPARE_NOT_SENT, .reason = reason };
}

static void judge(struct comparing *c, const struct model *model, const struct made_form *made, const char *reason, struct compare_cell *cell)
{
	struct compare_copy *copy = copy_of(c, made);
	const struct compare_form *form = &c->result->forms[place_of(c, made)];
	const struct facts *facts;
	struct receiving_verdict verdict;

	if (!made->made) {
		not_sent(cell, made->failure);
		return;
	}
	facts = compare_facts(c, copy, model->sealer_set);
	if (facts == NULL) {
		*cell = (struct compare_cell){ .verdict = COMPARE_REFUSED, .form = form, .reply = "550 5.6.0 the message cannot be read", .reason = copy->unreadable };
		return;
	}
	/* where pct lets some through, the worst is what counts */
	receiving_decide(c->arena, &model->policy, &copy->message, facts, 0, &verdict);
	*cell = (struct compare_cell){ .verdict = verdict_of(c, &verdict, form), .form = form, .marked = verdict.action == RECEIVING_MARK, .dmarc_pass = verdict.dmarc_pass,
		.policy = verdict.policy, .reason = *reason == '\0' ? verdict.reason : arena_printf(c->arena, "%s; %s", verdict.reason, reason) };
	if (verdict.action == RECEIVING_REFUSE)
		cell->reply = models_reply(c->arena, model, &verdict);
}

/* Sent whatever comes of it: a receiver that is not taken to enforce gets what is fixed. */
static const struct receiver insisting = { .name = "insisted on", .source = "compare" };

static void choose_fixed(struct comparing *c, const struct strategy *strategy, struct choice *choice_r)
{
	c->chooser.fixed = strategy;
	c->chooser.rules = NULL;
	choose(&c->chooser, &insisting, NULL, choice_r);
}

static void choose_auto(struct comparing *c, const struct model *model, struct choice *choice_r)
{
	struct chooser *chooser = c->input->unguarded ? &c->careful : &c->chooser;

	chooser->fixed = c->input->fixed;
	chooser->rules = c->input->rules;
	choose(chooser, &model->believed, model->domain, choice_r);
}

static void run_cell(struct comparing *c, const struct strategy *strategy, const struct model *model, struct compare_cell *cell)
{
	struct choice choice;

	if (c->result->unknown != NULL) {
		*cell = (struct compare_cell){ .verdict = COMPARE_UNKNOWN, .reason = c->result->unknown };
		return;
	}
	if (c->input->unguarded && strategy != NULL && !strategy->refuses) {
		judge(c, model, chooser_form(&c->chooser, strategy), "", cell);
		return;
	}
	if (c->input->not_taken != NULL) {
		not_sent(cell, c->input->not_taken);
		return;
	}
	if (strategy == NULL)
		choose_auto(c, model, &choice);
	else
		choose_fixed(c, strategy, &choice);
	if (choice.form == NULL)
		not_sent(cell, choice.reason);
	else
		judge(c, model, choice.form, strategy == NULL ? choice.reason : "", cell);
}

/* What the strategies of a list manager see that takes every post for its author's. */
static struct facts *believing(struct arena *a, const struct facts *facts)
{
	struct facts *copy = arena_alloc(a, sizeof(*copy));

	*copy = *facts;
	copy->proofs = arena_array(a, facts->author_count, sizeof(*copy->proofs));
	for (size_t i = 0; i < facts->author_count; i++)
		copy->proofs[i] = facts->proofs[i] != NULL ? facts->proofs[i] : "nobody looked";
	copy->forged = NULL;
	copy->forges_us = copy->disowned = false;
	copy->shown = copy->authentic = facts->author_count > 0;
	return copy;
}

static void init_choosers(struct comparing *c)
{
	struct strategy_input in = *c->input->in;

	if (c->input->unguarded) {
		chooser_init(&c->careful, &in, c->input->rules, NULL, c->input->keys);
		in.facts = believing(c->arena, in.facts);
	}
	chooser_init(&c->chooser, &in, c->input->rules, NULL, c->input->keys);
}

void compare_run(const struct compare_input *input, const struct models *models, struct compare_result *result_r)
{
	struct comparing c = { .input = input, .models = models, .arena = input->in->arena, .result = result_r };

	*result_r = (struct compare_result){ .not_taken = input->not_taken };
	result_r->forms = arena_array(c.arena, 2 * strategy_count, sizeof(*result_r->forms));
	result_r->cells = arena_array(c.arena, compare_column_count() * models->count, sizeof(*result_r->cells));
	c.copies = arena_array(c.arena, 2 * strategy_count, sizeof(*c.copies));
	init_choosers(&c);
	result_r->is_forged = input->in->facts->forged != NULL;
	result_r->unknown = find_unknown(&c);
	for (size_t column = 0; column < compare_column_count(); column++)
		for (size_t i = 0; i < models->count; i++)
			if (input->columns == NULL || input->columns[column])
				run_cell(&c, compare_column_strategy(column), &models->items[i], &result_r->cells[column * models->count + i]);
}
