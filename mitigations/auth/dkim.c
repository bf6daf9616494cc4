/* SPDX-License-Identifier: BSD-2-Clause */
/* signature.c verifies: it tells a changed body from a changed header, goes by the clock that was handed in, reads keys beyond 1,023 octets, and does not share
 * libopendkim's faults (a blank between "b" and "=", ed25519 with simple header canonicalization). What it does not pass is shown to libopendkim, and passes if that
 * passes it: a signature is bad when both find it so. The library decodes a key anew for each signature, which takes longer than all else about it. */
#include "mitigations/auth/dkim.h"
#include "mail/idna.h"
#include "mitigations/auth/dkim_library.h"
#include "mitigations/auth/signature.h"

#include <string.h>

/* Signatures with l= that are shown to the library: each other length is another walk over the body. */
#define LENGTHS_MAX 2

struct evaluation {
	struct arena *arena;
	const struct message *message;
	struct pubkey_queries *queries;
	struct body_hashes hashes;
	struct signature parsed[DKIM_SIGNATURES_MAX];
	struct library_signature library[DKIM_SIGNATURES_MAX];
	size_t library_count, lengths;
};

static size_t find_fields(const struct message *m, const struct field *fields_r[DKIM_SIGNATURES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < m->field_count && count < DKIM_SIGNATURES_MAX; i++)
		if (span_eq_text_nocase(m->fields[i].name, "DKIM-Signature"))
			fields_r[count++] = &m->fields[i];
	return count;
}

static void set_result(struct dkim_signature *s, enum auth_result result, const char *reason)
{
	s->result = result;
	s->reason = reason;
}

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

/* Read a field. AUTH_NONE as result: to be verified. */
static void read_signature(struct arena *a, const struct field *field, int64_t now, struct signature *parsed, struct dkim_signature *s)
{
	const char *reason;
	enum auth_result result = signature_parse(a, field->value, SIGNATURE_DKIM, parsed, &reason);

	s->field = field;
	s->domain = or_empty(parsed->domain);
	s->selector = or_empty(parsed->selector);
	s->algorithm = parsed->algorithm_name;
	s->signed_fields = parsed->signed_fields;
	s->auid = parsed->auid;
	s->header_relaxed = parsed->header_canon == CANON_RELAXED;
	s->body_relaxed = parsed->body_canon == CANON_RELAXED;
	s->has_length = parsed->has_length;
	set_result(s, result, reason);
	if (result == AUTH_NONE && !signature_in_time(parsed, now, &reason))
		set_result(s, AUTH_PERMERROR, reason);
}

static enum auth_result key_result(enum pubkey_status status)
{
	switch (status) {
	case PUBKEY_TEMPORARY:
		return AUTH_TEMPERROR;
	case PUBKEY_WEAK:
		return AUTH_POLICY;
	case PUBKEY_USABLE:
	case PUBKEY_ABSENT:
	case PUBKEY_REVOKED:
	case PUBKEY_BAD:
	case PUBKEY_UNFIT:
		break;
	}
	return AUTH_PERMERROR;
}

/* t=s in the key record: the domain of i= must be d= itself. */
static bool is_exact_domain(struct arena *a, const struct signature *parsed)
{
	size_t at = parsed->auid.len;
	const char *domain;

	if (at == 0)
		return true;
	while (at > 0 && parsed->auid.ptr[at - 1] != '@')
		at--;
	domain = idna_to_ascii(a, span_sub(parsed->auid, at, parsed->auid.len));
	return domain != NULL && strcmp(domain, parsed->domain) == 0;
}

