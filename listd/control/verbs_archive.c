/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/verbs_list.h"

#include "archive/maildir.h"
#include "listd/json_text.h"
#include "mail/file.h"
#include "mail/transfer.h"

#include <string.h>

/* A post in one answer line, in base64. */
#define POST_MAX_BYTES ((size_t)128 << 20)

static int send_post(void *context, const char *id, int64_t stored_secs, const char *path)
{
	struct control_call *call = context;
	struct arena *a = arena_new(4 * POST_MAX_BYTES);
	struct span bytes;
	struct fail why;

	/* one that cannot be read any more is none: the archive may be cleared at any time */
	if (file_read(a, path, POST_MAX_BYTES, &bytes, &why) == 0)
		control_row(call, json_pack("{s:o, s:I, s:o}", "id", json_optional(id), "stored", (json_int_t)stored_secs, "message", json_text(transfer_base64_line(a, bytes))));
	arena_free(a);
	return 0;
}

int verb_archive_read(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *name = verbs_list_name(call, "list", why);
	struct list_settings *list;
	struct site *site;
	int result, found = name == NULL ? -1 : daemon_list(call->daemon, name, &list, why);

	(void)result_r;
	if (found <= 0)
		return found < 0 ? -1 : fail_permanent(why, "no list %s: see listctl lists", name);
	site = daemon_hold_site(call->daemon);
	result = maildir_each(site->settings->archive_dir, list->address, (int64_t)json_integer_value(json_object_get(call->args, "since")), send_post, call, why);
	daemon_release_site(site);
	list_settings_free(list);
	return result;
}
