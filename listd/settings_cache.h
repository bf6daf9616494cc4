/* SPDX-License-Identifier: BSD-2-Clause */
/* Parsed settings of the lists in use, so that a post costs no parsing. The store stays the truth: whoever asks brings the text as it stands there, and what was
 * parsed of another text is dropped. Settings are shared by all who hold them and never change. May be called by any thread. */
#ifndef LISTD_SETTINGS_CACHE_H
#define LISTD_SETTINGS_CACHE_H

#include "listd/settings.h"

/* Those used last: some 20 KB each. */
#define SETTINGS_CACHE_MAX_LISTS 256

struct settings_cache;
/* Empty; never NULL. */
struct settings_cache *settings_cache_new(void);
/* What is still held by others stays theirs. */
void settings_cache_free(struct settings_cache *cache);
/* Settings of a list from its text in the store; let them go with list_settings_free. -1: as list_settings_parse. */
int settings_cache_get(struct settings_cache *cache, const char *address, const char *text, struct list_settings **settings_r, struct fail *why);

#endif
