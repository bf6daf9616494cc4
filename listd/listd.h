/* SPDX-License-Identifier: BSD-2-Clause */
/* Places that the build decides. */
#ifndef LISTD_LISTD_H
#define LISTD_LISTD_H

#define LISTD_CONFIG LISTD_SYSCONFDIR "/listd.conf"
/* The receivers table as shipped; the site's own files are read after it. */
#define LISTD_RECEIVERS LISTD_DATADIR "/receivers.conf"
/* What refusals say, as shipped; the site's own files are read before it. */
#define LISTD_PATTERNS LISTD_DATADIR "/bounce.patterns"
/* Kinds of receivers for comparisons, as shipped. */
#define LISTD_MODELS LISTD_DATADIR "/compare.receivers"
/* Texts as shipped. */
#define LISTD_TEMPLATES LISTD_DATADIR "/templates"

#endif
