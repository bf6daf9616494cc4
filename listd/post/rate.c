/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/post/rate.h"

#include "mail/fail.h"
#include "mail/secret.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct rates {
	pthread_mutex_t lock;
	struct secret secret; /* so that nobody can aim at another one's slot */
	int64_t hour;
	unsigned counts[RATE_SLOTS];
};

struct rates *rates_new(void)
{
	struct rates *rates = calloc(1, sizeof(*rates));

	if (rates == NULL)
		fail_environment("out of memory");
	pthread_mutex_init(&rates->lock, NULL);
	secret_random(&rates->secret, sizeof(rates->secret));
	return rates;
}

void rates_free(struct rates *rates)
{
	free(rates);
}

bool rate_allow(struct rates *rates, const char *key, unsigned max, int64_t now_secs)
{
	struct secret slot = secret_derive(&rates->secret, key);
	unsigned *count = &rates->counts[((unsigned)slot.key[0] | (unsigned)slot.key[1] << 8 | (unsigned)slot.key[2] << 16) % RATE_SLOTS];
	bool allow;

	pthread_mutex_lock(&rates->lock);
	if (rates->hour != now_secs / 3600) {
		rates->hour = now_secs / 3600;
		memset(rates->counts, 0, sizeof(rates->counts));
	}
	allow = *count < max;
	if (allow)
		++*count;
	pthread_mutex_unlock(&rates->lock);
	return allow;
}
