/* SPDX-License-Identifier: BSD-2-Clause */
/* libmilter's callbacks: one SMTP session, and the messages in it.
 *
 *   connect, helo   who the client is
 *   MAIL            a message begins
 *   RCPT            a list's address is asked about; others are counted. A refusal here is for this recipient alone. (Never SMFIS_DISCARD: it drops the message for all.)
 *   DATA            a message that has nothing to do with lists is accepted here: its header and body never come
 *   header, body    the bytes, as the client sent them
 *   end             milter_judge.c */
#include "listd/intake/milter_int.h"

#include "listd/event.h"
#include "listd/json_text.h"
#include "mail/authres.h"
#include "mail/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a reply's text, so that code and status fit into the line (RFC 5321 4.5.3.1.5). */
#define REPLY_LINE_BYTES 470
/* As many lines as the longest reply of the table needs (reply.c). */
#define REPLY_LINES_MAX 12
/* A header that is larger is refused when it is read (message.h); only so much more is kept of it. */
#define HEADER_KEPT_BYTES (MESSAGE_HEADER_MAX_BYTES + MESSAGE_FIELD_MAX_BYTES)

static struct milter_session *session_of(SMFICTX *ctx)
{
	return smfi_getpriv(ctx);
}

/* --- replies --- */

/* The MTA takes "%%" for a percent sign. */
static char *escaped(struct arena *a, struct span line)
{
	char *text = arena_alloc(a, 2 * line.len + 1);
	size_t used = 0;

	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '%')
			text[used++] = '%';
		text[used++] = line.ptr[i];
	}
	return text;
}

sfsistat milter_answer(SMFICTX *ctx, struct arena *a, const struct reply *reply)
{
	const char *lines[REPLY_LINES_MAX + 1] = { NULL };
	char code[12], *enhanced = arena_text(a, span_of(reply->enhanced));
	struct span rest = span_of(reply->text), line;
	size_t count = 0;
	bool goes_on;

	snprintf(code, sizeof(code), "%d", reply->code);
	do {
		goes_on = reply_line(&rest, REPLY_LINE_BYTES, &line);
		lines[count++] = escaped(a, line);
	} while (goes_on && count < REPLY_LINES_MAX);
	if (count == 1)
		smfi_setreply(ctx, code, enhanced, (char *)(uintptr_t)lines[0]);
	else
		smfi_setmlreply(ctx, code, enhanced, lines[0], lines[1], lines[2], lines[3], lines[4], lines[5], lines[6], lines[7], lines[8], lines[9], lines[10], lines[11], NULL);
	return reply->code / 100 == 4 ? SMFIS_TEMPFAIL : SMFIS_REJECT;
}

static sfsistat answer_fail(SMFICTX *ctx, struct arena *a, const struct fail *why)
{
	struct reply reply = reply_of_fail(a, why);

	return milter_answer(ctx, a, &reply);
}

/* --- the session --- */

/* What is used of what the MTA offers: values with what follows the colon; no waiting for answers where there is nothing to say. */
#define STEPS_WANTED (SMFIP_NOUNKNOWN | SMFIP_HDR_LEADSPC | SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY)
#define ACTIONS_WANTED (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT | SMFIF_SETSYMLIST)

static struct milter_session *session_new(SMFICTX *ctx, unsigned long steps)
{
	struct milter_session *s = calloc(1, sizeof(*s));
	struct milter_site *site;

