/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows: in memory, in order, and in the store. */
#include "listd/bounce/learn_int.h"

#include "listd/event.h"

#include <stdlib.h>
#include <string.h>

/* Nothing was heard for so many times the setting relearn. */
#define LIFE_FACTOR 6

static char *copy_text(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		fail_environment("out of memory");
	return copy;
}

void learn_set_text(const char **text, const char *value)
{
	char *copy = copy_text(value);

	free((char *)(uintptr_t)*text);
	*text = copy;
}

static int compare(const struct learnt *one, enum learnt_kind kind, const char *name, const char *what)
{
	int order = one->kind < kind ? -1 : one->kind > kind;

	if (order == 0)
		order = strcmp(one->name, name);
	return order != 0 ? order : strcmp(one->what, what);
}

size_t learn_place(const struct learn *learn, enum learnt_kind kind, const char *name, const char *what)
{
	size_t from = 0, to = learn->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare(&learn->rows[middle]->learnt, kind, name, what) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

bool learn_is_about(const struct learn *learn, size_t place, enum learnt_kind kind, const char *name)
{
	return place < learn->count && learn->rows[place]->learnt.kind == kind && strcmp(learn->rows[place]->learnt.name, name) == 0;
}

static struct learn_row *row_new(const struct learnt *from)
{
	struct learn_row *row = calloc(1, sizeof(*row));

	if (row == NULL)
		fail_environment("out of memory");
	row->learnt = *from;
	row->learnt.name = copy_text(from->name);
	row->learnt.what = copy_text(from->what);
	row->learnt.reply = copy_text(from->reply);
	row->learnt.witnesses = copy_text(from->witnesses);
	return row;
}

static void row_free(struct learn_row *row)
{
	const char *const texts[] = { row->learnt.name, row->learnt.what, row->learnt.reply, row->learnt.witnesses };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free((char *)(uintptr_t)texts[i]);
	free(row);
}

static void *grow(void *items, size_t *cap, size_t count, size_t size)
{
	if (count < *cap)
		return items;
	*cap = *cap == 0 ? 64 : 2 * *cap;
	items = reallocarray(items, *cap, size);
	if (items == NULL)
		fail_environment("out of memory");
	return items;
}

static struct learn_row *insert(struct learn *learn, size_t at, const struct learnt *from)
{
	learn->rows = grow(learn->rows, &learn->cap, learn->count, sizeof(*learn->rows));
	memmove(&learn->rows[at + 1], &learn->rows[at], (learn->count - at) * sizeof(*learn->rows));
	learn->rows[at] = row_new(from);
	learn->count++;
	return learn->rows[at];
}

struct learn_row *learn_row(struct learn *learn, enum learnt_kind kind, const char *name, const char *what)
{
	size_t at = learn_place(learn, kind, name, what);
	struct learnt fresh = { .kind = kind, .name = name, .what = what, .reply = "", .witnesses = "" };

	if (learn_is_about(learn, at, kind, name) && strcmp(learn->rows[at]->learnt.what, what) == 0)
		return learn->rows[at];
	return learn->count >= LEARN_ROWS_MAX ? NULL : insert(learn, at, &fresh);
}

int learn_write(struct learn *learn, struct learn_row *row, struct fail *why)
{
	row->is_dirty = store_learnt_put(learn->store, &row->learnt, why) != 0;
	return row->is_dirty ? -1 : 0;
}

static void take_out(struct learn *learn, size_t at)
{
	row_free(learn->rows[at]);
	learn->count--;
	memmove(&learn->rows[at], &learn->rows[at + 1], (learn->count - at) * sizeof(*learn->rows));
}

static void add_allowed(struct learn *learn, const struct allowed *allowed)
{
	learn->allowed = grow(learn->allowed, &learn->allowed_cap, learn->allowed_count, sizeof(*learn->allowed));
	learn->allowed[learn->allowed_count++] = (struct allowed){
		.kind = allowed->kind, .name = copy_text(allowed->name), .note = copy_text(allowed->note), .since_secs = allowed->since_secs,
	};
}

int learn_open(struct store *store, struct learn **learn_r, struct fail *why)
{
	struct learn *learn = calloc(1, sizeof(*learn));
	struct arena *a = arena_new(ARENA_MESSAGE_MAX_BYTES);
	struct allowed *allowed;
	struct learnt *learnt;
	size_t count, allowed_count;
	int result = -1;

	if (learn == NULL)
		fail_environment("out of memory");
	learn->store = store;
	pthread_mutex_init(&learn->lock, NULL);
	if (store_learnt_all(store, a, &learnt, &count, why) == 0 && store_allowed_all(store, a, &allowed, &allowed_count, why) == 0) {
		for (size_t i = 0; i < count; i++)
			insert(learn, learn_place(learn, learnt[i].kind, learnt[i].name, learnt[i].what), &learnt[i]);
		for (size_t i = 0; i < allowed_count; i++)
			add_allowed(learn, &allowed[i]);
		*learn_r = learn;
		result = 0;
	} else {
		learn_free(learn);
	}
	arena_free(a);
	return result;
}

static void write_dirty(struct learn *learn)
{
	struct fail why;

	for (size_t i = 0; i < learn->count; i++)
		if (learn->rows[i]->is_dirty && learn_write(learn, learn->rows[i], &why) != 0)
			event_log(EVENT_STORE_FAULT, "operation", "learn", "reason", why.text, NULL);
}

void learn_free(struct learn *learn)
{
	if (learn == NULL)
		return;
	write_dirty(learn);
	for (size_t i = 0; i < learn->count; i++)
		row_free(learn->rows[i]);
	for (size_t i = 0; i < learn->allowed_count; i++) {
		free((char *)(uintptr_t)learn->allowed[i].name);
		free((char *)(uintptr_t)learn->allowed[i].note);
	}
	free((char *)(uintptr_t)learn->notes_job);
	free((char *)(uintptr_t)learn->notes_text);
	pthread_mutex_destroy(&learn->lock);
	free(learn->allowed);
	free(learn->rows);
	free(learn);
}

int64_t learn_relearn_secs(struct daemon *daemon)
{
	struct site *site = daemon_hold_site(daemon);
	int64_t secs = site->settings->relearn_secs;

	daemon_release_site(site);
	return secs;
}

/* The last thing heard; of witnesses, who stay unheard otherwise, nothing is older than the row's last news either. */
static int64_t last_secs(const struct learnt *l)
{
	const char *colon = strrchr(l->witnesses, ':');
	int64_t last = colon == NULL ? 0 : strtoll(colon + 1, NULL, 10);

	last = l->refused_secs > last ? l->refused_secs : last;
	return l->sent_secs > last ? l->sent_secs : last;
}

void learn_tend(struct daemon *daemon)
{
	struct learn *learn = daemon->learn;
	int64_t before_secs = clock_now(&daemon->clock) - LIFE_FACTOR * learn_relearn_secs(daemon);

	pthread_mutex_lock(&learn->lock);
	for (size_t i = learn->count; i-- > 0;)
		if (last_secs(&learn->rows[i]->learnt) < before_secs && store_learnt_remove(learn->store, &learn->rows[i]->learnt, NULL) == 0)
			take_out(learn, i);
	write_dirty(learn);
	pthread_mutex_unlock(&learn->lock);
}

void learn_all(struct learn *learn, struct arena *a, struct learnt **learnt_r, size_t *count_r)
{
	pthread_mutex_lock(&learn->lock);
	*learnt_r = arena_array(a, learn->count, sizeof(**learnt_r));
	*count_r = learn->count;
	for (size_t i = 0; i < learn->count; i++) {
		struct learnt *to = &(*learnt_r)[i];

		*to = learn->rows[i]->learnt;
		to->name = arena_text(a, span_of(to->name));
		to->what = arena_text(a, span_of(to->what));
		to->reply = arena_text(a, span_of(to->reply));
		to->witnesses = arena_text(a, span_of(to->witnesses));
	}
	pthread_mutex_unlock(&learn->lock);
}

int learn_forget(struct learn *learn, const char *name, size_t *count_r, struct fail *why)
{
	int result = 0;

	*count_r = 0;
	pthread_mutex_lock(&learn->lock);
	for (size_t i = learn->count; result == 0 && i-- > 0;) {
		const struct learnt *l = &learn->rows[i]->learnt;

		if (strcasecmp(l->name, name) != 0 && !(l->name[0] == '@' && strcasecmp(l->name + 1, name) == 0))
			continue;
		result = store_learnt_remove(learn->store, l, why);
		if (result == 0) {
			take_out(learn, i);
			(*count_r)++;
		}
	}
	pthread_mutex_unlock(&learn->lock);
	return result;
}

/* ---- the allowlist ---- */

const struct allowed *learn_find_allowed(const struct learn *learn, enum allowed_kind kind, const char *name)
{
	for (size_t i = 0; i < learn->allowed_count; i++)
		if (learn->allowed[i].kind == kind && strcmp(learn->allowed[i].name, name) == 0)
			return &learn->allowed[i];
	return NULL;
}

static void drop_allowed(struct learn *learn, const struct allowed *allowed)
{
	size_t at = (size_t)(allowed - learn->allowed);

	free((char *)(uintptr_t)allowed->name);
	free((char *)(uintptr_t)allowed->note);
	learn->allowed_count--;
	memmove(&learn->allowed[at], &learn->allowed[at + 1], (learn->allowed_count - at) * sizeof(*learn->allowed));
}

int learn_allow(struct learn *learn, const struct allowed *allowed, struct fail *why)
{
	const struct allowed *before;
	int result;

	pthread_mutex_lock(&learn->lock);
	before = learn_find_allowed(learn, allowed->kind, allowed->name);
	if (before == NULL && learn->allowed_count >= LEARN_ALLOWED_MAX)
		result = fail_permanent(why, "the allowlist has %d entries already; remove some first", LEARN_ALLOWED_MAX);
	else
		result = store_allowed_put(learn->store, allowed, why);
	if (result == 0 && before != NULL)
		drop_allowed(learn, before);
	if (result == 0)
		add_allowed(learn, allowed);
	pthread_mutex_unlock(&learn->lock);
	return result;
}

int learn_disallow(struct learn *learn, enum allowed_kind kind, const char *name, struct fail *why)
{
	const struct allowed *allowed;
	int result;

	pthread_mutex_lock(&learn->lock);
	allowed = learn_find_allowed(learn, kind, name);
	result = allowed == NULL ? 0 : store_allowed_remove(learn->store, kind, name, why);
	if (result >= 0 && allowed != NULL) {
		drop_allowed(learn, allowed);
		result = 1;
	}
	pthread_mutex_unlock(&learn->lock);
	return result;
}

void learn_allowed(struct learn *learn, struct arena *a, struct allowed **allowed_r, size_t *count_r)
{
	pthread_mutex_lock(&learn->lock);
	*allowed_r = arena_array(a, learn->allowed_count, sizeof(**allowed_r));
	*count_r = learn->allowed_count;
	for (size_t i = 0; i < learn->allowed_count; i++) {
		(*allowed_r)[i] = learn->allowed[i];
		(*allowed_r)[i].name = arena_text(a, span_of(learn->allowed[i].name));
		(*allowed_r)[i].note = arena_text(a, span_of(learn->allowed[i].note));
	}
	pthread_mutex_unlock(&learn->lock);
}
