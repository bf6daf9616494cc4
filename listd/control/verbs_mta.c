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
	if (text[0] == '[')
		return arena_printf(a, "lmtp:%s", text);
	return colon == NULL ? arena_printf(a, "lmtp:[%s]", text) : arena_printf(a, "lmtp:[%.*s]%s", (int)(colon - text), text, colon);
}

/* Text as a regular expression that matches just it. */
static void put_literal(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_printf(out, strchr(".+*?^$()[]{}|\\/", text.ptr[i]) != NULL ? "\\%c" : "%c", text.ptr[i]);
}

/* What the recipes are made of. */
struct recipe {
	const char *transport;       /* to listd, as Postfix writes it */
	const char *milter;          /* where listd-milter waits, as listd.conf writes it */
	const char *const *domains;
	size_t domain_count;
	const struct store_list *lists;
	size_t list_count;
};

static void put_postfix_domains(const struct recipe *recipe, struct buf *out)
{
	const char *const *domains = recipe->domains;
	size_t count = recipe->domain_count;

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
		"# Unknown addresses are refused while the client is still there, by asking listd (address verification); listd-milter below does that too:\n"
		"smtpd_recipient_restrictions = check_recipient_access hash:/etc/postfix/transport.verify, permit_mynetworks, reject_unauth_destination\n"
		"\n# /etc/postfix/transport (then: postmap /etc/postfix/transport)\n");
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%-32s %s\n", domains[i], recipe->transport);
	buf_put_text(out, "\n# /etc/postfix/transport.verify (then: postmap /etc/postfix/transport.verify)\n");
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%-32s reject_unverified_recipient\n", domains[i]);
}

static void put_postfix_milter(const struct recipe *recipe, struct buf *out)
{
	buf_printf(out, "\n# /etc/postfix/main.cf, with listd-milter(8): what listd refuses is refused while the client is still there, and SPF needs no XFORWARD.\n"
		"# Where smtpd is chrooted (master.cf), the socket has to be below /var/spool/postfix: milter-listen = \"unix:/var/spool/postfix/listd/milter\" in listd.conf, and\n"
		"# unix:listd/milter here. The group of the socket is milter-group = \"postfix\".\n"
		"smtpd_milters = %s\n"
		"milter_protocol = 6\n"
		"# While it is away clients are asked to come again:\n"
		"milter_default_action = tempfail\n"
		"# listd's own copies, which it hands in here, need no looks (Postfix 3.2):\n"
		"smtpd_milter_maps = inline:{127.0.0.1=DISABLE, ::1=DISABLE}\n", recipe->milter);
}

static void put_postfix_patterns(const struct recipe *recipe, struct buf *out)
{
	buf_put_text(out, "\n# For domains that have mailboxes beside the lists, instead of the map above:\n"
		"#   transport_maps = regexp:/etc/postfix/transport.regexp\n"
		"#   and the same addresses in virtual_alias_maps or local_recipient_maps, so that they exist.\n"
		"# /etc/postfix/transport.regexp\n");
	for (size_t i = 0; i < recipe->list_count; i++) {
		struct span address = span_of(recipe->lists[i].address);
		size_t at = span_find_byte(address, '@');

		buf_put_text(out, "/^");
		put_literal(out, span_sub(address, 0, at));
		buf_put_text(out, "(-(owner|request|help|join|subscribe|leave|unsubscribe|confirm.*|bounces.*|author.*))?@");
		put_literal(out, span_sub(address, at + 1, address.len));
		buf_printf(out, "$/ %s\n", recipe->transport);
	}
}

static void put_postfix(const struct recipe *recipe, struct buf *out)
{
	put_postfix_domains(recipe, out);
	put_postfix_milter(recipe, out);
	put_postfix_patterns(recipe, out);
}

static void put_exim(const struct recipe *recipe, struct buf *out)
{
	const char *transport = recipe->transport, *colon = strrchr(transport, ':');

	buf_put_text(out, "# Exim: main section\ndomainlist listd_domains =");
	for (size_t i = 0; i < recipe->domain_count; i++)
		buf_printf(out, "%s %s", i == 0 ? "" : " :", recipe->domains[i]);
	buf_put_text(out, "\n# Add +listd_domains to relay_to_domains.\n\n# routers, before the others\n"
		"listd:\n  driver = accept\n  domains = +listd_domains\n  transport = listd_lmtp\n\n# transports\nlistd_lmtp:\n");
	if (strncmp(transport, "lmtp:unix:", 10) == 0)
		buf_printf(out, "  driver = lmtp\n  socket = %s\n  batch_max = 50\n", transport + 10);
	else
		buf_printf(out, "  driver = smtp\n  protocol = lmtp\n  hosts = %.*s\n  port = %s\n  allow_localhost\n", (int)(colon - transport - 7), transport + 6, colon + 1);
	buf_put_text(out, "# Exim sends no XFORWARD over LMTP: let it add Authentication-Results (authres) and name its id in listd.conf as trusted-authserv-ids.\n");
}

