/* SPDX-License-Identifier: BSD-2-Clause */
/* What a moderator is to see before it goes out. */
#include "listd/post/route.h"

#include "mail/address.h"

static bool is_among(struct post *post, const char *const *addresses, const char *key)
{
	for (; addresses != NULL && *addresses != NULL; addresses++) {
		struct address address;

		if (key != NULL && address_parse(post->arena, span_of(*addresses), &address, NULL) == 0 && span_eq_text(span_of(address_key(post->arena, &address)), key))
			return true;
	}
	return false;
}

int stage_moderate(struct post *post, struct fail *why)
{
	const struct list_settings *list = post->list;
	/* An owner's or moderator's own post passes, if it is shown to be theirs. */
	bool runs_the_list = post->facts.authentic && (is_among(post, list->owners, post->author_key) || is_among(post, list->moderators, post->author_key));

	(void)why;
	if (post->purpose != PURPOSE_POST || post->released || runs_the_list)
		return STAGE_NEXT;
	if (list->post == 2)
		return post_hold(post, "every post of %s is looked at by a moderator", list->address);
	return STAGE_NEXT;
}
