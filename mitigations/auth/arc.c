/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/arc_int.h"
#include "mail/header.h"
#include "mitigations/auth/signature.h"

/* What a seal covers: at most all ARC fields of the header, in canonical form. */
#define SEALED_MAX_BYTES (2 * MESSAGE_HEADER_MAX_BYTES)

const char *const arc_part_names[ARC_PARTS] = {
	[ARC_PART_RESULTS] = "ARC-Authentication-Results",
	[ARC_PART_MESSAGE_SIGNATURE] = "ARC-Message-Signature",
	[ARC_PART_SEAL] = "ARC-Seal",
};

struct chain {
	struct arena *arena;
	const struct message *message;
	const struct clock *clock;
	struct arc_result *result;
	struct arc_set sets[ARC_INSTANCES_MAX];
	struct signature seals[ARC_INSTANCES_MAX], signatures[ARC_INSTANCES_MAX];
	bool signature_usable[ARC_INSTANCES_MAX]; /* an old AMS that cannot be read only ends the search for oldest-pass */
	struct pubkey_queries queries;
	struct body_hashes hashes;
};

bool arc_part_of(const struct field *f, enum arc_part *part_r)
{
	for (unsigned i = 0; i < ARC_PARTS; i++) {
		if (span_eq_text_nocase(f->name, arc_part_names[i])) {
			*part_r = (enum arc_part)i;
			return true;
		}
	}
	return false;
}

/* 4.1.1: in the AAR the instance comes first, and comments may stand around it. */
unsigned arc_part_instance(struct arena *a, const struct field *f, enum arc_part part)
{
	struct span rest = part == ARC_PART_RESULTS ? header_without_comments(a, f->value) : f->value, tag;
	unsigned long long number = 0;
	bool found = false;

	while (!found && span_next(&rest, ';', &tag)) {
		size_t equals = span_find_byte(tag, '=');

		found = span_eq_text(span_trim(span_sub(tag, 0, equals)), "i");
		if (found && (equals == tag.len || rest.ptr == NULL) && part == ARC_PART_RESULTS)
			return 0; /* no ";": then there is no authserv-id either */
		if (found && !span_number(span_trim(span_sub(tag, equals + 1, tag.len)), UINT32_MAX, &number))
			return 0;
		if (part == ARC_PART_RESULTS)
			break;
	}
	return (unsigned)number;
}

void arc_canon_set(struct buf *out, const struct arc_set *set)
{
	canon_field(out, set->results->name, set->results->value, CANON_RELAXED);
	canon_field(out, set->message_signature->name, set->message_signature->value, CANON_RELAXED);
	canon_field(out, set->seal->name, set->seal->value, CANON_RELAXED);
}

static bool fault(struct chain *c, const char *reason)
{
	c->result->result = AUTH_FAIL;
	c->result->reason = reason;
	return false;
}

static const struct field **part_of_set(struct arc_set *set, enum arc_part part)
{
	switch (part) {
	case ARC_PART_RESULTS:
		return &set->results;
	case ARC_PART_MESSAGE_SIGNATURE:
		return &set->message_signature;
	case ARC_PART_SEAL:
	case ARC_PARTS:
		break;
	}
	return &set->seal;
}

/* 5.2 steps 1 and 3: each field once in each set. Counts the highest instance even where the structure is wrong. */
static bool collect(struct chain *c)
{
	bool right = true;

	for (size_t i = 0; i < c->message->field_count; i++) {
		const struct field *f = &c->message->fields[i], **place;
		enum arc_part part;
		unsigned instance;

		if (!arc_part_of(f, &part))
			continue;
		instance = arc_part_instance(c->arena, f, part);
		if (instance > c->result->instances)
			c->result->instances = instance;
		if (instance == 0 || instance > ARC_INSTANCES_MAX) {
			right = fault(c, instance == 0 ? "an ARC field has no instance" : "there are more than 50 ARC sets");
			continue;
		}
		place = part_of_set(&c->sets[instance - 1], part);
		if (*place != NULL)
			right = fault(c, "an ARC field is there twice");
		*place = f;
	}
	for (unsigned i = 0; right && i < c->result->instances; i++)
		if (c->sets[i].results == NULL || c->sets[i].message_signature == NULL || c->sets[i].seal == NULL)
			right = fault(c, "an ARC set is incomplete");
	return right;
}

/* 4.1.3 and 5.2 steps 2 and 3: seals are well-formed and say none, pass, pass ... The newest fault is told; all are read, since the names in them are
 * of use even when the chain fails. */
static bool read_seals(struct chain *c)
{
	const char *found = NULL, *reason;

	for (unsigned i = c->result->instances; i > 0; i--) {
		struct signature *seal = &c->seals[i - 1];
		enum auth_result result = signature_parse(c->arena, c->sets[i - 1].seal->value, SIGNATURE_ARC_SEAL, seal, &reason);

		if (result == AUTH_NONE && seal->chain != (i == 1 ? AUTH_NONE : AUTH_PASS)) {
			result = AUTH_FAIL;
			reason = arena_printf(c->arena, "it says cv=%s", auth_result_name(seal->chain));
		}
		if (result != AUTH_NONE && found == NULL)
			found = arena_printf(c->arena, "ARC-Seal i=%u: %s", i, reason);
		c->sets[i - 1].seal_domain = seal->domain;
		c->sets[i - 1].seal_selector = seal->selector;
	}
	return found == NULL || fault(c, found);
}

