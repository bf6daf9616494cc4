/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of LMTP, as a table. RFC 2033 over RFC 5321, with 1870, 2034, 2920, 6152, 6531. */
#include "listd/intake/lmtp_int.h"
#include "listd/event.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of one command: its reply and what was decoded of 2 KB. */
#define SCRATCH_MAX_BYTES ((size_t)1 << 20)
/* Commands without a message may go on for so many times what a single one may take: an hour. */
#define IDLE_TIMES_MAX 12

void lmtp_session_reply(struct lmtp_session *s, struct reply reply)
{
	lmtp_channel_put(&s->channel, reply_wire(s->scratch, &reply));
}

void lmtp_session_refuse(struct lmtp_session *s, const struct fail *why)
{
	lmtp_session_reply(s, reply_of_fail(s->scratch, why));
}

static void say(struct lmtp_session *s, enum reply_kind kind, const char *value)
{
	lmtp_session_reply(s, reply_make(s->scratch, kind, value));
}

/* A command that is wrong in itself. */
static void fault(struct lmtp_session *s, const struct fail *why)
{
	lmtp_session_refuse(s, why);
	if (++s->faults < s->lmtp->options.faults_max)
		return;
	say(s, REPLY_TOO_MANY_FAULTS, s->lmtp->options.host_name);
	event_log(EVENT_SESSION_FAULT, "peer", s->peer, "lhlo", s->lhlo, "reason", "too many faults", "last", why->text, NULL);
	s->is_over = true;
}

/* A command that was refused for how it is written. A wrong address is its author's fault, not the client's. */
static void refuse_command(struct lmtp_session *s, const struct fail *why)
{
	if (strcmp(why->enhanced, "5.1.3") == 0)
		lmtp_session_refuse(s, why);
	else
		fault(s, why);
}

static void out_of_sequence(struct lmtp_session *s, const char *text)
{
	struct fail why;

	reply_fail(&why, REPLY_SEQUENCE, text);
	fault(s, &why);
}

static bool in_transaction(const struct lmtp_session *s)
{
	return s->envelope.mail_from != NULL;
}

void lmtp_session_reset(struct lmtp_session *s)
{
	memset(&s->envelope, 0, sizeof(s->envelope));
	memset(&s->xforward, 0, sizeof(s->xforward));
	s->rcpt_cap = 0;
	s->answers = NULL;
	s->answer_count = 0;
	s->answer_cap = 0;
	s->rcpts_asked = 0;
	arena_reset(s->arena);
}

/* It is logged and kept, not believed. */
static bool is_host_text(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return false;
	return text.len <= LMTP_NAME_MAX_BYTES;
}

static void run_lhlo(struct lmtp_session *s, struct span args)
{
	struct lmtp_channel *c = &s->channel;
	struct fail why;

	if (!is_host_text(args)) {
		reply_fail(&why, REPLY_PARAMETERS, "write LHLO and your host name");
		fault(s, &why);
		return;
	}
	snprintf(s->lhlo, sizeof(s->lhlo), "%.*s", (int)args.len, args.ptr);
	lmtp_session_reset(s);
	lmtp_channel_put(c, arena_printf(s->scratch, "250-%s\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n", s->lmtp->options.host_name));
	if (s->may_xforward)
		lmtp_channel_put(c, "250-XFORWARD " LMTP_XFORWARD_NAMES "\r\n");
	lmtp_channel_put(c, arena_printf(s->scratch, "250 SIZE %llu\r\n", (unsigned long long)s->lmtp->options.max_bytes));
}

static void run_xforward(struct lmtp_session *s, struct span args)
{
	struct fail why;

	if (!s->may_xforward) {
		reply_fail(&why, REPLY_NOT_PERMITTED, arena_printf(s->scratch, "XFORWARD is not for %s", s->peer));
		fault(s, &why);
	} else if (in_transaction(s)) {
		out_of_sequence(s, "XFORWARD comes before MAIL");
	} else if (lmtp_xforward_parse(s->scratch, args, &s->xforward, &why) != 0) {
		fault(s, &why);
	} else {
		say(s, REPLY_OK, "taken");
	}
}

