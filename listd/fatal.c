/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/fatal.h"

#include "mail/fail.h"

#include <signal.h>
#include <stddef.h>

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
#define COUNT (sizeof(signals) / sizeof(signals[0]))

static struct { void (*last_words)(void); struct sigaction before[COUNT]; } fatal;

static void on_signal(int number)
{
	fatal.last_words();
	for (size_t i = 0; i < COUNT; i++)
		if (signals[i] == number) {
			sigaction(number, &fatal.before[i], NULL);
			/* A handler that was there before (a sanitizer's) is to see the fault itself, which comes again on return. */
			if (fatal.before[i].sa_handler == SIG_DFL)
				raise(number);
		}
}

void fatal_watch(void (*last_words)(void))
{
	struct sigaction action = { .sa_handler = on_signal };

	fatal.last_words = last_words;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < COUNT; i++)
		sigaction(signals[i], &action, &fatal.before[i]);
	fail_last_words(last_words);
}
