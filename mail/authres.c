/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar is RFC 8601 2.2. Taken beyond it, because real fields have it: a ";" at the end, properties without a ptype
 * ("action=none", "x-bits=2048"), characters in values that should be quoted, a property without a value, and one after a ";". */
#include "mail/authres.h"
#include "mail/buf.h"
#include "mail/idna.h"

#include <string.h>

/* Nothing real nests deeper. */
#define COMMENT_DEPTH_MAX 32

struct reader {
	struct arena *a;
	struct span in;
	size_t at;
	bool is_open; /* a comment or a quoted-string is not closed, or comments nest too deep */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The octet at the place, or '\0' at the end; NUL is refused beforehand. */
static char peek(const struct reader *r)
{
	return r->at < r->in.len ? r->in.ptr[r->at] : '\0';
}

static void skip_comment(struct reader *r)
{
	unsigned depth = 0;

	for (; r->at < r->in.len && depth <= COMMENT_DEPTH_MAX; r->at++) {
		char c = r->in.ptr[r->at];

		if (c == '\\')
			r->at++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			break;
	}
	if (peek(r) == ')')
		r->at++;
	else
		r->is_open = true;
	if (r->is_open)
		r->at = r->in.len;
}

static bool skip_cfws(struct reader *r)
{
	size_t from = r->at;

	for (char c = peek(r); is_blank(c) || c == '('; c = peek(r)) {
		if (c == '(')
			skip_comment(r);
		else
			r->at++;
	}
	return r->at > from;
}

/* Take the character c with the comments and blanks around it. */
static bool take(struct reader *r, char c)
{
	skip_cfws(r);
	if (peek(r) != c)
		return false;
	r->at++;
	skip_cfws(r);
	return true;
}

static bool is_keyword_octet(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static struct span read_keyword(struct reader *r)
{
	size_t from = r->at;

	while (is_keyword_octet(peek(r)))
		r->at++;
	return span_sub(r->in, from, r->at - from);
}

/* Stands on the quote; the text with quotes and escapes undone. */
static struct span read_quoted(struct reader *r)
{
	size_t from = ++r->at, used = 0;
	char *out;

	while (r->at < r->in.len && r->in.ptr[r->at] != '"')
		r->at += r->in.ptr[r->at] == '\\' && r->at + 1 < r->in.len ? 2 : 1;
	out = arena_alloc(r->a, r->at - from + 1);
	for (size_t i = from; i < r->at; i++) {
		if (r->in.ptr[i] == '\\' && i + 1 < r->at)
			i++;
		out[used++] = r->in.ptr[i];
	}
	if (r->at < r->in.len)
		r->at++;
	else
		r->is_open = true;
	return (struct span){ out, used };
}

/* Everything up to a blank, a comment, ";" or one of stops. */
static struct span read_run(struct reader *r, const char *stops)
{
	size_t from = r->at;

	for (char c = peek(r); c != '\0' && !is_blank(c) && c != '(' && c != ';' && strchr(stops, c) == NULL; c = peek(r))
		r->at++;
	return span_sub(r->in, from, r->at - from);
}

/* A token, a quoted-string, or an address whose local part is quoted (kept as written). */
static struct span read_value(struct reader *r)
{
	size_t from = r->at;
	struct span text;

	if (peek(r) != '"')
		return read_run(r, "");
	text = read_quoted(r);
	if (peek(r) != '@')
		return text;
	read_run(r, "");
	return span_sub(r->in, from, r->at - from);
}

/* Does "ptype.property=" stand here? After "smtp.mailfrom= " that means an empty value. */
static bool is_property_here(const struct reader *r)
{
	struct reader look = *r;

	read_keyword(&look);
	if (look.at == r->at || peek(&look) != '.')
		return false;
	look.at++;
	return read_keyword(&look).len > 0 && peek(&look) == '=';
}

static int bad(struct fail *why, const char *what)
{
	return fail_permanent(why, "Authentication-Results: %s", what);
}

/* reasonspec or propspec. */
static int read_property(struct reader *r, struct authres_result *result, struct fail *why)
{
	struct authres_prop prop = { .property = read_keyword(r) };
	bool blank;

	if (prop.property.len > 0 && take(r, '.')) {
		prop.ptype = prop.property;
		prop.property = read_keyword(r);
	}
	skip_cfws(r);
	if (prop.property.len == 0 || peek(r) != '=')
		return bad(why, "a result is followed by something that is no property");
	r->at++;
	blank = skip_cfws(r);
	if (!blank || !is_property_here(r))
		prop.value = read_value(r);
	if (prop.ptype.len == 0 && span_eq_text_nocase(prop.property, "reason")) {
		result->reason = prop.value;
		return 0;
	}
	if (result->prop_count == AUTHRES_PROPS_MAX)
		return bad(why, "a result has too many properties");
	if (result->props == NULL)
		result->props = arena_array(r->a, AUTHRES_PROPS_MAX, sizeof(*result->props));
	result->props[result->prop_count++] = prop;
	return 0;
}

static void skip_entry(struct reader *r)
{
	for (char c = peek(r); c != '\0' && c != ';'; c = peek(r)) {
		if (c == '"')
			read_quoted(r);
		else if (c == '(')
			skip_comment(r);
		else
			r->at++;
	}
}

/* method [/ version] "=" result *(reason or property). 1: read; 0: "none", a method of a version that nobody knows, whose result
 * must not be used (RFC 8601 2.2), or a property that stands where a method should ("; envelope-from=ann@example.com; helo=..." is
 * Amazon's); -1: against the grammar. */
static int read_result(struct reader *r, struct authres_result *result_r, struct fail *why)
{
	struct authres_result result = { .method = read_keyword(r) };
	bool known = true;

	skip_cfws(r);
	if (span_eq_text_nocase(result.method, "none") && (peek(r) == ';' || r->at >= r->in.len))
		return 0;
	if (take(r, '/')) {
		known = span_eq_text(read_keyword(r), "1");
		skip_cfws(r);
	}
	if (result.method.len == 0 || !take(r, '='))
		return bad(why, "method=result expected after a \";\"");
	result.result = read_keyword(r);
	if (result.result.len == 0)
		return bad(why, "a method has no result");
	if (r->at < r->in.len && !is_blank(peek(r)) && peek(r) != '(' && peek(r) != ';') {
		skip_entry(r);
		return 0;
	}
	for (skip_cfws(r); r->at < r->in.len && peek(r) != ';'; skip_cfws(r))
		if (read_property(r, &result, why) != 0)
			return -1;
	*result_r = result;
	return known ? 1 : 0;
}

static int read_results(struct reader *r, struct authres *authres, struct fail *why)
{
	size_t cap = 0, seen = 0;

	for (skip_cfws(r); r->at < r->in.len; skip_cfws(r)) {
		struct authres_result result, *item;
		int got;

		if (peek(r) == ';') {
			r->at++;
			continue;
		}
		if (seen++ == AUTHRES_RESULTS_MAX)
			return bad(why, "too many results");
		got = read_result(r, &result, why);
		if (got < 0)
			return -1;
		if (got == 0)
			continue;
		item = arena_grow(r->a, &authres->results, &cap, authres->count, sizeof(*item));
		*item = result;
		authres->count++;
	}
	return r->is_open ? bad(why, "a comment or a quoted text is not closed") : 0;
}

static struct span read_id(struct reader *r)
{
	skip_cfws(r);
	return peek(r) == '"' ? read_quoted(r) : read_run(r, "=");
}

/* authserv-id [version] ";" */
static int read_head(struct reader *r, struct authres *authres, struct fail *why)
{
	unsigned long long version = 1;
	struct span number;

	authres->authserv_id = read_id(r);
	skip_cfws(r);
	if (authres->authserv_id.len == 0 || peek(r) == '=')
		return bad(why, "it does not begin with an authserv-id");
	number = read_run(r, "");
	if (number.len > 0 && (!span_number(number, 1, &version) || version != 1))
		return bad(why, "its authserv-id is followed by something other than version 1");
	skip_cfws(r);
	if (peek(r) != ';')
		return bad(why, "a \";\" must follow the authserv-id");
	r->at++;
	authres->version = (unsigned)version;
	authres->payload = span_trim(span_sub(r->in, r->at, r->in.len));
	return 0;
}

static bool has_controls(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.ptr[i] < ' ' && !is_blank(s.ptr[i])) || s.ptr[i] == 0x7f)
			return true;
	return false;
}

