/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/bounce/sent.h"

#include "mail/address.h"

#include <string.h>

const char *sent_post_id(struct arena *a, const char *job)
{
	return arena_text(a, (struct span){ job, strcspn(job, "-") });
}

static const char *key_of(struct arena *a, const char *text)
{
	struct address address;

	return address_parse(a, span_of(text), &address, NULL) == 0 ? address_key(a, &address) : NULL;
}

/* Without quotes, comments, letters beyond ASCII, and a dot at the end: in lower case it is its own key. */
static bool is_plain(struct span address)
{
	static const char specials[] = "!#$%&'*+-/=?^_`{|}~.@";

	for (size_t i = 0; i < address.len; i++) {
		char c = ascii_lower(address.ptr[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || memchr(specials, c, sizeof(specials) - 1) != NULL))
			return false;
	}
	return address.len > 0 && address.ptr[address.len - 1] != '.';
}

/* Is it the same address? Most of a job's are not, and are not worth a parser: refusals of one job may be as many as its recipients. */
static bool is_same(struct arena *a, const char *address, const char *key)
{
	struct span s = span_of(address);
	const char *other;

	if (span_eq_text_nocase(s, key))
		return true;
	if (is_plain(s))
		return false;
	other = key_of(a, address);
	return other != NULL && strcmp(other, key) == 0;
}

int sent_find_in(struct arena *a, struct job *job, const char *recipient, struct sent *sent_r)
{
	const char *key = key_of(a, recipient);
	struct arena *scratch = arena_new(ARENA_MESSAGE_MAX_BYTES);
	size_t i = 0;

	while (key != NULL && i < job->rcpt_count && !is_same(scratch, job->rcpts[i].address, key))
		i++;
	arena_free(scratch);
	if (key == NULL || i == job->rcpt_count)
		return 0;
	*sent_r = (struct sent){ .job = arena_text(a, span_of(job->id)), .form = arena_text(a, span_of(job->forms[job->rcpts[i].form].name)),
		.address = arena_text(a, span_of(job->rcpts[i].address)) };
	notes_read(a, job->notes, &sent_r->notes);
	return 1;
}

int sent_find(struct daemon *daemon, struct arena *a, const char *job_id, const char *list, const char *recipient, struct sent *sent_r)
{
	struct job *job;
	struct fail why;
	int found;

	if (strchr(job_id, '-') != NULL ? job_open_sent(daemon->spool, job_id, &job, &why) != 0 : job_find_sent(daemon->spool, job_id, list, &job, &why) != 0)
		return 0;
	found = sent_find_in(a, job, recipient, sent_r);
	job_close(job);
	return found;
}
