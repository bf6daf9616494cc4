/* SPDX-License-Identifier: BSD-2-Clause */
/* Accepted posts, as received, in a Maildir for each list: DIR/LIST/{tmp,new,cur}. File names are the posts' ids, so that storing one twice leaves one. */
#ifndef ARCHIVE_MAILDIR_H
#define ARCHIVE_MAILDIR_H

#include "mail/fail.h"

/* Store bytes as DIR/LIST/new/ID; durable when it returns 0. list: an address (a "/" in it is refused). */
int maildir_store(const char *dir, const char *list, const char *id, struct span bytes, struct fail *why);
/* The archive of a list under its new name. No archive is no error. */
int maildir_rename(const char *dir, const char *from, const char *to, struct fail *why);

#endif
