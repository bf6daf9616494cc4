/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS by libunbound. Its asynchronous mode (a thread of its own) is 20 times as fast as ub_resolve, which builds a worker for every call;
 * one pump thread here takes the answers and wakes who waits. A question has two owners, the asker and the callback, and is freed by
 * the last: when the deadline passes, ub_cancel says which of the two the callback still is. */
#include "mail/dns_int.h"
#include "mail/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unbound.h>
#include <unistd.h>

#define TIMEOUT_DEFAULT_MS 5000
#define START_TIMEOUT_MS 10000 /* for threads to start on a busy host, whatever a question may take */
#define CLASS_IN 1

struct unbound {
	struct resolver base;
	struct ub_ctx *ctx;
	unsigned timeout_ms;
	int stop[2]; /* pipe: closing its writing end stops the pump */
	bool is_pumping;
	pthread_t pump;
};

struct question {
	struct dns_question base;
	pthread_mutex_t lock;
	pthread_cond_t done_cond;
	int64_t deadline_ms; /* of the monotonic clock */
	int id;
	unsigned owners;
	bool is_done;
	int error;
	struct ub_result *result;
};

static struct question *question_new(struct resolver *resolver, const struct dns_wire *name, enum dns_type type)
{
	struct question *q = calloc(1, sizeof(*q));
	pthread_condattr_t attr;

	if (q == NULL)
		fail_environment("out of memory");
	q->base = (struct dns_question){ resolver, *name, type };
	q->owners = 2;
	q->deadline_ms = clock_monotonic_ms() + ((struct unbound *)resolver)->timeout_ms;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->done_cond, &attr);
	pthread_condattr_destroy(&attr);
	return q;
}

