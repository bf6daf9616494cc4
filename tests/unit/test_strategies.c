/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/post.h"
#include "tests/unit/tsv.h"

#include "mail/encword.h"
#include "mail/idna.h"
#include "mail/mime.h"
#include "mail/transfer.h"
#include "mitigations/strategies/strategies_int.h"

#include <dirent.h>

static struct world world;

static int set_up(void **state)
{
	(void)state;
	world_init(&world);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	world_done(&world);
	return 0;
}

/* The copy that a strategy makes, unsigned, read again. */
struct copy { struct form form; struct span bytes; struct message message; };

static int make_copy(const struct strategy *strategy, const struct post *post, struct copy *copy, struct fail *why)
{
	struct rendering rendering;

	if (strategy->propose(&post->in, &copy->form, why) != 0)
		return -1;
	if (form_render(&copy->form, world.arena, &rendering, why) != 0)
		fail_msg("%s: %s", strategy->name, why->text);
	copy->bytes = rendering_bytes(world.arena, &rendering);
	if (message_parse(world.arena, copy->bytes, &copy->message, why) != 0)
		fail_msg("%s: %s", strategy->name, why->text);
	return 0;
}

static void must_copy(const struct strategy *strategy, const struct post *post, struct copy *copy)
{
	struct fail why;

	if (make_copy(strategy, post, copy, &why) != 0)
		fail_msg("%s: %s", strategy->name, why.text);
}

static const char *value(const struct message *m, const char *name)
{
	const struct field *f = message_field(m, name);

	return f == NULL ? "-" : arena_text(world.arena, header_unfold(world.arena, f->value));
}

static void test_table(void **state)
{
	struct span page = test_read(world.arena, "../../docs/strategies.md");

	(void)state;
	assert_string_equal(strategies[0]->name, "none");
	for (size_t i = 0; i < strategy_count; i++) {
		const struct strategy *s = strategies[i];

		assert_ptr_equal(strategy_find(span_of(s->name)), s);
		assert_true(strlen(s->summary) > 10 && strlen(s->source) > 5);
		assert_true(s->refuses == (s->propose == NULL) && s->refuses == (s->suits == NULL));
		assert_true(!s->refuses || !s->in_auto);
		if (span_find(page, span_of(arena_printf(world.arena, "\n## %s\n", s->name))) == page.len)
			fail_msg("docs/strategies.md has no section \"%s\"", s->name);
		if (span_find(page, span_of(s->summary)) == page.len)
			fail_msg("docs/strategies.md lacks the summary of \"%s\": %s", s->name, s->summary);
	}
	assert_null(strategy_find(SPAN_LIT("auto")));
	assert_null(strategy_find(SPAN_LIT("")));
	assert_ptr_equal(strategy_find(SPAN_LIT("Rewrite")), &strategy_rewrite);
}

/* Every sample message through every strategy. */

static bool is_of_from(struct span name)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "Cc", "Author", "X-Original-From" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_eq_text_nocase(name, names[i]))
			return true;
	return false;
}

static bool has_long_line(const struct post *post)
{
	struct message_scan scan;

	message_scan(post->message.bytes, &scan);
	return scan.longest_line_bytes > HEADER_LINE_MAX_BYTES;
}

/* May a strategy that declares these touches make this edit? */
static bool is_declared(unsigned touches, const struct post *post, const struct edit *e)
{
	if (e->kind != EDIT_STRATEGY)
		return true;
	if ((touches & TOUCH_OUTER) != 0)
		return e->field.len == 0 || e->cut_bytes == 0 || has_long_line(post);
	if (e->field.len == 0)
		return (touches & TOUCH_REPAIR) != 0 && has_long_line(post);
	if ((touches & TOUCH_FROM) != 0 && is_of_from(e->field))
		return true;
	if ((touches & TOUCH_SIGNATURES) != 0 && span_eq_text_nocase(e->field, "DKIM-Signature"))
		return true;
	if ((touches & TOUCH_REPAIR) == 0)
		return false;
	if (has_long_line(post) || (e->cut_bytes > 0 && (header_flags(e->field) & HEADER_ONCE) != 0 && message_field_count(&post->message, arena_text(world.arena, e->field)) > 1))
		return true;
	return e->cut_bytes == 0 && message_field(&post->message, arena_text(world.arena, e->field)) == NULL
		&& (span_eq_text_nocase(e->field, "Date") || span_eq_text_nocase(e->field, "Message-ID"));
}

static bool has_edit_of(const struct form *form, const struct edit *wanted)
{
	for (size_t i = 0; i < form->count; i++)
		if (form->edits[i].at == wanted->at && form->edits[i].cut_bytes == wanted->cut_bytes && span_eq(form->edits[i].put, wanted->put))
			return true;
	return false;
}