int authres_parse(struct arena *a, struct span value, struct authres *authres_r, struct fail *why)
{
	struct reader r = { .a = a, .in = arena_span(a, value) };
	struct authres found = { .version = 1 };

	if (has_controls(value))
		return bad(why, "it holds control characters");
	if (read_head(&r, &found, why) != 0 || read_results(&r, &found, why) != 0)
		return -1;
	*authres_r = found;
	return 0;
}

struct span authres_prop(const struct authres_result *result, const char *ptype, const char *property)
{
	for (size_t i = 0; i < result->prop_count; i++)
		if (span_eq_text_nocase(result->props[i].ptype, ptype) && span_eq_text_nocase(result->props[i].property, property))
			return result->props[i].value;
	return (struct span){ NULL, 0 };
}

bool authres_says(struct arena *a, struct span payload, const char *method, const char *result)
{
	struct authres authres;

	if (authres_parse(a, span_of(arena_printf(a, "x; %.*s", (int)payload.len, payload.ptr)), &authres, NULL) != 0)
		return false;
	for (size_t i = 0; i < authres.count; i++)
		if (span_eq_text_nocase(authres.results[i].method, method) && span_eq_text_nocase(authres.results[i].result, result))
			return true;
	return false;
}

/* U-labels equal their A-labels; what is no domain name is compared as text. */
static bool is_same_id(struct arena *a, struct span id, const char *authserv_id)
{
	const char *left = idna_to_ascii(a, id), *right = idna_to_ascii(a, span_of(authserv_id));

	if (left != NULL && right != NULL)
		return strcmp(left, right) == 0;
	return span_eq_text_nocase(id, authserv_id);
}

