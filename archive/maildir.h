/* SPDX-License-Identifier: BSD-2-Clause */
/* Accepted posts, as received, in a Maildir for each list: DIR/LIST/{tmp,new,cur}. File names are the posts' ids, so that storing one twice leaves one. */
#ifndef ARCHIVE_MAILDIR_H
#define ARCHIVE_MAILDIR_H

#include "mail/fail.h"

#include <stdint.h>

/* Store bytes as DIR/LIST/new/ID; durable when it returns 0. list: an address (a "/" in it is refused). */
int maildir_store(const char *dir, const char *list, const char *id, struct span bytes, struct fail *why);
/* Call each for every post of a list that was stored at or after since_secs, by id. path is valid during the call; what each returns but 0 ends it and is returned. No archive is
 * an empty one. -1: it cannot be read. */
int maildir_each(const char *dir, const char *list, int64_t since_secs, int (*each)(void *context, const char *id, int64_t stored_secs, const char *path), void *context,
	struct fail *why);
/* The archive of a list under its new name. No archive is no error. */
int maildir_rename(const char *dir, const char *from, const char *to, struct fail *why);

#endif
