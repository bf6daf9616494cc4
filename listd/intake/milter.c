/* SPDX-License-Identifier: BSD-2-Clause */
/* Start, reload and stop. The first thread is libmilter's; a second one, the keeper, waits for signals and asks listd for the addresses of the lists. To stop, the socket is closed
 * at once, so that a successor can have it; messages that are under way are finished; then the process ends without waiting for libmilter, which takes seconds to notice. */
#include "listd/intake/milter_int.h"

#include "listd/event.h"
#include "listd/unix_socket.h"

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

/* Waiting connections: a burst of SMTP sessions after a pause. */
#define BACKLOG 256
/* How often listd is asked for the addresses of its lists. */
#define REFRESH_SECS 5
/* A message that is under way when the milter is stopped has this long. */
#define GRACE_MS 25000
#define FILES_MAX 65536
/* Of one step: libmilter drops a session with a larger one, and its 64 KB are less than what Postfix lets through as one field. */
#define STEP_MAX_BYTES ((size_t)1 << 20)

struct milter *milter_get(void)
{
	static struct milter milter = { .site_lock = PTHREAD_MUTEX_INITIALIZER, .listen_fd = -1 };

	return &milter;
}

/* --- settings --- */

static void site_free(struct milter_site *site)
{
	if (site->settings != NULL)
		site_settings_free(site->settings);
	arena_free(site->arena);
	free(site);
}

static int read_site(const struct program *program, struct milter_site **site_r, struct fail *why)
{
	struct milter_site *site = calloc(1, sizeof(*site));
	struct span text = { "", 0 };
	int result = 0;

	if (site == NULL)
		fail_environment("out of memory");
	atomic_store(&site->users, 1);
	site->arena = arena_new(ARENA_SCRATCH_MAX_BYTES);
	if (program->config != NULL)
		result = file_read(site->arena, program->config, (size_t)1 << 20, &text, why);
	if (result == 0)
		result = site_settings_parse(text, program->config, program->overrides, &site->settings, why);
	if (result == 0)
		result = milter_receiver_policy(site->arena, site->settings, &site->receiving, why);
	if (result != 0) {
		site_free(site);
		return -1;
	}
	*site_r = site;
	return 0;
}

struct milter_site *milter_hold_site(struct milter *milter)
{
	struct milter_site *site;

	pthread_mutex_lock(&milter->site_lock);
	site = milter->site;
	atomic_fetch_add(&site->users, 1);
	pthread_mutex_unlock(&milter->site_lock);
	return site;
}

void milter_release_site(struct milter_site *site)
{
	if (site != NULL && atomic_fetch_sub(&site->users, 1) == 1)
		site_free(site);
}

/* Sockets, DNS and the user stay as they were at start. */
static void reload(struct milter *milter)
{
	struct milter_site *fresh, *old;
	struct fail why;

	program_notify("RELOADING=1");
	if (read_site(&milter->program, &fresh, &why) != 0) {
		event_log(EVENT_RELOAD_FAILED, "text", why.text, NULL);
	} else if (program_log(fresh->settings, &why) != 0) {
		event_log(EVENT_RELOAD_FAILED, "text", why.text, NULL);
		milter_release_site(fresh);
	} else {
		pthread_mutex_lock(&milter->site_lock);
		old = milter->site;
		milter->site = fresh;
		pthread_mutex_unlock(&milter->site_lock);
		milter_release_site(old);
		event_log(EVENT_RELOADED, NULL);
	}
	program_notify("READY=1");
}

int milter_test(const struct program *program, struct fail *why)
{
	struct milter_site *site;

	if (read_site(program, &site, why) != 0)
		return -1;
	milter_release_site(site);
	return 0;
}

/* --- the socket --- */

static const char *unix_path(const struct site_settings *s)
{
	return strncmp(s->milter_listen, "unix:", 5) == 0 ? s->milter_listen + 5 : NULL;
}

