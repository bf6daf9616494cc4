/* SPDX-License-Identifier: BSD-2-Clause */
#include "mitigations/auth/keyed.h"

#include "mitigations/auth/canon.h"
#include "mitigations/auth/facts_int.h"

#include <openssl/crypto.h>
#include <string.h>

static const char METHOD[] = "x-listd";
static const char CODE[] = " policy.code=";
#define CODE_CHARS 26 /* 130 bits */
/* What the code is over: the field, and fields of the message. */
#define TEXT_MAX_BYTES (MESSAGE_FIELD_MAX_BYTES + 2 * MESSAGE_HEADER_MAX_BYTES)
/* RFC 5321 4.5.3.1.2 and .3 with room; longer ones serve no mail. */
#define VALUE_MAX_BYTES 320

/* No MTA changes these on the way to listd. */
static const char *const stable[] = { "From", "Sender", "To", "Subject", "Date", "Message-ID" };

/* Without folds, outer blanks and runs of blanks: what a relay that folds anew leaves alone. */
static void put_folded(struct buf *out, struct span text)
{
	bool blank = false, begun = false;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			blank = true;
			continue;
		}
		if (blank && begun)
			buf_put_byte(out, ' ');
		blank = false;
		begun = true;
		buf_put_byte(out, c);
	}
}

static struct span folded(struct arena *a, struct span text)
{
	struct buf out;
	struct span result;

	buf_init(&out, MESSAGE_FIELD_MAX_BYTES);
	put_folded(&out, text);
	result = arena_span(a, buf_span(&out));
	buf_done(&out);
	return result;
}

static void put_message(struct buf *out, const struct message *m)
{
	uint8_t hash[32];
	char text[(sizeof(hash) * 8 + 4) / 5 + 1];

	for (size_t i = 0; i < sizeof(stable) / sizeof(stable[0]); i++)
		for (const struct field *f = message_field(m, stable[i]); f != NULL; f = message_field_from(m, stable[i], message_field_index(m, f) + 1)) {
			buf_printf(out, "\n%s:", stable[i]);
			put_folded(out, f->value);
		}
	canon_body_sha256(m->body, m->body_count, CANON_SIMPLE, UINT64_MAX, hash, NULL);
	secret_base32(hash, sizeof(hash), text);
	buf_printf(out, "\n\n%s", text);
}

/* The code over the field's text up to it, and over the message. */
static void make_code(const struct secret *secret, struct span before, const struct message *m, char code_r[CODE_CHARS + 1])
{
	struct buf all;

	buf_init(&all, TEXT_MAX_BYTES);
	buf_put(&all, before);
	put_message(&all, m);
	secret_code(secret, buf_span(&all), CODE_CHARS, code_r);
	buf_done(&all);
}

