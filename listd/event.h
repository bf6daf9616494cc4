/* SPDX-License-Identifier: BSD-2-Clause */
/* Every kind of log line, as rows: name, level, what it tells (the manual page is made from this table). */
#ifndef LISTD_EVENT_H
#define LISTD_EVENT_H

#include "mail/log.h"

#define EVENT_ROWS \
	ROW(STARTED, "started", INFO, "the daemon is up: version, lists, members, pid") \
	ROW(STOPPED, "stopped", INFO, "the daemon ended in good order") \
	ROW(RELOADED, "reloaded", INFO, "settings were read again") \
	ROW(RELOAD_FAILED, "reload-failed", ERROR, "settings could not be read; the old ones stay in force") \
	ROW(SESSION, "lmtp-session", DEBUG, "an LMTP session ended: peer, messages, refused") \
	ROW(SESSION_FAULT, "lmtp-fault", WARNING, "a session was ended for a fault of the client or of the connection") \
	ROW(ACCEPTED, "accepted", INFO, "a message is on disk and was answered 250: id, from, to, size, ms") \
	ROW(REFUSED, "refused", INFO, "a message or recipient was refused: id, list, stage, code, text") \
	ROW(HELD, "held", INFO, "a post waits for a moderator: id, list, reason") \
	ROW(DISCARDED, "discarded", INFO, "a message was dropped by a rule of the list or as a duplicate: id, list, reason") \
	ROW(REJECTED, "rejected", INFO, "a moderator refused a held post: id, list, to (the author who is told, if he is), reason") \
	ROW(FACTS, "facts", INFO, "what authentication found: id, list, spf, dkim, arc, dmarc, author_domain, policy") \
	ROW(CHOSEN, "chosen", INFO, "the strategy for a receiver class: id, list, receiver, strategy, recipients, reason") \
	ROW(PROOF_FAILED, "proof-failed", WARNING, "a form did not hold and was not sent: id, list, strategy, reason") \
	ROW(COMMITTED, "committed", INFO, "forms and recipients are queued: id, list, forms, recipients, ms") \
	ROW(FORWARDED, "forwarded", INFO, "mail to an author alias was passed on: id, list") \
	ROW(DELIVERED, "delivered", INFO, "a form was taken by the relay: id, list, form, recipients, ms") \
	ROW(RCPT_REFUSED, "recipient-refused", WARNING, "the relay refused a recipient for good: id, list, to, reply") \
	ROW(SECOND_FORM, "second-form", INFO, "copies refused for DMARC are sent again in a stronger form: id, of, list, refused, recipients, reply") \
	ROW(SECOND_NONE, "second-none", WARNING, "a copy refused for DMARC is not sent again: of, list, to, refused, reason") \
	ROW(LEARNT, "learnt", WARNING, "a refusal changes what is known of a receiver or an author's domain: kind, name, what, reply") \
	ROW(TRIAL, "trial", INFO, "one copy tries a form that was refused before: id, list, receiver, strategy, to") \
	ROW(ALLOWLIST_CHANGED, "allowlist-changed", INFO, "the site's allowlist was changed: what, kind, name, user") \
	ROW(BOUNCE, "bounce", INFO, "a refusal, or a report that came back, and what it is about: list, to, post, source, class, receiver, reply") \
	ROW(BOUNCE_IGNORED, "bounce-ignored", INFO, "mail to a bounce address that changes nothing: list, id, reason") \
	ROW(BURST, "burst", WARNING, "one post came back from so many of a receiver's subscribers that it counts against none: list, post, receiver, bounced, subscribers") \
	ROW(TALLY, "tally", INFO, "a step with a subscriber whose mail comes back: list, member, step (probe, suspend, warn, remove, restore, forget), reason") \
	ROW(COMPLAINT, "complaint", INFO, "a reader marked a copy as spam: list, member, done") \
	ROW(COMES_BACK, "comes-back", INFO, "a suspended subscriber wants posts again: list, member") \
	ROW(AUTH_ALARM, "own-authentication", ERROR, "a receiver refuses our mail because SPF, DKIM or reverse DNS of this server is at fault: receiver, list, reply") \
	ROW(NOTICE, "notice", INFO, "a message of the list's own is queued: id, list, to, kind") \
	ROW(DEFERRED, "deferred", WARNING, "recipients are tried again later: id, list, recipients, reply, next") \
	ROW(EXPIRED, "expired", WARNING, "recipients were given up after queue-life: id, list, recipients, reply") \
	ROW(RELAY_AWAY, "relay-away", WARNING, "the relay cannot be reached; mail stays queued") \
	ROW(RELAY_BACK, "relay-back", INFO, "the relay takes mail again") \
	ROW(SPOOL_DAMAGED, "spool-damaged", ERROR, "a spool file could not be read and was put aside: file, reason") \
	ROW(WORK_ABANDONED, "work-abandoned", ERROR, "a message made the process fail three times, or was there at fifteen ends, and was put aside: file") \
	ROW(STORE_FAULT, "store-fault", ERROR, "the store refused an operation: operation, reason") \
	ROW(DISK_FULL, "disk-full", ERROR, "no space to accept mail; answered 452") \
	ROW(DISK_BACK, "disk-back", INFO, "there is space again") \
	ROW(KEY_NOT_PUBLISHED, "key-not-published", WARNING, "DNS has no record of a signing key: publish it (listctl key show)") \
	ROW(KEY_DIFFERS, "key-differs", ERROR, "DNS has another key than the one in use: domain, selector") \
	ROW(CONTROL, "control", INFO, "a change made through listctl: command, user") \
	ROW(LIST_CHANGED, "list-changed", INFO, "a list was made, changed, renamed or deleted: list, what") \
	ROW(MEMBER_CHANGED, "member-changed", INFO, "members were added, changed or removed: list, what, count") \
	ROW(PASSED, "milter-passed", INFO, "the milter let mail for lists go on: id of the mail server, from, lists, client, dmarc, by, ms") \
	ROW(RCPT_DROPPED, "recipient-dropped", INFO, "the milter took a list that refuses a message off its recipients, since others get it and its sender may be " \
		"forged: id, list, from, code, text") \
	ROW(RECEIVED, "received", INFO, "what the milter did with other mail that fails DMARC: id, from, author, action, override, by, reason") \
	ROW(LISTD_AWAY, "listd-away", WARNING, "the milter cannot reach listd: mail for lists is answered 451") \
	ROW(LISTD_BACK, "listd-back", INFO, "the milter reaches listd again") \
	ROW(FAULT, "fault", ERROR, "something that should not happen; the text says what to do")

enum event {
#define ROW(kind, name, level, help) EVENT_##kind,
	EVENT_ROWS
#undef ROW
	EVENT_KINDS
};

struct event_row { const char *name; enum log_level level; const char *help; };
extern const struct event_row event_rows[EVENT_KINDS];

/* Write one line. Then come pairs of key (const char *) and value (const char *, NULL values are left out), ended by NULL. */
void event_log(enum event event, ...) __attribute__((sentinel));
/* A number as text for event_log, in a buffer of the caller's thread that holds the last 16. */
const char *event_number(long long number);

#endif
