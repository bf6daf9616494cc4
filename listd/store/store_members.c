/* SPDX-License-Identifier: BSD-2-Clause */
/* Members, and the way back from an address to its lists. Both rows change in one transaction. */
#include "listd/store/store_int.h"

#include <stdlib.h>
#include <string.h>

static const char *const delivery_names[] = {
	[MEMBER_DELIVERY_ON] = "on", [MEMBER_DELIVERY_OFF_BY_MEMBER] = "off-by-member", [MEMBER_DELIVERY_OFF_BY_ADMIN] = "off-by-admin",
	[MEMBER_DELIVERY_OFF_BY_BOUNCES] = "off-by-bounces",
};
#define DELIVERY_COUNT (sizeof(delivery_names) / sizeof(delivery_names[0]))

const char *member_delivery_name(enum member_delivery delivery)
{
	return (size_t)delivery < DELIVERY_COUNT ? delivery_names[delivery] : "unknown";
}

static bool is_short(const char *text, size_t max)
{
	return text == NULL || strlen(text) <= max;
}

int store_member_encode(const struct member *member, struct buf *row, struct fail *why)
{
	const char *address = member->address == NULL || strcmp(member->address, member->key) == 0 ? "" : member->address;

	if (member->key[0] == '\0' || !is_short(member->key, STORE_ADDRESS_MAX_BYTES) || !is_short(address, STORE_ADDRESS_MAX_BYTES))
		return fail_permanent(why, "an address of a member has 1 to %d octets", STORE_ADDRESS_MAX_BYTES);
	if (!is_short(member->name, STORE_TEXT_MAX_BYTES) || !is_short(member->reason, STORE_TEXT_MAX_BYTES))
		return fail_permanent(why, "%s: the name is longer than %d octets", member->key, STORE_TEXT_MAX_BYTES);
	record_begin(row, 1);
	record_put_number(row, member->delivery);
	record_put_number(row, member->flags);
	record_put_signed(row, member->joined_secs);
	record_put_signed(row, member->off_since_secs);
	record_put_text(row, address);
	record_put_text(row, member->name);
	record_put_text(row, member->reason);
	return 0;
}

bool store_member_decode(struct span key, struct span row, struct member *member_r)
{
	struct record record = record_open(row, 1);
	struct member member = { 0 };
	uint64_t delivery;

	/* id, at least one octet, NUL */
	if (key.len < 6 || key.ptr[key.len - 1] != '\0')
		return false;
	member.key = key.ptr + 4;
	delivery = record_number(&record);
	member.flags = (unsigned)record_number(&record);
	member.joined_secs = record_signed(&record);
	member.off_since_secs = record_signed(&record);
	member.address = record_text(&record);
	member.name = record_text(&record);
	member.reason = record_text(&record);
	if (member.address[0] == '\0')
		member.address = member.key;
	member.delivery = (enum member_delivery)delivery;
	if (record.bad || delivery >= DELIVERY_COUNT)
		return false;
	*member_r = member;
	return true;
}

void store_member_list_key(struct buf *key, const char *member_key, uint32_t id)
{
	buf_reset(key);
	buf_put_text(key, member_key);
	buf_put_byte(key, '\0');
	record_put_id(key, id);
}

struct member_change {
	const char *list;
	const struct member *const *members; /* of one batch, sorted by key */
	const char *const *keys;
	size_t count, changed;
	struct buf key, row;
};

static int run_change(struct store *store, const char *operation, unsigned flags, int (*body)(struct store *, DB_TXN *, void *, struct fail *),
	struct member_change *change, struct fail *why)
{
	int result;

	buf_init(&change->key, STORE_KEY_MAX_BYTES);
	buf_init(&change->row, STORE_ROW_MAX_BYTES);
	result = store_change(store, operation, flags, body, change, why);
	buf_done(&change->key);
	buf_done(&change->row);
	return result;
}

/* Put one; flags DB_NOOVERWRITE gives DB_KEYEXIST. */
static int put_member(struct store *store, DB_TXN *txn, struct member_change *change, uint32_t id, const struct member *member, unsigned flags, struct fail *why)
{
	struct span none = { NULL, 0 };
	int code;

	if (store_member_encode(member, &change->row, why) != 0)
		return STORE_REFUSED;
	store_key(&change->key, id, member->key, true);
	code = store_put(store, txn, STORE_MEMBERS, buf_span(&change->key), buf_span(&change->row), flags);
	if (code != 0 || flags == 0)
		return code;
	store_member_list_key(&change->key, member->key, id);
	return store_put(store, txn, STORE_MEMBER_LISTS, buf_span(&change->key), none, 0);
}

static int add_batch(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct member_change *change = context;
	uint32_t id;
	int code = store_list_need(store, txn, change->list, &id, why);

	change->changed = 0;
	for (size_t i = 0; code == 0 && i < change->count; i++) {
		code = put_member(store, txn, change, id, change->members[i], DB_NOOVERWRITE, why);
		if (code == 0)
			change->changed++;
		else if (code == DB_KEYEXIST)
			code = 0;
	}
	return code == 0 ? store_list_count(store, txn, id, (int64_t)change->changed, why) : code;
}

