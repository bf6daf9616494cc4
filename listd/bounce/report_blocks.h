/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks of a report in words, each about one address. */
#ifndef LISTD_BOUNCE_REPORT_BLOCKS_H
#define LISTD_BOUNCE_REPORT_BLOCKS_H

#include "listd/bounce/verdict_int.h"

struct block {
	const char *address;
	size_t line, at; /* where what is said of it begins: line, offset in it */
	size_t end;      /* behind its last line */
	size_t before;   /* first line of a session's transcript that leads to it; line where there is none */
	bool has_code;   /* "550 5.1.1 <address>... text" */
};
struct blocks { struct block *items; size_t count, cap; };

/* Find them: lines that begin with an address; without any, sentences that name one. */
void report_blocks(struct report *report, const struct report_lines *lines, struct blocks *blocks_r);

#endif
