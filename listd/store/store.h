/* SPDX-License-Identifier: BSD-2-Clause */
/* The truth for people: lists, members, tokens, holds, aliases, seen Message-IDs, refused copies. Typed operations, each of which is one transaction (or none of it
 * happened); no key or query of an engine shows here, since a second engine is to come. One process owns a store: a second one is refused with the pid
 * of the first. All functions may be called by any thread. Failures are temporary (451 4.3.0, 452 4.3.1 for a full disk) unless said otherwise. */
#ifndef LISTD_STORE_H
#define LISTD_STORE_H

#include "mail/arena.h"
#include "mail/fail.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/* Open, making it when it is not there; runs recovery. cache_bytes: memory of the engine. -1: another process has it (says which), or it is damaged. */
int store_open(const char *dir, size_t cache_bytes, struct store **store_r, struct fail *why);
void store_close(struct store *store);
/* Housekeeping, to be called every minute: checkpoint, remove old log files, drop what has expired by now_secs. */
int store_tend(struct store *store, int64_t now_secs, struct fail *why);
/* A consistent copy of the store in dir, while it is in use. */
int store_backup(struct store *store, const char *dir, struct fail *why);

/* Secrets and single values of the site. key: short ASCII name. 1 = found, 0 = not there, -1. */
int store_value_get(struct store *store, struct arena *a, const char *key, struct span *value_r, struct fail *why);
int store_value_put(struct store *store, const char *key, struct span value, struct fail *why);

/* Lists. address: in lower case, A-labels. text: settings in list syntax. id: small number, never used again. */
struct store_list { const char *address; const char *text; uint32_t id; int64_t created_secs; uint64_t member_count; };
/* -1 permanent: it exists already. */
int store_list_create(struct store *store, const char *address, const char *text, int64_t now_secs, struct fail *why);
/* 1 found, 0 not, -1. */
int store_list_get(struct store *store, struct arena *a, const char *address, struct store_list *list_r, struct fail *why);
/* Replace the settings. -1 permanent: no such list. */
int store_list_put(struct store *store, const char *address, const char *text, struct fail *why);
/* The list and its members, holds, aliases, seen rows, refused copies. -1 permanent: no such list. */
int store_list_delete(struct store *store, const char *address, struct fail *why);
/* -1 permanent: no such list, or there is one under the new address. */
int store_list_rename(struct store *store, const char *from, const char *to, const char *text, struct fail *why);
/* The address that a list has now which had this one before it was renamed, in a. 1 found; 0 not, or deleted since; -1. A new list takes its address over. */
int store_list_former(struct store *store, struct arena *a, const char *address, const char **now_r, struct fail *why);
/* All lists, by address. */
int store_list_all(struct store *store, struct arena *a, struct store_list **lists_r, size_t *count_r, struct fail *why);

/* Members. key: address_key of the address. */
enum member_delivery { MEMBER_DELIVERY_ON, MEMBER_DELIVERY_OFF_BY_MEMBER, MEMBER_DELIVERY_OFF_BY_ADMIN, MEMBER_DELIVERY_OFF_BY_BOUNCES };
/* "on", "off-by-member", ... */
const char *member_delivery_name(enum member_delivery delivery);
enum member_flag { MEMBER_SKIP_ADDRESSED = 1, MEMBER_MODERATED = 2, MEMBER_NOT_OWN_POSTS = 4, MEMBER_DIGEST = 8 };
struct member {
	const char *key;      /* as above */
	const char *address;  /* as the member writes it */
	const char *name;     /* UTF-8, may be "" */
	enum member_delivery delivery;
	unsigned flags;
	int64_t joined_secs;
	int64_t off_since_secs; /* 0 while delivery is on */
	const char *reason;   /* why delivery is off, for people; "" */
};
/* Add many in few transactions. skip what exists (added_r counts the new ones). progress may be NULL; it is called now and then. */
int store_members_add(struct store *store, const char *list, const struct member *members, size_t count, size_t *added_r,
	void (*progress)(void *context, size_t done), void *context, struct fail *why);
