/* SPDX-License-Identifier: BSD-2-Clause */
/* fsyncrate DIR THREADS [SECONDS]: how many queue files of 10 KB a second this machine makes durable, done the plain way (create, write, fsync, rename, fsync of
 * the directory), and through the spool. */
#include "tests/bench/bench.h"

#include "listd/spool/spool.h"
#include "mail/log.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

static struct { int tmp_fd, in_fd; struct spool *spool; char *post; atomic_bool ended; atomic_ulong count; } bench;

static void plain_file(const char *name)
{
	int fd = openat(bench.tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0 || write(fd, bench.post, BENCH_POST_BYTES) != BENCH_POST_BYTES || fsync(fd) != 0 || renameat(bench.tmp_fd, name, bench.in_fd, name) != 0
		|| fsync(bench.in_fd) != 0)
		bench_die("file");
	close(fd);
	unlinkat(bench.in_fd, name, 0);
}

static void spool_file(const char *name)
{
	const char *rcpts[] = { "birds@lists.example.org" };
	struct envelope envelope = { .id = name, .received_secs = 1700000000, .mail_from = "ann@example.com", .rcpts = rcpts, .rcpt_count = 1, .client_ip = "192.0.2.1" };
	struct spool_writer *writer;
	struct spool_entry entry;
	struct fail why;

	if (spool_begin(bench.spool, name, &writer, &why) != 0 || spool_add(writer, (struct span){ bench.post, BENCH_POST_BYTES }, &why) != 0
		|| spool_accept(writer, &envelope, &entry, &why) != 0 || spool_let_go(bench.spool, name, &entry, &why) != 0)
		bench_die(why.text);
}

static void *run(void *way)
{
	void (*make)(const char *name) = *(void (**)(const char *))way;
	char id[SPOOL_ID_CHARS + 1];

	while (!atomic_load(&bench.ended)) {
		spool_id(1700000000, id);
		make(id);
		atomic_fetch_add(&bench.count, 1);
	}
	return NULL;
}

static double rate(void (*way)(const char *name), unsigned thread_count, unsigned seconds)
{
	pthread_t threads[256];
	double from = bench_seconds();

	atomic_store(&bench.ended, false);
	atomic_store(&bench.count, 0);
	for (unsigned i = 0; i < thread_count; i++)
		if (pthread_create(&threads[i], NULL, run, &way) != 0)
			bench_die("pthread_create");
	sleep(seconds);
	atomic_store(&bench.ended, true);
	for (unsigned i = 0; i < thread_count; i++)
		pthread_join(threads[i], NULL);
	return (double)atomic_load(&bench.count) / (bench_seconds() - from);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	unsigned threads = argc > 2 ? (unsigned)atoi(argv[2]) : 1, seconds = argc > 3 ? (unsigned)atoi(argv[3]) : 3;
	char dir[160], path[200];
	double plain, spooled;
	struct fail why;

	if (argc < 2 || threads < 1 || threads > 256)
		return 64;
	log_open(LOG_SINK_NONE, NULL, LOG_LEVEL_ERROR);
	snprintf(dir, sizeof(dir), "%.120s/listd-bench-XXXXXX", argv[1]);
	if (mkdtemp(dir) == NULL || spool_open(dir, &bench.spool, &why) != 0)
		bench_die(dir);
	snprintf(path, sizeof(path), "%s/tmp", dir);
	bench.tmp_fd = open(path, O_RDONLY | O_DIRECTORY);
	snprintf(path, sizeof(path), "%s/in", dir);
	bench.in_fd = open(path, O_RDONLY | O_DIRECTORY);
	bench.post = bench_post(BENCH_POST_BYTES);
	plain = rate(plain_file, threads, seconds);
	spooled = rate(spool_file, threads, seconds);
	printf("{\"bench\":\"fsyncrate\",\"threads\":%u,\"plain_per_s\":%.0f,\"spool_per_s\":%.0f,\"ratio\":%.2f}\n", threads, plain, spooled, spooled / plain);
	spool_close(bench.spool);
	nftw(dir, remove_one, 10, FTW_DEPTH | FTW_PHYS);
	return 0;
}
