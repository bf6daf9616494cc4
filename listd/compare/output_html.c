/* SPDX-License-Identifier: BSD-2-Clause */
/* One page that stands alone: the tables, and each post down to the edits of each form. No script, nothing loaded from anywhere; every text of a message is escaped. Details
 * open by mouse and keyboard (the details element), and colours follow the reader's light or dark setting. */
#include "listd/compare/output.h"

#include <string.h>

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>listctl compare</title>\n<style>\n"
	":root{color-scheme:light dark;--ok:#1a7f37;--soft:#9a6700;--bad:#cf222e;--none:#57606a;--line:#d0d7de}\n"
	"@media(prefers-color-scheme:dark){:root{--ok:#3fb950;--soft:#d29922;--bad:#f85149;--none:#8b949e;--line:#30363d}}\n"
	"body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem;max-width:100rem}\n"
	"table{border-collapse:collapse;margin:.7rem 0}caption{text-align:left;font-weight:600;padding:.3rem 0}\n"
	"th,td{border:1px solid var(--line);padding:.2rem .5rem;text-align:left;vertical-align:top}\n"
	".inbox{color:var(--ok)}.junk,.deferred{color:var(--soft)}.refused{color:var(--bad)}.not-sent,.unknown{color:var(--none)}\n"
	".laundered{background:var(--bad);color:#fff;font-weight:700}\n"
	"details{margin:.3rem 0}details details{margin-left:1rem}summary{cursor:pointer}summary:focus-visible{outline:2px solid}\n"
	"pre{overflow-x:auto;border:1px solid var(--line);padding:.5rem}.scroll{overflow-x:auto}\n"
	"</style>\n</head>\n<body>\n<h1>Strategies compared</h1>\n";

/* Escaped, and control characters but line ends as U+FFFD. Octets that are no UTF-8 are shown by the reader's program as such; they end no element. */
static void put_bytes(FILE *file, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c == '<')
			fputs("&lt;", file);
		else if (c == '>')
			fputs("&gt;", file);
		else if (c == '&')
			fputs("&amp;", file);
		else if (c == '"')
			fputs("&quot;", file);
		else if (c == '\'')
			fputs("&#39;", file);
		else if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			fputs(c == '\r' ? "" : "&#xfffd;", file);
		else
			fputc(c, file);
	}
}

static void put(FILE *file, const char *text)
{
	put_bytes(file, span_of(text));
}

static const struct models *models_of(const struct output *out)
{
	return out->comparison->models;
}

static void table_head(struct output *out, const char *caption)
{
	fprintf(out->file, "<div class=\"scroll\"><table><caption>%s</caption>\n<thead><tr><th scope=\"col\">strategy</th>", caption);
	for (size_t i = 0; i < models_of(out)->count; i++) {
		fputs("<th scope=\"col\" title=\"", out->file);
		put(out->file, models_of(out)->items[i].about);
		fputs("\">", out->file);
		put(out->file, models_of(out)->items[i].name);
		fputs("</th>", out->file);
	}
	fputs("</tr></thead>\n<tbody>\n", out->file);
}

void output_html_begin(struct output *out)
{
	fputs(head, out->file);
	fputs("<p>Posts to ", out->file);
	put(out->file, out->comparison->list->address);
	fputs(out->comparison->unguarded ? ", by a list manager that changes whatever comes and refuses nothing" : "", out->file);
	fputs(". The tables of all posts stand at the <a href=\"#all\">end</a>.</p>\n<h2>Posts</h2>\n", out->file);
}

static void put_cell(struct output *out, const struct compare_cell *cell)
{
	fprintf(out->file, "<td class=\"%s\" title=\"", compare_verdict_name(cell->verdict));
	put(out->file, cell->reply != NULL ? cell->reply : cell->reason);
	fprintf(out->file, "\">%s%s", compare_verdict_name(cell->verdict), cell->marked ? ", marked" : "");
	if (cell->form != NULL)
		fprintf(out->file, "<br><small>%s</small>", cell->form->strategy->name);
	fputs("</td>", out->file);
}

