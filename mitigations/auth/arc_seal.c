/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/authres.h"
#include "mail/header.h"
#include "mitigations/auth/arc_int.h"
#include "mitigations/auth/draft.h"
#include "mitigations/sign.h"

#include <inttypes.h>

/* As much of h= as fits beside the names that are added by the field (the last name may go beyond). */
#define NAMES_WANTED_MAX_BYTES (SIGNATURE_NAMES_MAX_BYTES - 500)
#define NAMES_WANTED_MAX (SIGNATURE_NAMES_MAX - 1)

struct sealing {
	struct form *form;
	struct arena *scratch;
	const struct arc_seal_request *request;
	struct message message;     /* the form as it is now */
	struct arc_set sets[ARC_INSTANCES_MAX];
	unsigned instance;          /* of the set to be added */
	int64_t now;
};

static void find_sets(struct sealing *s)
{
	for (size_t i = 0; i < s->message.field_count; i++) {
		const struct field *f = &s->message.fields[i];
		enum arc_part part;
		unsigned instance;

		if (!arc_part_of(f, &part))
			continue;
		instance = arc_part_instance(s->scratch, f, part);
		if (instance >= s->instance)
			s->instance = instance == UINT32_MAX ? instance : instance + 1;
		if (instance == 0 || instance > ARC_INSTANCES_MAX)
			continue;
		if (part == ARC_PART_RESULTS)
			s->sets[instance - 1].results = f;
		else if (part == ARC_PART_MESSAGE_SIGNATURE)
			s->sets[instance - 1].message_signature = f;
		else
			s->sets[instance - 1].seal = f;
	}
}

/* 4.1.2: never Authentication-Results, which the next hop takes away, and nothing of ARC, which the seals cover. A name that would break the list of tags
 * cannot be said. */
static bool may_be_named(struct span name)
{
	return header_is_name(name) && span_find_byte(name, ';') == name.len && !span_eq_text_nocase(name, "Authentication-Results") && !span_starts_nocase(name, "ARC-");
}

static void add_name(struct buf *names, size_t *count, struct span name)
{
	if (!may_be_named(name) || names->len > NAMES_WANTED_MAX_BYTES || *count >= NAMES_WANTED_MAX)
		return;
	if (names->len > 0)
		buf_put_byte(names, ':');
	buf_put(names, name);
	++*count;
}

/* Every DKIM-Signature that is there (4.1.2), then what we sign, as often as it occurs. Nothing is oversigned: the next hop may add what it needs. */
static void default_names(struct buf *names, size_t *count, const struct message *m)
{
	for (size_t n = message_field_count(m, "DKIM-Signature"); n > 0; n--)
		add_name(names, count, SPAN_LIT("DKIM-Signature"));
	for (size_t i = 0; i < sign_field_count; i++)
		for (size_t n = message_field_count(m, sign_fields[i].name); n > 0; n--)
			add_name(names, count, span_of(sign_fields[i].name));
}

static bool names_from(const struct sealing *s)
{
	struct span rest = span_of(s->request->headers), name;
	bool found = s->request->headers == NULL && message_field(&s->message, "From") != NULL;

	while (!found && span_next(&rest, ':', &name))
		found = span_eq_text_nocase(span_trim(name), "From");
	return found;
}

/* From is always signed (RFC 6376 5.4): rspamd takes no signature without it. */
static void list_names(struct buf *names, const struct sealing *s)
{
	struct span rest = span_of(s->request->headers), name;
	size_t count = 0;

	if (!names_from(s))
		add_name(names, &count, SPAN_LIT("From"));
	if (s->request->headers == NULL)
		default_names(names, &count, &s->message);
	while (span_next(&rest, ':', &name))
		add_name(names, &count, span_trim(name));
}

static struct span results_field(struct sealing *s)
{
	struct span id = authres_quote(s->scratch, span_of(s->request->authserv_id)), results = span_trim(s->request->results);
	const char *value = arena_printf(s->scratch, "i=%u; %.*s; %.*s", s->instance, (int)id.len, id.ptr, (int)results.len, results.ptr);

	return header_fold(s->form->arena, arc_part_names[ARC_PART_RESULTS], span_of(value), "\r\n");
}

static int message_signature_field(struct sealing *s, struct span *field_r, struct fail *why)
{
	const struct key *key = s->request->key;
	struct buf canonical, names;
	uint8_t hash[32];
	struct draft d;
	int result;

	buf_init(&names, SIGNATURE_NAMES_MAX_BYTES);
	buf_init(&canonical, DRAFT_CANONICAL_MAX_BYTES);
	list_names(&names, s);
	canon_body_sha256(s->message.body, s->message.body_count, CANON_RELAXED, UINT64_MAX, hash, NULL);
	draft_init(&d, s->form->arena, arc_part_names[ARC_PART_MESSAGE_SIGNATURE]);
	draft_tag(&d, "i", "%u", s->instance);
	draft_tag(&d, "a", "%s", key_algorithm_name(key->algorithm));
	draft_tag(&d, "c", "relaxed/relaxed");
	draft_tag(&d, "d", "%s", key->domain);
	draft_tag(&d, "s", "%s", key->selector);
	draft_tag(&d, "t", "%" PRId64, s->now);
	draft_names(&d, "h", buf_span(&names));
	draft_hash(&d, "bh", hash);
	canon_fields(&canonical, &s->message, buf_span(&names), CANON_RELAXED);
	result = draft_sign(&d, key, &canonical, field_r, why);
	draft_done(&d);
	buf_done(&canonical);
	buf_done(&names);
	return result;
}

