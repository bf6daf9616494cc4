/* SPDX-License-Identifier: BSD-2-Clause */
/* The descriptions, read. */
#include "mitigations/compare/described.h"

#include <string.h>

#define TEXT_MAX_BYTES ((size_t)64 << 20) /* as for a zone: a suite's own file, and a wrong one should be an error */
#define LINE_MAX_BYTES 8192

struct reading {
	struct arena *arena;
	struct described *posts, *post;
	size_t count, cap;
	const char *file;
	size_t line;
	struct fail *why;
};

static int expected(const struct reading *r, const char *what, struct span found)
{
	return fail_expected(r->why, r->file, r->line, what, found);
}

static bool is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] > '~' || strchr("\"'<>&\\", name.ptr[i]) != NULL)
			return false;
	return name.len > 0 && name.len <= 100;
}

static int take_post(struct reading *r, struct span rest)
{
	if (!is_name(rest))
		return expected(r, "a name without blanks and quotes", rest);
	if (r->count == DESCRIBED_MAX)
		return fail_permanent(r->why, "%s:%zu: more than %d posts", r->file, r->line, DESCRIBED_MAX);
	r->post = arena_grow(r->arena, &r->posts, &r->cap, r->count++, sizeof(*r->posts));
	*r->post = (struct described){ .name = arena_text(r->arena, rest), .to = "birds@lists.example.org", .subject = "Owls", .policy = "absent", .shape = &shapes[0] };
	return 0;
}

static int take_from(struct reading *r, struct span rest)
{
	r->post->from = arena_text(r->arena, rest);
	return rest.len == 0 ? expected(r, "an author", rest) : 0;
}

static int take_to(struct reading *r, struct span rest)
{
	r->post->to = arena_text(r->arena, rest);
	return 0;
}

static int take_subject(struct reading *r, struct span rest)
{
	r->post->subject = arena_text(r->arena, rest);
	return 0;
}

static int take_policy(struct reading *r, struct span rest)
{
	static const char *const names[] = { "absent", "none", "quarantine", "reject", "unknown" };
	bool known = span_starts_nocase(rest, "p=");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		known |= span_eq_text(rest, names[i]);
	r->post->policy = arena_text(r->arena, rest);
	return known ? 0 : expected(r, "absent, none, quarantine, reject, unknown, or tags that begin with p=", rest);
}

static struct described_signature *add_signature(struct reading *r)
{
	struct described *post = r->post;

	if (post->signature_count == DESCRIBED_SIGNATURES_MAX) {
		fail_permanent(r->why, "%s:%zu: more than %d signatures", r->file, r->line, DESCRIBED_SIGNATURES_MAX);
		return NULL;
	}
	post->signatures[post->signature_count] = (struct described_signature){ .length = -1 };
	return &post->signatures[post->signature_count++];
}

static int take_auth(struct reading *r, struct span rest)
{
	struct described_signature *signature;
	struct span word;

	while (span_word(&rest, &word)) {
		bool is_broken = span_eq_text(word, "broken");

		if (span_eq_text(word, "dkim") || is_broken) {
			signature = add_signature(r);
			if (signature == NULL)
				return -1;
			signature->is_broken = is_broken;
		} else if (span_eq_text(word, "spf")) {
			r->post->by_spf = true;
		} else if (span_eq_text(word, "submission")) {
			r->post->by_submission = true;
		} else if (!span_eq_text(word, "none")) {
			return expected(r, "dkim, spf, submission, broken or none", word);
		}
	}
	return 0;
}

static int take_canon(const struct reading *r, struct described_signature *signature, struct span value)
{
	size_t slash = span_find_byte(value, '/');
	struct span header = span_sub(value, 0, slash), body = slash == value.len ? SPAN_LIT("simple") : span_sub(value, slash + 1, value.len);

	signature->simple_header = span_eq_text(header, "simple");
	signature->simple_body = span_eq_text(body, "simple");
	if ((!signature->simple_header && !span_eq_text(header, "relaxed")) || (!signature->simple_body && !span_eq_text(body, "relaxed")))
		return expected(r, "c=simple or relaxed, twice", value);
	return 0;
}