/* By key; equal ones in the order given, so that the first wins. */
static int compare_members(const void *left, const void *right)
{
	const struct member *l = *(const struct member *const *)left, *r = *(const struct member *const *)right;
	int order = strcmp(l->key, r->key);

	return order != 0 ? order : (l > r) - (l < r);
}

static const struct member **sorted(const struct member *members, size_t count)
{
	const struct member **order = calloc(count, sizeof(*order));

	if (order == NULL)
		fail_environment("out of memory");
	for (size_t i = 0; i < count; i++)
		order[i] = &members[i];
	qsort(order, count, sizeof(*order), compare_members);
	return order;
}

int store_members_add(struct store *store, const char *list, const struct member *members, size_t count, size_t *added_r,
	void (*progress)(void *context, size_t done), void *context, struct fail *why)
{
	const struct member **order = sorted(members, count == 0 ? 1 : count);
	size_t added = 0, done = 0;
	int result;

	do {
		struct member_change change = { .list = list, .members = order + done, .count = count - done };

		if (change.count > STORE_BATCH_ROWS)
			change.count = STORE_BATCH_ROWS;
		result = run_change(store, "members add", done + change.count < count ? DB_TXN_NOSYNC : 0, add_batch, &change, why);
		if (result == 0)
			added += change.changed;
		done += change.count;
		if (result == 0 && progress != NULL)
			progress(context, done);
	} while (result == 0 && done < count);
	free(order);
	*added_r = added;
	return result;
}

static int put_one(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct member_change *change = context;
	uint32_t id;
	int code = store_list_need(store, txn, change->list, &id, why);

	if (code == 0)
		code = put_member(store, txn, change, id, change->members[0], DB_NOOVERWRITE, why);
	if (code == DB_KEYEXIST)
		return put_member(store, txn, change, id, change->members[0], 0, why);
	return code == 0 ? store_list_count(store, txn, id, 1, why) : code;
}

static void copy_member(struct arena *a, struct member *member)
{
	member->key = arena_text(a, span_of(member->key));
	member->address = arena_text(a, span_of(member->address));
	member->name = arena_text(a, span_of(member->name));
	member->reason = arena_text(a, span_of(member->reason));
}

int store_member_deliver(struct store *store, DB_TXN *txn, uint32_t id, const char *key, const struct store_delivery *delivery, struct fail *why)
{
	struct member_change change = { 0 };
	struct arena *a = arena_new(1 << 16);
	struct member member;
	int code;

	buf_init(&change.key, STORE_KEY_MAX_BYTES);
	buf_init(&change.row, STORE_ROW_MAX_BYTES);
	store_key(&change.key, id, key, true);
	code = store_get(store, txn, STORE_MEMBERS, buf_span(&change.key), &change.row, DB_RMW);
	if (code == 0 && !store_member_decode(buf_span(&change.key), buf_span(&change.row), &member))
		code = store_damaged(why, "members");
	if (code == 0) {
		copy_member(a, &member);
		member.delivery = delivery->delivery;
		member.off_since_secs = delivery->delivery == MEMBER_DELIVERY_ON ? 0 : delivery->since_secs;
		member.reason = delivery->reason;
		code = put_member(store, txn, &change, id, &member, 0, why);
	}
	buf_done(&change.row);
	buf_done(&change.key);
	arena_free(a);
	return code == DB_NOTFOUND ? 0 : code;
}

int store_member_put(struct store *store, const char *list, const struct member *member, struct fail *why)
{
	struct member_change change = { .list = list, .members = &member, .count = 1 };

	return run_change(store, "member put", 0, put_one, &change, why);
}

/* The member, what was noted of bounces, and the way back from the address. DB_NOTFOUND: no such member. */
static int remove_key(struct store *store, DB_TXN *txn, struct member_change *change, uint32_t id, const char *key)
{
	int code;

	store_key(&change->key, id, key, true);
	code = store_delete(store, txn, STORE_MEMBERS, buf_span(&change->key));
	if (code != 0)
		return code;
	code = store_delete(store, txn, STORE_TALLIES, buf_span(&change->key));
	if (code != 0 && code != DB_NOTFOUND)
		return code;
	store_member_list_key(&change->key, key, id);
	code = store_delete(store, txn, STORE_MEMBER_LISTS, buf_span(&change->key));
	return code == DB_NOTFOUND ? 0 : code;
}

static int remove_keys(struct store *store, DB_TXN *txn, struct member_change *change, uint32_t id, struct fail *why)
{
	change->changed = 0;
	for (size_t i = 0; i < change->count; i++) {
		int code = is_short(change->keys[i], STORE_ADDRESS_MAX_BYTES) ? remove_key(store, txn, change, id, change->keys[i]) : DB_NOTFOUND;

		if (code != 0 && code != DB_NOTFOUND)
			return code;
		change->changed += code == 0;
	}
	return store_list_count(store, txn, id, -(int64_t)change->changed, why);
}

static int remove_batch(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct member_change *change = context;
	uint32_t id;
	int code = store_list_need(store, txn, change->list, &id, why);

	return code == 0 ? remove_keys(store, txn, change, id, why) : code;
}

