/* SPDX-License-Identifier: BSD-2-Clause */
/* What the mail server beside listd is to be told, made from the lists that are there. */
#include "listd/control/verbs_site.h"

#include <string.h>

/* The domains of all lists, each once, in the order of the lists. */
static const char **domains_of(struct arena *a, const struct store_list *lists, size_t count, size_t *domain_count_r)
{
	const char **domains = arena_array(a, count + 1, sizeof(*domains));
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const char *domain = strrchr(lists[i].address, '@') + 1;
		size_t k = 0;

		while (k < n && strcmp(domains[k], domain) != 0)
			k++;
		if (k == n)
			domains[n++] = domain;
	}
	*domain_count_r = n;
	return domains;
}

/* "inet:127.0.0.1:8024" -> "lmtp:[127.0.0.1]:8024"; "unix:/run/x" -> "lmtp:unix:/run/x". The first socket of several. */
static const char *transport_of(struct arena *a, const char *listen)
{
	struct span first = span_sub(span_of(listen), 0, span_find_byte(span_of(listen), ' '));
	const char *text = arena_text(a, first), *colon;

	if (!span_starts_nocase(first, "inet:"))
		return arena_printf(a, "lmtp:%s", text);
	text += 5;
	colon = strrchr(text, ':');
	return colon == NULL ? arena_printf(a, "lmtp:[%s]", text) : arena_printf(a, "lmtp:[%.*s]%s", (int)(colon - text), text, colon);
}

/* Text as a regular expression that matches just it. */
static void put_literal(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_printf(out, strchr(".+*?^$()[]{}|\\/", text.ptr[i]) != NULL ? "\\%c" : "%c", text.ptr[i]);
}

static void put_postfix_domains(const char *transport, const char *const *domains, size_t count, struct buf *out)
{
	buf_put_text(out, "# /etc/postfix/main.cf: a domain that holds nothing but lists is a relay domain; its mail goes to listd, which knows its lists and refuses the rest.\n"
		"# XFORWARD tells listd the client's address and HELO, so that it can evaluate SPF.\n"
		"relay_domains =");
	for (size_t i = 0; i < count; i++)
		buf_printf(out, " %s", domains[i]);
	buf_put_text(out, "\ntransport_maps = hash:/etc/postfix/transport\n"
		"lmtp_send_xforward_command = yes\n"
		"# Lines over 998 octets reach listd unbroken, so that the author's signature over them can be verified:\n"
		"lmtp_line_length_limit = 0\n"
		"# listd hands its copies in on this host, and may ask for XVERP:\n"
		"smtpd_authorized_verp_clients = $mynetworks\n"
		"# Unknown addresses are refused while the client is still there, by asking listd (address verification):\n"
		"smtpd_recipient_restrictions = check_recipient_access hash:/etc/postfix/transport.verify, permit_mynetworks, reject_unauth_destination\n"
		"\n# /etc/postfix/transport (then: postmap /etc/postfix/transport)\n");
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%-32s %s\n", domains[i], transport);
	buf_put_text(out, "\n# /etc/postfix/transport.verify (then: postmap /etc/postfix/transport.verify)\n");
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%-32s reject_unverified_recipient\n", domains[i]);
}

static void put_postfix_patterns(const char *transport, const struct store_list *lists, size_t count, struct buf *out)
{
	buf_put_text(out, "\n# For domains that have mailboxes beside the lists, instead of the map above:\n"
		"#   transport_maps = regexp:/etc/postfix/transport.regexp\n"
		"#   and the same addresses in virtual_alias_maps or local_recipient_maps, so that they exist.\n"
		"# /etc/postfix/transport.regexp\n");
	for (size_t i = 0; i < count; i++) {
		struct span address = span_of(lists[i].address);
		size_t at = span_find_byte(address, '@');

		buf_put_text(out, "/^");
		put_literal(out, span_sub(address, 0, at));
		buf_put_text(out, "(-(owner|request|help|join|subscribe|leave|unsubscribe|confirm.*|bounces.*|author.*))?@");
		put_literal(out, span_sub(address, at + 1, address.len));
		buf_printf(out, "$/ %s\n", transport);
	}
}

static void put_exim(const char *transport, const char *const *domains, size_t count, struct buf *out)
{
	const char *colon = strrchr(transport, ':');

	buf_put_text(out, "# Exim: main section\ndomainlist listd_domains =");
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s %s", i == 0 ? "" : " :", domains[i]);
	buf_put_text(out, "\n# Add +listd_domains to relay_to_domains.\n\n# routers, before the others\n"
		"listd:\n  driver = accept\n  domains = +listd_domains\n  transport = listd_lmtp\n\n# transports\nlistd_lmtp:\n");
	if (strncmp(transport, "lmtp:unix:", 10) == 0)
		buf_printf(out, "  driver = lmtp\n  socket = %s\n  batch_max = 50\n", transport + 10);
	else
		buf_printf(out, "  driver = smtp\n  protocol = lmtp\n  hosts = %.*s\n  port = %s\n  allow_localhost\n", (int)(colon - transport - 7), transport + 6, colon + 1);
	buf_put_text(out, "# Exim sends no XFORWARD over LMTP: let it add Authentication-Results (authres) and name its id in listd.conf as trusted-authserv-ids.\n");
}

int verb_mta(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *mta = json_string_value(json_object_get(call->args, "mta"));
	struct store_list *lists;
	const char **domains, *transport;
	size_t list_count, count;
	struct site *site;
	struct buf out;

	if (mta == NULL || (strcmp(mta, "postfix") != 0 && strcmp(mta, "exim") != 0))
		return fail_permanent(why, "expected postfix or exim");
	if (store_list_all(call->daemon->store, call->arena, &lists, &list_count, why) != 0)
		return -1;
	site = daemon_hold_site(call->daemon);
	transport = transport_of(call->arena, site->settings->lmtp_listen);
	daemon_release_site(site);
	domains = domains_of(call->arena, lists, list_count, &count);
	buf_init(&out, (size_t)8 << 20);
	if (strcmp(mta, "exim") == 0) {
		put_exim(transport, domains, count, &out);
	} else {
		put_postfix_domains(transport, domains, count, &out);
		put_postfix_patterns(transport, lists, list_count, &out);
	}
	*result_r = json_pack("{s:s}", "text", buf_text(&out));
	buf_done(&out);
	return 0;
}
