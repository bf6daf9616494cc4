/* SPDX-License-Identifier: BSD-2-Clause */
/* The way of a message from intake to delivery.
 *
 *    LMTP RCPT       post_find_list: list and purpose of the address, or 550 5.1.1
 *    LMTP DATA       the stages marked "before 250", on the bytes as they came  ->  550 | 250 once the message is on disk
 *        |
 *    spool/in        a worker runs all stages
 *        |
 *      classify      what the address stands for: the list, an author alias, the owners
 *      loop          has it been here before? own List-Id, Received count, Message-ID
 *      authenticate  SPF, DKIM, ARC, and DMARC by both readings
 *      admit         the laundering rule; bytes, size, From; who may post; header rules        ->  refuse | hold | discard
 *      moderate      moderated lists and members                                             ->  hold
 *      shape         what the list wants on every copy, as edits
 *      choose        for each receiver class the least invasive strategy whose proof holds
 *        |
 *    commit.c        spool/out, archive; then spool/in is let go. The only one with side effects.
 *        |
 *    delivery/       relay MTA over SMTP
 *        |
 *    bounce/         a copy that was refused for DMARC: the stages marked "again", with a stronger strategy, for those who did not get it
 */
#include "listd/post/route.h"

#include <stddef.h>

const struct stage route[] = {
	{ "classify", "tells what the address stands for, and where a forward goes", stage_classify, true, true },
	{ "loop", "stops mail that has been here before", stage_loop, true, false },
	{ "authenticate", "finds out what SPF, DKIM, ARC and DMARC say", stage_authenticate, true, true },
	{ "admit", "refuses, holds or lets in, by the rules of DMARC and of the list", stage_admit, true, false },
	{ "moderate", "holds what a moderator is to see first", stage_moderate, true, false },
	{ "shape", "lays down the list's own fields, tag and footer as edits", stage_shape, false, true },
	{ "choose", "takes for each receiver class the least invasive strategy whose proof holds", stage_choose, false, true },
};
const size_t route_count = sizeof(route) / sizeof(route[0]);

/* part: offset of the member of struct stage that says whether it runs; 0: all do. */
static int run(struct post *post, size_t part, void (*on_stage)(void *context, const struct stage *stage, const struct post *post), void *context, struct fail *why)
{
	post->outcome = OUTCOME_SEND;
	for (size_t i = 0; i < route_count; i++) {
		const struct stage *stage = &route[i];
		int result;

		if (part != 0 && !*(const bool *)((const char *)stage + part))
			continue;
		post->stage = stage->name;
		result = stage->run(post, why);
		if (result < 0)
			return fail_prefix(why, "%s", stage->name);
		if (on_stage != NULL)
			on_stage(context, stage, post);
		if (result == STAGE_END)
			return 0;
	}
	return 0;
}

int route_run(struct post *post, bool at_intake, void (*on_stage)(void *context, const struct stage *stage, const struct post *post), void *context, struct fail *why)
{
	return run(post, at_intake ? offsetof(struct stage, at_intake) : 0, on_stage, context, why);
}

int route_run_again(struct post *post, struct fail *why)
{
	return run(post, offsetof(struct stage, again), NULL, NULL, why);
}
