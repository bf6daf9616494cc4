/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/rcpt.h"
#include "listd/bounce/returned.h"
#include "listd/post/daemon_world.h"
#include "listd/post/identity.h"

#include "mail/address.h"
#include "mail/network.h"

#include <string.h>

struct asking {
	struct arena *arena;
	struct world world;
	const struct envelope *envelope;
	const char *address;
	const struct rcpt *rcpt;
	const struct list_settings *list;
	bool has_sender;       /* one that can be read, and not the null sender */
	struct address sender;
};

static const char *owner_of(const struct asking *ask)
{
	return arena_printf(ask->arena, "%s-owner@%s", list_local(ask->list, ask->arena), list_domain(ask->list));
}

static int refuse_sender(const struct asking *ask, struct fail *why)
{
	return reply_fail(why, REPLY_NOT_ALLOWED, ask->has_sender ? ask->envelope->mail_from : "<>", ask->list->address, owner_of(ask));
}

/* The author is not known yet: a denied one who sends under another envelope is refused when the message is there. */
static int check_deny(const struct asking *ask, struct fail *why)
{
	for (const char *const *deny = ask->list->deny; ask->has_sender && deny != NULL && *deny != NULL; deny++)
		if (rules_pattern_matches(ask->arena, *deny, &ask->sender))
			return refuse_sender(ask, why);
	return 0;
}

static bool is_same_or_below(struct span name, struct span above)
{
	return span_eq_nocase(name, above)
		|| (name.len > above.len && name.ptr[name.len - above.len - 1] == '.' && span_eq_nocase(span_sub(name, name.len - above.len, above.len), above));
}

static bool is_domain_of(const struct asking *ask, const char *const *addresses)
{
	for (; addresses != NULL && *addresses != NULL; addresses++) {
		struct span domain = span_of(strrchr(*addresses, '@') + 1);

		if (is_same_or_below(ask->sender.domain, domain) || is_same_or_below(domain, ask->sender.domain))
			return true;
	}
	return false;
}

static bool is_submission(const struct asking *ask)
{
	const struct envelope *e = ask->envelope;

	return e->is_submission || e->auth_user != NULL || network_has(ask->world.site->submission_networks, e->client_ip);
}

/* Where only owners and moderators post, mail from domains of none of them need not come in. Their own may come with an envelope of another mailbox of theirs. */
static int check_closed(const struct asking *ask, struct fail *why)
{
	if (ask->list->post != 3 || !ask->list->early_refusal || is_submission(ask))
		return 0;
	if (ask->has_sender && (is_domain_of(ask, ask->list->owners) || is_domain_of(ask, ask->list->moderators)))
		return 0;
	return refuse_sender(ask, why);
}

static int check_alias(const struct asking *ask, struct fail *why)
{
	/* not the local part as it was written: the list may have been renamed since */
	struct span local = span_of(arena_printf(ask->arena, "%s%s", list_local(ask->list, ask->arena), ask->rcpt->suffix));
	const char *author;
	int found = identity_read_alias(ask->arena, &ask->world, ask->list, local, &author, why);

	if (found < 0)
		return reply_fail(why, REPLY_STORE_TROUBLE, "the store does not answer");
	return found == 1 ? 0 : reply_fail(why, REPLY_NO_SUCH_ALIAS, ask->address);
}

static int check_owners(const struct asking *ask, struct fail *why)
{
	return ask->list->owners != NULL && ask->list->owners[0] != NULL ? 0 : reply_fail(why, REPLY_NO_SUCH_ALIAS, ask->address);
}

/* A return address with a code that we have not given out. One without a code is that of forwards. */
static int check_verp(const struct asking *ask, struct fail *why)
{
	struct verp verp;

	if (returned_read_key(ask->arena, ask->world.master, ask->address, ask->rcpt->suffix, &verp) && !verp.valid)
		return reply_fail(why, REPLY_NO_SUCH_ALIAS, ask->address);
	return 0;
}

#define FOR(purpose) (1u << (purpose))

static const struct { int (*check)(const struct asking *ask, struct fail *why); unsigned purposes; } checks[] = {
	{ check_verp, FOR(PURPOSE_BOUNCES) },
	{ check_alias, FOR(PURPOSE_ALIAS) },
	{ check_owners, FOR(PURPOSE_OWNER) },
	{ check_deny, FOR(PURPOSE_POST) | FOR(PURPOSE_ALIAS) },
	{ check_closed, FOR(PURPOSE_POST) },
};

static int run_checks(const struct asking *ask, struct fail *why)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if ((checks[i].purposes & FOR(ask->rcpt->purpose)) != 0 && checks[i].check(ask, why) != 0)
			return -1;
	return 1;
}

int rcpt_judge(struct daemon *daemon, struct arena *a, const struct envelope *envelope, const char *address, struct rcpt *rcpt_r, struct fail *why)
{
	struct rcpt rcpt;
	struct asking ask = { .arena = a, .envelope = envelope, .address = address, .rcpt = &rcpt };
	int found = daemon_find_list(daemon, a, address, &rcpt.list, &rcpt.suffix, &rcpt.purpose, why);
	struct site *site;

	if (found < 0)
		return reply_fail(why, REPLY_STORE_TROUBLE, "the store does not answer");
	if (found == 0)
		return 0;
	site = daemon_hold_site(daemon);
	daemon_world(daemon, site, &ask.world);
	ask.list = rcpt.list;
	ask.has_sender = envelope->mail_from != NULL && address_parse(a, span_of(envelope->mail_from), &ask.sender, NULL) == 0;
	found = run_checks(&ask, why);
	daemon_release_site(site);
	if (found == 1)
		*rcpt_r = rcpt;
	else
		list_settings_free(rcpt.list);
	return found;
}
