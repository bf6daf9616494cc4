/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/spool/job_int.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *get_text(struct arena *a, const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? arena_text(a, span_of(json_string_value(value))) : NULL;
}

/* A number of 0..max. */
static bool get_number(const json_t *value, uint64_t max, uint64_t *number_r)
{
	json_int_t number = json_integer_value(value);

	*number_r = (uint64_t)number;
	return json_is_integer(value) && number >= 0 && (uint64_t)number <= max;
}

/* Three numbers: which bytes, offset, length. */
static int read_slice(const json_t *slices, size_t at, const struct span sources[2], struct iovec *slice_r, struct fail *why)
{
	uint64_t source, offset, len;

	if (!get_number(json_array_get(slices, at), 1, &source) || !get_number(json_array_get(slices, at + 1), sources[source].len, &offset)
		|| !get_number(json_array_get(slices, at + 2), sources[source].len - offset, &len))
		return fail_permanent(why, "a slice of a form is outside of its file");
	*slice_r = (struct iovec){ (void *)(uintptr_t)(sources[source].ptr + offset), len };
	return 0;
}

static int read_form(struct job *job, const json_t *object, const struct span sources[2], struct job_form *form, struct fail *why)
{
	const json_t *slices = json_object_get(object, "slices");
	size_t numbers = json_array_size(slices);

	form->name = get_text(job->arena, object, "name");
	form->needs_8bit = json_is_true(json_object_get(object, "8bit"));
	form->needs_utf8 = json_is_true(json_object_get(object, "utf8"));
	if (form->name == NULL || numbers % 3 != 0)
		return fail_permanent(why, "a form without name or slices");
	form->rendering.count = numbers / 3;
	form->rendering.slices = arena_array(job->arena, numbers / 3, sizeof(form->rendering.slices[0]));
	for (size_t i = 0; i < form->rendering.count; i++) {
		if (read_slice(slices, 3 * i, sources, &form->rendering.slices[i], why) != 0)
			return -1;
		form->rendering.total_bytes += form->rendering.slices[i].iov_len;
	}
	return 0;
}

static int read_object(struct job *job, const json_t *object, struct span own, struct fail *why)
{
	const json_t *forms = json_object_get(object, "forms");
	struct span sources[2] = { job->post.bytes, own };
	uint64_t post_bytes, created;

	job->list = get_text(job->arena, object, "list");
	job->fixed_sender = get_text(job->arena, object, "sender");
	job->notes = get_text(job->arena, object, "notes");
	if (job->notes == NULL)
		job->notes = "";
	job->sender = json_is_true(json_object_get(object, "fixed")) ? JOB_SENDER_FIXED : JOB_SENDER_VERP;
	job->form_count = json_array_size(forms);
	if (job->list == NULL || job->fixed_sender == NULL || job->form_count < 1 || job->form_count > JOB_FORMS_MAX
		|| !get_number(json_object_get(object, "created"), INT64_MAX, &created) || !get_number(json_object_get(object, "post_bytes"), sources[0].len, &post_bytes))
		return fail_permanent(why, "a part of its forms is missing, or does not fit its post");
	job->created_secs = (int64_t)created;
	sources[0].len = post_bytes;
	job->forms = arena_array(job->arena, job->form_count, sizeof(job->forms[0]));
	for (size_t i = 0; i < job->form_count; i++)
		if (read_form(job, json_array_get(forms, i), sources, &job->forms[i], why) != 0)
			return -1;
	return 0;
}

/* Take so many bytes off what is left of the file. */
static bool take(size_t *left, size_t bytes)
{
	if (bytes > *left)
		return false;
	*left -= bytes;
	return true;
}

/* sscanf is lenient, so what was read must also print as it stands. */
bool job_read_head(struct span file, struct job_head *head_r)
{
	char line[JOB_HEAD_BYTES + 1] = "", again[JOB_HEAD_BYTES + 1];
	struct job_head head;
	size_t left = file.len;

	if (!take(&left, JOB_HEAD_BYTES))
		return false;
	memcpy(line, file.ptr, JOB_HEAD_BYTES);
	if (sscanf(line, "listd-job-1 %8zx %16zx %8zx %16" SCNx64, &head.json_bytes, &head.own_bytes, &head.post_bytes, &head.sum) != 4)
		return false;
	*head_r = head;
	return take(&left, head.json_bytes) && take(&left, head.own_bytes) && take(&left, head.post_bytes)
		&& snprintf(again, sizeof(again), JOB_HEAD_FORMAT, head.json_bytes, head.own_bytes, head.post_bytes, head.sum) == JOB_HEAD_BYTES
		&& memcmp(line, again, JOB_HEAD_BYTES) == 0;
}

static bool read_end(struct span end, size_t *count_r, uint64_t *sum_r)
{
	char line[JOB_RCPTS_END_BYTES + 1] = "", again[JOB_RCPTS_END_BYTES + 1];

	memcpy(line, end.ptr, JOB_RCPTS_END_BYTES);
	if (sscanf(line, "#%10zu %16" SCNx64, count_r, sum_r) != 2 || *count_r > JOB_RCPTS_MAX)
		return false;
	return snprintf(again, sizeof(again), "#%010zu %016" PRIx64 "\n", *count_r, *sum_r) == JOB_RCPTS_END_BYTES && memcmp(line, again, JOB_RCPTS_END_BYTES) == 0;
}