bool authres_claims(struct arena *a, struct span value, const char *authserv_id)
{
	struct reader r = { .a = a, .in = value };
	struct authres authres;
	struct span id;
	size_t from;

	if (authres_parse(a, value, &authres, NULL) == 0)
		return is_same_id(a, authres.authserv_id, authserv_id);
	skip_cfws(&r);
	from = r.at + (peek(&r) == '"' ? 1 : 0);
	id = read_id(&r);
	return is_same_id(a, id, authserv_id) || span_starts_nocase(span_sub(value, from, value.len), authserv_id);
}

static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] == 0x7f || strchr("()<>@,;:\\\"/[]?=", s.ptr[i]) != NULL)
			return false;
	return s.len > 0;
}

/* [local-part] "@" domain-name may stand as it is (RFC 8601 2.2, pvalue). */
static bool is_plain_address(struct span s)
{
	size_t at = span_find_byte(s, '@');
	struct span local = span_sub(s, 0, at);

	return at < s.len && (local.len == 0 || is_token(local)) && is_token(span_sub(s, at + 1, s.len));
}

struct span authres_quote(struct arena *a, struct span value)
{
	char *out;
	size_t used = 0;

	if (is_token(value) || is_plain_address(value))
		return arena_span(a, value);
	out = arena_alloc(a, 2 * value.len + 2);
	out[used++] = '"';
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if ((unsigned char)c < ' ' || c == 0x7f)
			continue;
		if (c == '"' || c == '\\')
			out[used++] = '\\';
		out[used++] = c;
	}
	out[used++] = '"';
	return (struct span){ out, used };
}

/* Runs of blanks and line ends as one space each, and no ";" at the end. */
static void put_payload(struct buf *out, struct span payload)
{
	bool blank = false;

	while (payload.len > 0 && (is_blank(payload.ptr[payload.len - 1]) || payload.ptr[payload.len - 1] == ';'))
		payload.len--;
	if (payload.len > 0 && out->len > 0)
		buf_put_text(out, "; ");
	for (size_t i = 0; i < payload.len; i++) {
		if (!is_blank(payload.ptr[i]))
			buf_put_byte(out, payload.ptr[i]);
		else if (!blank)
			buf_put_byte(out, ' ');
		blank = is_blank(payload.ptr[i]);
	}
}

struct span authres_collect(struct arena *a, const struct message *m, const char *authserv_id)
{
	const struct field *f = message_field(m, "Authentication-Results");
	bool is_there = false;
	struct span result;
	struct buf out;

	buf_init(&out, MESSAGE_HEADER_MAX_BYTES);
	for (; f != NULL; f = message_field_from(m, "Authentication-Results", message_field_index(m, f) + 1)) {
		struct authres authres;

		if (authres_parse(a, f->value, &authres, NULL) != 0 || !is_same_id(a, authres.authserv_id, authserv_id))
			continue;
		is_there = true;
		if (authres.count > 0)
			put_payload(&out, authres.payload);
	}
	if (is_there && out.len == 0)
		buf_put_text(&out, "none");
	result = out.len == 0 ? (struct span){ NULL, 0 } : arena_span(a, buf_span(&out));
	buf_done(&out);
	return result;
}
