/* SPDX-License-Identifier: BSD-2-Clause */
/* Every setting there is. From these rows come the reader, the samples, "listctl settings" and the manual. */
#include "listd/settings_int.h"

#include "listd/delivery/delivery.h"
#include "mail/log.h"

#include <limits.h>

#define CHOICES(...) (const char *const[]){ __VA_ARGS__, NULL }
#define DAY (86400LL)
#define MB (1LL << 20)

#define SITE(member) .offset = offsetof(struct site_settings, member)
#define LIST(member) .offset = offsetof(struct list_settings, member)

const struct setting site_setting_rows[] = {
	{ .name = "host-name", .group = "This server", .type = SETTING_TEXT, SITE(host_name), .fallback = "\"\"", .check = check_host,
		.help = "Name of this server in SMTP greetings and Received fields. Empty: the name of the machine." },
	{ .name = "user", .group = "This server", .type = SETTING_TEXT, SITE(user), .fallback = "listd", .check = check_word,
		.help = "User that the daemon becomes when it is started as root. It never works as root." },
	{ .name = "workers", .group = "This server", .type = SETTING_NUMBER, SITE(workers), .fallback = "2", .min = 1, .max = 64,
		.help = "Threads that take posts through the list: authentication, choice of the mitigation, signing." },
	{ .name = "max-size", .group = "This server", .type = SETTING_BYTES, SITE(max_size_bytes), .fallback = "10M", .min = 64 << 10, .max = 100 * MB,
		.help = "Largest message that is taken at all; a list may take less." },
	{ .name = "seen-life", .group = "This server", .type = SETTING_SECS, SITE(seen_life_secs), .fallback = "7d", .min = 3600, .max = 365 * DAY,
		.help = "For how long Message-IDs are remembered, so that a post that comes twice is sent once." },

	{ .name = "spool-dir", .group = "Places", .type = SETTING_TEXT, SITE(spool_dir), .fallback = "/var/spool/listd", .check = check_path,
		.help = "Directory of accepted, held and outgoing mail. It must be on a local file system with room for some thousand posts." },
	{ .name = "store-dir", .group = "Places", .type = SETTING_TEXT, SITE(store_dir), .fallback = "/var/lib/listd", .check = check_path,
		.help = "Directory of the database of lists and members. One daemon uses it at a time." },
	{ .name = "store-cache", .group = "Places", .type = SETTING_BYTES, SITE(store_cache_bytes), .fallback = "8M", .min = MB, .max = 1024 * MB,
		.help = "Memory of the database. 8M is enough for some 100,000 members." },
	{ .name = "archive-dir", .group = "Places", .type = SETTING_TEXT, SITE(archive_dir), .fallback = "/var/lib/listd/archive", .check = check_path,
		.help = "Directory of the archives, one Maildir for each list." },
	{ .name = "keys-dir", .group = "Places", .type = SETTING_TEXT, SITE(keys_dir), .fallback = "/etc/listd/keys", .check = check_path,
		.help = "Directory of signing keys, as DOMAIN/SELECTOR.pem, readable by the daemon's user only. See: listctl help key." },
	{ .name = "template-dir", .group = "Places", .type = SETTING_TEXT, SITE(template_dir), .fallback = "\"\"", .check = check_path,
		.help = "Directory with own versions of the texts that people see, by language. Empty: the texts that come with listd." },
	{ .name = "receivers-files", .group = "Places", .type = SETTING_TEXTS, SITE(receivers_files), .fallback = "{}", .check = check_path,
		.help = "Files with own rows about receivers, such as those that have put this server on their allowlist; read after the table that comes with listd." },

	{ .name = "lmtp-listen", .group = "Mail in", .type = SETTING_TEXT, SITE(lmtp_listen), .fallback = "inet:127.0.0.1:8024", .check = check_listen,
		.help = "Where the mail server hands mail over, by LMTP: inet:ADDRESS:PORT on this machine's loopback or unix:/PATH; several are separated by blanks." },
	{ .name = "lmtp-mode", .group = "Mail in", .type = SETTING_NUMBER, SITE(lmtp_mode), .fallback = "660", .min = 0, .max = 777, .check = check_mode,
		.help = "File mode of a Unix socket of lmtp-listen, in octal. Whoever can write to it can hand in mail." },
	{ .name = "lmtp-sessions-max", .group = "Mail in", .type = SETTING_NUMBER, SITE(lmtp_sessions_max), .fallback = "50", .min = 1, .max = 1000,
		.help = "LMTP sessions at the same time; further ones are told to come again." },
	{ .name = "submission-networks", .group = "Mail in", .type = SETTING_TEXTS, SITE(submission_networks), .fallback = "{}", .check = check_network,
		.help = "Networks of the site's own users, such as 127.0.0.1 for a web mailer on this machine. Mail from there is a submission, as mail by sendmail(1) is: it counts as coming "
			"from the domain of its envelope sender, and the mail server must let users have none but their own. Name no host that passes strangers' mail on, such as a filter." },
	{ .name = "authserv-id", .group = "Mail in", .type = SETTING_TEXT, SITE(authserv_id), .fallback = "\"\"", .check = check_word,
		.help = "Name under which results of authentication are written into Authentication-Results and ARC fields. Empty: the host name." },
	{ .name = "trusted-authserv-ids", .group = "Mail in", .type = SETTING_TEXTS, SITE(trusted_authserv_ids), .fallback = "{}", .check = check_word,
		.help = "Names of own mail servers whose Authentication-Results fields are believed. The mail server at the border must remove such fields from "
			"mail that comes in." },
	{ .name = "trusted-sealers", .group = "Mail in", .type = SETTING_TEXTS, SITE(trusted_sealers), .fallback = "{}", .check = check_host,
		.help = "Domains of forwarders whose ARC seals are believed: a post that failed DMARC only on its way through one of them is taken." },

	{ .name = "relay", .group = "Mail out", .type = SETTING_TEXT, SITE(relay), .fallback = "127.0.0.1:25", .check = check_relay,
		.help = "The mail server that sends the copies: HOST:PORT, [ADDRESS]:PORT or unix:/PATH." },
	{ .name = "relay-sessions", .group = "Mail out", .type = SETTING_NUMBER, SITE(relay_sessions), .fallback = "4", .min = 1, .max = 100,
		.help = "SMTP sessions to the relay at the same time." },
	{ .name = "relay-rcpts-max", .group = "Mail out", .type = SETTING_NUMBER, SITE(relay_rcpts_max), .fallback = "100", .min = 1, .max = 10000,
		.help = "Recipients of one transaction, where one is for many. Servers take at least 100; Postfix takes 1000." },
	{ .name = "relay-timeout", .group = "Mail out", .type = SETTING_SECS, SITE(relay_timeout_secs), .fallback = "5m", .min = 1, .max = 3600,
		.help = "How long the relay may take to answer." },
	{ .name = "relay-tls", .group = "Mail out", .type = SETTING_ENUM, SITE(relay_tls), .fallback = "may",
		.choices = CHOICES([RELAY_TLS_NEVER] = "never", [RELAY_TLS_MAY] = "may", [RELAY_TLS_MUST] = "must"),
		.help = "TLS to the relay: may uses it where the relay offers it, must also checks the relay's certificate and sends nothing without." },
	{ .name = "relay-user", .group = "Mail out", .type = SETTING_TEXT, SITE(relay_user), .fallback = "\"\"", .check = check_line,
		.help = "User name for a relay that asks for one. It is used over TLS or to this machine only." },
	{ .name = "relay-password-file", .group = "Mail out", .type = SETTING_TEXT, SITE(relay_password_file), .fallback = "\"\"", .check = check_path,
		.help = "File whose first line is the password of relay-user, readable by the daemon's user only." },
	{ .name = "verp", .group = "Mail out", .type = SETTING_ENUM, SITE(verp), .fallback = "auto",
		.choices = CHOICES([VERP_AUTO] = "auto", [VERP_TRANSACTION] = "transaction", [VERP_OFF] = "off"),
		.help = "How each copy gets a return address that tells whose it was: by the relay where it offers XVERP and else by a transaction for each "
			"recipient (auto), always by transactions, or not at all." },
	{ .name = "retry-min", .group = "Mail out", .type = SETTING_SECS, SITE(retry_min_secs), .fallback = "5m", .min = 1, .max = DAY,
		.help = "Time until the first new attempt when the relay takes a copy not yet; it doubles with each attempt." },
	{ .name = "retry-max", .group = "Mail out", .type = SETTING_SECS, SITE(retry_max_secs), .fallback = "4h", .min = 1, .max = 7 * DAY,
		.help = "Longest time between two attempts." },
	{ .name = "queue-life", .group = "Mail out", .type = SETTING_SECS, SITE(queue_life_secs), .fallback = "5d", .min = 60, .max = 30 * DAY,
		.help = "For how long copies are tried before they are given up." },
	{ .name = "sign", .group = "Mail out", .type = SETTING_BOOL, SITE(sign), .fallback = "yes",
		.help = "Sign copies with the lists' own DKIM keys, and seal them (ARC). Off only where the relay signs for the domains of all lists." },

	{ .name = "dns-server", .group = "DNS", .type = SETTING_TEXT, SITE(dns_server), .fallback = "\"\"", .check = check_word,
		.help = "Address of the resolver, as ADDRESS or ADDRESS@PORT. Empty: those of /etc/resolv.conf." },
	{ .name = "dns-timeout", .group = "DNS", .type = SETTING_SECS, SITE(dns_timeout_secs), .fallback = "10s", .min = 1, .max = 120,
		.help = "How long one look-up may take. A look-up that fails is never taken for \"there is no record\"." },
	{ .name = "dns-trust-anchor", .group = "DNS", .type = SETTING_TEXT, SITE(dns_trust_anchor), .fallback = "\"\"", .check = check_path,
		.help = "File of the DNSSEC trust anchor, such as /usr/share/dns/root.key. Empty: answers are not validated here." },
	{ .name = "dns-zone-file", .group = "DNS", .type = SETTING_TEXT, SITE(dns_zone_file), .fallback = "\"\"", .check = check_path,
		.help = "Zone file that answers in place of DNS. For tests only." },

	{ .name = "control-socket", .group = "Administration", .type = SETTING_TEXT, SITE(control_socket), .fallback = "/run/listd/control", .check = check_path,
		.help = "Socket over which listctl speaks to the daemon." },
	{ .name = "control-mode", .group = "Administration", .type = SETTING_NUMBER, SITE(control_mode), .fallback = "660", .min = 0, .max = 777, .check = check_mode,
		.help = "File mode of control-socket, in octal. Whoever can write to it administers all lists." },
	{ .name = "log-sink", .group = "Administration", .type = SETTING_ENUM, SITE(log_sink), .fallback = "stderr",
		.choices = CHOICES([LOG_SINK_STDERR] = "stderr", [LOG_SINK_JOURNAL] = "journal", [LOG_SINK_FILE] = "file", [LOG_SINK_NONE] = "none"),
		.help = "Where log lines go: standard error with times, standard error as the systemd journal reads it, or log-file." },
	{ .name = "log-file", .group = "Administration", .type = SETTING_TEXT, SITE(log_file), .fallback = "\"\"", .check = check_path,
		.help = "File for log-sink = file. It is opened again at a reload." },
	{ .name = "log-level", .group = "Administration", .type = SETTING_ENUM, SITE(log_level), .fallback = "info",
		.choices = CHOICES([LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_ERROR] = "error"),
		.help = "Least importance of lines that are written." },
};
const size_t site_setting_count = sizeof(site_setting_rows) / sizeof(site_setting_rows[0]);

