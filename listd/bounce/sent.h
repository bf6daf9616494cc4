/* SPDX-License-Identifier: BSD-2-Clause */
/* Which copy it was that a reply or a report is about: its job, form, and what is noted with it (post/notes.h), as long as it is being sent or kept. */
#ifndef LISTD_BOUNCE_SENT_H
#define LISTD_BOUNCE_SENT_H

#include "listd/daemon.h"
#include "listd/post/notes.h"

struct sent {
	const char *job;     /* "ID-N" */
	const char *form;    /* strategy's name */
	const char *address; /* as the job has it */
	struct notes notes;
};
/* job: "ID-N", or a post's ID alone, as a return address has it; list: its address; recipient: any spelling of the address. 1 found; 0 there is no such copy, or it is not
 * kept any more. Texts live in a. */
int sent_find(struct daemon *daemon, struct arena *a, const char *job, const char *list, const char *recipient, struct sent *sent_r);
/* The same in a job that is open already. */
int sent_find_in(struct arena *a, struct job *job, const char *recipient, struct sent *sent_r);
/* The post's part of "ID-N". */
const char *sent_post_id(struct arena *a, const char *job);

#endif
