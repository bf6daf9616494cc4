/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing, transactions, housekeeping, backup. */
#include "listd/event.h"
#include "listd/store/store_int.h"
#include "mail/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static const char *const db_names[STORE_DBS] = {
	[STORE_VALUES] = "values", [STORE_LISTS] = "lists", [STORE_LIST_IDS] = "list_ids", [STORE_MEMBERS] = "members",
	[STORE_MEMBER_LISTS] = "member_lists", [STORE_HOLDS] = "holds", [STORE_ALIASES] = "aliases", [STORE_SEEN] = "seen",
	[STORE_TOKENS] = "tokens", [STORE_EXPIRIES] = "expiries", [STORE_SECONDS] = "seconds", [STORE_SECONDS_TODO] = "seconds_todo",
	[STORE_LEARNT] = "learnt", [STORE_ALLOWED] = "allowed", [STORE_TALLIES] = "tallies", [STORE_BOUNCES] = "bounces", [STORE_FIGURES] = "figures",
};

#define FORMAT_KEY ".format"
#define FORMAT "1"
/* A batch touches two B-trees, at worst a page for each put, and pages split; several threads write at once. (100 octets of memory each.) */
#define LOCKS_MAX 20000
/* Beyond it something else is wrong than two writers that met. */
#define TRIES_MAX 200
/* Kept free besides what the cache may still have to write: log records of a batch, and what the file system needs. */
#define SPACE_KEPT_BYTES ((uint64_t)4 << 20)

/* Writes are refused before the disk is full: the engine could not write back its cache then, and would have to be recovered. */
static bool has_space(const struct store *store)
{
	struct statvfs fs;

	return statvfs(store->dir, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize >= store->reserve_bytes;
}

int store_fail(const struct store *store, const char *operation, int code, struct fail *why)
{
	if (code == DB_RUNRECOVERY) {
		event_log(EVENT_STORE_FAULT, "operation", operation, "reason", db_strerror(code), NULL);
		fail_environment("the store has to be recovered");
	}
	/* The engine says EIO when it cannot write its cache back, for whatever reason. */
	if (code == ENOSPC || code == EDQUOT || code == EFBIG || (code == EIO && !has_space(store)))
		return fail_set(why, 452, "4.3.1", "%s: no space left in %s; make room there", operation, store->dir);
	return fail_set(why, 451, "4.3.0", "%s: the store in %s failed: %s", operation, store->dir, db_strerror(code));
}

int store_damaged(struct fail *why, const char *what)
{
	fail_set(why, 451, "4.3.0", "the store holds a damaged row of %s; restore it from a backup", what);
	return STORE_REFUSED;
}

static int try_change(struct store *store, unsigned commit_flags, int (*body)(struct store *, DB_TXN *, void *, struct fail *), void *context, struct fail *why)
{
	DB_TXN *txn;
	int code = store->env->txn_begin(store->env, NULL, &txn, 0);

	if (code != 0)
		return code;
	code = body(store, txn, context, why);
	if (code == 0)
		return txn->commit(txn, commit_flags);
	txn->abort(txn);
	return code;
}

/* Two writers that met in a deadlock do not meet again when one waits a moment; longer after each time. */
static void wait_a_moment(int tries)
{
	struct timespec pause = { 0, 100000L * (tries < 50 ? 1 + tries : 50) };

	nanosleep(&pause, NULL);
}

static int run(struct store *store, const char *operation, unsigned commit_flags, bool changes,
	int (*body)(struct store *, DB_TXN *, void *, struct fail *), void *context, struct fail *why)
{
	struct fail unused;

	if (why == NULL)
		why = &unused;
	for (int tries = 0;; tries++) {
		int code = changes ? try_change(store, commit_flags, body, context, why) : body(store, NULL, context, why);

		if (code == 0)
			return 0;
		if (code == STORE_REFUSED)
			return -1;
		/* ENOMEM: many large batches at once have used up the locks; they end soon. */
		if ((code != DB_LOCK_DEADLOCK && code != DB_LOCK_NOTGRANTED && code != ENOMEM) || tries == TRIES_MAX)
			return store_fail(store, operation, code, why);
		wait_a_moment(tries);
	}
}

int store_change(struct store *store, const char *operation, unsigned commit_flags, int (*body)(struct store *, DB_TXN *, void *, struct fail *),
	void *context, struct fail *why)
{
	if (!has_space(store))
		return store_fail(store, operation, ENOSPC, why);
	return run(store, operation, commit_flags, true, body, context, why);
}

int store_look(struct store *store, const char *operation, int (*body)(struct store *, DB_TXN *, void *, struct fail *), void *context, struct fail *why)
{
	return run(store, operation, 0, false, body, context, why);
}

/* One process owns the store. The lock ends with the process, however it ends; the pid in the file is for people. */
static int take_lock(struct store *store, struct fail *why)
{
	char path[4096], pid[32] = "";
	ssize_t got;

	if (snprintf(path, sizeof(path), "%s/lock", store->dir) >= (int)sizeof(path))
		return fail_permanent(why, "path too long: %s", store->dir);
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return fail_temporary(why, "cannot open %s: %s", path, strerror(errno));
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		got = pread(store->lock_fd, pid, sizeof(pid) - 1, 0);
		if (got > 0)
			pid[strcspn(pid, "\n")] = '\0';
		return fail_temporary(why, "the store in %s is in use by process %s; there is one daemon for a store", store->dir, pid[0] == '\0' ? "(unknown)" : pid);
	}
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(store->lock_fd, 0) != 0 || pwrite(store->lock_fd, pid, strlen(pid), 0) < 0)
		return store_fail(store, "open", errno, why);
	return 0;
}

