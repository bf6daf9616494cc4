/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/verdict.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rows[] = "policy-dmarc /\\bDMARC\\b/i\npolicy-auth /^\\d{0,3}[ -]?[45]\\.7\\.2[0-7]\\b/\nfull /quota|mail ?box full/i\ndead-mailbox /user unknown|no such user|unknown user/i\n"
	"network /timed? ?out|refused/i\nunknown /polic(y|ies)|reject/i\n[subject]\nauto-reply /^out of office|automatic reply/i\n";

static bool is_within(struct span part, struct span whole)
{
	return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check(const struct verdict *v, struct span bytes)
{
	assert(v->kind < VERDICT_KINDS && verdict_kind_name(v->kind) != NULL);
	assert(is_within(v->original, bytes));
	assert(v->rcpt_count <= VERDICT_RCPTS_MAX && (v->kind != VERDICT_NONE || v->rcpt_count == 0));
	for (size_t i = 0; i < v->rcpt_count; i++) {
		const struct verdict_rcpt *r = &v->rcpts[i];

		assert(r->class < BOUNCE_CLASSES && strlen(r->reply) <= VERDICT_REPLY_MAX_BYTES && strlen(r->status) < 16);
		assert(!r->counts || (bounce_class_rows[r->class].counts && strcmp(r->action, "failed") == 0 && *r->recipient != '\0'));
		assert(strlen(r->original) + strlen(r->host) + strlen(r->by) < 4096 && strpbrk(r->reply, "\r\n") == NULL);
	}
}

/* The same mail with other line ends says the same. */
static void check_same(const struct verdict *one, const struct verdict *other)
{
	assert(one->kind == other->kind && one->rcpt_count == other->rcpt_count && one->is_cut == other->is_cut);
	assert(strcmp(one->feedback_type, other->feedback_type) == 0 && strcmp(one->original_sender, other->original_sender) == 0);
	for (size_t i = 0; i < one->rcpt_count; i++) {
		assert(strcmp(one->rcpts[i].recipient, other->rcpts[i].recipient) == 0 && strcmp(one->rcpts[i].reply, other->rcpts[i].reply) == 0);
		assert(one->rcpts[i].class == other->rcpts[i].class && strcmp(one->rcpts[i].action, other->rcpts[i].action) == 0);
	}
}

static struct span with_ends(struct arena *a, struct span bytes, const char *end)
{
	char *out = arena_alloc(a, bytes.len * 2 + 1);
	size_t len = 0, end_len = strlen(end);

	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.ptr[i] == '\n') {
			memcpy(out + len, end, end_len);
			len += end_len;
		} else {
			out[len++] = bytes.ptr[i];
		}
	return (struct span){ out, len };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct patterns *patterns;
	struct arena *a = arena_new(ARENA_SCRATCH_MAX_BYTES);
	struct span bytes = { (const char *)data, size };
	struct verdict plain, other;
	struct verdict_rcpt r;

	if (patterns == NULL) {
		patterns = patterns_new();
		assert(patterns_parse(SPAN_LIT(rows), "fuzz", patterns, NULL) == 0);
	}
	verdict_of_bytes(a, patterns, bytes, &plain);
	check(&plain, bytes);
	if (size > 0 && memchr(data, '\r', size) == NULL) {
		verdict_of_bytes(a, patterns, with_ends(a, bytes, "\r\n"), &other);
		check_same(&plain, &other);
		verdict_of_bytes(a, patterns, with_ends(a, bytes, "\r"), &other);
		check_same(&plain, &other);
	}
	verdict_of_reply(a, patterns, 0, arena_text(a, bytes), "", &r);
	assert(r.class < BOUNCE_CLASSES && strlen(r.reply) <= VERDICT_REPLY_MAX_BYTES + 4);
	arena_free(a);
	return 0;
}