	if (s == NULL)
		fail_environment("out of memory");
	s->milter = milter_get();
	s->steps = steps;
	s->arena = arena_new(ARENA_MESSAGE_MAX_BYTES);
	s->scratch = arena_new(ARENA_SCRATCH_MAX_BYTES);
	milter_content_init(&s->content);
	site = milter_hold_site(s->milter);
	s->is_too_many = atomic_fetch_add(&s->milter->sessions, 1) >= (unsigned)site->settings->milter_sessions_max;
	milter_release_site(site);
	smfi_setpriv(ctx, s);
	return s;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
	unsigned long *actions_r, unsigned long *steps_r, unsigned long *f2_r, unsigned long *f3_r)
{
	struct milter_session *s = session_new(ctx, steps & STEPS_WANTED);

	(void)f2;
	(void)f3;
	atomic_store(&s->milter->steps, s->steps);
	*actions_r = actions & ACTIONS_WANTED;
	*steps_r = s->steps;
	*f2_r = *f3_r = 0;
	if ((actions & SMFIF_SETSYMLIST) != 0) {
		smfi_setsymlist(ctx, SMFIM_ENVFROM, (char *)(uintptr_t)"i {auth_authen} {auth_type}");
		smfi_setsymlist(ctx, SMFIM_ENVRCPT, (char *)(uintptr_t)"{rcpt_mailer} {rcpt_host}");
		smfi_setsymlist(ctx, SMFIM_EOM, (char *)(uintptr_t)"i");
	}
	return SMFIS_CONTINUE;
}

