/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/listctl/offline.h"

#include "mail/file.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define OFFLINE_COMMON 6 /* options that all commands take */
#define INPUT_MAX_BYTES ((size_t)256 << 20)

int offline_fail(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("listctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return code;
}

int offline_check_ip(const char *ip)
{
	unsigned char bytes[16];

	if (ip == NULL || inet_pton(AF_INET, ip, bytes) == 1 || inet_pton(AF_INET6, ip, bytes) == 1)
		return -1;
	return offline_fail(EX_USAGE, "--ip: expected an address such as 192.0.2.1 or 2001:db8::1, not \"%s\"", ip);
}

static const struct offline_option *find_option(const struct offline_option *options, size_t count, struct span name)
{
	for (size_t i = 0; i < count; i++)
		if (span_eq_text(name, options[i].name))
			return &options[i];
	return NULL;
}

static int set_option(const struct offline_option *option, const char *value)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (option->is_ip && inet_pton(AF_INET, value, address) != 1 && inet_pton(AF_INET6, value, address) != 1)
		return offline_fail(EX_USAGE, "--%s %s: expected an IP address", option->name, value);
	if (option->values == NULL) {
		*option->value = value;
		return -1;
	}
	if (*option->count == OFFLINE_VALUES_MAX)
		return offline_fail(EX_USAGE, "more than %d times --%s", OFFLINE_VALUES_MAX, option->name);
	option->values[(*option->count)++] = value;
	return -1;
}

/* One option at argv[*i], its value perhaps at the next place. */
static int take_option(const struct offline_option *options, size_t count, int argc, char **argv, int *i)
{
	struct span text = span_of(argv[*i] + 2);
	size_t equals = span_find_byte(text, '=');
	const struct offline_option *option = find_option(options, count, span_sub(text, 0, equals));

	if (option == NULL)
		return offline_fail(EX_USAGE, "%s: unknown option %s (try --help)", argv[0], argv[*i]);
	if (option->flag != NULL) {
		*option->flag = true;
		return equals < text.len ? offline_fail(EX_USAGE, "--%s takes no value", option->name) : -1;
	}
	if (equals < text.len)
		return set_option(option, text.ptr + equals + 1);
	if (*i + 1 >= argc)
		return offline_fail(EX_USAGE, "--%s needs a value", option->name);
	return set_option(option, argv[++*i]);
}

/* One word that is no option. */
static int take_word(struct offline *o, int argc, char **argv, int i, size_t wanted)
{
	if (wanted == OFFLINE_WORDS || wanted == OFFLINE_ANY) {
		if (o->words == NULL)
			o->words = arena_array(o->arena, (size_t)argc, sizeof(*o->words));
		o->words[o->argument_count++] = argv[i];
		return -1;
	}
	if (o->argument_count == wanted)
		return offline_fail(EX_USAGE, "%s: too many arguments at \"%s\" (try --help)", argv[0], argv[i]);
	o->arguments[o->argument_count++] = argv[i];
	return -1;
}

static int take_all(struct offline *o, int argc, char **argv, const struct offline_option *options, size_t count, size_t wanted)
{
	for (int i = 1; i < argc; i++) {
		int result = -1;

		if (argv[i][0] == '-' && argv[i][1] == '-' && argv[i][2] != '\0')
			result = take_option(options, count, argc, argv, &i);
		else
			result = take_word(o, argc, argv, i, wanted);
		if (result >= 0)
			return result;
	}
	return -1;
}

static void take_brackets_off(struct offline *o, const struct offline_option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct span text = options[i].is_path ? span_of(*options[i].value) : (struct span){ NULL, 0 };

		if (text.len >= 2 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>')
			*options[i].value = arena_text(o->arena, span_sub(text, 1, text.len - 2));
	}
}

static int open_world(struct offline *o)
{
	unsigned long long now;
	struct fail why;
	int result;

	if (o->now_text != NULL) {
		if (!span_number(span_of(o->now_text), INT64_MAX, &now))
			return offline_fail(EX_USAGE, "--now %s: expected seconds since 1970", o->now_text);
		o->clock = (struct clock){ .is_fixed = true, .fixed_secs = (int64_t)now };
	}
	result = o->zone_file != NULL ? resolver_zone_file(o->zone_file, &o->dns, &why) : resolver_open(&(struct dns_options){ 0 }, &o->dns, &why);
	return result != 0 ? offline_fail(EX_DATAERR, "%s", why.text) : -1;
}

int offline_begin(struct offline *o, const char *usage, int argc, char **argv, const struct offline_option *own, size_t own_count, size_t wanted)
{
	struct offline_option options[40] = {
		{ .name = "zone", .value = &o->zone_file }, { .name = "now", .value = &o->now_text }, { .name = "json", .flag = &o->json }, { .name = "help", .flag = &o->help },
		{ .name = "socket", .value = &o->socket }, { .name = "config", .value = &o->config },
	};
	int result;

	memset(o, 0, sizeof(*o));
	o->usage = usage;
	o->arena = arena_new(ARENA_MESSAGE_MAX_BYTES * 4);
	if (own_count > 0)
		memcpy(options + OFFLINE_COMMON, own, own_count * sizeof(*own));
	result = take_all(o, argc, argv, options, own_count + OFFLINE_COMMON, wanted);
	if (result >= 0)
		return result;
	take_brackets_off(o, own, own_count);
	if (o->help)
		return fputs(usage, stdout) < 0 ? EX_IOERR : 0;
	if (o->argument_count < (wanted == OFFLINE_WORDS ? 1 : wanted == OFFLINE_ANY ? 0 : wanted)) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	return open_world(o);
}

void offline_done(struct offline *o)
{
	resolver_free(o->dns);
	arena_free(o->arena);
}

/* Only a message whose lines all end with LF alone is turned; one with mixed line ends is left to be refused as what it is. */
static struct span to_crlf(struct arena *a, struct span bytes)
{
	size_t lines = 0, at = 0;
	char *out;

	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.ptr[i] == '\r')
			return bytes;
		lines += bytes.ptr[i] == '\n';
	}
	out = arena_alloc(a, bytes.len + lines + 1);
	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.ptr[i] == '\n')
			out[at++] = '\r';
		out[at++] = bytes.ptr[i];
	}
	return (struct span){ out, at };
}

/* As an MTA would hand it over: without the "From " line of a mailbox file, and SMTP ends every line, the last one too. */
static struct span as_handed_over(struct arena *a, struct span bytes)
{
	size_t mbox = message_mbox_bytes(bytes);
	struct span lines = to_crlf(a, span_sub(bytes, mbox, bytes.len));
	char *out;

	if (lines.len == 0 || lines.ptr[lines.len - 1] == '\n')
		return lines;
	out = arena_alloc(a, lines.len + 2);
	memcpy(out, lines.ptr, lines.len);
	memcpy(out + lines.len, "\r\n", 2);
	return (struct span){ out, lines.len + 2 };
}

int offline_message(struct offline *o, const char *path, bool crlf, struct message *message_r)
{
	struct span bytes;
	struct fail why;

	if (file_read(o->arena, path, INPUT_MAX_BYTES, &bytes, &why) != 0)
		return offline_fail(EX_DATAERR, "%s", why.text);
	if (message_parse(o->arena, crlf ? as_handed_over(o->arena, bytes) : bytes, message_r, &why) != 0)
		return offline_fail(EX_DATAERR, "%s: %s", path, why.text);
	return -1;
}

int offline_print(json_t *json)
{
	int result = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);

	json_decref(json);
	return result != 0 || fputc('\n', stdout) == EOF || fflush(stdout) != 0 ? EX_IOERR : 0;
}