static const char *text_or_null(struct arena *a, const char *text)
{
	return text[0] == '\0' ? NULL : arena_text(a, span_of(text));
}

static void begin_transaction(struct lmtp_session *s, const char *mail_from, const struct lmtp_mail_params *params)
{
	struct arena *a = s->arena;
	int64_t now_secs = clock_now(s->lmtp->options.clock);

	spool_id(now_secs, s->id);
	s->started_ms = clock_monotonic_ms();
	s->envelope = (struct envelope){
		.id = s->id, .received_secs = now_secs, .mail_from = arena_text(a, span_of(mail_from)),
		.client_ip = text_or_null(a, s->xforward.addr), .client_name = text_or_null(a, s->xforward.name), .helo = text_or_null(a, s->xforward.helo),
		.peer = arena_printf(a, "%s [%s]", s->lhlo, s->peer), .is_submission = lmtp_xforward_is_submission(&s->xforward),
		.body_8bit = params->is_8bit, .smtputf8 = params->smtputf8,
	};
}

static void run_mail(struct lmtp_session *s, struct span args)
{
	const struct lmtp_options *options = &s->lmtp->options;
	struct lmtp_mail_params params;
	struct lmtp_path path;
	struct span rest;
	struct fail why;

	if (in_transaction(s)) {
		out_of_sequence(s, "a transaction has begun already; RSET ends it");
		return;
	}
	if (lmtp_command_path(s->scratch, args, "FROM", options->host_name, &path, &rest, &why) != 0
		|| lmtp_command_mail_params(s->scratch, rest, &params, &why) != 0) {
		refuse_command(s, &why);
		return;
	}
	if (path.is_utf8 && !params.smtputf8)
		reply_fail(&why, REPLY_UTF8_NEEDED, path.address);
	else if (params.size_bytes > options->max_bytes)
		reply_fail(&why, REPLY_TOO_BIG, arena_printf(s->scratch, "%llu", (unsigned long long)options->max_bytes), options->host_name);
	else if (lmtp_transaction_check_space(s->lmtp, params.size_bytes == 0 ? options->max_bytes : params.size_bytes, &why) == 0) {
		begin_transaction(s, path.address, &params);
		say(s, REPLY_OK, "sender taken");
		return;
	}
	event_log(EVENT_REFUSED, "stage", "intake", "from", path.address, "code", event_number(why.code), "text", why.text, NULL);
	lmtp_session_refuse(s, &why);
}

/* What the server itself has against a recipient. */
static int check_rcpt(struct lmtp_session *s, const struct lmtp_path *path, struct fail *why)
{
	if (path->address[0] == '\0')
		return reply_fail(why, REPLY_BAD_ADDRESS, "<>");
	if (path->is_utf8 && !s->envelope.smtputf8)
		return reply_fail(why, REPLY_UTF8_NEEDED, path->address);
	/* Refused ones count too: every question costs memory of the transaction. */
	if (s->rcpts_asked >= SPOOL_RCPTS_MAX)
		return reply_fail(why, REPLY_TOO_MANY_RCPTS, arena_printf(s->scratch, "%d", SPOOL_RCPTS_MAX));
	return 0;
}

static void refuse_rcpt(struct lmtp_session *s, const struct fail *why)
{
	s->refused++;
	atomic_fetch_add(&s->lmtp->refused, 1);
	lmtp_session_refuse(s, why);
}

/* Which of the recipients it is, or their number. With SPOOL_RCPTS_MAX of them this is half a million short comparisons at worst, some milliseconds. */
static size_t find_rcpt(const struct envelope *envelope, const char *address)
{
	size_t i = 0;

	while (i < envelope->rcpt_count && strcasecmp(envelope->rcpts[i], address) != 0)
		i++;
	return i;
}

