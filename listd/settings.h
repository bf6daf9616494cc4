/* SPDX-License-Identifier: BSD-2-Clause */
/* Settings, as rows of two tables: those of the site (listd.conf) and those of each list (kept in the store, shown, set, dumped and loaded in the
 * same syntax). From the rows come the parser (through libconfuse), the commented samples, "listctl settings", the tables in the manual page, and the checks.
 * The syntax is "name = value" lines; texts in quotes, lists in { "a", "b" }, "#" comments. An unknown name or a bad value is an error with file, line, name
 * and what was expected. */
#ifndef LISTD_SETTINGS_H
#define LISTD_SETTINGS_H

#include "mail/arena.h"
#include "mail/buf.h"
#include "mail/fail.h"
#include "mitigations/rules.h"
#include "mitigations/strategy.h"

#include <stdatomic.h>

enum setting_type { SETTING_TEXT, SETTING_NUMBER, SETTING_BOOL, SETTING_ENUM, SETTING_TEXTS /* list of texts */, SETTING_SECS, SETTING_BYTES };

struct setting {
	const char *name;           /* "max-size" */
	enum setting_type type;
	size_t offset;              /* of the value in the struct: const char *, long long, bool, int (enum), const char ** (NULL-ended) */
	const char *fallback;       /* default, in the syntax of a value */
	const char *const *choices; /* SETTING_ENUM: NULL-ended names, index = value */
	long long min, max;         /* SETTING_NUMBER, SECS ("5d", "2h", "30s"), BYTES ("10M", "64K") */
	const char *group;          /* heading in samples and the manual */
	const char *help;           /* a sentence or two, for people */
	int (*check)(const char *value, struct fail *why); /* more than type and range can say, or NULL */
};

/* The site. */
struct site_settings {
	const char *file;             /* it was read from, or NULL */
	const char *host_name;        /* of this server in LHLO/EHLO replies and Received; never empty: the machine's where not set */
	const char *authserv_id;      /* never empty: the host name where not set */
	const char *const *trusted_authserv_ids;
	const char *const *trusted_sealers;
	const char *spool_dir, *store_dir, *archive_dir, *keys_dir;
	const char *template_dir;     /* "" = the shipped templates only */
	const char *const *receivers_files; /* read after the shipped table */
	const char *const *bounce_patterns_files; /* read before the shipped rows */
	const char *clock_file;
	const char *control_socket; long long control_mode; /* octal as number, e.g. 660 */
	const char *lmtp_listen;      /* "unix:/run/listd/lmtp" or "inet:127.0.0.1:8024"; several separated by blanks */
	long long lmtp_sessions_max, lmtp_mode;
	const char *relay;            /* "host:port" or "unix:path" */
	long long relay_sessions, relay_rcpts_max, relay_timeout_secs;
	const char *relay_user, *relay_password_file; int relay_tls; /* never|may|must */ bool relay_8bit;
	long long verp_life_secs;
	int verp;                     /* auto (XVERP when offered, else by transaction) | transaction | off */
	long long retry_min_secs, retry_max_secs, queue_life_secs;
	const char *dns_server, *dns_zone_file, *dns_trust_anchor; long long dns_timeout_secs;
	long long workers, max_size_bytes, seen_life_secs, fallback_keep_secs, relearn_secs;
	const char *const *submission_networks; /* CIDR of own networks: XFORWARD ADDR in them counts as submission */
	bool sign; const char *user; int log_sink; const char *log_file; int log_level;
	long long store_cache_bytes;
	/* listd-milter */
	const char *milter_listen, *milter_group, *milter_dir, *milter_socket; long long milter_mode, milter_sessions_max;
	int authenticate;             /* 0 lists | 1 all */
	long long client_per_hour, author_per_hour; /* 0: no limit */
	bool receiver; int receiver_reading; /* enum receiving_reading */
	int receiver_on_reject, receiver_on_quarantine, receiver_on_temporary; /* enum receiving_action */
	bool receiver_obeys_t, receiver_obeys_pct;
	const char *receiver_known, *receiver_junk_field;
	struct arena *arena;          /* owns all texts */
};

enum complaints { COMPLAINTS_UNSUBSCRIBE, COMPLAINTS_SUSPEND, COMPLAINTS_NOTE };

