/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of header fields: read (unfold, comments) and write (fold, quote). RFC 5322 2.2.3, 3.2. */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "mail/arena.h"

/* RFC 5322 2.1.1: 998 octets at most in a line; fold at 78 where possible. */
#define HEADER_LINE_MAX_BYTES 998
#define HEADER_LINE_WANTED_BYTES 78

/* Is it the name of a header field (RFC 5322 2.2): visible ASCII without a colon? */
bool header_is_name(struct span name);
/* The value with line ends taken out (the blanks of a fold stay) and outer blanks trimmed. */
struct span header_unfold(struct arena *a, struct span value);
/* The value without comments, unfolded, runs of blanks as one space. An unclosed comment reaches to the end. Nesting to 32. */
struct span header_without_comments(struct arena *a, struct span value);
/* "Name: value" folded at blanks to lines of 78 octets where possible, with the given line end between lines and none at the
 * end. CR, LF and NUL in value become a space, so that no value can make a line. A word over 998 octets is split by force. */
struct span header_fold(struct arena *a, const char *name, struct span value, const char *line_end);
/* A word as RFC 5322 word: as it is when an atom (and a token of RFC 2045, so that it serves for parameters too), else as quoted-string with escapes.
 * Control characters are left out. */
struct span header_quote(struct arena *a, struct span word);
/* A display name for a header: as atoms, as quoted-string, or as RFC 2047 encoded words (each at most 75 octets, folded by
 * blanks) when it is not ASCII, looks like an encoded word, or could not be folded. name: UTF-8; control characters (C1 too),
 * U+2028..U+202E, U+2066..U+2069 and the like are left out. Empty for an empty name. */
struct span header_phrase(struct arena *a, struct span name);
/* Text for an unstructured field (Subject): as it is, with the part that needs it as encoded words. text: UTF-8; control characters are left out. */
struct span header_text(struct arena *a, struct span text);

/* MIME-style value "type; a=b; c=\"d\"" (RFC 2045 5.1, with RFC 2231 continuations and charset). first_r: the part before the
 * first ";", trimmed, comments removed. */
struct header_param { struct span name, value; };
#define HEADER_PARAMS_MAX 64 /* real fields have fewer than ten */
struct header_params { struct span first; struct header_param *items; size_t count; };
void header_params(struct arena *a, struct span value, struct header_params *params_r);
/* The value of a parameter (ASCII case ignored), or {NULL,0}. */
struct span header_param(const struct header_params *params, const char *name);

/* The names of fields that a list must not take over from a poster, or adds itself: row and flags. */
enum header_flag {
	HEADER_LIST = 1,     /* RFC 2369, 2919, 8058: stripped from posts */
	HEADER_ONCE = 2,     /* RFC 5322 3.6: at most one */
	HEADER_ADDRESSES = 4 /* holds an address list */
};
/* Flags of a field name; 0 for one that is not in the table. */
unsigned header_flags(struct span name);

#endif
