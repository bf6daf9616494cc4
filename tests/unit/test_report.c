/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict_of_bytes: reports as mail servers write them, made up after their sources and manuals, each with CRLF, LF and CR; what is no report; hostile ones. */
#include "tests/unit/check.h"

#include "listd/bounce/verdict.h"

#include <time.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct patterns *shipped(void)
{
	const char *dir = getenv("srcdir");
	char path[4096];
	struct patterns *patterns = patterns_new();
	struct fail why;

	snprintf(path, sizeof(path), "%s/conf/bounce.patterns", dir == NULL ? "." : dir);
	if (patterns_read(path, patterns, &why) != 0)
		fail_msg("%s", why.text);
	return patterns;
}

/* want: "KIND" and a line "RECIPIENT ACTION STATUS CLASS" for each, "-" for what is not told. */
struct report_row { const char *name, *message, *want; };

static const char *or_dash(const char *text)
{
	return *text == '\0' ? "-" : text;
}

static const char *told(struct arena *a, const struct verdict *v)
{
	const char *text = verdict_kind_name(v->kind);

	for (size_t i = 0; i < v->rcpt_count; i++) {
		const struct verdict_rcpt *r = &v->rcpts[i];

		text = arena_printf(a, "%s\n%s %s %s %s", text, or_dash(r->recipient), or_dash(r->action), or_dash(r->status), bounce_class_rows[r->class].name);
		assert_int_equal(r->counts, bounce_class_rows[r->class].counts && *r->recipient != '\0');
	}
	return text;
}

static struct span with_ends(struct arena *a, const char *message, const char *end)
{
	char *out = arena_alloc(a, strlen(message) * 2 + 1);
	size_t len = 0;

	for (; *message != '\0'; message++)
		if (*message == '\n')
			for (const char *e = end; *e != '\0'; e++)
				out[len++] = *e;
		else
			out[len++] = *message;
	return (struct span){ out, len };
}

static size_t check_row(const struct patterns *patterns, const struct report_row *row)
{
	static const char *const ends[] = { "\n", "\r\n", "\r" };
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	size_t bad = 0;

	for (size_t i = 0; i < COUNT(ends); i++) {
		struct span exact = test_exact(with_ends(a, row->message, ends[i]));
		struct verdict v;

		verdict_of_bytes(a, patterns, exact, &v);
		if (strcmp(told(a, &v), row->want) != 0) {
			print_error("%s (ends %zu):\n%s\nnot\n%s\nby %s: %s\n", row->name, i, told(a, &v), row->want, v.rcpt_count == 0 ? "" : v.rcpts[0].by, v.rcpt_count == 0 ? "" : v.rcpts[0].reply);
			bad++;
		}
		free((void *)(uintptr_t)exact.ptr);
	}
	arena_free(a);
	return bad;
}

static void check_rows(const struct report_row *rows, size_t count)
{
	struct patterns *patterns = shipped();
	size_t bad = 0;

	for (size_t i = 0; i < count; i++)
		bad += check_row(patterns, &rows[i]);
	patterns_free(patterns);
	assert_int_equal(bad, 0);
}

#define HEAD(from, subject) "Return-Path: <>\nFrom: " from "\nTo: birds-bounces@lists.example.org\nSubject: " subject "\nMIME-Version: 1.0\n"
#define REPORT "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n"
#define STATUS "\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\n"
#define RETURNED "\n--b\nContent-Type: message/rfc822\n\nFrom: ann@example.org\nTo: birds@lists.example.org\nSubject: DMARC policy, quota exceeded, user unknown\n" \
	"Authentication-Results: mx; dmarc=fail (p=reject)\nMessage-ID: <1@example.org>\n\nWhat does 550 5.7.26 mean?\nFinal-Recipient: rfc822; eve@example.net\n--b--\n"

