/* SPDX-License-Identifier: BSD-2-Clause */
/* Figures by day, and what was told to whom on a day. figures: version 1, when it may be forgotten, count. */
#include "listd/store/store_int.h"

#include <string.h>

#define DAY_SECS 86400
/* A figure that says: this was told. */
#define TOLD_KIND "told"

static void put_day(struct buf *key, int64_t day)
{
	record_put_id(key, (uint32_t)day);
}

static void figure_key(struct buf *key, uint32_t id, int64_t day, const char *kind, const char *text)
{
	buf_reset(key);
	record_put_id(key, id);
	put_day(key, day);
	buf_put_text(key, kind);
	buf_put_byte(key, '\0');
	buf_put(key, span_sub(span_of(text), 0, STORE_FIGURE_KEY_MAX_BYTES));
}

static bool read_count(struct span row, uint64_t *count_r)
{
	struct record record = record_open(row, 1);

	record_signed(&record);
	*count_r = record_number(&record);
	return !record.bad;
}

int store_figure_count(struct store *store, DB_TXN *txn, uint32_t id, int64_t day, const struct store_figure *figure, uint64_t *before_r)
{
	int64_t expires = (day + STORE_FIGURE_DAYS) * DAY_SECS;
	uint64_t before = 0;
	struct buf key, row;
	bool is_new;
	int code;

	buf_init(&key, STORE_KEY_MAX_BYTES);
	buf_init(&row, STORE_ROW_MAX_BYTES);
	figure_key(&key, id, day, figure->kind, figure->key);
	code = store_get(store, txn, STORE_FIGURES, buf_span(&key), &row, DB_RMW);
	is_new = code == DB_NOTFOUND;
	if (code == 0 && !read_count(buf_span(&row), &before))
		code = STORE_BAD;
	if (code == 0 || is_new) {
		record_begin(&row, 1);
		record_put_signed(&row, expires);
		record_put_number(&row, before + figure->count);
		code = store_put(store, txn, STORE_FIGURES, buf_span(&key), buf_span(&row), 0);
	}
	if (code == 0 && is_new)
		code = store_expiry_put(store, txn, STORE_FIGURES, buf_span(&key), expires);
	if (code == 0 && before_r != NULL)
		*before_r = before;
	buf_done(&row);
	buf_done(&key);
	return code;
}

struct figures_call {
	const char *list;
	int64_t day;
	const struct store_figure *figures;
	size_t count;
	const struct store_token *token;
	uint64_t before;
};

/* Id of a list, or 0 for the site. */
static int need_id(struct store *store, DB_TXN *txn, const char *list, uint32_t *id_r, struct fail *why)
{
	*id_r = 0;
	return *list == '\0' ? 0 : store_list_need(store, txn, list, id_r, why);
}

static int add_figures(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	const struct figures_call *call = context;
	uint32_t id;
	int code = need_id(store, txn, call->list, &id, why);

	for (size_t i = 0; code == 0 && i < call->count; i++)
		code = store_figure_count(store, txn, id, call->day, &call->figures[i], NULL);
	return code;
}

int store_figures_add(struct store *store, const char *list, int64_t day, const struct store_figure *figures, size_t count, struct fail *why)
{
	struct figures_call call = { .list = list, .day = day, .figures = figures, .count = count };

	return store_change(store, "figures add", 0, add_figures, &call, why);
}

static int put_told(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct figures_call *call = context;
	uint32_t id;
	int code = need_id(store, txn, call->list, &id, why);

	if (code == 0)
		code = store_figure_count(store, txn, id, call->day, call->figures, &call->before);
	return code == 0 && call->before == 0 && call->token != NULL ? store_token_write(store, txn, call->token, why) : code;
}

int store_told_put(struct store *store, const char *list, int64_t day, const char *what, const struct store_token *token, struct fail *why)
{
	struct store_figure figure = { TOLD_KIND, what, 1 };
	struct figures_call call = { .list = list, .day = day, .figures = &figure, .count = 1, .token = token };

	return store_change(store, "told put", 0, put_told, &call, why) != 0 ? -1 : call.before == 0;
}

struct figures_walk {
	const char *list;
	uint32_t id;
	int64_t until_day;
	int (*each)(void *context, int64_t day, const struct store_figure *figure);
	void *context;
	struct buf text;
	struct fail *why;
};

static int look_id(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct figures_walk *walk = context;

	return need_id(store, txn, walk->list, &walk->id, why);
}

static int hand_figure(void *context, struct span key, struct span row)
{
	struct figures_walk *walk = context;
	struct record record = { .at = (const uint8_t *)key.ptr, .end = (const uint8_t *)key.ptr + key.len };
	struct store_figure figure;
	int64_t day;

	record_id(&record);
	day = record_id(&record);
	if (record.bad || !read_count(row, &figure.count))
		return store_damaged(walk->why, "figures");
	if (day > walk->until_day)
		return 1;
	buf_reset(&walk->text);
	buf_put(&walk->text, span_sub(key, 8, key.len));
	figure.kind = buf_text(&walk->text);
	figure.key = figure.kind + strlen(figure.kind) + 1 > walk->text.ptr + walk->text.len ? "" : figure.kind + strlen(figure.kind) + 1;
	return walk->each(walk->context, day, &figure);
}

int store_figures_each(struct store *store, const char *list, int64_t from_day, int64_t until_day, int (*each)(void *context, int64_t day, const struct store_figure *figure),
	void *context, struct fail *why)
{
	struct figures_walk walk = { .list = list, .until_day = until_day, .each = each, .context = context, .why = why };
	struct buf prefix, from;
	int result;

	if (store_look(store, "figures", look_id, &walk, why) != 0)
		return -1;
	buf_init(&walk.text, STORE_KEY_MAX_BYTES + 1);
	buf_init(&prefix, 8);
	buf_init(&from, 8);
	record_put_id(&prefix, walk.id);
	buf_put(&from, buf_span(&prefix));
	put_day(&from, from_day);
	result = store_scan(store, STORE_FIGURES, buf_span(&prefix), buf_span(&from), hand_figure, &walk, why);
	buf_done(&from);
	buf_done(&prefix);
	buf_done(&walk.text);
	return result == 1 ? 0 : result;
}
