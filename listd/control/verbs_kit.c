/* SPDX-License-Identifier: BSD-2-Clause */
/* What a receiver's postmaster needs to take this server's mail, ready to paste, for the software that he runs. What it asks for is the least that serves: a trusted seal where the
 * software knows ARC, a signature where it knows DKIM, addresses where it knows neither. */
#include "listd/control/verbs_receivers.h"

#include <arpa/inet.h>
#include <string.h>
#include <sysexits.h>

struct kit {
	const char **domains;    /* d= of signatures and seals */
	const char **selectors;  /* "listd1._domainkey.lists.example.org" */
	const char **addresses;  /* with a mask where SPF has one */
	size_t domain_count, domain_cap, selector_count, selector_cap, address_count, address_cap;
	struct arena *arena;
};

static void add(struct arena *a, const char ***items, size_t *count, size_t *cap, const char *text)
{
	for (size_t i = 0; i < *count; i++)
		if (strcmp((*items)[i], text) == 0)
			return;
	*(const char **)arena_grow(a, items, cap, *count, sizeof(**items)) = text;
	(*count)++;
}

static void add_domain(struct kit *kit, const char *domain)
{
	add(kit->arena, &kit->domains, &kit->domain_count, &kit->domain_cap, arena_lower(kit->arena, span_of(domain)));
}

static void add_address(struct kit *kit, struct span text)
{
	unsigned char octets[16];
	const char *address = arena_text(kit->arena, text), *bare = arena_text(kit->arena, span_sub(text, 0, span_find_byte(text, '/')));

	if (inet_pton(AF_INET, bare, octets) == 1 || inet_pton(AF_INET6, bare, octets) == 1)
		add(kit->arena, &kit->addresses, &kit->address_count, &kit->address_cap, address);
}

/* One list's, a domain's, or those of all lists. */
static int find_domains(struct control_call *call, struct kit *kit, struct fail *why)
{
	const char *list = json_string_value(json_object_get(call->args, "list")), *domain = json_string_value(json_object_get(call->args, "domain"));
	struct store_list *lists;
	size_t count;

	if (domain != NULL)
		return add_domain(kit, domain), 0;
	if (store_list_all(call->daemon->store, kit->arena, &lists, &count, why) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct list_settings *settings;

		if (list != NULL && strcasecmp(lists[i].address, list) != 0)
			continue;
		if (daemon_list(call->daemon, lists[i].address, &settings, why) < 0)
			return -1;
		add_domain(kit, *settings->sign_domain != '\0' ? settings->sign_domain : list_domain(settings));
		list_settings_free(settings);
	}
	if (kit->domain_count > 0)
		return 0;
	return control_refuse(why, EX_DATAERR, list != NULL ? "no list %s: see listctl lists" : "there are no lists yet%s", list != NULL ? list : "");
}

/* Addresses that the SPF record of a domain names as such. */
static void add_spf_addresses(struct control_call *call, struct kit *kit, const char *domain)
{
	struct dns_answer answer;

	resolver_ask(call->daemon->dns, kit->arena, domain, DNS_TXT, &answer);
	for (size_t i = 0; answer.status == DNS_OK && i < answer.count; i++) {
		struct span rest = dns_txt(kit->arena, &answer.records[i]), word;

		if (!span_starts_nocase(rest, "v=spf1"))
			continue;
		while (span_word(&rest, &word))
			if (span_starts_nocase(word, "ip4:") || span_starts_nocase(word, "ip6:"))
				add_address(kit, span_sub(word, 4, word.len));
	}
}

static void add_host_addresses(struct control_call *call, struct kit *kit, const char *host)
{
	static const struct { enum dns_type type; int family; size_t len; } kinds[] = { { DNS_A, AF_INET, 4 }, { DNS_AAAA, AF_INET6, 16 } };

	for (size_t k = 0; k < 2; k++) {
		struct dns_answer answer;

		resolver_ask(call->daemon->dns, kit->arena, host, kinds[k].type, &answer);
		for (size_t i = 0; answer.status == DNS_OK && i < answer.count; i++) {
			char text[INET6_ADDRSTRLEN];

			if (answer.records[i].len == kinds[k].len && inet_ntop(kinds[k].family, answer.records[i].data, text, sizeof(text)) != NULL)
				add_address(kit, span_of(text));
		}
	}
}

