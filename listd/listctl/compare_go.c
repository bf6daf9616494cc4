/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/listctl/compare.h"

#include "mail/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

/* A post with all its forms, and the copies of each as receivers read them. */
#define POST_MAX_BYTES ((size_t)4 << 30)
#define ZONE_MAX_BYTES ((size_t)1 << 30)
#define OUTPUTS_MAX 4
#define DIFFERENCES_SHOWN_MAX 1000 /* more is for --html or a diff of the files */
#define PROGRESS_MS 1000
#define PROGRESS_LINE_MS 30000     /* where standard error is no terminal */

struct going {
	struct compare_request *request;
	struct output outputs[OUTPUTS_MAX];
	size_t output_count;
	struct sums sums;
	struct stored *stored;
	size_t differences, by_change[STORED_CHANGES];
	int64_t began_ms, told_ms;
	bool has_progress;
	int result;
};

static void add_output(struct going *g, const char *kind, FILE *file)
{
	const struct compare_request *r = g->request;
	struct output *out = &g->outputs[g->output_count++];

	*out = (struct output){ .kind = output_kind_find(kind), .comparison = &r->comparison, .file = file, .wide = r->wide, .is_held = g->stored != NULL,
		.coloured = file == stdout && isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL };
}

static int add_file(struct going *g, const char *kind, const char *path)
{
	FILE *file;

	if (path == NULL)
		return -1;
	file = fopen(path, "we");
	if (file == NULL)
		return offline_fail(EX_CANTCREAT, "cannot write %s: %s", path, strerror(errno));
	add_output(g, kind, file);
	return -1;
}

/* A stored run is replaced as a whole, when all is written. */
static const char *update_path(const struct going *g)
{
	return g->request->update ? arena_printf(g->request->o.arena, "%s.new", g->request->expect) : NULL;
}

