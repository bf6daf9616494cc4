/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_receivers.h"

#include "listd/bounce/learn.h"
#include "listd/event.h"
#include "listd/json_text.h"
#include "mail/date.h"
#include "mail/idna.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char *text_arg(const struct control_call *call, const char *name)
{
	const char *text = json_string_value(json_object_get(call->args, name));

	return text == NULL ? "" : text;
}

/* ---- what is known ---- */

struct showing {
	struct control_call *call;
	struct site *site;
	struct learnt *learnt;
	size_t count;
	struct allowed *allowed;
	size_t allowed_count;
	int64_t now_secs, relearn_secs;
};

/* One row in words: "none: refused 2 times, last 2026-11-29 (holds): 550 5.7.1 ..." */
static const char *in_words(const struct showing *s, const struct learnt *l)
{
	struct arena *a = s->call->arena;
	enum learn_state state = learn_state(l, s->now_secs, s->relearn_secs);

	if (state == LEARN_SENT)
		return arena_printf(a, "%s: sent %llu, last %s", l->what, (unsigned long long)l->sent_count, date_iso(a, l->sent_secs));
	if (state == LEARN_SUSPECTED)
		return arena_printf(a, "%s: said to be refused, which too few have confirmed: %s", l->what, l->reply);
	return arena_printf(a, "%s: refused %llu times, last %s (%s): %s", l->what, (unsigned long long)l->refused_count, date_iso(a, l->refused_secs), learn_state_name(state), l->reply);
}

/* "forms" and "experience" of a name. */
static void put_experience(const struct showing *s, enum learnt_kind kind, const char *name, json_t *row)
{
	json_t *forms = json_array();
	const char *words = NULL;

	for (size_t i = 0; i < s->count; i++) {
		const struct learnt *l = &s->learnt[i];

		if (l->kind != kind || strcmp(l->name, name) != 0)
			continue;
		json_array_append_new(forms, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "what", l->what, "state", learn_state_name(learn_state(l, s->now_secs, s->relearn_secs)),
			"refused_count", (json_int_t)l->refused_count, "refused", (json_int_t)l->refused_secs, "sent_count", (json_int_t)l->sent_count,
			"sent", (json_int_t)l->sent_secs, "reply", json_optional(l->reply)));
		words = words == NULL ? in_words(s, l) : arena_printf(s->call->arena, "%s; %s", words, in_words(s, l));
	}
	json_object_set_new(row, "forms", forms);
	json_object_set_new(row, "experience", json_optional(words == NULL ? "" : words));
}

static const char *yes(bool value)
{
	return value ? "yes" : "no";
}

static void show_receiver(const struct showing *s, const char *name, const struct receiver *known)
{
	struct experience e = { .receiver = known };
	json_t *row;

	if (name[0] == '@')
		learn_experience(s->call->daemon, s->call->arena, known->name, &e);
	learn_experience(s->call->daemon, s->call->arena, name, &e);
	row = json_pack("{s:s, s:o, s:b, s:b, s:b, s:b, s:o}", "kind", "receiver", "name", json_optional(name), "enforces", e.receiver->enforces, "trusts_arc", e.receiver->trusts_arc,
		"allowlists_us", e.receiver->allowlists_us, "learns", !e.receiver->is_fixed, "source", json_optional(e.receiver->source));
	json_object_set_new(row, "does", json_string(arena_printf(s->call->arena, "enforces %s, trusts-arc %s, allowlists-us %s%s", yes(e.receiver->enforces),
		yes(e.receiver->trusts_arc), yes(e.receiver->allowlists_us), e.receiver->is_fixed ? ", learns no" : "")));
	put_experience(s, LEARNT_RECEIVER, name, row);
	control_row(s->call, row);
}

/* A domain that is known for itself: it adds to its operator. */
static void show_domain(const struct showing *s, const char *name)
{
	show_receiver(s, name, receivers_find(s->site->receivers, s->call->daemon->dns, &s->call->daemon->clock, name + 1));
}

static bool is_learnt(const struct showing *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->learnt[i].kind == LEARNT_RECEIVER && strcmp(s->learnt[i].name, name) == 0)
			return true;
	return false;
}

static void show_author(const struct showing *s, const char *name)
{
	json_t *row = json_pack("{s:s, s:o, s:s, s:s}", "kind", "author", "name", json_optional(name), "does", "forced where refused", "source", "learnt");

	put_experience(s, LEARNT_AUTHOR, name, row);
	control_row(s->call, row);
}

static void show_learnt(const struct showing *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct learnt *l = &s->learnt[i];

		if (i > 0 && s->learnt[i - 1].kind == l->kind && strcmp(s->learnt[i - 1].name, l->name) == 0)
			continue;
		if (l->kind == LEARNT_AUTHOR)
			show_author(s, l->name);
		else if (l->name[0] == '@')
			show_domain(s, l->name);
	}
}

