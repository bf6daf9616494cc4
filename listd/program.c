/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/program.h"

#include "mail/file.h"
#include "mail/log.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

/* Make a directory and those above it, and give what was made to the user; with give, also one that is there. Nothing is done below a directory that is his already: he
 * could have put a symbolic link there, and it is root who follows it. */
static int make_and_give(const char *path, const struct passwd *user, bool give, struct fail *why)
{
	char part[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return fail_permanent(why, "the path is too long: %.100s...", path);
	for (char *p = part + 1;; p++) {
		char c = *p;
		bool is_new;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		is_new = mkdir(part, 0750) == 0;
		if ((!is_new && errno != EEXIST) || stat(part, &st) != 0)
			return fail_permanent(why, "cannot make directory %s: %s", part, strerror(errno));
		if ((is_new || (give && c == '\0')) && st.st_uid != user->pw_uid && chown(part, user->pw_uid, user->pw_gid) != 0)
			return fail_permanent(why, "cannot give %s to %s: %s", part, user->pw_name, strerror(errno));
		if (c == '\0' || st.st_uid == user->pw_uid)
			return 0;
		*p = c;
	}
}

int program_dir(const char *path, const struct passwd *user, struct fail *why)
{
	return user == NULL ? file_make_dir(path, 0750, why) : make_and_give(path, user, true, why);
}

int program_dir_of(const char *file, const struct passwd *user, struct fail *why)
{
	char path[PATH_MAX];
	const char *dir;

	if ((size_t)snprintf(path, sizeof(path), "%s", file) >= sizeof(path))
		return fail_permanent(why, "the path is too long: %.100s...", file);
	dir = dirname(path);
	return user == NULL ? file_make_dir(dir, 0750, why) : make_and_give(dir, user, false, why);
}

int program_become(const struct passwd *user, struct fail *why)
{
	if (user != NULL && (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
		return fail_permanent(why, "cannot become %s: %s", user->pw_name, strerror(errno));
	return 0;
}

int program_log(const struct site_settings *s, struct fail *why)
{
	if (log_open((enum log_sink)s->log_sink, s->log_file, (enum log_level)s->log_level) != 0)
		return fail_permanent(why, "cannot open the log %s: %s", s->log_file, strerror(errno));
	return 0;
}
