/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

#include "mail/header.h"

#include <string.h>

/* How often h= names the field (RFC 6376 3.5: colon separated, white space around names). */
static size_t times_named(struct span signed_fields, struct span name)
{
	struct span part;
	size_t count = 0;

	while (span_next(&signed_fields, ':', &part))
		if (span_eq_nocase(span_trim(part), name))
			count++;
	return count;
}

/* How many fields of that name the message has at or below offset at. */
static size_t fields_from(const struct message *m, struct span name, size_t at)
{
	size_t count = 0;

	for (size_t i = 0; i < m->field_count; i++)
		if (m->fields[i].offset >= at && span_eq_nocase(m->fields[i].name, name))
			count++;
	return count;
}

/* A field more: RFC 6376 5.4.2 takes instances from the bottom up, so it is signed when there are more names in h= than instances below it. */
static bool survives_added(const struct message *m, size_t at, struct span name, const struct dkim_signature *signature)
{
	return times_named(signature->signed_fields, name) <= fields_from(m, name, at);
}

/* A field of the original less, or another in its place. */
static bool survives_cut(const struct message *m, const struct edit *edit, const struct dkim_signature *signature)
{
	struct span put_name = span_trim(span_sub(edit->put, 0, span_find_byte(edit->put, ':')));

	if (signature->field->offset == edit->at)
		return false;
	if (times_named(signature->signed_fields, edit->field) >= fields_from(m, edit->field, edit->at))
		return false;
	return edit->put.len == 0 || span_eq_nocase(put_name, edit->field) || survives_added(m, edit->at, put_name, signature);
}

bool survive_edit(const struct message *m, const struct edit *edit, const struct dkim_signature *signature)
{
	if (edit->field.len == 0)
		return signature->has_length;
	return edit->cut_bytes == 0 ? survives_added(m, edit->at, edit->field, signature) : survives_cut(m, edit, signature);
}

bool survive_form(const struct form *form, const struct dkim_signature *signature)
{
	for (size_t i = 0; i < form->count; i++)
		if (!survive_edit(form->of, &form->edits[i], signature))
			return false;
	return true;
}

/* As a DMARC receiver sees it: the evidence of this one signature, held against the author's record. */
static bool is_aligned_with(const struct strategy_input *in, const struct dmarc_verdict *author, const char *domain)
{
	struct dmarc_evidence evidence = { .domain = domain, .result = AUTH_PASS };
	struct dmarc_verdict verdict = *author;

	if (domain == NULL)
		return false;
	if (strcmp(domain, author->author_domain) == 0)
		return true;
	/* without a record there is no alignment to evaluate: the Public Suffix List says who belongs together */
	if (author->effective == DMARC_ABSENT)
		return strcmp(dmarc_psl_org_domain(in->arena, domain), dmarc_psl_org_domain(in->arena, author->author_domain)) == 0;
	dmarc_evaluate(in->arena, in->dns, &verdict, NULL, &evidence, 1);
	return verdict.pass;
}

bool survive_is_aligned(const struct strategy_input *in, const struct dkim_signature *signature)
{
	for (size_t i = 0; i < in->facts->author_count; i++)
		if (is_aligned_with(in, &in->facts->authors[i], signature->domain))
			return true;
	return false;
}

const struct dkim_signature **survive_aligned(const struct strategy_input *in, size_t *count_r)
{
	const struct dkim_result *dkim = &in->facts->dkim;
	const struct dkim_signature **aligned = arena_array(in->arena, dkim->count, sizeof(const struct dkim_signature *));

	*count_r = 0;
	for (size_t i = 0; i < dkim->count; i++)
		if (dkim->signatures[i].result == AUTH_PASS && survive_is_aligned(in, &dkim->signatures[i]))
			aligned[(*count_r)++] = &dkim->signatures[i];
	return aligned;
}

static bool has_utf8_author(const struct strategy_input *in)
{
	for (size_t i = 0; i < in->facts->from.count; i++)
		if (address_is_utf8(&in->facts->from.items[i]))
			return true;
	return false;
}

bool survive_is_fragile(const struct strategy_input *in)
{
	struct message_scan scan;

	message_scan(in->message->bytes, &scan);
	if (scan.longest_line_bytes > HEADER_LINE_MAX_BYTES || (in->list->only_7bit && (scan.has_8bit_header || scan.has_8bit_body)))
		return true;
	return scan.has_8bit_header && has_utf8_author(in);
}

/* Which signatures verify on the form as it is now; only asked where knowledge does not tell. */
static void verify(const struct strategy_input *in, const struct form *form, struct dkim_result *result_r)
{
	struct rendering rendering;
	struct message m;

	*result_r = (struct dkim_result){ .count = 0 };
	if (form_render(form, in->arena, &rendering, NULL) == 0
		&& message_parse_slices(in->arena, rendering.slices, rendering.count, &m, NULL) == 0)
		dkim_evaluate_own(in->arena, in->dns, in->clock, &m, result_r);
}

static bool is_verified(const struct dkim_result *verified, const struct dkim_signature *signature)
{
	for (size_t i = 0; i < verified->count; i++)
		if (verified->signatures[i].result == AUTH_PASS && span_eq(verified->signatures[i].field->raw, signature->field->raw))
			return true;
	return false;
}

static bool has_body_edit(const struct form *form)
{
	for (size_t i = 0; i < form->count; i++)
		if (form->edits[i].field.len == 0)
			return true;
	return false;
}

/* Alive: passed on arrival, or could not be looked at then, and still whole. */
static bool is_alive(const struct form *form, const struct dkim_signature *signature, const struct dkim_result *verified)
{
	if (signature->result != AUTH_PASS && signature->result != AUTH_TEMPERROR)
		return false;
	if (!survive_form(form, signature))
		return false;
	return verified == NULL || is_verified(verified, signature);
}

/* Does one that lives cover the signature fields themselves? Then none of them can go. */
static bool is_any_covered(const struct dkim_result *dkim, const bool *alive)
{
	for (size_t i = 0; i < dkim->count; i++)
		if (alive[i] && times_named(dkim->signatures[i].signed_fields, SPAN_LIT("DKIM-Signature")) > 0)
			return true;
	return false;
}

static void settle_one(const struct strategy_input *in, struct form *form, const char *by, const struct field *field)
{
	if (form_has_field_edit(form, field))
		return;
	if (in->list->dead_signatures == DEAD_RENAME)
		form_field_replace(form, EDIT_STRATEGY, by, field, repair_field(in, "X-Original-DKIM-Signature", field->value));
	else
		form_field_remove(form, EDIT_STRATEGY, by, field);
}

void survive_settle(const struct strategy_input *in, struct form *form, const char *by)
{
	const struct dkim_result *dkim = &in->facts->dkim;
	struct dkim_result verified = { .count = 0 };
	bool *alive = arena_array(in->arena, dkim->count, sizeof(*alive));
	bool must_verify = false;

	if (in->list->dead_signatures == DEAD_KEEP || dkim->count == 0)
		return;
	for (size_t i = 0; i < dkim->count; i++) {
		alive[i] = is_alive(form, &dkim->signatures[i], NULL);
		must_verify = must_verify || (alive[i] && has_body_edit(form));
	}
	if (must_verify)
		verify(in, form, &verified);
	for (size_t i = 0; must_verify && i < dkim->count; i++)
		alive[i] = is_alive(form, &dkim->signatures[i], &verified);
	if (is_any_covered(dkim, alive))
		return;
	for (size_t i = 0; i < dkim->count; i++)
		if (!alive[i])
			settle_one(in, form, by, dkim->signatures[i].field);
}
