/* SPDX-License-Identifier: BSD-2-Clause */
/* LMTP as it is spoken on the wire: raw sockets against a real server. */
#include "tests/unit/lmtp_help.h"

#include "listd/event.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>

#define OPEN "MAIL FROM:<ann@example.com>\r\nRCPT TO:<birds@lists.example.org>\r\n"

/* Everything is sent at once, so each row is a test of pipelining too. After it the session must be in step: QUIT is answered and nothing else comes. */
static void test_commands(void **state)
{
	static const struct { const char *name, *send, *want; } rows[] = {
		{ "noop", "NOOP\r\nnoop with words\r\n", "250 2.0.0,250 2.0.0" },
		{ "empty line", "\r\n", "500 5.5.2" },
		{ "unknown", "WHAT\r\n", "500 5.5.2" },
		{ "not LMTP", "HELO x\r\nEHLO x\r\n", "500 5.5.1,500 5.5.1" },
		{ "not implemented", "AUTH PLAIN\r\nSTARTTLS\r\nBDAT 3 LAST\r\nEXPN x\r\nTURN\r\nETRN x\r\n", "502 5.5.1,502 5.5.1,502 5.5.1,502 5.5.1,502 5.5.1,502 5.5.1" },
		{ "vrfy, help", "VRFY birds\r\nHELP\r\nVRFY\r\n", "252 2.0.0,214 2.0.0,501 5.5.4" },
		{ "before lhlo", OPEN "DATA\r\nXFORWARD NAME=x\r\n", "503 5.5.1,503 5.5.1,503 5.5.1,503 5.5.1" },
		{ "lhlo", "LHLO\r\nLHLO a b\r\nLHLO \x80\r\nLHLO x\r\n", "501 5.5.4,501 5.5.4,501 5.5.4,250" },
		{ "bare LF", "NOOP\nNOOP\r\n", "500 5.5.2,250 2.0.0" },
		{ "bare CR", "NOOP\rNOOP\r\n", "500 5.5.2" },
		{ "parameters where none may be", "QUIT now\r\nRSET now\r\n", "501 5.5.4,501 5.5.4" },
		{ "transaction", "LHLO x\r\n" OPEN "DATA\r\n.\r\n", "250,250 2.0.0,250 2.0.0,354,250 2.6.0" },
		{ "two transactions", "LHLO x\r\n" OPEN "DATA\r\na: b\r\n.\r\n" OPEN "DATA\r\na: b\r\n.\r\nNOOP\r\n",
			"250,250 2.0.0,250 2.0.0,354,250 2.6.0,250 2.0.0,250 2.0.0,354,250 2.6.0,250 2.0.0" },
		{ "lower case, blanks", "lhlo x\r\nmail  from: <ann@example.com> \r\nrcpt to: <birds@lists.example.org>  \r\nrset\r\n", "250,250 2.0.0,250 2.0.0,250 2.0.0" },
		{ "null sender", "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\nRCPT TO:<birds-bounces@lists.example.org>\r\n", "250,250 2.0.0,501 5.1.3,250 2.0.0" },
		{ "postmaster", "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\n", "250,250 2.0.0,250 2.0.0" },
		{ "source route", "LHLO x\r\nMAIL FROM:<@a.example,@b.example:ann@example.com>\r\n", "250,250 2.0.0" },
		{ "quoted", "LHLO x\r\nMAIL FROM:<\"a > b\\\" c\"@example.com> SIZE=10\r\n", "250,250 2.0.0" },
		{ "long local parts", "LHLO x\r\nMAIL FROM:<bounces+0123456789012345678901234567890123456789012345678901234567890123456789=example.org@example.com>\r\n"
			"RCPT TO:<birds-bounces+0123456789012345678901234567890123456789012345678901234567890123456789=example.org@lists.example.org>\r\n",
			"250,250 2.0.0,250 2.0.0" },
		{ "no addresses", "LHLO x\r\nMAIL FROM:<ann>\r\nMAIL FROM:<a b@example.com>\r\nMAIL FROM:<a@b@c.example>\r\nMAIL FROM:<a@192.0.2.1>\r\n",
			"250,501 5.1.3,501 5.1.3,501 5.1.3,501 5.1.3" },
		{ "no paths", "LHLO x\r\nMAIL ann@example.com\r\nMAIL FROM:ann@example.com\r\nMAIL FROM:<ann@example.com\r\nMAIL FROM:\r\nMAIL TO:<a@b.example>\r\nMAIL FROM:<a@b.example>x\r\n",
			"250,501 5.5.4,501 5.5.4,501 5.5.4,501 5.5.4,501 5.5.4,501 5.5.4" },
		{ "parameters", "LHLO x\r\nMAIL FROM:<a@b.example> SIZE=1000 BODY=8BITMIME SMTPUTF8\r\nRSET\r\nMAIL FROM:<a@b.example> body=7bit size=0\r\n", "250,250 2.0.0,250 2.0.0,250 2.0.0" },
		{ "bad parameters", "LHLO x\r\nMAIL FROM:<a@b.example> SIZE=1k\r\nMAIL FROM:<a@b.example> SIZE\r\nMAIL FROM:<a@b.example> BODY=BINARYMIME\r\n"
			"MAIL FROM:<a@b.example> SMTPUTF8=1\r\nMAIL FROM:<a@b.example> RET=HDRS\r\nMAIL FROM:<a@b.example> SIZE=123456789012345678901\r\n",
			"250,501 5.5.4,501 5.5.4,501 5.5.4,501 5.5.4,555 5.5.4,501 5.5.4" },
		{ "parameters of rcpt", "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<birds@lists.example.org> NOTIFY=NEVER\r\n", "250,250 2.0.0,555 5.5.4" },
		{ "size", "LHLO x\r\nMAIL FROM:<a@b.example> SIZE=1048577\r\nMAIL FROM:<a@b.example> SIZE=99999999999999999999\r\nMAIL FROM:<a@b.example> SIZE=1048576\r\n",
			"250,552 5.3.4,552 5.3.4,250 2.0.0" },
		{ "utf8", "LHLO x\r\nMAIL FROM:<j\xc3\xb6rg@example.com>\r\nMAIL FROM:<j\xc3\xb6rg@example.com> SMTPUTF8\r\nRCPT TO:<v\xc3\xb6gel@lists.example.org>\r\n",
			"250,553 5.6.7,250 2.0.0,250 2.0.0" },
		{ "utf8 not asked for", "LHLO x\r\nMAIL FROM:<ann@example.com>\r\nRCPT TO:<v\xc3\xb6gel@lists.example.org>\r\n", "250,250 2.0.0,553 5.6.7" },
		{ "not utf8", "LHLO x\r\nMAIL FROM:<j\xf6rg@example.com> SMTPUTF8\r\n", "250,501 5.1.3" },
		{ "sequence", "LHLO x\r\nRCPT TO:<birds@lists.example.org>\r\nDATA\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\n", "250,503 5.5.1,503 5.5.1,250 2.0.0,503 5.5.1,503 5.5.1" },
		{ "no recipient left", "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<none@lists.example.org>\r\nDATA\r\n", "250,250 2.0.0,550 5.1.1,503 5.5.1" },
		{ "lhlo ends a transaction", "LHLO x\r\n" OPEN "LHLO x\r\nDATA\r\n", "250,250 2.0.0,250 2.0.0,250,503 5.5.1" },
		{ "mixed", "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@l.example>\r\nRCPT TO:<none@l.example>\r\nRCPT TO:<late@l.example>\r\nRCPT TO:<later@l.example>\r\n"
			"RCPT TO:<held@l.example>\r\nRCPT TO:<mute@l.example>\r\nRCPT TO:<drop@l.example>\r\nDATA\r\na: b\r\n\r\n.\r\n",
			"250,250 2.0.0,250 2.0.0,550 5.1.1,250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,354,250 2.6.0,550 5.7.1,451 4.3.0,250 2.6.0,451 4.3.0,250 2.0.0" },
		{ "none kept", "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<late@l.example>\r\nRCPT TO:<later@l.example>\r\nDATA\r\n.\r\nNOOP\r\n",
			"250,250 2.0.0,250 2.0.0,250 2.0.0,354,550 5.7.1,451 4.3.0,250 2.0.0" },
		{ "xforward", "LHLO x\r\nXFORWARD NAME=mx.example.net ADDR=192.0.2.1 PORT=25\r\nXFORWARD PROTO=ESMTP HELO=a+2Bb+20c IDENT=4XYZ SOURCE=REMOTE\r\n"
			"XFORWARD NAME=[UNAVAILABLE] ADDR=[TEMPUNAVAIL]\r\nXFORWARD ADDR=IPv6:2001:db8::1\r\n", "250,250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0" },
		{ "bad xforward", "LHLO x\r\nXFORWARD\r\nXFORWARD NAME\r\nXFORWARD WHO=x\r\nXFORWARD ADDR=mx.example\r\nXFORWARD NAME=a+2\r\nXFORWARD PORT=x\r\nXFORWARD SOURCE=MOON\r\n"
			"MAIL FROM:<>\r\nXFORWARD NAME=x\r\n", "250,501 5.5.4,501 5.5.4,501 5.5.4,501 5.5.4,501 5.5.4,501 5.5.4,501 5.5.4,250 2.0.0,503 5.5.1" },
	};
	struct lmtp_box *box = lmtp_box_new();
	struct client c;

	(void)state;
	lmtp_box_start(box);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		client_connect(&c, box->path);
		client_expect(&c, rows[i].name, "220");
		client_say(&c, rows[i].send);
		client_expect(&c, rows[i].name, rows[i].want);
		client_say(&c, "QUIT\r\n");
		client_expect(&c, rows[i].name, "221 2.0.0,closed");
		client_close(&c);
	}
	lmtp_box_free(box);
}

