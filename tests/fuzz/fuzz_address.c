/* SPDX-License-Identifier: BSD-2-Clause */
/* Address fields and bare addresses: what was read can be written, and reads back as one mailbox. */
#include "mail/address.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)1 << 30);
	struct span value = { (const char *)data, size };
	struct address_list list, again;
	struct address address;
	const char **domains;
	size_t count;

	address_list_parse(a, value, &list);
	address_author_domains(a, &list, &domains, &count);
	for (size_t i = 0; i < list.count && i < 20 && !list.damaged; i++) {
		address_list_parse(a, address_format(a, list.items[i].display, list.items[i].spec), &again);
		if (again.count != 1 || again.damaged || !span_eq(again.items[0].spec, list.items[i].spec))
			abort();
		address_key(a, &list.items[i]);
	}
	if (address_parse(a, value, &address, NULL) == 0)
		address_key(a, &address);
	address_in_text(value);
	arena_free(a);
	return 0;
}
