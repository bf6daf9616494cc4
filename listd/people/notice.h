/* SPDX-License-Identifier: BSD-2-Clause */
/* A message of the list's own to one of its people: a probe, a warning, a report to an owner. Its text is a template (template.h) whose first line is "Subject: ...";
 * From is the list, Auto-Submitted tells programs not to answer, and it goes through spool, signing, proof and delivery as all mail of the list does.
 *
 * Nothing is lost or sent twice, whatever crashes: (1) notice_write puts the message on disk; (2) the caller's transaction, which changes what the message tells of, puts a
 * token of the message's id; (3) workers_push. A worker sends it when the token is there, and drops it when the process ended before (2). */
#ifndef LISTD_NOTICE_H
#define LISTD_NOTICE_H

#include "listd/daemon.h"
#include "listd/people/template.h"
#include "listd/post/post.h"

/* Kinds of tokens of ids: of a message of which nothing comes back, and of one whose return tells of its recipient. The payload of a probe: list, blank, address key. */
#define NOTICE_TOKEN "notice"
#define NOTICE_TOKEN_PROBE "probe"

struct notice {
	const char *to;              /* address */
	const char *template;        /* name of it */
	const struct template_value *values; size_t value_count;
	const char *reply_to;        /* NULL: none */
	const char *sender;          /* of the envelope; "" where nothing is to come back */
};

/* Write it to the spool under id (spool_id). -1: no such template, or the disk. */
int notice_write(struct daemon *daemon, struct site *site, struct arena *a, const struct list_settings *list, const char *id, const struct notice *notice, struct fail *why);
/* Take it back: nothing was decided. */
void notice_drop(struct daemon *daemon, const char *id);
/* A worker's part: sign and prove a message that notice_write wrote, and make its job, whose name is *job_id_r, "" where it is not to be sent. post: begun with the message, its
 * list and its recipient. */
int notice_commit(struct daemon *daemon, struct post *post, const char **job_id_r, struct fail *why);

#endif
