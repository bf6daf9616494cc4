/* SPDX-License-Identifier: BSD-2-Clause */
/* listctl compare: what is to be compared, how, and what to write. */
#include "listd/listctl/compare.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
	"usage: listctl compare FILE... [options] [--json]\n"
	"\n"
	"Every strategy over posts, at every kind of receiver: what becomes of each copy, whose name is on it, where answers go, which signatures live, and what a refusal does to the\n"
	"subscriber. FILE is a message, an mbox, a Maildir, a directory of them, or a file of described posts. Nothing is sent; the same input gives the same output.\n"
	"\n"
	"  --matrix          compare the built-in posts: policies, ways to be authentic, shapes\n"
	"  --shapes          show the shapes that described posts can have\n"
	"  --list LIST       settings of a list of the daemon\n"
	"  --list-file F     settings of the list, as listctl list dump prints them (default: an ordinary list with tag and footer)\n"
	"  --site FILE       settings of the site\n"
	"  --keys DIR        signing keys (default: a key that is built in)\n"
	"  --models FILE     kinds of receivers (default: the shipped compare.receivers)\n"
	"  --receivers FILE  the receivers table, by which auto knows them\n"
	"  --patterns FILE   by which refusals are classed (default: the shipped bounce.patterns)\n"
	"  --strategy NAME   these strategies alone, or auto; may be repeated\n"
	"  --receiver NAME   these receivers alone; may be repeated\n"
	"  --policy NAME     posts whose author domain asks for this alone: absent, none, quarantine, reject, unknown; may be repeated\n"
	"  --unguarded       as a list manager would that changes whatever comes, and refuses nothing\n"
	"  --ip A            address of the client that recorded messages came from; without it SPF is not known\n"
	"  --helo H          its HELO\n"
	"  --mail-from M     envelope sender (default: the address in From)\n"
	"  --submission      they were submitted here by authenticated users\n"
	"  --recorded-by ID  the server whose Authentication-Results fields say what it found; SPF is taken from them\n"
	"  --server-ip A     address of the list server, as its SPF record has it (default: one that passes)\n"
	"  --zone FILE       answers from this file instead of DNS\n"
	"  --record FILE     write every answer of DNS down, for --zone\n"
	"  --now UNIXTIME    this time for all (default: for each message, when it came)\n"
	"  --jobs N          threads (default: one for each processor)\n"
	"  --wide            a table for each post, too\n"
	"  --html FILE       a page with the edits of every form\n"
	"  --junit FILE      results as JUnit's XML\n"
	"  --tap             results as TAP on standard output\n"
	"  --markdown        tables for a page of documentation, on standard output\n"
	"  --expect FILE     hold the run against a stored one: exit code 1 when anything is different\n"
	"  --update          with --expect: store this run\n"
	"  --json            JSON\n";

static int begin(struct compare_request *r, int argc, char **argv)
{
	const struct offline_option options[] = {
		{ .name = "list", .value = &r->list }, { .name = "list-file", .value = &r->list_file }, { .name = "site", .value = &r->site }, { .name = "keys", .value = &r->keys },
		{ .name = "models", .value = &r->models_file }, { .name = "receivers", .value = &r->receivers_file }, { .name = "record", .value = &r->record },
		{ .name = "jobs", .value = &r->jobs_text }, { .name = "html", .value = &r->html }, { .name = "junit", .value = &r->junit }, { .name = "expect", .value = &r->expect },
		{ .name = "server-ip", .value = &r->server_ip }, { .name = "recorded-by", .value = &r->recorded_by },
		{ .name = "patterns", .value = &r->patterns_file }, { .name = "ip", .value = &r->session.client_ip }, { .name = "helo", .value = &r->session.helo },
		{ .name = "mail-from", .value = &r->session.mail_from, .is_path = true }, { .name = "submission", .flag = &r->session.is_submission },
		{ .name = "strategy", .values = r->strategies, .count = &r->strategy_count }, { .name = "receiver", .values = r->kinds, .count = &r->kind_count },
		{ .name = "policy", .values = r->policies, .count = &r->policy_count }, { .name = "matrix", .flag = &r->matrix }, { .name = "shapes", .flag = &r->shapes },
		{ .name = "unguarded", .flag = &r->unguarded }, { .name = "wide", .flag = &r->wide },
		{ .name = "tap", .flag = &r->tap }, { .name = "markdown", .flag = &r->markdown }, { .name = "update", .flag = &r->update },
	};

	return offline_begin(&r->o, usage, argc, argv, options, sizeof(options) / sizeof(options[0]), OFFLINE_ANY);
}

int compare_jobs(struct compare_request *r)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	r->jobs = processors < 1 ? 1 : (unsigned long long)processors;
	if (r->jobs_text != NULL && (!span_number(span_of(r->jobs_text), JOBS_THREADS_MAX, &r->jobs) || r->jobs == 0))
		return offline_fail(EX_USAGE, "--jobs %s: expected a number from 1 to %d", r->jobs_text, JOBS_THREADS_MAX);
	return -1;
}

/* What does not go together. */
static int check(struct compare_request *r)
{
	int result = compare_jobs(r);

	if (result >= 0)
		return result;
	if (r->matrix == (r->o.argument_count > 0))
		return offline_fail(EX_USAGE, r->matrix ? "compare: --matrix takes no files" : "compare: what is to be compared? Files, or --matrix (try --help)");
	if (r->list != NULL && r->list_file != NULL)
		return offline_fail(EX_USAGE, "compare: --list and --list-file are two ways to say the same");
	if (r->update && r->expect == NULL)
		return offline_fail(EX_USAGE, "compare: --update writes the file that --expect names");
	if (r->record != NULL && r->o.zone_file != NULL)
		return offline_fail(EX_USAGE, "compare: with --zone there are no answers of DNS to record");
	if (r->o.json + r->tap + r->markdown > 1)
		return offline_fail(EX_USAGE, "compare: --json, --tap and --markdown all write to standard output");
	return -1;
}

static int show_shapes(void)
{
	for (size_t i = 0; i < shape_count; i++)
		printf("%-18s %s\n", shapes[i].name, shapes[i].about);
	return 0;
}

int offline_compare(int argc, char **argv)
{
	struct compare_request r = { .matrix = false };
	int result = begin(&r, argc, argv);

	if (result < 0 && r.shapes)
		result = show_shapes();
	if (result < 0)
		result = check(&r);
	if (result < 0)
		result = compare_load(&r);
	if (result < 0)
		result = compare_go(&r);
	compare_unload(&r);
	offline_done(&r.o);
	return result;
}
