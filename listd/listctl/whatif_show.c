/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/listctl/whatif.h"

#include "listd/json_text.h"

#include <string.h>
#include <sysexits.h>

static json_t *authors_json(const struct whatif *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->author_count; i++)
		json_array_append_new(list, json_pack("{s:o, s:I, s:s, s:b}", "domain", json_optional(w->authors[i].domain), "posts", (json_int_t)w->authors[i].posts, "policy",
			dmarc_policy_name(w->authors[i].policy), "strict", dmarc_is_strict(w->authors[i].policy)));
	return list;
}

static json_t *receivers_json(const struct whatif *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->operator_count; i++) {
		const struct receiver *r = w->operators[i].receiver;

		json_array_append_new(list, json_pack("{s:o, s:I, s:b, s:b, s:b}", "name", json_optional(r->name), "members", (json_int_t)w->operators[i].members, "enforces", r->enforces,
			"trusts_arc", r->trusts_arc, "allowlists_us", r->allowlists_us));
	}
	return list;
}

static json_t *cost_json(const struct whatif_cost *c)
{
	json_t *copies = json_object();

	for (unsigned i = 0; i < COMPARE_VERDICTS; i++)
		json_object_set_new(copies, compare_verdict_name((enum compare_verdict)i), json_integer((json_int_t)c->by_verdict[i]));
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "copies", copies, "sent", (json_int_t)c->sent, "from_is_author", (json_int_t)c->from_author,
		"name_visible", (json_int_t)c->name_visible, "author_dkim_alive", (json_int_t)c->signatures_alive, "decorated", (json_int_t)c->decorated,
		"bounces_counted", (json_int_t)c->counted_here, "bounces_counted_elsewhere", (json_int_t)c->counted_elsewhere);
}

static int show_json(const struct whatif *w)
{
	json_t *costs = json_object();

	for (size_t column = 0; column < compare_column_count(); column++)
		json_object_set_new(costs, compare_column_name(column), cost_json(&w->costs[column]));
	return offline_print(json_pack("{s:i, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "version", WHATIF_JSON_VERSION, "list", json_optional(w->request.comparison.list->address),
		"days", (json_int_t)w->days, "posts", (json_int_t)w->posts, "failed", (json_int_t)w->failed, "unknown", (json_int_t)w->unknown, "members", (json_int_t)w->member_count,
		"authors", authors_json(w), "receivers", receivers_json(w), "strategies", costs));
}

static const char *yes(bool value)
{
	return value ? "yes" : "no";
}

static void show_costs(const struct whatif *w)
{
	printf("\nWhat each strategy would have done with %zu copies\n\n%-14s%-9s%-9s%-9s%-10s%-10s%-10s%-13s%-12s%-13s%-13s%s\n", w->posts * w->member_count, "strategy", "inbox", "junk",
		"refused", "deferred", "not sent", "unknown", "From=author", "author DKIM", "tag, footer", "counted", "counted elsewhere");
	for (size_t column = 0; column < compare_column_count(); column++) {
		const struct whatif_cost *c = &w->costs[column];

		printf("%-14s%-9zu%-9zu%-9zu%-10zu%-10zu%-10zu%-13zu%-12zu%-13zu%-13zu%zu%s\n", compare_column_name(column), c->by_verdict[COMPARE_INBOX], c->by_verdict[COMPARE_JUNK],
			c->by_verdict[COMPARE_REFUSED], c->by_verdict[COMPARE_DEFERRED], c->by_verdict[COMPARE_NOT_SENT], c->by_verdict[COMPARE_UNKNOWN], c->from_author,
			c->signatures_alive, c->decorated, c->counted_here, c->counted_elsewhere, c->by_verdict[COMPARE_LAUNDERED] > 0 ? "   LAUNDERED" : "");
	}
}

int whatif_show(const struct whatif *w)
{
	if (w->request.o.json)
		return show_json(w);
	printf("%s: %zu posts in the last %llu days", w->request.comparison.list->address, w->posts, w->days);
	if (w->unknown + w->failed > 0)
		printf(" (%zu of which not all is known any more)", w->unknown + w->failed);
	printf(", %zu members who get mail\n\n%-36s%-8s%s\n", w->member_count, "author domain", "posts", "policy today");
	for (size_t i = 0; i < w->author_count; i++) {
		/* A-labels, or what is no domain at all: nothing of it is for a terminal to obey */
		output_clean(stdout, w->authors[i].domain);
		printf("%*s %-8zu%s\n", strlen(w->authors[i].domain) < 35 ? (int)(35 - strlen(w->authors[i].domain)) : 0, "", w->authors[i].posts, dmarc_policy_name(w->authors[i].policy));
	}
	printf("\n%-36s%-9s%-11s%-12s%s\n", "receiver", "members", "enforces", "trusts ARC", "allowlists us");
	for (size_t i = 0; i < w->operator_count; i++) {
		const struct receiver *r = w->operators[i].receiver;

		printf("%-36s%-9zu%-11s%-12s%s\n", r->name, w->operators[i].members, yes(r->enforces), yes(r->trusts_arc), yes(r->allowlists_us));
	}
	show_costs(w);
	return fflush(stdout) != 0 ? EX_IOERR : 0;
}
