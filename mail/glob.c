/* SPDX-License-Identifier: BSD-2-Clause */
#include "mail/glob.h"

bool glob_match(struct span glob, struct span text)
{
	size_t g = 0, t = 0, star = glob.len, retry = 0;

	while (t < text.len) {
		if (g < glob.len && glob.ptr[g] == '*') {
			star = g++;
			retry = t;
		} else if (g < glob.len && ascii_lower(glob.ptr[g]) == ascii_lower(text.ptr[t])) {
			g++;
			t++;
		} else if (star < glob.len) { /* let the last star take one character more; earlier ones need not change */
			g = star + 1;
			t = ++retry;
		} else {
			return false;
		}
	}
	while (g < glob.len && glob.ptr[g] == '*')
		g++;
	return g == glob.len;
}