/* "inet:127.0.0.1:8025" is "inet:8025@127.0.0.1" for libmilter. */
static char *connection_name(struct arena *a, const struct site_settings *s)
{
	const char *where = s->milter_listen, *colon = strrchr(where, ':');
	struct span host;

	if (unix_path(s) != NULL)
		return arena_text(a, span_of(where));
	host = (struct span){ where + 5, (size_t)(colon - where) - 5 };
	if (host.len > 2 && host.ptr[0] == '[')
		return arena_printf(a, "inet6:%s@%.*s", colon + 1, (int)host.len - 2, host.ptr + 1);
	return arena_printf(a, "inet:%s@%.*s", colon + 1, (int)host.len, host.ptr);
}

/* libmilter keeps it to itself: the one descriptor that listens. */
static int find_listener(void)
{
	struct rlimit limit;
	int max = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FILES_MAX ? (int)limit.rlim_cur : FILES_MAX;

	for (int fd = 3; fd < max; fd++) {
		int listens = 0;
		socklen_t size = sizeof(listens);

		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens)
			return fd;
	}
	return -1;
}

static int own_socket(const struct site_settings *s, const char *path, const struct passwd *user, struct fail *why)
{
	const struct group *group = *s->milter_group == '\0' ? NULL : getgrnam(s->milter_group);

	if (*s->milter_group != '\0' && group == NULL)
		return fail_permanent(why, "milter-group: there is no group %s", s->milter_group);
	if (lchown(path, user == NULL ? (uid_t)-1 : user->pw_uid, group != NULL ? group->gr_gid : user == NULL ? (gid_t)-1 : user->pw_gid) != 0)
		return fail_permanent(why, "cannot give %s to the group %s: %s; start as root, or as a member of it", path, group == NULL ? "" : group->gr_name, strerror(errno));
	return 0;
}

static int make_socket_dir(const char *path, const struct passwd *user, struct fail *why)
{
	struct arena *a = arena_new(1 << 16);
	const char *dir = arena_text(a, (struct span){ path, (size_t)(strrchr(path, '/') - path) });
	struct stat st;
	int result = 0;

	/* The mail server's user must get to the socket, which is what its mode guards. One that is there already is somebody's. */
	if (*dir != '\0' && stat(dir, &st) != 0 && (program_dir(dir, user, why) != 0 || chmod(dir, 0755) != 0))
		result = fail_permanent(why, "cannot make %s: %s; make it beforehand", dir, strerror(errno));
	arena_free(a);
	return result;
}

