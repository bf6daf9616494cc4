/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports about copies: each is taken once, with all that it changes. bounces: of a report: version 1, when it may be forgotten; of a post at a receiver: version 1, when it may
 * be forgotten, its subscribers, how many bounced, whether the notes are held back. */
#include "listd/store/store_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DAY_SECS 86400
enum { CERTAIN = 'r', SUSPECTED = 's', OF_RECEIVER = 'o' };

static void bounce_key(struct buf *key, uint32_t id, const char *post_id, char what, const char *text)
{
	buf_reset(key);
	record_put_id(key, id);
	buf_put_text(key, post_id);
	buf_put_byte(key, what);
	buf_put_text(key, text);
}

struct burst_row { int64_t expires_secs; struct store_burst burst; };

static bool decode_burst(struct span row, struct burst_row *row_r)
{
	struct record record = record_open(row, 1);

	row_r->expires_secs = record_signed(&record);
	row_r->burst = (struct store_burst){ .subscribers = record_number(&record) };
	row_r->burst.bounced = record_number(&record);
	row_r->burst.is_held = record_number(&record) != 0;
	return !record.bad;
}

static int read_burst(struct store *store, DB_TXN *txn, struct span key, struct burst_row *row_r, struct fail *why)
{
	struct buf row;
	int code;

	buf_init(&row, STORE_ROW_MAX_BYTES);
	code = store_get(store, txn, STORE_BOUNCES, key, &row, DB_RMW);
	if (code == 0 && !decode_burst(buf_span(&row), row_r))
		code = store_damaged(why, "bounces");
	buf_done(&row);
	return code;
}

static int write_burst(struct store *store, DB_TXN *txn, struct span key, const struct burst_row *burst, bool is_new)
{
	struct buf row;
	int code;

	buf_init(&row, STORE_ROW_MAX_BYTES);
	record_begin(&row, 1);
	record_put_signed(&row, burst->expires_secs);
	record_put_number(&row, burst->burst.subscribers);
	record_put_number(&row, burst->burst.bounced);
	record_put_number(&row, burst->burst.is_held);
	code = store_put(store, txn, STORE_BOUNCES, key, buf_span(&row), is_new ? DB_NOOVERWRITE : 0);
	buf_done(&row);
	return code == 0 && is_new ? store_expiry_put(store, txn, STORE_BOUNCES, key, burst->expires_secs) : code;
}

/* ---- a post ---- */

struct post_note {
	const char *list, *post_id;
	int64_t at_secs, expires_secs;
	const struct store_share *shares;
	size_t share_count;
	const struct store_figure *figures;
	size_t figure_count;
	bool is_known;
};

/* The row of the receiver "" tells that all this was noted. */
static int put_shares(struct store *store, DB_TXN *txn, uint32_t id, const struct post_note *note)
{
	static const struct store_share all = { "", 0 };
	struct buf key;
	int code = 0;

	buf_init(&key, STORE_KEY_MAX_BYTES);
	for (size_t i = 0; code == 0 && i <= note->share_count; i++) {
		const struct store_share *share = i == 0 ? &all : &note->shares[i - 1];
		struct burst_row row = { .expires_secs = note->expires_secs, .burst.subscribers = share->subscribers };

		bounce_key(&key, id, note->post_id, OF_RECEIVER, share->receiver);
		code = write_burst(store, txn, buf_span(&key), &row, true);
	}
	buf_done(&key);
	return code;
}

static int put_post(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct post_note *note = context;
	uint32_t id;
	int code = store_list_need(store, txn, note->list, &id, why);

	if (code == 0)
		code = put_shares(store, txn, id, note);
	note->is_known = code == DB_KEYEXIST;
	for (size_t i = 0; code == 0 && i < note->figure_count; i++)
		code = store_figure_count(store, txn, id, note->at_secs / DAY_SECS, &note->figures[i], NULL);
	return note->is_known ? STORE_REFUSED : code;
}

int store_post_note(struct store *store, const char *list, const char *post_id, int64_t at_secs, int64_t expires_secs, const struct store_share *shares, size_t share_count,
	const struct store_figure *figures, size_t figure_count, struct fail *why)
{
	struct post_note note = { list, post_id, at_secs, expires_secs, shares, share_count, figures, figure_count, false };

	return store_change(store, "post note", 0, put_post, &note, why) != 0 && !note.is_known ? -1 : 0;
}

/* ---- a report ---- */

struct bounce_call {
	const struct store_bounce *bounce;
	struct arena *arena;
	struct store_burst burst;
	bool is_known;
};

