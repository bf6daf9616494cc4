/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/compare/corpus.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CORPUS_ARENA_MAX_BYTES ((size_t)1 << 30)
#define HEAD_BYTES 4096 /* of a file, to tell what it is */

void corpus_init(struct corpus *corpus)
{
	*corpus = (struct corpus){ .arena = arena_new(CORPUS_ARENA_MAX_BYTES) };
}

void corpus_done(struct corpus *corpus)
{
	for (size_t i = 0; i < corpus->view_count; i++)
		file_unmap(&corpus->views[i]);
	arena_free(corpus->arena);
	*corpus = (struct corpus){ .arena = NULL };
}

static int add(struct corpus *corpus, struct corpus_item item, struct fail *why)
{
	if (corpus->count == CORPUS_MAX)
		return fail_permanent(why, "more than %d messages", CORPUS_MAX);
	*(struct corpus_item *)arena_grow(corpus->arena, &corpus->items, &corpus->cap, corpus->count, sizeof(item)) = item;
	corpus->count++;
	return 0;
}

int corpus_add_described(struct corpus *corpus, struct span text, const char *file, struct fail *why)
{
	struct described *posts;
	size_t count;

	if (described_parse(corpus->arena, text, file, &posts, &count, why) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (add(corpus, (struct corpus_item){ .name = posts[i].name, .described = &posts[i] }, why) != 0)
			return -1;
	return 0;
}

/* One message of an mbox: where the next "From " line after an empty line begins, or the end. */
static size_t find_from_line(struct span bytes, size_t from)
{
	while (from < bytes.len) {
		size_t at = from + span_find(span_sub(bytes, from, bytes.len), SPAN_LIT("\nFrom "));
		bool after_empty = at >= bytes.len || at == 0 || bytes.ptr[at - 1] == '\n' || (at > 1 && bytes.ptr[at - 1] == '\r' && bytes.ptr[at - 2] == '\n');

		if (at >= bytes.len)
			break;
		if (after_empty)
			return at + 1;
		from = at + 1;
	}
	return bytes.len;
}

/* Without the empty line that the mbox puts behind each message. */
static struct span without_last_line(struct span message)
{
	if (message.len > 1 && message.ptr[message.len - 1] == '\n' && message.ptr[message.len - 2] == '\n')
		message.len--;
	else if (message.len > 3 && span_eq_text(span_sub(message, message.len - 4, 4), "\r\n\r\n"))
		message.len -= 2;
	return message;
}

static int add_mbox(struct corpus *corpus, const char *path, struct fail *why)
{
	struct file_view *view = arena_grow(corpus->arena, &corpus->views, &corpus->view_cap, corpus->view_count, sizeof(*view));
	size_t number = 0;

	if (file_map(path, CORPUS_FILE_MAX_BYTES, view, why) != 0)
		return -1;
	corpus->view_count++;
	for (size_t at = 0; at < view->bytes.len;) {
		size_t begin = at + span_find_byte(span_sub(view->bytes, at, view->bytes.len), '\n') + 1, end = find_from_line(view->bytes, at);
		struct corpus_item item = { .name = arena_printf(corpus->arena, "%s#%zu", path, ++number), .is_quoted = true };

		if (begin < end)
			item.bytes = without_last_line(span_sub(view->bytes, begin, end - begin));
		if (item.bytes.len > 0 && add(corpus, item, why) != 0)
			return -1;
		at = end;
	}
	return 0;
}

static bool is_described(struct span head)
{
	struct span line, word;

	while (span_next(&head, '\n', &line)) {
		line = span_trim(line);
		if (line.len > 0 && line.ptr[0] != '#')
			return span_word(&line, &word) && span_eq_text(word, "post");
	}
	return false;
}

static int add_file(struct corpus *corpus, const char *path, struct fail *why)
{
	struct file_view view;
	struct span head;
	bool is_mbox, has_posts;
	int result = 0;

	if (file_map(path, CORPUS_FILE_MAX_BYTES, &view, why) != 0)
		return -1;
	head = span_sub(view.bytes, 0, HEAD_BYTES);
	is_mbox = head.len > 5 && memcmp(head.ptr, "From ", 5) == 0;
	has_posts = !is_mbox && is_described(head);
	if (has_posts)
		result = corpus_add_described(corpus, view.bytes, path, why);
	file_unmap(&view);
	if (is_mbox)
		return add_mbox(corpus, path, why);
	return has_posts ? result : add(corpus, (struct corpus_item){ .name = arena_text(corpus->arena, span_of(path)), .path = arena_text(corpus->arena, span_of(path)) }, why);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_path(struct corpus *corpus, const char *path, unsigned depth, struct fail *why);

static int add_directory(struct corpus *corpus, const char *path, unsigned depth, struct fail *why)
{
	struct dirent **list = NULL;
	int count = scandir(path, &list, is_visible, by_name), result = 0;

	if (count < 0)
		return fail_permanent(why, "cannot read the directory %s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (result == 0)
			result = add_path(corpus, arena_printf(corpus->arena, "%s/%s", path, list[i]->d_name), depth + 1, why);
		free(list[i]);
	}
	free(list);
	return result;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What is in tmp is not there yet. */
static int add_maildir(struct corpus *corpus, const char *cur, const char *new, unsigned depth, struct fail *why)
{
	return add_directory(corpus, cur, depth, why) != 0 || add_directory(corpus, new, depth, why) != 0 ? -1 : 0;
}

static int add_path(struct corpus *corpus, const char *path, unsigned depth, struct fail *why)
{
	const char *cur = arena_printf(corpus->arena, "%s/cur", path), *new = arena_printf(corpus->arena, "%s/new", path);

	if (!is_directory(path))
		return add_file(corpus, path, why);
	if (depth > CORPUS_DEPTH_MAX)
		return fail_permanent(why, "%s: more than %d directories deep", path, CORPUS_DEPTH_MAX);
	if (is_directory(cur) && is_directory(new))
		return add_maildir(corpus, cur, new, depth, why);
	return add_directory(corpus, path, depth, why);
}

int corpus_add(struct corpus *corpus, const char *path, struct fail *why)
{
	return add_path(corpus, path, 0, why);
}

int corpus_add_message(struct corpus *corpus, const char *name, const char *path, struct span bytes, struct fail *why)
{
	const struct corpus_item item = { .name = arena_text(corpus->arena, span_of(name)), .path = path == NULL ? NULL : arena_text(corpus->arena, span_of(path)), .bytes = bytes };

	return add(corpus, item, why);
}

struct named { const char *name; size_t at; };

static int compare_named(const void *one, const void *other)
{
	const struct named *a = one, *b = other;
	int order = strcmp(a->name, b->name);

	return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

/* A path may hold anything; a name stands in lines. */
static const char *clean(struct arena *a, const char *name)
{
	char *text = arena_text(a, span_of(name));

	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return text;
}

void corpus_name(struct corpus *corpus)
{
	struct named *names = arena_array(corpus->arena, corpus->count, sizeof(*names));
	size_t same = 1;

	for (size_t i = 0; i < corpus->count; i++)
		corpus->items[i].name = clean(corpus->arena, corpus->items[i].name);
	for (size_t i = 0; i < corpus->count; i++)
		names[i] = (struct named){ corpus->items[i].name, i };
	if (corpus->count > 0)
		qsort(names, corpus->count, sizeof(*names), compare_named);
	for (size_t i = 1; i < corpus->count; i++) {
		same = strcmp(names[i].name, names[i - 1].name) == 0 ? same + 1 : 1;
		if (same > 1)
			corpus->items[names[i].at].name = arena_printf(corpus->arena, "%s~%zu", names[i].name, same);
	}
}

/* ">From " is how an mbox writes a line that begins with "From ". */
static bool is_quoted_from(struct span rest)
{
	size_t marks = 0;

	while (marks < rest.len && rest.ptr[marks] == '>')
		marks++;
	return marks > 0 && span_eq_text(span_sub(rest, marks, 5), "From ");
}

/* Only a message whose lines all end with LF alone is turned; one with mixed line ends is left as what it is. */
static struct span to_wire(struct arena *a, struct span bytes, bool is_mbox)
{
	bool has_cr = memchr(bytes.ptr, '\r', bytes.len) != NULL;
	size_t lines = 0, used = 0;
	char *out;

	for (size_t i = 0; i < bytes.len; i++)
		lines += bytes.ptr[i] == '\n';
	out = arena_alloc(a, bytes.len + lines + 1);
	for (size_t i = 0; i < bytes.len; i++) {
		if (is_mbox && bytes.ptr[i] == '>' && (i == 0 || bytes.ptr[i - 1] == '\n') && is_quoted_from(span_sub(bytes, i, 1024)))
			continue;
		if (bytes.ptr[i] == '\n' && !has_cr)
			out[used++] = '\r';
		out[used++] = bytes.ptr[i];
	}
	return (struct span){ out, used };
}

int corpus_read(struct arena *a, const struct corpus_item *item, struct span *bytes_r, struct fail *why)
{
	struct span bytes = item->bytes;

	if (item->path != NULL && file_read(a, item->path, CORPUS_FILE_MAX_BYTES, &bytes, why) != 0)
		return -1;
	*bytes_r = bytes.len == 0 ? bytes : to_wire(a, bytes, item->is_quoted);
	return 0;
}
