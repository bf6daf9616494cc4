/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/spool/job_int.h"
#include "mail/clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Recipients are gathered to writes of this size. */
#define LINES_BYTES ((size_t)64 << 10)
/* Twice what RFC 5321 4.5.3.1.3 lets an address have. */
#define ADDRESS_ROOM_BYTES 512
#define LINE_MAX_BYTES (ADDRESS_ROOM_BYTES + 16)
/* JSON of the slices: form.h allows 4096 edits a form. */
#define JSON_MAX_BYTES ((size_t)64 << 20)

struct job_writer {
	struct spool *spool;
	char id[SPOOL_NAME_MAX_CHARS + 1], tmp_name[JOB_NAME_MAX_BYTES];
	int fd;
	bool is_renamed; /* it is a job now, whatever comes after */
	size_t form_count, rcpt_count;
	struct buf lines;
	struct spool_sum sum;
};

static bool exists_at(int dir_fd, const char *name, const char *suffix)
{
	char path[JOB_NAME_MAX_BYTES];

	job_name(path, name, suffix);
	return faccessat(dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* An address goes into an SMTP command: control characters would make two of it. */
static bool address_is_safe(const char *address, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)address[i] < 0x20 || address[i] == 0x7f)
			return false;
	return len > 0 && len <= ADDRESS_ROOM_BYTES;
}

/* The id of a job is that of its post and a number, so that the done mark can tell which post it is about. */
static int check_ids(const struct job_request *request, struct fail *why)
{
	size_t len = strlen(request->post_id);

	if (!spool_name_is_safe(request->id) || !spool_name_is_safe(request->post_id) || (request->source_id != NULL && !spool_name_is_safe(request->source_id)))
		return fail_permanent(why, "not an id: %s", request->id);
	if (strncmp(request->id, request->post_id, len) != 0 || request->id[len] != '-' || strchr(request->id + len + 1, '-') != NULL)
		return fail_permanent(why, "job %s is not named after its post %s", request->id, request->post_id);
	if (request->sender == JOB_SENDER_FIXED && request->fixed_sender[0] != '\0' && !address_is_safe(request->fixed_sender, strlen(request->fixed_sender)))
		return fail_permanent(why, "job %s: its sender is no address", request->id);
	if (request->form_count < 1 || request->form_count > JOB_FORMS_MAX)
		return fail_permanent(why, "job %s has %zu forms", request->id, request->form_count);
	return 0;
}

static int link_post(struct job_writer *w, const char *post_id, const char *source_id, struct fail *why)
{
	const struct spool *spool = w->spool;
	char post[JOB_NAME_MAX_BYTES], source[JOB_NAME_MAX_BYTES];

	job_name(post, w->id, JOB_POST_SUFFIX);
	job_name(source, source_id == NULL ? post_id : source_id, JOB_POST_SUFFIX);
	unlinkat(spool->out_fd, post, 0); /* of an earlier attempt that was cut off */
	if (source_id != NULL && (linkat(spool->out_fd, source, spool->out_fd, post, 0) == 0 || linkat(spool->kept_fd, source, spool->out_fd, post, 0) == 0))
		return 0;
	if (linkat(spool->in_fd, post_id, spool->out_fd, post, 0) == 0 || linkat(spool->held_fd, post_id, spool->out_fd, post, 0) == 0
		|| linkat(spool->out_fd, source, spool->out_fd, post, 0) == 0)
		return 0;
	return spool_fail_errno(why, "cannot link the post ", post_id);
}

