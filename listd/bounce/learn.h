/* SPDX-License-Identifier: BSD-2-Clause */
/* What refusals teach, so that the next choice is better. Two kinds of rows, kept in the store and held in memory:
 *
 *   receiver R, form F   R refused a copy in that form of a post whose author's policy is strict: R enforces DMARC from then on; where it was said to honour our seals, or to
 *                        have us on its allowlist, and refused such a copy, it loses that mark; a form whose proof had held is passed over there
 *   author D, receiver R R refused a copy from D although D asks for nothing (as gmail.com): D is forced at R, and at all receivers when LEARN_RECEIVERS of them refused it
 *
 * R is the operator where all mail servers of the recipient's domain are the operator's, or the table names the domain; else it is "@domain" alone, so that nobody can speak for
 * an operator by adding one of its servers to his own.
 *
 * What is believed: the relay's own reply is, at once, and so is a report that the relay itself wrote (XFORWARD says that it came from no client, and it names the recipient of
 * the key). Any other report to an address with the recipient's key can be made up by that recipient, so it takes LEARN_WITNESSES different ones within LEARN_WITNESS_SECS.
 * Posts that fail their author's record, or went out on a moderator's word, teach nothing; nor does the refusal of an address that the recipient's own server had
 * passed the copy on to. What is learnt can only make copies more invasive, never send on what was not: the worst that a lie does is
 * a rewritten From at one receiver, until it is looked at again or forgotten.
 *
 * It lasts for the setting relearn after the last refusal. Then one copy to one subscriber goes out in the lighter form, with the second form (fallback.h) behind it. Refused, it
 * lasts as long again; not refused for LEARN_TRIAL_SECS, it is over.
 *
 * Precedence, the first that says something: rules of the list, the site's allowlist, rows of receivers-files with "learns no", what is learnt, other rows. */
#ifndef LISTD_BOUNCE_LEARN_H
#define LISTD_BOUNCE_LEARN_H

#include "listd/bounce/bounce.h"
#include "listd/post/notes.h"

#define LEARN_WITNESSES 3
#define LEARN_WITNESS_SECS (10 * 86400)
#define LEARN_RECEIVERS 3
#define LEARN_TRIAL_SECS 86400
/* Receivers times forms, and author domains: what there are more of is not learnt, and costs a second form each time. */
#define LEARN_ROWS_MAX 20000
/* The site's allowlist is kept by hand. */
#define LEARN_ALLOWED_MAX 1000

struct learn;

/* What is known by now, from the store, which must live as long. The caller frees *learn_r with learn_free. -1: it cannot be read. */
int learn_open(struct store *store, struct learn **learn_r, struct fail *why);
/* Write what is not written yet, and free; NULL is nothing. */
void learn_free(struct learn *learn);
/* Write what is not written yet, and drop rows about which nothing was heard for long: every minute. */
void learn_tend(struct daemon *daemon);

/* Take note of a refusal; any class and source may be given, what teaches nothing is nothing. -1: the store (temporary). */
int learn_note(struct daemon *daemon, const struct bounce *bounce, struct fail *why);
/* Copies of one form of a job were taken by the relay (delivery_hooks). */
void learn_sent(struct daemon *daemon, const struct job *job, const char *form, size_t count);

/* The notes of a job ("ID-N"); texts live in a. Those that were asked for last are remembered, since a job's refusals come in swarms. False: there are none (any more). */
bool learn_notes(struct daemon *daemon, struct arena *a, const char *job_id, struct notes *notes_r);

/* For the world (post.h): see there. */
void learn_experience(struct daemon *daemon, struct arena *a, const char *name, struct experience *experience);
void learn_site_rules(struct daemon *daemon, struct arena *a, const struct facts *facts, struct site_rules *rules_r);
/* A copy goes out in a form that is tried again: what was due for it is being tried from now on. */
int learn_begin_trial(struct daemon *daemon, const struct post *post, const struct post_class *class, struct fail *why);

/* How it stands with a row. */
enum learn_state {
	LEARN_SENT,      /* copies were sent, none was refused */
	LEARN_SUSPECTED, /* not enough witnesses yet */
	LEARN_HOLDS, LEARN_DUE /* for one copy that tries again */, LEARN_TRYING,
	LEARN_OVER       /* it was tried again, and nothing came back */
};
/* "sent", "suspected", "holds", "due", "trying", "over". */
const char *learn_state_name(enum learn_state state);
enum learn_state learn_state(const struct learnt *learnt, int64_t now_secs, int64_t relearn_secs);
/* Copies of all rows, by kind and name; texts live in a. */
void learn_all(struct learn *learn, struct arena *a, struct learnt **learnt_r, size_t *count_r);
/* Forget all about a receiver ("google", "@example.net") or an author domain. 0 with the number of rows. */
int learn_forget(struct learn *learn, const char *name, size_t *count_r, struct fail *why);

/* The allowlist; effective at once. -1 permanent: there are LEARN_ALLOWED_MAX already. */
int learn_allow(struct learn *learn, const struct allowed *allowed, struct fail *why);
/* 1 removed, 0 it was not there, -1. */
int learn_disallow(struct learn *learn, enum allowed_kind kind, const char *name, struct fail *why);
void learn_allowed(struct learn *learn, struct arena *a, struct allowed **allowed_r, size_t *count_r);

#endif
