/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon: parts are started in the order of the table, a signal is waited for, and they are ended in reverse. */
#include "listd/bounce/fallback.h"
#include "listd/bounce/learn.h"
#include "listd/bounce/tender.h"
#include "listd/control/control.h"
#include "listd/control/verbs_milter.h"
#include "listd/daemon.h"
#include "listd/event.h"
#include "listd/fatal.h"
#include "listd/listd.h"
#include "listd/post/daemon_world.h"
#include "listd/post/rate.h"
#include "listd/program.h"
#include "listd/workers.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define STOP_GRACE_MS 20000
#define FILES_WANTED 16384 /* as in conf/listd.service */

static int start_log(struct daemon *daemon, struct fail *why)
{
	return program_log(daemon->site->settings, why);
}

/* Of every Unix socket its directory. */
static int make_socket_dirs(const struct site_settings *s, const struct passwd *user, struct fail *why)
{
	struct span rest = span_of(s->lmtp_listen), part;

	if (program_dir_of(s->control_socket, user, why) != 0 || program_dir_of(s->milter_socket, user, why) != 0)
		return -1;
	while (span_next(&rest, ' ', &part))
		if (span_starts_nocase(part, "unix:") && program_dir_of(arena_text(s->arena, span_sub(part, 5, part.len)), user, why) != 0)
			return -1;
	return 0;
}

static int make_dirs(const struct site_settings *s, const struct passwd *user, struct fail *why)
{
	const char *const dirs[] = { s->spool_dir, s->store_dir, s->archive_dir };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (program_dir(dirs[i], user, why) != 0)
			return -1;
	return make_socket_dirs(s, user, why);
}

/* Started as root: make what is missing, give it to the user, become the user. Nothing runs as root after this. */
static int become_user(struct daemon *daemon, struct fail *why)
{
	const struct site_settings *s = daemon->site->settings;
	const struct passwd *user;

	if (program_user(s->user, &user, why) != 0)
		return -1;
	/* A daemon that never was root leaves the directory of keys alone: they may be only to be read, or none be wanted. */
	if (user != NULL && (program_dir(s->keys_dir, user, why) != 0 || make_dirs(s, user, why) != 0 || program_become(user, why) != 0))
		return -1;
	return make_dirs(s, NULL, why);
}

static int start_clock(struct daemon *daemon, struct fail *why)
{
	(void)why;
	daemon_set_clock(daemon);
	return 0;
}

static int start_dns(struct daemon *daemon, struct fail *why)
{
	const struct site_settings *s = daemon->site->settings;
	struct dns_options options = {
		.forward = *s->dns_server == '\0' ? NULL : s->dns_server, .trust_anchor = *s->dns_trust_anchor == '\0' ? NULL : s->dns_trust_anchor,
		.timeout_ms = (unsigned)s->dns_timeout_secs * 1000,
	};

	if (*s->dns_zone_file != '\0')
		return resolver_zone_file(s->dns_zone_file, &daemon->dns, why);
	return resolver_open(&options, &daemon->dns, why);
}

/* The secret from which VERP, aliases and tokens are keyed is made once and kept in the store. */
static int start_store(struct daemon *daemon, struct fail *why)
{
	const struct site_settings *s = daemon->site->settings;
	struct arena *a;
	struct span value;
	int found;

	daemon->lists = settings_cache_new();
	if (store_open(s->store_dir, (size_t)s->store_cache_bytes, &daemon->store, why) != 0)
		return -1;
	a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	found = store_value_get(daemon->store, a, "master-secret", &value, why);
	if (found == 1 && value.len == SECRET_KEY_BYTES) {
		memcpy(daemon->master.key, value.ptr, SECRET_KEY_BYTES);
	} else if (found >= 0) {
		secret_random(daemon->master.key, SECRET_KEY_BYTES);
		found = store_value_put(daemon->store, "master-secret", (struct span){ (const char *)daemon->master.key, SECRET_KEY_BYTES }, why);
	}
	daemon->field_key = secret_derive(&daemon->master, "milter");
	arena_free(a);
	return found < 0 ? -1 : 0;
}

static int start_spool(struct daemon *daemon, struct fail *why)
{
	return spool_open(daemon->site->settings->spool_dir, &daemon->spool, why);
}

