/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar of a record (RFC 7208 4.6.1, 5, 6, 12): an error anywhere is a permanent error before any term is looked at. */
#include "mitigations/auth/spf_int.h"

#include <arpa/inet.h>
#include <string.h>

enum value_kind { VALUE_NONE, VALUE_DOMAIN, VALUE_DOMAIN_MAYBE, VALUE_DOMAIN_CIDR, VALUE_IP4, VALUE_IP6 };

static const struct mechanism {
	const char *name;
	enum spf_kind kind;
	enum value_kind value;
} mechanisms[] = {
	{ "all", SPF_KIND_ALL, VALUE_NONE }, { "include", SPF_KIND_INCLUDE, VALUE_DOMAIN }, { "a", SPF_KIND_A, VALUE_DOMAIN_CIDR },
	{ "mx", SPF_KIND_MX, VALUE_DOMAIN_CIDR }, { "ptr", SPF_KIND_PTR, VALUE_DOMAIN_MAYBE }, { "ip4", SPF_KIND_IP4, VALUE_IP4 },
	{ "ip6", SPF_KIND_IP6, VALUE_IP6 }, { "exists", SPF_KIND_EXISTS, VALUE_DOMAIN },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static int bad(const struct spf_term *term, struct fail *why, const char *what)
{
	return fail_permanent(why, "%s in \"%.*s\"", what, (int)(term->text.len > 100 ? 100 : term->text.len), term->text.ptr);
}

/* toplabel: letters, digits and inner hyphens, not digits alone. */
static bool is_toplabel(struct span label)
{
	bool has_other = false;

	if (label.len == 0 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		if (!is_digit(label.ptr[i]) && !is_alpha(label.ptr[i]) && label.ptr[i] != '-')
			return false;
		has_other = has_other || !is_digit(label.ptr[i]);
	}
	return has_other;
}

/* domain-end, when it is literal text: "." toplabel [ "." ]. */
static bool is_domain_end(struct span tail)
{
	size_t dot;

	if (tail.len > 0 && tail.ptr[tail.len - 1] == '.')
		tail.len--;
	for (dot = tail.len; dot > 0 && tail.ptr[dot - 1] != '.'; dot--)
		;
	return dot > 0 && is_toplabel(span_sub(tail, dot, tail.len));
}

static int check_macros(struct span text, struct span *tail_r)
{
	struct spf_piece piece;
	int got;

	*tail_r = (struct span){ NULL, 0 };
	while ((got = spf_macro_next(&text, SPF_MACRO_NAME, &piece)) > 0)
		*tail_r = piece.literal;
	return got;
}

static int read_domain(struct spf_term *term, struct span spec, struct fail *why)
{
	struct span tail;

	if (spec.len == 0)
		return bad(term, why, "a domain is missing");
	if (spec.len > SPF_DOMAIN_SPEC_MAX_BYTES)
		return bad(term, why, "a name that is far too long");
	if (check_macros(spec, &tail) != 0)
		return bad(term, why, "bad macro or character");
	/* A tail that is empty or an escape (%%, %_, %-) means that a macro-expand ends it, which is allowed. */
	if (tail.ptr != NULL && tail.ptr + tail.len == spec.ptr + spec.len && !is_domain_end(tail))
		return bad(term, why, "no valid domain name");
	term->domain = spec;
	return 0;
}

/* Cut "/24" or "//64" off the end. 1: cut; 0: there is none; -1: no valid length. */
static int cut_prefix(struct span *rest, struct span slashes, unsigned max, unsigned *prefix_r)
{
	size_t from = rest->len;
	unsigned long long number;
	struct span digits;

	while (from > 0 && is_digit(rest->ptr[from - 1]))
		from--;
	digits = span_sub(*rest, from, rest->len);
	if (digits.len == 0 || from < slashes.len || !span_eq(span_sub(*rest, from - slashes.len, slashes.len), slashes))
		return 0;
	if (!span_number(digits, max, &number) || (digits.len > 1 && digits.ptr[0] == '0'))
		return -1;
	*prefix_r = (unsigned)number;
	rest->len = from - slashes.len;
	return 1;
}

/* [ ":" domain-spec ] [ ip4-cidr-length ] [ "/" ip6-cidr-length ] */
static int read_domain_cidr(struct spf_term *term, struct span rest, struct fail *why)
{
	if (cut_prefix(&rest, SPAN_LIT("//"), 128, &term->prefix6) < 0 || cut_prefix(&rest, SPAN_LIT("/"), 32, &term->prefix4) < 0)
		return bad(term, why, "bad prefix length");
	if (rest.len == 0)
		return 0;
	if (rest.ptr[0] != ':')
		return bad(term, why, "bad prefix length");
	return read_domain(term, span_sub(rest, 1, rest.len), why);
}

static int read_ip(struct spf_term *term, struct span rest, struct fail *why)
{
	bool is_ip6 = term->kind == SPF_KIND_IP6;
	char text[INET6_ADDRSTRLEN] = "";

	if (rest.len == 0 || rest.ptr[0] != ':')
		return bad(term, why, "an address is missing");
	rest = span_sub(rest, 1, rest.len);
	if (cut_prefix(&rest, SPAN_LIT("/"), is_ip6 ? 128 : 32, is_ip6 ? &term->prefix6 : &term->prefix4) < 0)
		return bad(term, why, "bad prefix length");
	if (rest.len < sizeof(text))
		memcpy(text, rest.ptr, rest.len);
	if (inet_pton(is_ip6 ? AF_INET6 : AF_INET, text, term->address) != 1)
		return bad(term, why, "bad IP address");
	return 0;
}

static int read_value(struct spf_term *term, enum value_kind kind, struct span rest, struct fail *why)
{
	bool has_colon = rest.len > 0 && rest.ptr[0] == ':';

	switch (kind) {
	case VALUE_NONE:
		return rest.len == 0 ? 0 : bad(term, why, "a value where none may be");
	case VALUE_DOMAIN:
		return has_colon ? read_domain(term, span_sub(rest, 1, rest.len), why) : bad(term, why, "a domain is missing");
	case VALUE_DOMAIN_MAYBE:
		if (rest.len == 0)
			return 0;
		return has_colon ? read_domain(term, span_sub(rest, 1, rest.len), why) : bad(term, why, "no valid value");
	case VALUE_DOMAIN_CIDR:
		return read_domain_cidr(term, rest, why);
	case VALUE_IP4:
	case VALUE_IP6:
		return read_ip(term, rest, why);
	}
	return bad(term, why, "no valid value");
}

static int read_mechanism(struct arena *a, struct spf_term *term, struct spf_record *record, size_t *cap, struct fail *why)
{
	struct span rest = term->text, name;
	size_t len = 0;

	term->qualifier = '+';
	if (strchr("+-~?", rest.ptr[0]) != NULL) {
		term->qualifier = rest.ptr[0];
		rest = span_sub(rest, 1, rest.len);
	}
	while (len < rest.len && rest.ptr[len] != ':' && rest.ptr[len] != '/')
		len++;
	name = span_sub(rest, 0, len);
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		if (!span_eq_text_nocase(name, mechanisms[i].name))
			continue;
		term->kind = mechanisms[i].kind;
		if (read_value(term, mechanisms[i].value, span_sub(rest, len, rest.len), why) != 0)
			return -1;
		*(struct spf_term *)arena_grow(a, &record->terms, cap, record->count, sizeof(*term)) = *term;
		record->count++;
		return 0;
	}
	return bad(term, why, "unknown mechanism");
}