static void check_edits(const char *file, const struct strategy *s, const struct post *post, const struct copy *copy)
{
	for (size_t i = 0; i < copy->form.count; i++)
		if (!is_declared(s->touches, post, &copy->form.edits[i]))
			fail_msg("%s: %s touches %.*s", file, s->name, (int)copy->form.edits[i].field.len, copy->form.edits[i].field.ptr);
	/* the list's own edits are there, where the strategy does not say that it leaves some out or replaces them */
	for (size_t i = 0; i < post->shaped.count; i++)
		if ((s->touches & TOUCH_SHAPE) == 0 && !has_edit_of(&copy->form, &post->shaped.edits[i]) && !has_long_line(post))
			fail_msg("%s: %s leaves out %.*s", file, s->name, (int)post->shaped.edits[i].field.len, post->shaped.edits[i].field.ptr);
}

/* The received bytes come back from the copy by its inverse. */
static void check_inverse(const char *file, const struct strategy *s, const struct post *post, const struct copy *copy)
{
	struct edit *edits;
	size_t count, at = 0, used = 0;
	char *back = arena_alloc(world.arena, post->message.total_bytes + 1);
	struct fail why;

	assert_int_equal(form_inverse(&copy->form, world.arena, &edits, &count, &why), 0);
	for (size_t i = 0; i <= count; i++) {
		size_t until = i < count ? edits[i].at : copy->bytes.len;

		assert_true(used + (until - at) <= post->message.total_bytes);
		memcpy(back + used, copy->bytes.ptr + at, until - at);
		used += until - at;
		if (i < count && edits[i].put.len > 0) {
			memcpy(back + used, edits[i].put.ptr, edits[i].put.len);
			used += edits[i].put.len;
		}
		at = i < count ? until + edits[i].cut_bytes : until;
	}
	if (used != post->message.total_bytes || memcmp(back, post->message.bytes.ptr, used) != 0)
		fail_msg("%s: %s cannot be undone", file, s->name);
}

static void check_from(const char *file, const struct strategy *s, const struct post *post, const struct copy *copy)
{
	const struct field *was = message_field(&post->message, "From"), *is = message_field(&copy->message, "From");
	struct address_list list;

	if (s->keeps_author_from) {
		assert_true((was == NULL) == (is == NULL));
		if (was != NULL && !span_eq(was->value, is->value) && !has_long_line(post))
			fail_msg("%s: %s changes From", file, s->name);
		return;
	}
	assert_int_equal(message_field_count(&copy->message, "From"), 1);
	address_list_parse(world.arena, is->value, &list);
	if (list.count != 1 || list.damaged || !span_eq_text(list.items[0].spec, world.list.address) || address_in_text(list.items[0].display))
		fail_msg("%s: %s makes From:%.*s", file, s->name, (int)is->value.len, is->value.ptr);
	for (size_t i = 0; i < post->facts.from.count; i++)
		if ((s->touches & TOUCH_OUTER) == 0 && span_find(copy->message.head, post->facts.from.items[i].spec) == copy->message.head.len)
			fail_msg("%s: %s loses the author", file, s->name);
}

/* A message that came as one of the net's goes out as a valid one, when the From is ours. */
static void check_valid(const char *file, const struct strategy *s, const struct post *post, const struct copy *copy)
{
	struct message_scan scan;
	struct rendering rendering;
	struct proof proof;
	struct fail why;

	message_scan(post->message.bytes, &scan);
	if (scan.fault != MESSAGE_OK || s->keeps_author_from || (post->message.line_ends == LINE_ENDS_LF && scan.longest_line_bytes > MESSAGE_LINE_MAX_BYTES))
		return;
	assert_int_equal(form_render(&copy->form, world.arena, &rendering, &why), 0);
	prove(world.arena, world.dns, world.list_keys, &world.clock, &world.list, &rendering, &proof);
	if (!proof.valid_message)
		fail_msg("%s: %s: %s", file, s->name, proof.reason);
}

static void check_sample(const char *file, struct span bytes)
{
	struct post post;

	post_read(&world, bytes, &post);
	post_list_fields(&post);
	post_tag(&post);
	for (size_t i = 0; i < strategy_count; i++) {
		const struct strategy *s = strategies[i];
		struct copy copy;
		struct fail why;

		if (s->propose == NULL || make_copy(s, &post, &copy, &why) != 0)
			continue;
		check_edits(file, s, &post, &copy);
		check_inverse(file, s, &post, &copy);
		check_from(file, s, &post, &copy);
		check_valid(file, s, &post, &copy);
	}
}

/* line_ends: NULL for the bytes as they are. */
static size_t check_folder(const char *folder, bool as_crlf)
{
	DIR *dir = opendir(test_data(world.arena, folder));
	size_t checked = 0;

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		const char *file = arena_printf(world.arena, "%s/%s", folder, entry->d_name);
		struct span bytes;

		if (entry->d_type == DT_DIR || strstr(entry->d_name, ".tsv") != NULL || strstr(entry->d_name, "LICENSE") != NULL)
			continue;
		bytes = test_exact(test_read(world.arena, file));
		if (as_crlf && span_find_byte(bytes, '\0') == bytes.len && span_find_byte(bytes, '\r') == bytes.len)
			check_sample(file, post_crlf(world.arena, arena_text(world.arena, bytes)));
		else
			check_sample(file, bytes);
		free((void *)(uintptr_t)bytes.ptr);
		checked++;
	}
	closedir(dir);
	return checked;
}