/* Make or replace one. */
int store_member_put(struct store *store, const char *list, const struct member *member, struct fail *why);
int store_member_get(struct store *store, struct arena *a, const char *list, const char *key, struct member *member_r, struct fail *why); /* 1, 0, -1 */
/* removed_r counts those that were there. */
int store_members_remove(struct store *store, const char *list, const char *const *keys, size_t count, size_t *removed_r, struct fail *why);
/* Every member in key order: whoever is a member from start to end is seen once; one who is added or removed meanwhile may be seen or not. Members are
 * read in portions, so that the callback may take its time and call the store, and a writer never waits for it. The callback's member is valid during
 * the call only; non-zero from it ends the walk and is returned. */
int store_members_each(struct store *store, const char *list, int (*each)(void *context, const struct member *member), void *context, struct fail *why);
/* The lists an address is on. */
int store_member_lists(struct store *store, struct arena *a, const char *key, const char ***lists_r, size_t *count_r, struct fail *why);

/* A token that is put along with something else (see store_token_put). */
struct store_token { const char *token, *kind, *payload; int64_t expires_secs; };

/* Posts that wait for a moderator; the message itself is in the spool under its id. */
struct hold { const char *id; const char *list; const char *from; const char *subject; const char *reason; int64_t since_secs; uint64_t bytes; };
int store_hold_put(struct store *store, const struct hold *hold, struct fail *why);
int store_hold_get(struct store *store, struct arena *a, const char *id, struct hold *hold_r, struct fail *why); /* 1, 0, -1 */
/* token: of the message that tells of it; NULL: none does. */
int store_hold_remove(struct store *store, const char *id, const struct store_token *token, struct fail *why);
/* Of all lists; a deleted list's may be among them for a moment. */
int store_hold_count(struct store *store, size_t *count_r, struct fail *why);
int store_hold_all(struct store *store, struct arena *a, const char *list /* NULL: all */, struct hold **holds_r, size_t *count_r, struct fail *why);

/* Author aliases: code -> address, with the time of the last use. */
int store_alias_put(struct store *store, const char *list, const char *code, const char *author, int64_t now_secs, struct fail *why);
int store_alias_get(struct store *store, struct arena *a, const char *list, const char *code, const char **author_r, struct fail *why); /* 1, 0, -1 */

/* Message-IDs seen on a list, with the id of the post that had it. 1: seen before under another post id; 0: new, or this very post again. */
int store_seen_check(struct store *store, const char *list, const char *message_id, const char *post_id, struct fail *why);
int store_seen_put(struct store *store, const char *list, const char *message_id, const char *post_id, int64_t expires_secs, struct fail *why);

/* Copies that a receiver refused for the DMARC policy of their author, and what was sent in their place: one row for each list, post and recipient. */
enum second_state {
	SECOND_WAITS,   /* another copy is to be made */
	SECOND_CHOSEN,  /* ... under next_id, which is being made */
	SECOND_SENT,    /* next_id was handed to delivery */
	SECOND_NONE     /* nothing was sent; form and reply stay */
};
/* "waits", "chosen", "sent", "none". */
const char *second_state_name(enum second_state state);
struct second {
	const char *list;
	const char *post_id;  /* of the refused copy */
	const char *key;      /* address_key of the recipient */
	const char *job;      /* that it was in, or post_id where the job is to be found */
	const char *form;     /* strategy of the refused copy, "" unknown */
	const char *reply;    /* of the receiver */
	const char *next_id;  /* post id of what is sent in its place, or "" */
	const char *outcome;  /* form that was sent, or why nothing is */
	enum second_state state;
	int64_t refused_secs, expires_secs;
};
/* Take note of a refusal. 1: new; 0: it was noted before, and stays as it is. -1 permanent: no such list. */
int store_second_note(struct store *store, const struct second *second, struct fail *why);
/* Those for which something is to be done, at most max. */
int store_second_todo(struct store *store, struct arena *a, size_t max, struct second **seconds_r, size_t *count_r, struct fail *why);
/* Replace rows, in one transaction. */
int store_second_put(struct store *store, const struct second *seconds, size_t count, struct fail *why);
/* Those of a list (NULL: all), for people. */
int store_second_all(struct store *store, struct arena *a, const char *list, struct second **seconds_r, size_t *count_r, struct fail *why);

