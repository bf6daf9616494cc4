/* SPDX-License-Identifier: BSD-2-Clause */
/* The other end of the daemon's sockets. */
#ifndef LISTD_CONTROL_CLIENT_H
#define LISTD_CONTROL_CLIENT_H

#include "mail/fail.h"

#include <jansson.h>

/* A connection to the socket at path, each step of which may take timeout_ms; the caller closes *fd_r. -1 with an exit code (control.h) and a text that says what to do. */
int control_connect(const char *path, unsigned timeout_ms, int *fd_r, struct fail *why);
/* One short exchange: verb and args (its reference is taken), then the result, whose reference is the caller's. timeout_ms: for each step of it. */
int control_ask(const char *path, const char *verb, json_t *args, unsigned timeout_ms, json_t **result_r, struct fail *why);

#endif