static int mark_taken(struct store *store, DB_TXN *txn, uint32_t id, const struct store_bounce *bounce)
{
	struct buf key, row;
	int code;

	buf_init(&key, STORE_KEY_MAX_BYTES);
	buf_init(&row, 32);
	bounce_key(&key, id, bounce->post_id, bounce->note.is_certain ? CERTAIN : SUSPECTED, bounce->key);
	record_begin(&row, 1);
	record_put_signed(&row, bounce->expires_secs);
	code = buf_overflowed(&key) ? EINVAL : store_put(store, txn, STORE_BOUNCES, buf_span(&key), buf_span(&row), DB_NOOVERWRITE);
	if (code == 0)
		code = store_expiry_put(store, txn, STORE_BOUNCES, buf_span(&key), bounce->expires_secs);
	buf_done(&row);
	buf_done(&key);
	return code;
}

/* Does a note stay? Too old ones go; of those that count for nothing the latest stay, of all the latest, too. */
static bool stays(const struct tally *tally, size_t i, int64_t keep_from_day, size_t others)
{
	return tally->notes[i].day >= keep_from_day && (tally->notes[i].counts || others <= STORE_TALLY_OTHERS_MAX);
}

static size_t count_notes(const struct tally *tally, size_t from, bool counts, int64_t day)
{
	size_t count = 0;

	for (size_t i = from; i < tally->note_count; i++)
		count += tally->notes[i].counts == counts && (day < 0 || tally->notes[i].day == day);
	return count;
}

static void add_note(struct arena *a, const struct store_bounce *bounce, struct tally *tally)
{
	const struct tally_note *note = &bounce->note;
	struct tally_note *notes = arena_array(a, tally->note_count + 1, sizeof(*notes));
	size_t kept = 0;

	for (size_t i = 0; i < tally->note_count; i++)
		if (stays(tally, i, bounce->keep_from_day, count_notes(tally, i, false, -1) + !note->counts))
			notes[kept++] = tally->notes[i];
	if (kept == STORE_TALLY_NOTES_MAX)
		memmove(notes, notes + 1, --kept * sizeof(*notes));
	tally->notes = notes;
	tally->note_count = kept;
	if (note->counts && count_notes(tally, 0, true, note->day) >= STORE_TALLY_DAY_MAX)
		return;
	notes[tally->note_count++] = *note;
}

static int put_note(struct store *store, DB_TXN *txn, uint32_t id, struct bounce_call *call, struct tally *tally)
{
	const struct store_bounce *bounce = call->bounce;

	if (bounce->note.class == NULL)
		return 0;
	add_note(call->arena, bounce, tally);
	if (bounce->note.counts && tally->state == TALLY_COUNTING)
		tally->due_secs = 0;
	return store_tally_write(store, txn, id, tally, tally->state == TALLY_COUNTING ? bounce->tally_expires_secs : INT64_MAX);
}

static bool is_old_acquaintance(const struct tally *tally, int64_t before_day)
{
	for (size_t i = 0; i < tally->note_count; i++)
		if (tally->notes[i].counts && tally->notes[i].day < before_day)
			return true;
	return false;
}

/* One more of the receiver's subscribers has bounced. */
static int count_burst(struct store *store, DB_TXN *txn, uint32_t id, struct bounce_call *call, const struct tally *tally, struct fail *why)
{
	const struct store_bounce *bounce = call->bounce;
	struct burst_row row = { 0 };
	struct buf key;
	int code;

	if (!bounce->note.counts || is_old_acquaintance(tally, bounce->burst_before_day))
		return 0;
	buf_init(&key, STORE_KEY_MAX_BYTES);
	bounce_key(&key, id, bounce->post_id, OF_RECEIVER, bounce->note.receiver);
	code = read_burst(store, txn, buf_span(&key), &row, why);
	if (code == 0) {
		row.burst.bounced++;
		row.burst.is_new = !row.burst.is_held && row.burst.bounced >= bounce->burst_min && row.burst.bounced * 100 > row.burst.subscribers * bounce->burst_share;
		row.burst.is_held |= row.burst.is_new;
		code = write_burst(store, txn, buf_span(&key), &row, false);
		call->burst = row.burst;
	}
	buf_done(&key);
	return code == DB_NOTFOUND ? 0 : code;
}