static void test_greeting(void **state)
{
	static const char *const want[] = { "220 lists.example.org LMTP listd", "250-lists.example.org", "250-PIPELINING", "250-8BITMIME", "250-SMTPUTF8", "250-ENHANCEDSTATUSCODES",
		"250-XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE", "250 SIZE 1048576" };
	struct lmtp_box *box = lmtp_box_new();
	struct client c;

	(void)state;
	lmtp_box_start(box);
	client_connect(&c, box->path);
	client_say(&c, "LHLO mx.example.net\r\n");
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_string_equal(client_line(&c), want[i]);
	client_close(&c);
	lmtp_box_free(box);
}

/* A message to two recipients; its content is ended here. The session must be in step afterwards. */
static void send_content(struct client *c, const char *name, struct span content, const char *want)
{
	client_say(c, OPEN "RCPT TO:<bees@lists.example.org>\r\nDATA\r\n");
	client_expect(c, name, "250 2.0.0,250 2.0.0,250 2.0.0,354");
	client_send(c, content);
	client_say(c, "\r\n.\r\nNOOP\r\n");
	client_expect(c, name, want);
}

/* Content as sent, and as it must be kept. */
static void test_content(void **state)
{
#define ROW(name, sent, kept) { name, SPAN_LIT(sent), SPAN_LIT(kept) }
	static const struct { const char *name; struct span sent, kept; } rows[] = {
		ROW("plain", "Subject: x\r\n\r\nhello", "Subject: x\r\n\r\nhello\r\n"),
		ROW("dots", "..\r\n..a\r\n.b\r\n...\r\na.\r\n", ".\r\n.a\r\nb\r\n..\r\na.\r\n\r\n"),
		ROW("only a dot stuffed", "..", ".\r\n"),
		ROW("eight bits", "a: \xc3\xb6\r\n\r\n\xff\xfe\x01", "a: \xc3\xb6\r\n\r\n\xff\xfe\x01\r\n"),
		ROW("lines of nothing", "\r\n\r\n", "\r\n\r\n\r\n"),
	};
#undef ROW
	struct lmtp_box *box = lmtp_box_new();
	struct client c;

	(void)state;
	lmtp_box_start(box);
	client_start(&c, box->path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span kept = rows[i].kept;
		struct spooled got;
		struct fail why;

		send_content(&c, rows[i].name, rows[i].sent, "250 2.6.0,250 2.6.0,250 2.0.0");
		assert_int_equal(box->last_bytes, kept.len);
		assert_memory_equal(box->last, kept.ptr, kept.len);
		assert_int_equal(spool_read(box->spool->spool, box->spool->arena, SPOOL_IN, box->accepted_id, &got, &why), 0);
		assert_true(span_eq(got.message, kept));
		spool_unread(&got);
	}
	client_close(&c);
	lmtp_box_free(box);
}

