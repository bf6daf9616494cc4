/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of 10 KB a second that LMTP makes durable, beside the rate at which as many threads can make plain queue files (write, fsync, rename):
 *   bench_lmtp DIR [SECONDS [ROUNDS]]
 * DIR is on the file system in question. Both kinds take turns in each round; the median of the rounds counts. */
#include "listd/intake/lmtp.h"
#include "mail/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_BYTES 10240
#define THREADS_MAX 64
#define ROUNDS_MAX 99

struct bench {
	char dir[256], socket[300];
	char text[MESSAGE_BYTES + 1];
	atomic_bool is_over;
	atomic_ulong done;
};

struct worker { struct bench *bench; unsigned number; pthread_t thread; };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int take_rcpt(void *context, struct arena *a, const struct envelope *envelope, const char *rcpt, struct fail *why)
{
	(void)context, (void)a, (void)envelope, (void)rcpt, (void)why;
	return 0;
}

static void *keep_message(void *context, struct arena *a, const struct envelope *envelope, struct span bytes, struct reply *replies, bool *keep)
{
	(void)context, (void)a, (void)bytes, (void)replies;
	for (size_t i = 0; i < envelope->rcpt_count; i++)
		keep[i] = true;
	return NULL;
}

static void let_go(void *context, const struct envelope *envelope, const struct spool_entry *entry, void *judged)
{
	struct spool *spool = *(struct spool **)context;
	struct spool_entry mine = *entry;
	struct fail why;

	(void)judged;
	if (spool_let_go(spool, envelope->id, &mine, &why) != 0)
		die(why.text);
}

static void note_dropped(void *context, void *judged)
{
	(void)context, (void)judged;
}

static void say(int fd, const char *text)
{
	size_t len = strlen(text);

	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send");
}

/* Read until count replies have come; the last must begin with want. */
static void hear(int fd, unsigned count, const char *want)
{
	char in[8192];
	size_t used = 0, line = 0;

	while (count > 0) {
		ssize_t n = recv(fd, in + used, sizeof(in) - used, 0);

		if (n <= 0)
			die("recv");
		used += (size_t)n;
		for (size_t i = used - (size_t)n; i < used; i++) {
			if (in[i] != '\n')
				continue;
			count -= in[line + 3] == ' ';
			if (count == 0 && strncmp(in + line, want, 3) != 0)
				die(in + line);
			line = i + 1;
		}
	}
}

static void *send_messages(void *arg)
{
	struct worker *w = arg;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", w->bench->socket);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("connect");
	say(fd, "LHLO bench.example\r\n");
	hear(fd, 2, "250");
	while (!atomic_load(&w->bench->is_over)) {
		say(fd, "MAIL FROM:<ann@example.com> SIZE=10240\r\nRCPT TO:<birds@lists.example.org>\r\nDATA\r\n");
		hear(fd, 3, "354");
		say(fd, w->bench->text);
		say(fd, ".\r\n");
		hear(fd, 1, "250");
		atomic_fetch_add(&w->bench->done, 1);
	}
	close(fd);
	return NULL;
}

static void *write_files(void *arg)
{
	struct worker *w = arg;
	char tmp[400], queue[400];

	for (unsigned long i = 0; !atomic_load(&w->bench->is_over); i++) {
		int fd;

		snprintf(tmp, sizeof(tmp), "%s/plain-tmp/%u-%lu", w->bench->dir, w->number, i);
		snprintf(queue, sizeof(queue), "%s/plain-in/%u-%lu", w->bench->dir, w->number, i);
		fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || write(fd, w->bench->text, MESSAGE_BYTES) != MESSAGE_BYTES || fsync(fd) != 0 || close(fd) != 0 || rename(tmp, queue) != 0)
			die("queue file");
		atomic_fetch_add(&w->bench->done, 1);
	}
	return NULL;
}

