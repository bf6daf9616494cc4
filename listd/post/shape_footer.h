/* SPDX-License-Identifier: BSD-2-Clause */
/* The footer, as an edit that adds and never changes what is there: at the end of a plain text whose encoding and charset can take it, as a new part at the
 * end of a multipart/mixed, else in a multipart/mixed spliced around the untouched body. */
#ifndef LISTD_SHAPE_FOOTER_H
#define LISTD_SHAPE_FOOTER_H

#include "listd/post/post.h"

/* Add the list's footer (not empty) to post->shaped. Needs post->mime. */
void shape_footer(struct post *post);

#endif
