/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the LMTP server, for its own files and its tests:
 *
 *   lmtp.c             listeners, the threads of sessions, start and stop
 *   lmtp_channel.c     octets in and out of one connection: lines, time limits
 *   lmtp_command.c     what stands in a command line: paths and parameters
 *   lmtp_xforward.c    what the MTA tells of its client
 *   lmtp_data.c        the content: dots, the true end, forbidden octets
 *   lmtp_session.c     the table of commands
 *   lmtp_transaction.c from DATA to the replies: judged, made durable, answered */
#ifndef LISTD_LMTP_INT_H
#define LISTD_LMTP_INT_H

#include "listd/intake/lmtp.h"
#include "mail/buf.h"
#include "mail/message.h"

#include <stdatomic.h>

/* A command line with its end. RFC 5321 4.5.3.1.4 asks for 512 and more for extensions; XFORWARD with two encoded host names stays below this. */
#define LMTP_LINE_MAX_BYTES 2048
/* A session that waits costs this, 32 KB of arenas and the touched pages of its stack. */
#define LMTP_READ_BYTES ((size_t)32 << 10)
/* Host names, protocol names: what XFORWARD and LHLO may say, decoded (RFC 1035 2.3.4). */
#define LMTP_NAME_MAX_BYTES 255

/* --- octets --- */
enum lmtp_event { LMTP_READY, LMTP_LINE_TOO_LONG, LMTP_CLOSED, LMTP_TIMED_OUT, LMTP_STOPPED };
#define LMTP_NOT_STOPPING INT64_MAX
/* Replies that wait to be sent: sent long before (lmtp_channel.c); one alone stays far below. */
#define LMTP_OUT_MAX_BYTES ((size_t)64 << 10)

struct lmtp_channel {
	int fd, stop_fd;                    /* stop_fd becomes readable when the server is being stopped */
	const _Atomic int64_t *deadline_ms; /* monotonic; LMTP_NOT_STOPPING, or when transactions must have ended */
	unsigned idle_ms;
	int64_t due_ms;                     /* monotonic; when what is being read, a line or a content, must be whole, however its octets trickle in */
	bool is_broken;                     /* nothing can be sent any more */
	bool is_skipping;                   /* within a line that is too long */
	size_t at, end;                     /* what has been read and not used yet: in[at] to in[end] */
	struct buf out;
	char in[LMTP_READ_BYTES];
};
/* Take the next line with its end, a view until the next call. in_transaction: a stop waits until the deadline. What was put out is sent
 * before the channel waits for more: that is when the client has nothing more in the pipeline. */
enum lmtp_event lmtp_channel_line(struct lmtp_channel *c, bool in_transaction, struct span *line_r);
/* Have at least one octet unread before due_ms; LMTP_READY or why not. */
enum lmtp_event lmtp_channel_fill(struct lmtp_channel *c, bool in_transaction);
void lmtp_channel_put(struct lmtp_channel *c, const char *text);
void lmtp_channel_flush(struct lmtp_channel *c);
/* Send what is left and close so that it arrives. */
void lmtp_channel_close(struct lmtp_channel *c);

/* --- command lines --- */
/* Split a line (with its end) into a verb and its arguments, without blanks around them. -1: not ended by CRLF, or a control octet in it. */
int lmtp_command_split(struct span line, struct span *verb_r, struct span *args_r, struct fail *why);
struct lmtp_path { const char *address; /* "" = null; spec as written, source route dropped */ bool is_utf8; };
/* FROM:<path> or TO:<path> and what follows it (RFC 5321 4.1.2). "<postmaster>" is given host_name as its domain. */
int lmtp_command_path(struct arena *a, struct span args, const char *keyword, const char *host_name, struct lmtp_path *path_r, struct span *params_r, struct fail *why);
struct lmtp_mail_params { uint64_t size_bytes; /* 0 = not told */ bool is_8bit, smtputf8; };
/* SIZE=n (RFC 1870), BODY= (RFC 6152), SMTPUTF8 (RFC 6531). 555 for any other. */
int lmtp_command_mail_params(struct arena *a, struct span params, struct lmtp_mail_params *params_r, struct fail *why);

