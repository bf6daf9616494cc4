/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/compare/compared.h"

#include "listd/bounce/verdict.h"
#include "listd/post/explain_call.h"
#include "listd/post/route.h"
#include "mail/date.h"
#include "mail/encword.h"
#include "mail/header.h"
#include "mitigations/auth/canon.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX_BYTES 200 /* of a subject or an author */

/* What is the same for all. */

static int load_keys(struct comparison *comparison, const char *domain, struct fail *why)
{
	if (comparison->keys_dir != NULL)
		return keyring_load(comparison->keys_dir, &comparison->keyring, why);
	comparison->keyring.items = calloc(1, sizeof(*comparison->keyring.items));
	if (comparison->keyring.items == NULL)
		fail_environment("out of memory");
	if (described_key(KEY_RSA, domain, "compare", &comparison->keyring.items[0], why) != 0)
		return -1;
	comparison->keyring.count = 1;
	return 0;
}

/* What receivers will find: the key that signs, published or not yet, and the SPF record of a server that has no address of its own here. */
static int make_overlay(struct comparison *comparison, struct arena *a, const char *domain, struct fail *why)
{
	comparison->keys = keyring_resolver(&comparison->keyring);
	comparison->overlay = keyring_resolver(&comparison->keyring);
	if (comparison->server_ip != NULL)
		return 0;
	comparison->server_ip = COMPARED_SERVER_IP;
	return resolver_zone_add(comparison->overlay, span_of(arena_printf(a, "%s TXT \"v=spf1 ip4:" COMPARED_SERVER_IP " -all\"", domain)), why);
}

int compared_open(struct comparison *comparison, struct arena *a, struct fail *why)
{
	const struct list_settings *list;
	const char *domain;

	if (list_settings_parse(span_of(comparison->list_text), comparison->list_file, NULL, &comparison->list, why) != 0)
		return -1;
	list = comparison->list;
	domain = *list->sign_domain != '\0' ? list->sign_domain : list_domain(list);
	if (load_keys(comparison, domain, why) != 0 || make_overlay(comparison, a, list_domain(list), why) != 0)
		return -1;
	return models_bind(comparison->models, domain, comparison->receivers, comparison->clock, why);
}

void compared_close(struct comparison *comparison)
{
	resolver_free(comparison->keys);
	resolver_free(comparison->overlay);
	keyring_done(&comparison->keyring);
	list_settings_free(comparison->list);
}

/* A world without daemon: every author is a member, nobody else is there. */

static int find_member(void *context, struct arena *a, const char *list, const char *key, struct member *member_r, struct fail *why)
{
	(void)context;
	(void)a;
	(void)list;
	(void)why;
	*member_r = (struct member){ .key = key, .address = key, .name = "", .reason = "" };
	return 1;
}

static int find_alias(void *context, struct arena *a, const char *list, const char *code, const char **author_r, struct fail *why)
{
	(void)context;
	(void)a;
	(void)list;
	(void)code;
	(void)author_r;
	(void)why;
	return 0;
}

struct passage {
	const struct comparison *comparison;
	struct arena *arena;
	const struct corpus_item *item;
	struct described_post made;  /* of a described post */
	struct span bytes;
	struct session session;
	struct clock clock;
	struct world world;
	struct resolver *outside;
	struct post post;
	const char *not_taken;
	bool is_shaped;
	struct compared *compared;
};

static void fail_with(struct passage *p, const char *what, const struct fail *why)
{
	p->compared->failure = arena_printf(p->arena, "%s%s", what, why->text);
}

/* The time after the last ";" of the topmost Received field, else of Date: when it came, since signatures end and keys change. */
static int64_t time_of(const struct passage *p, const struct message *m)
{
	const struct field *received = message_field(m, "Received"), *date = message_field(m, "Date");
	int64_t secs;

	if (received != NULL) {
		const char *semicolon = memrchr(received->value.ptr, ';', received->value.len);

		if (semicolon != NULL && date_parse(span_sub(received->value, (size_t)(semicolon - received->value.ptr) + 1, received->value.len), &secs))
			return secs;
	}
	return date != NULL && date_parse(header_unfold(p->arena, date->value), &secs) ? secs : DESCRIBED_NOW;
}

