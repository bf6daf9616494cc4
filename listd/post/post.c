/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/post.h"
#include "listd/post/route.h"

#include "mail/address.h"
#include "mail/header.h"
#include "mitigations/auth/keyed.h"
#include "mail/network.h"

#include <stdarg.h>
#include <string.h>

const char *purpose_name(enum purpose purpose)
{
	static const char *const names[] = { "post", "alias", "owner", "bounces", "confirm" };

	return names[purpose];
}

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[] = { "send", "refuse", "hold", "discard", "later", "report" };

	return names[outcome];
}

int post_refuse(struct post *post, const struct fail *why)
{
	post->outcome = OUTCOME_REFUSE;
	post->why = *why;
	post->reason = arena_printf(post->arena, "%s", why->text);
	return STAGE_END;
}

static int __attribute__((format(printf, 3, 0))) end(struct post *post, enum outcome outcome, const char *format, va_list args)
{
	post->outcome = outcome;
	post->reason = arena_vprintf(post->arena, format, args);
	return STAGE_END;
}

int post_hold(struct post *post, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end(post, OUTCOME_HOLD, format, args);
	va_end(args);
	return STAGE_END;
}

int post_discard(struct post *post, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end(post, OUTCOME_DISCARD, format, args);
	va_end(args);
	return STAGE_END;
}

bool post_is_among(struct post *post, const char *const *addresses)
{
	for (; addresses != NULL && *addresses != NULL && post->author_key != NULL; addresses++) {
		struct address address;

		if (address_parse(post->arena, span_of(*addresses), &address, NULL) == 0 && span_eq_text(span_of(address_key(post->arena, &address)), post->author_key))
			return true;
	}
	return false;
}

bool post_is_by_program(const struct post *post)
{
	const struct field *automatic = message_field(&post->message, "Auto-Submitted"), *precedence = message_field(&post->message, "Precedence");

	if (post->envelope->mail_from == NULL || *post->envelope->mail_from == '\0')
		return true;
	return (automatic != NULL && !span_eq_text_nocase(span_trim(header_without_comments(post->arena, automatic->value)), "no"))
		|| (precedence != NULL && !span_eq_text_nocase(span_trim(header_unfold(post->arena, precedence->value)), "first-class"));
}

bool post_is_by_keeper(struct post *post)
{
	return post->facts.shown && (post_is_among(post, post->list->owners) || post_is_among(post, post->list->moderators));
}

/* What may follow a list's local part, and what it is for. The command addresses go to people: the owners. */
static const struct { const char *suffix; bool takes_more; enum purpose purpose; } suffixes[] = {
	{ "-owner", false, PURPOSE_OWNER },       { "-request", false, PURPOSE_OWNER },   { "-help", false, PURPOSE_OWNER },
	{ "-join", false, PURPOSE_OWNER },        { "-subscribe", false, PURPOSE_OWNER }, { "-leave", false, PURPOSE_OWNER },
	{ "-unsubscribe", false, PURPOSE_OWNER }, { "-confirm", true, PURPOSE_CONFIRM },    { "-bounces", true, PURPOSE_BOUNCES },
	{ "-author", true, PURPOSE_ALIAS },
};

/* The next place at or after from where local can be cut into a list and a suffix: its offset, or 0. "-author" is followed by "-CODE", the others by "+TOKEN". */
static size_t find_suffix(struct span local, size_t from, enum purpose *purpose_r)
{
	for (size_t at = from; at < local.len; at++)
		for (size_t i = 0; local.ptr[at] == '-' && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
			struct span suffix = span_of(suffixes[i].suffix), tail = span_sub(local, at + suffix.len, local.len);

			if (!span_eq_nocase(span_sub(local, at, suffix.len), suffix))
				continue;
			if (tail.len == 0 || (suffixes[i].takes_more && (tail.ptr[0] == '+' || tail.ptr[0] == '-'))) {
				*purpose_r = suffixes[i].purpose;
				return at;
			}
		}
	return 0;
}

bool post_is_suffixed(struct arena *a, const char *address, const char **suffix_r, enum purpose *purpose_r)
{
	struct span local = span_sub(span_of(address), 0, span_find_byte(span_of(address), '@'));
	size_t at = find_suffix(local, 1, purpose_r);

	*suffix_r = arena_text(a, span_sub(local, at, local.len));
	return at > 0;
}

struct finder {
	struct arena *arena;
	const char *domain;
	int (*find)(void *context, const char *address, struct list_settings **list_r, struct fail *why);
	void *context;
};

static int find(const struct finder *f, struct span local, struct list_settings **list_r, struct fail *why)
{
	return f->find(f->context, arena_printf(f->arena, "%s@%s", arena_lower(f->arena, local), f->domain), list_r, why);
}