/* A recipient that is named again is answered again, but has one copy: a list would send a second one to all its members. */
static int take_rcpt(struct lmtp_session *s, const char *address, struct fail *why)
{
	const struct lmtp_judge *judge = &s->lmtp->judge;
	size_t index = find_rcpt(&s->envelope, address), *answer;

	s->rcpts_asked++;
	if (index == s->envelope.rcpt_count) {
		const char *rcpt = arena_text(s->arena, span_of(address)), **slot;

		if (judge->rcpt(judge->context, s->arena, &s->envelope, rcpt, why) != 0)
			return -1;
		slot = arena_grow(s->arena, &s->envelope.rcpts, &s->rcpt_cap, index, sizeof(s->envelope.rcpts[0]));
		*slot = rcpt;
		s->envelope.rcpt_count++;
	}
	answer = arena_grow(s->arena, &s->answers, &s->answer_cap, s->answer_count++, sizeof(s->answers[0]));
	*answer = index;
	return 0;
}

static void run_rcpt(struct lmtp_session *s, struct span args)
{
	struct lmtp_path path;
	struct span rest, param;
	struct fail why;

	if (!in_transaction(s)) {
		out_of_sequence(s, "MAIL comes before RCPT");
		return;
	}
	if (lmtp_command_path(s->scratch, args, "TO", s->lmtp->options.host_name, &path, &rest, &why) != 0) {
		refuse_command(s, &why);
	} else if (span_word(&rest, &param)) { /* DSN (RFC 3461) is not offered: a list is where a message ends */
		reply_fail(&why, REPLY_UNKNOWN_PARAMETER, arena_text(s->scratch, param));
		fault(s, &why);
	} else if (check_rcpt(s, &path, &why) != 0 || take_rcpt(s, path.address, &why) != 0) {
		event_log(EVENT_REFUSED, "id", s->id, "stage", "intake", "from", s->envelope.mail_from, "to", path.address, "code", event_number(why.code), "text", why.text, NULL);
		refuse_rcpt(s, &why);
	} else {
		say(s, REPLY_OK, "recipient taken");
	}
}

static void run_data(struct lmtp_session *s, struct span args)
{
	(void)args;
	if (!in_transaction(s))
		out_of_sequence(s, "MAIL and RCPT come before DATA");
	else if (s->envelope.rcpt_count == 0)
		say(s, REPLY_SEQUENCE, "no recipient was taken"); /* RFC 2033 4.2; no fault: a client that pipelines cannot know */
	else
		lmtp_transaction_data(s);
}

static void run_rset(struct lmtp_session *s, struct span args)
{
	(void)args;
	lmtp_session_reset(s);
	say(s, REPLY_OK, "forgotten");
}

static void run_noop(struct lmtp_session *s, struct span args)
{
	(void)args;
	say(s, REPLY_OK, "still here");
}

static void run_quit(struct lmtp_session *s, struct span args)
{
	(void)args;
	say(s, REPLY_BYE, s->lmtp->options.host_name);
	s->is_over = true;
}

static void run_vrfy(struct lmtp_session *s, struct span args)
{
	(void)args;
	say(s, REPLY_CANNOT_VERIFY, NULL);
}

static void run_http(struct lmtp_session *s, struct span args)
{
	(void)args;
	/* A web page can make a browser on this machine post lines of LMTP to a loopback port. */
	say(s, REPLY_NOT_LMTP, s->lmtp->options.host_name);
	event_log(EVENT_SESSION_FAULT, "peer", s->peer, "reason", "an HTTP request", NULL);
	s->is_over = true;
}

static void run_help(struct lmtp_session *s, struct span args);

