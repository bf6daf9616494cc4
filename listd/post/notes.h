/* SPDX-License-Identifier: BSD-2-Clause */
/* What is noted with a job for the time when one of its copies is refused: how its post was judged on arrival, and what was taken for whom. */
#ifndef LISTD_NOTES_H
#define LISTD_NOTES_H

#include "listd/post/post.h"

/* Copies of one form for the recipients of one receiver. */
struct notes_class { const char *receiver, *form; size_t rcpt_count; bool proved, forced /* by rule */; };

struct notes {
	const char *author_domain; /* of the author with the strictest policy, "" without one */
	bool is_strict;            /* that policy asks for quarantine or reject, or DNS hid it */
	bool disowned;             /* the post fails its author's record, be it p=none */
	bool named;                /* somebody answers for it: the list may show the author's name in its own From */
	bool vouched;              /* a moderator released it although it does not pass as its author's: only a wrapped copy may go out */
	const char *of;            /* the job whose refused copies it takes the place of, or "": it is the first */
	struct notes_class *classes;
	size_t class_count;
};

/* The notes of a post whose forms are chosen, as text in its arena. */
const char *notes_write(struct post *post);
/* Read them. False where there are none: a job of an older version, or one that is no post. Texts live in a. */
bool notes_read(struct arena *a, const char *text, struct notes *notes_r);
/* Had the form's proof shown that a strict receiver would accept it? */
bool notes_is_proved(const struct notes *notes, const char *form);
/* Was the author forced by rule, so that his policy counted as reject? */
bool notes_is_forced(const struct notes *notes, const char *form);

#endif
