/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a message. For each list among its recipients the intake stages of the route are run over the bytes that came, with listd's answers about members; what they refuse
 * is refused here, while the client is still there:
 *
 *   every recipient is a list that refuses     the reply of the first (a temporary one first)
 *   others get it too, the sender is shown     the list stays among the recipients: listd's refusal over LMTP becomes a report, to one who really sent it
 *   others get it too, the sender may be forged   the list is taken off the recipients, without a word but in the log
 *
 * What goes on gets our field on top, and loses fields that claim to be ours. */
#include "listd/intake/milter_int.h"

#include "listd/event.h"
#include "listd/json_text.h"
#include "listd/post/route.h"
#include "mail/header.h"
#include "mitigations/auth/keyed.h"

#include <string.h>

struct judging {
	SMFICTX *ctx;
	struct milter_session *session;
	struct arena *arena;         /* of the message: facts, replies */
	struct arena *one;           /* of one recipient's post */
	const char *id;              /* the MTA's */
	struct resolver *dns;        /* limited */
	struct world world;
	struct arrival arrival;
	struct session known;        /* the SMTP session */
	bool has_facts;
	bool is_away;                /* listd did not answer */
	struct fail unread;          /* why there are no facts */
	bool is_received;            /* the receiver's verdict below is there */
	struct receiving_verdict received;
};

/* --- the world, as listd answers --- */

/* One question without an answer is enough for a message: it may have a thousand recipients. */
static int ask(struct judging *j, const char *verb, json_t *args, json_t **answer_r, struct fail *why)
{
	if (j->is_away) {
		json_decref(args);
		return fail_temporary(why, "listd does not answer");
	}
	j->is_away = milter_ask(j->session->milter, j->session->site->settings, verb, args, MILTER_ASK_MS, answer_r, why) != 0;
	return j->is_away ? -1 : 0;
}

static int find_member(void *context, struct arena *a, const char *list, const char *key, struct member *member_r, struct fail *why)
{
	json_t *answer, *flags;

	if (ask(context, "milter member", json_pack("{s:o,s:o}", "list", json_text(span_of(list)), "key", json_text(span_of(key))), &answer, why) != 0)
		return -1;
	flags = json_object_get(answer, "flags");
	*member_r = (struct member){ .key = arena_text(a, span_of(key)), .address = "", .name = "", .reason = "", .flags = (unsigned)json_integer_value(flags) };
	json_decref(answer);
	return flags != NULL;
}

static int read_alias(void *context, struct arena *a, const char *list, struct span local, const char **author_r, struct fail *why)
{
	json_t *answer, *author;

	if (ask(context, "milter alias", json_pack("{s:o,s:o}", "list", json_text(span_of(list)), "local", json_text(local)), &answer, why) != 0)
		return -1;
	author = json_object_get(answer, "author");
	if (author != NULL)
		*author_r = arena_text(a, span_of(json_string_value(author)));
	json_decref(answer);
	return author != NULL;
}

static void make_world(struct judging *j)
{
	struct milter *milter = j->session->milter;

	j->dns = resolver_limited(milter->dns, POST_DNS_BUDGET_MS);
	j->arrival.arena = j->arena;
	j->world = (struct world){
		.context = j, .dns = j->dns, .clock = &milter->clock, .site = j->session->site->settings, .arrival = &j->arrival,
		.find_member = find_member, .read_alias = read_alias,
	};
}

/* --- judging --- */

static void refuse(struct milter_rcpt *rcpt, struct reply reply)
{
	rcpt->is_refused = true;
	rcpt->reply = reply;
}

static void refuse_all(struct judging *j, const struct fail *why)
{
	for (size_t i = 0; i < j->session->rcpt_count; i++)
		refuse(&j->session->rcpts[i], reply_of_fail(j->arena, why));
}

/* One more post of this author. */
static void count_author(struct judging *j, struct post *post, struct milter_rcpt *rcpt)
{
	struct fail why;
	json_t *answer;

	if (post->purpose != PURPOSE_POST || post->author_key == NULL)
		return;
	if (ask(j, "milter author", json_pack("{s:o,s:b}", "author", json_text(span_of(post->author_key)), "shown", post->facts.shown), &answer, &why) != 0) {
		refuse(rcpt, reply_make(j->arena, REPLY_LISTD_AWAY, rcpt->address));
		return;
	}
	if (!json_is_true(json_object_get(answer, "allowed")))
		refuse(rcpt, reply_make(j->arena, REPLY_RATE, post->author_key));
	json_decref(answer);
}

