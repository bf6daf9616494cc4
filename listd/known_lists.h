/* SPDX-License-Identifier: BSD-2-Clause */
/* The setting receiver-known-lists: a list server in each line, as "NAME [dkim=DOMAIN] [list-id=PATTERN] [network=CIDR]"; "#" comments. */
#ifndef LISTD_KNOWN_LISTS_H
#define LISTD_KNOWN_LISTS_H

#include "mitigations/receiving.h"

/* Rows in a, with their texts. -1: the line, and what was expected. */
int known_lists_parse(struct arena *a, struct span text, struct receiving_known **known_r, size_t *count_r, struct fail *why);

#endif
