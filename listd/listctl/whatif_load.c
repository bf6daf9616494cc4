/* SPDX-License-Identifier: BSD-2-Clause */
/* Posts and members of a list, from its daemon or from files, and the kinds of receivers that its members are at. */
#include "listd/listctl/listctl.h"
#include "listd/listctl/whatif.h"

#include "archive/maildir.h"
#include "listd/control/control.h"
#include "mail/file.h"
#include "mail/transfer.h"

#include <string.h>
#include <sysexits.h>

#define MEMBERS_MAX_BYTES ((size_t)64 << 20)

static void add_member(struct whatif *w, const char *address)
{
	*(const char **)arena_grow(w->request.o.arena, &w->members, &w->member_cap, w->member_count++, sizeof(*w->members)) = address;
}

/* From the daemon. */

struct asking { struct whatif *w; struct fail why; bool failed; };

static void take_member(void *context, json_t *row)
{
	struct asking *asking = context;
	const char *address = json_string_value(json_object_get(row, "address")), *delivery = json_string_value(json_object_get(row, "delivery"));

	if (address != NULL && delivery != NULL && strcmp(delivery, "on") == 0)
		add_member(asking->w, arena_text(asking->w->request.o.arena, span_of(address)));
}

static void take_post(void *context, json_t *row)
{
	struct asking *asking = context;
	struct corpus *corpus = &asking->w->request.corpus;
	const char *id = json_string_value(json_object_get(row, "id")), *message = json_string_value(json_object_get(row, "message"));

	if (id == NULL || message == NULL || asking->failed)
		return;
	asking->failed = corpus_add_message(corpus, id, NULL, transfer_base64_decode(corpus->arena, span_of(message), true), &asking->why) != 0;
}

static int ask(struct whatif *w, const char *verb, json_t *args, void (*row)(void *context, json_t *row))
{
	struct compare_request *r = &w->request;
	struct listctl ctl = { .socket = r->o.socket, .config = r->o.config, .arena = r->o.arena };
	struct listctl_request request = { .args = args };
	struct asking asking = { .w = w };
	struct listctl_answer answer = { .context = &asking, .row = row };
	json_t *result = NULL;
	int code = -1;

	if (args == NULL)
		return offline_fail(EX_USAGE, "the list's name is not UTF-8 text");
	buf_init(&request.data, 1);
	if (listctl_call(&ctl, verb, &request, &answer, &result, &asking.why) != 0)
		code = offline_fail(control_exit(&asking.why), "%s", asking.why.text);
	else if (asking.failed)
		code = offline_fail(EX_DATAERR, "%s", asking.why.text);
	json_decref(result);
	listctl_request_done(&request);
	return code;
}

static int ask_daemon(struct whatif *w)
{
	const char *list = w->request.list;
	int result = ask(w, "members list", json_pack("{s:s}", "list", list), take_member);

	return result < 0 ? ask(w, "archive read", json_pack("{s:s, s:I}", "list", list, "since", (json_int_t)w->since_secs), take_post) : result;
}

/* From files. */

static int take_file(void *context, const char *id, int64_t stored_secs, const char *path)
{
	struct asking *asking = context;

	(void)stored_secs;
	asking->failed = corpus_add_message(&asking->w->request.corpus, id, path, (struct span){ NULL, 0 }, &asking->why) != 0;
	return asking->failed;
}

