/* SPDX-License-Identifier: BSD-2-Clause */
/* A form of a message: the received bytes and a list of edits over them. An edit cuts a range of the original (possibly empty)
 * and puts bytes (possibly none) in its place; header fields inserted, replaced or removed are edits, so are footers and
 * filtered attachments. Rendering yields slices over the original and the put bytes: no body is copied. The inverse of
 * the edits over the rendered bytes is derivable, and gives the original back byte by byte.
 *
 * A form belongs to an arena; put bytes are not copied and must live as long. A form is a value that strategies copy
 * (form_copy) and extend. Not shared between threads while it is being changed. */
#ifndef MAIL_FORM_H
#define MAIL_FORM_H

#include "mail/message.h"

/* What an edit is for: passthrough leaves out what it may, and explain shows it. */
enum edit_kind {
	EDIT_REQUIRED,   /* must be there in every form (e.g. a filtered attachment, a forged field taken out) */
	EDIT_LIST_FIELD, /* List-*, Archived-At, Precedence, Reply-To by list policy...: droppable one by one */
	EDIT_DECORATION, /* subject tag, footer: droppable as the list's decorate setting says */
	EDIT_STRATEGY,   /* made by a mitigation strategy */
	EDIT_SIGNATURE   /* DKIM-Signature, ARC set: added last, above all */
};

struct edit {
	size_t at;            /* offset in the original */
	size_t cut_bytes;     /* bytes of the original left out from there */
	struct span put;      /* bytes in their place */
	enum edit_kind kind;
	const char *by;       /* stage or strategy, static text */
	struct span field;    /* name of the header field it adds, replaces or removes; empty for the body */
	unsigned order;       /* among edits at the same offset, lowest first: those at the header's top (later ones above
	                         earlier ones), then the header's others, then the body's, each as they were made */
};

struct form {
	struct arena *arena;
	const struct message *of; /* the original: one run of bytes */
	struct edit *edits;
	size_t count, cap;
	unsigned made; /* edits so far, dropped ones too */
};

/* Limit: a form that asks for more edits is refused by form_render (a message of 1,000 fields can be rid of all of them). */
#define FORM_EDITS_MAX 4096

/* A form without edits. */
void form_init(struct form *form, struct arena *a, const struct message *of);
/* A form with the same edits, independent of the other from then on. */
void form_copy(struct form *form, const struct form *from);

/* Add a header field above all others. text: "Name: value" with its folds and without or with a final line end; the
 * line ends of the original are used throughout. The caller has folded it (header_fold) and it holds no other line ends:
 * a line end in text that is not followed by a blank is a bug and aborts. */
void form_field_top(struct form *form, enum edit_kind kind, const char *by, struct span text);
/* Put a header of its own above the whole original, up to where the original's first field begins: the original becomes part of the body of what is put.
 * Fields added on top come above it, whenever they are added. text: fields with their line ends, an empty line, and what stands before the original. Once in a form. */
void form_front(struct form *form, enum edit_kind kind, const char *by, struct span text);
/* Add a header field below all others. */
void form_field_bottom(struct form *form, enum edit_kind kind, const char *by, struct span text);
/* Put text in the place of a field of the original; an earlier edit of that field is undone. */
void form_field_replace(struct form *form, enum edit_kind kind, const char *by, const struct field *field, struct span text);
/* Take a field of the original out; an earlier edit of that field is undone. */
void form_field_remove(struct form *form, enum edit_kind kind, const char *by, const struct field *field);
/* Take all fields of that name out, whether of the original or put in by earlier edits. */
void form_fields_remove(struct form *form, enum edit_kind kind, const char *by, const char *name);
/* Cut count bytes of the body from offset at (in the original), and put bytes in their place. Either may be empty. at and
 * at + count lie within body_offset and the end of the message; anything else is a bug and aborts. */
void form_splice(struct form *form, enum edit_kind kind, const char *by, size_t at, size_t count, struct span put);
/* Undo edit number i. */
void form_drop(struct form *form, size_t i);
/* Has this field of the original been cut or replaced? */
bool form_has_field_edit(const struct form *form, const struct field *field);

struct rendering {
	struct iovec *slices;
	size_t count;
	size_t total_bytes;
	size_t added_bytes; /* put in, all edits together */
};
/* The bytes of a form. Where the original's header does not end as RFC 5322 2.1 wants it, rendering mends what the edits need: a
 * last field without line end gets one before what is put below it; a header that no empty line closes gets one when a body is
 * put below it, or when the body begins with a line that is no field and the edits touch the header or that line (such a body
 * could be read as header then). Slices point into the original and the put bytes and live in arena a. -1: edits overlap or are too many
 * (a fault of the strategy that made them; the text names both). */
int form_render(const struct form *form, struct arena *a, struct rendering *rendering_r, struct fail *why);
/* Edits over the rendered bytes that give the original back: each cuts what was put and puts what was cut. at offsets are in the
 * rendered bytes, in ascending order. For DKIM2 recipes and for tests. */
int form_inverse(const struct form *form, struct arena *a, struct edit **edits_r, size_t *count_r, struct fail *why);
/* All slices as one run, in arena a. For small things and tests; delivery writes the slices. */
struct span rendering_bytes(struct arena *a, const struct rendering *rendering);
/* The edits as text for people: unified-diff-like lines "-old" and "+new" with who made each, header and body. */
void form_describe(const struct form *form, struct arena *a, struct span *text_r);

#endif
