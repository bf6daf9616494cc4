/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/program.h"

#include "mail/file.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' }, { "set", required_argument, NULL, 'o' }, { "test", no_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 },
};

int program_options(struct program *program, int argc, char **argv)
{
	size_t count = 0;
	int option;

	while ((option = getopt_long(argc, argv, "c:o:thV", options, NULL)) != -1) {
		if (option == 'c')
			program->config = strcmp(optarg, "-") == 0 ? NULL : optarg;
		else if (option == 'o' && count < PROGRAM_OVERRIDES_MAX)
			program->overrides[count++] = optarg;
		else if (option == 't')
			program->test = true;
		else if (option == 'h')
			return fputs(program->usage, stdout) < 0;
		else if (option == 'V')
			return printf("%s %s\n", program->name, PACKAGE_VERSION) < 0;
		else
			return EX_USAGE;
	}
	if (optind < argc)
		return fputs(program->usage, stderr) < 0 ? EX_IOERR : EX_USAGE;
	return -1;
}

void program_notify(const char *state)
{
#ifdef HAVE_SYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

unsigned program_mode(long long digits)
{
	unsigned mode = 0;

	for (unsigned unit = 1; digits > 0; digits /= 10, unit *= 8)
		mode += (unsigned)(digits % 10) * unit;
	return mode;
}

int program_user(const char *name, const struct passwd **user_r, struct fail *why)
{
	*user_r = NULL;
	if (geteuid() != 0)
		return 0;
	*user_r = getpwnam(name);
	if (*user_r == NULL)
		return fail_permanent(why, "there is no user %s to run as: make it (adduser --system --group %s) or set \"user\"", name, name);
	return 0;
}

int program_dir(const char *path, const struct passwd *user, struct fail *why)
{
	if (file_make_dir(path, 0750, why) != 0)
		return -1;
	if (user != NULL && chown(path, user->pw_uid, user->pw_gid) != 0)
		return fail_permanent(why, "cannot give %s to %s: %s", path, user->pw_name, strerror(errno));
	return 0;
}

int program_dir_of(const char *file, const struct passwd *user, struct fail *why)
{
	char path[4096];

	if ((size_t)snprintf(path, sizeof(path), "%s", file) >= sizeof(path))
		return fail_permanent(why, "the path is too long: %.100s...", file);
	return program_dir(dirname(path), user, why);
}

int program_become(const struct passwd *user, struct fail *why)
{
	if (user != NULL && (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
		return fail_permanent(why, "cannot become %s: %s", user->pw_name, strerror(errno));
	return 0;
}
