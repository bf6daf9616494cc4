/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/verdict_int.h"

#include <string.h>

/* A line that holds one of these begins the copy of what is returned. Each was seen in reports of the server named. */
static const char *const end_marks[] = {
	"below this line is a copy", "below the next line is a copy",                        /* qmail and its kin, newmail.ru */
	"is a copy of the message", "is a copy of your message", "enclosed is a copy", "included is a copy", /* Exim, qmail with MIME, MX Logic */
	"copy of the original message", "copy of message follows", "below is a copy of",     /* Earthlink, OpenSMTPD */
	"original message follow", "original message header", "----- original message", "---original message", /* IMail, Exchange, Google, m-FILTER */
	"original message as received", "original message attached", "original message text follows",
	"original message is attached", /* LLNL, HotPOP */
	"unsent message follow", "unsent message below", "undelivered message follow", "undelivered message you sent", /* sendmail 5, MDaemon */
	"- returned message", "returned mail follows", "returned message follow", "start of returned message", "start of original message", /* Notes, usa.net, Demon */
	"message header follow", "message headers follow", "header of the original message", "headers of the original message", "message header is", /* DragonFly, 1&1 */
	"message text follows", "- forwarded message", "old message:", "your message reads", "lines of your original message", /* Smail, Yahoo, SMTPSVC, Dado */
	"sent message follow", "----original message", "original message content", "message contents follow",
	"原信件", "原始邮件", "копия сообщения", "копия вашего", "copia del mensaje", "copie du message", "kopie der nachricht", "kopie ihrer nachricht",
};

/* Or it begins with the header of what is returned, without more ado. */
static const char *const end_fields[] = { "Received:", "Return-Path:", "DKIM-Signature:", "X-Received:", "Delivered-To:", "ARC-Seal:", ">Received:", ">Return-Path:" };

/* Not given up yet. */
static const char *const delayed_phrases[] = {
	"warning message only", "this is a warning only", "only a temporary failure report", "has been delayed", "is delayed for more than", "still being retried",
	"will be retried", "will keep trying", "will continue trying", "will continue to try", "will continue to be made", "keep trying to deliver", "has been postponed",
	"could not send message for past", "could not send mail for past", "not yet been delivered", "not yet received your message", "notification about a delay",
	"message still undelivered", "delivery delayed", "delayed mail", "message delayed", "delivery status notification (delay", "delivery status notification: delayed",
	"delivery status notification: warning", "advisory-only email", "will be tried again", "will try again", "noch nicht zugestellt", "verzögert", "retardé", "отложен",
};

/* Given up, whatever else is said. */
static const char *const final_phrases[] = {
	"permanent error", "permanent fatal error", "failed permanently", "given up", "giving up", "not going to try again", "will be deleted from queue", "returned to sender",
};

/* Something was not delivered. */
static const char *const failed_phrases[] = {
	"undeliver", "deliverable", "delivery fail", "delivery has failed", "delivery status", "delivery notification", "delivery report", "delivery problem", "delivery warning",
	"delivery error", "failure notice", "failed delivery", "failed mail", "failure delivery", "returned mail", "returned to sender", "returning message", "mail returned",
	"non-delivery", "non delivery", "nondelivery", "not be delivered", "n't be delivered", "not delivered", "not been delivered", "cannot be delivered", "unable to deliver",
	"wasn't able to deliver", "could not deliver", "couldn't deliver", "delivery of email", "mail system error", "user unknown", "unknown user", "mail failure", "mail rejected",
	"rejected mail", "was rejected", "automatically rejected", "message blocked", "delayed mail", "message delayed", "could not send", "cannot send", "fatal errors",
	"delivery errors", "transcript of session", "did not reach", "not reach the following", "could not be reached", "invalid user address",
	"invalid final delivery", "failed to send", "[bounce]", "error sending", "trouble delivering", "kan inte leverer", "kan ikke lever", "kunne ikke lever",
	"not a member of this mailing list", "could not be sent", "mail delivery", "delivery attempts", "loop alert",
	"unzustellbar", "nicht zugestellt", "unbestellbar", "non remis", "non distribu",
	"échec", "no se ha podido entregar", "no pudo ser entregado", "error de entrega", "não foi entregue", "mancata consegna",
	"недоставлен", "не доставлен", "не может быть доставлен",
	"送信できません", "配信できません", "届けできません", "配信不能", "无法发送", "退信", "無法投遞",
};