/* Not by address_parse, which ends local parts at 64 octets: a return address of ours with a subscriber's address in it is longer. */
static bool split_rcpt(struct span rcpt, struct address *address_r)
{
	size_t at = rcpt.len;

	while (at > 0 && rcpt.ptr[at - 1] != '@')
		at--;
	if (at < 2 || at == rcpt.len || rcpt.len > ADDRESS_MAX_BYTES)
		return false;
	*address_r = (struct address){ .spec = rcpt, .local = span_sub(rcpt, 0, at - 1), .domain = span_sub(rcpt, at, rcpt.len) };
	return true;
}

int post_find_list(struct arena *a, const char *rcpt, int (*find_list)(void *context, const char *address, struct list_settings **list_r, struct fail *why), void *context,
	struct list_settings **list_r, const char **suffix_r, enum purpose *purpose_r, struct fail *why)
{
	struct finder f = { .arena = a, .find = find_list, .context = context };
	struct address address;
	enum purpose purpose = PURPOSE_POST;
	char *key;
	size_t at;
	int found;

	if (!split_rcpt(span_of(rcpt), &address))
		return 0;
	key = address_key(a, &address);
	address.local = span_sub(span_of(key), 0, (size_t)(strrchr(key, '@') - key));
	f.domain = strrchr(key, '@') + 1;
	*suffix_r = "";
	*purpose_r = PURPOSE_POST;
	found = find(&f, address.local, list_r, why);
	if (found != 0)
		return found;
	for (at = find_suffix(address.local, 1, &purpose); at != 0 && found == 0; at = find_suffix(address.local, at + 1, &purpose)) {
		*suffix_r = arena_text(a, span_sub(address.local, at, address.local.len));
		*purpose_r = purpose;
		found = find(&f, span_sub(address.local, 0, at), list_r, why);
	}
	return found;
}

void post_session(const struct site_settings *site, const struct envelope *envelope, struct session *session_r)
{
	*session_r = (struct session){
		.client_ip = envelope->client_ip, .helo = envelope->helo, .mail_from = envelope->mail_from, .auth_user = envelope->auth_user,
		.is_submission = envelope->is_submission || envelope->auth_user != NULL || network_has(site->submission_networks, envelope->client_ip),
	};
}

static bool read_session(struct arena *a, const struct post *post, struct session *session_r)
{
	const struct world *world = post->world;

	return world->field_key != NULL && keyed_read(a, world->field_key, world->site->authserv_id, &post->message, post->envelope->received_secs, session_r);
}

/* What our milter saw; else what the envelope tells (XFORWARD). */
static void fill_session(struct post *post)
{
	const struct arrival *arrival = post->world->arrival;

	post_session(post->world->site, post->envelope, &post->session);
	if (arrival == NULL)
		read_session(post->arena, post, &post->session);
	else if (arrival->has_session)
		post->session = arrival->session;
}

static int read_message(struct post *post, struct span bytes, struct fail *why)
{
	struct arrival *arrival = post->world->arrival;
	char text[FAIL_TEXT_MAX_BYTES];

	if (arrival != NULL && arrival->is_read) {
		post->message = arrival->message;
		return 0;
	}
	if (message_parse(arrival == NULL ? post->arena : arrival->arena, bytes, &post->message, why) != 0) {
		memcpy(text, why->text, sizeof(text));
		return reply_fail(why, REPLY_BAD_HEADER, text);
	}
	if (arrival != NULL) {
		arrival->message = post->message;
		arrival->is_read = true;
		arrival->has_session = read_session(arrival->arena, post, &arrival->session);
	}
	return 0;
}

int post_begin(struct post *post, struct arena *a, const struct world *world, const struct envelope *envelope, const char *rcpt,
	struct list_settings *list, struct span bytes, struct fail *why)
{
	memset(post, 0, sizeof(*post));
	post->arena = a;
	post->world = world;
	post->envelope = envelope;
	post->id = envelope->id;
	post->rcpt = rcpt;
	post->list = list;
	post->suffix = "";
	post->reason = "";
	post->released = envelope->released_by != NULL;
	if (read_message(post, bytes, why) != 0)
		return -1;
	fill_session(post);
	return 0;
}

int post_each_member(const struct post *post, int (*each)(void *, const struct member *), void *context, struct fail *why)
{
	const struct world *world = post->world;
	const struct again *again = world->again;

	if (again == NULL)
		return world->each_member(world->context, post->list->address, each, context, why);
	for (size_t i = 0; i < again->key_count; i++) {
		struct member member;
		int result = world->find_member(world->context, post->arena, post->list->address, again->keys[i], &member, why);

		if (result == 1)
			result = each(context, &member);
		if (result != 0)
			return result;
	}
	return 0;
}
