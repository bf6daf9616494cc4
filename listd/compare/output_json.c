/* SPDX-License-Identifier: BSD-2-Clause */
/* For programs: the document of docs/compare.md, written post by post. */
#include "listd/compare/output.h"
#include "listd/json_text.h"

static void dump(struct output *out, json_t *json)
{
	json_dumpf(json, out->file, JSON_ENSURE_ASCII | JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(json);
}

static json_t *receiver_json(const struct model *m)
{
	return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:{s:o, s:b, s:b, s:b}}", "name", json_optional(m->name), "about", json_optional(m->about),
		"reads", receiving_reading_name(m->policy.reading), "on_reject", receiving_action_name(m->policy.on_reject),
		"on_quarantine", receiving_action_name(m->policy.on_quarantine), "on_temporary", receiving_action_name(m->policy.on_temporary),
		"known_as", "operator", json_optional(m->believed.name), "enforces", m->believed.enforces, "trusts_arc", m->believed.trusts_arc,
		"allowlists_us", m->believed.allowlists_us);
}

void output_json_begin(struct output *out)
{
	const struct comparison *c = out->comparison;
	const char *comma = "";

	fprintf(out->file, "{\"version\":%d,\n\"list\":", OUTPUT_JSON_VERSION);
	dump(out, json_optional(c->list->address));
	fprintf(out->file, ",\n\"unguarded\":%s,\n\"strategies\":[", c->unguarded ? "true" : "false");
	for (size_t i = 0; i < compare_column_count(); i++)
		if (output_has_column(out, i)) {
			fprintf(out->file, "%s\"%s\"", comma, compare_column_name(i));
			comma = ",";
		}
	fputs("],\n\"receivers\":[", out->file);
	for (size_t i = 0; i < c->models->count; i++) {
		fputs(i == 0 ? "\n" : ",\n", out->file);
		dump(out, receiver_json(&c->models->items[i]));
	}
	fputs("],\n\"posts\":[", out->file);
}

static json_t *breaks_json(const struct compare_form *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->break_count; i++)
		json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "signature", json_optional(f->breaks[i].signature), "edit", json_optional(f->breaks[i].edit),
			"by", json_optional(f->breaks[i].by)));
	return list;
}

static json_t *part_json(enum compare_part part)
{
	return part == COMPARE_PART_NONE ? json_null() : json_boolean(part == COMPARE_PART_THERE);
}

static json_t *form_json(const struct compare_form *f)
{
	json_t *json = json_pack("{s:s, s:o, s:b, s:b, s:o, s:o}", "strategy", f->strategy->name, "from", json_optional(f->from), "from_is_author", f->from_is_author,
		"name_visible", f->name_visible, "reply", json_optional(f->reply), "reply_all", json_optional(f->reply_all));

	json_object_update_new(json, json_pack("{s:{s:i, s:i}, s:b, s:b, s:{s:i, s:i}, s:o, s:o}", "author_dkim", "arrived", (int)f->signatures, "alive", (int)f->signatures_alive,
		"list_dkim", f->list_dkim, "arc", f->sealed, "list_fields", "there", (int)f->list_fields, "wanted", (int)f->list_fields_wanted, "tag", part_json(f->tag),
		"footer", part_json(f->footer)));
	json_object_update_new(json, json_pack("{s:I, s:I, s:{s:b, s:o}, s:o}", "bytes", (json_int_t)f->bytes, "bytes_added", (json_int_t)f->bytes_added,
		"proof", "holds", f->proof_holds, "reason", json_optional(f->proof), "broken", breaks_json(f)));
	if (f->diff.len > 0)
		json_object_set_new(json, "edits", json_text(f->diff));
	return json;
}

static json_t *forms_json(const struct compare_result *result)
{
	json_t *list = json_array();

	for (size_t i = 0; i < strategy_count; i++) {
		const struct compare_form *f = &result->forms[i];

		if (f->strategy != NULL && f->failure != NULL)
			json_array_append_new(list, json_pack("{s:s, s:o}", "strategy", f->strategy->name, "failure", json_optional(f->failure)));
		else if (f->strategy != NULL)
			json_array_append_new(list, form_json(f));
	}
	return list;
}

