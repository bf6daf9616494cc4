/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/intake/milter_int.h"

#include "listd/control/control_client.h"
#include "listd/event.h"

static void note_away(struct milter *milter, const struct fail *why)
{
	if (!atomic_exchange(&milter->is_away, true))
		event_log(EVENT_LISTD_AWAY, "reason", why->text, NULL);
}

int milter_ask(struct milter *milter, const struct site_settings *site, const char *verb, json_t *args, unsigned timeout_ms, json_t **result_r, struct fail *why)
{
	if (control_ask(site->milter_socket, verb, args, timeout_ms, result_r, why) != 0) {
		note_away(milter, why);
		return -1;
	}
	if (atomic_load(&milter->is_away) && atomic_exchange(&milter->is_away, false))
		event_log(EVENT_LISTD_BACK, NULL);
	return 0;
}