static void test_samples(void **state)
{
	static const char *const folders[] = { "mime/mail-parser", "mime/ruby-mail", "dkim/messages" };
	size_t checked = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		checked += check_folder(folders[i], false) + check_folder(folders[i], true);
	assert_true(checked > 200);
}

/* tests/data/from/rewrite.tsv */

static void check_encoded_words(const char *id, struct span head)
{
	for (size_t i = 0; i + 1 < head.len; i++) {
		struct span rest = span_sub(head, i, head.len);
		size_t blank = 0;

		if (!span_starts_nocase(rest, "=?"))
			continue;
		while (blank < rest.len && strchr(" \t\r\n", rest.ptr[blank]) == NULL)
			blank++;
		if (blank > ENCWORD_MAX_BYTES)
			fail_msg("%s: an encoded word of %zu octets", id, blank);
		i += blank;
	}
}

/* The unquoted text of a name: with and without quotes it must hold the words. */
static void check_row(struct span cells[TSV_CELLS_MAX])
{
	struct arena *a = world.arena;
	const char *id = arena_text(a, cells[0]), *kept_in = arena_text(a, cells[9]);
	struct span from = cells[2], own = cells[6], wanted = tsv_text(a, cells[8]);
	struct address_list now, authors, kept;
	struct world was = world;
	struct post post;
	struct copy copy;

	world.list.name = arena_text(a, tsv_text(a, cells[3]));
	world.list.address = arena_text(a, cells[4]);
	world.list.reply = span_eq_text(cells[5], "list") ? REPLY_LIST : REPLY_AUTHOR;
	post_read(&world, post_crlf(a, arena_printf(a, "From: %.*s\n%sTo: %s\nSubject: x\nDate: Sun, 22 Nov 2026 10:00:00 +0000\nMessage-ID: <1@x.example>\n\nx\n", (int)from.len,
		from.ptr, span_eq_text(own, "-") ? "" : arena_printf(a, "Reply-To: %.*s\n", (int)own.len, own.ptr), world.list.address)), &post);
	post_list_fields(&post);
	must_copy(&strategy_rewrite, &post, &copy);

	assert_int_equal(message_field_count(&copy.message, "From"), 1);
	assert_int_equal(message_field_count(&copy.message, "Reply-To"), 1);
	assert_int_equal(message_field_count(&copy.message, "Bcc"), 0);
	address_list_parse(a, message_field(&copy.message, "From")->value, &now);
	if (now.count != 1 || now.damaged || !span_eq(now.items[0].spec, cells[7]))
		fail_msg("%s: %s", id, value(&copy.message, "From"));
	if (!span_eq_text(wanted, "any") && span_find(now.items[0].display, wanted) == now.items[0].display.len)
		fail_msg("%s: the name is %.*s", id, (int)now.items[0].display.len, now.items[0].display.ptr);
	assert_false(repair_has_long_line(copy.message.head));
	check_encoded_words(id, copy.message.head);
	assert_false(has_8bit(copy.message.head));
	if (!span_eq_text(own, "-"))
		assert_true(span_find(message_field(&copy.message, "Reply-To")->value, own) < message_field(&copy.message, "Reply-To")->value.len);
	address_list_parse(a, from, &authors);
	for (size_t i = 0; i < authors.count; i++) {
		const struct field *f = message_field(&copy.message, strcmp(kept_in, "cc") == 0 || (strcmp(kept_in, "any") == 0 && !span_eq_text(own, "-")) ? "Cc" : "Reply-To");

		address_list_parse(a, f->value, &kept);
		if (span_find(f->value, authors.items[i].spec) == f->value.len || kept.damaged)
			fail_msg("%s: the author is not kept in %.*s", id, (int)f->raw.len, f->raw.ptr);
		assert_true(strstr(value(&copy.message, "Author"), arena_text(a, authors.items[i].spec)) != NULL);
		assert_true(strstr(value(&copy.message, "X-Original-From"), arena_text(a, authors.items[i].spec)) != NULL);
	}
	world.list = was.list;
}

static void test_rewrite_rows(void **state)
{
	struct span rest = test_read(world.arena, "from/rewrite.tsv"), cells[TSV_CELLS_MAX];
	size_t rows = 0;

	(void)state;
	for (; tsv_next(&rest, cells); rows++)
		check_row(cells);
	assert_int_equal(rows, 9);
}

/* The name in the new From. */
static const char *member_name(struct arena *a, const void *context, const struct address *author)
{
	(void)context;
	return span_eq_text(author->local, "member") ? arena_printf(a, "Member Mary") : NULL;
}