/* None of these ends the data, and none is taken: what an attacker puts behind it stays content of a refused message. */
static void test_smuggling(void **state)
{
	static const struct { const char *name; struct span vector; const char *fault; unsigned offset; } rows[] = {
		{ "LF . LF", SPAN_LIT("\n.\n"), "bare LF", 7 },           { "CR . CR", SPAN_LIT("\r.\r"), "bare CR", 7 },
		{ "CRLF . LF", SPAN_LIT("\r\n.\n"), "bare LF", 9 },       { "CRLF . CR", SPAN_LIT("\r\n.\r"), "bare CR", 9 },
		{ "LF . CRLF", SPAN_LIT("\n.\r\n"), "bare LF", 7 },       { "CR . CRLF", SPAN_LIT("\r.\r\n"), "bare CR", 7 },
		{ "CRLF NUL . CRLF", SPAN_LIT("\r\n\0.\r\n"), "NUL octet", 9 }, { "CRLF . NUL CRLF", SPAN_LIT("\r\n.\0\r\n"), "NUL octet", 9 },
		{ "CR CRLF . CRLF", SPAN_LIT("\r\r\n.\r\r\n"), "bare CR", 7 }, { "CRLF . CR CRLF", SPAN_LIT("\r\n.\r\r\n"), "bare CR", 9 },
		{ "LF LF . LF", SPAN_LIT("\n\n.\n"), "bare LF", 7 },      { "LF CR . LF CR", SPAN_LIT("\n\r.\n\r"), "bare LF", 7 },
		{ "CRLF . LF LF", SPAN_LIT("\r\n.\n\n"), "bare LF", 9 },
	};
	struct lmtp_box *box = lmtp_box_new();
	struct client c;

	(void)state;
	lmtp_box_start(box);
	client_start(&c, box->path);
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		bool slowly = i % 2 == 1;
		struct span vector = rows[i / 2].vector;
		const char *reply, *want = arena_printf(box->spool->arena, "550 5.6.0 %s at octet %u of the message", rows[i / 2].fault, rows[i / 2].offset);

		client_say(&c, OPEN "RCPT TO:<bees@lists.example.org>\r\nDATA\r\n");
		client_expect(&c, rows[i / 2].name, "250 2.0.0,250 2.0.0,250 2.0.0,354");
		client_say(&c, "a: b\r\n1");
		for (size_t at = 0; at < vector.len; at += slowly ? 1 : vector.len) {
			client_send(&c, span_sub(vector, at, slowly ? 1 : vector.len));
			if (slowly)
				usleep(2000);
		}
		client_say(&c, "MAIL FROM:<eve@example.net>\r\nRCPT TO:<birds@lists.example.org>\r\nDATA\r\nsmuggled\r\n.\r\nNOOP\r\n");
		for (int rcpt = 0; rcpt < 2; rcpt++) {
			reply = client_reply(&c);
			if (strncmp(reply, want, strlen(want)) != 0)
				fail_msg("%s: %s, want %s", rows[i / 2].name, reply, want);
		}
		client_expect(&c, rows[i / 2].name, "250 2.0.0");
		assert_int_equal(box->judged, 0);
	}
	assert_int_equal(box_count(box->spool, "in"), 0);
	assert_int_equal(box_count(box->spool, "tmp"), 0);
	client_close(&c);
	lmtp_box_free(box);
}

static struct span long_lines(struct arena *a, size_t line_bytes, size_t total_bytes)
{
	char *text = arena_alloc(a, total_bytes + 1);

	memset(text, 'x', total_bytes);
	for (size_t at = line_bytes; at + 1 < total_bytes; at += line_bytes + 2)
		memcpy(text + at, "\r\n", 2);
	return (struct span){ text, total_bytes };
}

static void test_limits(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct arena *a = box->spool->arena;
	struct client c;

	(void)state;
	lmtp_box_start(box);
	client_start(&c, box->path);
	send_content(&c, "just small enough", long_lines(a, 78, (1 << 20) - 2), "250 2.6.0,250 2.6.0,250 2.0.0");
	assert_int_equal(box->last_bytes, 1 << 20);
	send_content(&c, "too big", long_lines(a, 78, (1 << 20) - 1), "552 5.3.4,552 5.3.4,250 2.0.0");
	send_content(&c, "far too big", long_lines(a, 78, 20 << 20), "552 5.3.4,552 5.3.4,250 2.0.0");
	send_content(&c, "longest line", long_lines(a, MESSAGE_LINE_MAX_BYTES, 3 * MESSAGE_LINE_MAX_BYTES), "250 2.6.0,250 2.6.0,250 2.0.0");
	send_content(&c, "line too long", long_lines(a, MESSAGE_LINE_MAX_BYTES + 1, 3 * MESSAGE_LINE_MAX_BYTES), "550 5.6.0,550 5.6.0,250 2.0.0");
	assert_int_equal(box_count(box->spool, "tmp"), 0);
	assert_int_equal(box->accepted, 2);
	client_close(&c);
	lmtp_box_free(box);
}

