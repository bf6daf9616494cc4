/* SPDX-License-Identifier: BSD-2-Clause */
/* What is let in: checks in the order of a table. The first of them is about bytes, the central one is the rule that nothing which fails the DMARC
 * policy of its author domain on arrival is given a new identity and sent on. */
#include "listd/post/route.h"
#include "listd/post/header_rules.h"

#include "mail/address.h"

#include <stdarg.h>

static int refuse(struct post *post, const struct fail *why)
{
	return post_refuse(post, why);
}

static int check_bytes(struct post *post, struct fail *why)
{
	struct message_scan scan;
	struct fail refusal;

	(void)why;
	message_scan(post->message.bytes, &scan);
	if (scan.fault == MESSAGE_OK)
		return STAGE_NEXT;
	reply_fail(&refusal, REPLY_BAD_BYTES, message_fault_name(scan.fault), arena_printf(post->arena, "%zu", scan.fault_offset));
	return refuse(post, &refusal);
}

static int check_size(struct post *post, struct fail *why)
{
	long long max = post->list->max_size_bytes > 0 ? post->list->max_size_bytes : post->world->site->max_size_bytes;
	struct fail refusal;

	(void)why;
	if (post->message.total_bytes <= (size_t)max)
		return STAGE_NEXT;
	reply_fail(&refusal, REPLY_TOO_BIG, arena_printf(post->arena, "%lld", max), post->list->address);
	return refuse(post, &refusal);
}

static int bad_from(struct post *post, const char *what)
{
	struct fail refusal;

	if (post->released)
		return STAGE_NEXT;
	if (post->list->on_bad_from == 1)
		return post_hold(post, "the From field %s", what);
	reply_fail(&refusal, REPLY_BAD_FROM, what);
	return refuse(post, &refusal);
}

/* A message without one readable From has no author, so nobody can have let it be sent in his name. It is not for a moderator to release. */
static int check_from(struct post *post, struct fail *why)
{
	const struct facts *facts = &post->facts;
	struct fail refusal;

	(void)why;
	if (facts->from_fields == 1 && post->author_key != NULL && !facts->from.damaged)
		return STAGE_NEXT;
	if (facts->from_fields == 1 && post->author_key != NULL)
		return bad_from(post, "can be read in more than one way");
	reply_fail(&refusal, REPLY_BAD_FROM, facts->from_fields == 0 ? "is missing" : facts->from_fields > 1 ? "is there more than once" : "holds no address");
	return refuse(post, &refusal);
}

static int unauthentic(struct post *post, bool hold)
{
	const struct dmarc_verdict *verdict = post->facts.forged;
	const char *record = verdict->rfc9989.record != NULL ? verdict->rfc9989.record : verdict->rfc7489.record;
	struct fail refusal;

	if (hold)
		return post_hold(post, "DMARC: the policy of %s is %s, and neither SPF nor DKIM shows that the message comes from there (%s)",
			verdict->author_domain, dmarc_policy_name(verdict->effective), post->facts.authentic_by);
	reply_fail(&refusal, REPLY_UNAUTHENTIC, verdict->author_domain, record == NULL ? "no record" : record);
	return refuse(post, &refusal);
}

/* What DNS trouble hides is looked at again later, never guessed. */
static int later(struct post *post)
{
	post->outcome = OUTCOME_LATER;
	post->reason = arena_printf(post->arena, "DNS does not tell yet whether the message comes from %s", post->facts.forged->author_domain);
	return STAGE_END;
}

/* Our own name is not for strangers, be it the list's own address, another list's, or the organization's, whatever its policy. */
static int check_own_name(struct post *post, struct fail *why)
{
	const struct facts *facts = &post->facts;

	(void)why;
	if (!facts->forges_us || post->released)
		return STAGE_NEXT;
	if (facts->has_temporary)
		return later(post);
	return bad_from(post, "names a domain of this list server, but neither SPF, DKIM nor a login shows that the message comes from there");
}

/* No laundering. */
static int check_laundering(struct post *post, struct fail *why)
{
	const struct facts *facts = &post->facts;

	(void)why;
	if (facts->forged == NULL || post->released)
		return STAGE_NEXT;
	if (facts->has_temporary)
		return later(post);
	return unauthentic(post, facts->forged->effective == DMARC_P_QUARANTINE ? post->list->on_quarantine == 0 : post->list->on_reject == 1);
}

static const char *first_owner(const struct post *post)
{
	return post->list->owners != NULL && post->list->owners[0] != NULL
		? arena_printf(post->arena, "%s-owner@%s", list_local(post->list, post->arena), list_domain(post->list)) : "the postmaster";
}

static bool is_denied(struct post *post, const struct address *author)
{
	for (const char *const *deny = post->list->deny; deny != NULL && *deny != NULL; deny++)
		if (rules_pattern_matches(post->arena, *deny, author))
			return true;
	return false;
}

static int check_deny(struct post *post, struct fail *why)
{
	const struct address_list *from = &post->facts.from;
	struct fail refusal;

	(void)why;
	for (size_t i = 0; i < from->count; i++)
		if (is_denied(post, &from->items[i])) {
			reply_fail(&refusal, REPLY_NOT_ALLOWED, address_key(post->arena, &from->items[i]), post->list->address, first_owner(post));
			return refuse(post, &refusal);
		}
	return STAGE_NEXT;
}

