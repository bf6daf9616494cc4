/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts: SPF by what the session knew, DKIM, ARC, and DMARC for each author domain. */
#include "listd/post/route.h"

#include "mail/address.h"

static const char *first_author_key(struct post *post)
{
	const struct address_list *from = &post->facts.from;

	for (size_t i = 0; i < from->count; i++)
		if (from->items[i].domain.len > 0)
			return address_key(post->arena, &from->items[i]);
	return NULL;
}

/* With several authors, one member among them is enough: the others wrote with a member. One who is moderated is so in company, too. */
static int find_membership(struct post *post, struct fail *why)
{
	const struct address_list *from = &post->facts.from;

	for (size_t i = 0; i < from->count && i < FACTS_AUTHORS_MAX; i++) {
		struct member member;
		int found;

		if (from->items[i].domain.len == 0)
			continue;
		found = post->world->find_member(post->world->context, post->arena, post->list->address, address_key(post->arena, &from->items[i]), &member, why);
		if (found < 0)
			return -1;
		if (found == 0)
			continue;
		post->author_is_member = true;
		post->author_is_moderated |= (member.flags & MEMBER_MODERATED) != 0;
	}
	return STAGE_NEXT;
}

/* What our signature and the envelope of the copies speak for. */
static void guard_own_name(struct post *post)
{
	const char *const domains[] = { post->identity.domain, post->identity.bounce_domain, NULL };

	facts_guard_own(post->arena, post->world->dns, domains, &post->facts);
}

void authenticate_gather(const struct world *world, struct arena *a, const struct message *message, const struct session *session, struct facts *facts_r)
{
	const struct again *again = world->again;
	const struct site_settings *site = world->site;
	struct facts_options *options = arena_alloc(a, sizeof(*options));

	*options = (struct facts_options){
		.trusted_authserv_ids = site->trusted_authserv_ids,
		.own_authserv_id = site->authserv_id,
		.trusted_sealers = site->trusted_sealers,
		.receiver_name = site->host_name,
	};
	facts_gather(a, world->dns, again == NULL ? world->clock : &again->arrived, message, session, options, facts_r);
}

/* What was found on arrival stands, whatever DNS says now: it was right for the copies that went out, and it is for the one that takes the place of one of them. A post that
 * only a moderator's word let through stays one. */
static void recall(struct post *post, const struct again *again)
{
	struct facts *facts = &post->facts;

	facts->forges_us = false;
	facts->disowned = again->disowned;
	facts->forged = again->vouched ? facts->strictest : NULL;
	for (size_t i = 0; i < facts->author_count; i++)
		facts->proofs[i] = again->named ? "as shown on arrival" : NULL;
}

int stage_authenticate(struct post *post, struct fail *why)
{
	struct arrival *arrival = post->world->arrival;

	if (arrival == NULL) {
		authenticate_gather(post->world, post->arena, &post->message, &post->session, &post->facts);
	} else {
		/* a message may have a thousand recipients, and each signature is a walk over its body */
		if (!arrival->is_judged)
			authenticate_gather(post->world, arrival->arena, &arrival->message, &post->session, &arrival->facts);
		arrival->is_judged = true;
		post->facts = arrival->facts;
	}
	guard_own_name(post);
	if (post->world->again != NULL)
		recall(post, post->world->again);
	post->author_key = first_author_key(post);
	return find_membership(post, why);
}
