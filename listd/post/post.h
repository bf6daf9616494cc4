/* SPDX-License-Identifier: BSD-2-Clause */
/* One message on its way: what it is, what is known of it, what was decided. The stages of the route (route.h) fill it in from top to bottom; none but
 * the commit has a side effect, so a crash, or explain, may run them again. */
#ifndef LISTD_POST_H
#define LISTD_POST_H

#include "listd/reply.h"
#include "listd/settings.h"
#include "listd/spool/spool.h"
#include "listd/store/store.h"
#include "mail/mime.h"
#include "mitigations/choose.h"

/* What is the same for every recipient of one message: read and judged once, for the first of them. The owner of the arena holds it as long as the posts. */
struct arrival {
	struct arena *arena;
	bool is_read, is_judged;
	struct message message;
	bool has_session;        /* the message itself carries the session, in a field that our milter wrote */
	struct session session;
	struct facts facts;
	const char **owners_of;  /* lists whose owners get it already */
	size_t owners_count, owners_cap;
};

/* The second form of a post: it was let in and sent before, and one of its copies was refused. It is not judged anew, since keys, policies and rules may have changed. */
struct again {
	const struct strategy *at_least; /* nothing less invasive */
	struct clock arrived;            /* stands at the time of arrival, for signatures that end */
	bool vouched, disowned, named;   /* as it was found then: see notes.h */
	const char *const *keys;         /* address_key of those who get it */
	size_t key_count;
};

/* A receiver as it is taken: as the table has it, with what experience and the site's allowlist add to it. Both live as long as the post's arena. */
struct experience {
	const struct receiver *receiver;
	const struct receiver *trial; /* without what one copy may try again; NULL: nothing is due */
};
/* Rules of the site, which come after the list's. */
struct site_rules { struct rules rules, trial /* without those that one copy may try to do without */; bool is_due; };

/* What stages may ask of the world. In the daemon the store answers; explain and tests have answers of their own. */
struct world {
	void *context;
	struct resolver *dns;
	struct clock *clock;
	const struct site_settings *site;
	const struct keyring *keyring;
	struct resolver *key_overlay;
	struct receivers *receivers;
	const struct secret *master;
	const struct secret *field_key; /* of the fields in which our milter hands over the session (keyed.h); NULL: none is believed */
	struct arrival *arrival; /* of the message that the posts are of; NULL: each is read and judged for itself */
	const struct again *again; /* NULL: a post that is sent for the first time */
	bool every_receiver; /* explain without members: one class for each row of the receivers table */
	/* 1 and *member_r (in a), 0 no, -1 trouble. key: address_key. */
	int (*find_member)(void *context, struct arena *a, const char *list, const char *key, struct member *member_r, struct fail *why);
	/* Was this Message-ID seen on the list under another post? 1, 0, -1. */
	int (*is_duplicate)(void *context, const char *list, const char *message_id, const char *post_id, struct fail *why);
	/* Is it the address of an author alias, and whose? 1, 0, -1. NULL: read with master, and by find_alias. */
	int (*read_alias)(void *context, struct arena *a, const char *list, struct span local, const char **author_r, struct fail *why);
	/* Author of a keyed alias: 1, 0, -1. */
	int (*find_alias)(void *context, struct arena *a, const char *list, const char *code, const char **author_r, struct fail *why);
	/* Add what is known of an operator, or of "@domain". NULL: nothing is. */
	void (*experience)(void *context, struct arena *a, const char *name, struct experience *experience);
	void (*site_rules)(void *context, struct arena *a, const struct facts *facts, struct site_rules *rules_r); /* or NULL */
	/* Payload of a token of that kind: 1, 0, -1. NULL: there are none. */
	int (*find_token)(void *context, struct arena *a, const char *token, const char *kind, const char **payload_r, struct fail *why);
	/* Every member who gets a copy; as store_members_each. */
	int (*each_member)(void *context, const char *list, int (*each)(void *, const struct member *), void *each_context, struct fail *why);
};

/* What an address at a list's domain stands for. */
enum purpose {
	PURPOSE_POST,    /* the list's address */
	PURPOSE_ALIAS,   /* an author alias: forwarded to the author */
	PURPOSE_OWNER,   /* -owner, and the command addresses, which the owners answer */
	PURPOSE_BOUNCES, /* -bounces+...: reports about our own mail */
	PURPOSE_CONFIRM  /* -confirm+TOKEN: an answer to a message of the list; to the owners where the token is not known */
};
const char *purpose_name(enum purpose purpose);

/* How it ends. */
enum outcome {
	OUTCOME_SEND,      /* copies go to members, or a forward to its target */
	OUTCOME_REFUSE,    /* post->why is the reply */
	OUTCOME_HOLD,      /* post->reason says why a moderator must look */
	OUTCOME_DISCARD,   /* dropped, post->reason */
	OUTCOME_LATER,     /* DNS trouble: looked at again */
	OUTCOME_REPORT     /* about our own mail (bounce/returned.h), or the answer to it that brings a subscriber back: read by a worker, passed on to nobody */
};
const char *outcome_name(enum outcome outcome);

