/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows by key, walks over rows, and rows that expire. */
#include "listd/store/store_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Large enough for some hundred members, small enough that a walk never holds a writer up for long. */
#define SCAN_BYTES ((size_t)64 << 10)

static DBT dbt_of(struct span span)
{
	return (DBT){ .data = (void *)(uintptr_t)span.ptr, .size = (u_int32_t)span.len, .ulen = (u_int32_t)span.len, .flags = DB_DBT_USERMEM };
}

int store_get(struct store *store, DB_TXN *txn, enum store_db db, struct span key, struct buf *row, unsigned flags)
{
	DBT k = dbt_of(key), d = { .ulen = 512, .flags = DB_DBT_USERMEM };

	for (;;) {
		int code;

		buf_reset(row);
		d.data = buf_room(row, d.ulen);
		if (d.data == NULL)
			return STORE_BAD;
		code = store->dbs[db]->get(store->dbs[db], txn, &k, &d, flags);
		if (code == 0)
			row->len = d.size;
		if (code != DB_BUFFER_SMALL)
			return code;
		d.ulen = d.size;
	}
}

int store_put(struct store *store, DB_TXN *txn, enum store_db db, struct span key, struct span row, unsigned flags)
{
	DBT k = dbt_of(key), d = dbt_of(row);

	return store->dbs[db]->put(store->dbs[db], txn, &k, &d, flags);
}

int store_delete(struct store *store, DB_TXN *txn, enum store_db db, struct span key)
{
	DBT k = dbt_of(key);

	return store->dbs[db]->del(store->dbs[db], txn, &k, 0);
}

/* The rows from `from` on, as many as the buffer takes. The cursor and its locks are gone when this returns. */
static int read_some(struct store *store, enum store_db db, struct span from, DBT *some)
{
	DB *handle = store->dbs[db];
	DBT key = { .flags = DB_DBT_REALLOC };
	DBC *cursor;
	int code, closed;

	key.data = malloc(from.len + 1);
	if (key.data == NULL)
		return ENOMEM;
	if (from.len > 0)
		memcpy(key.data, from.ptr, from.len);
	key.size = (u_int32_t)from.len;
	code = handle->cursor(handle, NULL, &cursor, 0);
	if (code == 0) {
		code = cursor->get(cursor, &key, some, DB_SET_RANGE | DB_MULTIPLE_KEY);
		closed = cursor->close(cursor);
		if (code == 0)
			code = closed;
	}
	free(key.data);
	return code;
}

static int grow(DBT *some)
{
	size_t want = ((size_t)some->size + SCAN_BYTES) & ~(size_t)1023;
	void *more = want > 2 * STORE_ROW_MAX_BYTES ? NULL : realloc(some->data, want);

	if (more == NULL)
		return ENOMEM;
	some->data = more;
	some->ulen = (u_int32_t)want;
	return 0;
}

/* Hand out what was read. *last keeps the last key; *end_r is set at the first key beyond the prefix. */
static int hand_out(const DBT *some, struct span prefix, int (*each)(void *, struct span, struct span), void *context, struct buf *last, bool *end_r)
{
	void *at, *key, *row;
	size_t key_len, row_len;
	int result;

	DB_MULTIPLE_INIT(at, some);
	for (;;) {
		DB_MULTIPLE_KEY_NEXT(at, some, key, key_len, row, row_len);
		if (at == NULL)
			return 0;
		if (key_len < prefix.len || (prefix.len > 0 && memcmp(key, prefix.ptr, prefix.len) != 0)) {
			*end_r = true;
			return 0;
		}
		buf_reset(last);
		buf_put(last, (struct span){ key, key_len });
		result = each(context, (struct span){ key, key_len }, (struct span){ row, row_len });
		if (result != 0)
			return result;
	}
}

int store_scan(struct store *store, enum store_db db, struct span prefix, struct span from, int (*each)(void *, struct span, struct span), void *context,
	struct fail *why)
{
	DBT some = { .data = malloc(SCAN_BYTES), .ulen = SCAN_BYTES, .flags = DB_DBT_USERMEM };
	struct buf last;
	bool end = false;
	int result = 0, code = 0;

	if (some.data == NULL)
		fail_environment("out of memory");
	buf_init(&last, STORE_KEY_MAX_BYTES + 1);
	buf_put(&last, from.len > 0 ? from : prefix);
	while (!end && result == 0 && code == 0) {
		code = read_some(store, db, buf_span(&last), &some);
		if (code == 0) {
			result = hand_out(&some, prefix, each, context, &last, &end);
			/* The least key after the last one. */
			buf_put_byte(&last, '\0');
		} else if (code == DB_BUFFER_SMALL) {
			code = grow(&some);
		} else if (code == DB_LOCK_DEADLOCK || code == DB_LOCK_NOTGRANTED) {
			code = 0;
		}
	}
	if (code != 0 && code != DB_NOTFOUND)
		result = store_fail(store, "read", code, why);
	buf_done(&last);
	free(some.data);
	return result;
}

