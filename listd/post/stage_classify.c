/* SPDX-License-Identifier: BSD-2-Clause */
/* What the address stands for, and for a forward where it goes. */
#include "listd/post/route.h"
#include "listd/post/identity.h"

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

int stage_classify(struct post *post, struct fail *why)
{
	identity_fill(post);
	switch (post->purpose) {
	case PURPOSE_ALIAS:
		return find_author(post, why);
	case PURPOSE_OWNER:
		return find_owners(post);
	case PURPOSE_POST:
	case PURPOSE_BOUNCES:
		return STAGE_NEXT;
	}
	return STAGE_NEXT;
}
