/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of header fields and envelopes: RFC 5322 3.4 with 4.4 (obsolete forms), RFC 6854 (groups in From), RFC 6531/6532
 * (UTF-8). The reader is lenient in what it takes for an address, never in which one: where a field can be read in two ways,
 * it is marked damaged, and every address that any reader might see is listed. */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "mail/arena.h"
#include "mail/fail.h"

/* 2000: a To field at its maximum length holds no more useful ones. 254: RFC 5321 4.5.3.1.3 (path of 256 with <>). */
#define ADDRESS_LIST_MAX 2000
#define ADDRESS_MAX_BYTES 254
#define ADDRESS_LOCAL_MAX_BYTES 64

struct address {
	struct span display; /* decoded to UTF-8, quotes and escapes undone, blanks folded; empty when there is none. The text of a
	                        comment is a name only behind a bare address. */
	struct span spec;    /* addr-spec as written (quotes kept, comments and blanks removed): local@domain. Valid UTF-8: other octets
	                        are read as Windows-1252, and damaged is set. */
	struct span local;   /* part before the last @, as written, quotes kept */
	struct span domain;  /* part after the last @: as written, or "[...]" for a literal. Never empty: "ann" and "<>" are not listed. */
	struct span group;   /* display name of the group it stands in, or empty */
};

struct address_list {
	struct address *items;
	size_t count;
	size_t group_count;  /* groups seen, empty ones included */
	struct span first_display; /* display name of the first mailbox or group even where no address follows ("Mailer <>"); empty
	                              when the first one has no name */
	bool damaged;        /* not by the grammar, or by the grammar but read otherwise by many (see below): a cautious caller holds or
	                        refuses, or uses every domain */
	bool too_many;       /* cut at ADDRESS_LIST_MAX; sets damaged too. Domains may be missing then: never "use every domain", refuse */
};

/* Read the value of a From, To, Cc, Reply-To... field (what follows the colon, folds included; CRLF or LF). Never fails: what
 * cannot be read sets damaged. An empty value is not damaged; it has no addresses. In a damaged field addresses found by the grammar
 * come first, then every other place where a domain follows an "@", in the raw octets and in the decoded text.
 * These are damaged though the grammar could read them: a NUL, a bare CR or LF; <...@...> inside of a comment; encoded words,
 * invisible characters or a domain that has no A-label form in an address; a blank inside of a domain after what is a domain
 * already; a source route of several hops. These are not, though the grammar forbids them: superfluous dots in a local part;
 * brackets in a name; "ann@example.com <ann@example.com>". Time is linear in the value. */
void address_list_parse(struct arena *a, struct span value, struct address_list *list_r);
/* Read one bare address of an envelope or a command line: local@domain, no <>, no name. Lengths are checked; UTF-8 is allowed; a
 * quoted local part is allowed; a domain must be a host name (U-labels allowed) or a literal. -1: not an address. */
int address_parse(struct arena *a, struct span text, struct address *address_r, struct fail *why);
/* The key under which an address is stored and compared: domain as A-labels in lower case; local part in lower case too (no
 * real site tells "Ann" from "ann"; RFC 5321 2.4 notwithstanding). Quotes of a local part that needs none are dropped. NUL-ended. */
char *address_key(struct arena *a, const struct address *address);
/* Does the spec need SMTPUTF8 (a non-ASCII octet in it)? */
bool address_is_utf8(const struct address *address);
/* Does a text look as if it held an address or a host name (an "@" between words, "＠", or word.tld)? For display names, RFC 7960 4.1.3.3. */
bool address_in_text(struct span text);
/* "Display <spec>" for a header, quoted or encoded as needed (header_phrase), one mailbox and nothing else. */
struct span address_format(struct arena *a, struct span display, struct span spec);

/* The author domains of a From value whose policies matter for DMARC: A-labels, lower case, each once, no literals, in order. For a
 * damaged field every domain that any reader might take is listed. NUL-ended texts. */
void address_author_domains(struct arena *a, const struct address_list *from, const char ***domains_r, size_t *count_r);

#endif
