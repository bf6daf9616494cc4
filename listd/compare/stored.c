/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/compare/stored.h"

#include "mail/file.h"

#include <stdlib.h>
#include <string.h>

#define STORED_HEAD "# listctl compare "

struct stored_post { const char *name; struct span lines; bool seen; };

struct stored {
	struct arena *arena;
	struct file_view view;
	struct stored_post *posts; /* by name */
	size_t count, cap;
};

const char *stored_change_name(enum stored_change change)
{
	static const char *const names[STORED_CHANGES] = { [STORED_BETTER] = "better", [STORED_WORSE] = "worse", [STORED_CHANGED] = "changed" };

	return names[change];
}

/* Writing. */

static const char *yes(bool value)
{
	return value ? "yes" : "no";
}

void stored_write_head(FILE *file)
{
	fprintf(file, STORED_HEAD "%d\n", STORED_VERSION);
}

static void write_form(FILE *file, const struct compare_form *f)
{
	if (f->failure != NULL) {
		fprintf(file, "  form %s made=no\n", f->strategy->name);
		return;
	}
	fprintf(file, "  form %s from=%s name=%s reply=%s reply-all=%s author-dkim=%u/%u list-dkim=%s arc=%s list=%u/%u tag=%s footer=%s\n", f->strategy->name,
		f->from_is_author ? "author" : "list", yes(f->name_visible), f->reply, f->reply_all, f->signatures_alive, f->signatures, yes(f->list_dkim), yes(f->sealed),
		f->list_fields, f->list_fields_wanted, compare_part_name(f->tag), compare_part_name(f->footer));
}

/* "*" stands for all receivers where they agree, so that the usual lines are short. A run of some receivers names them. */
static void write_cells(FILE *file, const struct comparison *comparison, const struct compare_cell *cells)
{
	const struct models *models = comparison->models;
	bool agree = !comparison->some_receivers;

	for (size_t i = 1; i < models->count; i++)
		agree = agree && cells[i].verdict == cells[0].verdict;
	for (size_t i = 0; i < (agree ? 1 : models->count); i++)
		fprintf(file, " %s=%s", agree ? "*" : models->items[i].name, compare_verdict_name(cells[i].verdict));
	fputc('\n', file);
}

void stored_write(FILE *file, const struct comparison *comparison, const struct compared *c)
{
	fprintf(file, "post %s\n", c->name);
	if (c->failure != NULL) {
		fputs("  arrival compared=no\n", file);
		return;
	}
	fprintf(file, "  arrival policy=%s authentic=%s forged=%s taken=%s known=%s", dmarc_policy_name(c->policy), yes(c->authentic), yes(c->result.is_forged),
		yes(c->result.not_taken == NULL), yes(c->result.unknown == NULL));
	if (c->recorded.state != RECORDED_NOTHING)
		fprintf(file, " recorded=%s predicted=%s", recorded_state_name(c->recorded.state), c->recorded.predicted);
	fputc('\n', file);
	for (size_t column = 0; column < compare_column_count(); column++) {
		if (comparison->columns != NULL && !comparison->columns[column])
			continue;
		fprintf(file, "  at %s", compare_column_name(column));
		write_cells(file, comparison, compare_cell(&c->result, comparison->models, column, 0));
	}
	for (size_t i = 0; i < strategy_count; i++)
		if (c->result.forms[i].strategy != NULL)
			write_form(file, &c->result.forms[i]);
}

/* Reading. */

static int compare_posts(const void *one, const void *other)
{
	const struct stored_post *a = one, *b = other;

	return strcmp(a->name, b->name);
}

static bool starts(struct span line, const char *prefix)
{
	return line.len >= strlen(prefix) && memcmp(line.ptr, prefix, strlen(prefix)) == 0;
}

static int check_head(struct span line, const char *file, struct fail *why)
{
	unsigned long long version = 0;

	if (!starts(line, STORED_HEAD) || !span_number(span_trim(span_sub(line, strlen(STORED_HEAD), line.len)), 1000000, &version))
		return fail_permanent(why, "%s: not a stored comparison: it begins with \"" STORED_HEAD "%d\"", file, STORED_VERSION);
	if (version != STORED_VERSION)
		return fail_permanent(why, "%s: stored in version %llu of the format, this is version %d: run with --update", file, version, STORED_VERSION);
	return 0;
}

