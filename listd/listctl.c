/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/control/control.h"
#include "listd/listctl/listctl.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* All that one command reads: a file of settings or a key. */
#define ARENA_MAX_BYTES ((size_t)64 << 20)

static int wrong_usage(struct listctl *ctl, const char *problem, const char *word)
{
	struct fail why;

	control_refuse(&why, EX_USAGE, "%s%s; listctl help shows what there is", problem, word);
	return listctl_fail(ctl, &why);
}

static bool wants_help(char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], "--") == 0)
			return false;
		if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
			return true;
	}
	return false;
}

static int run_command(struct listctl *ctl, const struct listctl_command *command, char *const *words, size_t count)
{
	struct listctl_request request;
	struct fail why;
	int code;

	if (listctl_args(ctl, command, words, count, &request, &why) != 0)
		code = listctl_fail(ctl, &why);
	else
		code = (command->run == NULL ? listctl_generic : command->run)(ctl, command, &request);
	listctl_request_done(&request);
	return code;
}

/* A command that reads its words itself gets the options that stood before it, too. */
static int run_words(struct listctl *ctl, const struct listctl_command *command, char *const *words, size_t count)
{
	char **argv = arena_array(ctl->arena, count + 8, sizeof(*argv));
	int argc = 0;

	argv[argc++] = words[0];
	if (ctl->json)
		argv[argc++] = arena_text(ctl->arena, SPAN_LIT("--json"));
	if (ctl->socket != NULL)
		argv[argc++] = arena_printf(ctl->arena, "--socket=%s", ctl->socket);
	if (ctl->config != NULL)
		argv[argc++] = arena_printf(ctl->arena, "--config=%s", ctl->config);
	for (size_t i = 1; i < count; i++)
		argv[argc++] = words[i];
	return command->words(argc, argv);
}

static int run(struct listctl *ctl, char *const *words, size_t count)
{
	const struct listctl_command *command;
	size_t used;

	if (count == 0)
		return wrong_usage(ctl, "no command is given", "");
	if (strcmp(words[0], "help") == 0)
		return listctl_help(words + 1, count - 1);
	command = listctl_find(words, count, &used);
	if (command != NULL && command->words != NULL)
		return run_words(ctl, command, words, count);
	if (wants_help(words, count))
		return listctl_help(words, command == NULL ? 1 : used);
	if (command == NULL)
		return wrong_usage(ctl, "no such command: ", words[0]);
	return run_command(ctl, command, words + used, count - used);
}

/* The options before the command. The index of its first word, or -1 with the exit code. */
static int take_globals(struct listctl *ctl, int argc, char **argv, int *exit_r)
{
	int i;

	for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		const char **text = strncmp(argv[i], "--socket", 8) == 0 ? &ctl->socket : strncmp(argv[i], "--config", 8) == 0 ? &ctl->config : NULL;

		if (text != NULL && argv[i][8] == '=') {
			*text = argv[i] + 9;
		} else if (text != NULL && argv[i][8] == '\0' && i + 1 < argc) {
			*text = argv[++i];
		} else if (strcmp(argv[i], "--json") == 0) {
			ctl->json = true;
		} else if (strcmp(argv[i], "--version") == 0) {
			puts("listctl " PACKAGE_VERSION);
			*exit_r = 0;
			return -1;
		} else if (strcmp(argv[i], "--help") == 0) {
			*exit_r = listctl_help(NULL, 0);
			return -1;
		} else {
			*exit_r = wrong_usage(ctl, "unknown option, or one without its value: ", argv[i]);
			return -1;
		}
	}
	return i;
}

int main(int argc, char **argv)
{
	struct listctl ctl = { .arena = arena_new(ARENA_MAX_BYTES) };
	int code = 0, first = take_globals(&ctl, argc, argv, &code);

	if (first >= 0)
		code = run(&ctl, argv + first, (size_t)(argc - first));
	arena_free(ctl.arena);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fputs("listctl: the output cannot be written\n", stderr);
		return EX_IOERR;
	}
	return code;
}
