/* SPDX-License-Identifier: BSD-2-Clause */
/* The command. A command of listctl is a row of listctl_commands: its name, what it takes, the daemon's verb that it sends, and how the answer is shown. Only commands that do
 * more than send and show have a function of their own. */
#ifndef LISTD_LISTCTL_LISTCTL_H
#define LISTD_LISTCTL_LISTCTL_H

#include "mail/arena.h"
#include "mail/buf.h"
#include "mail/fail.h"

#include <jansson.h>

struct listctl {
	const char *socket, *config; /* as given, or NULL */
	bool json;                   /* rows as one array, or the result as one object; after a failure {"error":...,"exit":N}, unless rows were printed already */
	struct arena *arena;
	size_t json_rows;
};

/* --name, or --name VALUE where value is not NULL. */
struct listctl_option {
	const char *name;
	const char *value;           /* "ADDRESS", or NULL for a flag */
	const char *arg;             /* of the verb; NULL: the option's name */
	enum { OPTION_ONE, OPTION_REPEATS /* values become an array */, OPTION_NUMBER, OPTION_FILE /* its content becomes the data, as "@" of takes does */ } kind;
	const char *help;
};
#define LISTCTL_OPTIONS_MAX 8

/* A column of a table of rows. */
enum listctl_kind { SHOW_TEXT, SHOW_NUMBER, SHOW_DATE, SHOW_BYTES };
struct listctl_column { const char *title, *key; enum listctl_kind kind; };
#define LISTCTL_COLUMNS_MAX 10

/* What goes to the daemon: arguments, and lines of data (with their ends) behind them. */
struct listctl_request {
	json_t *args;
	struct buf data;
	bool has_data;
};

struct listctl_command {
	const char *name;            /* "list create" */
	const char *usage;           /* what stands behind it: "LIST --owner ADDRESS... [NAME=VALUE...]" */
	const char *help;            /* one line */
	const char *more;            /* paragraphs for "listctl help NAME", or NULL */
	/* What the words after the name become: names separated by blanks. "x" one word, "x?" one or none, "x=" an object of all that are left as NAME=VALUE or as NAME VALUE, "+" all
	 * that are left (at least one) as lines of data, "@" a file ("-" or nothing: standard input) as data. */
	const char *takes;
	struct listctl_option options[LISTCTL_OPTIONS_MAX];
	const char *verb;            /* of the daemon; NULL: needs none */
	struct listctl_column columns[LISTCTL_COLUMNS_MAX]; /* of rows; a command without them shows the result */
	const char *done;            /* text for the result, with {key} for its values and the arguments; NULL: its "text", or lines of "key: value" */
	/* NULL: listctl_generic. Returns the exit code. */
	int (*run)(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
	/* In place of all from takes on: a command that reads its words itself (offline.h). */
	int (*words)(int argc, char **argv);
};
extern const struct listctl_command listctl_commands[];
extern const size_t listctl_command_count;

/* args.c. The command whose name the words begin with (the longest), or NULL; words_r: how many words it has. */
const struct listctl_command *listctl_find(char *const *words, size_t count, size_t *words_r);
/* Words and options as a request, to be ended with listctl_request_done in any case. -1 with exit code in why (control_exit). */
int listctl_args(struct listctl *ctl, const struct listctl_command *command, char *const *words, size_t count, struct listctl_request *request_r, struct fail *why);
void listctl_request_done(struct listctl_request *request);

/* client.c. What comes back, line by line: each row, progress, then the result. */
struct listctl_answer {
	void *context;
	void (*row)(void *context, json_t *row);
	void (*progress)(void *context, long long done, long long of);
};
/* Send a verb. 0 with the result, which the caller releases; -1 with the exit code in why. */
int listctl_call(struct listctl *ctl, const char *verb, const struct listctl_request *request, const struct listctl_answer *answer, json_t **result_r, struct fail *why);
/* The socket to use: --socket, else the one in the configuration. */
int listctl_socket(struct listctl *ctl, const char **path_r, struct fail *why);

/* show.c. Say why on standard error (and in the JSON document) and return the exit code. */
int listctl_fail(struct listctl *ctl, const struct fail *why);
/* Send a command's verb, show the rows and the result. */
int listctl_generic(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
/* Send a command's verb and get the result; rows in human form go to row (NULL: the command's columns). An exit code; the result is the caller's when it is 0. */
int listctl_ask(struct listctl *ctl, const struct listctl_command *command, const struct listctl_request *request, void (*row)(void *context, json_t *row), void *context,
	json_t **result_r);
/* Show a result as the command says. */
void listctl_result(struct listctl *ctl, const struct listctl_command *command, const json_t *args, json_t *result);
/* Show an array of objects as a table. */
void listctl_table(const struct listctl_column columns[LISTCTL_COLUMNS_MAX], const json_t *rows);
/* Parts of JSON output: an element of the array, its end; a whole object. */
void listctl_json_row(struct listctl *ctl, const json_t *row);
void listctl_json_end(struct listctl *ctl);
void listctl_json(const json_t *json);
/* A text of unknown origin to standard output: control characters become "?", line ends stay where lines is set. */
void listctl_print(const char *text, bool lines);

/* help.c */
int listctl_help(char *const *words, size_t count);
void listctl_usage_of(const struct listctl_command *command);

/* Functions that rows name: bounces.c, list.c, members.c, site.c, settings.c. */
int listctl_member_show(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
int listctl_report(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
int listctl_bounces(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
int listctl_list_create(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
int listctl_list_delete(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
int listctl_list_show(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
int listctl_members_add(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
int listctl_members_export(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
int listctl_key_show(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);
int listctl_settings(struct listctl *ctl, const struct listctl_command *command, struct listctl_request *request);

#endif
