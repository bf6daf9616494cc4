/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/prove.h"

#include "mail/header.h"
#include "mitigations/auth/canon.h"

#include <string.h>

struct proving {
	struct arena *arena;
	struct resolver *dns;     /* with our keys over it */
	struct resolver *outside; /* as the world sees it now */
	const struct clock *clock;
	const struct list_identity *list;
	struct message message;
	struct address_list from;
	struct dkim_result dkim;
	struct proof *proof;
};

/* Lines of a message in slices, in one pass over each. */
struct line_scan { size_t line, longest; bool after_cr, bare_cr, bare_lf, nul, has_8bit; };

static bool has_high_bit(const unsigned char *bytes, size_t count)
{
	unsigned char seen = 0;

	for (size_t i = 0; i < count; i++)
		seen |= bytes[i];
	return seen > 127;
}

/* Part of a line, without its LF. */
static void scan_part(struct line_scan *scan, const unsigned char *bytes, size_t count)
{
	const unsigned char *cr;

	if (count == 0)
		return;
	cr = memchr(bytes, '\r', count);
	scan->bare_cr = scan->bare_cr || scan->after_cr || (cr != NULL && cr != bytes + count - 1);
	scan->nul = scan->nul || memchr(bytes, '\0', count) != NULL;
	scan->has_8bit = scan->has_8bit || has_high_bit(bytes, count);
	scan->after_cr = bytes[count - 1] == '\r';
	scan->line += count;
}

static void scan_end(struct line_scan *scan, bool has_lf, bool is_lf_text)
{
	size_t octets = scan->line - (has_lf && scan->after_cr ? 1 : 0);

	scan->bare_lf = scan->bare_lf || (has_lf && !scan->after_cr && !is_lf_text);
	scan->bare_cr = scan->bare_cr || (!has_lf && scan->after_cr);
	scan->longest = octets > scan->longest ? octets : scan->longest;
	scan->line = 0;
	scan->after_cr = false;
}

static void scan_slices(struct line_scan *scan, const struct iovec *slices, size_t count, bool is_lf_text)
{
	for (size_t i = 0; i < count; i++) {
		const unsigned char *at = slices[i].iov_base, *end = at + slices[i].iov_len, *lf;

		for (; at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1) {
			scan_part(scan, at, (size_t)(lf - at));
			scan_end(scan, true, is_lf_text);
		}
		scan_part(scan, at, (size_t)(end - at));
	}
	scan_end(scan, false, is_lf_text);
}

/* Says what is wrong with the message, or NULL. */
typedef const char *check_function(struct proving *p);

static const char *check_from(struct proving *p)
{
	size_t count = message_field_count(&p->message, "From");

	if (count != 1)
		return arena_printf(p->arena, "there are %zu From fields instead of one", count);
	address_list_parse(p->arena, message_field(&p->message, "From")->value, &p->from);
	if (p->from.count != 1 || p->from.group_count > 0)
		return "From does not hold exactly one mailbox";
	return p->from.damaged ? "From cannot be read in one way only" : NULL;
}

static const char *check_once(struct proving *p)
{
	for (size_t i = 0; i < p->message.field_count; i++) {
		const struct field *f = &p->message.fields[i];

		if ((header_flags(f->name) & HEADER_ONCE) != 0 && message_field_from(&p->message, arena_text(p->arena, f->name), i + 1) != NULL)
			return arena_printf(p->arena, "there is more than one %.*s field", (int)f->name.len, f->name.ptr);
	}
	return message_field(&p->message, "Date") == NULL ? "there is no Date field" : NULL;
}

static const char *check_lines(struct proving *p)
{
	bool is_lf_text = p->message.line_ends == LINE_ENDS_LF;
	struct iovec head = { (char *)(uintptr_t)p->message.head.ptr, p->message.head.len };
	struct line_scan in_head = { .line = 0 }, in_body = { .line = 0 };

	scan_slices(&in_head, &head, 1, is_lf_text);
	scan_slices(&in_body, p->message.body, p->message.body_count, is_lf_text);
	p->proof->longest_line_bytes = in_head.longest > in_body.longest ? in_head.longest : in_body.longest;
	p->proof->needs_utf8 = in_head.has_8bit && p->list->smtputf8;
	p->proof->needs_8bit = in_head.has_8bit || in_body.has_8bit;
	if (p->proof->longest_line_bytes > HEADER_LINE_MAX_BYTES)
		return arena_printf(p->arena, "a line has %zu octets, which relays cut at %d", p->proof->longest_line_bytes, HEADER_LINE_MAX_BYTES);
	if (in_head.nul || in_body.nul || in_head.bare_cr || in_body.bare_cr || in_head.bare_lf || in_body.bare_lf)
		return "there is a bare CR, a bare LF or a NUL octet, which relays change";
	if (p->proof->needs_8bit && p->list->only_7bit)
		return "there are 8-bit octets, which the relay does not take (relay-8bit = no)";
	return p->message.has_junk_line ? "a line of the header is no field" : NULL;
}