static void test_recipients_max(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct spooled got;
	struct client c;
	struct fail why;

	(void)state;
	lmtp_box_start(box);
	client_start(&c, box->path);
	client_say(&c, "MAIL FROM:<>\r\n");
	client_expect(&c, "mail", "250 2.0.0");
	for (int i = 0; i < SPOOL_RCPTS_MAX + 2; i++) {
		client_say(&c, arena_printf(box->spool->arena, "RCPT TO:<list%d@lists.example.org>\r\n", i));
		client_expect(&c, "rcpt", i < SPOOL_RCPTS_MAX ? "250 2.0.0" : "452 4.5.3");
	}
	client_say(&c, "DATA\r\na: b\r\n.\r\n");
	client_expect(&c, "data", "354");
	for (int i = 0; i < SPOOL_RCPTS_MAX; i++)
		client_expect(&c, "rcpt", "250 2.6.0");
	client_say(&c, "NOOP\r\n");
	client_expect(&c, "in step", "250 2.0.0");
	assert_int_equal(spool_read(box->spool->spool, box->spool->arena, SPOOL_IN, box->accepted_id, &got, &why), 0);
	assert_int_equal(got.envelope.rcpt_count, SPOOL_RCPTS_MAX);
	spool_unread(&got);
	client_close(&c);
	lmtp_box_free(box);
}

static void test_envelope(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct clock clock = { .is_fixed = true, .fixed_secs = 1700000000 };
	struct lmtp_status status;
	struct envelope *e;
	struct spooled got;
	struct client c;
	struct fail why;

	(void)state;
	box->options.clock = &clock;
	lmtp_box_start(box);
	client_start(&c, box->path);
	client_say(&c, "XFORWARD NAME=mail.example.com ADDR=IPV6:2001:db8::1 PORT=[UNAVAILABLE]\r\nXFORWARD PROTO=ESMTP HELO=he+22l+0Alo+ff SOURCE=LOCAL\r\n"
		"MAIL FROM:<j\xc3\xb6rg@example.com> BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<a@l.example>\r\nRCPT TO:<late@l.example>\r\nRCPT TO:<b@l.example>\r\nDATA\r\nx: y\r\n.\r\n");
	client_expect(&c, "first", "250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,354,250 2.6.0,550 5.7.1,250 2.6.0");
	assert_int_equal(box->last_rcpts, 3);
	assert_int_equal(spool_read(box->spool->spool, box->spool->arena, SPOOL_IN, box->accepted_id, &got, &why), 0);
	e = &got.envelope;
	assert_string_equal(e->mail_from, "j\xc3\xb6rg@example.com");
	assert_int_equal(e->rcpt_count, 2);
	assert_string_equal(e->rcpts[0], "a@l.example");
	assert_string_equal(e->rcpts[1], "b@l.example");
	assert_string_equal(e->client_ip, "2001:db8::1");
	assert_string_equal(e->client_name, "mail.example.com");
	assert_string_equal(e->helo, "he\"l?lo?");
	assert_string_equal(e->peer, "mx.example.net [unix]");
	assert_true(!e->is_submission && e->body_8bit && e->smtputf8); /* a client with an address says no more than that it is on this machine */
	assert_int_equal(e->received_secs, 1700000000);
	spool_unread(&got);
	/* What was told holds for one transaction only; RSET forgets it too. */
	client_say(&c, "XFORWARD SOURCE=LOCAL ADDR=192.0.2.1\r\nRSET\r\n" OPEN "DATA\r\nx: y\r\n.\r\n");
	client_expect(&c, "second", "250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,354,250 2.6.0");
	assert_int_equal(spool_read(box->spool->spool, box->spool->arena, SPOOL_IN, box->accepted_id, &got, &why), 0);
	assert_null(got.envelope.client_ip);
	assert_null(got.envelope.helo);
	assert_false(got.envelope.is_submission || got.envelope.body_8bit || got.envelope.smtputf8);
	spool_unread(&got);
	client_say(&c, "XFORWARD SOURCE=LOCAL ADDR=[UNAVAILABLE] NAME=localhost\r\n" OPEN "DATA\r\nx: y\r\n.\r\n");
	client_expect(&c, "third", "250 2.0.0,250 2.0.0,250 2.0.0,354,250 2.6.0");
	assert_int_equal(spool_read(box->spool->spool, box->spool->arena, SPOOL_IN, box->accepted_id, &got, &why), 0);
	assert_true(got.envelope.is_submission);
	spool_unread(&got);
	lmtp_status(box->lmtp, &status);
	assert_int_equal(status.sessions, 1);
	assert_int_equal(status.messages, 3);
	assert_int_equal(status.refused, 1);
	client_close(&c);
	lmtp_box_free(box);
}

/* Named twice: answered twice, kept once. */
static void test_same_recipient(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct spooled got;
	struct client c;
	struct fail why;

	(void)state;
	lmtp_box_start(box);
	client_start(&c, box->path);
	client_say(&c, "MAIL FROM:<>\r\nRCPT TO:<a@l.example>\r\nRCPT TO:<late@l.example>\r\nRCPT TO:<A@L.example>\r\nRCPT TO:<b@l.example>\r\nRCPT TO:<late@l.example>\r\nDATA\r\n.\r\n");
	client_expect(&c, "twice", "250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,354,250 2.6.0,550 5.7.1,250 2.6.0,250 2.6.0,550 5.7.1");
	assert_int_equal(box->last_rcpts, 3);
	assert_int_equal(spool_read(box->spool->spool, box->spool->arena, SPOOL_IN, box->accepted_id, &got, &why), 0);
	assert_int_equal(got.envelope.rcpt_count, 2);
	assert_string_equal(got.envelope.rcpts[0], "a@l.example");
	assert_string_equal(got.envelope.rcpts[1], "b@l.example");
	spool_unread(&got);
	client_close(&c);
	lmtp_box_free(box);
}

static void test_xforward_peers(void **state)
{
	static const char *const other[] = { "127.0.0.1", NULL }, *const this[] = { "127.0.0.1", "unix", NULL };
	const char *const *const peers[] = { other, this };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct lmtp_box *box = lmtp_box_new();
		struct client c;

		box->options.xforward_peers = peers[i];
		lmtp_box_start(box);
		client_start(&c, box->path);
		client_say(&c, "XFORWARD SOURCE=LOCAL\r\n");
		client_expect(&c, "xforward", i == 0 ? "550 5.7.0" : "250 2.0.0");
		client_close(&c);
		lmtp_box_free(box);
	}
}