/* Nothing to say about a step: the MTA waits for an answer, or was told not to. */
static sfsistat go_on(const struct milter_session *s, unsigned long no_reply)
{
	return (s->steps & no_reply) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

/* A stranger's word, for logs, JSON and fields: printable ASCII. */
static void keep_word(char *place, size_t size, const char *word)
{
	size_t used = 0;

	for (; word != NULL && *word != '\0' && used + 1 < size; word++)
		place[used++] = *word > ' ' && *word <= '~' ? *word : '?';
	place[used] = '\0';
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
	/* an MTA may keep its connection for the next client, without negotiating again */
	struct milter_session *s = session_of(ctx) != NULL ? session_of(ctx) : session_new(ctx, atomic_load(&milter_get()->steps));

	s->client_ip[0] = '\0';
	if (address != NULL && address->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, s->client_ip, sizeof(s->client_ip));
	else if (address != NULL && address->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, s->client_ip, sizeof(s->client_ip));
	keep_word(s->client_name, sizeof(s->client_name), host);
	s->helo[0] = '\0';
	return go_on(s, SMFIP_NR_CONN);
}

static sfsistat on_helo(SMFICTX *ctx, char *helo)
{
	struct milter_session *s = session_of(ctx);

	keep_word(s->helo, sizeof(s->helo), helo);
	return go_on(s, SMFIP_NR_HELO);
}

/* --- a message --- */

static void end_message(struct milter_session *s)
{
	if (!s->in_message)
		return;
	for (size_t i = 0; i < s->rcpt_count; i++)
		list_settings_free(s->rcpts[i].list);
	milter_content_done(&s->content);
	milter_release_site(s->site);
	arena_reset(s->arena);
	s->site = NULL;
	s->rcpts = NULL;
	s->forged = NULL;
	s->rcpt_count = s->rcpt_cap = s->other_count = s->header_bytes = s->result_fields = s->forged_count = s->forged_cap = 0;
	s->has_counted = s->in_message = false;
	atomic_fetch_sub(&s->milter->messages, 1);
}

/* "<ann@example.org>" or "ann@example.org". */
static const char *bare(struct arena *a, const char *path)
{
	struct span text = span_trim(span_of(path));

	if (text.len >= 2 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>')
		text = span_sub(text, 1, text.len - 2);
	return arena_text(a, text);
}

static const char *text_or_null(struct arena *a, const char *text)
{
	return text == NULL || *text == '\0' ? NULL : arena_text(a, span_of(text));
}

static void begin_message(struct milter_session *s, SMFICTX *ctx, const char *from)
{
	struct arena *a = s->arena;

	atomic_fetch_add(&s->milter->messages, 1);
	s->in_message = true;
	s->began_ms = clock_monotonic_ms();
	s->site = milter_hold_site(s->milter);
	milter_content_init(&s->content);
	s->envelope = (struct envelope){
		.id = "", .received_secs = clock_now(&s->milter->clock), .mail_from = bare(a, from), .client_ip = text_or_null(a, s->client_ip),
		.client_name = text_or_null(a, s->client_name), .helo = text_or_null(a, s->helo), .auth_user = text_or_null(a, smfi_getsymval(ctx, (char *)(uintptr_t)"{auth_authen}")),
		.peer = "milter",
	};
}

static sfsistat on_mail(SMFICTX *ctx, char **argv)
{
	struct milter_session *s = session_of(ctx);
	struct reply reply;

	end_message(s);
	if (s->is_too_many || atomic_load(&s->milter->is_stopping)) {
		arena_reset(s->scratch);
		reply = reply_make(s->scratch, s->is_too_many ? REPLY_FILTER_BUSY : REPLY_FILTER_STOPS);
		return milter_answer(ctx, s->scratch, &reply);
	}
	begin_message(s, ctx, argv[0]);
	return SMFIS_CONTINUE;
}

/* --- recipients --- */

static struct span without_prefix(struct span text, const char *prefix)
{
	return span_starts_nocase(text, prefix) ? span_sub(text, strlen(prefix), text.len) : text;
}

/* Do a socket of listd's, as its settings have it, and the MTA's next hop mean the same? "inet:127.0.0.1:8024" is "[127.0.0.1]:8024" for Postfix; a Unix socket's path may be
 * written as seen from within a chroot. */
static bool is_same_socket(struct arena *a, struct span listen, struct span host)
{
	struct span path = without_prefix(host, "unix:");
	char *inet = arena_alloc(a, host.len + 1);
	size_t used = 0;

	if (span_starts_nocase(listen, "unix:")) {
		listen = without_prefix(listen, "unix:");
		return path.len > 0 && path.len <= listen.len && span_eq(span_sub(listen, listen.len - path.len, path.len), path)
			&& (path.ptr[0] == '/' || path.len == listen.len || listen.ptr[listen.len - path.len - 1] == '/');
	}
	host = without_prefix(host, "inet:");
	for (size_t i = 0; i < host.len; i++)
		if (host.ptr[i] != '[' && host.ptr[i] != ']')
			inet[used++] = host.ptr[i];
	return used > 0 && span_eq_text_nocase(without_prefix(listen, "inet:"), inet);
}

/* Does the MTA hand this recipient's mail to listd? Then it has no other mailbox, and what is no list's does not exist. */
static bool goes_to_listd(struct milter_session *s, SMFICTX *ctx)
{
	const char *mailer = smfi_getsymval(ctx, (char *)(uintptr_t)"{rcpt_mailer}"), *host = smfi_getsymval(ctx, (char *)(uintptr_t)"{rcpt_host}");
	struct span rest = span_of(s->site->settings->lmtp_listen), listen;

	if (mailer == NULL)
		return false;
	if (strcmp(mailer, "listd") == 0)
		return true;
	while (host != NULL && strcmp(mailer, "lmtp") == 0 && span_word(&rest, &listen))
		if (is_same_socket(s->scratch, listen, span_of(host)))
			return true;
	return false;
}

static int ask_about(struct milter_session *s, const char *address, json_t **answer_r, struct fail *why)
{
	const struct envelope *e = &s->envelope;
	struct session session;
	json_t *args;

	post_session(s->site->settings, e, &session);
	args = json_pack("{s:o,s:o,s:o,s:o,s:o,s:b,s:b}", "rcpt", json_text(span_of(address)), "from", json_optional(e->mail_from), "ip", json_optional(e->client_ip),
		"helo", json_optional(e->helo), "login", json_optional(e->auth_user), "submission", session.is_submission, "first", !s->has_counted);
	if (milter_ask(s->milter, s->site->settings, "milter rcpt", args, MILTER_ASK_MS, answer_r, why) != 0)
		return -1;
	return 0;
}

static enum purpose purpose_of(const char *name)
{
	for (enum purpose p = PURPOSE_POST; name != NULL && p <= PURPOSE_CONFIRM; p++)
		if (strcmp(purpose_name(p), name) == 0)
			return p;
	return PURPOSE_POST;
}

/* 0: a list's recipient, which is kept. -1: listd's answer is not understood. */
static int keep_rcpt(struct milter_session *s, const char *raw, const char *address, const json_t *answer, struct fail *why)
{
	const char *list = json_string_value(json_object_get(answer, "list")), *text = json_string_value(json_object_get(answer, "settings"));
	const char *suffix = json_string_value(json_object_get(answer, "suffix"));
	struct list_settings *settings;
	struct milter_rcpt *rcpt;

	if (list == NULL || text == NULL || settings_cache_get(s->milter->lists, list, text, &settings, why) != 0)
		return reply_fail(why, REPLY_STORE_TROUBLE, "listd and its milter are not of one version");
	rcpt = arena_grow(s->arena, &s->rcpts, &s->rcpt_cap, s->rcpt_count++, sizeof(*rcpt));
	*rcpt = (struct milter_rcpt){
		.raw = arena_text(s->arena, span_of(raw)), .address = arena_text(s->arena, span_of(address)), .list = settings, .suffix = arena_text(s->arena, span_of(suffix)),
		.purpose = purpose_of(json_string_value(json_object_get(answer, "purpose"))),
	};
	s->has_counted = true;
	return 0;
}

static void log_rcpt(const struct milter_session *s, const char *address, const struct fail *why)
{
	event_log(EVENT_REFUSED, "stage", "rcpt", "from", s->envelope.mail_from, "to", address, "client", s->envelope.client_ip, "code", event_number(why->code), "text", why->text, NULL);
}

static int take_refusal(const json_t *answer, struct fail *why)
{
	const char *text = json_string_value(json_object_get(answer, "text"));

	return fail_set(why, (int)json_integer_value(json_object_get(answer, "code")), json_string_value(json_object_get(answer, "enhanced")), "%s", text == NULL ? "" : text);
}

/* 0: it may go on (as a list's, or as none of ours), -1: refused. */
static int judge_rcpt(struct milter_session *s, const char *raw, const char *address, bool is_routed, struct fail *why)
{
	json_t *answer;
	int result = 0;

	if (s->rcpt_count >= SPOOL_RCPTS_MAX)
		return reply_fail(why, REPLY_TOO_MANY_RCPTS, arena_printf(s->scratch, "%d", SPOOL_RCPTS_MAX));
	if (ask_about(s, address, &answer, why) != 0)
		return reply_fail(why, REPLY_LISTD_AWAY, address);
	if (json_is_true(json_object_get(answer, "none"))) {
		if (is_routed)
			result = reply_fail(why, REPLY_NO_SUCH_LIST, address);
		else
			s->other_count++;
	} else if (json_object_get(answer, "code") != NULL) {
		result = take_refusal(answer, why);
	} else {
		result = keep_rcpt(s, raw, address, answer, why);
	}
	json_decref(answer);
	return result;
}

static sfsistat on_rcpt(SMFICTX *ctx, char **argv)
{
	struct milter_session *s = session_of(ctx);
	const char *address;
	enum purpose purpose;
	struct fail why;
	bool is_routed;

	if (!s->in_message)
		return SMFIS_TEMPFAIL;
	arena_reset(s->scratch);
	address = bare(s->scratch, argv[0]);
	is_routed = goes_to_listd(s, ctx);
	if (!is_routed && !milter_known_find(s->milter->known, s->scratch, address, &purpose)) {
		s->other_count++;
		return SMFIS_CONTINUE;
	}
	if (judge_rcpt(s, argv[0], address, is_routed, &why) == 0)
		return SMFIS_CONTINUE;
	log_rcpt(s, address, &why);
	return answer_fail(ctx, s->scratch, &why);
}

/* A copy that listd hands in here, on its way out: under a list's return address, from this machine. */
static bool is_own_copy(struct milter_session *s)
{
	static const char *const here[] = { "127.0.0.0/8", "::1", NULL };
	enum purpose purpose;

	return network_has(here, s->client_ip) && milter_known_find(s->milter->known, s->scratch, s->envelope.mail_from, &purpose) && purpose == PURPOSE_BOUNCES;
}

static bool looks_at_all(struct milter_session *s)
{
	return (s->site->settings->authenticate == 1 || s->site->settings->receiver) && !is_own_copy(s);
}

static sfsistat on_data(SMFICTX *ctx)
{
	struct milter_session *s = session_of(ctx);

	if (!s->in_message)
		return SMFIS_TEMPFAIL;
	if (s->rcpt_count > 0 || looks_at_all(s))
		return SMFIS_CONTINUE;
	end_message(s);
	return SMFIS_ACCEPT;
}

/* --- the bytes --- */

static void add(struct milter_session *s, struct span bytes)
{
	milter_content_add(&s->content, s->site->settings->milter_dir, bytes);
}

/* Folds come with LF. */
static void add_value(struct milter_session *s, struct span value)
{
	struct span line;

	while (span_next(&value, '\n', &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		add(s, line);
		add(s, SPAN_LIT("\r\n"));
	}
}

static void note_results(struct milter_session *s, struct span value)
{
	s->result_fields++;
	arena_reset(s->scratch);
	if (s->forged_count > MILTER_FORGED_MAX || !authres_claims(s->scratch, value, s->site->settings->authserv_id))
		return;
	*(int *)arena_grow(s->arena, &s->forged, &s->forged_cap, s->forged_count, sizeof(*s->forged)) = (int)s->result_fields;
	s->forged_count++;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct milter_session *s = session_of(ctx);
	size_t bytes = strlen(name) + strlen(value) + 3;

	if (!s->in_message)
		return go_on(s, SMFIP_NR_HDR);
	if (strcasecmp(name, "Authentication-Results") == 0)
		note_results(s, span_of(value));
	if (s->header_bytes <= HEADER_KEPT_BYTES) {
		add(s, span_of(name));
		add(s, (s->steps & SMFIP_HDR_LEADSPC) != 0 ? SPAN_LIT(":") : SPAN_LIT(": "));
		add_value(s, *value == '\0' ? SPAN_LIT("") : span_of(value));
	}
	s->header_bytes += bytes;
	return go_on(s, SMFIP_NR_HDR);
}

static sfsistat on_end_of_header(SMFICTX *ctx)
{
	struct milter_session *s = session_of(ctx);

	if (s->in_message)
		add(s, SPAN_LIT("\r\n"));
	return go_on(s, SMFIP_NR_EOH);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t count)
{
	struct milter_session *s = session_of(ctx);

	if (s->in_message)
		add(s, (struct span){ (const char *)bytes, count });
	return go_on(s, SMFIP_NR_BODY);
}

/* --- ends --- */

static sfsistat on_end(SMFICTX *ctx)
{
	struct milter_session *s = session_of(ctx);
	sfsistat status;

	if (!s->in_message)
		return SMFIS_TEMPFAIL;
	status = milter_judge(ctx, s);
	end_message(s);
	return status;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct milter_session *s = session_of(ctx);

	if (s != NULL)
		end_message(s);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct milter_session *s = session_of(ctx);

	if (s == NULL)
		return SMFIS_CONTINUE;
	end_message(s);
	milter_content_done(&s->content);
	arena_free(s->arena);
	arena_free(s->scratch);
	smfi_setpriv(ctx, NULL);
	atomic_fetch_sub(&s->milter->sessions, 1);
	free(s);
	return SMFIS_CONTINUE;
}

int milter_session_register(void)
{
	struct smfiDesc callbacks = {
		.xxfi_name = (char *)(uintptr_t)"listd", .xxfi_version = SMFI_VERSION, .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_DELRCPT | SMFIF_SETSYMLIST,
		.xxfi_negotiate = on_negotiate, .xxfi_connect = on_connect, .xxfi_helo = on_helo, .xxfi_envfrom = on_mail, .xxfi_envrcpt = on_rcpt, .xxfi_data = on_data,
		.xxfi_header = on_header, .xxfi_eoh = on_end_of_header, .xxfi_body = on_body, .xxfi_eom = on_end, .xxfi_abort = on_abort, .xxfi_close = on_close,
	};

	return smfi_register(callbacks) == MI_SUCCESS ? 0 : -1;
}
