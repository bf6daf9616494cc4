/* SPDX-License-Identifier: BSD-2-Clause */
/* What would happen to a message, stage by stage, by the very route that mail takes, ending before the commit. As JSON (the stable form) and as text for people. */
#ifndef LISTD_EXPLAIN_H
#define LISTD_EXPLAIN_H

#include "listd/post/post.h"

#include <jansson.h>

/* Run the route and tell:
 * {"id","list","purpose","outcome","stage","reason"|"reply","facts":{...},"edits":[...],"classes":[{"receiver","recipients","strategy","reason","attempts":[...],"proof":{...}}],
 * "stages":[{"stage","summary","outcome"}]}. post was begun. The caller owns the result. -1: trouble. */
int explain_run(struct post *post, json_t **explanation_r, struct fail *why);
/* The facts alone, as listctl auth prints them. */
json_t *explain_facts(const struct facts *facts);
/* One DMARC verdict. with_result: alignment and result members too. */
json_t *explain_dmarc(const struct dmarc_verdict *verdict, bool with_result);
/* An explanation as text. */
void explain_text(const json_t *explanation, struct buf *out);
/* The facts of explain_facts as text. */
void explain_facts_text(const json_t *facts, struct buf *out);
/* The bytes one recipient would get; the post was run by explain_run or route_run. -1: none, why says so. */
int explain_render(struct post *post, const char *address, struct rendering *rendering_r, struct fail *why);

#endif