static void await_sessions(struct lmtp_box *box, unsigned count)
{
	struct lmtp_status status;

	for (int i = 0; i < 5000; i++) {
		lmtp_status(box->lmtp, &status);
		if (status.sessions == count)
			return;
		usleep(1000);
	}
	fail_msg("%u sessions, want %u", status.sessions, count);
}

/* A client that goes away, at every octet of a transaction. */
static void test_aborted_sessions(void **state)
{
	static const char text[] = "LHLO x\r\n" OPEN "DATA\r\nSubject: x\r\n\r\ntext\r\n.\r\n";
	struct lmtp_box *box = lmtp_box_new();
	struct client c;

	(void)state;
	box->options.sessions_max = 200; /* some have not noticed yet that their client is gone */
	lmtp_box_start(box);
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		client_connect(&c, box->path);
		client_send(&c, (struct span){ text, len });
		client_close(&c);
	}
	/* One that is so big that a part of it is on disk already. */
	client_start(&c, box->path);
	client_say(&c, OPEN "DATA\r\n");
	client_expect(&c, "big", "250 2.0.0,250 2.0.0,354");
	client_send(&c, long_lines(box->spool->arena, 70, 900000));
	while (box_count(box->spool, "tmp") == 0)
		usleep(1000);
	client_close(&c);
	await_sessions(box, 0);
	assert_int_equal(box_count(box->spool, "tmp"), 0);
	assert_int_equal(box_count(box->spool, "in"), 0);
	assert_int_equal(box->judged, 0);
	lmtp_box_free(box);
}

/* The whole message has arrived, but the client does not wait for the answer: it is kept, as RFC 1047 and 5321 4.2.5 will have it. */
static void test_client_gone_before_answer(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct client c;

	(void)state;
	box->is_held = true;
	lmtp_box_start(box);
	client_start(&c, box->path);
	client_say(&c, "MAIL FROM:<>\r\nRCPT TO:<slow@l.example>\r\nDATA\r\na: b\r\n.\r\n");
	client_expect(&c, "data", "250 2.0.0,250 2.0.0,354");
	lmtp_box_await_slow(box);
	client_close(&c);
	lmtp_box_let_go(box);
	await_sessions(box, 0);
	assert_int_equal(box_count(box->spool, "in"), 1);
	assert_int_equal(box->accepted, 1);
	lmtp_box_free(box);
}

struct load { struct lmtp_box *box; unsigned number; bool is_good; };

static void *load_main(void *arg)
{
	struct load *load = arg;
	struct client *c = malloc(sizeof(*c));
	char got[256], want[] = "250 2.0.0,250 2.0.0,354,250 2.6.0";

	client_connect(c, load->box->path);
	client_say(c, "LHLO x\r\n");
	load->is_good = strcmp(client_codes(c, 2, got, sizeof(got)), "220,250") == 0;
	for (int i = 0; i < 10; i++) {
		client_say(c, OPEN "DATA\r\nSubject: x\r\n\r\ntext\r\n.\r\n");
		load->is_good = load->is_good && strcmp(client_codes(c, 4, got, sizeof(got)), want) == 0;
	}
	client_close(c);
	free(c);
	return NULL;
}

static void test_many_sessions(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct load loads[20];
	pthread_t threads[20];

	(void)state;
	lmtp_box_start(box);
	for (unsigned i = 0; i < 20; i++) {
		loads[i] = (struct load){ box, i, false };
		assert_int_equal(pthread_create(&threads[i], NULL, load_main, &loads[i]), 0);
	}
	for (unsigned i = 0; i < 20; i++) {
		pthread_join(threads[i], NULL);
		assert_true(loads[i].is_good);
	}
	assert_int_equal(box_count(box->spool, "in"), 200);
	assert_int_equal(box->accepted, 200);
	lmtp_box_free(box);
}

static void test_sessions_max(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct client first, second, third;

	(void)state;
	box->options.sessions_max = 2;
	lmtp_box_start(box);
	client_start(&first, box->path);
	client_start(&second, box->path);
	client_connect(&third, box->path);
	client_expect(&third, "third", "421 4.3.2,closed");
	client_close(&third);
	client_close(&first);
	await_sessions(box, 1);
	client_start(&third, box->path);
	client_close(&third);
	client_close(&second);
	lmtp_box_free(box);
}

