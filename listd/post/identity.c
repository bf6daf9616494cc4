/* SPDX-License-Identifier: BSD-2-Clause */
/* What the strategies are to know of the list, from its settings. */
#include "listd/post/identity.h"

#include "listd/listd.h"
#include "listd/people/template.h"
#include "mitigations/alias.h"

static struct secret alias_secret_of(struct arena *a, const struct world *world, const struct list_settings *list)
{
	return secret_derive(world->master, arena_printf(a, "alias %s", list->address));
}

static struct secret alias_secret(const struct post *post)
{
	return alias_secret_of(post->arena, post->world, post->list);
}

static const char *make_alias(struct arena *a, const void *context, const struct address *author)
{
	const struct post *post = context;
	struct secret secret = alias_secret(post);

	return alias_make(a, &secret, list_local(post->list, a), list_domain(post->list), author, post->list->alias == ALIAS_READABLE);
}

static const char *member_name(struct arena *a, const void *context, const struct address *author)
{
	const struct post *post = context;
	struct member member;

	if (author->domain.len == 0 || post->world->find_member(post->world->context, a, post->list->address, address_key(a, author), &member, NULL) != 1)
		return NULL;
	return member.name == NULL || *member.name == '\0' ? NULL : member.name;
}

const char *identity_alias_code(struct post *post, const struct address *author)
{
	struct secret secret = alias_secret(post);

	return alias_code(post->arena, &secret, list_local(post->list, post->arena), author);
}

int identity_read_alias(struct arena *a, const struct world *world, const struct list_settings *list, struct span local, const char **author_r, struct fail *why)
{
	struct secret secret;
	struct alias alias;

	if (world->read_alias != NULL)
		return world->read_alias(world->context, a, list->address, local, author_r, why);
	secret = alias_secret_of(a, world, list);
	if (!alias_read(a, &secret, list_local(list, a), local, &alias))
		return 0;
	if (alias.author != NULL) {
		*author_r = alias.author;
		return 1;
	}
	return world->find_alias(world->context, a, list->address, alias.code, author_r, why);
}

static const char *text_or_template(struct post *post, const char *setting, const char *template, const char *fallback)
{
	const char *dir = post->world->site->template_dir;

	if (setting != NULL && *setting != '\0')
		return setting;
	return template_text(post->arena, *dir == '\0' ? LISTD_TEMPLATES : dir, post->list->language, template, fallback);
}

void identity_fill(struct post *post)
{
	const struct list_settings *list = post->list;
	struct arena *a = post->arena;
	const char *domain = list_domain(list);

	post->identity = (struct list_identity){
		.address = list->address,
		.domain = list->sign_domain != NULL && *list->sign_domain != '\0' ? list->sign_domain : domain,
		.name = list->display_name != NULL && *list->display_name != '\0' ? list->display_name : list_local(list, a),
		.list_id = list->list_id != NULL && *list->list_id != '\0' ? list->list_id : arena_printf(a, "%s.%s", list_local(list, a), domain),
		.bounce_domain = domain,
		.authserv_id = post->world->site->authserv_id,
		/* what is written to one author or to the owners is not for the list to answer */
		.reply = post->purpose == PURPOSE_POST ? (enum reply_policy)list->reply : REPLY_AUTHOR,
		.alias = (enum alias_kind)list->alias,
		.decorate = (enum decorate)list->decorate,
		.dead_signatures = (enum dead_signatures)list->dead_signatures,
		.signs = post->world->site->sign,
		.only_7bit = !post->world->site->relay_8bit,
		.smtputf8 = post->envelope->smtputf8,
		.make_alias = make_alias,
		.alias_context = post,
		.member_name = member_name,
		.member_context = post,
	};
}

void identity_fill_texts(struct post *post)
{
	const struct address_list *from = &post->facts.from;
	struct template_value values[] = {
		{ "author", from->count == 0 ? "?" : arena_text(post->arena, from->items[0].spec) }, { "list", post->identity.name },
	};

	post->identity.via_template = text_or_template(post, post->list->via_template, "via", "{name} via {list}");
	post->identity.wrap_text = template_fill(post->arena, text_or_template(post, post->list->wrap_text, "wrap", ""), values, sizeof(values) / sizeof(values[0]));
}