static int read_forms(struct job *job, const struct job_head *head, struct fail *why)
{
	struct span text = span_sub(job->view.bytes, JOB_HEAD_BYTES, head->json_bytes + head->own_bytes + head->post_bytes);
	struct spool_sum sum;
	json_error_t error;
	json_t *object;
	int result;

	spool_sum_init(&sum);
	spool_sum_add(&sum, text);
	if (spool_sum_end(&sum) != head->sum)
		return fail_permanent(why, "the checksum of its forms differs");
	object = json_loadb(text.ptr, head->json_bytes, JSON_REJECT_DUPLICATES, &error);
	result = json_is_object(object) ? read_object(job, object, span_sub(text, head->json_bytes, head->own_bytes), why)
		: fail_permanent(why, "its forms cannot be read: %s", error.text);
	json_decref(object);
	return result;
}

/* Take one line of the recipients off the front. */
static bool next_rcpt(struct span *rest, const char *file, struct job_rcpt *rcpt_r)
{
	size_t len = span_find_byte(*rest, '\n'), i = 2;
	const char *line = rest->ptr;
	unsigned form = 0;

	if (len == rest->len || len < 6 || line[len - 1] != '\0' || memchr(".DF", line[0], 3) == NULL || line[1] != ' ')
		return false;
	for (; line[i] >= '0' && line[i] <= '9' && i < 8; i++)
		form = form * 10 + (unsigned)(line[i] - '0');
	if (line[i] != ' ' || i == 2)
		return false;
	rcpt_r->state = (enum job_state)line[0];
	rcpt_r->form = form;
	rcpt_r->address = line + i + 1;
	rcpt_r->offset = (size_t)(line - file);
	*rest = span_sub(*rest, len + 1, rest->len);
	return strlen(rcpt_r->address) == len - i - 2 && rcpt_r->address[0] != '\0';
}

/* First walk: check every line, count recipients of each form. */
static int check_lines(struct job *job, struct span lines, size_t *form_counts, size_t want_count, uint64_t want_sum, struct fail *why)
{
	const char *file = lines.ptr;
	struct spool_sum sum;
	size_t count = 0;

	spool_sum_init(&sum);
	for (struct span before = lines; lines.len > 0; before = lines, count++) {
		struct job_rcpt rcpt;

		if (!next_rcpt(&lines, file, &rcpt) || rcpt.form >= job->form_count)
			return fail_permanent(why, "line %zu of its recipients is damaged", count + 1);
		form_counts[rcpt.form]++;
		job->todo_count += rcpt.state == JOB_TODO;
		/* without the state, and without the two octets at the end */
		spool_sum_add(&sum, (struct span){ before.ptr + 1, (size_t)(lines.ptr - before.ptr) - 3 });
	}
	if (count != want_count || spool_sum_end(&sum) != want_sum)
		return fail_permanent(why, "count or checksum of its recipients differs");
	return 0;
}

/* A state is set in the copy and written from there. */
static int copy_lines(struct job *job, size_t lines_at, struct fail *why)
{
	size_t bytes = job->view.bytes.len - lines_at;

	if (bytes < JOB_RCPTS_END_BYTES)
		return fail_permanent(why, "its recipients are missing");
	job->lines_at = lines_at;
	job->lines_bytes = bytes - JOB_RCPTS_END_BYTES;
	job->lines = malloc(bytes);
	if (job->lines == NULL)
		fail_environment("out of memory");
	return file_read_at(job->fd, job->lines, bytes, lines_at) == 0 ? 0 : fail_temporary(why, "cannot read it: %s", strerror(errno));
}

static int read_rcpts(struct job *job, struct fail *why)
{
	struct span lines = { job->lines, job->lines_bytes };
	size_t *at = arena_array(job->arena, job->form_count + 1, sizeof(*at));
	size_t want_count, from = 0;
	uint64_t want_sum;

	if (!read_end((struct span){ job->lines + job->lines_bytes, JOB_RCPTS_END_BYTES }, &want_count, &want_sum))
		return fail_permanent(why, "it has no end line");
	if (check_lines(job, lines, at, want_count, want_sum, why) != 0)
		return -1;
	for (size_t i = 0; i < job->form_count; i++) {
		size_t count = at[i];

		at[i] = from;
		from += count;
	}
	job->rcpt_count = want_count;
	job->rcpts = arena_array(job->arena, want_count, sizeof(job->rcpts[0]));
	while (lines.len > 0) {
		struct job_rcpt rcpt;

		next_rcpt(&lines, job->lines, &rcpt);
		job->rcpts[at[rcpt.form]++] = rcpt;
	}
	return 0;
}

int job_parse(struct job *job, const struct job_head *head, struct fail *why)
{
	size_t post_at = JOB_HEAD_BYTES + head->json_bytes + head->own_bytes;

	if (head->post_bytes > 0)
		job->post.bytes = span_sub(job->view.bytes, post_at, head->post_bytes);
	if (read_forms(job, head, why) != 0 || copy_lines(job, post_at + head->post_bytes, why) != 0)
		return -1;
	return read_rcpts(job, why);
}