size_t report_find(struct span text, const char *what)
{
	size_t len = strlen(what);
	char first = ascii_lower(what[0]);

	for (size_t i = 0; i + len <= text.len; i++)
		if (ascii_lower(text.ptr[i]) == first && span_eq_nocase((struct span){ text.ptr + i, len }, (struct span){ what, len }))
			return i;
	return text.len;
}

static bool holds_one(struct span text, const char *const *phrases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (report_find(text, phrases[i]) < text.len)
			return true;
	return false;
}

#define HOLDS_ONE(text, phrases) holds_one(text, phrases, sizeof(phrases) / sizeof(phrases[0]))

bool report_says_delayed(struct span text)
{
	return HOLDS_ONE(text, delayed_phrases);
}

bool report_says_final(struct span text)
{
	return HOLDS_ONE(text, final_phrases);
}

bool report_says_failed(struct span text)
{
	return HOLDS_ONE(text, failed_phrases);
}

/* Marks are short lines; a long one is a sentence that only speaks of the copy. */
bool report_is_end(struct span line)
{
	if (line.len == 0 || line.len > 160)
		return false;
	for (size_t i = 0; i < sizeof(end_fields) / sizeof(end_fields[0]); i++)
		if (span_starts_nocase(line, end_fields[i]))
			return true;
	return HOLDS_ONE(line, end_marks);
}

static struct span without_tail(struct span line)
{
	while (line.len > 0 && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t' || line.ptr[line.len - 1] == '\r'))
		line.len--;
	return line;
}

void report_lines(struct report *report, struct report_lines *lines_r)
{
	struct span rest = report->text, line;
	size_t cap = 0;

	*lines_r = (struct report_lines){ 0 };
	while (span_next(&rest, '\n', &line)) {
		line = without_tail(line);
		if (report_is_end(line))
			break;
		*(struct span *)arena_grow(report->arena, &lines_r->items, &cap, lines_r->count, sizeof(line)) = line;
		lines_r->count++;
	}
}

/* Addresses. */

static bool is_atext(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 || (c != '\0' && strchr("!#$%&'*+-./=?^_`{|}~", c) != NULL);
}

static bool is_domain_octet(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 || c == '.' || c == '-' || c == '_';
}

/* Behind a local part that begins at an offset; the offset itself where there is none. */
static size_t local_end(struct span line, size_t at)
{
	size_t i = at;

	if (i < line.len && line.ptr[i] == '"') {
		for (i++; i < line.len && line.ptr[i] != '"'; i++)
			i += line.ptr[i] == '\\';
		return i < line.len ? i + 1 : at;
	}
	while (i < line.len && is_atext((unsigned char)line.ptr[i]))
		i++;
	return i;
}

struct span report_address_at(struct span line, size_t at, size_t *end_r)
{
	size_t i = local_end(line, at), start;

	if (i == at || i >= line.len || line.ptr[i] != '@')
		return (struct span){ NULL, 0 };
	start = ++i;
	if (i < line.len && line.ptr[i] == '[') {
		while (i < line.len && line.ptr[i] != ']')
			i++;
		i += i < line.len;
	} else {
		while (i < line.len && is_domain_octet((unsigned char)line.ptr[i]))
			i++;
		while (i > start && (line.ptr[i - 1] == '.' || line.ptr[i - 1] == '-'))
			i--;
	}
	if (i == start || i - at > 254 + 64)
		return (struct span){ NULL, 0 };
	*end_r = i;
	return span_sub(line, at, i - at);
}

struct span report_next_address(struct span line, size_t *at)
{
	while (*at < line.len) {
		size_t sign = *at + span_find_byte(span_sub(line, *at, line.len), '@'), start = sign, end = 0;
		struct span found;

		if (sign >= line.len)
			break;
		if (start > *at && line.ptr[start - 1] == '"') {
			for (start--; start > *at && line.ptr[start - 1] != '"'; start--)
				;
			start -= start > *at;
		} else {
			while (start > *at && is_atext((unsigned char)line.ptr[start - 1]))
				start--;
		}
		while (start < sign && strchr("'*=/", line.ptr[start]) != NULL)
			start++;
		found = report_address_at(line, start, &end);
		*at = found.len > 0 ? end : sign + 1;
		if (found.len > 0)
			return found;
	}
	*at = line.len;
	return (struct span){ NULL, 0 };
}