/* Of a field's text: its value, as the message will have it. */
static struct span value_of(struct span text)
{
	size_t colon = span_find_byte(text, ':');

	return span_sub(text, colon + 1, text.len);
}

/* 5.1.1: all sets in order; 5.1.2: of a failed chain only the own set. */
static int seal_field(struct sealing *s, struct span results, struct span signature, struct span *field_r, struct fail *why)
{
	const struct key *key = s->request->key;
	enum auth_result chain = s->instance == 1 ? AUTH_NONE : s->request->chain == AUTH_PASS ? AUTH_PASS : AUTH_FAIL;
	struct buf canonical;
	struct draft d;
	int result;

	buf_init(&canonical, DRAFT_CANONICAL_MAX_BYTES);
	for (unsigned i = 0; chain == AUTH_PASS && i + 1 < s->instance; i++)
		arc_canon_set(&canonical, &s->sets[i]);
	canon_field(&canonical, span_of(arc_part_names[ARC_PART_RESULTS]), value_of(results), CANON_RELAXED);
	canon_field(&canonical, span_of(arc_part_names[ARC_PART_MESSAGE_SIGNATURE]), value_of(signature), CANON_RELAXED);
	draft_init(&d, s->form->arena, arc_part_names[ARC_PART_SEAL]);
	draft_tag(&d, "i", "%u", s->instance);
	draft_tag(&d, "a", "%s", key_algorithm_name(key->algorithm));
	draft_tag(&d, "t", "%" PRId64, s->now);
	draft_tag(&d, "cv", "%s", auth_result_name(chain));
	draft_tag(&d, "d", "%s", key->domain);
	draft_tag(&d, "s", "%s", key->selector);
	result = draft_sign(&d, key, &canonical, field_r, why);
	draft_done(&d);
	buf_done(&canonical);
	return result;
}

/* A chain that was said to pass must be whole here too: its sets are about to be sealed. */
static bool sets_are_whole(const struct sealing *s)
{
	for (unsigned i = 0; i + 1 < s->instance; i++)
		if (s->sets[i].results == NULL || s->sets[i].message_signature == NULL || s->sets[i].seal == NULL)
			return false;
	return true;
}

/* Room for 50 sets; and a first set says cv=none, which is not so where there are ARC fields without an instance. */
static bool may_add_set(const struct sealing *s)
{
	return s->instance <= ARC_INSTANCES_MAX && (s->instance > 1 || s->request->chain != AUTH_FAIL);
}

static int add_set(struct sealing *s, struct fail *why)
{
	struct span results, signature, seal;

	if (s->request->chain == AUTH_PASS && !sets_are_whole(s))
		return fail_permanent(why, "the form lacks fields of the ARC chain that was found to pass");
	results = results_field(s);
	if (message_signature_field(s, &signature, why) != 0 || seal_field(s, results, signature, &seal, why) != 0)
		return -1;
	form_field_top(s->form, EDIT_SIGNATURE, "seal", results);
	form_field_top(s->form, EDIT_SIGNATURE, "seal", signature);
	form_field_top(s->form, EDIT_SIGNATURE, "seal", seal);
	return 0;
}

bool arc_is_ended(const struct message *m)
{
	struct arena *scratch = arena_new(ARENA_SCRATCH_MAX_BYTES);
	unsigned newest = 0;
	bool ended = false;

	for (const struct field *f = message_field(m, "ARC-Seal"); f != NULL; f = message_field_from(m, "ARC-Seal", message_field_index(m, f) + 1)) {
		unsigned instance = arc_part_instance(scratch, f, ARC_PART_SEAL);
		struct tags *tags = arena_alloc(scratch, sizeof(*tags));

		if (instance < newest || !tags_parse(f->value, tags))
			continue;
		newest = instance;
		ended = span_eq_text_nocase(tags_find(tags, "cv"), "fail");
	}
	arena_free(scratch);
	return ended;
}

int arc_seal(struct form *form, const struct clock *clock, const struct arc_seal_request *request, bool *sealed_r, struct fail *why)
{
	struct sealing *s;
	struct arena *scratch;
	struct rendering rendering;
	int result = -1;

	*sealed_r = false;
	if (request->chain_is_ended || span_trim(request->results).len == 0)
		return 0;
	scratch = arena_new(ARENA_SCRATCH_MAX_BYTES);
	s = arena_alloc(scratch, sizeof(*s));
	*s = (struct sealing){ .form = form, .scratch = scratch, .request = request, .instance = 1, .now = clock_now(clock) };
	if (form_render(form, scratch, &rendering, why) == 0 && message_parse_slices(scratch, rendering.slices, rendering.count, &s->message, why) == 0) {
		find_sets(s);
		result = may_add_set(s) ? add_set(s, why) : 0;
		*sealed_r = result == 0 && may_add_set(s);
	}
	arena_free(scratch);
	return result;
}
