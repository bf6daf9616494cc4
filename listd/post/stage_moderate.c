/* SPDX-License-Identifier: BSD-2-Clause */
/* What a moderator is to see before it goes out. */
#include "listd/post/route.h"

int stage_moderate(struct post *post, struct fail *why)
{
	const struct list_settings *list = post->list;

	(void)why;
	if (post->purpose != PURPOSE_POST || post->released || post_is_by_keeper(post))
		return STAGE_NEXT;
	if (list->post == 2)
		return post_hold(post, "every post of %s is looked at by a moderator", list->address);
	if (post->author_is_moderated)
		return post_hold(post, "posts of %s are looked at by a moderator", post->author_key);
	return STAGE_NEXT;
}
