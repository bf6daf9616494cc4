/* SPDX-License-Identifier: BSD-2-Clause */
#include "listd/store/record.h"

#include <string.h>

void record_begin(struct buf *out, uint8_t version)
{
	buf_reset(out);
	buf_put_byte(out, (char)version);
}

void record_put_number(struct buf *out, uint64_t number)
{
	while (number >= 0x80) {
		buf_put_byte(out, (char)(0x80 | (number & 0x7f)));
		number >>= 7;
	}
	buf_put_byte(out, (char)number);
}

void record_put_signed(struct buf *out, int64_t number)
{
	record_put_number(out, number < 0 ? ~((uint64_t)number << 1) : (uint64_t)number << 1);
}

void record_put_text(struct buf *out, const char *text)
{
	struct span span = span_of(text == NULL ? "" : text);

	record_put_number(out, span.len);
	buf_put(out, span);
	buf_put_byte(out, '\0');
}

void record_put_cut(struct buf *out, const char *text, size_t max)
{
	struct span cut = span_sub(span_of(text == NULL ? "" : text), 0, max);

	while (cut.len == max && cut.len > 0 && ((unsigned char)text[cut.len] & 0xc0) == 0x80)
		cut.len--;
	record_put_number(out, cut.len);
	buf_put(out, cut);
	buf_put_byte(out, '\0');
}

void record_put_id(struct buf *out, uint32_t id)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_put_byte(out, (char)(id >> shift));
}

struct record record_open(struct span bytes, uint8_t version_max)
{
	struct record record = { .at = (const uint8_t *)bytes.ptr, .end = (const uint8_t *)bytes.ptr + bytes.len };

	if (bytes.len == 0 || record.at[0] == 0 || record.at[0] > version_max)
		record.bad = true;
	else
		record.version = *record.at++;
	return record;
}

uint64_t record_number(struct record *record)
{
	uint64_t number = 0;

	for (unsigned shift = 0; !record->bad && record->at < record->end && shift < 64; shift += 7) {
		uint8_t octet = *record->at++;

		/* The tenth octet has room for one bit only. */
		if (shift == 63 && octet > 1)
			break;
		number |= (uint64_t)(octet & 0x7f) << shift;
		if (octet < 0x80)
			return number;
	}
	record->bad = true;
	return 0;
}

int64_t record_signed(struct record *record)
{
	uint64_t number = record_number(record);

	return (int64_t)(number & 1 ? ~(number >> 1) : number >> 1);
}

const char *record_text(struct record *record)
{
	uint64_t len = record_number(record);
	const char *text = (const char *)record->at;

	if (record->bad || len >= (uint64_t)(record->end - record->at) || text[len] != '\0') {
		record->bad = true;
		return "";
	}
	record->at += len + 1;
	return text;
}

uint32_t record_id(struct record *record)
{
	uint32_t id = 0;

	if (record->bad || record->end - record->at < 4) {
		record->bad = true;
		return 0;
	}
	for (int i = 0; i < 4; i++)
		id = id << 8 | *record->at++;
	return id;
}
