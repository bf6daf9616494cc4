/* SPDX-License-Identifier: BSD-2-Clause */
/* Character sets that mail names, to UTF-8, through iconv. Only a fixed table of names is believed: what stands in a header is a
 * stranger's, and iconv would load whatever module that names. */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include "mail/arena.h"

/* bytes in the named charset as UTF-8. false: the name is not in the table, or the bytes are not of that charset. Labels mean what
 * senders mean by them: ISO-8859-1 and US-ASCII are read as Windows-1252, GB2312 as GB18030, KS_C_5601-1987 as CP949. */
bool charset_to_utf8(struct arena *a, struct span charset, struct span bytes, struct span *text_r);
/* Does a text in that charset change its meaning by what stands before it (ISO-2022-*, UTF-7, HZ)? Such texts are not joined before
 * they are converted. */
bool charset_is_stateful(struct span charset);

#endif
