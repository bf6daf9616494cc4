/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/choose.h"

#include "mitigations/sign.h"

#include <assert.h>

void chooser_init(struct chooser *chooser, const struct strategy_input *in, const struct rules *rules, const struct strategy *fixed, struct resolver *key_overlay)
{
	*chooser = (struct chooser){ .in = *in, .rules = rules, .fixed = fixed, .key_overlay = key_overlay };
	chooser->forms = arena_array(in->arena, strategy_count, sizeof(*chooser->forms));
	chooser->in.reencoded = arena_alloc(in->arena, sizeof(struct reencoded *));
	if (rules_parse(in->arena, span_of(rules_default_text), &chooser->default_rules, NULL) != 0)
		assert(!"rules_default_text can be read");
}

/* The hash of the body as received is that of the form's body, too, when no edit touches it. */
static const uint8_t *body_hash(const struct chooser *chooser, const struct form *form)
{
	for (size_t i = 0; i < form->count; i++)
		if (form->edits[i].field.len == 0)
			return NULL;
	return chooser->in.own_body_hash;
}

static int make(const struct chooser *chooser, struct made_form *made, struct fail *why)
{
	const struct strategy_input *in = &chooser->in;
	const struct strategy *strategy = made->strategy;

	if (strategy->propose == NULL)
		return fail_permanent(why, "%s makes no copy", strategy->name);
	if (strategy->propose(in, &made->form, why) != 0)
		return -1;
	if (in->list->signs && sign_form(&made->form, in->keyring, in->list->domain, in->clock, body_hash(chooser, &made->form), why) != 0)
		return -1;
	if (strategy->finish != NULL && strategy->finish(in, &made->form, why) != 0)
		return -1;
	return form_render(&made->form, in->arena, &made->rendering, why);
}

static size_t index_of(const struct strategy *strategy)
{
	size_t i = 0;

	while (i < strategy_count && strategies[i] != strategy)
		i++;
	assert(i < strategy_count);
	return i;
}

static struct made_form *made_form(struct chooser *chooser, const struct strategy *strategy)
{
	return &chooser->forms[index_of(strategy)];
}

const struct made_form *chooser_form(struct chooser *chooser, const struct strategy *strategy)
{
	const struct strategy_input *in = &chooser->in;
	struct made_form *made = made_form(chooser, strategy);
	struct fail why;

	if (made->strategy != NULL)
		return made;
	made->strategy = strategy;
	made->made = make(chooser, made, &why) == 0;
	if (made->made)
		prove(in->arena, in->dns, chooser->key_overlay, in->clock, in->list, &made->rendering, &made->proof);
	else
		made->failure = arena_printf(in->arena, "%s", why.text);
	return made;
}

struct choosing {
	struct chooser *chooser;
	struct receiver receiver;  /* one that does not enforce, for an exempt author */
	struct choice *choice;
	bool is_exempt, is_forced; /* by rule, or for several records of which a receiver may take a strict one */
	bool may_replace_from;     /* the post is its author's: a copy in another name launders nothing */
	bool may_lend_name;        /* ... and the list may show his name in its own From, by what is known or by rule */
};

static bool is_strict(const struct choosing *c)
{
	return !c->is_exempt && (c->is_forced || dmarc_is_strict(c->chooser->in.facts->policy));
}

static void note(struct choosing *c, const struct strategy *strategy, bool taken, const char *reason)
{
	struct choice *choice = c->choice;

	if (choice->attempt_count < ATTEMPTS_MAX)
		choice->attempts[choice->attempt_count++] = (struct attempt){ strategy, taken, reason };
}

static void take(struct choosing *c, const struct made_form *form, const char *reason)
{
	note(c, form->strategy, true, reason);
	c->choice->form = form;
	c->choice->reason = reason;
}

/* Does the proof show what this receiver wants to see? */
static bool is_enough(const struct choosing *c, const struct made_form *form)
{
	const struct proof *proof = &form->proof;

	switch (form->strategy->proof) {
	case PROOF_STRICT:
		if (form->strategy->keeps_author_from)
			return c->receiver.enforces ? proof->holds && (!c->is_forced || proof->dmarc_pass) : proof->valid_message;
		return proof->holds;
	case PROOF_SEAL:
		return proof->valid_message && proof->sealed && proof->arc_ok;
	case PROOF_VALID:
		return proof->valid_message;
	}
	return false;
}

/* Has experience shown that this one does not get through? */
static bool is_known_refused(struct choosing *c, const struct strategy *strategy)
{
	size_t i = index_of(strategy);

	if (c->chooser->at_least != NULL && i < index_of(c->chooser->at_least)) {
		note(c, strategy, false, "such a copy of this post was refused already");
		return true;
	}
	if (!is_strict(c) || (c->receiver.refuses & 1u << i) == 0)
		return false;
	note(c, strategy, false, arena_printf(c->chooser->in.arena, "%s refuses such copies: %s", c->receiver.name, c->receiver.source));
	return true;
}