static int read_lines(struct stored *s, struct span text, const char *file, struct fail *why)
{
	struct span rest = text, line = { NULL, 0 };
	struct stored_post *post = NULL;
	size_t number = 1;

	span_next(&rest, '\n', &line);
	if (check_head(line, file, why) != 0)
		return -1;
	for (const char *begin = rest.ptr; span_next(&rest, '\n', &line); begin = rest.ptr) {
		number++;
		if (starts(line, "post ")) {
			post = arena_grow(s->arena, &s->posts, &s->cap, s->count++, sizeof(*post));
			*post = (struct stored_post){ .name = arena_text(s->arena, span_sub(line, 5, line.len)), .lines = { line.ptr + line.len, 0 } };
		} else if (post != NULL && starts(line, "  ")) {
			post->lines.len = (size_t)(line.ptr + line.len - post->lines.ptr);
		} else if (line.len > 0 && *begin != '#') {
			return fail_permanent(why, "%s:%zu: expected \"post NAME\", or a line that begins with two blanks", file, number);
		}
	}
	if (s->count > 0)
		qsort(s->posts, s->count, sizeof(*s->posts), compare_posts);
	return 0;
}

int stored_parse(struct span text, const char *file, struct stored **stored_r, struct fail *why)
{
	struct stored *s = calloc(1, sizeof(*s));

	if (s == NULL)
		fail_environment("out of memory");
	s->arena = arena_new(STORED_MAX_BYTES);
	if (read_lines(s, text, file, why) != 0) {
		stored_free(s);
		return -1;
	}
	*stored_r = s;
	return 0;
}

int stored_read(const char *path, struct stored **stored_r, struct fail *why)
{
	struct file_view view;

	if (file_map(path, STORED_MAX_BYTES, &view, why) != 0)
		return -1;
	if (stored_parse(view.bytes, path, stored_r, why) != 0) {
		file_unmap(&view);
		return -1;
	}
	(*stored_r)->view = view;
	return 0;
}

void stored_free(struct stored *stored)
{
	if (stored == NULL)
		return;
	file_unmap(&stored->view);
	arena_free(stored->arena);
	free(stored);
}

/* Comparing. */

struct comparing {
	struct arena *arena;
	struct stored_difference *differences;
	size_t count, cap;
	bool was_forged;
};

static void add(struct comparing *c, enum stored_change change, const char *column, const char *text)
{
	*(struct stored_difference *)arena_grow(c->arena, &c->differences, &c->cap, c->count++, sizeof(*c->differences)) = (struct stored_difference){ change, column, text };
}

/* "key=value" behind a line's first two words. */
static bool next_value(struct span *rest, struct span *key_r, struct span *value_r)
{
	struct span word;
	size_t equals;

	if (!span_word(rest, &word))
		return false;
	equals = span_find_byte(word, '=');
	*key_r = span_sub(word, 0, equals);
	*value_r = span_sub(word, equals + 1, word.len);
	return true;
}

static bool find_value(struct span line, struct span wanted, struct span *value_r)
{
	struct span key;

	while (next_value(&line, &key, value_r))
		if (span_eq(key, wanted) || span_eq_text(key, "*"))
			return true;
	return false;
}

/* The rest of the line that begins with these words. */
static bool find_line(struct span lines, struct span kind, struct span name, struct span *rest_r)
{
	struct span line, word;

	while (span_next(&lines, '\n', &line)) {
		if (!span_word(&line, &word) || !span_eq(word, kind))
			continue;
		if (name.len > 0 && (!span_word(&line, &word) || !span_eq(word, name)))
			continue;
		*rest_r = line;
		return true;
	}
	return false;
}

/* Of two values of a key, is the second better: 1, worse: -1, or only another: 0? */
static int rank_values(struct span old, struct span new)
{
	static const char *const good[] = { "yes", "author" }, *const bad[] = { "no", "list" };
	unsigned long long was, is;

	for (size_t i = 0; i < 2; i++) {
		if (span_eq_text(old, bad[i]) && span_eq_text(new, good[i]))
			return 1;
		if (span_eq_text(old, good[i]) && span_eq_text(new, bad[i]))
			return -1;
	}
	if (span_number(span_sub(old, 0, span_find_byte(old, '/')), 100000, &was) && span_number(span_sub(new, 0, span_find_byte(new, '/')), 100000, &is))
		return is > was ? 1 : is < was ? -1 : 0;
	return 0;
}