static void disown(struct question *q, unsigned owners)
{
	bool is_last;

	pthread_mutex_lock(&q->lock);
	q->owners -= owners;
	is_last = q->owners == 0;
	pthread_mutex_unlock(&q->lock);
	if (!is_last)
		return;
	ub_resolve_free(q->result);
	pthread_cond_destroy(&q->done_cond);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* On the pump thread. */
static void take_result(void *arg, int error, struct ub_result *result)
{
	struct question *q = arg;

	pthread_mutex_lock(&q->lock);
	q->error = error;
	q->result = result;
	q->is_done = true;
	pthread_cond_signal(&q->done_cond);
	pthread_mutex_unlock(&q->lock);
	disown(q, 1);
}

/* The callback's share is ours to give up when it was cancelled in time; else it has come or is coming. */
static void give_up(struct question *q)
{
	struct unbound *unbound = (struct unbound *)q->base.resolver;
	bool is_done;

	pthread_mutex_lock(&q->lock);
	is_done = q->is_done;
	pthread_mutex_unlock(&q->lock);
	if (!is_done && ub_cancel(unbound->ctx, q->id) == UB_NOERROR)
		disown(q, 1);
}

/* The name in presentation form with each foreign octet escaped: what libunbound takes. */
static int send_question(struct unbound *unbound, struct question *q)
{
	struct arena *a = arena_new(8192);
	const char *name = dns_name(a, q->base.name.bytes, q->base.name.len);
	int error = ub_resolve_async(unbound->ctx, name[0] == '\0' ? "." : name, q->base.type, CLASS_IN, q, take_result, &q->id);

	arena_free(a);
	return error;
}

static struct dns_question *unbound_start(struct resolver *resolver, const struct dns_wire *name, enum dns_type type)
{
	struct question *q = question_new(resolver, name, type);
	int error = send_question((struct unbound *)resolver, q);

	/* Only then nobody else has it; else the callback may be writing already. */
	if (error != UB_NOERROR) {
		q->error = error;
		q->is_done = true;
		disown(q, 1);
	}
	return &q->base;
}

static bool wait_done(struct question *q)
{
	struct timespec until = { q->deadline_ms / 1000, q->deadline_ms % 1000 * 1000000 };
	bool is_done;

	pthread_mutex_lock(&q->lock);
	while (!q->is_done)
		if (pthread_cond_timedwait(&q->done_cond, &q->lock, &until) == ETIMEDOUT)
			break;
	is_done = q->is_done;
	pthread_mutex_unlock(&q->lock);
	return is_done;
}

/* Bogus first: a bogus answer has rcode 0 and its data, too. */
static enum dns_status status_of(const struct question *q)
{
	if (q->error != UB_NOERROR || q->result == NULL)
		return DNS_SERVFAIL;
	if (q->result->bogus)
		return DNS_BOGUS;
	if (q->result->rcode == 3)
		return DNS_NXDOMAIN;
	if (q->result->rcode != 0)
		return DNS_SERVFAIL;
	return q->result->havedata ? DNS_OK : DNS_NODATA;
}

static const char *canonical_of(const struct question *q, struct arena *a)
{
	struct dns_wire name;

	if (q->result != NULL && q->result->canonname != NULL && dns_wire_read(span_of(q->result->canonname), &name))
		return dns_name(a, name.bytes, name.len);
	return dns_name(a, q->base.name.bytes, q->base.name.len);
}

static void take_records(const struct question *q, struct arena *a, struct dns_answer *answer_r)
{
	const struct ub_result *result = q->result;

	for (size_t i = 0; answer_r->status == DNS_OK && result->data[i] != NULL; i++) {
		struct dns_record record = { (const uint8_t *)result->data[i], (size_t)result->len[i], (uint32_t)result->ttl };

		dns_answer_add(answer_r, a, q->base.type, record);
	}
}

static void unbound_wait(struct dns_question *question, struct arena *a, struct dns_answer *answer_r)
{
	struct question *q = (struct question *)question;

	if (!wait_done(q)) {
		give_up(q);
		dns_answer_init(answer_r, DNS_TIMEOUT);
		answer_r->canonical = dns_name(a, q->base.name.bytes, q->base.name.len);
		disown(q, 1);
		return;
	}
	dns_answer_init(answer_r, status_of(q));
	answer_r->canonical = canonical_of(q, a);
	answer_r->secure = q->result != NULL && q->result->secure;
	take_records(q, a, answer_r);
	disown(q, 1);
}

static void unbound_drop(struct dns_question *question)
{
	struct question *q = (struct question *)question;

	give_up(q);
	disown(q, 1);
}

static void *pump(void *arg)
{
	struct unbound *unbound = arg;
	struct pollfd fds[2] = { { .fd = ub_fd(unbound->ctx), .events = POLLIN }, { .fd = unbound->stop[0], .events = POLLIN } };

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			fail_environment("poll on the resolver failed");
		if (fds[1].revents != 0)
			return NULL;
		if (fds[0].revents != 0)
			ub_process(unbound->ctx);
	}
}

static void unbound_free(struct resolver *resolver)
{
	struct unbound *unbound = (struct unbound *)resolver;

	if (unbound->stop[1] >= 0)
		close(unbound->stop[1]);
	if (unbound->is_pumping)
		pthread_join(unbound->pump, NULL);
	if (unbound->stop[0] >= 0)
		close(unbound->stop[0]);
	if (unbound->ctx != NULL)
		ub_ctx_delete(unbound->ctx);
	free(unbound);
}

static const struct dns_backend unbound_backend = { .start = unbound_start, .wait = unbound_wait, .drop = unbound_drop, .free = unbound_free };

static int checked(int error, const char *what, const char *detail, struct fail *why)
{
	if (error == UB_NOERROR)
		return 0;
	return fail_permanent(why, "DNS: cannot set %s%s%s: %s", what, detail == NULL ? "" : " ", detail == NULL ? "" : detail, ub_strerror(error));
}

/* A mail host asks for some thousand names; the default caches (and slabs for each core) would be larger than the rest of the daemon. */
static const char *const settings[][2] = {
	{ "msg-cache-size:", "4m" }, { "rrset-cache-size:", "4m" }, { "key-cache-size:", "1m" }, { "neg-cache-size:", "256k" },
	{ "msg-cache-slabs:", "1" }, { "rrset-cache-slabs:", "1" }, { "key-cache-slabs:", "1" }, { "infra-cache-slabs:", "1" },
	{ "infra-cache-numhosts:", "2000" },
	{ "do-not-query-localhost:", "no" }, /* a resolver on the same host is the usual case */
	{ "unblock-lan-zones:", "yes" },     /* reverse names of private networks belong to the site */
	{ "insecure-lan-zones:", "yes" },
};