static void test_faults(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct client c;

	(void)state;
	box->options.faults_max = 3;
	lmtp_box_start(box);
	client_start(&c, box->path);
	client_say(&c, "WHAT\r\nWHAT\r\n" OPEN "DATA\r\na: b\r\n.\r\nWHAT\r\nWHAT\r\nNOOP\r\nRSET\r\nWHAT\r\nNOOP\r\n");
	client_expect(&c, "faults", "500 5.5.2,500 5.5.2,250 2.0.0,250 2.0.0,354,250 2.6.0,500 5.5.2,500 5.5.2,250 2.0.0,250 2.0.0,500 5.5.2,421 4.7.0,closed");
	client_close(&c);
	/* Refused recipients and wrong addresses are not the client's. */
	client_start(&c, box->path);
	client_say(&c, "MAIL FROM:<x>\r\nMAIL FROM:<y>\r\nMAIL FROM:<>\r\n");
	client_expect(&c, "addresses", "501 5.1.3,501 5.1.3,250 2.0.0");
	for (int i = 0; i < 10; i++) {
		client_say(&c, "RCPT TO:<none@l.example>\r\n");
		client_expect(&c, "refused", "550 5.1.1");
	}
	client_close(&c);
	client_connect(&c, box->path);
	client_say(&c, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nLHLO x\r\n" OPEN "DATA\r\n");
	client_expect(&c, "http", "220,421 4.7.0,closed");
	client_close(&c);
	lmtp_box_free(box);
}

static void test_long_command(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	char *line = arena_alloc(box->spool->arena, 100001);
	struct client c;

	(void)state;
	memset(line, 'x', 100000);
	memcpy(line, "NOOP ", 5);
	lmtp_box_start(box);
	client_start(&c, box->path);
	client_send(&c, (struct span){ line, LMTP_LINE_MAX_BYTES - 2 });
	client_say(&c, "\r\n");
	client_expect(&c, "longest", "250 2.0.0");
	client_send(&c, (struct span){ line, LMTP_LINE_MAX_BYTES - 1 });
	client_say(&c, "\r\nNOOP\r\n");
	client_expect(&c, "too long", "500 5.5.2,250 2.0.0");
	client_send(&c, (struct span){ line, 100000 });
	client_say(&c, "\r\nNOOP\r\n");
	client_expect(&c, "far too long", "500 5.5.2,250 2.0.0");
	client_close(&c);
	lmtp_box_free(box);
}

static void test_idle(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct client c;

	(void)state;
	box->options.idle_ms = 50;
	lmtp_box_start(box);
	client_start(&c, box->path);
	client_expect(&c, "command", "421 4.4.2,closed");
	client_close(&c);
	client_start(&c, box->path);
	client_say(&c, OPEN "DATA\r\n");
	client_expect(&c, "data", "250 2.0.0,250 2.0.0,354");
	client_say(&c, "text\r\n");
	client_expect(&c, "content", "421 4.4.2,closed");
	client_close(&c);
	assert_int_equal(box_count(box->spool, "in"), 0);
	lmtp_box_free(box);
}

/* Octets that trickle in, or commands without end, hold a session no longer than silence or twelve times that. */
static void test_trickle(void **state)
{
	static const struct { const char *name, *open, *piece; int pieces_max; } rows[] = {
		{ "a command", NULL, "N", 20 }, { "a content", OPEN "DATA\r\n", "x", 20 }, { "commands", NULL, "NOOP\r\n", 100 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lmtp_box *box = lmtp_box_new();
		struct client c;
		int sent = 0;

		box->options.idle_ms = 100;
		lmtp_box_start(box);
		client_start(&c, box->path);
		if (rows[i].open != NULL)
			client_say(&c, rows[i].open);
		while (sent < rows[i].pieces_max && send(c.fd, rows[i].piece, strlen(rows[i].piece), MSG_NOSIGNAL) > 0) {
			sent++;
			usleep(20000);
		}
		if (sent < 3 || sent == rows[i].pieces_max)
			fail_msg("%s: the session took %d pieces", rows[i].name, sent);
		client_close(&c);
		await_sessions(box, 0);
		assert_int_equal(box_count(box->spool, "in"), 0);
		lmtp_box_free(box);
	}
}

static void *stop_main(void *arg)
{
	struct lmtp_box *box = arg;

	lmtp_stop(box->lmtp, 5000);
	return NULL;
}

/* Idle sessions are told; a transaction in progress ends well, and then its session is told. */
static void test_stop(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct client idle, busy, judged;
	pthread_t stopper;

	(void)state;
	box->is_held = true;
	lmtp_box_start(box);
	client_start(&idle, box->path);
	client_start(&busy, box->path);
	client_start(&judged, box->path);
	client_say(&busy, OPEN "DATA\r\n");
	client_expect(&busy, "busy", "250 2.0.0,250 2.0.0,354");
	client_say(&judged, "MAIL FROM:<>\r\nRCPT TO:<slow@l.example>\r\nDATA\r\na: b\r\n.\r\n");
	client_expect(&judged, "judged", "250 2.0.0,250 2.0.0,354");
	lmtp_box_await_slow(box);
	assert_int_equal(pthread_create(&stopper, NULL, stop_main, box), 0);
	client_expect(&idle, "idle", "421 4.3.2,closed");
	usleep(20000);
	client_say(&busy, "text\r\n");
	usleep(20000);
	client_say(&busy, ".\r\n");
	/* The judge of the test has one lock. */
	lmtp_box_let_go(box);
	client_expect(&busy, "busy", "250 2.6.0,421 4.3.2,closed");
	client_expect(&judged, "judged", "250 2.6.0,421 4.3.2,closed");
	pthread_join(stopper, NULL);
	box->lmtp = NULL;
	assert_int_not_equal(access(box->path, F_OK), 0);
	assert_int_equal(box_count(box->spool, "in"), 2);
	client_close(&idle);
	client_close(&busy);
	client_close(&judged);
	lmtp_box_free(box);
}

/* A transaction that does not end is ended. */
static void test_stop_grace(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	int64_t before_ms;
	struct client c;

	(void)state;
	lmtp_box_start(box);
	client_start(&c, box->path);
	client_say(&c, OPEN "DATA\r\n");
	client_expect(&c, "data", "250 2.0.0,250 2.0.0,354");
	client_say(&c, "text\r\n");
	before_ms = clock_monotonic_ms();
	lmtp_stop(box->lmtp, 100);
	box->lmtp = NULL;
	assert_in_range(clock_monotonic_ms() - before_ms, 90, 2000);
	client_expect(&c, "grace", "421 4.3.2,closed");
	client_close(&c);
	assert_int_equal(box_count(box->spool, "in"), 0);
	lmtp_box_free(box);
}

/* A client that takes no replies: the server waits no longer than for a command, and keeps no more than a bit of them. */
static void test_client_that_does_not_read(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	struct client c;
	int small = 2048;

	(void)state;
	box->options.idle_ms = 100;
	lmtp_box_start(box);
	client_connect(&c, box->path);
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (int i = 0; i < 200000; i++)
		if (send(c.fd, "NOOP\r\n", 6, MSG_NOSIGNAL) < 0)
			break;
	await_sessions(box, 0);
	client_close(&c);
	lmtp_box_free(box);
}

static int try_listen(struct lmtp_box *box, const char *listen, struct fail *why)
{
	struct lmtp_judge judge = { box, judge_rcpt, judge_message, judge_accepted, judge_dropped };

	box->options.listen = listen;
	return lmtp_start(&box->options, box->spool->spool, &judge, &box->lmtp, why);
}

static void test_listen_refused(void **state)
{
	static const struct { const char *listen, *text; } rows[] = {
		{ "", "nothing to listen on" },
		{ "  ", "nothing to listen on" },
		{ "tcp:127.0.0.1:8024", "write unix:PATH" },
		{ "unix:", "octets" },
		{ "unix:/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789", "octets" },
		{ "unix:/nonexistent/lmtp", "cannot listen on /nonexistent/lmtp" },
		{ "unix:/dev/null", "no socket" },
		{ "inet:0.0.0.0:8024", "loopback" },
		{ "inet:192.0.2.1:8024", "loopback" },
		{ "inet:[::]:8024", "loopback" },
		{ "inet:[::ffff:192.0.2.1]:8024", "loopback" },
		{ "inet:localhost:8024", "loopback" },
		{ "inet:128.0.0.1:8024", "loopback" },
		{ "inet:8024", "write inet:127.0.0.1:PORT" },
		{ "inet:127.0.0.1:", "write inet:127.0.0.1:PORT" },
		{ "inet:127.0.0.1:0", "write inet:127.0.0.1:PORT" },
		{ "inet:127.0.0.1:65536", "write inet:127.0.0.1:PORT" },
	};
	struct lmtp_box *box = lmtp_box_new();
	struct fail why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (try_listen(box, rows[i].listen, &why) != -1)
			fail_msg("%s was taken", rows[i].listen);
		if (strstr(why.text, rows[i].text) == NULL)
			fail_msg("%s: %s", rows[i].listen, why.text);
	}
	lmtp_box_free(box);
}

static void test_unix_socket(void **state)
{
	struct lmtp_box *box = lmtp_box_new(), *other;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	struct client c;
	struct fail why;
	int stale;

	(void)state;
	/* Left behind by a process that ended badly. */
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", box->path);
	stale = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof(address)), 0);
	close(stale);
	box->options.mode = 0660;
	lmtp_box_start(box);
	assert_int_equal(stat(box->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	client_start(&c, box->path);
	/* One that is answered is left alone. */
	other = lmtp_box_new();
	assert_int_equal(try_listen(other, box->listen, &why), -1);
	assert_non_null(strstr(why.text, "another process answers"));
	lmtp_box_free(other);
	client_say(&c, "NOOP\r\n");
	client_expect(&c, "still", "250 2.0.0");
	client_close(&c);
	/* A successor's socket is not removed. */
	assert_int_equal(rename(box->path, arena_printf(box->spool->arena, "%s.old", box->path)), 0);
	stale = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof(address)), 0);
	lmtp_stop(box->lmtp, 0);
	box->lmtp = NULL;
	assert_int_equal(access(box->path, F_OK), 0);
	close(stale);
	lmtp_box_free(box);
}

