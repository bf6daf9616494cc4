/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes through the whole route, then every copy as a strict receiver sees it: no forged post reaches anybody but by a moderator's word, wrapped in the list's
 * name; our name passes nobody off who was not shown to be right; copies can be read, and their edits undone. The first octets choose settings and session. */
#include "tests/unit/fake_world.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const lists[] = {
	"", "subject-tag = \"[birds]\"\nfooter = \"-- \\n{list} \303\251t\303\251\\n\"\n", "strategy = rewrite\nalias = keyed\nreply = list\n",
	"strategy = wrap\ndisplay-name = \"Birds, \303\211\"\nfooter = \"-- \\nx\\n\"\n", "strategy = passthrough\ndead-signatures = rename\non-bad-from = hold\n",
	"rules = \"exempt from none.example; force\"\nalias = readable\n", "strategy = reseal\ndecorate = always\nsubject-tag = \"[b]\"\nreply = list\n",
	"strategy = none\nrules = \"exempt\"\non-bad-from = hold\npost = anyone\n",
};
static const struct session sessions[] = {
	{ .mail_from = "ann@reject.example" }, { .client_ip = "192.0.2.1", .helo = "x\"(;", .mail_from = "ann@reject.example" },
	{ .client_ip = "192.0.2.1", .helo = "x", .mail_from = "ann@none.example" }, { .client_ip = "203.0.113.1", .helo = "x", .mail_from = "ann@reject.example" },
	{ .mail_from = "ann@example.org", .is_submission = true }, { .client_ip = "192.0.2.1", .helo = "absent.example", .mail_from = "" },
	{ .client_ip = "192.0.2.1", .helo = "x", .mail_from = "\"; x=\"@absent.example" }, { .mail_from = "" },
};
static const char *const signers[] = { NULL, "reject.example", "none.example", "absent.example", "example.org", "evil.example", "reject.example", NULL };
static const char *const rcpts[] = { FAKE_LIST, FAKE_LIST, FAKE_LIST, "birds-owner@lists.example.org" };

static struct fake fake;

static void must(bool holds, const struct post *post, const struct choice *choice, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s by %s (authentic: %s)\n", what, outcome_name(post->outcome), choice->form == NULL ? "nothing" : choice->form->strategy->name,
		post->facts.authentic_by);
	abort();
}

/* Rendered bytes with the inverse edits applied. */
static struct span undone(struct arena *a, struct span bytes, const struct edit *edits, size_t count)
{
	struct buf out;
	struct span result;
	size_t at = 0;

	buf_init(&out, SIZE_MAX / 4);
	for (size_t i = 0; i < count; i++) {
		buf_put(&out, span_sub(bytes, at, edits[i].at - at));
		buf_put(&out, edits[i].put);
		at = edits[i].at + edits[i].cut_bytes;
	}
	buf_put(&out, span_sub(bytes, at, bytes.len));
	result = arena_span(a, buf_span(&out));
	buf_done(&out);
	return result;
}

/* Would the copy pass for this author by our signature or our envelope alone? */
static bool passes_by_us(struct arena *a, const struct dmarc_verdict *author)
{
	struct dmarc_evidence ours = { "lists.example.org", AUTH_PASS };
	struct dmarc_verdict verdict = *author;

	dmarc_evaluate(a, fake.dns, &verdict, &ours, &ours, 1);
	return verdict.pass || strcmp(author->author_domain, ours.domain) == 0;
}

static bool passed_on_arrival(const struct facts *facts, const char *domain)
{
	for (size_t i = 0; i < facts->author_count; i++)
		if (strcmp(facts->authors[i].author_domain, domain) == 0)
			return facts->authors[i].pass;
	return false;
}

