/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the spool, of intake and of delivery share: a private spool, and messages in it. */
#ifndef TESTS_UNIT_SPOOL_HELP_H
#define TESTS_UNIT_SPOOL_HELP_H

#include "tests/unit/check.h"

#include "listd/spool/job.h"
#include "listd/spool/spool_int.h"
#include "mail/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

struct spool_box {
	char dir[64];
	struct spool *spool;
	struct arena *arena;
};

static inline void box_open(struct spool_box *box)
{
	struct fail why;

	if (spool_open(box->dir, &box->spool, &why) != 0)
		fail_msg("%s", why.text);
}

static inline int box_setup(void **state)
{
	struct spool_box *box = calloc(1, sizeof(*box));

	log_open(LOG_SINK_NONE, NULL, LOG_LEVEL_ERROR);
	snprintf(box->dir, sizeof(box->dir), "/tmp/listd-spool-XXXXXX");
	assert_non_null(mkdtemp(box->dir));
	box->arena = arena_new(ARENA_MESSAGE_MAX_BYTES);
	box_open(box);
	*state = box;
	return 0;
}

static inline int box_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int box_teardown(void **state)
{
	struct spool_box *box = *state;

	spool_close(box->spool);
	arena_free(box->arena);
	nftw(box->dir, box_remove, 10, FTW_DEPTH | FTW_PHYS);
	free(box);
	return 0;
}

static inline void box_reopen(struct spool_box *box)
{
	spool_close(box->spool);
	box_open(box);
}

/* How many names a directory of the spool holds. */
static inline size_t box_count(struct spool_box *box, const char *name)
{
	DIR *dir = opendir(arena_printf(box->arena, "%s/%s", box->dir, name));
	struct dirent *entry;
	size_t count = 0;

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static inline bool box_has(struct spool_box *box, const char *path)
{
	return access(arena_printf(box->arena, "%s/%s", box->dir, path), F_OK) == 0;
}

static inline void box_put(struct spool_box *box, const char *id, struct span message)
{
	const char *rcpts[] = { "birds@lists.example.org", "bees@lists.example.org" };
	struct envelope envelope = { .id = id, .received_secs = 1700000000, .mail_from = "ann@example.com", .rcpts = rcpts, .rcpt_count = 2 };
	struct spool_writer *writer;
	struct fail why;

	assert_int_equal(spool_begin(box->spool, id, &writer, &why), 0);
	assert_int_equal(spool_add(writer, message, &why), 0);
	if (spool_commit(writer, &envelope, &why) != 0)
		fail_msg("%s", why.text);
}

#endif