/* What is learnt of receivers and of author domains (bounce/learn.h). */
enum learnt_kind { LEARNT_RECEIVER /* what: a form */, LEARNT_AUTHOR /* what: the receiver */ };
/* "receiver", "author". */
const char *learnt_kind_name(enum learnt_kind kind);
struct learnt {
	enum learnt_kind kind;
	const char *name;        /* operator, "@domain" of recipients, or author domain */
	const char *what;
	bool proved;             /* the proof of the refused copy had held */
	int64_t refused_secs;    /* last, 0: never for certain */
	int64_t sent_secs, trial_secs; /* last, 0: never */
	uint64_t refused_count, sent_count;
	const char *reply;       /* last */
	const char *witnesses;   /* of refusals that are not certain: "code:seconds", separated by blanks */
};
int store_learnt_put(struct store *store, const struct learnt *learnt, struct fail *why);
int store_learnt_remove(struct store *store, const struct learnt *learnt, struct fail *why);
/* All of them, by kind and name; texts live in a. */
int store_learnt_all(struct store *store, struct arena *a, struct learnt **learnt_r, size_t *count_r, struct fail *why);

/* The site's allowlist: receivers that have agreed to take this server's copies as they are, and author domains that are exempt. */
enum allowed_kind { ALLOWED_RECEIVER, ALLOWED_SENDER };
/* "receiver", "sender". */
const char *allowed_kind_name(enum allowed_kind kind);
struct allowed { enum allowed_kind kind; const char *name, *note; int64_t since_secs; };
int store_allowed_put(struct store *store, const struct allowed *allowed, struct fail *why);
/* 1 removed, 0 was not there, -1. */
int store_allowed_remove(struct store *store, enum allowed_kind kind, const char *name, struct fail *why);
int store_allowed_all(struct store *store, struct arena *a, struct allowed **allowed_r, size_t *count_r, struct fail *why);

/* Confirmation tokens: kind and payload by token. */
int store_token_put(struct store *store, const char *token, const char *kind, const char *payload, int64_t expires_secs, struct fail *why);
int store_token_get(struct store *store, struct arena *a, const char *token, const char **kind_r, const char **payload_r, struct fail *why); /* 1, 0, -1 */
int store_token_remove(struct store *store, const char *token, struct fail *why);

/* What comes of mail that comes back. Days are Unix seconds / 86400, in UTC. */

/* A key of figures has this many octets at most; longer ones are cut. */
#define STORE_FIGURE_KEY_MAX_BYTES 400
/* For how long figures are kept. */
#define STORE_FIGURE_DAYS 100
struct store_figure { const char *kind, *key; uint64_t count; };
/* Add to the figures of a list ("": of the site) on a day. */
int store_figures_add(struct store *store, const char *list, int64_t day, const struct store_figure *figures, size_t count, struct fail *why);
/* Every figure from one day to another, both included, by day, kind and key; anything but 0 from each ends the walk, -1 as trouble. */
int store_figures_each(struct store *store, const char *list, int64_t from_day, int64_t until_day, int (*each)(void *context, int64_t day, const struct store_figure *figure),
	void *context, struct fail *why);

/* Note, once, that something was told on that day, with the token of the message that tells it (NULL: none does). 1 noted, 0 it was told before, -1. */
int store_told_put(struct store *store, const char *list, int64_t day, const char *what, const struct store_token *token, struct fail *why);