static unsigned free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void test_several_listeners(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	unsigned port = free_port();
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
	struct spooled got;
	struct client c = { 0 };
	struct fail why;

	(void)state;
	box->options.listen = arena_printf(box->spool->arena, "inet:127.0.0.1:%u %s", port, box->listen);
	lmtp_box_start(box);
	client_start(&c, box->path);
	client_close(&c);
	c.at = c.end = 0;
	c.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(c.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	client_say(&c, "LHLO mx.example.net\r\n" OPEN "DATA\r\na: b\r\n.\r\n");
	client_expect(&c, "inet", "220,250,250 2.0.0,250 2.0.0,354,250 2.6.0");
	assert_int_equal(spool_read(box->spool->spool, box->spool->arena, SPOOL_IN, box->accepted_id, &got, &why), 0);
	assert_string_equal(got.envelope.peer, "mx.example.net [127.0.0.1]");
	spool_unread(&got);
	client_close(&c);
	lmtp_box_free(box);
}

struct serve { struct lmtp *lmtp; int fd; };

static void *serve_main(void *arg)
{
	struct serve *serve = arg;

	lmtp_session_run(serve->lmtp, serve->fd, "unix");
	return NULL;
}

/* Each send of the server is one record here: what was pipelined is answered in one. */
static void test_one_write(void **state)
{
	static const struct { const char *send; unsigned replies; } rows[] = {
		{ "", 1 }, /* the greeting */
		{ "LHLO x\r\n", 1 },
		{ "XFORWARD NAME=x\r\nXFORWARD HELO=x\r\n" OPEN "RCPT TO:<none@l.example>\r\nDATA\r\n", 6 },
		{ "a: b\r\n\r\ntext\r\n.\r\n", 1 },
		{ OPEN "RCPT TO:<late@l.example>\r\nDATA\r\n", 4 },
		{ "a: b\r\n\r\ntext\r\n.\r\nRSET\r\nNO", 3 },
		{ "OP\r\nQUIT\r\n", 2 },
	};
	struct lmtp_box *box = lmtp_box_new();
	struct serve serve;
	pthread_t thread;
	char in[8192];
	int fds[2];

	(void)state;
	lmtp_box_start(box);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
	serve.lmtp = box->lmtp;
	serve.fd = fds[1];
	assert_int_equal(pthread_create(&thread, NULL, serve_main, &serve), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned replies = 0;
		ssize_t n;

		if (rows[i].send[0] != '\0')
			assert_int_equal(send(fds[0], rows[i].send, strlen(rows[i].send), 0), (ssize_t)strlen(rows[i].send));
		n = recv(fds[0], in, sizeof(in) - 1, 0);
		assert_true(n > 0);
		in[n] = '\0';
		for (const char *line = in; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1)
			replies += line[3] == ' ';
		if (replies != rows[i].replies)
			fail_msg("row %zu: %u replies in one write, want %u: %s", i, replies, rows[i].replies, in);
	}
	pthread_join(thread, NULL);
	close(fds[0]);
	lmtp_box_free(box);
}

static bool write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool is_good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return is_good;
}