static void test_names(void **state)
{
	static const struct { const char *name, *from, *want; } rows[] = {
		{ "name", "Ann Lee <ann@reject.example>", "Ann Lee via birds" },
		{ "none", "ann@reject.example", "ann via birds" },
		{ "of the member", "member@reject.example", "Member Mary via birds" },
		{ "address as name", "\"ann@reject.example\" <ann@reject.example>", "ann via birds" },
		{ "address within", "\"Ann Lee (ann@example.com)\" <ann@reject.example>", "Ann Lee via birds" },
		{ "host within", "\"Ann of www.example.com\" <ann@reject.example>", "Ann of via birds" },
		{ "address in encoded word", "=?utf-8?q?ann=40reject.example?= <ann@reject.example>", "ann via birds" },
		{ "address in angle brackets", "\"Ann <ann@reject.example>\" <ann@reject.example>", "Ann via birds" },
		{ "full-width at", "\"ann\xef\xbc\xa0reject.example\" <ann@reject.example>", "ann via birds" },
		{ "address as local part", "\"a@b.example.com\"@reject.example", "birds" },
		{ "two", "Ann <ann@reject.example>, Bob <bob@reject.example>", "Ann, Bob via birds" },
		{ "four", "a@reject.example, b@reject.example, c@reject.example, d@reject.example", "a, b, c, ... via birds" },
		{ "group", "The Owls: ann@reject.example, bob@reject.example;", "The Owls via birds" },
		{ "empty group", "Nobody:;", "Nobody via birds" },
		{ "comma", "\"Lee, Ann\" <ann@reject.example>", "Lee, Ann via birds" },
		{ "new line", "=?utf-8?q?Ann=0D=0ABcc=3A_x?= <ann@reject.example>", "Ann Bcc: x via birds" },
	};
	struct world was = world;

	(void)state;
	world.list.member_name = member_name;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address_list list;
		struct post post;

		post_read(&world, post_text(&world, rows[i].from), &post);
		address_list_parse(world.arena, via_from(&post.in), &list);
		if (list.count != 1 || list.damaged || !span_eq_text(list.items[0].display, rows[i].want) || !span_eq_text(list.items[0].spec, world.list.address))
			fail_msg("%s: %.*s", rows[i].name, (int)list.items[0].display.len, list.items[0].display.ptr);
	}
	world.list = was.list;
}

/* Who gets the replies. */
static void test_replies(void **state)
{
	static const struct { const char *name; enum reply_policy reply; const char *from, *fields, *reply_to, *cc; } rows[] = {
		{ "author", REPLY_AUTHOR, "Ann <ann@reject.example>", "", "Ann <ann@reject.example>", "-" },
		{ "author, twice", REPLY_AUTHOR, "a@reject.example, A@Reject.example", "", "a@reject.example", "-" },
		{ "authors", REPLY_AUTHOR, "a@reject.example, b@reject.example", "", "a@reject.example, b@reject.example", "-" },
		{ "own reply-to", REPLY_AUTHOR, "ann@reject.example", "Reply-To: else@example.com\n", "else@example.com", "ann@reject.example" },
		{ "own reply-to is the author's", REPLY_AUTHOR, "ann@reject.example", "Reply-To: Ann <Ann@reject.example>\n", "Ann <Ann@reject.example>", "-" },
		{ "own reply-to, author in To", REPLY_AUTHOR, "ann@reject.example", "Reply-To: else@example.com\nCc: ann@reject.example\n", "else@example.com", "ann@reject.example" },
		{ "empty reply-to", REPLY_AUTHOR, "ann@reject.example", "Reply-To: \n", "ann@reject.example", "-" },
		{ "list", REPLY_LIST, "ann@reject.example", "", "birds@lists.example.org", "ann@reject.example" },
		{ "list, with cc", REPLY_LIST, "ann@reject.example", "Cc: Bob <bob@example.com>\n", "birds@lists.example.org", "ann@reject.example, Bob <bob@example.com>" },
		{ "list, author in cc", REPLY_LIST, "ann@reject.example", "Cc: Ann <ann@reject.example>\n", "birds@lists.example.org", "Ann <ann@reject.example>" },
		{ "domain in UTF-8", REPLY_AUTHOR, "Ann <ann@b\xc3\xa4ume.example>", "", "Ann <ann@xn--bume-loa.example>", "-" },
		{ "list, domain in UTF-8", REPLY_LIST, "ann@b\xc3\xa4ume.example", "", "birds@lists.example.org", "ann@xn--bume-loa.example" },
		{ "local part in UTF-8", REPLY_AUTHOR, "\xc3\xa4nn@b\xc3\xa4ume.example", "", "\xc3\xa4nn@b\xc3\xa4ume.example", "-" },
		{ "list, own reply-to", REPLY_LIST, "ann@reject.example", "Reply-To: else@example.com\n", "birds@lists.example.org", "ann@reject.example, else@example.com" },
		{ "list, empty cc", REPLY_LIST, "ann@reject.example", "Cc: \n", "birds@lists.example.org", "ann@reject.example" },
	};
	struct world was = world;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const struct strategy *const both[] = { &strategy_rewrite, &strategy_wrap };

		world.list.reply = rows[i].reply;
		for (size_t k = 0; k < 2; k++) {
			struct post post;
			struct copy copy;

			post_read(&world, post_crlf(world.arena, arena_printf(world.arena, "%sFrom: %s\nTo: birds@lists.example.org\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n\nx\n",
				rows[i].fields, rows[i].from)), &post);
			must_copy(both[k], &post, &copy);
			if (strcmp(value(&copy.message, "Reply-To"), rows[i].reply_to) != 0 || strcmp(value(&copy.message, "Cc"), rows[i].cc) != 0)
				fail_msg("%s, %s: Reply-To: %s, Cc: %s", rows[i].name, both[k]->name, value(&copy.message, "Reply-To"), value(&copy.message, "Cc"));
			assert_true(message_field_count(&copy.message, "Reply-To") == 1 && message_field_count(&copy.message, "Cc") <= 1);
		}
	}
	world.list = was.list;
}

