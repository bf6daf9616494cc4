/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands between a check and DNS: fetching records, expanding names, counting, and the verdicts that are not libspf2's to give. */
#include "mitigations/auth/spf_int.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_CHARS 253
#define NAME_TEXT_MAX_BYTES 65536 /* an expansion before its left side is cut (7.3) */

void spf_guard_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

void spf_guard_decide(struct spf_guard *g, enum auth_result verdict, const char *format, ...)
{
	va_list args;

	if (g->is_decided)
		return;
	g->is_decided = true;
	g->verdict = verdict;
	va_start(args, format);
	vsnprintf(g->reason, sizeof(g->reason), format, args);
	va_end(args);
	spf_guard_printable(g->reason);
}

/* Presentation form for the resolver: the dots separate labels, everything else is content. */
static const char *escape_name(struct arena *a, const char *name)
{
	char *out = arena_alloc(a, 4 * strlen(name) + 1), *to = out;

	for (const char *p = name; *p != '\0'; p++) {
		if (*p > 0x20 && *p < 0x7f && *p != '\\') {
			*to++ = *p;
			continue;
		}
		*to++ = '\\';
		for (unsigned unit = 100; unit > 0; unit /= 10)
			*to++ = (char)('0' + (unsigned char)*p / unit % 10);
	}
	*to = '\0';
	return out;
}

void spf_guard_ask_host(struct spf_guard *g, const char *host, enum dns_type type, struct dns_answer *answer_r)
{
	*answer_r = (struct dns_answer){ .status = DNS_SERVFAIL, .canonical = "" };
	if (clock_monotonic_ms() - g->began_ms > SPF_CHECK_MAX_MS)
		spf_guard_decide(g, AUTH_TEMPERROR, "the check takes longer than %d seconds", SPF_CHECK_MAX_MS / 1000);
	if (!g->is_decided)
		resolver_ask(g->dns, g->scratch, host, type, answer_r);
}

void spf_guard_ask(struct spf_guard *g, const char *name, enum dns_type type, struct dns_answer *answer_r)
{
	spf_guard_ask_host(g, escape_name(g->scratch, name), type, answer_r);
}

/* -- Macro values -- */

static const char *client_text(struct spf_guard *g)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(g->client.is_ip6 ? AF_INET6 : AF_INET, g->client.address, text, sizeof(text));
	return arena_printf(g->scratch, "%s", text);
}

