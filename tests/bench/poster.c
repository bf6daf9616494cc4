/* SPDX-License-Identifier: BSD-2-Clause */
/* poster PORT SESSIONS SENDER RCPT < NAMES: hands the messages whose files are named on standard input, one a line and ready to be sent (CRLF, dot-stuffed), to the LMTP
 * server on loopback, over several sessions as a mail server would, and prints how many a second were answered 250. */
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#define SESSIONS_MAX 100

struct text { char *bytes; size_t len; };

static struct { int port; const char *sender, *rcpt; struct text *posts; size_t count; atomic_size_t next; } plan;

static struct text read_file(const char *name)
{
	int fd = open(name, O_RDONLY);
	struct stat st;
	struct text text;

	if (fd < 0 || fstat(fd, &st) != 0)
		bench_die(name);
	text.len = (size_t)st.st_size;
	text.bytes = malloc(text.len);
	if (text.bytes == NULL || read(fd, text.bytes, text.len) != (ssize_t)text.len)
		bench_die(name);
	close(fd);
	return text;
}

static void read_posts(void)
{
	char name[4096];
	size_t cap = 0;

	while (fgets(name, sizeof(name), stdin) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		if (plan.count == cap) {
			cap = cap == 0 ? 64 : 2 * cap;
			plan.posts = reallocarray(plan.posts, cap, sizeof(plan.posts[0]));
			if (plan.posts == NULL)
				bench_die("malloc");
		}
		plan.posts[plan.count++] = read_file(name);
	}
}

static void say(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t put = send(fd, bytes, len, MSG_NOSIGNAL);

		if (put <= 0)
			bench_die("send");
		bytes += put;
		len -= (size_t)put;
	}
}

/* Read until count replies have come; the last must begin with want. */
static void hear(int fd, unsigned count, const char *want)
{
	char in[8192];
	size_t used = 0, line = 0;

	while (count > 0) {
		ssize_t got = recv(fd, in + used, sizeof(in) - 1 - used, 0);

		if (got <= 0)
			bench_die("recv");
		used += (size_t)got;
		for (size_t at = used - (size_t)got; at < used; at++) {
			if (in[at] != '\n')
				continue;
			count -= in[line + 3] == ' ';
			if (count == 0 && strncmp(in + line, want, 3) != 0) {
				fprintf(stderr, "poster: %.*s", (int)(used - line), in + line);
				exit(1);
			}
			line = at + 1;
		}
	}
}

static void *run(void *unused)
{
	int fd = bench_connect(plan.port);
	char group[1000];
	size_t at;

	(void)unused;
	hear(fd, 1, "220");
	say(fd, "LHLO poster.example\r\n", 21);
	hear(fd, 1, "250");
	while ((at = atomic_fetch_add(&plan.next, 1)) < plan.count) {
		const struct text *post = &plan.posts[at];
		int len = snprintf(group, sizeof(group), "MAIL FROM:<%s> SIZE=%zu\r\nRCPT TO:<%s>\r\nDATA\r\n", plan.sender, post->len, plan.rcpt);

		say(fd, group, (size_t)len);
		hear(fd, 3, "354");
		say(fd, post->bytes, post->len);
		say(fd, ".\r\n", 3);
		hear(fd, 1, "250");
	}
	say(fd, "QUIT\r\n", 6);
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned sessions = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	pthread_t threads[SESSIONS_MAX];
	double seconds;

	if (argc < 5 || sessions < 1 || sessions > SESSIONS_MAX)
		return 64;
	plan.port = atoi(argv[1]);
	plan.sender = argv[3];
	plan.rcpt = argv[4];
	read_posts();
	seconds = bench_seconds();
	for (unsigned i = 0; i < sessions; i++)
		if (pthread_create(&threads[i], NULL, run, NULL) != 0)
			bench_die("pthread_create");
	for (unsigned i = 0; i < sessions; i++)
		pthread_join(threads[i], NULL);
	seconds = bench_seconds() - seconds;
	printf("{\"bench\":\"poster\",\"posts\":%zu,\"sessions\":%u,\"seconds\":%.3f,\"posts_per_s\":%.0f}\n", plan.count, sessions, seconds, (double)plan.count / seconds);
	return 0;
}
