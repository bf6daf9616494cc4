/* SPDX-License-Identifier: BSD-2-Clause */
/* The Berkeley DB engine of store.h, for its own files and tests. One process owns the environment (a process that dies in a shared one can take
 * the others along), so it is private to it and every open runs recovery. Databases, each a B-tree in a file of its name:
 *
 *   values        key                               -> octets; keys beginning with "." are the engine's own
 *   lists         address                           -> id, time of creation, settings
 *   list_ids      id                                -> whether it is being deleted, number of members, address; id 0: the last id given
 *   members       id, address key, NUL              -> the member
 *   member_lists  address key, NUL, id              -> nothing
 *   holds         id of the post                    -> list id and what moderators see
 *   aliases       id, code                          -> author, time of last use
 *   seen          id, hash of the Message-ID        -> id of the post, when it may be forgotten
 *   seconds       id, id of the post, NUL, address key -> a refused copy, and what was sent in its place
 *   seconds_todo  the same                          -> nothing; those for which something is still to be sent
 *   learnt        kind, name, NUL, what             -> what receivers took and refused
 *   allowed       kind, name                        -> since when, note
 *   tokens        token                             -> kind, payload, when it may be forgotten
 *   expiries      time (8), database (1), key       -> nothing
 *   tallies       id, address key, NUL              -> when it may be forgotten, what is noted of the member's bounces
 *   bounces       id, post, "r", address key        -> when it may be forgotten; this report was taken ("s": as a suspicion)
 *                 id, post, "o", operator           -> when it may be forgotten, its subscribers, how many bounced, held back
 *   figures       id (0: the site), day, kind, key  -> when it may be forgotten, count
 *
 * A list's id is never used again. A deleted list is gone with the transaction that marks its id; its rows are then removed a thousand at a
 * time, and by store_tend when the process ended meanwhile. */
#ifndef LISTD_STORE_STORE_INT_H
#define LISTD_STORE_STORE_INT_H

#include "listd/store/record.h"
#include "listd/store/store.h"

#include <db.h>
#include <pthread.h>

/* Their numbers stand in keys of expiries: new ones come at the end. */
enum store_db {
	STORE_VALUES, STORE_LISTS, STORE_LIST_IDS, STORE_MEMBERS, STORE_MEMBER_LISTS, STORE_HOLDS, STORE_ALIASES, STORE_SEEN, STORE_TOKENS,
	STORE_EXPIRIES, STORE_SECONDS, STORE_SECONDS_TODO, STORE_LEARNT, STORE_ALLOWED, STORE_TALLIES, STORE_BOUNCES, STORE_FIGURES, STORE_DBS
};

struct store {
	DB_ENV *env;
	DB *dbs[STORE_DBS];
	char *dir;
	int lock_fd;                  /* dir/lock, flock'd, holds our pid */
	uint64_t reserve_bytes;       /* free space below which nothing is written any more */
	char said[200];               /* the engine's own last words while it is being opened */
	pthread_mutex_t archive_lock; /* log files are not removed under a backup */
};

/* Puts or deletes of one transaction, at most: it keeps a lock for each page that it touches. */
#define STORE_BATCH_ROWS 1000
/* A key: an address in A-labels and some octets before or behind. Longer ones are refused. */
#define STORE_KEY_MAX_BYTES 1024
/* An address: 254 octets, of which the domain may grow when it is written in A-labels. Less than a key by what stands beside it. */
#define STORE_ADDRESS_MAX_BYTES 512
/* A name or a reason of a member, a subject of a held post: what people see in a line or two. */
#define STORE_TEXT_MAX_BYTES 2000
/* A row: settings of a list with footers and rules. */
#define STORE_ROW_MAX_BYTES ((size_t)4 << 20)
/* What a body returns when it refuses and has filled why itself; no code of the engine is -1. */
#define STORE_REFUSED (-1)

/* A row that cannot be read, where no failure can be filled in. */
#define STORE_BAD DB_VERIFY_BAD

/* Run body in a transaction, again where it met a deadlock, and commit. body returns 0, a code of the engine, or STORE_REFUSED; it may run several times.
 * commit_flags: DB_TXN_NOSYNC where a later transaction of the same call makes it durable. -1 with why: nothing of it happened. */
int store_change(struct store *store, const char *operation, unsigned commit_flags, int (*body)(struct store *store, DB_TXN *txn, void *context, struct fail *why),
	void *context, struct fail *why);