static void put_matrix(struct output *out, const struct compared *c)
{
	table_head(out, "What becomes of it");
	for (size_t column = 0; column < compare_column_count(); column++) {
		if (!output_has_column(out, column))
			continue;
		fprintf(out->file, "<tr><th scope=\"row\">%s</th>", compare_column_name(column));
		for (size_t i = 0; i < models_of(out)->count; i++)
			put_cell(out, compare_cell(&c->result, models_of(out), column, i));
		fputs("</tr>\n", out->file);
	}
	fputs("</tbody></table></div>\n", out->file);
}

static void put_form(struct output *out, const struct compare_form *f)
{
	fprintf(out->file, "<details><summary>%s", f->strategy->name);
	if (f->failure != NULL) {
		fputs(": not made</summary><p>", out->file);
		put(out->file, f->failure);
		fputs("</p></details>\n", out->file);
		return;
	}
	fputs(": From: ", out->file);
	put(out->file, f->from);
	fputs("</summary>\n<ul>\n<li>reply goes to ", out->file);
	put(out->file, f->reply);
	fputs(", reply to all to ", out->file);
	put(out->file, f->reply_all);
	fprintf(out->file, "</li>\n<li>author's DKIM %u of %u, list's DKIM %s, ARC %s, List-* %u of %u, tag %s, footer %s, %lld octets added</li>\n<li>proof: ", f->signatures_alive,
		f->signatures, f->list_dkim ? "yes" : "no", f->sealed ? "yes" : "no", f->list_fields, f->list_fields_wanted, compare_part_name(f->tag), compare_part_name(f->footer),
		f->bytes_added);
	put(out->file, f->proof);
	fputs("</li>\n", out->file);
	for (size_t i = 0; i < f->break_count; i++) {
		fputs("<li>", out->file);
		put(out->file, f->breaks[i].signature);
		fputs(" is broken by: ", out->file);
		put(out->file, f->breaks[i].edit);
		fprintf(out->file, " (%s)</li>\n", f->breaks[i].by);
	}
	fputs("</ul>\n<pre>", out->file);
	put_bytes(out->file, f->diff);
	fputs("</pre></details>\n", out->file);
}

/* The worst of a post's verdicts under auto stands in its title. */
static enum compare_verdict worst_of(const struct output *out, const struct compared *c)
{
	enum compare_verdict worst = COMPARE_INBOX;

	for (size_t column = 0; column < compare_column_count(); column++)
		for (size_t i = 0; i < models_of(out)->count; i++) {
			enum compare_verdict verdict = compare_cell(&c->result, models_of(out), column, i)->verdict;

			if ((compare_column_strategy(column) == NULL || verdict == COMPARE_LAUNDERED) && output_has_column(out, column)
				&& compare_badness(verdict, false) > compare_badness(worst, false))
				worst = verdict;
		}
	return worst;
}

