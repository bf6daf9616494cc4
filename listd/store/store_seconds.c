/* SPDX-License-Identifier: BSD-2-Clause */
/* Refused copies and what was sent in their place. seconds: version 1, when it may be forgotten, when it was refused, state, job, form, reply, next id, outcome. */
#include "listd/store/store_int.h"

#include <string.h>

const char *second_state_name(enum second_state state)
{
	static const char *const names[] = { "waits", "chosen", "sent", "none" };

	return names[state];
}

struct seconds_call {
	struct arena *arena;
	const struct second *given;
	size_t given_count;
	const char *list;            /* only of this one; NULL: all */
	uint32_t only_id;
	struct found { uint32_t list_id; struct second second; struct span key; } *items;
	size_t count, cap, max;
	bool is_new;
	struct buf key, row;
	struct fail *why;
};

static int run_call(struct store *store, const char *operation, bool changes, int (*body)(struct store *, DB_TXN *, void *, struct fail *), struct seconds_call *call,
	struct fail *why)
{
	int result;

	buf_init(&call->key, STORE_KEY_MAX_BYTES);
	buf_init(&call->row, STORE_ROW_MAX_BYTES);
	result = changes ? store_change(store, operation, 0, body, call, why) : store_look(store, operation, body, call, why);
	buf_done(&call->row);
	buf_done(&call->key);
	return result;
}

static int make_key(struct store *store, DB_TXN *txn, const struct second *second, struct buf *key, struct fail *why)
{
	uint32_t id;
	int code = store_list_need(store, txn, second->list, &id, why);

	if (code != 0)
		return code;
	store_key(key, id, second->post_id, true);
	buf_put_text(key, second->key);
	if (second->key[0] != '\0' && strlen(second->key) <= STORE_ADDRESS_MAX_BYTES && !buf_overflowed(key))
		return 0;
	fail_permanent(why, "not a recipient's address");
	return STORE_REFUSED;
}

static void encode(const struct second *second, struct buf *row)
{
	record_begin(row, 1);
	record_put_signed(row, second->expires_secs);
	record_put_signed(row, second->refused_secs);
	record_put_number(row, second->state);
	record_put_text(row, second->job);
	record_put_text(row, second->form);
	record_put_text(row, second->reply);
	record_put_text(row, second->next_id);
	record_put_text(row, second->outcome);
}

static bool decode(struct arena *a, struct span key, struct span row, struct found *found_r)
{
	struct record record = record_open(row, 1), of_key = { .at = (const uint8_t *)key.ptr, .end = (const uint8_t *)key.ptr + key.len };
	struct second *second = &found_r->second;
	uint64_t state;
	struct span rest;
	size_t end;

	found_r->list_id = record_id(&of_key);
	rest = span_sub(key, 4, key.len);
	end = span_find_byte(rest, '\0');
	second->post_id = arena_text(a, span_sub(rest, 0, end));
	second->key = arena_text(a, span_sub(rest, end + 1, rest.len));
	second->expires_secs = record_signed(&record);
	second->refused_secs = record_signed(&record);
	state = record_number(&record);
	second->state = (enum second_state)state;
	second->job = arena_text(a, span_of(record_text(&record)));
	second->form = arena_text(a, span_of(record_text(&record)));
	second->reply = arena_text(a, span_of(record_text(&record)));
	second->next_id = arena_text(a, span_of(record_text(&record)));
	second->outcome = arena_text(a, span_of(record_text(&record)));
	return !record.bad && !of_key.bad && end < rest.len && state <= SECOND_NONE;
}

/* The row, and whether it is among those to do. */
static int put_one(struct store *store, DB_TXN *txn, const struct second *second, struct seconds_call *call, struct fail *why)
{
	struct span none = { NULL, 0 };
	int code = make_key(store, txn, second, &call->key, why);

	if (code != 0)
		return code;
	encode(second, &call->row);
	code = store_put(store, txn, STORE_SECONDS, buf_span(&call->key), buf_span(&call->row), 0);
	if (code == 0 && second->state <= SECOND_CHOSEN)
		return store_put(store, txn, STORE_SECONDS_TODO, buf_span(&call->key), none, 0);
	if (code == 0)
		code = store_delete(store, txn, STORE_SECONDS_TODO, buf_span(&call->key));
	return code == DB_NOTFOUND ? 0 : code;
}

