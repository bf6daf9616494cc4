/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of settings.h: values as text and back, reading through libconfuse, checks that rows name. */
#ifndef LISTD_SETTINGS_INT_H
#define LISTD_SETTINGS_INT_H

#include "listd/settings.h"

/* A file of settings is read whole; a list with many rules and a long footer needs some 100 KB. */
#define SETTINGS_MAX_BYTES ((size_t)1 << 20)

/* settings_value.c. The row of a name, or NULL. */
const struct setting *setting_find(const struct setting *rows, size_t count, const char *name);
/* The row whose name is nearest to a misspelt one, or NULL when none is near. */
const struct setting *setting_nearest(const struct setting *rows, size_t count, const char *name);
/* A value (one element of a list) checked by type, range and the row's own check; number_r is filled for all types but texts. */
int setting_convert(const struct setting *row, const char *text, long long *number_r, struct fail *why);
/* Where a row's value stands in the struct. */
void *setting_place(const struct setting *row, void *settings);
/* A text in quotes, in the syntax of the file. */
void setting_quote(const char *text, struct buf *out);
/* "name = value", in the syntax of the file, from a value as a person gives it to a command: a text as it is; the elements of a list separated by commas or
 * blanks, or in braces. */
void setting_assignment(const struct setting *row, const char *value, struct buf *out);

/* settings_scan.c. A copy of text for libconfuse: comments blanked, line numbers kept. -1 with "FILE:LINE: " for what libconfuse would take silently or misread:
 * braces, quotes and comments that are not closed, octets that it drops, escapes that it does not know, ${...}. */
int settings_scan(struct span text, const char *file, struct buf *out, struct fail *why);

/* settings_read.c. Fill the struct at settings (texts in a) with the rows' defaults, then with text, then with overrides ("name=value", NULL-ended, or NULL). */
int settings_read(const struct setting *rows, size_t count, struct span text, const char *file, const char *const *overrides, struct arena *a, void *settings,
	struct fail *why);

/* settings.c. list_settings_parse with overrides. */
int list_settings_parse_with(struct span text, const char *file, const char *address, const char *const *overrides, struct list_settings **settings_r,
	struct fail *why);

/* settings_check.c: what rows name as check. */
int check_address(const char *value, struct fail *why);
int check_pattern(const char *value, struct fail *why);
int check_host(const char *value, struct fail *why);
int check_word(const char *value, struct fail *why);
int check_path(const char *value, struct fail *why);
int check_mode(const char *value, struct fail *why);
int check_listen(const char *value, struct fail *why);
int check_listen_one(const char *value, struct fail *why);
int check_relay(const char *value, struct fail *why);
int check_network(const char *value, struct fail *why);
int check_language(const char *value, struct fail *why);
int check_url(const char *value, struct fail *why);
int check_line(const char *value, struct fail *why);
int check_text(const char *value, struct fail *why);
int check_via(const char *value, struct fail *why);
int check_strategy(const char *value, struct fail *why);
int check_rules(const char *value, struct fail *why);
int check_known_lists(const char *value, struct fail *why);
int check_field(const char *value, struct fail *why);
int check_header_rules(const char *value, struct fail *why);

#endif
