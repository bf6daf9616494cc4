/* SPDX-License-Identifier: BSD-2-Clause */
/* What the list wants on every copy, as edits over the received bytes: fields that strangers may not set are taken out, the list's own are put in (RFC
 * 2369, 2919, 5064), then subject tag, reply policy and footer. Each edit says whether passthrough may leave it out. */
#include "listd/post/identity.h"
#include "listd/post/route.h"
#include "listd/post/shape_footer.h"

#include "mail/authres.h"
#include "mail/date.h"
#include "mail/header.h"

static const char BY[] = "shape";

/* Fields of a post that would ask readers' programs for something on the poster's behalf, or carry a password (Approved). */
static const char *const stripped[] = {
	"Return-Path", "Approved", "Disposition-Notification-To", "Return-Receipt-To", "X-Confirm-Reading-To", "X-PMRQC",
};

static void strip_fields(struct post *post)
{
	for (size_t i = 0; i < post->message.field_count; i++) {
		const struct field *f = &post->message.fields[i];
		bool forged = span_eq_text_nocase(f->name, "Authentication-Results") && authres_claims(post->arena, f->value, post->identity.authserv_id);

		if (forged)
			form_field_remove(&post->shaped, EDIT_REQUIRED, BY, f);
		else if (post->purpose == PURPOSE_POST && (header_flags(f->name) & HEADER_LIST) != 0)
			form_field_remove(&post->shaped, EDIT_LIST_FIELD, BY, f);
		for (size_t k = 0; k < sizeof(stripped) / sizeof(stripped[0]); k++)
			if (span_eq_text_nocase(f->name, stripped[k]))
				form_field_remove(&post->shaped, k < 2 ? EDIT_REQUIRED : EDIT_LIST_FIELD, BY, f);
	}
}

static void add_field(struct post *post, enum edit_kind kind, const char *name, const char *value)
{
	form_field_top(&post->shaped, kind, BY, header_fold(post->arena, name, span_of(value), "\r\n"));
}

struct list_field {
	const char *name;
	const char *(*value)(struct post *post); /* NULL: left out */
};

static const char *mailto(struct post *post, const char *suffix, const char *url)
{
	const char *mail = arena_printf(post->arena, "<mailto:%s%s@%s>", list_local(post->list, post->arena), suffix, list_domain(post->list));

	return url != NULL && *url != '\0' ? arena_printf(post->arena, "<%s>, %s", url, mail) : mail;
}

static const char *list_id(struct post *post)
{
	struct span phrase = header_phrase(post->arena, span_of(post->identity.name));

	return arena_printf(post->arena, "%.*s <%s>", (int)phrase.len, phrase.ptr, post->identity.list_id);
}

static const char *list_post(struct post *post) { return post->list->post == 3 ? "NO" : mailto(post, "", NULL); }
static const char *list_help(struct post *post) { return mailto(post, "-request", post->list->help_url); }
static const char *list_subscribe(struct post *post) { return mailto(post, "-join", post->list->subscribe_url); }
static const char *list_unsubscribe(struct post *post) { return mailto(post, "-leave", post->list->unsubscribe_url); }
static const char *list_owner(struct post *post) { return mailto(post, "-owner", NULL); }
static const char *precedence(struct post *post) { (void)post; return "list"; }

static const char *list_archive(struct post *post)
{
	return *post->list->archive_url == '\0' ? NULL : arena_printf(post->arena, "<%s>", post->list->archive_url);
}

static const char *archived_at(struct post *post)
{
	return *post->list->archive_url == '\0' ? NULL : arena_printf(post->arena, "<%s%s>", post->list->archive_url, post->id);
}

/* From the bottom to the top of the copy. */
static const struct list_field list_fields[] = {
	{ "Precedence", precedence }, { "Archived-At", archived_at }, { "List-Archive", list_archive }, { "List-Owner", list_owner },
	{ "List-Unsubscribe", list_unsubscribe }, { "List-Subscribe", list_subscribe }, { "List-Help", list_help }, { "List-Post", list_post },
	{ "List-Id", list_id },
};