static void test_rewrite(void **state)
{
	struct world was = world;
	struct post post;
	struct copy copy;

	(void)state;
	world.list.alias = ALIAS_KEYED;
	post_read(&world, post_crlf(world.arena, "From: Ann\n <ann@reject.example>\nSender: sec@reject.example\nAuthor: Somebody <x@example.com>\nDate: x\n\nx\n"), &post);
	must_copy(&strategy_rewrite, &post, &copy);
	assert_string_equal(value(&copy.message, "From"), "Ann via birds <birds-author-18@lists.example.org>");
	/* RFC 9057 4: not changed, not made again; the value as received, folds and all */
	assert_int_equal(message_field_count(&copy.message, "Author"), 1);
	assert_string_equal(value(&copy.message, "Author"), "Somebody <x@example.com>");
	assert_true(span_eq(message_field(&copy.message, "X-Original-From")->value, message_field(&post.message, "From")->value));
	assert_string_equal(value(&copy.message, "Sender"), "-");
	assert_string_equal(value(&copy.message, "Message-ID"), "<p1@lists.example.org>");
	/* several authors share no alias */
	post_read(&world, post_text(&world, "a@reject.example, b@reject.example"), &post);
	must_copy(&strategy_rewrite, &post, &copy);
	assert_string_equal(value(&copy.message, "From"), "\"a, b via birds\" <birds@lists.example.org>");
	world.list = was.list;
	/* two From fields, and second instances of others */
	post_read(&world, post_crlf(world.arena, "From: a@reject.example\nSubject: one\nFrom: b@reject.example\nSubject: two\nDate: x\n\nx\n"), &post);
	must_copy(&strategy_rewrite, &post, &copy);
	assert_int_equal(message_field_count(&copy.message, "From"), 1);
	assert_int_equal(message_field_count(&copy.message, "Subject"), 1);
	assert_string_equal(value(&copy.message, "Subject"), "one");
}

/* Passthrough: what of the list's fields goes with which signatures. */

