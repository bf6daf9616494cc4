/* SPDX-License-Identifier: BSD-2-Clause */
/* listctl explain, render with --list-file: the route without a daemon. */
#include "listd/listctl/offline.h"

#include "listd/listd.h"
#include "listd/post/explain_call.h"
#include "mail/address.h"
#include "listd/shipped.h"
#include "mail/file.h"
#include "mail/secret.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define EXPLAIN_OPTIONS \
	"  --list-file F     settings of the list, as listctl list dump prints them\n" \
	"  --ip A            address of the client that handed the message in; without it SPF is none\n" \
	"  --helo H          its HELO\n" \
	"  --mail-from M     envelope sender (default: the address in From)\n" \
	"  --submission      it was submitted here by an authenticated user\n" \
	"  --smtputf8        it was handed in with SMTPUTF8\n" \
	"  --to ADDRESS      with --list-file: a subscriber; may be repeated (default: one at every known receiver)\n" \
	"  --nonmember       with --list-file: the author is no member\n" \
	"  --keys DIR        with --list-file: signing keys (default: a key made for this run)\n" \
	"  --receivers FILE  with --list-file: the receivers table\n" \
	"  --site FILE       with --list-file: settings of the site\n" \
	"  --zone FILE       with --list-file: answers from this file instead of DNS\n" \
	"  --now UNIXTIME    with --list-file: this time instead of the clock's\n"

static const char explain_usage[] =
	"usage: listctl explain LIST FILE [options] [--json]\n"
	"\n"
	"The way of this message through the list, stage by stage: facts, records found, rules hit, for each receiver class the strategies tried, why each was\n"
	"taken or not, the edits, the proof. Nothing is sent or changed. LIST is a list of the daemon unless --list-file is given.\n"
	"\n" EXPLAIN_OPTIONS
	"  --json            JSON\n";

static const char render_usage[] =
	"usage: listctl render LIST FILE --for ADDRESS [options]\n"
	"\n"
	"The exact bytes that a subscriber would get, on standard output.\n"
	"\n"
	"  --for ADDRESS     the subscriber\n" EXPLAIN_OPTIONS;

struct explain_options {
	const char *list_file, *keys, *receivers, *site, *for_address;
	const char *to[OFFLINE_VALUES_MAX];
	size_t to_count;
	bool nonmember;
	struct explain_request request;
};

struct local_world {
	struct explain_options *options;
	const char *list_text;
	struct site_settings *site;
	struct keyring keyring;
	struct receivers *receivers;
	struct resolver *overlay;
	struct secret master;
};

static int find_member(void *context, struct arena *a, const char *list, const char *key, struct member *member_r, struct fail *why)
{
	const struct local_world *local = context;

	(void)a;
	(void)list;
	(void)why;
	*member_r = (struct member){ .key = key, .address = key, .name = "", .reason = "" };
	return !local->options->nonmember;
}

static int find_alias(void *context, struct arena *a, const char *list, const char *code, const char **author_r, struct fail *why)
{
	(void)context;
	(void)a;
	(void)list;
	(void)code;
	(void)author_r;
	(void)why;
	return 0;
}

static int each_member(void *context, const char *list, int (*each)(void *, const struct member *), void *each_context, struct fail *why)
{
	const struct local_world *local = context;

	(void)list;
	(void)why;
	for (size_t i = 0; i < local->options->to_count; i++) {
		struct member member = { .key = local->options->to[i], .address = local->options->to[i], .name = "", .reason = "" };
		int result = each(each_context, &member);

		if (result != 0)
			return result;
	}
	return 0;
}

static int find_list(void *context, const char *address, struct list_settings **list_r, struct fail *why)
{
	const struct local_world *local = context;
	struct list_settings *list;

	if (list_settings_parse(span_of(local->list_text), local->options->list_file, NULL, &list, why) != 0)
		return -1;
	if (!span_eq_text_nocase(span_of(list->address), address)) {
		list_settings_free(list);
		return 0;
	}
	*list_r = list;
	return 1;
}

static int make_key(struct local_world *local, struct fail *why)
{
	struct list_settings *list;
	int result;

	if (local->options->keys != NULL)
		return keyring_load(local->options->keys, &local->keyring, why);
	if (list_settings_parse(span_of(local->list_text), local->options->list_file, NULL, &list, why) != 0)
		return -1;
	local->keyring.items = calloc(1, sizeof(*local->keyring.items));
	if (local->keyring.items == NULL)
		fail_environment("out of memory");
	result = key_generate(KEY_RSA, 2048, *list->sign_domain != '\0' ? list->sign_domain : list_domain(list), "explain", &local->keyring.items[0], why);
	local->keyring.count = result == 0;
	list_settings_free(list);
	return result;
}

static int read_receivers(struct offline *o, struct local_world *local, struct fail *why)
{
	const char *file = local->options->receivers != NULL ? local->options->receivers : LISTD_RECEIVERS;
	struct span text;

	local->receivers = receivers_new();
	return shipped_read(o->arena, file, (size_t)4 << 20, &text, why) != 0 ? -1 : receivers_parse(text, file, local->receivers, why);
}