enum args { ARGS_NONE, ARGS_OPTIONAL, ARGS_NEEDED };
struct command {
	const char *name;
	enum args args;
	bool needs_lhlo;
	void (*run)(struct lmtp_session *s, struct span args); /* NULL: refused with reply and its name */
	enum reply_kind reply;
};
static const struct command commands[] = {
	{ "LHLO", ARGS_NEEDED, false, run_lhlo, REPLY_OK },
	{ "XFORWARD", ARGS_NEEDED, true, run_xforward, REPLY_OK },
	{ "MAIL", ARGS_NEEDED, true, run_mail, REPLY_OK },
	{ "RCPT", ARGS_NEEDED, true, run_rcpt, REPLY_OK },
	{ "DATA", ARGS_NONE, true, run_data, REPLY_OK },
	{ "RSET", ARGS_NONE, false, run_rset, REPLY_OK },
	{ "NOOP", ARGS_OPTIONAL, false, run_noop, REPLY_OK },
	{ "QUIT", ARGS_NONE, false, run_quit, REPLY_OK },
	{ "VRFY", ARGS_NEEDED, false, run_vrfy, REPLY_OK },
	{ "HELP", ARGS_OPTIONAL, false, run_help, REPLY_OK },
	/* RFC 2033 4.1: not understood. */
	{ "HELO", ARGS_OPTIONAL, false, NULL, REPLY_USE_LHLO }, { "EHLO", ARGS_OPTIONAL, false, NULL, REPLY_USE_LHLO },
	{ "EXPN", ARGS_OPTIONAL, false, NULL, REPLY_NOT_IMPLEMENTED }, { "AUTH", ARGS_OPTIONAL, false, NULL, REPLY_NOT_IMPLEMENTED },
	{ "BDAT", ARGS_OPTIONAL, false, NULL, REPLY_NOT_IMPLEMENTED }, { "ETRN", ARGS_OPTIONAL, false, NULL, REPLY_NOT_IMPLEMENTED },
	{ "STARTTLS", ARGS_OPTIONAL, false, NULL, REPLY_NOT_IMPLEMENTED }, { "TURN", ARGS_OPTIONAL, false, NULL, REPLY_NOT_IMPLEMENTED },
	{ "GET", ARGS_OPTIONAL, false, run_http, REPLY_OK }, { "POST", ARGS_OPTIONAL, false, run_http, REPLY_OK },
	{ "PUT", ARGS_OPTIONAL, false, run_http, REPLY_OK }, { "OPTIONS", ARGS_OPTIONAL, false, run_http, REPLY_OK },
	{ "CONNECT", ARGS_OPTIONAL, false, run_http, REPLY_OK },
};

static void run_help(struct lmtp_session *s, struct span args)
{
	struct buf names;

	(void)args;
	buf_init(&names, LMTP_LINE_MAX_BYTES);
	buf_put_text(&names, "commands:");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].run != NULL && commands[i].run != run_http)
			buf_printf(&names, " %s", commands[i].name);
	say(s, REPLY_HELP, buf_text(&names));
	buf_done(&names);
}

static const struct command *command_find(struct span verb)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (span_eq_text_nocase(verb, commands[i].name))
			return &commands[i];
	return NULL;
}

/* May it be run now, with these arguments? */
static int command_check(struct lmtp_session *s, const struct command *command, struct span verb, struct span args, struct fail *why)
{
	if (command == NULL)
		return reply_fail(why, REPLY_SYNTAX, arena_text(s->scratch, verb));
	if (command->run == NULL)
		return reply_fail(why, command->reply, command->name);
	if (command->needs_lhlo && s->lhlo[0] == '\0')
		return reply_fail(why, REPLY_SEQUENCE, "say LHLO first");
	if (command->args == ARGS_NONE && args.len > 0)
		return reply_fail(why, REPLY_PARAMETERS, arena_printf(s->scratch, "%s takes no parameters", command->name));
	if (command->args == ARGS_NEEDED && args.len == 0)
		return reply_fail(why, REPLY_PARAMETERS, arena_printf(s->scratch, "%s needs parameters; HELP lists the commands", command->name));
	return 0;
}