static void test_passthrough(void **state)
{
	static const struct { const char *name, *fields, *names; bool id, unsubscribe, post, precedence; size_t ids; } rows[] = {
		{ "plain", "", POST_NAMES, true, true, true, true, 1 },
		{ "list-id oversigned", "", POST_NAMES ":List-Id", false, true, true, true, 0 },
		{ "list-unsubscribe oversigned takes one-click with it", "", POST_NAMES ":List-Unsubscribe", true, false, false, true, 1 },
		{ "one-click oversigned", "", POST_NAMES ":List-Unsubscribe-Post", true, true, false, true, 1 },
		{ "all of Exim's", "", POST_NAMES ":List-Id:List-Unsubscribe:List-Unsubscribe-Post:List-Post:Precedence", false, false, false, false, 0 },
		{ "poster's list-id, not signed, goes", "List-Id: <other.example>\n", POST_NAMES, true, true, true, true, 1 },
		{ "poster's list-id, signed, stays alone", "List-Id: <other.example>\n", POST_NAMES ":List-Id", false, true, true, true, 1 },
		{ "poster's list-id, oversigned, stays alone", "List-Id: <other.example>\n", POST_NAMES ":List-Id:List-Id", false, true, true, true, 1 },
		{ "poster's second list-id is not signed", "List-Id: <other.example>\nList-Id: <third.example>\n", POST_NAMES ":List-Id", false, true, true, true, 1 },
		{ "poster's precedence stays", "Precedence: bulk\n", POST_NAMES, true, true, true, false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span text = post_text(&world, "ann@reject.example"), signed_text;
		struct post post;
		struct copy copy;
		struct rendering rendering;
		struct proof proof;

		text = span_of(arena_printf(world.arena, "%s%.*s", arena_text(world.arena, post_crlf(world.arena, rows[i].fields)), (int)text.len, text.ptr));
		signed_text = post_sign(&world, text, "reject.example", rows[i].names, -1);
		post_read(&world, signed_text, &post);
		assert_true(post.facts.authentic);
		post_list_fields(&post);
		post_tag(&post);
		post_footer(&post);
		must_copy(&strategy_passthrough, &post, &copy);
		if ((strcmp(value(&copy.message, "List-Id"), "birds <birds.lists.example.org>") == 0) != rows[i].id
			|| (strcmp(value(&copy.message, "List-Unsubscribe"), "-") != 0) != rows[i].unsubscribe
			|| (strcmp(value(&copy.message, "List-Unsubscribe-Post"), "-") != 0) != rows[i].post
			|| (strcmp(value(&copy.message, "Precedence"), "list") == 0) != rows[i].precedence || message_field_count(&copy.message, "List-Id") != rows[i].ids)
			fail_msg("%s: %.*s", rows[i].name, (int)copy.message.head.len, copy.message.head.ptr);
		assert_string_equal(value(&copy.message, "Subject"), "Owls");
		assert_int_equal(form_render(&copy.form, world.arena, &rendering, NULL), 0);
		prove(world.arena, world.dns, world.list_keys, &world.clock, &world.list, &rendering, &proof);
		if (!proof.holds || !proof.author_signature_alive)
			fail_msg("%s: %s", rows[i].name, proof.reason);
	}
}

/* What every copy needs and the signature does not bear; what relays change. */
static void test_passthrough_fails(void **state)
{
	struct span text = post_text(&world, "ann@reject.example");
	struct post post;
	struct form form;
	struct fail why;
	const char *reason = NULL;

	(void)state;
	post_read(&world, post_sign(&world, text, "reject.example", POST_NAMES, -1), &post);
	form_splice(&post.shaped, EDIT_REQUIRED, "filter", post.message.body_offset, 3, (struct span){ NULL, 0 });
	assert_int_equal(strategy_passthrough.propose(&post.in, &form, &why), -1);
	assert_non_null(strstr(why.text, "filter"));

	text = post_text(&world, "Ann \xc3\x89 <ann@reject.example>");
	post_read(&world, post_sign(&world, text, "reject.example", POST_NAMES, -1), &post);
	assert_int_equal(strategy_passthrough.propose(&post.in, &form, &why), 0);
	post_read(&world, post_sign(&world, post_text(&world, "\xc3\x89@reject.example"), "reject.example", POST_NAMES, -1), &post);
	assert_int_equal(strategy_passthrough.propose(&post.in, &form, &why), -1);

	/* no signature of the author's: an ESP's does not help */
	text = post_text(&world, "ann@reject.example");
	post_read(&world, post_sign(&world, text, "esp.example", POST_NAMES, -1), &post);
	assert_false(strategy_passthrough.suits(&post.in, &post_strict, false, &reason));
	assert_non_null(reason);
	assert_int_equal(strategy_passthrough.propose(&post.in, &form, &why), 0);
}

static void test_decorate_always(void **state)
{
	struct world was = world;
	struct post post;
	const char *reason = NULL;

	(void)state;
	world.list.decorate = DECORATE_ALWAYS;
	post_read(&world, post_sign(&world, post_text(&world, "ann@reject.example"), "reject.example", POST_NAMES, -1), &post);
	assert_true(strategy_passthrough.suits(&post.in, &post_strict, false, &reason));
	post_tag(&post);
	assert_false(strategy_passthrough.suits(&post.in, &post_strict, false, &reason));
	assert_non_null(reason);
	world.list = was.list;
}

/* Signatures that a copy breaks. */
static void test_dead_signatures(void **state)
{
	static const struct { const char *name; const struct strategy *strategy; enum dead_signatures dead; bool decorated; size_t kept, renamed; } rows[] = {
		{ "whole ones stay", &strategy_none, DEAD_REMOVE, false, 2, 0 },
		{ "broken by the tag", &strategy_none, DEAD_REMOVE, true, 0, 0 },
		{ "renamed", &strategy_none, DEAD_RENAME, true, 0, 2 },
		{ "kept", &strategy_none, DEAD_KEEP, true, 2, 0 },
		{ "passthrough breaks none", &strategy_passthrough, DEAD_REMOVE, true, 2, 0 },
		{ "rewrite", &strategy_rewrite, DEAD_REMOVE, false, 0, 0 },
		{ "rewrite, renamed", &strategy_rewrite, DEAD_RENAME, false, 0, 2 },
		{ "reseal", &strategy_reseal, DEAD_REMOVE, true, 0, 0 },
		{ "wrap leaves them inside", &strategy_wrap, DEAD_REMOVE, true, 0, 0 },
	};
	struct world was = world;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span text = post_sign(&world, post_text(&world, "ann@reject.example"), "esp.example", POST_NAMES, -1);
		struct post post;
		struct copy copy;

		world.list.dead_signatures = rows[i].dead;
		post_read(&world, post_sign(&world, text, "reject.example", POST_NAMES, -1), &post);
		post_list_fields(&post);
		if (rows[i].decorated)
			post_tag(&post);
		must_copy(rows[i].strategy, &post, &copy);
		if (message_field_count(&copy.message, "DKIM-Signature") != rows[i].kept
			|| message_field_count(&copy.message, "X-Original-DKIM-Signature") != rows[i].renamed)
			fail_msg("%s: %.*s", rows[i].name, (int)copy.message.head.len, copy.message.head.ptr);
		if (rows[i].strategy == &strategy_wrap)
			assert_true(span_find(copy.bytes, post.message.bytes) < copy.bytes.len);
	}
	world.list = was.list;
}

