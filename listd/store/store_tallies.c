/* SPDX-License-Identifier: BSD-2-Clause */
/* What is noted of members' bounces. tallies: version 1, when it may be forgotten, version of the row, state, due, since, warnings, the last probe, the notes. */
#include "listd/store/store_int.h"

#include <errno.h>
#include <string.h>

enum { NOTE_COUNTS = 1, NOTE_IS_CERTAIN = 2 };

static void put_note(struct buf *row, const struct tally_note *note)
{
	record_put_signed(row, note->day);
	record_put_text(row, note->post_id);
	record_put_text(row, note->class);
	record_put_number(row, (note->counts ? NOTE_COUNTS : 0) | (note->is_certain ? NOTE_IS_CERTAIN : 0));
	record_put_signed(row, note->at_secs);
	record_put_cut(row, note->receiver, STORE_REPLY_MAX_BYTES);
	record_put_cut(row, note->reply, STORE_REPLY_MAX_BYTES);
}

static void encode(const struct tally *tally, int64_t expires_secs, struct buf *row)
{
	record_begin(row, 1);
	record_put_signed(row, expires_secs);
	record_put_number(row, tally->version + 1);
	record_put_number(row, tally->state);
	record_put_signed(row, tally->due_secs);
	record_put_signed(row, tally->since_secs);
	record_put_number(row, tally->warnings);
	record_put_text(row, tally->probe_id);
	record_put_signed(row, tally->probe_secs);
	record_put_text(row, tally->probe_class);
	record_put_cut(row, tally->probe_reply, STORE_REPLY_MAX_BYTES);
	record_put_number(row, tally->note_count);
	for (size_t i = 0; i < tally->note_count; i++)
		put_note(row, &tally->notes[i]);
}

static const char *take_text(struct record *record, struct arena *a)
{
	return arena_text(a, span_of(record_text(record)));
}

static void take_notes(struct record *record, struct arena *a, struct tally *tally)
{
	struct tally_note *notes;
	uint64_t flags;

	tally->note_count = (size_t)record_number(record);
	if (tally->note_count > STORE_TALLY_NOTES_MAX)
		record->bad = true;
	if (record->bad)
		tally->note_count = 0;
	notes = arena_array(a, tally->note_count, sizeof(*notes));
	for (size_t i = 0; i < tally->note_count; i++) {
		notes[i].day = record_signed(record);
		notes[i].post_id = take_text(record, a);
		notes[i].class = take_text(record, a);
		flags = record_number(record);
		notes[i].counts = (flags & NOTE_COUNTS) != 0;
		notes[i].is_certain = (flags & NOTE_IS_CERTAIN) != 0;
		notes[i].at_secs = record_signed(record);
		notes[i].receiver = take_text(record, a);
		notes[i].reply = take_text(record, a);
	}
	tally->notes = notes;
}

static bool decode(struct arena *a, struct span key, struct span row, struct tally *tally_r)
{
	struct record record = record_open(row, 1);
	struct tally tally = { 0 };
	uint64_t state;

	record_signed(&record);
	tally.version = record_number(&record);
	state = record_number(&record);
	tally.due_secs = record_signed(&record);
	tally.since_secs = record_signed(&record);
	tally.warnings = (unsigned)record_number(&record);
	tally.probe_id = take_text(&record, a);
	tally.probe_secs = record_signed(&record);
	tally.probe_class = take_text(&record, a);
	tally.probe_reply = take_text(&record, a);
	take_notes(&record, a, &tally);
	if (record.bad || state > TALLY_SUSPENDED || key.len < 6 || key.ptr[key.len - 1] != '\0')
		return false;
	tally.state = (enum tally_state)state;
	tally.key = arena_text(a, span_sub(key, 4, key.len - 1));
	*tally_r = tally;
	return true;
}

int store_tally_read(struct store *store, DB_TXN *txn, struct arena *a, uint32_t id, const char *key, unsigned flags, struct tally *tally_r, struct fail *why)
{
	struct buf k, row;
	int code;

	buf_init(&k, STORE_KEY_MAX_BYTES);
	buf_init(&row, STORE_ROW_MAX_BYTES);
	store_key(&k, id, key, true);
	code = buf_overflowed(&k) ? DB_NOTFOUND : store_get(store, txn, STORE_TALLIES, buf_span(&k), &row, flags);
	if (code == 0 && !decode(a, buf_span(&k), buf_span(&row), tally_r))
		code = store_damaged(why, "tallies");
	buf_done(&row);
	buf_done(&k);
	return code;
}

int store_tally_write(struct store *store, DB_TXN *txn, uint32_t id, const struct tally *tally, int64_t expires_secs)
{
	struct buf k, row;
	int code;

	buf_init(&k, STORE_KEY_MAX_BYTES);
	buf_init(&row, STORE_ROW_MAX_BYTES);
	store_key(&k, id, tally->key, true);
	encode(tally, expires_secs, &row);
	code = buf_overflowed(&k) || buf_overflowed(&row) ? EINVAL : store_put(store, txn, STORE_TALLIES, buf_span(&k), buf_span(&row), 0);
	if (code == 0 && expires_secs != INT64_MAX)
		code = store_expiry_put(store, txn, STORE_TALLIES, buf_span(&k), expires_secs);
	buf_done(&row);
	buf_done(&k);
	return code;
}

