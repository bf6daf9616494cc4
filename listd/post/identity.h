/* SPDX-License-Identifier: BSD-2-Clause */
/* The list as strategies see it, and its author aliases. */
#ifndef LISTD_IDENTITY_H
#define LISTD_IDENTITY_H

#include "listd/post/post.h"

/* Fill post->identity from post->list, but for its texts; the post must stay where it is. */
void identity_fill(struct post *post);
/* The texts that its copies show, which may stand in files; once the author is known. */
void identity_fill_texts(struct post *post);
/* The code under which the store keeps an author's alias. */
const char *identity_alias_code(struct post *post, const struct address *author);
/* The author behind the local part of an alias: 1 found, 0 no alias of this list, -1. */
int identity_read_alias(struct arena *a, const struct world *world, const struct list_settings *list, struct span local, const char **author_r, struct fail *why);

#endif