/* What is noted of one member's bounces. */
#define STORE_TALLY_NOTES_MAX 40
#define STORE_TALLY_DAY_MAX 3      /* of one day that count: more do not make it worse */
#define STORE_TALLY_OTHERS_MAX 4   /* that count for nothing, kept for people */
#define STORE_REPLY_MAX_BYTES 400
struct tally_note {
	int64_t day;          /* of the post: a report that comes late, or again, counts on no other day */
	const char *post_id;
	const char *class;    /* name of the bounce class */
	bool counts;
	bool is_certain;      /* else a suspicion, which anybody who got the post can raise */
	int64_t at_secs;      /* when it was taken */
	const char *receiver; /* who runs the mailbox */
	const char *reply;    /* the receiver's words */
};
enum tally_state { TALLY_COUNTING, TALLY_PROBED /* a probe is out */, TALLY_SUSPENDED };
struct tally {
	const char *key;       /* of the member */
	uint64_t version;      /* of the row */
	enum tally_state state;
	int64_t due_secs;      /* when it is to be looked at; 0 at once, INT64_MAX not until something happens */
	int64_t since_secs;    /* of the state */
	unsigned warnings;     /* sent since the suspension */
	const char *probe_id;  /* of the last probe, or "" */
	int64_t probe_secs;
	const char *probe_class, *probe_reply; /* how it came back, or "" */
	const struct tally_note *notes; size_t note_count; /* oldest first */
};
int store_tally_get(struct store *store, struct arena *a, const char *list, const char *key, struct tally *tally_r, struct fail *why); /* 1, 0, -1 */
/* Delivery of a member from now on, with the reason for people. */
struct store_delivery { enum member_delivery delivery; int64_t since_secs; const char *reason; };
/* What goes with the change of a tally, in the same transaction; NULL and false: nothing. */
struct tally_change {
	const struct store_delivery *delivery;
	bool remove_member;
	bool forget;                      /* the tally itself goes */
	const struct store_token *tokens; size_t token_count;
	const struct store_figure *figures; size_t figure_count; int64_t day;
	int64_t expires_secs;             /* of the tally; INT64_MAX: never */
};
/* Put a tally that was read, unless it has changed since: 1 done, 0 changed meanwhile (nothing happened), -1. */
int store_tally_put(struct store *store, const char *list, const struct tally *tally, const struct tally_change *change, struct fail *why);
/* Drop it, whatever it says. */
int store_tally_remove(struct store *store, const char *list, const char *key, struct fail *why);
/* Every tally of a list, as store_members_each. */
int store_tallies_each(struct store *store, const char *list, int (*each)(void *context, const struct tally *tally), void *context, struct fail *why);

/* How many subscribers of a receiver a post went to, noted with the figures, once for each post: a repeated call changes nothing. */
struct store_share { const char *receiver; uint64_t subscribers; };
int store_post_note(struct store *store, const char *list, const char *post_id, int64_t at_secs, int64_t expires_secs, const struct store_share *shares, size_t share_count,
	const struct store_figure *figures, size_t figure_count, struct fail *why);

/* One report about one copy. All of it happens once, in one transaction, however often the same post and member are reported. */
struct store_bounce {
	const char *list, *post_id, *key;
	struct tally_note note;       /* kept in the tally of the member; note.class NULL: not at all */
	int64_t keep_from_day;        /* older notes go */
	int64_t tally_expires_secs, expires_secs;
	const struct store_figure *figures; size_t figure_count; /* a burst that begins is counted, too: "burst", key "POST RECEIVER" */
	unsigned burst_share, burst_min; /* per cent of a receiver's subscribers, and so many of them at least: then the post's notes are held back */
	int64_t burst_before_day;     /* who has a note from before this day is no part of a burst */
	const struct store_delivery *delivery; bool remove_member; /* as tally_change */
};
struct store_burst { uint64_t subscribers, bounced; bool is_held, is_new; };
/* 1 taken, 0 it was taken before, -1. burst_r may be NULL. */
int store_bounce_put(struct store *store, const struct store_bounce *bounce, struct store_burst *burst_r, struct fail *why);
/* Was it taken before, as certain or (is_certain false) as a suspicion? 1, 0, -1. */
int store_bounce_is_taken(struct store *store, const char *list, const char *post_id, const char *key, bool is_certain, struct fail *why);
/* Are the notes of this post and receiver held back? 1, 0, -1. */
int store_burst_is_held(struct store *store, const char *list, const char *post_id, const char *receiver, struct fail *why);

#endif