/* A signature with l= may outlive a footer; one that covers the signature fields keeps the dead beside it. */
static void test_odd_signatures(void **state)
{
	struct span text = post_text(&world, "ann@reject.example"), signed_text;
	struct post post;
	struct copy copy;

	(void)state;
	signed_text = post_sign(&world, text, "reject.example", POST_NAMES, 20);
	post_read(&world, signed_text, &post);
	post_footer(&post);
	must_copy(&strategy_none, &post, &copy);
	assert_int_equal(message_field_count(&copy.message, "DKIM-Signature"), 1);
	/* cut into what is signed, and it is gone */
	form_splice(&post.shaped, EDIT_DECORATION, "shape", post.message.body_offset, 1, SPAN_LIT("x"));
	must_copy(&strategy_none, &post, &copy);
	assert_int_equal(message_field_count(&copy.message, "DKIM-Signature"), 0);

	signed_text = post_sign(&world, text, "esp.example", POST_NAMES ":List-Id", -1);
	signed_text = post_sign(&world, signed_text, "reject.example", POST_NAMES ":DKIM-Signature", -1);
	post_read(&world, signed_text, &post);
	post_list_fields(&post);
	must_copy(&strategy_none, &post, &copy);
	assert_int_equal(message_field_count(&copy.message, "DKIM-Signature"), 2);
}

static void test_wrap(void **state)
{
	struct span text = post_crlf(world.arena, "From: Ann <ann@reject.example>\nTo: birds@lists.example.org\nCc: bob@example.com\nSubject: Owls\n"
		"Date: Sun, 22 Nov 2026 10:00:00 +0000\nMessage-ID: <2@mail.example>\nIn-Reply-To: <1@mail.example>\nReferences: <0@mail.example>\n <1@mail.example>\n\n=_wrap_p1 is said\n");
	struct post post;
	struct copy copy;
	struct mime mime;
	struct mime_part *part;

	(void)state;
	text = post_sign(&world, text, "reject.example", POST_NAMES, -1);
	post_read(&world, text, &post);
	post_list_fields(&post);
	post_tag(&post);
	post_footer(&post);
	must_copy(&strategy_wrap, &post, &copy);
	assert_string_equal(value(&copy.message, "Subject"), "[birds] Owls");
	assert_string_equal(value(&copy.message, "From"), "Ann via birds <birds@lists.example.org>");
	assert_string_equal(value(&copy.message, "Reply-To"), "Ann <ann@reject.example>");
	assert_string_equal(value(&copy.message, "To"), "birds@lists.example.org");
	assert_string_equal(value(&copy.message, "Cc"), "bob@example.com");
	assert_string_equal(value(&copy.message, "Date"), "Sun, 22 Nov 2026 10:00:00 +0000");
	assert_string_equal(value(&copy.message, "Message-ID"), "<p1.wrap@lists.example.org>");
	assert_string_equal(value(&copy.message, "In-Reply-To"), "<1@mail.example>");
	assert_string_equal(value(&copy.message, "References"), "<0@mail.example> <1@mail.example> <2@mail.example>");
	assert_string_equal(value(&copy.message, "List-Id"), "birds <birds.lists.example.org>");
	assert_int_equal(message_field_count(&copy.message, "List-Id"), 1);
	assert_int_equal(mime_parse(world.arena, &copy.message, &mime, NULL), 0);
	assert_false(mime.defects);
	assert_string_equal(mime.root->type, "multipart/mixed");
	part = mime.root->first_child;
	assert_string_equal(part->type, "text/plain");
	part = part->next;
	assert_string_equal(part->type, "message/rfc822");
	/* byte by byte as it came, its signature whole */
	assert_true(span_eq(span_sub(copy.bytes, part->body_offset, part->body_bytes), text));
	assert_null(part->next);
	/* the name of an author who did not write it is not lent */
	post_read(&world, post_text(&world, "Ann <ann@reject.example>"), &post);
	must_copy(&strategy_wrap, &post, &copy);
	assert_string_equal(value(&copy.message, "From"), "birds <birds@lists.example.org>");
}

static void test_wrap_kinds(void **state)
{
	static const struct { const char *name, *text, *type, *encoding; } rows[] = {
		{ "7-bit", "From: a@reject.example\n\nx\n", "message/rfc822", "7bit" },
		{ "8-bit body", "From: a@reject.example\n\n\xc3\x89\n", "message/rfc822", "8bit" },
		{ "utf-8 header", "From: \xc3\x89 <a@reject.example>\n\nx\n", "message/global", "8bit" },
		{ "no body", "From: a@reject.example\n", "message/rfc822", "7bit" },
		{ "no fields", "\nx\n", "message/rfc822", "7bit" },
		{ "no last line end", "From: a@reject.example\n\nx", "message/rfc822", "7bit" },
	};
	struct world was = world;

	(void)state;
	world.list.wrap_text = "";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span text = post_crlf(world.arena, rows[i].text);
		struct post post;
		struct copy copy;
		struct mime mime;

		post_read(&world, text, &post);
		must_copy(&strategy_wrap, &post, &copy);
		assert_int_equal(mime_parse(world.arena, &copy.message, &mime, NULL), 0);
		if (strcmp(mime.root->first_child->type, rows[i].type) != 0 || strcmp(mime_encoding_name(mime.root->first_child->encoding), rows[i].encoding) != 0)
			fail_msg("%s: %s %s", rows[i].name, mime.root->first_child->type, mime_encoding_name(mime.root->first_child->encoding));
		assert_true(span_find(copy.bytes, text) < copy.bytes.len);
		assert_int_equal(message_field_count(&copy.message, "Date"), 1);
	}
	world.list = was.list;
}