static void find_addresses(struct control_call *call, struct kit *kit, const char *host)
{
	const json_t *given = json_object_get(call->args, "address");

	for (size_t i = 0; i < json_array_size(given); i++)
		add_address(kit, span_of(json_string_value(json_array_get(given, i))));
	if (json_array_size(given) > 0)
		return;
	for (size_t i = 0; i < kit->domain_count; i++)
		add_spf_addresses(call, kit, kit->domains[i]);
	if (kit->address_count == 0)
		add_host_addresses(call, kit, host);
}

static void find_selectors(struct kit *kit, const struct keyring *ring)
{
	for (size_t i = 0; i < kit->domain_count; i++)
		for (size_t k = 0; k < ring->count; k++)
			if (strcmp(ring->items[k].domain, kit->domains[i]) == 0)
				add(kit->arena, &kit->selectors, &kit->selector_count, &kit->selector_cap, key_name(kit->arena, &ring->items[k]));
}

/* ---- the texts ---- */

static void put_each(struct buf *out, const char *const *items, size_t count, const char *before, const char *after)
{
	for (size_t i = 0; i < count; i++) {
		buf_put_text(out, before);
		buf_put_text(out, items[i]);
		buf_put_text(out, after);
	}
}

/* "a", "b" */
static void put_quoted(struct buf *out, const char *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s\"%s\"", i == 0 ? "" : ", ", items[i]);
}

static void put_joined(struct buf *out, const char *const *items, size_t count, const char *between)
{
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%s", i == 0 ? "" : between, items[i]);
}

static void put_opendmarc(const struct kit *kit, struct buf *out)
{
	buf_put_text(out, "# /etc/opendmarc.conf (1.4 and later): mail whose ARC chain validates and holds a seal of these domains is taken though DMARC\n"
		"# fails. The results of ARC must stand in an Authentication-Results field of your own, as OpenARC writes it.\nDomainWhitelist ");
	put_joined(out, kit->domains, kit->domain_count, ",");
	buf_put_text(out, "\n\n# Without OpenARC: connections from these addresses are not looked at.\nIgnoreHosts /etc/opendmarc/ignore.hosts\n"
		"\n# /etc/opendmarc/ignore.hosts\n127.0.0.1\n");
	put_each(out, kit->addresses, kit->address_count, "", "\n");
}

static void put_rspamd(const struct kit *kit, struct buf *out)
{
	buf_put_text(out, "# /etc/rspamd/local.d/arc.conf: seals of these domains are trusted; where they say that DMARC passed, its failure here weighs next to nothing.\n"
		"whitelisted_signers_map = [");
	put_quoted(out, kit->domains, kit->domain_count);
	buf_put_text(out, "];\nadjust_dmarc = true;\n\n# /etc/rspamd/local.d/whitelist.conf: what they have signed (DKIM) gets a bonus.\n"
		"rules {\n  \"LISTD_SIGNED\" {\n    valid_dkim = true;\n    score = -5.0;\n    domains = [");
	put_quoted(out, kit->domains, kit->domain_count);
	buf_put_text(out, "];\n  }\n}\n\n# /etc/rspamd/local.d/settings.conf: only where dmarc.conf has \"actions\", which refuse at once whatever a seal says: no DMARC for\n"
		"# these addresses.\n"
		"listd {\n  priority = high;\n  ip = [");
	put_quoted(out, kit->addresses, kit->address_count);
	buf_put_text(out, "];\n  apply {\n    symbols_disabled = [\"DMARC_CHECK\"];\n  }\n}\n");
}

static void put_microsoft(const struct kit *kit, struct buf *out)
{
	buf_put_text(out, "# Exchange Online PowerShell. Trusted sealers are one list: \"Get-ArcConfig\" shows those that are there already; write them into it, too.\n"
		"Set-ArcConfig -Identity Default -ArcTrustedSealers \"");
	put_joined(out, kit->domains, kit->domain_count, ",");
	buf_put_text(out, "\"\nGet-ArcConfig\n");
}

static void put_spamassassin(const struct kit *kit, struct buf *out)
{
	buf_put_text(out, "# /etc/spamassassin/local.cf (4.0; before that the words are whitelist_auth and whitelist_from_dkim): what these domains have sent and signed.\n");
	put_each(out, kit->domains, kit->domain_count, "welcomelist_auth *@", "\n");
	buf_put_text(out, "# The same for copies that keep the author's From: any author, as long as these domains have signed.\n");
	put_each(out, kit->domains, kit->domain_count, "welcomelist_from_dkim *@* ", "\n");
}