static enum stored_change change_of(const struct comparing *c, struct span kind, struct span key, struct span old, struct span new)
{
	enum compare_verdict was, is;
	int rank;

	if (span_eq_text(kind, "arrival") || span_starts_nocase(key, "reply"))
		return STORED_CHANGED;
	if (span_eq_text(kind, "at") && compare_verdict_find(old, &was) && compare_verdict_find(new, &is)) {
		unsigned before = compare_badness(was, c->was_forged), now = compare_badness(is, c->was_forged);

		return now < before ? STORED_BETTER : now > before ? STORED_WORSE : STORED_CHANGED;
	}
	rank = rank_values(old, new);
	return rank > 0 ? STORED_BETTER : rank < 0 ? STORED_WORSE : STORED_CHANGED;
}

static const char *text_of(struct comparing *c, struct span kind, struct span key, struct span old, struct span new)
{
	return arena_printf(c->arena, "%.*s%s %.*s: %.*s -> %.*s", (int)kind.len, kind.ptr, span_eq_text(kind, "at") ? "" : ",", (int)key.len, key.ptr, (int)old.len,
		old.len == 0 ? "" : old.ptr, (int)new.len, new.len == 0 ? "" : new.ptr);
}

/* All agree now: with what each was. */
static void compare_all(struct comparing *c, struct span kind, const char *column, struct span old, struct span value)
{
	struct span key, before;

	while (next_value(&old, &key, &before))
		if (!span_eq(before, span_trim(value)))
			add(c, change_of(c, kind, key, before, span_trim(value)), column, text_of(c, kind, key, before, span_trim(value)));
}

static void compare_line(struct comparing *c, struct span kind, const char *column, struct span old, struct span new)
{
	struct span rest = new, key, value, before;

	if (span_next(&rest, '=', &key) && span_eq_text(span_trim(key), "*")) {
		compare_all(c, kind, column, old, rest);
		return;
	}
	while (next_value(&new, &key, &value)) {
		if (!find_value(old, key, &before))
			add(c, STORED_CHANGED, column, arena_printf(c->arena, "%.*s %.*s: not stored", (int)kind.len, kind.ptr, (int)key.len, key.ptr));
		else if (!span_eq(before, value))
			add(c, change_of(c, kind, key, before, value), column, text_of(c, kind, key, before, value));
	}
}

static void compare_lines(struct comparing *c, struct span old, struct span new)
{
	struct span line, kind, name, before;

	while (span_next(&new, '\n', &line)) {
		const char *column = NULL;

		name = (struct span){ NULL, 0 };
		if (!span_word(&line, &kind) || span_eq_text(kind, "post"))
			continue;
		if (!span_eq_text(kind, "arrival") && span_word(&line, &name))
			column = arena_text(c->arena, name);
		if (find_line(old, kind, name, &before))
			compare_line(c, kind, column, before, line);
		else
			add(c, STORED_CHANGED, column, arena_printf(c->arena, "%.*s: not stored", (int)kind.len, kind.ptr));
	}
}

void stored_compare(struct stored *stored, struct arena *a, const char *name, struct span text, struct stored_difference **differences_r, size_t *count_r)
{
	struct stored_post wanted = { .name = name };
	struct stored_post *post = stored->count == 0 ? NULL : bsearch(&wanted, stored->posts, stored->count, sizeof(wanted), compare_posts);
	struct comparing c = { .arena = a };
	struct span arrival, forged;

	if (post == NULL) {
		add(&c, STORED_CHANGED, NULL, "the post is not stored");
	} else {
		post->seen = true;
		c.was_forged = find_line(post->lines, SPAN_LIT("arrival"), (struct span){ NULL, 0 }, &arrival) && find_value(arrival, SPAN_LIT("forged"), &forged)
			&& span_eq_text(forged, "yes");
		compare_lines(&c, post->lines, text);
	}
	*differences_r = c.differences;
	*count_r = c.count;
}

const char *stored_unseen(const struct stored *stored, size_t *at)
{
	while (*at < stored->count)
		if (!stored->posts[(*at)++].seen)
			return stored->posts[*at - 1].name;
	return NULL;
}