static const char *author_of(struct arena *a, const struct message *m)
{
	const struct field *from = message_field(m, "From");
	struct address_list list;

	if (from == NULL)
		return "";
	address_list_parse(a, from->value, &list);
	return list.count == 0 ? "" : arena_text(a, list.items[0].spec);
}

/* Its bytes, and how it came. */
static bool load(struct passage *p)
{
	const struct comparison *c = p->comparison;
	struct message m;
	struct fail why;

	if (p->item->described != NULL) {
		if (described_make(p->arena, p->item->described, &p->made, &why) != 0) {
			fail_with(p, "", &why);
			return false;
		}
		p->bytes = p->made.bytes;
		p->session = p->made.session;
		p->clock = (struct clock){ .is_fixed = true, .fixed_secs = DESCRIBED_NOW };
	} else {
		if (corpus_read(p->arena, p->item, &p->bytes, &why) != 0 || message_parse(p->arena, p->bytes, &m, &why) != 0) {
			fail_with(p, "cannot be read: ", &why);
			return false;
		}
		p->session = c->session;
		p->session.mail_from = p->session.mail_from != NULL ? p->session.mail_from : author_of(p->arena, &m);
		p->clock = (struct clock){ .is_fixed = true, .fixed_secs = time_of(p, &m) };
	}
	if (c->clock != NULL)
		p->clock = *c->clock;
	return true;
}

static bool begin(struct passage *p)
{
	const struct comparison *c = p->comparison;
	struct list_settings *list = c->list;
	struct envelope *envelope = arena_alloc(p->arena, sizeof(*envelope));
	const char **rcpts = arena_array(p->arena, 1, sizeof(*rcpts));
	struct fail why;

	rcpts[0] = list->address;
	*envelope = (struct envelope){
		.id = explain_id(p->arena, p->bytes), .received_secs = clock_now(&p->clock), .mail_from = p->session.mail_from, .rcpts = rcpts, .rcpt_count = 1,
		.client_ip = p->session.client_ip, .helo = p->session.helo, .auth_user = p->session.auth_user, .is_submission = p->session.is_submission,
		.smtputf8 = p->session.smtputf8,
	};
	p->world = (struct world){
		.dns = p->item->described != NULL ? p->made.dns : c->dns, .clock = &p->clock, .site = c->site, .keyring = &c->keyring, .key_overlay = c->keys,
		.receivers = c->receivers, .master = &c->master, .find_member = find_member, .find_alias = find_alias,
	};
	p->outside = resolver_overlay(c->overlay, p->world.dns);
	if (post_begin(&p->post, p->arena, &p->world, envelope, list->address, list, p->bytes, &why) == 0)
		return true;
	fail_with(p, "", &why);
	return false;
}

/* The stages up to the list's normal copy. What ends one of them is noted, and the post goes on, so that it can be told what a list would do that does not look. A moderator
 * is taken to have let it pass; the choice is the comparison's. */
static bool shape(struct passage *p)
{
	struct post *post = &p->post;
	struct fail why;

	post->outcome = OUTCOME_SEND;
	for (size_t i = 0; i < route_count; i++) {
		int result;

		if (route[i].run == stage_moderate || route[i].run == stage_choose)
			continue;
		post->stage = route[i].name;
		result = route[i].run(post, &why);
		if (result < 0) {
			fail_with(p, "", &why);
			return false;
		}
		if (result == STAGE_END && p->not_taken == NULL)
			p->not_taken = arena_printf(p->arena, "%s: %s", outcome_name(post->outcome), post->reason);
		p->is_shaped = route[i].run == stage_shape && result == STAGE_NEXT;
	}
	return true;
}

static const char *shown(struct arena *a, const struct field *field)
{
	struct span text = field == NULL ? (struct span){ NULL, 0 } : encword_decode(a, header_unfold(a, span_sub(field->value, 0, 4 * SHOWN_MAX_BYTES)));

	return arena_text(a, span_trim(span_sub(text, 0, SHOWN_MAX_BYTES)));
}

