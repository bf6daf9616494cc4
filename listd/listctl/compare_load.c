/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/listctl/compare.h"
#include "listd/listctl/listctl.h"

#include "listd/control/control.h"
#include "listd/listd.h"
#include "listd/shipped.h"
#include "mail/file.h"

#include <string.h>
#include <sysexits.h>

#define SETTINGS_MAX_BYTES ((size_t)1 << 20)
#define TABLE_MAX_BYTES ((size_t)4 << 20)
#define MATRIX_MAX_BYTES ((size_t)4 << 20)

/* What most lists have is there: strategies differ over it. */
static const char ordinary_list[] =
	"address = \"birds@lists.example.org\"\nowners = { \"owner@lists.example.org\" }\nsubject-tag = \"[birds]\"\nfooter = \"birds mailing list\"\n";

static int ask_for_list(struct compare_request *r)
{
	struct listctl ctl = { .socket = r->o.socket, .config = r->o.config, .arena = r->o.arena };
	struct listctl_request request = { .args = json_pack("{s:s}", "list", r->list) };
	struct listctl_answer answer = { .row = NULL };
	json_t *result = NULL;
	struct fail why;
	int code = -1;

	if (request.args == NULL)
		return offline_fail(EX_USAGE, "the list's name is not UTF-8 text");
	buf_init(&request.data, SETTINGS_MAX_BYTES);
	if (listctl_call(&ctl, "list dump", &request, &answer, &result, &why) != 0)
		code = offline_fail(control_exit(&why), "%s", why.text);
	else
		r->comparison.list_text = arena_text(r->o.arena, span_of(json_string_value(json_object_get(result, "text"))));
	r->comparison.list_file = r->list;
	json_decref(result);
	listctl_request_done(&request);
	return code;
}