static int note_one(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct seconds_call *call = context;
	int code = make_key(store, txn, call->given, &call->key, why);

	if (code != 0)
		return code;
	code = store_get(store, txn, STORE_SECONDS, buf_span(&call->key), &call->row, DB_RMW);
	call->is_new = code == DB_NOTFOUND;
	if (!call->is_new)
		return code;
	code = put_one(store, txn, call->given, call, why);
	return code == 0 ? store_expiry_put(store, txn, STORE_SECONDS, buf_span(&call->key), call->given->expires_secs) : code;
}

int store_second_note(struct store *store, const struct second *second, struct fail *why)
{
	struct seconds_call call = { .given = second };

	return run_call(store, "second note", true, note_one, &call, why) != 0 ? -1 : call.is_new;
}

static int put_all(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct seconds_call *call = context;
	int code = 0;

	for (size_t i = 0; code == 0 && i < call->given_count; i++)
		code = put_one(store, txn, &call->given[i], call, why);
	return code;
}

int store_second_put(struct store *store, const struct second *seconds, size_t count, struct fail *why)
{
	struct seconds_call call = { .given = seconds, .given_count = count };

	return run_call(store, "second put", true, put_all, &call, why);
}

static struct found *add_found(struct seconds_call *call)
{
	return arena_grow(call->arena, &call->items, &call->cap, call->count++, sizeof(*call->items));
}

static int note_key(void *context, struct span key, struct span row)
{
	struct seconds_call *call = context;

	(void)row;
	if (call->count == call->max)
		return 1;
	add_found(call)->key = arena_span(call->arena, key);
	return 0;
}

/* Rows of the keys that were noted, and the names of their lists; those that are gone meanwhile get no list. */
static int look_rows(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct seconds_call *call = context;

	for (size_t i = 0; i < call->count; i++) {
		struct found *found = &call->items[i];
		uint64_t members;
		int code = found->key.len == 0 ? 0 : store_get(store, txn, STORE_SECONDS, found->key, &call->row, 0);

		if (code == 0 && found->key.len > 0 && !decode(call->arena, found->key, buf_span(&call->row), found))
			return store_damaged(why, "refused copies");
		if (code == 0)
			code = store_list_of_id(store, txn, call->arena, found->list_id, &found->second.list, &members);
		if (code == DB_NOTFOUND)
			found->second.list = NULL;
		else if (code != 0)
			return code;
	}
	return 0;
}

static void hand_over(struct seconds_call *call, struct second **seconds_r, size_t *count_r)
{
	*seconds_r = arena_array(call->arena, call->count, sizeof(**seconds_r));
	*count_r = 0;
	for (size_t i = 0; i < call->count; i++)
		if (call->items[i].second.list != NULL)
			(*seconds_r)[(*count_r)++] = call->items[i].second;
}

int store_second_todo(struct store *store, struct arena *a, size_t max, struct second **seconds_r, size_t *count_r, struct fail *why)
{
	struct seconds_call call = { .arena = a, .max = max };
	struct span none = { NULL, 0 };

	if (store_scan(store, STORE_SECONDS_TODO, none, none, note_key, &call, why) < 0 || run_call(store, "second todo", false, look_rows, &call, why) != 0)
		return -1;
	hand_over(&call, seconds_r, count_r);
	return 0;
}

static int look_only(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct seconds_call *call = context;

	return store_list_need(store, txn, call->list, &call->only_id, why);
}

static int note_row(void *context, struct span key, struct span row)
{
	struct seconds_call *call = context;

	return decode(call->arena, key, row, add_found(call)) ? 0 : store_damaged(call->why, "refused copies");
}

int store_second_all(struct store *store, struct arena *a, const char *list, struct second **seconds_r, size_t *count_r, struct fail *why)
{
	struct seconds_call call = { .arena = a, .list = list, .why = why };
	struct span prefix = { NULL, 0 };
	char id[4];

	if (list != NULL) {
		if (store_look(store, "seconds", look_only, &call, why) != 0)
			return -1;
		for (int i = 0; i < 4; i++)
			id[i] = (char)(call.only_id >> (24 - 8 * i));
		prefix = (struct span){ id, 4 };
	}
	if (store_scan(store, STORE_SECONDS, prefix, prefix, note_row, &call, why) != 0 || run_call(store, "seconds", false, look_rows, &call, why) != 0)
		return -1;
	hand_over(&call, seconds_r, count_r);
	return 0;
}
