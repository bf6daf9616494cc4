/* SPDX-License-Identifier: BSD-2-Clause */
/* Where small messages become durable: files that are there already, so that an entry costs one write and one sync, which sessions share. No name is made and no space
 * found for it. An entry lives for the moments until its jobs are on disk, or the message gets a file in in/.
 *
 *   journal/N   a segment of fixed size in blocks. The first block: "#listd-journal-1 <16 hex: nonce>\n". An entry begins with a block of its own:
 *               "#listd-journal <16 hex: nonce> <8 hex: bytes> <id> <state>\n" and then the file as it would stand in in/ (spool_int.h). state is overwritten in place:
 *               "." alive, "x" over.
 *
 * A segment without living entries is used again from its front, with a new nonce. It is random, so that nobody can write a message that looks like an entry, and
 * entries of earlier times do not count. States are not synced at once. After a power failure some of the last moments may be missing, and such a message is worked on
 * once more: it finds its jobs, for what tells that it was dealt with goes only after journal_sync. */
#ifndef LISTD_JOURNAL_H
#define LISTD_JOURNAL_H

#include "listd/spool/spool.h"

#define JOURNAL_SEGMENT_BYTES ((size_t)8 << 20)
#define JOURNAL_SEGMENTS_MAX 8 /* some 5000 posts that wait for a worker; further ones get files */
#define JOURNAL_BLOCK_BYTES ((size_t)4096)
#define JOURNAL_HEAD_BYTES 64

struct journal;

/* dir_fd: of journal/, empty and open for as long as the journal is. */
struct journal *journal_new(struct spool *spool, int dir_fd);
void journal_free(struct journal *journal);
/* id: SPOOL_ID_CHARS long. count: up to JOURNAL_SLICES_MAX. 0: it is on disk. 1: there is no room, or trouble with the file; nothing is left of it. */
#define JOURNAL_SLICES_MAX 4
int journal_put(struct journal *journal, const char *id, const struct iovec *slices, size_t count, struct spool_entry *entry_r);
/* The file of an entry that is alive; out has entry->bytes. */
int journal_get(struct journal *journal, const struct spool_entry *entry, char *out, struct fail *why);
/* It is over. */
void journal_end(struct journal *journal, const struct spool_entry *entry);
/* Whatever is over by now is so after a power failure as well; where that cannot be written, the log tells. */
void journal_sync(struct journal *journal);

/* Call each for every entry of a segment that is alive. -1: each said so. 1: it is no segment. One that was never made to its end, or whose rest is missing, has none
 * there. */
int journal_scan(struct span segment, int (*each)(void *context, const char *id, struct span file, struct fail *why), void *context, struct fail *why);

#endif
