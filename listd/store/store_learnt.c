/* SPDX-License-Identifier: BSD-2-Clause */
/* Experience with receivers, and the site's allowlist. learnt: version 1, refused, sent, trial (times), counts of refused and sent, proved, reply, witnesses.
 * allowed: version 1, since, note. */
#include "listd/store/store_int.h"

#include <string.h>

const char *learnt_kind_name(enum learnt_kind kind)
{
	return kind == LEARNT_RECEIVER ? "receiver" : "author";
}

const char *allowed_kind_name(enum allowed_kind kind)
{
	return kind == ALLOWED_RECEIVER ? "receiver" : "sender";
}

/* One row that is put or removed, or all that are read. */
struct known_call {
	enum store_db db;
	struct buf key, row;
	bool found;
	struct arena *arena;
	struct learnt *learnt;
	struct allowed *allowed;
	size_t count, cap;
	struct fail *why;
};

/* kind as a letter, name, and NUL and what where there is one. */
static int begin(struct known_call *call, enum store_db db, int kind, const char *name, const char *what, struct fail *why)
{
	*call = (struct known_call){ .db = db };
	buf_init(&call->key, STORE_KEY_MAX_BYTES);
	buf_init(&call->row, STORE_ROW_MAX_BYTES);
	buf_put_byte(&call->key, (char)('a' + kind));
	buf_put_text(&call->key, name);
	if (what != NULL) {
		buf_put_byte(&call->key, '\0');
		buf_put_text(&call->key, what);
	}
	if (name[0] != '\0' && strlen(name) <= STORE_ADDRESS_MAX_BYTES && !buf_overflowed(&call->key))
		return 0;
	return fail_permanent(why, "a name has 1 to %d octets", STORE_ADDRESS_MAX_BYTES);
}

static int put(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	const struct known_call *call = context;

	(void)why;
	return store_put(store, txn, call->db, buf_span(&call->key), buf_span(&call->row), 0);
}

static int take_out(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct known_call *call = context;
	int code = store_delete(store, txn, call->db, buf_span(&call->key));

	(void)why;
	call->found = code == 0;
	return code == DB_NOTFOUND ? 0 : code;
}

static int end(struct store *store, const char *operation, int begun, int (*body)(struct store *, DB_TXN *, void *, struct fail *), struct known_call *call, struct fail *why)
{
	int result = begun == 0 ? store_change(store, operation, 0, body, call, why) : -1;

	buf_done(&call->row);
	buf_done(&call->key);
	return result;
}

int store_learnt_put(struct store *store, const struct learnt *learnt, struct fail *why)
{
	struct known_call call;
	int begun = begin(&call, STORE_LEARNT, (int)learnt->kind, learnt->name, learnt->what, why);

	record_begin(&call.row, 1);
	record_put_signed(&call.row, learnt->refused_secs);
	record_put_signed(&call.row, learnt->sent_secs);
	record_put_signed(&call.row, learnt->trial_secs);
	record_put_number(&call.row, learnt->refused_count);
	record_put_number(&call.row, learnt->sent_count);
	record_put_number(&call.row, learnt->proved);
	record_put_text(&call.row, learnt->reply);
	record_put_text(&call.row, learnt->witnesses);
	return end(store, "learnt put", begun, put, &call, why);
}

int store_learnt_remove(struct store *store, const struct learnt *learnt, struct fail *why)
{
	struct known_call call;
	int begun = begin(&call, STORE_LEARNT, (int)learnt->kind, learnt->name, learnt->what, why);

	return end(store, "learnt remove", begun, take_out, &call, why);
}

int store_allowed_put(struct store *store, const struct allowed *allowed, struct fail *why)
{
	struct known_call call;
	int begun = begin(&call, STORE_ALLOWED, (int)allowed->kind, allowed->name, NULL, why);

	record_begin(&call.row, 1);
	record_put_signed(&call.row, allowed->since_secs);
	record_put_text(&call.row, allowed->note);
	return end(store, "allowlist add", begun, put, &call, why);
}

int store_allowed_remove(struct store *store, enum allowed_kind kind, const char *name, struct fail *why)
{
	struct known_call call;
	int begun = begin(&call, STORE_ALLOWED, (int)kind, name, NULL, why);

	return end(store, "allowlist remove", begun, take_out, &call, why) != 0 ? -1 : call.found;
}

static const char *kept_text(struct known_call *call, struct record *record)
{
	return arena_text(call->arena, span_of(record_text(record)));
}

static int note_learnt(void *context, struct span key, struct span row)
{
	struct known_call *call = context;
	struct learnt *l = arena_grow(call->arena, &call->learnt, &call->cap, call->count++, sizeof(*l));
	struct record record = record_open(row, 1);
	size_t name_end = span_find_byte(key, '\0');

	l->kind = key.ptr[0] == 'a' ? LEARNT_RECEIVER : LEARNT_AUTHOR;
	l->name = arena_text(call->arena, span_sub(key, 1, name_end));
	l->what = arena_text(call->arena, span_sub(key, name_end + 1, key.len));
	l->refused_secs = record_signed(&record);
	l->sent_secs = record_signed(&record);
	l->trial_secs = record_signed(&record);
	l->refused_count = record_number(&record);
	l->sent_count = record_number(&record);
	l->proved = record_number(&record) != 0;
	l->reply = kept_text(call, &record);
	l->witnesses = kept_text(call, &record);
	return record.bad || name_end == key.len ? store_damaged(call->why, "what is learnt of receivers") : 0;
}

int store_learnt_all(struct store *store, struct arena *a, struct learnt **learnt_r, size_t *count_r, struct fail *why)
{
	struct known_call call = { .arena = a, .why = why };
	struct span none = { NULL, 0 };

	if (store_scan(store, STORE_LEARNT, none, none, note_learnt, &call, why) != 0)
		return -1;
	*learnt_r = call.learnt;
	*count_r = call.count;
	return 0;
}

static int note_allowed(void *context, struct span key, struct span row)
{
	struct known_call *call = context;
	struct allowed *allowed = arena_grow(call->arena, &call->allowed, &call->cap, call->count++, sizeof(*allowed));
	struct record record = record_open(row, 1);

	allowed->kind = key.ptr[0] == 'a' ? ALLOWED_RECEIVER : ALLOWED_SENDER;
	allowed->name = arena_text(call->arena, span_sub(key, 1, key.len));
	allowed->since_secs = record_signed(&record);
	allowed->note = kept_text(call, &record);
	return record.bad ? store_damaged(call->why, "the allowlist") : 0;
}

int store_allowed_all(struct store *store, struct arena *a, struct allowed **allowed_r, size_t *count_r, struct fail *why)
{
	struct known_call call = { .arena = a, .why = why };
	struct span none = { NULL, 0 };

	if (store_scan(store, STORE_ALLOWED, none, none, note_allowed, &call, why) != 0)
		return -1;
	*allowed_r = call.allowed;
	*count_r = call.count;
	return 0;
}