/* %{i}: dotted quad, or the 32 nibbles of an IPv6 address. */
static const char *client_dotted(struct spf_guard *g)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[64];

	if (!g->client.is_ip6)
		return client_text(g);
	for (size_t i = 0; i < 32; i++) {
		text[2 * i] = digits[g->client.address[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
		text[2 * i + 1] = '.';
	}
	text[63] = '\0';
	return arena_printf(g->scratch, "%s", text);
}

/* The client's name in the reverse tree. */
static const char *reverse_name(struct spf_guard *g)
{
	const uint8_t *ip = g->client.address;
	char text[65] = "";

	if (!g->client.is_ip6)
		return arena_printf(g->scratch, "%u.%u.%u.%u.in-addr.arpa", ip[3], ip[2], ip[1], ip[0]);
	for (size_t i = 0; i < 16; i++)
		snprintf(text + 4 * i, 5, "%x.%x.", ip[15 - i] & 15u, ip[15 - i] >> 4);
	return arena_printf(g->scratch, "%sip6.arpa", text);
}

static bool leads_back(struct spf_guard *g, const char *name)
{
	struct dns_answer answer;

	spf_guard_ask_host(g, name, g->client.is_ip6 ? DNS_AAAA : DNS_A, &answer);
	for (size_t i = 0; i < answer.count; i++)
		if (spf_client_matches(&g->client, answer.records[i].data, g->client.is_ip6 ? 128 : 32))
			return true;
	return false;
}

/* RFC 7208 5.5. Once a check; failures only make names missing. True when the client has no PTR record. */
static bool find_validated(struct spf_guard *g)
{
	struct dns_answer answer;

	spf_guard_ask(g, reverse_name(g), DNS_PTR, &answer);
	for (size_t i = 0; i < answer.count && i < SPF_HOSTS_MAX; i++) {
		const char *name = dns_name(g->scratch, answer.records[i].data, answer.records[i].len);

		if (name != NULL && leads_back(g, name))
			g->validated[g->validated_count++] = name;
	}
	g->has_validated = true;
	return answer.status == DNS_NODATA || answer.status == DNS_NXDOMAIN;
}

/* 2: the same name; 1: below it; 0: another. */
static int closeness(const char *name, const char *domain)
{
	struct span n = span_of(name), d = span_of(domain);

	if (n.len < d.len || !span_eq_nocase(span_sub(n, n.len - d.len, d.len), d))
		return 0;
	if (n.len == d.len)
		return 2;
	return n.ptr[n.len - d.len - 1] == '.' ? 1 : 0;
}

bool spf_guard_has_name(struct spf_guard *g, const char *domain, bool *is_void_r)
{
	*is_void_r = !g->has_validated && find_validated(g);
	for (size_t i = 0; i < g->validated_count; i++)
		if (closeness(g->validated[i], domain) > 0)
			return true;
	return false;
}

/* %{p}: the domain itself, else one below it, else any, else "unknown". */
static const char *client_name(struct spf_guard *g)
{
	const char *best = "unknown";
	int best_closeness = -1;

	if (!g->has_validated)
		find_validated(g);
	for (size_t i = 0; i < g->validated_count; i++)
		if (closeness(g->validated[i], g->macro_domain) > best_closeness) {
			best = g->validated[i];
			best_closeness = closeness(best, g->macro_domain);
		}
	return best;
}

static const char *macro_value(void *context, char letter)
{
	struct spf_guard *g = context;

	switch (letter) {
	case 's':
		return arena_printf(g->scratch, "%s@%s", g->local, g->sender_domain);
	case 'l':
		return g->local;
	case 'o':
		return g->sender_domain;
	case 'd':
		return g->macro_domain;
	case 'i':
		return client_dotted(g);
	case 'p':
		return client_name(g);
	case 'h':
		return g->helo;
	case 'v':
		return g->client.is_ip6 ? "ip6" : "in-addr";
	case 'c':
		return client_text(g);
	case 'r':
		return g->receiver;
	case 't':
		return arena_printf(g->scratch, "%lld", (long long)clock_now(g->clock));
	}
	return "";
}

/* Without the final dot, and cut from the left to the length of a name (7.3). */
static struct span fit_name(struct span name)
{
	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	while (name.len > NAME_MAX_CHARS) {
		size_t dot = span_find_byte(name, '.');

		name = span_sub(name, dot + 1, name.len);
	}
	return name;
}

const char *spf_guard_name(struct spf_guard *g, const struct spf_loaded *in, struct span spec)
{
	struct span name;
	const char *text;
	struct buf out;

	if (spec.len == 0)
		return in->domain;
	g->macro_domain = in->domain;
	buf_init(&out, NAME_TEXT_MAX_BYTES);
	if (spf_macro_expand(spec, SPF_MACRO_NAME, macro_value, g, &out) != 0)
		spf_guard_decide(g, AUTH_PERMERROR, "a name in the record of %s becomes far too long", in->domain);
	name = fit_name(buf_span(&out));
	text = arena_text(g->scratch, name);
	buf_done(&out);
	/* A sender or HELO name outside ASCII matches nothing (RFC 8616 4). */
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			return NULL;
	return g->is_decided || *text == '\0' ? NULL : text;
}

/* -- Records -- */

/* 4.5: the one TXT that is an SPF record. 0: none, -1: several. */
static int select_record(struct spf_guard *g, const struct dns_answer *answer, struct span *text_r)
{
	int found = 0;

	for (size_t i = 0; i < answer->count; i++) {
		struct span text = dns_txt(g->scratch, &answer->records[i]);

		if (!spf_syntax_is_record(text))
			continue;
		*text_r = text;
		found++;
	}
	return found > 1 ? -1 : found;
}

struct spf_loaded *spf_guard_load(struct spf_guard *g, const char *domain)
{
	struct spf_loaded *loaded;
	struct dns_answer answer;
	struct span text = { NULL, 0 };
	struct fail why;
	int found;

	spf_guard_ask(g, domain, DNS_TXT, &answer);
	if (dns_is_temporary(answer.status))
		spf_guard_decide(g, AUTH_TEMPERROR, "DNS %s for the TXT records of %s", dns_status_name(answer.status), domain);
	found = select_record(g, &answer, &text);
	if (found < 0)
		spf_guard_decide(g, AUTH_PERMERROR, "%s has several SPF records", domain);
	if (found == 0 || g->is_decided)
		return NULL;
	loaded = &g->loaded[g->loaded_count];
	loaded->domain = domain;
	if (spf_syntax_read(g->scratch, text, &loaded->record, &why) != 0) {
		spf_guard_decide(g, AUTH_PERMERROR, "the SPF record of %s is wrong: %s", domain, why.text);
		return NULL;
	}
	g->loaded_count++;
	return loaded;
}

/* -- Limits -- */

static int shown(struct span text)
{
	return (int)(text.len > 120 ? 120 : text.len);
}

bool spf_guard_count(struct spf_guard *g, struct spf_loaded *in, const struct spf_term *term)
{
	if (g->is_decided)
		return false;
	if (++g->terms > SPF_TERMS_MAX)
		spf_guard_decide(g, AUTH_PERMERROR, "more than %d terms that need DNS, reached at %.*s in the record of %s", SPF_TERMS_MAX,
			shown(term->text), term->text.ptr, in->domain);
	in->asked = term;
	return !g->is_decided;
}

void spf_guard_count_void(struct spf_guard *g, const struct spf_term *term)
{
	if (++g->voids > SPF_VOIDS_MAX)
		spf_guard_decide(g, AUTH_PERMERROR, "more than %d look-ups without an answer, reached at %.*s", SPF_VOIDS_MAX, shown(term->text), term->text.ptr);
}

/* -- Explanation (6.2): any trouble means that there is none -- */

static bool is_printable(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
			return false;
	return text.len > 0;
}

static const char *expand_explanation(struct spf_guard *g, struct arena *a, struct span text)
{
	const char *explanation = NULL;
	struct buf out;

	buf_init(&out, SPF_EXPLANATION_MAX_BYTES);
	if (text.len <= SPF_EXPLANATION_TEXT_MAX_BYTES && spf_macro_expand(text, SPF_MACRO_EXPLANATION, macro_value, g, &out) == 0
		&& is_printable(buf_span(&out)))
		explanation = arena_text(a, buf_span(&out));
	buf_done(&out);
	return explanation;
}

const char *spf_guard_explain(struct spf_guard *g, struct arena *a, const struct spf_loaded *by)
{
	struct dns_answer answer;
	const char *name;

	if (by->record.exp.len == 0)
		return NULL;
	name = spf_guard_name(g, by, by->record.exp);
	if (name == NULL)
		return NULL;
	spf_guard_ask(g, name, DNS_TXT, &answer);
	if (answer.status != DNS_OK || answer.count != 1)
		return NULL;
	return expand_explanation(g, a, dns_txt(g->scratch, &answer.records[0]));
}
