/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the SPF module share. For mitigations/auth/spf*.c and their tests only. */
#ifndef MITIGATIONS_AUTH_SPF_INT_H
#define MITIGATIONS_AUTH_SPF_INT_H

#include "mail/buf.h"
#include "mitigations/auth/spf.h"

/* Limits of the check (RFC 7208 4.6.4). */
#define SPF_TERMS_MAX 10  /* terms that ask DNS, in all records of a check together */
#define SPF_VOIDS_MAX 2   /* of them, those whose answer was empty */
#define SPF_HOSTS_MAX 10  /* names of one MX or PTR answer */
#define SPF_CHECK_MAX_MS 20000 /* for the whole check: "at least 20 seconds" */
/* A sender or HELO name is at most 320 octets by RFC 5321; what is much longer is no address, and macros would repeat it. */
#define SPF_INPUT_MAX_BYTES 1024
/* A domain name has 253 characters; a specification several times as long serves only to keep the reader busy. */
#define SPF_DOMAIN_SPEC_MAX_BYTES 1024
/* An explanation ends up in one SMTP reply. */
#define SPF_EXPLANATION_MAX_BYTES 1000
#define SPF_EXPLANATION_TEXT_MAX_BYTES 4096

enum spf_kind { SPF_KIND_ALL, SPF_KIND_INCLUDE, SPF_KIND_A, SPF_KIND_MX, SPF_KIND_PTR, SPF_KIND_IP4, SPF_KIND_IP6, SPF_KIND_EXISTS, SPF_KIND_REDIRECT };

struct spf_term {
	enum spf_kind kind;
	char qualifier;              /* one of + - ~ ? */
	struct span text;            /* as it was published: visible ASCII */
	struct span domain;          /* domain-spec; empty: the current domain */
	unsigned prefix4, prefix6;   /* CIDR lengths; 32 and 128 when not given */
	uint8_t address[16];         /* ip4 (4 octets) and ip6 */
};

/* A record, checked. Views into its text. */
struct spf_record {
	struct spf_term *terms;
	size_t count;
	struct spf_term redirect; /* text is empty when there is none */
	struct span exp;          /* domain-spec; empty when there is none */
};

/* Is this TXT text an SPF record (4.5)? */
bool spf_syntax_is_record(struct span text);
/* Read a record by the grammar of RFC 7208 12, which libspf2 does not keep. -1 with what is wrong. */
int spf_syntax_read(struct arena *a, struct span text, struct spf_record *record_r, struct fail *why);

/* A piece of a macro-string (7.1). */
struct spf_piece {
	struct span literal;    /* when letter is 0 */
	char letter;            /* lower case, or 0 */
	bool is_url;            /* the letter was upper case */
	bool is_reversed;
	unsigned keep;          /* parts to keep from the right; 0: all */
	struct span delimiters; /* empty: "." */
};
enum spf_macro_use { SPF_MACRO_NAME, SPF_MACRO_EXPLANATION };
/* Take the next piece off the front. 1: got one; 0: end; -1: bad syntax. */
int spf_macro_next(struct span *rest, enum spf_macro_use use, struct spf_piece *piece_r);
/* Write text with its macros expanded. value gives a letter's value (at most SPF_INPUT_MAX_BYTES). -1: bad syntax, or more than out holds. */
int spf_macro_expand(struct span text, enum spf_macro_use use, const char *(*value)(void *context, char letter), void *context, struct buf *out);

/* The client's address. An IPv4 address in IPv6 form is IPv4 (5). */
struct spf_client {
	bool is_ip6;
	uint8_t address[16];
};
bool spf_client_read(const char *text, struct spf_client *client_r);
/* Do the first prefix bits agree? */
bool spf_client_matches(const struct spf_client *client, const uint8_t *address, unsigned prefix);

/* A record that was fetched for this check. */
struct spf_loaded {
	const char *domain;               /* the current domain while it is evaluated */
	struct spf_record record;
	const struct spf_term *asked;     /* the last term that libspf2 asked about */
	const struct spf_term *terminal;  /* the static term that ends it, or redirect; NULL: the end of the record */
	bool is_through;                  /* the terms before the terminal did not match */
	struct spf_loaded *next;          /* what the last include or redirect led to */
	const char **hosts;               /* of the mx term that is evaluated now */
	size_t host_count;
	bool has_addresses;               /* one of the hosts had one */
};

/* One check: inputs, counters, and the verdict when it is the guard's. */
struct spf_guard {
	struct arena *scratch;
	struct resolver *dns;
	const struct clock *clock;
	int64_t began_ms;
	struct spf_client client;
	const char *local, *sender_domain, *helo, *receiver;
	const char *macro_domain;         /* current domain of the expansion that runs */
	unsigned terms, voids;
	bool is_decided;
	enum auth_result verdict;
	char reason[FAIL_TEXT_MAX_BYTES];
	struct spf_loaded loaded[SPF_TERMS_MAX + 1];
	size_t loaded_count;
	bool has_validated;
	const char *validated[SPF_HOSTS_MAX]; /* names of the client that lead back to it (5.5) */
	size_t validated_count;
};

/* What is not printable ASCII becomes '?': names may hold parts of the sender's address. */
void spf_guard_printable(char *text);
/* End the check with this result; the first one stands. The reason is made printable. */
void spf_guard_decide(struct spf_guard *g, enum auth_result verdict, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Ask for a name that may hold anything. Temporary trouble is the caller's to judge, the end of the time is not. */
void spf_guard_ask(struct spf_guard *g, const char *name, enum dns_type type, struct dns_answer *answer_r);
/* The same for a name that DNS gave, in presentation form. */
void spf_guard_ask_host(struct spf_guard *g, const char *host, enum dns_type type, struct dns_answer *answer_r);
/* Expand a domain-spec; an empty one is the current domain. NULL: it names nothing that can exist, or the check was decided. */
const char *spf_guard_name(struct spf_guard *g, const struct spf_loaded *in, struct span spec);
/* Fetch, choose and check the record of a domain. NULL: there is none, or the check was decided. */
struct spf_loaded *spf_guard_load(struct spf_guard *g, const char *domain);
/* Count a term that needs DNS; false when the check was decided. */
bool spf_guard_count(struct spf_guard *g, struct spf_loaded *in, const struct spf_term *term);
/* Count an empty answer. */
void spf_guard_count_void(struct spf_guard *g, const struct spf_term *term);
/* Is the client's name under domain, by PTR and back? is_void_r: it has no PTR record. */
bool spf_guard_has_name(struct spf_guard *g, const char *domain, bool *is_void_r);
/* The explanation of a fail decided by that record; NULL when there is none that can be used. */
const char *spf_guard_explain(struct spf_guard *g, struct arena *a, const struct spf_loaded *by);

/* Let libspf2 evaluate a loaded record. */
enum auth_result spf_eval_run(struct spf_guard *g, struct spf_loaded *top);

#endif
