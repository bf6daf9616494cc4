/* SPDX-License-Identifier: BSD-2-Clause */
/* The milter's program: two processes, since libmilter takes HUP, TERM and INT for "stop" in whatever process it runs in. The first one waits for signals and hands them on as USR1
 * (read the settings again) and USR2 (stop) to the second, in which libmilter runs. */
#include "listd/intake/milter.h"
#include "listd/listd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
	"usage: listd-milter [-c FILE] [-o NAME=VALUE]... [-t]\n"
	"\n"
	"The milter of the mailing-list server: it tells listd what the SMTP session knows, and refuses at the door. It runs in the foreground, under a supervisor such as systemd.\n"
	"\n"
	"  -c, --config FILE     settings, those of listd (default " LISTD_CONFIG "; \"-\" for none but the defaults)\n"
	"  -o, --set NAME=VALUE  a setting that overrides the file\n"
	"  -t, --test            read the settings, say what is wrong, and end\n"
	"  -h, --help            this text\n"
	"  -V, --version         the version\n"
	"\n"
	"Signals: TERM and INT stop it when the messages under way are done, HUP reads the settings again.\n"
	"Exit: 0 done, 64 wrong usage, 69 it could not be started, 78 wrong settings.\n"
	"See listd-milter(8), listd.conf(5).\n";

static const struct { int from, to; } relayed[] = { { SIGHUP, SIGUSR1 }, { SIGTERM, SIGUSR2 }, { SIGINT, SIGUSR2 } };

static int end_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}

/* The first process. */
static int supervise(pid_t child, const sigset_t *signals)
{
	for (;;) {
		int status, signal = sigwaitinfo(signals, NULL);

		for (size_t i = 0; i < sizeof(relayed) / sizeof(relayed[0]); i++)
			if (signal == relayed[i].from)
				kill(child, relayed[i].to);
		if (waitpid(child, &status, WNOHANG) == child)
			return end_code(status);
	}
}

static int run_child(const struct program *program)
{
	sigset_t inner;

	setpgid(0, 0); /* a terminal's signals are for the first process */
	sigemptyset(&inner);
	sigaddset(&inner, SIGUSR1);
	sigaddset(&inner, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &inner, NULL);
	signal(SIGPIPE, SIG_IGN);
	umask(027);
	return milter_run(program);
}

int main(int argc, char **argv)
{
	static struct program program = { .name = "listd-milter", .usage = usage, .config = LISTD_CONFIG };
	int code = program_options(&program, argc, argv);
	pid_t child;
	sigset_t signals;
	struct fail why;

	if (code >= 0)
		return code;
	if (milter_test(&program, &why) != 0)
		return fprintf(stderr, "listd-milter: %s\n", why.text) < 0 ? EX_IOERR : EX_CONFIG;
	if (program.test)
		return puts("listd-milter: the settings are right") < 0;
	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(relayed) / sizeof(relayed[0]); i++)
		sigaddset(&signals, relayed[i].from);
	sigaddset(&signals, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	child = fork();
	if (child < 0)
		return fprintf(stderr, "listd-milter: fork: %s\n", strerror(errno)) < 0 ? EX_IOERR : EX_OSERR;
	return child == 0 ? run_child(&program) : supervise(child, &signals);
}
