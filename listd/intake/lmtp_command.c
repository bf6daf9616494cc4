/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/intake/lmtp_int.h"
#include "mail/address.h"

#include <ctype.h>
#include <string.h>

/* RFC 1870 6.1: SIZE has up to 20 digits; a number that does not fit is larger than any limit. */
#define SIZE_DIGITS_MAX 20

int lmtp_command_split(struct span line, struct span *verb_r, struct span *args_r, struct fail *why)
{
	struct span text = span_sub(line, 0, line.len < 2 ? 0 : line.len - 2);
	size_t verb_len;

	if (line.len < 2 || line.ptr[line.len - 2] != '\r' || line.ptr[line.len - 1] != '\n')
		return reply_fail(why, REPLY_SYNTAX, "a line must end in CR LF");
	for (size_t i = 0; i < text.len; i++)
		if (((unsigned char)text.ptr[i] < ' ' && text.ptr[i] != '\t') || text.ptr[i] == 0x7f)
			return reply_fail(why, REPLY_SYNTAX, "a control character in the line");
	text = span_trim(text);
	for (verb_len = 0; verb_len < text.len && text.ptr[verb_len] != ' ' && text.ptr[verb_len] != '\t';)
		verb_len++;
	*verb_r = span_sub(text, 0, verb_len);
	*args_r = span_trim(span_sub(text, verb_len, text.len));
	return 0;
}

/* Length of what stands between < and >, quotes respected; s begins behind the "<". s.len when it is not closed. */
static size_t path_length(struct span s)
{
	bool in_quotes = false;

	for (size_t i = 0; i < s.len; i++) {
		if (in_quotes && s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '"')
			in_quotes = !in_quotes;
		else if (s.ptr[i] == '>' && !in_quotes)
			return i;
	}
	return s.len;
}

/* RFC 5321 4.1.1.3 and appendix F.2: a source route is taken and ignored. */
static struct span without_route(struct span path)
{
	size_t colon = span_find_byte(path, ':');

	return path.len > 0 && path.ptr[0] == '@' && colon < path.len ? span_sub(path, colon + 1, path.len) : path;
}

static bool is_plain_local(struct span local)
{
	for (size_t i = 0; i < local.len; i++)
		if (!isgraph((unsigned char)local.ptr[i]) || strchr("\"(),:;<>@[\\]", local.ptr[i]) != NULL)
			return false;
	return local.len > 0;
}

/* RFC 5321 4.5.3.1.1 ends local parts at 64 octets. Return addresses with another address in them (VERP, SRS) go beyond that every day. */
static int check_address(struct arena *a, struct span text, struct fail *why)
{
	struct address address;
	size_t at = span_find_byte(text, '@');

	if (at > ADDRESS_LOCAL_MAX_BYTES && at < text.len && text.len <= ADDRESS_MAX_BYTES && is_plain_local(span_sub(text, 0, at)))
		return address_parse(a, arena_span(a, span_of(arena_printf(a, "x%s", arena_text(a, span_sub(text, at, text.len))))), &address, why);
	return address_parse(a, text, &address, why);
}

static int take_path(struct arena *a, struct span path, const char *host_name, struct lmtp_path *path_r, struct fail *why)
{
	struct span address = without_route(path);
	struct fail cause;

	if (span_eq_text_nocase(address, "postmaster")) /* RFC 5321 4.5.1 */
		address = span_of(arena_printf(a, "%s@%s", arena_text(a, address), host_name));
	else if (path.len > 0 && check_address(a, address, &cause) != 0)
		return reply_fail(why, REPLY_BAD_ADDRESS, arena_printf(a, "<%s>: %s", arena_text(a, path), cause.text));
	path_r->address = arena_text(a, address);
	path_r->is_utf8 = false;
	for (size_t i = 0; i < address.len; i++)
		path_r->is_utf8 = path_r->is_utf8 || (unsigned char)address.ptr[i] >= 0x80;
	return 0;
}