static json_t *cell_json(const struct compare_cell *cell, const struct compared_bounce *bounce)
{
	json_t *json = json_pack("{s:s, s:o, s:o}", "verdict", compare_verdict_name(cell->verdict), "form",
		cell->form == NULL ? json_null() : json_string(cell->form->strategy->name), "reason", json_optional(cell->reason));

	if (cell->marked)
		json_object_set_new(json, "marked", json_true());
	if (cell->form != NULL)
		json_object_update_new(json, json_pack("{s:b, s:s}", "dmarc_pass", cell->dmarc_pass, "policy", dmarc_policy_name(cell->policy)));
	if (cell->reply != NULL)
		json_object_update_new(json, json_pack("{s:o, s:{s:o, s:b, s:b}}", "reply", json_optional(cell->reply), "bounce", "class", json_optional(bounce->class),
			"counts", bounce->counts, "counts_elsewhere", bounce->counts_elsewhere));
	return json;
}

static json_t *column_json(const struct output *out, const struct compared *c, size_t column)
{
	const struct models *models = out->comparison->models;
	json_t *json = json_object();

	for (size_t i = 0; i < models->count; i++)
		json_object_set_new(json, models->items[i].name, cell_json(compare_cell(&c->result, models, column, i), &c->bounces[column * models->count + i]));
	return json;
}

void output_json_post(struct output *out, const struct compared *c)
{
	json_t *json = json_object(), *results = json_object();

	fputs(out->written == 0 ? "\n" : ",\n", out->file);
	json_object_set_new(json, "name", json_optional(c->name));
	if (c->failure != NULL) {
		json_object_set_new(json, "failure", json_optional(c->failure));
		json_decref(results);
		dump(out, json);
		return;
	}
	json_object_update_new(json, json_pack("{s:o, s:o, s:{s:o, s:s, s:o, s:b, s:o, s:b, s:o, s:o}}", "from", json_optional(c->from), "subject", json_optional(c->subject),
		"arrival", "author_domain", json_optional(c->author_domain), "policy", dmarc_policy_name(c->policy), "record", json_optional(c->policy_record),
		"authentic", c->authentic, "by", json_optional(c->authentic_by), "forged", c->result.is_forged, "not_taken", json_optional(c->result.not_taken),
		"unknown", json_optional(c->result.unknown)));
	if (c->recorded.state != RECORDED_NOTHING)
		json_object_set_new(json, "recorded", json_pack("{s:s, s:o, s:o, s:o, s:o}", "state", recorded_state_name(c->recorded.state), "by", json_optional(c->recorded.by),
			"dmarc", json_optional(c->recorded.result), "predicted", json_optional(c->recorded.predicted), "reason", json_optional(c->recorded.reason)));
	json_object_set_new(json, "forms", forms_json(&c->result));
	for (size_t column = 0; column < compare_column_count(); column++)
		if (output_has_column(out, column))
			json_object_set_new(results, compare_column_name(column), column_json(out, c, column));
	json_object_set_new(json, "results", results);
	dump(out, json);
}

static json_t *counts_json(const struct output *out, const struct sums *sums, size_t column)
{
	json_t *json = json_object();

	for (size_t i = 0; i < sums->models; i++) {
		json_t *counts = json_object();

		for (unsigned v = 0; v < COMPARE_VERDICTS; v++)
			if (sums_count(sums, column, i, (enum compare_verdict)v) > 0)
				json_object_set_new(counts, compare_verdict_name((enum compare_verdict)v), json_integer((json_int_t)sums_count(sums, column, i, (enum compare_verdict)v)));
		json_object_set_new(json, out->comparison->models->items[i].name, counts);
	}
	return json;
}

void output_json_end(struct output *out, const struct sums *sums)
{
	json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:I}", "posts", (json_int_t)sums->posts, "failed", (json_int_t)sums->failed, "strict", (json_int_t)sums->strict,
		"forged", (json_int_t)sums->forged, "unknown", (json_int_t)sums->unknown);
	json_t *columns = json_object();

	for (size_t column = 0; column < sums->columns; column++)
		if (output_has_column(out, column))
			json_object_set_new(columns, compare_column_name(column), counts_json(out, sums, column));
	json_object_set_new(json, "verdicts", columns);
	json_object_set_new(json, "recorded", json_pack("{s:I, s:I, s:I}", "equal", (json_int_t)sums->recorded[RECORDED_EQUAL], "different",
		(json_int_t)sums->recorded[RECORDED_DIFFERENT], "unknown", (json_int_t)sums->recorded[RECORDED_UNKNOWN]));
	fputs("],\n\"summary\":", out->file);
	dump(out, json);
	fputs("}\n", out->file);
}
