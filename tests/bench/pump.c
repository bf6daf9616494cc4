/* SPDX-License-Identifier: BSD-2-Clause */
/* pump PORT RCPTS PER_TRANSACTION [CONNECTIONS]: sends a 10 KB post to RCPTS recipients as fast as pipelined SMTP allows, without queue, states or checks: what
 * any delivery is measured against. */
#include "tests/bench/bench.h"

#include <pthread.h>
#include <sys/uio.h>

static struct { int port; unsigned long transactions; unsigned per; char *post; } plan;

/* Replies are counted, not read. */
static void read_lines(int fd, unsigned lines)
{
	char in[65536];

	while (lines > 0) {
		ssize_t got = recv(fd, in, sizeof(in), 0);

		if (got <= 0)
			bench_die("recv");
		for (const char *p = in; (p = memchr(p, '\n', (size_t)(in + got - p))) != NULL; p++)
			lines--;
	}
}

/* One reply of any number of lines, of which the last has a blank behind its code. */
static void read_reply(int fd)
{
	char in[4096];
	size_t used = 0, line = 0;

	for (;;) {
		ssize_t got = recv(fd, in + used, sizeof(in) - used, 0);

		if (got <= 0)
			bench_die("recv");
		for (size_t at = used; at < used + (size_t)got; at++) {
			if (in[at] != '\n')
				continue;
			if (in[line + 3] == ' ')
				return;
			line = at + 1;
		}
		used += (size_t)got;
	}
}

static void write_all(int fd, struct iovec *iov, int count)
{
	while (count > 0) {
		ssize_t put = writev(fd, iov, count);

		if (put < 0)
			bench_die("writev");
		for (; count > 0 && (size_t)put >= iov->iov_len; iov++, count--)
			put -= (ssize_t)iov->iov_len;
		if (count > 0) {
			iov->iov_base = (char *)iov->iov_base + put;
			iov->iov_len -= (size_t)put;
		}
	}
}

static size_t make_group(char *group, unsigned long number)
{
	size_t len = (size_t)sprintf(group, "MAIL FROM:<birds-bounces+%lu@lists.example.org> SIZE=10240\r\n", number);

	for (unsigned i = 0; i < plan.per; i++)
		len += (size_t)sprintf(group + len, "RCPT TO:<user%lu@example.com>\r\n", number * plan.per + i);
	return len + (size_t)sprintf(group + len, "DATA\r\n");
}

static void *run(void *unused)
{
	int fd = bench_connect(plan.port);
	char *group = malloc(plan.per * 60 + 200);
	struct iovec iov[3];

	(void)unused;
	read_lines(fd, 1);
	iov[0] = (struct iovec){ (char *)(uintptr_t)"EHLO pump\r\n", 11 };
	write_all(fd, iov, 1);
	read_reply(fd);
	for (unsigned long i = 0; i <= plan.transactions; i++) {
		int count = 0;

		if (i > 0) {
			iov[count++] = (struct iovec){ plan.post, BENCH_POST_BYTES };
			iov[count++] = (struct iovec){ (char *)(uintptr_t)".\r\n", 3 };
		}
		if (i < plan.transactions)
			iov[count++] = (struct iovec){ group, make_group(group, i) };
		write_all(fd, iov, count);
		read_lines(fd, (i > 0) + (i < plan.transactions ? plan.per + 2 : 0));
	}
	close(fd);
	free(group);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned connections = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
	pthread_t threads[256];
	double from, seconds;
	unsigned long sent;

	if (argc < 4 || connections < 1 || connections > 256)
		return 64;
	plan.port = atoi(argv[1]);
	plan.per = (unsigned)atoi(argv[3]);
	plan.transactions = strtoul(argv[2], NULL, 10) / plan.per / connections;
	plan.post = bench_post(BENCH_POST_BYTES);
	from = bench_seconds();
	for (unsigned i = 0; i < connections; i++)
		if (pthread_create(&threads[i], NULL, run, NULL) != 0)
			bench_die("pthread_create");
	for (unsigned i = 0; i < connections; i++)
		pthread_join(threads[i], NULL);
	seconds = bench_seconds() - from;
	sent = plan.transactions * plan.per * connections;
	printf("{\"bench\":\"pump\",\"rcpts\":%lu,\"per_transaction\":%u,\"connections\":%u,\"seconds\":%.3f,\"rcpts_per_s\":%.0f,\"cpu_us_per_rcpt\":%.2f}\n", sent, plan.per, connections, seconds,
		(double)sent / seconds, bench_cpu_seconds() * 1e6 / (double)sent);
	free(plan.post);
	return 0;
}