static bool try_strategy(struct choosing *c, const struct strategy *strategy)
{
	const struct made_form *form;
	const char *reason = "";

	if (is_known_refused(c, strategy))
		return false;
	if (!strategy->suits(&c->chooser->in, &c->receiver, c->is_forced, &reason)) {
		note(c, strategy, false, reason);
		return false;
	}
	form = chooser_form(c->chooser, strategy);
	if (!form->made || !is_enough(c, form)) {
		note(c, strategy, false, form->made ? form->proof.reason : form->failure);
		return false;
	}
	if (form->proof.holds)
		reason = form->proof.reason;
	else if (c->is_exempt)
		reason = "the author is exempt by rule";
	else if (strategy->proof == PROOF_STRICT)
		reason = arena_printf(c->chooser->in.arena, "%s does not act on DMARC failures", c->receiver.name);
	else
		reason = strategy->summary;
	take(c, form, reason);
	return true;
}

/* A wrapper of a post whose author must not be named names nobody but the list (via_list). */
static bool may_try(const struct choosing *c, const struct strategy *strategy)
{
	if (strategy->keeps_author_from)
		return true;
	return c->may_replace_from && (c->may_lend_name || strategy == strategy_find(SPAN_LIT("wrap")));
}

static void try_auto(struct choosing *c)
{
	for (size_t i = 0; i < strategy_count; i++)
		if (strategies[i]->in_auto && may_try(c, strategies[i]) && try_strategy(c, strategies[i]))
			return;
	c->choice->reason = "no strategy gives a copy that would be accepted; the reasons stand with each";
}

/* What an administrator has fixed is taken wherever it works; a form whose proof fails is sent to no receiver that enforces, whoever asked for it. */
static bool try_fixed(struct choosing *c, const struct strategy *strategy, const char *by)
{
	struct arena *a = c->chooser->in.arena;
	const struct made_form *form;

	if (strategy->refuses) {
		note(c, strategy, true, by);
		c->choice->refused = true;
		c->choice->reason = by;
		return true;
	}
	if (!may_try(c, strategy)) {
		note(c, strategy, false, arena_printf(a, "%s, but: the post does not pass as its author's, whose name the list lends to nobody", by));
		return false;
	}
	if (is_known_refused(c, strategy))
		return false;
	form = chooser_form(c->chooser, strategy);
	if (!form->made || !is_enough(c, form)) {
		note(c, strategy, false, arena_printf(a, "%s, but: %s", by, form->made ? form->proof.reason : form->failure));
		return false;
	}
	take(c, form, by);
	return true;
}

static void choose_forged(struct choosing *c)
{
	const struct strategy *wrap = strategy_find(SPAN_LIT("wrap"));
	const struct made_form *form;

	if (!c->chooser->vouched) {
		c->choice->reason = "the post does not pass as its author's: it is not sent on";
		return;
	}
	form = chooser_form(c->chooser, wrap);
	if (form->made && form->proof.holds)
		take(c, form, "a moderator vouched for a post that does not pass as its author's: the list shows it in its own name");
	else
		note(c, wrap, false, c->choice->reason = form->made ? form->proof.reason : form->failure);
}

/* *of_site_r: it is one of the site's, which the stages before 250 do not see. */
static const struct rule *find_rule(const struct chooser *chooser, const struct receiver *receiver, const char *to_domain, bool *of_site_r)
{
	const struct rule *rule = chooser->rules == NULL ? NULL : rules_match(chooser->rules, &chooser->in.facts->from, receiver, to_domain);

	*of_site_r = false;
	if (rule == NULL && chooser->site != NULL) {
		rule = rules_match(chooser->site, &chooser->in.facts->from, receiver, to_domain);
		*of_site_r = rule != NULL;
	}
	return rule != NULL ? rule : rules_match(&chooser->default_rules, &chooser->in.facts->from, receiver, to_domain);
}

void choose(struct chooser *chooser, const struct receiver *receiver, const char *to_domain, struct choice *choice_r)
{
	const struct facts *facts = chooser->in.facts;
	struct choosing c = { .chooser = chooser, .receiver = *receiver, .choice = choice_r };
	bool of_site;
	const struct rule *rule = find_rule(chooser, receiver, to_domain, &of_site);
	const struct strategy *fixed = chooser->fixed;
	const char *by = "fixed for the list";

	*choice_r = (struct choice){ .receiver = receiver, .rule = rule, .reason = "" };
	c.may_replace_from = facts->forged == NULL;
	c.may_lend_name = facts_may_name_author(facts) || (rule != NULL && rule->action != RULE_EXEMPT && !facts->disowned);
	c.is_exempt = rule != NULL && rule->action == RULE_EXEMPT;
	c.receiver.enforces = receiver->enforces && !c.is_exempt;
	c.is_forced = !facts->disowned && !c.is_exempt && (facts->contested || (rule != NULL && rule->action == RULE_FORCE));
	if (facts->forged != NULL && (!c.is_exempt || facts->forges_us || chooser->at_least != NULL)) {
		choose_forged(&c);
		return;
	}
	if (fixed != NULL && (fixed->refuses || !fixed->keeps_author_from) && !is_strict(&c))
		fixed = NULL;
	/* A post that was let in is not kept from the readers of one receiver. */
	if (fixed != NULL && fixed->refuses && of_site && !dmarc_is_strict(facts->policy))
		fixed = NULL;
	if (rule != NULL && rule->action == RULE_STRATEGY) {
		fixed = strategy_find(span_of(rule->strategy));
		by = arena_printf(chooser->in.arena, "by the rule \"%s\"", rule->text);
	}
	if (fixed == NULL || !try_fixed(&c, fixed, by))
		try_auto(&c);
}