/* Everything before the first ub_ctx_zone_*: that makes the context final, and what is set later would be refused. */
static int set_options(struct ub_ctx *ctx, const struct dns_options *options, struct fail *why)
{
	if (checked(ub_ctx_async(ctx, 1), "threads", NULL, why) != 0)
		return -1;
	ub_ctx_debugout(ctx, NULL);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (checked(ub_ctx_set_option(ctx, settings[i][0], settings[i][1]), settings[i][0], settings[i][1], why) != 0)
			return -1;
	if (options->trust_anchor == NULL && checked(ub_ctx_set_option(ctx, "module-config:", "iterator"), "modules", NULL, why) != 0)
		return -1;
	if (options->trust_anchor != NULL && checked(ub_ctx_add_ta_file(ctx, options->trust_anchor), "trust anchor", options->trust_anchor, why) != 0)
		return -1;
	if (options->forward != NULL)
		return checked(ub_ctx_set_fwd(ctx, options->forward), "forwarder", options->forward, why);
	return checked(ub_ctx_resolvconf(ctx, options->resolv_conf), "servers from", options->resolv_conf == NULL ? "/etc/resolv.conf" : options->resolv_conf, why);
}

/* libunbound answers "no such name" for these by itself; the servers it was told to ask know better. */
static int remove_builtin_zones(struct ub_ctx *ctx, struct fail *why)
{
	static const char *const names[] = { "test.", "invalid.", "home.arpa." };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (checked(ub_ctx_zone_remove(ctx, names[i]), "zone", names[i], why) != 0)
			return -1;
	return 0;
}

/* libunbound makes its thread at the first question: a name that it knows without asking starts it and shows whether it works. */
static int start_threads(struct unbound *unbound, struct fail *why)
{
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct dns_answer answer;
	unsigned timeout_ms = unbound->timeout_ms;
	int error = pthread_create(&unbound->pump, NULL, pump, unbound);

	if (error != 0) {
		arena_free(a);
		return fail_temporary(why, "DNS: no thread: %s", strerror(error));
	}
	unbound->is_pumping = true;
	unbound->timeout_ms = START_TIMEOUT_MS;
	resolver_ask(&unbound->base, a, "localhost", DNS_A, &answer);
	unbound->timeout_ms = timeout_ms;
	atomic_store(&unbound->base.questions, 0);
	arena_free(a);
	if (answer.status != DNS_OK)
		return fail_temporary(why, "DNS: the resolver does not work: %s for localhost", dns_status_name(answer.status));
	return 0;
}

/* Signals are for the program's own threads. */
static int start_threads_quietly(struct unbound *unbound, struct fail *why)
{
	sigset_t all, before;
	int done;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	done = start_threads(unbound, why);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return done;
}

static int open_unbound(struct unbound *unbound, const struct dns_options *options, struct fail *why)
{
	unbound->ctx = ub_ctx_create();
	if (unbound->ctx == NULL)
		return fail_temporary(why, "DNS: no resolver context");
	if (pipe2(unbound->stop, O_CLOEXEC) != 0)
		return fail_temporary(why, "DNS: pipe: %s", strerror(errno));
	if (set_options(unbound->ctx, options, why) != 0 || remove_builtin_zones(unbound->ctx, why) != 0)
		return -1;
	return start_threads_quietly(unbound, why);
}

int resolver_open(const struct dns_options *options, struct resolver **resolver_r, struct fail *why)
{
	static const struct dns_options defaults = { 0 };
	struct unbound *unbound = calloc(1, sizeof(*unbound));

	if (unbound == NULL)
		fail_environment("out of memory");
	if (options == NULL)
		options = &defaults;
	unbound->base.backend = &unbound_backend;
	unbound->stop[0] = unbound->stop[1] = -1;
	unbound->timeout_ms = options->timeout_ms == 0 ? TIMEOUT_DEFAULT_MS : options->timeout_ms;
	if (open_unbound(unbound, options, why) != 0) {
		unbound_free(&unbound->base);
		return -1;
	}
	*resolver_r = &unbound->base;
	return 0;
}