static void settle(struct judging *j, struct post *post, struct milter_rcpt *rcpt)
{
	switch (post->outcome) {
	case OUTCOME_REFUSE:
		refuse(rcpt, reply_of_fail(j->arena, &post->why));
		return;
	case OUTCOME_LATER:
		/* the client waits with it better than we do, and knows that it is not delivered yet */
		refuse(rcpt, reply_make(j->arena, REPLY_DNS_TROUBLE, post->facts.forged == NULL ? "its author" : post->facts.forged->author_domain));
		return;
	case OUTCOME_SEND:
	case OUTCOME_HOLD:
		count_author(j, post, rcpt);
		return;
	case OUTCOME_REPORT:
	case OUTCOME_DISCARD: /* listd says so, and logs it */
		return;
	}
}

static void judge_rcpt(struct judging *j, struct milter_rcpt *rcpt, struct span bytes)
{
	struct post *post = arena_alloc(j->one, sizeof(*post));
	struct fail why;

	if (post_begin(post, j->one, &j->world, &j->session->envelope, rcpt->address, rcpt->list, bytes, &why) != 0) {
		refuse(rcpt, reply_of_fail(j->arena, &why));
		return;
	}
	post->purpose = rcpt->purpose;
	post->suffix = rcpt->suffix;
	if (route_run(post, true, NULL, NULL, &why) != 0)
		refuse(rcpt, reply_make(j->arena, REPLY_LISTD_AWAY, rcpt->address));
	else
		settle(j, post, rcpt);
}

static int check_size(struct judging *j, struct span bytes, struct fail *why)
{
	unsigned long long max = (unsigned long long)j->world.site->max_size_bytes;

	return bytes.len <= max ? 0 : reply_fail(why, REPLY_TOO_BIG, arena_printf(j->arena, "%llu", max), j->world.site->host_name);
}

static void judge_lists(struct judging *j, struct span bytes)
{
	struct fail why;

	if (j->session->rcpt_count > 0 && check_size(j, bytes, &why) != 0)
		refuse_all(j, &why);
	for (size_t i = 0; i < j->session->rcpt_count; i++) {
		if (!j->session->rcpts[i].is_refused)
			judge_rcpt(j, &j->session->rcpts[i], bytes);
		arena_reset(j->one);
	}
}

/* What is in the message, and what that is worth. -1: it cannot be read. */
static int look(struct judging *j, struct span *bytes_r, struct fail *why)
{
	char text[FAIL_TEXT_MAX_BYTES];

	if (milter_content_view(&j->session->content, bytes_r, why) != 0)
		return -1;
	if (message_parse(j->arena, *bytes_r, &j->arrival.message, why) != 0) {
		memcpy(text, why->text, sizeof(text));
		return reply_fail(why, REPLY_BAD_HEADER, text);
	}
	j->arrival.is_read = j->arrival.is_judged = j->has_facts = true;
	authenticate_gather(&j->world, j->arena, &j->arrival.message, &j->known, &j->arrival.facts);
	return 0;
}

/* Is it mail that this site's own policy is for? */
static bool is_for_receiver(const struct judging *j)
{
	return j->world.site->receiver && j->session->other_count > 0 && !j->known.is_submission;
}

static void receive(struct judging *j)
{
	const struct milter_session *s = j->session;
	unsigned char sample;

	if (!is_for_receiver(j))
		return;
	secret_random(&sample, 1);
	receiving_decide(j->arena, &s->site->receiving, &j->arrival.message, &j->arrival.facts, sample * 100u / 256u, &j->received);
	j->is_received = true;
	milter_receiver_log(j->id, s, &j->received);
}

/* --- what comes of it --- */

static void log_refusal(const struct judging *j, const struct milter_rcpt *rcpt, enum event event)
{
	event_log(event, "id", j->id, "list", rcpt->list->address, "from", j->session->envelope.mail_from, "client", j->session->envelope.client_ip, "stage", "milter",
		"code", event_number(rcpt->reply.code), "text", rcpt->reply.text, NULL);
}