static void put_value(struct arena *a, struct buf *out, const char *name, const char *value)
{
	char *copy = arena_text(a, span_sub(span_of(value), 0, VALUE_MAX_BYTES));
	struct span quoted;

	for (char *p = copy; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	quoted = authres_quote(a, span_of(copy));
	buf_printf(out, " policy.%s=%.*s", name, (int)quoted.len, quoted.ptr);
}

/* The domain in its A-label form, which is all that SPF and alignment need of a sender in UTF-8. */
static const char *sender_text(struct arena *a, const char *mail_from)
{
	const char *at = strrchr(mail_from, '@');
	const char *domain = at == NULL ? NULL : facts_domain_of(a, span_of(mail_from));

	if (*mail_from == '\0')
		return "<>";
	return domain == NULL ? mail_from : arena_printf(a, "%.*s@%s", (int)(at - mail_from), mail_from, domain);
}

static void put_session(struct arena *a, struct buf *out, const struct session *session)
{
	const char *login = session->auth_user == NULL || strchr(session->auth_user, '@') == NULL ? NULL : facts_domain_of(a, span_of(session->auth_user));

	buf_printf(out, " policy.submission=%s", session->is_submission ? "yes" : "no");
	if (session->client_ip != NULL)
		put_value(a, out, "ip", session->client_ip);
	if (login != NULL)
		put_value(a, out, "login", login);
	if (session->helo != NULL)
		put_value(a, out, "helo", session->helo);
	if (session->mail_from != NULL)
		put_value(a, out, "mailfrom", sender_text(a, session->mail_from));
}

struct span keyed_write(struct arena *a, const struct secret *secret, const char *authserv_id, struct span results, const struct session *session, const struct message *m,
	int64_t now_secs)
{
	struct span value;
	struct buf field;
	char code[CODE_CHARS + 1];

	buf_init(&field, MESSAGE_FIELD_MAX_BYTES);
	buf_printf(&field, "%s; ", authserv_id);
	put_folded(&field, results);
	buf_printf(&field, "; %s=pass policy.time=%lld", METHOD, (long long)now_secs);
	put_session(a, &field, session);
	value = folded(a, buf_span(&field));
	buf_done(&field);
	make_code(secret, value, m, code);
	return span_of(arena_printf(a, "%.*s%s%s", (int)value.len, value.ptr, CODE, code));
}

/* Where the code begins: it is the last thing in the field. */
static bool split_code(struct span value, struct span *before_r, struct span *code_r)
{
	size_t head = strlen(CODE);

	if (value.len <= head + CODE_CHARS)
		return false;
	*before_r = span_sub(value, 0, value.len - head - CODE_CHARS);
	*code_r = span_sub(value, value.len - CODE_CHARS, CODE_CHARS);
	return span_eq_text(span_sub(value, before_r->len, head), CODE);
}

static bool code_is_right(const struct secret *secret, struct span before, struct span code, const struct message *m)
{
	char right[CODE_CHARS + 1];

	make_code(secret, before, m, right);
	return CRYPTO_memcmp(right, code.ptr, CODE_CHARS) == 0;
}

static const char *prop(struct arena *a, const struct authres_result *result, const char *name)
{
	struct span value = authres_prop(result, "policy", name);

	return value.ptr == NULL ? NULL : arena_text(a, value);
}

static bool read_session(struct arena *a, const struct authres_result *result, int64_t now_secs, struct session *session_r)
{
	const char *mail_from = prop(a, result, "mailfrom"), *login = prop(a, result, "login");
	unsigned long long at;

	if (!span_number(authres_prop(result, "policy", "time"), INT64_MAX / 2, &at))
		return false;
	if (now_secs - (int64_t)at > KEYED_AGE_MAX_SECS || (int64_t)at - now_secs > KEYED_AHEAD_MAX_SECS)
		return false;
	*session_r = (struct session){
		.client_ip = prop(a, result, "ip"), .helo = prop(a, result, "helo"), .mail_from = mail_from != NULL && strcmp(mail_from, "<>") == 0 ? "" : mail_from,
		.auth_user = login == NULL ? NULL : arena_printf(a, "@%s", login), .is_submission = span_eq_text(authres_prop(result, "policy", "submission"), "yes"),
	};
	return true;
}

/* The first field that looks like one of ours: above it nobody but our own MTA has written, and each look is a walk over the body. */
static bool find_field(struct arena *a, const char *authserv_id, const struct message *m, struct span *before_r, struct span *code_r)
{
	static const char name[] = "Authentication-Results";

	for (const struct field *f = message_field(m, name); f != NULL; f = message_field_from(m, name, message_field_index(m, f) + 1))
		if (authres_claims(a, f->value, authserv_id) && split_code(folded(a, f->value), before_r, code_r))
			return true;
	return false;
}

bool keyed_read(struct arena *a, const struct secret *secret, const char *authserv_id, const struct message *m, int64_t now_secs, struct session *session_r)
{
	const struct authres_result *last;
	struct span before, code;
	struct authres authres;

	if (!find_field(a, authserv_id, m, &before, &code) || !code_is_right(secret, before, code, m) || authres_parse(a, before, &authres, NULL) != 0 || authres.count == 0)
		return false;
	last = &authres.results[authres.count - 1];
	return span_eq_text(last->method, METHOD) && read_session(a, last, now_secs, session_r);
}
