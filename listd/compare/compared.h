/* SPDX-License-Identifier: BSD-2-Clause */
/* One post of a corpus, taken through the stages of the route up to the list's normal copy, and then through every strategy to every modelled receiver. */
#ifndef LISTD_COMPARE_COMPARED_H
#define LISTD_COMPARE_COMPARED_H

#include "listd/bounce/patterns.h"
#include "listd/compare/corpus.h"
#include "listd/compare/recorded.h"
#include "listd/post/post.h"
#include "mail/secret.h"
#include "mitigations/compare/compare.h"

/* The list server's address where none is given (RFC 5737), which its SPF record is taken to name. */
#define COMPARED_SERVER_IP "192.0.2.25"

/* What is the same for all posts of a run. Made once by compared_open, then read by any number of threads. */
struct comparison {
	/* given */
	struct site_settings *site;
	const char *list_text, *list_file;  /* the list's settings */
	const char *keys_dir;               /* signing keys; NULL: the key that is built in */
	struct receivers *receivers;        /* or NULL */
	struct models *models;              /* bound by compared_open */
	struct resolver *dns;               /* for recorded messages */
	const struct clock *clock;          /* fixed for all; NULL: a recorded message has the time when its topmost Received field, or its Date, says that it came */
	const char *server_ip;              /* of the list server, as DNS has it; NULL: COMPARED_SERVER_IP, with an SPF record that names it */
	const char *recorded_by;            /* authserv-id whose results recorded messages carry; NULL: whichever stands topmost */
	struct session session;             /* where recorded messages came from; client_ip NULL: not known */
	const struct patterns *patterns;    /* by which refusals are classed */
	const bool *columns;                /* as in compare_input */
	bool unguarded, with_diff;
	bool some_receivers;                /* not all that the file describes */
	/* made by compared_open */
	struct list_settings *list;
	struct keyring keyring;
	struct resolver *keys, *overlay;    /* public keys; those, and the SPF record */
	struct secret master;
};

/* Read the list's settings, keys and so on. -1: what is wrong. End with compared_close in any case. */
int compared_open(struct comparison *comparison, struct arena *a, struct fail *why);
void compared_close(struct comparison *comparison);

/* What a refusal means for the subscriber. */
struct compared_bounce {
	const char *class;           /* of the refusal (listd/bounce/class.h), or NULL: it is none */
	bool counts;                 /* it counts against him */
	bool counts_elsewhere;       /* a list manager that counts any 5xx would have counted it */
};

struct compared {
	const char *name;
	const char *failure;         /* it could not be compared: unreadable, no mail; NULL else */
	const char *from, *subject;  /* decoded */
	const char *author_domain;   /* of the strictest author, or NULL */
	enum dmarc_policy policy;
	const char *policy_record;   /* or NULL */
	bool authentic;
	const char *authentic_by;
	struct recorded recorded;    /* of a recorded message */
	struct compare_result result;
	struct compared_bounce *bounces; /* of the cells, in their order */
	struct arena *arena;             /* all of this lives in */
	const struct stored_difference *differences; /* from a stored run (stored.h), where there is one to hold it against */
	size_t difference_count;
};

/* Compare one post. All lives in a; what it points to beside is the comparison's and the corpus's. */
struct compared *compared_run(const struct comparison *comparison, struct arena *a, const struct corpus_item *item);

#endif