int lmtp_command_path(struct arena *a, struct span args, const char *keyword, const char *host_name, struct lmtp_path *path_r, struct span *params_r, struct fail *why)
{
	size_t keyword_len = strlen(keyword), path_len;
	struct span rest;

	if (!span_starts_nocase(args, keyword) || args.len == keyword_len || args.ptr[keyword_len] != ':')
		return reply_fail(why, REPLY_PARAMETERS, arena_printf(a, "write %s:<address>", keyword));
	rest = span_trim(span_sub(args, keyword_len + 1, args.len)); /* a blank after the colon is forbidden, and common */
	path_len = rest.len > 0 && rest.ptr[0] == '<' ? path_length(span_sub(rest, 1, rest.len)) : rest.len;
	if (path_len + 1 >= rest.len)
		return reply_fail(why, REPLY_PARAMETERS, arena_printf(a, "write %s:<address>", keyword));
	if (path_len + 2 < rest.len && rest.ptr[path_len + 2] != ' ' && rest.ptr[path_len + 2] != '\t')
		return reply_fail(why, REPLY_PARAMETERS, "a blank must follow the address");
	*params_r = span_trim(span_sub(rest, path_len + 2, rest.len));
	return take_path(a, span_sub(rest, 1, path_len), host_name, path_r, why);
}

static int take_size(struct span value, struct lmtp_mail_params *params, struct fail *why)
{
	unsigned long long size = UINT64_MAX;

	for (size_t i = 0; i < value.len; i++)
		if (!isdigit((unsigned char)value.ptr[i]))
			return reply_fail(why, REPLY_PARAMETERS, "SIZE is a number of octets");
	if (value.len == 0 || value.len > SIZE_DIGITS_MAX)
		return reply_fail(why, REPLY_PARAMETERS, "SIZE is a number of up to 20 digits");
	span_number(value, UINT64_MAX, &size);
	params->size_bytes = size;
	return 0;
}

static int take_body(struct span value, struct lmtp_mail_params *params, struct fail *why)
{
	params->is_8bit = span_eq_text_nocase(value, "8BITMIME");
	return params->is_8bit || span_eq_text_nocase(value, "7BIT") ? 0 : reply_fail(why, REPLY_PARAMETERS, "BODY is 7BIT or 8BITMIME");
}

static int take_smtputf8(struct span value, struct lmtp_mail_params *params, struct fail *why)
{
	params->smtputf8 = true;
	return value.ptr == NULL ? 0 : reply_fail(why, REPLY_PARAMETERS, "SMTPUTF8 has no value");
}

static const struct {
	const char *name;
	int (*take)(struct span value, struct lmtp_mail_params *params, struct fail *why); /* value.ptr NULL: without "=" */
} param_rows[] = {
	{ "SIZE", take_size }, { "BODY", take_body }, { "SMTPUTF8", take_smtputf8 },
};

static int take_param(struct arena *a, struct span word, struct lmtp_mail_params *params, struct fail *why)
{
	size_t equals = span_find_byte(word, '=');
	struct span name = span_sub(word, 0, equals), value = { NULL, 0 };

	if (equals < word.len)
		value = span_sub(word, equals + 1, word.len);
	for (size_t i = 0; i < sizeof(param_rows) / sizeof(param_rows[0]); i++)
		if (span_eq_text_nocase(name, param_rows[i].name))
			return param_rows[i].take(value, params, why);
	return reply_fail(why, REPLY_UNKNOWN_PARAMETER, arena_text(a, name));
}

int lmtp_command_mail_params(struct arena *a, struct span params, struct lmtp_mail_params *params_r, struct fail *why)
{
	struct lmtp_mail_params found = { 0 };
	struct span word;

	while (span_word(&params, &word))
		if (take_param(a, word, &found, why) != 0)
			return -1;
	*params_r = found;
	return 0;
}
