/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the readers of address fields: address_list.c follows the grammar, address_scan.c finds what other readers
 * might see in a field that does not. */
#ifndef MAIL_ADDRESS_INT_H
#define MAIL_ADDRESS_INT_H

#include "mail/address.h"
#include "mail/buf.h"

#include <stdint.h>

/* Twice ADDRESS_LIST_MAX and a power of two: probing stays short. */
#define ADDRESS_SLOTS 4096

struct address_reader {
	struct arena *a;
	struct span in;
	size_t at;
	struct address_list *list;
	size_t cap;
	uint16_t *slots;           /* index + 1 of each listed spec by its hash, 0 for none */
	struct buf phrase, local, domain; /* of the element that is being read */
	bool is_local;             /* can what was read be a local part: words joined by dots? */
	bool in_group, has_first;
	struct span comment;       /* content of the first one since the last atom or literal */
	struct span group;
};

/* Characters that stand for themselves in atoms: printable, none of RFC 5322's specials; UTF-8 too (RFC 6532 3.2). */
bool address_is_atom_octet(char c);
/* Is s a domain literal that holds an IP address? */
bool address_is_literal(struct arena *a, struct span s);
/* Is the domain one that can be looked up, or a literal? */
bool address_is_domain(struct arena *a, struct span domain);
/* List an address. The spans need not last; spec and parts are copied. Sets too_many at the maximum. */
void address_add(struct address_reader *r, struct span local, struct span domain, struct span display);
/* Is local@domain in the list already (ASCII case ignored)? */
bool address_is_listed(const struct address_reader *r, struct span local, struct span domain);
/* Add whatever might be taken for an address anywhere in the field, quotes, comments and encoded words notwithstanding. */
void address_scan(struct address_reader *r);
/* Unicode's blanks, invisible characters and second forms of @ < > in text as " ", "@", "<", ">": as a human sees them. */
struct span address_as_seen(struct arena *a, struct span text);

#endif
