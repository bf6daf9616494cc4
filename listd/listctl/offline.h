/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that work on files, without the daemon: auth, dmarc, spf, parts, from, seal, bounce, reply, explain, render, compare. Each takes argv beginning with its own name
 * and returns an exit code: 0 an answer was given, 64 wrong usage, 65 input that cannot be read. */
#ifndef LISTD_OFFLINE_H
#define LISTD_OFFLINE_H

#include "mail/arena.h"
#include "mail/clock.h"
#include "mail/dns.h"
#include "mail/message.h"

#include <jansson.h>

#define OFFLINE_VALUES_MAX 100

/* An option "--name VALUE", "--name=VALUE" or, with flag, "--name". values and count: for one that may be repeated. */
struct offline_option {
	const char *name;
	const char **value;
	bool *flag;
	const char **values;
	size_t *count;
	bool is_ip;   /* its value is an IP address */
	bool is_path; /* its value is an envelope address: angle brackets around it are taken off */
};

/* What all commands share. */
struct offline {
	struct arena *arena;
	const char *usage;
	const char *zone_file, *now_text;
	const char *socket, *config; /* of the daemon, for those that ask it */
	bool json, help;
	struct resolver *dns;
	struct clock clock;
	const char *arguments[3];
	size_t argument_count;
	const char **words; /* with OFFLINE_WORDS: all of them */
};
#define OFFLINE_WORDS ((size_t)-1) /* in place of a number of arguments: one or more */
#define OFFLINE_ANY ((size_t)-2)   /* ... none or more, in words too */

/* Read options and open DNS. -1 = go on; else the exit code to end with. offline_done must follow in any case. */
int offline_begin(struct offline *o, const char *usage, int argc, char **argv, const struct offline_option *options, size_t option_count, size_t arguments_wanted);
/* Free what offline_begin took; safe after any of its results. */
void offline_done(struct offline *o);
/* Say what is wrong on stderr; returns the code. */
int offline_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* -1 = --ip was not given or is an address; else said on stderr, and the exit code. */
int offline_check_ip(const char *ip);
/* Read and parse the message of a file. -1 = done; else the exit code. crlf: as an MTA would hand it over,
 * with line ends made CRLF when all are LF, one at the end, and no "From " line of a mailbox file. */
int offline_message(struct offline *o, const char *path, bool crlf, struct message *message_r);
/* Print a JSON value (and free it) with a final line end; returns 0, or 74 when it cannot be written. */
int offline_print(json_t *json);

/* auth FILE: SPF, DKIM, ARC and DMARC of a message. */
int offline_auth(int argc, char **argv);
/* dmarc DOMAIN: the policy of an author domain, and the result for given evidence. */
int offline_dmarc(int argc, char **argv);
/* spf --ip A: the SPF result of a session. */
int offline_spf(int argc, char **argv);
/* parts FILE: MIME structure with offsets. */
int offline_parts(int argc, char **argv);
/* from FILE: authors and the domains whose policies matter. */
int offline_from(int argc, char **argv);
/* seal FILE: the message with one more ARC set. */
int offline_seal(int argc, char **argv);
/* bounce FILE...: what mail that came back says. */
int offline_bounce(int argc, char **argv);
/* reply TEXT: what a mail server's reply means. */
int offline_reply(int argc, char **argv);
/* Print an explanation (and free it) as text or JSON; an exit code. */
int offline_print_explanation(json_t *explanation, bool json);
/* Ask the daemon for an explanation or a rendering, and print it; an exit code. */
struct explain_request;
int offline_ask_daemon(struct offline *o, const struct explain_request *request);

/* explain LIST FILE: the way of a message, stage by stage. */
int offline_explain(int argc, char **argv);
/* render LIST FILE --for ADDRESS: the bytes that subscriber would get. */
int offline_render(int argc, char **argv);
/* whatif LIST: what each strategy would have cost a list of late. */
int offline_whatif(int argc, char **argv);
/* compare FILE...: every strategy over posts, at every kind of receiver. Also 1: another result than expected. */
int offline_compare(int argc, char **argv);

#endif
