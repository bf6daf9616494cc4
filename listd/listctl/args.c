/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/control.h"
#include "listd/listctl/listctl.h"
#include "mail/file.h"

#include <string.h>
#include <sysexits.h>

/* What one command sends: a file of members may be long. */
#define DATA_MAX_BYTES ((size_t)256 << 20)

struct taking {
	struct listctl *ctl;
	const struct listctl_command *command;
	char *const *words;
	size_t count, at;
	struct listctl_request *request;
	json_t *args; /* of the request */
	bool plain;   /* "--" was read: nothing is an option any more */
	struct fail *why;
};

/* How many words of a name the given words begin with; 0 where they do not. */
static size_t matches(const char *name, char *const *words, size_t count)
{
	struct span rest = span_of(name), word;
	size_t matched = 0;

	while (span_next(&rest, ' ', &word)) {
		if (matched == count || !span_eq_text(word, words[matched]))
			return 0;
		matched++;
	}
	return matched;
}

const struct listctl_command *listctl_find(char *const *words, size_t count, size_t *words_r)
{
	const struct listctl_command *found = NULL;
	size_t most = 0;

	for (size_t i = 0; i < listctl_command_count; i++) {
		size_t matched = matches(listctl_commands[i].name, words, count);

		if (matched > most) {
			most = matched;
			found = &listctl_commands[i];
		}
	}
	*words_r = most;
	return found;
}

static int usage(const struct taking *taking, const char *problem, const char *word)
{
	return control_refuse(taking->why, EX_USAGE, "%s%s; usage: listctl %s %s", problem, word, taking->command->name, taking->command->usage);
}

static json_t *text_of(const struct taking *taking, const char *word)
{
	json_t *text = json_string(word);

	if (text == NULL)
		control_refuse(taking->why, EX_DATAERR, "an argument is not UTF-8 text");
	return text;
}

static const struct listctl_option *find_option(const struct listctl_command *command, struct span name)
{
	for (size_t i = 0; i < LISTCTL_OPTIONS_MAX && command->options[i].name != NULL; i++)
		if (span_eq_text(name, command->options[i].name))
			return &command->options[i];
	return NULL;
}

/* A line of data. One that begins with a dot gets another, so that it is not the end. */
static void put_line(struct buf *data, struct span line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len > 0 && line.ptr[0] == '.')
		buf_put_byte(data, '.');
	buf_put(data, line);
	buf_put_byte(data, '\n');
}

static int take_file(struct taking *taking, const char *path)
{
	struct arena *a = arena_new(DATA_MAX_BYTES + (1 << 20));
	struct span rest, line;
	struct fail why;
	int result = file_read(a, path, DATA_MAX_BYTES / 2, &rest, &why);

	if (result != 0)
		control_refuse(taking->why, EX_DATAERR, "%s", why.text);
	else if (memchr(rest.ptr, '\0', rest.len) != NULL)
		result = control_refuse(taking->why, EX_DATAERR, "%s: a NUL octet; expected text", path);
	taking->request->has_data = true;
	json_object_set_new(taking->args, "file", json_string(strcmp(path, "-") == 0 ? "(standard input)" : path));
	while (result == 0 && rest.len > 0 && span_next(&rest, '\n', &line))
		put_line(&taking->request->data, line);
	arena_free(a);
	return result;
}

/* Takes the reference of path. */
static int take_file_option(struct taking *taking, const struct listctl_option *option, json_t *path)
{
	int result = taking->request->has_data ? usage(taking, "one file is enough: --", option->name) : take_file(taking, json_string_value(path));

	json_decref(path);
	return result;
}

/* "--name", "--name value" or "--name=value". */
static int take_option(struct taking *taking)
{
	const char *word = taking->words[taking->at++] + 2, *equals = strchr(word, '='), *arg;
	const struct listctl_option *option = find_option(taking->command, (struct span){ word, strcspn(word, "=") });
	json_t *value = json_true(), *array;
	unsigned long long number;

	if (option == NULL)
		return usage(taking, "unknown option --", word);
	if (option->value == NULL && equals != NULL)
		return usage(taking, "this option takes no value: --", option->name);
	if (option->value != NULL) {
		if (equals == NULL && taking->at == taking->count)
			return usage(taking, "a value is missing behind --", option->name);
		value = text_of(taking, equals != NULL ? equals + 1 : taking->words[taking->at++]);
		if (value == NULL)
			return -1;
	}
	if (option->kind == OPTION_NUMBER) {
		if (!span_number(span_of(json_string_value(value)), 1000000, &number))
			return json_decref(value), usage(taking, "expected a number behind --", option->name);
		json_decref(value);
		value = json_integer((json_int_t)number);
	}
	if (option->kind == OPTION_FILE)
		return take_file_option(taking, option, value);
	arg = option->arg == NULL ? option->name : option->arg;
	if (option->kind != OPTION_REPEATS)
		return json_object_set_new(taking->args, arg, value);
	array = json_object_get(taking->args, arg);
	if (array == NULL) {
		array = json_array();
		json_object_set_new(taking->args, arg, array);
	}
	return json_array_append_new(array, value);
}