static bool is_valid(struct proving *p)
{
	static check_function *const checks[] = { check_lines, check_from, check_once };
	const char *fault = NULL;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		const char *now = checks[i](p);

		fault = fault == NULL ? now : fault;
	}
	p->proof->reason = fault;
	return fault == NULL;
}

/* Is the signature's key there already for everybody, or only in our keyring? */
static bool is_published(const struct proving *p, const struct dkim_signature *signature)
{
	struct dns_answer answer;

	resolver_ask(p->outside, p->arena, arena_printf(p->arena, "%s._domainkey.%s", signature->selector, signature->domain), DNS_TXT, &answer);
	return answer.status == DNS_OK;
}

static void judge_list_signature(struct proving *p)
{
	struct proof *proof = p->proof;

	if (!p->list->signs) {
		proof->list_signature_ok = true;
		proof->assumes = arena_printf(p->arena, "the MTA signs for %s", p->list->domain);
		return;
	}
	for (size_t i = 0; i < p->dkim.count && !proof->list_signature_ok; i++) {
		const struct dkim_signature *s = &p->dkim.signatures[i];

		proof->list_signature_ok = s->result == AUTH_PASS && strcmp(s->domain, p->list->domain) == 0;
		if (proof->list_signature_ok && !is_published(p, s))
			proof->assumes = arena_printf(p->arena, "the key %s._domainkey.%s, which is not published yet", s->selector, s->domain);
	}
}

/* Every passing signature as evidence, and the one that the MTA will add. Under an author in UTF-8 only ours counts: his domain is
 * not the same to every receiver. */
static struct dmarc_evidence *gather_evidence(const struct proving *p, size_t *count_r)
{
	struct dmarc_evidence *evidence = arena_array(p->arena, p->dkim.count + 1, sizeof(*evidence));
	bool only_ours = p->from.count > 0 && address_is_utf8(&p->from.items[0]);

	*count_r = 0;
	for (size_t i = 0; i < p->dkim.count; i++)
		if (p->dkim.signatures[i].result == AUTH_PASS && (!only_ours || strcmp(p->dkim.signatures[i].domain, p->list->domain) == 0))
			evidence[(*count_r)++] = (struct dmarc_evidence){ p->dkim.signatures[i].domain, AUTH_PASS };
	if (!p->list->signs)
		evidence[(*count_r)++] = (struct dmarc_evidence){ p->list->domain, AUTH_PASS };
	return evidence;
}

/* Does one signature speak for the copy's author? The same name always does, whatever the policy and whoever could not be asked for it; without a
 * record there is nothing else to align with. */
static bool is_aligned(const struct proving *p, const struct dmarc_evidence *evidence)
{
	struct dmarc_verdict verdict = p->proof->dmarc;

	if (strcmp(evidence->domain, verdict.author_domain) == 0)
		return true;
	if (verdict.effective == DMARC_ABSENT)
		return strcmp(dmarc_psl_org_domain(p->arena, evidence->domain), dmarc_psl_org_domain(p->arena, verdict.author_domain)) == 0;
	dmarc_evaluate(p->arena, p->dns, &verdict, NULL, evidence, 1);
	return verdict.pass;
}

