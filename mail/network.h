/* SPDX-License-Identifier: BSD-2-Clause */
/* Is an address in one of several networks? */
#ifndef MAIL_NETWORK_H
#define MAIL_NETWORK_H

#include <stdbool.h>

/* ip: IPv4 or IPv6 in text (IPv4-mapped IPv6 counts as IPv4), or NULL. networks: NULL-ended "192.0.2.0/24", "2001:db8::/32" or single addresses. */
bool network_has(const char *const *networks, const char *ip);

#endif