static void check_author(const struct post *post, const struct choice *choice, const struct facts *copy, const struct dmarc_verdict *author)
{
	const struct facts *facts = &post->facts;
	bool is_list = copy->from.count == 1 && span_starts_nocase(copy->from.items[0].spec, "birds") && strcmp(author->author_domain, "lists.example.org") == 0;
	bool is_ruled = choice->rule != NULL && choice->rule->action == RULE_STRATEGY;

	if (choice->form->strategy->keeps_author_from) {
		if (passes_by_us(post->arena, author))
			must(facts->authentic && facts->shown, post, choice, "our name passes off an author who was not shown to be right");
		else if (author->pass)
			must(passed_on_arrival(facts, author->author_domain), post, choice, "a copy passes for an author for whom the post did not");
		return;
	}
	must(is_list, post, choice, "a copy that does not keep the author's From has another than the list's");
	if ((facts->forged != NULL || facts->disowned) && !is_ruled)
		must(span_eq_text(copy->from.items[0].display, post->identity.name), post, choice, "the list lends its name to an author who disowns the post");
}

/* A rule says that this author's policy does not count: then a copy may bear his name, but nothing makes it pass (check_author). */
static bool is_exempt(const struct post *post, const struct choice *choice)
{
	return choice->rule != NULL && choice->rule->action == RULE_EXEMPT && choice->form->strategy->keeps_author_from && !post->facts.forges_us;
}

static void check_copy(struct post *post, const struct choice *choice)
{
	struct session session = { .client_ip = FAKE_IP, .helo = "lists.example.org", .mail_from = "birds-bounces@lists.example.org" };
	struct facts_options options = { .receiver_name = "mx.strict.example" };
	struct span bytes = rendering_bytes(post->arena, &choice->form->rendering);
	struct message m;
	struct facts copy;
	struct edit *edits;
	struct fail why;
	size_t count;

	if (message_parse(post->arena, bytes, &m, &why) != 0)
		must(false, post, choice, why.text);
	must(form_inverse(&choice->form->form, post->arena, &edits, &count, &why) == 0, post, choice, "no inverse");
	must(span_eq(undone(post->arena, bytes, edits, count), post->message.bytes), post, choice, "the inverse does not give the original");
	if (post->facts.forged != NULL)
		must(post->released && (is_exempt(post, choice) || strcmp(choice->form->strategy->name, "wrap") == 0), post, choice, "a forged post is sent on");
	facts_gather(post->arena, fake.seen_by_receivers, &fake.clock, &m, &session, &options, &copy);
	must(!choice->form->proof.valid_message || copy.from_fields == 1, post, choice, "not one From");
	for (size_t i = 0; i < copy.author_count; i++)
		check_author(post, choice, &copy, &copy.authors[i]);
}

static void run(struct arena *a, const uint8_t *data, size_t size)
{
	const struct session *session = &sessions[data[0] >> 4 & 7];
	struct envelope envelope = {
		.id = "abcdefghij0123456789", .received_secs = FAKE_NOW, .mail_from = session->mail_from, .client_ip = session->client_ip, .helo = session->helo,
		.is_submission = session->is_submission, .released_by = (data[0] & 8) != 0 ? "mod@absent.example" : NULL,
	};
	const char *signer = signers[data[1] & 7];
	struct span bytes = fake_crlf(a, (struct span){ (const char *)data + 2, size - 2 });
	struct world world;
	struct post *post;
	struct fail why;
	size_t before;

	fake_world(&fake, &world);
	fake.nonmember = data[0] >> 7;
	if (signer != NULL)
		bytes = fake_sign(&fake, a, bytes, signer);
	if ((data[1] & 32) != 0)
		bytes = span_of(arena_printf(a, "Subject: above\r\n%.*s", (int)bytes.len, bytes.ptr));
	before = arena_used_bytes(a);
	if (fake_begin(a, &world, lists[data[0] & 7], rcpts[data[1] >> 3 & 3], &envelope, bytes, &post, &why) != 0)
		return;
	if (route_run(post, false, NULL, NULL, &why) == 0 && post->outcome == OUTCOME_SEND) {
		must(arena_used_bytes(a) - before < ((size_t)16 << 20) + 100 * bytes.len, post, &post->classes[0].choice, "too much memory");
		for (size_t i = 0; i < post->class_count; i++)
			if (post->classes[i].choice.form != NULL)
				check_copy(post, &post->classes[i].choice);
	}
	list_settings_free(post->list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a;

	if (fake.dns == NULL)
		fake_open(&fake);
	if (size < 2)
		return 0;
	a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	run(a, data, size);
	arena_free(a);
	return 0;
}