/* Length of "name" when the term is name "=" macro-string; 0 otherwise. */
static size_t modifier_name_len(struct span term)
{
	size_t len = 0;

	if (!is_alpha(term.ptr[0]))
		return 0;
	while (len < term.len && (is_alpha(term.ptr[len]) || is_digit(term.ptr[len]) || strchr("-_.", term.ptr[len]) != NULL))
		len++;
	return len < term.len && term.ptr[len] == '=' ? len : 0;
}

static int read_modifier(struct spf_term *term, size_t name_len, struct spf_record *record, struct fail *why)
{
	struct span name = span_sub(term->text, 0, name_len), value = span_sub(term->text, name_len + 1, term->text.len), tail;
	bool is_redirect = span_eq_text_nocase(name, "redirect");

	if (!is_redirect && !span_eq_text_nocase(name, "exp"))
		return check_macros(value, &tail) == 0 ? 0 : bad(term, why, "bad macro or character");
	if ((is_redirect ? record->redirect.text.len : record->exp.len) > 0)
		return bad(term, why, "a second modifier of that name");
	if (read_domain(term, value, why) != 0)
		return -1;
	term->kind = SPF_KIND_REDIRECT;
	term->qualifier = '+';
	if (is_redirect)
		record->redirect = *term;
	else
		record->exp = value;
	return 0;
}

static bool is_visible(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e)
			return false;
	return true;
}

bool spf_syntax_is_record(struct span text)
{
	return span_starts_nocase(text, "v=spf1") && (text.len == 6 || text.ptr[6] == ' ');
}

int spf_syntax_read(struct arena *a, struct span text, struct spf_record *record_r, struct fail *why)
{
	struct span rest = span_sub(text, 6, text.len), part;
	size_t cap = 0;

	*record_r = (struct spf_record){ 0 };
	while (span_next(&rest, ' ', &part)) {
		struct spf_term term = { .text = part, .prefix4 = 32, .prefix6 = 128 };
		size_t name_len;
		int done;

		if (part.len == 0)
			continue;
		if (!is_visible(part))
			return bad(&term, why, "a character that is not visible ASCII");
		name_len = modifier_name_len(part);
		done = name_len > 0 ? read_modifier(&term, name_len, record_r, why) : read_mechanism(a, &term, record_r, &cap, why);
		if (done != 0)
			return -1;
	}
	return 0;
}