static void test_standard(void **state)
{
	static const struct report_row rows[] = {
		{ "postfix, user unknown; the list's own text speaks of DMARC", HEAD("MAILER-DAEMON@mx.example.com (Mail Delivery System)", "Undelivered Mail Returned to Sender") REPORT
			"This is the mail system at host mx.example.com.\n\n<bob@example.net>: host mx.example.net[192.0.2.1] said: 550 5.1.1 User unknown (in reply to RCPT TO command)\n" STATUS
			"Final-Recipient: rfc822; bob@example.net\nOriginal-Recipient: rfc822;bob@example.net\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.example.net\n"
			"Diagnostic-Code: smtp; 550 5.1.1 User unknown\n" RETURNED, "bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "sendmail keeps only the first line of a reply; the transcript has the rest", HEAD("Mail Delivery Subsystem <MAILER-DAEMON@mx.example.com>", "Returned mail: see transcript for details") REPORT
			"   ----- The following addresses had permanent fatal errors -----\n<bob@example.net>\n    (reason: 550-5.7.26 Unauthenticated email from example.org is not accepted due to domain's)\n\n"
			"   ----- Transcript of session follows -----\n... while talking to gmail-smtp-in.l.google.com.:\n>>> DATA\n"
			"<<< 550-5.7.26 Unauthenticated email from example.org is not accepted due to domain's\n<<< 550-5.7.26 DMARC policy. Please contact the administrator\n"
			"<<< 550 5.7.26  https://support.google.com/mail/ a1 - gsmtp\n554 5.0.0 Service unavailable\n" STATUS
			"Final-Recipient: RFC822; bob@example.net\nAction: failed\nStatus: 5.7.26\nDiagnostic-Code: SMTP; 550-5.7.26 Unauthenticated email from example.org is not accepted due to domain's\n" RETURNED,
			"bounce\nbob@example.net failed 5.7.26 policy-dmarc" },
		{ "two recipients, two fates", HEAD("MAILER-DAEMON@mx.example.com", "Undelivered Mail Returned to Sender") REPORT "Sorry.\n" STATUS
			"Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 <bob@example.net> Quota exceeded (mailbox for user is full)\n\n"
			"Final-Recipient: rfc822; carol@example.net\nAction: relayed\nStatus: 2.1.9\n" RETURNED,
			"bounce\nbob@example.net failed 5.2.2 full\ncarol@example.net relayed 2.1.9 relayed" },
		{ "delivered", HEAD("postmaster@example.com", "Delivery Notification: Delivery has been successful") REPORT "ok\n" STATUS
			"Original-recipient: rfc822;bob@example.net\nFinal-recipient: rfc822;bob@example.net\nAction: delivered\nStatus: 2.1.5 (Delivered)\n" RETURNED,
			"bounce\nbob@example.net delivered 2.1.5 delivered" },
		{ "expanded by a list", HEAD("postmaster@example.com", "Delivery report") REPORT "ok\n" STATUS "Final-Recipient: rfc822;team@example.net\nAction: expanded\nStatus: 2.1.5\n" RETURNED,
			"bounce\nteam@example.net expanded 2.1.5 relayed" },
		{ "a DMARC refusal that may pass", HEAD("MAILER-DAEMON@mx.example.com", "Delayed Mail (still being retried)") REPORT "THIS IS A WARNING ONLY\n" STATUS
			"Final-Recipient: rfc822; bob@example.net\nAction: delayed\nStatus: 4.7.26\nDiagnostic-Code: smtp; 451-4.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy\n"
			"Will-Retry-Until: Tue, 1 Dec 2026 10:00:00 +0000\n" RETURNED, "bounce\nbob@example.net delayed 4.7.26 delayed" },
		{ "RFC 6533", HEAD("postmaster@example.com", "Undeliverable") "Content-Type: multipart/report; report-type=global-delivery-status; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\nx\n"
			"--b\nContent-Type: message/global-delivery-status\n\nReporting-MTA: dns; mx.example.com\n\nFinal-Recipient: utf-8; jos\xc3\xa9@example.net\nAction: failed\nStatus: 5.1.1\n"
			"Diagnostic-Code: smtp; 550 5.1.1 no such user\n--b\nContent-Type: message/global-headers\n\nMessage-ID: <2@example.org>\n--b--\n", "bounce\njos\xc3\xa9@example.net failed 5.1.1 dead-mailbox" },
		{ "Diagnostic-Code is believed before Status", HEAD("MAILER-DAEMON@mx.example.com", "Returned mail") REPORT "x\n" STATUS
			"Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.7.1 IP address blacklisted by recipient\n" RETURNED,
			"bounce\nbob@example.net failed 5.1.1 spam-or-reputation" },
		{ "Status alone", HEAD("MAILER-DAEMON@mx.example.com", "Returned mail") REPORT "\n" STATUS "Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 5.7.23\n" RETURNED,
			"bounce\nbob@example.net failed 5.7.23 policy-auth" },
		{ "given up after days", HEAD("MAILER-DAEMON@mx.example.com", "Undelivered Mail Returned to Sender") REPORT "x\n" STATUS
			"Final-Recipient: rfc822; bob@example.net\nAction: failed\nStatus: 4.4.1\nDiagnostic-Code: X-Postfix; connect to mx.example.net[192.0.2.1]:25: Connection timed out\n" RETURNED,
			"bounce\nbob@example.net failed 4.4.1 network" },
		{ "passed on to another domain: the final address, and the first one beside it", HEAD("MAILER-DAEMON@mx.example.com", "Returned mail") REPORT "x\n" STATUS
			"Original-Recipient: rfc822; bob@example.net\nFinal-Recipient: rfc822; robert@elsewhere.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 unknown user\n" RETURNED,
			"bounce\nrobert@elsewhere.example failed 5.1.1 dead-mailbox" },
		{ "renamed inside of the house: the original address", HEAD("MAILER-DAEMON@mx.example.com", "Returned mail") REPORT "x\n" STATUS
			"Original-Recipient: rfc822; bob@example.net\nFinal-Recipient: rfc822; u1234@store7.example.net\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: x-unix; maildir over quota\n" RETURNED,
			"bounce\nbob@example.net failed 5.2.2 full" },
		{ "Microsoft 365: restricted", HEAD("postmaster@example.onmicrosoft.com", "Undeliverable: news") REPORT "Your message to bob@example.net couldn't be delivered.\n" STATUS
			"Final-Recipient: rfc822;bob@example.net\nAction: failed\nStatus: 5.7.133\nDiagnostic-Code: smtp;550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required\n" RETURNED,
			"bounce\nbob@example.net failed 5.7.133 unknown" },
		{ "Microsoft 365: no such domain", HEAD("postmaster@outlook.com", "Undeliverable: news") REPORT "x\n" STATUS
			"Final-Recipient: rfc822;bob@example.invalid\nAction: failed\nStatus: 5.4.310\nDiagnostic-Code: smtp;550 5.4.310 DNS domain example.invalid does not exist\n" RETURNED,
			"bounce\nbob@example.invalid failed 5.4.310 dead-mailbox" },
		{ "Domino", HEAD("Postmaster@example.com", "DELIVERY FAILURE: User bob (bob@example.net) not listed in Domino Directory") REPORT
			"Your message\n\n  Subject: news\n\nwas not delivered to:\n\n  bob@example.net\n\nbecause:\n\n  User bob (bob@example.net) not listed in Domino Directory\n" STATUS
			"Final-Recipient: rfc822;bob@example.net\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: X-Notes; User bob (bob@example.net) not listed in Domino Directory\n" RETURNED,
			"bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "base64 all over", HEAD("MAILER-DAEMON@mx.example.com", "Returned mail") "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\neA==\n"
			"--b\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\nRmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGJvYkBleGFtcGxlLm5ldApBY3Rpb246IGZhaWxlZApTdGF0dXM6IDUuMS4xCg==\n--b--\n",
			"bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "MIME taken apart by a gateway", HEAD("MAILER-DAEMON@mx.example.com", "Returned mail: User unknown") "\nThe original message was received yesterday\n\nReporting-MTA: dns; mx.example.com\n\n"
			"Final-Recipient: RFC822; bob@example.net\nAction: failed\nStatus: 5.1.1\n\nReturn-Path: <birds-bounces@lists.example.org>\nFinal-Recipient: rfc822; eve@example.net\nAction: failed\n",
			"bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "a report inside of nothing else", HEAD("postmaster@scanner.example.com", "Delivery Status Notification (Failure)") "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\n"
			"From: postmaster@example.com\n" REPORT "x\n" STATUS "Final-Recipient: rfc822;bob@example.net\nAction: failed\nStatus: 5.1.1\n\n--b--\n\n--o--\n",
			"bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "no address in the fields, but in Exim's", HEAD("Mail Delivery System <Mailer-Daemon@mx.example.com>", "Mail delivery failed: returning message to sender") "X-Failed-Recipients: bob@example.net\n" REPORT
			"x\n" STATUS "Action: failed\nFinal-Recipient: rfc822;|/usr/bin/filter\nStatus: 5.0.0\n" RETURNED, "bounce\nbob@example.net failed 5.0.0 dead-mailbox" },
		{ "Amazon SES by SNS", HEAD("AWS Notifications <no-reply@sns.amazonaws.com>", "AWS Notification Message") "\n{\"Type\":\"Notification\",\"Message\":\"{\\\"notificationType\\\":\\\"Bounce\\\",\\\"bounce\\\":{"
			"\\\"bouncedRecipients\\\":[{\\\"emailAddress\\\":\\\"bob@example.net\\\",\\\"action\\\":\\\"failed\\\",\\\"status\\\":\\\"5.1.1\\\",\\\"diagnosticCode\\\":\\\"smtp; 550 5.1.1 user unk\n nown\\\"}]}}\"}\n",
			"bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void test_words(void **state)
{
	static const struct report_row rows[] = {
		{ "exim, unknown user", HEAD("Mail Delivery System <Mailer-Daemon@mx.example.com>", "Mail delivery failed: returning message to sender") "X-Failed-Recipients: bob@example.net\n\n"
			"This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
			"  bob@example.net\n    host mx.example.net [192.0.2.1]\n    SMTP error from remote mail server after RCPT TO:<bob@example.net>:\n    550 5.1.1 <bob@example.net>... User unknown\n\n"
			"------ This is a copy of the message, including all the headers. ------\n\nFrom: ann@example.org\nSubject: DMARC policy of eve@example.net\n\n<eve@example.net>: 550 user unknown\n",
			"bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "exim, DMARC after DATA", HEAD("Mail Delivery System <Mailer-Daemon@mx.example.com>", "Mail delivery failed") "\nThis message was created automatically by mail delivery software.\n\n"
			"A message sent by\n\n  <birds-bounces@lists.example.org>\n\ncould not be delivered to one or more of its recipients. The following\naddress(es) failed:\n\n"
			"  bob@example.net\n    host mx00.kundenserver.example [192.0.2.1]\n    SMTP error from remote mail server after end of data:\n    554-Transaction failed\n    554-Reject due to domain's DMARC policy.\n"
			"    554 For explanation visit https://postmaster.gmx.net/en/case?c=r2001&i=ip\n\n------ This is a copy of the message ------\n", "bounce\nbob@example.net failed - policy-dmarc" },
		{ "exim, delay", HEAD("Mail Delivery System <Mailer-Daemon@mx.example.com>", "Warning: message 1abcde-000001-AB delayed 24 hours") "Auto-Submitted: auto-replied\n\n"
			"This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue on mx.example.com.\n\n"
			"The message identifier is:     1abcde-000001-AB\n\nThe address to which the message has not yet been delivered is:\n\n  bob@example.net\n    host mx.example.net [192.0.2.1]\n"
			"    Delay reason: mailbox is full (452 4.2.2 over quota)\n\nNo action is required on your part. Delivery attempts will continue for\nsome time.\n", "bounce\nbob@example.net delayed 4.2.2 delayed" },
		{ "qmail", HEAD("MAILER-DAEMON@mx.example.com", "failure notice") "\nHi. This is the qmail-send program at mx.example.com.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n"
			"This is a permanent error; I've given up. Sorry it didn't work out.\n\n<bob@example.net>:\n192.0.2.1 failed after I sent the message.\nRemote host said: 550 5.7.1 rejected by DMARC policy for example.org\n\n"
			"<carol@example.net>:\nThe users mailfolder is over the allowed quota (size). (#5.2.2)\n\n<dave@example.net>:\nThis address no longer accepts mail.\n\n--- Below this line is a copy of the message.\n\nReceived: x\n",
			"bounce\nbob@example.net failed 5.7.1 policy-dmarc\ncarol@example.net failed 5.2.2 full\ndave@example.net failed - dead-mailbox" },
		{ "old sendmail", HEAD("Mail Delivery Subsystem <MAILER-DAEMON@mx.example.com>", "Returned mail: User unknown") "\nThe original message was received at Mon, 1 Jan 1996 00:00:00 GMT\n\n"
			"   ----- The following addresses had permanent fatal errors -----\n<bob@example.net>\n\n   ----- Transcript of session follows -----\n... while talking to mx.example.net.:\n>>> RCPT To:<bob@example.net>\n"
			"<<< 550 <bob@example.net>... User unknown\n550 <bob@example.net>... User unknown\n\n   ----- Original message follows -----\nReceived: x\n", "bounce\nbob@example.net failed - dead-mailbox" },
		{ "sendmail 5", HEAD("MAILER-DAEMON@mx.example.com (Mail Delivery Subsystem)", "Returned mail: Host unknown") "\n   ----- Transcript of session follows -----\n550 example.invalid (tcp)... 550 Host unknown\n"
			"554 <bob@example.invalid>... 550 Host unknown (Authoritative answer from name server)\n\n   ----- Unsent message follows -----\nReceived: x\n", "bounce\nbob@example.invalid failed - dead-mailbox" },
		{ "Exchange 5.5", HEAD("System Administrator <postmaster@example.net>", "Undeliverable: news") "\nYour message\n\n  To:      birds@lists.example.org\n  Subject: news\n\ndid not reach the following recipient(s):\n\n"
			"bob@example.net on Mon, 1 Jan 2001 00:00:00 -0000\n    The recipient name is not recognized\n\tThe MTS-ID of the original message is: c=us;a= ;p=example\n    MSEXCH:IMS:Example:HQ:EX1 0 (000C05A6) Unknown Recipient\n",
			"bounce\nbob@example.net failed - dead-mailbox" },
		{ "GroupWise", HEAD("Mailer-Daemon@example.net", "Message status - undeliverable") "\nThe message that you sent was undeliverable to the following:\n\tbob@example.net (user not found)\n\nPossibly truncated original message follows:\n",
			"bounce\nbob@example.net failed - dead-mailbox" },
		{ "MDaemon", HEAD("MDaemon@example.net", "Warning: message could not be delivered") "\nThe following addresses did NOT receive a copy of your message:\n\n> bob@example.net\n\n--- Session Transcript ---\n"
			" RCPT To:<bob@example.net>\n 552 5.2.2 Mailbox full\n--- End Transcript ---\n", "bounce\nbob@example.net failed 5.2.2 full" },
		{ "MailEnable", HEAD("postmaster@example.net", "Message Delivery Failure") "\nMessage could not be delivered to some recipients.\nThe following recipient(s) could not be reached:\n\n\tRecipient: [SMTP:bob@example.net]\n"
			"\tReason: Remote SMTP Server Returned: 550 No such recipient\n\nMessage headers follow:\nReceived: x\n", "bounce\nbob@example.net failed - dead-mailbox" },
		{ "InterScan", HEAD("postmaster@example.net", "Mail could not be delivered") "\n****** Message from InterScan E-Mail VirusWall NT ******\n\nSent <<< RCPT TO:<bob@example.net>\nReceived >>> 550 5.1.1 unknown user\n\n"
			"****** End of message ******\n", "bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "usa.net", HEAD("postmaster@mx.example.net", "Mail Undeliverable") "\nIntended recipient:  bob@example.net\n\nThe mailbox is over its quota and cannot take mail.\n\n--------RETURNED MAIL FOLLOWS--------\nTo: eve@example.net\n",
			"bounce\nbob@example.net failed - full" },
		{ "Smail", HEAD("<MAILER-DAEMON@mx.example.com>", "mail failed, returning to sender") "\n|------------------------- Message log follows: -------------------------|\n no valid recipients were found for this message\n"
			"|------------------------- Failed addresses follow: ---------------------|\n bob@example.net ... unknown user\n|------------------------- Message text follows: ------------------------|\nTo: eve@example.net\n",
			"bounce\nbob@example.net failed - dead-mailbox" },
		{ "LSMTP", HEAD("\"LSMTP for Windows NT\" <postmaster@mx.example.com>", "Undelivered mail") "\nAn error was detected while processing the enclosed message.\n\n--> Error description:\nError-for:  bob@example.net\nError-Code: 3\n"
			"Error-Text: No such local user.\n\nError-End:  One error reported.\n\n------------------------------ Original message ------------------------------\n", "bounce\nbob@example.net failed - dead-mailbox" },
		{ "prodigy", HEAD("MAILER-DAEMON@example.net", "Undeliverable message") "\nUser's mailbox is full: <bob@example.net>\nUnable to deliver mail.\n", "bounce\nbob@example.net failed - full" },
		{ "compuserve-like, local parts", HEAD("Mail Delivery Subsystem <MAILER-DAEMON@example.net>", "Mail Delivery Problem")
			"\nYour mail to the following recipients could not be delivered because they are not accepting mail from birds@lists.example.org:\n\tbobscreen\n", "bounce\nbobscreen@example.net failed - dead-mailbox" },
		{ "notice in the style of hosters, the address in the subject alone", HEAD("postmaster@example.net", "Your message to bob@example.net could not be delivered.") "\nThe address is wrong. Sorry.\n",
			"bounce\nbob@example.net failed - dead-mailbox" },
		{ "HTML alone", HEAD("postmaster@example.net", "Undeliverable: news") "Content-Type: text/html\n\n<html><head><style>p { x }</style></head><body><p>Delivery has failed to these recipients:</p>"
			"<p>bob@example.net<br>The e-mail address you entered couldn&#39;t be found.</p><p>#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##</p></body></html>\n",
			"bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "a full mailbox, still tried", HEAD("Postmaster <postmaster@example.net>", "Mail Delivery Warning") "\nThis is an advisory-only email.  Please do not reply to it.\n\nDelivery of email to this address\n\n\"bob@example.net\"\n\n"
			"has been postponed due to a full mailbox.\n\nWe will continue to try to deliver your message over the next few days.\n", "bounce\nbob@example.net delayed - delayed" },
		{ "sendmail, warning", HEAD("Mail Delivery Subsystem <MAILER-DAEMON@mx.example.com>", "Warning: could not send message for past 4 hours") "\n    **********************************************\n"
			"    **      THIS IS A WARNING MESSAGE ONLY      **\n    **********************************************\n\n   ----- The following addresses had transient non-fatal errors -----\n<bob@example.net>\n\n"
			"   ----- Transcript of session follows -----\n<bob@example.net>... Deferred: Connection refused by mx.example.net.\nWarning: message still undelivered after 4 hours\n", "bounce\nbob@example.net delayed - delayed" },
		{ "what the receiver says of delays is not what the reporter says", HEAD("MAILER-DAEMON@mx.example.com", "failure notice") "\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n<bob@example.net>:\n"
			"192.0.2.1 does not like recipient.\nRemote host said: 450 4.2.2 Mailbox full, delivery has been delayed and will be retried\nI'm not going to try again; this message has been in the queue too long.\n",
			"bounce\nbob@example.net failed 4.2.2 full" },
		{ "a person passed it on", "From: Bob <bob@example.com>\nTo: birds-owner@lists.example.org\nSubject: Fwd: Returned mail: see transcript for details\n\nWhat is this?\n\n> The original message was received at noon\n>\n"
			">    ----- The following addresses had permanent fatal errors -----\n> <bob@example.net>\n>     (reason: 550 5.1.1 <bob@example.net>... User unknown)\n", "bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "a report that names nobody", HEAD("MAILER-DAEMON@mx.example.com", "Undelivered Mail Returned to Sender") "\nYour message could not be delivered. The mailbox does not exist.\n", "bounce\n- failed - dead-mailbox" },
		{ "a report that gives no reason", HEAD("MAILER-DAEMON@mx.example.com", "failure notice") "\nUnable to deliver message to the following address(es).\n\n<bob@example.net>:\n\n--- Original message follows.\n",
			"bounce\nbob@example.net failed - dead-mailbox" },
		{ "another list, which does not know us", HEAD("team-admin@example.net", "You birds@lists.example.org are not member (team ML)") "X-MLServer: fml [fml 4.0.3]\n\nYou are not a member of this mailing list <team@example.net>.\n",
			"bounce\nteam@example.net failed - unknown" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

/* More servers, by their sources and manuals. */
static void test_servers(void **state)
{
	static const struct report_row rows[] = {
		{ "Apache James", HEAD("postmaster@example.com", "[BOUNCE]") "\nHi. This is the James mail server at mx.example.com.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n"
			"This is a permanent error; I've given up. Sorry it didn't work out.  Below\nI include the list of recipients and the reason why I was unable to deliver\nyour message.\n\nFailed recipient(s):\nbob@example.net\n\n"
			"Error message:\n550 5.1.1 <bob@example.net>... User unknown\n\nMessage details:\n  Subject: news\n  MAIL FROM: birds-bounces@lists.example.org\n  RCPT TO: bob@example.net\n", "bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "MailMarshal", HEAD("MAILER-DAEMON@example.net", "Undeliverable Mail: \"news\"") "\nYour message:\n   From:    birds-bounces@lists.example.org\n   Subject: news\n\nCould not be delivered because of\n\n550 5.1.1 User unknown\n\n"
			"The following recipients were affected:\n    bob@example.net\n\nAdditional Information\n======================\nOriginal Sender:    <birds-bounces@lists.example.org>\n", "bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "a server that answers in brackets", HEAD("MAILER-DAEMON@example.com", "There was an error sending your mail") "\nWe had trouble delivering your message. Full details follow:\n\nSubject: 'news'\n\n1 error(s):\n\n"
			"SMTP Server <mx.example.net> rejected recipient <bob@example.net>\n  (Error following RCPT command). It responded as follows: [552 5.2.2 Mailbox full]\n", "bounce\nbob@example.net failed 5.2.2 full" },
		{ "Postfix without MIME", HEAD("MAILER-DAEMON@mx.example.com (Mail Delivery System)", "Undelivered Mail Returned to Sender") "\nThis is the Postfix program at host mx.example.com.\n\nI'm sorry to have to inform you that the message returned\n"
			"below could not be delivered to one or more destinations.\n\nFor further assistance, please send mail to <postmaster>\n\n\t\t\tThe Postfix program\n\n<bob@example.net>: host mx.example.net[192.0.2.1] said: 550\n"
			"    <bob@example.net>: User unknown (in reply to RCPT TO command)\n\n<carol@example.net> (expanded from <team@example.net>): mail for\n    example.net loops back to myself\n",
			"bounce\nbob@example.net failed - dead-mailbox\ncarol@example.net failed - network" },
		{ "Courier", HEAD("postmaster@mx.example.com", "NOTICE: mail delivery status.") "\nThis is a delivery status notification from mx.example.com,\nrunning the Courier mail server.\n\n---------------------------------------------------------------------------\n\n"
			"                           UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n<bob@example.net>:\n    mx.example.net [192.0.2.1]:\n>>> RCPT TO:<bob@example.net>\n<<< 550 User unknown.\n\n"
			"---------------------------------------------------------------------------\n", "bounce\nbob@example.net failed - dead-mailbox" },
		{ "OpenSMTPD", HEAD("Mailer Daemon <MAILER-DAEMON@mx.example.com>", "Delivery status notification: error") "\n    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred while attempting to deliver a message for\n"
			"    the following list of recipients:\n\nbob@example.net: 550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown\n\n    Below is a copy of the original message:\n", "bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "DragonFly", HEAD("MAILER-DAEMON <>", "Mail delivery failed") "\nThis is the DragonFly Mail Agent v0.13 at mx.example.com.\n\nThere was an error delivering your mail to <bob@example.net>.\n\nmx.example.net [192.0.2.1] did not like our RCPT TO:\n"
			"550 5.1.1 User unknown\n\nMessage headers follow.\n\nReceived: x\n", "bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "Google in words", HEAD("Mail Delivery Subsystem <mailer-daemon@googlemail.com>", "Delivery Status Notification (Failure)") "X-Failed-Recipients: bob@example.net\n\nDelivery to the following recipient failed permanently:\n\n     bob@example.net\n\n"
			"Technical details of permanent failure:\nGoogle tried to deliver your message, but it was rejected by the server for the recipient domain example.net by mx.example.net. [192.0.2.1].\n\n"
			"The error that the other server returned was:\n550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown in relay recipient table\n\n----- Original message -----\n", "bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "Yahoo", HEAD("MAILER-DAEMON@yahoo.com", "Failure Notice") "\nSorry, we were unable to deliver your message to the following address.\n\n<bob@example.net>:\n554: 5.7.9: Message not accepted for policy reasons.  See https://postmaster.yahooinc.com/error-codes\n\n"
			"--- Below this line is a copy of the message.\n", "bounce\nbob@example.net failed 5.7.9 policy-dmarc" },
		{ "Zoho", HEAD("mailer-daemon@mail.zoho.com", "Undelivered Mail Returned to Sender") "\nThis message was created automatically by mail delivery software.\nA message that you sent could not be delivered to one or more of its recipients. This is a permanent error.\n\n"
			"bob@example.net Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <bob@example.net>... User unknown\n\nReceived:from mail.zoho.com\n", "bounce\nbob@example.net failed 5.1.1 dead-mailbox" },
		{ "m-FILTER", HEAD("POSTMASTER <postmaster@example.jp>", "failure notice") "\nbob@example.jp\n\n-------server message\n550 5.1.1 <bob@example.jp>: User unknown\n\n-------SMTP command\nDATA\n\n-------original message\nTo: eve@example.net\n",
			"bounce\nbob@example.jp failed 5.1.1 dead-mailbox" },
		{ "Kerio-like: quoted, with a name", HEAD("Postmaster <postmaster@example.net>", "Delivery failure") "\nYour message could not be delivered to these recipients:\n\n\"bob@example.net\": mailbox is disabled\n", "bounce\nbob@example.net failed - dead-mailbox" },
		{ "a sentence that begins with the address", HEAD("postmaster@example.net", "Undeliverable") "\nbob@example.net is not a known user here.\n", "bounce\nbob@example.net failed - dead-mailbox" },
		{ "a gateway to mobiles", HEAD("sysadmin <sysadmin@mms.example.net>", "Undeliverable Message") "\nMessage could not be delivered to mobile.\n\nError: No valid recipients for this MM\n\nMessage details:\n  Subject: news\n"
			"  To: 5550100@mms.example.net\n", "bounce\n5550100@mms.example.net failed - dead-mailbox" },
		{ "Novell, message size", HEAD("Mailer-Daemon@example.net", "Undeliverable") "\nbob@example.net: message size exceeds the maximum that is allowed\n", "bounce\nbob@example.net failed - content" },
		{ "qmail-ldap", HEAD("MAILER-DAEMON@mx.example.com", "failure notice") "\nHi. This is the qmail-send program at mx.example.com.\n\n<bob@example.net>:\nMailaddress is administrative disabled. (#5.2.1)\n\n<carol@example.net>:\nMessage exceeds the maximum size. (#5.2.3)\n\n"
			"<dave@example.net>:\nThis message is looping: it already has my Delivered-To line. (#5.4.6)\n\n--- Below this line is a copy of the message.\n",
			"bounce\nbob@example.net failed 5.2.1 dead-mailbox\ncarol@example.net failed 5.2.3 content\ndave@example.net failed 5.4.6 network" },
		{ "Exim, hosts and pipes", HEAD("Mail Delivery System <Mailer-Daemon@mx.example.com>", "Mail delivery failed: returning message to sender") "\nThe following address(es) failed:\n\n  bob@example.net\n    all relevant MX records point to non-existent hosts\n"
			"  carol@example.net\n    Unrouteable address\n  dave@example.net\n    retry time not reached for any host after a long failure period\n\n------ This is a copy of your message, including all the headers. ------\n",
			"bounce\nbob@example.net failed - dead-mailbox\ncarol@example.net failed - dead-mailbox\ndave@example.net failed - network" },
		{ "Dovecot, LMTP behind Exim", HEAD("Mail Delivery System <Mailer-Daemon@mx.example.com>", "Mail delivery failed") "\nThe following address(es) failed:\n\n  bob@example.net\n    LMTP error from remote mail server after RCPT TO:<bob@example.net>:\n"
			"    552 5.2.2 <bob@example.net> Quota exceeded (mailbox for user is full)\n", "bounce\nbob@example.net failed 5.2.2 full" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void test_languages(void **state)
{
	static const struct report_row rows[] = {
		{ "German", HEAD("Mailer-Daemon@mx.example.com", "Unzustellbar: Neues") "Content-Type: text/plain; charset=iso-8859-1\n\nIhre Nachricht konnte nicht zugestellt werden:\n\n<bob@example.net>: Empf\xe4nger unbekannt\n",
			"bounce\nbob@example.net failed - dead-mailbox" },
		{ "German, full", HEAD("Mailer-Daemon@mx.example.com", "Mail delivery failed: returning message to sender") "Content-Type: text/plain; charset=utf-8\n\nbob@example.net:\n  Das Postfach des Empf\xc3\xa4ngers ist voll\n",
			"bounce\nbob@example.net failed - full" },
		{ "French", HEAD("MAILER-DAEMON@mx.example.com", "Message non remis") "Content-Type: text/plain; charset=utf-8\n\nbob@example.net\n    L'adresse du destinataire n'existe pas\n", "bounce\nbob@example.net failed - dead-mailbox" },
		{ "French, full", HEAD("MAILER-DAEMON@mx.example.com", "Message non remis") "Content-Type: text/plain; charset=utf-8\n\nbob@example.net\n    552 5.1.1 Bo\xc3\xaete du destinataire pleine. OFR_417\n",
			"bounce\nbob@example.net failed 5.1.1 full" },
		{ "Japanese, ISO-2022-JP", HEAD("postmaster@example.jp", "Returned mail") "Content-Type: text/plain; charset=ISO-2022-JP\n\n"
			"\x1b$B0J2<$N%a!<%k%\"%I%l%9$X$NAw?.$K<:GT$7$^$7$?!#\x1b(B\nbob@example.jp\n\x1b$B08@h%\"%I%l%9$,B8:_$7$^$;$s\x1b(B\n", "bounce\nbob@example.jp failed - dead-mailbox" },
		{ "Japanese, full", HEAD("postmaster@example.jp", "Returned mail") "Content-Type: text/plain; charset=utf-8\n\n<bob@example.jp>:\n\xe3\x83\xa1\xe3\x83\xbc\xe3\x83\xab\xe3\x83\x9c\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9\xe3\x81\x8c"
			"\xe3\x81\x84\xe3\x81\xa3\xe3\x81\xb1\xe3\x81\x84\xe3\x81\xa7\xe3\x81\x99\n", "bounce\nbob@example.jp failed - full" },
		{ "Russian, KOI8-R", HEAD("mailer-daemon@example.ru", "Mail failure") "Content-Type: text/plain; charset=koi8-r\n\n  bob@example.ru\n    \xf0\xcf\xcc\xd8\xda\xcf\xd7\xc1\xd4\xc5\xcc\xd8 \xce\xc5 \xce\xc1\xca\xc4\xc5\xce\n",
			"bounce\nbob@example.ru failed - dead-mailbox" },
		{ "Russian, full", HEAD("mailer-daemon@example.ru", "Mail failure") "Content-Type: text/plain; charset=utf-8\n\n  bob@example.ru\n    \xd0\x9f\xd0\xbe\xd1\x87\xd1\x82\xd0\xbe\xd0\xb2\xd1\x8b\xd0\xb9 \xd1\x8f\xd1\x89\xd0\xb8\xd0\xba "
			"\xd0\xbf\xd0\xb5\xd1\x80\xd0\xb5\xd0\xbf\xd0\xbe\xd0\xbb\xd0\xbd\xd0\xb5\xd0\xbd\n", "bounce\nbob@example.ru failed - full" },
		{ "Chinese, GB2312", HEAD("Postmaster@example.cn", "failure notice") "Content-Type: text/plain; charset=gb2312\n\n<bob@example.cn>:\n\xd3\xc3\xbb\xa7\xb2\xbb\xb4\xe6\xd4\xda\n", "bounce\nbob@example.cn failed - dead-mailbox" },
		{ "Spanish", HEAD("MAILER-DAEMON@mx.example.com", "Error de entrega") "Content-Type: text/plain; charset=utf-8\n\nbob@example.net\n    550 El usuario no existe\n", "bounce\nbob@example.net failed - dead-mailbox" },
		{ "Italian", HEAD("MAILER-DAEMON@mx.example.com", "Mancata consegna") "Content-Type: text/plain; charset=utf-8\n\nbob@example.net\n    550 utente sconosciuto\n", "bounce\nbob@example.net failed - dead-mailbox" },
		{ "Portuguese", HEAD("MAILER-DAEMON@mx.example.com", "Mensagem devolvida: failure notice") "Content-Type: text/plain; charset=utf-8\n\n<bob@example.net>:\nCaixa postal cheia\n", "bounce\nbob@example.net failed - full" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

static void test_others(void **state)
{
	static const struct report_row rows[] = {
		{ "ordinary mail", "From: Bob <bob@example.net>\nTo: birds@lists.example.org\nSubject: lunch\n\nSee you at noon.\n", "none" },
		{ "a person who quotes a report", "From: Bob <bob@example.net>\nTo: birds-owner@lists.example.org\nSubject: what is wrong?\n\nI got this:\n\n<carol@example.net>: 550 5.1.1 user unknown, could not be delivered\n", "none" },
		{ "a person who answers about a report", "From: Bob <bob@example.net>\nTo: birds@lists.example.org\nSubject: Re: [birds] Undelivered Mail Returned to Sender\n\nIt could not be delivered to\n\ncarol@example.net\n\nsince that user is unknown.\n",
			"none" },
		{ "a program that answers a post about a report", "From: Bob <bob@example.net>\nTo: birds@lists.example.org\nSubject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\n\nI am away.\n\nbob@example.net\n",
			"auto-reply\nbob@example.net - - auto-reply" },
		{ "held by a postmaster until it is confirmed", HEAD("postmaster@example.net", "Please confirm your message to bob@example.net") "\nYour message will not be delivered to\n\nbob@example.net\n\nunless you follow the link.\n",
			"auto-reply\npostmaster@example.net - - auto-reply" },
		{ "a message as attachment", "Return-Path: <bob@example.net>\nFrom: Bob <bob@example.net>\nSubject: have a look\nContent-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/plain\n\nlook\n--o\n"
			"Content-Type: message/rfc822\n\nFrom: MAILER-DAEMON@example.com\nSubject: Returned mail\n\n<carol@example.net>: user unknown\n--o--\n", "none" },
		{ "absence", "Return-Path: <>\nFrom: Bob <bob@example.net>\nSubject: Automatic reply: news\n\nI am away until Monday. My messages cannot be delivered to others.\n", "auto-reply\nbob@example.net - - auto-reply" },
		{ "absence by RFC 3834", "From: Bob <bob@example.net>\nSubject: Re: news\nAuto-Submitted: auto-replied\n\nBack soon.\n", "auto-reply\nbob@example.net - - auto-reply" },
		{ "absence in German", "From: Bob <bob@example.net>\nSubject: =?utf-8?q?Abwesenheitsnotiz=3A_Neues?=\n\nIch bin nicht da.\n", "auto-reply\nbob@example.net - - auto-reply" },
		{ "challenge", "From: Bob <bob@example.net>\nSubject: Please confirm your message\nX-TMDA-Fingerprint: abc\n\nReply to this mail.\n", "auto-reply\nbob@example.net - - auto-reply" },
		{ "receipt", "From: Bob <bob@example.net>\nSubject: Read: news\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nYour message was read.\n--b\n"
			"Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; bob@example.net\nDisposition: manual-action/MDN-sent-manually; displayed\n--b--\n", "auto-reply\nbob@example.net - - auto-reply" },
		{ "a quota, reported as a receipt (Dovecot)", "From: Mail Delivery Subsystem <postmaster@example.net>\nSubject: Automatically rejected mail\nAuto-Submitted: auto-replied (rejected)\n"
			"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nYour message to <bob@example.net> was automatically rejected:\nQuota exceeded\n--b\n"
			"Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; bob@example.net\nDisposition: automatic-action/MDN-sent-automatically; deleted\n--b--\n",
			"bounce\nbob@example.net failed - full" },
		{ "a reader's filter (Sieve)", "From: Mail Delivery Subsystem <postmaster@example.net>\nSubject: Automatically rejected mail\nAuto-Submitted: auto-replied (rejected)\n"
			"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nYour message to <bob@example.net> was automatically rejected:\nI read no news.\n--b\n"
			"Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; bob@example.net\nDisposition: automatic-action/MDN-sent-automatically; deleted\n--b--\n",
			"bounce\nbob@example.net failed - unknown" },
		{ "complaint", "From: fbl@example.net\nSubject: abuse\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
			"User-Agent: x/1\nVersion: 1\nOriginal-Rcpt-To: <bob@example.net>\nOriginal-Rcpt-To: carol@example.net\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <3@example.org>\n\nx\n--b--\n",
			"complaint\nbob@example.net - - complaint\ncarol@example.net - - complaint" },
		{ "complaint that hides the reader", "From: fbl@example.net\nSubject: abuse\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/feedback-report\n\n"
			"Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n--b--\n", "complaint\n- - - complaint" },
		{ "nothing", "", "none" },
		{ "one line", "x", "none" },
	};

	(void)state;
	check_rows(rows, COUNT(rows));
}

/* The parts of a verdict about the copy. */
static void test_copy(void **state)
{
	static const char message[] = HEAD("MAILER-DAEMON@mx.example.com", "Undelivered Mail Returned to Sender") REPORT "x\n" STATUS
		"X-Postfix-Sender: rfc822; birds-bounces@lists.example.org\n\nFinal-Recipient: rfc822; bob@example.net\nOriginal-Recipient: rfc822; rob@example.com\nAction: failed\nStatus: 5.1.1\n"
		"Remote-MTA: dns; MX.example.net\nDiagnostic-Code: smtp; 550-5.1.1 no\n 550 5.1.1 such user\n" RETURNED;
	struct patterns *patterns = shipped();
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct message m;
	struct verdict v;

	(void)state;
	assert_int_equal(message_parse(a, SPAN_LIT(message), &m, NULL), 0);
	verdict_of_message(a, patterns, &m, &v);
	assert_string_equal(v.original_message_id, "<1@example.org>");
	assert_string_equal(v.original_sender, "birds-bounces@lists.example.org");
	assert_true(v.original.ptr > message && v.original.ptr < message + sizeof(message));
	assert_true(span_starts_nocase(v.original, "From: ann@example.org\n"));
	assert_string_equal(v.rcpts[0].reply, "550-5.1.1 no 550 5.1.1 such user");
	assert_string_equal(v.rcpts[0].host, "mx.example.net");
	assert_string_equal(v.rcpts[0].original, "rob@example.com");
	arena_free(a);
	patterns_free(patterns);
}

/* Hostile: much of one kind. Each must be judged in well under a second. */

#define HOSTILE_BYTES ((size_t)10 << 20)

struct hostile_row { const char *name, *head, *unit; };

static double judge_secs(const struct patterns *patterns, struct span bytes, struct verdict *verdict_r, struct arena *a)
{
	struct timespec from, to;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	verdict_of_bytes(a, patterns, bytes, verdict_r);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void test_hostile(void **state)
{
	static const struct hostile_row rows[] = {
		{ "text", HEAD("MAILER-DAEMON@x.example", "Returned mail") "\n", "x" },
		{ "addresses", HEAD("MAILER-DAEMON@x.example", "Returned mail") "\n", "<a@b.c>: 550 no\n" },
		{ "sentences", HEAD("MAILER-DAEMON@x.example", "Returned mail") "\n", "x could not be delivered to a@b.c 550 no\n" },
		{ "at signs", HEAD("MAILER-DAEMON@x.example", "Returned mail") "\n", "@" },
		{ "quotes", HEAD("MAILER-DAEMON@x.example", "Returned mail") "\n", "\"@" },
		{ "codes with addresses", HEAD("MAILER-DAEMON@x.example", "Returned mail") "\n", "550 5.1.1 <a@b.c>... x\n" },
		{ "lines of the other side", HEAD("MAILER-DAEMON@x.example", "Returned mail") "\n", "<<< 550 no\n" },
		{ "parentheses", HEAD("MAILER-DAEMON@x.example", "Returned mail") "\na@b.c", " <a@b.c>" },
		{ "recipients", HEAD("MAILER-DAEMON@x.example", "Returned mail") "Content-Type: multipart/report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\n",
			"Final-Recipient: rfc822;a@b.c\nAction: failed\n\n" },
		{ "one recipient", HEAD("MAILER-DAEMON@x.example", "Returned mail") "Content-Type: multipart/report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822;a@b.c\nDiagnostic-Code: smtp;",
			" 550-5.1.1 user mailbox is the\n" },
		{ "HTML", HEAD("MAILER-DAEMON@x.example", "Returned mail") "Content-Type: text/html\n\n", "<style><" },
		{ "bare CRs", HEAD("MAILER-DAEMON@x.example", "Returned mail") "\n", "\r" },
		{ "parts", HEAD("MAILER-DAEMON@x.example", "Returned mail") "Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\nx\n" },
		{ "nested", HEAD("MAILER-DAEMON@x.example", "Returned mail") "", "Content-Type: message/rfc822\n\n" },
		{ "JSON", HEAD("MAILER-DAEMON@x.example", "Returned mail") "\n{\"notificationType\":", "[" },
		{ "escapes", HEAD("MAILER-DAEMON@x.example", "Returned mail") "Content-Type: text/plain; charset=iso-2022-jp\n\n", "\x1b$B" },
	};
	struct patterns *patterns = shipped();
	char *bytes = malloc(HOSTILE_BYTES);
	size_t bad = 0;

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
		size_t len = strlen(rows[i].head), unit = strlen(rows[i].unit);
		struct verdict v;
		double secs;

		memcpy(bytes, rows[i].head, len);
		for (; len + unit <= HOSTILE_BYTES; len += unit)
			memcpy(bytes + len, rows[i].unit, unit);
		secs = judge_secs(patterns, (struct span){ bytes, len }, &v, a);
		/* Sanitizers make it several times as slow. */
		if (secs > 2 || v.rcpt_count > VERDICT_RCPTS_MAX) {
			print_error("%s: %.3f s\n", rows[i].name, secs);
			bad++;
		}
		print_message("%s: %.3f s, %zu MB of memory\n", rows[i].name, secs, arena_used_bytes(a) >> 20);
		arena_free(a);
	}
	free(bytes);
	patterns_free(patterns);
	assert_int_equal(bad, 0);
}

/* Many recipients that differ: the limit holds, and says so. */
static void test_many_recipients(void **state)
{
	struct patterns *patterns = shipped();
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	char *bytes = malloc((size_t)1 << 20);
	size_t len;
	struct verdict v;

	(void)state;
	assert_non_null(bytes);
	len = (size_t)snprintf(bytes, 4096, "%s", HEAD("MAILER-DAEMON@x.example", "Returned mail") "Content-Type: multipart/report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\n");
	for (unsigned i = 0; i < 3000; i++)
		len += (size_t)snprintf(bytes + len, 128, "Final-Recipient: rfc822;r%u@b.c\nAction: failed\n\n", i);
	verdict_of_bytes(a, patterns, (struct span){ bytes, len }, &v);
	assert_int_equal(v.rcpt_count, VERDICT_RCPTS_MAX);
	assert_true(v.is_cut);
	free(bytes);
	arena_free(a);
	patterns_free(patterns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_standard), cmocka_unit_test(test_words), cmocka_unit_test(test_servers), cmocka_unit_test(test_languages), cmocka_unit_test(test_others), cmocka_unit_test(test_copy),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_many_recipients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
