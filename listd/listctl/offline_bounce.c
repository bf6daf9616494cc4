/* SPDX-License-Identifier: BSD-2-Clause */
/* listctl bounce, reply: what came back, and what a reply means, as the daemon would see it. */
#include "listd/listctl/offline.h"

#include "listd/bounce/verdict.h"
#include "listd/json_text.h"
#include "listd/listctl/listctl.h"
#include "listd/listd.h"
#include "listd/settings.h"
#include "mail/file.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define BOUNCE_MAX_BYTES ((size_t)64 << 20) /* no mail server takes more */

#define PATTERNS_OPTION \
	"  --patterns FILE  rows of this file in place of the site's and the shipped ones; may be repeated\n"

static const char bounce_usage[] =
	"usage: listctl bounce FILE... [--json] [--patterns FILE]...\n"
	"\n"
	"What mail that came back says: for each recipient what happened, the class of the reason, the\n"
	"reply in full, and whether it counts against the subscriber. \"-\" is standard input. No daemon\n"
	"is needed; the rows are those of the site (--config) and those shipped.\n"
	"\n"
	PATTERNS_OPTION
	"  --json           one object for one file, an array of them for several: file, kind (bounce,\n"
	"                   complaint, auto-reply, none), feedback_type, message_id and sender of the\n"
	"                   copy, cut (more than 1000 recipients), recipients. Each of those: recipient,\n"
	"                   original_recipient, action, status, reply, host, class, by (the row or code\n"
	"                   that decided), count. What is not told is an empty text\n"
	"\n"
	"Exit codes: 0 an answer was given, 65 a file cannot be read, 78 the rows cannot be read.\n";

/* The rows to judge by. -1 = they are there; else the exit code. */
static int read_patterns(struct offline *o, const char *const *files, size_t count, struct patterns **patterns_r)
{
	const char *config = o->config != NULL ? o->config : access(LISTD_CONFIG, R_OK) == 0 ? LISTD_CONFIG : NULL;
	struct patterns *patterns = patterns_new();
	struct site_settings *site = NULL;
	struct fail why;
	int result = 0;

	*patterns_r = patterns;
	for (size_t i = 0; result == 0 && i < count; i++)
		result = patterns_read(files[i], patterns, &why);
	if (result == 0 && count == 0 && config != NULL)
		result = site_settings_read(config, &site, &why);
	for (const char *const *file = site == NULL ? NULL : site->bounce_patterns_files; result == 0 && file != NULL && *file != NULL; file++)
		result = patterns_read(*file, patterns, &why);
	if (result == 0 && count == 0)
		result = patterns_read(LISTD_PATTERNS, patterns, &why);
	site_settings_free(site);
	if (result == 0)
		return -1;
	return offline_fail(count > 0 ? EX_DATAERR : EX_CONFIG, "%s%s", why.text, count > 0 ? "" : "; other rows are given with --patterns FILE");
}

static json_t *rcpt_json(const struct verdict_rcpt *r)
{
	return json_pack("{s:o, s:o, s:s, s:s, s:o, s:o, s:s, s:s, s:b}", "recipient", json_optional(r->recipient), "original_recipient", json_optional(r->original), "action", r->action,
		"status", r->status, "reply", json_optional(r->reply), "host", json_optional(r->host), "class", bounce_class_rows[r->class].name, "by", r->by, "count", r->counts);
}

static json_t *verdict_json(const char *file, const struct verdict *v)
{
	json_t *recipients = json_array();

	for (size_t i = 0; i < v->rcpt_count; i++)
		json_array_append_new(recipients, rcpt_json(&v->rcpts[i]));
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:b, s:o}", "file", json_optional(file), "kind", verdict_kind_name(v->kind), "feedback_type", json_optional(v->feedback_type),
		"message_id", json_optional(v->original_message_id), "sender", json_optional(v->original_sender), "cut", v->is_cut, "recipients", recipients);
}

static const char *member_text(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text == NULL ? "" : text;
}

/* "  label     text", unless the text is empty. */
static void print_line(const char *label, const char *text)
{
	if (*text == '\0')
		return;
	printf("  %-10s ", label);
	listctl_print(text, false);
	putchar('\n');
}

static const char *class_help(const char *name)
{
	enum bounce_class class = BOUNCE_UNKNOWN;

	bounce_class_find(span_of(name), &class);
	return bounce_class_rows[class].help;
}

static void print_judgement(const json_t *json)
{
	const char *class = member_text(json, "class"), *by = member_text(json, "by");

	printf("  %-10s %s: %s\n", "class", class, class_help(class));
	printf("  %-10s %s\n", "counts", json_is_true(json_object_get(json, "count")) ? "yes, against the subscriber" : "no");
	print_line("decided by", *by == '\0' || strcmp(by, "report") != 0 ? by : "the report alone: it gives no reason that is known");
}

static void print_rcpt(const json_t *json)
{
	const char *recipient = member_text(json, "recipient"), *action = member_text(json, "action");

	listctl_print(*recipient == '\0' ? "(no recipient is named)" : recipient, false);
	printf("%s%s\n", *action == '\0' ? "" : ": ", action);
	print_line("sent to", member_text(json, "original_recipient"));
	print_line("status", member_text(json, "status"));
	print_line("host", member_text(json, "host"));
	print_line("reply", member_text(json, "reply"));
	print_judgement(json);
}