static void engine_error(const DB_ENV *env, const char *prefix, const char *message)
{
	struct store *store = env->app_private;

	(void)prefix;
	/* The first words name the cause, what follows is the panic that it led to. */
	if (store->dbs[0] == NULL && store->said[0] == '\0')
		snprintf(store->said, sizeof(store->said), "%s", message);
	event_log(EVENT_STORE_FAULT, "operation", "engine", "reason", message, NULL);
}

static int open_env(struct store *store, size_t cache_bytes)
{
	static const unsigned flags = DB_CREATE | DB_PRIVATE | DB_THREAD | DB_RECOVER | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_LOCK | DB_INIT_MPOOL;
	DB_ENV *env;
	int code = db_env_create(&store->env, 0);

	if (code != 0)
		return code;
	env = store->env;
	env->app_private = store;
	env->set_errcall(env, engine_error);
	if ((code = env->set_cachesize(env, (u_int32_t)(cache_bytes >> 30), (u_int32_t)(cache_bytes & ((1u << 30) - 1)), 1)) != 0
			|| (code = env->set_lk_detect(env, DB_LOCK_MINWRITE)) != 0
			|| (code = env->set_lk_max_locks(env, LOCKS_MAX)) != 0 || (code = env->set_lk_max_objects(env, LOCKS_MAX)) != 0
			|| (code = env->set_lg_bsize(env, 256 << 10)) != 0 || (code = env->set_lg_max(env, 4 << 20)) != 0)
		return code;
	return env->open(env, store->dir, flags, 0600);
}

static int open_dbs(struct store *store)
{
	for (int i = 0; i < STORE_DBS; i++) {
		char file[64];
		int code = db_create(&store->dbs[i], store->env, 0);

		if (code != 0)
			return code;
		snprintf(file, sizeof(file), "%s.db", db_names[i]);
		code = store->dbs[i]->open(store->dbs[i], NULL, file, NULL, DB_BTREE, DB_CREATE | DB_THREAD | DB_AUTO_COMMIT, 0600);
		if (code != 0)
			return code;
	}
	return 0;
}

static int check_format(struct store *store, struct fail *why)
{
	struct span key = SPAN_LIT(FORMAT_KEY), format = SPAN_LIT(FORMAT);
	struct buf row;
	int code, result = 0;

	buf_init(&row, STORE_ROW_MAX_BYTES);
	code = store_get(store, NULL, STORE_VALUES, key, &row, 0);
	if (code == DB_NOTFOUND)
		code = store_put(store, NULL, STORE_VALUES, key, format, DB_AUTO_COMMIT);
	else if (code == 0 && !span_eq(buf_span(&row), format))
		result = fail_permanent(why, "the store in %s was made by another version of listd", store->dir);
	if (code != 0)
		result = store_fail(store, "open", code, why);
	buf_done(&row);
	return result;
}

int store_open(const char *dir, size_t cache_bytes, struct store **store_r, struct fail *why)
{
	struct store *store = calloc(1, sizeof(*store));
	int code;

	if (store == NULL || (store->dir = strdup(dir)) == NULL)
		fail_environment("out of memory");
	store->lock_fd = -1;
	store->reserve_bytes = SPACE_KEPT_BYTES + cache_bytes + cache_bytes / 4;
	pthread_mutex_init(&store->archive_lock, NULL);
	if (file_make_dir(dir, 0700, why) != 0 || take_lock(store, why) != 0)
		goto failed;
	code = open_env(store, cache_bytes);
	if (code == 0)
		code = open_dbs(store);
	if (code == DB_RUNRECOVERY) {
		fail_temporary(why, "the store in %s cannot be recovered (%s); make room if the disk is full, else restore it from a backup", dir, store->said);
		goto failed;
	}
	if (code != 0) {
		store_fail(store, "open", code, why);
		goto failed;
	}
	if (check_format(store, why) != 0 || store_lists_purge(store, why) != 0)
		goto failed;
	*store_r = store;
	return 0;
failed:
	store_close(store);
	return -1;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->dbs[STORE_DBS - 1] != NULL)
		store->env->txn_checkpoint(store->env, 0, 0, 0);
	for (int i = 0; i < STORE_DBS; i++)
		if (store->dbs[i] != NULL)
			store->dbs[i]->close(store->dbs[i], 0);
	if (store->env != NULL)
		store->env->close(store->env, 0);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	pthread_mutex_destroy(&store->archive_lock);
	free(store->dir);
	free(store);
}

static int checkpoint(struct store *store, struct fail *why)
{
	int code = store->env->txn_checkpoint(store->env, 0, 0, 0);

	if (code == 0 && pthread_mutex_trylock(&store->archive_lock) == 0) {
		code = store->env->log_archive(store->env, NULL, DB_ARCH_REMOVE);
		pthread_mutex_unlock(&store->archive_lock);
	}
	return code == 0 ? 0 : store_fail(store, "checkpoint", code, why);
}

int store_tend(struct store *store, int64_t now_secs, struct fail *why)
{
	/* A full disk must not keep the checkpoint from making room, and the other way round. */
	int result = checkpoint(store, why);

	if (store_expire(store, now_secs, why) != 0 || store_lists_purge(store, why) != 0)
		result = -1;
	return result;
}

int store_backup(struct store *store, const char *dir, struct fail *why)
{
	int code;

	if (file_make_dir(dir, 0700, why) != 0)
		return -1;
	pthread_mutex_lock(&store->archive_lock);
	code = store->env->backup(store->env, dir, DB_CREATE | DB_BACKUP_CLEAN | DB_BACKUP_SINGLE_DIR);
	pthread_mutex_unlock(&store->archive_lock);
	return code == 0 ? 0 : store_fail(store, "backup", code, why);
}
