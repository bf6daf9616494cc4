/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the milter share. */
#ifndef LISTD_MILTER_INT_H
#define LISTD_MILTER_INT_H

#include "listd/intake/milter.h"
#include "listd/post/post.h"
#include "listd/settings_cache.h"
#include "mail/secret.h"
#include "mitigations/receiving.h"

#include <jansson.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

/* What a reload makes anew, counted by its users. */
struct milter_site {
	atomic_int users;
	struct site_settings *settings;
	struct arena *arena;
	struct receiving_policy receiving;
};

struct milter {
	struct program program;
	struct clock clock;
	struct resolver *dns;
	struct milter_known *known;
	struct settings_cache *lists;
	pthread_mutex_t site_lock;
	struct milter_site *site;
	atomic_uint sessions;  /* of SMTP clients */
	atomic_uint messages;  /* that are under way, from MAIL to the end */
	atomic_ulong steps;    /* SMFIP_... of the last negotiation */
	atomic_bool is_stopping;
	atomic_bool is_away;   /* listd did not answer last time */
	atomic_int exit_code;
	int listen_fd;
};

/* The one of this process: libmilter hands its callbacks no context. */
struct milter *milter_get(void);
/* The present site, for as long as it is held. */
struct milter_site *milter_hold_site(struct milter *milter);
void milter_release_site(struct milter_site *site);

/* --- milter_ask.c: questions to listd --- */

/* How long listd may take for one; they are look-ups in its store. The mail server gives a milter 30 s for a command. */
#define MILTER_ASK_MS 10000
/* ... for one that can be asked again soon. */
#define MILTER_REFRESH_MS 2000

/* Ask; args: its reference is taken. result_r: the caller's. -1: it is away, or has trouble; noted in the log once. */
int milter_ask(struct milter *milter, const struct site_settings *site, const char *verb, json_t *args, unsigned timeout_ms, json_t **result_r, struct fail *why);

/* --- milter_known.c: the addresses of the lists, known without listd --- */

struct milter_known;
/* Read what was kept in dir by an earlier run. The caller frees it with milter_known_free. */
struct milter_known *milter_known_new(const char *dir);
void milter_known_free(struct milter_known *known);
/* Ask listd for the addresses and the key of the fields, and keep the addresses on disk when they are others. -1: listd is away. */
int milter_known_refresh(struct milter *milter, struct milter_known *known, const struct site_settings *site);
/* Is it an address of a list, as far as is known, and for what? */
bool milter_known_find(struct milter_known *known, struct arena *a, const char *address, enum purpose *purpose_r);
/* The key of the fields; false when listd has not told it yet. */
bool milter_known_key(struct milter_known *known, struct secret *key_r);

/* --- milter_content.c: the bytes of a message, in memory, or in an unlinked file when they are many --- */

/* Most posts fit; 200 sessions at once cost 50 MB. */
#define MILTER_MEMORY_BYTES ((size_t)256 << 10)
/* The largest max-size there is; what is larger is not looked at. */
#define MILTER_MESSAGE_MAX_BYTES ((uint64_t)100 << 20)

struct milter_content {
	struct buf bytes;      /* what is not in the file */
	int fd;                /* -1: none */
	uint64_t file_bytes;
	void *map; size_t map_len;
	bool is_too_big, has_trouble;
	struct fail trouble;
};
/* Begin empty. */
void milter_content_init(struct milter_content *content);
/* Forget all, close the file; it may be begun anew. */
void milter_content_done(struct milter_content *content);
/* dir: where the file goes. What is too big, or cannot be written, is noted and not kept. */
void milter_content_add(struct milter_content *content, const char *dir, struct span bytes);
/* All bytes as one run, valid until _done. -1: they are not all there. */
int milter_content_view(struct milter_content *content, struct span *bytes_r, struct fail *why);

/* --- milter_session.c: libmilter's callbacks --- */

/* Fields in our name that are taken out of a message. The MTA looks through the whole header for each; no honest way makes more than a few. */
#define MILTER_FORGED_MAX 100

/* A recipient that is a list's. */
struct milter_rcpt {
	char *raw;                    /* as the MTA wrote it, <> and all */
	const char *address;
	struct list_settings *list;
	enum purpose purpose;
	const char *suffix;
	bool is_refused;
	struct reply reply;           /* when refused */
};

struct milter_session {
	struct milter *milter;
	unsigned long steps;          /* SMFIP_..., as negotiated */
	bool is_too_many;             /* sessions */
	char client_ip[INET6_ADDRSTRLEN], client_name[256], helo[256];
	/* of a message */
	bool in_message;
	int64_t began_ms;
	struct milter_site *site;
	struct arena *arena, *scratch; /* of the message, of one step */
	struct envelope envelope;
	struct milter_rcpt *rcpts; size_t rcpt_count, rcpt_cap;
	size_t other_count;           /* recipients that are no lists */
	bool has_counted;             /* listd has counted the message for its client and sender */
	struct milter_content content;
	size_t header_bytes;
	size_t result_fields;         /* Authentication-Results fields seen */
	int *forged; size_t forged_count, forged_cap; /* those with our own name, counted from 1 */
};
/* Answer with a reply of the table. */
sfsistat milter_answer(SMFICTX *ctx, struct arena *a, const struct reply *reply);
/* Register the callbacks. -1: libmilter does not take them. */
int milter_session_register(void);

/* --- milter_judge.c: the end of the message --- */

/* Judge it, change it, answer. */
sfsistat milter_judge(SMFICTX *ctx, struct milter_session *session);

/* --- milter_receiver.c: DMARC for mail that is not the lists' --- */

/* The policy of a site's settings; in a. */
int milter_receiver_policy(struct arena *a, const struct site_settings *settings, struct receiving_policy *policy_r, struct fail *why);
/* What is to be added to the results about a verdict, "" for nothing. */
const char *milter_receiver_results(struct arena *a, const struct receiving_verdict *verdict);
/* The reply to a message that is refused. */
struct reply milter_receiver_reply(struct arena *a, const struct facts *facts, const struct receiving_verdict *verdict);
/* A line in the log where the verdict is more than that all is well. */
void milter_receiver_log(const char *id, const struct milter_session *session, const struct receiving_verdict *verdict);

#endif