int verb_receivers(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct showing s = { .call = call, .site = daemon_hold_site(call->daemon), .now_secs = clock_now(&call->daemon->clock) };

	(void)result_r;
	(void)why;
	s.relearn_secs = s.site->settings->relearn_secs;
	learn_all(call->daemon->learn, call->arena, &s.learnt, &s.count);
	learn_allowed(call->daemon->learn, call->arena, &s.allowed, &s.allowed_count);
	for (size_t i = 0; i < receivers_count(s.site->receivers); i++)
		show_receiver(&s, receivers_at(s.site->receivers, i)->name, receivers_at(s.site->receivers, i));
	for (size_t i = 0; i < s.allowed_count; i++)
		if (s.allowed[i].kind == ALLOWED_RECEIVER && s.allowed[i].name[0] == '@' && !is_learnt(&s, s.allowed[i].name))
			show_domain(&s, s.allowed[i].name);
	show_learnt(&s);
	daemon_release_site(s.site);
	return 0;
}

int verb_receivers_forget(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *name = text_arg(call, "name");
	size_t count;

	if (learn_forget(call->daemon->learn, name, &count, why) != 0)
		return -1;
	if (count == 0)
		return control_refuse(why, EX_DATAERR, "nothing was learnt of %s: see listctl receivers", name);
	*result_r = json_pack("{s:I}", "count", (json_int_t)count);
	return 0;
}

/* ---- the allowlist ---- */

/* "google", "@example.net" and "example.net" as rows have them. */
static const char *receiver_name(struct control_call *call, const char *text, struct fail *why)
{
	struct site *site = daemon_hold_site(call->daemon);
	const struct receiver *receiver = receivers_by_name(site->receivers, text);
	const char *name = receiver == NULL || receiver == receivers_by_name(site->receivers, "unknown") ? NULL : arena_text(call->arena, span_of(receiver->name)), *domain;

	daemon_release_site(site);
	if (name != NULL)
		return name;
	if (text[0] == '@')
		text++;
	domain = strchr(text, '.') == NULL ? NULL : idna_to_ascii(call->arena, span_of(text));
	if (domain != NULL)
		return arena_printf(call->arena, "@%s", domain);
	control_refuse(why, EX_DATAERR, "no receiver %s is known: listctl receivers shows those that are; for the mailboxes of one domain write @DOMAIN", text);
	return NULL;
}

/* A pattern of rules.h. */
static const char *sender_name(struct control_call *call, const char *text, struct fail *why)
{
	struct rules rules;

	if (*text != '\0' && strpbrk(text, " \t\n;#") == NULL
			&& rules_parse(call->arena, span_of(arena_printf(call->arena, "exempt from %s", text)), &rules, NULL) == 0 && rules.count == 1 && rules.items[0].from != NULL)
		return rules.items[0].from;
	control_refuse(why, EX_DATAERR, "expected an author's domain, .domain, address or pattern such as *@example.com, not %s", text);
	return NULL;
}

static const struct { const char *name; const char *(*read)(struct control_call *call, const char *text, struct fail *why); } kinds[] = {
	[ALLOWED_RECEIVER] = { "receiver", receiver_name }, [ALLOWED_SENDER] = { "sender", sender_name },
};

static int read_entry(struct control_call *call, struct allowed *allowed_r, struct fail *why)
{
	const char *kind = text_arg(call, "kind");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, kind) != 0)
			continue;
		*allowed_r = (struct allowed){
			.kind = (enum allowed_kind)i, .name = kinds[i].read(call, text_arg(call, "name"), why), .note = text_arg(call, "note"),
			.since_secs = clock_now(&call->daemon->clock),
		};
		return allowed_r->name == NULL ? -1 : 0;
	}
	return control_refuse(why, EX_USAGE, "expected receiver or sender, not %s", kind);
}

static void log_change(const struct control_call *call, const char *what, const struct allowed *allowed)
{
	event_log(EVENT_ALLOWLIST_CHANGED, "what", what, "kind", kinds[allowed->kind].name, "name", allowed->name, "user", event_number(call->peer_uid), NULL);
}

int verb_allowlist_list(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct allowed *allowed;
	size_t count;

	(void)result_r;
	(void)why;
	learn_allowed(call->daemon->learn, call->arena, &allowed, &count);
	for (size_t i = 0; i < count; i++)
		control_row(call, json_pack("{s:s, s:o, s:I, s:o}", "kind", kinds[allowed[i].kind].name, "name", json_optional(allowed[i].name), "since",
			(json_int_t)allowed[i].since_secs, "note", json_optional(allowed[i].note)));
	return 0;
}

int verb_allowlist_add(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct allowed allowed;

	if (read_entry(call, &allowed, why) != 0 || learn_allow(call->daemon->learn, &allowed, why) != 0)
		return -1;
	log_change(call, "added", &allowed);
	*result_r = json_pack("{s:s, s:o}", "kind", kinds[allowed.kind].name, "name", json_optional(allowed.name));
	return 0;
}

int verb_allowlist_remove(struct control_call *call, json_t **result_r, struct fail *why)
{
	struct allowed allowed;
	int removed;

	if (read_entry(call, &allowed, why) != 0)
		return -1;
	removed = learn_disallow(call->daemon->learn, allowed.kind, allowed.name, why);
	if (removed == 0)
		return control_refuse(why, EX_DATAERR, "%s is not on the allowlist: see listctl allowlist list", allowed.name);
	if (removed < 0)
		return -1;
	log_change(call, "removed", &allowed);
	*result_r = json_pack("{s:s, s:o}", "kind", kinds[allowed.kind].name, "name", json_optional(allowed.name));
	return 0;
}