static int take_signature_word(struct reading *r, struct described_signature *signature, struct span word)
{
	struct span value = span_sub(word, 2, word.len);
	unsigned long long number;

	if (span_eq_text(word, "oversigned"))
		signature->oversigned = true;
	else if (span_eq_text(word, "broken"))
		signature->is_broken = true;
	else if (span_eq_text(word, "a=ed25519"))
		signature->ed25519 = true;
	else if (span_starts_nocase(word, "d=") && value.len > 0)
		signature->domain = arena_lower(r->arena, value);
	else if (span_starts_nocase(word, "h=") && value.len > 0)
		signature->fields = arena_text(r->arena, value);
	else if (span_starts_nocase(word, "l=") && span_number(value, 1000000, &number))
		signature->length = (long)number;
	else if (span_starts_nocase(word, "c="))
		return take_canon(r, signature, value);
	else
		return expected(r, "d=, a=ed25519, c=, l=, h=, oversigned or broken", word);
	return 0;
}

static int take_signature(struct reading *r, struct span rest)
{
	struct described_signature *signature = add_signature(r);
	struct span word;

	if (signature == NULL)
		return -1;
	while (span_word(&rest, &word))
		if (take_signature_word(r, signature, word) != 0)
			return -1;
	return 0;
}

static int take_shape(struct reading *r, struct span rest)
{
	const struct shape *shape = shape_find(rest);

	if (shape == NULL)
		return expected(r, "a shape (listctl compare --shapes shows them)", rest);
	r->post->shape = shape;
	return 0;
}

static int take_line_of(struct reading *r, struct span rest, const char **lines, size_t *count)
{
	if (*count == DESCRIBED_LINES_MAX)
		return fail_permanent(r->why, "%s:%zu: more than %d such lines", r->file, r->line, DESCRIBED_LINES_MAX);
	lines[(*count)++] = arena_text(r->arena, rest);
	return 0;
}

static int take_record(struct reading *r, struct span rest)
{
	return take_line_of(r, rest, r->post->records, &r->post->record_count);
}

static int take_field(struct reading *r, struct span rest)
{
	size_t colon = span_find_byte(rest, ':');

	for (size_t i = 0; i < colon; i++)
		if (rest.ptr[i] <= ' ' || rest.ptr[i] > '~')
			return expected(r, "NAME: VALUE", rest);
	if (colon == 0 || colon == rest.len)
		return expected(r, "NAME: VALUE", rest);
	return take_line_of(r, rest, r->post->fields, &r->post->field_count);
}

static int take_body(struct reading *r, struct span rest)
{
	return take_line_of(r, rest, r->post->body, &r->post->body_count);
}

static const struct { const char *word; int (*take)(struct reading *r, struct span rest); } words[] = {
	{ "post", take_post }, { "from", take_from }, { "to", take_to }, { "subject", take_subject }, { "policy", take_policy }, { "auth", take_auth },
	{ "signature", take_signature }, { "shape", take_shape }, { "record", take_record }, { "field", take_field }, { "body", take_body },
};

static int take_text_line(struct reading *r, struct span line)
{
	struct span word;

	line = span_trim(line);
	if (line.len == 0 || line.ptr[0] == '#')
		return 0;
	if (memchr(line.ptr, '\0', line.len) != NULL || memchr(line.ptr, '\r', line.len) != NULL)
		return fail_permanent(r->why, "%s:%zu: a NUL or CR octet", r->file, r->line);
	span_word(&line, &word);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_eq_text(word, words[i].word))
			return r->post == NULL && i > 0 ? expected(r, "\"post NAME\" first", word) : words[i].take(r, span_trim(line));
	return expected(r, "post, from, to, subject, policy, auth, signature, shape, record, field or body", word);
}

int described_parse(struct arena *a, struct span text, const char *file, struct described **posts_r, size_t *count_r, struct fail *why)
{
	const char *slash = strrchr(file, '/');
	struct reading r = { .arena = a, .file = slash == NULL ? file : slash + 1, .why = why };
	struct span line;

	if (text.len > TEXT_MAX_BYTES)
		return fail_permanent(why, "%s: more than %zu bytes", r.file, TEXT_MAX_BYTES);
	while (span_next(&text, '\n', &line)) {
		r.line++;
		if (line.len > LINE_MAX_BYTES)
			return fail_permanent(why, "%s:%zu: longer than %d bytes", r.file, r.line, LINE_MAX_BYTES);
		if (take_text_line(&r, line) != 0)
			return -1;
	}
	*posts_r = r.posts;
	*count_r = r.count;
	return 0;
}