/* To be ourselves in a user namespace of our own. */
static bool map_ids(struct arena *a, unsigned uid, unsigned gid)
{
	return write_proc("/proc/self/uid_map", arena_printf(a, "%u %u 1", uid, uid)) && write_proc("/proc/self/setgroups", "deny")
		&& write_proc("/proc/self/gid_map", arena_printf(a, "%u %u 1", gid, gid));
}

/* A file system of our own on the spool's directory; false where that is not permitted. */
static bool mount_small(struct arena *a, const char *dir)
{
	unsigned uid = getuid(), gid = getgid();

	if (unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0 || (uid != 0 && !map_ids(a, uid, gid)))
		return false;
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("tmpfs", dir, "tmpfs", 0, "size=36m,mode=700") == 0;
}

static void fill(const char *path, size_t bytes)
{
	static const char zeros[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	while (bytes > 0) {
		ssize_t n = write(fd, zeros, bytes < sizeof(zeros) ? bytes : sizeof(zeros));

		if (n <= 0)
			break;
		bytes -= (size_t)n;
	}
	close(fd);
}

static size_t count_events(struct arena *a, const char *path, const char *event)
{
	struct span log, line;
	struct fail why;
	size_t count = 0;

	assert_int_equal(file_read(a, path, 1 << 20, &log, &why), 0);
	while (span_next(&log, '\n', &line))
		count += span_find(line, span_of(event)) < line.len;
	return count;
}

#define SEND_ONE OPEN "RCPT TO:<late@l.example>\r\nDATA\r\na: b\r\n.\r\n"
#define TAKEN "250 2.0.0,250 2.0.0,250 2.0.0,354,250 2.6.0,550 5.7.1"

static void check_full(struct lmtp_box *box, struct client *c, const char *filler, const char *log)
{
	struct arena *a = box->spool->arena;

	client_say(c, SEND_ONE);
	client_expect(c, "space", TAKEN);
	fill(filler, 4 << 20);
	for (int i = 0; i < 3; i++) {
		client_say(c, "MAIL FROM:<> SIZE=1000\r\n");
		client_expect(c, "no space", "452 4.3.1");
	}
	assert_int_equal(count_events(a, log, "event=disk-full"), 1);
	unlink(filler);
	assert_int_equal(count_events(a, log, "event=disk-back"), 0);
	client_say(c, SEND_ONE SEND_ONE);
	client_expect(c, "space again", TAKEN "," TAKEN);
	assert_int_equal(count_events(a, log, "event=disk-back"), 1);
	/* It becomes full within a transaction: at the commit of a small message, while a large one is being written. */
	client_say(c, OPEN "RCPT TO:<late@l.example>\r\nRCPT TO:<b@l.example>\r\nDATA\r\n");
	client_expect(c, "before full", "250 2.0.0,250 2.0.0,250 2.0.0,250 2.0.0,354");
	fill(filler, 100 << 20);
	client_say(c, "a: b\r\n.\r\n");
	client_expect(c, "full at the commit", "452 4.3.1,550 5.7.1,452 4.3.1");
	unlink(filler);
	client_say(c, OPEN "RCPT TO:<b@l.example>\r\nDATA\r\n");
	client_expect(c, "before full", "250 2.0.0,250 2.0.0,250 2.0.0,354");
	fill(filler, 100 << 20);
	client_send(c, long_lines(a, 70, 900000));
	client_say(c, "\r\n.\r\n");
	client_expect(c, "full while writing", "452 4.3.1,452 4.3.1");
	unlink(filler);
	assert_int_equal(count_events(a, log, "event=disk-full"), 2);
	client_say(c, SEND_ONE);
	client_expect(c, "space at last", TAKEN);
	assert_int_equal(count_events(a, log, "event=disk-back"), 2);
}

/* Comes last: it gives the process a file system that only it can see. */
static void test_disk_full(void **state)
{
	struct lmtp_box *box = lmtp_box_new();
	char filler[128], log[128];
	struct client c;

	(void)state;
	snprintf(filler, sizeof(filler), "%s/filler", box->spool->dir);
	snprintf(log, sizeof(log), "%s.log", box->spool->dir);
	spool_close(box->spool->spool);
	if (!mount_small(box->spool->arena, box->spool->dir)) {
		box_open(box->spool);
		lmtp_box_free(box);
		skip();
	}
	box_open(box->spool);
	assert_int_equal(log_open(LOG_SINK_FILE, log, LOG_LEVEL_INFO), 0);
	lmtp_box_start(box);
	client_start(&c, box->path);
	check_full(box, &c, filler, log);
	client_close(&c);
	assert_int_equal(box_count(box->spool, "in"), 4);
	assert_int_equal(count_events(box->spool->arena, log, "event=accepted"), 4);
	log_open(LOG_SINK_NONE, NULL, LOG_LEVEL_ERROR);
	unlink(log);
	lmtp_stop(box->lmtp, 0);
	box->lmtp = NULL;
	assert_int_equal(box_count(box->spool, "tmp"), 0);
	spool_close(box->spool->spool);
	umount2(box->spool->dir, MNT_DETACH);
	box_open(box->spool);
	lmtp_box_free(box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greeting), cmocka_unit_test(test_commands), cmocka_unit_test(test_content), cmocka_unit_test(test_smuggling),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_recipients_max), cmocka_unit_test(test_envelope), cmocka_unit_test(test_xforward_peers), cmocka_unit_test(test_same_recipient),
		cmocka_unit_test(test_aborted_sessions), cmocka_unit_test(test_client_gone_before_answer), cmocka_unit_test(test_many_sessions),
		cmocka_unit_test(test_sessions_max), cmocka_unit_test(test_faults), cmocka_unit_test(test_long_command), cmocka_unit_test(test_idle), cmocka_unit_test(test_trickle),
		cmocka_unit_test(test_stop), cmocka_unit_test(test_stop_grace), cmocka_unit_test(test_client_that_does_not_read),
		cmocka_unit_test(test_listen_refused), cmocka_unit_test(test_unix_socket), cmocka_unit_test(test_several_listeners),
		cmocka_unit_test(test_one_write), cmocka_unit_test(test_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
