/* SPDX-License-Identifier: BSD-2-Clause */
/* What people see is text in a file per language: template-dir/LANGUAGE/NAME.txt, UTF-8, with {words} to be filled in. A language that lacks a text falls back to
 * "en", and a missing directory to the text compiled in for the few that mail cannot go out without. */
#ifndef LISTD_TEMPLATE_H
#define LISTD_TEMPLATE_H

#include "mail/arena.h"

#define TEMPLATE_MAX_BYTES 65536

struct template_value { const char *name, *value; };

/* The text of a template, without its final line end; fallback where no file has it. language: letters, digits, "-" and "_" (others: "en"). */
const char *template_text(struct arena *a, const char *dir, const char *language, const char *name, const char *fallback);
/* {name} replaced by its value; an unknown word stays. */
const char *template_fill(struct arena *a, const char *text, const struct template_value *values, size_t count);

#endif