void store_key(struct buf *key, uint32_t id, const char *text, bool ended)
{
	buf_reset(key);
	record_put_id(key, id);
	buf_put_text(key, text);
	if (ended)
		buf_put_byte(key, '\0');
}

int store_expiry_put(struct store *store, DB_TXN *txn, enum store_db db, struct span key, int64_t expires_secs)
{
	struct buf expiry;
	int code;

	buf_init(&expiry, STORE_KEY_MAX_BYTES + 9);
	record_put_id(&expiry, (uint32_t)((uint64_t)expires_secs >> 32));
	record_put_id(&expiry, (uint32_t)expires_secs);
	buf_put_byte(&expiry, (char)db);
	buf_put(&expiry, key);
	code = buf_overflowed(&expiry) ? EINVAL : store_put(store, txn, STORE_EXPIRIES, buf_span(&expiry), (struct span){ NULL, 0 }, 0);
	buf_done(&expiry);
	return code;
}

/* Keys of expiries that are due, in one piece of memory: length (4 octets), key. */
struct due {
	int64_t now_secs;
	struct buf keys;
	size_t count;
};

static int64_t expiry_secs(struct span key)
{
	struct record record = { .at = (const uint8_t *)key.ptr, .end = (const uint8_t *)key.ptr + key.len };
	uint64_t high = record_id(&record);

	return (int64_t)(high << 32 | record_id(&record));
}

static int note_due(void *context, struct span key, struct span row)
{
	struct due *due = context;

	(void)row;
	if (key.len < 9 || expiry_secs(key) > due->now_secs || due->count == STORE_BATCH_ROWS)
		return 1;
	record_put_id(&due->keys, (uint32_t)key.len);
	buf_put(&due->keys, key);
	due->count++;
	return 0;
}

static bool expires(enum store_db db)
{
	return db == STORE_SEEN || db == STORE_TOKENS || db == STORE_SECONDS || db == STORE_TALLIES || db == STORE_BOUNCES || db == STORE_FIGURES;
}

/* A row that was put again later has a later time in it and another expiry; it stays. The time is the first number of all these rows. */
static int drop_row(struct store *store, DB_TXN *txn, enum store_db db, struct span key, int64_t now_secs, struct buf *row)
{
	struct record record;
	int code = store_get(store, txn, db, key, row, DB_RMW);

	if (code != 0)
		return code == DB_NOTFOUND ? 0 : code;
	record = record_open(buf_span(row), 1);
	if (record_signed(&record) > now_secs)
		return 0;
	return store_delete(store, txn, db, key);
}

/* What is to be done about a row that is gone is done with. */
static int drop_todo(struct store *store, DB_TXN *txn, struct span key, struct buf *row)
{
	int code = store_get(store, txn, STORE_SECONDS, key, row, 0);

	if (code == DB_NOTFOUND)
		code = store_delete(store, txn, STORE_SECONDS_TODO, key);
	return code == DB_NOTFOUND ? 0 : code;
}

static int drop_due(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	const struct due *due = context;
	struct record keys = { .at = (const uint8_t *)due->keys.ptr, .end = (const uint8_t *)due->keys.ptr + due->keys.len };
	struct buf row;
	int code = 0;

	(void)why;
	buf_init(&row, STORE_ROW_MAX_BYTES);
	while (code == 0 && keys.at < keys.end) {
		uint32_t len = record_id(&keys);
		struct span key = { (const char *)keys.at, len };
		int db = keys.at[8];

		keys.at += len;
		code = store_delete(store, txn, STORE_EXPIRIES, key);
		if (code == DB_NOTFOUND)
			code = 0;
		if (code == 0 && expires((enum store_db)db))
			code = drop_row(store, txn, (enum store_db)db, span_sub(key, 9, key.len), due->now_secs, &row);
		if (code == 0 && db == STORE_SECONDS)
			code = drop_todo(store, txn, span_sub(key, 9, key.len), &row);
	}
	buf_done(&row);
	return code;
}

int store_expire(struct store *store, int64_t now_secs, struct fail *why)
{
	struct due due = { .now_secs = now_secs };
	int result;

	buf_init(&due.keys, STORE_BATCH_ROWS * (STORE_KEY_MAX_BYTES + 16));
	do {
		buf_reset(&due.keys);
		due.count = 0;
		result = store_scan(store, STORE_EXPIRIES, (struct span){ NULL, 0 }, (struct span){ NULL, 0 }, note_due, &due, why);
		if (result >= 0 && due.count > 0)
			result = store_change(store, "expire", DB_TXN_NOSYNC, drop_due, &due, why);
	} while (result >= 0 && due.count == STORE_BATCH_ROWS);
	buf_done(&due.keys);
	return result < 0 ? -1 : 0;
}