static bool read_message_signatures(struct chain *c)
{
	const char *reason, *newest = NULL;

	for (unsigned i = 1; i <= c->result->instances; i++) {
		struct signature *sig = &c->signatures[i - 1];
		enum auth_result result = signature_parse(c->arena, c->sets[i - 1].message_signature->value, SIGNATURE_ARC_MESSAGE, sig, &reason);

		c->sets[i - 1].message_domain = sig->domain;
		c->signature_usable[i - 1] = result == AUTH_NONE;
		newest = result == AUTH_NONE ? NULL : reason;
	}
	return newest == NULL || fault(c, arena_printf(c->arena, "ARC-Message-Signature i=%u: %s", c->result->instances, newest));
}

static void ask_for_keys(struct chain *c)
{
	for (unsigned i = c->result->instances; i > 0; i--) {
		pubkey_queries_start(&c->queries, c->seals[i - 1].selector, c->seals[i - 1].domain);
		if (c->signature_usable[i - 1])
			pubkey_queries_start(&c->queries, c->signatures[i - 1].selector, c->signatures[i - 1].domain);
	}
}

/* NULL with a reason when there is none that can be used. */
static const struct pubkey *get_key(struct chain *c, const struct signature *sig, const char **reason_r)
{
	const struct pubkey *key = pubkey_queries_key(&c->queries, sig->selector, sig->domain, sig->algorithm);

	c->result->dns_trouble = c->result->dns_trouble || key->status == PUBKEY_TEMPORARY;
	*reason_r = key->reason;
	return key->status == PUBKEY_USABLE ? key : NULL;
}

/* Does the AMS of an instance verify? Expiry counts as for DKIM. */
static bool message_signature_holds(struct chain *c, unsigned instance, const char **reason_r)
{
	const struct signature *sig = &c->signatures[instance - 1];
	const struct pubkey *key;
	bool known;

	*reason_r = "it cannot be read";
	if (!c->signature_usable[instance - 1])
		return false;
	if (sig->has_expiry && !signature_in_time(sig, clock_now(c->clock), reason_r))
		return false;
	key = get_key(c, sig, reason_r);
	if (key == NULL)
		return false;
	*reason_r = "the header was changed, or the key is another";
	if (!signature_verify_header(sig, key, c->message, c->sets[instance - 1].message_signature))
		return false;
	*reason_r = "the body was changed";
	return body_hashes_match(&c->hashes, sig, &known);
}

/* 5.1.1: a seal covers all sets up to its own, its own b= emptied. */
static bool seals_hold(struct chain *c)
{
	struct buf sealed;
	bool ok = true;

	buf_init(&sealed, SEALED_MAX_BYTES);
	for (unsigned i = 0; ok && i < c->result->instances; i++) {
		const struct arc_set *set = &c->sets[i];
		const struct pubkey *key;
		const char *reason;
		size_t before;

		canon_field(&sealed, set->results->name, set->results->value, CANON_RELAXED);
		canon_field(&sealed, set->message_signature->name, set->message_signature->value, CANON_RELAXED);
		before = sealed.len;
		canon_signature(&sealed, set->seal->name, set->seal->value, CANON_RELAXED);
		key = get_key(c, &c->seals[i], &reason);
		reason = key == NULL ? reason : "the seal does not hold";
		ok = key != NULL && !buf_overflowed(&sealed) && signature_verify_bytes(&c->seals[i], key, buf_span(&sealed));
		if (!ok)
			fault(c, arena_printf(c->arena, "ARC-Seal i=%u: %s", i + 1, reason));
		sealed.len = before;
		canon_field(&sealed, set->seal->name, set->seal->value, CANON_RELAXED);
	}
	buf_done(&sealed);
	return ok;
}

static unsigned oldest_pass(struct chain *c)
{
	const char *reason;
	bool trouble = c->result->dns_trouble;
	unsigned i = c->result->instances - 1;

	while (i > 0 && message_signature_holds(c, i, &reason))
		i--;
	c->result->dns_trouble = trouble; /* does not bear on the result */
	return i == 0 ? 0 : i + 1;
}

static bool check(struct chain *c)
{
	const char *reason;

	ask_for_keys(c);
	if (!message_signature_holds(c, c->result->instances, &reason))
		return fault(c, arena_printf(c->arena, "ARC-Message-Signature i=%u: %s", c->result->instances, reason));
	return seals_hold(c);
}

void arc_validate(struct arena *a, struct resolver *dns, const struct clock *clock, const struct message *m, struct arc_result *result_r)
{
	struct chain *c;
	enum arc_part part;
	size_t i = 0;

	*result_r = (struct arc_result){ .result = AUTH_NONE, .reason = "no ARC sets" };
	while (i < m->field_count && !arc_part_of(&m->fields[i], &part))
		i++;
	if (i == m->field_count)
		return;
	c = arena_alloc(a, sizeof(*c));
	c->arena = a;
	c->message = m;
	c->clock = clock;
	c->result = result_r;
	c->hashes.message = m;
	pubkey_queries_init(&c->queries, a, dns);
	if (!collect(c))
		return;
	result_r->sets = c->sets;
	if (read_seals(c) && read_message_signatures(c) && check(c)) {
		result_r->result = AUTH_PASS;
		result_r->reason = "the chain holds";
		result_r->oldest_pass = oldest_pass(c);
	}
	pubkey_queries_done(&c->queries);
}
