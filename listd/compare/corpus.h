/* SPDX-License-Identifier: BSD-2-Clause */
/* The posts that are compared: files, directories, Maildirs and mboxes of recorded messages, and files of described posts (mitigations/compare/described.h). What is in it and
 * in which order depends on the names alone; a message is read when its turn comes. */
#ifndef LISTD_COMPARE_CORPUS_H
#define LISTD_COMPARE_CORPUS_H

#include "mail/file.h"
#include "mitigations/compare/described.h"

/* A million messages: a file each is more than one directory holds well. 256 MB for each message or mbox. */
#define CORPUS_MAX 1000000
#define CORPUS_FILE_MAX_BYTES ((size_t)256 << 20)
#define CORPUS_DEPTH_MAX 16 /* directories in directories */

struct corpus_item {
	const char *name;                  /* the path as given, "path#3" in an mbox, or the described post's own; each once */
	const char *path;                  /* of a message in a file of its own, or NULL */
	struct span bytes;                 /* of one in memory, or in an mbox */
	bool is_quoted;                    /* as an mbox writes it: ">From " at the beginning of a line */
	const struct described *described; /* or NULL */
};

struct corpus {
	struct arena *arena;
	struct corpus_item *items;
	size_t count, cap;
	struct file_view *views;           /* of mboxes */
	size_t view_count, view_cap;
};

/* An empty corpus; end it with corpus_done. */
void corpus_init(struct corpus *corpus);
void corpus_done(struct corpus *corpus);
/* Add what is at a path: a message; an mbox (it begins with "From "); described posts (its first word is "post"); a Maildir (cur, then new); a directory, with those
 * in it, by name. -1: it cannot be read, or is no such thing. */
int corpus_add(struct corpus *corpus, const char *path, struct fail *why);
/* Add described posts from text; file names it in messages. */
int corpus_add_described(struct corpus *corpus, struct span text, const char *file, struct fail *why);
/* Add one message: from path, or its bytes, which must live as long as the corpus. */
int corpus_add_message(struct corpus *corpus, const char *name, const char *path, struct span bytes, struct fail *why);
/* Make every name a line of text that stands once: a second one gets "~2". When all is added. */
void corpus_name(struct corpus *corpus);
/* The bytes of a recorded message, with CRLF where it has LF alone, as an MTA would hand it over. They live in a or in the corpus. -1: it cannot be read. */
int corpus_read(struct arena *a, const struct corpus_item *item, struct span *bytes_r, struct fail *why);

#endif
