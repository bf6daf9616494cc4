/* SPDX-License-Identifier: BSD-2-Clause */
/* For each class of recipients the least invasive strategy whose proof holds. Recipients are walked once to find their domains; a domain's operator comes
 * from the receivers table; operators share forms, so that a post has a handful of them however many members there are. */
#include "listd/post/route.h"

#include "mail/address.h"
#include "mitigations/auth/canon.h"

#include <stdlib.h>
#include <string.h>

/* Recipient domains, and an open-addressing hash over them; it doubles when three quarters are full. */
struct domain_map {
	struct recipient_domain { const char *domain, *first; size_t rcpt_count, class; } *items; /* first: recipient there */
	size_t count, cap;
	size_t *slots; /* index + 1 of an item; 0: free */
	size_t size;
};

static size_t hash(struct span s)
{
	size_t h = 14695981039346656037u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)ascii_lower(s.ptr[i])) * 1099511628211u;
	return h;
}

static size_t *find_slot(const struct domain_map *map, struct span domain)
{
	size_t at = hash(domain) & (map->size - 1);

	while (map->slots[at] != 0 && !span_eq_text_nocase(domain, map->items[map->slots[at] - 1].domain))
		at = (at + 1) & (map->size - 1);
	return &map->slots[at];
}

static void grow(struct arena *a, struct domain_map *map)
{
	map->size = map->size == 0 ? 256 : map->size * 2;
	map->slots = arena_array(a, map->size, sizeof(*map->slots));
	for (size_t i = 0; i < map->count; i++)
		*find_slot(map, span_of(map->items[i].domain)) = i + 1;
}

static struct span domain_of(const char *address)
{
	struct span s = span_of(address);
	size_t at = s.len;

	while (at > 0 && s.ptr[at - 1] != '@')
		at--;
	return span_sub(s, at, s.len);
}

static const char *domain_in(const struct rules *rules, struct span domain)
{
	for (size_t i = 0; i < rules->count; i++) {
		const char *to = rules->items[i].to;

		if (to != NULL && to[0] == '@' && span_eq_text_nocase(domain, to + 1))
			return to + 1;
	}
	return NULL;
}

/* Rules that name "@domain" make a class of that domain alone. */
static const char *ruled_domain(const struct post *post, struct span domain)
{
	const char *ruled = domain_in(&post->list->rules, domain);

	return ruled != NULL ? ruled : domain_in(&post->site_rules.rules, domain);
}

static struct post_class *new_class(struct post *post)
{
	return arena_grow(post->arena, &post->classes, &post->class_cap, post->class_count++, sizeof(*post->classes));
}

static size_t add_class(struct post *post, const struct experience *e, const char *to_domain)
{
	struct post_class *class;

	for (size_t i = 0; i < post->class_count; i++)
		if (post->classes[i].receiver == e->receiver && post->classes[i].to_domain == to_domain)
			return i;
	class = new_class(post);
	class->receiver = e->receiver;
	class->trial = e->trial;
	class->to_domain = to_domain;
	return post->class_count - 1;
}

/* Operators as experience knows them: each is asked about once for a post. */
struct operators { struct operator { const struct receiver *known; struct experience experience; } *items; size_t count, cap; };

static struct experience operator_experience(struct post *post, struct operators *operators, const struct receiver *known)
{
	struct operator *operator;

	for (size_t i = 0; i < operators->count; i++)
		if (operators->items[i].known == known)
			return operators->items[i].experience;
	operator = arena_grow(post->arena, &operators->items, &operators->cap, operators->count++, sizeof(*operators->items));
	operator->known = known;
	operator->experience = (struct experience){ .receiver = known };
	if (post->world->experience != NULL)
		post->world->experience(post->world->context, post->arena, known->name, &operator->experience);
	return operator->experience;
}

/* The operator's, and what is known of the domain alone. */
static struct experience domain_experience(struct post *post, struct operators *operators, const struct receiver *known, const char *domain)
{
	struct experience e = operator_experience(post, operators, known);

	if (post->world->experience != NULL)
		post->world->experience(post->world->context, post->arena, arena_printf(post->arena, "@%s", domain), &e);
	return e;
}

