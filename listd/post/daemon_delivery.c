/* SPDX-License-Identifier: BSD-2-Clause */
/* What delivery asks of the daemon: envelope senders, and where results go. */
#include "listd/daemon.h"
#include "listd/delivery/verp.h"
#include "listd/event.h"

#include <stdio.h>
#include <string.h>

/* "birds@lists.example.org" in two parts; the list's name was checked when it was made. */
static void split(const char *list, char local_r[64], const char **domain_r)
{
	const char *at = strrchr(list, '@');

	snprintf(local_r, 64, "%.*s", (int)(at - list), list);
	*domain_r = at + 1;
}

static struct secret verp_secret(const struct daemon *daemon, const char *list)
{
	char purpose[320];

	snprintf(purpose, sizeof(purpose), "verp %s", list);
	return secret_derive(&daemon->master, purpose);
}

static void write_sender(const struct daemon *daemon, enum verp_kind kind, const struct job *job, const char *recipient, char *sender_r, size_t size)
{
	struct secret secret = verp_secret(daemon, job->list);
	const char *domain;
	char local[64];

	split(job->list, local, &domain);
	verp_write(&secret, kind, local, domain, job->id, recipient, sender_r, size);
}

static void verp_sender(void *context, const struct job *job, const struct job_rcpt *rcpt, char *sender_r, size_t size)
{
	write_sender(context, VERP_RECIPIENT, job, rcpt->address, sender_r, size);
}

static void plain_sender(void *context, const struct job *job, char *sender_r, size_t size)
{
	write_sender(context, VERP_POST, job, NULL, sender_r, size);
}

static void refused(void *context, const struct job *job, const struct job_rcpt *rcpt, int code, const char *reply)
{
	(void)context;
	event_log(EVENT_RCPT_REFUSED, "id", job->id, "list", job->list, "to", rcpt->address, "form", job->forms[rcpt->form].name,
		"code", event_number(code), "reply", reply, NULL);
}

struct delivery_hooks daemon_delivery_hooks(struct daemon *daemon)
{
	return (struct delivery_hooks){ .context = daemon, .verp_sender = verp_sender, .plain_sender = plain_sender, .refused = refused };
}
