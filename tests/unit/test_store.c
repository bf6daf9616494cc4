/* SPDX-License-Identifier: BSD-2-Clause */
#include "check.h"

#include "listd/store/store_int.h"
#include "mail/clock.h"
#include "mail/log.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define CACHE_BYTES ((size_t)8 << 20)
#define BIRDS "birds@lists.example.org"
#define FISH "fish@lists.example.org"

struct place {
	char dir[96];
	struct arena *a;
	struct store *store;
	struct fail why;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void open_store(struct place *place)
{
	if (store_open(place->dir, CACHE_BYTES, &place->store, &place->why) != 0)
		fail_msg("%s", place->why.text);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->dir, "/tmp/listd-store-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	place->a = arena_new((size_t)64 << 20);
	open_store(place);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	store_close(place->store);
	nftw(place->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(place->a);
	free(place);
	return 0;
}

#define OK(call) do { if ((call) != 0) fail_msg("%s: %s", #call, place->why.text); } while (0)

static void make_lists(struct place *place)
{
	OK(store_list_create(place->store, BIRDS, "address = birds", 100, &place->why));
	OK(store_list_create(place->store, FISH, "address = fish", 200, &place->why));
}

/* count members m000000@example.com..., numbered from first. */
static struct member *make_members(struct arena *a, size_t first, size_t count)
{
	struct member *members = arena_array(a, count, sizeof(*members));

	for (size_t i = 0; i < count; i++) {
		members[i].key = arena_printf(a, "m%06zu@example.com", first + i);
		members[i].address = arena_printf(a, "M%06zu@example.com", first + i);
		members[i].name = "Ann Example";
		members[i].joined_secs = 1700000000;
	}
	return members;
}

struct walked { size_t count; char last[600]; bool in_order; };

static int walk_one(void *context, const struct member *member)
{
	struct walked *walked = context;

	if (strcmp(walked->last, member->key) >= 0)
		walked->in_order = false;
	snprintf(walked->last, sizeof(walked->last), "%s", member->key);
	walked->count++;
	return 0;
}

static struct walked walk(struct place *place, const char *list)
{
	struct walked walked = { .in_order = true };

	OK(store_members_each(place->store, list, walk_one, &walked, &place->why));
	assert_true(walked.in_order);
	return walked;
}

/* What members_each sees, what the list says it has, and what the way back holds must be one number. */
static void check_count(struct place *place, const char *list, size_t want)
{
	struct store_list row;

	assert_int_equal(store_list_get(place->store, place->a, list, &row, &place->why), 1);
	assert_int_equal(row.member_count, want);
	assert_int_equal(walk(place, list).count, want);
}

static void test_record_numbers(void **state)
{
	static const int64_t numbers[] = { 0, 1, -1, 127, 128, 16383, 16384, 1700000000, INT64_MAX, INT64_MIN, -4000000000 };
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	record_begin(&out, 1);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		record_put_signed(&out, numbers[i]);
		record_put_number(&out, (uint64_t)numbers[i]);
	}
	record_put_id(&out, 0xfedcba98);
	record_put_text(&out, "text");
	for (size_t len = 0; len <= out.len; len++) {
		struct span exact = test_exact((struct span){ out.ptr, len });
		struct record record = record_open(exact, 1);
		const char *text;
		uint32_t id;

		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			int64_t number = record_signed(&record);
			uint64_t unsigned_number;

			assert_true(number == (record.bad ? 0 : numbers[i]));
			unsigned_number = record_number(&record);
			assert_true(unsigned_number == (record.bad ? 0 : (uint64_t)numbers[i]));
		}
		id = record_id(&record);
		assert_true(id == (record.bad ? 0 : 0xfedcba98));
		text = record_text(&record);
		assert_string_equal(text, record.bad ? "" : "text");
		assert_int_equal(record.bad, len < out.len);
		free((void *)(uintptr_t)exact.ptr);
	}
	buf_done(&out);
}

