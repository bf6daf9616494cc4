/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/listctl/whatif.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* A post with all its forms, and the copies of each as receivers read them. */
#define POST_MAX_BYTES ((size_t)4 << 30)
#define DAYS_MAX 36500

static const char usage[] =
	"usage: listctl whatif LIST [options] [--json]\n"
	"\n"
	"What each strategy would have cost a list of late: its own posts, taken from its archive, to its own members. Tells which author domains are strict today, which receivers\n"
	"the members are at, and what would have become of the copies. Nothing is sent.\n"
	"\n"
	"  --days N          posts of the last N days (default: 30)\n"
	"  --archive DIR     the archive directory, in place of asking the daemon; needs --members and --list-file\n"
	"  --members FILE    addresses of the members, one a line\n"
	"  --list-file F     settings of the list, as listctl list dump prints them\n"
	"  --site FILE       settings of the site\n"
	"  --keys DIR        signing keys (default: a key that is built in)\n"
	"  --models FILE     kinds of receivers (default: the shipped compare.receivers)\n"
	"  --receivers FILE  the receivers table (default: the shipped one)\n"
	"  --patterns FILE   by which refusals are classed (default: the shipped bounce.patterns)\n"
	"  --server-ip A     address of the list server, as its SPF record has it (default: one that passes)\n"
	"  --zone FILE       answers from this file instead of DNS\n"
	"  --now UNIXTIME    this time instead of the clock's\n"
	"  --jobs N          threads (default: one for each processor)\n"
	"  --json            JSON\n";

static int begin(struct whatif *w, int argc, char **argv)
{
	struct compare_request *r = &w->request;
	const struct offline_option options[] = {
		{ .name = "days", .value = &w->days_text }, { .name = "archive", .value = &w->archive_dir }, { .name = "members", .value = &w->members_file },
		{ .name = "list-file", .value = &r->list_file }, { .name = "site", .value = &r->site }, { .name = "keys", .value = &r->keys }, { .name = "models", .value = &r->models_file },
		{ .name = "receivers", .value = &r->receivers_file }, { .name = "patterns", .value = &r->patterns_file }, { .name = "server-ip", .value = &r->server_ip },
		{ .name = "jobs", .value = &r->jobs_text },
	};

	return offline_begin(&r->o, usage, argc, argv, options, sizeof(options) / sizeof(options[0]), 1);
}

static int check(struct whatif *w)
{
	struct compare_request *r = &w->request;

	w->days = 30;
	if (w->days_text != NULL && (!span_number(span_of(w->days_text), DAYS_MAX, &w->days) || w->days == 0))
		return offline_fail(EX_USAGE, "--days %s: expected a number from 1 to %d", w->days_text, DAYS_MAX);
	if ((w->archive_dir == NULL) != (w->members_file == NULL) || (w->archive_dir == NULL) != (r->list_file == NULL))
		return offline_fail(EX_USAGE, "whatif: --archive, --members and --list-file go together: without them the daemon is asked");
	w->since_secs = clock_now(&r->o.clock) - (int64_t)w->days * 86400;
	r->list = w->archive_dir == NULL ? r->o.arguments[0] : NULL;
	/* what is in the archive was taken: it was shown to be its author's, be it by what nobody wrote down */
	r->session.is_submission = true;
	return compare_jobs(r);
}

/* Counting. */

static struct whatif_author *author_of(struct whatif *w, const struct compared *c)
{
	const char *domain = c->author_domain == NULL ? "(none)" : c->author_domain;
	struct whatif_author *author;

	for (size_t i = 0; i < w->author_count; i++)
		if (strcmp(w->authors[i].domain, domain) == 0)
			return &w->authors[i];
	author = arena_grow(w->request.o.arena, &w->authors, &w->author_cap, w->author_count++, sizeof(*w->authors));
	*author = (struct whatif_author){ .domain = arena_text(w->request.o.arena, span_of(domain)), .policy = c->policy };
	return author;
}

static void count_cell(struct whatif_cost *cost, const struct compare_cell *cell, const struct compared_bounce *bounce, size_t members)
{
	cost->by_verdict[cell->verdict] += members;
	cost->counted_here += bounce->counts ? members : 0;
	cost->counted_elsewhere += bounce->counts_elsewhere ? members : 0;
	if (cell->form == NULL)
		return;
	cost->sent += members;
	cost->from_author += cell->form->from_is_author ? members : 0;
	cost->name_visible += cell->form->name_visible ? members : 0;
	cost->signatures_alive += cell->form->signatures_alive > 0 ? members : 0;
	cost->decorated += cell->form->tag != COMPARE_PART_MISSING && cell->form->footer != COMPARE_PART_MISSING ? members : 0;
}

static void *work(void *context, struct arena *a, size_t i)
{
	const struct whatif *w = context;

	return compared_run(&w->request.comparison, a, &w->request.corpus.items[i]);
}

static void emit(void *context, size_t i, void *result)
{
	struct whatif *w = context;
	const struct compared *c = result;

	(void)i;
	w->posts++;
	w->failed += c->failure != NULL;
	if (c->failure != NULL)
		return;
	w->unknown += c->result.unknown != NULL;
	author_of(w, c)->posts++;
	for (size_t column = 0; column < compare_column_count(); column++)
		for (size_t k = 0; k < w->operator_count; k++)
			count_cell(&w->costs[column], compare_cell(&c->result, &w->request.models, column, k), &c->bounces[column * w->operator_count + k], w->operators[k].members);
}

static int compare_authors(const void *one, const void *other)
{
	const struct whatif_author *a = one, *b = other;

	return a->posts != b->posts ? (a->posts < b->posts ? 1 : -1) : strcmp(a->domain, b->domain);
}

static int count(struct whatif *w)
{
	const struct jobs jobs = { .context = w, .count = w->request.corpus.count, .threads = w->request.jobs, .arena_max_bytes = POST_MAX_BYTES, .work = work, .emit = emit };

	w->costs = arena_array(w->request.o.arena, compare_column_count(), sizeof(*w->costs));
	jobs_run(&jobs);
	if (w->author_count > 0)
		qsort(w->authors, w->author_count, sizeof(*w->authors), compare_authors);
	return whatif_show(w);
}

int offline_whatif(int argc, char **argv)
{
	struct whatif w = { .days = 0 };
	int result = begin(&w, argc, argv);

	if (result < 0)
		result = check(&w);
	if (result < 0)
		result = compare_load_tables(&w.request);
	if (result < 0)
		result = whatif_load(&w);
	if (result < 0)
		result = compare_load_open(&w.request);
	if (result < 0)
		result = count(&w);
	compare_unload(&w.request);
	offline_done(&w.request.o);
	return result;
}