/* "inet:127.0.0.1:8025" is "inet:8025@127.0.0.1" for Sendmail. */
static void put_sendmail_milter(const char *milter, struct buf *out)
{
	const char *colon = strrchr(milter, ':');
	struct span host = { milter + 5, (size_t)(colon - milter) < 5 ? 0 : (size_t)(colon - milter) - 5 };
	bool is_v6 = host.len > 2 && host.ptr[0] == '[';

	if (strncmp(milter, "unix:", 5) == 0)
		buf_put_text(out, milter);
	else
		buf_printf(out, "%s:%s@%.*s", is_v6 ? "inet6" : "inet", colon + 1, (int)(is_v6 ? host.len - 2 : host.len), is_v6 ? host.ptr + 1 : host.ptr);
}

/* lmtp:[127.0.0.1]:8024 or lmtp:unix:/path, as the arguments of a mailer. */
static void put_sendmail_place(const char *transport, struct buf *out)
{
	const char *where = transport + 5, *colon = strrchr(where, ':');

	if (strncmp(where, "unix:", 5) == 0)
		buf_printf(out, "FILE %s", where + 5);
	else if (where[0] == '[' && colon != NULL && colon > where + 2)
		buf_printf(out, "TCP [%s%.*s %s", memchr(where, ':', (size_t)(colon - where)) != NULL ? "IPv6:" : "", (int)(colon - where) - 1, where + 1, colon + 1);
}

static void put_sendmail(const struct recipe *recipe, struct buf *out)
{
	buf_put_text(out, "dnl # /etc/mail/sendmail.mc, before MAILER lines\nFEATURE(`mailertable')dnl\nFEATURE(`access_db')dnl\n"
		"dnl # listd-milter(8): refuses while the client is there, and tells listd what the session knows. T: while it is away clients are asked to come again.\n"
		"INPUT_MAIL_FILTER(`listd', `S=");
	put_sendmail_milter(recipe->milter, out);
	buf_put_text(out, ", F=T, T=C:10s;S:30s;R:2m;E:5m')dnl\ndnl # at its end; MAILER(`smtp') has to be there\nMAILER_DEFINITIONS\n"
		"Mlistd,\t\tP=[IPC], F=mnXz8u, S=EnvFromSMTP, R=EnvToSMTP, E=\\r\\n, L=0, T=DNS/RFC822/SMTP, A=");
	put_sendmail_place(recipe->transport, out);
	buf_put_text(out, "\n\n# /etc/mail/mailertable (then: makemap hash mailertable < mailertable)\n");
	for (size_t i = 0; i < recipe->domain_count; i++)
		buf_printf(out, "%-32s listd:lists\n", recipe->domains[i]);
	buf_put_text(out, "\n# /etc/mail/access (then: makemap hash access < access)\n");
	for (size_t i = 0; i < recipe->domain_count; i++)
		buf_printf(out, "To:%-29s RELAY\n", recipe->domains[i]);
}

static const struct { const char *name; void (*put)(const struct recipe *recipe, struct buf *out); } mtas[] = {
	{ "postfix", put_postfix }, { "exim", put_exim }, { "sendmail", put_sendmail },
};

int verb_mta(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *mta = json_string_value(json_object_get(call->args, "mta"));
	struct recipe recipe;
	struct store_list *lists;
	struct site *site;
	struct buf out;
	size_t i = 0;

	while (mta != NULL && i < sizeof(mtas) / sizeof(mtas[0]) && strcmp(mtas[i].name, mta) != 0)
		i++;
	if (mta == NULL || i == sizeof(mtas) / sizeof(mtas[0]))
		return fail_permanent(why, "expected postfix, exim or sendmail");
	if (store_list_all(call->daemon->store, call->arena, &lists, &recipe.list_count, why) != 0)
		return -1;
	site = daemon_hold_site(call->daemon);
	recipe.transport = transport_of(call->arena, site->settings->lmtp_listen);
	recipe.milter = arena_text(call->arena, span_of(site->settings->milter_listen));
	daemon_release_site(site);
	recipe.lists = lists;
	recipe.domains = domains_of(call->arena, lists, recipe.list_count, &recipe.domain_count);
	buf_init(&out, (size_t)8 << 20);
	mtas[i].put(&recipe, &out);
	*result_r = json_pack("{s:s}", "text", buf_text(&out));
	buf_done(&out);
	return 0;
}