static void add_recipient(struct post *post, const char *address)
{
	struct domain_map *map = post->domains;
	struct span domain = domain_of(address);
	size_t *slot;

	if (map->count * 4 >= map->size * 3)
		grow(post->arena, map);
	slot = find_slot(map, domain);
	if (*slot == 0) {
		struct recipient_domain *item = arena_grow(post->arena, &map->items, &map->cap, map->count, sizeof(*map->items));

		item->domain = arena_lower(post->arena, domain);
		item->first = arena_text(post->arena, span_of(address));
		*slot = ++map->count;
	}
	map->items[*slot - 1].rcpt_count++;
}

/* After the walk over the members, so that the store does not wait for DNS. */
static void find_classes(struct post *post)
{
	struct domain_map *map = post->domains;
	const char **names = arena_array(post->arena, map->count, sizeof(*names));
	const struct receiver **receivers = arena_array(post->arena, map->count, sizeof(const struct receiver *));
	struct operators operators = { 0 };

	for (size_t i = 0; i < map->count; i++)
		names[i] = map->items[i].domain;
	receivers_find_all(post->world->receivers, post->world->dns, post->world->clock, names, map->count, receivers);
	for (size_t i = 0; i < map->count; i++) {
		struct experience e = domain_experience(post, &operators, receivers[i], map->items[i].domain);

		map->items[i].class = add_class(post, &e, ruled_domain(post, span_of(map->items[i].domain)));
		post->classes[map->items[i].class].rcpt_count += map->items[i].rcpt_count;
	}
}

const struct post_class *post_class_of(const struct post *post, const char *address)
{
	const struct domain_map *map = post->domains;
	size_t slot;

	for (size_t i = post->class_count - post->trial_count; i < post->class_count; i++)
		if (strcmp(post->classes[i].trial_address, address) == 0)
			return &post->classes[i];
	slot = map == NULL || map->size == 0 ? 0 : *find_slot(map, domain_of(address));

	return slot == 0 ? NULL : &post->classes[map->items[slot - 1].class];
}

