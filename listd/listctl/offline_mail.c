/* SPDX-License-Identifier: BSD-2-Clause */
/* listctl parts, from, seal: what a message holds, and one more ARC set on it. */
#include "listd/listctl/offline.h"

#include "listd/json_text.h"
#include "mail/address.h"
#include "mail/authres.h"
#include "mail/file.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mitigations/auth/arc.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char parts_usage[] =
	"usage: listctl parts FILE [--json]\n"
	"\n"
	"The MIME structure of a message with the offsets of its parts in octets.\n";

static json_t *part_json(const struct mime_part *part)
{
	json_t *children = json_array();

	for (const struct mime_part *child = part->first_child; child != NULL; child = child->next)
		json_array_append_new(children, part_json(child));
	return json_pack("{s:s, s:I, s:I, s:I, s:s, s:o, s:o}", "type", part->type, "header_offset", (json_int_t)part->header_offset, "body_offset", (json_int_t)part->body_offset,
		"length", (json_int_t)part->body_bytes, "encoding", mime_encoding_name(part->encoding), "charset", part->charset.len == 0 ? json_null() : json_text(part->charset),
		"parts", children);
}

static void print_part(const struct mime_part *part, unsigned depth)
{
	printf("%*s%s  header at %zu, body at %zu, %zu octets, %s\n", (int)depth * 2, "", part->type, part->header_offset, part->body_offset, part->body_bytes,
		mime_encoding_name(part->encoding));
	for (const struct mime_part *child = part->first_child; child != NULL; child = child->next)
		print_part(child, depth + 1);
}

int offline_parts(int argc, char **argv)
{
	struct offline o;
	struct message m;
	struct mime mime;
	struct fail why;
	int result = offline_begin(&o, parts_usage, argc, argv, NULL, 0, 1);

	if (result < 0)
		result = offline_message(&o, o.arguments[0], false, &m);
	if (result < 0 && mime_parse(o.arena, &m, &mime, &why) != 0)
		result = offline_fail(EX_DATAERR, "%s: %s", o.arguments[0], why.text);
	if (result < 0 && o.json)
		result = offline_print(part_json(mime.root));
	if (result < 0) {
		print_part(mime.root, 0);
		result = 0;
	}
	offline_done(&o);
	return result;
}

static const char from_usage[] =
	"usage: listctl from FILE [--json]\n"
	"\n"
	"The authors that a message's From names, and the domains whose DMARC policy matters.\n";

static void json_add_once(json_t *texts, const char *text)
{
	json_t *one;
	size_t i;

	json_array_foreach(texts, i, one)
		if (strcmp(json_string_value(one), text) == 0)
			return;
	json_array_append_new(texts, json_string(text));
}

static json_t *from_json(struct offline *o, const struct message *m)
{
	json_t *authors = json_array(), *domains = json_array();
	struct span first_display = { "", 0 };
	bool damaged = message_field_count(m, "From") != 1;

	for (const struct field *f = message_field(m, "From"); f != NULL; f = message_field_from(m, "From", message_field_index(m, f) + 1)) {
		struct address_list list;
		const char **names;
		size_t count;

		address_list_parse(o->arena, f->value, &list);
		damaged |= list.damaged;
		if (first_display.len == 0)
			first_display = list.first_display;
		for (size_t i = 0; i < list.count; i++)
			if (list.items[i].spec.len > 0)
				json_array_append_new(authors, json_text(list.items[i].spec));
		address_author_domains(o->arena, &list, &names, &count);
		for (size_t i = 0; i < count; i++)
			json_add_once(domains, names[i]);
	}
	return json_pack("{s:o, s:o, s:o, s:b}", "authors", authors, "dmarc_domains", domains, "display_name", json_text(first_display), "damaged", damaged);
}

static void print_texts(const char *label, const json_t *texts)
{
	json_t *text;
	size_t i;

	json_array_foreach(texts, i, text)
		printf("%s: %s\n", label, json_string_value(text));
}

int offline_from(int argc, char **argv)
{
	struct offline o;
	struct message m;
	int result = offline_begin(&o, from_usage, argc, argv, NULL, 0, 1);

	if (result < 0)
		result = offline_message(&o, o.arguments[0], false, &m);
	if (result < 0) {
		json_t *json = from_json(&o, &m);

		if (o.json) {
			result = offline_print(json);
		} else {
			print_texts("author", json_object_get(json, "authors"));
			print_texts("domain", json_object_get(json, "dmarc_domains"));
			printf("name: %s\n", json_string_value(json_object_get(json, "display_name")));
			json_decref(json);
			result = 0;
		}
	}
	offline_done(&o);
	return result;
}

