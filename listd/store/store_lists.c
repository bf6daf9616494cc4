/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists: made, changed, renamed, deleted. */
#include "listd/store/store_int.h"

#include <stdlib.h>
#include <string.h>

/* lists: version 1, id, created, text. The id stands first at a fixed place, so that a look-up of it alone reads no text. */
#define ID_BYTES 5
static const struct span last_id_key = { "\0\0\0", 4 };

struct change {
	const char *address, *to, *text;
	int64_t now_secs;
	uint32_t id;
	struct buf key, row;
};

static void change_init(struct change *change)
{
	buf_init(&change->key, STORE_KEY_MAX_BYTES);
	buf_init(&change->row, STORE_ROW_MAX_BYTES);
}

static void change_done(struct change *change)
{
	buf_done(&change->key);
	buf_done(&change->row);
}

int store_list_id(struct store *store, DB_TXN *txn, const char *address, uint32_t *id_r)
{
	char head[ID_BYTES];
	DBT key = { .data = (void *)(uintptr_t)address, .size = (u_int32_t)strlen(address), .flags = DB_DBT_USERMEM };
	DBT data = { .data = head, .ulen = sizeof(head), .dlen = sizeof(head), .flags = DB_DBT_USERMEM | DB_DBT_PARTIAL };
	int code = store->dbs[STORE_LISTS]->get(store->dbs[STORE_LISTS], txn, &key, &data, 0);
	struct record record;

	if (code != 0)
		return code;
	record = record_open((struct span){ head, data.size }, 1);
	*id_r = record_id(&record);
	return record.bad ? STORE_BAD : 0;
}

int store_list_need(struct store *store, DB_TXN *txn, const char *address, uint32_t *id_r, struct fail *why)
{
	int code = store_list_id(store, txn, address, id_r);

	if (code != DB_NOTFOUND)
		return code;
	fail_permanent(why, "no list %s here", address);
	return STORE_REFUSED;
}

static void put_list_row(struct buf *row, uint32_t id, int64_t created_secs, const char *text)
{
	record_begin(row, 1);
	record_put_id(row, id);
	record_put_signed(row, created_secs);
	record_put_text(row, text);
}

/* list_ids: version 1, 1 while it is being deleted, members, address. */
static int put_id_row(struct store *store, DB_TXN *txn, uint32_t id, bool is_deleted, uint64_t members, const char *address)
{
	struct buf key, row;
	int code;

	buf_init(&key, STORE_KEY_MAX_BYTES);
	buf_init(&row, STORE_ROW_MAX_BYTES);
	record_put_id(&key, id);
	record_begin(&row, 1);
	record_put_number(&row, is_deleted);
	record_put_number(&row, members);
	record_put_text(&row, address);
	code = store_put(store, txn, STORE_LIST_IDS, buf_span(&key), buf_span(&row), 0);
	buf_done(&row);
	buf_done(&key);
	return code;
}

static int next_id(struct store *store, DB_TXN *txn, uint32_t *id_r, struct fail *why)
{
	struct buf row;
	struct record record;
	uint32_t last = 0;
	int code;

	buf_init(&row, STORE_ROW_MAX_BYTES);
	code = store_get(store, txn, STORE_LIST_IDS, last_id_key, &row, DB_RMW);
	if (code == 0) {
		record = record_open(buf_span(&row), 1);
		last = record_id(&record);
		code = record.bad || last == UINT32_MAX ? store_damaged(why, "list ids") : 0;
	} else if (code == DB_NOTFOUND) {
		code = 0;
	}
	if (code == 0) {
		record_begin(&row, 1);
		record_put_id(&row, last + 1);
		code = store_put(store, txn, STORE_LIST_IDS, last_id_key, buf_span(&row), 0);
		*id_r = last + 1;
	}
	buf_done(&row);
	return code;
}