const struct setting list_setting_rows[] = {
	{ .name = "address", .group = "The list", .type = SETTING_TEXT, LIST(address), .fallback = "\"\"", .check = check_address,
		.help = "Address to post to. It is the name of the list everywhere." },
	{ .name = "display-name", .group = "The list", .type = SETTING_TEXT, LIST(display_name), .fallback = "\"\"", .check = check_line,
		.help = "Name of the list for people, as in \"Ann via Birds\". Empty: the part of the address before the @." },
	{ .name = "description", .group = "The list", .type = SETTING_TEXT, LIST(description), .fallback = "\"\"", .check = check_line,
		.help = "What the list is about, in a line. It is also the text of the List-Id field." },
	{ .name = "language", .group = "The list", .type = SETTING_TEXT, LIST(language), .fallback = "en", .check = check_language,
		.help = "Language of what the list writes to people." },
	{ .name = "list-id", .group = "The list", .type = SETTING_TEXT, LIST(list_id), .fallback = "\"\"", .check = check_host,
		.help = "Identifier in the List-Id field (RFC 2919), which readers filter by; keep it when a list moves. Empty: the address with a dot for the @." },
	{ .name = "owners", .group = "The list", .type = SETTING_TEXTS, LIST(owners), .fallback = "{}", .check = check_address,
		.help = "Addresses of those who run the list. Mail to LIST-owner goes to them." },
	{ .name = "moderators", .group = "The list", .type = SETTING_TEXTS, LIST(moderators), .fallback = "{}", .check = check_address,
		.help = "Addresses of those who decide about held posts. Empty: the owners." },

	{ .name = "post", .group = "Who may post", .type = SETTING_ENUM, LIST(post), .fallback = "members",
		.choices = CHOICES("members", "anyone", "moderated", "owners"),
		.help = "Whose posts go out at once: those of members, of anyone, of nobody (a moderator decides about each), or of owners and moderators only." },
	{ .name = "on-nonmember", .group = "Who may post", .type = SETTING_ENUM, LIST(on_nonmember), .fallback = "hold", .choices = CHOICES("hold", "refuse"),
		.help = "A post from someone who may not post: hold it for a moderator, or refuse it." },
	{ .name = "deny", .group = "Who may post", .type = SETTING_TEXTS, LIST(deny), .fallback = "{}", .check = check_pattern,
		.help = "Addresses, domains and patterns such as *@example.com whose posts are always refused." },
	{ .name = "header-rules", .group = "Who may post", .type = SETTING_TEXT, LIST(header_rules), .fallback = "\"\"", .check = check_header_rules,
		.help = "Rules by header fields, one a line: hold, refuse or discard, the name of a field, and a pattern (PCRE2) between slashes, with an i behind it for any "
			"letter case. The first that matches decides." },
	{ .name = "max-size", .group = "Who may post", .type = SETTING_BYTES, LIST(max_size_bytes), .fallback = "0", .min = 0, .max = 100 * MB,
		.help = "Largest post that is taken. 0: the site's max-size." },
	{ .name = "max-received", .group = "Who may post", .type = SETTING_NUMBER, LIST(max_received), .fallback = "50", .min = 5, .max = 1000,
		.help = "Most Received fields that a post may have; one with more goes in circles." },

	{ .name = "strategy", .group = "DMARC", .type = SETTING_TEXT, LIST(strategy_name), .fallback = "auto", .check = check_strategy,
		.help = "What is done about posts whose authors' domains have a strict DMARC policy. auto takes, for each receiver, the least invasive way that is proved to "
			"hold; a strategy's name fixes that one: none, allowlist, reseal, passthrough, rewrite, wrap or refuse." },
	{ .name = "rules", .group = "DMARC", .type = SETTING_TEXT, LIST(rules_text), .fallback = "\"\"", .check = check_rules,
		.help = "Exceptions, one a line, the first that matches decides: exempt, force or a strategy's name, then \"from\" and a domain, .domain, address or pattern, then \"to\" and "
			"a receiver's name or @domain. As in: rewrite from *@example.com to google." },
	{ .name = "on-reject", .group = "DMARC", .type = SETTING_ENUM, LIST(on_reject), .fallback = "refuse", .choices = CHOICES("refuse", "hold"),
		.help = "A post that is not shown to come from its author's domain while that domain asks to reject such mail: refuse it, or hold it." },
	{ .name = "on-quarantine", .group = "DMARC", .type = SETTING_ENUM, LIST(on_quarantine), .fallback = "hold", .choices = CHOICES("hold", "refuse"),
		.help = "The same where the domain asks for quarantine." },
	{ .name = "on-bad-from", .group = "DMARC", .type = SETTING_ENUM, LIST(on_bad_from), .fallback = "refuse", .choices = CHOICES("refuse", "hold"),
		.help = "A post whose From field is missing, double or without a domain, or holds an address of this list from outside: refuse it, or hold it." },
	{ .name = "alias", .group = "DMARC", .type = SETTING_ENUM, LIST(alias), .fallback = "list",
		.choices = CHOICES([ALIAS_LIST] = "list", [ALIAS_KEYED] = "keyed", [ALIAS_READABLE] = "readable"),
		.help = "Address in the From field of a rewritten copy: that of the list, or one for each author at the list's domain that forwards to the author "
			"(keyed: a code; readable: ann=40example.com)." },
	{ .name = "alias-from", .group = "DMARC", .type = SETTING_ENUM, LIST(alias_from), .fallback = "members", .choices = CHOICES("members", "anyone"),
		.help = "Whose mail to such an author's address is forwarded." },
	{ .name = "alias-per-hour", .group = "DMARC", .type = SETTING_NUMBER, LIST(alias_per_hour), .fallback = "20", .min = 0, .max = 100000,
		.help = "Messages that one sender may have forwarded to authors in an hour." },
	{ .name = "via", .group = "DMARC", .type = SETTING_TEXT, LIST(via_template), .fallback = "\"\"", .check = check_via,
		.help = "Display name of a rewritten From field; {name} is the author's name and {list} the list's. Empty: the text in the list's language, in English \"{name} via {list}\"." },
	{ .name = "wrap-text", .group = "DMARC", .type = SETTING_TEXT, LIST(wrap_text), .fallback = "\"\"", .check = check_text,
		.help = "Text before the original in a wrapped copy; {author} is the author's address and {list} the list's name. Empty: the text in the list's language." },
	{ .name = "dead-signatures", .group = "DMARC", .type = SETTING_ENUM, LIST(dead_signatures), .fallback = "remove",
		.choices = CHOICES([DEAD_REMOVE] = "remove", [DEAD_RENAME] = "rename", [DEAD_KEEP] = "keep"),
		.help = "DKIM signatures of the author that the list's changes have broken: remove them, rename the field, or keep them." },
	{ .name = "sign-domain", .group = "DMARC", .type = SETTING_TEXT, LIST(sign_domain), .fallback = "\"\"", .check = check_host,
		.help = "Domain that signs the list's copies. Empty: the domain of the address." },

	{ .name = "subject-tag", .group = "What copies look like", .type = SETTING_TEXT, LIST(subject_tag), .fallback = "\"\"", .check = check_line,
		.help = "Put before the subject, such as \"[birds]\". It breaks most authors' signatures, as a footer does." },
	{ .name = "footer", .group = "What copies look like", .type = SETTING_TEXT, LIST(footer), .fallback = "\"\"", .check = check_text,
		.help = "Text at the end of each copy." },
	{ .name = "decorate", .group = "What copies look like", .type = SETTING_ENUM, LIST(decorate), .fallback = "when-possible",
		.choices = CHOICES([DECORATE_WHEN_POSSIBLE] = "when-possible", [DECORATE_ALWAYS] = "always"),
		.help = "Subject tag and footer: left out where the post gets through unchanged only without them (when-possible), or on every copy (always)." },
	{ .name = "reply", .group = "What copies look like", .type = SETTING_ENUM, LIST(reply), .fallback = "author",
		.choices = CHOICES([REPLY_AUTHOR] = "author", [REPLY_LIST] = "list"),
		.help = "Where a plain reply goes: to the author or to the list." },
	{ .name = "skip-addressed", .group = "What copies look like", .type = SETTING_BOOL, LIST(skip_addressed), .fallback = "no",
		.help = "Default of new members: no copy from the list where they stand in To or Cc themselves." },

	{ .name = "archive", .group = "Archive and links", .type = SETTING_BOOL, LIST(archive), .fallback = "yes",
		.help = "Keep accepted posts in the archive." },
	{ .name = "archive-url", .group = "Archive and links", .type = SETTING_TEXT, LIST(archive_url), .fallback = "\"\"", .check = check_url,
		.help = "Address of a public archive, for the List-Archive field. Empty: no such field." },
	{ .name = "help-url", .group = "Archive and links", .type = SETTING_TEXT, LIST(help_url), .fallback = "\"\"", .check = check_url,
		.help = "Target of the List-Help field. Empty: mail to LIST-request with the subject help." },
	{ .name = "subscribe-url", .group = "Archive and links", .type = SETTING_TEXT, LIST(subscribe_url), .fallback = "\"\"", .check = check_url,
		.help = "Target of the List-Subscribe field. Empty: mail to LIST-join." },
	{ .name = "unsubscribe-url", .group = "Archive and links", .type = SETTING_TEXT, LIST(unsubscribe_url), .fallback = "\"\"", .check = check_url,
		.help = "Target of the List-Unsubscribe field. Empty: mail to LIST-leave." },
};
const size_t list_setting_count = sizeof(list_setting_rows) / sizeof(list_setting_rows[0]);