static void add_list_fields(struct post *post)
{
	for (size_t i = 0; i < sizeof(list_fields) / sizeof(list_fields[0]); i++) {
		const char *value = list_fields[i].value(post);

		if (value != NULL)
			add_field(post, EDIT_LIST_FIELD, list_fields[i].name, value);
	}
}

static void set_reply_to(struct post *post)
{
	const struct field *old = message_field(&post->message, "Reply-To");
	struct span text;

	if (post->list->reply != REPLY_LIST)
		return;
	text = header_fold(post->arena, "Reply-To", span_of(post->list->address), "\r\n");
	if (old != NULL)
		form_field_replace(&post->shaped, EDIT_LIST_FIELD, BY, old, text);
	else
		form_field_bottom(&post->shaped, EDIT_LIST_FIELD, BY, text);
}

/* "[birds] " before the subject as it was written, unless it is there already (as after "Re:"). */
static void tag_subject(struct post *post)
{
	const struct field *old = message_field(&post->message, "Subject");
	struct span tag = header_text(post->arena, span_of(post->list->subject_tag));
	const char *text;

	if (*post->list->subject_tag == '\0')
		return;
	if (old == NULL) {
		form_field_bottom(&post->shaped, EDIT_DECORATION, BY, header_fold(post->arena, "Subject", tag, "\r\n"));
		return;
	}
	if (span_find(old->value, tag) < old->value.len)
		return;
	text = arena_printf(post->arena, "%.*s: %.*s %.*s", (int)old->name.len, old->name.ptr, (int)tag.len, tag.ptr,
		(int)span_trim(old->value).len, span_trim(old->value).ptr);
	form_field_replace(&post->shaped, EDIT_DECORATION, BY, old, span_of(text));
}

static void add_results(struct post *post)
{
	struct span results = facts_authres(post->arena, &post->facts);

	add_field(post, EDIT_LIST_FIELD, "Authentication-Results", arena_printf(post->arena, "%s; %.*s", post->identity.authserv_id, (int)results.len, results.ptr));
}

static const char *clean(struct post *post, const char *text)
{
	char *copy = arena_text(post->arena, span_of(text));

	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '(' || *p == ')' || *p == ';')
			*p = '?';
	return copy;
}

/* RFC 5321 4.4: one trace field for each hop. The original peer is what XFORWARD or the milter told. */
static void add_trace(struct post *post)
{
	const struct session *session = &post->session;
	const char *from = session->helo == NULL ? "unknown" : clean(post, session->helo);
	const char *ip = session->client_ip == NULL ? "" : arena_printf(post->arena, " ([%s])", clean(post, session->client_ip));

	add_field(post, EDIT_REQUIRED, "Received", arena_printf(post->arena, "from %s%s by %s with LMTP id %s for <%s>; %s", from, ip,
		post->world->site->host_name, post->id, clean(post, post->rcpt), date_format(post->arena, post->envelope->received_secs)));
}

int stage_shape(struct post *post, struct fail *why)
{
	if (mime_parse(post->arena, &post->message, &post->mime, why) != 0)
		return post_hold(post, "its MIME structure cannot be read: %s", why->text);
	identity_fill_texts(post);
	form_init(&post->shaped, post->arena, &post->message);
	strip_fields(post);
	add_field(post, post->purpose == PURPOSE_POST ? EDIT_LIST_FIELD : EDIT_REQUIRED, "X-Loop", post->list->address);
	if (post->purpose == PURPOSE_POST) {
		tag_subject(post);
		set_reply_to(post);
		if (*post->list->footer != '\0')
			shape_footer(post);
		add_list_fields(post);
	}
	add_results(post);
	add_trace(post);
	return STAGE_NEXT;
}
