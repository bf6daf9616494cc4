/* SPDX-License-Identifier: BSD-2-Clause */
/* Dates of RFC 5322 3.3 and 4.3. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "mail/arena.h"

#include <stdint.h>

/* Unix time of a Date value (comments, obsolete zones and two-digit years allowed); false when it is none. */
bool date_parse(struct span value, int64_t *secs_r);
/* "Sun, 22 Nov 2026 00:11:59 +0000", always UTC. */
char *date_format(struct arena *a, int64_t secs);
/* "2026-11-22", UTC (ISO 8601). */
char *date_iso(struct arena *a, int64_t secs);
/* The day of it: "Sun, 22 Nov 2026". */
char *date_day(struct arena *a, int64_t secs);

#endif