static void judge_author(struct proving *p)
{
	size_t evidence_count, domain_count;
	struct dmarc_evidence *evidence = gather_evidence(p, &evidence_count);
	const char **domains;

	address_author_domains(p->arena, &p->from, &domains, &domain_count);
	if (domain_count != 1)
		return;
	dmarc_discover(p->arena, p->dns, domains[0], &p->proof->dmarc);
	for (size_t i = 0; i < evidence_count; i++) {
		bool counts = is_aligned(p, &evidence[i]), is_ours = strcmp(evidence[i].domain, p->list->domain) == 0;

		p->proof->dmarc_pass = p->proof->dmarc_pass || counts;
		p->proof->author_signature_alive = p->proof->author_signature_alive || (counts && !is_ours);
	}
	dmarc_evaluate(p->arena, p->dns, &p->proof->dmarc, NULL, evidence, evidence_count);
	p->proof->dmarc_pass = p->proof->dmarc_pass || p->proof->dmarc.pass;
}

static bool is_our_seal(const struct proving *p, const struct field *seal)
{
	struct tags tags;

	return tags_parse(seal->value, &tags) && span_eq_text_nocase(tags_find(&tags, "d"), p->list->domain);
}

/* Only our own seal can be at fault: a chain that was broken before counts as none (RFC 8617 5.2). Where there is none of ours nothing is validated. */
static void judge_seal(struct proving *p)
{
	struct arc_result arc;
	bool has_ours = false;

	for (const struct field *f = message_field(&p->message, "ARC-Seal"); f != NULL; f = message_field_from(&p->message, "ARC-Seal", message_field_index(&p->message, f) + 1))
		has_ours = has_ours || is_our_seal(p, f);
	p->proof->arc_ok = true;
	if (!has_ours)
		return;
	arc_validate(p->arena, p->dns, p->clock, &p->message, &arc);
	p->proof->sealed = arc.sets != NULL && strcmp(arc.sets[arc.instances - 1].seal_domain, p->list->domain) == 0;
	p->proof->arc_ok = !p->proof->sealed || arc.result == AUTH_PASS;
}

/* Is the copy's From in the list's name: its address, or another at its domain? */
static bool is_from_list(const struct proving *p)
{
	struct span address = span_of(p->list->address), domain = span_sub(address, span_find_byte(address, '@') + 1, address.len);

	return span_eq_text_nocase(domain, p->proof->dmarc.author_domain) || strcmp(p->proof->dmarc.author_domain, p->list->domain) == 0;
}

static void conclude(struct proving *p)
{
	struct proof *proof = p->proof;
	bool is_strict = dmarc_is_strict(proof->dmarc.effective), is_ours = is_from_list(p);

	/* under our own name our signature has to be right even where no policy asks for it: reputation and requirements of big receivers rest on it */
	if (!proof->arc_ok)
		proof->reason = "the ARC chain with our seal does not validate";
	else if (is_ours && !proof->list_signature_ok)
		proof->reason = arena_printf(p->arena, "no signature of %s verifies on the copy", p->list->domain);
	else if (is_strict && !proof->dmarc_pass)
		proof->reason = arena_printf(p->arena, "no signature of %s, which asks for %s, verifies on the copy", proof->dmarc.author_domain,
			dmarc_policy_name(proof->dmarc.effective));
	else
		proof->holds = true;
	if (proof->holds)
		proof->reason = proof->dmarc_pass ? arena_printf(p->arena, "passes DMARC for %s", proof->dmarc.author_domain)
			: arena_printf(p->arena, "%s asks for nothing", proof->dmarc.author_domain);
}

void prove(struct arena *a, struct resolver *dns, struct resolver *keys, const struct clock *clock, const struct list_identity *list,
	const struct rendering *rendering, struct proof *proof_r)
{
	struct resolver *overlay = keys == NULL ? NULL : resolver_overlay(keys, dns);
	struct proving p = { .arena = a, .dns = overlay == NULL ? dns : overlay, .outside = dns, .clock = clock, .list = list, .proof = proof_r };
	struct fail why;

	*proof_r = (struct proof){ .holds = false };
	if (message_parse_slices(a, rendering->slices, rendering->count, &p.message, &why) != 0) {
		proof_r->reason = arena_printf(a, "the copy cannot be read: %s", why.text);
	} else {
		proof_r->valid_message = is_valid(&p);
		dkim_evaluate_own(a, p.dns, clock, &p.message, &p.dkim);
		judge_list_signature(&p);
		judge_seal(&p);
		judge_author(&p);
		if (proof_r->valid_message && proof_r->dmarc.author_domain != NULL)
			conclude(&p);
		else if (proof_r->valid_message)
			proof_r->reason = "the domain of From cannot be judged";
	}
	resolver_free(overlay);
}