static int open_socket(struct milter *milter, const struct passwd *user, struct fail *why)
{
	const struct site_settings *s = milter->site->settings;
	const char *path = unix_path(s);
	mode_t mask;
	int on = 1, result;

	if (path != NULL && (make_socket_dir(path, user, why) != 0 || unix_socket_clear(path, why) != 0))
		return -1;
	smfi_setconn(connection_name(milter->site->arena, s));
	smfi_setbacklog(BACKLOG);
	smfi_setmaxdatasize(STEP_MAX_BYTES);
	/* Its mode from the first moment: whoever owns the directory could put a link in its place before a chmod. */
	mask = umask(0777 & ~program_mode(s->milter_mode));
	result = milter_session_register() == 0 && smfi_opensocket(false) == MI_SUCCESS ? 0 : fail_permanent(why, "cannot listen on %s: %s", s->milter_listen, strerror(errno));
	umask(mask);
	if (result != 0)
		return -1;
	milter->listen_fd = find_listener();
	if (milter->listen_fd < 0)
		return fail_permanent(why, "cannot find the socket that listens on %s", s->milter_listen);
	/* inherited by what is accepted: else each step over TCP waits for a delayed acknowledgement, 40 ms */
	if (path == NULL)
		setsockopt(milter->listen_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return path == NULL ? 0 : own_socket(s, path, user, why);
}

static void close_socket(struct milter *milter)
{
	struct sockaddr_un address = { 0 };
	socklen_t size = sizeof(address);

	/* while it listens still, nobody else can have taken its path */
	if (getsockname(milter->listen_fd, (struct sockaddr *)&address, &size) == 0 && address.sun_family == AF_UNIX)
		unlink(address.sun_path);
	shutdown(milter->listen_fd, SHUT_RDWR);
}

/* --- start, run, stop --- */

static int open_dns(struct milter *milter, struct fail *why)
{
	const struct site_settings *s = milter->site->settings;
	const struct dns_options options = {
		.forward = *s->dns_server == '\0' ? NULL : s->dns_server, .trust_anchor = *s->dns_trust_anchor == '\0' ? NULL : s->dns_trust_anchor,
		.timeout_ms = (unsigned)s->dns_timeout_secs * 1000,
	};

	return *s->dns_zone_file != '\0' ? resolver_zone_file(s->dns_zone_file, &milter->dns, why) : resolver_open(&options, &milter->dns, why);
}

static int start(struct milter *milter, struct fail *why)
{
	const struct site_settings *s = milter->site->settings;
	const struct passwd *user;

	if (program_user(s->user, &user, why) != 0 || program_dir(s->milter_dir, user, why) != 0 || open_socket(milter, user, why) != 0 || program_become(user, why) != 0
			|| program_dir(s->milter_dir, NULL, why) != 0)
		return -1;
	prctl(PR_SET_PDEATHSIG, SIGUSR2); /* the first process is gone, and nobody would stop this one */
	if (program_log(s, why) != 0 || open_dns(milter, why) != 0)
		return -1;
	milter->lists = settings_cache_new();
	milter->known = milter_known_new(s->milter_dir);
	milter_known_refresh(milter, milter->known, s); /* listd may come later */
	return 0;
}

/* Let what is under way come to its end. */
static void stop(struct milter *milter)
{
	int64_t until_ms = clock_monotonic_ms() + GRACE_MS;
	const struct timespec pause = { .tv_nsec = 5000000 };

	program_notify("STOPPING=1");
	atomic_store(&milter->is_stopping, true);
	close_socket(milter);
	while (atomic_load(&milter->messages) > 0 && clock_monotonic_ms() < until_ms)
		nanosleep(&pause, NULL);
	event_log(EVENT_STOPPED, "pid", event_number(getpid()), "unfinished", event_number((long long)atomic_load(&milter->messages)), NULL);
	_exit(atomic_load(&milter->exit_code));
}

static void *keep(void *context)
{
	struct milter *milter = context;
	const struct timespec wait = { .tv_sec = REFRESH_SECS };
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	for (;;) {
		int signal = sigtimedwait(&signals, NULL, &wait);

		if (signal == SIGUSR2)
			stop(milter);
		else if (signal == SIGUSR1)
			reload(milter);
		/* only this thread replaces the site */
		milter_known_refresh(milter, milter->known, milter->site->settings);
	}
	return NULL;
}

int milter_run(const struct program *program)
{
	struct milter *milter = milter_get();
	pthread_t keeper;
	struct fail why;

	milter->program = *program;
	if (read_site(program, &milter->site, &why) != 0)
		return fprintf(stderr, "%s: %s\n", program->name, why.text) < 0 ? EX_IOERR : EX_CONFIG;
	if (start(milter, &why) != 0)
		return fprintf(stderr, "%s: %s\n", program->name, why.text) < 0 ? EX_IOERR : EX_UNAVAILABLE;
	if (pthread_create(&keeper, NULL, keep, milter) != 0)
		fail_environment("cannot start a thread");
	event_log(EVENT_STARTED, "version", PACKAGE_VERSION, "pid", event_number(getpid()), "listen", milter->site->settings->milter_listen, NULL);
	program_notify("READY=1");
	/* It returns when it cannot listen any more, or got a signal of its own: the keeper brings the process to its end. */
	if (smfi_main() != MI_SUCCESS && !atomic_load(&milter->is_stopping))
		atomic_store(&milter->exit_code, EX_TEMPFAIL);
	kill(getpid(), SIGUSR2);
	pthread_join(keeper, NULL);
	return EX_SOFTWARE;
}