static int open_outputs(struct going *g)
{
	const struct compare_request *r = g->request;
	struct fail why;
	int result = -1;

	if (r->expect != NULL && !r->update && stored_read(r->expect, &g->stored, &why) != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	add_output(g, r->o.json ? "json" : r->tap ? "tap" : r->markdown ? "markdown" : "table", stdout);
	result = add_file(g, "html", r->html);
	if (result < 0)
		result = add_file(g, "junit", r->junit);
	if (result < 0)
		result = add_file(g, "stored", update_path(g));
	for (size_t i = 0; i < g->output_count && result < 0; i++)
		g->outputs[i].kind->begin(&g->outputs[i]);
	return result;
}

static void tell_progress(struct going *g, size_t done)
{
	int64_t now = clock_monotonic_ms(), wait = isatty(STDERR_FILENO) ? PROGRESS_MS : PROGRESS_LINE_MS;

	if (now - g->told_ms < wait)
		return;
	g->told_ms = now;
	g->has_progress = true;
	fprintf(stderr, "%s%zu of %zu posts, %lld s%s", isatty(STDERR_FILENO) ? "\r" : "", done, g->request->corpus.count, (long long)(now - g->began_ms) / 1000,
		isatty(STDERR_FILENO) ? "   " : "\n");
}

static void *work(void *context, struct arena *a, size_t i)
{
	const struct going *g = context;

	return compared_run(&g->request->comparison, a, &g->request->corpus.items[i]);
}

/* Differences go to standard output where the table is, else to standard error. */
static FILE *differences_file(const struct going *g)
{
	return g->request->o.json || g->request->tap || g->request->markdown ? stderr : stdout;
}

static void show_difference(struct going *g, const char *name, const struct stored_difference *d)
{
	g->by_change[d->change]++;
	if (++g->differences <= DIFFERENCES_SHOWN_MAX)
		fprintf(differences_file(g), "%s: %s: %s%s%s\n", stored_change_name(d->change), name, d->column == NULL ? "" : d->column, d->column == NULL ? "" : " ", d->text);
}

static void hold(struct going *g, struct compared *c)
{
	struct stored_difference *differences;
	char *text = NULL;
	size_t bytes = 0;
	FILE *file = open_memstream(&text, &bytes);

	if (file == NULL)
		fail_environment("out of memory");
	stored_write(file, &g->request->comparison, c);
	if (fclose(file) != 0)
		fail_environment("out of memory");
	stored_compare(g->stored, c->arena, c->name, (struct span){ text, bytes }, &differences, &c->difference_count);
	c->differences = differences;
	for (size_t i = 0; i < c->difference_count; i++)
		show_difference(g, c->name, &differences[i]);
	free(text);
}

static void emit(void *context, size_t i, void *result)
{
	struct going *g = context;
	struct compared *c = result;

	tell_progress(g, i);
	if (c->failure == NULL && !g->request->wants_policy[c->policy])
		return;
	if (g->stored != NULL)
		hold(g, c);
	sums_add(&g->sums, &g->request->comparison, c);
	for (size_t k = 0; k < g->output_count; k++) {
		struct output *out = &g->outputs[k];

		out->kind->post(out, c);
		out->written++;
	}
}

static void find_unseen(struct going *g)
{
	const struct stored_difference gone = { STORED_CHANGED, NULL, "stored, but not in this run" };
	const char *name;
	size_t at = 0;

	if (g->stored == NULL || g->request->policy_count > 0)
		return;
	while ((name = stored_unseen(g->stored, &at)) != NULL)
		show_difference(g, name, &gone);
}

static int close_outputs(struct going *g)
{
	bool broken = false;

	for (size_t i = 0; i < g->output_count; i++) {
		struct output *out = &g->outputs[i];

		out->kind->end(out, &g->sums);
		broken |= ferror(out->file) != 0 || (out->file == stdout ? fflush(stdout) : fclose(out->file)) != 0;
	}
	if (broken)
		return offline_fail(EX_IOERR, "the output cannot be written");
	if (g->request->update && rename(update_path(g), g->request->expect) != 0)
		return offline_fail(EX_IOERR, "cannot replace %s: %s", g->request->expect, strerror(errno));
	return -1;
}

static int write_record(struct going *g)
{
	struct compare_request *r = g->request;
	struct buf text;
	struct fail why;
	int result = -1;

	if (r->recording == NULL)
		return -1;
	buf_init(&text, ZONE_MAX_BYTES);
	resolver_recording_write(r->recording, r->o.arena, &text);
	if (buf_overflowed(&text) || file_replace(r->record, buf_span(&text), 0644, &why) != 0)
		result = offline_fail(EX_IOERR, "%s", buf_overflowed(&text) ? "too many answers to record" : why.text);
	buf_done(&text);
	return result;
}

static int conclude(struct going *g)
{
	int result = write_record(g);

	if (result >= 0)
		return result;
	if (g->sums.failed == g->sums.posts && g->sums.posts > 0)
		return offline_fail(EX_DATAERR, "no post could be compared");
	if (g->stored != NULL && g->differences > 0)
		fprintf(differences_file(g), "%zu differences to %s: %zu better, %zu worse, %zu changed\n", g->differences, g->request->expect, g->by_change[STORED_BETTER],
			g->by_change[STORED_WORSE], g->by_change[STORED_CHANGED]);
	if (g->stored != NULL)
		return g->differences > 0;
	return g->sums.by_verdict[COMPARE_LAUNDERED] > 0 && !g->request->unguarded;
}

int compare_go(struct compare_request *r)
{
	struct going g = { .request = r, .began_ms = clock_monotonic_ms() };
	const struct jobs jobs = { .context = &g, .count = r->corpus.count, .threads = r->jobs, .arena_max_bytes = POST_MAX_BYTES, .work = work, .emit = emit };
	int result = open_outputs(&g);

	g.told_ms = g.began_ms;
	if (result < 0) {
		sums_init(&g.sums, r->o.arena, &r->models);
		jobs_run(&jobs);
		if (g.has_progress && isatty(STDERR_FILENO))
			fputs("\r\033[K", stderr);
		find_unseen(&g);
		result = close_outputs(&g);
	}
	if (result < 0)
		result = conclude(&g);
	stored_free(g.stored);
	return result;
}