int store_member_erase(struct store *store, DB_TXN *txn, uint32_t id, const char *key, struct fail *why)
{
	struct member_change change = { .keys = &key, .count = 1 };
	int code;

	buf_init(&change.key, STORE_KEY_MAX_BYTES);
	code = remove_keys(store, txn, &change, id, why);
	buf_done(&change.key);
	return code;
}

int store_members_remove(struct store *store, const char *list, const char *const *keys, size_t count, size_t *removed_r, struct fail *why)
{
	size_t removed = 0, done = 0;
	int result;

	do {
		struct member_change change = { .list = list, .keys = keys + done, .count = count - done };

		if (change.count > STORE_BATCH_ROWS)
			change.count = STORE_BATCH_ROWS;
		result = run_change(store, "members remove", done + change.count < count ? DB_TXN_NOSYNC : 0, remove_batch, &change, why);
		if (result == 0)
			removed += change.changed;
		done += change.count;
	} while (result == 0 && done < count);
	*removed_r = removed;
	return result;
}

struct member_look {
	struct arena *arena;
	const char *list, *key;
	uint32_t id;
	struct member member;
	bool found;
};

static int look_member(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct member_look *look = context;
	struct buf key, row;
	int code = store_list_need(store, txn, look->list, &look->id, why);

	if (code != 0 || !is_short(look->key, STORE_ADDRESS_MAX_BYTES))
		return code;
	buf_init(&key, STORE_KEY_MAX_BYTES);
	buf_init(&row, STORE_ROW_MAX_BYTES);
	store_key(&key, look->id, look->key, true);
	code = store_get(store, txn, STORE_MEMBERS, buf_span(&key), &row, 0);
	if (code == 0 && !store_member_decode(buf_span(&key), buf_span(&row), &look->member))
		code = store_damaged(why, "members");
	look->found = code == 0;
	if (look->found)
		copy_member(look->arena, &look->member);
	buf_done(&row);
	buf_done(&key);
	return code == DB_NOTFOUND ? 0 : code;
}

int store_member_get(struct store *store, struct arena *a, const char *list, const char *key, struct member *member_r, struct fail *why)
{
	struct member_look look = { .arena = a, .list = list, .key = key };

	if (store_look(store, "member get", look_member, &look, why) != 0)
		return -1;
	if (look.found)
		*member_r = look.member;
	return look.found;
}

static int look_id(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct member_look *look = context;

	return store_list_need(store, txn, look->list, &look->id, why);
}

struct walk { int (*each)(void *context, const struct member *member); void *context; struct fail *why; };

static int hand_member(void *context, struct span key, struct span row)
{
	const struct walk *walk = context;
	struct member member;

	if (!store_member_decode(key, row, &member))
		return store_damaged(walk->why, "members");
	return walk->each(walk->context, &member);
}

int store_members_each(struct store *store, const char *list, int (*each)(void *context, const struct member *member), void *context, struct fail *why)
{
	struct walk walk = { each, context, why };
	struct member_look look = { .list = list };
	char prefix[4];

	if (store_look(store, "members", look_id, &look, why) != 0)
		return -1;
	for (int i = 0; i < 4; i++)
		prefix[i] = (char)(look.id >> (24 - 8 * i));
	return store_scan(store, STORE_MEMBERS, (struct span){ prefix, 4 }, (struct span){ NULL, 0 }, hand_member, &walk, why);
}

struct lists_look { struct arena *arena; uint32_t *ids; const char **lists; size_t count, cap; };

static int note_id(void *context, struct span key, struct span row)
{
	struct lists_look *look = context;
	struct record record = { .at = (const uint8_t *)key.ptr + key.len - 4, .end = (const uint8_t *)key.ptr + key.len };
	uint32_t *id = arena_grow(look->arena, &look->ids, &look->cap, look->count++, sizeof(*id));

	(void)row;
	*id = record_id(&record);
	return 0;
}

static int look_lists(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct lists_look *look = context;
	size_t kept = 0;

	(void)why;
	for (size_t i = 0; i < look->count; i++) {
		uint64_t members;
		int code = store_list_of_id(store, txn, look->arena, look->ids[i], &look->lists[kept], &members);

		if (code == 0)
			kept++;
		else if (code != DB_NOTFOUND)
			return code;
	}
	look->count = kept;
	return 0;
}

int store_member_lists(struct store *store, struct arena *a, const char *key, const char ***lists_r, size_t *count_r, struct fail *why)
{
	struct lists_look look = { .arena = a };
	struct span prefix = { key, strlen(key) + 1 };

	if (is_short(key, STORE_ADDRESS_MAX_BYTES)
			&& store_scan(store, STORE_MEMBER_LISTS, prefix, (struct span){ NULL, 0 }, note_id, &look, why) != 0)
		return -1;
	look.lists = arena_array(a, look.count, sizeof(*look.lists));
	if (store_look(store, "member lists", look_lists, &look, why) != 0)
		return -1;
	*lists_r = look.lists;
	*count_r = look.count;
	return 0;
}
