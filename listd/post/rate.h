/* SPDX-License-Identifier: BSD-2-Clause */
/* How often something happened in the present hour, in a table of fixed size: what a stranger can trigger is bounded, and so is the memory that counting
 * takes. Keys that share a slot share its count, which errs on the side of refusing. For many threads. */
#ifndef LISTD_RATE_H
#define LISTD_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* 4 MB: a post that fifty thousand copies come back of in an hour takes one in twenty, so that hardly any two of them meet. */
#define RATE_SLOTS (1u << 20)

struct rates;
/* An empty table; the caller frees it with rates_free. */
struct rates *rates_new(void);
/* Free a table; NULL is nothing. */
void rates_free(struct rates *rates);
/* Count one event under key; false when there were max in this hour already. */
bool rate_allow(struct rates *rates, const char *key, unsigned max, int64_t now_secs);

#endif