void output_html_post(struct output *out, const struct compared *c)
{
	enum compare_verdict worst;

	if (out->written == OUTPUT_HTML_POSTS_MAX)
		fprintf(out->file, "<p>The first %d posts are shown one by one; the tables are of all.</p>\n", OUTPUT_HTML_POSTS_MAX);
	if (out->written >= OUTPUT_HTML_POSTS_MAX)
		return;
	fputs("<details><summary>", out->file);
	put(out->file, c->name);
	if (c->failure != NULL) {
		fputs(" <span class=\"unknown\">not compared</span></summary><p>", out->file);
		put(out->file, c->failure);
		fputs("</p></details>\n", out->file);
		return;
	}
	worst = worst_of(out, c);
	fprintf(out->file, " <span class=\"%s\">%s</span></summary>\n<p>", compare_verdict_name(worst), compare_verdict_name(worst));
	put(out->file, c->from);
	fputs(": ", out->file);
	put(out->file, c->subject);
	fprintf(out->file, "<br>policy %s, ", dmarc_policy_name(c->policy));
	put(out->file, c->authentic_by);
	if (c->recorded.state != RECORDED_NOTHING) {
		fputs("<br>dmarc=", out->file);
		put(out->file, c->recorded.result);
		fputs(" was recorded by ", out->file);
		put(out->file, c->recorded.by);
		fprintf(out->file, ", predicted is %s: ", c->recorded.predicted);
		put(out->file, c->recorded.reason);
	}
	fputs("</p>\n", out->file);
	put_matrix(out, c);
	for (size_t i = 0; i < strategy_count; i++)
		if (c->result.forms[i].strategy != NULL)
			put_form(out, &c->result.forms[i]);
	for (size_t i = 0; i < c->difference_count; i++) {
		fprintf(out->file, "<p>%s %s ", stored_change_name(c->differences[i].change), c->differences[i].column == NULL ? "" : c->differences[i].column);
		put(out->file, c->differences[i].text);
		fputs("</p>\n", out->file);
	}
	fputs("</details>\n", out->file);
}

static void share(struct output *out, const char *percent)
{
	fprintf(out->file, "<td>%s%s</td>", *percent == '\0' ? "-" : percent, *percent == '\0' ? "" : "%");
}

static void put_readers(struct output *out, const struct sums *sums)
{
	static const char *const titles[] = { "copies", "From is the author", "name shown", "reply reaches the author", "author's DKIM", "list's DKIM", "ARC", "List-*", "tag",
		"footer", "octets added", "refusals", "counted", "counted elsewhere" };

	fputs("<div class=\"scroll\"><table><caption>What readers have of the copies, and what refusals did to subscribers</caption>\n<thead><tr><th scope=\"col\">strategy</th>",
		out->file);
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		fprintf(out->file, "<th scope=\"col\">%s</th>", titles[i]);
	fputs("</tr></thead>\n<tbody>\n", out->file);
	for (size_t column = 0; column < sums->columns; column++) {
		const struct sums_column *c = &sums->by_column[column];
		char text[24];

		if (!output_has_column(out, column))
			continue;
		fprintf(out->file, "<tr><th scope=\"row\">%s</th><td>%zu</td>", compare_column_name(column), c->forms);
		for (size_t i = 0; i < OUTPUT_SHARES; i++)
			share(out, output_share(c, i, text));
		fprintf(out->file, "<td>%lld</td><td>%zu</td><td>%zu</td><td>%zu</td></tr>\n", c->forms == 0 ? 0 : c->bytes_added / (long long)c->forms, c->replies, c->counted_here,
			c->counted_elsewhere);
	}
	fputs("</tbody></table></div>\n", out->file);
}

void output_html_end(struct output *out, const struct sums *sums)
{
	char text[160];

	fprintf(out->file, "<h2 id=\"all\">All %zu posts</h2>\n<p>%zu from authors with a strict policy, %zu that failed it on arrival, %zu of which it is not known.</p>\n",
		sums->posts, sums->strict, sums->forged, sums->unknown);
	table_head(out, "What becomes of them: inbox, and j junk, d deferred, r refused, n not sent, ? unknown, L laundered");
	for (size_t column = 0; column < sums->columns; column++) {
		if (!output_has_column(out, column))
			continue;
		fprintf(out->file, "<tr><th scope=\"row\">%s</th>", compare_column_name(column));
		for (size_t i = 0; i < sums->models; i++)
			fprintf(out->file, "<td%s>%s</td>", sums_count(sums, column, i, COMPARE_LAUNDERED) > 0 ? " class=\"laundered\"" : "", output_counts(sums, column, i, text));
		fputs("</tr>\n", out->file);
	}
	fputs("</tbody></table></div>\n", out->file);
	put_readers(out, sums);
	fputs("</body>\n</html>\n", out->file);
}