/* The same without a transaction, for bodies that only read: txn is NULL. A body must not hold a cursor while it reads another database: the two would be
 * different lockers, which no deadlock detection connects. */
int store_look(struct store *store, const char *operation, int (*body)(struct store *store, DB_TXN *txn, void *context, struct fail *why), void *context,
	struct fail *why);
/* The engine's code as a failure; -1. */
int store_fail(const struct store *store, const char *operation, int code, struct fail *why);
/* A row that cannot be read: STORE_REFUSED. */
int store_damaged(struct fail *why, const char *what);

/* Single rows. 0, DB_NOTFOUND, DB_KEYEXIST or another code. row is emptied first and holds the whole row; flags: DB_RMW for one that will be written. */
int store_get(struct store *store, DB_TXN *txn, enum store_db db, struct span key, struct buf *row, unsigned flags);
int store_put(struct store *store, DB_TXN *txn, enum store_db db, struct span key, struct span row, unsigned flags);
int store_delete(struct store *store, DB_TXN *txn, enum store_db db, struct span key);
/* Call each for the rows from key `from` on whose keys begin with prefix; stops when it returns non-zero, which is handed back, or at the end with 0. Nothing is
 * locked while each runs. A row is seen as of the moment when its part of the database was read (some 64 KB at once). */
int store_scan(struct store *store, enum store_db db, struct span prefix, struct span from, int (*each)(void *context, struct span key, struct span row),
	void *context, struct fail *why);

/* Id of a list by address: 0, DB_NOTFOUND or another code. */
int store_list_id(struct store *store, DB_TXN *txn, const char *address, uint32_t *id_r);
/* The same, with STORE_REFUSED and why where there is none. */
int store_list_need(struct store *store, DB_TXN *txn, const char *address, uint32_t *id_r, struct fail *why);
/* The row of an id. *address_r lives in a; deleted lists give DB_NOTFOUND. */
int store_list_of_id(struct store *store, DB_TXN *txn, struct arena *a, uint32_t id, const char **address_r, uint64_t *members_r);
/* Change the number of members. */
int store_list_count(struct store *store, DB_TXN *txn, uint32_t id, int64_t more, struct fail *why);
/* Remove the rows of lists that are marked as deleted. */
int store_lists_purge(struct store *store, struct fail *why);

/* The key of a row that belongs to a list: id, then text; with the NUL where ended. */
void store_key(struct buf *key, uint32_t id, const char *text, bool ended);
/* member_lists: address key, NUL, id. */
void store_member_list_key(struct buf *key, const char *member_key, uint32_t id);

/* The row of a member; -1 with why permanent where a text is too long. */
int store_member_encode(const struct member *member, struct buf *row, struct fail *why);
/* Texts are views into key (which ends in NUL) and row. false: damaged. */
bool store_member_decode(struct span key, struct span row, struct member *member_r);

/* store_tallies.c. Of one member, in a transaction: 0, DB_NOTFOUND or another code. *tally_r's texts live in a. */
int store_tally_read(struct store *store, DB_TXN *txn, struct arena *a, uint32_t id, const char *key, unsigned flags, struct tally *tally_r, struct fail *why);
/* Write it, with its version raised; it may be forgotten at expires_secs. */
int store_tally_write(struct store *store, DB_TXN *txn, uint32_t id, const struct tally *tally, int64_t expires_secs);
/* store_figures.c. Count in the figures of a list (id 0: of the site); *before_r: the count so far. */
int store_figure_count(struct store *store, DB_TXN *txn, uint32_t id, int64_t day, const struct store_figure *figure, uint64_t *before_r);
/* store_misc.c, store_members.c: parts of a transaction that changes something else as well. */
int store_token_write(struct store *store, DB_TXN *txn, const struct store_token *token, struct fail *why);
/* Delivery on or off, where there is such a member. */
int store_member_deliver(struct store *store, DB_TXN *txn, uint32_t id, const char *key, const struct store_delivery *delivery, struct fail *why);
int store_member_erase(struct store *store, DB_TXN *txn, uint32_t id, const char *key, struct fail *why);

/* Note when a row may go. Put in the same transaction as the row. */
int store_expiry_put(struct store *store, DB_TXN *txn, enum store_db db, struct span key, int64_t expires_secs);
/* Drop what has expired. */
int store_expire(struct store *store, int64_t now_secs, struct fail *why);

#endif
