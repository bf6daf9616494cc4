/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/strategies/strategies_int.h"

#include "mail/header.h"

/* A From value over this length is no author's; kept twice more it could make the header one that receivers refuse. */
#define KEPT_FROM_MAX_BYTES ((size_t)16 << 10)

static const char by[] = "rewrite";

static bool suits(const struct strategy_input *in, const struct receiver *receiver, bool is_forced, const char **reason_r)
{
	(void)in;
	(void)receiver;
	(void)is_forced;
	(void)reason_r;
	return true;
}

static struct span folded(const struct strategy_input *in, const char *name, struct span value)
{
	return header_fold(in->arena, name, value, message_line_end(in->message));
}

/* The From value as received goes to Author (RFC 9057: made by the first mediator only, never changed) and X-Original-From. */
static void keep_author(const struct strategy_input *in, struct form *form, const struct field *from)
{
	if (from->value.len > KEPT_FROM_MAX_BYTES || span_trim(from->value).len == 0)
		return;
	form_field_top(form, EDIT_STRATEGY, by, repair_field(in, "X-Original-From", from->value));
	if (message_field(in->message, "Author") == NULL)
		form_field_top(form, EDIT_STRATEGY, by, repair_field(in, "Author", from->value));
}

static void set_from(const struct strategy_input *in, struct form *form)
{
	const struct field *from = message_field(in->message, "From");
	struct span text = folded(in, "From", via_from(in));

	form_fields_remove(form, EDIT_STRATEGY, by, "From");
	if (from == NULL) {
		form_field_top(form, EDIT_STRATEGY, by, text);
		return;
	}
	form_field_replace(form, EDIT_STRATEGY, by, from, text);
	keep_author(in, form, from);
	/* the agent of an author whom From does not name any more: shown as "on behalf of" by some readers */
	if (message_field(in->message, "Sender") != NULL)
		form_fields_remove(form, EDIT_STRATEGY, by, "Sender");
}

static void set_replies(const struct strategy_input *in, struct form *form)
{
	const struct field *cc = message_field(in->message, "Cc");
	struct replies replies;
	struct span text;

	replies_plan(in, &replies);
	if (replies.reply_to.len > 0) {
		form_fields_remove(form, EDIT_STRATEGY, by, "Reply-To");
		form_field_top(form, EDIT_STRATEGY, by, folded(in, "Reply-To", replies.reply_to));
	}
	if (replies.cc.len == 0)
		return;
	text = replies_cc(in, replies.cc);
	if (cc != NULL)
		form_field_replace(form, EDIT_STRATEGY, by, cc, text);
	else
		form_field_top(form, EDIT_STRATEGY, by, text);
}

static int propose(const struct strategy_input *in, struct form *form_r, struct fail *why)
{
	form_copy(form_r, in->shaped);
	set_from(in, form_r);
	set_replies(in, form_r);
	if (repair_form(in, form_r, by, why) != 0)
		return -1;
	survive_settle(in, form_r, by);
	return 0;
}

const struct strategy strategy_rewrite = {
	.name = "rewrite",
	.summary = "From is the list or an alias of the author; Reply-To, Author and X-Original-From keep the author",
	.source = "RFC 7960 4.1.3.3; RFC 9989 7.4; RFC 9057",
	.in_auto = true,
	.proof = PROOF_STRICT,
	.touches = TOUCH_FROM | TOUCH_REPAIR | TOUCH_SIGNATURES,
	.suits = suits,
	.propose = propose,
};
