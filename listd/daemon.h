/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon's threads share: made at start by listd.c, in this order, ended in reverse. Members that a reload replaces are reached
 * through daemon_hold_site and counted, so that a running post keeps what it began with. */
#ifndef LISTD_DAEMON_H
#define LISTD_DAEMON_H

#include "listd/bounce/patterns.h"
#include "listd/delivery/delivery.h"
#include "listd/intake/lmtp.h"
#include "listd/settings_cache.h"
#include "listd/spool/spool.h"
#include "listd/store/store.h"
#include "mail/clock.h"
#include "mail/dns.h"
#include "mail/secret.h"
#include "mitigations/key.h"
#include "mitigations/receivers.h"

#include <pthread.h>
#include <stdatomic.h>

/* What one reload makes anew, counted by its users. */
struct site {
	atomic_int users;
	struct site_settings *settings;
	struct keyring keyring;
	struct receivers *receivers;
	struct patterns *patterns; /* of refusals */
	struct resolver *key_overlay;
};

struct daemon {
	struct clock clock;
	struct resolver *dns;
	struct store *store;
	struct settings_cache *lists;
	struct spool *spool;
	struct lmtp *_Atomic lmtp; /* NULL until it is started: the control socket answers before */
	struct delivery *delivery;
	struct control *control, *milter_control;
	struct workers *workers;
	struct rates *rates;
	struct fallback *fallback;
	struct learn *learn;
	struct tender *_Atomic tender;
	struct secret master;    /* of the site; kept in the store */
	struct secret field_key; /* derived from it, for the fields of the milter (keyed.h) */
	const char *config_path;
	const char *const *overrides;
	pthread_mutex_t site_lock;
	struct site *site;
	int64_t started_secs;
	atomic_ulong posts_count, refused_count;
	atomic_size_t judged_bytes; /* of messages that wait for a worker with what was found out of them (post/judged.h) */
	atomic_ulong held_count; /* posts that wait for a moderator now: daemon_count_holds, and what was held since */
};

/* The present site, for as long as it is held. Every hold needs its release. */
struct site *daemon_hold_site(struct daemon *daemon);
void daemon_release_site(struct site *site);
/* Read settings, keys, receivers and patterns again. -1: the old ones stay. */
int daemon_reload(struct daemon *daemon, struct fail *why);
/* Settings, keys, receivers and patterns from files; the caller releases the site. overrides: as site_settings_parse. */
int daemon_read_site(const char *path, const char *const *overrides, struct site **site_r, struct fail *why);
/* What delivery is to know of the site; texts live as long as the site. */
int daemon_delivery_options(const struct daemon *daemon, const struct site *site, struct delivery_options *options_r, struct fail *why);
/* What delivery asks of the daemon. */
struct delivery_hooks daemon_delivery_hooks(struct daemon *daemon);
/* Count the held posts anew: whoever lets one go makes room for another. */
void daemon_count_holds(struct daemon *daemon);
/* Set the clock as clock-file says, where there is one. true: it has moved. */
bool daemon_set_clock(struct daemon *daemon);
/* Hold our keys against DNS; what is missing or differs goes to the log. */
void daemon_check_keys(struct daemon *daemon);
/* A list's settings as they stand in the store at this moment; let them go with list_settings_free. 1 found, 0 no such list, -1. */
int daemon_list(struct daemon *daemon, const char *address, struct list_settings **list_r, struct fail *why);

#endif