static bool is_owner(struct post *post)
{
	return post_is_among(post, post->list->owners);
}

/* Only owners and moderators may post: that somebody says he is one is not enough. */
static int check_keeper(struct post *post)
{
	const struct list_settings *list = post->list;
	struct fail refusal;

	if (post_is_by_keeper(post))
		return STAGE_NEXT;
	if (post_is_among(post, list->owners) || post_is_among(post, list->moderators))
		return post_hold(post, "nothing shows that it comes from %s, who may post to %s: neither SPF nor DKIM", post->author_key, list->address);
	reply_fail(&refusal, REPLY_NOT_ALLOWED, post->author_key, list->address, first_owner(post));
	return refuse(post, &refusal);
}

static int check_poster(struct post *post, struct fail *why)
{
	const struct list_settings *list = post->list;
	struct fail refusal;

	(void)why;
	if (post->released)
		return STAGE_NEXT;
	if (list->post == 3)
		return check_keeper(post);
	if (list->post == 1 || post->author_is_member || is_owner(post) || post_is_by_keeper(post))
		return STAGE_NEXT;
	if (list->on_nonmember == 0)
		return post_hold(post, "%s is not a member of %s", post->author_key, list->address);
	reply_fail(&refusal, REPLY_NOT_MEMBER, list->address, post->author_key, first_owner(post));
	return refuse(post, &refusal);
}

static int check_header_rules(struct post *post, struct fail *why)
{
	enum header_rule_action action;
	struct fail refusal;
	const char *rule;

	(void)why;
	if (post->released || !header_rules_match(post->arena, post->list->header_rules, &post->message, &action, &rule))
		return STAGE_NEXT;
	switch (action) {
	case HEADER_RULE_HOLD:
		return post_hold(post, "header rule: %s", rule);
	case HEADER_RULE_DISCARD:
		return post_discard(post, "header rule: %s", rule);
	case HEADER_RULE_REFUSE:
		reply_fail(&refusal, REPLY_RULE_REFUSED, rule);
		return refuse(post, &refusal);
	}
	return STAGE_NEXT;
}

/* A list, or a rule of it, whose strategy for such authors is to take no posts from them. */
static int check_refusing_strategy(struct post *post, struct fail *why)
{
	const struct rule *rule = rules_match(&post->list->rules, &post->facts.from, NULL, NULL);
	const struct strategy *strategy = post->list->strategy;
	bool strict = dmarc_is_strict(post->facts.policy) || (rule != NULL && rule->action == RULE_FORCE);
	const char *record;
	struct fail refusal;

	(void)why;
	if (rule != NULL && rule->action == RULE_EXEMPT)
		return STAGE_NEXT;
	if (rule != NULL && rule->action == RULE_STRATEGY) {
		strategy = strategy_find(span_of(rule->strategy));
		strict = true;
	}
	if (strategy == NULL || !strategy->refuses || !strict || post->facts.strictest == NULL)
		return STAGE_NEXT;
	record = post->facts.strictest->rfc9989.record;
	reply_fail(&refusal, REPLY_STRATEGY_REFUSES, post->list->address, post->facts.strictest->author_domain, record == NULL ? dmarc_policy_name(post->facts.policy) : record);
	return refuse(post, &refusal);
}

/* Mail to an author's alias is for people who know him from the list. */
static int check_alias_sender(struct post *post, struct fail *why)
{
	struct fail refusal;

	(void)why;
	if (post->envelope->mail_from == NULL || post->envelope->mail_from[0] == '\0')
		return post_discard(post, "a report to an author alias: its envelope is the list's, so nobody waits for it");
	if (post->list->alias_from == 1 || post->author_is_member || is_owner(post))
		return STAGE_NEXT;
	reply_fail(&refusal, REPLY_NOT_MEMBER, post->rcpt, post->author_key, first_owner(post));
	return refuse(post, &refusal);
}

#define FOR(purpose) (1u << (purpose))
#define FOR_ALL (FOR(PURPOSE_POST) | FOR(PURPOSE_ALIAS) | FOR(PURPOSE_OWNER))

static const struct { int (*check)(struct post *post, struct fail *why); unsigned purposes; } checks[] = {
	{ check_bytes, FOR_ALL },
	{ check_size, FOR_ALL },
	{ check_from, FOR_ALL },
	{ check_own_name, FOR_ALL },
	{ check_laundering, FOR_ALL },
	{ check_deny, FOR(PURPOSE_POST) | FOR(PURPOSE_ALIAS) },
	{ check_refusing_strategy, FOR(PURPOSE_POST) },
	{ check_poster, FOR(PURPOSE_POST) },
	{ check_alias_sender, FOR(PURPOSE_ALIAS) },
	{ check_header_rules, FOR(PURPOSE_POST) },
};

int stage_admit(struct post *post, struct fail *why)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int result;

		if ((checks[i].purposes & FOR(post->purpose)) == 0)
			continue;
		result = checks[i].check(post, why);
		if (result != STAGE_NEXT)
			return result;
	}
	return STAGE_NEXT;
}
