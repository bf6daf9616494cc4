/* SPDX-License-Identifier: BSD-2-Clause */
/* The one place where the time comes from. A clock is handed to whatever needs it, so that tests and comparisons repeat. */
#ifndef MAIL_CLOCK_H
#define MAIL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock {
	bool is_fixed;
	int64_t fixed_secs;  /* unix time, when is_fixed */
	_Atomic int64_t offset_secs; /* added to the system's time otherwise; may be changed while threads ask */
};

/* Unix time in seconds. NULL means the system's clock. */
int64_t clock_now(const struct clock *clock);
/* Milliseconds of a clock that never jumps; for durations and deadlines only. */
int64_t clock_monotonic_ms(void);

#endif