static double rate(struct bench *bench, void *(*run)(void *), unsigned threads, double secs)
{
	struct worker workers[THREADS_MAX];
	int64_t from_ms = clock_monotonic_ms();

	atomic_store(&bench->is_over, false);
	atomic_store(&bench->done, 0);
	for (unsigned i = 0; i < threads; i++) {
		workers[i] = (struct worker){ .bench = bench, .number = i };
		pthread_create(&workers[i].thread, NULL, run, &workers[i]);
	}
	poll(NULL, 0, (int)(secs * 1000));
	atomic_store(&bench->is_over, true);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	return (double)atomic_load(&bench->done) * 1000 / (double)(clock_monotonic_ms() - from_ms);
}

static void sweep(const char *dir, const char *part)
{
	char command[400];

	snprintf(command, sizeof(command), "find '%s/%s' -type f -delete", dir, part);
	if (system(command) != 0)
		die("find");
	sync();
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(struct bench *bench, unsigned threads, double secs, unsigned rounds)
{
	double lmtp[ROUNDS_MAX], plain[ROUNDS_MAX], ratio[ROUNDS_MAX];

	for (unsigned i = 0; i < rounds; i++) {
		lmtp[i] = rate(bench, send_messages, threads, secs);
		sweep(bench->dir, "spool/in");
		plain[i] = rate(bench, write_files, threads, secs);
		sweep(bench->dir, "plain-in");
		ratio[i] = lmtp[i] / plain[i];
	}
	qsort(lmtp, rounds, sizeof(lmtp[0]), compare);
	qsort(plain, rounds, sizeof(plain[0]), compare);
	qsort(ratio, rounds, sizeof(ratio[0]), compare);
	printf("%8u %10.0f %10.0f %8.2f (%.2f-%.2f)\n", threads, lmtp[rounds / 2], plain[rounds / 2], ratio[rounds / 2], ratio[0], ratio[rounds - 1]);
	fflush(stdout);
}

static void make_dir(const char *dir, const char *part)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, part);
	if (mkdir(path, 0700) != 0)
		die(path);
}

int main(int argc, char **argv)
{
	static const unsigned sessions[] = { 1, 4, 8, 20 };
	static struct bench bench;
	struct lmtp_options options = { .mode = 0600, .sessions_max = THREADS_MAX, .max_bytes = 1 << 20, .host_name = "bench.example" };
	struct spool *spool;
	struct lmtp_judge judge = { &spool, take_rcpt, keep_message, let_go, note_dropped };
	double secs = argc > 2 ? atof(argv[2]) : 2;
	int rounds = argc > 3 ? atoi(argv[3]) : 3;
	char spool_path[300], listen[310];
	struct lmtp *lmtp;
	struct fail why;

	if (argc < 2 || secs <= 0 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: bench_lmtp DIR [SECONDS [ROUNDS]]\n");
		return 2;
	}
	log_open(LOG_SINK_FILE, "/dev/null", LOG_LEVEL_INFO);
	snprintf(bench.dir, sizeof(bench.dir), "%s/bench-lmtp-XXXXXX", argv[1]);
	if (mkdtemp(bench.dir) == NULL)
		die("mkdtemp");
	for (size_t i = 0; i < MESSAGE_BYTES; i++)
		bench.text[i] = i % 80 == 78 ? '\r' : i % 80 == 79 ? '\n' : 'x';
	make_dir(bench.dir, "plain-tmp");
	make_dir(bench.dir, "plain-in");
	snprintf(bench.socket, sizeof(bench.socket), "%s/lmtp", bench.dir);
	snprintf(spool_path, sizeof(spool_path), "%s/spool", bench.dir);
	snprintf(listen, sizeof(listen), "unix:%s", bench.socket);
	options.listen = listen;
	if (spool_open(spool_path, &spool, &why) != 0 || lmtp_start(&options, spool, &judge, &lmtp, &why) != 0) {
		fprintf(stderr, "%s\n", why.text);
		return 1;
	}
	printf("sessions  lmtp msg/s plain f/s  ratio (range)\n");
	for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
		measure(&bench, sessions[i], secs, (unsigned)rounds);
	lmtp_stop(lmtp, 1000);
	spool_close(spool);
	snprintf(listen, sizeof(listen), "rm -r '%.280s'", bench.dir);
	return system(listen) == 0 ? 0 : 1;
}
