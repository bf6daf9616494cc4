/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of a Unix socket before and after its time. */
#ifndef LISTD_UNIX_SOCKET_H
#define LISTD_UNIX_SOCKET_H

#include "mail/fail.h"

/* Remove a socket that nobody answers on, left by a process that ended without doing so. -1: somebody does, or what stands there is no socket. */
int unix_socket_clear(const char *path, struct fail *why);

#endif