static int open_file(struct job_writer *w, struct fail *why)
{
	w->fd = openat(w->spool->out_fd, w->tmp_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return w->fd < 0 ? spool_fail_errno(why, "cannot create out/", w->tmp_name) : 0;
}

static bool points_into(struct span whole, const struct iovec *slice)
{
	uintptr_t from = (uintptr_t)whole.ptr, at = (uintptr_t)slice->iov_base;

	return at >= from && slice->iov_len <= whole.len && at - from <= whole.len - slice->iov_len;
}

/* The slices of a form as JSON; those that are not of the post are noted in own. */
static json_t *form_json(const struct job_form *form, struct span post, struct iovec *own, size_t *own_count, uint64_t *own_bytes)
{
	json_t *slices = json_array();

	for (size_t i = 0; i < form->rendering.count; i++) {
		const struct iovec *slice = &form->rendering.slices[i];
		bool of_post = points_into(post, slice);

		if (slice->iov_len == 0)
			continue;
		json_array_append_new(slices, json_integer(of_post ? 0 : 1));
		json_array_append_new(slices, json_integer(of_post ? (json_int_t)((const char *)slice->iov_base - post.ptr) : (json_int_t)*own_bytes));
		json_array_append_new(slices, json_integer((json_int_t)slice->iov_len));
		if (!of_post) {
			own[(*own_count)++] = *slice;
			*own_bytes += slice->iov_len;
		}
	}
	return json_pack("{s:s, s:b, s:b, s:o}", "name", form->name, "8bit", form->needs_8bit, "utf8", form->needs_utf8, "slices", slices);
}

static json_t *forms_json(const struct job_request *request, struct span post, struct iovec *own, size_t *own_count)
{
	json_t *forms = json_array();
	uint64_t own_bytes = 0;

	for (size_t i = 0; i < request->form_count; i++)
		if (json_array_append_new(forms, form_json(&request->forms[i], post, own, own_count, &own_bytes)) != 0) {
			json_decref(forms);
			return NULL;
		}
	return json_pack("{s:s, s:s, s:I, s:b, s:s, s:I, s:o}", "list", request->list, "notes", request->notes == NULL ? "" : request->notes,
		"created", (json_int_t)(request->created_secs == 0 ? clock_now(NULL) : request->created_secs),
		"fixed", request->sender == JOB_SENDER_FIXED, "sender", request->fixed_sender == NULL ? "" : request->fixed_sender,
		"post_bytes", (json_int_t)post.len, "forms", forms);
}

static int dump_piece(const char *bytes, size_t len, void *out)
{
	buf_put(out, (struct span){ bytes, len });
	return 0;
}

/* iov: room for head and JSON in front of the own slices, and for the post and its trailer behind. */
static int put_forms(struct job_writer *w, const struct buf *json, const struct iovec *post, struct iovec *iov, size_t count, struct fail *why)
{
	char line[JOB_HEAD_BYTES + 1];
	struct job_head head = { .json_bytes = json->len, .post_bytes = post[0].iov_len + post[1].iov_len };
	struct spool_sum sum;
	int len;

	iov[1] = (struct iovec){ json->ptr, json->len };
	memcpy(iov + count, post, 2 * sizeof(*post));
	spool_sum_init(&sum);
	for (size_t i = 1; i < count + 2; i++) {
		spool_sum_add(&sum, (struct span){ iov[i].iov_base, iov[i].iov_len });
		head.own_bytes += i > 1 && i < count ? iov[i].iov_len : 0;
	}
	len = snprintf(line, sizeof(line), JOB_HEAD_FORMAT, head.json_bytes, head.own_bytes, head.post_bytes, spool_sum_end(&sum));
	assert(len == JOB_HEAD_BYTES);
	iov[0] = (struct iovec){ line, JOB_HEAD_BYTES };
	return file_write_all(w->fd, iov, count + 2) == 0 ? 0 : spool_fail_errno(why, "cannot write the forms of out/", w->tmp_name);
}

/* post: it and its trailer, where they are to stand in the job's own file. */
static int write_forms(struct job_writer *w, const struct job_request *request, struct span message, const struct iovec *post, struct fail *why)
{
	size_t slices = 4, own_count = 0;
	struct iovec *iov;
	struct buf json;
	json_t *object;
	int result = -1;

	for (size_t i = 0; i < request->form_count; i++)
		slices += request->forms[i].rendering.count;
	iov = calloc(slices, sizeof(*iov));
	if (iov == NULL)
		fail_environment("out of memory");
	buf_init(&json, JSON_MAX_BYTES);
	object = forms_json(request, message, iov + 2, &own_count);
	if (object == NULL || json_dump_callback(object, dump_piece, &json, JSON_COMPACT) != 0 || buf_overflowed(&json))
		fail_permanent(why, "the forms of %s cannot be written: a name is not UTF-8, or they have too many slices", w->id);
	else
		result = put_forms(w, &json, post, iov, own_count + 2, why);
	json_decref(object);
	buf_done(&json);
	free(iov);
	return result;
}

/* What the job needs of its post: a small one in its own file, a larger one as a link beside it. */
static int write_content(struct job_writer *w, const struct job_request *request, struct span message, struct fail *why)
{
	struct iovec post[2] = { { NULL, 0 }, { NULL, 0 } };
	struct buf trailer;
	int result;

	if (message.len > SPOOL_SMALL_BYTES)
		return link_post(w, request->post_id, request->source_id, why) == 0 ? write_forms(w, request, message, post, why) : -1;
	buf_init(&trailer, SPOOL_ENVELOPE_MAX_BYTES + SPOOL_FOOTER_BYTES);
	result = spool_trailer_make(message, request->envelope, &trailer, why);
	/* One for hundreds of lists has an envelope that hundreds of jobs should not copy. */
	if (result == 0 && trailer.len > SPOOL_SMALL_BYTES && link_post(w, request->post_id, request->source_id, why) == 0) {
		result = write_forms(w, request, message, post, why);
	} else if (result == 0) {
		post[0] = (struct iovec){ (void *)(uintptr_t)message.ptr, message.len };
		post[1] = (struct iovec){ trailer.ptr, trailer.len };
		result = write_forms(w, request, message, post, why);
	}
	buf_done(&trailer);
	return result;
}

int job_begin(struct spool *spool, const struct job_request *request, struct span post_bytes, struct job_writer **writer_r, struct fail *why)
{
	struct job_writer *w;

	if (check_ids(request, why) != 0)
		return -1;
	if (exists_at(spool->out_fd, request->id, "") || exists_at(spool->out_fd, request->id, ".done") || exists_at(spool->kept_fd, request->id, ""))
		return 1;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		fail_environment("out of memory");
	w->spool = spool;
	w->fd = -1;
	w->form_count = request->form_count;
	snprintf(w->id, sizeof(w->id), "%s", request->id);
	job_name(w->tmp_name, request->id, ".tmp");
	buf_init(&w->lines, LINES_BYTES);
	spool_sum_init(&w->sum);
	if (open_file(w, why) != 0 || write_content(w, request, post_bytes, why) != 0) {
		job_abort(w);
		return -1;
	}
	*writer_r = w;
	return 0;
}

static int flush_lines(struct job_writer *w, struct fail *why)
{
	struct iovec iov = { w->lines.ptr, w->lines.len };

	if (file_write_all(w->fd, &iov, 1) != 0)
		return spool_fail_errno(why, "cannot write the recipients of out/", w->tmp_name);
	buf_reset(&w->lines);
	return 0;
}

/* ". 12 " into head, at most 13 octets; the length. By hand, since it is done for each of 100,000 recipients. */
static size_t put_head(char *head, unsigned form)
{
	char digits[10];
	size_t count = 0, len = 2;

	do
		digits[count++] = (char)('0' + form % 10);
	while ((form /= 10) > 0);
	memcpy(head, ". ", 2);
	while (count > 0)
		head[len++] = digits[--count];
	head[len++] = ' ';
	return len;
}

int job_add(struct job_writer *w, unsigned form, const char *address, struct fail *why)
{
	size_t len = strlen(address), head_len;
	char *line;

	if (form >= w->form_count || !address_is_safe(address, len) || w->rcpt_count == JOB_RCPTS_MAX)
		return fail_permanent(why, "job %s: form %u, recipient number %zu cannot be added", w->id, form, w->rcpt_count + 1);
	if (w->lines.len + LINE_MAX_BYTES > LINES_BYTES && flush_lines(w, why) != 0)
		return -1;
	line = buf_room(&w->lines, LINE_MAX_BYTES);
	assert(line != NULL);
	head_len = put_head(line, form);
	memcpy(line + head_len, address, len);
	memcpy(line + head_len + len, "\0\n", 2);
	/* without the state, and without the two octets at the end */
	spool_sum_add(&w->sum, (struct span){ line + 1, head_len - 1 + len });
	w->lines.len += head_len + len + 2;
	w->rcpt_count++;
	return 0;
}

static void free_writer(struct job_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	buf_done(&w->lines);
	free(w);
}

static int write_end(struct job_writer *w, struct fail *why)
{
	char end[JOB_RCPTS_END_BYTES + 1];
	int len = snprintf(end, sizeof(end), "#%010zu %016" PRIx64 "\n", w->rcpt_count, spool_sum_end(&w->sum));

	assert(len == JOB_RCPTS_END_BYTES);
	if (w->lines.len + JOB_RCPTS_END_BYTES > LINES_BYTES && flush_lines(w, why) != 0)
		return -1;
	buf_put(&w->lines, (struct span){ end, JOB_RCPTS_END_BYTES });
	return flush_lines(w, why);
}

int job_seal(struct job_writer *w, struct fail *why)
{
	int result = w->rcpt_count == 0 ? 1 : write_end(w, why);

	if (result == 0)
		buf_done(&w->lines);
	else
		job_abort(w);
	return result;
}

const char *job_writer_id(const struct job_writer *w)
{
	return w->id;
}

static int publish(struct job_writer *w, struct fail *why)
{
	int out = w->spool->out_fd;

	if (fdatasync(w->fd) != 0)
		return spool_fail_errno(why, "cannot sync out/", w->tmp_name);
	if (renameat(out, w->tmp_name, out, w->id) != 0)
		return spool_fail_errno(why, "cannot rename to out/", w->id);
	w->is_renamed = true;
	return 0;
}

int job_publish(struct spool *spool, struct job_writer *const *writers, size_t count, struct fail *why)
{
	int result = 0;

	/* Of all before the first is waited for: a journalling file system then commits once for all. */
	for (size_t i = 0; i < count; i++)
		sync_file_range(writers[i]->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = publish(writers[i], why);
	/* A failure leaves whole jobs behind, whose recipients get the post; the route runs again and finds them. */
	if (result == 0 && fsync(spool->out_fd) != 0)
		result = spool_fail_errno(why, "cannot sync ", "out");
	for (size_t i = 0; i < count; i++) {
		if (result == 0)
			free_writer(writers[i]);
		else
			job_abort(writers[i]);
	}
	return result;
}

int job_commit(struct job_writer *w, struct fail *why)
{
	int sealed = job_seal(w, why);

	if (sealed != 0)
		return sealed > 0 ? 0 : -1;
	return job_publish(w->spool, &w, 1, why);
}

void job_abort(struct job_writer *w)
{
	if (w == NULL)
		return;
	if (!w->is_renamed) {
		unlinkat(w->spool->out_fd, w->tmp_name, 0);
		job_unlink_beside(w->spool->out_fd, w->id);
	}
	free_writer(w);
}
