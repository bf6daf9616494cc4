/* SPDX-License-Identifier: BSD-2-Clause */
/* What deleted lists leave: their rows go a batch at a time, and the id last, so that a crash in between only means that it goes on later. */
#include "listd/store/store_int.h"

#include <string.h>

struct purge {
	uint32_t id;
	enum store_db db;
	struct buf keys; /* length (4 octets), key */
	size_t count;
};

static int note_deleted(void *context, struct span key, struct span row)
{
	struct purge *purge = context;
	struct record id = { .at = (const uint8_t *)key.ptr, .end = (const uint8_t *)key.ptr + key.len }, record = record_open(row, 1);
	uint32_t number = record_id(&id);

	if (number == 0 || record_number(&record) != 1 || record.bad)
		return 0;
	purge->id = number;
	return 1;
}

static int note_key(void *context, struct span key, struct span row)
{
	struct purge *purge = context;

	(void)row;
	if (purge->count == STORE_BATCH_ROWS)
		return 1;
	record_put_id(&purge->keys, (uint32_t)key.len);
	buf_put(&purge->keys, key);
	purge->count++;
	return 0;
}

static int note_hold(void *context, struct span key, struct span row)
{
	struct purge *purge = context;
	struct record record = record_open(row, 1);

	return record_id(&record) == purge->id && !record.bad ? note_key(context, key, row) : 0;
}

static int delete_noted(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	const struct purge *purge = context;
	struct record keys = { .at = (const uint8_t *)purge->keys.ptr, .end = (const uint8_t *)purge->keys.ptr + purge->keys.len };
	struct buf other;
	int code = 0;

	(void)why;
	buf_init(&other, STORE_KEY_MAX_BYTES);
	while (code == 0 && keys.at < keys.end) {
		uint32_t len = record_id(&keys);
		struct span key = { (const char *)keys.at, len };

		keys.at += len;
		code = store_delete(store, txn, purge->db, key);
		if (purge->db == STORE_MEMBERS && (code == 0 || code == DB_NOTFOUND)) {
			store_member_list_key(&other, key.ptr + 4, purge->id);
			code = store_delete(store, txn, STORE_MEMBER_LISTS, buf_span(&other));
		}
		if (code == DB_NOTFOUND)
			code = 0;
	}
	buf_done(&other);
	return code;
}

static int purge_db(struct store *store, struct purge *purge, enum store_db db, struct fail *why)
{
	char id[4] = { (char)(purge->id >> 24), (char)(purge->id >> 16), (char)(purge->id >> 8), (char)purge->id };
	struct span prefix = db == STORE_HOLDS ? (struct span){ NULL, 0 } : (struct span){ id, 4 };

	purge->db = db;
	do {
		buf_reset(&purge->keys);
		purge->count = 0;
		if (store_scan(store, db, prefix, prefix, db == STORE_HOLDS ? note_hold : note_key, purge, why) < 0)
			return -1;
		if (purge->count > 0 && store_change(store, "list delete", DB_TXN_NOSYNC, delete_noted, purge, why) != 0)
			return -1;
	} while (purge->count == STORE_BATCH_ROWS);
	return 0;
}

static int forget_id(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	const struct purge *purge = context;
	char id[4] = { (char)(purge->id >> 24), (char)(purge->id >> 16), (char)(purge->id >> 8), (char)purge->id };
	int code = store_delete(store, txn, STORE_LIST_IDS, (struct span){ id, 4 });

	(void)why;
	return code == DB_NOTFOUND ? 0 : code;
}

int store_lists_purge(struct store *store, struct fail *why)
{
	static const enum store_db dbs[] = {
		STORE_MEMBERS, STORE_HOLDS, STORE_ALIASES, STORE_SEEN, STORE_SECONDS, STORE_SECONDS_TODO, STORE_TALLIES, STORE_BOUNCES, STORE_FIGURES,
	};
	struct span none = { NULL, 0 };
	struct purge purge = { 0 };
	int found, result = 0;

	buf_init(&purge.keys, STORE_BATCH_ROWS * (STORE_KEY_MAX_BYTES + 8));
	while (result == 0 && (found = store_scan(store, STORE_LIST_IDS, none, none, note_deleted, &purge, why)) != 0) {
		result = found < 0 ? -1 : 0;
		for (size_t i = 0; result == 0 && i < sizeof(dbs) / sizeof(dbs[0]); i++)
			result = purge_db(store, &purge, dbs[i], why);
		if (result == 0)
			result = store_change(store, "list delete", 0, forget_id, &purge, why);
	}
	buf_done(&purge.keys);
	return result;
}
