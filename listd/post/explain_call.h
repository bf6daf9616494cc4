/* SPDX-License-Identifier: BSD-2-Clause */
/* One explanation or rendering, wherever its list comes from: shared by the daemon's verb and the offline command. */
#ifndef LISTD_EXPLAIN_CALL_H
#define LISTD_EXPLAIN_CALL_H

#include "listd/post/explain.h"

struct explain_request {
	const char *rcpt;         /* address the message is for: the list's, or one with a suffix */
	struct session session;
	const char *for_address;  /* render: the subscriber; NULL: explain */
	struct span bytes;        /* of the message, with CRLF */
};

/* An id for a message that has none, the same for the same bytes, so that a rendering repeats. */
const char *explain_id(struct arena *a, struct span bytes);
/* find: as for post_find_list. On success one of the two results is set: *explanation_r (the caller's), or rendering_r's slices, which live in a. */
int explain_call(struct arena *a, const struct world *world, const struct explain_request *request,
	int (*find)(void *context, const char *address, struct list_settings **list_r, struct fail *why), void *find_context,
	json_t **explanation_r, struct rendering *rendering_r, struct fail *why);

#endif
