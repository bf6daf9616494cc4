/* SPDX-License-Identifier: BSD-2-Clause */
/* The milter: what happens between the mail server's SMTP session and listd. It asks listd at RCPT, runs the route's intake stages over the message as the client sends it, and
 * hands on what only the session knows in a keyed field (mitigations/auth/keyed.h). libmilter has a thread for each SMTP session. */
#ifndef LISTD_MILTER_H
#define LISTD_MILTER_H

#include "listd/program.h"
#include "listd/settings.h"
#include "mail/fail.h"

/* Read the settings, listen, become the user, serve until told to stop. The signals USR1 (read the settings again) and USR2 (stop) must be blocked in all threads; libmilter
 * takes HUP, TERM and INT. Returns an exit code; what went wrong was said on standard error. */
int milter_run(const struct program *program);
/* Read the settings alone: -1 with the reason. */
int milter_test(const struct program *program, struct fail *why);

#endif
