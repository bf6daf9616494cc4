/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables that come with listd (conf/receivers.conf, bounce.patterns, compare.receivers): the installed file where there is one, else the text that was built in, so that a
 * program works before it is installed, and a lost file takes no knowledge away. */
#ifndef LISTD_SHIPPED_H
#define LISTD_SHIPPED_H

#include "mail/arena.h"
#include "mail/fail.h"

/* As file_read, but one of the places in listd.h that is not there gives its built-in text. text_r lives in a, or for ever. */
int shipped_read(struct arena *a, const char *path, size_t max_bytes, struct span *text_r, struct fail *why);

/* Made from the files of conf/ by the build. */
extern const char shipped_receivers[], shipped_patterns[], shipped_models[];

#endif