struct tally_call {
	struct arena *arena;
	const char *list, *key;
	struct tally tally;
	const struct tally *put;
	const struct tally_change *change;
	bool found, changed;
};

static int look_tally(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct tally_call *call = context;
	uint32_t id;
	int code = store_list_need(store, txn, call->list, &id, why);

	if (code == 0)
		code = store_tally_read(store, txn, call->arena, id, call->key, 0, &call->tally, why);
	call->found = code == 0;
	return code == DB_NOTFOUND ? 0 : code;
}

int store_tally_get(struct store *store, struct arena *a, const char *list, const char *key, struct tally *tally_r, struct fail *why)
{
	struct tally_call call = { .arena = a, .list = list, .key = key };

	if (strlen(key) > STORE_ADDRESS_MAX_BYTES)
		return 0;
	if (store_look(store, "tally get", look_tally, &call, why) != 0)
		return -1;
	if (call.found)
		*tally_r = call.tally;
	return call.found;
}

static int delete_tally(struct store *store, DB_TXN *txn, uint32_t id, const char *key)
{
	struct buf k;
	int code;

	buf_init(&k, STORE_KEY_MAX_BYTES);
	store_key(&k, id, key, true);
	code = store_delete(store, txn, STORE_TALLIES, buf_span(&k));
	buf_done(&k);
	return code == DB_NOTFOUND ? 0 : code;
}

static int change_member(struct store *store, DB_TXN *txn, uint32_t id, const struct tally_change *change, const char *key, struct fail *why)
{
	if (change->remove_member)
		return store_member_erase(store, txn, id, key, why);
	return change->delivery == NULL ? 0 : store_member_deliver(store, txn, id, key, change->delivery, why);
}

static int put_tally(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct tally_call *call = context;
	const struct tally_change *change = call->change;
	uint32_t id;
	int code = store_list_need(store, txn, call->list, &id, why);

	if (code == 0)
		code = store_tally_read(store, txn, call->arena, id, call->put->key, DB_RMW, &call->tally, why);
	call->changed = code == DB_NOTFOUND || (code == 0 && call->tally.version != call->put->version);
	if (code != 0 || call->changed)
		return code == DB_NOTFOUND ? 0 : code;
	code = change->forget ? delete_tally(store, txn, id, call->put->key) : store_tally_write(store, txn, id, call->put, change->expires_secs);
	if (code == 0)
		code = change_member(store, txn, id, change, call->put->key, why);
	for (size_t i = 0; code == 0 && i < change->token_count; i++)
		code = store_token_write(store, txn, &change->tokens[i], why);
	for (size_t i = 0; code == 0 && i < change->figure_count; i++)
		code = store_figure_count(store, txn, id, change->day, &change->figures[i], NULL);
	return code;
}

int store_tally_put(struct store *store, const char *list, const struct tally *tally, const struct tally_change *change, struct fail *why)
{
	struct tally_call call = { .arena = arena_new(1 << 20), .list = list, .put = tally, .change = change };
	int result = store_change(store, "tally put", 0, put_tally, &call, why);

	arena_free(call.arena);
	return result != 0 ? -1 : !call.changed;
}

static int remove_tally(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	const struct tally_call *call = context;
	uint32_t id;
	int code = store_list_need(store, txn, call->list, &id, why);

	return code == 0 ? delete_tally(store, txn, id, call->key) : code;
}

int store_tally_remove(struct store *store, const char *list, const char *key, struct fail *why)
{
	struct tally_call call = { .list = list, .key = key };

	return strlen(key) > STORE_ADDRESS_MAX_BYTES ? 0 : store_change(store, "tally remove", 0, remove_tally, &call, why);
}

struct tallies_walk {
	const char *list;
	uint32_t id;
	struct arena *arena;
	int (*each)(void *context, const struct tally *tally);
	void *context;
	struct fail *why;
};

static int look_id(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct tallies_walk *walk = context;

	return store_list_need(store, txn, walk->list, &walk->id, why);
}

static int hand_tally(void *context, struct span key, struct span row)
{
	const struct tallies_walk *walk = context;
	struct tally tally;

	arena_reset(walk->arena);
	return decode(walk->arena, key, row, &tally) ? walk->each(walk->context, &tally) : store_damaged(walk->why, "tallies");
}

int store_tallies_each(struct store *store, const char *list, int (*each)(void *context, const struct tally *tally), void *context, struct fail *why)
{
	struct tallies_walk walk = { .list = list, .each = each, .context = context, .why = why };
	struct buf prefix;
	int result;

	if (store_look(store, "tallies", look_id, &walk, why) != 0)
		return -1;
	walk.arena = arena_new(1 << 20);
	buf_init(&prefix, 4);
	record_put_id(&prefix, walk.id);
	result = store_scan(store, STORE_TALLIES, buf_span(&prefix), (struct span){ NULL, 0 }, hand_tally, &walk, why);
	buf_done(&prefix);
	arena_free(walk.arena);
	return result;
}
