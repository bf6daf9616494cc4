/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/explain.h"
#include "listd/post/route.h"

#include "listd/json_text.h"

static json_t *spf_json(const struct spf_result *spf)
{
	return json_pack("{s:s, s:o, s:o}", "result", auth_result_name(spf->result), "domain", json_optional(spf->domain), "reason", json_optional(spf->reason));
}

static json_t *dkim_json(const struct dkim_result *dkim)
{
	json_t *list = json_array();

	for (size_t i = 0; i < dkim->count; i++) {
		const struct dkim_signature *s = &dkim->signatures[i];

		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:s, s:o}", "domain", json_optional(s->domain), "selector", json_optional(s->selector),
			"algorithm", json_optional(s->algorithm), "result", auth_result_name(s->result), "reason", json_optional(s->reason)));
	}
	return list;
}

/* A domain that asks for nothing has no policy: null. */
static json_t *policy_json(enum dmarc_policy policy)
{
	return policy == DMARC_ABSENT ? json_null() : json_string(dmarc_policy_name(policy));
}

/* What counts for a list: without a record that is none. */
static const char *effective_name(enum dmarc_policy policy)
{
	return dmarc_policy_name(policy == DMARC_ABSENT ? DMARC_P_NONE : policy);
}

static json_t *reading_json(const struct dmarc_reading *r, bool with_result)
{
	json_t *queries = json_array();
	json_t *json;

	for (size_t i = 0; i < r->query_count; i++)
		json_array_append_new(queries, json_optional(r->queries[i]));
	json = json_pack("{s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "policy_domain", json_optional(r->policy_domain), "org_domain", json_optional(r->org_domain),
		"policy", policy_json(r->policy), "applied", policy_json(r->applied), "record", json_optional(r->record), "testing", r->testing, "queries", queries);
	if (!with_result)
		return json;
	json_object_set_new(json, "result", json_string(auth_result_name(r->result)));
	json_object_set_new(json, "spf_aligned", json_boolean(r->spf_aligned));
	json_object_set_new(json, "dkim_aligned", json_boolean(r->dkim_aligned));
	return json;
}

json_t *explain_dmarc(const struct dmarc_verdict *v, bool with_result)
{
	return json_pack("{s:o, s:o, s:o, s:s, s:s}", "author_domain", json_optional(v->author_domain), "rfc9989", reading_json(&v->rfc9989, with_result),
		"rfc7489", reading_json(&v->rfc7489, with_result), "effective", effective_name(v->effective), "of_any", effective_name(v->of_any));
}

static json_t *no_author(void)
{
	return json_pack("{s:n, s:n, s:n, s:s, s:s}", "author_domain", "rfc9989", "rfc7489", "effective", effective_name(DMARC_ABSENT), "of_any", effective_name(DMARC_ABSENT));
}

json_t *explain_facts(const struct facts *f)
{
	json_t *authors = json_array();
	json_t *json;

	for (size_t i = 0; i < f->author_count; i++)
		json_array_append_new(authors, explain_dmarc(&f->authors[i], true));
	json = json_pack("{s:o, s:o, s:{s:s, s:i, s:o}}", "spf", spf_json(&f->spf), "dkim", dkim_json(&f->dkim),
		"arc", "result", auth_result_name(f->arc.result), "instances", (int)f->arc.instances, "reason", json_optional(f->arc.reason));
	json_object_set_new(json, "dmarc", f->strictest != NULL ? explain_dmarc(f->strictest, true) : no_author());
	json_object_set_new(json, "authors", authors);
	json_object_set_new(json, "policy", json_string(dmarc_policy_name(f->policy)));
	json_object_set_new(json, "authentic", json_boolean(f->authentic));
	json_object_set_new(json, "authentic_by", json_optional(f->authentic_by));
	return json;
}

static json_t *proof_json(const struct proof *p)
{
	return json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:o, s:o}", "holds", p->holds, "valid_message", p->valid_message, "dmarc_pass", p->dmarc_pass,
		"author_signature_alive", p->author_signature_alive, "list_signature_ok", p->list_signature_ok, "arc_ok", p->arc_ok,
		"assumes", json_optional(p->assumes), "reason", json_optional(p->reason));
}

static json_t *class_json(struct post *post, const struct post_class *class)
{
	const struct choice *choice = &class->choice;
	json_t *attempts = json_array();
	json_t *json;
	struct span diff;

	for (size_t i = 0; i < choice->attempt_count; i++)
		json_array_append_new(attempts, json_pack("{s:s, s:b, s:o}", "strategy", choice->attempts[i].strategy->name, "taken", choice->attempts[i].taken,
			"reason", json_optional(choice->attempts[i].reason)));
	json = json_pack("{s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "receiver", class->receiver->name, "known_from", json_optional(class->receiver->source),
		"recipients", (json_int_t)class->rcpt_count, "strategy", choice->form == NULL ? json_null() : json_string(choice->form->strategy->name),
		"reason", json_optional(choice->reason), "rule", choice->rule == NULL ? json_null() : json_optional(choice->rule->text), "attempts", attempts);
	json_object_set_new(json, "enforces", json_boolean(class->receiver->enforces));
	if (choice->form == NULL)
		return json;
	form_describe(&choice->form->form, post->arena, &diff);
	json_object_set_new(json, "proof", proof_json(&choice->form->proof));
	json_object_set_new(json, "edits", json_text(diff));
	return json;
}

static void note_stage(void *context, const struct stage *stage, const struct post *post)
{
	json_array_append_new(context, json_pack("{s:s, s:s, s:s}", "stage", stage->name, "summary", stage->summary,
		"outcome", post->outcome == OUTCOME_SEND ? "goes on" : outcome_name(post->outcome)));
}

int explain_run(struct post *post, json_t **explanation_r, struct fail *why)
{
	json_t *stages = json_array(), *classes = json_array();
	json_t *json;

	if (route_run(post, false, note_stage, stages, why) != 0) {
		json_decref(stages);
		json_decref(classes);
		return -1;
	}
	for (size_t i = 0; i < post->class_count; i++)
		json_array_append_new(classes, class_json(post, &post->classes[i]));
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id", post->id, "list", post->list->address, "purpose", purpose_name(post->purpose),
		"outcome", outcome_name(post->outcome), "stage", post->stage, "reason", json_optional(post->reason), "stages", stages, "facts", explain_facts(&post->facts), "classes", classes);
	if (post->outcome == OUTCOME_REFUSE)
		json_object_set_new(json, "reply", json_pack("{s:i, s:s, s:o}", "code", post->why.code, "enhanced", post->why.enhanced, "text", json_optional(post->why.text)));
	*explanation_r = json;
	return 0;
}

int explain_render(struct post *post, const char *address, struct rendering *rendering_r, struct fail *why)
{
	const struct post_class *class;

	if (post->outcome != OUTCOME_SEND)
		return fail_permanent(why, "nobody gets this message: %s (%s)", outcome_name(post->outcome), post->reason);
	class = post_class_of(post, address);
	if (class == NULL)
		return fail_permanent(why, "%s gets no copy: not a member with delivery on", address);
	if (class->choice.form == NULL)
		return fail_permanent(why, "%s gets no copy: %s", address, class->choice.reason);
	*rendering_r = class->choice.form->rendering;
	return 0;
}
