/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/clock.h"

#include <stddef.h>
#include <time.h>

int64_t clock_now(const struct clock *clock)
{
	if (clock != NULL && clock->is_fixed)
		return clock->fixed_secs;
	return (int64_t)time(NULL) + (clock == NULL ? 0 : clock->offset_secs);
}

int64_t clock_monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