static void test_bad_records(void **state)
{
	static const struct { const char *name; struct span bytes; } rows[] = {
		{ "empty", { NULL, 0 } }, { "version 0", { "\0\1", 2 } }, { "unknown version", { "\2\1", 2 } },
		{ "number without end", { "\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 14 } },
		{ "number beyond 64 bits", { "\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 11 } },
		{ "text longer than the row", { "\1\x7f" "abc\0", 6 } }, { "length near 2^64", { "\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1abc\0", 15 } },
		{ "text without NUL", { "\1\3abcd", 6 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span exact = test_exact(rows[i].bytes);
		struct record record = record_open(exact, 1);

		assert_string_equal(record_text(&record), "");
		if (!record.bad)
			fail_msg("%s", rows[i].name);
		free((void *)(uintptr_t)exact.ptr);
	}
}

static void test_member_rows(void **state)
{
	struct member member = { .key = "ann@example.com", .address = "Ann@Example.com", .name = "\xc3\x84nn", .delivery = MEMBER_DELIVERY_OFF_BY_BOUNCES,
		.flags = MEMBER_MODERATED | MEMBER_DIGEST, .joined_secs = -5, .off_since_secs = 1800000000, .reason = "550 no such user" }, back;
	struct span key = test_exact((struct span){ "\0\0\0\1ann@example.com", 20 });
	struct buf row;
	struct fail why;

	(void)state;
	buf_init(&row, 4096);
	assert_int_equal(store_member_encode(&member, &row, &why), 0);
	for (size_t len = 0; len <= row.len; len++) {
		struct span exact = test_exact((struct span){ row.ptr, len });

		assert_int_equal(store_member_decode(key, exact, &back), len == row.len);
		free((void *)(uintptr_t)exact.ptr);
	}
	assert_true(store_member_decode(key, buf_span(&row), &back));
	assert_string_equal(back.key, member.key);
	assert_string_equal(back.address, member.address);
	assert_string_equal(back.name, member.name);
	assert_string_equal(back.reason, member.reason);
	assert_int_equal(back.delivery, member.delivery);
	assert_int_equal(back.flags, member.flags);
	assert_int_equal(back.joined_secs, member.joined_secs);
	assert_int_equal(back.off_since_secs, member.off_since_secs);
	/* Any octet of the row may be damaged: it reads as something or as nothing, within bounds. */
	for (size_t i = 0; i < row.len * 256; i++) {
		struct span exact = test_exact(buf_span(&row));

		((char *)(uintptr_t)exact.ptr)[i / 256] = (char)(i % 256);
		if (store_member_decode(key, exact, &back))
			assert_true(strlen(back.address) + strlen(back.name) + strlen(back.reason) < row.len + key.len);
		free((void *)(uintptr_t)exact.ptr);
	}
	assert_false(store_member_decode((struct span){ key.ptr, key.len - 1 }, buf_span(&row), &back));
	assert_false(store_member_decode((struct span){ key.ptr, 4 }, buf_span(&row), &back));
	buf_done(&row);
	free((void *)(uintptr_t)key.ptr);
}

static void test_member_texts_have_a_limit(void **state)
{
	struct place *place = *state;
	char *name = arena_alloc(place->a, STORE_TEXT_MAX_BYTES + 2), *key = arena_alloc(place->a, STORE_ADDRESS_MAX_BYTES + 2);
	struct member member = { .key = "ann@example.com", .name = name };

	make_lists(place);
	memset(name, 'n', STORE_TEXT_MAX_BYTES);
	memset(key, 'k', STORE_ADDRESS_MAX_BYTES);
	OK(store_member_put(place->store, BIRDS, &member, &place->why));
	name[STORE_TEXT_MAX_BYTES] = 'n';
	assert_int_equal(store_member_put(place->store, BIRDS, &member, &place->why), -1);
	assert_false(place->why.temporary);
	member = (struct member){ .key = key, .address = key };
	OK(store_member_put(place->store, BIRDS, &member, &place->why));
	key[STORE_ADDRESS_MAX_BYTES] = 'k';
	assert_int_equal(store_member_put(place->store, BIRDS, &member, &place->why), -1);
	assert_int_equal(store_member_get(place->store, place->a, BIRDS, key, &member, &place->why), 0);
	member.key = "";
	assert_int_equal(store_member_put(place->store, BIRDS, &member, &place->why), -1);
	check_count(place, BIRDS, 2);
}

static void test_lists(void **state)
{
	struct place *place = *state;
	struct store_list list, *all;
	uint32_t first_id;
	size_t count;

	make_lists(place);
	assert_int_equal(store_list_create(place->store, BIRDS, "", 1, &place->why), -1);
	assert_false(place->why.temporary);
	assert_non_null(strstr(place->why.text, "exists already"));
	assert_int_equal(store_list_get(place->store, place->a, BIRDS, &list, &place->why), 1);
	assert_string_equal(list.address, BIRDS);
	assert_string_equal(list.text, "address = birds");
	assert_int_equal(list.created_secs, 100);
	assert_int_equal(list.member_count, 0);
	first_id = list.id;
	assert_int_equal(store_list_get(place->store, place->a, "none@example.org", &list, &place->why), 0);
	OK(store_list_put(place->store, BIRDS, "new", &place->why));
	assert_int_equal(store_list_get(place->store, place->a, BIRDS, &list, &place->why), 1);
	assert_string_equal(list.text, "new");
	assert_int_equal(list.id, first_id);
	assert_int_equal(list.created_secs, 100);
	assert_int_equal(store_list_put(place->store, "none@example.org", "", &place->why), -1);
	assert_int_equal(store_list_delete(place->store, "none@example.org", &place->why), -1);
	OK(store_list_all(place->store, place->a, &all, &count, &place->why));
	assert_int_equal(count, 2);
	assert_string_equal(all[0].address, BIRDS);
	assert_string_equal(all[1].address, FISH);
	OK(store_list_delete(place->store, FISH, &place->why));
	OK(store_list_create(place->store, FISH, "", 1, &place->why));
	assert_int_equal(store_list_get(place->store, place->a, FISH, &list, &place->why), 1);
	assert_int_equal(list.id, 3);
}

static void test_settings_of_any_size(void **state)
{
	struct place *place = *state;
	char *text = malloc(STORE_ROW_MAX_BYTES + 1);
	struct store_list list, *all;
	size_t count;

	make_lists(place);
	memset(text, 'x', STORE_ROW_MAX_BYTES);
	text[STORE_ROW_MAX_BYTES] = '\0';
	assert_int_equal(store_list_put(place->store, BIRDS, text, &place->why), -1);
	for (size_t len = 1; len < STORE_ROW_MAX_BYTES; len *= 7) {
		text[len] = '\0';
		OK(store_list_put(place->store, BIRDS, text, &place->why));
		assert_int_equal(store_list_get(place->store, place->a, BIRDS, &list, &place->why), 1);
		assert_string_equal(list.text, text);
		OK(store_list_all(place->store, place->a, &all, &count, &place->why));
		assert_int_equal(count, 2);
		assert_string_equal(all[0].text, text);
		text[len] = 'x';
	}
	free(text);
}

static void test_members(void **state)
{
	static const char *const gone[] = { "m000001@example.com", "m000002@example.com", "nobody@example.com" };
	struct place *place = *state;
	struct member *members = make_members(place->a, 0, 2500), member;
	size_t changed;

	make_lists(place);
	OK(store_members_add(place->store, BIRDS, members, 2000, &changed, NULL, NULL, &place->why));
	assert_int_equal(changed, 2000);
	OK(store_members_add(place->store, BIRDS, members, 2500, &changed, NULL, NULL, &place->why));
	assert_int_equal(changed, 500);
	OK(store_members_add(place->store, FISH, members, 0, &changed, NULL, NULL, &place->why));
	check_count(place, BIRDS, 2500);
	check_count(place, FISH, 0);
	assert_int_equal(store_member_get(place->store, place->a, BIRDS, "m000007@example.com", &member, &place->why), 1);
	assert_string_equal(member.address, "M000007@example.com");
	assert_int_equal(store_member_get(place->store, place->a, FISH, "m000007@example.com", &member, &place->why), 0);
	member.delivery = MEMBER_DELIVERY_OFF_BY_ADMIN;
	member.reason = "asked for it";
	OK(store_member_put(place->store, BIRDS, &member, &place->why));
	assert_int_equal(store_member_get(place->store, place->a, BIRDS, "m000007@example.com", &member, &place->why), 1);
	assert_string_equal(member.reason, "asked for it");
	assert_string_equal(member_delivery_name(member.delivery), "off-by-admin");
	check_count(place, BIRDS, 2500);
	OK(store_members_remove(place->store, BIRDS, gone, 3, &changed, &place->why));
	assert_int_equal(changed, 2);
	check_count(place, BIRDS, 2498);
	assert_int_equal(store_members_add(place->store, "none@example.org", members, 1, &changed, NULL, NULL, &place->why), -1);
	assert_false(place->why.temporary);
	assert_int_equal(store_member_get(place->store, place->a, "none@example.org", "x", &member, &place->why), -1);
	assert_int_equal(store_members_each(place->store, "none@example.org", walk_one, NULL, &place->why), -1);
}

static void test_first_of_equal_members_wins(void **state)
{
	struct place *place = *state;
	struct member members[] = { { .key = "b@x", .name = "one" }, { .key = "a@x", .name = "other" }, { .key = "b@x", .name = "two" } }, member;
	size_t added;

	make_lists(place);
	OK(store_members_add(place->store, BIRDS, members, 3, &added, NULL, NULL, &place->why));
	assert_int_equal(added, 2);
	assert_int_equal(store_member_get(place->store, place->a, BIRDS, "b@x", &member, &place->why), 1);
	assert_string_equal(member.name, "one");
}

static void test_lists_of_a_member(void **state)
{
	struct place *place = *state;
	struct member member = { .key = "ann@example.com" }, longer = { .key = "ann@example.com.au" };
	const char **lists;
	size_t count;

	make_lists(place);
	OK(store_member_put(place->store, BIRDS, &member, &place->why));
	OK(store_member_put(place->store, FISH, &member, &place->why));
	OK(store_member_put(place->store, FISH, &member, &place->why));
	OK(store_member_put(place->store, FISH, &longer, &place->why));
	OK(store_member_lists(place->store, place->a, "ann@example.com", &lists, &count, &place->why));
	assert_int_equal(count, 2);
	assert_string_equal(lists[0], BIRDS);
	OK(store_list_rename(place->store, BIRDS, "gulls@lists.example.org", "renamed", &place->why));
	OK(store_member_lists(place->store, place->a, "ann@example.com", &lists, &count, &place->why));
	assert_string_equal(lists[0], "gulls@lists.example.org");
	OK(store_list_delete(place->store, "gulls@lists.example.org", &place->why));
	OK(store_member_lists(place->store, place->a, "ann@example.com", &lists, &count, &place->why));
	assert_int_equal(count, 1);
	assert_string_equal(lists[0], FISH);
	OK(store_member_lists(place->store, place->a, "ann@example", &lists, &count, &place->why));
	assert_int_equal(count, 0);
}

static void test_rename(void **state)
{
	struct place *place = *state;
	struct member *members = make_members(place->a, 0, 10);
	struct store_list list;
	struct hold hold = { .id = "h1", .list = BIRDS };
	size_t added;

	make_lists(place);
	OK(store_members_add(place->store, BIRDS, members, 10, &added, NULL, NULL, &place->why));
	OK(store_hold_put(place->store, &hold, &place->why));
	assert_int_equal(store_list_rename(place->store, BIRDS, FISH, "x", &place->why), -1);
	assert_non_null(strstr(place->why.text, "exists already"));
	check_count(place, BIRDS, 10);
	OK(store_list_rename(place->store, BIRDS, "gulls@example.org", "renamed", &place->why));
	assert_int_equal(store_list_get(place->store, place->a, BIRDS, &list, &place->why), 0);
	check_count(place, "gulls@example.org", 10);
	assert_int_equal(store_list_get(place->store, place->a, "gulls@example.org", &list, &place->why), 1);
	assert_string_equal(list.text, "renamed");
	assert_int_equal(list.created_secs, 100);
	assert_int_equal(store_hold_get(place->store, place->a, "h1", &hold, &place->why), 1);
	assert_string_equal(hold.list, "gulls@example.org");
}

/* "ADDRESS before" is "now", NULL for none. */
static void check_former(struct place *place, const char *before, const char *now)
{
	const char *found = NULL;

	assert_int_equal(store_list_former(place->store, place->a, before, &found, &place->why), now != NULL);
	if (now != NULL)
		assert_string_equal(found, now);
}

static void test_former_addresses(void **state)
{
	struct place *place = *state;

	make_lists(place);
	check_former(place, BIRDS, NULL);
	OK(store_list_rename(place->store, BIRDS, "gulls@example.org", "x", &place->why));
	OK(store_list_rename(place->store, "gulls@example.org", "terns@example.org", "x", &place->why));
	check_former(place, BIRDS, "terns@example.org");
	check_former(place, "gulls@example.org", "terns@example.org");
	check_former(place, "terns@example.org", NULL);
	/* a new list takes the address over for good */
	OK(store_list_create(place->store, "gulls@example.org", "x", 1, &place->why));
	check_former(place, "gulls@example.org", NULL);
	/* and back again */
	OK(store_list_rename(place->store, "terns@example.org", BIRDS, "x", &place->why));
	check_former(place, BIRDS, NULL);
	check_former(place, "terns@example.org", BIRDS);
	OK(store_list_delete(place->store, BIRDS, &place->why));
	check_former(place, "terns@example.org", NULL);
}

static int count_row(void *context, struct span key, struct span row)
{
	(void)key;
	(void)row;
	++*(size_t *)context;
	return 0;
}

static size_t rows_of(struct place *place, enum store_db db)
{
	size_t count = 0;
	struct span none = { NULL, 0 };

	OK(store_scan(place->store, db, none, none, count_row, &count, &place->why));
	return count;
}

static void test_delete_takes_all_with_it(void **state)
{
	struct place *place = *state;
	struct hold birds = { .id = "h1", .list = BIRDS }, fish = { .id = "h2", .list = FISH };
	size_t count;

	make_lists(place);
	OK(store_members_add(place->store, BIRDS, make_members(place->a, 0, 3500), 3500, &count, NULL, NULL, &place->why));
	OK(store_members_add(place->store, FISH, make_members(place->a, 0, 5), 5, &count, NULL, NULL, &place->why));
	OK(store_hold_put(place->store, &birds, &place->why));
	OK(store_hold_put(place->store, &fish, &place->why));
	OK(store_alias_put(place->store, BIRDS, "abc", "ann@example.com", 1, &place->why));
	OK(store_seen_put(place->store, BIRDS, "<1@x>", "p1", 10, &place->why));
	OK(store_list_delete(place->store, BIRDS, &place->why));
	assert_int_equal(rows_of(place, STORE_MEMBERS), 5);
	assert_int_equal(rows_of(place, STORE_MEMBER_LISTS), 5);
	assert_int_equal(rows_of(place, STORE_HOLDS), 1);
	assert_int_equal(rows_of(place, STORE_ALIASES), 0);
	assert_int_equal(rows_of(place, STORE_SEEN), 0);
	assert_int_equal(rows_of(place, STORE_LIST_IDS), 2);
	check_count(place, FISH, 5);
}

static void test_values_and_tokens(void **state)
{
	struct place *place = *state;
	const char *kind, *payload;
	struct span value;

	assert_int_equal(store_value_get(place->store, place->a, "master", &value, &place->why), 0);
	OK(store_value_put(place->store, "master", SPAN_LIT("a\0b"), &place->why));
	assert_int_equal(store_value_get(place->store, place->a, "master", &value, &place->why), 1);
	assert_true(span_eq(value, SPAN_LIT("a\0b")));
	assert_int_equal(store_value_put(place->store, ".format", SPAN_LIT("9"), &place->why), -1);
	OK(store_token_put(place->store, "tok", "join", "birds ann", 100, &place->why));
	assert_int_equal(store_token_get(place->store, place->a, "tok", &kind, &payload, &place->why), 1);
	assert_string_equal(kind, "join");
	assert_string_equal(payload, "birds ann");
	assert_int_equal(store_token_get(place->store, place->a, "other", &kind, &payload, &place->why), 0);
	assert_int_equal(store_token_get(place->store, place->a, "", &kind, &payload, &place->why), 0);
	OK(store_token_remove(place->store, "tok", &place->why));
	OK(store_token_remove(place->store, "tok", &place->why));
	assert_int_equal(store_token_get(place->store, place->a, "tok", &kind, &payload, &place->why), 0);
}

static void test_expiry(void **state)
{
	struct place *place = *state;
	const char *kind, *payload;

	make_lists(place);
	OK(store_seen_put(place->store, BIRDS, "<1@x>", "p1", 100, &place->why));
	OK(store_seen_put(place->store, BIRDS, "<2@x>", "p2", 200, &place->why));
	OK(store_token_put(place->store, "short", "join", "", 100, &place->why));
	OK(store_token_put(place->store, "longer", "join", "", 100, &place->why));
	OK(store_token_put(place->store, "longer", "join", "again", 300, &place->why));
	assert_int_equal(store_seen_check(place->store, BIRDS, "<1@x>", "p1", &place->why), 0);
	assert_int_equal(store_seen_check(place->store, BIRDS, "<1@x>", "p9", &place->why), 1);
	assert_int_equal(store_seen_check(place->store, FISH, "<1@x>", "p9", &place->why), 0);
	OK(store_tend(place->store, 99, &place->why));
	assert_int_equal(store_seen_check(place->store, BIRDS, "<1@x>", "p9", &place->why), 1);
	OK(store_tend(place->store, 150, &place->why));
	assert_int_equal(store_seen_check(place->store, BIRDS, "<1@x>", "p9", &place->why), 0);
	assert_int_equal(store_seen_check(place->store, BIRDS, "<2@x>", "p9", &place->why), 1);
	assert_int_equal(store_token_get(place->store, place->a, "short", &kind, &payload, &place->why), 0);
	assert_int_equal(store_token_get(place->store, place->a, "longer", &kind, &payload, &place->why), 1);
	assert_string_equal(payload, "again");
	for (int i = 0; i < 2300; i++)
		OK(store_seen_put(place->store, BIRDS, arena_printf(place->a, "<%d@y>", i), "p", 250, &place->why));
	OK(store_tend(place->store, 300, &place->why));
	assert_int_equal(rows_of(place, STORE_SEEN), 0);
	assert_int_equal(rows_of(place, STORE_TOKENS), 0);
	assert_int_equal(rows_of(place, STORE_EXPIRIES), 0);
}

static void test_holds(void **state)
{
	struct place *place = *state;
	struct hold hold = { .id = "h2", .list = BIRDS, .from = "ann@example.com", .subject = "S", .reason = "not a member", .since_secs = 5, .bytes = 1 << 20 }, back, *all;
	char *subject = arena_alloc(place->a, 9000);
	size_t count;

	make_lists(place);
	OK(store_hold_put(place->store, &hold, &place->why));
	hold.id = "h1";
	hold.list = FISH;
	for (int i = 0; i < 8000; i += 2)
		memcpy(subject + i, "\xc3\xa4", 2);
	hold.subject = subject;
	OK(store_hold_put(place->store, &hold, &place->why));
	assert_int_equal(store_hold_get(place->store, place->a, "h1", &back, &place->why), 1);
	assert_int_equal(strlen(back.subject), STORE_TEXT_MAX_BYTES);
	assert_int_equal(store_hold_get(place->store, place->a, "h2", &back, &place->why), 1);
	assert_string_equal(back.list, BIRDS);
	assert_string_equal(back.reason, "not a member");
	assert_int_equal(back.bytes, 1 << 20);
	OK(store_hold_count(place->store, &count, &place->why));
	assert_int_equal(count, 2);
	OK(store_hold_all(place->store, place->a, NULL, &all, &count, &place->why));
	assert_int_equal(count, 2);
	OK(store_hold_all(place->store, place->a, BIRDS, &all, &count, &place->why));
	assert_int_equal(count, 1);
	assert_string_equal(all[0].id, "h2");
	OK(store_hold_remove(place->store, "h2", NULL, &place->why));
	assert_int_equal(store_hold_get(place->store, place->a, "h2", &back, &place->why), 0);
	hold.list = "none@example.org";
	assert_int_equal(store_hold_put(place->store, &hold, &place->why), -1);
}

/* Refused copies: noted once, found by those to do, renamed with their list, gone with it and with their time. */
static void test_seconds(void **state)
{
	struct place *place = *state;
	struct second second = { .list = BIRDS, .post_id = "p1", .key = "ann@example.com", .job = "p1-0", .form = "none", .reply = "550 no", .next_id = "", .outcome = "",
		.state = SECOND_WAITS, .refused_secs = 5, .expires_secs = 100 }, *found;
	size_t count;

	make_lists(place);
	assert_int_equal(store_second_note(place->store, &second, &place->why), 1);
	second.reply = "550 again";
	assert_int_equal(store_second_note(place->store, &second, &place->why), 0);
	second.list = FISH;
	assert_int_equal(store_second_note(place->store, &second, &place->why), 1);
	second.key = "bob@example.com";
	assert_int_equal(store_second_note(place->store, &second, &place->why), 1);
	second.key = "";
	assert_int_equal(store_second_note(place->store, &second, &place->why), -1);
	second.list = "none@lists.example.org";
	second.key = "bob@example.com";
	assert_int_equal(store_second_note(place->store, &second, &place->why), -1);
	assert_false(place->why.temporary);
	OK(store_second_todo(place->store, place->a, 2, &found, &count, &place->why));
	assert_int_equal(count, 2);
	assert_string_equal(found[0].list, BIRDS);
	assert_string_equal(found[0].reply, "550 no");
	assert_string_equal(found[0].job, "p1-0");
	found[0].state = SECOND_SENT;
	found[0].next_id = "p2";
	found[0].outcome = "rewrite";
	OK(store_second_put(place->store, found, 1, &place->why));
	OK(store_list_rename(place->store, FISH, "perch@lists.example.org", "address = perch", &place->why));
	OK(store_second_todo(place->store, place->a, 10, &found, &count, &place->why));
	assert_int_equal(count, 2);
	assert_string_equal(found[1].list, "perch@lists.example.org");
	assert_string_equal(found[1].key, "bob@example.com");
	OK(store_second_all(place->store, place->a, BIRDS, &found, &count, &place->why));
	assert_int_equal(count, 1);
	assert_string_equal(found[0].outcome, "rewrite");
	assert_int_equal(found[0].state, SECOND_SENT);
	OK(store_list_delete(place->store, "perch@lists.example.org", &place->why));
	OK(store_tend(place->store, 50, &place->why));
	assert_int_equal(rows_of(place, STORE_SECONDS), 1);
	assert_int_equal(rows_of(place, STORE_SECONDS_TODO), 0);
	second.list = BIRDS;
	assert_int_equal(store_second_note(place->store, &second, &place->why), 1);
	OK(store_tend(place->store, 101, &place->why));
	assert_int_equal(rows_of(place, STORE_SECONDS), 0);
	assert_int_equal(rows_of(place, STORE_SECONDS_TODO), 0);
}

static void test_learnt(void **state)
{
	struct place *place = *state;
	struct learnt learnt = { .kind = LEARNT_RECEIVER, .name = "google", .what = "none", .proved = true, .refused_secs = 1, .sent_secs = 2, .trial_secs = 3, .refused_count = 4,
		.sent_count = 5, .reply = "550 no", .witnesses = "abc:1" }, *all;
	struct allowed allowed = { .kind = ALLOWED_SENDER, .name = "example.com", .note = "as agreed", .since_secs = 7 }, *entries;
	size_t count;

	OK(store_learnt_put(place->store, &learnt, &place->why));
	learnt.kind = LEARNT_AUTHOR;
	OK(store_learnt_put(place->store, &learnt, &place->why));
	learnt.what = "reseal";
	learnt.kind = LEARNT_RECEIVER;
	OK(store_learnt_put(place->store, &learnt, &place->why));
	OK(store_learnt_all(place->store, place->a, &all, &count, &place->why));
	assert_int_equal(count, 3);
	assert_true(all[0].kind == LEARNT_RECEIVER && all[0].proved && all[0].refused_secs == 1 && all[0].sent_secs == 2 && all[0].trial_secs == 3);
	assert_true(all[0].refused_count == 4 && all[0].sent_count == 5 && all[2].kind == LEARNT_AUTHOR);
	assert_string_equal(all[1].what, "reseal");
	assert_string_equal(all[1].witnesses, "abc:1");
	OK(store_learnt_remove(place->store, &learnt, &place->why));
	OK(store_learnt_remove(place->store, &learnt, &place->why));
	assert_int_equal(rows_of(place, STORE_LEARNT), 2);
	learnt.name = "";
	assert_int_equal(store_learnt_put(place->store, &learnt, &place->why), -1);
	OK(store_allowed_put(place->store, &allowed, &place->why));
	OK(store_allowed_all(place->store, place->a, &entries, &count, &place->why));
	assert_true(count == 1 && entries[0].kind == ALLOWED_SENDER && entries[0].since_secs == 7);
	assert_string_equal(entries[0].note, "as agreed");
	assert_int_equal(store_allowed_remove(place->store, ALLOWED_RECEIVER, "example.com", &place->why), 0);
	assert_int_equal(store_allowed_remove(place->store, ALLOWED_SENDER, "example.com", &place->why), 1);
}

static void test_aliases(void **state)
{
	struct place *place = *state;
	const char *author;

	make_lists(place);
	assert_int_equal(store_alias_get(place->store, place->a, BIRDS, "abc", &author, &place->why), 0);
	OK(store_alias_put(place->store, BIRDS, "abc", "ann@example.com", 1, &place->why));
	OK(store_alias_put(place->store, BIRDS, "abc", "ann@example.com", 2, &place->why));
	assert_int_equal(store_alias_get(place->store, place->a, BIRDS, "abc", &author, &place->why), 1);
	assert_string_equal(author, "ann@example.com");
	assert_int_equal(store_alias_get(place->store, place->a, FISH, "abc", &author, &place->why), 0);
	OK(store_alias_put(place->store, BIRDS, "abc", "bob@example.com", 3, &place->why));
	assert_int_equal(store_alias_get(place->store, place->a, BIRDS, "abc", &author, &place->why), 1);
	assert_string_equal(author, "bob@example.com");
}

static void test_second_opener(void **state)
{
	struct place *place = *state;
	struct store *second = NULL;
	int status;
	pid_t pid;

	assert_int_equal(store_open(place->dir, CACHE_BYTES, &second, &place->why), -1);
	assert_non_null(strstr(place->why.text, arena_printf(place->a, "in use by process %ld", (long)getpid())));
	pid = fork();
	if (pid == 0) {
		struct fail why;
		bool told = store_open(place->dir, CACHE_BYTES, &second, &why) != 0
			&& strstr(why.text, arena_printf(place->a, "process %ld", (long)getppid())) != NULL;

		_exit(told ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_other_format(void **state)
{
	struct place *place = *state;
	struct store *store;

	OK(store_put(place->store, NULL, STORE_VALUES, SPAN_LIT(".format"), SPAN_LIT("2"), DB_AUTO_COMMIT));
	store_close(place->store);
	place->store = NULL;
	assert_int_equal(store_open(place->dir, CACHE_BYTES, &store, &place->why), -1);
	assert_non_null(strstr(place->why.text, "another version"));
	assert_false(place->why.temporary);
}

/* A child adds groups of three members, in transactions of their own, and tells each one it got back from; it is killed at some moment. */
static void write_until_killed(struct place *place, size_t first, int tell)
{
	struct store *store;
	size_t added;

	if (store_open(place->dir, CACHE_BYTES, &store, &place->why) != 0)
		_exit(3);
	for (size_t i = first;; i++) {
		struct arena *a = arena_new(1 << 20);

		if (store_members_add(store, BIRDS, make_members(a, 3 * i, 3), 3, &added, NULL, NULL, &place->why) != 0
				|| store_seen_put(store, BIRDS, arena_printf(a, "<%zu@x>", i), "p", 1, &place->why) != 0
				|| (i % 64 == 63 && store_tend(store, 0, &place->why) != 0) || write(tell, &i, sizeof(i)) != sizeof(i))
			_exit(4);
		arena_free(a);
	}
}

/* Kill it after some milliseconds; the number of groups that it told of. */
static size_t kill_in_mid_write(struct place *place, size_t first, useconds_t after)
{
	size_t told, next = first;
	int pipes[2], status;
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0)
		write_until_killed(place, first, pipes[1]);
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &told, sizeof(told)), sizeof(told));
	next = told + 1;
	usleep(after);
	kill(pid, SIGKILL);
	while (read(pipes[0], &told, sizeof(told)) == sizeof(told))
		next = told + 1;
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return next;
}

static void test_killed_in_mid_write(void **state)
{
	struct place *place = *state;
	size_t next = 0;

	make_lists(place);
	for (int cycle = 0; cycle < 12; cycle++) {
		struct store_list list;
		size_t members;

		store_close(place->store);
		place->store = NULL;
		next = kill_in_mid_write(place, next, (useconds_t)(1000 + 7919 * cycle));
		open_store(place);
		assert_int_equal(store_list_get(place->store, place->a, BIRDS, &list, &place->why), 1);
		members = list.member_count;
		/* Nothing told is lost; at most the group in flight is there besides; no group is torn. */
		assert_true(members == 3 * next || members == 3 * (next + 1));
		check_count(place, BIRDS, members);
		assert_int_equal(rows_of(place, STORE_MEMBER_LISTS), members);
		assert_in_range(rows_of(place, STORE_SEEN), next, next + 1);
	}
}

static void test_killed_while_deleting(void **state)
{
	struct place *place = *state;
	struct change_of { uint32_t id; } row;
	struct store_list list;
	size_t added;
	struct buf key, value;

	make_lists(place);
	OK(store_members_add(place->store, BIRDS, make_members(place->a, 0, 1500), 1500, &added, NULL, NULL, &place->why));
	assert_int_equal(store_list_get(place->store, place->a, BIRDS, &list, &place->why), 1);
	row.id = list.id;
	/* As the first transaction of a deletion leaves it. */
	buf_init(&key, 64);
	buf_init(&value, 64);
	record_put_id(&key, row.id);
	record_begin(&value, 1);
	record_put_number(&value, 1);
	record_put_number(&value, 0);
	record_put_text(&value, BIRDS);
	OK(store_put(place->store, NULL, STORE_LIST_IDS, buf_span(&key), buf_span(&value), DB_AUTO_COMMIT));
	OK(store_delete(place->store, NULL, STORE_LISTS, span_of(BIRDS)));
	store_close(place->store);
	open_store(place);
	assert_int_equal(rows_of(place, STORE_MEMBERS), 0);
	assert_int_equal(rows_of(place, STORE_MEMBER_LISTS), 0);
	assert_int_equal(rows_of(place, STORE_LIST_IDS), 2);
	buf_done(&key);
	buf_done(&value);
}

struct writer { struct place *place; struct fail why; size_t first; int result; };

static void *add_crossing(void *context)
{
	struct writer *writer = context;
	struct arena *a = arena_new((size_t)16 << 20);
	size_t added;

	/* The same members as the other writers, in pieces: they meet on every page. */
	for (size_t i = 0; i < 40 && writer->result == 0; i++)
		writer->result = store_members_add(writer->place->store, i % 2 == writer->first % 2 ? BIRDS : FISH,
			make_members(a, (i * 7 + writer->first) % 40 * 50, 60), 60, &added, NULL, NULL, &writer->why);
	arena_free(a);
	return NULL;
}

static void test_writers_that_meet(void **state)
{
	struct place *place = *state;
	struct writer writers[6];
	pthread_t threads[6];

	make_lists(place);
	for (size_t i = 0; i < 6; i++) {
		writers[i] = (struct writer){ .place = place, .first = i };
		assert_int_equal(pthread_create(&threads[i], NULL, add_crossing, &writers[i]), 0);
	}
	for (size_t i = 0; i < 6; i++) {
		pthread_join(threads[i], NULL);
		if (writers[i].result != 0)
			fail_msg("%s", writers[i].why.text);
	}
	check_count(place, BIRDS, walk(place, BIRDS).count);
	check_count(place, FISH, walk(place, FISH).count);
	assert_int_equal(rows_of(place, STORE_MEMBER_LISTS), rows_of(place, STORE_MEMBERS));
}

/* A walk whose callback changes the very members that it walks over. */
static int change_walked(void *context, const struct member *member)
{
	struct place *place = context;
	const char *key = member->key;
	struct member copy = *member;
	size_t removed;

	if ((key[6] - '0') % 2 == 0) {
		OK(store_members_remove(place->store, BIRDS, &key, 1, &removed, &place->why));
		return 0;
	}
	copy.name = "changed";
	OK(store_member_put(place->store, BIRDS, &copy, &place->why));
	return 0;
}

static int stop_at_once(void *context, const struct member *member)
{
	(void)context;
	(void)member;
	return 7;
}

static void test_walk_and_write(void **state)
{
	struct place *place = *state;
	size_t added;

	make_lists(place);
	OK(store_members_add(place->store, BIRDS, make_members(place->a, 0, 3000), 3000, &added, NULL, NULL, &place->why));
	OK(store_members_each(place->store, BIRDS, change_walked, place, &place->why));
	check_count(place, BIRDS, 1500);
	assert_int_equal(store_members_each(place->store, BIRDS, stop_at_once, NULL, &place->why), 7);
}

static void test_damaged_member(void **state)
{
	struct place *place = *state;
	struct member member = { .key = "ann@example.com" };
	struct walked walked = { .in_order = true };
	struct buf key;

	make_lists(place);
	OK(store_member_put(place->store, BIRDS, &member, &place->why));
	buf_init(&key, 64);
	store_key(&key, 1, "ann@example.com", true);
	OK(store_put(place->store, NULL, STORE_MEMBERS, buf_span(&key), SPAN_LIT("\1\0"), DB_AUTO_COMMIT));
	assert_int_equal(store_member_get(place->store, place->a, BIRDS, "ann@example.com", &member, &place->why), -1);
	assert_non_null(strstr(place->why.text, "damaged row of members"));
	assert_int_equal(store_members_each(place->store, BIRDS, walk_one, &walked, &place->why), -1);
	buf_done(&key);
}

static size_t count_logs(const char *dir)
{
	char command[200];
	size_t count = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "ls %s/log.* | wc -l", dir);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%zu", &count), 1);
	pclose(pipe);
	return count;
}

static void test_many_members(void **state)
{
	struct place *place = *state;
	struct arena *a = arena_new((size_t)64 << 20);
	struct member *members = make_members(a, 0, 100000);
	int64_t start;
	size_t added;

	make_lists(place);
	start = clock_monotonic_ms();
	OK(store_members_add(place->store, BIRDS, members, 100000, &added, NULL, NULL, &place->why));
	print_message("100,000 members added in %lld ms\n", (long long)(clock_monotonic_ms() - start));
	assert_int_equal(added, 100000);
	start = clock_monotonic_ms();
	check_count(place, BIRDS, 100000);
	print_message("and walked in %lld ms\n", (long long)(clock_monotonic_ms() - start));
	assert_true(count_logs(place->dir) > 2);
	OK(store_tend(place->store, 0, &place->why));
	assert_in_range(count_logs(place->dir), 1, 2);
	start = clock_monotonic_ms();
	OK(store_list_delete(place->store, BIRDS, &place->why));
	print_message("and the list deleted in %lld ms\n", (long long)(clock_monotonic_ms() - start));
	assert_int_equal(rows_of(place, STORE_MEMBERS), 0);
	arena_free(a);
}

static void *add_meanwhile(void *context)
{
	struct writer *writer = context;
	struct arena *a = arena_new((size_t)64 << 20);
	size_t added;

	writer->result = store_members_add(writer->place->store, FISH, make_members(a, 0, 20000), 20000, &added, NULL, NULL, &writer->why);
	arena_free(a);
	return NULL;
}

static void test_backup_in_use(void **state)
{
	struct place *place = *state, copy = { .a = place->a };
	struct writer writer = { .place = place };
	struct store_list list;
	pthread_t thread;
	size_t added;

	make_lists(place);
	OK(store_members_add(place->store, BIRDS, make_members(place->a, 0, 5000), 5000, &added, NULL, NULL, &place->why));
	assert_int_equal(pthread_create(&thread, NULL, add_meanwhile, &writer), 0);
	snprintf(copy.dir, sizeof(copy.dir), "%.64s/copy", place->dir);
	OK(store_backup(place->store, copy.dir, &place->why));
	pthread_join(thread, NULL);
	assert_int_equal(writer.result, 0);
	open_store(&copy);
	check_count(&copy, BIRDS, 5000);
	/* As of some moment of the other one: whole batches. */
	assert_int_equal(store_list_get(copy.store, place->a, FISH, &list, &place->why), 1);
	assert_int_equal(list.member_count % STORE_BATCH_ROWS, 0);
	check_count(&copy, FISH, list.member_count);
	store_close(copy.store);
}

/* A child fills the store until it is refused; 0 = refused in the right words and still readable, 1 = another temporary failure, 2 = it could not
 * be opened, with the reason, EX_TEMPFAIL = it ended itself to be recovered. */
static int fill(struct place *place)
{
	struct store *store;
	struct fail why = { 0 };
	struct store_list list;
	size_t added;

	log_open(LOG_SINK_NONE, NULL, LOG_LEVEL_ERROR);
	if (store_open(place->dir, CACHE_BYTES, &store, &why) != 0)
		return why.temporary && strstr(why.text, "cannot be recovered") != NULL && strstr(why.text, "too large") != NULL ? 2 : 3;
	for (size_t i = 0; i < 1000; i++) {
		struct arena *a = arena_new((size_t)16 << 20);
		int result = store_members_add(store, BIRDS, make_members(a, 2000 * i, 2000), 2000, &added, NULL, NULL, &why);

		arena_free(a);
		if (result != 0)
			break;
	}
	if (!why.temporary || why.code == 0)
		return 4;
	if (why.code != 452 || strcmp(why.enhanced, "4.3.1") != 0 || strstr(why.text, "no space left") == NULL)
		return 1;
	return store_list_get(store, place->a, BIRDS, &list, &why) == 1 ? 0 : 5;
}

static int status_of_fill(struct place *place, rlim_t file_size)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit limit = { file_size, file_size };

		signal(SIGXFSZ, SIG_IGN);
		if (file_size != 0)
			setrlimit(RLIMIT_FSIZE, &limit);
		_exit(fill(place));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_full_file_system(void **state)
{
	struct place *place = *state;
	char dir[] = "/tmp/listd-full-XXXXXX";
	struct place small = { .a = place->a };

	assert_non_null(mkdtemp(dir));
	if (mount("tmpfs", dir, "tmpfs", 0, "size=48m") != 0) {
		print_message("no tmpfs to be had (%s); the limit of file sizes is tested instead\n", strerror(errno));
		rmdir(dir);
		skip();
	}
	snprintf(small.dir, sizeof(small.dir), "%s/store", dir);
	open_store(&small);
	make_lists(&small);
	store_close(small.store);
	assert_int_equal(status_of_fill(&small, 0), 0);
	open_store(&small);
	assert_true(walk(&small, BIRDS).count >= 1000);
	check_count(&small, BIRDS, walk(&small, BIRDS).count);
	/* Checkpoints make room again. */
	OK(store_tend(small.store, 0, &place->why));
	assert_int_equal(store_value_put(small.store, "x", SPAN_LIT("y"), &place->why), 0);
	store_close(small.store);
	assert_int_equal(umount(dir), 0);
	rmdir(dir);
}

static void test_write_that_fails(void **state)
{
	struct place *place = *state;
	int status;
	size_t count;

	make_lists(place);
	store_close(place->store);
	place->store = NULL;
	/* Recovery cannot write its log; then, the log can be written but the database of members cannot grow, which the reserve does not foresee. */
	assert_int_equal(status_of_fill(place, (rlim_t)1 << 20), 2);
	status = status_of_fill(place, (rlim_t)5 << 20);
	assert_true(status == 0 || status == 1 || status == EX_TEMPFAIL);
	open_store(place);
	count = walk(place, BIRDS).count;
	assert_true(count >= 1000);
	check_count(place, BIRDS, count);
	assert_int_equal(rows_of(place, STORE_MEMBER_LISTS), count);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_numbers), cmocka_unit_test(test_bad_records), cmocka_unit_test(test_member_rows), T(test_lists),
		T(test_settings_of_any_size), T(test_members), T(test_member_texts_have_a_limit), T(test_first_of_equal_members_wins), T(test_lists_of_a_member),
		T(test_rename), T(test_former_addresses), T(test_delete_takes_all_with_it), T(test_values_and_tokens), T(test_expiry), T(test_holds), T(test_seconds), T(test_learnt), T(test_aliases),
		T(test_second_opener), T(test_other_format), T(test_killed_in_mid_write), T(test_killed_while_deleting), T(test_writers_that_meet),
		T(test_walk_and_write), T(test_damaged_member), T(test_many_members), T(test_backup_in_use), T(test_full_file_system), T(test_write_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