/* The next word that is no option, or NULL. Options on the way are taken. Behind "--" nothing is an option. */
static int next_word(struct taking *taking, const char **word_r)
{
	while (taking->at < taking->count) {
		const char *word = taking->words[taking->at];

		if (!taking->plain && strcmp(word, "--") == 0) {
			taking->plain = true;
			taking->at++;
		} else if (!taking->plain && strncmp(word, "--", 2) == 0) {
			if (take_option(taking) != 0)
				return -1;
		} else {
			taking->at++;
			*word_r = word;
			return 0;
		}
	}
	*word_r = NULL;
	return 0;
}

static int take_lines(struct taking *taking, const char *word)
{
	taking->request->has_data = true;
	while (word != NULL) {
		if (strchr(word, '\n') != NULL)
			return control_refuse(taking->why, EX_USAGE, "an argument holds a line end");
		put_line(&taking->request->data, span_of(word));
		if (next_word(taking, &word) != 0)
			return -1;
	}
	return 0;
}

static int take_pairs(struct taking *taking, const char *name, const char *word)
{
	json_t *object = json_object(), *text;

	json_object_set_new(taking->args, name, object);
	while (word != NULL) {
		const char *equals = strchr(word, '='), *value = equals == NULL ? NULL : equals + 1;
		const char *key = arena_text(taking->ctl->arena, (struct span){ word, strcspn(word, "=") });

		if (value == NULL && next_word(taking, &value) != 0)
			return -1;
		if (value == NULL)
			return usage(taking, "a value is missing behind ", key);
		text = text_of(taking, value);
		if (text == NULL || json_object_set_new(object, key, text) != 0 || next_word(taking, &word) != 0)
			return -1;
	}
	return 0;
}

/* One name of `takes`. */
static int take_one(struct taking *taking, struct span spec)
{
	char last = spec.ptr[spec.len - 1];
	const char *name = arena_text(taking->ctl->arena, span_sub(spec, 0, spec.len - (strchr("?=", last) != NULL))), *word;
	json_t *text;

	if (next_word(taking, &word) != 0)
		return -1;
	if (last == '@')
		return take_file(taking, word == NULL ? "-" : word);
	if (word == NULL)
		return last == '?' || last == '=' ? 0 : usage(taking, "something is missing", "");
	if (last == '+')
		return take_lines(taking, word);
	if (last == '=')
		return take_pairs(taking, name, word);
	text = text_of(taking, word);
	return text == NULL ? -1 : json_object_set_new(taking->args, name, text);
}

int listctl_args(struct listctl *ctl, const struct listctl_command *command, char *const *words, size_t count, struct listctl_request *request_r, struct fail *why)
{
	struct taking taking = { .ctl = ctl, .command = command, .words = words, .count = count, .request = request_r, .args = json_object(), .why = why };
	struct span rest = span_of(command->takes == NULL ? "" : command->takes), spec;
	const char *extra = NULL;
	int result = 0;

	*request_r = (struct listctl_request){ .args = taking.args };
	buf_init(&request_r->data, DATA_MAX_BYTES);
	while (result == 0 && span_next(&rest, ' ', &spec))
		if (spec.len > 0)
			result = take_one(&taking, spec);
	if (result == 0)
		result = next_word(&taking, &extra);
	if (result == 0 && extra != NULL)
		result = usage(&taking, "too much: ", extra);
	return result;
}

void listctl_request_done(struct listctl_request *request)
{
	json_decref(request->args);
	/* It may have been a private key. */
	if (request->data.ptr != NULL)
		explicit_bzero(request->data.ptr, request->data.cap);
	buf_done(&request->data);
	*request = (struct listctl_request){ 0 };
}
