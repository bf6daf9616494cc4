/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/sign.h"
#include "mitigations/auth/draft.h"

#include <inttypes.h>
#include <string.h>

/* Oversigned is what a reader sees or what changes how the body is read: a second one must not be smuggled in (RFC 6376 8.15). It comes first, since senders may
 * repeat the others until h= is full. List-* are signed where present (RFC 8058 4 asks it for one-click unsubscribing) but may be added by a list behind ours. Fields
 * that change on the way (Received, Return-Path, Authentication-Results) are left out (5.4.1). */
const struct sign_field sign_fields[] = {
	{ "From", true },
	{ "Reply-To", true },
	{ "Sender", true },
	{ "To", true },
	{ "Cc", true },
	{ "Subject", true },
	{ "Date", true },
	{ "Message-ID", true },
	{ "In-Reply-To", true },
	{ "References", true },
	{ "MIME-Version", true },
	{ "Content-Type", true },
	{ "Content-Transfer-Encoding", true },
	{ "Author", false },
	{ "X-Original-From", false },
	{ "Content-Disposition", false },
	{ "Content-ID", false },
	{ "Content-Description", false },
	{ "Content-Language", false },
	{ "Resent-From", false },
	{ "Resent-Sender", false },
	{ "Resent-To", false },
	{ "Resent-Cc", false },
	{ "Resent-Date", false },
	{ "Resent-Message-ID", false },
	{ "List-Id", false },
	{ "List-Help", false },
	{ "List-Unsubscribe", false },
	{ "List-Unsubscribe-Post", false },
	{ "List-Subscribe", false },
	{ "List-Post", false },
	{ "List-Owner", false },
	{ "List-Archive", false },
	{ "Archived-At", false },
	{ "Auto-Submitted", false },
	{ "Precedence", false },
};
const size_t sign_field_count = sizeof(sign_fields) / sizeof(sign_fields[0]);

/* Room for one more name is kept for oversigning what comes last in the table. */
#define NAMES_WANTED_MAX_BYTES (SIGNATURE_NAMES_MAX_BYTES - 1000)
#define NAMES_WANTED_MAX (SIGNATURE_NAMES_MAX - 100)

/* h=: a message that repeats a field hundreds of times gets only so many of them signed, the bottom ones. */
static void list_names(struct buf *names, const struct message *m)
{
	size_t listed = 0;

	for (size_t i = 0; i < sign_field_count; i++) {
		size_t count = message_field_count(m, sign_fields[i].name) + sign_fields[i].oversign;

		for (; count > 0 && names->len < NAMES_WANTED_MAX_BYTES && listed < NAMES_WANTED_MAX; count--, listed++) {
			if (names->len > 0)
				buf_put_byte(names, ':');
			buf_put_text(names, sign_fields[i].name);
		}
	}
}

struct signing {
	struct form *form;
	struct arena *scratch;
	struct message message;
	struct span names;
	int64_t now;
	uint8_t body_hash[32];
};

static int add_signature(struct signing *s, const char *domain, const struct key *key, struct fail *why)
{
	struct span field;
	struct buf canonical;
	struct draft d;
	int result;

	draft_init(&d, s->scratch, "DKIM-Signature");
	draft_tag(&d, "v", "1");
	draft_tag(&d, "a", "%s", key_algorithm_name(key->algorithm));
	draft_tag(&d, "c", "relaxed/relaxed");
	draft_tag(&d, "d", "%s", domain);
	draft_tag(&d, "s", "%s", key->selector);
	draft_tag(&d, "t", "%" PRId64, s->now);
	draft_names(&d, "h", s->names);
	draft_hash(&d, "bh", s->body_hash);
	buf_init(&canonical, DRAFT_CANONICAL_MAX_BYTES);
	canon_fields(&canonical, &s->message, s->names, CANON_RELAXED);
	result = draft_sign(&d, key, &canonical, &field, why);
	if (result == 0)
		form_field_top(s->form, EDIT_SIGNATURE, "sign", arena_span(s->form->arena, field));
	buf_done(&canonical);
	draft_done(&d);
	return result;
}

static int read_form(struct signing *s, const uint8_t *body_hash, struct fail *why)
{
	struct rendering rendering;

	if (form_render(s->form, s->scratch, &rendering, why) != 0
		|| message_parse_slices(s->scratch, rendering.slices, rendering.count, &s->message, why) != 0)
		return -1;
	if (body_hash != NULL)
		memcpy(s->body_hash, body_hash, sizeof(s->body_hash));
	else
		canon_body_sha256(s->message.body, s->message.body_count, CANON_RELAXED, UINT64_MAX, s->body_hash, NULL);
	return 0;
}

int sign_form(struct form *form, const struct keyring *ring, const char *domain, const struct clock *clock, const uint8_t *body_hash, struct fail *why)
{
	static const enum key_algorithm algorithms[] = { KEY_ED25519, KEY_RSA }; /* the RSA one on top, where simple verifiers look first */
	struct signing s = { .form = form, .now = clock_now(clock) };
	struct buf names;
	int result = 0, made = 0;

	s.scratch = arena_new(ARENA_SCRATCH_MAX_BYTES);
	buf_init(&names, SIGNATURE_NAMES_MAX_BYTES);
	if (read_form(&s, body_hash, why) != 0) {
		result = -1;
		goto out;
	}
	list_names(&names, &s.message);
	s.names = buf_span(&names);
	for (size_t i = 0; result == 0 && i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		const struct key *key = keyring_find(ring, domain, algorithms[i]);

		if (key == NULL)
			continue;
		result = add_signature(&s, key->domain, key, why);
		made++;
	}
	if (made == 0)
		result = fail_permanent(why, "there is no DKIM key for %s: make one, and publish its record", domain);
out:
	buf_done(&names);
	arena_free(s.scratch);
	return result;
}
