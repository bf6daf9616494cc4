/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies for a relay that takes no 8-bit octets (relay-8bit = no): text comes back as it was, and nothing that holds such octets is a valid copy. */
#include "tests/unit/post.h"

#include "mail/mime.h"
#include "mail/transfer.h"

static struct world world;

static int set_up(void **state)
{
	(void)state;
	world_init(&world);
	world.list.only_7bit = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	world_done(&world);
	return 0;
}

#define TEXT "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\xc3\xbc\xc3\x9f" "e\n"

static const struct seven_row {
	const char *name, *domain, *content;
	const char *want;  /* a strategy, or "-" for no copy */
	const char *holds; /* the copy does */
} rows[] = {
	{ "text of 7 bits keeps its signature", "reject.example", "\nplain\n", "none", "\r\n\r\nplain\r\n" },
	{ "text, strict", "reject.example", TEXT, "rewrite", "Gr=C3=BC=C3=9Fe\r\n" },
	{ "text, lenient", "none.example", TEXT, "none", "Gr=C3=BC=C3=9Fe\r\n" },
	{ "text without MIME", "none.example", "\nGr\xc3\xbc\xc3\x9f" "e\n", "none", "Gr=C3=BC=C3=9Fe\r\n" },
	{ "parts", "none.example", "Content-Type: multipart/mixed; boundary=b\n\n--b\n" TEXT "--b\nContent-Type: application/x\nContent-Transfer-Encoding: 8bit\n\n\xff\n--b--\n", "none",
		"Content-Transfer-Encoding: base64\r\n\r\n" },
	{ "a signed part", "reject.example", "Content-Type: multipart/signed; boundary=b\n\n--b\n" TEXT "--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n", "-", "" },
	{ "between the parts", "none.example", "Content-Type: multipart/mixed; boundary=b\n\n\xc3\x89\n--b\n\nx\n--b--\n", "-", "" },
	{ "header", "none.example", "X-Name: \xc3\x89\n\nx\n", "-", "" },
};

static bool has_8bit(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return true;
	return false;
}

static void check_row(const struct seven_row *row)
{
	struct span bytes = post_crlf(world.arena, arena_printf(world.arena, "From: ann@%s\nTo: birds@lists.example.org\nSubject: x\nDate: Sun, 22 Nov 2026 10:00:00 +0000\n"
		"Message-ID: <1@mail.example>\nMIME-Version: 1.0\n%s", row->domain, row->content));
	struct rules rules = { .count = 0 };
	struct post post;
	struct chooser chooser;
	struct choice choice;
	const char *got;

	post_read(&world, post_sign(&world, bytes, row->domain, POST_NAMES, -1), &post);
	post_list_fields(&post);
	chooser_init(&chooser, &post.in, &rules, NULL, world.list_keys);
	choose(&chooser, &post_strict, "rcpt.example", &choice);
	got = choice.form == NULL ? "-" : choice.form->strategy->name;
	if (strcmp(got, row->want) != 0)
		fail_msg("%s: %s, not %s: %s", row->name, got, row->want, choice.reason);
	if (choice.form == NULL)
		return;
	bytes = rendering_bytes(world.arena, &choice.form->rendering);
	if (has_8bit(bytes) || choice.form->proof.needs_8bit || span_find(bytes, span_of(row->holds)) == bytes.len)
		fail_msg("%s: %.*s", row->name, (int)bytes.len, bytes.ptr);
	assert_true(choice.form->proof.holds);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