static int open_world(struct offline *o, struct local_world *local, struct world *world_r, struct fail *why)
{
	struct span text;

	if (file_read(o->arena, local->options->list_file, (size_t)1 << 20, &text, why) != 0)
		return -1;
	local->list_text = arena_text(o->arena, text);
	if (site_settings_read(local->options->site, &local->site, why) != 0 || make_key(local, why) != 0 || read_receivers(o, local, why) != 0)
		return -1;
	local->overlay = keyring_resolver(&local->keyring);
	*world_r = (struct world){
		.context = local, .dns = o->dns, .clock = &o->clock, .site = local->site, .keyring = &local->keyring, .key_overlay = local->overlay, .receivers = local->receivers,
		.master = &local->master, .every_receiver = local->options->to_count == 0, .find_member = find_member, .find_alias = find_alias, .each_member = each_member,
	};
	return 0;
}

static void close_world(struct local_world *local)
{
	resolver_free(local->overlay);
	receivers_free(local->receivers);
	keyring_done(&local->keyring);
	site_settings_free(local->site);
}

int offline_print_explanation(json_t *explanation, bool json)
{
	struct buf out;
	int result;

	if (json)
		return offline_print(explanation);
	buf_init(&out, (size_t)16 << 20);
	explain_text(explanation, &out);
	result = fputs(buf_text(&out), stdout) < 0 ? EX_IOERR : 0;
	buf_done(&out);
	json_decref(explanation);
	return result;
}

/* A list may be named by the part before the @, as in all commands. */
static int name_list(struct offline *o, struct local_world *local, struct fail *why)
{
	const char **rcpt = &local->options->request.rcpt;
	struct list_settings *list;

	if (strchr(*rcpt, '@') != NULL)
		return 0;
	if (list_settings_parse(span_of(local->list_text), local->options->list_file, NULL, &list, why) != 0)
		return -1;
	if (span_eq_text_nocase(span_of(list_local(list, o->arena)), *rcpt))
		*rcpt = arena_text(o->arena, span_of(list->address));
	list_settings_free(list);
	return 0;
}

static int run_local(struct offline *o, struct explain_options *options)
{
	struct local_world local = { .options = options };
	struct rendering rendering = { 0 };
	json_t *explanation = NULL;
	struct world world;
	struct fail why;
	int result;

	if (open_world(o, &local, &world, &why) != 0 || name_list(o, &local, &why) != 0 ||
		explain_call(o->arena, &world, &options->request, find_list, &local, &explanation, &rendering, &why) != 0)
		result = offline_fail(EX_DATAERR, "%s", why.text);
	else if (explanation != NULL)
		result = offline_print_explanation(explanation, o->json);
	else
		result = file_write_all(STDOUT_FILENO, rendering.slices, rendering.count) != 0 ? EX_IOERR : 0;
	close_world(&local);
	return result;
}

/* Without --mail-from the author is taken to have sent it himself. */
static const char *author_of(struct offline *o, const struct message *m)
{
	const struct field *from = message_field(m, "From");
	struct address_list list;

	if (from == NULL)
		return "";
	address_list_parse(o->arena, from->value, &list);
	return list.count == 0 ? "" : arena_text(o->arena, list.items[0].spec);
}

static int explain_or_render(int argc, char **argv, const char *usage)
{
	struct explain_options e = { 0 };
	struct session *session = &e.request.session;
	const struct offline_option options[] = {
		{ .name = "list-file", .value = &e.list_file }, { .name = "ip", .value = &session->client_ip, .is_ip = true }, { .name = "helo", .value = &session->helo },
		{ .name = "mail-from", .value = &session->mail_from, .is_path = true }, { .name = "submission", .flag = &session->is_submission },
		{ .name = "smtputf8", .flag = &session->smtputf8 },
		{ .name = "to", .values = e.to, .count = &e.to_count }, { .name = "nonmember", .flag = &e.nonmember }, { .name = "keys", .value = &e.keys },
		{ .name = "receivers", .value = &e.receivers }, { .name = "site", .value = &e.site }, { .name = "for", .value = &e.for_address },
	};
	struct message m;
	struct offline o;
	bool is_render = usage == render_usage;
	int result = offline_begin(&o, usage, argc, argv, options, sizeof(options) / sizeof(options[0]), 2);

	if (result < 0 && is_render != (e.for_address != NULL))
		result = offline_fail(EX_USAGE, is_render ? "render: --for ADDRESS is needed (try --help)" : "explain: --for is an option of render");
	if (result < 0)
		result = offline_check_ip(session->client_ip);
	if (result < 0)
		result = offline_message(&o, o.arguments[1], true, &m);
	if (result < 0) {
		e.request.rcpt = o.arguments[0];
		e.request.bytes = m.bytes;
		e.request.for_address = e.for_address;
		if (session->mail_from == NULL)
			session->mail_from = author_of(&o, &m);
		if (is_render && e.to_count < OFFLINE_VALUES_MAX)
			e.to[e.to_count++] = e.for_address;
		result = e.list_file != NULL ? run_local(&o, &e) : offline_ask_daemon(&o, &e.request);
	}
	offline_done(&o);
	return result;
}

int offline_explain(int argc, char **argv)
{
	return explain_or_render(argc, argv, explain_usage);
}

int offline_render(int argc, char **argv)
{
	return explain_or_render(argc, argv, render_usage);
}
