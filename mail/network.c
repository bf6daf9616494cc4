/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/network.h"

#include "mail/span.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct net_address { uint8_t bytes[16]; unsigned bits; };

static bool parse(const char *text, struct net_address *address_r)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, text, address_r->bytes) == 1) {
		address_r->bits = 32;
		return true;
	}
	if (inet_pton(AF_INET6, text, address_r->bytes) != 1)
		return false;
	address_r->bits = 128;
	if (memcmp(address_r->bytes, mapped, 12) == 0) {
		memmove(address_r->bytes, address_r->bytes + 12, 4);
		address_r->bits = 32;
	}
	return true;
}

static bool is_in(const struct net_address *ip, const char *network)
{
	struct span text = span_of(network);
	size_t slash = span_find_byte(text, '/');
	unsigned long long length;
	struct net_address net;
	char host[64];

	if (slash >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)slash, network);
	if (!parse(host, &net) || net.bits != ip->bits)
		return false;
	length = net.bits;
	if (slash < text.len && !span_number(span_sub(text, slash + 1, text.len), net.bits, &length))
		return false;
	for (unsigned bit = 0; bit < length; bit++)
		if (((net.bytes[bit / 8] ^ ip->bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0)
			return false;
	return true;
}

bool network_has(const char *const *networks, const char *ip)
{
	struct net_address address;

	if (ip == NULL || !parse(ip, &address))
		return false;
	for (; networks != NULL && *networks != NULL; networks++)
		if (is_in(&address, *networks))
			return true;
	return false;
}
