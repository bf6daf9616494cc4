/* SPDX-License-Identifier: BSD-2-Clause */
/* listctl auth, dmarc, spf: what authentication says. */
#include "listd/listctl/offline.h"

#include "listd/json_text.h"
#include "listd/post/explain.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define COMMON_OPTIONS \
	"  --zone FILE       answers from this file instead of DNS\n" \
	"  --now UNIXTIME    this time instead of the clock's\n" \
	"  --json            JSON\n"

static const char auth_usage[] =
	"usage: listctl auth FILE [--ip A] [--helo H] [--mail-from M] [--zone FILE] [--now UNIXTIME] [--json]\n"
	"\n"
	"What SPF, DKIM, ARC and DMARC say of a message (\"-\" is standard input).\n"
	"\n"
	"  --ip A            address of the client that handed it in; without it SPF is none\n"
	"  --helo H          its HELO\n"
	"  --mail-from M     envelope sender (default: the null sender)\n"
	"  --authserv-id I   believe Authentication-Results of this id; may be repeated\n"
	"  --sealer D        believe ARC chains sealed by this domain; may be repeated\n"
	COMMON_OPTIONS;

static int print_facts_text(json_t *facts)
{
	json_t *explanation = json_pack("{s:o}", "facts", facts);
	struct buf out;
	int result;

	buf_init(&out, (size_t)4 << 20);
	explain_facts_text(json_object_get(explanation, "facts"), &out);
	result = fputs(buf_text(&out), stdout) < 0 ? EX_IOERR : 0;
	buf_done(&out);
	json_decref(explanation);
	return result;
}

int offline_auth(int argc, char **argv)
{
	struct session session = { 0 };
	const char *ids[OFFLINE_VALUES_MAX + 1] = { NULL }, *sealers[OFFLINE_VALUES_MAX + 1] = { NULL };
	size_t id_count = 0, sealer_count = 0;
	const struct offline_option options[] = {
		{ .name = "ip", .value = &session.client_ip, .is_ip = true }, { .name = "helo", .value = &session.helo }, { .name = "mail-from", .value = &session.mail_from, .is_path = true },
		{ .name = "authserv-id", .values = ids, .count = &id_count }, { .name = "sealer", .values = sealers, .count = &sealer_count },
	};
	struct facts_options facts_options = { .trusted_authserv_ids = ids, .trusted_sealers = sealers };
	struct facts facts;
	struct message m;
	struct offline o;
	int result = offline_begin(&o, auth_usage, argc, argv, options, sizeof(options) / sizeof(options[0]), 1);

	if (result < 0)
		result = offline_check_ip(session.client_ip);
	if (result < 0)
		result = offline_message(&o, o.arguments[0], false, &m);
	if (result < 0) {
		if (session.mail_from == NULL)
			session.mail_from = "";
		facts_gather(o.arena, o.dns, &o.clock, &m, &session, &facts_options, &facts);
		result = o.json ? offline_print(explain_facts(&facts)) : print_facts_text(explain_facts(&facts));
	}
	offline_done(&o);
	return result;
}

static const char dmarc_usage[] =
	"usage: listctl dmarc DOMAIN [--spf D=RESULT] [--dkim D=RESULT]... [--zone FILE] [--json]\n"
	"\n"
	"The DMARC policy of an author domain, by RFC 9989 and by RFC 7489, and what mail with these results gets.\n"
	"\n"
	"  --spf D=RESULT    SPF gave this result for this domain\n"
	"  --dkim D=RESULT   a DKIM signature of this domain gave this result; may be repeated\n"
	COMMON_OPTIONS;

/* "example.com=pass". */
static int read_evidence(struct arena *a, const char *text, struct dmarc_evidence *evidence_r)
{
	const char *equals = strrchr(text, '=');

	if (equals == NULL || equals == text || !auth_result_parse(span_of(equals + 1), &evidence_r->result))
		return offline_fail(EX_USAGE, "%s: expected DOMAIN=RESULT, such as example.com=pass", text);
	evidence_r->domain = arena_lower(a, (struct span){ text, (size_t)(equals - text) });
	return -1;
}

