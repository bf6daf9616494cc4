/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/spool/spool_int.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

void spool_sum_init(struct spool_sum *sum)
{
	*sum = (struct spool_sum){ .state = UINT64_C(0xcbf29ce484222325) };
}

static uint64_t mix(uint64_t state, const void *word)
{
	uint64_t value;

	memcpy(&value, word, sizeof(value));
	state = (state ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return state ^ state >> 29;
}

void spool_sum_add(struct spool_sum *sum, struct span bytes)
{
	while (bytes.len > 0 && sum->rest_count > 0) {
		sum->rest[sum->rest_count++] = (unsigned char)*bytes.ptr++;
		bytes.len--;
		if (sum->rest_count == 8) {
			sum->state = mix(sum->state, sum->rest);
			sum->rest_count = 0;
		}
	}
	for (; bytes.len >= 8; bytes.ptr += 8, bytes.len -= 8)
		sum->state = mix(sum->state, bytes.ptr);
	if (bytes.len > 0)
		memcpy(sum->rest, bytes.ptr, bytes.len);
	if (bytes.len > 0)
		sum->rest_count = (unsigned)bytes.len;
}

uint64_t spool_sum_end(struct spool_sum *sum)
{
	unsigned char last[8] = { 0 };

	memcpy(last, sum->rest, sum->rest_count);
	last[7] = (unsigned char)(sum->rest_count + 1);
	return mix(sum->state, last);
}

/* The texts of an envelope, as rows: name in JSON, place in the struct. */
static const struct { const char *name; size_t offset; } text_rows[] = {
	{ "id", offsetof(struct envelope, id) }, { "from", offsetof(struct envelope, mail_from) },
	{ "client_ip", offsetof(struct envelope, client_ip) }, { "client_name", offsetof(struct envelope, client_name) },
	{ "helo", offsetof(struct envelope, helo) }, { "auth_user", offsetof(struct envelope, auth_user) },
	{ "peer", offsetof(struct envelope, peer) }, { "released_by", offsetof(struct envelope, released_by) },
	{ "notice_of", offsetof(struct envelope, notice_of) },
};
static const struct { const char *name; size_t offset; } flag_rows[] = {
	{ "submission", offsetof(struct envelope, is_submission) }, { "8bit", offsetof(struct envelope, body_8bit) },
	{ "smtputf8", offsetof(struct envelope, smtputf8) },
};
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

void spool_copy_envelope(struct arena *a, const struct envelope *envelope, struct envelope *copy_r)
{
	*copy_r = *envelope;
	for (size_t i = 0; i < COUNT(text_rows); i++) {
		const char **text = (const char **)(void *)((char *)copy_r + text_rows[i].offset);

		*text = *text == NULL ? NULL : arena_text(a, span_of(*text));
	}
	copy_r->rcpts = arena_array(a, envelope->rcpt_count, sizeof(copy_r->rcpts[0]));
	for (size_t i = 0; i < envelope->rcpt_count; i++)
		copy_r->rcpts[i] = arena_text(a, span_of(envelope->rcpts[i]));
}

static int put_texts(json_t *object, const struct envelope *e, struct fail *why)
{
	for (size_t i = 0; i < COUNT(text_rows); i++) {
		const char *text = *(const char *const *)((const char *)e + text_rows[i].offset);

		if (text != NULL && json_object_set_new(object, text_rows[i].name, json_string(text)) != 0)
			return fail_permanent(why, "the envelope's %s is not UTF-8", text_rows[i].name);
	}
	for (size_t i = 0; i < COUNT(flag_rows); i++)
		if (*(const bool *)((const char *)e + flag_rows[i].offset))
			json_object_set_new(object, flag_rows[i].name, json_true());
	json_object_set_new(object, "received", json_integer(e->received_secs));
	return 0;
}

static int put_rcpts(json_t *object, const struct envelope *e, struct fail *why)
{
	json_t *rcpts = json_array();

	json_object_set_new(object, "rcpts", rcpts);
	for (size_t i = 0; i < e->rcpt_count; i++)
		if (json_array_append_new(rcpts, json_string(e->rcpts[i])) != 0)
			return fail_permanent(why, "a recipient is not UTF-8");
	return 0;
}

static int dump_piece(const char *bytes, size_t len, void *out)
{
	buf_put(out, (struct span){ bytes, len });
	return 0;
}

static int put_envelope(const struct envelope *envelope, struct buf *out, struct fail *why)
{
	json_t *object = json_object();
	int result = put_texts(object, envelope, why);

	if (result == 0)
		result = put_rcpts(object, envelope, why);
	if (result == 0 && (json_dump_callback(object, dump_piece, out, JSON_COMPACT) != 0 || buf_overflowed(out)))
		result = fail_permanent(why, "the envelope is too large");
	json_decref(object);
	return result;
}

void spool_trailer_footer(uint64_t message_bytes, size_t envelope_bytes, uint64_t sum, struct buf *out)
{
	buf_printf(out, "\n#listd-spool-1 tries=0 message=%016" PRIx64 " envelope=%08zx sum=%016" PRIx64 "\n", message_bytes, envelope_bytes, sum);
}

int spool_trailer_put(uint64_t message_bytes, struct spool_sum *sum, const struct envelope *envelope, struct buf *out, struct fail *why)
{
	size_t from = out->len;

	if (put_envelope(envelope, out, why) != 0)
		return -1;
	spool_sum_add(sum, span_sub(buf_span(out), from, SIZE_MAX));
	spool_trailer_footer(message_bytes, out->len - from, spool_sum_end(sum), out);
	return 0;
}

int spool_trailer_make(struct span message, const struct envelope *envelope, struct buf *out, struct fail *why)
{
	struct spool_sum sum;

	spool_sum_init(&sum);
	spool_sum_add(&sum, message);
	return spool_trailer_put(message.len, &sum, envelope, out, why);
}

/* Exactly len hexadecimal digits in lower case at *at, which moves on. */
static bool take_hex(const char **at, unsigned len, uint64_t *value_r)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < len; i++) {
		char c = *(*at)++;
		unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;

		if (digit == 16)
			return false;
		value = value << 4 | digit;
	}
	*value_r = value;
	return true;
}