static int count_figures(struct store *store, DB_TXN *txn, uint32_t id, const struct bounce_call *call)
{
	const struct store_bounce *bounce = call->bounce;
	char held[STORE_KEY_MAX_BYTES];
	const struct store_figure burst = { "burst", held, 1 };
	int64_t day = bounce->note.at_secs / DAY_SECS;
	int code = 0;

	for (size_t i = 0; code == 0 && i < bounce->figure_count; i++)
		code = store_figure_count(store, txn, id, day, &bounce->figures[i], NULL);
	if (code == 0 && call->burst.is_new) {
		snprintf(held, sizeof(held), "%s %s", bounce->post_id, bounce->note.receiver);
		code = store_figure_count(store, txn, id, day, &burst, NULL);
	}
	return code;
}

static int change_member(struct store *store, DB_TXN *txn, uint32_t id, const struct store_bounce *bounce, struct fail *why)
{
	if (bounce->remove_member)
		return store_member_erase(store, txn, id, bounce->key, why);
	return bounce->delivery == NULL ? 0 : store_member_deliver(store, txn, id, bounce->key, bounce->delivery, why);
}

static int put_bounce(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct bounce_call *call = context;
	const struct store_bounce *bounce = call->bounce;
	struct tally tally;
	uint32_t id;
	int code = store_list_need(store, txn, bounce->list, &id, why);

	call->burst = (struct store_burst){ 0 };
	if (code == 0)
		code = mark_taken(store, txn, id, bounce);
	call->is_known = code == DB_KEYEXIST;
	if (code != 0)
		return call->is_known ? 0 : code;
	code = store_tally_read(store, txn, call->arena, id, bounce->key, DB_RMW, &tally, why);
	if (code == DB_NOTFOUND) {
		tally = (struct tally){ .key = bounce->key, .due_secs = INT64_MAX, .probe_id = "", .probe_class = "", .probe_reply = "" };
		code = 0;
	}
	if (code == 0)
		code = count_burst(store, txn, id, call, &tally, why);
	if (code == 0)
		code = put_note(store, txn, id, call, &tally);
	if (code == 0)
		code = count_figures(store, txn, id, call);
	return code == 0 ? change_member(store, txn, id, bounce, why) : code;
}

int store_bounce_put(struct store *store, const struct store_bounce *bounce, struct store_burst *burst_r, struct fail *why)
{
	struct bounce_call call = { .bounce = bounce, .arena = arena_new(1 << 22) };
	int result;

	if (strlen(bounce->key) > STORE_ADDRESS_MAX_BYTES || strlen(bounce->post_id) > 64)
		result = fail_permanent(why, "an address of a member has at most %d octets", STORE_ADDRESS_MAX_BYTES);
	else
		result = store_change(store, "bounce put", 0, put_bounce, &call, why);
	arena_free(call.arena);
	if (result == 0 && burst_r != NULL)
		*burst_r = call.burst;
	return result != 0 ? -1 : !call.is_known;
}

struct look { const char *list, *post_id, *text; char what; bool is_there, is_held; };

static int look_row(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct look *look = context;
	struct buf key, row;
	uint32_t id;
	int code = store_list_need(store, txn, look->list, &id, why);

	if (code != 0)
		return code;
	buf_init(&key, STORE_KEY_MAX_BYTES);
	buf_init(&row, STORE_ROW_MAX_BYTES);
	bounce_key(&key, id, look->post_id, look->what, look->text);
	code = buf_overflowed(&key) ? DB_NOTFOUND : store_get(store, txn, STORE_BOUNCES, buf_span(&key), &row, 0);
	look->is_there = code == 0;
	if (code == 0 && look->what == OF_RECEIVER) {
		struct burst_row burst;

		code = decode_burst(buf_span(&row), &burst) ? 0 : store_damaged(why, "bounces");
		look->is_held = code == 0 && burst.burst.is_held;
	}
	buf_done(&row);
	buf_done(&key);
	return code == DB_NOTFOUND ? 0 : code;
}

int store_bounce_is_taken(struct store *store, const char *list, const char *post_id, const char *key, bool is_certain, struct fail *why)
{
	struct look look = { .list = list, .post_id = post_id, .text = key, .what = is_certain ? CERTAIN : SUSPECTED };

	return store_look(store, "bounce get", look_row, &look, why) != 0 ? -1 : look.is_there;
}

int store_burst_is_held(struct store *store, const char *list, const char *post_id, const char *receiver, struct fail *why)
{
	struct look look = { .list = list, .post_id = post_id, .text = receiver, .what = OF_RECEIVER };

	return store_look(store, "burst", look_row, &look, why) != 0 ? -1 : look.is_held;
}
