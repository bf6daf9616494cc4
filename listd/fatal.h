/* SPDX-License-Identifier: BSD-2-Clause */
/* The last words of a process that a fault ends. */
#ifndef LISTD_FATAL_H
#define LISTD_FATAL_H

/* Call last_words on the thread at fault, when one makes a fatal signal (SIGSEGV and its like, SIGABRT) or ends the process for want of memory (fail_environment). It must
 * be async-signal-safe. The signal then does what it would have done. Once, at start. An overflow of the stack says nothing. */
void fatal_watch(void (*last_words)(void));

#endif
