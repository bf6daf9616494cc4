/* SPDX-License-Identifier: BSD-2-Clause */
/* The codes of a reply: where they stand in a text, and what they mean by themselves (RFC 5321 4.2, RFC 3463, RFC 7372 and the registry of enhanced status codes). */
#ifndef LISTD_BOUNCE_CODES_H
#define LISTD_BOUNCE_CODES_H

#include "listd/bounce/class.h"

struct reply_codes {
	int code;                       /* 421; 0 = none found */
	int status[3];                  /* 5, 1, 1; status[0] 0 = none found */
	size_t code_at;                 /* offset of the code in the text */
};

/* Find the first reply code and the first enhanced code in a text. Numbers that belong to addresses, versions or longer numbers are no codes. */
void codes_find(struct span text, struct reply_codes *codes_r);
/* Is there a reply code (400-599, with a blank, "-", ":" or the end behind it) at this offset? Returns it, or 0. */
int codes_at(struct span text, size_t at);
/* Read "5.1.1", perhaps with text behind it. false: it is none. */
bool codes_status(struct span text, int status_r[3]);

/* What an enhanced code means; false: it is too general to tell anything (5.0.0, 5.5.0, 5.7.1 ...). */
bool codes_class_of_status(const int status[3], enum bounce_class *class_r);
/* What a reply code means; false: as above (554 ...). */
bool codes_class_of_code(int code, enum bounce_class *class_r);

#endif
