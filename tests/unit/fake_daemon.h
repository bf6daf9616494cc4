/* SPDX-License-Identifier: BSD-2-Clause */
/* A daemon without its sockets: store, spool, workers and delivery to a fake relay (fake_relay.h), in the world of fake_world.h. */
#ifndef TESTS_UNIT_FAKE_DAEMON_H
#define TESTS_UNIT_FAKE_DAEMON_H

#include "tests/unit/check.h"
#include "tests/unit/fake_relay.h"
#include "tests/unit/fake_world.h"
#include "tests/unit/spool_help.h"

#include "listd/bounce/fallback_int.h"
#include "listd/bounce/learn_int.h"
#include "listd/post/rate.h"
#include "listd/workers.h"

struct fake_daemon {
	struct spool_box box;
	struct fake fake;
	struct daemon daemon;
	struct site site;
	struct relay *relay;
	struct delivery_hooks hooks;
};

static inline void fake_daemon_hook_sender(void *context, const struct job *job, const struct job_rcpt *rcpt, char *sender_r, size_t size)
{
	(void)context;
	snprintf(sender_r, size, "birds-bounces+%s+%s", job->id, rcpt == NULL ? "" : rcpt->address);
	for (char *c = sender_r; *c != '\0'; c++)
		if (*c == '@')
			*c = '=';
	snprintf(sender_r + strlen(sender_r), size - strlen(sender_r), "@lists.example.org");
}

static inline void fake_daemon_hook_plain(void *context, const struct job *job, char *sender_r, size_t size)
{
	fake_daemon_hook_sender(context, job, NULL, sender_r, size);
}

static inline void fake_daemon_hook_delivered(void *context, const struct job *job, const char *form, size_t count)
{
	learn_sent(context, job, form, count);
}

static inline void fake_daemon_must(int result, const struct fail *why)
{
	if (result != 0)
		fail_msg("%s", why->text);
}

/* Delivery, workers and second forms begin, or begin again after fake_daemon_end. */
static inline void fake_daemon_begin(struct fake_daemon *d)
{
	struct delivery_options options = {
		.relay = arena_printf(d->box.arena, "127.0.0.1:%d", d->relay->port), .helo = "lists.example.org", .sessions = 2, .rcpts_max = 100, .timeout_secs = 20,
		.verp = VERP_TRANSACTION, .retry_min_secs = 1, .retry_max_secs = 1, .queue_life_secs = 1000, .keeps = true, .clock = &d->daemon.clock,
	};
	struct fail why;

	d->daemon.fallback = fallback_new(&d->daemon);
	fake_daemon_must(delivery_start(&options, d->daemon.spool, &d->hooks, &d->daemon.delivery, &why), &why);
	fake_daemon_must(workers_start(&d->daemon, 1, &d->daemon.workers, &why), &why);
}

static inline void fake_daemon_end(struct fake_daemon *d)
{
	workers_stop(d->daemon.workers);
	fallback_stop(d->daemon.fallback);
	delivery_stop(d->daemon.delivery, 5000);
	fallback_free(d->daemon.fallback);
	d->daemon.workers = NULL;
	d->daemon.delivery = NULL;
	d->daemon.fallback = NULL;
}

