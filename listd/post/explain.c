/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/explain.h"
#include "listd/post/route.h"

/* A text as JSON, whatever its octets: what is no UTF-8 is shown as U+FFFD. */
static json_t *text_json(struct span text)
{
	json_t *json = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
	struct buf clean;

	if (json != NULL)
		return json;
	buf_init(&clean, text.len * 3 + 1);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] < 0x80)
			buf_put_byte(&clean, text.ptr[i]);
		else
			buf_put_text(&clean, "\xef\xbf\xbd");
	json = json_stringn(clean.len == 0 ? "" : clean.ptr, clean.len);
	buf_done(&clean);
	return json;
}

static json_t *optional(const char *text)
{
	return text == NULL ? json_null() : text_json(span_of(text));
}

static json_t *spf_json(const struct spf_result *spf)
{
	return json_pack("{s:s, s:o, s:o}", "result", auth_result_name(spf->result), "domain", optional(spf->domain), "reason", optional(spf->reason));
}

static json_t *dkim_json(const struct dkim_result *dkim)
{
	json_t *list = json_array();

	for (size_t i = 0; i < dkim->count; i++) {
		const struct dkim_signature *s = &dkim->signatures[i];

		json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:s, s:o}", "domain", optional(s->domain), "selector", optional(s->selector),
			"algorithm", optional(s->algorithm), "result", auth_result_name(s->result), "reason", optional(s->reason)));
	}
	return list;
}

static json_t *reading_json(const struct dmarc_reading *r, bool with_result)
{
	json_t *queries = json_array();
	json_t *json;

	for (size_t i = 0; i < r->query_count; i++)
		json_array_append_new(queries, optional(r->queries[i]));
	json = json_pack("{s:o, s:o, s:s, s:s, s:o, s:b, s:o}", "policy_domain", optional(r->policy_domain), "org_domain", optional(r->org_domain),
		"policy", dmarc_policy_name(r->policy), "applied", dmarc_policy_name(r->applied), "record", optional(r->record), "testing", r->testing, "queries", queries);
	if (!with_result)
		return json;
	json_object_set_new(json, "result", json_string(auth_result_name(r->result)));
	json_object_set_new(json, "spf_aligned", json_boolean(r->spf_aligned));
	json_object_set_new(json, "dkim_aligned", json_boolean(r->dkim_aligned));
	return json;
}

json_t *explain_dmarc(const struct dmarc_verdict *v, bool with_result)
{
	return json_pack("{s:o, s:o, s:o, s:s}", "author_domain", optional(v->author_domain), "rfc9989", reading_json(&v->rfc9989, with_result),
		"rfc7489", reading_json(&v->rfc7489, with_result), "effective", dmarc_policy_name(v->effective));
}

static json_t *no_author(void)
{
	return json_pack("{s:n, s:n, s:n, s:s}", "author_domain", "rfc9989", "rfc7489", "effective", dmarc_policy_name(DMARC_ABSENT));
}

json_t *explain_facts(const struct facts *f)
{
	json_t *authors = json_array();
	json_t *json;

	for (size_t i = 0; i < f->author_count; i++)
		json_array_append_new(authors, explain_dmarc(&f->authors[i], true));
	json = json_pack("{s:o, s:o, s:{s:s, s:i, s:o}}", "spf", spf_json(&f->spf), "dkim", dkim_json(&f->dkim),
		"arc", "result", auth_result_name(f->arc.result), "instances", (int)f->arc.instances, "reason", optional(f->arc.reason));
	json_object_set_new(json, "dmarc", f->strictest != NULL ? explain_dmarc(f->strictest, true) : no_author());
	json_object_set_new(json, "authors", authors);
	json_object_set_new(json, "policy", json_string(dmarc_policy_name(f->policy)));
	json_object_set_new(json, "authentic", json_boolean(f->authentic));
	json_object_set_new(json, "authentic_by", optional(f->authentic_by));
	return json;
}

static json_t *proof_json(const struct proof *p)
{
	return json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:o, s:o}", "holds", p->holds, "valid_message", p->valid_message, "dmarc_pass", p->dmarc_pass,
		"author_signature_alive", p->author_signature_alive, "list_signature_ok", p->list_signature_ok, "arc_ok", p->arc_ok,
		"assumes", optional(p->assumes), "reason", optional(p->reason));
}

static json_t *class_json(struct post *post, const struct post_class *class)
{
	const struct choice *choice = &class->choice;
	json_t *attempts = json_array();
	json_t *json;
	struct span diff;

	for (size_t i = 0; i < choice->attempt_count; i++)
		json_array_append_new(attempts, json_pack("{s:s, s:b, s:o}", "strategy", choice->attempts[i].strategy->name, "taken", choice->attempts[i].taken,
			"reason", optional(choice->attempts[i].reason)));
	json = json_pack("{s:s, s:o, s:I, s:o, s:o, s:o, s:o}", "receiver", class->receiver->name, "known_from", optional(class->receiver->source),
		"recipients", (json_int_t)class->rcpt_count, "strategy", choice->form == NULL ? json_null() : json_string(choice->form->strategy->name),
		"reason", optional(choice->reason), "rule", choice->rule == NULL ? json_null() : optional(choice->rule->text), "attempts", attempts);
	json_object_set_new(json, "enforces", json_boolean(class->receiver->enforces));
	if (choice->form == NULL)
		return json;
	form_describe(&choice->form->form, post->arena, &diff);
	json_object_set_new(json, "proof", proof_json(&choice->form->proof));
	json_object_set_new(json, "edits", text_json(diff));
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
		"outcome", outcome_name(post->outcome), "stage", post->stage, "reason", optional(post->reason), "stages", stages, "facts", explain_facts(&post->facts), "classes", classes);
	if (post->outcome == OUTCOME_REFUSE)
		json_object_set_new(json, "reply", json_pack("{s:i, s:s, s:o}", "code", post->why.code, "enhanced", post->why.enhanced, "text", optional(post->why.text)));
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
