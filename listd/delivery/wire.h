/* SPDX-License-Identifier: BSD-2-Clause */
/* A form as it goes over the wire after DATA: dots at line starts doubled (RFC 5321 4.5.2), a final CRLF where there is none, and the line of a single dot.
 * All of it slices over the form's own; computed once for a job, or while sending where a form has so many dotted lines that the table would be large. */
#ifndef LISTD_WIRE_H
#define LISTD_WIRE_H

#include "mail/form.h"

/* Slices kept for one form: 2 MB. */
#define WIRE_SLICES_MAX ((size_t)1 << 17)
/* Of a larger form, pages of the mapped files are given back once they are sent: a 50 MB post costs no more memory than this much. */
#define WIRE_WINDOW_BYTES ((size_t)4 << 20)

struct wire {
	const struct rendering *rendering;
	bool is_mapped;       /* all its long slices are of mapped files */
	struct iovec *slices; /* NULL: made while sending */
	size_t count;
	const char *fault;    /* why it cannot be sent: a bare CR or LF, which another server might take for a line end; else NULL */
};

struct wire_cursor {
	const struct wire *wire;
	size_t slice, offset;
	bool at_line_start, after_cr, tail_done;
	const char *fault;
};

/* rendering must outlive the wire. is_mapped: slices of 64 KB and more lie in mapped files, so that their pages may be given back. */
void wire_prepare(struct arena *a, const struct rendering *rendering, bool is_mapped, struct wire *wire_r);
void wire_start(struct wire_cursor *cursor, const struct wire *wire);
/* The next slices, max (at least 4) of them and about WIRE_WINDOW_BYTES at most. 0: all is given. */
size_t wire_next(struct wire_cursor *cursor, struct iovec *iov, size_t max);
bool wire_is_done(const struct wire_cursor *cursor);
/* Is it worth while to give pages back? */
bool wire_is_large(const struct wire *wire);
/* Give the pages of mapped files back that these slices cover. They stay readable. */
void wire_drop_pages(const struct iovec *iov, size_t count);

#endif
