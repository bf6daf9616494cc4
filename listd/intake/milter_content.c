/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/intake/milter_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void milter_content_init(struct milter_content *content)
{
	*content = (struct milter_content){ .fd = -1 };
	buf_init(&content->bytes, MILTER_MEMORY_BYTES);
}

void milter_content_done(struct milter_content *content)
{
	if (content->map != NULL)
		munmap(content->map, content->map_len);
	if (content->fd >= 0)
		close(content->fd);
	buf_done(&content->bytes);
	*content = (struct milter_content){ .fd = -1 };
}

static void note_trouble(struct milter_content *content, const char *what)
{
	content->has_trouble = true;
	if (errno == ENOSPC || errno == EDQUOT)
		reply_fail(&content->trouble, REPLY_NO_SPACE);
	else
		reply_fail(&content->trouble, REPLY_STORE_TROUBLE, what);
}

/* A file without a name: whatever happens, nothing is left of it. */
static void open_file(struct milter_content *content, const char *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/message-XXXXXX", dir);
	content->fd = mkostemp(path, O_CLOEXEC);
	if (content->fd < 0)
		note_trouble(content, "a long message cannot be kept");
	else
		unlink(path);
}

static void write_out(struct milter_content *content, struct span bytes)
{
	struct iovec iov[2] = { { content->bytes.ptr, content->bytes.len }, { (void *)(uintptr_t)bytes.ptr, bytes.len } };

	content->file_bytes += content->bytes.len + bytes.len;
	if (file_write_all(content->fd, iov, 2) != 0)
		note_trouble(content, "a long message cannot be kept");
	buf_reset(&content->bytes);
}

void milter_content_add(struct milter_content *content, const char *dir, struct span bytes)
{
	if (content->is_too_big || content->has_trouble || bytes.len == 0)
		return;
	if (content->file_bytes + content->bytes.len + bytes.len > MILTER_MESSAGE_MAX_BYTES) {
		content->is_too_big = true;
		return;
	}
	if (content->bytes.len + bytes.len <= MILTER_MEMORY_BYTES) {
		buf_put(&content->bytes, bytes);
		return;
	}
	if (content->fd < 0)
		open_file(content, dir);
	if (!content->has_trouble)
		write_out(content, bytes);
}

int milter_content_view(struct milter_content *content, struct span *bytes_r, struct fail *why)
{
	if (content->fd >= 0 && content->bytes.len > 0 && !content->has_trouble)
		write_out(content, (struct span){ NULL, 0 });
	if (content->has_trouble) {
		*why = content->trouble;
		return -1;
	}
	if (content->is_too_big) {
		char text[24];

		snprintf(text, sizeof(text), "%llu", (unsigned long long)MILTER_MESSAGE_MAX_BYTES);
		return reply_fail(why, REPLY_TOO_BIG, text, "this server");
	}
	if (content->fd < 0) {
		*bytes_r = buf_span(&content->bytes);
		return 0;
	}
	content->map_len = (size_t)content->file_bytes;
	content->map = mmap(NULL, content->map_len, PROT_READ, MAP_PRIVATE, content->fd, 0);
	if (content->map == MAP_FAILED) {
		content->map = NULL;
		return reply_fail(why, REPLY_STORE_TROUBLE, "a long message cannot be looked at");
	}
	*bytes_r = (struct span){ content->map, content->map_len };
	return 0;
}
