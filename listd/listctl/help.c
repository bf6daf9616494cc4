/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/listctl/listctl.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char head[] =
	"usage: listctl [--config FILE] [--socket PATH] [--json] COMMAND [ARGUMENT...]\n"
	"\n"
	"Administers listd, the mailing-list server. LIST is a list's address, or the part before\n"
	"the @ where only one list has it.\n\n";

static const char tail[] =
	"\n"
	"  --config FILE  settings of the site, which name the daemon's socket\n"
	"  --socket PATH  the daemon's socket\n"
	"  --json         JSON: an array of rows, or an object\n"
	"  --version      the version\n"
	"\n"
	"listctl help COMMAND tells more about one. Exit codes: 0 done, 64 wrong usage, 65 input that\n"
	"is not understood, 69 no daemon, 74 the output cannot be written, 75 try again later,\n"
	"77 no permission, 78 configuration.\n";

void listctl_usage_of(const struct listctl_command *command)
{
	if (command->words != NULL) {
		char name[64], help[] = "--help", *argv[] = { name, help, NULL };

		snprintf(name, sizeof(name), "%s", command->name);
		command->words(2, argv);
		return;
	}
	printf("usage: listctl %s%s%s\n\n%s\n", command->name, *command->usage == '\0' ? "" : " ", command->usage, command->help);
	for (size_t i = 0; i < LISTCTL_OPTIONS_MAX && command->options[i].name != NULL; i++) {
		const struct listctl_option *option = &command->options[i];
		int len;

		if (i == 0)
			printf("\n");
		len = printf("  --%s%s%s", option->name, option->value == NULL ? "" : " ", option->value == NULL ? "" : option->value);
		printf("%*s%s\n", len < 23 ? 23 - len : 2, "", option->help);
	}
	if (command->more != NULL)
		printf("\n%s\n", command->more);
}

static int one_line(const struct listctl_command *command)
{
	return printf("  %-22s %s\n", command->name, command->help);
}

/* All commands that begin with a word, such as "members". */
static int help_of_group(const char *word)
{
	size_t len = strlen(word);
	int found = 0;

	for (size_t i = 0; i < listctl_command_count; i++)
		if (strncmp(listctl_commands[i].name, word, len) == 0 && strchr(" ", listctl_commands[i].name[len]) != NULL)
			found += one_line(&listctl_commands[i]) > 0;
	return found;
}

int listctl_help(char *const *words, size_t count)
{
	const struct listctl_command *command;
	size_t used;

	if (count == 0) {
		fputs(head, stdout);
		for (size_t i = 0; i < listctl_command_count; i++)
			one_line(&listctl_commands[i]);
		fputs(tail, stdout);
		return 0;
	}
	command = listctl_find(words, count, &used);
	if (command != NULL) {
		listctl_usage_of(command);
		return 0;
	}
	if (count == 1 && help_of_group(words[0]) > 0)
		return 0;
	fprintf(stderr, "listctl: no command \"%s\"; listctl help shows all\n", words[0]);
	return EX_USAGE;
}