static void print_verdict(const json_t *json, bool with_name)
{
	const char *kind = member_text(json, "kind");
	const json_t *rcpt;
	size_t i;

	if (with_name) {
		listctl_print(member_text(json, "file"), false);
		putchar('\n');
	}
	if (strcmp(kind, "none") == 0) {
		puts("not a report: nothing in it is about mail that was sent");
		return;
	}
	printf("%s%s%s", kind, *member_text(json, "feedback_type") == '\0' ? "" : ", ", member_text(json, "feedback_type"));
	if (*member_text(json, "message_id") != '\0') {
		printf(" about ");
		listctl_print(member_text(json, "message_id"), false);
	}
	putchar('\n');
	json_array_foreach(json_object_get(json, "recipients"), i, rcpt)
		print_rcpt(rcpt);
}

/* One file. -1 = read; else the exit code. */
static int read_one(const char *path, const struct patterns *patterns, json_t **json_r)
{
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct verdict verdict;
	struct span bytes;
	struct fail why;
	int result = -1;

	if (file_read(a, path, BOUNCE_MAX_BYTES, &bytes, &why) != 0) {
		result = offline_fail(EX_DATAERR, "%s", why.text);
		*json_r = json_pack("{s:o, s:o}", "file", json_optional(path), "error", json_optional(why.text));
	} else {
		verdict_of_bytes(a, patterns, bytes, &verdict);
		*json_r = verdict_json(path, &verdict);
	}
	arena_free(a);
	return result;
}

static int read_all(const struct offline *o, const struct patterns *patterns)
{
	bool several = o->argument_count > 1;
	json_t *all = json_array(), *json;
	int code = -1, one;

	for (size_t i = 0; i < o->argument_count; i++) {
		one = read_one(o->words[i], patterns, &json);
		code = one < 0 ? code : one;
		if (o->json) {
			json_array_append_new(all, json);
			continue;
		}
		if (one < 0)
			print_verdict(json, several);
		if (several && i + 1 < o->argument_count)
			putchar('\n');
		json_decref(json);
	}
	one = 0;
	if (o->json)
		one = offline_print(several ? json_incref(all) : json_incref(json_array_get(all, 0)));
	json_decref(all);
	return one != 0 ? one : code < 0 ? 0 : code;
}

int offline_bounce(int argc, char **argv)
{
	const char *files[OFFLINE_VALUES_MAX];
	size_t file_count = 0;
	const struct offline_option options[] = { { .name = "patterns", .values = files, .count = &file_count } };
	struct patterns *patterns = NULL;
	struct offline o;
	int result = offline_begin(&o, bounce_usage, argc, argv, options, 1, OFFLINE_WORDS);

	if (result < 0)
		result = read_patterns(&o, files, file_count, &patterns);
	if (result < 0)
		result = read_all(&o, patterns);
	patterns_free(patterns);
	offline_done(&o);
	return result;
}

static const char reply_usage[] =
	"usage: listctl reply TEXT [--host HOST] [--json] [--patterns FILE]...\n"
	"\n"
	"What a mail server's reply means: its class, and whether it counts against the subscriber. The\n"
	"lines of one of several lines are given as one text, with blanks or line ends between them;\n"
	"\"-\" is standard input.\n"
	"\n"
	"  --host HOST      the host that replied; some rows are for some hosts alone\n"
	PATTERNS_OPTION
	"  --json           an object: class, count, status, reply, host, by, temporary\n"
	"\n"
	"A reply that begins with 4 counts when it is the last one, after the queue gave up.\n"
	"\n"
	"Exit codes: 0 an answer was given, 65 a file cannot be read, 78 the rows cannot be read.\n";

/* Behind the usage: what classes there are. */
static int reply_help(void)
{
	puts("\nClasses:\n");
	for (int i = 0; i < BOUNCE_CLASSES; i++)
		printf("  %-18s %s%s\n", bounce_class_rows[i].name, bounce_class_rows[i].help, bounce_class_rows[i].counts ? " (counts)" : "");
	return 0;
}

static int judge_reply(struct offline *o, const struct patterns *patterns, const char *host)
{
	struct span text = span_of(o->arguments[0]);
	struct verdict_rcpt r;
	struct fail why;
	json_t *json;

	if (span_eq_text(text, "-") && file_read(o->arena, "-", PATTERNS_FILE_MAX_BYTES, &text, &why) != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	verdict_of_reply(o->arena, patterns, 0, arena_text(o->arena, text), host == NULL ? "" : host, &r);
	json = json_pack("{s:s, s:b, s:s, s:o, s:o, s:s, s:b}", "class", bounce_class_rows[r.class].name, "count", r.counts, "status", r.status, "reply", json_optional(r.reply), "host",
		json_optional(r.host), "by", r.by, "temporary", strcmp(r.action, "delayed") == 0);
	if (o->json)
		return offline_print(json);
	listctl_print(r.reply, false);
	putchar('\n');
	print_line("status", r.status);
	print_judgement(json);
	json_decref(json);
	return 0;
}

int offline_reply(int argc, char **argv)
{
	const char *files[OFFLINE_VALUES_MAX], *host = NULL;
	size_t file_count = 0;
	const struct offline_option options[] = { { .name = "patterns", .values = files, .count = &file_count }, { .name = "host", .value = &host } };
	struct patterns *patterns = NULL;
	struct offline o;
	int result = offline_begin(&o, reply_usage, argc, argv, options, 2, 1);

	if (o.help)
		result = reply_help();
	if (result < 0)
		result = read_patterns(&o, files, file_count, &patterns);
	if (result < 0)
		result = judge_reply(&o, patterns, host);
	patterns_free(patterns);
	offline_done(&o);
	return result;
}