static int read_list(struct compare_request *r)
{
	struct span text;
	struct fail why;

	if (r->list != NULL)
		return ask_for_list(r);
	r->comparison.list_text = ordinary_list;
	r->comparison.list_file = "the built-in list";
	if (r->list_file == NULL)
		return -1;
	if (file_read(r->o.arena, r->list_file, SETTINGS_MAX_BYTES, &text, &why) != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	r->comparison.list_text = arena_text(r->o.arena, text);
	r->comparison.list_file = r->list_file;
	return -1;
}

static int read_receivers(struct compare_request *r)
{
	const char *file = r->receivers_file != NULL ? r->receivers_file : LISTD_RECEIVERS;
	struct span text;
	struct fail why;

	r->comparison.receivers = receivers_new();
	if (shipped_read(r->o.arena, file, TABLE_MAX_BYTES, &text, &why) != 0 || receivers_parse(text, file, r->comparison.receivers, &why) != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	return -1;
}

static int read_patterns(struct compare_request *r)
{
	struct fail why;

	r->comparison.patterns = r->patterns = patterns_new();
	if (patterns_read(r->patterns_file != NULL ? r->patterns_file : LISTD_PATTERNS, r->patterns, &why) != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	return -1;
}

static bool is_wanted(const struct compare_request *r, const char *name)
{
	for (size_t i = 0; i < r->kind_count; i++)
		if (span_eq_text_nocase(span_of(name), r->kinds[i]))
			return true;
	return r->kind_count == 0;
}

static int read_models(struct compare_request *r)
{
	const char *file = r->models_file != NULL ? r->models_file : LISTD_MODELS;
	struct span text;
	struct fail why;
	size_t kept = 0;

	r->models.arena = r->o.arena;
	if (shipped_read(r->o.arena, file, TABLE_MAX_BYTES, &text, &why) != 0 || models_parse(text, file, &r->models, &why) != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	for (size_t i = 0; i < r->kind_count; i++)
		if (models_find(&r->models, span_of(r->kinds[i])) == NULL)
			return offline_fail(EX_USAGE, "--receiver %s: %s has no such kind", r->kinds[i], file);
	for (size_t i = 0; i < r->models.count; i++)
		if (is_wanted(r, r->models.items[i].name))
			r->models.items[kept++] = r->models.items[i];
	r->models.count = kept;
	r->comparison.models = &r->models;
	return kept == 0 ? offline_fail(EX_DATAERR, "%s describes no receiver", file) : -1;
}

static int read_columns(struct compare_request *r)
{
	bool *columns = arena_array(r->o.arena, compare_column_count(), sizeof(*columns));

	for (size_t i = 0; i < r->strategy_count; i++) {
		size_t column = compare_column_find(span_of(r->strategies[i]));

		if (column == compare_column_count())
			return offline_fail(EX_USAGE, "--strategy %s: there is no such strategy", r->strategies[i]);
		columns[column] = true;
	}
	r->comparison.columns = r->strategy_count == 0 ? NULL : columns;
	return -1;
}

static int read_policies(struct compare_request *r)
{
	for (size_t i = 0; i < r->policy_count; i++) {
		unsigned policy = 0;

		while (policy <= DMARC_UNKNOWN && strcmp(dmarc_policy_name((enum dmarc_policy)policy), r->policies[i]) != 0)
			policy++;
		if (policy > DMARC_UNKNOWN)
			return offline_fail(EX_USAGE, "--policy %s: expected absent, none, quarantine, reject or unknown", r->policies[i]);
		r->wants_policy[policy] = true;
	}
	for (unsigned policy = 0; policy <= DMARC_UNKNOWN && r->policy_count == 0; policy++)
		r->wants_policy[policy] = true;
	return -1;
}

static int read_posts(struct compare_request *r)
{
	struct buf text;
	struct fail why;
	int result = 0;

	if (r->matrix) {
		buf_init(&text, MATRIX_MAX_BYTES);
		compare_matrix(&text);
		result = corpus_add_described(&r->corpus, buf_span(&text), "matrix", &why);
		buf_done(&text);
	}
	for (size_t i = 0; i < r->o.argument_count && result == 0; i++)
		result = corpus_add(&r->corpus, r->o.words[i], &why);
	if (result != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	corpus_name(&r->corpus);
	return r->corpus.count == 0 ? offline_fail(EX_DATAERR, "there is no message") : -1;
}

/* Who records what recorded messages carry is believed by the list server as well. */
static int read_site(struct compare_request *r, struct fail *why)
{
	const char *const overrides[] = { r->recorded_by == NULL ? NULL : arena_printf(r->o.arena, "trusted-authserv-ids=%s", r->recorded_by), NULL };
	struct span text = { "", 0 };

	if (r->site != NULL && file_read(r->o.arena, r->site, SETTINGS_MAX_BYTES, &text, why) != 0)
		return -1;
	return site_settings_parse(text, r->site, overrides, &r->comparison.site, why);
}

int compare_load_open(struct compare_request *r)
{
	struct comparison *c = &r->comparison;
	struct fail why;

	if (r->record != NULL)
		r->recording = resolver_recording(r->o.dns);
	c->dns = r->recording != NULL ? r->recording : r->o.dns;
	c->clock = r->o.now_text != NULL ? &r->o.clock : NULL;
	c->keys_dir = r->keys;
	c->server_ip = r->server_ip;
	c->session = r->session;
	c->unguarded = r->unguarded;
	c->some_receivers = r->kind_count > 0;
	c->with_diff = r->html != NULL;
	c->recorded_by = r->recorded_by;
	if (read_site(r, &why) != 0 || compared_open(c, r->o.arena, &why) != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	return -1;
}

int compare_load_tables(struct compare_request *r)
{
	static int (*const steps[])(struct compare_request *r) = { read_columns, read_policies, read_list, read_receivers, read_patterns, read_models };
	int result = -1;

	corpus_init(&r->corpus);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && result < 0; i++)
		result = steps[i](r);
	return result;
}

int compare_load(struct compare_request *r)
{
	int result = compare_load_tables(r);

	if (result < 0)
		result = read_posts(r);
	return result < 0 ? compare_load_open(r) : result;
}

void compare_unload(struct compare_request *r)
{
	compared_close(&r->comparison);
	receivers_free(r->comparison.receivers);
	patterns_free(r->patterns);
	site_settings_free(r->comparison.site);
	if (r->corpus.arena != NULL)
		corpus_done(&r->corpus);
	resolver_free(r->recording);
}