static int read_members(struct whatif *w)
{
	struct span text, line;
	struct fail why;

	if (file_read(w->request.o.arena, w->members_file, MEMBERS_MAX_BYTES, &text, &why) != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	while (span_next(&text, '\n', &line)) {
		struct address_list list;

		address_list_parse(w->request.o.arena, span_trim(line), &list);
		if (list.count > 0 && line.ptr[0] != '#')
			add_member(w, arena_text(w->request.o.arena, list.items[0].spec));
	}
	return -1;
}

static int read_files(struct whatif *w)
{
	struct asking asking = { .w = w };
	int result = read_members(w);

	if (result < 0 && maildir_each(w->archive_dir, w->request.o.arguments[0], w->since_secs, take_file, &asking, &asking.why) != 0)
		return offline_fail(EX_DATAERR, "%s", asking.why.text);
	return result;
}

/* Receivers. */

static void add_operator(struct whatif *w, const struct receiver *receiver)
{
	struct whatif_operator *operator;

	for (size_t i = 0; i < w->operator_count; i++)
		if (w->operators[i].receiver == receiver) {
			w->operators[i].members++;
			return;
		}
	operator = arena_grow(w->request.o.arena, &w->operators, &w->operator_cap, w->operator_count++, sizeof(*w->operators));
	*operator = (struct whatif_operator){ receiver, 1 };
}

static void find_operators(struct whatif *w)
{
	struct compare_request *r = &w->request;
	const char **domains = arena_array(r->o.arena, w->member_count, sizeof(*domains));
	const struct receiver **found = arena_array(r->o.arena, w->member_count, sizeof(const struct receiver *));

	for (size_t i = 0; i < w->member_count; i++) {
		const char *at = strrchr(w->members[i], '@');

		domains[i] = at == NULL ? "" : at + 1;
	}
	receivers_find_all(r->comparison.receivers, r->o.dns, &r->o.clock, domains, w->member_count, found);
	for (size_t i = 0; i < w->member_count; i++)
		add_operator(w, found[i]);
}

/* The kind that is described for an operator, by the name under which the table knows it; else one that does what its row says. */
static struct model model_of(const struct whatif *w, const struct receiver *receiver)
{
	const struct models *models = &w->request.models;
	const char **sealers = arena_array(models->arena, 2, sizeof(*sealers));
	struct receiving_known *known = arena_alloc(models->arena, sizeof(*known));
	const struct model *described = models_find(models, span_of(receiver->name));
	struct model m = { .name = receiver->name, .about = "", .reply = "550 5.7.1 rejected by DMARC policy for {domain}", .temporary_reply = "451 4.7.1 DMARC could not be evaluated" };

	m.policy = (struct receiving_policy){ .reading = RECEIVING_STRICTER, .on_reject = RECEIVING_REFUSE, .on_quarantine = RECEIVING_JUNK, .on_temporary = RECEIVING_REFUSE };
	if (described != NULL)
		m = *described;
	else if (!receiver->enforces)
		m.policy.reading = RECEIVING_NONE;
	sealers[0] = MODELS_OF_THE_LIST;
	if (receiver->trusts_arc && m.sealers == NULL)
		m.policy.trusted_sealers = m.sealers = sealers;
	*known = (struct receiving_known){ .name = "the list", .dkim_domain = MODELS_OF_THE_LIST };
	if (receiver->allowlists_us && m.known == NULL) {
		m.policy.known = m.known = known;
		m.policy.known_count = 1;
	}
	m.enforces = receiver->enforces ? MODELS_YES : MODELS_NO;
	m.trusts_arc = receiver->trusts_arc ? MODELS_YES : MODELS_NO;
	m.allowlists_us = receiver->allowlists_us ? MODELS_YES : MODELS_NO;
	return m;
}

static void make_models(struct whatif *w)
{
	struct models *models = &w->request.models;
	struct model *items = arena_array(models->arena, w->operator_count, sizeof(*items));

	for (size_t i = 0; i < w->operator_count; i++)
		items[i] = model_of(w, w->operators[i].receiver);
	models->items = items;
	models->count = w->operator_count;
}

int whatif_load(struct whatif *w)
{
	int result = w->archive_dir == NULL ? ask_daemon(w) : read_files(w);

	if (result >= 0)
		return result;
	if (w->request.corpus.count == 0)
		return offline_fail(EX_DATAERR, "the archive of %s has no post of the last %llu days", w->request.o.arguments[0], w->days);
	if (w->member_count == 0)
		return offline_fail(EX_DATAERR, "%s has no members who get mail", w->request.o.arguments[0]);
	corpus_name(&w->request.corpus);
	find_operators(w);
	make_models(w);
	return -1;
}
