/* SPDX-License-Identifier: BSD-2-Clause */
/* From out/ to the relay: a pump of several SMTP sessions, pipelined, that takes jobs (job.h) in order and gives each recipient a result. A form's wire bytes (dot-stuffed)
 * are slices computed once. Retry with back-off for each job; a relay that is away stops nothing but the sending. */
#ifndef LISTD_DELIVERY_H
#define LISTD_DELIVERY_H

#include "listd/spool/job.h"
#include "mail/clock.h"

enum relay_tls { RELAY_TLS_NEVER, RELAY_TLS_MAY, RELAY_TLS_MUST };
enum verp_mode { VERP_AUTO, VERP_TRANSACTION, VERP_OFF };

struct delivery_options {
	const char *relay;         /* "host:port", "[::1]:25" or "unix:PATH" */
	const char *helo;
	unsigned sessions, rcpts_max; /* per transaction */
	unsigned timeout_secs;
	enum relay_tls tls;
	const char *tls_ca_file;   /* NULL: the system's; used with RELAY_TLS_MUST */
	const char *user, *password;
	enum verp_mode verp;
	int64_t retry_min_secs, retry_max_secs, queue_life_secs;
	bool keeps;                /* jobs with VERP go to kept/ when they have been sent */
	const struct clock *clock;
};

struct delivery_hooks {
	void *context;
	/* A job was opened for a pass: what the hooks below need for each recipient can be made ready here, once, as job->kept in job->arena. May be NULL. */
	void (*opened)(void *context, struct job *job);
	/* Envelope sender of one recipient (VERP by transaction); into sender_r. */
	void (*verp_sender)(void *context, const struct job *job, const struct job_rcpt *rcpt, char *sender_r, size_t size);
	/* Envelope sender for a job's transactions with XVERP or without VERP; the relay makes local+user=domain@ of it with XVERP=+=. */
	void (*plain_sender)(void *context, const struct job *job, char *sender_r, size_t size);
	/* A recipient's final refusal (code 5xx, or queue-life is over), with the whole reply, lines joined by " ". Called once, unless the process ends
	 * before it is written down. -1: it could not be taken note of; it is tried again later, and told then. */
	int (*refused)(void *context, const struct job *job, const struct job_rcpt *rcpt, int code, const char *reply);
	/* One form of a job has been taken for count recipients in this pass. May be NULL. */
	void (*delivered)(void *context, const struct job *job, const char *form, size_t count);
};

struct delivery;
/* Take up every job of out/ and send until delivery_stop, in threads of its own. options are copied; spool and what hooks point to must live as long. The
 * caller frees *delivery_r with delivery_stop. -1: options that cannot be used, or no threads. */
int delivery_start(const struct delivery_options *options, struct spool *spool, const struct delivery_hooks *hooks, struct delivery **delivery_r, struct fail *why);
/* A new job is in out/. At start every job of out/ is taken up without this. */
void delivery_wake(struct delivery *delivery, const char *job_id);
/* Try everything now (listctl queue flush). */
void delivery_flush(struct delivery *delivery);
/* Change settings without losing sessions in progress. */
int delivery_reload(struct delivery *delivery, const struct delivery_options *options, struct fail *why);
/* Stop in good order: transactions in progress may end within grace_ms, the rest stays in the spool; free. */
void delivery_stop(struct delivery *delivery, unsigned grace_ms);

struct delivery_job_status { const char *id, *list; size_t rcpts, todo; int64_t created_secs, next_secs; unsigned tries; const char *last_reply; };
struct delivery_status {
	bool relay_away;
	const char *relay_reply;
	unsigned sessions;
	unsigned long delivered, refused, deferred;
	struct delivery_job_status *jobs;
	size_t job_count;
};
/* What is queued and how it goes, at this moment; texts live in a. */
void delivery_status(struct delivery *delivery, struct arena *a, struct delivery_status *status_r);

#endif
