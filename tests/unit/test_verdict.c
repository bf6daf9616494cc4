/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict_of_reply with conf/bounce.patterns as it is shipped: what receivers say, and its class. */
#include "tests/unit/check.h"

#include "listd/bounce/verdict.h"

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

struct reply_row { const char *host; int code; const char *text; enum bounce_class want; };

static void check_replies(const struct reply_row *rows, size_t count)
{
	struct patterns *patterns = shipped();
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	size_t bad = 0;

	for (size_t i = 0; i < count; i++) {
		struct verdict_rcpt r;

		verdict_of_reply(a, patterns, rows[i].code, rows[i].text, rows[i].host, &r);
		if (r.class == rows[i].want && r.counts == bounce_class_rows[rows[i].want].counts)
			continue;
		print_error("%s: %s, not %s (%s)\n", rows[i].text, bounce_class_rows[r.class].name, bounce_class_rows[rows[i].want].name, r.by);
		bad++;
	}
	arena_free(a);
	patterns_free(patterns);
	assert_int_equal(bad, 0);
}

/* Refusals for the author's DMARC policy. */
static void test_dmarc(void **state)
{
	static const struct reply_row rows[] = {
		{ "", 0, "550-5.7.26 Unauthenticated email from example.org is not accepted due to\n550-5.7.26 domain's DMARC policy. Please contact the administrator of\n"
			"550-5.7.26 example.org domain if this was a legitimate mail. To learn about the\n550 5.7.26 DMARC initiative, go to https://support.google.com/mail/?p=DmarcRejection a1 - gsmtp",
			BOUNCE_POLICY_DMARC },
		{ "", 0, "550-5.7.1 Unauthenticated email from example.org is not accepted due to domain's 550-5.7.1 policy. https://support.google.com/mail/answer/2451690 "
			"550 5.7.1 to learn about the DMARC initiative.", BOUNCE_POLICY_DMARC },
		{ "", 0, "550-5.7.26 Unauthenticated email from example.org is not accepted due to domain's policy 550 5.7.26 https://support.google.com/mail/?p=DmarcRejection", BOUNCE_POLICY_DMARC },
		{ "", 0, "451-4.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy, but temporary DNS failures prevent authentication", BOUNCE_POLICY_DMARC },
		{ "", 0, "554 5.7.9 Message not accepted for policy reasons. See https://senders.yahooinc.com/error-codes", BOUNCE_POLICY_DMARC },
		{ "", 0, "554 5.7.9 Message not accepted for policy reasons.  See https://postmaster.verizonmedia.com/error-codes", BOUNCE_POLICY_DMARC },
		{ "mta5.am0.yahoodns.net", 0, "554 5.7.9 Rejected", BOUNCE_POLICY_DMARC },
		{ "", 0, "554 5.7.1 (DMARC: the sending domain asks for this)", BOUNCE_POLICY_DMARC },
		{ "", 0, "554 Message not allowed - DM Email not accepted for policy reasons. Please visit https://www.yahoo-help.jp/app/answers/detail/a_id/80870/p/622 [895]", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.509 Access denied, sending domain [EXAMPLE.ORG] does not pass DMARC verification and has a DMARC policy of reject.", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.509 Access denied, sending domain EXAMPLE.ORG does not pass verification", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.515 Access denied, sending domain EXAMPLE.ORG doesn't meet the required authentication level. The sender's domain in the 5322.From address doesn't meet the "
			"authentication requirements defined for the sender. Spf= Fail , Dkim= Pass , DMARC= Fail", BOUNCE_POLICY_DMARC },
		{ "", 0, "554 5.7.1 Your message was rejected due to example.org's DMARC policy. See https://support.apple.com/en-us/HT204137 for info", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.2.0 aaaa Message rejected due to DMARC. Please see https://postmaster.comcast.net/smtp-error-codes.php#DM000001", BOUNCE_POLICY_DMARC },
		{ "", 0, "552 5.2.0 aaaa Message rejected due to DMARC Policy Enforcement. Please see http://postmaster.comcast.net/smtp-error-codes.php#ODM00001", BOUNCE_POLICY_DMARC },
		{ "", 0, "554-Transaction failed\n554-Reject due to domain's DMARC policy\n554 For explanation visit https://postmaster.gmx.net/en/error-messages?ip=192.0.2.1&c=r2001", BOUNCE_POLICY_DMARC },
		{ "", 0, "554-Transaction failed\n554-Reject due to policy restrictions.\n554 For explanation visit https://postmaster.1und1.de/case?c=r2001&i=ip&v=192.0.2.1", BOUNCE_POLICY_DMARC },
		{ "", 554, "Transaction failed Reject due to domain's DMARC policy.", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.1 This message was not accepted due to domain (example.org) owner DMARC policy (RFC 7489) https://help.mail.ru/mail-help/postmaster/dmarc", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.1 Email rejected per DMARC policy for example.org", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.0 Email rejected per sender's DMARC policy", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.26 <ann@example.net>: ETP205 DMARC Failure for domain", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.1 Email rejected per DMARC policy for example.org (G15)", BOUNCE_POLICY_DMARC },
		{ "", 0, "450 4.4.0 <ann@example.net> Temporary DMARC DNS lookup failure (G1E)", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 DMARC check failed. http://service.mail.qq.com/cgi-bin/help?subtype=1&&no=1001508&&id=16.", BOUNCE_POLICY_DMARC },
		{ "", 0, "501 5.0.2 Mail rejected. DMARC check failed.", BOUNCE_POLICY_DMARC },
		{ "", 0, "571 5.7.1 Message refused, DMARC verification Failed. - Message refuse, verification DMARC en echec LPN007_517", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.0 DMARC policy violation", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 DMARC Sender Invalid - envelope rejected - https://community.mimecast.com/docs/DOC-1369#550", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 Rejected by header based Anti-Spoofing policy: ann@example.org - https://community.mimecast.com/docs/DOC-1369#550", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 #5.7.1 DMARC unauthenticated mail is prohibited.", BOUNCE_POLICY_DMARC },
		{ "", 0, "451 #4.7.1 Unable to perform DMARC verification.", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.1 rejected by DMARC policy for example.org", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 Message from example.org failed sender's DMARC policy, REJECT", BOUNCE_POLICY_DMARC },
		{ "", 0, "554 5.7.1 Action set by DMARC", BOUNCE_POLICY_DMARC },
		{ "", 0, "554 5.7.1 Email rejected per DMARC policy", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.7.1 this message failed dmarc evaluation of domain example.org", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.1.1 Message rejected due to senders DMARC policy", BOUNCE_POLICY_DMARC },
		{ "", 0, "550 5.1.1 User unknown; DMARC policy of example.org", BOUNCE_POLICY_DMARC },
	};

	(void)state;
	check_replies(rows, COUNT(rows));
}

/* Our own authentication. */
static void test_auth(void **state)
{
	static const struct reply_row rows[] = {
		{ "", 0, "550-5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM. Authentication results: "
			"DKIM = did not pass SPF [relay.example.org] with ip: [192.0.2.22] = did not pass", BOUNCE_POLICY_AUTH },
		{ "", 0, "550 5.7.9 This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders to authenticate with either SPF or DKIM.", BOUNCE_POLICY_AUTH },
		{ "", 0, "554 5.7.1 [HME1] This message was blocked for failing both SPF and DKIM authentication checks. See https://support.apple.com/en-us/HT204137", BOUNCE_POLICY_AUTH },
		{ "", 0, "550 5.7.515 Access denied, sending domain EXAMPLE.ORG doesn't meet the required authentication level. Spf= Fail , Dkim= Pass , DMARC= Pass", BOUNCE_POLICY_AUTH },
		{ "", 0, "421-4.7.32 This mail has been rate limited because there is no DMARC alignment. 421 4.7.32 https://support.google.com/mail/answer/81126", BOUNCE_POLICY_AUTH },
		{ "", 0, "421 4.7.26 This mail has been rate limited because it is unauthenticated.", BOUNCE_POLICY_AUTH },
		{ "", 0, "421 4.7.27 This mail has been rate limited because SPF does not pass.", BOUNCE_POLICY_AUTH },
		{ "", 0, "421 4.7.29 This mail has been rate limited because it was not sent over a TLS connection.", BOUNCE_POLICY_AUTH },
		{ "", 0, "421 4.7.30 This mail has been rate limited because DKIM does not pass.", BOUNCE_POLICY_AUTH },
		{ "", 0, "421 4.7.40 This mail has been rate limited.", BOUNCE_POLICY_AUTH },
		{ "", 0, "550 5.7.25 The IP address sending this message does not have a PTR record setup.", BOUNCE_POLICY_AUTH },
		{ "", 0, "550 5.7.27 This mail has been blocked", BOUNCE_POLICY_AUTH },
		{ "", 0, "550 5.7.20 No passing DKIM signature found", BOUNCE_POLICY_AUTH },
		{ "", 0, "550 5.7.23 <ann@example.net>: Recipient address rejected: Message rejected due to: SPF fail - not authorized", BOUNCE_POLICY_AUTH },
		{ "", 0, "550 5.7.26 <ann@example.net>: Recipient address rejected: Multiple authentication checks failed", BOUNCE_POLICY_AUTH },
		{ "", 0, "550-5.7.1 [192.0.2.1] Messages with multiple 550 5.7.1 addresses in From: header are not accepted. a1 - gsmtp", BOUNCE_POLICY_AUTH },
		{ "", 0, "554 Transaction failed Duplicate header 'DKIM-Signature'", BOUNCE_POLICY_AUTH },
		{ "", 0, "554-Transaction failed 554 Reject due to SPF policy", BOUNCE_POLICY_AUTH },
		{ "", 0, "550 Bad SPF records for [example.org:192.0.2.2], see http://spf.pobox.com/", BOUNCE_POLICY_AUTH },
		{ "", 0, "550 5.7.1 Message rejected per sender's SPF policy - OXSUS001_514", BOUNCE_POLICY_AUTH },
		{ "", 0, "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", BOUNCE_POLICY_AUTH },
		{ "", 0, "450 4.7.1 <mail.example.org>: Helo command rejected: Host not found", BOUNCE_POLICY_AUTH },
		{ "", 0, "553 5.1.8 <list-bounces@example.org>... Domain of sender address list-bounces@example.org does not exist", BOUNCE_POLICY_AUTH },
		{ "", 0, "550 Sender verify failed", BOUNCE_POLICY_AUTH },
	};

	(void)state;
	check_replies(rows, COUNT(rows));
}

/* The mailbox; codes that say something else do not matter. */
static void test_mailbox(void **state)
{
	static const struct reply_row rows[] = {
		{ "", 0, "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's email address for typos or\n550 5.1.1 unnecessary "
			"spaces. Learn more at https://support.google.com/mail/?p=NoSuchUser a1 - gsmtp", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550-5.2.1 The email account that you tried to reach is inactive. Learn more at 550 5.2.1 https://support.google.com/mail/?p=DisabledUser a1 - gsmtp", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "554 delivery error: dd This user doesn't have a yahoo.com account (ann@yahoo.com) [0] - mta1.example.com", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [BL2NAM02FT061.eop-nam02.prod.protection.outlook.com]", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.1.1 <ann@icloud.com>: user does not exist", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.1.1 Not our Customer", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550-Requested action not taken: mailbox unavailable 550 For explanation visit https://postmaster.gmx.net/en/error-messages?ip=192.0.2.1&c=mx", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.7.1 <ann@sfr.fr>: Recipient address rejected: User unknown", BOUNCE_DEAD_MAILBOX },
		{ "", 550, "User unknown", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "450 4.2.2 The email account that you tried to reach is over quota. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaTemp", BOUNCE_FULL },
		{ "", 0, "452 4.2.2 The recipient's inbox is out of storage space and inactive. Please direct the recipient to https://support.google.com/mail/?p=OverQuotaTemp", BOUNCE_FULL },
		{ "", 0, "552 5.2.2 The recipient's inbox is out of storage space.", BOUNCE_FULL },
		{ "", 0, "552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]", BOUNCE_FULL },
		{ "", 0, "552 5.2.2 over quota", BOUNCE_FULL },
		{ "", 0, "550 5.7.1 Our system has detected that this message is likely unsolicited mail.", BOUNCE_SPAM },
		{ "", 0, "421-4.7.0 [192.0.2.1 15] Our system has detected that this message is suspicious due to the very low reputation of the sending IP address.", BOUNCE_SPAM },
		{ "", 0, "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).", BOUNCE_SPAM },
		{ "", 0, "550 5.7.606 Access denied, banned sending IP [192.0.2.1]", BOUNCE_SPAM },
		{ "", 0, "550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward this message to delist@messaging.microsoft.com.", BOUNCE_SPAM },
		{ "", 0, "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1", BOUNCE_RATE },
		{ "", 0, "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list", BOUNCE_SPAM },
		{ "", 0, "554 Message not allowed - [PH01] Email not accepted for policy reasons. Please visit https://postmaster.yahooinc.com/error-codes", BOUNCE_SPAM },
		{ "", 0, "421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address.", BOUNCE_RATE },
		{ "", 0, "450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a later time.", BOUNCE_RATE },
		{ "", 0, "550-5.2.1 The user you are trying to contact is receiving mail at a rate that 550-5.2.1 prevents additional messages from being delivered.", BOUNCE_RATE },
		{ "", 0, "421 4.1.0 192.0.2.1 Throttled. Please see https://postmaster.comcast.net/smtp-error-codes.php#RL000003", BOUNCE_RATE },
		{ "", 0, "451 4.7.650 The mail server [192.0.2.25] has been temporarily rate limited due to IP reputation.", BOUNCE_RATE },
		{ "", 0, "451 MI:DMC 163 smtp5, too many mails sent in a connection", BOUNCE_RATE },
		{ "", 0, "450 MI:DMC 126 smtp1,a1 1700000000", BOUNCE_RATE },
		{ "", 0, "552-5.7.0 This message was blocked because its content presents a potential security issue.", BOUNCE_CONTENT },
		{ "", 0, "552 5.3.4 Message size exceeds fixed limit", BOUNCE_CONTENT },
		{ "", 0, "521 Block permanently (Sender Filtering/Authentication)", BOUNCE_UNKNOWN },
		{ "", 0, "554 5.7.1 Spam message rejected", BOUNCE_SPAM },
		{ "", 0, "554 Transaction failed", BOUNCE_UNKNOWN },
		{ "", 0, "250 2.0.0 Ok: queued", BOUNCE_DELIVERED },
	};

	(void)state;
	check_replies(rows, COUNT(rows));
}

/* Other servers' words, and other languages. */
static void test_more(void **state)
{
	static const struct reply_row rows[] = {
		{ "", 0, "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 The recipient may contain a non-existent account, please check the recipient address.", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 Recipient email address is possibly incorrect", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 #5.1.0 Address rejected.", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "554 30 Sorry, your message to ann@example.net cannot be delivered. This mailbox is disabled (554.30).", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.1.1 RCP-P1 https://postmaster.facebook.com/response_codes Refused: no such recipient", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 Mailbox is frozen. See http://mail.i.ua/err/3/", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.2.1 <ann@example.net>... Mailbox disabled for this recipient", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.7.17 Mailbox owner has changed", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "556 5.1.10 Recipient address has null MX", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "551 5.1.6 User has moved; please try <ann@example.com>", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 Unrouteable address", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 unknown user", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 <ann@example.net>: Recipient address rejected. (in reply to RCPT TO command)", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.1.1 sorry, no mailbox here by that name (#5.7.17)", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "553 sorry, this recipient is not in my validrcptto list (#5.7.1)", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "554 5.7.1 sorry, your envelope recipient has been denied", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "554 nobody by that name", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "554 the user's space has been used up", BOUNCE_FULL },
		{ "", 0, "554 user has too many messages on the server", BOUNCE_FULL },
		{ "", 0, "550 Benutzer unbekannt", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.1.1 Empf\xc3\xa4nger existiert nicht", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.5.0 Adresse destinataire invalide. Invalid recipient. LPN007_416", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 El usuario no existe en el servidor", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 Usu\xc3\xa1rio desconhecido", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 5.1.1 utente inesistente", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 U\xc5\xbcytkownik nie istnieje", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 \xd0\x9f\xd0\xbe\xd0\xbb\xd1\x8c\xd0\xb7\xd0\xbe\xd0\xb2\xd0\xb0\xd1\x82\xd0\xb5\xd0\xbb\xd1\x8c \xd0\xbd\xd0\xb5 \xd0\xbd\xd0\xb0\xd0\xb9\xd0\xb4\xd0\xb5\xd0\xbd", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 \xe5\xae\x9b\xe5\x85\x88\xe4\xb8\x8d\xe6\x98\x8e", BOUNCE_DEAD_MAILBOX },
		{ "", 0, "550 Postfach voll", BOUNCE_FULL },
		{ "", 0, "452 4.2.2 Mailbox full", BOUNCE_FULL },
		{ "", 0, "552 5.7.1 <ann@example.net>: Quota exceeded", BOUNCE_FULL },
		{ "", 0, "552 Requested mail action aborted: exceeded storage allocation", BOUNCE_FULL },
		{ "", 0, "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", BOUNCE_FULL },
		{ "", 0, "552 5.2.3 Message length exceeds administrative limit", BOUNCE_CONTENT },
		{ "", 0, "552 5.2.3 Message exceeds maximum size for this mailbox", BOUNCE_CONTENT },
		{ "", 0, "553 5.6.7 SMTPUTF8 is required, but was not offered by host", BOUNCE_CONTENT },
		{ "", 0, "550 5.7.0 Virus detected", BOUNCE_CONTENT },
		{ "", 0, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", BOUNCE_SPAM },
		{ "", 0, "550 csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550", BOUNCE_SPAM },
		{ "", 0, "550 High probability of spam", BOUNCE_SPAM },
		{ "", 0, "450 4.7.1 <ann@example.net>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/", BOUNCE_SPAM },
		{ "", 0, "550 5.4.5 Daily user sending quota exceeded.", BOUNCE_RATE },
		{ "", 0, "451 4.3.2 Please try again later, too many connections", BOUNCE_RATE },
		{ "", 0, "452 4.5.3 Too many recipients", BOUNCE_RATE },
		{ "", 0, "550 5.2.122 The recipient has exceeded their limit for the number of messages they can receive per hour.", BOUNCE_RATE },
		{ "", 0, "550 Sender frequency limited", BOUNCE_RATE },
		{ "", 0, "450 4.2.0 Mailbox temporarily locked", BOUNCE_NETWORK },
		{ "", 0, "451 4.3.0 Temporary lookup failure", BOUNCE_NETWORK },
		{ "", 0, "421 4.4.2 Connection timed out", BOUNCE_NETWORK },
		{ "", 0, "454 4.7.1 <ann@example.net>: Relay access denied", BOUNCE_NETWORK },
		{ "", 0, "554 5.4.6 Too many hops", BOUNCE_NETWORK },
		{ "", 0, "452 4.3.1 Insufficient system storage", BOUNCE_NETWORK },
		{ "", 0, "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required", BOUNCE_UNKNOWN },
		{ "", 0, "550 5.7.1 Command rejected", BOUNCE_UNKNOWN },
		{ "", 0, "550 Administrative prohibition", BOUNCE_UNKNOWN },
		{ "", 0, "500 5.5.2 Error: bad syntax", BOUNCE_UNKNOWN },
		{ "", 0, "", BOUNCE_UNKNOWN },
	};

	(void)state;
	check_replies(rows, COUNT(rows));
}

/* What else a verdict on a reply holds. */
static void test_parts(void **state)
{
	struct patterns *patterns = shipped(), *none = patterns_new();
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct verdict_rcpt r;
	static char text[VERDICT_REPLY_MAX_BYTES * 2];

	(void)state;
	verdict_of_reply(a, patterns, 0, "452-4.2.2 The mailbox\r\n452 4.2.2  is full\r\n", "mx.example.net", &r);
	assert_string_equal(r.reply, "452-4.2.2 The mailbox 452 4.2.2 is full");
	assert_string_equal(r.status, "4.2.2");
	assert_string_equal(r.action, "delayed");
	assert_string_equal(r.host, "mx.example.net");
	assert_string_equal(r.recipient, "");
	assert_true(r.counts);
	verdict_of_reply(a, patterns, 550, "user unknown", "", &r);
	assert_string_equal(r.reply, "550 user unknown");
	assert_string_equal(r.action, "failed");
	verdict_of_reply(a, patterns, 550, "xyzzy", "", &r);
	assert_string_equal(r.by, "550");
	verdict_of_reply(a, patterns, 0, "550 5.6.2 xyzzy", "", &r);
	assert_string_equal(r.by, "5.6.2");
	/* Without rows only what an enhanced code says counts. */
	verdict_of_reply(a, none, 0, "550 DMARC check failed", "", &r);
	assert_int_equal(r.class, BOUNCE_UNKNOWN);
	verdict_of_reply(a, none, 0, "550 5.1.1 xyzzy", "", &r);
	assert_int_equal(r.class, BOUNCE_DEAD_MAILBOX);
	/* Cut at its limit, never within a character. */
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	verdict_of_reply(a, patterns, 550, text, "", &r);
	assert_true(strlen(r.reply) <= VERDICT_REPLY_MAX_BYTES + 4);
	assert_true((unsigned char)r.reply[strlen(r.reply) - 1] == 0xa4);
	arena_free(a);
	patterns_free(none);
	patterns_free(patterns);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_dmarc), cmocka_unit_test(test_auth), cmocka_unit_test(test_mailbox), cmocka_unit_test(test_more), cmocka_unit_test(test_parts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
