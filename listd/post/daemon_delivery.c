/* SPDX-License-Identifier: BSD-2-Clause */
/* What delivery asks of the daemon: envelope senders, and where results go. */
#include "listd/bounce/learn.h"
#include "listd/daemon.h"
#include "listd/delivery/verp.h"
#include "listd/event.h"

#include <string.h>

/* What the envelope senders of a job are made of: the list's address in two parts (its name was checked when it was made), and the key of its codes. */
struct sender {
	struct secret secret;
	const char *local, *domain;
};

static void opened(void *context, struct job *job)
{
	const struct daemon *daemon = context;
	struct sender *sender = arena_alloc(job->arena, sizeof(*sender));
	const char *at = strrchr(job->list, '@');

	sender->local = arena_text(job->arena, (struct span){ job->list, (size_t)(at - job->list) });
	sender->domain = at + 1;
	sender->secret = secret_derive(&daemon->master, arena_printf(job->arena, "verp %s", job->list));
	job->kept = sender;
}

static void verp_sender(void *context, const struct job *job, const struct job_rcpt *rcpt, char *sender_r, size_t size)
{
	const struct sender *sender = job->kept;

	(void)context;
	verp_write(&sender->secret, VERP_RECIPIENT, sender->local, sender->domain, job->id, rcpt->address, sender_r, size);
}

static void plain_sender(void *context, const struct job *job, char *sender_r, size_t size)
{
	const struct sender *sender = job->kept;

	(void)context;
	verp_write(&sender->secret, VERP_POST, sender->local, sender->domain, job->id, NULL, sender_r, size);
}

static void refused(void *context, const struct job *job, const struct job_rcpt *rcpt, int code, const char *reply)
{
	(void)context;
	event_log(EVENT_RCPT_REFUSED, "id", job->id, "list", job->list, "to", rcpt->address, "form", job->forms[rcpt->form].name,
		"code", event_number(code), "reply", reply, NULL);
}

static void delivered(void *context, const struct job *job, const char *form, size_t count)
{
	learn_sent(context, job, form, count);
}

struct delivery_hooks daemon_delivery_hooks(struct daemon *daemon)
{
	return (struct delivery_hooks){ .context = daemon, .opened = opened, .verp_sender = verp_sender, .plain_sender = plain_sender, .refused = refused,
		.delivered = delivered };
}
