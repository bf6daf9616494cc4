/* SPDX-License-Identifier: BSD-2-Clause */
/* What type and range cannot say of a value. Each says what was expected. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "listd/settings_int.h"
#include "listd/known_lists.h"
#include "mail/header.h"
#include "mail/idna.h"

#include <arpa/inet.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

static int expected(struct fail *why, const char *what, const char *found)
{
	return fail_permanent(why, "expected %s, not \"%.80s\"", what, found);
}

int check_address(const char *value, struct fail *why)
{
	struct arena *a = arena_new(1 << 16);
	struct address address;
	struct fail reason;
	int result = address_parse(a, span_of(value), &address, &reason);

	arena_free(a);
	return result == 0 ? 0 : expected(why, "an address such as ann@example.org", value);
}

/* No blanks and control characters; what the octets mean is the user's business. */
int check_word(const char *value, struct fail *why)
{
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f)
			return expected(why, "one word without blanks", value);
	return 0;
}

/* An address, a domain, or a glob of these. */
int check_pattern(const char *value, struct fail *why)
{
	if (check_word(value, NULL) != 0 || strlen(value) > ADDRESS_MAX_BYTES || strchr(value, '.') == NULL)
		return expected(why, "an address, a domain or a pattern with *, such as *@example.org", value);
	return 0;
}

int check_host(const char *value, struct fail *why)
{
	struct arena *a = arena_new(1 << 16);
	int result = idna_to_ascii(a, span_of(value)) == NULL ? expected(why, "a domain name", value) : 0;

	arena_free(a);
	return result;
}

int check_path(const char *value, struct fail *why)
{
	return value[0] == '/' && strlen(value) < 4000 ? 0 : expected(why, "a path that begins with /", value);
}

int check_mode(const char *value, struct fail *why)
{
	return strspn(value, "01234567") == strlen(value) && strlen(value) <= 4 ? 0 : expected(why, "an octal file mode such as 660", value);
}

static bool is_port(const char *text)
{
	unsigned long long port;

	return span_number(span_of(text), 65535, &port) && port > 0;
}

/* "ADDR:PORT" or "[ADDR]:PORT" on loopback; into host_r without brackets. */
static bool split_port(const char *text, char host_r[256], const char **port_r)
{
	const char *colon = strrchr(text, ':');
	size_t len;

	if (colon == NULL || colon == text || (size_t)(colon - text) >= 256)
		return false;
	len = (size_t)(colon - text);
	if (text[0] == '[') {
		if (len < 3 || text[len - 1] != ']')
			return false;
		text++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL) {
		return false;
	}
	memcpy(host_r, text, len);
	host_r[len] = '\0';
	*port_r = colon + 1;
	return true;
}

static bool is_loopback(const char *host)
{
	unsigned char bytes[16];

	if (inet_pton(AF_INET, host, bytes) == 1)
		return bytes[0] == 127;
	return inet_pton(AF_INET6, host, bytes) == 1 && memcmp(bytes, &in6addr_loopback, 16) == 0;
}

static bool is_unix(const char *text)
{
	/* sun_path of sockaddr_un has 108 octets, the final NUL included. */
	return strncmp(text, "unix:/", 6) == 0 && strlen(text + 5) < 108;
}

static bool is_listen(const char *text)
{
	char host[256];
	const char *port;

	return is_unix(text) || (strncmp(text, "inet:", 5) == 0 && split_port(text + 5, host, &port) && is_loopback(host) && is_port(port));
}

int check_listen(const char *value, struct fail *why)
{
	struct span rest = span_of(value), part;
	size_t count = 0;
	int result = 0;

	while (result == 0 && span_next(&rest, ' ', &part)) {
		char *one = part.len == 0 ? NULL : strndup(part.ptr, part.len);

		if (one == NULL)
			continue;
		count++;
		if (!is_listen(one))
			result = expected(why, "unix:/PATH, or inet:ADDRESS:PORT with an address of this machine's loopback such as 127.0.0.1 or [::1]", one);
		free(one);
	}
	return result == 0 && count == 0 ? expected(why, "unix:/PATH or inet:ADDRESS:PORT", value) : result;
}

int check_listen_one(const char *value, struct fail *why)
{
	return is_listen(value) && check_word(value, NULL) == 0 ? 0 : expected(why, "one socket, unix:/PATH or inet:ADDRESS:PORT with an address of this machine's loopback", value);
}

int check_relay(const char *value, struct fail *why)
{
	char host[256];
	const char *port;
	unsigned char bytes[16];

	if (is_unix(value))
		return 0;
	if (!split_port(value, host, &port) || !is_port(port) || (inet_pton(AF_INET6, host, bytes) != 1 && check_host(host, NULL) != 0))
		return expected(why, "HOST:PORT, [ADDRESS]:PORT or unix:/PATH", value);
	return 0;
}

int check_network(const char *value, struct fail *why)
{
	const char *slash = strchr(value, '/');
	size_t len = slash == NULL ? strlen(value) : (size_t)(slash - value);
	unsigned char bytes[16];
	unsigned long long bits = 0;
	char host[64] = "";

	if (len < sizeof(host))
		memcpy(host, value, len);
	host[len < sizeof(host) ? len : 0] = '\0';
	if ((inet_pton(AF_INET, host, bytes) == 1 && (slash == NULL || span_number(span_of(slash + 1), 32, &bits)))
			|| (inet_pton(AF_INET6, host, bytes) == 1 && (slash == NULL || span_number(span_of(slash + 1), 128, &bits))))
		return 0;
	return expected(why, "an address or a network such as 192.0.2.0/24 or 2001:db8::/32", value);
}