static const char seal_usage[] =
	"usage: listctl seal FILE --domain D --selector S --key PEMFILE --authserv-id I [--headers a:b:c] [--results R] [--zone FILE] [--now UNIXTIME]\n"
	"\n"
	"The message with one more ARC set (RFC 8617), on standard output.\n"
	"\n"
	"  --domain D        d= of the set\n"
	"  --selector S      s= of the set\n"
	"  --key PEMFILE     the private key\n"
	"  --authserv-id I   id in the ARC-Authentication-Results\n"
	"  --results R       the results to record; without it those of the message's own Authentication-Results of that id\n"
	"  --headers a:b:c   fields that the ARC-Message-Signature covers\n"
	"  --zone FILE       answers from this file instead of DNS\n"
	"  --now UNIXTIME    this time instead of the clock's\n";

struct seal_options {
	const char *domain, *selector, *key_file, *authserv_id, *headers, *results;
};

static int load_key(struct offline *o, const struct seal_options *s, struct key *key_r)
{
	struct span pem;
	struct fail why;

	if (file_read(o->arena, s->key_file, 65536, &pem, &why) != 0 || key_from_pem(pem, s->domain, s->selector, key_r, &why) != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	return -1;
}

static int write_rendering(struct offline *o, const struct form *form)
{
	struct rendering rendering;
	struct fail why;

	if (form_render(form, o->arena, &rendering, &why) != 0)
		return offline_fail(EX_SOFTWARE, "%s", why.text);
	return file_write_all(STDOUT_FILENO, rendering.slices, rendering.count) != 0 ? EX_IOERR : 0;
}

static int seal(struct offline *o, const struct seal_options *s, const struct message *m, const struct key *key)
{
	struct arc_seal_request request = { .key = key, .authserv_id = s->authserv_id, .headers = s->headers };
	struct arc_result arc;
	struct form form;
	struct fail why;
	bool sealed;

	arc_validate(o->arena, o->dns, &o->clock, m, &arc);
	request.results = s->results != NULL ? span_of(s->results) : authres_collect(o->arena, m, s->authserv_id);
	/* What the host found on receipt, before anything was changed, cannot be better now (RFC 8617 5.1). */
	request.chain = arc.result == AUTH_PASS && authres_says(o->arena, request.results, "arc", "fail") ? AUTH_FAIL : arc.result;
	request.chain_is_ended = arc_is_ended(m);
	form_init(&form, o->arena, m);
	if (arc_seal(&form, &o->clock, &request, &sealed, &why) != 0)
		return offline_fail(EX_SOFTWARE, "%s", why.text);
	if (!sealed)
		fputs("listctl: no set was added: the chain has ended, has 50 sets or no instances, or there are no results to record\n", stderr);
	return write_rendering(o, &form);
}

static int check_names(const char *headers)
{
	struct span rest = span_of(headers), name;

	while (span_next(&rest, ':', &name))
		if (span_trim(name).len > 0 && (!header_is_name(span_trim(name)) || span_find_byte(name, ';') < name.len))
			return offline_fail(EX_USAGE, "--headers: expected names of header fields with colons between them, such as from:subject, not \"%s\"", headers);
	return -1;
}

int offline_seal(int argc, char **argv)
{
	struct seal_options s = { 0 };
	const struct offline_option options[] = {
		{ .name = "domain", .value = &s.domain }, { .name = "selector", .value = &s.selector }, { .name = "key", .value = &s.key_file },
		{ .name = "authserv-id", .value = &s.authserv_id }, { .name = "headers", .value = &s.headers }, { .name = "results", .value = &s.results },
	};
	struct key key = { 0 };
	struct message m;
	struct offline o;
	int result = offline_begin(&o, seal_usage, argc, argv, options, 6, 1);

	if (result < 0 && (s.domain == NULL || s.selector == NULL || s.key_file == NULL || s.authserv_id == NULL))
		result = offline_fail(EX_USAGE, "seal: --domain, --selector, --key and --authserv-id are needed (try --help)");
	if (result < 0)
		result = offline_message(&o, o.arguments[0], false, &m);
	if (result < 0)
		result = check_names(s.headers);
	if (result < 0)
		result = load_key(&o, &s, &key);
	if (result < 0)
		result = seal(&o, &s, &m, &key);
	key_done(&key);
	offline_done(&o);
	return result;
}