static void verify(struct evaluation *e, const struct signature *parsed, struct dkim_signature *s)
{
	const struct pubkey *key = pubkey_queries_key(e->queries, parsed->selector, parsed->domain, parsed->algorithm);
	bool known;

	if (key->status != PUBKEY_USABLE) {
		set_result(s, key_result(key->status), key->reason);
		return;
	}
	if (!signature_verify_header(parsed, key, e->message, s->field)) {
		set_result(s, AUTH_FAIL, "the signed header fields were changed, or the key is another");
		return;
	}
	s->body_hash_ok = body_hashes_match(&e->hashes, parsed, &known);
	if (s->body_hash_ok)
		set_result(s, AUTH_PASS, "good signature");
	else if (known)
		set_result(s, AUTH_FAIL, "the body was changed");
	else
		set_result(s, AUTH_NEUTRAL, "too many signatures have an l= of their own");
}

/* Put the signature on the library's list. */
static void doubt(struct evaluation *e, const struct signature *parsed, const struct dkim_signature *s)
{
	e->lengths += parsed->has_length;
	if (!parsed->has_length || e->lengths <= LENGTHS_MAX)
		e->library[e->library_count++].field = s->field;
}

static void judge(struct evaluation *e, size_t i, struct dkim_signature *s)
{
	const struct signature *parsed = &e->parsed[i];
	struct pubkey record;

	pubkey_queries_record(e->queries, parsed->selector, parsed->domain, parsed->algorithm, &record);
	s->is_test_key = record.is_test;
	if (record.status != PUBKEY_USABLE) {
		set_result(s, key_result(record.status), record.reason);
	} else if (record.exact_domain && !is_exact_domain(e->arena, parsed)) {
		set_result(s, AUTH_PERMERROR, "the key is not for subdomains");
	} else {
		verify(e, parsed, s);
		if (s->result != AUTH_PASS && s->result != AUTH_TEMPERROR)
			doubt(e, parsed, s);
	}
}

static void ask_library(struct evaluation *e, struct dkim_result *result)
{
	library_verify(e->message, e->queries, e->library, e->library_count);
	for (size_t i = 0; i < e->library_count; i++)
		for (size_t j = 0; e->library[i].passes_r && j < result->count; j++)
			if (result->signatures[j].field == e->library[i].field) {
				result->signatures[j].body_hash_ok = true;
				set_result(&result->signatures[j], AUTH_PASS, "good signature");
			}
}

static void evaluate(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, bool alone, struct dkim_result *result_r)
{
	const struct field *fields[DKIM_SIGNATURES_MAX];
	size_t count = find_fields(m, fields);
	struct dkim_signature *signatures = arena_array(a, count, sizeof(*signatures));
	struct evaluation *e;

	*result_r = (struct dkim_result){ signatures, count };
	if (count == 0)
		return;
	e = arena_alloc(a, sizeof(*e));
	e->arena = a;
	e->message = m;
	e->hashes.message = m;
	e->queries = arena_alloc(a, sizeof(*e->queries));
	pubkey_queries_init(e->queries, a, dns);
	for (size_t i = 0; i < count; i++) {
		read_signature(a, fields[i], clock_now(clock), &e->parsed[i], &signatures[i]);
		if (signatures[i].result == AUTH_NONE)
			pubkey_queries_start(e->queries, e->parsed[i].selector, e->parsed[i].domain);
	}
	for (size_t i = 0; i < count; i++)
		if (signatures[i].result == AUTH_NONE)
			judge(e, i, &signatures[i]);
	if (e->library_count > 0 && !alone)
		ask_library(e, result_r);
	pubkey_queries_done(e->queries);
}

void dkim_evaluate(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, struct dkim_result *result_r)
{
	evaluate(a, dns, clock, m, false, result_r);
}

void dkim_evaluate_own(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, struct dkim_result *result_r)
{
	evaluate(a, dns, clock, m, true, result_r);
}

void dkim_covers(const struct dkim_signature *signature, const struct message *m, const char *name, bool *covered_r, bool *oversigned_r)
{
	struct span rest = signature->signed_fields, one;
	size_t named = 0;

	while (span_next(&rest, ':', &one))
		named += span_eq_text_nocase(span_trim(one), name);
	*covered_r = named > 0;
	*oversigned_r = named > message_field_count(m, name);
}