static int start_delivery(struct daemon *daemon, struct fail *why)
{
	struct delivery_options options;
	struct delivery_hooks hooks = daemon_delivery_hooks(daemon);

	if (daemon_delivery_options(daemon, daemon->site, &options, why) != 0)
		return -1;
	return delivery_start(&options, daemon->spool, &hooks, &daemon->delivery, why);
}

static int start_workers(struct daemon *daemon, struct fail *why)
{
	daemon->rates = rates_new();
	daemon_count_holds(daemon);
	return workers_start(daemon, (unsigned)daemon->site->settings->workers, &daemon->workers, why);
}

static int start_tender(struct daemon *daemon, struct fail *why)
{
	struct tender *tender;

	if (tender_start(daemon, &tender, why) != 0)
		return -1;
	daemon->tender = tender;
	return 0;
}

/* Before delivery, whose refusals are noted there. */
static int start_bounces(struct daemon *daemon, struct fail *why)
{
	daemon->fallback = fallback_new(daemon);
	return learn_open(daemon->store, &daemon->learn, why);
}

static int start_fallback(struct daemon *daemon, struct fail *why)
{
	return fallback_start(daemon->fallback, why);
}

static int start_control(struct daemon *daemon, struct fail *why)
{
	const struct site_settings *s = daemon->site->settings;
	const struct control_options options = {
		.path = s->control_socket, .mode = program_mode(s->control_mode), .sessions_max = CONTROL_SESSIONS_MAX, .verbs = control_verbs, .verb_count = control_verb_count,
	};

	return control_start(daemon, &options, &daemon->control, why);
}

static int start_milter_control(struct daemon *daemon, struct fail *why)
{
	const struct site_settings *s = daemon->site->settings;
	const struct control_options options = {
		.path = s->milter_socket, .mode = program_mode(s->control_mode), .sessions_max = MILTER_CALLS_MAX, .verbs = milter_verbs, .verb_count = milter_verb_count,
	};

	return control_start(daemon, &options, &daemon->milter_control, why);
}

static int start_lmtp(struct daemon *daemon, struct fail *why)
{
	const struct site_settings *s = daemon->site->settings;
	struct lmtp_judge judge = daemon_judge(daemon);
	struct lmtp_options options = {
		.listen = s->lmtp_listen, .mode = program_mode(s->lmtp_mode), .sessions_max = (unsigned)s->lmtp_sessions_max,
		.max_bytes = (uint64_t)s->max_size_bytes, .host_name = s->host_name, .clock = &daemon->clock,
	};
	struct lmtp *lmtp;

	if (lmtp_start(&options, daemon->spool, &judge, &lmtp, why) != 0)
		return -1;
	daemon->lmtp = lmtp;
	return 0;
}

/* In this order; stop_all ends them in reverse, but for the sockets of control, which ask the others how they are. */
static const struct { const char *name; int (*start)(struct daemon *daemon, struct fail *why); } parts[] = {
	{ "user", become_user }, { "log", start_log }, { "clock", start_clock }, { "dns", start_dns }, { "store", start_store }, { "spool", start_spool },
	{ "bounces", start_bounces }, { "delivery", start_delivery }, { "workers", start_workers }, { "fallback", start_fallback }, { "tender", start_tender },
	{ "control", start_control }, { "milter-socket", start_milter_control }, { "lmtp", start_lmtp },
};

static void stop_all(struct daemon *daemon)
{
	control_stop(daemon->control);
	if (daemon->lmtp != NULL)
		lmtp_stop(daemon->lmtp, STOP_GRACE_MS);
	control_stop(daemon->milter_control);
	tender_stop(daemon->tender);
	workers_stop(daemon->workers);
	fallback_stop(daemon->fallback);
	if (daemon->delivery != NULL)
		delivery_stop(daemon->delivery, STOP_GRACE_MS);
	/* the last refusals of delivery come to both */
	tender_free(daemon->tender);
	fallback_free(daemon->fallback);
	learn_free(daemon->learn);
	if (daemon->spool != NULL)
		spool_close(daemon->spool);
	if (daemon->store != NULL)
		store_close(daemon->store);
	settings_cache_free(daemon->lists);
	resolver_free(daemon->dns);
	rates_free(daemon->rates);
	daemon_release_site(daemon->site);
}

/* Large pieces go back to the system when they are freed, and threads share heaps: what a post to 100,000 took is not kept for the next one. */
static void tame_heap(void)
{
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
	mallopt(M_ARENA_MAX, 4);
#endif
}