int check_language(const char *value, struct fail *why)
{
	size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");

	return len == strlen(value) && len >= 2 && len <= 20 && value[0] != '-' ? 0 : expected(why, "a language tag such as en or pt-BR", value);
}

int check_url(const char *value, struct fail *why)
{
	bool is_known = strncmp(value, "https://", 8) == 0 || strncmp(value, "http://", 7) == 0 || strncmp(value, "mailto:", 7) == 0;

	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || strchr("<>\"", *p) != NULL)
			is_known = false;
	return is_known && strlen(value) <= 900 ? 0 : expected(why, "a URL that begins with https://, http:// or mailto:", value);
}

/* A text that goes into a header field. */
int check_line(const char *value, struct fail *why)
{
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return expected(why, "one line of text", value);
	if (!utf8_is_valid(span_of(value)) || strlen(value) > 500)
		return expected(why, "at most 500 octets of UTF-8 text", value);
	return 0;
}

/* "Name: value" of a header field. */
int check_field(const char *value, struct fail *why)
{
	size_t name = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	if (name == 0 || value[name] != ':' || value[name + 1] != ' ' || value[name + 2] == '\0')
		return expected(why, "a header field such as X-Spam-Flag: YES", value);
	return check_line(value, why);
}

int check_known_lists(const char *value, struct fail *why)
{
	struct arena *a = arena_new(1 << 20);
	struct receiving_known *known;
	size_t count;
	int result = known_lists_parse(a, span_of(value), &known, &count, why);

	arena_free(a);
	return result;
}

/* A text that goes into a body. */
int check_text(const char *value, struct fail *why)
{
	for (const char *p = value; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
			return expected(why, "text without control characters", value);
	return utf8_is_valid(span_of(value)) ? 0 : expected(why, "UTF-8 text", value);
}

int check_via(const char *value, struct fail *why)
{
	for (const char *p = strchr(value, '{'); p != NULL; p = strchr(p + 1, '{'))
		if (strncmp(p, "{name}", 6) != 0 && strncmp(p, "{list}", 6) != 0)
			return expected(why, "a text in which {name} and {list} stand for the author and the list", value);
	return check_line(value, why);
}

int check_strategy(const char *value, struct fail *why)
{
	struct buf names;

	if (strcmp(value, "auto") == 0 || strategy_find(span_of(value)) != NULL)
		return 0;
	buf_init(&names, 400);
	for (size_t i = 0; i < strategy_count; i++)
		buf_printf(&names, ", %s", strategies[i]->name);
	fail_permanent(why, "expected one of auto%s, not \"%.80s\"", buf_text(&names), value);
	buf_done(&names);
	return -1;
}

int check_rules(const char *value, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct rules rules;
	int result = rules_parse(a, span_of(value), &rules, why);

	arena_free(a);
	return result;
}

static const char *const header_actions[] = { [HEADER_RULE_HOLD] = "hold", [HEADER_RULE_REFUSE] = "refuse", [HEADER_RULE_DISCARD] = "discard" };

static struct span take_word(struct span *rest)
{
	size_t start = 0, end;

	while (start < rest->len && (rest->ptr[start] == ' ' || rest->ptr[start] == '\t'))
		start++;
	end = start;
	while (end < rest->len && rest->ptr[end] != ' ' && rest->ptr[end] != '\t')
		end++;
	*rest = (struct span){ rest->ptr + end, rest->len - end };
	return (struct span){ rest->ptr - (end - start), end - start };
}

static int parse_header_rule(struct span line, struct header_rule *rule_r, struct fail *why)
{
	static const char what[] = "hold, refuse or discard, a field name, and a pattern between slashes, such as: hold Subject /lottery/i";
	struct span rest = line, word = take_word(&rest);
	int action = -1;

	for (int i = 0; i < 3; i++)
		if (span_eq_text_nocase(word, header_actions[i]))
			action = i;
	rule_r->field = take_word(&rest);
	rest = span_trim(rest);
	rule_r->is_nocase = rest.len > 1 && rest.ptr[rest.len - 1] == 'i' && rest.ptr[rest.len - 2] == '/';
	if (rule_r->is_nocase)
		rest.len--;
	if (action < 0 || !header_is_name(rule_r->field) || rest.len < 3 || rest.ptr[0] != '/' || rest.ptr[rest.len - 1] != '/')
		return fail_permanent(why, "expected %s; not \"%.*s\"", what, (int)(line.len > 80 ? 80 : line.len), line.ptr);
	rule_r->action = (enum header_rule_action)action;
	rule_r->pattern = span_sub(rest, 1, rest.len - 2);
	return 0;
}

int header_rule_next(struct span *rest, struct header_rule *rule_r, struct fail *why)
{
	struct span line;

	while (span_next(rest, '\n', &line)) {
		line = span_trim(line);
		if (line.len > 0 && line.ptr[0] != '#')
			return parse_header_rule(line, rule_r, why) == 0 ? 1 : -1;
	}
	return 0;
}

int check_header_rules(const char *value, struct fail *why)
{
	struct span rest = span_of(value);
	struct header_rule rule;
	int got, code;
	size_t offset;

	while ((got = header_rule_next(&rest, &rule, why)) == 1) {
		PCRE2_UCHAR text[120] = "";
		pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)rule.pattern.ptr, rule.pattern.len, HEADER_RULE_PCRE2_OPTIONS, &code, &offset, NULL);

		if (compiled == NULL) {
			pcre2_get_error_message(code, text, sizeof(text));
			return fail_permanent(why, "the pattern /%.*s/ is wrong at character %zu: %s", (int)(rule.pattern.len > 80 ? 80 : rule.pattern.len),
				rule.pattern.ptr, offset, (const char *)text);
		}
		pcre2_code_free(compiled);
	}
	return got;
}