static inline void fake_daemon_open(struct fake_daemon *d, const struct relay_plan *plan, const char *list_text, int (*refused)(void *context, const struct job *job,
	const struct job_rcpt *rcpt, int code, const char *reply))
{
	static const char *const members[] = { "ann@lenient.example", "bob@lenient.example", "carol@strict.example", "dave@arc.example" };
	struct member rows[4];
	struct fail why;
	size_t added;

	log_open(getenv("FAKE_LOG") == NULL ? LOG_SINK_NONE : LOG_SINK_STDERR, NULL, LOG_LEVEL_DEBUG);
	snprintf(d->box.dir, sizeof(d->box.dir), "/tmp/listd-fallback-XXXXXX");
	assert_non_null(mkdtemp(d->box.dir));
	d->box.arena = arena_new(ARENA_MESSAGE_MAX_BYTES);
	fake_open(&d->fake);
	fake_daemon_must(site_settings_parse(span_of(arena_printf(d->box.arena, "host-name = \"lists.example.org\"\nauthserv-id = \"lists.example.org\"\narchive-dir = \"%s/archive\"\n",
		d->box.dir)), "site", NULL, &d->site.settings, &why), &why);
	d->site.keyring = d->fake.list_ring;
	d->site.receivers = d->fake.receivers;
	d->site.key_overlay = d->fake.overlay;
	atomic_store(&d->site.users, 1);
	d->daemon.site = &d->site;
	pthread_mutex_init(&d->daemon.site_lock, NULL);
	d->daemon.clock = d->fake.clock;
	d->daemon.dns = d->fake.dns;
	d->daemon.lists = settings_cache_new();
	d->daemon.rates = rates_new();
	fake_daemon_must(spool_open(arena_printf(d->box.arena, "%s/spool", d->box.dir), &d->daemon.spool, &why), &why);
	fake_daemon_must(store_open(arena_printf(d->box.arena, "%s/store", d->box.dir), 1 << 20, &d->daemon.store, &why), &why);
	fake_daemon_must(store_list_create(d->daemon.store, FAKE_LIST, arena_printf(d->box.arena, "subject-tag = \"[birds]\"\npost = anyone\narchive = no\n%s", list_text), FAKE_NOW, &why), &why);
	for (size_t i = 0; i < 4; i++)
		rows[i] = (struct member){ .key = members[i], .address = members[i], .name = "", .reason = "" };
	fake_daemon_must(store_members_add(d->daemon.store, FAKE_LIST, rows, 4, &added, NULL, NULL, &why), &why);
	fake_daemon_must(learn_open(d->daemon.store, &d->daemon.learn, &why), &why);
	d->relay = relay_start(plan, 0);
	d->hooks = (struct delivery_hooks){ .context = &d->daemon, .verp_sender = fake_daemon_hook_sender, .plain_sender = fake_daemon_hook_plain, .refused = refused,
		.delivered = fake_daemon_hook_delivered };
	fake_daemon_begin(d);
}

static inline void fake_daemon_close(struct fake_daemon *d)
{
	if (d->daemon.delivery != NULL)
		fake_daemon_end(d);
	relay_stop(d->relay);
	learn_free(d->daemon.learn);
	store_close(d->daemon.store);
	spool_close(d->daemon.spool);
	settings_cache_free(d->daemon.lists);
	rates_free(d->daemon.rates);
	site_settings_free(d->site.settings);
	pthread_mutex_destroy(&d->daemon.site_lock);
	fake_close(&d->fake);
	nftw(d->box.dir, box_remove, 10, FTW_DEPTH | FTW_PHYS);
	arena_free(d->box.arena);
}

/* A post from that author, signed by his domain, is accepted under an id and worked on. */
static inline void fake_daemon_post(struct fake_daemon *d, const char *id, const char *author)
{
	struct arena *a = d->box.arena;
	struct span bytes = fake_sign(&d->fake, a, span_of(arena_printf(a, "From: Ann <%s>\r\nTo: " FAKE_LIST "\r\nSubject: herons\r\nDate: Sun, 22 Nov 2026 00:00:00 +0000\r\n"
		"Message-ID: <%s@example.com>\r\n\r\nA heron stood by the lake.\r\n", author, id)), strchr(author, '@') + 1);
	const char *rcpts[] = { FAKE_LIST };
	struct envelope envelope = { .id = id, .received_secs = FAKE_NOW, .mail_from = author, .rcpts = rcpts, .rcpt_count = 1, .client_ip = "192.0.2.1" };
	struct spool_writer *writer;
	struct fail why;

	fake_daemon_must(spool_begin(d->daemon.spool, id, &writer, &why), &why);
	fake_daemon_must(spool_add(writer, bytes, &why), &why);
	fake_daemon_must(spool_commit(writer, &envelope, &why), &why);
	workers_push(d->daemon.workers, id);
}

/* Wait until a recipient has so many copies, and everything has been sent. */
static inline void fake_daemon_await(struct fake_daemon *d, const char *rcpt, size_t copies)
{
	for (int i = 0; i < 2000 && (relay_count(d->relay, rcpt) < copies || box_count(&d->box, "spool/out") > 0 || workers_pending(d->daemon.workers) > 0); i++)
		usleep(10000);
	assert_int_equal(relay_count(d->relay, rcpt), copies);
}

/* The newest copy of a recipient. */
static inline const char *fake_daemon_copy(struct fake_daemon *d, const char *rcpt)
{
	const char *copy = NULL;

	pthread_mutex_lock(&d->relay->lock);
	for (size_t i = 0; i < d->relay->taken_count; i++)
		if (strcmp(d->relay->taken[i].rcpt, rcpt) == 0)
			copy = arena_text(d->box.arena, (struct span){ d->relay->taken[i].content, d->relay->taken[i].content_len });
	pthread_mutex_unlock(&d->relay->lock);
	return copy;
}

#endif