/* The reply for all, when no recipient is left: NULL where one is. */
static const struct reply *reply_for_all(const struct judging *j)
{
	const struct milter_session *s = j->session;
	const struct reply *found = NULL;

	if (s->other_count > 0 || s->rcpt_count == 0)
		return NULL;
	for (size_t i = 0; i < s->rcpt_count; i++) {
		const struct milter_rcpt *rcpt = &s->rcpts[i];

		if (!rcpt->is_refused)
			return NULL;
		if (found == NULL || (found->code / 100 == 5 && rcpt->reply.code / 100 == 4))
			found = &rcpt->reply;
	}
	return found;
}

/* Would a report go to one who really sent the message? */
static bool sender_is_shown(const struct judging *j)
{
	return j->known.is_submission || (j->has_facts && j->arrival.facts.spf.result == AUTH_PASS && !j->arrival.facts.spf.is_helo);
}

/* Lists that refuse a message which others get. What is refused for now stays: listd takes it and waits itself, or has the MTA wait. */
static void drop_refusing(struct judging *j)
{
	bool is_shown = sender_is_shown(j);

	for (size_t i = 0; i < j->session->rcpt_count; i++) {
		struct milter_rcpt *rcpt = &j->session->rcpts[i];

		if (!rcpt->is_refused || rcpt->reply.code / 100 == 4 || is_shown)
			continue;
		smfi_delrcpt(j->ctx, rcpt->raw);
		log_refusal(j, rcpt, EVENT_RCPT_DROPPED);
	}
}

/* What the facts are called in a field: without a fold. */
static struct span results_of(struct judging *j)
{
	struct span results = facts_authres(j->arena, &j->arrival.facts);

	return span_of(arena_printf(j->arena, "%.*s%s", (int)results.len, results.ptr, j->is_received ? milter_receiver_results(j->arena, &j->received) : ""));
}

/* The field's value: for lists with the session and its code; for others without, and none for what leaves this site. -1: the key is not known. */
static int field_value(struct judging *j, struct span *value_r)
{
	const char *id = j->world.site->authserv_id;
	struct span results;
	struct secret key;

	*value_r = (struct span){ NULL, 0 };
	if (j->session->rcpt_count == 0 && j->known.is_submission)
		return 0;
	results = results_of(j);
	if (j->session->rcpt_count == 0) {
		*value_r = span_of(arena_printf(j->arena, "%s; %.*s", id, (int)results.len, results.ptr));
		return 0;
	}
	if (!milter_known_key(j->session->milter->known, &key) && (milter_known_refresh(j->session->milter, j->session->milter->known, j->world.site) != 0
			|| !milter_known_key(j->session->milter->known, &key)))
		return -1;
	*value_r = keyed_write(j->arena, &key, id, results, &j->known, &j->arrival.message, clock_now(&j->session->milter->clock));
	return 0;
}

/* "Name: value" on top. Values begin with the blank behind the colon where the MTA leaves that to us. */
static void put_on_top(struct judging *j, const char *name, struct span value)
{
	struct span folded = header_fold(j->arena, name, value, "\n");
	struct span text = span_sub(folded, strlen(name) + 1, folded.len);

	if ((j->session->steps & SMFIP_HDR_LEADSPC) == 0)
		text = span_trim(text);
	smfi_insheader(j->ctx, 0, (char *)(uintptr_t)name, arena_text(j->arena, text));
}

/* From the last to the first: taking one out changes the numbers of those behind it. */
static void remove_forged(struct judging *j)
{
	static const char name[] = "Authentication-Results";

	for (size_t i = j->session->forged_count; i > 0; i--)
		smfi_chgheader(j->ctx, (char *)(uintptr_t)name, j->session->forged[i - 1], NULL);
}

static void junk(struct judging *j)
{
	const char *field = j->world.site->receiver_junk_field, *colon = strchr(field, ':');

	put_on_top(j, arena_text(j->arena, (struct span){ field, (size_t)(colon - field) }), span_trim(span_of(colon + 1)));
}

