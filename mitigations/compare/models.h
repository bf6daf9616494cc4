/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of receivers, described in a file: how they read DMARC, what they do with what fails it, whom they trust, what they reply, and by which names a list server finds
 * out who they are. Each is a policy for receiving_decide (receiving.h), so a modelled receiver and a real site decide by the same function. */
#ifndef MITIGATIONS_COMPARE_MODELS_H
#define MITIGATIONS_COMPARE_MODELS_H

#include "mail/clock.h"
#include "mitigations/receivers.h"
#include "mitigations/receiving.h"

enum models_said { MODELS_UNSAID, MODELS_NO, MODELS_YES };

struct model {
	const char *name, *about;
	struct receiving_policy policy;
	struct receiving_known *known; /* what policy points to */
	const char **sealers;
	const char *mx, *domain;   /* what a list server sees of it, or NULL */
	const char *reply, *temporary_reply; /* with {domain} and {policy} in it */
	enum models_said enforces, trusts_arc, allowlists_us; /* what the list server was told of it, beyond the receivers table */
	/* filled by models_bind */
	struct receiver believed;  /* what the list server takes it for */
	size_t sealer_set;         /* number of its set of trusted sealers: receivers of one set see the same facts */
};

struct models {
	struct arena *arena;
	struct model *items;
	size_t count, cap;
	const char *const **sealer_sets; /* NULL-ended lists; filled by models_bind */
	size_t sealer_set_count;
};

/* 200 kinds: beyond what any table shows. Eight known lists and eight sealers each. */
#define MODELS_OF_THE_LIST "(list)" /* in place of a domain: the one that the list signs with */
#define MODELS_MAX 200
#define MODELS_NAMES_MAX 8

/* Add the kinds of one file (line by line, "#" comments); file names it in messages. All lives in models->arena, which the caller has set.
 *   receiver NAME
 *     about TEXT
 *     reads 9989|7489|stricter|none
 *     on-reject, on-quarantine, on-temporary refuse|junk|mark|accept
 *     obeys t pct            (tags of a record that soften it)
 *     trusts-seals-of DOMAIN... ("(list)": the list's own domain)
 *     takes (list) | takes NAME [dkim DOMAIN] [list-id GLOB] [network CIDR]   (although DMARC fails)
 *     mx HOST, domain NAME   (by which the list server looks it up in the receivers table)
 *     told enforces|trusts-arc|allowlists-us yes|no   (what the list server was told of this very receiver)
 *     reply 550 5.7.1 TEXT, temporary-reply 451 4.7.1 TEXT
 * A name that stands twice is an error. -1: file, line, what was expected. */
int models_parse(struct span text, const char *file, struct models *models, struct fail *why);
/* The kind of that name, or NULL. */
struct model *models_find(const struct models *models, struct span name);
/* Put in what depends on the list server: "(list)" becomes the domain it signs with, and each kind is looked up in the receivers table, by its domain and MX. receivers may be
 * NULL: nothing is known then but what the file says. Once, before threads use the models. */
int models_bind(struct models *models, const char *list_domain, struct receivers *receivers, const struct clock *clock, struct fail *why);
/* What a copy is refused with. */
const char *models_reply(struct arena *a, const struct model *model, const struct receiving_verdict *verdict);

#endif
