/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of the site, author aliases, Message-IDs seen, tokens. */
#include "listd/store/store_int.h"

#include <openssl/evp.h>
#include <string.h>

/* Of one row: what goes in, and what came out. */
struct misc {
	struct arena *arena;
	enum store_db db;
	const char *list, *text, *more;
	struct span value;
	int64_t secs;
	bool found;
	struct buf key, row;
};

static int run_misc(struct store *store, const char *operation, bool changes, int (*body)(struct store *, DB_TXN *, void *, struct fail *), struct misc *misc,
	struct fail *why)
{
	int result;

	buf_init(&misc->key, STORE_KEY_MAX_BYTES);
	buf_init(&misc->row, STORE_ROW_MAX_BYTES);
	result = changes ? store_change(store, operation, 0, body, misc, why) : store_look(store, operation, body, misc, why);
	buf_done(&misc->row);
	buf_done(&misc->key);
	return result;
}

/* Longer texts than this are no keys of ours: they are in no row, and cannot be put. */
static bool is_key(const char *text)
{
	return text[0] != '\0' && strlen(text) <= STORE_ADDRESS_MAX_BYTES;
}

static int refuse_key(struct fail *why, const char *what)
{
	fail_permanent(why, "%s has 1 to %d octets", what, STORE_ADDRESS_MAX_BYTES);
	return STORE_REFUSED;
}

static int look_value(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct misc *misc = context;
	int code = store_get(store, txn, STORE_VALUES, span_of(misc->text), &misc->row, 0);

	(void)why;
	misc->found = code == 0;
	if (misc->found)
		misc->value = arena_span(misc->arena, buf_span(&misc->row));
	return code == DB_NOTFOUND ? 0 : code;
}

int store_value_get(struct store *store, struct arena *a, const char *key, struct span *value_r, struct fail *why)
{
	struct misc misc = { .arena = a, .text = key };

	if (run_misc(store, "value get", false, look_value, &misc, why) != 0)
		return -1;
	if (misc.found)
		*value_r = misc.value;
	return misc.found;
}

static int put_value(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	const struct misc *misc = context;

	if (!is_key(misc->text) || misc->text[0] == '.')
		return refuse_key(why, "the name of a value");
	return store_put(store, txn, STORE_VALUES, span_of(misc->text), misc->value, 0);
}

int store_value_put(struct store *store, const char *key, struct span value, struct fail *why)
{
	struct misc misc = { .text = key, .value = value };

	return run_misc(store, "value put", true, put_value, &misc, why);
}

/* An alias is used with every post of its author; the time of its last use is kept to the day, so that this seldom costs a write. */
#define ALIAS_USE_SECS 86400

/* aliases: version 1, last use, author. */
static int read_alias(struct store *store, DB_TXN *txn, struct misc *misc, const char **author_r, int64_t *used_r, struct fail *why)
{
	struct record record;
	uint32_t id;
	int code = store_list_need(store, txn, misc->list, &id, why);

	if (code != 0)
		return code;
	store_key(&misc->key, id, misc->text, false);
	code = store_get(store, txn, STORE_ALIASES, buf_span(&misc->key), &misc->row, 0);
	if (code != 0)
		return code;
	record = record_open(buf_span(&misc->row), 1);
	*used_r = record_signed(&record);
	*author_r = record_text(&record);
	return record.bad ? store_damaged(why, "aliases") : 0;
}

static int look_alias(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct misc *misc = context;
	const char *author;
	int64_t used_secs;
	int code = is_key(misc->text) ? read_alias(store, txn, misc, &author, &used_secs, why) : DB_NOTFOUND;

	misc->found = code == 0;
	if (misc->found) {
		misc->more = arena_text(misc->arena, span_of(author));
		misc->secs = used_secs;
	}
	return code == DB_NOTFOUND ? 0 : code;
}

static int put_alias(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct misc *misc = context;
	const char *author;
	int64_t used_secs;
	int code;

	if (!is_key(misc->text) || !is_key(misc->more))
		return refuse_key(why, "an alias");
	code = read_alias(store, txn, misc, &author, &used_secs, why);
	if (code != 0 && code != DB_NOTFOUND)
		return code;
	record_begin(&misc->row, 1);
	record_put_signed(&misc->row, misc->secs);
	record_put_text(&misc->row, misc->more);
	return store_put(store, txn, STORE_ALIASES, buf_span(&misc->key), buf_span(&misc->row), 0);
}

int store_alias_put(struct store *store, const char *list, const char *code, const char *author, int64_t now_secs, struct fail *why)
{
	struct arena *a = arena_new(1 << 16);
	struct misc misc = { .arena = a, .list = list, .text = code };
	int result = run_misc(store, "alias put", false, look_alias, &misc, why);

	if (result == 0 && (!misc.found || strcmp(misc.more, author) != 0 || now_secs - misc.secs >= ALIAS_USE_SECS)) {
		misc.more = author;
		misc.secs = now_secs;
		result = run_misc(store, "alias put", true, put_alias, &misc, why);
	}
	arena_free(a);
	return result;
}

int store_alias_get(struct store *store, struct arena *a, const char *list, const char *code, const char **author_r, struct fail *why)
{
	struct misc misc = { .arena = a, .list = list, .text = code };

	if (run_misc(store, "alias get", false, look_alias, &misc, why) != 0)
		return -1;
	if (misc.found)
		*author_r = misc.more;
	return misc.found;
}

