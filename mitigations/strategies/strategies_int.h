/* SPDX-License-Identifier: BSD-2-Clause */
/* For the files of this folder: the rows of table.c, and what several strategies do alike. All memory is in->arena's. */
#ifndef MITIGATIONS_STRATEGIES_INT_H
#define MITIGATIONS_STRATEGIES_INT_H

#include "mitigations/strategy.h"

extern const struct strategy strategy_none, strategy_allowlist, strategy_reseal, strategy_passthrough, strategy_rewrite, strategy_wrap, strategy_refuse;

/* survive.c: which signatures of the received message live on in a form. By knowledge of what they cover, not by verifying: the proof verifies. */

/* Does the edit leave the signature whole? Body edits break all but one with l=, of which nothing is known without verifying. */
bool survive_edit(const struct message *m, const struct edit *edit, const struct dkim_signature *signature);
/* The same for all edits of a form. */
bool survive_form(const struct form *form, const struct dkim_signature *signature);
/* Is it aligned with one of the author domains, as both DMARC readings see it? */
bool survive_is_aligned(const struct strategy_input *in, const struct dkim_signature *signature);
/* The passing, aligned signatures; *count_r of them. */
const struct dkim_signature **survive_aligned(const struct strategy_input *in, size_t *count_r);
/* Do relays change this message on its way, so that no signature over it can be counted on: lines over 998 octets, 8-bit octets where the relay takes none? An author in
 * UTF-8 is as bad: not every receiver knows his domain. Other UTF-8 in the header either comes through as it is or not at all (RFC 6531 3.2), in any form. */
bool survive_is_fragile(const struct strategy_input *in);
/* Remove or rename signatures that the form breaks, or that were broken on arrival, as the list's setting says. Last of all edits. */
void survive_settle(const struct strategy_input *in, struct form *form, const char *by);

/* repair.c: what keeps the copy from being a valid message (RFC 5322 3.6, 2.1.1) is put right. */

/* -1: it cannot be, since a signed part would have to be encoded anew. From is left to the strategy, but for the length of its lines. */
int repair_form(const struct strategy_input *in, struct form *form, const char *by, struct fail *why);
/* Only what relays do not take: long lines of the header, and parts with such or with 8-bit octets for a relay of 7 bits. */
int repair_lines(const struct strategy_input *in, struct form *form, const char *by, struct fail *why);
/* reencode.c: parts that are to be encoded anew, as quoted-printable or base64. A footer in such a part is left out. */
int reencode_parts(const struct strategy_input *in, struct form *form, const char *by, struct fail *why);
/* Does the text have a line of more than 998 octets? */
bool repair_has_long_line(struct span text);
/* Is a part with this text to be encoded anew: has it such a line, or 8-bit octets that the relay does not take? */
bool repair_is_to_encode(const struct strategy_input *in, struct span text);
/* "Name: value" with the value as received where its lines allow, else folded anew. */
struct span repair_field(const struct strategy_input *in, const char *name, struct span value);

/* via.c: the From of a copy that does not keep the author's. */

/* "Name via List <address>" as value of the new From field: the list's address, or the author's alias where the list has them. */
struct span via_from(const struct strategy_input *in);
/* The same for a wrapper: always the list's address, and without the name of an author whose domain's record the post fails. */
struct span via_list(const struct strategy_input *in);

/* replies.c: who gets the answers to such a copy. */
struct replies {
	struct span reply_to; /* value of the Reply-To field; empty: the poster's own stays */
	struct span cc;       /* addresses that Cc must get on top of its own, or empty */
};
void replies_plan(const struct strategy_input *in, struct replies *replies_r);
/* The whole Cc field: the added addresses above those that it has. */
struct span replies_cc(const struct strategy_input *in, struct span added);

/* none.c: the list's normal copy, which three strategies send. */
int none_propose(const struct strategy_input *in, const char *by, struct form *form_r, struct fail *why);

#endif
