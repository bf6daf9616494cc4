/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in posts: what author domains ask for, how their posts can be authentic, and what posts look like. */
#include "listd/listctl/compare.h"

static const char *const policies[] = { "absent", "none", "quarantine", "reject" };

static const struct { const char *name, *lines; } ways[] = {
	{ "dkim", "  auth dkim\n" },
	{ "simple", "  signature c=simple/simple\n" },
	{ "oversigned", "  signature oversigned\n" },
	{ "length", "  signature l=19\n" },
	{ "spf", "  auth spf\n" },
	{ "both", "  auth dkim spf\n" },
	{ "neither", "  auth broken\n" },
};

void compare_matrix(struct buf *out)
{
	for (size_t p = 0; p < sizeof(policies) / sizeof(policies[0]); p++)
		for (size_t w = 0; w < sizeof(ways) / sizeof(ways[0]); w++)
			for (size_t s = 0; s < shape_count; s++)
				buf_printf(out, "post %s/%s/%s\n  policy %s\n%s  shape %s\n", policies[p], ways[w].name, shapes[s].name, policies[p], ways[w].lines, shapes[s].name);
}
