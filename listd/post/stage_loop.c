/* SPDX-License-Identifier: BSD-2-Clause */
/* Loops and duplicates: mail that has been on the list or has come a long way, was sent by ourselves, or whose Message-ID the list has had; and mail of
 * programs, which answer a post and would be answered by others. */
#include "listd/post/route.h"

#include "mail/address.h"
#include "mail/header.h"

/* The part of a List-Id that compares: between the last "<" and ">" (RFC 2919 6). */
static struct span list_id_of(struct arena *a, struct span value)
{
	struct span text = header_unfold(a, value);
	size_t open = 0;

	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '<')
			open = i + 1;
	text = span_sub(text, open, text.len);
	return span_trim(span_sub(text, 0, span_find_byte(text, '>')));
}

static bool has_own_list_id(const struct post *post)
{
	for (const struct field *f = message_field(&post->message, "List-Id"); f != NULL;
		f = message_field_from(&post->message, "List-Id", message_field_index(&post->message, f) + 1))
		if (span_eq_text_nocase(list_id_of(post->arena, f->value), post->identity.list_id))
			return true;
	return false;
}

/* Everything that a list sends has its address in X-Loop, which no other list takes out, as it does with List-Id; a wrapper shows those of what it holds. */
static bool was_here_before(const struct post *post)
{
	for (const struct field *f = message_field(&post->message, "X-Loop"); f != NULL;
		f = message_field_from(&post->message, "X-Loop", message_field_index(&post->message, f) + 1))
		if (span_eq_text_nocase(span_trim(f->value), post->list->address))
			return true;
	return false;
}

static bool is_own_envelope(const struct post *post)
{
	const char *from = post->envelope->mail_from;
	const char *bounces;

	if (from == NULL || *from == '\0')
		return false;
	bounces = arena_printf(post->arena, "%s-bounces", list_local(post->list, post->arena));
	return span_starts_nocase(span_of(from), bounces) && span_find(span_of(from), span_of(list_domain(post->list))) < span_of(from).len;
}

/* Answers of programs to a post (RFC 3834). Exchange marks its own as auto-generated, as reports of machines are which a list may be for; but it sends them, as everybody
 * should, with no envelope sender. */
static bool is_automatic_answer(const struct post *post)
{
	const struct field *f = message_field(&post->message, "Auto-Submitted");

	return (post->envelope->mail_from != NULL && post->envelope->mail_from[0] == '\0')
		|| (f != NULL && span_starts_nocase(span_trim(header_unfold(post->arena, f->value)), "auto-replied"));
}

static int refuse_loop(struct post *post, const char *what)
{
	struct fail why;

	reply_fail(&why, REPLY_LOOP, what);
	return post_refuse(post, &why);
}

static int check_duplicate(struct post *post, struct fail *why)
{
	const struct field *id = message_field(&post->message, "Message-ID");
	struct span value;
	int seen;

	if (id == NULL || post->world->is_duplicate == NULL)
		return STAGE_NEXT;
	value = span_trim(header_unfold(post->arena, id->value));
	if (value.len == 0 || value.len > HEADER_LINE_MAX_BYTES)
		return STAGE_NEXT;
	seen = post->world->is_duplicate(post->world->context, post->list->address, arena_text(post->arena, value), post->id, why);
	if (seen < 0)
		return -1;
	return seen == 0 ? STAGE_NEXT : post_discard(post, "its Message-ID %.*s was on the list before", (int)value.len, value.ptr);
}

int stage_loop(struct post *post, struct fail *why)
{
	size_t hops = message_field_count(&post->message, "Received");

	if (hops > (size_t)post->list->max_received)
		return refuse_loop(post, arena_printf(post->arena, "%zu Received fields, more than the %lld that %s takes", hops, post->list->max_received, post->list->address));
	if (was_here_before(post))
		return refuse_loop(post, arena_printf(post->arena, "%s has sent it on before", post->list->address));
	if (post->purpose != PURPOSE_POST)
		return STAGE_NEXT;
	if (has_own_list_id(post))
		return refuse_loop(post, arena_printf(post->arena, "it carries the List-Id of %s", post->list->address));
	if (is_own_envelope(post))
		return refuse_loop(post, arena_printf(post->arena, "%s sent it itself", post->list->address));
	if (is_automatic_answer(post) && !post->released)
		return post_discard(post, "an automatic answer or a report, not a post");
	return post->released ? STAGE_NEXT : check_duplicate(post, why);
}
