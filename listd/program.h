/* SPDX-License-Identifier: BSD-2-Clause */
/* What the programs that run as servers have in common: their command line, their supervisor, their user and directories. */
#ifndef LISTD_PROGRAM_H
#define LISTD_PROGRAM_H

#include "listd/settings.h"
#include "mail/fail.h"

#include <pwd.h>
#include <stdbool.h>

#define PROGRAM_OVERRIDES_MAX 64

struct program {
	const char *name;         /* "listd" */
	const char *usage;
	const char *config;       /* file, or NULL for the defaults alone */
	const char *overrides[PROGRAM_OVERRIDES_MAX + 1]; /* "name=value", NULL-ended */
	bool test;                /* read the settings and end */
};

/* Read -c, -o, -t, -h, -V. name, usage and the default config are set before. -1 = go on; else the exit code to end with. */
int program_options(struct program *program, int argc, char **argv);
/* Tell the supervisor ("READY=1"), where there is one. */
void program_notify(const char *state);
/* File modes are written in octal and read as decimal numbers. */
unsigned program_mode(long long digits);
/* Started as root: the user to become, in *user_r; NULL: not root, nothing to become. -1: there is no such user. */
int program_user(const char *name, const struct passwd **user_r, struct fail *why);
/* Make a directory and those above it where they are missing, and give it and what was made to the user. What lies below a directory of the user's is left: he makes it
 * himself, by the same call with NULL, after program_become. */
int program_dir(const char *path, const struct passwd *user, struct fail *why);
/* The same for the directory of a file; one that is there is somebody's (/run, the mail server's), and stays his. */
int program_dir_of(const char *file, const struct passwd *user, struct fail *why);
/* Become the user for good; NULL: stay. */
int program_become(const struct passwd *user, struct fail *why);
/* Write the log where the settings want it, from now on: at start, and at a reload, which opens a file anew. -1: lines go on to where they went. */
int program_log(const struct site_settings *settings, struct fail *why);

#endif