/* What every copy needs reaches into the wrapped original. */
static void test_wrap_required(void **state)
{
	struct post post;
	struct copy copy;

	(void)state;
	post_read(&world, post_crlf(world.arena, "Authentication-Results: lists.example.org; dkim=pass\nFrom: a@reject.example\n\nvirus and text\n"), &post);
	form_field_remove(&post.shaped, EDIT_REQUIRED, "authenticate", message_field(&post.message, "Authentication-Results"));
	form_splice(&post.shaped, EDIT_REQUIRED, "filter", post.message.body_offset, 5, SPAN_LIT("[removed]"));
	form_field_top(&post.shaped, EDIT_REQUIRED, "intake", SPAN_LIT("Received: by lists.example.org"));
	must_copy(&strategy_wrap, &post, &copy);
	assert_true(span_find(copy.bytes, SPAN_LIT("virus")) == copy.bytes.len);
	assert_true(span_find(copy.bytes, SPAN_LIT("[removed] and text")) < copy.bytes.len);
	assert_true(span_find(copy.bytes, SPAN_LIT("dkim=pass")) == copy.bytes.len);
	assert_string_equal(value(&copy.message, "Received"), "by lists.example.org");
}

/* Lines over 998 octets. */

static const char *long_line(char c, size_t count)
{
	char *line = arena_alloc(world.arena, count + 1);

	memset(line, c, count);
	return line;
}

static void check_long(const char *name, const char *text, const char *wanted, bool is_possible)
{
	static const struct strategy *const makers[] = { &strategy_none, &strategy_rewrite, &strategy_wrap };

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct post post;
		struct copy copy;
		struct fail why;

		post_read(&world, post_crlf(world.arena, text), &post);
		post_footer(&post);
		if ((make_copy(makers[i], &post, &copy, &why) == 0) != is_possible)
			fail_msg("%s, %s", name, makers[i]->name);
		if (!is_possible)
			continue;
		if (repair_has_long_line(copy.bytes) || span_find(copy.bytes, span_of(wanted)) == copy.bytes.len)
			fail_msg("%s, %s: %.*s", name, makers[i]->name, (int)copy.bytes.len, copy.bytes.ptr);
	}
}

static void test_long_lines(void **state)
{
	struct arena *a = world.arena;
	const char *line = long_line('x', 999), *head = "From: a@reject.example\nDate: x\n";

	(void)state;
	check_long("text", arena_printf(a, "%s\n%s\n", head, line), "MIME-Version: 1.0", true);
	check_long("header", arena_printf(a, "%sX-Long: %s %s\n\nx\n", head, long_line('a', 600), long_line('b', 600)), "bbb\r\n", true);
	check_long("text in 8bit", arena_printf(a, "%sMIME-Version: 1.0\nContent-Transfer-Encoding: 8bit\nContent-Type: text/html; charset=utf-8\n\n\xc3\x89%s\n", head, line), "=C3=89xxx", true);
	check_long("inner part without a field", arena_printf(a, "%sMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nshort\n--b\nContent-Type: text/plain\n\n%s\n--b--\n", head, line),
		"--b\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain\r\n\r\nxxx", true);
	check_long("inner part with a field", arena_printf(a, "%sMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/json\nContent-Transfer-Encoding:\n 8bit\n\n%s\n--b--\n", head, line),
		"--b\r\nContent-Type: application/json\r\nContent-Transfer-Encoding: base64\r\n\r\neHh4", true);
	check_long("base64 in one line", arena_printf(a, "%sMIME-Version: 1.0\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n%s\n", head, long_line('A', 1000)), "AAAAAAAAAAAA\r\n", true);
	check_long("signed", arena_printf(a, "%sMIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b\n\n--b\n\n%s\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n", head, line), NULL, false);
}

/* A long text line comes back as it was; the footer does not stand in the encoded part. */
static void test_long_line_text(void **state)
{
	const char *line = long_line('y', 2000);
	struct post post;
	struct copy copy;
	struct span decoded;

	(void)state;
	post_read(&world, post_crlf(world.arena, arena_printf(world.arena, "From: a@none.example\nSubject: s\nDate: x\n\n%s\n", line)), &post);
	post_tag(&post);
	post_footer(&post);
	must_copy(&strategy_none, &post, &copy);
	decoded = transfer_qp_decode(world.arena, span_sub(copy.bytes, copy.message.body_offset, copy.bytes.len));
	assert_true(span_eq_text(decoded, arena_printf(world.arena, "%s\r\n", line)));
	assert_string_equal(value(&copy.message, "Subject"), "[birds] s");
	assert_string_equal(value(&copy.message, "Content-Transfer-Encoding"), "quoted-printable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_samples), cmocka_unit_test(test_rewrite_rows), cmocka_unit_test(test_names),
		cmocka_unit_test(test_replies), cmocka_unit_test(test_rewrite), cmocka_unit_test(test_passthrough), cmocka_unit_test(test_passthrough_fails),
		cmocka_unit_test(test_decorate_always), cmocka_unit_test(test_dead_signatures), cmocka_unit_test(test_odd_signatures), cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_wrap_kinds), cmocka_unit_test(test_wrap_required), cmocka_unit_test(test_long_lines), cmocka_unit_test(test_long_line_text),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
