/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/people/notice.h"

#include "listd/event.h"
#include "listd/listd.h"
#include "listd/post/identity.h"
#include "listd/spool/job.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/transfer.h"
#include "mitigations/sign.h"

#include <string.h>

#define NOTICE_MAX_BYTES ((size_t)1 << 20)
/* Receivers' words that are shown to people: neither lines of their own, nor what is no text. */
#define VALUE_MAX_BYTES 60000

/* Values come from strangers: no control characters but line ends. */
static const char *clean(struct arena *a, const char *value)
{
	char *text = arena_text(a, span_sub(span_of(value == NULL ? "" : value), 0, VALUE_MAX_BYTES));

	for (char *p = text; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
			*p = ' ';
	return text;
}

static const char *fill(struct arena *a, const char *text, const struct notice *notice)
{
	struct template_value *values = arena_array(a, notice->value_count, sizeof(*values));

	for (size_t i = 0; i < notice->value_count; i++)
		values[i] = (struct template_value){ notice->values[i].name, clean(a, notice->values[i].value) };
	return template_fill(a, text, values, notice->value_count);
}

static void put_field(struct arena *a, struct buf *out, const char *name, struct span value)
{
	buf_put(out, header_fold(a, name, value, "\r\n"));
	buf_put_text(out, "\r\n");
}

static const char *list_name(const struct list_settings *list, struct arena *a)
{
	return *list->display_name != '\0' ? list->display_name : list_local(list, a);
}

static const char *list_id(const struct list_settings *list, struct arena *a)
{
	return *list->list_id != '\0' ? list->list_id : arena_printf(a, "%s.%s", list_local(list, a), list_domain(list));
}

static void put_header(struct daemon *daemon, struct arena *a, const struct list_settings *list, const char *id, const struct notice *notice, struct span subject, struct buf *out)
{
	struct span phrase = header_phrase(a, span_of(list_name(list, a)));
	const char *domain = list_domain(list), *local = list_local(list, a);

	put_field(a, out, "From", address_format(a, span_of(list_name(list, a)), span_of(list->address)));
	put_field(a, out, "To", span_of(notice->to));
	if (notice->reply_to != NULL)
		put_field(a, out, "Reply-To", span_of(notice->reply_to));
	else
		put_field(a, out, "Reply-To", span_of(arena_printf(a, "%s-owner@%s", local, domain)));
	put_field(a, out, "Subject", header_text(a, subject));
	put_field(a, out, "Date", span_of(date_format(a, clock_now(&daemon->clock))));
	put_field(a, out, "Message-ID", span_of(arena_printf(a, "<%s.notice@%s>", id, domain)));
	put_field(a, out, "List-Id", span_of(arena_printf(a, "%.*s <%s>", (int)phrase.len, phrase.ptr, list_id(list, a))));
	put_field(a, out, "List-Help", span_of(arena_printf(a, "<mailto:%s-request@%s>", local, domain)));
	put_field(a, out, "List-Owner", span_of(arena_printf(a, "<mailto:%s-owner@%s>", local, domain)));
	put_field(a, out, "Auto-Submitted", SPAN_LIT("auto-generated"));
	put_field(a, out, "Precedence", SPAN_LIT("list"));
	put_field(a, out, "MIME-Version", SPAN_LIT("1.0"));
	put_field(a, out, "Content-Type", SPAN_LIT("text/plain; charset=utf-8"));
	put_field(a, out, "Content-Transfer-Encoding", SPAN_LIT("quoted-printable"));
}

/* "Subject: ...", then an empty line, then the text. */
static bool split_subject(struct span text, struct span *subject_r, struct span *body_r)
{
	size_t end = span_find_byte(text, '\n');

	if (!span_starts_nocase(text, "Subject:"))
		return false;
	*subject_r = span_trim(span_sub(text, strlen("Subject:"), end - strlen("Subject:")));
	*body_r = span_sub(text, end + 1, text.len);
	while (body_r->len > 0 && (body_r->ptr[0] == '\n' || body_r->ptr[0] == '\r'))
		*body_r = span_sub(*body_r, 1, body_r->len);
	return true;
}

static int compose(struct daemon *daemon, struct site *site, struct arena *a, const struct list_settings *list, const char *id, const struct notice *notice, struct buf *out,
	struct fail *why)
{
	const char *dir = *site->settings->template_dir == '\0' ? LISTD_TEMPLATES : site->settings->template_dir;
	const char *template = template_text(a, dir, list->language, notice->template, NULL);
	struct span subject, body;

	if (template == NULL)
		template = template_text(a, LISTD_TEMPLATES, list->language, notice->template, NULL);
	if (template == NULL || !split_subject(span_of(fill(a, template, notice)), &subject, &body))
		return fail_permanent(why, "there is no template %s.txt with a Subject line in %s", notice->template, dir);
	put_header(daemon, a, list, id, notice, subject, out);
	buf_put_text(out, "\r\n");
	buf_put(out, transfer_qp_encode(a, body, "\r\n"));
	buf_put_text(out, "\r\n");
	return buf_overflowed(out) ? fail_permanent(why, "the message %s is too long", notice->template) : 0;
}

int notice_write(struct daemon *daemon, struct site *site, struct arena *a, const struct list_settings *list, const char *id, const struct notice *notice, struct fail *why)
{
	const char *rcpts[] = { notice->to };
	struct envelope envelope = {
		.id = id, .received_secs = clock_now(&daemon->clock), .mail_from = notice->sender, .rcpts = rcpts, .rcpt_count = 1, .notice_of = list->address,
	};
	struct spool_writer *writer;
	struct buf text;
	int result;

	buf_init(&text, NOTICE_MAX_BYTES);
	result = compose(daemon, site, a, list, id, notice, &text, why);
	if (result == 0)
		result = spool_begin(daemon->spool, id, &writer, why);
	if (result == 0 && spool_add(writer, buf_span(&text), why) != 0) {
		spool_abort(writer);
		result = -1;
	} else if (result == 0) {
		result = spool_commit(writer, &envelope, why);
	}
	buf_done(&text);
	return result;
}

void notice_drop(struct daemon *daemon, const char *id)
{
	struct fail why;

	if (spool_remove(daemon->spool, SPOOL_IN, id, &why) != 0)
		event_log(EVENT_FAULT, "id", id, "text", why.text, NULL);
}

/* Our own signature is on it, and a strict receiver takes it; where it is not so the administrator is told, and it goes all the same: it harms nobody but the list. */
static int make_form(struct post *post, struct rendering *rendering_r, struct proof *proof_r, struct fail *why)
{
	struct form form;

	form_init(&form, post->arena, &post->message);
	if (post->identity.signs && sign_form(&form, post->world->keyring, post->identity.domain, post->world->clock, NULL, why) != 0)
		return -1;
	if (form_render(&form, post->arena, rendering_r, why) != 0)
		return -1;
	prove(post->arena, post->world->dns, post->world->key_overlay, post->world->clock, &post->identity, rendering_r, proof_r);
	if (!proof_r->holds)
		event_log(EVENT_PROOF_FAILED, "id", post->id, "list", post->list->address, "strategy", "notice", "reason", proof_r->reason, NULL);
	return 0;
}

static int write_job(struct daemon *daemon, struct post *post, const char *job_id, struct fail *why)
{
	struct proof proof;
	struct job_form form = { .name = "notice" };
	struct job_request request = {
		.id = job_id, .post_id = post->id, .created_secs = clock_now(&daemon->clock), .list = post->list->address, .sender = JOB_SENDER_FIXED,
		.fixed_sender = post->envelope->mail_from, .forms = &form, .form_count = 1, .envelope = post->envelope,
	};
	struct job_writer *writer;
	int begun;

	if (make_form(post, &form.rendering, &proof, why) != 0)
		return -1;
	form.needs_8bit = proof.needs_8bit;
	form.needs_utf8 = proof.needs_utf8;
	begun = job_begin(daemon->spool, &request, post->message.bytes, &writer, why);
	if (begun != 0)
		return begun < 0 ? -1 : 0;
	if (job_add(writer, 0, post->rcpt, why) != 0) {
		job_abort(writer);
		return -1;
	}
	return job_commit(writer, why);
}

int notice_commit(struct daemon *daemon, struct post *post, const char **job_id_r, struct fail *why)
{
	const char *job_id = arena_printf(post->arena, "%s-0", post->id), *kind, *payload;
	int found = store_token_get(daemon->store, post->arena, post->id, &kind, &payload, why);

	*job_id_r = "";
	if (found < 0)
		return -1;
	if (found == 0 || (strcmp(kind, NOTICE_TOKEN) != 0 && strcmp(kind, NOTICE_TOKEN_PROBE) != 0)) {
		event_log(EVENT_DISCARDED, "id", post->id, "list", post->list->address, "reason", "what it was to tell did not come about", NULL);
		return 0;
	}
	identity_fill(post);
	if (write_job(daemon, post, job_id, why) != 0)
		return -1;
	*job_id_r = job_id;
	event_log(EVENT_NOTICE, "id", post->id, "list", post->list->address, "to", post->rcpt, "kind", kind, NULL);
	return 0;
}
