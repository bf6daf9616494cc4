/* SPDX-License-Identifier: BSD-2-Clause */
/* The route: the stages in their order, and a runner. */
#ifndef LISTD_ROUTE_H
#define LISTD_ROUTE_H

#include "listd/post/post.h"

enum stage_result { STAGE_NEXT, STAGE_END };

struct stage {
	const char *name;
	const char *summary;  /* one line */
	int (*run)(struct post *post, struct fail *why); /* STAGE_NEXT, STAGE_END (post->outcome is set), or -1: trouble of ours, temporary */
	bool at_intake;       /* runs before the 250 too */
	bool again;           /* runs for a second form too */
};
extern const struct stage route[];
extern const size_t route_count;

/* Run the stages (at_intake: only those that run before the 250). 0: post->outcome says how it ends; -1: trouble, try again later. on_stage may be NULL; it is
 * called after each stage. */
int route_run(struct post *post, bool at_intake, void (*on_stage)(void *context, const struct stage *stage, const struct post *post), void *context, struct fail *why);

/* Run the stages that a second form needs: what the post is, how its copies look, which is taken (world->again is set). As route_run. */
int route_run_again(struct post *post, struct fail *why);
/* The facts of a message, by the site's settings: what the stage "authenticate" takes, and what the milter takes for other mail. */
void authenticate_gather(const struct world *world, struct arena *a, const struct message *message, const struct session *session, struct facts *facts_r);

/* The stages, one file each. */
int stage_classify(struct post *post, struct fail *why);
int stage_loop(struct post *post, struct fail *why);
int stage_authenticate(struct post *post, struct fail *why);
int stage_admit(struct post *post, struct fail *why);
int stage_moderate(struct post *post, struct fail *why);
int stage_shape(struct post *post, struct fail *why);
int stage_choose(struct post *post, struct fail *why);

#endif