static int print_dmarc(json_t *json, bool as_json)
{
	static const char *const readings[] = { "rfc9989", "rfc7489" };

	if (as_json)
		return offline_print(json);
	printf("%s: effective policy %s\n", json_string_value(json_object_get(json, "author_domain")), json_string_value(json_object_get(json, "effective")));
	for (size_t i = 0; i < 2; i++) {
		const json_t *r = json_object_get(json, readings[i]);
		const char *domain = json_string_value(json_object_get(r, "policy_domain")), *policy = json_string_value(json_object_get(r, "policy"));
		const char *record = json_string_value(json_object_get(r, "record")), *result = json_string_value(json_object_get(r, "result"));

		printf("  %s: policy %s, record at %s: %s%s%s\n", readings[i], policy == NULL ? "none published" : policy, domain == NULL ? "-" : domain, record == NULL ? "-" : record,
			result == NULL ? "" : ", result ", result == NULL ? "" : result);
	}
	json_decref(json);
	return 0;
}

int offline_dmarc(int argc, char **argv)
{
	const char *spf_text = NULL, *dkim_texts[OFFLINE_VALUES_MAX];
	size_t dkim_count = 0;
	const struct offline_option options[] = { { .name = "spf", .value = &spf_text }, { .name = "dkim", .values = dkim_texts, .count = &dkim_count } };
	struct dmarc_evidence spf = { 0 }, dkim[OFFLINE_VALUES_MAX];
	bool with_result;
	struct dmarc_verdict verdict;
	struct offline o;
	int result = offline_begin(&o, dmarc_usage, argc, argv, options, 2, 1);

	if (result < 0 && spf_text != NULL)
		result = read_evidence(o.arena, spf_text, &spf);
	for (size_t i = 0; result < 0 && i < dkim_count; i++)
		result = read_evidence(o.arena, dkim_texts[i], &dkim[i]);
	if (result < 0) {
		with_result = spf_text != NULL || dkim_count > 0;
		dmarc_discover(o.arena, o.dns, o.arguments[0], &verdict);
		dmarc_evaluate(o.arena, o.dns, &verdict, spf_text == NULL ? NULL : &spf, dkim, dkim_count);
		result = print_dmarc(explain_dmarc(&verdict, with_result), o.json);
	}
	offline_done(&o);
	return result;
}

static const char spf_usage[] =
	"usage: listctl spf --ip A [--helo H] [--mail-from M] [--zone FILE] [--json]\n"
	"\n"
	"The SPF result of a client address for an envelope sender (RFC 7208).\n"
	"\n"
	"  --ip A            IPv4 or IPv6 address of the client\n"
	"  --helo H          its HELO; checked when the sender is the null sender\n"
	"  --mail-from M     envelope sender\n"
	COMMON_OPTIONS;

int offline_spf(int argc, char **argv)
{
	struct spf_query query = { 0 };
	const struct offline_option options[] = {
		{ .name = "ip", .value = &query.ip, .is_ip = true }, { .name = "helo", .value = &query.helo }, { .name = "mail-from", .value = &query.mail_from, .is_path = true },
	};
	struct spf_result spf;
	struct offline o;
	int result = offline_begin(&o, spf_usage, argc, argv, options, 3, 0);

	if (result < 0 && (query.ip == NULL || (query.helo == NULL && query.mail_from == NULL)))
		result = offline_fail(EX_USAGE, "spf: --ip and at least one of --helo and --mail-from are needed (try --help)");
	if (result < 0)
		result = offline_check_ip(query.ip);
	if (result < 0) {
		spf_check(o.arena, o.dns, &o.clock, &query, &spf);
		if (o.json)
			result = offline_print(json_pack("{s:s, s:o, s:o, s:o}", "result", auth_result_name(spf.result), "reason", json_optional(spf.reason),
				"domain", json_optional(spf.domain), "explanation", json_optional(spf.explanation)));
		else
			result = printf("%s: %s\n", auth_result_name(spf.result), spf.reason) < 0 ? EX_IOERR : 0;
	}
	offline_done(&o);
	return result;
}