/* Message-IDs have any length and any octets; 160 bits of their hash tell them apart. */
#define SEEN_HASH_BYTES 20

static void seen_key(struct buf *key, uint32_t id, const char *message_id)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(message_id, strlen(message_id), hash, &len, EVP_sha256(), NULL) != 1 || len < SEEN_HASH_BYTES)
		fail_environment("SHA-256 does not work");
	buf_reset(key);
	record_put_id(key, id);
	buf_put(key, (struct span){ (const char *)hash, SEEN_HASH_BYTES });
}

/* seen: version 1, when it may be forgotten, id of the post. */
static int look_seen(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct misc *misc = context;
	struct record record;
	uint32_t id;
	int code = store_list_need(store, txn, misc->list, &id, why);

	if (code != 0)
		return code;
	seen_key(&misc->key, id, misc->text);
	code = store_get(store, txn, STORE_SEEN, buf_span(&misc->key), &misc->row, 0);
	if (code != 0)
		return code == DB_NOTFOUND ? 0 : code;
	record = record_open(buf_span(&misc->row), 1);
	record_signed(&record);
	misc->found = strcmp(record_text(&record), misc->more) != 0;
	return record.bad ? store_damaged(why, "seen Message-IDs") : 0;
}

int store_seen_check(struct store *store, const char *list, const char *message_id, const char *post_id, struct fail *why)
{
	struct misc misc = { .list = list, .text = message_id, .more = post_id };

	return run_misc(store, "seen check", false, look_seen, &misc, why) != 0 ? -1 : misc.found;
}

static int put_seen(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct misc *misc = context;
	uint32_t id;
	int code = store_list_need(store, txn, misc->list, &id, why);

	if (code != 0)
		return code;
	seen_key(&misc->key, id, misc->text);
	record_begin(&misc->row, 1);
	record_put_signed(&misc->row, misc->secs);
	record_put_text(&misc->row, misc->more);
	code = store_put(store, txn, STORE_SEEN, buf_span(&misc->key), buf_span(&misc->row), 0);
	return code == 0 ? store_expiry_put(store, txn, STORE_SEEN, buf_span(&misc->key), misc->secs) : code;
}

int store_seen_put(struct store *store, const char *list, const char *message_id, const char *post_id, int64_t expires_secs, struct fail *why)
{
	struct misc misc = { .list = list, .text = message_id, .more = post_id, .secs = expires_secs };

	return run_misc(store, "seen put", true, put_seen, &misc, why);
}

/* tokens: version 1, when it may be forgotten, kind, payload. */
int store_token_write(struct store *store, DB_TXN *txn, const struct store_token *token, struct fail *why)
{
	struct buf row;
	int code;

	if (!is_key(token->token))
		return refuse_key(why, "a token");
	buf_init(&row, STORE_ROW_MAX_BYTES);
	record_begin(&row, 1);
	record_put_signed(&row, token->expires_secs);
	record_put_text(&row, token->kind);
	record_put_text(&row, token->payload);
	if (buf_overflowed(&row)) {
		fail_permanent(why, "the payload of a token is longer than %zu bytes", STORE_ROW_MAX_BYTES);
		code = STORE_REFUSED;
	} else {
		code = store_put(store, txn, STORE_TOKENS, span_of(token->token), buf_span(&row), 0);
	}
	buf_done(&row);
	return code == 0 ? store_expiry_put(store, txn, STORE_TOKENS, span_of(token->token), token->expires_secs) : code;
}

static int put_token(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	return store_token_write(store, txn, context, why);
}

int store_token_put(struct store *store, const char *token, const char *kind, const char *payload, int64_t expires_secs, struct fail *why)
{
	struct store_token row = { token, kind, payload, expires_secs };

	return store_change(store, "token put", 0, put_token, &row, why);
}

static int look_token(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	struct misc *misc = context;
	struct record record;
	int code = is_key(misc->text) ? store_get(store, txn, STORE_TOKENS, span_of(misc->text), &misc->row, 0) : DB_NOTFOUND;

	misc->found = code == 0;
	if (code != 0)
		return code == DB_NOTFOUND ? 0 : code;
	record = record_open(buf_span(&misc->row), 1);
	record_signed(&record);
	misc->list = arena_text(misc->arena, span_of(record_text(&record)));
	misc->more = arena_text(misc->arena, span_of(record_text(&record)));
	return record.bad ? store_damaged(why, "tokens") : 0;
}

int store_token_get(struct store *store, struct arena *a, const char *token, const char **kind_r, const char **payload_r, struct fail *why)
{
	struct misc misc = { .arena = a, .text = token };

	if (run_misc(store, "token get", false, look_token, &misc, why) != 0)
		return -1;
	if (misc.found) {
		*kind_r = misc.list;
		*payload_r = misc.more;
	}
	return misc.found;
}

static int remove_row(struct store *store, DB_TXN *txn, void *context, struct fail *why)
{
	const struct misc *misc = context;
	int code = store_delete(store, txn, misc->db, span_of(misc->text));

	(void)why;
	return code == DB_NOTFOUND ? 0 : code;
}

int store_token_remove(struct store *store, const char *token, struct fail *why)
{
	struct misc misc = { .db = STORE_TOKENS, .text = token };

	return is_key(token) ? run_misc(store, "token remove", true, remove_row, &misc, why) : 0;
}