/* A class of recipients that share a choice. */
struct post_class {
	const struct receiver *receiver;
	const char *to_domain;   /* for rules "to @domain", else NULL */
	const struct receiver *trial; /* the receiver, for one copy that tries a lighter form again; NULL: nothing is due */
	const char *trial_address; /* the class is of this recipient alone, whose copy may try; or NULL */
	bool tries;              /* it does */
	struct choice choice;
	size_t rcpt_count;
};

struct post {
	struct arena *arena;
	const struct world *world;
	/* given */
	const char *id;
	const struct envelope *envelope;
	const char *rcpt;               /* the address it was sent to */
	struct message message;
	/* classify */
	struct list_settings *list;     /* held by the caller */
	enum purpose purpose;
	const char *suffix;             /* what follows the list's local part, or "" */
	const struct verp *verp;        /* PURPOSE_BOUNCES: the key, or NULL */
	const char *confirm_key;        /* PURPOSE_CONFIRM: of the member whose token it is */
	const char **targets;           /* of a forward, owner mail: where it goes */
	size_t target_count;
	/* authenticate */
	struct session session;
	struct facts facts;
	const char *author_key;         /* address_key of the first author, or NULL */
	bool author_is_member;
	bool author_is_moderated;       /* a member whose posts a moderator is to see */
	/* admit, moderate */
	bool released;                  /* a moderator let it pass */
	/* shape */
	struct list_identity identity;
	struct mime mime;
	struct form shaped;
	/* choose */
	struct chooser chooser;
	struct post_class *classes;
	size_t class_count, class_cap;
	size_t trial_count;             /* so many of the last classes have a trial_address */
	struct site_rules site_rules;
	struct domain_map *domains;     /* recipient domain -> class */
	const char **addressed;         /* address_key of all in To and Cc, sorted; addressed_count of them */
	size_t addressed_count;
	/* a second form */
	const char *source_job;         /* the job that has the post, or NULL */
	/* the end */
	enum outcome outcome;
	const char *stage;              /* that decided */
	const char *reason;             /* for people */
	struct fail why;                /* OUTCOME_REFUSE */
};

/* How long DNS may take altogether for what one message asks of its senders' names, and of members' domains; one look-up more may be under way then. */
#define POST_DNS_BUDGET_MS 20000
/* Memory that a post of that size may take, with all its forms: parts with long lines are kept decoded and in a new encoding that may be three times as long. */
#define POST_ARENA_MAX_BYTES(message_bytes) (ARENA_MESSAGE_MAX_BYTES + 8 * (size_t)(message_bytes))

/* What an envelope tells of the session that a message came in. */
void post_session(const struct site_settings *site, const struct envelope *envelope, struct session *session_r);
/* Begin: parses the message. -1: beyond limits (the reply in why). list: found by post_list_of. */
int post_begin(struct post *post, struct arena *a, const struct world *world, const struct envelope *envelope, const char *rcpt,
	struct list_settings *list, struct span bytes, struct fail *why);
/* Where the local part of rcpt belongs, given a way to find lists: "birds-owner" is tried as a list, then as birds with suffix. 1 found, 0 no list, -1.
 * list_r is to be freed by the caller; suffix_r lives in a. */
int post_find_list(struct arena *a, const char *rcpt, int (*find)(void *context, const char *address, struct list_settings **list_r, struct fail *why), void *context,
	struct list_settings **list_r, const char **suffix_r, enum purpose *purpose_r, struct fail *why);

/* Would this address be taken for one with a suffix ("birds-owner@...")? suffix_r lives in a. */
bool post_is_suffixed(struct arena *a, const char *address, const char **suffix_r, enum purpose *purpose_r);

/* Helpers of stages: end the route. They return STAGE_END. */
int post_refuse(struct post *post, const struct fail *why);
int post_hold(struct post *post, const char *format, ...) __attribute__((format(printf, 2, 3)));
int post_discard(struct post *post, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Is the first author one of these (NULL-ended, as set)? */
bool post_is_among(struct post *post, const char *const *addresses);
/* Is it an owner's or moderator's own post, and shown to be his? That a domain asks for nothing shows nothing. */
bool post_is_by_keeper(struct post *post);
/* Did a program send it: without an envelope sender, with Auto-Submitted (RFC 3834), or with the Precedence of bulk mail? */
bool post_is_by_program(const struct post *post);

/* The class of a recipient address, or NULL when its domain has none. */
const struct post_class *post_class_of(const struct post *post, const char *address);
/* Call each for every member who may get a copy of this post: those of the list, or of a second form those whose copy was refused and who are members still. As
 * world->each_member. */
int post_each_member(const struct post *post, int (*each)(void *, const struct member *), void *context, struct fail *why);
/* Does this member get a copy of this post (delivery on, not addressed already when the member wants that, not the author when so set)? */
bool post_wants(const struct post *post, const struct member *member);

#endif