/* --- XFORWARD (Postfix's XFORWARD_README) --- */
struct lmtp_xforward {
	char name[LMTP_NAME_MAX_BYTES + 1], addr[LMTP_NAME_MAX_BYTES + 1], port[LMTP_NAME_MAX_BYTES + 1], proto[LMTP_NAME_MAX_BYTES + 1];
	char helo[LMTP_NAME_MAX_BYTES + 1], ident[LMTP_NAME_MAX_BYTES + 1], source[LMTP_NAME_MAX_BYTES + 1]; /* "" = unknown */
};
#define LMTP_XFORWARD_NAMES "NAME ADDR PORT PROTO HELO IDENT SOURCE"
/* Take the attributes of one command; those of earlier ones stay. -1: nothing was taken. */
int lmtp_xforward_parse(struct arena *a, struct span args, struct lmtp_xforward *xforward, struct fail *why);
/* Was it submitted on the MTA's own machine, through no client? */
bool lmtp_xforward_is_submission(const struct lmtp_xforward *xforward);

/* --- content --- */
struct lmtp_data {
	enum { LMTP_DATA_LINE_START, LMTP_DATA_DOT, LMTP_DATA_DOT_CR, LMTP_DATA_TEXT, LMTP_DATA_CR, LMTP_DATA_DONE } state;
	enum message_fault fault; /* the first one, as message_scan would name it */
	uint64_t fault_offset;
	uint64_t bytes;           /* of content so far */
	size_t line_bytes;        /* of the present line */
};
/* Use up a part of in, at least one octet, and give the content that stands in it (a view, may be empty). The end has been seen when state is
 * LMTP_DATA_DONE; octets behind it are not used up. Once there is a fault the content is of no use. */
size_t lmtp_data_next(struct lmtp_data *d, struct span in, struct span *content_r);

/* --- sessions --- */
struct lmtp {
	struct arena *arena;       /* of the options' texts */
	struct lmtp_options options;
	struct spool *spool;
	struct lmtp_judge judge;
	int stop_fd;
	_Atomic int64_t deadline_ms;
	atomic_uint sessions;
	atomic_ulong messages, refused;
	atomic_bool disk_full;
	struct lmtp_threads *threads; /* listeners and sessions, lmtp.c's own */
};

struct lmtp_session {
	struct lmtp *lmtp;
	char peer[64];                  /* "unix" or an IP address */
	char lhlo[LMTP_NAME_MAX_BYTES + 1]; /* "" = not yet */
	bool is_over, may_xforward;
	unsigned faults;
	unsigned long messages, refused;
	struct lmtp_xforward xforward;
	struct arena *arena;            /* of a transaction */
	struct arena *scratch;          /* of one command */
	struct envelope envelope;       /* mail_from NULL: no transaction */
	char id[SPOOL_ID_CHARS + 1];
	size_t rcpt_cap;
	size_t *answers;                /* for each RCPT that was taken, in order: which of envelope.rcpts it named */
	size_t answer_count, answer_cap;
	unsigned rcpts_asked;
	int64_t started_ms;             /* of the transaction */
	int64_t progress_ms;            /* when the session began, or handed in its last message */
	struct lmtp_channel channel;
};
/* Speak with one client until it is done; closes fd. peer: "unix" or an IP address. */
void lmtp_session_run(struct lmtp *lmtp, int fd, const char *peer);
/* A reply to what the client said, with the faults it counts for. */
void lmtp_session_reply(struct lmtp_session *s, struct reply reply);
/* The same for a failure. */
void lmtp_session_refuse(struct lmtp_session *s, const struct fail *why);
/* End the session for what happened to the channel. */
void lmtp_session_lost(struct lmtp_session *s, enum lmtp_event event);
/* Forget the transaction and what XFORWARD told for it. */
void lmtp_session_reset(struct lmtp_session *s);
/* DATA: read the content, have it judged, make it durable, answer for each recipient; ends the transaction. */
void lmtp_transaction_data(struct lmtp_session *s);
/* Is there room for a message? Tells the log when that changes. -1: 452 4.3.1. */
int lmtp_transaction_check_space(struct lmtp *lmtp, uint64_t wanted_bytes, struct fail *why);

#endif