static void describe(struct passage *p)
{
	const struct facts *facts = &p->post.facts;
	struct compared *d = p->compared;

	d->from = shown(p->arena, message_field(&p->post.message, "From"));
	d->subject = shown(p->arena, message_field(&p->post.message, "Subject"));
	d->policy = facts->policy;
	d->authentic = facts->authentic;
	d->authentic_by = facts->authentic_by;
	if (p->item->described == NULL)
		recorded_check(p->arena, p->world.dns, &p->clock, &p->post.message, p->comparison->recorded_by, &d->recorded);
	if (facts->strictest == NULL)
		return;
	d->author_domain = facts->strictest->author_domain;
	d->policy_record = facts->strictest->rfc9989.record != NULL ? facts->strictest->rfc9989.record : facts->strictest->rfc7489.record;
}

static void class_refusal(struct passage *p, const struct model *model, const struct compare_cell *cell, struct compared_bounce *bounce)
{
	struct verdict_rcpt verdict;
	unsigned long long code = 0;

	if (cell->reply == NULL)
		return;
	span_number(span_sub(span_of(cell->reply), 0, 3), 599, &code);
	verdict_of_reply(p->arena, p->comparison->patterns, (int)code, cell->reply, model->mx == NULL ? "" : model->mx, &verdict);
	*bounce = (struct compared_bounce){ .class = bounce_class_rows[verdict.class].name, .counts = verdict.counts, .counts_elsewhere = code >= 500 };
}

/* What each refusal would count for. */
static void class_refusals(struct passage *p)
{
	const struct models *models = p->comparison->models;
	size_t count = compare_column_count() * models->count;

	p->compared->bounces = arena_array(p->arena, count, sizeof(*p->compared->bounces));
	for (size_t i = 0; i < count; i++)
		class_refusal(p, &models->items[i % models->count], &p->compared->result.cells[i], &p->compared->bounces[i]);
}

static void compare(struct passage *p)
{
	const struct comparison *c = p->comparison;
	struct post *post = &p->post;
	uint8_t *hash = arena_alloc(p->arena, 32);
	const char *local = list_local(post->list, p->arena);
	struct strategy_input *in = arena_alloc(p->arena, sizeof(*in));
	struct compare_input input = {
		.in = in, .rules = &post->list->rules, .fixed = post->list->strategy, .not_taken = p->not_taken, .keys = c->keys, .outside = p->outside,
		.sender = { .client_ip = c->server_ip, .helo = c->site->host_name, .mail_from = arena_printf(p->arena, "%s-bounces@%s", local, post->identity.bounce_domain) },
		.records_are_complete = p->item->described != NULL, .session_is_known = p->session.client_ip != NULL || p->session.is_submission,
		.unguarded = c->unguarded, .with_diff = c->with_diff, .columns = c->columns,
	};

	canon_body_sha256(post->message.body, post->message.body_count, CANON_RELAXED, UINT64_MAX, hash, NULL);
	*in = (struct strategy_input){
		.arena = p->arena, .message = &post->message, .facts = &post->facts, .shaped = &post->shaped, .list = &post->identity, .keyring = &c->keyring,
		.dns = p->world.dns, .clock = &p->clock, .id = post->id, .own_body_hash = hash,
	};
	compare_run(&input, c->models, &p->compared->result);
	class_refusals(p);
}

struct compared *compared_run(const struct comparison *comparison, struct arena *a, const struct corpus_item *item)
{
	struct passage *p = arena_alloc(a, sizeof(*p));

	*p = (struct passage){ .comparison = comparison, .arena = a, .item = item, .compared = arena_alloc(a, sizeof(*p->compared)) };
	p->compared->name = item->name;
	p->compared->arena = a;
	if (load(p) && begin(p) && shape(p)) {
		describe(p);
		if (p->is_shaped)
			compare(p);
		else
			p->compared->failure = p->not_taken;
	}
	resolver_free(p->outside);
	resolver_free(p->made.dns);
	return p->compared;
}
