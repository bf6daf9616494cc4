/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints the texts that are made from tables: sample configuration, tables of the manual pages. Run by the build; a test compares them with the files that
 * are kept in conf/ and docs/. */
#include "listd/event.h"
#include "listd/settings.h"

#include <stdio.h>
#include <string.h>

static void site_sample(struct buf *out)
{
	buf_put_text(out, "# /etc/listd/listd.conf: settings of the site. Every line shows a default; see listd.conf(5).\n");
	settings_sample(site_setting_rows, site_setting_count, out);
}

static void list_sample(struct buf *out)
{
	buf_put_text(out, "# Settings of a list, as \"listctl list dump\" prints and \"listctl list load\" takes them. Every line shows a default; see listd.conf(5).\n");
	settings_sample(list_setting_rows, list_setting_count, out);
}

static void manual(struct buf *out)
{
	buf_put_text(out, ".TH LISTD.CONF 5 2026-11-22 \"listd\" \"File formats\"\n.SH NAME\nlistd.conf \\- settings of the listd server and of its lists\n"
		".SH DESCRIPTION\nLines \"name = value\". Texts stand in double quotes, several texts in { \"a\", \"b\" }, \"#\" begins a comment.\n"
		"Times take s, m, h, d (\"5d\"), sizes K, M, G.\n"
		"An unknown name or a wrong value is an error that names file, line and what was expected; on a reload the old settings then stay in force.\n.PP\n"
		"Settings of the site stand in\n.IR listd.conf .\nThose of a list are kept in the store, shown and changed with\n.B listctl list show|set|dump|load\nin the same syntax.\n"
		".SH SETTINGS OF THE SITE\n");
	settings_manual(site_setting_rows, site_setting_count, out);
	buf_put_text(out, ".SH SETTINGS OF A LIST\n");
	settings_manual(list_setting_rows, list_setting_count, out);
	buf_put_text(out, ".SH SEE ALSO\n.BR listd (8),\n.BR listctl (1)\n");
}

static void events(struct buf *out)
{
	for (size_t i = 0; i < EVENT_KINDS; i++)
		buf_printf(out, ".TP\n.B %s\n%s\n", event_rows[i].name, event_rows[i].help);
}

static const struct { const char *name; void (*print)(struct buf *out); } texts[] = {
	{ "site-sample", site_sample }, { "list-sample", list_sample }, { "manual", manual }, { "events", events },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf out;

		if (strcmp(argv[1], texts[i].name) != 0)
			continue;
		buf_init(&out, (size_t)4 << 20);
		texts[i].print(&out);
		fputs(buf_text(&out), stdout);
		buf_done(&out);
		return fflush(stdout) != 0;
	}
	fprintf(stderr, "usage: gendoc site-sample|list-sample|manual|events\n");
	return 64;
}
