/* SPDX-License-Identifier: BSD-2-Clause */
/* The door: questions go from here to a back-end. And the overlay, which is nothing but a choice between two resolvers. */
#include "mail/clock.h"
#include "mail/dns_int.h"

#include <assert.h>
#include <stdlib.h>

static const char *const status_names[] = {
	[DNS_OK] = "ok", [DNS_NODATA] = "nodata", [DNS_NXDOMAIN] = "nxdomain",
	[DNS_SERVFAIL] = "servfail", [DNS_TIMEOUT] = "timeout", [DNS_BOGUS] = "bogus",
};

const char *dns_status_name(enum dns_status status)
{
	return status_names[status];
}

/* A name that cannot be written in DNS is in no zone: its question is answered here. */
static struct dns_question *impossible_question(void)
{
	struct dns_question *question = calloc(1, sizeof(*question));

	if (question == NULL)
		fail_environment("out of memory");
	return question;
}

static struct dns_question *start(struct resolver *resolver, const struct dns_wire *name, enum dns_type type)
{
	atomic_fetch_add_explicit(&resolver->questions, 1, memory_order_relaxed);
	return resolver->backend->start(resolver, name, type);
}

struct dns_question *resolver_start(struct resolver *resolver, const char *name, enum dns_type type)
{
	struct dns_wire wire;

	if (dns_wire_read(span_of(name), &wire))
		return start(resolver, &wire, type);
	atomic_fetch_add_explicit(&resolver->questions, 1, memory_order_relaxed);
	return impossible_question();
}

void resolver_wait(struct dns_question *question, struct arena *a, struct dns_answer *answer_r)
{
	if (question->resolver != NULL) {
		question->resolver->backend->wait(question, a, answer_r);
		return;
	}
	dns_answer_init(answer_r, DNS_NXDOMAIN);
	free(question);
}

void resolver_drop(struct dns_question *question)
{
	if (question == NULL)
		return;
	if (question->resolver != NULL)
		question->resolver->backend->drop(question);
	else
		free(question);
}

void resolver_ask(struct resolver *resolver, struct arena *a, const char *name, enum dns_type type, struct dns_answer *answer_r)
{
	resolver_wait(resolver_start(resolver, name, type), a, answer_r);
}

void resolver_free(struct resolver *resolver)
{
	if (resolver != NULL)
		resolver->backend->free(resolver);
}

unsigned long resolver_question_count(const struct resolver *resolver)
{
	return atomic_load_explicit(&resolver->questions, memory_order_relaxed);
}

struct overlay {
	struct resolver base;
	struct resolver *overlay, *below;
};

static bool overlay_is_listed(const struct resolver *resolver, const struct dns_wire *name)
{
	const struct overlay *both = (const struct overlay *)resolver;
	const struct dns_backend *backend = both->overlay->backend;

	return backend->is_listed != NULL && backend->is_listed(both->overlay, name);
}

/* The question belongs to the resolver that answers it, so waiting and dropping need nothing here. */
static struct dns_question *overlay_start(struct resolver *resolver, const struct dns_wire *name, enum dns_type type)
{
	struct overlay *both = (struct overlay *)resolver;

	return start(type == DNS_TXT && overlay_is_listed(resolver, name) ? both->overlay : both->below, name, type);
}

static void overlay_free(struct resolver *resolver)
{
	free(resolver);
}

static const struct dns_backend overlay_backend = { .start = overlay_start, .is_listed = overlay_is_listed, .free = overlay_free };

struct resolver *resolver_overlay(struct resolver *overlay, struct resolver *below)
{
	struct overlay *both = calloc(1, sizeof(*both));

	if (both == NULL)
		fail_environment("out of memory");
	assert(overlay != NULL && below != NULL);
	both->base.backend = &overlay_backend;
	both->overlay = overlay;
	both->below = below;
	return &both->base;
}

struct limited {
	struct resolver base;
	struct resolver *below;
	int64_t end_ms; /* of the monotonic clock */
};

/* One that comes too late: it has no other answer than that. */
static struct dns_question *late_question(struct resolver *resolver, const struct dns_wire *name, enum dns_type type)
{
	struct dns_question *question = calloc(1, sizeof(*question));

	if (question == NULL)
		fail_environment("out of memory");
	*question = (struct dns_question){ resolver, *name, type };
	return question;
}

static struct dns_question *limited_start(struct resolver *resolver, const struct dns_wire *name, enum dns_type type)
{
	struct limited *limited = (struct limited *)resolver;

	return clock_monotonic_ms() < limited->end_ms ? start(limited->below, name, type) : late_question(resolver, name, type);
}

static void limited_wait(struct dns_question *question, struct arena *a, struct dns_answer *answer_r)
{
	dns_answer_init(answer_r, DNS_TIMEOUT);
	answer_r->canonical = dns_name(a, question->name.bytes, question->name.len);
	free(question);
}

static void limited_drop(struct dns_question *question)
{
	free(question);
}

static void limited_free(struct resolver *resolver)
{
	free(resolver);
}

static const struct dns_backend limited_backend = { .start = limited_start, .wait = limited_wait, .drop = limited_drop, .free = limited_free };

struct resolver *resolver_limited(struct resolver *below, unsigned budget_ms)
{
	struct limited *limited = calloc(1, sizeof(*limited));

	if (limited == NULL)
		fail_environment("out of memory");
	limited->base.backend = &limited_backend;
	limited->below = below;
	limited->end_ms = clock_monotonic_ms() + budget_ms;
	return &limited->base;
}
