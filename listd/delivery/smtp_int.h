/* SPDX-License-Identifier: BSD-2-Clause */
/* A session's insides, for smtp.c (greeting), smtp_io.c (octets) and smtp_connect.c. */
#ifndef LISTD_SMTP_INT_H
#define LISTD_SMTP_INT_H

#include "listd/delivery/smtp.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

struct smtp {
	const struct delivery_options *options;
	_Atomic int fd;            /* -1: none */
	atomic_bool interrupted;
	bool is_unix, is_loopback; /* the peer is on this host */
	char host[256];            /* of the relay, for certificates */
	SSL_CTX *tls_context;
	SSL *tls;                  /* NULL: plain text */
	char *in;                  /* replies that wait: in[from..len) */
	size_t in_from, in_len, in_cap;
	unsigned features;
	uint64_t size_limit;
	char error[160];           /* what the TLS library said last */
};

/* What one attempt at moving octets gave, besides a count above zero. */
enum { IO_END = 0, IO_FAILED = -1, IO_WANT_READ = -2, IO_WANT_WRITE = -3 };

/* smtp_connect.c: connect to options->relay; fd, is_unix, is_loopback, host. */
int smtp_dial(struct smtp *s, struct fail *why);
/* smtp_io.c: wait for events (poll) until the session's timeout; those that came, or -1. */
int smtp_wait(struct smtp *s, short events, struct fail *why);
/* Take in what is there; wait: for at least one octet. 1: some, 0: none yet (only without wait), -1. */
int smtp_fill(struct smtp *s, bool wait, struct fail *why);
/* Send if that needs no waiting. */
void smtp_try_send(struct smtp *s, const char *text);
int smtp_start_tls(struct smtp *s, struct fail *why);

#endif
