/* SPDX-License-Identifier: BSD-2-Clause */
/* Globs with "*" alone, which stands for any characters, none too. */
#ifndef MAIL_GLOB_H
#define MAIL_GLOB_H

#include "mail/span.h"

/* Does the whole text match (ASCII case ignored)? Takes at most |glob| * |text| steps, whatever they hold. */
bool glob_match(struct span glob, struct span text);

#endif
