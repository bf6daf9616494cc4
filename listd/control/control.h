/* SPDX-License-Identifier: BSD-2-Clause */
/* The socket that listctl speaks to. A request is one JSON object in a line: {"verb":"list create","args":{...}}; verbs that take much data (members
 * import) then get lines until one with a single dot; a line that begins with a dot is sent with one more. Answers are JSON lines: any number of
 * {"progress":{"done":N,"of":M}} or {"row":{...}}, then one {"ok":true,"result":{...}} or {"ok":false,"exit":64..78,"error":"text that says what to do"}. One
 * exchange for each connection. Only the owner of the daemon, its group (control-mode) and root can reach it; the peer's uid is logged with every change. */
#ifndef LISTD_CONTROL_H
#define LISTD_CONTROL_H

#include "listd/daemon.h"

#include <jansson.h>

/* One exchange, as a verb sees it. */
struct control_call {
	struct daemon *daemon;
	struct arena *arena;
	json_t *args;              /* object */
	unsigned peer_uid;
	struct control_stream *stream;
};
/* Send a row or progress now; ends the exchange silently when the peer is gone. */
void control_row(struct control_call *call, json_t *row); /* takes the reference */
void control_progress(struct control_call *call, size_t done, size_t of);
/* The next line of the request's data, NUL-ended, without its end, valid until the next call; NULL after the final dot, or when the peer is gone before it. */
const char *control_line(struct control_call *call);
/* Has the final dot been read? What replaces something must not be taken before. */
bool control_data_complete(const struct control_call *call);
/* The same as a failure, for verbs to end with: -1 unless the data came whole. */
int control_need_complete(const struct control_call *call, struct fail *why);

/* A failure with the exit code that listctl is to end with (sysexits.h); -1. */
int control_refuse(struct fail *why, int exit_code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The exit code of a failure: as set by control_refuse, else EX_TEMPFAIL for temporary ones, else EX_DATAERR. */
int control_exit(const struct fail *why);

struct control_verb {
	const char *name;
	const char *help;
	bool changes;              /* logged as control event */
	/* 0 and a result object (or NULL for {}; its reference is taken), or -1 with why; the exit code is control_exit's. */
	int (*run)(struct control_call *call, json_t **result_r, struct fail *why);
};
extern const struct control_verb control_verbs[];
extern const size_t control_verb_count;
/* Administrators are few; more at once is a script gone wild. */
#define CONTROL_SESSIONS_MAX 16

/* A socket, and who is served on it. */
struct control_options {
	const char *path;
	unsigned mode;             /* of the socket's file, as for chmod */
	unsigned sessions_max;     /* more at once are turned away */
	const struct control_verb *verbs;
	size_t verb_count;
};

/* Listen on a Unix socket and answer, each connection in a thread of its own, until control_stop. daemon and the verbs must live as long; the caller frees *control_r with
 * control_stop. -1: the path is taken by a daemon that runs, or the socket cannot be made. */
int control_start(struct daemon *daemon, const struct control_options *options, struct control **control_r, struct fail *why);
/* Stop listening, let exchanges in progress end for some seconds, remove the socket, free. NULL is allowed. */
void control_stop(struct control *control);

#endif