static void log_passed(const struct judging *j)
{
	const struct milter_session *s = j->session;
	const struct facts *facts = &j->arrival.facts;
	struct buf lists;

	if (s->rcpt_count == 0)
		return;
	buf_init(&lists, 1000);
	for (size_t i = 0; i < s->rcpt_count; i++)
		buf_printf(&lists, "%s%s", i == 0 ? "" : " ", s->rcpts[i].list->address);
	event_log(EVENT_PASSED, "id", j->id, "from", s->envelope.mail_from, "lists", buf_text(&lists), "client", s->envelope.client_ip,
		"policy", dmarc_policy_name(facts->policy), "authentic", facts->authentic ? "yes" : "no", "by", facts->authentic_by,
		"ms", event_number(clock_monotonic_ms() - s->began_ms), NULL);
	buf_done(&lists);
}

static sfsistat pass_on(struct judging *j)
{
	struct span value;

	drop_refusing(j);
	remove_forged(j);
	if (!j->has_facts)
		return SMFIS_ACCEPT;
	if (field_value(j, &value) != 0) {
		struct reply reply = reply_make(j->arena, REPLY_LISTD_AWAY, j->session->rcpts[0].address);

		return milter_answer(j->ctx, j->arena, &reply);
	}
	if (j->is_received && j->received.action == RECEIVING_JUNK)
		junk(j);
	if (value.len > 0)
		put_on_top(j, "Authentication-Results", value);
	log_passed(j);
	return SMFIS_ACCEPT;
}

static sfsistat conclude(struct judging *j)
{
	const struct reply *all = reply_for_all(j);
	struct reply reply;

	/* what cannot be judged is not let through on that ground */
	if (!j->has_facts && is_for_receiver(j)) {
		reply = reply_of_fail(j->arena, &j->unread);
		return milter_answer(j->ctx, j->arena, &reply);
	}
	if (j->is_received && j->received.action == RECEIVING_REFUSE) {
		reply = milter_receiver_reply(j->arena, &j->arrival.facts, &j->received);
		return milter_answer(j->ctx, j->arena, &reply);
	}
	if (all == NULL)
		return pass_on(j);
	for (size_t i = 0; i < j->session->rcpt_count; i++)
		log_refusal(j, &j->session->rcpts[i], EVENT_REFUSED);
	return milter_answer(j->ctx, j->arena, all);
}

static sfsistat refuse_forged(struct judging *j)
{
	const struct milter_session *s = j->session;
	const char *text = arena_printf(j->arena, "there are more than %d Authentication-Results fields in the name of %s", MILTER_FORGED_MAX, j->world.site->authserv_id);
	struct reply reply = reply_make(j->arena, REPLY_BAD_HEADER, text);

	event_log(EVENT_REFUSED, "id", j->id, "from", s->envelope.mail_from, "client", s->envelope.client_ip, "stage", "milter", "code", event_number(reply.code),
		"text", reply.text, NULL);
	return milter_answer(j->ctx, j->arena, &reply);
}

static sfsistat judge(struct judging *j)
{
	struct span bytes = { NULL, 0 };

	if (j->session->forged_count > MILTER_FORGED_MAX)
		return refuse_forged(j);
	if (look(j, &bytes, &j->unread) == 0) {
		judge_lists(j, bytes);
		receive(j);
	} else {
		refuse_all(j, &j->unread);
	}
	return conclude(j);
}

sfsistat milter_judge(SMFICTX *ctx, struct milter_session *session)
{
	const size_t size = (size_t)session->content.file_bytes + session->content.bytes.len;
	const char *id = smfi_getsymval(ctx, (char *)(uintptr_t)"i");
	struct judging j = { .ctx = ctx, .session = session, .arena = arena_new(POST_ARENA_MAX_BYTES(size)), .one = arena_new(POST_ARENA_MAX_BYTES(size)) };
	sfsistat status;

	j.id = id == NULL ? "" : arena_text(j.arena, span_of(id));
	session->envelope.id = j.id;
	make_world(&j);
	post_session(j.world.site, &session->envelope, &j.known);
	status = judge(&j);
	session->envelope.id = "";
	resolver_free(j.dns);
	arena_free(j.one);
	arena_free(j.arena);
	return status;
}
