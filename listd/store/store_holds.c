/* SPDX-License-Identifier: BSD-2-Clause */
/* Posts that wait for a moderator. holds: version 1, id of the list (so that a rename needs no change), since, bytes, from, subject, reason. */
#include "listd/store/store_int.h"

#include <string.h>

struct hold_call {
	struct arena *arena;
	const char *id, *list;
	const struct hold *hold;
	const struct store_token *token;
	struct held { uint32_t list_id; struct hold hold; } *items;
	size_t count, cap;
	uint32_t only_id; /* 0: all lists */
	struct fail *why;
};

static bool is_id(const char *id)
{
	return id[0] != '\0' && strlen(id) <= STORE_ADDRESS_MAX_BYTES;
}

/* What a stranger wrote is cut, not refused: a post must be held all the same. */
static int put_hold(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	const struct hold_call *call = context;
	const struct hold *hold = call->hold;
	struct buf row;
	uint32_t id;
	int code = store_list_need(store, txn, hold->list, &id, why);

	if (code != 0)
		return code;
	buf_init(&row, STORE_ROW_MAX_BYTES);
	record_begin(&row, 1);
	record_put_id(&row, id);
	record_put_signed(&row, hold->since_secs);
	record_put_number(&row, hold->bytes);
	record_put_cut(&row, hold->from, STORE_TEXT_MAX_BYTES);
	record_put_cut(&row, hold->subject, STORE_TEXT_MAX_BYTES);
	record_put_cut(&row, hold->reason, STORE_TEXT_MAX_BYTES);
	code = store_put(store, txn, STORE_HOLDS, span_of(hold->id), buf_span(&row), 0);
	buf_done(&row);
	return code;
}

int store_hold_put(struct store *store, const struct hold *hold, struct fail *why)
{
	struct hold_call call = { .hold = hold };

	if (!is_id(hold->id))
		return fail_permanent(why, "not an id of a held post");
	return store_change(store, "hold put", 0, put_hold, &call, why);
}

static bool decode(struct arena *a, struct span key, struct span row, struct held *held_r)
{
	struct record record = record_open(row, 1);

	held_r->list_id = record_id(&record);
	held_r->hold.since_secs = record_signed(&record);
	held_r->hold.bytes = record_number(&record);
	held_r->hold.from = arena_text(a, span_of(record_text(&record)));
	held_r->hold.subject = arena_text(a, span_of(record_text(&record)));
	held_r->hold.reason = arena_text(a, span_of(record_text(&record)));
	held_r->hold.id = arena_text(a, key);
	return !record.bad;
}

/* Names of the lists; NULL for a list that is being deleted. May run several times. */
static int look_names(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct hold_call *call = context;

	(void)why;
	for (size_t i = 0; i < call->count; i++) {
		uint64_t members;
		int code = store_list_of_id(store, txn, call->arena, call->items[i].list_id, &call->items[i].hold.list, &members);

		if (code == DB_NOTFOUND)
			call->items[i].hold.list = NULL;
		else if (code != 0)
			return code;
	}
	return 0;
}

static int look_hold(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct hold_call *call = context;
	struct buf row;
	int code;

	buf_init(&row, STORE_ROW_MAX_BYTES);
	code = store_get(store, txn, STORE_HOLDS, span_of(call->id), &row, 0);
	if (code == 0 && !decode(call->arena, span_of(call->id), buf_span(&row), call->items))
		code = store_damaged(why, "holds");
	buf_done(&row);
	call->count = code == 0;
	return code == 0 ? look_names(store, txn, context, why) : code == DB_NOTFOUND ? 0 : code;
}

int store_hold_get(struct store *store, struct arena *a, const char *id, struct hold *hold_r, struct fail *why)
{
	struct held held = { 0 };
	struct hold_call call = { .arena = a, .id = id, .items = &held };

	if (!is_id(id))
		return 0;
	if (store_look(store, "hold get", look_hold, &call, why) != 0)
		return -1;
	if (call.count == 0 || held.hold.list == NULL)
		return 0;
	*hold_r = held.hold;
	return 1;
}

static int remove_hold(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	const struct hold_call *call = context;
	int code = store_delete(store, txn, STORE_HOLDS, span_of(call->id));

	if (code != 0)
		return code == DB_NOTFOUND ? 0 : code;
	return call->token == NULL ? 0 : store_token_write(store, txn, call->token, why);
}

int store_hold_remove(struct store *store, const char *id, const struct store_token *token, struct fail *why)
{
	struct hold_call call = { .id = id, .token = token };

	return is_id(id) ? store_change(store, "hold remove", 0, remove_hold, &call, why) : 0;
}

static int look_only(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct hold_call *call = context;

	return store_list_need(store, txn, call->list, &call->only_id, why);
}

static int note_hold(void *context, struct span key, struct span row)
{
	struct hold_call *call = context;
	struct record record = record_open(row, 1);
	uint32_t list_id = record_id(&record);

	if (call->only_id != 0 && list_id != call->only_id && !record.bad)
		return 0;
	if (!decode(call->arena, key, row, arena_grow(call->arena, &call->items, &call->cap, call->count++, sizeof(*call->items))))
		return store_damaged(call->why, "holds");
	return 0;
}

int store_hold_all(struct store *store, struct arena *a, const char *list, struct hold **holds_r, size_t *count_r, struct fail *why)
{
	struct hold_call call = { .arena = a, .list = list, .why = why };
	struct span none = { NULL, 0 };
	struct hold *holds;
	size_t kept = 0;

	if (list != NULL && store_look(store, "holds", look_only, &call, why) != 0)
		return -1;
	if (store_scan(store, STORE_HOLDS, none, none, note_hold, &call, why) != 0 || store_look(store, "holds", look_names, &call, why) != 0)
		return -1;
	holds = arena_array(a, call.count, sizeof(*holds));
	for (size_t i = 0; i < call.count; i++)
		if (call.items[i].hold.list != NULL)
			holds[kept++] = call.items[i].hold;
	*holds_r = holds;
	*count_r = kept;
	return 0;
}

static int count_hold(void *context, struct span key, struct span row)
{
	(void)key;
	(void)row;
	++*(size_t *)context;
	return 0;
}

int store_hold_count(struct store *store, size_t *count_r, struct fail *why)
{
	struct span none = { NULL, 0 };
	size_t count = 0;

	if (store_scan(store, STORE_HOLDS, none, none, count_hold, &count, why) != 0)
		return -1;
	*count_r = count;
	return 0;
}
