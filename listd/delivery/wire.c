/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/delivery/wire.h"

#include "mail/file.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Slices smaller than this are not worth a system call, and put bytes may stand in one page with others. */
#define DROP_MIN_BYTES ((size_t)64 << 10)
_Static_assert(DROP_MIN_BYTES > FILE_COPY_MAX_BYTES, "what is not mapped must not be dropped");

void wire_start(struct wire_cursor *cursor, const struct wire *wire)
{
	*cursor = (struct wire_cursor){ .wire = wire, .at_line_start = true };
}

/* From offset i on: up to where a dot must be put in, or the end. Sets what is known there. */
static size_t scan_run(struct wire_cursor *c, const char *bytes, size_t i, size_t end)
{
	while (i < end) {
		const char *lf, *cr;

		if (c->after_cr) {
			if (bytes[i] != '\n') {
				c->fault = "a bare CR";
				return end;
			}
			c->after_cr = false;
			c->at_line_start = true;
			if (++i < end && bytes[i] == '.')
				return i;
			continue;
		}
		c->at_line_start = false;
		lf = memchr(bytes + i, '\n', end - i);
		cr = memchr(bytes + i, '\r', lf == NULL ? end - i : (size_t)(lf - bytes) - i);
		if (cr == NULL && lf != NULL) {
			c->fault = "a bare LF";
			return end;
		}
		c->after_cr = cr != NULL;
		i = cr == NULL ? end : (size_t)(cr - bytes) + 1;
	}
	return end;
}

static void put(struct iovec *iov, size_t *count, const char *bytes, size_t len)
{
	iov[(*count)++] = (struct iovec){ (void *)(uintptr_t)bytes, len };
}

static void put_tail(struct wire_cursor *c, struct iovec *iov, size_t *count)
{
	if (c->after_cr)
		c->fault = "a bare CR";
	if (c->at_line_start)
		put(iov, count, ".\r\n", 3);
	else
		put(iov, count, "\r\n.\r\n", 5);
	c->tail_done = true;
}

/* The slices made from the form's own. */
static size_t make_slices(struct wire_cursor *c, struct iovec *iov, size_t max)
{
	const struct rendering *r = c->wire->rendering;
	size_t count = 0, bytes = 0;

	while (count + 2 < max && bytes < WIRE_WINDOW_BYTES && c->slice < r->count) {
		const char *base = r->slices[c->slice].iov_base;
		size_t len = r->slices[c->slice].iov_len, from = c->offset, end;

		if (from == len) {
			c->slice++;
			c->offset = 0;
			continue;
		}
		if (c->at_line_start && base[from] == '.')
			put(iov, &count, ".", 1);
		c->at_line_start = c->at_line_start && base[from] != '.';
		end = scan_run(c, base, from, len - from > WIRE_WINDOW_BYTES ? from + WIRE_WINDOW_BYTES : len);
		put(iov, &count, base + from, end - from);
		bytes += end - from;
		c->offset = end;
	}
	if (c->slice == r->count && !c->tail_done && count < max)
		put_tail(c, iov, &count);
	return count;
}

/* The same from the table; a slice may be given in parts. */
static size_t copy_slices(struct wire_cursor *c, struct iovec *iov, size_t max)
{
	size_t count = 0, bytes = 0;

	while (count < max && bytes < WIRE_WINDOW_BYTES && c->slice < c->wire->count) {
		const struct iovec *slice = &c->wire->slices[c->slice];
		size_t rest = slice->iov_len - c->offset, some = rest < WIRE_WINDOW_BYTES ? rest : WIRE_WINDOW_BYTES;

		put(iov, &count, (const char *)slice->iov_base + c->offset, some);
		bytes += some;
		c->offset += some;
		if (some == rest) {
			c->slice++;
			c->offset = 0;
		}
	}
	return count;
}

size_t wire_next(struct wire_cursor *cursor, struct iovec *iov, size_t max)
{
	return cursor->wire->slices != NULL ? copy_slices(cursor, iov, max) : make_slices(cursor, iov, max);
}

bool wire_is_done(const struct wire_cursor *cursor)
{
	return cursor->wire->slices != NULL ? cursor->slice == cursor->wire->count : cursor->tail_done;
}

bool wire_is_large(const struct wire *wire)
{
	return wire->is_mapped && wire->rendering->total_bytes > 2 * WIRE_WINDOW_BYTES;
}

void wire_drop_pages(const struct iovec *iov, size_t count)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < count; i++) {
		uintptr_t from = ((uintptr_t)iov[i].iov_base + page - 1) / page * page, to = ((uintptr_t)iov[i].iov_base + iov[i].iov_len) / page * page;

		if (iov[i].iov_len >= DROP_MIN_BYTES && to > from)
			madvise((void *)from, to - from, MADV_DONTNEED);
	}
}

/* Runs over the whole form once: to find faults, and to keep the slices where they are few. */
void wire_prepare(struct arena *a, const struct rendering *rendering, bool is_mapped, struct wire *wire_r)
{
	struct wire wire = { .rendering = rendering, .is_mapped = is_mapped };
	struct wire_cursor cursor;
	struct iovec some[256];
	size_t count, total = 0;

	wire_start(&cursor, &wire);
	while ((count = wire_next(&cursor, some, 256)) > 0) {
		total += count;
		if (wire_is_large(&wire))
			wire_drop_pages(some, count);
	}
	wire.fault = cursor.fault;
	if (wire.fault == NULL && total <= WIRE_SLICES_MAX) {
		struct iovec *slices = arena_array(a, total, sizeof(*slices));

		wire_start(&cursor, &wire);
		for (size_t at = 0; (count = wire_next(&cursor, some, 256)) > 0; at += count)
			memcpy(slices + at, some, count * sizeof(*slices));
		if (wire_is_large(&wire))
			wire_drop_pages(slices, total);
		wire.slices = slices;
		wire.count = total;
	}
	*wire_r = wire;
}
