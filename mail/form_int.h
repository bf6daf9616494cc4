/* SPDX-License-Identifier: BSD-2-Clause */
/* For form*.c and their tests. */
#ifndef MAIL_FORM_INT_H
#define MAIL_FORM_INT_H

#include "mail/form.h"

/* What is done to the original, from its first byte to its last: the form's edits in the order of their offsets, with the line ends that
 * are missing between them as edits of their own ("rendering" made them), and without those that do nothing.
 * -1: edits overlap, or are too many. */
int form_plan(const struct form *form, struct arena *a, struct edit **plan_r, size_t *count_r, struct fail *why);
/* Offset in the original where the first field begins, behind an mbox line. */
size_t form_head_offset(const struct message *of);
/* "required", ... */
const char *form_kind_name(enum edit_kind kind);

#endif