static void run_line(struct lmtp_session *s, struct span line)
{
	const struct command *command;
	struct span verb, args;
	struct fail why;

	if (lmtp_command_split(line, &verb, &args, &why) != 0) {
		fault(s, &why);
		return;
	}
	command = command_find(verb);
	if (command_check(s, command, verb, args, &why) != 0)
		fault(s, &why);
	else
		command->run(s, args);
}

void lmtp_session_lost(struct lmtp_session *s, enum lmtp_event event)
{
	const char *reason = NULL;

	s->is_over = true;
	switch (event) {
	case LMTP_TIMED_OUT:
		say(s, REPLY_TIMED_OUT, s->lmtp->options.host_name);
		reason = "timed out";
		break;
	case LMTP_STOPPED:
		say(s, REPLY_CLOSING, s->lmtp->options.host_name);
		reason = in_transaction(s) ? "stopped within a transaction" : NULL;
		break;
	case LMTP_CLOSED:
		reason = in_transaction(s) ? "closed by the client within a transaction" : NULL;
		break;
	case LMTP_READY:
	case LMTP_LINE_TOO_LONG:
		assert(!"no loss");
	}
	if (reason != NULL)
		event_log(EVENT_SESSION_FAULT, "peer", s->peer, "lhlo", s->lhlo, "reason", reason, NULL);
}

/* A session that only talks holds a place that others want. */
static int64_t due_of_line(const struct lmtp_session *s)
{
	int64_t idle_ms = s->lmtp->options.idle_ms, line_ms = clock_monotonic_ms() + idle_ms, talk_ms = s->progress_ms + IDLE_TIMES_MAX * idle_ms;

	return line_ms < talk_ms ? line_ms : talk_ms;
}

static void serve(struct lmtp_session *s)
{
	struct span line;
	struct fail why;

	say(s, REPLY_GREETING, s->lmtp->options.host_name);
	while (!s->is_over) {
		enum lmtp_event event;

		s->channel.due_ms = due_of_line(s);
		event = lmtp_channel_line(&s->channel, in_transaction(s), &line);
		arena_reset(s->scratch);
		if (event == LMTP_READY)
			run_line(s, line);
		else if (event == LMTP_LINE_TOO_LONG && reply_fail(&why, REPLY_SYNTAX, "a line of more than 2048 octets") != 0)
			fault(s, &why);
		else
			lmtp_session_lost(s, event);
	}
}

static bool is_listed(const char *const *peers, const char *peer)
{
	for (; *peers != NULL; peers++)
		if (strcmp(*peers, peer) == 0)
			return true;
	return false;
}

void lmtp_session_run(struct lmtp *lmtp, int fd, const char *peer)
{
	struct lmtp_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		fail_environment("out of memory");
	s->lmtp = lmtp;
	snprintf(s->peer, sizeof(s->peer), "%s", peer);
	s->may_xforward = lmtp->options.xforward_peers == NULL || is_listed(lmtp->options.xforward_peers, peer);
	s->arena = arena_new(ARENA_MESSAGE_MAX_BYTES);
	s->scratch = arena_new(SCRATCH_MAX_BYTES);
	s->progress_ms = clock_monotonic_ms();
	s->channel.fd = fd;
	s->channel.stop_fd = lmtp->stop_fd;
	s->channel.deadline_ms = &lmtp->deadline_ms;
	s->channel.idle_ms = lmtp->options.idle_ms;
	buf_init(&s->channel.out, LMTP_OUT_MAX_BYTES);
	serve(s);
	lmtp_channel_close(&s->channel);
	event_log(EVENT_SESSION, "peer", s->peer, "lhlo", s->lhlo, "messages", event_number((long long)s->messages), "refused", event_number((long long)s->refused), NULL);
	arena_free(s->arena);
	arena_free(s->scratch);
	free(s);
}
