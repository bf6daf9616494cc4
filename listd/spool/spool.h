/* SPDX-License-Identifier: BSD-2-Clause */
/* The truth for mail: directories below spool-dir, and renames between them.
 *
 *   tmp/ID          being written; removed at start
 *   journal/N       accepted: small messages, until the route has dealt with them; what a crash leaves there goes to in/ at start (journal.h)
 *   in/ID           accepted: message bytes, then its envelope and a footer as a trailer (spool_int.h); the route works on it
 *   held/ID         waits for a moderator (same file)
 *   out/ID-N.tmp    being committed; removed at start
 *   out/ID-N        a post for one list, ready to send: its forms and recipients; beside it ID-N.post, a hard link to the file of in/, if that is large (job.h)
 *   out/ID-N.done   it has been sent while in/ID was still there; keeps a repeated run of the route from sending it again
 *   kept/ID-N       a job that has been sent, with its post, for as long as one of its copies may have to be sent in another form
 *   bad/            damaged files and messages that ended the process again and again, for the operator
 *
 * A message is acknowledged only when its file and the directory, or its entry in the journal, are on disk. A crash at any instant loses nothing. After a power failure
 * bad/ may hold a torn file that was never acknowledged, or had been dealt with; its reason in the log says so.
 * ids: time and random, 20 lower-case base32 characters, sorting by time. */
#ifndef LISTD_SPOOL_H
#define LISTD_SPOOL_H

#include "mail/arena.h"
#include "mail/fail.h"
#include "mail/file.h"

#include <stdint.h>

#define SPOOL_ID_CHARS 20
#define SPOOL_RCPTS_MAX 1000 /* of one LMTP transaction: Postfix's default is 50, Exim's 100 */
/* A message, or a trailer, of up to so many bytes is copied where a file of its own would cost more: creating and removing one takes as long as writing some 100 KB. */
#define SPOOL_SMALL_BYTES ((size_t)64 << 10)

struct spool;

/* What is kept with the bytes. All texts NUL-ended; NULL = unknown. Written as JSON in the trailer, so that fields can be added. */
struct envelope {
	const char *id;
	int64_t received_secs;
	const char *mail_from;         /* "" = null sender */
	const char **rcpts; size_t rcpt_count; /* accepted ones only */
	const char *client_ip, *client_name, *helo, *auth_user; /* XFORWARD */
	const char *peer;              /* the MTA that spoke to us */
	bool is_submission, body_8bit, smtputf8;
	unsigned tries;                /* process ends while it was being worked on */
	const char *released_by;       /* moderator who let a held post pass, or NULL */
	const char *notice_of;         /* list whose own message to one of its people it is (people/notice.h), or NULL */
};

/* A copy whose texts live in a. */
void spool_copy_envelope(struct arena *a, const struct envelope *envelope, struct envelope *copy_r);

/* Make the directories where missing, check ownership, take the lock (one process has a spool), give what the journal holds files in in/, then remove leftovers of tmp/
 * and out/. */
int spool_open(const char *dir, struct spool **spool_r, struct fail *why);
/* What is left in the journal gets files. NULL is allowed. */
void spool_close(struct spool *spool);
/* A new id, unique on this host. */
void spool_id(int64_t now_secs, char id_r[SPOOL_ID_CHARS + 1]);
/* The time in an id; -1: it is none. */
int64_t spool_id_secs(const char *id);

/* Writing one message: begin, add, then commit (durable when it returns 0) or abort. bytes so far are readable by spool_writer_view, so that
 * the message can be judged before it is committed. */
struct spool_writer;
int spool_begin(struct spool *spool, const char *id, struct spool_writer **writer_r, struct fail *why);
int spool_add(struct spool_writer *writer, struct span bytes, struct fail *why); /* buffered; large messages go to the file as they come */
int spool_view(struct spool_writer *writer, struct span *bytes_r, struct fail *why); /* all bytes, valid until commit or abort */
int spool_commit(struct spool_writer *writer, const struct envelope *envelope, struct fail *why); /* frees the writer in any case; nothing is left on failure */
/* Where in the journal a message stands. bytes 0: nowhere, it has a file in in/. */
struct spool_entry { unsigned segment; size_t at, bytes; };
/* The same for one that is dealt with at once: where it is small, its bytes go to the journal. spool_settle or spool_let_go ends the entry. */
int spool_accept(struct spool_writer *writer, const struct envelope *envelope, struct spool_entry *entry_r, struct fail *why);
/* Give it a file in in/, durable, if it has none: it is to be read or waits. -1: the entry stays. */
int spool_settle(struct spool *spool, const char *id, struct spool_entry *entry, struct fail *why);
/* It is dealt with: its entry is ended, or in/ID removed. */
int spool_let_go(struct spool *spool, const char *id, struct spool_entry *entry, struct fail *why);
void spool_abort(struct spool_writer *writer);

/* A message of in/ or held/. */
struct spooled { struct envelope envelope; struct file_view view; struct span message; };
enum spool_place { SPOOL_IN, SPOOL_HELD };
/* -1 permanent: damaged (it has been moved to bad/) or not there. envelope texts live in a. */
int spool_read(struct spool *spool, struct arena *a, enum spool_place place, const char *id, struct spooled *spooled_r, struct fail *why);
void spool_unread(struct spooled *spooled);
int spool_remove(struct spool *spool, enum spool_place place, const char *id, struct fail *why);
/* in/ -> held/ and back; durable. A post for several lists is copied by link for each: id-N. Both may be repeated after a crash. spool_hold leaves in/id where
 * it is: the route removes it when all lists are served. spool_release writes the message anew with its envelope: rcpts are only_rcpt (NULL: all), id is new_id. */
int spool_hold(struct spool *spool, const char *id, const char *held_id, struct fail *why);
int spool_release(struct spool *spool, const char *held_id, const char *new_id, const char *only_rcpt, const char *released_by, struct fail *why);
/* Before work on a message begins: count an end of the process that may come (undone by its removal, or by spool_clear_tries). After fifteen, or three that it has to be
 * blamed for, it is moved to bad/ and *abandoned_r set. try_r is to be ended. */
struct spool_try { int fd; int64_t digit_at; unsigned tries; };
int spool_begin_try(struct spool *spool, const char *id, struct spool_try *try_r, bool *abandoned_r, struct fail *why);
/* The process ends, and it is this message's doing. May be called from a signal handler. */
void spool_blame_try(const struct spool_try *try);
void spool_end_try(struct spool_try *try);
/* Take the count back to 0: work on the message ended in good order (with a temporary failure; it will be tried again). */
int spool_clear_tries(struct spool *spool, const char *id, struct fail *why);
/* All ids of a place, in order. */
int spool_ids(struct spool *spool, struct arena *a, enum spool_place place, const char ***ids_r, size_t *count_r, struct fail *why);
/* Free space and inodes: false when below what max-size posts need. */
bool spool_has_space(struct spool *spool, uint64_t wanted_bytes);
const char *spool_dir(const struct spool *spool);

#endif
