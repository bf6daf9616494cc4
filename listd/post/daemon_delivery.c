/* SPDX-License-Identifier: BSD-2-Clause */
/* What delivery asks of the daemon: envelope senders, and where results go. */
#include "listd/bounce/learn.h"
#include "listd/bounce/bounce.h"
#include "listd/bounce/verdict.h"
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

/* A message of the list's own: of a probe its id tells whose. */
static bool is_probe(const struct job *job, struct arena *a)
{
	const struct sender *sender = job->kept;
	const char *before = arena_printf(a, "%s-bounces+", sender->local);
	struct span from = span_of(job->fixed_sender);
	struct verp verp;

	return span_starts_nocase(from, before)
		&& verp_read(a, &sender->secret, sender->local, span_sub(from, strlen(before), span_find_byte(from, '@') - strlen(before)), &verp) && verp.valid && verp.kind == VERP_PROBE;
}

static int take_refusal(struct daemon *daemon, struct arena *a, const struct job *job, const struct job_rcpt *rcpt, int code, const char *reply)
{
	struct site *site = daemon_hold_site(daemon);
	struct verdict_rcpt verdict;
	struct bounce bounce;
	struct fail why;

	verdict_of_reply(a, site->patterns, code, reply, "", &verdict);
	daemon_release_site(site);
	bounce = (struct bounce){
		.list = job->list, .job = job->id, .recipient = rcpt->address, .form = job->forms[rcpt->form].name, .source = BOUNCE_BY_REPLY, .class = verdict.class,
		.status = verdict.status, .reply = reply, .at_secs = clock_now(&daemon->clock),
	};
	/* given up after queue-life: that our own relay was away says nothing of the recipient */
	if (code / 100 == 4 && bounce.class == BOUNCE_NETWORK)
		bounce.class = BOUNCE_UNKNOWN;
	if (job->sender != JOB_SENDER_VERP) {
		if (!is_probe(job, a))
			return 0;
		bounce.source = BOUNCE_BY_PROBE;
		bounce.job = arena_text(a, span_sub(span_of(job->id), 0, SPOOL_ID_CHARS));
	}
	if (bounce_take(daemon, &bounce, &why) == 0)
		return 0;
	event_log(EVENT_FAULT, "id", job->id, "to", rcpt->address, "text", why.text, NULL);
	return -1;
}

static int refused(void *context, const struct job *job, const struct job_rcpt *rcpt, int code, const char *reply)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	int result = take_refusal(context, a, job, rcpt, code, reply);

	arena_free(a);
	event_log(EVENT_RCPT_REFUSED, "id", job->id, "list", job->list, "to", rcpt->address, "form", job->forms[rcpt->form].name,
		"code", event_number(code), "reply", reply, NULL);
	return result;
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
