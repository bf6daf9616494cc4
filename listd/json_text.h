/* SPDX-License-Identifier: BSD-2-Clause */
/* Mail text as JSON strings. */
#ifndef LISTD_JSON_TEXT_H
#define LISTD_JSON_TEXT_H

#include "mail/span.h"

#include <jansson.h>

/* A text as a JSON string, whatever its octets: where it is no UTF-8, octets above 127 are shown as U+FFFD. */
json_t *json_text(struct span text);
/* The same for a NUL-ended text; NULL becomes null. */
json_t *json_optional(const char *text);

#endif
