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
 */
#include "listd/post/route.h"

const struct stage route[] = {
	{ "classify", "tells what the address stands for, and where a forward goes", stage_classify, true },
	{ "loop", "stops mail that has been here before", stage_loop, true },
	{ "authenticate", "finds out what SPF, DKIM, ARC and DMARC say", stage_authenticate, true },
	{ "admit", "refuses, holds or lets in, by the rules of DMARC and of the list", stage_admit, true },
	{ "moderate", "holds what a moderator is to see first", stage_moderate, true },
	{ "shape", "lays down the list's own fields, tag and footer as edits", stage_shape, false },
	{ "choose", "takes for each receiver class the least invasive strategy whose proof holds", stage_choose, false },
};
const size_t route_count = sizeof(route) / sizeof(route[0]);

int route_run(struct post *post, bool at_intake, void (*on_stage)(void *context, const struct stage *stage, const struct post *post), void *context, struct fail *why)
{
	post->outcome = OUTCOME_SEND;
	for (size_t i = 0; i < route_count; i++) {
		const struct stage *stage = &route[i];
		int result;

		if (at_intake && !stage->at_intake)
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
