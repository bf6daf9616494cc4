/* SPDX-License-Identifier: BSD-2-Clause */
/* What the address stands for, and for a forward where it goes. */
#include "listd/post/route.h"
#include "listd/bounce/returned.h"
#include "listd/bounce/steps.h"
#include "listd/post/identity.h"
#include "mail/header.h"

#include <string.h>

static int find_author(struct post *post, struct fail *why)
{
	/* not the local part as it was written: the list may have been renamed since */
	struct span local = span_of(arena_printf(post->arena, "%s%s", list_local(post->list, post->arena), post->suffix));
	const char *author = NULL;
	struct fail refusal;
	int found = identity_read_alias(post->arena, post->world, post->list, local, &author, why);

	if (found < 0)
		return -1;
	if (found == 0) {
		reply_fail(&refusal, REPLY_NO_SUCH_ALIAS, post->rcpt);
		return post_refuse(post, &refusal);
	}
	post->targets = arena_array(post->arena, 1, sizeof(*post->targets));
	post->targets[0] = author;
	post->target_count = 1;
	return STAGE_NEXT;
}

static int find_owners(struct post *post)
{
	const char *const *owners = post->list->owners;
	struct fail refusal;

	while (owners != NULL && owners[post->target_count] != NULL)
		post->target_count++;
	if (post->target_count == 0) {
		reply_fail(&refusal, REPLY_NO_SUCH_ALIAS, post->rcpt);
		return post_refuse(post, &refusal);
	}
	post->targets = arena_array(post->arena, post->target_count, sizeof(*post->targets));
	memcpy(post->targets, owners, post->target_count * sizeof(*owners));
	return STAGE_NEXT;
}

static int find_confirmed(struct post *post, struct fail *why)
{
	static const char before[] = "-confirm+";
	const char *token = strlen(post->suffix) > strlen(before) ? post->suffix + strlen(before) : "", *payload = NULL;
	size_t len = strlen(post->list->address);
	int found = post->world->find_token == NULL ? 0 : post->world->find_token(post->world->context, post->arena, token, STEPS_TOKEN_BACK, &payload, why);

	if (found < 0)
		return -1;
	/* the payload: list, blank, key */
	if (found == 0 || strncmp(payload, post->list->address, len) != 0 || payload[len] != ' ')
		return find_owners(post);
	/* programs that answer to Reply-To must not do what a person is asked to */
	if (post_is_by_program(post))
		return post_discard(post, "an automatic answer to a message of the list");
	post->confirm_key = payload + len + 1;
	post->outcome = OUTCOME_REPORT;
	return STAGE_END;
}

int stage_classify(struct post *post, struct fail *why)
{
	identity_fill(post);
	switch (post->purpose) {
	case PURPOSE_ALIAS:
		return find_author(post, why);
	case PURPOSE_OWNER:
		return find_owners(post);
	case PURPOSE_BOUNCES:
		return returned_classify(post);
	case PURPOSE_CONFIRM:
		return find_confirmed(post, why);
	case PURPOSE_POST:
		return STAGE_NEXT;
	}
	return STAGE_NEXT;
}