static int compare_keys(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* Who stands in To and Cc: once for a post, since a list may have a hundred thousand members who want to know. */
static void read_addressed(struct post *post)
{
	static const char *const names[] = { "To", "Cc" };
	size_t cap = 0;

	for (size_t n = 0; n < 2; n++)
		for (const struct field *f = message_field(&post->message, names[n]); f != NULL;
			f = message_field_from(&post->message, names[n], message_field_index(&post->message, f) + 1)) {
			struct address_list list;

			address_list_parse(post->arena, f->value, &list);
			for (size_t i = 0; i < list.count; i++)
				if (list.items[i].domain.len > 0)
					*(const char **)arena_grow(post->arena, &post->addressed, &cap, post->addressed_count++, sizeof(*post->addressed)) =
						address_key(post->arena, &list.items[i]);
		}
	if (post->addressed_count > 0)
		qsort(post->addressed, post->addressed_count, sizeof(*post->addressed), compare_keys);
}

static bool is_addressed(const struct post *post, const char *key)
{
	return post->addressed_count > 0 && bsearch(&key, post->addressed, post->addressed_count, sizeof(*post->addressed), compare_keys) != NULL;
}

bool post_wants(const struct post *post, const struct member *member)
{
	if (member->delivery != MEMBER_DELIVERY_ON)
		return false;
	if ((member->flags & MEMBER_NOT_OWN_POSTS) != 0 && post->author_key != NULL && strcmp(member->key, post->author_key) == 0)
		return false;
	return (member->flags & MEMBER_SKIP_ADDRESSED) == 0 || !is_addressed(post, member->key);
}

static int each_member(void *context, const struct member *member)
{
	struct post *post = context;

	if (post_wants(post, member))
		add_recipient(post, member->address);
	return 0;
}

static bool is_forced_only_by_due(const struct post *post, const struct post_class *class)
{
	const struct address_list *from = &post->facts.from;

	return post->site_rules.is_due && rules_match(&post->site_rules.rules, from, class->receiver, class->to_domain) != NULL
		&& rules_match(&post->site_rules.trial, from, class->receiver, class->to_domain) == NULL;
}

/* Where something is due to be tried again, the first recipient becomes a class of his own. */
static void add_trials(struct post *post)
{
	const struct domain_map *map = post->domains;
	size_t count = post->class_count;
	bool of_rule = false;

	for (size_t i = 0; i < map->count; i++) {
		struct post_class *class = &post->classes[map->items[i].class], *own;
		bool is_rule = !of_rule && is_forced_only_by_due(post, class);

		if (class->trial == NULL && !is_rule)
			continue;
		of_rule |= is_rule;
		own = new_class(post);
		class = &post->classes[map->items[i].class]; /* they may have moved */
		*own = (struct post_class){ .receiver = class->receiver, .to_domain = class->to_domain, .rcpt_count = 1, .trial_address = map->items[i].first,
			.trial = class->trial != NULL ? class->trial : class->receiver };
		class->rcpt_count--;
		class->trial = NULL;
	}
	post->trial_count = post->class_count - count;
}

static int collect(struct post *post, struct fail *why)
{
	post->domains = arena_alloc(post->arena, sizeof(*post->domains));
	if (post->world->every_receiver) {
		struct operators operators = { 0 };

		for (size_t i = 0; i < receivers_count(post->world->receivers); i++) {
			struct experience e = operator_experience(post, &operators, receivers_at(post->world->receivers, i));

			add_class(post, &e, NULL);
		}
		return 0;
	}
	if (post->purpose == PURPOSE_POST) {
		read_addressed(post);
		if (post_each_member(post, each_member, post, why) != 0)
			return -1;
	}
	for (size_t i = 0; i < post->target_count; i++)
		add_recipient(post, post->targets[i]);
	find_classes(post);
	if (post->purpose == PURPOSE_POST && post->world->again == NULL)
		add_trials(post);
	return 0;
}

/* What a list has fixed is about its posts. A forward goes in whatever form arrives. */
static void init_chooser(struct post *post, const struct strategy_input *in)
{
	static const struct rules no_rules;
	bool is_post = post->purpose == PURPOSE_POST;

	chooser_init(&post->chooser, in, is_post ? &post->list->rules : &no_rules, is_post ? post->list->strategy : NULL, post->world->key_overlay);
	post->chooser.site = &post->site_rules.rules;
	if (post->world->again != NULL)
		post->chooser.at_least = post->world->again->at_least;
	post->chooser.vouched = post->released && post->facts.forged != NULL;
}

/* A trial is one only where the form is another one than it would be else. */
static void choose_trial(struct post *post, struct post_class *class)
{
	struct choice lighter;

	post->chooser.site = &post->site_rules.trial;
	choose(&post->chooser, class->trial, class->to_domain, &lighter);
	post->chooser.site = &post->site_rules.rules;
	class->tries = lighter.form != NULL && lighter.form != class->choice.form;
	if (class->tries) {
		class->receiver = class->trial;
		class->choice = lighter;
	}
}

int stage_choose(struct post *post, struct fail *why)
{
	struct strategy_input in = {
		.arena = post->arena, .message = &post->message, .facts = &post->facts, .shaped = &post->shaped, .list = &post->identity,
		.keyring = post->world->keyring, .dns = post->world->dns, .clock = post->world->clock, .id = post->id,
	};
	uint8_t hash[32];
	bool works = false;

	if (post->world->site_rules != NULL)
		post->world->site_rules(post->world->context, post->arena, &post->facts, &post->site_rules);
	if (collect(post, why) != 0)
		return -1;
	canon_body_sha256(post->message.body, post->message.body_count, CANON_RELAXED, UINT64_MAX, hash, NULL);
	in.own_body_hash = hash;
	init_chooser(post, &in);
	for (size_t i = 0; i < post->class_count; i++) {
		struct post_class *class = &post->classes[i];

		choose(&post->chooser, class->receiver, class->to_domain, &class->choice);
		if (class->trial_address != NULL)
			choose_trial(post, class);
		works |= class->choice.form != NULL;
	}
	if (post->class_count > 0 && !works)
		return post_hold(post, "no strategy yields a copy that receivers would take: %s", post->classes[0].choice.reason);
	return STAGE_NEXT;
}