static void put_postfix(const struct kit *kit, struct buf *out)
{
	buf_put_text(out, "# /etc/postfix/main.cf: no checks of the client, and no milters (so no DMARC milter either), for these addresses. postscreen has its own list.\n"
		"smtpd_client_restrictions = check_client_access cidr:/etc/postfix/listd-clients, permit_mynetworks, ...as before...\n"
		"smtpd_milter_maps = cidr:/etc/postfix/listd-milters\n"
		"postscreen_access_list = permit_mynetworks, cidr:/etc/postfix/listd-postscreen\n\n# /etc/postfix/listd-clients\n");
	put_each(out, kit->addresses, kit->address_count, "", " OK\n");
	buf_put_text(out, "\n# /etc/postfix/listd-milters\n");
	put_each(out, kit->addresses, kit->address_count, "", " DISABLE\n");
	buf_put_text(out, "\n# /etc/postfix/listd-postscreen\n");
	put_each(out, kit->addresses, kit->address_count, "", " permit\n");
}

static void put_listd(const struct kit *kit, struct buf *out)
{
	buf_put_text(out, "# listd.conf of a site that guards its mail with listd-milter (receiver = yes): signed by these domains, and from a list; and their seals are believed.\n"
		"receiver-known-lists = \"");
	for (size_t i = 0; i < kit->domain_count; i++)
		buf_printf(out, "%s%s dkim=%s", i == 0 ? "" : "\\n", kit->domains[i], kit->domains[i]);
	buf_put_text(out, "\"\ntrusted-sealers = { ");
	put_quoted(out, kit->domains, kit->domain_count);
	buf_put_text(out, " }\n");
}

static const struct software { const char *name, *title; void (*put)(const struct kit *kit, struct buf *out); } softwares[] = {
	{ "opendmarc", "OpenDMARC", put_opendmarc },
	{ "rspamd", "rspamd", put_rspamd },
	{ "microsoft", "Microsoft 365: trusted ARC sealers", put_microsoft },
	{ "spamassassin", "SpamAssassin", put_spamassassin },
	{ "postfix", "Postfix", put_postfix },
	{ "listd", "listd-milter", put_listd },
};

static void put_head(const struct kit *kit, const char *host, struct buf *out)
{
	buf_printf(out, "# Mail of the list server %s\n# Signing (DKIM) and sealing (ARC) domains:\n", host);
	put_each(out, kit->domains, kit->domain_count, "#   ", "\n");
	buf_put_text(out, "# Keys in DNS:\n");
	put_each(out, kit->selectors, kit->selector_count, "#   ", "\n");
	buf_put_text(out, "# Addresses that it sends from:\n");
	put_each(out, kit->addresses, kit->address_count, "#   ", "\n");
	buf_put_text(out, "# It passes DMARC for its own domains, verifies authors on arrival and refuses what fails their policy. What follows is needed only\n"
		"# where copies are to be taken that keep the author's address in From although the list has changed them. One part is enough: that of the software which decides.\n");
}

int verb_allowlist_kit(struct control_call *call, json_t **result_r, struct fail *why)
{
	const char *wanted = json_string_value(json_object_get(call->args, "software"));
	struct kit kit = { .arena = call->arena };
	struct site *site;
	size_t put = 0;
	struct buf out;

	if (find_domains(call, &kit, why) != 0)
		return -1;
	site = daemon_hold_site(call->daemon);
	find_addresses(call, &kit, site->settings->host_name);
	find_selectors(&kit, &site->keyring);
	buf_init(&out, (size_t)8 << 20);
	put_head(&kit, site->settings->host_name, &out);
	daemon_release_site(site);
	for (size_t i = 0; i < sizeof(softwares) / sizeof(softwares[0]); i++) {
		if (wanted != NULL && strcmp(wanted, softwares[i].name) != 0)
			continue;
		buf_printf(&out, "\n# ---- %s ----\n\n", softwares[i].title);
		softwares[i].put(&kit, &out);
		put++;
	}
	if (put > 0)
		*result_r = json_pack("{s:s}", "text", buf_text(&out));
	buf_done(&out);
	return put > 0 ? 0 : control_refuse(why, EX_USAGE, "expected opendmarc, rspamd, microsoft, spamassassin, postfix or listd, not %s", wanted);
}