/* One list. */
struct list_settings {
	const char *address;          /* birds@lists.example.org; the list's name everywhere */
	const char *display_name, *description, *language;
	const char *list_id;          /* "" = local.domain */
	const struct strategy *strategy; const char *strategy_name; /* NULL strategy = auto */
	const char *rules_text; struct rules rules;
	bool fallback;                /* a copy refused for DMARC is followed by one in a stronger form */
	int alias;                    /* enum alias_kind */
	int alias_from;               /* 0 members | 1 anyone */
	long long alias_per_hour;     /* messages one sender may have forwarded in an hour */
	int decorate, dead_signatures, reply;
	const char *subject_tag, *footer, *wrap_text, *via_template;
	int post;                     /* 0 members | 1 anyone | 2 moderated | 3 owners */
	int on_nonmember;             /* 0 hold | 1 refuse */
	int on_reject;                /* unauthentic p=reject: 0 refuse | 1 hold */
	int on_quarantine;            /* unauthentic p=quarantine: 0 hold | 1 refuse */
	bool early_refusal;           /* by the envelope sender, at RCPT */
	int on_bad_from;              /* several From fields, no author domain, own address from outside: 0 refuse | 1 hold */
	long long max_size_bytes, max_received;
	const char *header_rules;     /* "hold|refuse|discard FIELD /pcre2/" lines */
	const char *const *owners, *const *moderators, *const *deny;
	bool bounces, bounce_probe, bounce_remove, daily_summary, weekly_report;
	long long bounce_days, bounce_days_soft, bounce_life_secs, bounce_probe_wait_secs, bounce_warn_secs, bounce_warnings;
	long long bounce_burst_share, bounce_burst_min;
	int complaints;               /* enum complaints */
	bool archive; const char *archive_url, *help_url, *subscribe_url, *unsubscribe_url;
	const char *sign_domain;      /* d=; "" = domain of the address */
	bool skip_addressed;          /* default of new members: no copy where they stand in To/Cc */
	struct arena *arena;
	atomic_uint users;
};

extern const struct setting site_setting_rows[], list_setting_rows[];
extern const size_t site_setting_count, list_setting_count;

/* Read a site file; path NULL gives the defaults. The result owns its arena; free with site_settings_free. */
int site_settings_read(const char *path, struct site_settings **settings_r, struct fail *why);
/* The same from text, with a name for messages. overrides: "name=value" texts (listd -o), NULL-ended, or NULL. */
int site_settings_parse(struct span text, const char *file, const char *const *overrides, struct site_settings **settings_r, struct fail *why);
void site_settings_free(struct site_settings *settings);
/* List settings from text in list syntax; address must be among them unless given. */
int list_settings_parse(struct span text, const char *file, const char *address, struct list_settings **settings_r, struct fail *why);
/* They never change, so any number may share them: each hold needs a free of its own, of which the last ends them. Returns settings. */
struct list_settings *list_settings_hold(struct list_settings *settings);
void list_settings_free(struct list_settings *settings);
/* Text of a list's settings: all rows, or only those that differ from the default; with comments for samples. */
void list_settings_dump(const struct list_settings *settings, bool all, struct buf *out);
/* One value changed in a dump text: parses, sets, checks, gives the new dump (what differs from the default). value: as a person gives it, without quotes, elements of a
 * list separated by commas or blanks; NULL: the default again. -1: unknown name or bad value. */
int list_settings_set(const char *text, const char *address, const char *name, const char *value, struct buf *out, struct fail *why);
/* What kind of value a row takes, in words; nothing for a text. */
void setting_kind(const struct setting *row, struct buf *out);
/* A value as text, in the syntax of the file. */
void setting_value(const struct setting *row, const void *settings, struct buf *out);
/* The commented sample file, and the manual's table (roff), of a table. */
void settings_sample(const struct setting *rows, size_t count, struct buf *out);
void settings_manual(const struct setting *rows, size_t count, struct buf *out);

/* header-rules, line by line: "hold|refuse|discard FIELD /PATTERN/", with an "i" behind for any letter case; "#" comments. The pattern is matched (PCRE2, with
 * these options and PCRE2_CASELESS where is_nocase) against the decoded value of each field of the name. */
enum header_rule_action { HEADER_RULE_HOLD, HEADER_RULE_REFUSE, HEADER_RULE_DISCARD };
struct header_rule { enum header_rule_action action; struct span field, pattern; bool is_nocase; };
#define HEADER_RULE_PCRE2_OPTIONS (PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C)
/* The next rule of *rest (views into it): 1 got one, 0 none left, -1 what was expected. */
int header_rule_next(struct span *rest, struct header_rule *rule_r, struct fail *why);

/* Local part and domain of the list's address. */
const char *list_local(const struct list_settings *list, struct arena *a);
const char *list_domain(const struct list_settings *list);

#endif
