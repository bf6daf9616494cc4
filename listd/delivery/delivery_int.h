/* SPDX-License-Identifier: BSD-2-Clause */
/* The pump's insides, shared by delivery.c (threads, interface), queue.c (which recipients next) and session.c (one relay session).
 *
 *   job     waiting -> ready -> given out in chunks -> all given out -> finishing -> removed, or waiting for the next pass
 *   chunk   recipients of one form of one job, in order, given to one session, which makes transactions of them
 *
 * A pass gives each recipient that is still to do to a session once. A chunk whose session loses its connection comes back from the
 * first transaction on that had no reply. */
#ifndef LISTD_DELIVERY_INT_H
#define LISTD_DELIVERY_INT_H

#include "listd/delivery/delivery.h"
#include "listd/delivery/smtp.h"
#include "listd/delivery/wire.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#define DELIVERY_REPLY_MAX_BYTES 1000 /* of a reply that is kept for people, hooks and logs */

/* One set of options, with copies of its texts, for as long as a session uses it. */
struct config {
	atomic_uint users;
	struct delivery_options options;
	struct arena *arena;
};

enum queued_state { QUEUED_READY, QUEUED_BUSY /* opened, synced or finished by a thread, or all given out */, QUEUED_WAITING };

struct range { uint32_t at, end; };

struct queued {
	TAILQ_ENTRY(queued) all_link, ready_link;
	enum queued_state state;
	char *id, *list;
	struct job *job;             /* NULL while it waits */
	struct wire *wires;
	uint32_t cursor;             /* recipients before it were given out in this pass */
	struct range *back;          /* given back */
	size_t back_count, back_cap;
	unsigned outstanding;        /* chunks with sessions */
	unsigned losses;             /* connections lost over it in this pass, with nothing settled */
	size_t *form_done;           /* taken in this pass, by form */
	size_t deferred;
	size_t rcpt_count, todo_count; /* as of the last pass; 0 before the first */
	int64_t created_secs, next_secs, pass_ms;
	unsigned tries;
	_Atomic int64_t synced_ms;   /* states were last synced to disk */
	char last_reply[DELIVERY_REPLY_MAX_BYTES];
};

struct chunk {
	struct queued *queued;
	struct job *job;
	const struct job_form *form;
	const struct wire *wire;
	unsigned form_number;
	uint32_t at, end;            /* recipients not yet in a transaction */
	uint32_t back_from;          /* given back from here on, when below end */
	unsigned users;              /* the session that draws from it, its transactions */
	size_t done, deferred;
	bool lost;                   /* the connection was lost with nothing settled on it */
	char last_reply[DELIVERY_REPLY_MAX_BYTES];
};

struct session {
	struct delivery *delivery;
	pthread_t thread;
	pthread_cond_t wake;
	unsigned number;
	bool is_waiting, has_ended;
	unsigned losses;             /* connections lost in a row with nothing settled */
	int64_t cool_until_ms;       /* takes no work until then */
	struct smtp *smtp;           /* set and cleared under the lock, for interrupts */
};

TAILQ_HEAD(queued_list, queued);

/* What is known of the relay. */
struct relay_state {
	bool away, probing;
	unsigned failures, connected;
	int64_t next_try_ms;
	char reply[DELIVERY_REPLY_MAX_BYTES];
};

struct delivery {
	struct spool *spool;
	struct delivery_hooks hooks;
	pthread_mutex_t lock;        /* of all below */
	pthread_cond_t tick;         /* the tender's */
	pthread_cond_t session_ended;
	struct config *config;
	struct queued_list all, ready;
	void *by_id;                 /* tree of struct queued */
	atomic_bool stopping;
	struct session **sessions;
	size_t session_count, session_cap;
	pthread_t tender;
	int64_t swept_ms;
	struct relay_state relay;
	atomic_ulong delivered, refused, deferred;
};

/* queue.c; all with the lock held. */
/* Take a job up, unless it is known. */
void queue_add(struct delivery *d, const char *id);
/* The next chunk; unit: recipients that the session puts into a transaction of a job with VERP, and of others. NULL: nothing to do now.
 * May let the lock go for a while. */
struct chunk *queue_take(struct delivery *d, size_t verp_unit, size_t fixed_unit);
/* The end of a chunk. May let the lock go for a while. */
void queue_release(struct delivery *d, struct chunk *chunk);
/* Recipients that can be tried at once in another transaction. */
void queue_give_back(struct delivery *d, struct queued *q, struct range range);
/* Move jobs whose time has come to the ready ones; all: whatever their time. */
void queue_wake_due(struct delivery *d, bool all);
void queue_free(struct delivery *d);
/* Wake one session that waits, one with a connection before others. */
void delivery_wake_session(struct delivery *d);
int64_t delivery_now(const struct delivery *d);

/* session.c */
void *session_main(void *session);
void config_release(struct config *config);

#endif