static int start_all(struct daemon *daemon)
{
	struct fail why;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].start(daemon, &why) != 0) {
			fprintf(stderr, "listd: %s: %s\n", parts[i].name, why.text);
			event_log(EVENT_FAULT, "part", parts[i].name, "text", why.text, NULL);
			return -1;
		}
	return 0;
}

static void log_start(struct daemon *daemon)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct store_list *lists;
	size_t count = 0;

	daemon->started_secs = clock_now(NULL);
	store_list_all(daemon->store, a, &lists, &count, NULL);
	event_log(EVENT_STARTED, "version", PACKAGE_VERSION, "pid", event_number(getpid()), "lists", event_number((long long)count), NULL);
	arena_free(a);
}

/* Signals arrive here alone: all threads are started with them blocked. */
static void wait_for_end(struct daemon *daemon, const sigset_t *signals)
{
	int64_t tend_ms = clock_monotonic_ms(), keys_ms = tend_ms;
	struct fail why;

	for (;;) {
		struct timespec wait = { .tv_sec = 10 };
		int signal = sigtimedwait(signals, NULL, &wait);
		int64_t now = clock_monotonic_ms();

		if (signal == SIGTERM || signal == SIGINT)
			return;
		if (signal == SIGHUP) {
			program_notify("RELOADING=1");
			daemon_reload(daemon, &why);
			program_notify("READY=1");
		}
		if (signal == SIGUSR1)
			delivery_flush(daemon->delivery);
		if (now - tend_ms >= 60000) {
			tend_ms = now;
			if (store_tend(daemon->store, clock_now(&daemon->clock), &why) != 0)
				event_log(EVENT_STORE_FAULT, "operation", "tend", "reason", why.text, NULL);
			daemon_count_holds(daemon);
			learn_tend(daemon);
		}
		if (now - keys_ms >= 3600000) {
			keys_ms = now;
			daemon_check_keys(daemon);
		}
	}
}

/* A shell gives 1024 descriptors, while sessions and jobs that wait to be synced can need some thousands. */
static void take_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(struct daemon *daemon)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	fatal_watch(work_blame);
	umask(027);
	if (start_all(daemon) != 0) {
		stop_all(daemon);
		return EX_UNAVAILABLE;
	}
	log_start(daemon);
	program_notify("READY=1");
	daemon_check_keys(daemon);
	wait_for_end(daemon, &signals);
	program_notify("STOPPING=1");
	stop_all(daemon);
	event_log(EVENT_STOPPED, "pid", event_number(getpid()), NULL);
	return 0;
}

static const char usage[] =
	"usage: listd [-c FILE] [-o NAME=VALUE]... [-t]\n"
	"\n"
	"The mailing-list server. It runs in the foreground, under a supervisor such as systemd.\n"
	"\n"
	"  -c, --config FILE     settings (default " LISTD_CONFIG "; \"-\" for none but the defaults)\n"
	"  -o, --set NAME=VALUE  a setting that overrides the file\n"
	"  -t, --test            read the settings, keys and receivers, say what is wrong, and end\n"
	"  -h, --help            this text\n"
	"  -V, --version         the version\n"
	"\n"
	"Signals: TERM and INT stop it in good order, HUP reads the settings again, USR1 tries the queue now.\n"
	"Exit: 0 done, 64 wrong usage, 69 a part could not be started, 78 wrong settings.\n"
	"See listd(8), listd.conf(5), listctl(1).\n";

int main(int argc, char **argv)
{
	static struct program program = { .name = "listd", .usage = usage, .config = LISTD_CONFIG };
	static struct daemon daemon = { .site_lock = PTHREAD_MUTEX_INITIALIZER };
	int code = program_options(&program, argc, argv);
	struct fail why;

	if (code >= 0)
		return code;
	daemon.config_path = program.config;
	daemon.overrides = program.overrides;
	if (daemon_read_site(daemon.config_path, daemon.overrides, &daemon.site, &why) != 0)
		return fprintf(stderr, "listd: %s\n", why.text) < 0 ? EX_IOERR : EX_CONFIG;
	if (program.test) {
		daemon_release_site(daemon.site);
		return puts("listd: the settings are right") < 0;
	}
	tame_heap();
	take_files();
	return run(&daemon);
}