static bool take_text(const char **at, const char *text)
{
	size_t len = strlen(text);
	bool same = memcmp(*at, text, len) == 0;

	*at += len;
	return same;
}

bool spool_trailer_read_footer(struct span footer, struct spool_footer *footer_r)
{
	const char *at = footer.ptr;
	struct spool_footer f = { 0 };
	uint64_t tries;

	if (footer.len != SPOOL_FOOTER_BYTES)
		return false;
	if (!take_text(&at, "\n#listd-spool-1 tries=") || !take_hex(&at, 1, &tries) || !take_text(&at, " message=") || !take_hex(&at, 16, &f.message_bytes)
		|| !take_text(&at, " envelope=") || !take_hex(&at, 8, &f.envelope_bytes) || !take_text(&at, " sum=") || !take_hex(&at, 16, &f.sum) || !take_text(&at, "\n"))
		return false;
	f.tries = (unsigned)tries;
	*footer_r = f;
	return true;
}

static const char *get_text(struct arena *a, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? arena_text(a, (struct span){ json_string_value(value), json_string_length(value) }) : NULL;
}

static int get_envelope(struct arena *a, const json_t *object, struct envelope *e, struct fail *why)
{
	const json_t *rcpts = json_object_get(object, "rcpts"), *received = json_object_get(object, "received");

	for (size_t i = 0; i < COUNT(text_rows); i++)
		*(const char **)((char *)e + text_rows[i].offset) = get_text(a, object, text_rows[i].name);
	for (size_t i = 0; i < COUNT(flag_rows); i++)
		*(bool *)((char *)e + flag_rows[i].offset) = json_is_true(json_object_get(object, flag_rows[i].name));
	if (e->id == NULL || e->mail_from == NULL || !json_is_integer(received))
		return fail_permanent(why, "the envelope lacks id, from or received");
	e->received_secs = json_integer_value(received);
	e->rcpt_count = json_array_size(rcpts);
	if (e->rcpt_count < 1 || e->rcpt_count > SPOOL_RCPTS_MAX)
		return fail_permanent(why, "the envelope has %zu recipients", e->rcpt_count);
	e->rcpts = arena_array(a, e->rcpt_count, sizeof(e->rcpts[0]));
	for (size_t i = 0; i < e->rcpt_count; i++) {
		const json_t *rcpt = json_array_get(rcpts, i);

		if (!json_is_string(rcpt))
			return fail_permanent(why, "a recipient of the envelope is no text");
		e->rcpts[i] = arena_text(a, span_of(json_string_value(rcpt)));
	}
	return 0;
}

/* The lengths of a footer must add up to the file, which leaves no room for an overflow. */
static bool lengths_fit(const struct spool_footer *f, size_t file_bytes)
{
	size_t rest = file_bytes - SPOOL_FOOTER_BYTES;

	return f->envelope_bytes <= SPOOL_ENVELOPE_MAX_BYTES && f->envelope_bytes <= rest && f->message_bytes == rest - f->envelope_bytes;
}

int spool_trailer_parse(struct arena *a, struct span file, struct envelope *envelope_r, struct span *message_r, struct fail *why)
{
	struct envelope e = { 0 };
	struct spool_footer footer;
	struct spool_sum sum;
	struct span text;
	json_error_t error;
	json_t *object;
	int result;

	if (file.len < SPOOL_FOOTER_BYTES || !spool_trailer_read_footer(span_sub(file, file.len - SPOOL_FOOTER_BYTES, SPOOL_FOOTER_BYTES), &footer))
		return fail_permanent(why, "it has no footer: the machine stopped before it was accepted, or its end is lost");
	if (!lengths_fit(&footer, file.len))
		return fail_permanent(why, "its lengths do not fit its size");
	spool_sum_init(&sum);
	spool_sum_add(&sum, span_sub(file, 0, file.len - SPOOL_FOOTER_BYTES));
	if (spool_sum_end(&sum) != footer.sum)
		return fail_permanent(why, "its checksum differs: the disk is damaged or the file was changed");
	text = span_sub(file, footer.message_bytes, footer.envelope_bytes);
	object = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(object)) {
		json_decref(object);
		return fail_permanent(why, "its envelope cannot be read: %s", error.text);
	}
	result = get_envelope(a, object, &e, why);
	json_decref(object);
	if (result != 0)
		return -1;
	e.tries = footer.tries;
	*envelope_r = e;
	*message_r = span_sub(file, 0, footer.message_bytes);
	return 0;
}