/* values: ".former " and the address -> id of the list that had it. Mail that is under way when a list is renamed still has to find it. */
static void former_key(struct buf *key, const char *address)
{
	buf_reset(key);
	buf_put_text(key, ".former ");
	buf_put_text(key, address);
}

/* The address is a list's own now. */
static int drop_former(struct store *store, DB_TXN *txn, struct buf *key, const char *address)
{
	int code;

	former_key(key, address);
	code = store_delete(store, txn, STORE_VALUES, buf_span(key));
	return code == DB_NOTFOUND ? 0 : code;
}

static int put_former(struct store *store, DB_TXN *txn, struct change *change, uint32_t id)
{
	former_key(&change->key, change->address);
	record_begin(&change->row, 1);
	record_put_id(&change->row, id);
	return store_put(store, txn, STORE_VALUES, buf_span(&change->key), buf_span(&change->row), 0);
}

static int create(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct change *change = context;
	int code = next_id(store, txn, &change->id, why);

	if (code != 0)
		return code;
	put_list_row(&change->row, change->id, change->now_secs, change->text);
	if (buf_overflowed(&change->row)) {
		fail_permanent(why, "the settings of %s are longer than %zu bytes", change->address, STORE_ROW_MAX_BYTES);
		return STORE_REFUSED;
	}
	code = store_put(store, txn, STORE_LISTS, span_of(change->address), buf_span(&change->row), DB_NOOVERWRITE);
	if (code == DB_KEYEXIST) {
		fail_permanent(why, "the list %s exists already", change->address);
		return STORE_REFUSED;
	}
	if (code == 0)
		code = drop_former(store, txn, &change->key, change->address);
	return code == 0 ? put_id_row(store, txn, change->id, false, 0, change->address) : code;
}

static int run_change(struct store *store, const char *operation, int (*body)(struct store *, DB_TXN *, void *, struct fail *), struct change *change, struct fail *why)
{
	int result;

	if (strlen(change->address) > STORE_ADDRESS_MAX_BYTES || (change->to != NULL && strlen(change->to) > STORE_ADDRESS_MAX_BYTES))
		return fail_permanent(why, "an address of a list has at most %d octets", STORE_ADDRESS_MAX_BYTES);
	change_init(change);
	result = store_change(store, operation, 0, body, change, why);
	change_done(change);
	return result;
}

int store_list_create(struct store *store, const char *address, const char *text, int64_t now_secs, struct fail *why)
{
	return run_change(store, "list create", create, &(struct change){ .address = address, .text = text, .now_secs = now_secs }, why);
}

/* The row of a list: 0, DB_NOTFOUND or another code. Texts are views into row. */
static int read_list(struct store *store, DB_TXN *txn, const char *address, struct buf *row, unsigned flags, struct store_list *list_r, struct fail *why)
{
	struct record record;
	int code = store_get(store, txn, STORE_LISTS, span_of(address), row, flags);

	if (code != 0)
		return code;
	record = record_open(buf_span(row), 1);
	list_r->id = record_id(&record);
	list_r->created_secs = record_signed(&record);
	list_r->text = record_text(&record);
	return record.bad ? store_damaged(why, "lists") : 0;
}

struct list_look { struct arena *arena; const char *address; struct store_list list; bool found; };

static int look_list(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct list_look *look = context;
	const char *unused;
	struct buf row;
	int code;

	buf_init(&row, STORE_ROW_MAX_BYTES);
	code = read_list(store, txn, look->address, &row, 0, &look->list, why);
	if (code == 0) {
		look->list.text = arena_text(look->arena, span_of(look->list.text));
		look->list.address = arena_text(look->arena, span_of(look->address));
		code = store_list_of_id(store, txn, look->arena, look->list.id, &unused, &look->list.member_count);
	}
	buf_done(&row);
	look->found = code == 0;
	/* Deleted between the two look-ups: not there. */
	return code == DB_NOTFOUND ? 0 : code;
}

