/* SPDX-License-Identifier: BSD-2-Clause */
/* For learn.c (rows and store), learn_note.c (what teaches) and learn_apply.c (what is made of it) alone. */
#ifndef LISTD_BOUNCE_LEARN_INT_H
#define LISTD_BOUNCE_LEARN_INT_H

#include "listd/bounce/learn.h"

/* A row; its texts are on the heap. */
struct learn_row {
	struct learnt learnt;
	bool is_dirty;
};

struct learn {
	struct store *store;
	pthread_mutex_t lock;      /* of all below */
	struct learn_row **rows;   /* by kind, name, what */
	size_t count, cap;
	struct allowed *allowed;   /* texts on the heap */
	size_t allowed_count, allowed_cap;
	/* Notes of the job that was asked about last: a swarm of refusals is about one. */
	const char *notes_job, *notes_text;
};

/* With the lock held. The place of the first row that is not before this one. */
size_t learn_place(const struct learn *learn, enum learnt_kind kind, const char *name, const char *what);
/* The row, made when there is none; NULL: there are too many. */
struct learn_row *learn_row(struct learn *learn, enum learnt_kind kind, const char *name, const char *what);
/* Is the row at that place about this name? */
bool learn_is_about(const struct learn *learn, size_t place, enum learnt_kind kind, const char *name);
void learn_set_text(const char **text, const char *value);
int learn_write(struct learn *learn, struct learn_row *row, struct fail *why);
const struct allowed *learn_find_allowed(const struct learn *learn, enum allowed_kind kind, const char *name);
/* The site's setting relearn. */
int64_t learn_relearn_secs(struct daemon *daemon);
/* Does it change what is chosen? */
bool learn_is_in_force(enum learn_state state);

#endif
