/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of a job as a disk may give it back. The checksums would keep most inputs out, so they are also made to fit: the input is cut into JSON, own bytes, a post and
 * the lines of recipients, at the places its first three octets tell. */
#include "listd/spool/job_int.h"
#include "mail/file.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* As it is kept in a file, which states are read from again. */
static void read_job(struct span file)
{
	struct job *job = job_new("abc-1");
	struct iovec iov = { (void *)(uintptr_t)file.ptr, file.len };
	struct job_head head;
	struct fail why;

	job->fd = memfd_create("job", MFD_CLOEXEC);
	assert(job->fd >= 0 && file_write_all(job->fd, &iov, 1) == 0);
	if (file_map_fd(job->fd, "job", SIZE_MAX, &job->view, &why) == 0 && job_read_head(job->view.bytes, &head) && job_parse(job, &head, &why) == 0) {
		for (size_t i = 0; i < job->rcpt_count; i++)
			assert(job->rcpts[i].form < job->form_count && job->rcpts[i].address[0] != '\0' && (i == 0 || job->rcpts[i - 1].form <= job->rcpts[i].form));
		for (size_t i = 0; i < job->form_count; i++)
			for (size_t k = 0; k < job->forms[i].rendering.count; k++) {
				const struct iovec *slice = &job->forms[i].rendering.slices[k];
				const char *bytes = slice->iov_base;

				assert(slice->iov_len == 0 || memchr(bytes, bytes[slice->iov_len - 1], slice->iov_len) != NULL);
			}
	}
	job_close(job);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sum_of(struct span bytes)
{
	struct spool_sum sum;

	spool_sum_init(&sum);
	spool_sum_add(&sum, bytes);
	return spool_sum_end(&sum);
}

/* Sums leave the states and the two octets at the end of each line out. */
static void put_end(struct buf *file, struct span lines)
{
	struct spool_sum sum;
	size_t count = 0;

	spool_sum_init(&sum);
	for (size_t len; lines.len > 0; lines = span_sub(lines, len + 1, SIZE_MAX), count++) {
		len = span_find_byte(lines, '\n');
		spool_sum_add(&sum, span_sub(lines, 1, len > 2 ? len - 2 : 0));
	}
	buf_printf(file, "#%010zu %016" PRIx64 "\n", count, spool_sum_end(&sum));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = { (const char *)data, size }, text, lines;
	size_t at[3];
	struct buf file;

	read_job(input);
	if (size < 3)
		return 0;
	input = span_sub(input, 3, SIZE_MAX);
	at[0] = data[0] * input.len / 255;
	at[1] = data[1] * (input.len - at[0]) / 255;
	at[2] = data[2] * (input.len - at[0] - at[1]) / 255;
	text = span_sub(input, 0, at[0] + at[1] + at[2]);
	lines = span_sub(input, text.len, SIZE_MAX);
	buf_init(&file, 1 << 20);
	buf_printf(&file, JOB_HEAD_FORMAT, at[0], at[1], at[2], sum_of(text));
	buf_put(&file, text);
	buf_put(&file, lines);
	put_end(&file, lines);
	read_job(buf_span(&file));
	buf_done(&file);
	return 0;
}
