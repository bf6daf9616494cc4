/* SPDX-License-Identifier: BSD-2-Clause */
/* What the bench programs share. They print one line of JSON each. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BENCH_POST_BYTES 10240

static inline double bench_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Processor time of this process, all threads. */
static inline double bench_cpu_seconds(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static inline _Noreturn void bench_die(const char *what)
{
	perror(what);
	exit(1);
}

/* A post of size bytes in lines of 76 characters, no dots at their starts. */
static inline char *bench_post(size_t size)
{
	static const char head[] = "From: ann@example.com\r\nTo: birds@lists.example.org\r\nSubject: wrens\r\nMessage-ID: <1@example.com>\r\n\r\n";
	char *post = malloc(size + 100);
	size_t at = sizeof(head) - 1;

	if (post == NULL)
		bench_die("malloc");
	memcpy(post, head, at);
	for (; at + 80 <= size; at += 78) {
		memset(post + at, 'a' + (int)(at % 26), 76);
		memcpy(post + at + 76, "\r\n", 2);
	}
	for (; at + 2 < size; at++)
		post[at] = 'x';
	memcpy(post + at, "\r\n", 2);
	return post;
}

static inline struct sockaddr_in bench_address(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static inline int bench_connect(int port)
{
	struct sockaddr_in address = bench_address(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		bench_die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

#endif