int store_list_get(struct store *store, struct arena *a, const char *address, struct store_list *list_r, struct fail *why)
{
	struct list_look look = { .arena = a, .address = address };

	if (store_look(store, "list get", look_list, &look, why) != 0)
		return -1;
	if (look.found)
		*list_r = look.list;
	return look.found;
}

/* Read the list of change->address for writing. */
static int need_list(struct store *store, DB_TXN *txn, struct change *change, struct store_list *list_r, struct fail *why)
{
	int code = read_list(store, txn, change->address, &change->row, DB_RMW, list_r, why);

	if (code != DB_NOTFOUND)
		return code;
	fail_permanent(why, "no list %s here", change->address);
	return STORE_REFUSED;
}

static int replace(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct change *change = context;
	struct store_list list = { 0 };
	int code = need_list(store, txn, change, &list, why);

	if (code != 0)
		return code;
	put_list_row(&change->row, list.id, list.created_secs, change->text);
	if (buf_overflowed(&change->row)) {
		fail_permanent(why, "the settings of %s are longer than %zu bytes", change->address, STORE_ROW_MAX_BYTES);
		return STORE_REFUSED;
	}
	return store_put(store, txn, STORE_LISTS, span_of(change->address), buf_span(&change->row), 0);
}

int store_list_put(struct store *store, const char *address, const char *text, struct fail *why)
{
	return run_change(store, "list put", replace, &(struct change){ .address = address, .text = text }, why);
}

static int rename_list(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct change *change = context;
	struct store_list list = { 0 };
	struct arena *a;
	const char *unused;
	uint64_t members;
	int code = need_list(store, txn, change, &list, why);

	if (code != 0)
		return code;
	put_list_row(&change->row, list.id, list.created_secs, change->text);
	code = store_put(store, txn, STORE_LISTS, span_of(change->to), buf_span(&change->row), DB_NOOVERWRITE);
	if (code == DB_KEYEXIST) {
		fail_permanent(why, "the list %s exists already", change->to);
		return STORE_REFUSED;
	}
	if (code == 0)
		code = store_delete(store, txn, STORE_LISTS, span_of(change->address));
	a = arena_new(1 << 16);
	if (code == 0)
		code = store_list_of_id(store, txn, a, list.id, &unused, &members);
	if (code == 0)
		code = put_id_row(store, txn, list.id, false, members, change->to);
	if (code == 0)
		code = drop_former(store, txn, &change->key, change->to);
	arena_free(a);
	return code == 0 ? put_former(store, txn, change, list.id) : code;
}

int store_list_rename(struct store *store, const char *from, const char *to, const char *text, struct fail *why)
{
	return run_change(store, "list rename", rename_list, &(struct change){ .address = from, .to = to, .text = text }, why);
}

struct former_look { struct arena *arena; const char *address, *now; };

static int look_former(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct former_look *look = context;
	struct record record;
	struct buf key, row;
	uint64_t members;
	uint32_t id = 0;
	int code;

	buf_init(&key, STORE_KEY_MAX_BYTES);
	buf_init(&row, STORE_ROW_MAX_BYTES);
	former_key(&key, look->address);
	code = store_get(store, txn, STORE_VALUES, buf_span(&key), &row, 0);
	if (code == 0) {
		record = record_open(buf_span(&row), 1);
		id = record_id(&record);
		code = record.bad ? store_damaged(why, "values") : store_list_of_id(store, txn, look->arena, id, &look->now, &members);
	}
	if (code != 0)
		look->now = NULL;
	buf_done(&row);
	buf_done(&key);
	return code == DB_NOTFOUND ? 0 : code;
}

int store_list_former(struct store *store, struct arena *a, const char *address, const char **now_r, struct fail *why)
{
	struct former_look look = { .arena = a, .address = address };

	if (strlen(address) > STORE_ADDRESS_MAX_BYTES)
		return 0;
	if (store_look(store, "list former", look_former, &look, why) != 0)
		return -1;
	if (look.now != NULL)
		*now_r = look.now;
	return look.now != NULL;
}

