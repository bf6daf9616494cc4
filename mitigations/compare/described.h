/* SPDX-License-Identifier: BSD-2-Clause */
/* Posts that are described instead of recorded: who writes, what the domain asks for, how the post is authenticated, what it looks like. They are made and signed with a key
 * that is built in (and good for nothing else), with the DNS records that go with it, so that the same description gives the same bytes for ever. */
#ifndef MITIGATIONS_COMPARE_DESCRIBED_H
#define MITIGATIONS_COMPARE_DESCRIBED_H

#include "mitigations/auth/facts.h"
#include "mitigations/key.h"

/* 100,000 posts: the built-in matrix has some hundred, and a suite a few thousand. 40 records, fields and lines of text for each. */
#define DESCRIBED_MAX 100000
#define DESCRIBED_LINES_MAX 40
/* What such posts say of when they were written: Sun, 22 Nov 2026 00:00:00 UTC. */
#define DESCRIBED_NOW 1795305600

/* One signature of a described post. */
struct described_signature {
	const char *domain;        /* NULL: the author's */
	bool ed25519, simple_header, simple_body;
	bool oversigned;           /* names what lists add, too, as some senders do */
	bool is_broken;            /* made over another body */
	long length;               /* l=, or -1 */
	const char *fields;        /* h=, or NULL for the usual */
};
#define DESCRIBED_SIGNATURES_MAX 4

struct described {
	const char *name;
	const char *from, *to, *subject; /* UTF-8 */
	const char *policy;        /* "absent", "none", "quarantine", "reject", "unknown" (DNS fails), or tags: "p=reject; adkim=s" */
	bool by_spf, by_submission;
	const struct shape *shape;
	struct described_signature signatures[DESCRIBED_SIGNATURES_MAX];
	size_t signature_count;
	const char *records[DESCRIBED_LINES_MAX], *fields[DESCRIBED_LINES_MAX], *body[DESCRIBED_LINES_MAX];
	size_t record_count, field_count, body_count;
};

/* How the body is built. */
struct shape {
	const char *name, *about;
	const char *fields;        /* MIME fields, each with "\n"; "" for none */
	const char *body;          /* with "\n" */
	const char *from;          /* where the shape is about the author's name, or NULL */
};
extern const struct shape shapes[];
extern const size_t shape_count;
/* By name, or NULL. */
const struct shape *shape_find(struct span name);

/* Read descriptions (line by line, "#" comments):
 *   post NAME                        begins one
 *     from "Ann Lee" <ann@bank.example>
 *     policy absent|none|quarantine|reject|unknown|p=reject; adkim=s
 *     auth dkim spf submission broken none     (several)
 *     signature [d=DOMAIN] [a=ed25519] [c=simple/relaxed] [l=N] [h=from:to] [oversigned] [broken]   (in place of "auth dkim"; may be repeated)
 *     shape NAME
 *     subject TEXT, to TEXT, field NAME: VALUE, body LINE, record ZONE-LINE
 * file names it in messages. -1: file, line, what was expected. All lives in a. */
int described_parse(struct arena *a, struct span text, const char *file, struct described **posts_r, size_t *count_r, struct fail *why);

/* A described post as it came. */
struct described_post {
	struct span bytes;         /* with CRLF */
	struct session session;
	struct resolver *dns;      /* the caller frees it with resolver_free */
};
/* Make it. -1: a record that is none, or OpenSSL failed. */
int described_make(struct arena *a, const struct described *post, struct described_post *post_r, struct fail *why);

/* The key that is built in, for a domain and selector of any name: for authors, or a list whose own keys are not at hand. The caller ends it with key_done. */
int described_key(enum key_algorithm algorithm, const char *domain, const char *selector, struct key *key_r, struct fail *why);

#endif
