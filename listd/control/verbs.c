/* SPDX-License-Identifier: BSD-2-Clause */
/* Every verb of the control socket: a row here, a function in one of the verbs_*.c files. */
#include "listd/control/verbs_bounces.h"
#include "listd/control/verbs_list.h"
#include "listd/control/verbs_member.h"
#include "listd/control/verbs_receivers.h"
#include "listd/control/verbs_site.h"

const struct control_verb control_verbs[] = {
	VERBS_LIST_ROWS,
	VERBS_MEMBER_ROWS,
	VERBS_SITE_ROWS,
	VERBS_RECEIVERS_ROWS,
	VERBS_BOUNCES_ROWS,
};
const size_t control_verb_count = sizeof(control_verbs) / sizeof(control_verbs[0]);