static int mark_deleted(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct change *change = context;
	struct store_list list = { 0 };
	int code = need_list(store, txn, change, &list, why);

	if (code == 0)
		code = store_delete(store, txn, STORE_LISTS, span_of(change->address));
	return code == 0 ? put_id_row(store, txn, list.id, true, 0, change->address) : code;
}

int store_list_delete(struct store *store, const char *address, struct fail *why)
{
	if (run_change(store, "list delete", mark_deleted, &(struct change){ .address = address }, why) != 0)
		return -1;
	/* The list is gone now. Rows that cannot be removed at once are no failure of that; store_tend comes back to them. */
	store_lists_purge(store, NULL);
	return 0;
}

struct all_lists { struct arena *arena; struct store_list *items; size_t count, cap; struct fail *why; };

static int note_list(void *context, struct span key, struct span row)
{
	struct all_lists *all = context;
	struct record record = record_open(row, 1);
	struct store_list *list;

	list = arena_grow(all->arena, &all->items, &all->cap, all->count++, sizeof(*list));
	list->id = record_id(&record);
	list->created_secs = record_signed(&record);
	list->text = arena_text(all->arena, span_of(record_text(&record)));
	list->address = arena_text(all->arena, key);
	return record.bad ? store_damaged(all->why, "lists") : 0;
}

/* Numbers of members; no address for a list that is being deleted. May run several times. */
static int look_counts(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct all_lists *all = context;

	(void)why;
	for (size_t i = 0; i < all->count; i++) {
		const char *unused;
		int code = store_list_of_id(store, txn, all->arena, all->items[i].id, &unused, &all->items[i].member_count);

		if (code == DB_NOTFOUND)
			all->items[i].address = NULL;
		else if (code != 0)
			return code;
	}
	return 0;
}

int store_list_all(struct store *store, struct arena *a, struct store_list **lists_r, size_t *count_r, struct fail *why)
{
	struct all_lists all = { .arena = a, .why = why };
	struct span none = { NULL, 0 };
	size_t kept = 0;

	if (store_scan(store, STORE_LISTS, none, none, note_list, &all, why) != 0 || store_look(store, "lists", look_counts, &all, why) != 0)
		return -1;
	for (size_t i = 0; i < all.count; i++)
		if (all.items[i].address != NULL)
			all.items[kept++] = all.items[i];
	*lists_r = all.items;
	*count_r = kept;
	return 0;
}

/* 0, or DB_NOTFOUND also for one that is being deleted. */
int store_list_of_id(struct store *store, DB_TXN *txn, struct arena *a, uint32_t id, const char **address_r, uint64_t *members_r)
{
	struct buf key, row;
	struct record record;
	int code;

	buf_init(&key, STORE_KEY_MAX_BYTES);
	buf_init(&row, STORE_ROW_MAX_BYTES);
	record_put_id(&key, id);
	code = store_get(store, txn, STORE_LIST_IDS, buf_span(&key), &row, txn == NULL ? 0 : DB_RMW);
	if (code == 0) {
		record = record_open(buf_span(&row), 1);
		if (record_number(&record) != 0)
			code = DB_NOTFOUND;
		*members_r = record_number(&record);
		*address_r = arena_text(a, span_of(record_text(&record)));
		if (record.bad)
			code = STORE_BAD;
	}
	buf_done(&row);
	buf_done(&key);
	return code;
}

int store_list_count(struct store *store, DB_TXN *txn, uint32_t id, int64_t more, struct fail *why)
{
	struct arena *a;
	const char *address;
	uint64_t members;
	int code;

	if (more == 0)
		return 0;
	a = arena_new(1 << 16);
	code = store_list_of_id(store, txn, a, id, &address, &members);
	if (code == 0 && more < 0 && members < (uint64_t)-more)
		code = store_damaged(why, "list ids");
	if (code == 0)
		code = put_id_row(store, txn, id, false, members + (uint64_t)more, address);
	arena_free(a);
	return code;
}
